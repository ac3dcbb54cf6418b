/*
 * What is known about a request before its handler: where it goes, its trace, its client, its limit.
 * Layer: httpd. Thread rule: made in post_read_request, in r->pool; used by the thread that works on the request.
 */
#ifndef RA_HTTPD_INBOUND_H
#define RA_HTTPD_INBOUND_H

#include <httpd.h>

#include "api/api.h"
#include "httpd/config.h"
#include "httpd/trace.h"

/** Name of our handler, as in SetHandler. */
#define RA_HANDLER_NAME "ra"
#define RA_API_BASE "/api/v1"

typedef enum {
    RA_ROUTE_NONE,
    RA_ROUTE_API,
    RA_ROUTE_HEALTH,
    RA_ROUTE_READY,
    RA_ROUTE_METRICS,
    RA_ROUTE_CMP,
    RA_ROUTE_DOWNLOAD
} ra_route_e;

typedef struct ra_inbound_t {
    ra_route_e route;
    const ra_server_t *server;
    const char *path;       /* RA_ROUTE_API: below /api/v1, decoded once; "" for the base. RA_ROUTE_DOWNLOAD: the file's name */
    ra_match_t match;       /* RA_ROUTE_API; operation NULL and allow NULL otherwise */
    ra_trace_t trace;
    ra_bytes_t certificate; /* staff and api hosts: DER of the verified client certificate */
    const char *refusal;    /* a problem that is settled before any handler; NULL: go on */
    int retry_after;        /* seconds, with a refusal */
    int is_limited;         /* refused by RARateLimit, for the metrics */
} ra_inbound_t;

/**
 * The inbound of an original request on a host with RAHost; NULL for redirected requests, sub-requests and other
 * hosts.
 */
ra_inbound_t *ra_inbound_get(const request_rec *r);

/** Fills the request for api/. */
void ra_inbound_request(request_rec *r, const ra_inbound_t *inbound, ra_request_t *request);

/**
 * Decodes a path once.
 * @return NULL when it holds a bad escape, NUL or another control character, an encoded slash, a "." or ".." segment,
 *   or bytes that are not UTF-8: such a path is never a resource of ours
 */
const char *ra_path_decode(const char *raw, apr_pool_t *pool);

/* Hooks, in the order in which httpd calls them. */
int ra_inbound_read(request_rec *r);                 /* post_read_request: cached hits pass here too */
int ra_inbound_quick(request_rec *r, int is_lookup); /* quick_handler: answers what is refused already */
int ra_inbound_translate(request_rec *r);            /* translate_name: our paths are no files */
int ra_inbound_map(request_rec *r);                  /* map_to_storage: no file system, no .htaccess, no TRACE */
int ra_inbound_type(request_rec *r);                 /* type_checker: our handler, whatever the path looks like */

#endif
