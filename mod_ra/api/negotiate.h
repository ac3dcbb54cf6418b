/*
 * Small parts of HTTP that operations share: entity tags, Accept, cursors. RFC 9110; design §4, §14.
 * Layer: api. Thread rule: free-threaded.
 */
#ifndef RA_API_NEGOTIATE_H
#define RA_API_NEGOTIATE_H

#include "base/crypt.h"
#include "base/json.h"
#include "base/limits.h"

/** The strong ETag of a version in a representation: "\"7.json\"". */
const char *ra_etag_make(apr_int64_t version, const char *variant, apr_pool_t *pool);

/** Versions named by If-Match. */
typedef struct ra_if_match_t {
    int any;     /* "*" */
    int count;   /* 0 with any == 0: nothing usable (weak or foreign tags never match) */
    apr_int64_t versions[RA_IF_MATCH_MAX];
} ra_if_match_t;

/** Reads If-Match. APR_EINVAL when it is not a list of entity tags. */
apr_status_t ra_if_match_parse(ra_if_match_t *match, const char *header, apr_pool_t *pool);
int ra_if_match_has(const ra_if_match_t *match, apr_int64_t version);
/** Does If-None-Match name this ETag (weak comparison) or "*"? */
int ra_if_none_match(const char *header, const char *etag, apr_pool_t *pool);

/** The best of @a types (NULL terminated) for an Accept header with q-values; NULL header takes the first; NULL result: 406. */
const char *ra_accept_choose(const char *accept, const char *const *types, apr_pool_t *pool);

/** A signed page cursor: canonical JSON of @a keys with HMAC, base64url. @a filter is the canonical text of the list's filters, which it is bound to. */
const char *ra_cursor_make(const ra_json_t *keys, const char *filter, const ra_keyring_t *keyring, apr_pool_t *pool);
/** APR_EINVAL for a forged, foreign or damaged one. */
apr_status_t ra_cursor_read(ra_json_t **pkeys, const char *cursor, const char *filter, const ra_keyring_t *keyring, apr_pool_t *pool);

#endif
