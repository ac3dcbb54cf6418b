/*
 * A loaded document, as spec_load.c makes it and router.c reads it. Nobody else includes this.
 * Layer: api. Thread rule: immutable once loaded.
 */
#ifndef RA_API_SPEC_INTERNAL_H
#define RA_API_SPEC_INTERNAL_H

#include "api/spec.h"

#define RA_SEGMENTS_MAX 8 /* of a path below /api/v1 */
#define RA_HOST_KINDS 4

/* One part of a path between slashes: a literal, or the name of a parameter. */
typedef struct ra_segment_t {
    const char *text;
    apr_size_t len;
    int is_parameter;
} ra_segment_t;

/* One path template with its operations. */
typedef struct ra_route_t {
    const char *path;
    ra_segment_t segments[RA_SEGMENTS_MAX];
    int segment_count;
    const ra_operation_t *const *operations; /* in document order */
    int operation_count;
    const char *allow[RA_HOST_KINDS]; /* for 1 << index; NULL: no operation of the path is on that host */
} ra_route_t;

struct ra_spec_t {
    const ra_json_t *document;
    ra_bytes_t text;
    const char *etag;
    const ra_operation_t *operations;
    int operation_count;
    const ra_route_t *routes; /* sorted by the number of segments */
    int route_count;
    int first_route[RA_SEGMENTS_MAX + 2]; /* routes of n segments: first_route[n] … first_route[n + 1] - 1 */
};

/**
 * Splits a template into segments.
 * @return NULL, or what is wrong with it
 */
const char *ra_route_read(ra_route_t *route, const char *path, apr_pool_t *pool);

/** Is there a path that both templates match? */
int ra_route_overlaps(const ra_route_t *a, const ra_route_t *b);

/** Sorts the routes and makes their Allow texts; the spec has its operations and unsorted routes. */
void ra_router_finish(ra_spec_t *spec, ra_route_t *routes, apr_pool_t *pool);

#endif
