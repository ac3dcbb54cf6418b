/*
 * Merkle tree over SHA-256, as certificate transparency builds it (RFC 9162 §2.1): a leaf and a node can never be taken for each other.
 * Layer: base. Thread rule: free-threaded.
 */
#ifndef RA_BASE_MERKLE_H
#define RA_BASE_MERKLE_H

#include "base/crypt.h"

typedef struct ra_hash_t {
    unsigned char bytes[RA_SHA256_BYTES];
} ra_hash_t;

/** SHA-256 of 0x00 and the bytes. */
ra_hash_t ra_merkle_leaf(ra_bytes_t bytes, apr_pool_t *pool);

/** The root over @a count leaves in their order; of none: SHA-256 of nothing. @a pool is for scratch. */
ra_hash_t ra_merkle_root(const ra_hash_t *leaves, apr_size_t count, apr_pool_t *pool);

int ra_hash_equal(const ra_hash_t *a, const ra_hash_t *b);
const char *ra_hash_hex(const ra_hash_t *hash, apr_pool_t *pool);
/** From 64 hexadecimal digits; APR_EINVAL otherwise, or for NULL. */
apr_status_t ra_hash_read(ra_hash_t *hash, const char *hex, apr_pool_t *pool);

#endif
