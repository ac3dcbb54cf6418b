/*
 * Fields of a PKIHeader (RFC 9810 section 5.1.1) that OpenSSL 3.0 has no getter for.
 * Layer: upstream. Thread rule: free-threaded.
 */
#ifndef RA_UPSTREAM_CMP_HEADER_H
#define RA_UPSTREAM_CMP_HEADER_H

#include <openssl/cmp.h>

#include "base/crypt.h"

/** The senderNonce of a message, allocated from pool; {NULL,0} when it has none. */
ra_bytes_t ra_cmp_sender_nonce(const OSSL_CMP_MSG *message, apr_pool_t *pool);

/** senderKID as text, allocated from pool: printable ASCII of at most RA_CMP_REFERENCE_MAX_CHARS, or NULL. */
const char *ra_cmp_sender_kid(const OSSL_CMP_MSG *message, apr_pool_t *pool);

/** Is the message protected with PasswordBasedMac? */
int ra_cmp_is_pbm(const OSSL_CMP_MSG *message);

#endif
