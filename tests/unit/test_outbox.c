/* Jobs that a child holds from their queueing: run by a free thread without a claim; let go when none is free; lost to whoever has taken them over. */
#include "store_fixture.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

#include "upstream/outbox_run.h"

#define SUBJECT "01900000-0000-7000-8000-0000000000c1"
#define GENEROUS apr_time_from_sec(60)
#define SHORT apr_time_from_msec(200)

/* What the runs of all children of a test see. A run of "slow" goes on until the gate is opened. */
typedef struct house_t {
    apr_thread_mutex_t *mutex;
    apr_thread_cond_t *changed;
    int is_open;
    int slow_begun;
    int slow_ended;
    int quick_ran;
    apr_status_t quick_kept; /* did the last run of "quick" still have the job? */
    store_fixture_t *f;
    apr_pool_t *threads;
    ra_outbox_t here, there; /* two children, each with one thread */
} house_t;

static void note(house_t *house, int *count)
{
    apr_thread_mutex_lock(house->mutex);
    ++*count;
    apr_thread_cond_broadcast(house->changed);
    apr_thread_mutex_unlock(house->mutex);
}

/* @return the count when it is reached, or the time is over */
static int wait_for(house_t *house, const int *count, int wanted)
{
    apr_time_t end = apr_time_now() + GENEROUS;
    int reached;

    apr_thread_mutex_lock(house->mutex);
    while (*count < wanted && apr_time_now() < end) {
        apr_thread_cond_timedwait(house->changed, house->mutex, apr_time_from_msec(100));
    }
    reached = *count;
    apr_thread_mutex_unlock(house->mutex);
    return reached;
}

static ra_job_verdict_e run_slow(void *context, const ra_job_t *job, int *later, apr_pool_t *pool)
{
    house_t *house = context;

    (void)job;
    (void)later;
    (void)pool;
    note(house, &house->slow_begun);
    wait_for(house, &house->is_open, 1);
    note(house, &house->slow_ended);
    return RA_JOB_DONE;
}

typedef struct keeping_t {
    const ra_outbox_t *outbox;
    const ra_job_t *job;
} keeping_t;

static apr_status_t keep_body(ra_tx_t *tx, void *baton)
{
    const keeping_t *keeping = baton;

    return ra_outbox_keep(tx, keeping->outbox, keeping->job);
}

static ra_job_verdict_e run_quick(void *context, const ra_job_t *job, int *later, apr_pool_t *pool)
{
    house_t *house = context;
    keeping_t keeping = {&house->here, job};

    (void)later;
    house->quick_kept = ra_store_run(house->f->store, RA_TX_WRITE, keep_body, &keeping, ra_result_make(pool), pool);
    note(house, &house->quick_ran);
    return RA_JOB_DONE;
}

static void no_log(int level, const char *id, const char *message)
{
    (void)level;
    (void)id;
    (void)message;
}

static ra_outbox_t child(house_t *house, const char *owner)
{
    static const ra_job_kind_t kinds[] = {{"slow", 1, run_slow, 0}, {"quick", 1, run_quick, 0}, {NULL, 0, NULL, 0}};

    return (ra_outbox_t){.store = house->f->store, .owner = owner, .lease = GENEROUS, .kinds = kinds, .context = house, .log = no_log};
}

static house_t *house_make(store_fixture_t *f)
{
    house_t *house = apr_pcalloc(f->pool, sizeof(*house));

    fixture_change(f, "DELETE FROM outbox_jobs");
    house->f = f;
    house->quick_kept = APR_EGENERAL;
    apr_thread_mutex_create(&house->mutex, APR_THREAD_MUTEX_DEFAULT, f->pool);
    apr_thread_cond_create(&house->changed, f->pool);
    house->here = child(house, "here");
    house->there = child(house, "there");
    apr_pool_create(&house->threads, f->pool);
    assert_int_equal(ra_outbox_start(&house->here, 1, house->threads), APR_SUCCESS);
    assert_int_equal(ra_outbox_start(&house->there, 1, house->threads), APR_SUCCESS);
    return house;
}

/* Every run has written its end. */
static void house_close(house_t *house)
{
    apr_pool_destroy(house->threads);
}

typedef struct queueing_t {
    const ra_outbox_t *holder; /* NULL: nobody */
    const char *kind;
    const char *id;
    apr_pool_t *pool;
} queueing_t;

static apr_status_t queue_body(ra_tx_t *tx, void *baton)
{
    queueing_t *queueing = baton;
    const char *id;
    apr_status_t status = ra_outbox_add_held(queueing->holder, tx, queueing->kind, 1, SUBJECT, &id);

    queueing->id = status == APR_SUCCESS ? apr_pstrdup(queueing->pool, id) : NULL;
    return status;
}

