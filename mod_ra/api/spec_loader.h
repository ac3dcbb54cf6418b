/*
 * What the two files that load the document share. Nobody else includes this.
 * Layer: api. Thread rule: start-up only, one thread.
 */
#ifndef RA_API_SPEC_LOADER_H
#define RA_API_SPEC_LOADER_H

#include "api/spec_internal.h"

typedef struct ra_spec_loader_t {
    const ra_json_t *document;
    const ra_binding_t *bindings;
    ra_operation_t *operations;
    int operation_count;
    ra_route_t *routes;
    int route_count;
    const char *where; /* of what is being read, for the reason: "POST /people" */
    const char *error;
    apr_pool_t *pool;
} ra_spec_loader_t;

/** Notes the first reason, with the place; always 0. */
int ra_spec_refuse(ra_spec_loader_t *loader, const char *reason, const char *what);

/** Have its children names? 1 for an object and where there is nothing; 0 with loader->error for an array. */
int ra_spec_has_members(ra_spec_loader_t *loader, const ra_json_t *json, const char *of);

/** The JSON Pointer of a member: its name is escaped. */
const char *ra_spec_below(const char *pointer, const char *name, apr_pool_t *pool);

/** Reads the operation at @a pointer; its method, path and index are set. 1, or 0 with loader->error. */
int ra_spec_read_operation(ra_spec_loader_t *loader, ra_operation_t *operation, const ra_json_t *source,
                           const char *pointer, const ra_route_t *route);

#endif
