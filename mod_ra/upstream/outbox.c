/*
 * The outbox's rows: queueing, claiming under a lease, finishing. Who runs what is upstream/workers.c.
 * Layer: upstream. Thread rule: free-threaded; the lease in the row is the only guard between threads, children and hosts.
 */
#include "upstream/outbox.h"

#include <apr_strings.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/ident.h"
#include "base/limits.h"
#include "upstream/outbox_run.h"

#define HELD_FENCE 1 /* of a job that nobody has claimed since it was queued */

apr_status_t ra_outbox_add(ra_tx_t *tx, const char *kind, int lane, const char *subject, const char **pid)
{
    return ra_outbox_add_held(NULL, tx, kind, lane, subject, pid);
}

apr_status_t ra_outbox_add_held(const ra_outbox_t *outbox, ra_tx_t *tx, const char *kind, int lane, const char *subject, const char **pid)
{
    int seconds = RA_PLANTED(lease_off) ? 0 : RA_JOB_HELD_SECONDS, runs = outbox != NULL;
    apr_status_t status;

    *pid = ra_uuid_make(tx->pool);
    if (!*pid) {
        return APR_EGENERAL;
    }
    status = ra_sql_change(tx, NULL,
                           "INSERT INTO outbox_jobs (id, kind, lane, subject, state, attempts, fence, lease_owner, lease_until, next_run, created_at)"
                           " VALUES (?, ?, ?, ?, 'open', ?, ?, ?, UTC_TIMESTAMP(6) + INTERVAL ? SECOND, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
                           RA_VALUES(ra_v_uuid(*pid), ra_v_text(kind), ra_v_int(lane), ra_v_uuid(subject), ra_v_int(runs),
                                     ra_v_int(runs ? HELD_FENCE : 0), ra_v_text(runs ? outbox->owner : NULL),
                                     runs ? ra_v_int(seconds) : ra_v_null()));
    RA_FAILPOINT(outbox_added);
    return status;
}

apr_status_t ra_outbox_end(ra_tx_t *tx, const char *id)
{
    return ra_sql_change(tx, NULL,
                         "UPDATE outbox_jobs SET state = 'done', finished_at = UTC_TIMESTAMP(6), lease_owner = NULL, lease_until = NULL,"
                         " fence = fence + 1 WHERE id = ? AND state <> 'done'",
                         RA_VALUES(ra_v_uuid(id)));
}

apr_status_t ra_outbox_wake(ra_tx_t *tx, const char *id)
{
    return ra_sql_change(tx, NULL,
                         "UPDATE outbox_jobs SET state = 'open', next_run = UTC_TIMESTAMP(6), finished_at = NULL WHERE id = ? AND state <> 'open'",
                         RA_VALUES(ra_v_uuid(id)));
}

/* A finished job keeps the time of its end in next_run too, so the index of what is due serves, lane by lane. */
apr_status_t ra_outbox_forget(ra_tx_t *tx, int days)
{
    return ra_sql_change(tx, NULL,
                         "DELETE FROM outbox_jobs WHERE state = 'done' AND lane IN (0, 1, 2) AND next_run < UTC_TIMESTAMP(6) - INTERVAL ? DAY"
                         " AND finished_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY LIMIT ?",
                         RA_VALUES(ra_v_int(days), ra_v_int(days), ra_v_int(RA_PURGE_ROWS)));
}

/* --- claim ------------------------------------------------------------------------------------------------------ */

typedef struct claim_t {
    const ra_outbox_t *outbox;
    const char *id;
    ra_job_t *job; /* out */
    apr_pool_t *pool;
} claim_t;

static const ra_job_kind_t *kind_of(const ra_outbox_t *outbox, const char *name)
{
    const ra_job_kind_t *kind = outbox->kinds;

    while (kind->kind && strcmp(kind->kind, name) != 0) {
        kind++;
    }
    return kind->kind ? kind : NULL;
}

apr_status_t ra_outbox_keep(ra_tx_t *tx, const ra_outbox_t *outbox, const ra_job_t *job)
{
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(
        tx, &affected, "UPDATE outbox_jobs SET lease_until = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND WHERE id = ? AND fence = ? AND state = 'open'",
        RA_VALUES(ra_v_int(RA_PLANTED(lease_off) ? 0 : outbox->lease), ra_v_uuid(job->id), ra_v_int(job->fence)));

    return status == APR_SUCCESS && affected != 1 ? APR_ENOENT : status;
}

/* In the transaction of the claim, so that nobody sees the longer lease. */
static apr_status_t shorten_lease(ra_tx_t *tx, const claim_t *claim)
{
    const ra_job_kind_t *kind = kind_of(claim->outbox, claim->job->kind);

    return kind && kind->lease ? ra_sql_change(tx, NULL, "UPDATE outbox_jobs SET lease_until = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND WHERE id = ?",
                                               RA_VALUES(ra_v_int(kind->lease), ra_v_uuid(claim->id)))
                               : APR_SUCCESS;
}

