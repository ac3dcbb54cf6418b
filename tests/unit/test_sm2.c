/* SM2 with SM3: whose identifier is signed, which keys are taken, chains that mix algorithms, CRLs (GM/T 0009, GM/T 0015). */
#include "unit.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "base/der.h"
#include "base/sm2.h"
#include "base/x509.h"
#include "cert_fixture.h"

#define DAY 86400L
#define POINT_BYTES 65
#define NO_ID ((const char *)NULL) /* what OpenSSL 3.0 signs with by itself: the empty identifier */
#define OTHER_ID "ALICE123@YAHOO.COM" /* of the examples of GM/T 0003.5 */

/* Made once. sm2_as_ec has SM2's curve, but is a key for ECDSA to OpenSSL. */
static EVP_PKEY *sm2_key, *sm2_other, *sm2_as_ec, *p256_key;

/* ---- signing ---- */

/* A context ready to sign; NULL id: none is set. The key's own context ends with *pkey_ctx. */
static EVP_MD_CTX *signing(EVP_PKEY_CTX **pkey_ctx, EVP_PKEY *key, const char *id)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    *pkey_ctx = EVP_PKEY_CTX_new(key, NULL);
    if (id) {
        assert_int_equal(EVP_PKEY_CTX_set1_id(*pkey_ctx, id, (int)strlen(id)), 1);
    }
    EVP_MD_CTX_set_pkey_ctx(context, *pkey_ctx);
    assert_int_equal(
        EVP_DigestSignInit(context, NULL, EVP_PKEY_is_a(key, "SM2") ? EVP_sm3() : EVP_sha256(), NULL, key), 1);
    return context;
}

static void signed_off(EVP_MD_CTX *context, EVP_PKEY_CTX *key_context)
{
    EVP_MD_CTX_free(context);
    EVP_PKEY_CTX_free(key_context);
}

static ra_bytes_t taken(unsigned char *der, int len, apr_pool_t *pool)
{
    assert_true(len > 0);
    ra_bytes_t bytes = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), pool);
    OPENSSL_free(der);
    return bytes;
}

static X509_REQ *request_of(EVP_PKEY *key)
{
    X509_REQ *request = X509_REQ_new();

    assert_int_equal(X509_REQ_set_version(request, X509_REQ_VERSION_1), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(request), "CN", MBSTRING_UTF8,
                                                (const unsigned char *)"张三", -1, -1, 0),
                     1);
    assert_int_equal(X509_REQ_set_pubkey(request, key), 1);
    return request;
}

static ra_bytes_t request_der(X509_REQ *request, EVP_PKEY *signer, const char *id, apr_pool_t *pool)
{
    EVP_PKEY_CTX *key_context;
    EVP_MD_CTX *context = signing(&key_context, signer, id);
    unsigned char *der = NULL;

    assert_true(X509_REQ_sign_ctx(request, context) > 0);
    signed_off(context, key_context);
    int len = i2d_X509_REQ(request, &der);
    X509_REQ_free(request);
    return taken(der, len, pool);
}

static ra_bytes_t good_request(apr_pool_t *pool)
{
    return request_der(request_of(sm2_key), sm2_key, RA_SM2_ID, pool);
}

/* ---- expecting ---- */

static const char *pem_of(ra_bytes_t der, apr_pool_t *pool)
{
    return ra_pem_write("CERTIFICATE REQUEST", der, pool);
}

static ra_csr_t *accepted(ra_bytes_t der, apr_pool_t *pool)
{
    ra_result_t *result = ra_result_make(pool);
    ra_csr_t *csr;

    if (ra_csr_parse(&csr, pem_of(der, pool), "/csr", result, pool) != APR_SUCCESS) {
        fail_msg("refused: %s", result->log_detail);
    }
    assert_int_equal(ERR_peek_error(), 0);
    return csr;
}

static void assert_violation(const ra_result_t *result, const char *problem, const char *violation)
{
    assert_string_equal(result->problem, problem);
    assert_int_equal(result->violations->nelts, 1);
    assert_string_equal(APR_ARRAY_IDX(result->violations, 0, ra_violation_t).code, violation);
    assert_int_equal(ERR_peek_error(), 0);
}

static void assert_refused(ra_bytes_t der, const char *problem, const char *violation, apr_pool_t *pool)
{
    ra_result_t *result = ra_result_make(pool);
    ra_csr_t *csr;

    assert_int_equal(ra_csr_parse(&csr, pem_of(der, pool), "/csr", result, pool), RA_EREFUSED);
    assert_null(csr);
    assert_violation(result, problem, violation);
}

