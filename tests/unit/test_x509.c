/* Certificates and certificate requests: names by length, exact encodings, keys that must not be certified, chains. */
#include "unit.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/der.h"
#include "base/limits.h"
#include "base/x509.h"
#include "cert_fixture.h"

#define DAY ((apr_time_t)86400 * APR_USEC_PER_SEC)

/* Made once: key generation is slow. */
static EVP_PKEY *rsa_key, *ec_key, *other_key;

/* ---- making what is to be read ---- */

static ra_bytes_t taken(unsigned char *der, int len, apr_pool_t *pool)
{
    assert_true(len > 0);
    ra_bytes_t bytes = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), pool);
    OPENSSL_free(der);
    return bytes;
}

static void add_name(X509_NAME *name, const char *type, int encoding, const char *value, int len)
{
    assert_int_equal(X509_NAME_add_entry_by_txt(name, type, encoding, (const unsigned char *)value, len, -1, 0), 1);
}

static X509_REQ *request_of(EVP_PKEY *key)
{
    X509_REQ *request = X509_REQ_new();

    assert_int_equal(X509_REQ_set_version(request, X509_REQ_VERSION_1), 1);
    add_name(X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8, "张三", -1);
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    return request;
}

static ra_bytes_t signed_request(X509_REQ *request, EVP_PKEY *key, const EVP_MD *digest, apr_pool_t *pool)
{
    unsigned char *der = NULL;

    assert_true(X509_REQ_sign(request, key, digest) > 0);
    int len = i2d_X509_REQ(request, &der);
    X509_REQ_free(request);
    return taken(der, len, pool);
}

static ra_bytes_t good_request(EVP_PKEY *key, apr_pool_t *pool)
{
    return signed_request(request_of(key), key, EVP_sha256(), pool);
}

static const char *pem_of(ra_bytes_t der, apr_pool_t *pool)
{
    return ra_pem_write("CERTIFICATE REQUEST", der, pool);
}

/* An RSA public key of any numbers. */
static EVP_PKEY *rsa_of(const BIGNUM *modulus, const BIGNUM *exponent)
{
    EVP_PKEY *key = NULL;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

    assert_true(OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) &&
                OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent));
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    assert_int_equal(EVP_PKEY_fromdata_init(context), 1);
    assert_int_equal(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    EVP_PKEY_CTX_free(context);
    return key;
}

static BIGNUM *number_of(const char *hex)
{
    BIGNUM *number = NULL;

    assert_true(BN_hex2bn(&number, hex) > 0);
    return number;
}

static BIGNUM *modulus_of(const EVP_PKEY *key)
{
    BIGNUM *modulus = NULL;

    assert_int_equal(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &modulus), 1);
    return modulus;
}

/* ---- expecting ---- */

static ra_csr_t *accepted(const char *text, apr_pool_t *pool)
{
    ra_result_t *result = ra_result_make(pool);
    ra_csr_t *csr;

    if (ra_csr_parse(&csr, text, "/csr", result, pool) != APR_SUCCESS) {
        fail_msg("refused: %s", result->log_detail);
    }
    assert_int_equal(result->violations->nelts, 0);
    assert_int_equal(ERR_peek_error(), 0);
    return csr;
}

static void assert_refused(const char *text, const char *problem, const char *violation, apr_pool_t *pool)
{
    ra_result_t *result = ra_result_make(pool);
    ra_csr_t *csr;

    assert_int_equal(ra_csr_parse(&csr, text, "/csr", result, pool), RA_EREFUSED);
    assert_null(csr);
    assert_string_equal(result->problem, problem);
    assert_int_equal(result->violations->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(result->violations, 0, ra_violation_t).code, violation);
    assert_string_equal(APR_ARRAY_IDX(result->violations, 0, ra_violation_t).pointer, "/csr");
    assert_int_equal(ERR_peek_error(), 0);
}

/* A request for a key that nobody could sign with: another key signs, the key is judged first. */
static void assert_key_refused(EVP_PKEY *key, const char *violation, apr_pool_t *pool)
{
    ra_bytes_t der = signed_request(request_of(key), ec_key, EVP_sha256(), pool);

    assert_refused(ra_base64url(ra_bytes_text(NULL), pool), "csr-invalid", "csr-unreadable", pool);
    assert_refused(pem_of(der, pool), "key-weak", violation, pool);
}

/* ---- requests ---- */

static void test_good_requests_are_read(void **state)
{
    ra_csr_t *csr = accepted(pem_of(good_request(rsa_key, *state), *state), *state);

    assert_int_equal(csr->key.kind, RA_KEY_RSA);
    assert_int_equal(csr->key.bits, 2048);
    assert_string_equal(csr->subject.text, "CN=张三");
    csr = accepted(pem_of(good_request(ec_key, *state), *state), *state);
    assert_int_equal(csr->key.kind, RA_KEY_EC_P256);
    assert_int_equal(csr->key.bits, 256);
    assert_int_equal(csr->key.spki.len, 91);
    unsigned char digest[RA_SHA256_BYTES];
    ra_sha256(digest, csr->key.spki.data, csr->key.spki.len);
    assert_memory_equal(digest, csr->key.spki_sha256, sizeof(digest));
}

