/*
 * Entity tags, Accept and page cursors (see negotiate.h).
 * Layer: api. Thread rule: free-threaded.
 */
#include "api/negotiate.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "api/weights.h"

/* ---- entity tags (RFC 9110 §8.8.3) ---- */

typedef struct tag_t {
    const char *text; /* between the quotes, not terminated */
    apr_size_t len;
    int weak;
} tag_t;

const char *ra_etag_make(apr_int64_t version, const char *variant, apr_pool_t *pool)
{
    return apr_psprintf(pool, "\"%" APR_INT64_T_FMT ".%s\"", version, variant);
}

/* etagc: '!' and everything above '"', without DEL. */
static int is_etagc(unsigned char c)
{
    return c == '!' || (c > '"' && c != 0x7f);
}

static const char *read_tag(const char *text, tag_t *tag)
{
    tag->weak = strncmp(text, "W/", 2) == 0;
    text += tag->weak ? 2 : 0;
    if (*text++ != '"') {
        return NULL;
    }
    tag->text = text;
    while (is_etagc((unsigned char)*text)) {
        text++;
    }
    tag->len = (apr_size_t)(text - tag->text);
    return *text == '"' ? text + 1 : NULL;
}

/* Reads the next tag of a list. 1 read, 0 end, -1 malformed. */
static int next_tag(const char **prest, tag_t *tag)
{
    const char *text = *prest + strspn(*prest, " \t,");

    *prest = text;
    if (!*text) {
        return 0;
    }
    text = read_tag(text, tag);
    if (!text) {
        return -1;
    }
    text += strspn(text, " \t");
    *prest = text;
    return *text == '\0' || *text == ',' ? 1 : -1;
}

/* "7.json" names version 7 in any representation; 0: not a tag of ours. */
static apr_int64_t version_of(const tag_t *tag)
{
    apr_int64_t version = 0;
    apr_size_t i = 0;

    while (i < tag->len && i < 18 && tag->text[i] >= '0' && tag->text[i] <= '9') {
        version = version * 10 + (tag->text[i++] - '0');
    }
    return i > 0 && i < tag->len && tag->text[i] == '.' && tag->text[0] != '0' ? version : 0;
}

static int is_star(const char *header)
{
    header += strspn(header, " \t");
    return *header == '*' && header[1 + strspn(header + 1, " \t")] == '\0';
}

apr_status_t ra_if_match_parse(ra_if_match_t *match, const char *header, apr_pool_t *pool)
{
    tag_t tag;
    int seen = 0, more;

    (void)pool;
    memset(match, 0, sizeof(*match));
    if (is_star(header)) {
        match->any = 1;
        return APR_SUCCESS;
    }
    while ((more = next_tag(&header, &tag)) == 1) {
        apr_int64_t version = tag.weak ? 0 : version_of(&tag);
        if (++seen > RA_IF_MATCH_MAX) {
            return APR_EINVAL;
        }
        if (version > 0) {
            match->versions[match->count++] = version;
        }
    }
    return more == 0 && seen > 0 ? APR_SUCCESS : APR_EINVAL;
}

int ra_if_match_has(const ra_if_match_t *match, apr_int64_t version)
{
    for (int i = 0; i < match->count; i++) {
        if (match->versions[i] == version) {
            return 1;
        }
    }
    return match->any;
}

