/* Certificates made to measure at run time, for tests that judge them. */
#ifndef RA_TESTS_CERT_FIXTURE_H
#define RA_TESTS_CERT_FIXTURE_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/x509.h"

/** What a certificate is to say; a NULL text leaves the extension out. */
typedef struct cert_wish_t {
    EVP_PKEY *key;
    const char *const (
        *subject)[2];  /* pairs of type and value, ended by {NULL, NULL}; a type "+OU" joins the RDN before it */
    const char *names; /* as OpenSSL's configuration writes them: "DNS:a.example.cn,IP:192.0.2.1" */
    const char *key_usage;
    const char *ext_key_usage;
    const char *constraints;
    apr_time_t not_before;
    apr_time_t not_after;
} cert_wish_t;

/** Makes it, signs it with another key, and reads it. Fails the test when OpenSSL does not make it. Lives in @a pool.
 */
ra_cert_t *cert_made(const cert_wish_t *wish, apr_pool_t *pool);

/** A certificate in DER, in @a pool. */
ra_bytes_t cert_der(X509 *cert, apr_pool_t *pool);

/** The SubjectPublicKeyInfo of a key, in @a pool. */
ra_bytes_t cert_spki(EVP_PKEY *key, apr_pool_t *pool);

/** Writes certificates into a temporary PEM file, which goes with @a pool. @return its path */
const char *cert_file(const ra_bytes_t *certs, int count, apr_pool_t *pool);

/** Reads the CA certificates of the file and verifies the certificate against them. */
apr_status_t cert_verified(const ra_cert_t *cert, const char *ca_file, apr_time_t when, ra_result_t *result, apr_pool_t *pool);

#endif
