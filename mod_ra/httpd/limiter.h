/*
 * Request limits for each client across all children (design §4, §14; draft-ietf-httpapi-ratelimit-headers-11).
 * Layer: httpd. Thread rule: lock-free, any thread of any child.
 *
 * A token bucket as one number: the time at which the bucket will be full again (GCRA). So one compare-and-set
 * decides a request, a client costs 16 bytes, and a crash cannot leave a lock behind.
 */
#ifndef RA_HTTPD_LIMITER_H
#define RA_HTTPD_LIMITER_H

#include <httpd.h>

#include "httpd/config.h"

typedef struct ra_limiter_t ra_limiter_t;

/** What one request came to. */
typedef struct ra_limit_verdict_t {
    int is_refused;
    int remaining;   /* requests that would be let through now */
    int full_after;  /* seconds until the whole quota is there again */
    int retry_after; /* seconds; with is_refused */
} ra_limit_verdict_t;

/** @return NULL when there is no shared memory or no random bytes */
ra_limiter_t *ra_limiter_make(server_rec *server, apr_pool_t *pool);

/** Whose request is counted, and among which. */
typedef struct ra_limit_client_t {
    const request_rec *r;
    ra_bytes_t certificate; /* empty: the client is its address */
    char what;              /* 'r' for REST, 'c' for CMP: counted apart */
} ra_limit_client_t;

/**
 * Counts a request of the client: by certificate where there is one, else by address (IPv4 /32, IPv6 /64).
 * @param limit with requests > 0
 */
ra_limit_verdict_t ra_limiter_take(ra_limiter_t *limiter, const ra_limit_t *limit, const ra_limit_client_t *client);

#endif
