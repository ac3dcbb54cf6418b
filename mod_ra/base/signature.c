/* See signature.h. Layer: base. Thread rule: a loaded key is immutable. */
#include "base/signature.h"

#include <apr_file_info.h>
#include <apr_strings.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/limits.h"

struct ra_signer_t {
    EVP_PKEY *key;
    ra_hash_t id;
};

struct ra_verifier_t {
    EVP_PKEY *key;
    ra_hash_t id;
};

static apr_status_t wrong(const char **perror, const char *path, const char *what, apr_pool_t *pool)
{
    *perror = apr_pstrcat(pool, path, ": ", what, NULL);
    ERR_clear_error();
    return APR_EINVAL;
}

static apr_status_t free_key(void *key)
{
    EVP_PKEY_free(key);
    return APR_SUCCESS;
}

/* Nobody is there to type a passphrase. */
static int no_passphrase(char *buffer, int size, int writing, void *data)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)data;
    return -1;
}

static int is_usable(const EVP_PKEY *key)
{
    char group[32] = "";

    if (EVP_PKEY_is_a(key, "RSA")) {
        return EVP_PKEY_get_bits(key) >= RA_RSA_MIN_BITS && EVP_PKEY_get_bits(key) <= RA_RSA_MAX_BITS;
    }
    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name((EVP_PKEY *)key, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

/* What is the same for both kinds of key: its id, its end. */
static apr_status_t take_key(ra_hash_t *id, EVP_PKEY *key, const char *path, const char **perror, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    int len;

    apr_pool_cleanup_register(pool, key, free_key, apr_pool_cleanup_null);
    if (!is_usable(key)) {
        return wrong(perror, path, "the key must be RSA of at least 2048 bits or P-256", pool);
    }
    len = i2d_PUBKEY(key, &der);
    if (len <= 0) {
        return wrong(perror, path, "the public key has no encoding", pool);
    }
    ra_sha256(id->bytes, der, (apr_size_t)len);
    OPENSSL_free(der);
    return APR_SUCCESS;
}

static int is_open_to_others(const char *path, apr_pool_t *pool)
{
    apr_finfo_t info;

    return apr_stat(&info, path, APR_FINFO_PROT, pool) != APR_SUCCESS ||
           (info.protection & (APR_FPROT_WREAD | APR_FPROT_WWRITE | APR_FPROT_WEXECUTE));
}

static apr_status_t check_public(const ra_signer_t *signer, const char *path, const char **perror, apr_pool_t *pool)
{
    ra_verifier_t *verifier;
    apr_status_t status = ra_verifier_load(&verifier, path, perror, pool);

    if (status == APR_SUCCESS && !ra_hash_equal(&signer->id, &verifier->id)) {
        status = wrong(perror, path, "does not belong to the private key", pool);
    }
    return status;
}

apr_status_t ra_signer_load(ra_signer_t **psigner, const char *path, const char *public_path, const char **perror, apr_pool_t *pool)
{
    ra_signer_t *signer = apr_pcalloc(pool, sizeof(*signer));
    BIO *in = BIO_new_file(path, "rb");
    apr_status_t status;

    *psigner = NULL;
    if (!in) {
        return wrong(perror, path, "not readable", pool);
    }
    signer->key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL);
    BIO_free(in);
    if (!signer->key) {
        return wrong(perror, path, "no PEM key without passphrase", pool);
    }
    status = take_key(&signer->id, signer->key, path, perror, pool);
    if (status == APR_SUCCESS && is_open_to_others(path, pool)) {
        status = wrong(perror, path, "open to others; say chmod o-rwx", pool);
    }
    if (status == APR_SUCCESS && public_path) {
        status = check_public(signer, public_path, perror, pool);
    }
    *psigner = status == APR_SUCCESS ? signer : NULL;
    return status;
}

const ra_hash_t *ra_signer_key(const ra_signer_t *signer)
{
    return &signer->id;
}

apr_status_t ra_sign(ra_bytes_t *psignature, const ra_signer_t *signer, ra_bytes_t data, apr_pool_t *pool)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t len = (size_t)EVP_PKEY_get_size(signer->key);
    unsigned char *signature = apr_palloc(pool, len);
    int ok = context && EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, signer->key, NULL) == 1 &&
             EVP_DigestSign(context, signature, &len, data.data, data.len) == 1;

    EVP_MD_CTX_free(context);
    ERR_clear_error();
    *psignature = ra_bytes_of(ok ? signature : NULL, ok ? len : 0);
    return ok ? APR_SUCCESS : APR_EGENERAL;
}

/* The key of a certificate, or a key by itself. */
static EVP_PKEY *read_public(BIO *in)
{
    X509 *cert = PEM_read_bio_X509(in, NULL, no_passphrase, NULL);
    EVP_PKEY *key;

    if (cert) {
        key = X509_get_pubkey(cert);
        X509_free(cert);
        return key;
    }
    return BIO_seek(in, 0) == 0 ? PEM_read_bio_PUBKEY(in, NULL, no_passphrase, NULL) : NULL;
}

apr_status_t ra_verifier_load(ra_verifier_t **pverifier, const char *path, const char **perror, apr_pool_t *pool)
{
    ra_verifier_t *verifier = apr_pcalloc(pool, sizeof(*verifier));
    BIO *in = BIO_new_file(path, "rb");

    *pverifier = NULL;
    if (!in) {
        return wrong(perror, path, "not readable", pool);
    }
    verifier->key = read_public(in);
    BIO_free(in);
    ERR_clear_error();
    if (!verifier->key) {
        return wrong(perror, path, "neither a PEM certificate nor a PEM public key", pool);
    }
    if (take_key(&verifier->id, verifier->key, path, perror, pool) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    *pverifier = verifier;
    return APR_SUCCESS;
}

const ra_hash_t *ra_verifier_key(const ra_verifier_t *verifier)
{
    return &verifier->id;
}

int ra_verify(const ra_verifier_t *verifier, ra_bytes_t data, ra_bytes_t signature)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int ok = context && EVP_DigestVerifyInit_ex(context, NULL, "SHA256", NULL, NULL, verifier->key, NULL) == 1 &&
             EVP_DigestVerify(context, signature.data, signature.len, data.data, data.len) == 1;

    EVP_MD_CTX_free(context);
    ERR_clear_error();
    return ok;
}
