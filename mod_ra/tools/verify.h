/*
 * Checks an export of the audit log offline: hashes, trees, chain, signatures, checkpoints (docs/evidence.md).
 * Layer: tools. Thread rule: one thread.
 */
#ifndef RA_TOOLS_VERIFY_H
#define RA_TOOLS_VERIFY_H

#include <apr_tables.h>

typedef struct ra_verify_options_t {
    const char *path;
    apr_int64_t from;                /* the batch that the export must begin with */
    apr_array_header_t *keys;        /* of const char *: PEM files; each batch names its key */
    apr_array_header_t *checkpoints; /* of const char *: files with a checkpoint in each line */
} ra_verify_options_t;

/**
 * Writes each finding as a line to standard output and a summary at the end; what hinders the check goes to standard error.
 * @return exit code: 0 intact, 1 there are findings, 2 a file or key cannot be read
 */
int ra_verify_export(const ra_verify_options_t *options, apr_pool_t *pool);

#endif
