/* Sealed evidence: the tree of RFC 9162, what of an event is hashed, what of a batch is signed, how batches are chained, signatures. */
#include <stdio.h>
#include <sys/stat.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/evidence.h"
#include "base/signature.h"
#include "unit.h"

static ra_json_t *parse(const char *text, apr_pool_t *pool)
{
    ra_json_error_t error;
    ra_json_t *json;

    assert_int_equal(ra_json_parse(&json, text, strlen(text), &ra_json_limits_document, &error, pool), APR_SUCCESS);
    return json;
}

/* --- the tree --------------------------------------------------------------------------------------------------- */

static ra_hash_t hash_of_nodes(const ra_hash_t *left, const ra_hash_t *right)
{
    unsigned char text[65] = {1};
    ra_hash_t node;

    memcpy(text + 1, left->bytes, 32);
    memcpy(text + 33, right->bytes, 32);
    ra_sha256(node.bytes, text, sizeof(text));
    return node;
}

/* The definition, word by word: split at the largest power of two below the count. */
static ra_hash_t defined_root(const ra_hash_t *leaves, apr_size_t count)
{
    apr_size_t split = 1;
    ra_hash_t left, right;

    if (count == 1) {
        return leaves[0];
    }
    while (split * 2 < count) {
        split *= 2;
    }
    left = defined_root(leaves, split);
    right = defined_root(leaves + split, count - split);
    return hash_of_nodes(&left, &right);
}

static void test_root_is_the_one_that_rfc_9162_defines(void **state)
{
    apr_pool_t *pool = *state;
    ra_hash_t leaves[130];

    for (apr_size_t i = 0; i < 130; i++) {
        leaves[i] = ra_merkle_leaf(ra_bytes_of(&i, sizeof(i)), pool);
    }
    for (apr_size_t count = 1; count <= 130; count++) {
        ra_hash_t expected = defined_root(leaves, count), root = ra_merkle_root(leaves, count, pool);

        assert_true(ra_hash_equal(&expected, &root));
    }
}

