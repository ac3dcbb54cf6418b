/*
 * Detached CMS signatures (RFC 5652) with the signing certificate named in a signed attribute, as CAdES wants (ETSI EN
 * 319 122-1, RFC 5035): what `openssl cms -sign -binary -cades` makes. RSA and P-256; OpenSSL 3.0 cannot do SM2 here.
 * Layer: base. Thread rule: free-threaded; everything returned lives in the pool given.
 */
#ifndef RA_BASE_CMS_H
#define RA_BASE_CMS_H

#include "base/x509.h"

typedef struct ra_cms_t {
    ra_bytes_t der;
    unsigned char sha256[RA_SHA256_BYTES]; /* of der */
    ra_cert_t *signer;                     /* the certificate that came along; nothing about it is verified */
} ra_cms_t;

/**
 * Reads a signature: PEM ("CMS", "PKCS7"), or base64 of DER.
 * @param pwrong English reason with APR_EINVAL
 * @return APR_EINVAL unless it is SignedData without content, with one signer whose certificate is in it and named in the
 *   signed attributes, the key RSA of at least RA_RSA_MIN_BITS or P-256 and meant to sign, SHA-256, SHA-384 or SHA-512
 */
apr_status_t ra_cms_read(ra_cms_t **pcms, const char *text, const char **pwrong, apr_pool_t *pool);

/** Is it the signature of that certificate's key over exactly these bytes? Who the signer is, is the caller's to find. */
int ra_cms_is_over(const ra_cms_t *cms, ra_bytes_t content);

/** PEM text, for keeping and for `openssl cms -verify`. */
const char *ra_cms_pem(ra_bytes_t der, apr_pool_t *pool);

#endif
