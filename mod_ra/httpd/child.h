/*
 * What one httpd child owns: database pool, RA, outbox.
 * Layer: httpd. Thread rule: made in child_init before any thread; immutable afterwards; gone when the child's pool
 * is.
 */
#ifndef RA_HTTPD_CHILD_H
#define RA_HTTPD_CHILD_H

#include <httpd.h>

#include "api/api.h"
#include "business/ra.h"
#include "upstream/outbox.h"

typedef struct ra_child_t {
    ra_api_t api;
    ra_t ra;
    ra_outbox_t *outbox;
    server_rec *server; /* the main server, for the log */
} ra_child_t;

/** This process's child; NULL in the parent and in a child that could not be made ready. */
const ra_child_t *ra_child_get(void);

/** child_init hook; runs before mod_watchdog's. */
void ra_child_init(apr_pool_t *pchild, server_rec *main_server);

/** child_stopping hook: no new job begins. */
void ra_child_stopping(apr_pool_t *pchild, int is_graceful);

#endif