/* ---- requests ---- */

static void test_a_request_with_the_standard_identifier_is_read(void **state)
{
    ra_csr_t *csr = accepted(good_request(*state), *state);
    unsigned char *spki = NULL;
    int len = i2d_PUBKEY(sm2_key, &spki);

    assert_int_equal(csr->key.kind, RA_KEY_SM2);
    assert_int_equal(csr->key.bits, 256);
    assert_string_equal(ra_key_kind_name(csr->key.kind), "sm2");
    assert_true(ra_bytes_equal(csr->key.spki, taken(spki, len, *state)));
    assert_string_equal(ra_name_get(&csr->subject, "CN"), "张三");
}

static void test_every_other_identifier_is_refused(void **state)
{
    static const char *const ids[] = {NO_ID,         OTHER_ID,           "12345678",
                                      "123456781234567", "12345678123456780", "1234567812345679"};

    for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        assert_refused(request_der(request_of(sm2_key), sm2_key, ids[i], *state), "csr-invalid", "csr-sm2-signature",
                       *state);
    }
}

static void test_another_signature_than_sm2s_is_refused(void **state)
{
    assert_refused(request_der(request_of(sm2_key), sm2_other, RA_SM2_ID, *state), "csr-invalid", "csr-sm2-signature",
                   *state);
    assert_refused(request_der(request_of(sm2_as_ec), sm2_as_ec, NO_ID, *state), "csr-invalid", "csr-sm2-signature",
                   *state);
    assert_refused(request_der(request_of(sm2_key), p256_key, NO_ID, *state), "csr-invalid", "csr-sm2-signature", *state);
}

/* The name of the algorithm is changed, all lengths stay. */
static ra_bytes_t renamed(ra_bytes_t der, const char *from_hex, const char *to_hex, int last, apr_pool_t *pool)
{
    ra_bytes_t from, to, copy = ra_bytes_copy(der, pool);
    apr_size_t found = 0;

    ra_hex_decode(&from, from_hex, pool);
    ra_hex_decode(&to, to_hex, pool);
    assert_int_equal(from.len, to.len);
    for (apr_size_t at = 0; at + from.len <= der.len; at++) {
        if (memcmp(der.data + at, from.data, from.len) == 0 && (found == 0 || last)) {
            found = at;
        }
    }
    assert_true(found > 0);
    memcpy((unsigned char *)copy.data + found, to.data, to.len);
    return copy;
}

#define ECDSA_SHA256 "06082A8648CE3D040302"
#define SM2_SM3 "06082A811CCF55018375"
#define CURVE_P256 "06082A8648CE3D030107"
#define CURVE_SM2 "06082A811CCF5501822D"

static void test_the_algorithm_must_be_the_keys_own(void **state)
{
    ra_bytes_t sm2 = good_request(*state);
    ra_bytes_t ecdsa = request_der(request_of(p256_key), p256_key, NO_ID, *state);

    accepted(ecdsa, *state);
    assert_refused(renamed(sm2, SM2_SM3, ECDSA_SHA256, 1, *state), "csr-invalid", "csr-sm2-signature", *state);
    assert_refused(renamed(ecdsa, ECDSA_SHA256, SM2_SM3, 1, *state), "csr-invalid", "csr-signature", *state);
}

/* A point of one curve lies beside the other: OpenSSL does not even read it. */
static void test_a_point_under_the_name_of_the_other_curve_is_refused(void **state)
{
    ra_bytes_t ecdsa = request_der(request_of(p256_key), p256_key, NO_ID, *state);

    assert_refused(renamed(good_request(*state), CURVE_SM2, CURVE_P256, 0, *state), "key-weak", "key-kind", *state);
    assert_refused(renamed(ecdsa, CURVE_P256, CURVE_SM2, 0, *state), "key-weak", "key-kind", *state);
}

/* A SubjectPublicKeyInfo by hand: algorithm and point as given. */
static ra_bytes_t spki_of(const char *algorithm, const unsigned char *point, apr_size_t len, apr_pool_t *pool)
{
    ra_bytes_t head;
    unsigned char *der = apr_palloc(pool, 128), *out = der + 2;

    ra_hex_decode(&head, algorithm, pool);
    memcpy(out, head.data, head.len);
    out += head.len;
    *out++ = 0x03;
    *out++ = (unsigned char)(len + 1);
    *out++ = 0;
    memcpy(out, point, len);
    out += len;
    der[0] = 0x30;
    der[1] = (unsigned char)(out - der - 2);
    return ra_bytes_of(der, (apr_size_t)(out - der));
}

