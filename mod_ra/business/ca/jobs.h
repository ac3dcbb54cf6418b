/* The job kinds of the RA for the outbox runner. Layer: business. */
#ifndef RA_BUSINESS_JOBS_H
#define RA_BUSINESS_JOBS_H

#include "business/ra.h"
#include "upstream/outbox.h"

/** Terminated by kind == NULL; run with a ra_t * as context. */
extern const ra_job_kind_t ra_job_kinds[];

/** An outbox over this child's store, in @a pool. */
ra_outbox_t *ra_jobs_outbox(ra_t *ra, void (*log)(int level, const char *id, const char *message), apr_pool_t *pool);

#endif
