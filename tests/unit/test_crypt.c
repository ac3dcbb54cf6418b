/* Encodings, digests, the key file, sealed values and search hashes. */
#include "unit.h"

#include <apr_file_io.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "base/crypt.h"

/* 32 bytes of 0x01, 0x02, 0x03 */
#define KEY_ONE "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
#define KEY_TWO "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="
#define KEY_THREE "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="

static const char *write_key_file(const char *text, apr_size_t len, apr_fileperms_t mode, apr_pool_t *pool)
{
    const char *folder;
    apr_file_t *file;
    char *path;

    assert_int_equal(apr_temp_dir_get(&folder, pool), APR_SUCCESS);
    path = apr_pstrcat(pool, folder, "/ra-test-keys-XXXXXX", NULL);
    assert_int_equal(apr_file_mktemp(&file, path, APR_READ | APR_WRITE | APR_CREATE | APR_EXCL, pool), APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, text, len, NULL), APR_SUCCESS);
    apr_file_close(file);
    assert_int_equal(apr_file_perms_set(path, mode), APR_SUCCESS);
    return path;
}

static apr_status_t load_bytes(ra_keyring_t **pring, const char *text, apr_size_t len, apr_fileperms_t mode,
                               const char **perror, apr_pool_t *pool)
{
    const char *path = write_key_file(text, len, mode, pool);
    apr_status_t status = ra_keyring_load(pring, path, perror, pool);

    apr_file_remove(path, pool);
    return status;
}

static ra_keyring_t *ring_of(const char *text, apr_pool_t *pool)
{
    ra_keyring_t *ring;
    const char *error;

    assert_int_equal(load_bytes(&ring, text, strlen(text), APR_FPROT_UREAD | APR_FPROT_GREAD, &error, pool),
                     APR_SUCCESS);
    assert_null(error);
    return ring;
}

/* Of a thread's state, its queue of errors is what can be looked at. */
static void test_what_openssl_keeps_for_a_thread_is_given_back(void **state)
{
    unsigned char bytes[4];

    (void)state;
    assert_int_equal(ra_random(bytes, sizeof(bytes)), APR_SUCCESS);
    ERR_raise(ERR_LIB_USER, 1);
    assert_int_not_equal(ERR_peek_error(), 0);
    ra_crypt_thread_end();
    assert_int_equal(ERR_peek_error(), 0);
    assert_int_equal(ra_random(bytes, sizeof(bytes)), APR_SUCCESS);
}