int ra_if_none_match(const char *header, const char *etag, apr_pool_t *pool)
{
    tag_t ours, theirs;

    (void)pool;
    if (!header || !etag || !read_tag(etag, &ours)) {
        return 0;
    }
    if (is_star(header)) {
        return 1;
    }
    while (next_tag(&header, &theirs) == 1) {
        if (theirs.len == ours.len && memcmp(theirs.text, ours.text, ours.len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* ---- Accept (RFC 9110 §12.5.1) ---- */

/* How closely a media range names a type: 3 exactly, 2 "type/" and a star, 1 any, 0 not. */
static int closeness(const ra_weighted_t *range, const char *type)
{
    const char *slash = strchr(type, '/');
    apr_size_t main_len = (apr_size_t)(slash - type) + 1;

    if (range->len == strlen(type) && strncasecmp(range->text, type, range->len) == 0) {
        return 3;
    }
    if (range->len == main_len + 1 && strncasecmp(range->text, type, main_len) == 0 && range->text[main_len] == '*') {
        return 2;
    }
    return range->len == 3 && memcmp(range->text, "*/*", 3) == 0;
}

/* The weight that the closest range gives to a type. */
static int weight_of(const char *accept, const char *type)
{
    ra_weighted_t range;
    int weight = 0, closest = 0;

    while (ra_weighted_next(&range, &accept)) {
        int close = closeness(&range, type);
        if (close > closest) {
            closest = close;
            weight = range.weight;
        }
    }
    return weight;
}

const char *ra_accept_choose(const char *accept, const char *const *types, apr_pool_t *pool)
{
    const char *best = NULL;
    int best_weight = 0;

    (void)pool;
    if (!accept) {
        return types[0];
    }
    for (int i = 0; types[i]; i++) {
        int weight = weight_of(accept, types[i]);
        if (weight > best_weight) {
            best_weight = weight;
            best = types[i];
        }
    }
    return best;
}

/* ---- cursors ---- */

#define CURSOR_LABEL "page cursor"
#define CURSOR_MAC_BYTES 16
#define CURSOR_MAX 1000 /* characters; as the parameter of the document */

/* What a cursor is bound to: the list's filters, a NUL (which neither part can hold), the keys. */
static void cursor_mac(unsigned char mac[RA_SHA256_BYTES], const char *keys, const char *filter,
                       const ra_keyring_t *keyring, apr_pool_t *pool)
{
    apr_size_t filter_len = strlen(filter) + 1, keys_len = strlen(keys);
    char *text = apr_palloc(pool, filter_len + keys_len);

    memcpy(text, filter, filter_len);
    memcpy(text + filter_len, keys, keys_len);
    ra_keyed_hash(mac, keyring, CURSOR_LABEL, ra_bytes_of(text, filter_len + keys_len));
}

const char *ra_cursor_make(const ra_json_t *keys, const char *filter, const ra_keyring_t *keyring, apr_pool_t *pool)
{
    const char *text = ra_json_canonical(keys, pool);
    apr_size_t len = strlen(text);
    unsigned char mac[RA_SHA256_BYTES], *bytes = apr_palloc(pool, CURSOR_MAC_BYTES + len);

    cursor_mac(mac, text, filter, keyring, pool);
    memcpy(bytes, mac, CURSOR_MAC_BYTES);
    memcpy(bytes + CURSOR_MAC_BYTES, text, len);
    return ra_base64url(ra_bytes_of(bytes, CURSOR_MAC_BYTES + len), pool);
}

apr_status_t ra_cursor_read(ra_json_t **pkeys, const char *cursor, const char *filter, const ra_keyring_t *keyring,
                            apr_pool_t *pool)
{
    unsigned char mac[RA_SHA256_BYTES];
    ra_json_error_t error;
    ra_bytes_t bytes;

    *pkeys = NULL;
    if (strlen(cursor) > CURSOR_MAX || ra_base64url_decode(&bytes, cursor, pool) != APR_SUCCESS ||
        bytes.len <= CURSOR_MAC_BYTES || memchr(bytes.data + CURSOR_MAC_BYTES, 0, bytes.len - CURSOR_MAC_BYTES)) {
        return APR_EINVAL;
    }
    const char *text = apr_pstrmemdup(pool, (const char *)bytes.data + CURSOR_MAC_BYTES, bytes.len - CURSOR_MAC_BYTES);
    cursor_mac(mac, text, filter, keyring, pool);
    if (!ra_bytes_equal(ra_bytes_of(mac, CURSOR_MAC_BYTES), ra_bytes_of(bytes.data, CURSOR_MAC_BYTES))) {
        return APR_EINVAL;
    }
    return ra_json_parse(pkeys, text, strlen(text), &ra_json_limits_request, &error, pool);
}
