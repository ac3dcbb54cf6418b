/* CMS signatures by OpenSSL. Layer: base. Thread rule: free-threaded. */
#include "base/cms.h"

#include <apr_strings.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/der.h"
#include "base/limits.h"

/* Exactly one ContentInfo, or NULL. */
static CMS_ContentInfo *decode(ra_bytes_t der)
{
    const unsigned char *at = der.data;
    CMS_ContentInfo *cms = der.len > 0 ? d2i_CMS_ContentInfo(NULL, &at, (long)der.len) : NULL;

    if (cms != NULL && at != der.data + der.len) {
        CMS_ContentInfo_free(cms);
        return NULL;
    }
    return cms;
}

static CMS_SignerInfo *only_signer(CMS_ContentInfo *cms)
{
    STACK_OF(CMS_SignerInfo) *infos = CMS_get0_SignerInfos(cms);

    return infos != NULL && sk_CMS_SignerInfo_num(infos) == 1 ? sk_CMS_SignerInfo_value(infos, 0) : NULL;
}

/* The certificate among those that came along that the signer names. */
static ra_bytes_t signer_der(CMS_ContentInfo *cms, CMS_SignerInfo *info, apr_pool_t *pool)
{
    STACK_OF(X509) *certs = CMS_get1_certs(cms);
    ra_bytes_t der = {NULL, 0};
    int i;

    for (i = 0; i < sk_X509_num(certs) && der.len == 0; i++) {
        X509 *cert = sk_X509_value(certs, i);
        unsigned char *bytes = NULL;
        int len = CMS_SignerInfo_cert_cmp(info, cert) == 0 ? i2d_X509(cert, &bytes) : 0;

        if (len > 0) {
            der = ra_bytes_copy(ra_bytes_of(bytes, (apr_size_t)len), pool);
        }
        OPENSSL_free(bytes);
    }
    sk_X509_pop_free(certs, X509_free);
    return der;
}

static int digest_is_strong(CMS_SignerInfo *info)
{
    X509_ALGOR *digest = NULL;
    int nid;

    CMS_SignerInfo_get0_algs(info, NULL, NULL, &digest, NULL);
    nid = digest != NULL ? OBJ_obj2nid(digest->algorithm) : NID_undef;
    return nid == NID_sha256 || nid == NID_sha384 || nid == NID_sha512;
}

/* OpenSSL looks for the name of the certificate only where there are signed attributes at all. */
static int names_certificate(CMS_SignerInfo *info)
{
    return CMS_signed_get_attr_count(info) > 0 && (CMS_signed_get_attr_by_NID(info, NID_id_smime_aa_signingCertificateV2, -1) >= 0 ||
                                                   CMS_signed_get_attr_by_NID(info, NID_id_smime_aa_signingCertificate, -1) >= 0);
}

static int key_is_usable(const ra_cert_t *cert)
{
    return (cert->key.kind == RA_KEY_RSA && cert->key.bits >= RA_RSA_MIN_BITS) || cert->key.kind == RA_KEY_EC_P256;
}

static int may_sign(const ra_cert_t *cert)
{
    return *cert->key_usage == '\0' || strstr(cert->key_usage, "digitalSignature") != NULL ||
           strstr(cert->key_usage, "nonRepudiation") != NULL;
}

/* NULL, or what is wrong. */
static const char *examine(ra_cms_t *read, CMS_ContentInfo *cms, apr_pool_t *pool)
{
    CMS_SignerInfo *info = OBJ_obj2nid(CMS_get0_type(cms)) == NID_pkcs7_signed ? only_signer(cms) : NULL;
    ra_bytes_t der;

    if (info == NULL) {
        return "not SignedData of exactly one signer";
    }
    if (CMS_is_detached(cms) != 1) {
        return "the content must not be in it (detached)";
    }
    if (!digest_is_strong(info)) {
        return "the digest must be SHA-256, SHA-384 or SHA-512";
    }
    if (!names_certificate(info)) {
        return "the signed attributes must name the certificate (CAdES)";
    }
    der = signer_der(cms, info, pool);
    if (der.len == 0 || ra_cert_parse(&read->signer, der, ra_result_make(pool), pool) != APR_SUCCESS) {
        return "the signer's certificate is not in it";
    }
    if (!key_is_usable(read->signer)) {
        return "the signer's key must be RSA of at least 2048 bits or P-256";
    }
    return may_sign(read->signer) ? NULL : "the signer's certificate is not for signing";
}

