/*
 * The OpenAPI document as compact tables: routes, parameters, schemas, access, problem texts (design §3).
 * Layer: api. Thread rule: a loaded ra_spec_t is immutable and shared by all threads; it lives in the pool given.
 */
#ifndef RA_API_SPEC_H
#define RA_API_SPEC_H

#include <apr_tables.h>

#include "api/schema.h"
#include "base/crypt.h"
#include "base/json.h"
#include "base/result.h"
#include "business/people/roles.h"

/** The kinds of virtual host (design §14). */
typedef enum { RA_HOST_PUBLIC = 1, RA_HOST_STAFF = 2, RA_HOST_API = 4, RA_HOST_INTERNAL = 8 } ra_host_e;

typedef enum { RA_IN_PATH, RA_IN_QUERY, RA_IN_HEADER } ra_parameter_in_e;

typedef struct ra_parameter_t {
    const char *name; /* as in the document; headers in lower case */
    ra_parameter_in_e in;
    int required;
    const ra_schema_t *schema;
} ra_parameter_t;

/** One media type of a body or an answer. schema is NULL for media types that are not JSON. */
typedef struct ra_media_t {
    const char *type; /* "application/json" */
    const ra_schema_t *schema;
} ra_media_t;

typedef struct ra_answer_t {
    int status;
    const ra_media_t *media; /* first one is the default representation */
    int media_count;         /* 0: no content */
} ra_answer_t;

struct ra_call_t;
/** What an operationId is bound to. */
typedef apr_status_t (*ra_handler_fn)(struct ra_call_t *call);
typedef struct ra_binding_t {
    const char *operation_id;
    ra_handler_fn handler;
} ra_binding_t;

typedef struct ra_operation_t {
    const char *id;     /* operationId */
    int index;          /* 0 … operation_count-1, in document order; for metrics */
    const char *method; /* "GET" … */
    const char *path;   /* template below /api/v1: "/applications/{id}" */
    unsigned hosts;     /* set of ra_host_e: all four for public, staff for roles, api for scopes */
    int is_public;      /* x-ra-access: {public: true} */
    ra_roles_t roles;
    ra_scopes_t scopes;
    int personal;       /* x-ra-personal: true — reading it is an audit event */
    int keeps_codes;    /* x-ra-secret: true — the answer holds a secret: never stored for replay */
    const ra_parameter_t *parameters;
    int parameter_count;
    int needs_if_match; /* the document has a required header parameter If-Match */
    int takes_key;      /* the document has the header parameter Idempotency-Key */
    const ra_media_t *bodies;
    int body_count;     /* 0: the operation takes no body */
    int body_required;
    const ra_answer_t *answers;
    int answer_count;
    ra_handler_fn handler;
} ra_operation_t;

typedef struct ra_spec_t ra_spec_t;

/**
 * Loads and compiles the bundled document. Refused with a reason that names the place: an operation without handler or a handler without
 * operation, no x-ra-access, an unknown role or scope, a schema keyword or format that the validator does not know, a request object without additionalProperties: false,
 * an unresolvable or cyclic $ref, two operations that match the same path, a path parameter that the template does not have, a problem text that is missing.
 * @param bindings NULL-terminated by operation_id == NULL
 * @param perror   English reason in @a pool
 */
apr_status_t ra_spec_load(ra_spec_t **pspec, const char *path, const ra_binding_t *bindings, const char **perror, apr_pool_t *pool);

int ra_spec_operation_count(const ra_spec_t *spec);
const ra_operation_t *ra_spec_operation(const ra_spec_t *spec, int index);
/** The document as it is served, and its strong ETag (quoted). */
ra_bytes_t ra_spec_text(const ra_spec_t *spec);
const char *ra_spec_etag(const ra_spec_t *spec);
/** The document itself, for problem.c: its members x-ra-problems, x-ra-violations and x-ra-words hold the texts. */
const ra_json_t *ra_spec_problems(const ra_spec_t *spec);

typedef struct ra_match_t {
    const ra_operation_t *operation; /* NULL: no such operation */
    apr_table_t *path_values;        /* raw values, already percent-decoded by httpd */
    const char *allow;               /* methods of the path on this host, for 405 and OPTIONS; NULL when the path does not exist here */
} ra_match_t;

/** Finds the operation. @param path below /api/v1, decoded, beginning with '/'. HEAD matches GET. */
void ra_spec_match(ra_match_t *match, const ra_spec_t *spec, const char *method, const char *path, ra_host_e host, apr_pool_t *pool);

/** The answer of that status in the document; NULL when the document has none. */
const ra_answer_t *ra_operation_answer(const ra_operation_t *operation, int status);

#endif
