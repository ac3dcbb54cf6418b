/* Keys made for somebody else and their envelope: opened by the holder of the certificate's key, by nobody else. */
#include "unit.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/envelope.h"
#include "base/limits.h"

static EVP_PKEY *read_private(ra_bytes_t pkcs8)
{
    const unsigned char *at = pkcs8.data;
    EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &at, (long)pkcs8.len);

    assert_non_null(key);
    assert_ptr_equal(at, pkcs8.data + pkcs8.len);
    return key;
}

static ra_bytes_t certificate_for(EVP_PKEY *key, apr_pool_t *pool)
{
    EVP_PKEY *issuer = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    unsigned char *der = NULL;

    assert_true(X509_set_version(cert, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 7) &&
                X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)"a", -1, -1, 0) &&
                X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_UTF8, (const unsigned char *)"b", -1, -1, 0) &&
                X509_gmtime_adj(X509_getm_notBefore(cert), 0) && X509_gmtime_adj(X509_getm_notAfter(cert), 60) &&
                X509_set_pubkey(cert, key) && X509_sign(cert, issuer, EVP_sha256()));
    int len = i2d_X509(cert, &der);
    ra_bytes_t bytes = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), pool);
    OPENSSL_free(der);
    X509_free(cert);
    EVP_PKEY_free(issuer);
    return bytes;
}

static CMS_ContentInfo *read_envelope(ra_bytes_t envelope)
{
    const unsigned char *at = envelope.data;
    CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &at, (long)envelope.len);

    assert_non_null(cms);
    assert_ptr_equal(at, envelope.data + envelope.len);
    return cms;
}

/* {NULL,0}: it does not open, or what comes out is not what went in (RSA answers a wrong key with random content). */
static ra_bytes_t opened(ra_bytes_t envelope, EVP_PKEY *key, apr_pool_t *pool)
{
    CMS_ContentInfo *cms = read_envelope(envelope);
    BIO *out = BIO_new(BIO_s_mem());
    ra_bytes_t content = {NULL, 0};
    char *data;

    if (CMS_decrypt(cms, key, NULL, NULL, out, CMS_BINARY) == 1) {
        long len = BIO_get_mem_data(out, &data);

        content = ra_bytes_copy(ra_bytes_of(data, (apr_size_t)len), pool);
    }
    BIO_free(out);
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    return content;
}

static void test_made_keys_are_whole_and_different(void **state)
{
    static const ra_key_kind_e kinds[] = {RA_KEY_RSA, RA_KEY_EC_P256};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        ra_bytes_t pkcs8[2], spki[2];
        ra_result_t *result = ra_result_make(*state);
        ra_csr_t *csr;

        for (int j = 0; j < 2; j++) {
            assert_int_equal(ra_private_key_make(&pkcs8[j], &spki[j], kinds[i], *state), APR_SUCCESS);
            assert_int_equal(ERR_peek_error(), 0);
        }
        assert_false(ra_bytes_equal(spki[0], spki[1]));
        assert_int_equal(ra_csr_of_key(&csr, spki[0], "/csr", result, *state), APR_SUCCESS);
        assert_int_equal(csr->key.kind, kinds[i]);
        EVP_PKEY *key = read_private(pkcs8[0]);
        unsigned char *der = NULL;
        int len = i2d_PUBKEY(key, &der);
        assert_true(ra_bytes_equal(ra_bytes_of(der, (apr_size_t)len), spki[0]));
        OPENSSL_free(der);
        EVP_PKEY_free(key);
    }
}

static void test_other_kinds_are_not_made(void **state)
{
    ra_bytes_t pkcs8, spki;

    assert_int_equal(ra_private_key_make(&pkcs8, &spki, RA_KEY_SM2, *state), APR_ENOTIMPL);
    assert_int_equal(ra_private_key_make(&pkcs8, &spki, RA_KEY_OTHER, *state), APR_ENOTIMPL);
}

static void assert_only_the_holder_opens(EVP_PKEY *holder, EVP_PKEY *stranger, apr_pool_t *pool)
{
    ra_bytes_t content = ra_bytes_text("PKCS#8 of somebody"), envelope, again;
    ra_bytes_t certificate = certificate_for(holder, pool);

    assert_int_equal(ra_envelope_make(&envelope, content, certificate, pool), APR_SUCCESS);
    assert_int_equal(ra_envelope_make(&again, content, certificate, pool), APR_SUCCESS);
    assert_false(ra_bytes_equal(envelope, again));
    assert_int_equal(ERR_peek_error(), 0);
    assert_true(ra_bytes_equal(opened(envelope, holder, pool), content));
    assert_false(ra_bytes_equal(opened(envelope, stranger, pool), content));
}

static void test_an_envelope_is_opened_with_the_key_of_the_certificate_alone(void **state)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048), *other_rsa = EVP_RSA_gen(2048), *ec = EVP_EC_gen("P-256"), *other_ec = EVP_EC_gen("P-256");

    assert_only_the_holder_opens(rsa, other_rsa, *state);
    assert_only_the_holder_opens(ec, other_ec, *state);
    EVP_PKEY_free(rsa);
    EVP_PKEY_free(other_rsa);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(other_ec);
}

/* PKCS #1 v1.5 and SHA-1 would be what OpenSSL takes by itself. */
static void test_an_envelope_uses_oaep_with_sha256(void **state)
{
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    ra_bytes_t envelope;
    X509_ALGOR *algorithm = NULL;

    assert_int_equal(ra_envelope_make(&envelope, ra_bytes_text("x"), certificate_for(rsa, *state), *state), APR_SUCCESS);
    CMS_ContentInfo *cms = read_envelope(envelope);
    CMS_RecipientInfo *recipient = sk_CMS_RecipientInfo_value(CMS_get0_RecipientInfos(cms), 0);
    assert_int_equal(CMS_RecipientInfo_ktri_get0_algs(recipient, NULL, NULL, &algorithm), 1);
    assert_int_equal(OBJ_obj2nid(algorithm->algorithm), NID_rsaesOaep);
    RSA_OAEP_PARAMS *params = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_OAEP_PARAMS), algorithm->parameter);
    assert_int_equal(OBJ_obj2nid(params->hashFunc->algorithm), NID_sha256);
    RSA_OAEP_PARAMS_free(params);
    CMS_ContentInfo_free(cms);
    EVP_PKEY_free(rsa);
}

static void test_what_cannot_be_enveloped_is_refused(void **state)
{
    EVP_PKEY *sm2 = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    ra_bytes_t envelope;

    assert_int_equal(ra_envelope_make(&envelope, ra_bytes_text("x"), ra_bytes_text("no certificate"), *state), APR_EGENERAL);
    assert_int_equal(ra_envelope_make(&envelope, ra_bytes_text("x"), certificate_for(sm2, *state), *state), APR_EGENERAL);
    assert_null(envelope.data);
    assert_int_equal(ERR_peek_error(), 0);
    EVP_PKEY_free(sm2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_made_keys_are_whole_and_different),
        UNIT_TEST(test_other_kinds_are_not_made),
        UNIT_TEST(test_an_envelope_is_opened_with_the_key_of_the_certificate_alone),
        UNIT_TEST(test_an_envelope_uses_oaep_with_sha256),
        UNIT_TEST(test_what_cannot_be_enveloped_is_refused),
    };

    return UNIT_RUN(tests);
}
