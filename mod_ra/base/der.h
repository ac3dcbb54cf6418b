/*
 * The outer shapes of certificates and requests, before OpenSSL reads them: exact DER (X.690 §10) and PEM (RFC 7468, strict).
 * Layer: base. Thread rule: pure functions.
 */
#ifndef RA_BASE_DER_H
#define RA_BASE_DER_H

#include "base/crypt.h"

/** Exactly one element, nothing behind it, and everywhere inside definite lengths in their shortest form? */
int ra_der_is_exact(ra_bytes_t der);

/**
 * Reads the one PEM block of a text: white space around it, base64 lines in it, nothing else (no headers, no explanatory text).
 * @param labels the labels that are accepted, NULL terminated
 * @return APR_SUCCESS, APR_ENOENT when the text does not begin with one of the labels, APR_EINVAL otherwise
 */
apr_status_t ra_pem_read(ra_bytes_t *pder, const char *text, const char *const *labels, apr_pool_t *pool);

/** Base64 (RFC 4648 §4) whose lines may be broken by white space anywhere. APR_EINVAL. */
apr_status_t ra_pem_read_body(ra_bytes_t *pder, const char *text, apr_size_t len, apr_pool_t *pool);

/** PEM text with lines of 64 characters and a line feed at the end. */
const char *ra_pem_write(const char *label, ra_bytes_t der, apr_pool_t *pool);

#endif