static void test_a_request_may_come_without_armour_and_with_white_space(void **state)
{
    apr_pool_t *pool = *state;
    ra_bytes_t der = good_request(ec_key, pool);
    const char *pem = pem_of(der, pool);
    char *base64 = apr_pstrdup(pool, strchr(pem, '\n') + 1);

    *strchr(base64, '-') = '\0';
    accepted(base64, pool);
    accepted(apr_pstrcat(pool, "\r\n  ", pem, "\n\n", NULL), pool);
    accepted(ra_pem_write("NEW CERTIFICATE REQUEST", der, pool), pool);
    base64[strcspn(base64, "\n")] = ' ';
    assert_true(ra_bytes_equal(accepted(base64, pool)->der, der));
}

static void test_texts_that_are_not_one_request_are_refused(void **state)
{
    apr_pool_t *pool = *state;
    ra_bytes_t der = good_request(ec_key, pool);
    const char *pem = pem_of(der, pool);
    const char *const texts[] = {
        NULL,
        "",
        " ",
        "MII",
        "AAAA",
        "not a request",
        "-----BEGIN CERTIFICATE REQUEST-----",
        "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----\n",
        apr_pstrcat(pool, pem, pem, NULL),
        apr_pstrcat(pool, "Subject: CN=x\n", pem, NULL),
        apr_pstrcat(pool, pem, "x", NULL),
        ra_pem_write("CERTIFICATE", der, pool),
        ra_pem_write("PRIVATE KEY", der, pool),
        apr_pstrcat(pool, "-----BEGIN CERTIFICATE REQUEST-----\nProc-Type: 4\n\n", strchr(pem, '\n') + 1, NULL),
        apr_pstrndup(pool, pem, strlen(pem) / 2),
        apr_pstrcat(pool, "-----BEGIN NEW CERTIFICATE REQUEST-----", strchr(pem, '\n'), NULL),
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_refused(texts[i], "csr-invalid", "csr-unreadable", pool);
    }
}

static void test_bytes_behind_a_request_are_refused(void **state)
{
    ra_bytes_t der = good_request(ec_key, *state);
    unsigned char *longer = apr_pcalloc(*state, der.len + 1);

    memcpy(longer, der.data, der.len);
    assert_refused(pem_of(ra_bytes_of(longer, der.len + 1), *state), "csr-invalid", "csr-unreadable", *state);
}

/* The same request with the indefinite length of BER: OpenSSL reads it, DER forbids it. */
static void test_ber_is_refused(void **state)
{
    ra_bytes_t der = good_request(ec_key, *state);
    unsigned char *ber = apr_pcalloc(*state, der.len + 8);
    apr_size_t header = der.data[1] == 0x82 ? 4 : 3;

    ber[0] = 0x30;
    ber[1] = 0x80;
    memcpy(ber + 2, der.data + header, der.len - header);
    apr_size_t len = der.len - header + 4;
    const unsigned char *at = ber;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)len);
    assert_non_null(request);
    X509_REQ_free(request);
    assert_refused(pem_of(ra_bytes_of(ber, len), *state), "csr-invalid", "csr-unreadable", *state);
}

static void test_no_changed_or_cut_request_is_accepted(void **state)
{
    ra_bytes_t der = good_request(ec_key, *state);

    for (apr_size_t at = 0; at < der.len; at++) {
        ra_csr_t *csr;
        apr_pool_t *pool;
        apr_pool_create(&pool, *state);
        unsigned char *changed = apr_pmemdup(pool, der.data, der.len);
        changed[at] ^= (unsigned char)(1 << at % 8);
        assert_int_equal(
            ra_csr_parse(&csr, pem_of(ra_bytes_of(changed, der.len), pool), "/csr", ra_result_make(pool), pool),
            RA_EREFUSED);
        assert_int_equal(
            ra_csr_parse(&csr, pem_of(ra_bytes_of(der.data, at), pool), "/csr", ra_result_make(pool), pool),
            RA_EREFUSED);
        apr_pool_destroy(pool);
    }
}

static void test_possession_of_the_key_must_be_proved(void **state)
{
    ra_bytes_t der = signed_request(request_of(ec_key), other_key, EVP_sha256(), *state);

    assert_refused(pem_of(der, *state), "csr-invalid", "csr-signature", *state);
}

static void test_an_attribute_bomb_is_refused_by_its_size(void **state)
{
    X509_REQ *request = request_of(ec_key);
    unsigned char *bomb = apr_palloc(*state, RA_CSR_MAX_BYTES);

    memset(bomb, 'a', RA_CSR_MAX_BYTES);
    assert_int_equal(
        X509_REQ_add1_attr_by_NID(request, NID_pkcs9_unstructuredName, V_ASN1_UTF8STRING, bomb, RA_CSR_MAX_BYTES), 1);
    assert_refused(pem_of(signed_request(request, ec_key, EVP_sha256(), *state), *state), "csr-invalid",
                   "csr-unreadable", *state);
}

