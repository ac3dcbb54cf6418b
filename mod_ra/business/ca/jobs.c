/* The job kinds of the RA. Layer: business. */
#include "business/ca/jobs.h"

#include "base/limits.h"
#include "business/application/bulk.h"
#include "business/ca/ca_status.h"
#include "business/ca/production.h"
#include "business/ca/revocation.h"

#define WORKERS 8
#define LEASE_MARGIN apr_time_from_sec(60)

const ra_job_kind_t ra_job_kinds[] = {
    {"revoke", 0, ra_revocation_run, 0},
    {"enrol", 1, ra_production_run, 0},
    {"bulk", 2, ra_bulk_run, apr_time_from_sec(RA_BULK_LEASE_SECONDS)},
    {"ca_status", 2, ra_ca_status_run, 0},
    {NULL, 0, NULL, 0},
};

ra_outbox_t *ra_jobs_outbox(ra_t *ra, void (*log)(int level, const char *id, const char *message), apr_pool_t *pool)
{
    ra_outbox_t *outbox = apr_pcalloc(pool, sizeof(*outbox));

    outbox->store = ra->store;
    outbox->owner = ra->node;
    /* A run may try twice (a second look at a rejection). */
    outbox->lease = 2 * ra->settings->upstream_timeout + LEASE_MARGIN;
    outbox->kinds = ra_job_kinds;
    outbox->context = ra;
    outbox->log = log;
    ra->outbox = outbox;
    return ra_outbox_start(outbox, WORKERS, pool) == APR_SUCCESS ? outbox : NULL;
}