#define SM2_KEY_ALGORITHM "301306072A8648CE3D0201" CURVE_SM2

static void point_of(unsigned char point[POINT_BYTES], EVP_PKEY *key)
{
    size_t len = 0;

    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, POINT_BYTES, &len), 1);
    if (len != POINT_BYTES) { /* compressed: the whole one is at the end of the encoding */
        unsigned char *der = NULL;
        int size = i2d_PUBKEY(key, &der);

        memcpy(point, der + size - POINT_BYTES, POINT_BYTES);
        OPENSSL_free(der);
    }
}

static apr_status_t bare_key(const ra_result_t **presult, ra_bytes_t spki, apr_pool_t *pool)
{
    ra_result_t *result = ra_result_make(pool);
    ra_csr_t *csr;

    *presult = result;
    return ra_csr_of_key(&csr, spki, "/csr", result, pool);
}

static void test_a_bare_key_is_judged_too(void **state)
{
    unsigned char point[POINT_BYTES], beside[POINT_BYTES], hybrid[POINT_BYTES], compressed[33], zero[POINT_BYTES] = {4};
    const ra_result_t *result;

    point_of(point, sm2_key);
    memcpy(beside, point, sizeof(beside));
    beside[POINT_BYTES - 1] ^= 1;
    memcpy(hybrid, point, sizeof(hybrid));
    hybrid[0] = (unsigned char)(6 + (point[POINT_BYTES - 1] & 1));
    memcpy(compressed, point, sizeof(compressed));
    compressed[0] = (unsigned char)(2 + (point[POINT_BYTES - 1] & 1));
    const struct {
        ra_bytes_t spki;
        const char *problem;
        const char *violation;
    } cases[] = {
        {spki_of(SM2_KEY_ALGORITHM, beside, sizeof(beside), *state), "key-weak", "key-kind"},
        {spki_of(SM2_KEY_ALGORITHM, zero, sizeof(zero), *state), "key-weak", "key-kind"},
        {spki_of(SM2_KEY_ALGORITHM, (const unsigned char *)"", 1, *state), "key-weak", NULL},
        {spki_of(SM2_KEY_ALGORITHM, compressed, sizeof(compressed), *state), "csr-invalid", "csr-unreadable"},
        {spki_of(SM2_KEY_ALGORITHM, hybrid, sizeof(hybrid), *state), "csr-invalid", "csr-unreadable"},
        /* SM2's own name as the algorithm instead of id-ecPublicKey: the same key would have a second hash. */
        {spki_of("3014" CURVE_SM2 CURVE_SM2, point, sizeof(point), *state), NULL, NULL},
    };

    assert_int_equal(bare_key(&result, spki_of(SM2_KEY_ALGORITHM, point, sizeof(point), *state), *state), APR_SUCCESS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(bare_key(&result, cases[i].spki, *state), RA_EREFUSED);
        if (cases[i].problem && strcmp(result->problem, cases[i].problem) != 0) {
            fail_msg("case %d: %s", (int)i, result->problem);
        }
        if (cases[i].violation) {
            assert_violation(result, cases[i].problem, cases[i].violation);
        }
    }
}

static void test_no_changed_or_cut_request_is_accepted(void **state)
{
    ra_bytes_t der = good_request(*state);
    apr_pool_t *pool;

    apr_pool_create(&pool, *state);
    for (apr_size_t at = 0; at < der.len; at++) {
        ra_bytes_t changed = ra_bytes_copy(der, pool);
        ra_csr_t *csr;

        ((unsigned char *)changed.data)[at] ^= 0x01;
        assert_int_equal(ra_csr_parse_der(&csr, changed, "/csr", ra_result_make(pool), pool), RA_EREFUSED);
        assert_int_equal(ra_csr_parse_der(&csr, ra_bytes_of(der.data, at), "/csr", ra_result_make(pool), pool),
                         RA_EREFUSED);
        assert_int_equal(ERR_peek_error(), 0);
        apr_pool_clear(pool);
    }
}

static void test_a_request_for_a_ca_certificate_is_refused(void **state)
{
    X509_REQ *request = request_of(sm2_key);
    STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();

    sk_X509_EXTENSION_push(extensions, X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "CA:TRUE"));
    assert_int_equal(X509_REQ_add_extensions(request, extensions), 1);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    assert_refused(request_der(request, sm2_key, RA_SM2_ID, *state), "csr-invalid", "csr-extension", *state);
}

/* ---- certificates ---- */

