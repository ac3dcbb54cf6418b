/*
 * Makes the CMP adapter: reads credential, trust and TLS files once, where secrets may be read; children cannot any
 * more. Layer: upstream. Thread rule: at start, before threads; the result is immutable and shared.
 */
#include "upstream/cmp_internal.h"

#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/limits.h"
#include "base/sm2.h"

#define FILE_MAX_BYTES (1024 * 1024)

static apr_status_t wrong(ra_result_t *result, const char *what, const char *path)
{
    result->log_detail = apr_psprintf(result->pool, "%s: %s", path != NULL ? path : "(not set)", what);
    ERR_clear_error();
    return APR_EINVAL;
}

static void free_credential(ra_cmp_credential_t *credential)
{
    X509_free(credential->cert);
    EVP_PKEY_free(credential->key);
    sk_X509_pop_free(credential->chain, X509_free);
}

static apr_status_t free_adapter(void *data)
{
    ra_cmp_t *cmp = data;

    free_credential(&cmp->signer);
    free_credential(&cmp->front);
    X509_STORE_free(cmp->trust);
    X509_NAME_free(cmp->ca_name);
    X509_NAME_free(cmp->sender);
    return APR_SUCCESS;
}

static apr_status_t wipe_bytes(void *data)
{
    const ra_bytes_t *bytes = data;

    ra_wipe((void *)bytes->data, bytes->len);
    return APR_SUCCESS;
}

/* The whole file, wiped with the pool since it may be a key; {NULL,0} on failure. */
static ra_bytes_t read_file(const char *path, apr_pool_t *pool)
{
    BIO *in = path != NULL ? BIO_new_file(path, "rb") : NULL;
    unsigned char *room = in != NULL ? OPENSSL_malloc(FILE_MAX_BYTES) : NULL;
    ra_bytes_t *bytes = apr_pcalloc(pool, sizeof(*bytes));
    int len = room != NULL ? BIO_read(in, room, FILE_MAX_BYTES) : -1;

    if (len > 0 && len < FILE_MAX_BYTES) {
        *bytes = ra_bytes_copy(ra_bytes_of(room, (apr_size_t)len), pool);
        apr_pool_cleanup_register(pool, bytes, wipe_bytes, apr_pool_cleanup_null);
    }
    OPENSSL_clear_free(room, FILE_MAX_BYTES);
    BIO_free(in);
    return *bytes;
}

static BIO *bio_of(ra_bytes_t bytes)
{
    return bytes.len > 0 ? BIO_new_mem_buf(bytes.data, (int)bytes.len) : NULL;
}

/* A key file with a passphrase cannot be used: nobody is there to type it. */
static int no_passphrase(char *buffer, int size, int writing, void *data)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)data;
    return -1;
}

