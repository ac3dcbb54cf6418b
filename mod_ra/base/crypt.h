/*
 * Small cryptographic tools over OpenSSL: random bytes, digests, sealed values, keyed search hashes, encodings.
 * Layer: base. Thread rule: a keyring is immutable after loading and shared by all threads.
 */
#ifndef RA_BASE_CRYPT_H
#define RA_BASE_CRYPT_H

#include <apr_errno.h>
#include <apr_file_io.h>
#include <apr_pools.h>

#define RA_SHA256_BYTES 32

/** Bytes that somebody else owns. */
typedef struct ra_bytes_t {
    const unsigned char *data;
    apr_size_t len;
} ra_bytes_t;

ra_bytes_t ra_bytes_of(const void *data, apr_size_t len);
ra_bytes_t ra_bytes_text(const char *text); /* without the final NUL; NULL gives {NULL,0} */
ra_bytes_t ra_bytes_copy(ra_bytes_t bytes, apr_pool_t *pool);
int ra_bytes_equal(ra_bytes_t a, ra_bytes_t b); /* constant time for equal lengths */

/**
 * Gives back what OpenSSL keeps for this thread; it is made anew when it is needed again. For a thread that nobody joins: at its end OpenSSL frees
 * the same without asking whether exit() does so for all threads meanwhile (OPENSSL_cleanup(3) wants them to have ended).
 */
void ra_crypt_thread_end(void);

/** Cryptographically strong random bytes. APR_EGENERAL when the generator fails. */
apr_status_t ra_random(void *buffer, apr_size_t len);

void ra_sha256(unsigned char digest[RA_SHA256_BYTES], const void *data, apr_size_t len);
/** Of a file from where it stands to its end. A status of reading. */
apr_status_t ra_sha256_file(unsigned char digest[RA_SHA256_BYTES], apr_file_t *file);
void ra_hmac_sha256(unsigned char mac[RA_SHA256_BYTES], ra_bytes_t key, ra_bytes_t data);

const char *ra_hex(ra_bytes_t bytes, apr_pool_t *pool);                                /* lower case */
apr_status_t ra_hex_decode(ra_bytes_t *pbytes, const char *hex, apr_pool_t *pool);     /* APR_EINVAL */
const char *ra_base64url(ra_bytes_t bytes, apr_pool_t *pool);                          /* RFC 4648 §5, no padding */
apr_status_t ra_base64url_decode(ra_bytes_t *pbytes, const char *text, apr_pool_t *pool); /* strict; APR_EINVAL */
apr_status_t ra_base64_decode(ra_bytes_t *pbytes, const char *text, apr_pool_t *pool);    /* RFC 4648 §4, padding needed, strict */
void ra_wipe(void *buffer, apr_size_t len); /* not removed by the compiler */

/**
 * The keys outside the database (design §7). The key file has one key a line, "<id> <base64 of 32 bytes>", id 1..255,
 * '#' comments; the first key seals, all open; a new key gets the next higher id and is written on top.
 * Purposes are separated by HKDF-SHA256 with the label (a constant of at most RA_KEY_LABEL_MAX characters).
 * The file must not be readable or writable by others than owner and group (APR_EACCES otherwise).
 */
typedef struct ra_keyring_t ra_keyring_t;
/** @param perror English reason when not APR_SUCCESS. Key bytes are wiped when @a pool is cleared. */
apr_status_t ra_keyring_load(ra_keyring_t **pkeyring, const char *path, const char **perror, apr_pool_t *pool);

/** AES-256-GCM: version, key id, nonce, ciphertext, tag. @a context is authenticated, not stored (name of column and row). */
apr_status_t ra_seal(ra_bytes_t *psealed, const ra_keyring_t *keyring, const char *label, const char *context,
                     ra_bytes_t plain, apr_pool_t *pool);
/** APR_EINVAL when it was changed, moved to another row or sealed with an unknown key. The plain bytes are NUL terminated past their end and wiped with the pool. */
apr_status_t ra_unseal(ra_bytes_t *pplain, const ra_keyring_t *keyring, const char *label, const char *context,
                       ra_bytes_t sealed, apr_pool_t *pool);

/** Keyed hash for exact search over a sealed value: HMAC under the OLDEST key of the ring (lowest id), so that adding a key keeps old hashes valid. */
void ra_keyed_hash(unsigned char mac[RA_SHA256_BYTES], const ra_keyring_t *keyring, const char *label, ra_bytes_t data);

#endif
