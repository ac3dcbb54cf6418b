/*
 * Signatures over bytes with RSA (PKCS #1 v1.5) or P-256 (ECDSA), SHA-256: what `openssl dgst -sha256 -verify` checks too.
 * Layer: base. Thread rule: a loaded key is immutable and shared by all threads.
 */
#ifndef RA_BASE_SIGNATURE_H
#define RA_BASE_SIGNATURE_H

#include "base/merkle.h"

typedef struct ra_signer_t ra_signer_t;
typedef struct ra_verifier_t ra_verifier_t;

/**
 * Reads a private key (PEM without passphrase, RSA of at least RA_RSA_MIN_BITS or P-256). The file must not be open to others than owner and group.
 * @param public_path a PEM certificate or public key that must belong to it; NULL: not compared
 * @param perror      English reason when not APR_SUCCESS
 * The key is freed with @a pool.
 */
apr_status_t ra_signer_load(ra_signer_t **psigner, const char *path, const char *public_path, const char **perror, apr_pool_t *pool);

/** SHA-256 of the DER of the public key (SubjectPublicKeyInfo). */
const ra_hash_t *ra_signer_key(const ra_signer_t *signer);

apr_status_t ra_sign(ra_bytes_t *psignature, const ra_signer_t *signer, ra_bytes_t data, apr_pool_t *pool);

/** Reads a public key: PEM of a certificate or of a public key. */
apr_status_t ra_verifier_load(ra_verifier_t **pverifier, const char *path, const char **perror, apr_pool_t *pool);
const ra_hash_t *ra_verifier_key(const ra_verifier_t *verifier);
/** Is it this key's signature over these bytes? */
int ra_verify(const ra_verifier_t *verifier, ra_bytes_t data, ra_bytes_t signature);

#endif
