/*
 * Writes the audit log with its seals to a file, or the newest checkpoint alone (docs/evidence.md).
 * Layer: tools. Thread rule: one thread.
 */
#ifndef RA_TOOLS_EXPORT_H
#define RA_TOOLS_EXPORT_H

#include "store/store.h"

typedef struct ra_export_options_t {
    ra_store_config_t store;
    const char *out;        /* NULL: no export */
    const char *checkpoint; /* NULL: no checkpoint */
    apr_int64_t from;       /* number of the first batch */
} ra_export_options_t;

/** A file is replaced whole or not at all. @return exit code: 0 done, 2 failed (standard error says why) */
int ra_export_run(const ra_export_options_t *options, apr_pool_t *pool);

#endif