typedef struct issuing_t {
    const char *subject;
    EVP_PKEY *key;
    const char *issuer;
    EVP_PKEY *issuer_key;
    const char *id; /* that the issuer signs with */
    int is_ca;
} issuing_t;

static void set_name(X509_NAME *name, const char *text)
{
    assert_int_equal(
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0), 1);
}

static ra_bytes_t cert_of(const issuing_t *issuing, apr_pool_t *pool)
{
    X509 *cert = X509_new();
    X509_EXTENSION *constraints =
        X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, issuing->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    EVP_PKEY_CTX *key_context;
    EVP_MD_CTX *context = signing(&key_context, issuing->issuer_key, issuing->id);
    unsigned char *der = NULL;

    assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 4711), 1);
    set_name(X509_get_subject_name(cert), issuing->subject);
    set_name(X509_get_issuer_name(cert), issuing->issuer);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -DAY));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), DAY));
    assert_int_equal(X509_set_pubkey(cert, issuing->key), 1);
    assert_int_equal(X509_add_ext(cert, constraints, -1), 1);
    assert_true(X509_sign_ctx(cert, context) > 0);
    signed_off(context, key_context);
    int len = i2d_X509(cert, &der);
    X509_EXTENSION_free(constraints);
    X509_free(cert);
    return taken(der, len, pool);
}

static apr_status_t verified(const issuing_t *leaf, const char *ca_file, apr_pool_t *pool)
{
    ra_result_t *result = ra_result_make(pool);
    ra_cert_t *cert;
    apr_status_t status;

    assert_int_equal(ra_cert_parse(&cert, cert_of(leaf, pool), result, pool), APR_SUCCESS);
    status = cert_verified(cert, ca_file, apr_time_now(), result, pool);
    assert_int_equal(ERR_peek_error(), 0);
    return status;
}

static void test_a_certificate_for_an_sm2_key_is_read(void **state)
{
    issuing_t leaf = {"张三", sm2_key, "CA", sm2_other, RA_SM2_ID, 0};
    ra_cert_t *cert;

    assert_int_equal(ra_cert_parse(&cert, cert_of(&leaf, *state), ra_result_make(*state), *state), APR_SUCCESS);
    assert_int_equal(cert->key.kind, RA_KEY_SM2);
    assert_true(ra_bytes_equal(cert->key.spki, accepted(good_request(*state), *state)->key.spki));
}

static void test_chains_of_one_and_of_mixed_algorithms_are_verified(void **state)
{
    issuing_t sm2_root = {"SM2 root", sm2_other, "SM2 root", sm2_other, RA_SM2_ID, 1};
    issuing_t p256_root = {"P-256 root", p256_key, "P-256 root", p256_key, NO_ID, 1};
    issuing_t p256_under_sm2 = {"P-256 root", p256_key, "SM2 root", sm2_other, RA_SM2_ID, 1};
    issuing_t sm2_under_p256 = {"SM2 root", sm2_other, "P-256 root", p256_key, NO_ID, 1};
    const issuing_t by_sm2 = {"leaf", sm2_key, "SM2 root", sm2_other, RA_SM2_ID, 0};
    const issuing_t by_p256 = {"leaf", sm2_key, "P-256 root", p256_key, NO_ID, 0};
    const issuing_t ec_by_sm2 = {"leaf", sm2_as_ec, "SM2 root", sm2_other, RA_SM2_ID, 0};
    const ra_bytes_t all[] = {cert_of(&sm2_root, *state), cert_of(&p256_root, *state)};
    const ra_bytes_t below_sm2[] = {cert_of(&p256_under_sm2, *state), all[0]};
    const ra_bytes_t below_p256[] = {cert_of(&sm2_under_p256, *state), all[1]};

    assert_int_equal(verified(&by_sm2, cert_file(all, 1, *state), *state), APR_SUCCESS);
    assert_int_equal(verified(&ec_by_sm2, cert_file(all, 1, *state), *state), APR_SUCCESS);
    assert_int_equal(verified(&by_p256, cert_file(all + 1, 1, *state), *state), APR_SUCCESS);
    assert_int_equal(verified(&by_sm2, cert_file(all, 2, *state), *state), APR_SUCCESS);
    assert_int_equal(verified(&by_p256, cert_file(all, 2, *state), *state), APR_SUCCESS);
    assert_int_equal(verified(&by_p256, cert_file(below_sm2, 2, *state), *state), APR_SUCCESS);
    assert_int_equal(verified(&by_sm2, cert_file(below_p256, 2, *state), *state), APR_SUCCESS);
    assert_int_equal(verified(&by_sm2, cert_file(all + 1, 1, *state), *state), APR_EINVAL);
}