static ra_bytes_t request_with_extensions(const char *const *constraints, apr_pool_t *pool)
{
    static const int kinds[] = {NID_ext_req, NID_ms_ext_req};
    X509_REQ *request = request_of(ec_key);

    for (const int *kind = kinds; *constraints; constraints++, kind++) {
        STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
        sk_X509_EXTENSION_push(extensions, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:example.cn"));
        sk_X509_EXTENSION_push(extensions, X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, *constraints));
        assert_int_equal(X509_REQ_add_extensions_nid(request, extensions, *kind), 1);
        sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    }
    return signed_request(request, ec_key, EVP_sha256(), pool);
}

static void test_a_request_for_a_ca_certificate_is_refused_wherever_it_hides(void **state)
{
    static const char *const harmless[] = {"CA:FALSE", NULL};
    static const char *const ca[] = {"CA:TRUE", NULL};
    static const char *const path[] = {"critical,CA:TRUE,pathlen:0", NULL};
    static const char *const hidden[] = {"CA:FALSE", "CA:TRUE", NULL};

    accepted(pem_of(request_with_extensions(harmless, *state), *state), *state);
    assert_refused(pem_of(request_with_extensions(ca, *state), *state), "csr-invalid", "csr-extension", *state);
    assert_refused(pem_of(request_with_extensions(path, *state), *state), "csr-invalid", "csr-extension", *state);
    assert_refused(pem_of(request_with_extensions(hidden, *state), *state), "csr-invalid", "csr-extension", *state);
}

static void test_an_unreadable_extension_request_is_refused(void **state)
{
    X509_REQ *request = request_of(ec_key);

    assert_int_equal(X509_REQ_add1_attr_by_NID(request, NID_ext_req, V_ASN1_UTF8STRING, (const unsigned char *)"x", 1),
                     1);
    assert_refused(pem_of(signed_request(request, ec_key, EVP_sha256(), *state), *state), "csr-invalid",
                   "csr-extension", *state);
}

/* ---- keys ---- */

static void test_keys_of_other_kinds_are_refused(void **state)
{
    EVP_PKEY *const keys[] = {
        EVP_EC_gen("P-384"),
        EVP_EC_gen("secp256k1"),
        EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"),
        EVP_PKEY_Q_keygen(NULL, NULL, "X25519"),
    };

    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        assert_non_null(keys[i]);
        assert_key_refused(keys[i], "key-kind", *state);
        EVP_PKEY_free(keys[i]);
    }
}

/* A curve spelled out in the key could have another base point (CVE-2020-0601). */
static void test_a_curve_that_is_not_named_is_refused(void **state)
{
    EVP_PKEY *key = EVP_PKEY_dup(ec_key);

    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_ENCODING, "explicit"), 1);
    assert_key_refused(key, "key-kind", *state);
    EVP_PKEY_free(key);
}

static void test_a_compressed_point_is_refused(void **state)
{
    EVP_PKEY *key = EVP_PKEY_dup(ec_key);

    assert_int_equal(EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed"), 1);
    assert_refused(pem_of(good_request(key, *state), *state), "csr-invalid", "csr-unreadable", *state);
    EVP_PKEY_free(key);
}

/* RFC 3279 §2.3.1 wants NULL parameters; without them the same key would have another hash. */
static void test_an_rsa_key_in_another_encoding_is_refused(void **state)
{
    X509_REQ *request = request_of(rsa_key);
    X509_PUBKEY *public_key = X509_REQ_get_X509_PUBKEY(request);
    const unsigned char *bits;
    int len;

    assert_int_equal(X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, public_key), 1);
    assert_int_equal(X509_PUBKEY_set0_param(public_key, OBJ_nid2obj(NID_rsaEncryption), V_ASN1_UNDEF, NULL,
                                            OPENSSL_memdup(bits, (size_t)len), len),
                     1);
    assert_refused(pem_of(signed_request(request, rsa_key, EVP_sha256(), *state), *state), "csr-invalid",
                   "csr-unreadable", *state);
}

static void test_rsa_sizes(void **state)
{
    static const struct {
        int bits;
        const char *violation;
    } cases[] = {{512, "key-size"}, {1024, "key-size"}, {2047, "key-size"}, {8193, "key-size"}, {16384, "key-size"}};
    BIGNUM *exponent = number_of("010001");

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        BIGNUM *modulus = BN_new();
        assert_int_equal(BN_rand(modulus, cases[i].bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD), 1);
        EVP_PKEY *key = rsa_of(modulus, exponent);
        assert_key_refused(key, cases[i].violation, *state);
        EVP_PKEY_free(key);
        BN_free(modulus);
    }
    BN_free(exponent);
}

