/*
 * What the files of X.509 share with each other and with nobody else.
 * Layer: base. Functions that return `const char *` give an English reason, or NULL when all is well.
 */
#ifndef RA_BASE_X509_INTERNAL_H
#define RA_BASE_X509_INTERNAL_H

#include <openssl/x509.h>

#include "base/x509.h"

/** The certificates of a file of trust, for the caller to free with their stack; NULL on failure. */
STACK_OF(X509) *ra_x509_trusted(const ra_trust_t *trust);

/** Copies what an i2d function made into @a pool and frees it; {NULL,0} when @a len tells of a failure. */
ra_bytes_t ra_x509_take_der(unsigned char *der, int len, apr_pool_t *pool);

const char *ra_x509_read_name(ra_name_t *name, const X509_NAME *from, apr_pool_t *pool);

/** Kind, size and bytes of a key. A kind that OpenSSL does not know is RA_KEY_OTHER with 0 bits. */
const char *ra_x509_read_key(ra_key_t *key, X509_PUBKEY *from, apr_pool_t *pool);

/**
 * What makes an RSA key unfit: size, exponent, or a modulus that is known to be easy to factor.
 * @return a violation code of problems.yaml, or NULL
 */
const char *ra_x509_rsa_weakness(const EVP_PKEY *key);

#endif
