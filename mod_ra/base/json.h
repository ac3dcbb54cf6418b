/*
 * JSON for mod_ra: a strict reader (RFC 8259, I-JSON RFC 7493) in front of cJSON, and a small builder.
 * Layer: base; json.c is the only file that includes cJSON.
 * Ownership: a root (parsed or made) is tied to its pool; children belong to their root. A value is never
 * moved between roots: copy it with ra_json_set_copy().
 * Thread rule: a tree is used by one thread at a time; a finished tree may be read by many.
 */
#ifndef RA_BASE_JSON_H
#define RA_BASE_JSON_H

#include <apr_errno.h>
#include <apr_pools.h>

typedef struct cJSON ra_json_t;

typedef enum {
    RA_JSON_NULL, RA_JSON_BOOLEAN, RA_JSON_NUMBER, RA_JSON_STRING, RA_JSON_ARRAY, RA_JSON_OBJECT
} ra_json_type_e;

/** What a reader accepts; ra_json_limits_default is the one for request bodies. */
typedef struct ra_json_limits_t {
    apr_size_t bytes;
    int depth;
    int members; /* of one object, and items of one array */
} ra_json_limits_t;
extern const ra_json_limits_t ra_json_limits_request;   /* RA_BODY_MAX_BYTES, RA_JSON_MAX_DEPTH, RA_JSON_MAX_MEMBERS */
extern const ra_json_limits_t ra_json_limits_document;  /* for the operator's own files: 16 MiB, depth 64, 100000 members */

/** Where and why a text was refused. */
typedef struct ra_json_error_t {
    apr_size_t offset;   /* byte offset */
    const char *code;    /* a violation code of problems.yaml: json-syntax json-utf8 json-nul json-duplicate json-number json-depth json-size */
} ra_json_error_t;

/**
 * Reads one JSON text strictly: refused are bad UTF-8, a BOM, unescaped control characters, lone surrogates, \u0000, duplicate keys and keys that
 * differ only by (ASCII) case, trailing bytes, numbers that JSON does not allow, integers beyond 2^53-1, numbers that do not
 * fit a finite double, too deep, too large.
 * @param pjson  the root, tied to @a pool
 * @return APR_SUCCESS or APR_EINVAL with *error filled
 */
apr_status_t ra_json_parse(ra_json_t **pjson, const char *text, apr_size_t len, const ra_json_limits_t *limits,
                           ra_json_error_t *error, apr_pool_t *pool);

/** Compact text in @a pool. Never NULL for a valid tree. Non-ASCII stays UTF-8. */
const char *ra_json_print(const ra_json_t *json, apr_pool_t *pool);

/** Canonical text (members sorted by UTF-16 code units, no spaces: RFC 8785 for trees of strings, integers, booleans, null): for hashes and signatures. */
const char *ra_json_canonical(const ra_json_t *json, apr_pool_t *pool);

/* Building. Every make ties a new root to the pool; every set/add copies its arguments. A NULL string value sets nothing (the member stays absent). */
ra_json_t *ra_json_object_make(apr_pool_t *pool);
ra_json_t *ra_json_array_make(apr_pool_t *pool);
void ra_json_set_string(ra_json_t *object, const char *name, const char *value);
void ra_json_set_int(ra_json_t *object, const char *name, apr_int64_t value);
void ra_json_set_bool(ra_json_t *object, const char *name, int value);
void ra_json_set_null(ra_json_t *object, const char *name);
void ra_json_set_copy(ra_json_t *object, const char *name, const ra_json_t *value); /* replaces; value NULL sets nothing */
ra_json_t *ra_json_set_object(ra_json_t *object, const char *name); /* a new empty child, replaces a former one */
ra_json_t *ra_json_set_array(ra_json_t *object, const char *name);
/** A text in both languages, {"zh-CN", "en"}, as answers hold it. */
void ra_json_set_texts(ra_json_t *object, const char *name, const char *zh, const char *en);
void ra_json_remove(ra_json_t *object, const char *name);
void ra_json_add_string(ra_json_t *array, const char *value);
void ra_json_add_int(ra_json_t *array, apr_int64_t value);
void ra_json_add_copy(ra_json_t *array, const ra_json_t *value);
ra_json_t *ra_json_add_object(ra_json_t *array);
ra_json_t *ra_json_add_array(ra_json_t *array);

/* Reading. All accept NULL and answer NULL / the given fallback, so paths can be chained. Names are compared exactly. */
ra_json_type_e ra_json_type(const ra_json_t *json); /* NULL reads as RA_JSON_NULL */
const ra_json_t *ra_json_get(const ra_json_t *object, const char *name);
ra_json_t *ra_json_get_mutable(ra_json_t *object, const char *name);
const char *ra_json_string(const ra_json_t *json);                        /* NULL when not a string */
const char *ra_json_get_string(const ra_json_t *object, const char *name); /* NULL when absent or not a string */
apr_int64_t ra_json_int(const ra_json_t *json, apr_int64_t fallback);
apr_int64_t ra_json_get_int(const ra_json_t *object, const char *name, apr_int64_t fallback);
double ra_json_double(const ra_json_t *json, double fallback);
int ra_json_is_integer(const ra_json_t *json);
int ra_json_get_bool(const ra_json_t *object, const char *name, int fallback);
int ra_json_is_true(const ra_json_t *json);
int ra_json_size(const ra_json_t *json);                 /* members or items; 0 otherwise */
const ra_json_t *ra_json_first(const ra_json_t *json);   /* first child of an array or object */
const ra_json_t *ra_json_next(const ra_json_t *child);
const char *ra_json_name(const ra_json_t *member);       /* of a member of an object */
/** Deep equality: numbers by value, members in any order. */
int ra_json_equal(const ra_json_t *a, const ra_json_t *b);
/** Follows a JSON Pointer (RFC 6901); NULL when it leads nowhere. */
const ra_json_t *ra_json_pointer(const ra_json_t *root, const char *pointer);
/** RFC 7396: a new root tied to @a pool = target changed by patch. */
ra_json_t *ra_json_merge_patch(const ra_json_t *target, const ra_json_t *patch, apr_pool_t *pool);

#endif