static void test_rsa_exponents(void **state)
{
    static const char *const exponents[] = {"01",
                                            "03",
                                            "11",
                                            "FFFF",
                                            "010000",
                                            "010002",
                                            "010000000000000000000000000000000000000000000000000000000000000001"};
    BIGNUM *modulus = modulus_of(rsa_key);

    for (size_t i = 0; i < sizeof(exponents) / sizeof(*exponents); i++) {
        BIGNUM *exponent = number_of(exponents[i]);
        EVP_PKEY *key = rsa_of(modulus, exponent);
        assert_key_refused(key, "key-exponent", *state);
        EVP_PKEY_free(key);
        BN_free(exponent);
    }
    BN_free(modulus);
}

static void test_an_rsa_modulus_with_a_small_factor_is_refused(void **state)
{
    static const BN_ULONG factors[] = {2, 3, 17, 983, 997};
    BIGNUM *exponent = number_of("010001");

    for (size_t i = 0; i < sizeof(factors) / sizeof(*factors); i++) {
        BIGNUM *modulus = modulus_of(rsa_key);
        assert_true(BN_mul_word(modulus, factors[i]));
        EVP_PKEY *key = rsa_of(modulus, exponent);
        assert_key_refused(key, "key-known-weak", *state);
        EVP_PKEY_free(key);
        BN_free(modulus);
    }
    BN_free(exponent);
}

/* A factor as the faulty library made them: k * M + (65537^a mod M), M the product of the primes up to 167. */
static BIGNUM *roca_factor(BN_CTX *numbers)
{
    BIGNUM *product = BN_new(), *factor = BN_new(), *base = number_of("010001"), *power = BN_new();

    assert_true(BN_one(product));
    for (BN_ULONG n = 2; n <= 167; n++) {
        int prime = 1;
        for (BN_ULONG d = 2; d < n; d++) {
            prime &= n % d != 0;
        }
        assert_true(!prime || BN_mul_word(product, n));
    }
    assert_true(BN_rand(power, 60, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) &&
                BN_mod_exp(power, base, power, product, numbers));
    assert_true(BN_rand(factor, 1024 - BN_num_bits(product) + 1, BN_RAND_TOP_TWO, BN_RAND_BOTTOM_ANY));
    assert_true(BN_mul(factor, factor, product, numbers) && BN_add(factor, factor, power));
    BN_free(product);
    BN_free(base);
    BN_free(power);
    return factor;
}

static void test_a_roca_modulus_is_refused(void **state)
{
    BN_CTX *numbers = BN_CTX_new();
    BIGNUM *p = roca_factor(numbers), *q = roca_factor(numbers), *modulus = BN_new(), *exponent = number_of("010001");

    assert_true(BN_mul(modulus, p, q, numbers));
    EVP_PKEY *key = rsa_of(modulus, exponent);
    assert_key_refused(key, "key-known-weak", *state);
    EVP_PKEY_free(key);
    BN_free(p);
    BN_free(q);
    BN_free(modulus);
    BN_free(exponent);
    BN_CTX_free(numbers);
}

/* Fermat's method finds them at once (CVE-2022-26320); that they are prime does not matter for it. */
static void assert_close_factors_refused(const BIGNUM *p, int distance_bit, apr_pool_t *pool)
{
    BN_CTX *numbers = BN_CTX_new();
    BIGNUM *q = BN_dup(p), *modulus = BN_new(), *exponent = number_of("010001");

    assert_true(distance_bit == 0 || BN_set_bit(q, distance_bit));
    assert_true(BN_mul(modulus, p, q, numbers));
    EVP_PKEY *key = rsa_of(modulus, exponent);
    assert_key_refused(key, "key-known-weak", pool);
    EVP_PKEY_free(key);
    BN_free(q);
    BN_free(modulus);
    BN_free(exponent);
    BN_CTX_free(numbers);
}

static void test_an_rsa_modulus_of_two_close_primes_is_refused(void **state)
{
    BIGNUM *p = BN_new();

    assert_int_equal(BN_generate_prime_ex(p, 1024, 0, NULL, NULL, NULL), 1);
    BN_clear_bit(p, 10);
    BN_clear_bit(p, 500);
    BN_set_bit(p, 0);
    while (BN_mod_word(p, 3) * BN_mod_word(p, 5) * BN_mod_word(p, 7) == 0) {
        BN_add_word(p, 2);
    }
    assert_close_factors_refused(p, 0, *state);
    assert_close_factors_refused(p, 10, *state);
    assert_close_factors_refused(p, 500, *state);
    BN_free(p);
}

/* ---- names ---- */

/* A request whose last common name has these bytes. They are put in after signing, since OpenSSL would not write all of
 * them. */
static const char *request_with_name(int type, const char *value, int len, apr_pool_t *pool)
{
    static const char mark[] = "@@@@@@@@";
    X509_REQ *request = request_of(ec_key);

    add_name(X509_REQ_get_subject_name(request), "CN", V_ASN1_UTF8STRING, mark, len);
    ra_bytes_t der = signed_request(request, ec_key, EVP_sha256(), pool);
    unsigned char *place = memmem(der.data, der.len, mark, (size_t)len);
    place[-2] = (unsigned char)type;
    memcpy(place, value, (size_t)len);
    return pem_of(der, pool);
}

