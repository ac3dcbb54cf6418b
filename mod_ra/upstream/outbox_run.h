/* Between outbox.c (rows) and workers.c (threads). Layer: upstream, private. */
#ifndef RA_UPSTREAM_OUTBOX_RUN_H
#define RA_UPSTREAM_OUTBOX_RUN_H

#include "upstream/outbox.h"

/** Claims a job: compare-and-set and COMMIT. APR_ENOENT when another holds it or it is finished. Strings of @a job in @a pool. */
apr_status_t ra_outbox_claim(const ra_outbox_t *outbox, const char *id, ra_job_t *job, apr_pool_t *pool);

/**
 * Runs one job in the calling thread and writes its end. @param held the job when its lease is this child's already; NULL: it is claimed first
 * @return 0 when another holds it, took it over meanwhile, or it is finished
 */
int ra_outbox_run(const ra_outbox_t *outbox, const char *id, const ra_job_t *held, apr_pool_t *pool);

/** Gives up a job that was held and not begun. */
void ra_outbox_let_go(const ra_outbox_t *outbox, const ra_job_t *held, apr_pool_t *pool);

/** Does somebody run the job? No when the database cannot say. */
int ra_outbox_is_held(const ra_outbox_t *outbox, const char *id, apr_pool_t *pool);

/** Ids (const char *) of due jobs that nobody holds, first lane first. Empty when the database cannot say. */
apr_array_header_t *ra_outbox_due(const ra_outbox_t *outbox, int limit, apr_pool_t *pool);

#endif
