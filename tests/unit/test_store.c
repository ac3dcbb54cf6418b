/* Units of work over a real MariaDB: commit, refusal, repetition, lost connections. needs: database */
#include <apr_thread_proc.h>
#include <apr_time.h>

#include "base/limits.h"
#include "store_fixture.h"

#define TABLE "CREATE TABLE t (id INT PRIMARY KEY, n BIGINT NOT NULL, name VARCHAR(20), UNIQUE KEY uk_name (name))"

static apr_int64_t rows_of_t(store_fixture_t *f)
{
    return fixture_int(f, f->other, "SELECT COUNT(*) FROM t");
}

/* --- what the body says ------------------------------------------------------------------------------------------ */

typedef struct verdict_t {
    apr_status_t status;
    int keep;
} verdict_t;

static apr_status_t insert_and_say(ra_tx_t *tx, void *baton)
{
    const verdict_t *verdict = baton;
    apr_uint64_t changed;
    apr_status_t rv =
        ra_sql_change(tx, &changed, "INSERT INTO t (id, n) VALUES (?, ?)", RA_VALUES(ra_v_int(1), ra_v_int(7)));

    assert_int_equal(rv, APR_SUCCESS);
    assert_int_equal(changed, 1);
    if (verdict->status == RA_EREFUSED) {
        ra_refuse(tx->result, RA_PROBLEM_INTERNAL, NULL);
        tx->result->keep = verdict->keep;
    }
    return verdict->status;
}

static void test_success_is_committed(void **state)
{
    store_fixture_t *f = *state;
    verdict_t verdict = {APR_SUCCESS, 0};

    fixture_change(f, TABLE);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, insert_and_say, &verdict, f->result, f->pool), APR_SUCCESS);
    assert_null(f->result->problem);
    assert_int_equal(rows_of_t(f), 1);
}

static void test_refusal_is_rolled_back(void **state)
{
    store_fixture_t *f = *state;
    verdict_t verdict = {RA_EREFUSED, 0};

    fixture_change(f, TABLE);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, insert_and_say, &verdict, f->result, f->pool), RA_EREFUSED);
    assert_string_equal(f->result->problem, RA_PROBLEM_INTERNAL);
    assert_int_equal(rows_of_t(f), 0);
}

static void test_kept_refusal_is_committed(void **state)
{
    store_fixture_t *f = *state;
    verdict_t verdict = {RA_EREFUSED, 1};

    fixture_change(f, TABLE);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, insert_and_say, &verdict, f->result, f->pool), RA_EREFUSED);
    assert_string_equal(f->result->problem, RA_PROBLEM_INTERNAL);
    assert_int_equal(rows_of_t(f), 1);
}

static void test_other_status_is_rolled_back_and_returned(void **state)
{
    store_fixture_t *f = *state;
    verdict_t verdict = {APR_ENOENT, 0};

    fixture_change(f, TABLE);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, insert_and_say, &verdict, f->result, f->pool), APR_ENOENT);
    assert_int_equal(rows_of_t(f), 0);
}

static apr_status_t swallow_an_error(ra_tx_t *tx, void *baton)
{
    (void)baton;
    ra_sql_change(tx, NULL, "INSERT INTO t (id, n) VALUES (1, 1)", RA_NO_VALUES);
    assert_int_equal(ra_sql_change(tx, NULL, "INSERT INTO nowhere VALUES (1)", RA_NO_VALUES), APR_EGENERAL);
    assert_int_equal(ra_sql_change(tx, NULL, "INSERT INTO t (id, n) VALUES (2, 1)", RA_NO_VALUES), APR_EGENERAL);
    return APR_SUCCESS;
}

static void test_a_body_cannot_commit_over_an_error(void **state)
{
    store_fixture_t *f = *state;

    fixture_change(f, TABLE);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, swallow_an_error, NULL, f->result, f->pool), APR_EGENERAL);
    assert_string_equal(f->result->problem, RA_PROBLEM_INTERNAL);
    assert_non_null(strstr(f->result->log_detail, "1146"));
    assert_non_null(strstr(f->result->log_detail, "INSERT INTO nowhere"));
    assert_int_equal(rows_of_t(f), 0);
}

/* --- errors of statements ---------------------------------------------------------------------------------------- */

