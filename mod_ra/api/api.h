/*
 * The door between httpd/ and api/: one request in, one response out, no httpd type. Layer: api.
 * Thread rule: a ra_api_t is made once per child; ra_api_serve() is called by many threads.
 */
#ifndef RA_API_API_H
#define RA_API_API_H

#include <apr_tables.h>

#include "api/spec.h"
#include "business/application/bulk.h"
#include "business/ra.h"

/** The operations of the module, NULL-terminated: what the document's operationIds bind to (for ra_spec_load). */
extern const ra_binding_t ra_api_bindings[];

struct ra_call_t;

typedef struct ra_api_t {
    const ra_spec_t *spec;
    ra_t *ra;
} ra_api_t;

/** A request as httpd/ hands it in. All strings live as long as @a pool. */
typedef struct ra_request_t {
    apr_pool_t *pool;
    ra_host_e host;
    const char *method;       /* as sent; HEAD included */
    const char *path;         /* below /api/v1, percent-decoded once, "/" first; "" for the base itself */
    const char *query;        /* raw query string without '?', NULL when absent */
    apr_table_t *headers;     /* request headers */
    const char *origin;       /* "https://host:port" of this virtual host, for the same-origin proof */
    const char *client_ip;
    const char *trace_id;     /* 32 lower-case hex digits: from traceparent or made */
    ra_bytes_t certificate;   /* DER of the verified client certificate; data NULL when there is none */
    const ra_match_t *match;  /* what ra_spec_match() said for this request */
    /** Reads the whole body. APR_SUCCESS; APR_ENOSPC too large; APR_EINVAL broken framing or chunking; APR_TIMEUP slow or gone. */
    apr_status_t (*read_body)(void *baton, apr_size_t max, ra_bytes_t *body);
    void *baton;
    /** Writes one line to httpd's log. */
    void (*log)(void *baton, int level, const char *id, const char *message);
    /** NULL, or the last thing written in the transaction of a change: true together with it or not at all. */
    apr_status_t (*note)(void *baton, const struct ra_call_t *call);
} ra_request_t;

/** Log levels of ra_request_t.log, mapped by httpd/. */
enum { RA_LOG_ERROR, RA_LOG_WARNING, RA_LOG_INFO, RA_LOG_DEBUG };

typedef struct ra_response_t {
    int status;
    apr_table_t *headers;     /* to be sent; made by ra_api_serve */
    const char *content_type; /* NULL: no body */
    ra_bytes_t body;          /* httpd/ leaves it out for HEAD */
    const char *problem;      /* problem code, or NULL: for the log and metrics */
    const char *principal;    /* id of who asked, or NULL: for the access log note */
} ra_response_t;

/** Serves any request below /api/v1. Always fills @a response. */
void ra_api_serve(const ra_api_t *api, const ra_request_t *request, ra_response_t *response);

/**
 * Runs one row of a bulk operation as the call of the single operation that it is: everything but what belongs to a connection
 * (same-origin proof, Idempotency-Key, reading of the body).
 * @return APR_EEXIST when request->note said so: nothing was done. Otherwise @a response is filled, as ra_api_serve() does
 */
apr_status_t ra_api_serve_row(const ra_api_t *api, const ra_request_t *request, ra_bytes_t body, ra_response_t *response);

/** One row of a bulk operation: ra_t.bulk_row, with a ra_api_t as baton. */
apr_status_t ra_bulk_row(const void *baton, const ra_bulk_t *bulk, int index, const ra_json_t *json, apr_pool_t *pool);

/** A problem answer outside of an operation (rate limit, unreadable request, other handlers of httpd/). */
void ra_api_refuse(const ra_api_t *api, const ra_request_t *request, const ra_result_t *result, ra_response_t *response);

#endif
