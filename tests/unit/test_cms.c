/* CMS signatures of decisions: what is read, what is refused, what a signature is over. */
#include "unit.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/cms.h"
#include "base/limits.h"

#define CONTENT "{\"decision\":\"approve\"}"
#define USUAL (CMS_BINARY | CMS_DETACHED | CMS_PARTIAL)

static X509 *certify(EVP_PKEY *key, const char *name)
{
    X509 *cert = X509_new();
    X509_NAME *subject = X509_get_subject_name(cert);

    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0);
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
    X509_set_issuer_name(cert, subject);
    X509_gmtime_adj(X509_getm_notBefore(cert), -10);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

/* How a signature is made. */
typedef struct making_t {
    unsigned flags;        /* of CMS_sign */
    unsigned signer_flags; /* of CMS_add1_signer */
    const EVP_MD *digest;
    int signers;
} making_t;

static CMS_ContentInfo *sign(EVP_PKEY *key, const making_t *making)
{
    CMS_ContentInfo *cms = CMS_sign(NULL, NULL, NULL, NULL, making->flags);
    BIO *in = BIO_new_mem_buf(CONTENT, -1);

    for (int i = 0; i < making->signers; i++) {
        X509 *cert = certify(key, i == 0 ? "first" : "second");
        assert_non_null(CMS_add1_signer(cms, cert, key, making->digest, making->signer_flags));
        X509_free(cert);
    }
    assert_int_equal(CMS_final(cms, in, NULL, making->flags), 1);
    BIO_free(in);
    return cms;
}

/* Freed here; PEM. */
static const char *pem_of(CMS_ContentInfo *cms, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    int len = i2d_CMS_ContentInfo(cms, &der);
    const char *pem;

    assert_true(len > 0);
    pem = ra_cms_pem(ra_bytes_of(der, (apr_size_t)len), pool);
    OPENSSL_free(der);
    CMS_ContentInfo_free(cms);
    return pem;
}

static const char *signature_with(EVP_PKEY *key, const making_t *making, apr_pool_t *pool)
{
    return pem_of(sign(key, making), pool);
}

static const making_t right = {USUAL, CMS_CADES, NULL, 1};

static void check_right(EVP_PKEY *key, apr_pool_t *pool)
{
    const char *wrong;
    ra_cms_t *cms;

    assert_int_equal(ra_cms_read(&cms, signature_with(key, &right, pool), &wrong, pool), APR_SUCCESS);
    assert_null(wrong);
    assert_string_equal(ra_name_get(&cms->signer->subject, "CN"), "first");
    assert_true(ra_cms_is_over(cms, ra_bytes_text(CONTENT)));
    assert_false(ra_cms_is_over(cms, ra_bytes_text(CONTENT " ")));
    assert_false(ra_cms_is_over(cms, ra_bytes_text("{\"decision\":\"reject\"}")));
    assert_false(ra_cms_is_over(cms, ra_bytes_of(NULL, 0)));
    assert_int_equal(ERR_peek_error(), 0);
    EVP_PKEY_free(key);
}

static void test_rsa_and_p256_sign_exactly_these_bytes(void **state)
{
    check_right(EVP_EC_gen("P-256"), *state);
    check_right(EVP_RSA_gen(2048), *state);
}

static void check_refused(EVP_PKEY *key, const making_t *making, const char *why, apr_pool_t *pool)
{
    const char *wrong;
    ra_cms_t *cms;

    assert_int_equal(ra_cms_read(&cms, signature_with(key, making, pool), &wrong, pool), APR_EINVAL);
    assert_null(cms);
    assert_non_null(strstr(wrong, why));
    assert_int_equal(ERR_peek_error(), 0);
}