static apr_status_t duplicate_body(ra_tx_t *tx, void *baton)
{
    static const char sql[] = "INSERT INTO t (id, n, name) VALUES (?, 0, ?)";

    (void)baton;
    assert_int_equal(ra_sql_change(tx, NULL, sql, RA_VALUES(ra_v_int(1), ra_v_text("a for key 'b'"))), APR_SUCCESS);
    assert_string_equal(ra_sql_duplicate_key(tx), "");
    assert_int_equal(ra_sql_change(tx, NULL, sql, RA_VALUES(ra_v_int(2), ra_v_text("a for key 'b'"))), APR_EEXIST);
    assert_string_equal(ra_sql_duplicate_key(tx), "uk_name");
    assert_int_equal(ra_sql_change(tx, NULL, sql, RA_VALUES(ra_v_int(1), ra_v_text("x"))), APR_EEXIST);
    assert_string_equal(ra_sql_duplicate_key(tx), "PRIMARY");
    return ra_sql_change(tx, NULL, sql, RA_VALUES(ra_v_int(3), ra_v_null()));
}

static void test_duplicate_key_is_named_and_the_transaction_goes_on(void **state)
{
    store_fixture_t *f = *state;

    fixture_change(f, TABLE);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, duplicate_body, NULL, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(rows_of_t(f), 2);
}

static apr_status_t one_change(ra_tx_t *tx, void *baton)
{
    return ra_sql_change(tx, NULL, baton, RA_NO_VALUES);
}

static void refused_with(store_fixture_t *f, ra_tx_mode_e mode, const char *sql, const char *number)
{
    apr_status_t rv = ra_store_run(f->store, mode, one_change, (void *)sql, f->result, f->pool);

    if (rv != APR_EGENERAL || !strstr(f->result->log_detail, number)) {
        fail_msg("%s: %d, %s", sql, rv, f->result->log_detail ? f->result->log_detail : "no detail");
    }
}

static void test_what_does_not_fit_is_refused(void **state)
{
    store_fixture_t *f = *state;

    fixture_change(f, TABLE);
    refused_with(f, RA_TX_WRITE, "INSERT INTO t VALUES (1, 1, '123456789012345678901')", "1406");
    refused_with(f, RA_TX_WRITE, "INSERT INTO t VALUES (5000000000, 1, NULL)", "1264");
    refused_with(f, RA_TX_WRITE, "INSERT INTO t VALUES ('7x', 1, NULL)", "1265");
    refused_with(f, RA_TX_WRITE, "INSERT INTO t VALUES (1, NULL, NULL)", "1048");
    refused_with(f, RA_TX_WRITE, "INSERT INTO t VALUES (1, 1, X'FF')", "1366");
    refused_with(f, RA_TX_WRITE, "INSERT INTO t VALUES (1/0, 1, NULL)", "1365");
    refused_with(f, RA_TX_WRITE,
                 "INSERT INTO t (id, n) SELECT 1, LENGTH(GROUP_CONCAT(REPEAT('x', 1000000))) FROM seq_1_to_20", "1260");
    assert_int_equal(rows_of_t(f), 0);
}

static void test_a_cut_answer_is_an_error(void **state)
{
    store_fixture_t *f = *state;

    assert_string_equal(
        fixture_rows(f, "SELECT GROUP_CONCAT(REPEAT('x', 1000000)) AS a FROM seq_1_to_20", RA_NO_VALUES), "");
    assert_non_null(strstr(f->result->log_detail, "1260"));
    assert_string_equal(
        fixture_rows(f, "SELECT JSON_ARRAYAGG(REPEAT('x', 1000000)) AS `a:json` FROM seq_1_to_20", RA_NO_VALUES), "");
    assert_non_null(strstr(f->result->log_detail, "1260"));
}

static void test_one_statement_at_a_time(void **state)
{
    store_fixture_t *f = *state;

    fixture_change(f, TABLE);
    refused_with(f, RA_TX_WRITE, "INSERT INTO t VALUES (1, 1, NULL); INSERT INTO t VALUES (2, 1, NULL)", "1064");
    refused_with(f, RA_TX_WRITE, "INSERT INTO t VALUES (?, 1, NULL)", "placeholders");
    assert_int_equal(rows_of_t(f), 0);
}

static void test_a_reading_body_cannot_change(void **state)
{
    store_fixture_t *f = *state;

    fixture_change(f, TABLE);
    refused_with(f, RA_TX_READ, "INSERT INTO t VALUES (1, 1, NULL)", "1792");
    assert_int_equal(rows_of_t(f), 0);
}

static void test_log_detail_holds_no_value(void **state)
{
    store_fixture_t *f = *state;

    fixture_change(f, TABLE);
    assert_string_equal(
        fixture_rows(f, "SELECT CAST(? AS DATE) + INTERVAL 'x' BLUNDER", RA_VALUES(ra_v_text("140101"))), "");
    assert_null(strstr(f->result->log_detail, "140101"));
}

