/*
 * HTTP client over libcurl: one blocking POST or GET with hard limits. Layer: base; http.c is the only file that includes curl.
 * Thread rule: ra_http_global_init once per child before threads; the rest is free-threaded (one handle per thread, kept between calls).
 */
#ifndef RA_BASE_HTTP_H
#define RA_BASE_HTTP_H

#include <apr_time.h>

#include "base/crypt.h"

typedef struct ra_http_target_t {
    const char *url;
    const char *ca_file;   /* verifies the server; required for https */
    const char *cert_file; /* client certificate, may be NULL */
    const char *key_file;
    ra_bytes_t ca_pem;   /* used instead of ca_file when not empty: children cannot read what root could at start */
    ra_bytes_t cert_pem; /* with key_pem instead of cert_file and key_file */
    ra_bytes_t key_pem;
} ra_http_target_t;

typedef struct ra_http_reply_t {
    int status;               /* HTTP status */
    const char *content_type; /* without parameters, lower case; "" when absent */
    ra_bytes_t body;
    int nothing_sent;         /* on failure: surely no byte of the request reached the server */
    int too_large;            /* on failure: the answer has more bytes than were asked for */
    const char *error;        /* on failure: English, no secret */
} ra_http_reply_t;

apr_status_t ra_http_global_init(apr_pool_t *pool);

typedef struct ra_http_post_t {
    const ra_http_target_t *target;
    const char *content_type;
    ra_bytes_t body;
    apr_interval_time_t connect_timeout;
    apr_interval_time_t timeout;
    apr_size_t answer_max; /* bytes */
} ra_http_post_t;

/** POST. APR_SUCCESS whenever an HTTP answer of any status came whole and within answer_max; reply in @a pool. No redirects, no proxy, TLS >= 1.2. */
apr_status_t ra_http_post(ra_http_reply_t *reply, const ra_http_post_t *post, apr_pool_t *pool);

/** GET, as ra_http_post(); content_type and body of @a get are not looked at. */
apr_status_t ra_http_get(ra_http_reply_t *reply, const ra_http_post_t *get, apr_pool_t *pool);

#endif