static void test_strange_bytes_in_a_name_are_refused(void **state)
{
    static const struct {
        int type;
        const char *value;
        int len;
    } cases[] = {
        {V_ASN1_UTF8STRING, "admin\0x", 7},       {V_ASN1_PRINTABLESTRING, "admin\0", 6},
        {V_ASN1_UTF8STRING, "a\r\nb", 4},         {V_ASN1_UTF8STRING, "abc\x7F", 4},
        {V_ASN1_UTF8STRING, "ab\xC2\x85", 4},     {V_ASN1_UTF8STRING, "ab\xC0\x80", 4},
        {V_ASN1_UTF8STRING, "ab\xED\xA0\x80", 5}, {V_ASN1_BMPSTRING, "\0a\0\0", 4},
        {V_ASN1_BMPSTRING, "\0a\0a\0", 5},        {V_ASN1_BMPSTRING, "\xD8\x00\xDC\x00", 4},
        {V_ASN1_OCTET_STRING, "abcd", 4},         {V_ASN1_T61STRING, "abc\x80", 4},
        {V_ASN1_UNIVERSALSTRING, "\0\0\0\0", 4},
    };

    assert_refused(request_with_name(V_ASN1_UTF8STRING, "admin", 5, *state), "csr-invalid", "csr-signature", *state);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *text = request_with_name(cases[i].type, cases[i].value, cases[i].len, *state);
        assert_refused(text, "csr-invalid", "csr-unreadable", *state);
    }
}

static void test_every_attribute_of_a_name_is_read_in_order_and_any_string_type_as_utf8(void **state)
{
    X509_REQ *request = request_of(ec_key);
    X509_NAME *name = X509_REQ_get_subject_name(request);

    add_name(name, "CN", V_ASN1_BMPSTRING, "\x5F\x20\x4E\x09", 4);
    add_name(name, "O", V_ASN1_PRINTABLESTRING, "a,b+c \"d\" <e>;\\", -1);
    add_name(name, "OU", V_ASN1_UTF8STRING, " #x ", -1);
    add_name(name, "1.2.3.4.5", V_ASN1_UTF8STRING, "#1", -1);
    add_name(name, "serialNumber", V_ASN1_IA5STRING, "7=/CN=x", -1);
    ra_csr_t *csr = accepted(pem_of(signed_request(request, ec_key, EVP_sha256(), *state), *state), *state);
    const ra_rdn_t expected[] = {
        {"CN", "张三"}, {"CN", "张三"},      {"O", "a,b+c \"d\" <e>;\\"},
        {"OU", " #x "}, {"1.2.3.4.5", "#1"}, {"serialNumber", "7=/CN=x"},
    };
    assert_true(ra_name_equal(&csr->subject, expected, 6));
    assert_false(ra_name_equal(&csr->subject, expected, 5));
    assert_string_equal(csr->subject.text, "serialNumber=7=/CN=x,1.2.3.4.5=\\#1,OU=\\ #x\\ ,"
                                           "O=a\\,b\\+c \\\"d\\\" \\<e\\>\\;\\\\,CN=张三,CN=张三");
    assert_string_equal(ra_name_get(&csr->subject, "OU"), " #x ");
    assert_null(ra_name_get(&csr->subject, "L"));
}

static void test_a_multivalued_rdn_equals_no_flat_name(void **state)
{
    X509_REQ *request = request_of(ec_key);
    const ra_rdn_t flat[] = {{"CN", "张三"}, {"O", "x"}};

    assert_int_equal(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "O", MBSTRING_UTF8,
                                                (const unsigned char *)"x", -1, -1, -1),
                     1);
    ra_csr_t *csr = accepted(pem_of(signed_request(request, ec_key, EVP_sha256(), *state), *state), *state);
    assert_true(csr->subject.multivalued);
    assert_false(ra_name_equal(&csr->subject, csr->subject.rdns, 2));
    assert_false(ra_name_equal(&csr->subject, flat, 2));
    assert_non_null(strchr(csr->subject.text, '+'));
}

/* ---- certificates ---- */

typedef struct issuing_t {
    const char *subject;
    EVP_PKEY *key;
    const char *issuer;
    EVP_PKEY *issuer_key;
    const char *serial; /* hexadecimal, may have a sign */
    apr_time_t from, until;
    const char *const *extensions; /* pairs of short name and value, NULL terminated; may be NULL */
} issuing_t;