/* The vectors of the certificate-transparency reference code. */
static void test_root_of_known_leaves(void **state)
{
    static const struct {
        const char *hex;
        const char *root;
    } rows[] = {
        {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
        {"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
        {"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
        {"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
    };
    apr_pool_t *pool = *state;
    ra_hash_t leaves[4], root = ra_merkle_root(NULL, 0, pool);
    ra_bytes_t bytes;

    assert_string_equal(ra_hash_hex(&root, pool), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (apr_size_t i = 0; i < 4; i++) {
        assert_int_equal(ra_hex_decode(&bytes, rows[i].hex, pool), APR_SUCCESS);
        leaves[i] = ra_merkle_leaf(bytes, pool);
        root = ra_merkle_root(leaves, i + 1, pool);
        assert_string_equal(ra_hash_hex(&root, pool), rows[i].root);
    }
}

static void test_a_node_is_no_leaf_and_order_counts(void **state)
{
    apr_pool_t *pool = *state;
    unsigned char nodes[64];
    ra_hash_t leaves[2], swapped[2], root, other;

    leaves[0] = swapped[1] = ra_merkle_leaf(ra_bytes_text("a"), pool);
    leaves[1] = swapped[0] = ra_merkle_leaf(ra_bytes_text("b"), pool);
    root = ra_merkle_root(leaves, 2, pool);
    other = ra_merkle_root(swapped, 2, pool);
    assert_false(ra_hash_equal(&root, &other));
    memcpy(nodes, leaves[0].bytes, 32);
    memcpy(nodes + 32, leaves[1].bytes, 32);
    other = ra_merkle_leaf(ra_bytes_of(nodes, 64), pool);
    assert_false(ra_hash_equal(&root, &other));
}

static void test_hashes_are_read_strictly(void **state)
{
    apr_pool_t *pool = *state;
    ra_hash_t hash;
    const char *good = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    assert_int_equal(ra_hash_read(&hash, good, pool), APR_SUCCESS);
    assert_string_equal(ra_hash_hex(&hash, pool), good);
    assert_int_equal(ra_hash_read(&hash, good + 2, pool), APR_EINVAL);
    assert_int_equal(ra_hash_read(&hash, NULL, pool), APR_EINVAL);
    assert_int_equal(ra_hash_read(&hash, "z3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", pool), APR_EINVAL);
}

/* --- events and batches ----------------------------------------------------------------------------------------- */

static const char event_text[] = "{\"outcome\":\"done\",\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"actor_name\":\"王\\u5f55\\\"入\","
                                 "\"detail\":\"{\\\"a\\\": 1.0}\"}";

/* What the hash is over, byte by byte: so that another program can make it. */
static void test_event_is_hashed_as_its_canonical_text(void **state)
{
    apr_pool_t *pool = *state;
    static const char canonical[] = "{\"actor_name\":\"王录\\\"入\",\"detail\":\"{\\\"a\\\": 1.0}\","
                                    "\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"outcome\":\"done\"}";
    ra_hash_t expected = ra_merkle_leaf(ra_bytes_text(canonical), pool), leaf = ra_evidence_leaf(parse(event_text, pool), pool);

    assert_true(ra_hash_equal(&expected, &leaf));
}

static void test_every_change_of_an_event_changes_its_hash(void **state)
{
    static const char *const changed[] = {
        "{\"outcome\":\"read\",\"id\":\"x\",\"detail\":\"{}\"}", "{\"outcome\":\"done\",\"id\":\"y\",\"detail\":\"{}\"}",
        "{\"outcome\":\"done\",\"id\":\"x\",\"detail\":\"{ }\"}", "{\"outcome\":\"done\",\"id\":\"x\"}",
        "{\"outcome\":\"done\",\"id\":\"x\",\"detail\":\"{}\",\"host\":\"staff\"}", "{\"outcome\":\"done\",\"id\":\"x\",\"detail\":null}",
    };
    apr_pool_t *pool = *state;
    ra_hash_t leaf = ra_evidence_leaf(parse("{\"outcome\":\"done\",\"id\":\"x\",\"detail\":\"{}\"}", pool), pool);

    for (size_t i = 0; i < sizeof(changed) / sizeof(*changed); i++) {
        ra_hash_t other = ra_evidence_leaf(parse(changed[i], pool), pool);

        assert_false(ra_hash_equal(&leaf, &other));
    }
}

static ra_json_t *batch(apr_pool_t *pool)
{
    return parse("{\"number\":7,\"previous_root\":\"aa\",\"merkle_root\":\"bb\",\"event_count\":2,\"first_event\":\"x\",\"last_event\":\"y\","
                 "\"sealed_at\":\"2026-11-23T09:00:00Z\",\"seen_until\":\"2026-11-23T08:59:00Z\",\"key_sha256\":\"cc\","
                 "\"signature\":\"dd\",\"root\":\"ee\",\"kind\":\"batch\"}", pool);
}

static void test_statement_of_a_batch(void **state)
{
    apr_pool_t *pool = *state;

    assert_string_equal(ra_evidence_statement(batch(pool), pool),
                        "{\"event_count\":2,\"first_event\":\"x\",\"format\":1,\"key_sha256\":\"cc\",\"last_event\":\"y\",\"merkle_root\":\"bb\","
                        "\"number\":7,\"previous_root\":\"aa\",\"sealed_at\":\"2026-11-23T09:00:00Z\",\"seen_until\":\"2026-11-23T08:59:00Z\"}");
}

static void test_statement_needs_every_member(void **state)
{
    static const char *const names[] = {"number", "previous_root", "merkle_root", "event_count", "first_event",
                                        "last_event", "sealed_at", "seen_until", "key_sha256"};
    apr_pool_t *pool = *state;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        ra_json_t *json = batch(pool);

        ra_json_remove(json, names[i]);
        assert_null(ra_evidence_statement(json, pool));
        ra_json_set_bool(json, names[i], 1);
        assert_null(ra_evidence_statement(json, pool));
    }
}

/* A batch carries the root of the one before in what is signed, so a change anywhere goes through to the end. */
static void test_chain_carries_every_change_to_the_end(void **state)
{
    apr_pool_t *pool = *state;
    ra_hash_t ends[2];

    for (int changed = 0; changed < 2; changed++) {
        ra_hash_t root = {{0}};

        for (int number = 1; number <= 5; number++) {
            ra_json_t *json = batch(pool);

            ra_json_set_int(json, "number", number);
            ra_json_set_string(json, "previous_root", ra_hash_hex(&root, pool));
            if (changed && number == 2) {
                ra_json_set_string(json, "sealed_at", "2026-11-23T09:00:01Z");
            }
            root = ra_evidence_root(ra_evidence_statement(json, pool));
        }
        ends[changed] = root;
    }
    assert_false(ra_hash_equal(&ends[0], &ends[1]));
}

/* --- signatures ------------------------------------------------------------------------------------------------- */

static const char *write_key(EVP_PKEY *key, int is_public, mode_t mode, apr_pool_t *pool)
{
    char *path = apr_pstrdup(pool, "/tmp/ra-test-key-XXXXXX");
    int handle = mkstemp(path);
    FILE *file = fdopen(handle, "w");

    assert_non_null(file);
    assert_int_equal(is_public ? PEM_write_PUBKEY(file, key) : PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
    chmod(path, mode);
    return path;
}

typedef struct key_row_t {
    const char *type;
    const char *detail;
    int is_accepted;
} key_row_t;

static const key_row_t key_rows[] = {
    {"EC", "P-256", 1}, {"RSA", "2048", 1}, {"RSA", "1024", 0}, {"EC", "P-384", 0}, {"ED25519", NULL, 0},
};

static EVP_PKEY *make_key(const key_row_t *row)
{
    if (strcmp(row->type, "RSA") == 0) {
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)atoi(row->detail));
    }
    return row->detail ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", row->detail) : EVP_PKEY_Q_keygen(NULL, NULL, row->type);
}

static void check_signing(const ra_signer_t *signer, const ra_verifier_t *verifier, apr_pool_t *pool)
{
    ra_bytes_t signature, text = ra_bytes_text("what is sealed");
    unsigned char *bytes;

    assert_true(ra_hash_equal(ra_signer_key(signer), ra_verifier_key(verifier)));
    assert_int_equal(ra_sign(&signature, signer, text, pool), APR_SUCCESS);
    assert_true(ra_verify(verifier, text, signature));
    assert_false(ra_verify(verifier, ra_bytes_text("what is sealeD"), signature));
    assert_false(ra_verify(verifier, text, ra_bytes_of(signature.data, signature.len - 1)));
    assert_false(ra_verify(verifier, text, ra_bytes_of("", 0)));
    bytes = apr_pmemdup(pool, signature.data, signature.len);
    bytes[signature.len / 2] ^= 1;
    assert_false(ra_verify(verifier, text, ra_bytes_of(bytes, signature.len)));
}

static void test_rsa_and_p256_sign_and_other_keys_are_refused(void **state)
{
    apr_pool_t *pool = *state;

    for (size_t i = 0; i < sizeof(key_rows) / sizeof(*key_rows); i++) {
        EVP_PKEY *key = make_key(&key_rows[i]);
        const char *private = write_key(key, 0, 0600, pool), *public = write_key(key, 1, 0644, pool), *wrong;
        ra_signer_t *signer;
        ra_verifier_t *verifier;
        apr_status_t status = ra_signer_load(&signer, private, public, &wrong, pool);

        assert_int_equal(status, key_rows[i].is_accepted ? APR_SUCCESS : APR_EINVAL);
        assert_int_equal(ra_verifier_load(&verifier, public, &wrong, pool), status);
        if (status == APR_SUCCESS) {
            check_signing(signer, verifier, pool);
        } else {
            assert_non_null(strstr(wrong, "RSA of at least 2048 bits or P-256"));
        }
        EVP_PKEY_free(key);
        remove(private);
        remove(public);
    }
}

static void test_files_that_are_not_the_key_are_refused(void **state)
{
    apr_pool_t *pool = *state;
    EVP_PKEY *key = make_key(&key_rows[0]), *other = make_key(&key_rows[0]);
    const char *open_one = write_key(key, 0, 0644, pool), *private = write_key(key, 0, 0640, pool), *public = write_key(other, 1, 0644, pool);
    const struct {
        const char *key;
        const char *public;
        const char *why;
    } rows[] = {
        {open_one, NULL, "open to others"}, {private, public, "does not belong to the private key"}, {private, private, "neither a PEM certificate"},
        {public, NULL, "no PEM key"},       {"/nonexistent", NULL, "not readable"},                  {private, "/nonexistent", "not readable"},
    };
    ra_signer_t *signer;
    const char *wrong;

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(ra_signer_load(&signer, rows[i].key, rows[i].public, &wrong, pool), APR_EINVAL);
        assert_non_null(strstr(wrong, rows[i].why));
        assert_null(signer);
    }
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    remove(open_one);
    remove(private);
    remove(public);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_root_is_the_one_that_rfc_9162_defines),
        UNIT_TEST(test_root_of_known_leaves),
        UNIT_TEST(test_a_node_is_no_leaf_and_order_counts),
        UNIT_TEST(test_hashes_are_read_strictly),
        UNIT_TEST(test_event_is_hashed_as_its_canonical_text),
        UNIT_TEST(test_every_change_of_an_event_changes_its_hash),
        UNIT_TEST(test_statement_of_a_batch),
        UNIT_TEST(test_statement_needs_every_member),
        UNIT_TEST(test_chain_carries_every_change_to_the_end),
        UNIT_TEST(test_rsa_and_p256_sign_and_other_keys_are_refused),
        UNIT_TEST(test_files_that_are_not_the_key_are_refused),
    };

    return UNIT_RUN(tests);
}
