/*
 * Counters for Prometheus in memory that all children share (text format 0.0.4).
 * Layer: httpd. Thread rule: lock-free, any thread of any child. Never an id, a name or an address as a label.
 */
#ifndef RA_HTTPD_METRICS_H
#define RA_HTTPD_METRICS_H

#include <httpd.h>

#include "api/spec.h"
#include "httpd/child.h"

typedef struct ra_metrics_t ra_metrics_t;

/**
 * @param children most children at a time, those of the former generation included.
 * @return NULL when there is no shared memory
 */
ra_metrics_t *ra_metrics_make(server_rec *server, const ra_spec_t *spec, int children, apr_pool_t *pool);

/** Takes a place for this child's gauges until @a pchild goes. */
void ra_metrics_enter(ra_metrics_t *metrics, apr_pool_t *pchild);

/** Writes this child's gauges down. */
void ra_metrics_refresh(const ra_child_t *child);

/** log_transaction hook: counts the request, cached hits included. */
int ra_metrics_log(request_rec *r);

/** Handler of /metrics. */
int ra_metrics_page(request_rec *r);

#endif