static X509 *issued(const issuing_t *issuing)
{
    X509 *cert = X509_new();
    BIGNUM *serial = number_of(issuing->serial);

    X509_set_version(cert, X509_VERSION_3);
    BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert));
    BN_free(serial);
    add_name(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, issuing->subject, -1);
    add_name(X509_get_issuer_name(cert), "CN", MBSTRING_UTF8, issuing->issuer, -1);
    ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)apr_time_sec(issuing->from));
    ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)apr_time_sec(issuing->until));
    assert_int_equal(X509_set_pubkey(cert, issuing->key), 1);
    for (const char *const *pair = issuing->extensions; pair && *pair; pair += 2) {
        X509_EXTENSION *extension = X509V3_EXT_conf(NULL, NULL, pair[0], pair[1]);
        assert_non_null(extension);
        X509_add_ext(cert, extension, -1);
        X509_EXTENSION_free(extension);
    }
    assert_true(X509_sign(cert, issuing->issuer_key, EVP_sha256()) > 0);
    return cert;
}

static ra_bytes_t der_of(X509 *cert, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);

    X509_free(cert);
    return taken(der, len, pool);
}

static ra_bytes_t cert_of(const issuing_t *issuing, apr_pool_t *pool)
{
    return der_of(issued(issuing), pool);
}

static ra_cert_t *read_cert(ra_bytes_t der, apr_pool_t *pool)
{
    ra_result_t *result = ra_result_make(pool);
    ra_cert_t *cert;

    if (ra_cert_parse(&cert, der, result, pool) != APR_SUCCESS) {
        fail_msg("refused: %s", result->log_detail);
    }
    assert_int_equal(ERR_peek_error(), 0);
    return cert;
}

static void assert_unreadable(ra_bytes_t der, apr_pool_t *pool)
{
    ra_result_t *result = ra_result_make(pool);
    ra_cert_t *cert;

    assert_int_equal(ra_cert_parse(&cert, der, result, pool), APR_EINVAL);
    assert_null(cert);
    assert_null(result->problem);
    assert_non_null(result->log_detail);
    assert_int_equal(ERR_peek_error(), 0);
}

static issuing_t leaf_issuing(apr_time_t now)
{
    issuing_t issuing = {"山西易联众信息技术有限公司", ec_key, "Root", rsa_key, "0A1B", now - DAY, now + DAY, NULL};

    return issuing;
}

static void test_a_certificate_is_read_whole(void **state)
{
    static const char *const extensions[] = {
        "subjectAltName",
        "DNS:example.cn,IP:192.0.2.1,email:a@example.cn,DNS:*.example.cn,IP:2001:db8::1",
        "keyUsage",
        "critical,nonRepudiation,digitalSignature,decipherOnly",
        "extendedKeyUsage",
        "clientAuth,1.2.3.4,emailProtection",
        "basicConstraints",
        "CA:FALSE",
        NULL,
    };
    apr_time_t now = apr_time_from_sec(1795421730);
    issuing_t issuing = leaf_issuing(now);
    issuing.extensions = extensions;
    ra_bytes_t der = cert_of(&issuing, *state);
    ra_cert_t *cert = read_cert(der, *state);
    unsigned char digest[RA_SHA256_BYTES];

    assert_string_equal(cert->subject.text, "CN=山西易联众信息技术有限公司");
    assert_string_equal(cert->issuer.text, "CN=Root");
    assert_string_equal(cert->serial, "0A1B");
    assert_true(cert->not_before == now - DAY && cert->not_after == now + DAY);
    assert_int_equal(cert->key.kind, RA_KEY_EC_P256);
    assert_string_equal(cert->dns_names[0], "example.cn");
    assert_string_equal(cert->dns_names[1], "*.example.cn");
    assert_null(cert->dns_names[2]);
    assert_string_equal(cert->ip_names[0], "192.0.2.1");
    assert_string_equal(cert->ip_names[1], "2001:db8::1");
    assert_null(cert->ip_names[2]);
    assert_string_equal(cert->key_usage, "digitalSignature,nonRepudiation,decipherOnly");
    assert_string_equal(cert->ext_key_usage, "clientAuth,1.2.3.4,emailProtection");
    assert_false(cert->is_ca);
    ra_sha256(digest, der.data, der.len);
    assert_memory_equal(cert->sha256, digest, sizeof(digest));
    assert_true(ra_bytes_equal(cert->der, der));
}

static void test_a_certificate_without_extensions_has_empty_lists(void **state)
{
    issuing_t issuing = leaf_issuing(apr_time_now());
    ra_cert_t *cert = read_cert(cert_of(&issuing, *state), *state);

    assert_string_equal(cert->key_usage, "");
    assert_string_equal(cert->ext_key_usage, "");
    assert_null(cert->dns_names[0]);
    assert_null(cert->ip_names[0]);
    assert_false(cert->is_ca);
}

static void test_serials_are_whole_bytes_of_upper_case_hex(void **state)
{
    static const char *const cases[][2] = {
        {"1", "01"},
        {"80", "80"},
        {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"},
        {"0", "00"},
        {"00ab", "AB"},
    };
    issuing_t issuing = leaf_issuing(apr_time_now());

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        issuing.serial = cases[i][0];
        assert_string_equal(read_cert(cert_of(&issuing, *state), *state)->serial, cases[i][1]);
    }
    issuing.serial = "-5";
    assert_unreadable(cert_of(&issuing, *state), *state);
}