static void test_known_digests(void **state)
{
    unsigned char digest[RA_SHA256_BYTES];

    ra_sha256(digest, "abc", 3);
    assert_string_equal(ra_hex(ra_bytes_of(digest, sizeof(digest)), *state),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    /* RFC 4231, test case 2 */
    ra_hmac_sha256(digest, ra_bytes_text("Jefe"), ra_bytes_text("what do ya want for nothing?"));
    assert_string_equal(ra_hex(ra_bytes_of(digest, sizeof(digest)), *state),
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    ra_hmac_sha256(digest, ra_bytes_text(NULL), ra_bytes_text(""));
    assert_string_equal(ra_hex(ra_bytes_of(digest, sizeof(digest)), *state),
                        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_bytes_compare_by_length_and_content(void **state)
{
    (void)state;
    assert_true(ra_bytes_equal(ra_bytes_text("abc"), ra_bytes_text("abc")));
    assert_false(ra_bytes_equal(ra_bytes_text("abc"), ra_bytes_text("abd")));
    assert_false(ra_bytes_equal(ra_bytes_text("abc"), ra_bytes_text("ab")));
    assert_true(ra_bytes_equal(ra_bytes_text(NULL), ra_bytes_text("")));
}

static void test_hex_goes_both_ways_and_is_strict(void **state)
{
    static const char *const bad[] = {"0", "0g", "g0", "0x", " 00", "00 ", "zz"};
    ra_bytes_t bytes;

    assert_int_equal(ra_hex_decode(&bytes, "00ffAb", *state), APR_SUCCESS);
    assert_string_equal(ra_hex(bytes, *state), "00ffab");
    assert_int_equal(ra_hex_decode(&bytes, "", *state), APR_SUCCESS);
    assert_int_equal(bytes.len, 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(ra_hex_decode(&bytes, bad[i], *state), APR_EINVAL);
    }
}

static void test_base64_of_rfc4648(void **state)
{
    static const char *const cases[][3] = {
        {"", "", ""},
        {"f", "Zg", "Zg=="},
        {"fo", "Zm8", "Zm8="},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg", "Zm9vYg=="},
        {"fooba", "Zm9vYmE", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xFF\xEF\xBE", "_---", "/+++"},
        {"\xFB\xFF", "-_8", "+/8="},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ra_bytes_t plain = ra_bytes_text(cases[i][0]), bytes;
        assert_string_equal(ra_base64url(plain, *state), cases[i][1]);
        assert_int_equal(ra_base64url_decode(&bytes, cases[i][1], *state), APR_SUCCESS);
        assert_true(ra_bytes_equal(bytes, plain));
        assert_int_equal(ra_base64_decode(&bytes, cases[i][2], *state), APR_SUCCESS);
        assert_true(ra_bytes_equal(bytes, plain));
    }
}

static void test_base64_has_one_text_per_value(void **state)
{
    static const char *const bad[] = {
        "Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm8", "Zm9v=", "Z===", "====", "=Zg=", "Zm9v\n", "Zm 9", "Zm-_", "Zg==Zg=="};
    static const char *const bad_url[] = {"Z", "Zh", "Zm9", "Zg==", "Zm+/", "Zm9v Zg", "\xC3\xA9\xC3\xA9"};
    ra_bytes_t bytes;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(ra_base64_decode(&bytes, bad[i], *state), APR_EINVAL);
    }
    for (size_t i = 0; i < sizeof(bad_url) / sizeof(*bad_url); i++) {
        assert_int_equal(ra_base64url_decode(&bytes, bad_url[i], *state), APR_EINVAL);
    }
}

static void test_every_length_survives_the_encodings(void **state)
{
    unsigned char data[70];
    ra_bytes_t bytes;

    assert_int_equal(ra_random(data, sizeof(data)), APR_SUCCESS);
    for (apr_size_t len = 0; len <= sizeof(data); len++) {
        assert_int_equal(ra_base64url_decode(&bytes, ra_base64url(ra_bytes_of(data, len), *state), *state),
                         APR_SUCCESS);
        assert_true(ra_bytes_equal(bytes, ra_bytes_of(data, len)));
        assert_int_equal(ra_hex_decode(&bytes, ra_hex(ra_bytes_of(data, len), *state), *state), APR_SUCCESS);
        assert_true(ra_bytes_equal(bytes, ra_bytes_of(data, len)));
    }
}

static void test_random_bytes_differ(void **state)
{
    unsigned char a[16] = {0}, b[16] = {0};

    (void)state;
    assert_int_equal(ra_random(a, sizeof(a)), APR_SUCCESS);
    assert_int_equal(ra_random(b, sizeof(b)), APR_SUCCESS);
    assert_memory_not_equal(a, b, sizeof(a));
}

static void test_a_key_file_open_to_others_is_refused(void **state)
{
    static const char text[] = "1 " KEY_ONE "\n";
    static const apr_fileperms_t modes[] = {APR_FPROT_WREAD, APR_FPROT_WWRITE, APR_FPROT_WEXECUTE};
    ra_keyring_t *ring;
    const char *error;

    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
        assert_int_equal(load_bytes(&ring, text, sizeof(text) - 1, APR_FPROT_UREAD | modes[i], &error, *state),
                         APR_EACCES);
        assert_non_null(error);
        assert_null(ring);
    }
}

static void test_a_wrong_key_file_is_refused_with_a_reason(void **state)
{
    static const char *const texts[] = {
        "",
        "\n# nothing\n",
        "1\n",
        "0 " KEY_ONE,
        "256 " KEY_ONE,
        "-1 " KEY_ONE,
        "x " KEY_ONE,
        KEY_ONE,
        "1 AQEB",
        "1 " KEY_ONE "x",
        "1 " KEY_ONE "\n1 " KEY_TWO "\n",
        "1 " KEY_ONE " # no comment here",
        "1 " KEY_ONE "\n2\n",
    };
    static const char nul[] = "1 " KEY_ONE "\n\0 2";
    ra_keyring_t *ring;
    const char *error;

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_int_equal(load_bytes(&ring, texts[i], strlen(texts[i]), APR_FPROT_UREAD, &error, *state), APR_EINVAL);
        assert_non_null(error);
        assert_null(strstr(error, "AQEB"));
    }
    assert_int_equal(load_bytes(&ring, nul, sizeof(nul) - 1, APR_FPROT_UREAD, &error, *state), APR_EINVAL);
    assert_true(APR_STATUS_IS_ENOENT(ra_keyring_load(&ring, "/nonexistent/keys", &error, *state)));
    assert_non_null(error);
    assert_int_equal(ra_keyring_load(&ring, "/", &error, *state), APR_EINVAL);
}

static void test_a_sealed_value_opens_only_where_it_was_put(void **state)
{
    ra_keyring_t *ring = ring_of("# keys\r\n  7\t" KEY_ONE "  \r\n", *state);
    ra_bytes_t sealed, again, plain;

    assert_int_equal(ra_seal(&sealed, ring, "person", "people.id_number:1", ra_bytes_text("身份证"), *state),
                     APR_SUCCESS);
    assert_int_equal(sealed.len, 9 + 30);
    assert_int_equal(ra_seal(&again, ring, "person", "people.id_number:1", ra_bytes_text("身份证"), *state),
                     APR_SUCCESS);
    assert_false(ra_bytes_equal(sealed, again));
    assert_int_equal(ra_unseal(&plain, ring, "person", "people.id_number:1", sealed, *state), APR_SUCCESS);
    assert_string_equal((const char *)plain.data, "身份证");
    assert_int_equal(plain.len, 9);
    assert_int_equal(ra_unseal(&plain, ring, "person", "people.id_number:2", sealed, *state), APR_EINVAL);
    assert_int_equal(ra_unseal(&plain, ring, "phone", "people.id_number:1", sealed, *state), APR_EINVAL);
}

static void test_a_sealed_value_with_any_bit_changed_does_not_open(void **state)
{
    ra_keyring_t *ring = ring_of("1 " KEY_ONE "\n2 " KEY_TWO "\n", *state);
    ra_bytes_t sealed, plain;

    assert_int_equal(ra_seal(&sealed, ring, "l", "c", ra_bytes_text("secret"), *state), APR_SUCCESS);
    for (apr_size_t bit = 0; bit < sealed.len * 8; bit++) {
        unsigned char *changed = apr_pmemdup(*state, sealed.data, sealed.len);
        changed[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_int_equal(ra_unseal(&plain, ring, "l", "c", ra_bytes_of(changed, sealed.len), *state), APR_EINVAL);
    }
    for (apr_size_t len = 0; len < sealed.len; len++) {
        assert_int_equal(ra_unseal(&plain, ring, "l", "c", ra_bytes_of(sealed.data, len), *state), APR_EINVAL);
    }
}

static void test_nothing_and_much_can_be_sealed(void **state)
{
    ra_keyring_t *ring = ring_of("1 " KEY_ONE, *state);
    unsigned char *much = apr_pcalloc(*state, 100000);
    ra_bytes_t sealed, plain;

    assert_int_equal(ra_seal(&sealed, ring, "l", "", ra_bytes_text(NULL), *state), APR_SUCCESS);
    assert_int_equal(ra_unseal(&plain, ring, "l", "", sealed, *state), APR_SUCCESS);
    assert_int_equal(plain.len, 0);
    assert_string_equal((const char *)plain.data, "");
    assert_int_equal(ra_seal(&sealed, ring, "l", "", ra_bytes_of(much, 100000), *state), APR_SUCCESS);
    assert_int_equal(ra_unseal(&plain, ring, "l", "", sealed, *state), APR_SUCCESS);
    assert_true(ra_bytes_equal(plain, ra_bytes_of(much, 100000)));
}

static void test_the_first_key_seals_and_all_open(void **state)
{
    ra_keyring_t *before = ring_of("1 " KEY_ONE "\n", *state);
    ra_keyring_t *after = ring_of("2 " KEY_TWO "\n1 " KEY_ONE "\n", *state);
    ra_bytes_t old, new, plain;

    assert_int_equal(ra_seal(&old, before, "l", "c", ra_bytes_text("x"), *state), APR_SUCCESS);
    assert_int_equal(ra_seal(&new, after, "l", "c", ra_bytes_text("x"), *state), APR_SUCCESS);
    assert_int_equal(old.data[1], 1);
    assert_int_equal(new.data[1], 2);
    assert_int_equal(ra_unseal(&plain, after, "l", "c", old, *state), APR_SUCCESS);
    assert_int_equal(ra_unseal(&plain, after, "l", "c", new, *state), APR_SUCCESS);
    assert_int_equal(ra_unseal(&plain, before, "l", "c", new, *state), APR_EINVAL);
}

static void test_search_hashes_outlive_new_keys(void **state)
{
    static const char *const rings[] = {
        "1 " KEY_ONE "\n",
        "2 " KEY_TWO "\n1 " KEY_ONE "\n",
        "1 " KEY_ONE "\n3 " KEY_THREE "\n2 " KEY_TWO "\n",
    };
    unsigned char first[RA_SHA256_BYTES], mac[RA_SHA256_BYTES];

    ra_keyed_hash(first, ring_of(rings[0], *state), "id_number", ra_bytes_text("x"));
    for (size_t i = 1; i < sizeof(rings) / sizeof(*rings); i++) {
        ra_keyed_hash(mac, ring_of(rings[i], *state), "id_number", ra_bytes_text("x"));
        assert_memory_equal(mac, first, sizeof(mac));
    }
    ra_keyed_hash(mac, ring_of("1 " KEY_TWO, *state), "id_number", ra_bytes_text("x"));
    assert_memory_not_equal(mac, first, sizeof(mac));
    ra_keyed_hash(mac, ring_of(rings[0], *state), "phone", ra_bytes_text("x"));
    assert_memory_not_equal(mac, first, sizeof(mac));
}

/* Our two HMACs are the HKDF of RFC 5869: OpenSSL's own derivation gives the same search hash. */
static void test_keys_are_derived_by_hkdf(void **state)
{
    unsigned char ikm[32], key[32], mac[RA_SHA256_BYTES], expected[RA_SHA256_BYTES];
    size_t len = sizeof(key);
    EVP_PKEY_CTX *hkdf = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);

    memset(ikm, 1, sizeof(ikm));
    assert_true(EVP_PKEY_derive_init(hkdf) == 1 && EVP_PKEY_CTX_set_hkdf_md(hkdf, EVP_sha256()) == 1);
    assert_true(EVP_PKEY_CTX_set1_hkdf_key(hkdf, ikm, sizeof(ikm)) == 1);
    assert_true(EVP_PKEY_CTX_add1_hkdf_info(hkdf, (const unsigned char *)"hash:phone", 10) == 1);
    assert_true(EVP_PKEY_derive(hkdf, key, &len) == 1);
    EVP_PKEY_CTX_free(hkdf);
    ra_hmac_sha256(expected, ra_bytes_of(key, sizeof(key)), ra_bytes_text("x"));
    ra_keyed_hash(mac, ring_of("1 " KEY_ONE, *state), "phone", ra_bytes_text("x"));
    assert_memory_equal(mac, expected, sizeof(mac));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_known_digests),
        UNIT_TEST(test_what_openssl_keeps_for_a_thread_is_given_back),
        UNIT_TEST(test_bytes_compare_by_length_and_content),
        UNIT_TEST(test_hex_goes_both_ways_and_is_strict),
        UNIT_TEST(test_base64_of_rfc4648),
        UNIT_TEST(test_base64_has_one_text_per_value),
        UNIT_TEST(test_every_length_survives_the_encodings),
        UNIT_TEST(test_random_bytes_differ),
        UNIT_TEST(test_a_key_file_open_to_others_is_refused),
        UNIT_TEST(test_a_wrong_key_file_is_refused_with_a_reason),
        UNIT_TEST(test_a_sealed_value_opens_only_where_it_was_put),
        UNIT_TEST(test_a_sealed_value_with_any_bit_changed_does_not_open),
        UNIT_TEST(test_nothing_and_much_can_be_sealed),
        UNIT_TEST(test_the_first_key_seals_and_all_open),
        UNIT_TEST(test_search_hashes_outlive_new_keys),
        UNIT_TEST(test_keys_are_derived_by_hkdf),
    };

    return UNIT_RUN(tests);
}