static apr_status_t bytes_of(ra_bytes_t *pder, const char *text, apr_pool_t *pool)
{
    static const char *const labels[] = {"CMS", "PKCS7", NULL};

    return strncmp(text, "-----", 5) == 0 ? ra_pem_read(pder, text, labels, pool) : ra_base64_decode(pder, text, pool);
}

apr_status_t ra_cms_read(ra_cms_t **pcms, const char *text, const char **pwrong, apr_pool_t *pool)
{
    ra_cms_t *read = apr_pcalloc(pool, sizeof(*read));
    CMS_ContentInfo *cms = NULL;

    *pcms = NULL;
    ERR_clear_error();
    if (bytes_of(&read->der, text, pool) == APR_SUCCESS && read->der.len <= RA_CMS_MAX_BYTES) {
        cms = decode(read->der);
    }
    *pwrong = cms != NULL ? examine(read, cms, pool) : "neither PEM nor base64 of one CMS message";
    CMS_ContentInfo_free(cms);
    ERR_clear_error();
    if (*pwrong != NULL) {
        return APR_EINVAL;
    }
    ra_sha256(read->sha256, read->der.data, read->der.len);
    *pcms = read;
    return APR_SUCCESS;
}

/* The signer's certificate is the only one that is looked at, and its own trust anchor: the caller knows it by its hash. */
static X509_STORE *store_of(X509 *cert)
{
    X509_STORE *store = X509_STORE_new();

    if (store != NULL && (X509_STORE_add_cert(store, cert) != 1 ||
                          X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME) != 1 ||
                          X509_STORE_set_purpose(store, X509_PURPOSE_ANY) != 1)) {
        X509_STORE_free(store);
        return NULL;
    }
    return store;
}

static int verify(CMS_ContentInfo *cms, X509 *cert, ra_bytes_t content)
{
    STACK_OF(X509) *certs = sk_X509_new_null();
    X509_STORE *store = store_of(cert);
    BIO *in = BIO_new_mem_buf(content.data, (int)content.len);
    int ok = certs != NULL && store != NULL && in != NULL && sk_X509_push(certs, cert) > 0 &&
             CMS_verify(cms, certs, store, in, NULL, CMS_BINARY | CMS_CADES | CMS_NOINTERN | CMS_NOCRL) == 1;

    BIO_free(in);
    X509_STORE_free(store);
    sk_X509_free(certs);
    return ok;
}

int ra_cms_is_over(const ra_cms_t *cms, ra_bytes_t content)
{
    CMS_ContentInfo *info = decode(cms->der);
    const unsigned char *at = cms->signer->der.data;
    X509 *cert = d2i_X509(NULL, &at, (long)cms->signer->der.len);
    int ok = info != NULL && cert != NULL && content.len > 0 && verify(info, cert, content);

    X509_free(cert);
    CMS_ContentInfo_free(info);
    ERR_clear_error();
    return ok;
}

const char *ra_cms_pem(ra_bytes_t der, apr_pool_t *pool)
{
    BIO *out = BIO_new(BIO_s_mem());
    const char *text = NULL;
    char *data;

    if (out != NULL && PEM_write_bio(out, "CMS", "", der.data, (long)der.len) > 0) {
        long len = BIO_get_mem_data(out, &data);
        text = apr_pstrmemdup(pool, data, (apr_size_t)len);
    }
    BIO_free(out);
    ERR_clear_error();
    return text;
}