static void test_pem_certificates_go_both_ways_and_only_one_at_a_time(void **state)
{
    issuing_t issuing = leaf_issuing(apr_time_now());
    ra_bytes_t der = cert_of(&issuing, *state);
    const char *pem = ra_cert_pem(der, *state);
    ra_result_t *result = ra_result_make(*state);
    ra_cert_t *cert;

    assert_int_equal(ra_cert_parse_pem(&cert, apr_pstrcat(*state, "\n", pem, "\n", NULL), result, *state), APR_SUCCESS);
    assert_true(ra_bytes_equal(cert->der, der));
    assert_int_equal(ra_cert_parse_pem(&cert, apr_pstrcat(*state, pem, pem, NULL), result, *state), APR_EINVAL);
    assert_int_equal(ra_cert_parse_pem(&cert, "", result, *state), APR_EINVAL);
    assert_int_equal(ra_cert_parse_pem(&cert, NULL, result, *state), APR_EINVAL);
    assert_int_equal(ra_cert_parse_pem(&cert, ra_pem_write("CERTIFICATE REQUEST", der, *state), result, *state),
                     APR_EINVAL);
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_non_null(x509);
    X509_free(x509);
    BIO_free(bio);
}

static void test_broken_certificates_are_refused(void **state)
{
    issuing_t issuing = leaf_issuing(apr_time_now());
    ra_bytes_t der = cert_of(&issuing, *state);
    unsigned char *longer = apr_pcalloc(*state, der.len + 1);

    memcpy(longer, der.data, der.len);
    assert_unreadable(ra_bytes_of(longer, der.len + 1), *state);
    for (apr_size_t len = 0; len < der.len; len++) {
        assert_unreadable(ra_bytes_of(der.data, len), *state);
    }
    assert_unreadable(good_request(ec_key, *state), *state);
}

static void test_a_dns_name_with_a_nul_is_refused(void **state)
{
    issuing_t issuing = leaf_issuing(apr_time_now());
    X509 *x509 = issued(&issuing);
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();

    ASN1_STRING_set(text, "good.cn\0.evil.cn", 16);
    GENERAL_NAME_set0_value(name, GEN_DNS, text);
    sk_GENERAL_NAME_push(names, name);
    assert_int_equal(X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT), 1);
    GENERAL_NAMES_free(names);
    assert_true(X509_sign(x509, rsa_key, EVP_sha256()) > 0);
    assert_unreadable(der_of(x509, *state), *state);
}

static void test_an_extension_that_occurs_twice_is_refused(void **state)
{
    static const char *const twice[] = {"basicConstraints", "CA:FALSE", "basicConstraints", "CA:TRUE", NULL};
    issuing_t issuing = leaf_issuing(apr_time_now());

    issuing.extensions = twice;
    assert_unreadable(cert_of(&issuing, *state), *state);
}

static void test_a_certificate_is_verified_against_the_ca_file_at_a_moment(void **state)
{
    static const char *const ca[] = {"basicConstraints", "critical,CA:TRUE", "keyUsage", "keyCertSign,cRLSign", NULL};
    apr_pool_t *pool = *state;
    apr_time_t now = apr_time_now();
    issuing_t root = {"Root", rsa_key, "Root", rsa_key, "01", now - 10 * DAY, now + 10 * DAY, ca};
    issuing_t middle = {"Middle", other_key, "Root", rsa_key, "02", now - 10 * DAY, now + 10 * DAY, ca};
    issuing_t stranger = {"Root", other_key, "Root", other_key, "01", now - 10 * DAY, now + 10 * DAY, ca};
    issuing_t direct_leaf = leaf_issuing(now), deep_leaf = leaf_issuing(now);
    deep_leaf.issuer = "Middle";
    deep_leaf.issuer_key = other_key;
    const ra_bytes_t both[] = {cert_of(&middle, pool), cert_of(&root, pool)};
    const ra_bytes_t foreign = cert_of(&stranger, pool);
    const char *root_only = cert_file(both + 1, 1, pool), *middle_only = cert_file(both, 1, pool),
               *all = cert_file(both, 2, pool);
    const char *wrong = cert_file(&foreign, 1, pool), *nothing = cert_file(both, 0, pool);
    const ra_cert_t *direct = read_cert(cert_of(&direct_leaf, pool), pool),
                    *deep = read_cert(cert_of(&deep_leaf, pool), pool);
    const struct {
        const ra_cert_t *cert;
        const char *ca_file;
        apr_time_t when;
        apr_status_t status;
    } cases[] = {
        {direct, root_only, now, APR_SUCCESS},
        {direct, all, now, APR_SUCCESS},
        {direct, middle_only, now, APR_EINVAL},
        {deep, all, now, APR_SUCCESS},
        {deep, middle_only, now, APR_SUCCESS},
        {deep, root_only, now, APR_EINVAL},
        {direct, wrong, now, APR_EINVAL},
        {direct, nothing, now, APR_EINVAL},
        {direct, "/nonexistent", now, APR_EINVAL},
        {direct, root_only, now - 2 * DAY, APR_EINVAL},
        {direct, root_only, now + 2 * DAY, APR_EINVAL},
        {direct, root_only, now + DAY / 2, APR_SUCCESS},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ra_result_t *result = ra_result_make(pool);
        apr_status_t status = cert_verified(cases[i].cert, cases[i].ca_file, cases[i].when, result, pool);
        if (status != cases[i].status) {
            fail_msg("case %d: status %d, %s", (int)i, (int)status, result->log_detail);
        }
        assert_true((result->log_detail == NULL) == (status == APR_SUCCESS));
        assert_int_equal(ERR_peek_error(), 0);
    }
}

