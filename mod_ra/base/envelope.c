/* See envelope.h. Layer: base. Thread rule: free-threaded. */
#include "base/envelope.h"

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "base/limits.h"
#include "base/x509_internal.h"

static apr_status_t wipe(void *data)
{
    const ra_bytes_t *bytes = data;

    ra_wipe((void *)bytes->data, bytes->len);
    return APR_SUCCESS;
}

/* PKCS#8 of the key; what OpenSSL made in between is wiped at once, the result with the pool. */
static apr_status_t take_private(ra_bytes_t *ppkcs8, const EVP_PKEY *key, apr_pool_t *pool)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    ra_bytes_t *kept = apr_pcalloc(pool, sizeof(*kept));
    unsigned char *der = NULL;
    int len = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;

    if (len > 0) {
        *kept = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), pool);
        apr_pool_cleanup_register(pool, kept, wipe, apr_pool_cleanup_null);
    }
    OPENSSL_clear_free(der, len > 0 ? (size_t)len : 0);
    PKCS8_PRIV_KEY_INFO_free(info);
    *ppkcs8 = *kept;
    return len > 0 ? APR_SUCCESS : APR_EGENERAL;
}

apr_status_t ra_private_key_make(ra_bytes_t *ppkcs8, ra_bytes_t *pspki, ra_key_kind_e kind, apr_pool_t *pool)
{
    EVP_PKEY *key = NULL;
    unsigned char *der = NULL;
    apr_status_t status = APR_EGENERAL;

    if (kind != RA_KEY_RSA && kind != RA_KEY_EC_P256) {
        return APR_ENOTIMPL;
    }
    key = kind == RA_KEY_RSA ? EVP_RSA_gen(RA_RSA_MIN_BITS) : EVP_EC_gen("P-256");
    if (key) {
        int len = i2d_PUBKEY(key, &der);

        *pspki = ra_x509_take_der(der, len, pool);
        status = pspki->data ? take_private(ppkcs8, key, pool) : APR_EGENERAL;
    }
    EVP_PKEY_free(key);
    ERR_clear_error();
    return status;
}

/* How the content key reaches the recipient: SHA-256 throughout, where OpenSSL would take SHA-1. */
static int set_algorithms(CMS_RecipientInfo *recipient)
{
    EVP_PKEY_CTX *context = CMS_RecipientInfo_get0_pkey_ctx(recipient);

    switch (CMS_RecipientInfo_type(recipient)) {
    case CMS_RECIPINFO_TRANS:
        return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1;
    case CMS_RECIPINFO_AGREE:
        return EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) == 1;
    default:
        return 0;
    }
}

static CMS_ContentInfo *enveloped(BIO *content, X509 *certificate)
{
    unsigned flags = CMS_PARTIAL | CMS_BINARY;
    CMS_ContentInfo *cms = CMS_encrypt(NULL, NULL, EVP_aes_256_cbc(), flags);
    CMS_RecipientInfo *recipient = cms ? CMS_add1_recipient_cert(cms, certificate, CMS_KEY_PARAM) : NULL;

    if (!recipient || !set_algorithms(recipient) || CMS_final(cms, content, NULL, flags) != 1) {
        CMS_ContentInfo_free(cms);
        return NULL;
    }
    return cms;
}

apr_status_t ra_envelope_make(ra_bytes_t *penvelope, ra_bytes_t content, ra_bytes_t certificate, apr_pool_t *pool)
{
    const unsigned char *at = certificate.data;
    X509 *x509 = d2i_X509(NULL, &at, (long)certificate.len);
    BIO *in = BIO_new_mem_buf(content.data, (int)content.len);
    CMS_ContentInfo *cms = x509 && in ? enveloped(in, x509) : NULL;
    unsigned char *der = NULL;
    int len = cms ? i2d_CMS_ContentInfo(cms, &der) : 0;

    *penvelope = ra_x509_take_der(der, len, pool);
    CMS_ContentInfo_free(cms);
    BIO_free(in);
    X509_free(x509);
    ERR_clear_error();
    return penvelope->data ? APR_SUCCESS : APR_EGENERAL;
}