static apr_status_t claim_body(ra_tx_t *tx, void *baton)
{
    claim_t *claim = baton;
    apr_uint64_t affected = 0;
    ra_json_t *row;
    apr_status_t status = ra_sql_change(
        tx, &affected,
        "UPDATE outbox_jobs SET lease_owner = ?, lease_until = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, attempts = attempts + 1,"
        " fence = fence + 1 WHERE id = ? AND state = 'open' AND (lease_until IS NULL OR lease_until < UTC_TIMESTAMP(6))",
        RA_VALUES(ra_v_text(claim->outbox->owner), ra_v_int(RA_PLANTED(lease_off) ? 0 : claim->outbox->lease), ra_v_uuid(claim->id)));

    if (status != APR_SUCCESS || affected != 1) {
        return status != APR_SUCCESS ? status : APR_ENOENT;
    }
    status = ra_sql_row(tx, &row, "SELECT kind AS kind, subject AS subject, attempts AS attempts, fence AS fence FROM outbox_jobs WHERE id = ?",
                        RA_VALUES(ra_v_uuid(claim->id)));
    if (status == APR_SUCCESS) {
        claim->job->id = apr_pstrdup(claim->pool, claim->id);
        claim->job->kind = apr_pstrdup(claim->pool, ra_json_get_string(row, "kind"));
        claim->job->subject = apr_pstrdup(claim->pool, ra_json_get_string(row, "subject"));
        claim->job->attempts = (int)ra_json_get_int(row, "attempts", 0);
        claim->job->fence = ra_json_get_int(row, "fence", 0);
        status = shorten_lease(tx, claim);
    }
    return status;
}

apr_status_t ra_outbox_claim(const ra_outbox_t *outbox, const char *id, ra_job_t *job, apr_pool_t *pool)
{
    claim_t claim = {outbox, id, job, pool};

    RA_FAILPOINT(job_claiming);
    return ra_store_run(outbox->store, RA_TX_WRITE, claim_body, &claim, ra_result_make(pool), pool);
}

/* --- finish ----------------------------------------------------------------------------------------------------- */

typedef struct finish_t {
    const ra_job_t *job;
    ra_job_verdict_e verdict;
    int later;
    int is_lost; /* out: another has taken the job over */
} finish_t;

/* 1, 2, 4 … RA_JOB_BACKOFF_MAX_SECONDS seconds, half of it by chance. */
static apr_int64_t backoff_ms(int attempts)
{
    apr_int64_t top = attempts > 9 ? RA_JOB_BACKOFF_MAX_SECONDS : 1 << (attempts > 1 ? attempts - 1 : 0);
    unsigned short chance = 0;

    if (top > RA_JOB_BACKOFF_MAX_SECONDS) {
        top = RA_JOB_BACKOFF_MAX_SECONDS;
    }
    if (ra_random(&chance, sizeof(chance)) != APR_SUCCESS) {
        chance = 0x8000;
    }
    return top * 500 + top * 500 * chance / 0xffff;
}

/* The fence keeps a runner whose lease was taken over from writing; then nothing is left to do for it. */
static apr_status_t finish_body(ra_tx_t *tx, void *baton)
{
    finish_t *finish = baton;
    static const char *const states[] = {"done", "open", "person", "open"};
    apr_int64_t delay = finish->verdict == RA_JOB_MORE ? 0
                        : finish->later > 0            ? (apr_int64_t)finish->later * 1000
                                                       : backoff_ms(finish->job->attempts);
    const ra_job_last_t *last = finish->job->last;
    apr_uint64_t affected = 0;
    apr_status_t status;

    RA_FAILPOINT(job_finishing);
    if (last->body && (status = last->body(tx, last->baton)) != APR_SUCCESS) {
        return status;
    }
    status = ra_sql_change(tx, &affected,
                           "UPDATE outbox_jobs SET state = ?, lease_owner = NULL, lease_until = NULL,"
                           " next_run = UTC_TIMESTAMP(6) + INTERVAL ? MICROSECOND, finished_at = IF(? = 'done', UTC_TIMESTAMP(6), NULL)"
                           " WHERE id = ? AND fence = ?",
                           RA_VALUES(ra_v_text(states[finish->verdict]), ra_v_int(delay * 1000), ra_v_text(states[finish->verdict]),
                                     ra_v_uuid(finish->job->id), ra_v_int(finish->job->fence)));
    finish->is_lost = status == APR_SUCCESS && affected == 0;
    return status;
}

/* What the run left may be what cannot be written: then it is left to the next run. */
static apr_status_t end_job(const ra_outbox_t *outbox, finish_t *finish, ra_result_t *result, apr_pool_t *pool)
{
    apr_status_t status = ra_store_run(outbox->store, RA_TX_WRITE, finish_body, finish, result, pool);

    if (status != APR_SUCCESS && finish->job->last->body) {
        finish->job->last->body = NULL;
        finish->verdict = RA_JOB_LATER;
        ra_result_clear(result);
        status = ra_store_run(outbox->store, RA_TX_WRITE, finish_body, finish, result, pool);
    }
    return status;
}