static void test_other_forms_are_refused_with_their_reason(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *curve = EVP_EC_gen("P-384"), *weak = EVP_RSA_gen(1024);
    const making_t attached = {CMS_BINARY | CMS_PARTIAL, CMS_CADES, NULL, 1}, bare = {USUAL, CMS_CADES | CMS_NOCERTS, NULL, 1},
                   old = {USUAL, CMS_CADES, EVP_sha1(), 1}, two = {USUAL, CMS_CADES, NULL, 2};

    check_refused(key, &attached, "detached", *state);
    check_refused(key, &bare, "certificate is not in it", *state);
    check_refused(key, &old, "SHA-256", *state);
    check_refused(key, &two, "exactly one signer", *state);
    check_refused(curve, &right, "P-256", *state);
    check_refused(weak, &right, "2048", *state);
    EVP_PKEY_free(key);
    EVP_PKEY_free(curve);
    EVP_PKEY_free(weak);
}

/* Also where there are no signed attributes at all, which OpenSSL would let pass. */
static void test_signature_that_does_not_name_its_certificate_is_refused(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    const making_t plain = {USUAL, 0, NULL, 1}, no_attributes = {USUAL, CMS_NOATTR, NULL, 1};

    check_refused(key, &plain, "CAdES", *state);
    check_refused(key, &no_attributes, "CAdES", *state);
    EVP_PKEY_free(key);
}

static ra_bytes_t der_of(const char *pem, apr_pool_t *pool)
{
    const char *wrong;
    ra_cms_t *cms;

    assert_int_equal(ra_cms_read(&cms, pem, &wrong, pool), APR_SUCCESS);
    return cms->der;
}

/* Whatever one bit is turned: no crash, no leak, and never another content. What the signature does not cover may change. */
static void test_turned_bits_never_make_it_fit_another_content(void **state)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    ra_bytes_t der = der_of(signature_with(key, &right, *state), *state);
    unsigned char *copy = apr_palloc(*state, der.len);
    const char *wrong;
    ra_cms_t *cms;

    for (apr_size_t i = 0; i < der.len; i++) {
        memcpy(copy, der.data, der.len);
        copy[i] ^= (unsigned char)(1 << (i % 8));
        if (ra_cms_read(&cms, ra_cms_pem(ra_bytes_of(copy, der.len), *state), &wrong, *state) == APR_SUCCESS) {
            assert_false(ra_cms_is_over(cms, ra_bytes_text("{\"decision\":\"reject\"}")));
            ra_cms_is_over(cms, ra_bytes_text(CONTENT));
        }
        assert_int_equal(ERR_peek_error(), 0);
    }
    EVP_PKEY_free(key);
}

static void test_what_is_no_signature_is_refused(void **state)
{
    static const char *const texts[] = {"", "x", "MIIB", "MAA=", "-----BEGIN CMS-----\n-----END CMS-----\n", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
                                        "MIAGCSqGSIb3DQEHAqCAMIACAQExAAAAAAA="};
    EVP_PKEY *key = EVP_EC_gen("P-256");
    ra_bytes_t der = der_of(signature_with(key, &right, *state), *state);
    unsigned char *longer = apr_pcalloc(*state, RA_CMS_MAX_BYTES + 1);
    const char *wrong;
    ra_cms_t *cms;

    for (apr_size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(ra_cms_read(&cms, texts[i], &wrong, *state), APR_EINVAL);
        assert_non_null(wrong);
    }
    memcpy(longer, der.data, der.len);
    assert_int_equal(ra_cms_read(&cms, ra_cms_pem(ra_bytes_of(longer, der.len + 1), *state), &wrong, *state), APR_EINVAL);
    assert_int_equal(ra_cms_read(&cms, ra_cms_pem(ra_bytes_of(longer, RA_CMS_MAX_BYTES + 1), *state), &wrong, *state), APR_EINVAL);
    assert_int_equal(ERR_peek_error(), 0);
    EVP_PKEY_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_rsa_and_p256_sign_exactly_these_bytes),
        UNIT_TEST(test_other_forms_are_refused_with_their_reason),
        UNIT_TEST(test_signature_that_does_not_name_its_certificate_is_refused),
        UNIT_TEST(test_turned_bits_never_make_it_fit_another_content),
        UNIT_TEST(test_what_is_no_signature_is_refused),
    };

    return UNIT_RUN(tests);
}
