/*
 * The certificates that this server needs and no reload renews: when they end, for /metrics and for the log.
 * Layer: httpd. Thread rule: made in httpd's main thread, then read by any thread of any child.
 */
#ifndef RA_HTTPD_EXPIRY_H
#define RA_HTTPD_EXPIRY_H

#include <httpd.h>
#include <http_config.h>

struct ra_globals_t;

/** What one kind of certificate is called, and when the first of its kind ends. */
typedef struct ra_expiry_row_t {
    const char *name; /* the label of the metric */
    const char *path; /* the file it was read from */
    apr_time_t end;
} ra_expiry_row_t;

typedef struct ra_expiry_t ra_expiry_t;

/**
 * Reads, as root, the files that the directives name: those of the RA's own credentials, of the CA, and of mod_ssl's servers.
 * @param tree the configuration
 * @return NULL when there is no shared memory
 */
ra_expiry_t *ra_expiry_make(server_rec *server, const struct ra_globals_t *globals, const ap_directive_t *tree, apr_pool_t *pconf);

/** The rows; *pcount of them. */
const ra_expiry_row_t *ra_expiry_rows(const ra_expiry_t *expiry, int *pcount);

/** Logs what ends within 30 days: after a start or reload, then once a day, by whichever child comes first. */
void ra_expiry_say(ra_expiry_t *expiry, apr_pool_t *pool);

#endif