int ra_outbox_run(const ra_outbox_t *outbox, const char *id, const ra_job_t *held, apr_pool_t *pool)
{
    ra_job_last_t last = {NULL, NULL};
    ra_job_t job = {0};
    finish_t ending = {&job, RA_JOB_PERSON, 0, 0};
    ra_result_t *result = ra_result_make(pool);
    const ra_job_kind_t *kind;

    if (held) {
        job = *held;
        job.attempts = 1;
        job.fence = HELD_FENCE;
    } else if (ra_outbox_claim(outbox, id, &job, pool) != APR_SUCCESS) {
        return 0;
    }
    job.last = &last;
    RA_FAILPOINT(job_claimed);
    kind = kind_of(outbox, job.kind);
    if (kind) {
        ending.verdict = kind->run(outbox->context, &job, &ending.later, pool);
        RA_FAILPOINT(job_ran);
    } else {
        outbox->log(0, "RA0401", apr_pstrcat(pool, "outbox: this build does not know the job kind ", job.kind, NULL));
    }
    if (end_job(outbox, &ending, result, pool) != APR_SUCCESS) {
        outbox->log(1, "RA0402", apr_pstrcat(pool, "outbox: the end of ", job.kind, " job ", job.id, " could not be written; it will be run again after its lease: ",
                                             result->log_detail ? result->log_detail : "-", NULL));
    }
    RA_FAILPOINT(job_finished);
    return !ending.is_lost;
}

void ra_outbox_let_go(const ra_outbox_t *outbox, const ra_job_t *held, apr_pool_t *pool)
{
    ra_job_last_t last = {NULL, NULL};
    ra_job_t job = {.id = held->id, .fence = HELD_FENCE, .last = &last};
    finish_t ending = {&job, RA_JOB_MORE, 0, 0};

    end_job(outbox, &ending, ra_result_make(pool), pool);
}

/* --- a run elsewhere -------------------------------------------------------------------------------------------- */

static apr_status_t held_body(ra_tx_t *tx, void *baton)
{
    apr_int64_t found;

    return ra_sql_int(tx, &found, "SELECT 1 FROM outbox_jobs WHERE id = ? AND state = 'open' AND lease_until >= UTC_TIMESTAMP(6)",
                      RA_VALUES(ra_v_uuid(baton)));
}

int ra_outbox_is_held(const ra_outbox_t *outbox, const char *id, apr_pool_t *pool)
{
    return ra_store_run(outbox->store, RA_TX_READ, held_body, (void *)id, ra_result_make(pool), pool) == APR_SUCCESS;
}

/* --- what is due ------------------------------------------------------------------------------------------------ */

typedef struct due_t {
    int limit;
    apr_array_header_t *ids; /* of const char * */
} due_t;

static apr_status_t due_body(ra_tx_t *tx, void *baton)
{
    due_t *due = baton;
    apr_status_t status = ra_sql_ids(tx, due->ids,
                                     "SELECT id AS id FROM outbox_jobs WHERE state = 'open' AND next_run <= UTC_TIMESTAMP(6)"
                                     " AND (lease_until IS NULL OR lease_until < UTC_TIMESTAMP(6)) ORDER BY lane, next_run LIMIT ?",
                                     RA_VALUES(ra_v_int(due->limit)));

    RA_FAILPOINT(job_due);
    return status;
}

apr_array_header_t *ra_outbox_due(const ra_outbox_t *outbox, int limit, apr_pool_t *pool)
{
    due_t due = {limit, apr_array_make(pool, 16, sizeof(const char *))};

    if (ra_store_run(outbox->store, RA_TX_READ, due_body, &due, ra_result_make(pool), pool) != APR_SUCCESS) {
        apr_array_clear(due.ids);
    }
    return due.ids;
}

/* --- gauge ------------------------------------------------------------------------------------------------------ */

typedef struct gauge_t {
    apr_int64_t open;
    apr_int64_t age;
    apr_int64_t person;
} gauge_t;

static apr_status_t gauge_body(ra_tx_t *tx, void *baton)
{
    gauge_t *gauge = baton;
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row,
                                     "SELECT COALESCE(SUM(state = 'open'), 0) AS open_jobs, COALESCE(SUM(state = 'person'), 0) AS person_jobs,"
                                     " COALESCE(TIMESTAMPDIFF(SECOND, MIN(IF(state = 'open', created_at, NULL)), UTC_TIMESTAMP(6)), 0) AS age"
                                     " FROM outbox_jobs WHERE state IN ('open', 'person')", RA_NO_VALUES);

    if (status == APR_SUCCESS) {
        gauge->open = ra_json_get_int(row, "open_jobs", 0);
        gauge->age = ra_json_get_int(row, "age", 0);
        gauge->person = ra_json_get_int(row, "person_jobs", 0);
    }
    return status;
}

apr_status_t ra_outbox_gauge(const ra_outbox_t *outbox, apr_int64_t *popen, apr_int64_t *page, apr_int64_t *pperson, ra_result_t *result,
                             apr_pool_t *pool)
{
    gauge_t gauge = {0, 0, 0};
    apr_status_t status = ra_store_run(outbox->store, RA_TX_READ, gauge_body, &gauge, result, pool);

    *popen = gauge.open;
    *page = gauge.age;
    *pperson = gauge.person;
    return status;
}
