/* W3C Trace Context and X-Request-Id of one request. Layer: httpd. Thread rule: free-threaded. */
#ifndef RA_HTTPD_TRACE_H
#define RA_HTTPD_TRACE_H

#include <httpd.h>

typedef struct ra_trace_t {
    const char *id;          /* 32 lower-case hex digits: the caller's, or made */
    const char *traceparent; /* what we answer: same trace, our own span */
    const char *request_id;  /* the caller's X-Request-Id where it is harmless, else the trace id */
} ra_trace_t;

/** Accepts a valid traceparent (W3C Trace Context §3.2), makes one otherwise. Strings in r->pool. */
ra_trace_t ra_trace_of(request_rec *r);

/** Is it a traceparent that W3C Trace Context lets us continue? */
int ra_traceparent_is_valid(const char *text);

#endif
