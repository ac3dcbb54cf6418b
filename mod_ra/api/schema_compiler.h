/*
 * What the two files that compile schemas share. Nobody else includes this.
 * Layer: api. Thread rule: start-up only, one thread.
 */
#ifndef RA_API_SCHEMA_COMPILER_H
#define RA_API_SCHEMA_COMPILER_H

#include "api/schema_internal.h"

#define RA_SCHEMA_REFERENCES_MAX 32 /* $refs inside $refs */

/* Where we are in the document: a chain on the stack, made text only when something is refused. */
typedef struct ra_schema_where_t {
    const struct ra_schema_where_t *parent;
    const char *name; /* the root's is the pointer it began with */
} ra_schema_where_t;

typedef struct ra_schema_compiler_t {
    const ra_json_t *document;
    ra_schema_use_e use;
    const char *error;
    const char *references[RA_SCHEMA_REFERENCES_MAX]; /* being followed now */
    int reference_count;
    apr_pool_t *pool;
} ra_schema_compiler_t;

/* What a schema is about. */
typedef enum {
    RA_ABOUT_VALUE,  /* a value of its own: in a request it must be closed */
    RA_ABOUT_SAME,   /* a branch of allOf, anyOf, oneOf: as the schema around it, only the whole must be closed */
    RA_ABOUT_OVERLAY /* inside if/then/else: adds to another schema, which is the closed one */
} ra_schema_about_e;

/* A schema object under way. */
typedef struct ra_schema_node_t {
    ra_schema_compiler_t *compiler;
    ra_schema_t *schema;
    const ra_json_t *json;
    const ra_schema_where_t *where;
    ra_schema_about_e about;
} ra_schema_node_t;

/** Compiles one schema; NULL with compiler->error. */
const ra_schema_t *ra_schema_compile_part(ra_schema_compiler_t *compiler, const ra_json_t *json,
                                          const ra_schema_where_t *where, ra_schema_about_e about);

/** Reads one keyword into the node's schema. 1, or 0 with compiler->error. */
int ra_schema_read_keyword(ra_schema_node_t *node, const ra_json_t *member);

/** Notes the first reason, with the place; always 0. */
int ra_schema_refuse(ra_schema_compiler_t *compiler, const ra_schema_where_t *where, const char *reason,
                     const char *what);

#endif
