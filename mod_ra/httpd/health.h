/* /healthz and /readyz. Layer: httpd. Thread rule: one thread per request. */
#ifndef RA_HTTPD_HEALTH_H
#define RA_HTTPD_HEALTH_H

#include <httpd.h>

#include "httpd/inbound.h"

/** The process answers. */
int ra_health_live(request_rec *r);

/**
 * Database reachable and at the level of this build, keyring loaded, upstream CA configured. What is missing is told
 * on the internal host only.
 */
int ra_health_ready(request_rec *r, const ra_inbound_t *inbound);

#endif