static ra_job_t queued(house_t *house, const char *kind, const ra_outbox_t *holder)
{
    store_fixture_t *f = house->f;
    queueing_t queueing = {holder, kind, NULL, f->pool};

    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, queue_body, &queueing, f->result, f->pool), APR_SUCCESS);
    return (ra_job_t){.id = queueing.id, .kind = kind, .subject = SUBJECT};
}

/* state, fence and owner of the lease of the job "quick" */
static const char *row_of_quick(house_t *house)
{
    return fixture_rows(house->f, "SELECT state AS state, fence AS fence, lease_owner AS owner FROM outbox_jobs WHERE kind = 'quick'", RA_NO_VALUES);
}

static int due(house_t *house)
{
    return ra_outbox_due(&house->there, 10, house->f->pool)->nelts;
}

static void test_a_held_job_is_run_here_and_nobody_else_sees_it(void **state)
{
    house_t *house = house_make(*state);
    ra_job_t job = queued(house, "quick", &house->here), claimed;

    assert_int_equal(due(house), 0);
    assert_int_equal(ra_outbox_claim(&house->there, job.id, &claimed, house->f->pool), APR_ENOENT);
    assert_int_equal(ra_outbox_run_held(&house->here, &job, GENEROUS, house->f->pool), APR_SUCCESS);
    assert_int_equal(house->quick_ran, 1);
    assert_int_equal(house->quick_kept, APR_SUCCESS);
    house_close(house);
    assert_string_equal(row_of_quick(house), "[{\"state\":\"done\",\"fence\":1}]");
}

static void test_a_held_job_that_finds_no_free_thread_is_anybodys_at_once(void **state)
{
    house_t *house = house_make(*state);
    const volatile apr_uint32_t stop = 0;
    ra_job_t job;

    queued(house, "slow", NULL);
    assert_int_equal(ra_outbox_sweep(&house->here, 1, &stop, house->f->pool), 1);
    assert_int_equal(wait_for(house, &house->slow_begun, 1), 1);
    job = queued(house, "quick", &house->here);
    assert_int_equal(due(house), 0);
    assert_int_equal(ra_outbox_run_held(&house->here, &job, SHORT, house->f->pool), APR_TIMEUP);
    assert_string_equal(row_of_quick(house), "[{\"state\":\"open\",\"fence\":1}]");
    assert_int_equal(house->quick_ran, 0);
    assert_int_equal(due(house), 1);
    assert_int_equal(ra_outbox_sweep(&house->there, 10, &stop, house->f->pool), 1);
    assert_int_equal(wait_for(house, &house->quick_ran, 1), 1);
    note(house, &house->is_open);
    assert_int_equal(wait_for(house, &house->slow_ended, 1), 1);
    house_close(house);
    assert_string_equal(row_of_quick(house), "[{\"state\":\"done\",\"fence\":2}]");
}

/* Its own child was away for longer than RA_JOB_HELD_SECONDS. */
static void test_a_held_job_that_another_has_taken_over_stays_with_that_one(void **state)
{
    static const char with_the_other[] = "[{\"state\":\"open\",\"fence\":2,\"owner\":\"there\"}]";
    house_t *house = house_make(*state);
    ra_job_t job = queued(house, "quick", &house->here), claimed;

    fixture_change(house->f, "UPDATE outbox_jobs SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND");
    assert_int_equal(ra_outbox_claim(&house->there, job.id, &claimed, house->f->pool), APR_SUCCESS);
    assert_string_equal(row_of_quick(house), with_the_other);
    assert_int_equal(ra_outbox_run_held(&house->here, &job, SHORT, house->f->pool), APR_TIMEUP);
    assert_int_equal(wait_for(house, &house->quick_ran, 1), 1);
    house_close(house);
    assert_int_equal(house->quick_kept, APR_ENOENT);
    ra_outbox_let_go(&house->here, &job, house->f->pool);
    assert_string_equal(row_of_quick(house), with_the_other);
}

static int make_schema(void **state)
{
    if (store_fixture_make(state) != 0) {
        return -1;
    }
    fixture_schema(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_held_job_is_run_here_and_nobody_else_sees_it),
        cmocka_unit_test(test_a_held_job_that_finds_no_free_thread_is_anybodys_at_once),
        cmocka_unit_test(test_a_held_job_that_another_has_taken_over_stays_with_that_one),
    };

    return apr_initialize() != APR_SUCCESS ? 1 : cmocka_run_group_tests(tests, make_schema, store_fixture_drop);
}
