/*
 * The outbox: work that leaves the process after a COMMIT, as rows that any httpd child may run under a lease (design §8).
 * Layer: upstream. It knows job kinds by the table that business/ registers, never their meaning.
 * Thread rule: registration before threads; everything else from any thread.
 */
#ifndef RA_UPSTREAM_OUTBOX_H
#define RA_UPSTREAM_OUTBOX_H

#include "store/store.h"

/** What a job run came to. */
typedef enum {
    RA_JOB_DONE,   /* finished; never run again */
    RA_JOB_LATER,  /* run again after a while */
    RA_JOB_PERSON, /* stopped: a person must decide (the row stays, visible) */
    RA_JOB_MORE    /* a part is done: the rest when its turn comes again */
} ra_job_verdict_e;

/** What a run leaves to be written in the transaction that ends its job, so that both are there or neither; filled by the run. */
typedef struct ra_job_last_t {
    ra_tx_body_fn body; /* NULL: nothing. When it fails the job is run again later */
    void *baton;
} ra_job_last_t;

/** A claimed job, as the runner sees it. */
typedef struct ra_job_t {
    const char *id;       /* UUID */
    const char *kind;
    const char *subject;  /* UUID of the thing it is about */
    int attempts;         /* runs so far, this one included */
    apr_int64_t fence;    /* fencing number of this lease: every write of the job carries it */
    ra_job_last_t *last;
} ra_job_t;

typedef struct ra_job_kind_t {
    const char *kind;
    int lane;             /* 0 first: revocations; 1: issuance; 2: the rest */
    /** Runs the job outside of a transaction. @param later seconds until the next run with RA_JOB_LATER; 0 = the usual backoff */
    ra_job_verdict_e (*run)(void *context, const ra_job_t *job, int *later, apr_pool_t *pool);
    apr_interval_time_t lease; /* of a kind whose runs are short, so that another child goes on soon after a crash; 0: the outbox's */
} ra_job_kind_t;

typedef struct ra_outbox_t {
    ra_store_t *store;
    const char *owner;                 /* names this child in a lease */
    apr_interval_time_t lease;         /* longer than any run */
    const ra_job_kind_t *kinds;        /* terminated by kind == NULL */
    void *context;                     /* handed to run */
    void (*log)(int level, const char *id, const char *message); /* RA_LOG_… of api.h are the same numbers: 0 error … 3 debug */
    struct ra_workers_t *workers;      /* private; made by ra_outbox_start */
} ra_outbox_t;

/** Queues a job inside the caller's transaction. @param pid the new job's id, in tx->pool */
apr_status_t ra_outbox_add(ra_tx_t *tx, const char *kind, int lane, const char *subject, const char **pid);

/**
 * As ra_outbox_add(), for a job that this child runs itself once the caller's transaction is committed (ra_outbox_run_held()): for
 * RA_JOB_HELD_SECONDS nobody else claims it, and no COMMIT is needed to claim it. The run must ra_outbox_keep() it before it acts.
 */
apr_status_t ra_outbox_add_held(const ra_outbox_t *outbox, ra_tx_t *tx, const char *kind, int lane, const char *subject, const char **pid);

/** In a transaction of a run: its lease begins anew, for as long as a run may take. @return APR_ENOENT when another has the job: roll back */
apr_status_t ra_outbox_keep(ra_tx_t *tx, const ra_outbox_t *outbox, const ra_job_t *job);

/** Ends an open or stopped job inside the caller's transaction: it is settled without a run. A run that lost its lease writes nothing more. */
apr_status_t ra_outbox_end(ra_tx_t *tx, const char *id);
/** Has a stopped or ended job run again, from now on. */
apr_status_t ra_outbox_wake(ra_tx_t *tx, const char *id);

/** Deletes finished jobs that are older, RA_PURGE_ROWS at most. What a job did is with its subject; the row only says that it ran. */
apr_status_t ra_outbox_forget(ra_tx_t *tx, int days);

/** Starts the worker threads; jobs run in them, so that a slow CA holds up neither the runner nor a request. Once per child. */
apr_status_t ra_outbox_start(ra_outbox_t *outbox, int threads, apr_pool_t *pool);

/**
 * Has that very job run now by a worker (claimed by compare-and-set and COMMIT first) and waits for its end, at most @a wait, in which it
 * also waits for a free worker, or for the end of the run where another has claimed the job. @return APR_SUCCESS when the run ended, APR_TIMEUP
 * when it goes on without the caller (or no worker was free)
 */
apr_status_t ra_outbox_run_now(ra_outbox_t *outbox, const char *id, apr_interval_time_t wait, apr_pool_t *pool);

/** As ra_outbox_run_now() for a job of ra_outbox_add_held(): id, kind and subject of @a job. Without a free worker anybody may claim it. */
apr_status_t ra_outbox_run_held(ra_outbox_t *outbox, const ra_job_t *job, apr_interval_time_t wait, apr_pool_t *pool);

/** Claims due jobs, lane by lane, and has the workers run them, until none is due, @a max were started or *stop is set. @return jobs started */
int ra_outbox_sweep(ra_outbox_t *outbox, int max, const volatile apr_uint32_t *stop, apr_pool_t *pool);

/** For /metrics: open jobs, seconds the oldest due job has waited, jobs that wait for a person. */
apr_status_t ra_outbox_gauge(const ra_outbox_t *outbox, apr_int64_t *popen, apr_int64_t *page, apr_int64_t *pperson,
                             ra_result_t *result, apr_pool_t *pool);

#endif