static void test_what_is_exact_der(void **state)
{
    static const struct {
        const char *hex;
        int exact;
    } cases[] = {
        {"0500", 1},     {"3000", 1},          {"30020500", 1},   {"020101", 1},       {"", 0},
        {"05", 0},       {"0501", 0},          {"050000", 0},     {"30800000", 0},     {"058100", 0},
        {"04817F", 0},   {"30030500", 0},      {"300305000", 0},  {"1F8005", 0},       {"1F81", 0},
        {"1F810100", 1}, {"0485000000000", 0}, {"3003020101", 1}, {"300302010101", 0}, {"30818000", 0},
        {"048200", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ra_bytes_t der;
        if (ra_hex_decode(&der, cases[i].hex, *state) == APR_SUCCESS) {
            assert_int_equal(ra_der_is_exact(der), cases[i].exact);
        }
    }
    unsigned char deep[200];
    for (int i = 0; i < 100; i++) {
        deep[2 * i] = 0x30;
        deep[2 * i + 1] = (unsigned char)(198 - 2 * i < 128 ? 198 - 2 * i : 0x80);
    }
    assert_false(ra_der_is_exact(ra_bytes_of(deep + 72, 128)));
    assert_true(ra_der_is_exact(ra_bytes_of(deep + 150, 50)));
}

static int make_keys(void)
{
    rsa_key = EVP_RSA_gen(2048);
    ec_key = EVP_EC_gen("P-256");
    other_key = EVP_EC_gen("P-256");
    return rsa_key && ec_key && other_key;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_good_requests_are_read),
        UNIT_TEST(test_a_request_may_come_without_armour_and_with_white_space),
        UNIT_TEST(test_texts_that_are_not_one_request_are_refused),
        UNIT_TEST(test_bytes_behind_a_request_are_refused),
        UNIT_TEST(test_ber_is_refused),
        UNIT_TEST(test_no_changed_or_cut_request_is_accepted),
        UNIT_TEST(test_possession_of_the_key_must_be_proved),
        UNIT_TEST(test_an_attribute_bomb_is_refused_by_its_size),
        UNIT_TEST(test_a_request_for_a_ca_certificate_is_refused_wherever_it_hides),
        UNIT_TEST(test_an_unreadable_extension_request_is_refused),
        UNIT_TEST(test_keys_of_other_kinds_are_refused),
        UNIT_TEST(test_a_curve_that_is_not_named_is_refused),
        UNIT_TEST(test_a_compressed_point_is_refused),
        UNIT_TEST(test_an_rsa_key_in_another_encoding_is_refused),
        UNIT_TEST(test_rsa_sizes),
        UNIT_TEST(test_rsa_exponents),
        UNIT_TEST(test_an_rsa_modulus_with_a_small_factor_is_refused),
        UNIT_TEST(test_a_roca_modulus_is_refused),
        UNIT_TEST(test_an_rsa_modulus_of_two_close_primes_is_refused),
        UNIT_TEST(test_strange_bytes_in_a_name_are_refused),
        UNIT_TEST(test_every_attribute_of_a_name_is_read_in_order_and_any_string_type_as_utf8),
        UNIT_TEST(test_a_multivalued_rdn_equals_no_flat_name),
        UNIT_TEST(test_a_certificate_is_read_whole),
        UNIT_TEST(test_a_certificate_without_extensions_has_empty_lists),
        UNIT_TEST(test_serials_are_whole_bytes_of_upper_case_hex),
        UNIT_TEST(test_pem_certificates_go_both_ways_and_only_one_at_a_time),
        UNIT_TEST(test_broken_certificates_are_refused),
        UNIT_TEST(test_a_dns_name_with_a_nul_is_refused),
        UNIT_TEST(test_an_extension_that_occurs_twice_is_refused),
        UNIT_TEST(test_a_certificate_is_verified_against_the_ca_file_at_a_moment),
        UNIT_TEST(test_what_is_exact_der),
    };

    if (!make_keys()) {
        return 1;
    }
    int failed = UNIT_RUN(tests);
    EVP_PKEY_free(rsa_key);
    EVP_PKEY_free(ec_key);
    EVP_PKEY_free(other_key);
    return failed;
}