/* --- one picture ------------------------------------------------------------------------------------------------- */

typedef struct picture_t {
    store_fixture_t *f;
    apr_int64_t first, second;
    int runs;
} picture_t;

static apr_status_t picture_body(ra_tx_t *tx, void *baton)
{
    picture_t *picture = baton;
    apr_status_t rv = ra_sql_int(tx, &picture->first, "SELECT SUM(n) FROM t", RA_NO_VALUES);

    picture->runs++;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    fixture_change(picture->f, "UPDATE t SET n = n + 1");
    return ra_sql_int(tx, &picture->second, "SELECT n FROM t WHERE id = 1", RA_NO_VALUES);
}

static void test_reading_sees_one_picture(void **state)
{
    store_fixture_t *f = *state;
    picture_t picture = {f, 0, 0, 0};

    fixture_change(f, TABLE);
    fixture_change(f, "INSERT INTO t (id, n) VALUES (1, 10)");
    assert_int_equal(ra_store_run(f->store, RA_TX_READ, picture_body, &picture, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(picture.first, picture.second);
    assert_int_equal(picture.runs, 2); /* the second statement was not foreseen */
    assert_int_equal(ra_store_run(f->store, RA_TX_READ, picture_body, &picture, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(picture.first, picture.second);
    assert_int_equal(picture.runs, 3); /* now it was */
    assert_int_equal(fixture_int(f, f->store, "SELECT n FROM t"), 13);
}

/* --- many at once ------------------------------------------------------------------------------------------------ */

#define THREADS 32
#define ROUNDS 15

typedef struct racer_t {
    store_fixture_t *f;
    int number;
    int repeated;
} racer_t;

/* Two rows in an order that differs from thread to thread, so that they lock each other out; read first, then compare
 * and set. */
static apr_status_t race_body(ra_tx_t *tx, void *baton)
{
    racer_t *racer = baton;
    int i;

    racer->repeated += tx->attempt > 1;
    for (i = 0; i < 2; i++) {
        ra_value_t id = ra_v_int(1 + (racer->number + i) % 2);
        apr_int64_t n;
        apr_uint64_t changed;
        apr_status_t rv = ra_sql_int(tx, &n, "SELECT n FROM t WHERE id = ?", RA_VALUES(id));

        if (rv == APR_SUCCESS) {
            rv = ra_sql_change(tx, &changed, "UPDATE t SET n = ? WHERE id = ? AND n = ?",
                               RA_VALUES(ra_v_int(n + 1), id, ra_v_int(n)));
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
        if (changed != 1) {
            return RA_ERETRY;
        }
    }
    return APR_SUCCESS;
}

static void *APR_THREAD_FUNC race(apr_thread_t *thread, void *data)
{
    racer_t *racer = data;
    apr_pool_t *pool;
    int done = 0;

    (void)thread;
    apr_pool_create(&pool, NULL);
    while (done < ROUNDS) {
        ra_result_t *result = ra_result_make(pool);
        apr_status_t rv = ra_store_run(racer->f->store, RA_TX_WRITE, race_body, racer, result, pool);

        if (rv == APR_SUCCESS) {
            done++;
        } else if (rv != RA_EUNAVAILABLE) {
            fprintf(stderr, "race: %d %s\n", rv, result->log_detail ? result->log_detail : "");
            break;
        }
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return NULL;
}

static void test_no_update_is_lost_under_deadlocks(void **state)
{
    store_fixture_t *f = *state;
    apr_thread_t *threads[THREADS];
    racer_t racers[THREADS];
    apr_status_t joined;
    int i, open, busy, repeated = 0;
    apr_uint64_t timeouts;

    fixture_change(f, TABLE);
    fixture_change(f, "INSERT INTO t (id, n) VALUES (1, 0), (2, 0)");
    for (i = 0; i < THREADS; i++) {
        racers[i] = (racer_t){f, i, 0};
        assert_int_equal(apr_thread_create(&threads[i], NULL, race, &racers[i], f->pool), APR_SUCCESS);
    }
    for (i = 0; i < THREADS; i++) {
        apr_thread_join(&joined, threads[i]);
        repeated += racers[i].repeated;
    }
    assert_int_equal(fixture_int(f, f->other, "SELECT n FROM t WHERE id = 1"), THREADS * ROUNDS);
    assert_int_equal(fixture_int(f, f->other, "SELECT n FROM t WHERE id = 2"), THREADS * ROUNDS);
    assert_true(repeated > 0);
    ra_store_gauge(f->store, &open, &busy, &timeouts);
    assert_int_equal(busy, 0);
    assert_true(open >= 1 && open <= FIXTURE_POOL_MAX);
}

/* --- connections that break -------------------------------------------------------------------------------------- */

typedef struct victim_t {
    store_fixture_t *f;
    int kills;      /* how many first runs lose their connection */
    int at_end;     /* after the last statement instead of between two */
    int runs;
} victim_t;

static apr_status_t victim_body(ra_tx_t *tx, void *baton)
{
    victim_t *victim = baton;
    apr_int64_t id;
    apr_status_t rv = ra_sql_int(tx, &id, "SELECT CONNECTION_ID()", RA_NO_VALUES);

    victim->runs++;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (!victim->at_end && victim->runs <= victim->kills) {
        fixture_kill(victim->f, id);
    }
    rv = ra_sql_change(tx, NULL, "INSERT INTO t (id, n) VALUES (1, 1)", RA_NO_VALUES);
    if (rv == APR_SUCCESS && victim->at_end && victim->runs <= victim->kills) {
        fixture_kill(victim->f, id);
    }
    return rv;
}

static void test_connection_killed_between_statements_repeats_the_body(void **state)
{
    store_fixture_t *f = *state;
    victim_t victim = {f, 2, 0, 0};

    fixture_change(f, TABLE);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, victim_body, &victim, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(victim.runs, 3);
    assert_null(f->result->problem);
    assert_int_equal(rows_of_t(f), 1);
}

static void test_tries_are_bounded(void **state)
{
    store_fixture_t *f = *state;
    victim_t victim = {f, 1000, 0, 0};

    fixture_change(f, TABLE);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, victim_body, &victim, f->result, f->pool), RA_EUNAVAILABLE);
    assert_int_equal(victim.runs, RA_TX_TRIES_MAX);
    assert_string_equal(f->result->problem, RA_PROBLEM_DATABASE_UNAVAILABLE);
    assert_true(f->result->retry_after > 0);
    assert_int_equal(rows_of_t(f), 0);
}

static void test_connection_lost_at_commit_is_unknown(void **state)
{
    store_fixture_t *f = *state;
    victim_t victim = {f, 1, 1, 0};

    fixture_change(f, TABLE);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, victim_body, &victim, f->result, f->pool), RA_EUNKNOWN);
    assert_int_equal(victim.runs, 1);
    assert_string_equal(f->result->problem, RA_PROBLEM_OUTCOME_UNKNOWN);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, victim_body, &victim, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(rows_of_t(f), 1);
}

static void test_connection_killed_while_idle_is_replaced(void **state)
{
    store_fixture_t *f = *state;
    victim_t victim = {f, 0, 0, 0};
    apr_int64_t id;

    fixture_change(f, TABLE);
    id = fixture_int(f, f->store, "SELECT CONNECTION_ID()");
    fixture_kill(f, id);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, victim_body, &victim, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(victim.runs, 1);
    assert_int_not_equal(fixture_int(f, f->store, "SELECT CONNECTION_ID()"), id);
}

static void test_server_restart_is_survived(void **state)
{
    store_fixture_t *f = *state;
    victim_t victim = {f, 0, 0, 0};

    fixture_change(f, TABLE);
    fixture_control("restart");
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, victim_body, &victim, f->result, f->pool), APR_SUCCESS);
    fixture_control("kill");
    assert_int_equal(rows_of_t(f), 1);
    assert_int_equal(fixture_int(f, f->store, "SELECT n FROM t"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_success_is_committed),
        STORE_TEST(test_refusal_is_rolled_back),
        STORE_TEST(test_kept_refusal_is_committed),
        STORE_TEST(test_other_status_is_rolled_back_and_returned),
        STORE_TEST(test_a_body_cannot_commit_over_an_error),
        STORE_TEST(test_duplicate_key_is_named_and_the_transaction_goes_on),
        STORE_TEST(test_what_does_not_fit_is_refused),
        STORE_TEST(test_a_cut_answer_is_an_error),
        STORE_TEST(test_one_statement_at_a_time),
        STORE_TEST(test_a_reading_body_cannot_change),
        STORE_TEST(test_log_detail_holds_no_value),
        STORE_TEST(test_reading_sees_one_picture),
        STORE_TEST(test_no_update_is_lost_under_deadlocks),
        STORE_TEST(test_connection_killed_between_statements_repeats_the_body),
        STORE_TEST(test_tries_are_bounded),
        STORE_TEST(test_connection_lost_at_commit_is_unknown),
        STORE_TEST(test_connection_killed_while_idle_is_replaced),
        STORE_TEST(test_server_restart_is_survived),
    };

    return UNIT_RUN(tests);
}