static void test_a_certificate_signed_with_another_identifier_or_key_is_not_the_cas(void **state)
{
    issuing_t root = {"CA", sm2_other, "CA", sm2_other, RA_SM2_ID, 1};
    const ra_bytes_t roots = cert_of(&root, *state);
    const char *file = cert_file(&roots, 1, *state);
    const issuing_t cases[] = {
        {"leaf", sm2_key, "CA", sm2_other, NO_ID, 0},
        {"leaf", sm2_key, "CA", sm2_other, OTHER_ID, 0},
        {"leaf", sm2_key, "CA", sm2_key, RA_SM2_ID, 0},
        {"leaf", sm2_key, "CA", p256_key, NO_ID, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(verified(&cases[i], file, *state), APR_EINVAL);
    }
}

/* ---- CRLs ---- */

static X509_CRL *crl_of(EVP_PKEY *key, const char *id)
{
    X509_CRL *crl = X509_CRL_new();
    X509_NAME *issuer = X509_NAME_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    EVP_PKEY_CTX *key_context;
    EVP_MD_CTX *context = signing(&key_context, key, id);
    unsigned char *der = NULL;

    set_name(issuer, "CA");
    assert_true(X509_CRL_set_version(crl, X509_CRL_VERSION_2) && X509_CRL_set_issuer_name(crl, issuer) &&
                X509_CRL_set1_lastUpdate(crl, now) && X509_CRL_set1_nextUpdate(crl, now));
    assert_true(X509_CRL_sign_ctx(crl, context) > 0);
    signed_off(context, key_context);
    X509_NAME_free(issuer);
    ASN1_TIME_free(now);
    int len = i2d_X509_CRL(crl, &der);
    const unsigned char *at = der;
    X509_CRL_free(crl);
    crl = d2i_X509_CRL(NULL, &at, len); /* as it comes from the CA */
    OPENSSL_free(der);
    return crl;
}

static void test_a_crl_is_verified_under_the_standard_identifier(void **state)
{
    const struct {
        EVP_PKEY *signer;
        const char *id;
        EVP_PKEY *verifier;
        int good;
    } cases[] = {
        {sm2_key, RA_SM2_ID, sm2_key, 1}, {sm2_key, NO_ID, sm2_key, 0},      {sm2_key, OTHER_ID, sm2_key, 0},
        {sm2_key, RA_SM2_ID, sm2_other, 0}, {sm2_key, RA_SM2_ID, p256_key, 0}, {p256_key, NO_ID, p256_key, 1},
        {p256_key, NO_ID, sm2_key, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        X509_CRL *crl = crl_of(cases[i].signer, cases[i].id);

        assert_non_null(crl);
        if (ra_sm2_crl_verify(crl, cases[i].verifier) != cases[i].good) {
            fail_msg("case %d", (int)i);
        }
        X509_CRL_free(crl);
        ERR_clear_error();
    }
}

static int make_keys(void)
{
    sm2_key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    sm2_other = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    sm2_as_ec = EVP_EC_gen("SM2");
    p256_key = EVP_EC_gen("P-256");
    return sm2_key && sm2_other && sm2_as_ec && p256_key;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_a_request_with_the_standard_identifier_is_read),
        UNIT_TEST(test_every_other_identifier_is_refused),
        UNIT_TEST(test_another_signature_than_sm2s_is_refused),
        UNIT_TEST(test_the_algorithm_must_be_the_keys_own),
        UNIT_TEST(test_a_point_under_the_name_of_the_other_curve_is_refused),
        UNIT_TEST(test_a_bare_key_is_judged_too),
        UNIT_TEST(test_no_changed_or_cut_request_is_accepted),
        UNIT_TEST(test_a_request_for_a_ca_certificate_is_refused),
        UNIT_TEST(test_a_certificate_for_an_sm2_key_is_read),
        UNIT_TEST(test_chains_of_one_and_of_mixed_algorithms_are_verified),
        UNIT_TEST(test_a_certificate_signed_with_another_identifier_or_key_is_not_the_cas),
        UNIT_TEST(test_a_crl_is_verified_under_the_standard_identifier),
    };

    if (!make_keys()) {
        return 1;
    }
    int failed = UNIT_RUN(tests);
    EVP_PKEY_free(sm2_key);
    EVP_PKEY_free(sm2_other);
    EVP_PKEY_free(sm2_as_ec);
    EVP_PKEY_free(p256_key);
    return failed;
}
