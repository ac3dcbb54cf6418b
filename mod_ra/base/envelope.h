/*
 * A private key made for somebody else, and the envelope in which it reaches its owner: CMS EnvelopedData (RFC 5652) to the key of a certificate.
 * Layer: base. Thread rule: free-threaded; OpenSSL's error queue is left empty.
 */
#ifndef RA_BASE_ENVELOPE_H
#define RA_BASE_ENVELOPE_H

#include "base/x509.h"

/**
 * Makes a key pair: RSA of RA_RSA_MIN_BITS, or P-256.
 * @param ppkcs8 the private key in DER (RFC 5208), wiped with @a pool
 * @param pspki  the public one, as ra_key_t has it
 * @return APR_ENOTIMPL for another kind (CMS with SM2 is not in OpenSSL 3.0), APR_EGENERAL when OpenSSL fails
 */
apr_status_t ra_private_key_make(ra_bytes_t *ppkcs8, ra_bytes_t *pspki, ra_key_kind_e kind, apr_pool_t *pool);

/**
 * Encrypts with AES-256-CBC under a key that only the holder of the certificate's key can open: RSA with OAEP (SHA-256), or key agreement on P-256 (RFC 5753,
 * SHA-256). `openssl cms -decrypt -inform DER` opens it.
 * @param certificate DER of an X.509 certificate
 */
apr_status_t ra_envelope_make(ra_bytes_t *penvelope, ra_bytes_t content, ra_bytes_t certificate, apr_pool_t *pool);

#endif