static int key_is_usable(EVP_PKEY *key)
{
    char group[32] = "";

    if (EVP_PKEY_is_a(key, "RSA")) {
        return EVP_PKEY_get_bits(key) >= RA_RSA_MIN_BITS;
    }
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

static X509 *read_certificates(STACK_OF(X509) * chain, BIO *in)
{
    X509 *first = in != NULL ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    X509 *cert;

    while (first != NULL && chain != NULL && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        if (!sk_X509_push(chain, cert)) {
            X509_free(cert);
            break;
        }
    }
    ERR_clear_error(); /* the end of the file */
    return first;
}

static apr_status_t load_credential(ra_cmp_credential_t *credential, const char *cert_file, const char *key_file,
                                    ra_result_t *result, apr_pool_t *pool)
{
    BIO *cert = bio_of(read_file(cert_file, pool));
    BIO *key = bio_of(read_file(key_file, pool));

    credential->chain = sk_X509_new_null();
    credential->cert = read_certificates(credential->chain, cert);
    credential->key = key != NULL ? PEM_read_bio_PrivateKey(key, NULL, no_passphrase, NULL) : NULL;
    BIO_free(cert);
    BIO_free(key);
    if (credential->cert == NULL) {
        return wrong(result, "no PEM certificate to sign CMP messages with", cert_file);
    }
    if (credential->key == NULL) {
        return wrong(result, "no PEM key without passphrase", key_file);
    }
    if (!key_is_usable(credential->key)) {
        return wrong(result, "the key must be RSA of at least 2048 bits or P-256", key_file);
    }
    if (X509_check_private_key(credential->cert, credential->key) != 1) {
        return wrong(result, "the key does not belong to the signer certificate", key_file);
    }
    return APR_SUCCESS;
}

static apr_status_t load_signer(ra_cmp_t *cmp, const ra_cmp_settings_t *settings, ra_result_t *result, apr_pool_t *pool)
{
    return load_credential(&cmp->signer, settings->signer_cert_file, settings->signer_key_file, result, pool);
}

/* OpenSSL's clients believe a signed message only from a certificate that may sign. */
static apr_status_t load_front(ra_cmp_t *cmp, const ra_cmp_settings_t *settings, ra_result_t *result, apr_pool_t *pool)
{
    apr_status_t status;

    if (settings->front_cert_file == NULL) {
        return APR_SUCCESS;
    }
    status = load_credential(&cmp->front, settings->front_cert_file, settings->front_key_file, result, pool);
    if (status == APR_SUCCESS && (X509_get_key_usage(cmp->front.cert) & X509v3_KU_DIGITAL_SIGNATURE) == 0) {
        return wrong(result, "the key usage of the certificate lacks digitalSignature", settings->front_cert_file);
    }
    return status;
}

/* All certificates of the file become trusted as they are; the first one's subject is the CA's name. */
static apr_status_t load_trust(ra_cmp_t *cmp, const ra_cmp_settings_t *settings, ra_result_t *result, apr_pool_t *pool)
{
    BIO *in = bio_of(read_file(settings->trust_file, pool));
    X509 *cert;
    int ok = in != NULL && (cmp->trust = X509_STORE_new()) != NULL &&
             X509_STORE_set_flags(cmp->trust, X509_V_FLAG_PARTIAL_CHAIN) == 1;

    while (ok && (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        if (cmp->ca_name == NULL) {
            cmp->ca_name = X509_NAME_dup(X509_get_subject_name(cert));
        }
        ok = cmp->ca_name != NULL && ra_sm2_prepare_cert(cert) && X509_STORE_add_cert(cmp->trust, cert) == 1;
        X509_free(cert);
    }
    BIO_free(in);
    if (!ok || cmp->ca_name == NULL) {
        return wrong(result, "no PEM certificate of the CA", settings->trust_file);
    }
    ERR_clear_error(); /* the end of the file */
    return APR_SUCCESS;
}

/* A CA whose answers are signed by a responder of its own has another name there. */
static apr_status_t load_sender(ra_cmp_t *cmp, const ra_cmp_settings_t *settings, ra_result_t *result)
{
    cmp->sender_is_ca = settings->sender == NULL;
    cmp->sender = settings->sender != NULL ? ra_cmp_name_parse(settings->sender) : X509_NAME_dup(cmp->ca_name);
    return cmp->sender != NULL ? APR_SUCCESS : wrong(result, "not a name of the form /C=CN/O=…/CN=…", settings->sender);
}

static apr_status_t load_target(ra_cmp_t *cmp, const ra_cmp_settings_t *settings, ra_result_t *result, apr_pool_t *pool)
{
    ra_http_target_t *target = &cmp->target;

    if (settings->url == NULL ||
        (strncmp(settings->url, "https://", 8) != 0 && strncmp(settings->url, "http://", 7) != 0)) {
        return wrong(result, "not an http or https URL", settings->url);
    }
    target->url = apr_pstrdup(pool, settings->url);
    if (strncmp(settings->url, "https://", 8) == 0 &&
        (target->ca_pem = read_file(settings->tls_ca_file, pool)).len == 0) {
        return wrong(result, "cannot be read; it is to verify the CA's TLS server", settings->tls_ca_file);
    }
    if (settings->tls_cert_file == NULL) {
        return APR_SUCCESS;
    }
    if ((target->cert_pem = read_file(settings->tls_cert_file, pool)).len == 0) {
        return wrong(result, "cannot be read", settings->tls_cert_file);
    }
    if ((target->key_pem = read_file(settings->tls_key_file, pool)).len == 0) {
        return wrong(result, "cannot be read", settings->tls_key_file);
    }
    return APR_SUCCESS;
}

/* The signer's certificate as people are shown it. */
static apr_status_t show_credential(ra_ca_t *ca, const ra_cmp_t *cmp, const ra_cmp_settings_t *settings, ra_result_t *result, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cmp->signer.cert, &der);
    ra_cert_t *cert = NULL;
    apr_status_t status = len > 0 ? ra_cert_parse(&cert, ra_bytes_of(der, (apr_size_t)len), result, pool) : APR_EGENERAL;

    OPENSSL_free(der);
    ca->credential = cert;
    return status == APR_SUCCESS ? APR_SUCCESS : wrong(result, "its certificate cannot be read", settings->signer_cert_file);
}

apr_status_t ra_cmp_make(ra_ca_t **pca, const ra_cmp_settings_t *settings, ra_result_t *result, apr_pool_t *pool)
{
    ra_cmp_t *cmp = apr_pcalloc(pool, sizeof(*cmp));
    ra_ca_adapter_t *adapter = apr_pcalloc(pool, sizeof(*adapter));
    ra_ca_t *ca = apr_pcalloc(pool, sizeof(*ca));
    apr_status_t status;

    ERR_clear_error();
    apr_pool_cleanup_register(pool, cmp, free_adapter, apr_pool_cleanup_null);
    cmp->use_p10cr = settings->use_p10cr;
    cmp->connect_timeout = settings->connect_timeout;
    if ((status = load_target(cmp, settings, result, pool)) != APR_SUCCESS ||
        (status = load_signer(cmp, settings, result, pool)) != APR_SUCCESS ||
        (status = load_front(cmp, settings, result, pool)) != APR_SUCCESS ||
        (status = load_trust(cmp, settings, result, pool)) != APR_SUCCESS ||
        (status = load_sender(cmp, settings, result)) != APR_SUCCESS ||
        (status = show_credential(ca, cmp, settings, result, pool)) != APR_SUCCESS) {
        return status;
    }
    adapter->name = "cmp";
    adapter->resend_is_idempotent = settings->resend_is_idempotent;
    adapter->needs_csr = settings->use_p10cr;
    adapter->enrol = ra_cmp_enrol;
    adapter->revoke = ra_cmp_revoke;
    ca->adapter = adapter;
    ca->settings = cmp;
    *pca = ca;
    return APR_SUCCESS;
}
