/* What the RA does by itself every so often. Layer: business. Thread rule: the watchdog's thread only. */
#include "business/ca/periodic.h"

#include <apr_strings.h>

#include "base/limits.h"
#include "business/application/bulk.h"
#include "business/application/prefill.h"
#include "business/application/progress.h"
#include "business/ca/ca_status.h"
#include "business/ca/codes.h"
#include "business/ca/overlap.h"
#include "business/certificate/suspension.h"
#include "business/service/tallies.h"

/* Answers kept for repeated requests are of use for a week (design §4); removed in portions, so that no lock is held long. */
static apr_status_t forget_answers(ra_tx_t *tx, void *baton)
{
    (void)baton;
    return ra_sql_change(tx, NULL,
                         "DELETE FROM idempotency_records WHERE created_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY ORDER BY created_at LIMIT ?",
                         RA_VALUES(ra_v_int(RA_IDEMPOTENCY_DAYS), ra_v_int(RA_PURGE_ROWS)));
}

static apr_status_t forget_jobs(ra_tx_t *tx, void *baton)
{
    const ra_t *ra = baton;

    return ra_outbox_forget(tx, ra->settings->outbox_days);
}

/** One transaction (`body`), or something that makes its own (`run`). */
typedef struct duty_t {
    const char *name;
    int seconds;
    ra_tx_body_fn body;
    apr_status_t (*run)(ra_t *ra, ra_result_t *result, apr_pool_t *pool);
} duty_t;

static const duty_t duties[] = {
    {"forget stored answers", 10, forget_answers, NULL},
    {"forget finished jobs", 10, forget_jobs, NULL},
    {"forget authorisation codes", 10, ra_codes_forget, NULL},
    {"forget bulk operations", 10, ra_bulk_forget, NULL},
    {"forget forms filled in beforehand", 10, ra_prefill_forget, NULL},
    {"forget wrong tries", 60, ra_progress_forget, NULL},
    {"ask the CA for its CRL", 1, ra_ca_status_queue, NULL},
    {"end suspensions", 5, NULL, ra_suspensions_run},
    {"count applications", 10, NULL, ra_tallies_run},
    {"end renewed certificates", 5, NULL, ra_overlaps_run},
};
#define DUTIES (sizeof(duties) / sizeof(duties[0]))

/* Said once, until it works again: a database that is away for a night is not ten thousand lines. */
static void say(const ra_t *ra, size_t duty, apr_status_t status, const ra_result_t *result, apr_pool_t *pool)
{
    static int fails[DUTIES];

    if (status != APR_SUCCESS && !fails[duty]) {
        ra->outbox->log(2, "RA0431", apr_pstrcat(pool, duties[duty].name, result->log_detail ? ": " : NULL, result->log_detail, NULL));
    }
    fails[duty] = status != APR_SUCCESS;
}

void ra_periodic_run(ra_t *ra, const volatile apr_uint32_t *stop, apr_pool_t *pool)
{
    static apr_time_t done[DUTIES];
    apr_time_t now = apr_time_now();

    for (size_t i = 0; i < DUTIES && !*stop; i++) {
        ra_result_t *result = ra_result_make(pool);
        apr_status_t status;

        /* A clock that was set back holds nothing up. */
        if (now >= done[i] && now - done[i] < apr_time_from_sec(duties[i].seconds)) {
            continue;
        }
        done[i] = now;
        status = duties[i].body ? ra_store_run(ra->store, RA_TX_WRITE, duties[i].body, ra, result, pool) : duties[i].run(ra, result, pool);
        say(ra, i, status, result, pool);
    }
}
