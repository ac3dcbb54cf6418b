/* Makes certificates (see cert_fixture.h). */
#include "unit.h"

#include <apr_file_io.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>

#include "cert_fixture.h"

static ra_bytes_t taken(unsigned char *der, int len, apr_pool_t *pool)
{
    ra_bytes_t bytes;

    assert_true(len > 0);
    bytes = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), pool);
    OPENSSL_free(der);
    return bytes;
}

static X509_NAME *name_of(const char *const (*subject)[2])
{
    X509_NAME *name = X509_NAME_new();

    for (; (*subject)[0]; subject++) {
        int joined = *(*subject)[0] == '+';

        assert_int_equal(X509_NAME_add_entry_by_txt(name, (*subject)[0] + joined, MBSTRING_UTF8,
                                                    (const unsigned char *)(*subject)[1], -1, -1, joined ? -1 : 0),
                         1);
    }
    return name;
}

static void add_extension(X509 *x509, int nid, const char *value)
{
    X509_EXTENSION *extension = value ? X509V3_EXT_conf_nid(NULL, NULL, nid, value) : NULL;

    if (value) {
        assert_non_null(extension);
        assert_int_equal(X509_add_ext(x509, extension, -1), 1);
        X509_EXTENSION_free(extension);
    }
}

ra_bytes_t cert_der(X509 *cert, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);

    return taken(der, len, pool);
}

ra_bytes_t cert_spki(EVP_PKEY *key, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(key, &der);

    return taken(der, len, pool);
}

ra_cert_t *cert_made(const cert_wish_t *wish, apr_pool_t *pool)
{
    static const char *const issuer[][2] = {{"CN", "test issuer"}, {NULL, NULL}};
    EVP_PKEY *signer = EVP_EC_gen("P-256");
    X509_NAME *issuer_name = name_of(issuer), *subject_name = name_of(wish->subject);
    X509 *x509 = X509_new();
    ra_result_t *result = ra_result_make(pool);
    unsigned char *der = NULL;
    ra_cert_t *cert;

    assert_int_equal(X509_set_version(x509, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(x509), 4711), 1);
    assert_int_equal(X509_set_issuer_name(x509, issuer_name), 1);
    assert_int_equal(X509_set_subject_name(x509, subject_name), 1);
    assert_non_null(ASN1_TIME_set(X509_getm_notBefore(x509), (time_t)apr_time_sec(wish->not_before)));
    assert_non_null(ASN1_TIME_set(X509_getm_notAfter(x509), (time_t)apr_time_sec(wish->not_after)));
    assert_int_equal(X509_set_pubkey(x509, wish->key), 1);
    add_extension(x509, NID_basic_constraints, wish->constraints);
    add_extension(x509, NID_key_usage, wish->key_usage);
    add_extension(x509, NID_ext_key_usage, wish->ext_key_usage);
    add_extension(x509, NID_subject_alt_name, wish->names);
    assert_true(X509_sign(x509, signer, EVP_sha256()) > 0);
    int len = i2d_X509(x509, &der);
    X509_free(x509);
    X509_NAME_free(issuer_name);
    X509_NAME_free(subject_name);
    EVP_PKEY_free(signer);
    if (ra_cert_parse(&cert, taken(der, len, pool), result, pool) != APR_SUCCESS) {
        fail_msg("the certificate cannot be read: %s", result->log_detail);
    }
    return cert;
}

const char *cert_file(const ra_bytes_t *certs, int count, apr_pool_t *pool)
{
    const char *folder;
    apr_file_t *file;
    char *path;

    assert_int_equal(apr_temp_dir_get(&folder, pool), APR_SUCCESS);
    path = apr_pstrcat(pool, folder, "/ra-test-ca-XXXXXX", NULL);
    assert_int_equal(apr_file_mktemp(&file, path, APR_READ | APR_WRITE | APR_CREATE | APR_EXCL | APR_DELONCLOSE, pool),
                     APR_SUCCESS);
    for (int i = 0; i < count; i++) {
        apr_file_puts(ra_cert_pem(certs[i], pool), file);
    }
    apr_file_flush(file);
    return path;
}

apr_status_t cert_verified(const ra_cert_t *cert, const char *ca_file, apr_time_t when, ra_result_t *result, apr_pool_t *pool)
{
    ra_trust_t *trust;
    apr_status_t status = ra_trust_load(&trust, ca_file, result, pool);

    return status == APR_SUCCESS ? ra_trust_verify(trust, cert, when, result) : status;
}
