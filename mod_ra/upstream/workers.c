/*
 * The threads that run outbox jobs in one httpd child.
 * Layer: upstream. Thread rule: free-threaded after ra_outbox_start(); the mutex guards the counts and the tickets.
 */
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>
#include <apr_thread_pool.h>
#include <apr_atomic.h>
#include <string.h>

#include "base/ident.h"
#include "base/memory.h"
#include "upstream/outbox_run.h"

#define SWEEP_PAGE 64
#define JOB_POOL "ra_job"
#define SLOT_WAIT apr_time_from_msec(200)
#define ELSEWHERE_WAIT apr_time_from_msec(50) /* between two looks at a job that another child runs */

struct ra_workers_t {
    apr_thread_pool_t *threads;
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *free; /* a thread has become free: one of those that wait for it is woken */
    int limit;
    int busy; /* tasks given to the threads and not ended */
};

/* One task: heap of its own pool, shared between the waiting request and the worker. */
typedef struct ticket_t {
    ra_outbox_t *outbox;
    apr_pool_t *pool;
    char id[RA_UUID_TEXT + 1];
    ra_job_t held; /* id NULL: the job is to be claimed */
    apr_thread_cond_t *done; /* NULL: nobody waits */
    int users; /* the worker, and the waiting request while it waits */
    int ended;
    int ran; /* here: nobody else had the job */
} ticket_t;

static void leave(ticket_t *ticket)
{
    if (--ticket->users == 0) {
        apr_pool_destroy(ticket->pool);
    }
}

/* One for all jobs of a thread, empty between them: a new one would fetch each of its blocks from the system and give it back. NULL on failure. */
static apr_pool_t *pool_of(apr_thread_t *thread)
{
    void *kept = NULL;
    apr_pool_t *pool;

    if (apr_thread_data_get(&kept, JOB_POOL, thread) == APR_SUCCESS && kept) {
        return kept;
    }
    if (ra_pool_own(&pool, apr_thread_pool_get(thread)) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_tag(pool, JOB_POOL);
    return apr_thread_data_set(pool, JOB_POOL, NULL, thread) == APR_SUCCESS ? pool : NULL;
}

static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *data)
{
    ticket_t *ticket = data;
    struct ra_workers_t *workers = ticket->outbox->workers;
    apr_pool_t *pool = pool_of(thread);
    int ran = 0;

    if (pool) {
        ran = ra_outbox_run(ticket->outbox, ticket->id, ticket->held.id ? &ticket->held : NULL, pool);
        apr_pool_clear(pool);
    }
    apr_thread_mutex_lock(workers->mutex);
    workers->busy--;
    ticket->ended = 1;
    ticket->ran = ran;
    if (ticket->done) {
        apr_thread_cond_signal(ticket->done);
    }
    leave(ticket);
    apr_thread_cond_signal(workers->free);
    apr_thread_mutex_unlock(workers->mutex);
    return NULL;
}

/* With the mutex held. NULL when no thread is free. @param users 1, or 2 when the caller waits for the end */
static ticket_t *give(ra_outbox_t *outbox, const char *id, const ra_job_t *held, int users)
{
    struct ra_workers_t *workers = outbox->workers;
    apr_pool_t *pool;
    ticket_t *ticket;

    if (workers->busy >= workers->limit || apr_pool_create(&pool, NULL) != APR_SUCCESS) {
        return NULL;
    }
    ticket = apr_pcalloc(pool, sizeof(*ticket));
    ticket->outbox = outbox;
    ticket->pool = pool;
    ticket->users = users;
    apr_cpystrn(ticket->id, id, sizeof(ticket->id));
    if (held) {
        ticket->held = (ra_job_t){.id = ticket->id, .kind = apr_pstrdup(pool, held->kind), .subject = apr_pstrdup(pool, held->subject)};
    }
    if ((users > 1 && apr_thread_cond_create(&ticket->done, pool) != APR_SUCCESS) ||
        apr_thread_pool_push(workers->threads, work, ticket, APR_THREAD_TASK_PRIORITY_NORMAL, outbox) != APR_SUCCESS) {
        apr_pool_destroy(pool);
        return NULL;
    }
    workers->busy++;
    return ticket;
}

/* With the mutex held: until somebody says so, or the time is over. */
static void wait_until(struct ra_workers_t *workers, apr_thread_cond_t *cond, apr_time_t end)
{
    apr_interval_time_t left = end - apr_time_now();

    apr_thread_cond_timedwait(cond, workers->mutex, left > 0 ? left : 1);
}

