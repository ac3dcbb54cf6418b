/*
 * The outbox runner: one thread of mod_watchdog in every child (not its singleton: the lease of a job is the guard,
 * design §8).
 * Layer: httpd. Thread rule: registration in httpd's main thread, the rest as said.
 */
#ifndef RA_HTTPD_WATCHDOG_H
#define RA_HTTPD_WATCHDOG_H

#include <httpd.h>

/** Registers the runner with mod_watchdog; call in post_config. APR_ENOTIMPL when mod_watchdog is missing. */
apr_status_t ra_watchdog_register(server_rec *main_server, apr_pool_t *pconf);

/**
 * Ties the runner's end to the child's pool: it is waited for, within bounds, before anything it uses goes away. Call
 * in child_init.
 */
void ra_watchdog_child(apr_pool_t *pchild, server_rec *main_server);

/** Lets no new job begin. Any thread. */
void ra_watchdog_stop(int is_graceful);

#endif
