/*
 * Sweeps the outbox twice a second, seals audit events and keeps this child's gauges fresh.
 * Layer: httpd. Thread rule: the callback runs in a thread of mod_watchdog; the flags are atomics.
 *
 * mod_watchdog never joins its thread in a child, so the child itself waits for the runner; the threads that run the jobs
 * are joined with the pool. A job that does not end in time is left: a guard ends the process without cleaning up under
 * a running thread, the lease runs out and another child finds the job in the database.
 */
#include "httpd/watchdog.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <apr_optional.h>
#include <http_log.h>
#include <mod_watchdog.h>

#include "base/crypt.h"
#include "business/ca/periodic.h"
#include "business/evidence/sealer.h"
#include "httpd/child.h"
#include "httpd/config.h"
#include "httpd/expiry.h"
#include "httpd/log_ids.h"
#include "httpd/metrics.h"

#define RA_SWEEP_MS 500
#define RA_SWEEP_JOBS_MAX 50
#define RA_STOP_STEP_MS 20
#define RA_STOP_SECONDS 7          /* ungraceful: httpd kills its children after about ten */
#define RA_STOP_TRIES 2            /* graceful: a job may try twice at the CA */
#define RA_STOP_SPARE_SECONDS 5

APLOG_USE_MODULE(ra);

static struct {
    volatile apr_uint32_t stop; /* read by ra_outbox_sweep() */
    atomic_int is_running;      /* the callback is inside of a sweep */
    atomic_int is_graceful;
    _Atomic(const char *) busy_with; /* what a child that ends waits for */
    int is_on;                  /* RAUpstreamRunner */
    int seconds;                /* to wait for jobs on a graceful stop */
    server_rec *server;
} runner;

/** What ra_watchdog_child()'s guard names when it has waited too long. */
static void begin(const char *work)
{
    atomic_store(&runner.busy_with, work);
}

static void sweep_all(const ra_child_t *child, apr_pool_t *pool)
{
    if (runner.is_on) {
        begin("the sweep of the outbox");
        ra_outbox_sweep(child->outbox, RA_SWEEP_JOBS_MAX, &runner.stop, pool);
        begin("periodic work");
        ra_periodic_run(child->api.ra, &runner.stop, pool);
    }
    begin("the sealer");
    ra_sealer_run(child->api.ra, &runner.stop, pool);
    begin("the gauges");
    ra_metrics_refresh(child);
    ra_expiry_say(ra_globals_get(runner.server)->runtime.expiry, pool);
}

/*
 * In a pool of its own, gone before the child that ends may go on, as is what OpenSSL keeps for this thread: nobody joins it, so what is left to its
 * end is freed by it and by the end of the process (the child's pool, OPENSSL_cleanup() in exit()) at the same time.
 */
static void sweep(void)
{
    const ra_child_t *child = ra_child_get();
    apr_pool_t *pool;
    atomic_store(&runner.is_running, 1);
    if (child != NULL && !__atomic_load_n(&runner.stop, __ATOMIC_SEQ_CST) && apr_pool_create(&pool, NULL) == APR_SUCCESS) {
        apr_pool_tag(pool, "ra_watchdog");
        sweep_all(child, pool);
        apr_pool_destroy(pool);
    }
    ra_crypt_thread_end();
    atomic_store(&runner.is_running, 0);
}

/** Always APR_SUCCESS: mod_watchdog never calls again after anything else. */
static apr_status_t step(int state, void *data, apr_pool_t *pool)
{
    (void)data;
    (void)pool;
    switch (state) {
    case AP_WATCHDOG_STATE_STARTING:
        ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, runner.server, RA_LOG_RUNNER_STARTED "outbox runner started");
        break;
    case AP_WATCHDOG_STATE_RUNNING:
        sweep();
        break;
    default:
        ra_watchdog_stop(atomic_load(&runner.is_graceful));
        break;
    }
    return APR_SUCCESS;
}

apr_status_t ra_watchdog_register(server_rec *main_server, apr_pool_t *pconf)
{
    APR_OPTIONAL_FN_TYPE(ap_watchdog_get_instance) *get = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_get_instance);
    APR_OPTIONAL_FN_TYPE(ap_watchdog_register_callback) *add = APR_RETRIEVE_OPTIONAL_FN(ap_watchdog_register_callback);
    const ra_globals_t *globals = ra_globals_get(main_server);
    ap_watchdog_t *watchdog = NULL;
    if (get == NULL || add == NULL) {
        return APR_ENOTIMPL;
    }
    runner.server = main_server;
    runner.is_on = globals->upstream_runner;
    runner.seconds = RA_STOP_TRIES * (int)globals->upstream_timeout + RA_STOP_SPARE_SECONDS;
    apr_status_t status = get(&watchdog, "_ra_outbox_", 0, 0, pconf);
    return status == APR_SUCCESS ? add(watchdog, apr_time_from_msec(RA_SWEEP_MS), NULL, step) : status;
}

void ra_watchdog_stop(int is_graceful)
{
    atomic_store(&runner.is_graceful, is_graceful);
    __atomic_store_n(&runner.stop, 1, __ATOMIC_SEQ_CST);
}

/** Whole, also where a signal interrupts it: SIGTERM comes while a child ends, and apr_sleep() returns then. */
static void sleep_seconds(int seconds)
{
    apr_time_t end = apr_time_now() + apr_time_from_sec(seconds);
    while (apr_time_now() < end) {
        apr_sleep(end - apr_time_now());
    }
}

/** Who stops without grace has said that he does not wait: no warning then. */
static void *guard(void *unused)
{
    int is_graceful = atomic_load(&runner.is_graceful);
    int seconds = is_graceful ? runner.seconds : RA_STOP_SECONDS;
    (void)unused;
    sleep_seconds(seconds);
    ap_log_error(APLOG_MARK, is_graceful ? APLOG_WARNING : APLOG_NOTICE, 0, runner.server, RA_LOG_RUNNER_LATE
                 "%s did not end within %d seconds: left; the lease of a job runs out", atomic_load(&runner.busy_with), seconds);
    _exit(0);
}

/** Before the child's pool goes: no new job, wait for the sweep that runs now, and bound all waiting. */
static apr_status_t wait_for_runner(void *unused)
{
    pthread_t thread;
    (void)unused;
    ra_watchdog_stop(atomic_load(&runner.is_graceful));
    if (pthread_create(&thread, NULL, guard, NULL) == 0) {
        pthread_detach(thread);
    }
    while (atomic_load(&runner.is_running)) {
        apr_sleep(apr_time_from_msec(RA_STOP_STEP_MS));
    }
    begin("a job of the outbox");
    ap_log_error(APLOG_MARK, APLOG_DEBUG, 0, runner.server, RA_LOG_RUNNER_STOPPED "outbox runner stopped");
    return APR_SUCCESS;
}

void ra_watchdog_child(apr_pool_t *pchild, server_rec *main_server)
{
    runner.server = main_server;
    runner.stop = 0;
    atomic_store(&runner.is_graceful, 0);
    apr_pool_pre_cleanup_register(pchild, NULL, wait_for_runner);
}
