/*
 * From a method and a path to an operation (see ra_spec_match).
 * Routes lie in one table, grouped by their number of segments. No path fits two templates, so order inside a group is free.
 * Layer: api. Thread rule: the table is immutable after start-up.
 */
#include "api/spec_internal.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* ---- start-up ---- */

static const char *read_segment(ra_segment_t *segment, const char *text, apr_size_t len, apr_pool_t *pool)
{
    static const char literal[] = "abcdefghijklmnopqrstuvwxyz0123456789-.";
    static const char name[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

    segment->is_parameter = len > 2 && text[0] == '{' && text[len - 1] == '}';
    segment->text = segment->is_parameter ? apr_pstrmemdup(pool, text + 1, len - 2) : apr_pstrmemdup(pool, text, len);
    segment->len = strlen(segment->text);
    if (segment->len == 0 || strspn(segment->text, segment->is_parameter ? name : literal) != segment->len) {
        return "a path is made of /kebab-case and /{snake_case}";
    }
    return NULL;
}

const char *ra_route_read(ra_route_t *route, const char *path, apr_pool_t *pool)
{
    const char *error = path[0] == '/' ? NULL : "a path begins with /";

    route->path = path;
    for (const char *segment = path + 1; !error; segment++) {
        apr_size_t len = strcspn(segment, "/");
        if (route->segment_count == RA_SEGMENTS_MAX) {
            return "a path has too many segments";
        }
        error = read_segment(&route->segments[route->segment_count++], segment, len, pool);
        segment += len;
        if (!*segment) {
            break;
        }
    }
    return error;
}

int ra_route_overlaps(const ra_route_t *a, const ra_route_t *b)
{
    if (a->segment_count != b->segment_count) {
        return 0;
    }
    for (int i = 0; i < a->segment_count; i++) {
        if (!a->segments[i].is_parameter && !b->segments[i].is_parameter &&
            strcmp(a->segments[i].text, b->segments[i].text) != 0) {
            return 0;
        }
    }
    return 1;
}

static const char *allow_of(const ra_route_t *route, unsigned host, apr_pool_t *pool)
{
    const char *allow = NULL;

    for (int i = 0; i < route->operation_count; i++) {
        const ra_operation_t *operation = route->operations[i];
        const char *method = strcmp(operation->method, "GET") == 0 ? "GET, HEAD" : operation->method;
        if (operation->hosts & host) {
            allow = allow ? apr_pstrcat(pool, allow, ", ", method, NULL) : method;
        }
    }
    return allow ? apr_pstrcat(pool, allow, ", OPTIONS", NULL) : NULL;
}

static int by_segments(const void *a, const void *b)
{
    return ((const ra_route_t *)a)->segment_count - ((const ra_route_t *)b)->segment_count;
}

void ra_router_finish(ra_spec_t *spec, ra_route_t *routes, apr_pool_t *pool)
{
    int next = 0;

    qsort(routes, (size_t)spec->route_count, sizeof(*routes), by_segments);
    for (int i = 0; i < spec->route_count; i++) {
        for (int host = 0; host < RA_HOST_KINDS; host++) {
            routes[i].allow[host] = allow_of(&routes[i], 1u << host, pool);
        }
    }
    for (int count = 0; count <= RA_SEGMENTS_MAX + 1; count++) {
        while (next < spec->route_count && routes[next].segment_count < count) {
            next++;
        }
        spec->first_route[count] = next;
    }
    spec->routes = routes;
}

/* ---- every request ---- */

typedef struct path_t {
    struct {
        const char *text;
        apr_size_t len;
    } segments[RA_SEGMENTS_MAX];
    int count;
} path_t;

/* An empty segment ("//", a last "/") is in no path of ours. */
static int split(path_t *path, const char *text)
{
    path->count = 0;
    if (*text != '/') {
        return 0;
    }
    while (*text == '/') {
        apr_size_t len = strcspn(++text, "/");
        if (len == 0 || path->count == RA_SEGMENTS_MAX) {
            return 0;
        }
        path->segments[path->count].text = text;
        path->segments[path->count++].len = len;
        text += len;
    }
    return 1;
}

static int route_fits(const ra_route_t *route, const path_t *path)
{
    for (int i = 0; i < route->segment_count; i++) {
        const ra_segment_t *segment = &route->segments[i];
        if (!segment->is_parameter && (segment->len != path->segments[i].len ||
                                       memcmp(segment->text, path->segments[i].text, segment->len) != 0)) {
            return 0;
        }
    }
    return 1;
}

static const ra_route_t *route_of(const ra_spec_t *spec, const char *text, path_t *path)
{
    if (!split(path, text)) {
        return NULL;
    }
    for (int i = spec->first_route[path->count]; i < spec->first_route[path->count + 1]; i++) {
        if (route_fits(&spec->routes[i], path)) {
            return &spec->routes[i];
        }
    }
    return NULL;
}

static const char *allow_on(const ra_route_t *route, ra_host_e host)
{
    for (int i = 0; i < RA_HOST_KINDS; i++) {
        if ((unsigned)host == 1u << i) {
            return route->allow[i];
        }
    }
    return NULL;
}

static const ra_operation_t *operation_of(const ra_route_t *route, const char *method, ra_host_e host)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;

    for (int i = 0; i < route->operation_count; i++) {
        const ra_operation_t *operation = route->operations[i];
        if ((operation->hosts & (unsigned)host) && strcmp(operation->method, wanted) == 0) {
            return operation;
        }
    }
    return NULL;
}

void ra_spec_match(ra_match_t *match, const ra_spec_t *spec, const char *method, const char *path, ra_host_e host,
                   apr_pool_t *pool)
{
    path_t parts;
    const ra_route_t *route = route_of(spec, path, &parts);

    match->operation = NULL;
    match->path_values = NULL;
    match->allow = route ? allow_on(route, host) : NULL;
    if (!match->allow) {
        return;
    }
    match->operation = operation_of(route, method, host);
    match->path_values = apr_table_make(pool, 2);
    for (int i = 0; i < route->segment_count; i++) {
        if (route->segments[i].is_parameter) {
            apr_table_setn(match->path_values, route->segments[i].text,
                           apr_pstrmemdup(pool, parts.segments[i].text, parts.segments[i].len));
        }
    }
}