/* The sweep of another child may have been quicker than the request that queued the job. */
static apr_status_t wait_elsewhere(const ra_outbox_t *outbox, const char *id, apr_time_t end, apr_pool_t *parent)
{
    apr_pool_t *look;
    int held = 1;

    apr_pool_create(&look, parent);
    apr_pool_tag(look, "ra_elsewhere");
    while (held && apr_time_now() < end) {
        apr_pool_clear(look);
        held = ra_outbox_is_held(outbox, id, look);
        if (held) {
            apr_sleep(ELSEWHERE_WAIT);
        }
    }
    apr_pool_destroy(look);
    return held ? APR_TIMEUP : APR_SUCCESS;
}

/* @param pgiven out: did a worker take it? */
static apr_status_t run_and_wait(ra_outbox_t *outbox, const char *id, const ra_job_t *held, apr_time_t end, int *pgiven, apr_pool_t *pool)
{
    struct ra_workers_t *workers = outbox->workers;
    ticket_t *ticket;
    int ended = 0, ran = 0;

    apr_thread_mutex_lock(workers->mutex);
    while (!(ticket = give(outbox, id, held, 2)) && apr_time_now() < end) {
        wait_until(workers, workers->free, end);
    }
    if (!ticket) {
        apr_thread_cond_signal(workers->free); /* whose time is over may have been the one that was woken */
    }
    *pgiven = ticket != NULL;
    while (ticket && !ticket->ended && apr_time_now() < end) {
        wait_until(workers, ticket->done, end);
    }
    if (ticket) {
        ended = ticket->ended;
        ran = ticket->ran;
        leave(ticket);
    }
    apr_thread_mutex_unlock(workers->mutex);
    if (ended && !ran) {
        return wait_elsewhere(outbox, id, end, pool);
    }
    return ended ? APR_SUCCESS : APR_TIMEUP;
}

apr_status_t ra_outbox_run_now(ra_outbox_t *outbox, const char *id, apr_interval_time_t wait, apr_pool_t *pool)
{
    int given;

    return run_and_wait(outbox, id, NULL, apr_time_now() + wait, &given, pool);
}

apr_status_t ra_outbox_run_held(ra_outbox_t *outbox, const ra_job_t *job, apr_interval_time_t wait, apr_pool_t *pool)
{
    int given;
    apr_status_t status = run_and_wait(outbox, job->id, job, apr_time_now() + wait, &given, pool);

    if (!given) {
        ra_outbox_let_go(outbox, job, pool);
    }
    return status;
}

/* Waits for a free thread and gives it the job; 0 when told to stop first. */
static int give_when_free(ra_outbox_t *outbox, const char *id, const volatile apr_uint32_t *stop)
{
    struct ra_workers_t *workers = outbox->workers;
    ticket_t *ticket;

    apr_thread_mutex_lock(workers->mutex);
    while (!(ticket = give(outbox, id, NULL, 1)) && !apr_atomic_read32((volatile apr_uint32_t *)stop)) {
        apr_thread_cond_timedwait(workers->free, workers->mutex, SLOT_WAIT);
    }
    apr_thread_mutex_unlock(workers->mutex);
    return ticket != NULL;
}

int ra_outbox_sweep(ra_outbox_t *outbox, int max, const volatile apr_uint32_t *stop, apr_pool_t *pool)
{
    int started = 0, page = max < SWEEP_PAGE ? max : SWEEP_PAGE, found = page;
    apr_pool_t *round;

    apr_pool_create(&round, pool);
    apr_pool_tag(round, "ra_sweep");
    while (found == page && started < max && !apr_atomic_read32((volatile apr_uint32_t *)stop)) {
        apr_array_header_t *ids;

        apr_pool_clear(round);
        ids = ra_outbox_due(outbox, page, round);
        found = ids->nelts;
        for (int i = 0; i < found; i++) {
            started += give_when_free(outbox, APR_ARRAY_IDX(ids, i, const char *), stop);
        }
    }
    apr_pool_destroy(round);
    return started;
}

apr_status_t ra_outbox_start(ra_outbox_t *outbox, int threads, apr_pool_t *pool)
{
    struct ra_workers_t *workers = apr_pcalloc(pool, sizeof(*workers));
    apr_status_t status = apr_thread_mutex_create(&workers->mutex, APR_THREAD_MUTEX_DEFAULT, pool);

    workers->limit = threads;
    if (status == APR_SUCCESS) {
        status = apr_thread_cond_create(&workers->free, pool);
    }
    if (status == APR_SUCCESS) {
        status = apr_thread_pool_create(&workers->threads, 0, (apr_size_t)threads, pool);
    }
    if (status == APR_SUCCESS) {
        /* Otherwise an idle thread ends at once, and with it its open connection to the CA: a TLS handshake for each job. */
        apr_thread_pool_idle_max_set(workers->threads, (apr_size_t)threads);
    }
    outbox->workers = workers;
    return status;
}
