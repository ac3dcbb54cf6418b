/* See merkle.h. Layer: base. Thread rule: free-threaded. */
#include "base/merkle.h"

#include <apr_strings.h>
#include <string.h>

#define LEAF 0x00
#define NODE 0x01

ra_hash_t ra_merkle_leaf(ra_bytes_t bytes, apr_pool_t *pool)
{
    unsigned char *text = apr_palloc(pool, bytes.len + 1);
    ra_hash_t leaf;

    text[0] = LEAF;
    if (bytes.len) {
        memcpy(text + 1, bytes.data, bytes.len);
    }
    ra_sha256(leaf.bytes, text, bytes.len + 1);
    return leaf;
}

static ra_hash_t node_of(const ra_hash_t *left, const ra_hash_t *right)
{
    unsigned char text[1 + 2 * RA_SHA256_BYTES] = {NODE};
    ra_hash_t node;

    memcpy(text + 1, left->bytes, RA_SHA256_BYTES);
    memcpy(text + 1 + RA_SHA256_BYTES, right->bytes, RA_SHA256_BYTES);
    ra_sha256(node.bytes, text, sizeof(text));
    return node;
}

/* Level by level; a node without a neighbour goes up as it is, which makes the tree of the RFC. */
ra_hash_t ra_merkle_root(const ra_hash_t *leaves, apr_size_t count, apr_pool_t *pool)
{
    ra_hash_t *level;
    ra_hash_t nothing;

    if (count == 0) {
        ra_sha256(nothing.bytes, "", 0);
        return nothing;
    }
    level = apr_pmemdup(pool, leaves, count * sizeof(*leaves));
    while (count > 1) {
        for (apr_size_t i = 0; i + 1 < count; i += 2) {
            level[i / 2] = node_of(&level[i], &level[i + 1]);
        }
        if (count % 2) {
            level[count / 2] = level[count - 1];
        }
        count = (count + 1) / 2;
    }
    return level[0];
}

int ra_hash_equal(const ra_hash_t *a, const ra_hash_t *b)
{
    return memcmp(a->bytes, b->bytes, RA_SHA256_BYTES) == 0;
}

const char *ra_hash_hex(const ra_hash_t *hash, apr_pool_t *pool)
{
    return ra_hex(ra_bytes_of(hash->bytes, RA_SHA256_BYTES), pool);
}

apr_status_t ra_hash_read(ra_hash_t *hash, const char *hex, apr_pool_t *pool)
{
    ra_bytes_t bytes;

    if (!hex || strlen(hex) != 2 * RA_SHA256_BYTES || ra_hex_decode(&bytes, hex, pool) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    memcpy(hash->bytes, bytes.data, RA_SHA256_BYTES);
    return APR_SUCCESS;
}
