/* The pool, the start-up check, the schema's level and the statements of a connection, over a real MariaDB. needs:
 * database */
#include <apr_thread_proc.h>
#include <apr_time.h>
#include <dirent.h>
#include <signal.h>

#include "base/limits.h"
#include "store_fixture.h"

static apr_status_t ask_body(ra_tx_t *tx, void *baton)
{
    apr_int64_t value;

    return ra_sql_int(tx, baton ? baton : &value, "SELECT CONNECTION_ID()", RA_NO_VALUES);
}

static ra_store_t *store_with(store_fixture_t *f, ra_store_config_t config)
{
    ra_store_t *store;

    assert_int_equal(ra_store_make(&store, &config, f->pool), APR_SUCCESS);
    return store;
}

/* --- configuration ----------------------------------------------------------------------------------------------- */

static void test_unusable_configurations_are_refused(void **state)
{
    store_fixture_t *f = *state;
    ra_store_config_t config = f->config;
    ra_store_t *store;

    config.pool_max = 0;
    assert_int_equal(ra_store_make(&store, &config, f->pool), APR_EINVAL);
    config = f->config;
    config.wait = 0;
    assert_int_equal(ra_store_make(&store, &config, f->pool), APR_EINVAL);
    config = f->config;
    config.socket = NULL;
    assert_int_equal(ra_store_make(&store, &config, f->pool), APR_EINVAL);
    config.host = "db.example.org"; /* far away and not encrypted */
    assert_int_equal(ra_store_make(&store, &config, f->pool), APR_EINVAL);
    config.ca_file = "/etc/ssl/certs/ca-certificates.crt";
    assert_int_equal(ra_store_make(&store, &config, f->pool), APR_SUCCESS);
}

static void test_nobody_there_is_unavailable(void **state)
{
    store_fixture_t *f = *state;
    ra_store_config_t config = f->config;
    ra_store_t *store;

    config.socket = "/var/tmp/ra-no-such-socket";
    store = store_with(f, config);
    assert_int_equal(ra_store_run(store, RA_TX_READ, ask_body, NULL, f->result, f->pool), RA_EUNAVAILABLE);
    assert_string_equal(f->result->problem, RA_PROBLEM_DATABASE_UNAVAILABLE);
    assert_true(f->result->retry_after > 0);
    assert_non_null(strstr(f->result->log_detail, "2002"));
    ra_result_clear(f->result);
    assert_int_equal(ra_store_check(store, 1, f->result), RA_EUNAVAILABLE);
    ra_result_clear(f->result);
    assert_int_equal(ra_store_ready(store, f->result), RA_EUNAVAILABLE);
}

static void test_a_wrong_password_is_told_at_once(void **state)
{
    store_fixture_t *f = *state;
    ra_store_config_t config = f->config;
    apr_time_t began = apr_time_now();

    fixture_change(f, "CREATE OR REPLACE USER locked@localhost IDENTIFIED BY 'secret'");
    config.user = "locked";
    config.password = "wrong";
    assert_int_equal(ra_store_run(store_with(f, config), RA_TX_READ, ask_body, NULL, f->result, f->pool),
                     RA_EUNAVAILABLE);
    assert_non_null(strstr(f->result->log_detail, "1045"));
    assert_true(apr_time_now() - began < apr_time_from_sec(1));
    fixture_change(f, "GRANT SELECT ON scratch.* TO locked@localhost");
    config.password = "secret";
    assert_int_equal(ra_store_run(store_with(f, config), RA_TX_READ, ask_body, NULL, f->result, f->pool), APR_SUCCESS);
}

/* --- a full pool ------------------------------------------------------------------------------------------------- */

typedef struct holder_t {
    store_fixture_t *f;
    ra_store_t *store;
    volatile int held;
    volatile int release;
} holder_t;

static apr_status_t hold_body(ra_tx_t *tx, void *baton)
{
    holder_t *holder = baton;
    apr_status_t rv = ask_body(tx, NULL);

    holder->held = 1;
    while (!holder->release) {
        apr_sleep(apr_time_from_msec(5));
    }
    return rv;
}

static void *APR_THREAD_FUNC hold(apr_thread_t *thread, void *data)
{
    holder_t *holder = data;
    apr_pool_t *pool;

    (void)thread;
    apr_pool_create(&pool, NULL);
    ra_store_run(holder->store, RA_TX_READ, hold_body, holder, ra_result_make(pool), pool);
    apr_pool_destroy(pool);
    return NULL;
}

static void test_a_full_pool_refuses_after_the_waiting_time(void **state)
{
    store_fixture_t *f = *state;
    ra_store_config_t config = f->config;
    holder_t holder = {f, NULL, 0, 0};
    apr_thread_t *thread;
    apr_status_t joined;
    apr_time_t began;
    int open, busy;
    apr_uint64_t timeouts;

    config.pool_max = 1;
    config.wait = apr_time_from_msec(200);
    holder.store = store_with(f, config);
    assert_int_equal(apr_thread_create(&thread, NULL, hold, &holder, f->pool), APR_SUCCESS);
    while (!holder.held) {
        apr_sleep(apr_time_from_msec(1));
    }
    began = apr_time_now();
    assert_int_equal(ra_store_run(holder.store, RA_TX_READ, ask_body, NULL, f->result, f->pool), RA_EUNAVAILABLE);
    assert_in_range(apr_time_now() - began, apr_time_from_msec(190), apr_time_from_sec(5));
    assert_string_equal(f->result->problem, RA_PROBLEM_DATABASE_UNAVAILABLE);
    ra_store_gauge(holder.store, &open, &busy, &timeouts);
    assert_int_equal(open, 1);
    assert_int_equal(busy, 1);
    assert_int_equal(timeouts, 1);
    holder.release = 1;
    apr_thread_join(&joined, thread);
    assert_int_equal(ra_store_run(holder.store, RA_TX_READ, ask_body, NULL, f->result, f->pool), APR_SUCCESS);
    ra_store_gauge(holder.store, &open, &busy, &timeouts);
    assert_int_equal(busy, 0);
}

/* --- a server that does not answer ------------------------------------------------------------------------------- */

static int is_stopped(const char *task)
{
    FILE *file = fopen(task, "r");
    char state = '?';

    if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1) {
        state = '?';
    }
    if (file) {
        fclose(file);
    }
    return state == 'T' || !file; /* a thread that has ended does not answer either */
}

static int all_stopped(const char *server)
{
    char path[512];
    DIR *folder;
    struct dirent *entry;
    int all = 1;

    snprintf(path, sizeof(path), "/proc/%s/task", server);
    folder = opendir(path);
    assert_non_null(folder);
    while ((entry = readdir(folder))) {
        snprintf(path, sizeof(path), "/proc/%s/task/%s/stat", server, entry->d_name);
        all = all && (entry->d_name[0] == '.' || is_stopped(path));
    }
    closedir(folder);
    return all;
}

static void freeze_server(void)
{
    const char *server = getenv("RA_TEST_DB_PID");

    assert_int_equal(kill((pid_t)atoi(server), SIGSTOP), 0);
    while (!all_stopped(server)) {
        apr_sleep(apr_time_from_msec(1));
    }
}

static void thaw_server(void)
{
    assert_int_equal(kill((pid_t)atoi(getenv("RA_TEST_DB_PID")), SIGCONT), 0);
}

static ra_store_t *impatient_store(store_fixture_t *f)
{
    ra_store_config_t config = f->config;

    config.timeout = apr_time_from_sec(2);
    return store_with(f, config);
}

static void test_a_frozen_server_is_given_up_in_time(void **state)
{
    store_fixture_t *f = *state;
    ra_store_t *store = impatient_store(f);
    apr_time_t began;
    apr_status_t rv;

    assert_int_equal(ra_store_run(store, RA_TX_READ, ask_body, NULL, f->result, f->pool), APR_SUCCESS);
    freeze_server();
    began = apr_time_now();
    rv = ra_store_run(store, RA_TX_READ, ask_body, NULL, f->result, f->pool);
    thaw_server();
    assert_int_equal(rv, RA_EUNAVAILABLE);
    assert_true(apr_time_now() - began < apr_time_from_sec(8));
    assert_int_equal(ra_store_run(store, RA_TX_READ, ask_body, NULL, f->result, f->pool), APR_SUCCESS);
}

static apr_status_t freeze_body(ra_tx_t *tx, void *baton)
{
    apr_status_t rv = ra_sql_change(tx, NULL, "INSERT INTO t VALUES (1)", RA_NO_VALUES);

    (void)baton;
    freeze_server();
    return rv;
}

static void test_a_commit_without_answer_is_unknown_and_may_have_happened(void **state)
{
    store_fixture_t *f = *state;
    apr_status_t rv;
    int i;

    fixture_change(f, "CREATE TABLE t (a INT)");
    rv = ra_store_run(impatient_store(f), RA_TX_WRITE, freeze_body, NULL, f->result, f->pool);
    thaw_server();
    assert_int_equal(rv, RA_EUNKNOWN);
    assert_string_equal(f->result->problem, RA_PROBLEM_OUTCOME_UNKNOWN);
    for (i = 0; i < 500 && !fixture_int(f, f->other, "SELECT COUNT(*) FROM t"); i++) {
        apr_sleep(apr_time_from_msec(10)); /* the server had got it */
    }
    assert_int_equal(fixture_int(f, f->other, "SELECT COUNT(*) FROM t"), 1);
}

static apr_status_t lock_inner(ra_tx_t *tx, void *baton)
{
    (void)baton;
    return ra_sql_change(tx, NULL, "UPDATE t SET a = 2", RA_NO_VALUES);
}

static apr_status_t lock_body(ra_tx_t *tx, void *baton)
{
    apr_status_t rv = ra_sql_change(tx, NULL, "UPDATE t SET a = 3", RA_NO_VALUES);
    ra_result_t *inner = ra_result_make(tx->pool);
    apr_time_t began = apr_time_now();

    assert_int_equal(ra_store_run(baton, RA_TX_WRITE, lock_inner, NULL, inner, tx->pool), RA_EUNAVAILABLE);
    assert_non_null(strstr(inner->log_detail, "1205"));
    assert_true(apr_time_now() - began < apr_time_from_sec(8));
    return rv;
}

static void test_a_lock_is_not_waited_for_without_end(void **state)
{
    store_fixture_t *f = *state;
    ra_store_t *store = impatient_store(f);

    fixture_change(f, "CREATE TABLE t (a INT PRIMARY KEY)");
    fixture_change(f, "INSERT INTO t VALUES (1)");
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, lock_body, store, f->result, f->pool), APR_SUCCESS);
}

static apr_status_t read_all_locked(ra_tx_t *tx, void *baton)
{
    ra_json_t *rows;

    (void)baton;
    return ra_sql_rows(tx, &rows, "SELECT a AS a FROM t ORDER BY a FOR UPDATE", RA_NO_VALUES);
}

static apr_status_t hold_second_row(ra_tx_t *tx, void *baton)
{
    apr_status_t rv = ra_sql_change(tx, NULL, "UPDATE t SET b = 3 WHERE a = 2", RA_NO_VALUES);
    ra_result_t *inner = ra_result_make(tx->pool);

    assert_int_equal(ra_store_run(baton, RA_TX_WRITE, read_all_locked, NULL, inner, tx->pool), RA_EUNAVAILABLE);
    assert_non_null(strstr(inner->log_detail, "1205"));
    return rv;
}

/* The error comes after the first row: the client library would wait for the other rows when the statement runs again. */
static void test_a_statement_that_failed_while_it_was_read_runs_again(void **state)
{
    store_fixture_t *f = *state;
    ra_store_t *store = impatient_store(f);
    apr_time_t began;

    fixture_change(f, "CREATE TABLE t (a INT PRIMARY KEY, b INT)");
    fixture_change(f, "INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)");
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, hold_second_row, store, f->result, f->pool), APR_SUCCESS);
    began = apr_time_now();
    assert_int_equal(ra_store_run(store, RA_TX_WRITE, read_all_locked, NULL, f->result, f->pool), APR_SUCCESS);
    assert_true(apr_time_now() - began < apr_time_from_sec(1));
}

/* --- start-up check ---------------------------------------------------------------------------------------------- */

static void test_the_check_finds_settings_that_lose_data(void **state)
{
    store_fixture_t *f = *state;

    assert_int_equal(ra_store_check(f->store, 4, f->result), APR_SUCCESS);
    fixture_change(f, "SET GLOBAL innodb_flush_log_at_trx_commit = 2");
    assert_int_equal(ra_store_check(f->store, 4, f->result), APR_EINVAL);
    fixture_change(f, "SET GLOBAL innodb_flush_log_at_trx_commit = 1");
    assert_non_null(strstr(f->result->log_detail, "innodb_flush_log_at_trx_commit is 2"));
    ra_result_clear(f->result);
    assert_int_equal(ra_store_check(f->store, 1000, f->result), APR_EINVAL);
    assert_non_null(strstr(f->result->log_detail, "max_connections"));
    ra_result_clear(f->result);
    fixture_change(f, "SET GLOBAL max_prepared_stmt_count = 100");
    assert_int_equal(ra_store_check(f->store, 4, f->result), APR_EINVAL);
    fixture_change(f, "SET GLOBAL max_prepared_stmt_count = 100000");
    assert_non_null(strstr(f->result->log_detail, "max_prepared_stmt_count"));
}

#define MIGRATIONS                                                                                                     \
    "CREATE TABLE scratch.schema_migrations (version INT PRIMARY KEY, state ENUM('running', 'done') NOT NULL, n INT "  \
    "DEFAULT 0)"

static apr_status_t write_body(ra_tx_t *tx, void *baton)
{
    (void)baton;
    return ra_sql_change(tx, NULL, "UPDATE schema_migrations SET n = n + 1 WHERE version = 1", RA_NO_VALUES);
}

static apr_status_t write_once(store_fixture_t *f, ra_store_t *store)
{
    ra_result_clear(f->result);
    return ra_store_run(store, RA_TX_WRITE, write_body, NULL, f->result, f->pool);
}

/* The level is asked anew once a second: waits until it is what is expected. */
static void becomes(store_fixture_t *f, ra_store_t *store, apr_status_t expected)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < 200; i++) {
        rv = write_once(f, store);
        if (rv == expected) {
            break;
        }
        apr_sleep(apr_time_from_msec(10));
    }
    assert_int_equal(rv, expected);
    ra_result_clear(f->result);
    assert_int_equal(ra_store_ready(store, f->result), expected);
}

static void test_another_schema_level_refuses_changes_and_lets_read(void **state)
{
    store_fixture_t *f = *state;
    ra_store_config_t config = f->config;
    ra_store_t *store;

    config.database = "mysql"; /* there the level is 0 whatever is done to the scratch database */
    f->other = store_with(f, config);
    fixture_change(f, MIGRATIONS);
    fixture_change(f, "INSERT INTO scratch.schema_migrations (version, state) VALUES (1, 'done'), (2, 'running')");
    config = f->config;
    config.schema_level = 2;
    store = store_with(f, config);
    assert_int_equal(write_once(f, store), RA_EREFUSED);
    assert_string_equal(f->result->problem, RA_PROBLEM_SCHEMA_LEVEL);
    assert_int_equal(ra_store_run(store, RA_TX_READ, ask_body, NULL, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(ra_store_check(store, 1, f->result), RA_EREFUSED);
    fixture_change(f, "UPDATE scratch.schema_migrations SET state = 'done'");
    becomes(f, store, APR_SUCCESS);
    fixture_change(f, "INSERT INTO scratch.schema_migrations (version, state) VALUES (3, 'running')");
    becomes(f, store, RA_EREFUSED);
    assert_string_equal(f->result->problem, RA_PROBLEM_SCHEMA_LEVEL);
    assert_non_null(strstr(f->result->log_detail, "under way"));
    fixture_change(f, "UPDATE scratch.schema_migrations SET state = 'done'");
    assert_int_equal(write_once(f, store), RA_EREFUSED); /* a newer schema */
}

/* --- many statements --------------------------------------------------------------------------------------------- */

typedef struct many_t {
    int count;
    apr_int64_t sum;
} many_t;

static apr_status_t many_body(ra_tx_t *tx, void *baton)
{
    many_t *many = baton;
    int i;

    many->sum = 0;
    for (i = 0; i < many->count; i++) {
        apr_int64_t value;
        const char *sql = apr_psprintf(tx->pool, "SELECT %d + ?", i % (many->count / 2));
        apr_status_t rv = ra_sql_int(tx, &value, sql, RA_VALUES(ra_v_int(1)));

        if (rv != APR_SUCCESS) {
            return rv;
        }
        many->sum += value;
    }
    return APR_SUCCESS;
}

static apr_int64_t prepared(store_fixture_t *f)
{
    return fixture_int(f, f->other, "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.global_status "
                                    "WHERE VARIABLE_NAME = 'PREPARED_STMT_COUNT'");
}

static void test_prepared_statements_are_kept_within_bounds(void **state)
{
    store_fixture_t *f = *state;
    many_t many = {4 * RA_STATEMENTS_PER_CONNECTION, 0};

    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, many_body, &many, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(many.sum, 2 * (apr_int64_t)(many.count / 2) * (many.count / 2 + 1) / 2);
    assert_in_range(prepared(f), RA_STATEMENTS_PER_CONNECTION, RA_STATEMENTS_PER_CONNECTION + 20);
}

static void test_a_crowded_server_is_survived(void **state)
{
    store_fixture_t *f = *state;
    many_t many = {100, 0};

    fixture_change(f, "SET GLOBAL max_prepared_stmt_count = 20");
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, many_body, &many, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(ra_store_run(f->store, RA_TX_READ, many_body, &many, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(many.sum, 2 * 50 * 51 / 2);
    fixture_change(f, "SET GLOBAL max_prepared_stmt_count = 100000");
}

/* A thread that hangs with a connection while its child ends: the pool goes, the process does not. */
static void test_the_end_of_a_child_with_a_connection_out(void **state)
{
    store_fixture_t *f = *state;
    static holder_t holder; /* the thread outlives this test */
    apr_thread_t *thread;
    apr_pool_t *child;

    holder.f = f;
    apr_pool_create(&child, NULL);
    assert_int_equal(ra_store_make(&holder.store, &f->config, child), APR_SUCCESS);
    assert_int_equal(apr_thread_create(&thread, NULL, hold, &holder, f->pool), APR_SUCCESS);
    while (!holder.held) {
        apr_sleep(apr_time_from_msec(1));
    }
    apr_pool_destroy(child);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_unusable_configurations_are_refused),
        STORE_TEST(test_nobody_there_is_unavailable),
        STORE_TEST(test_a_wrong_password_is_told_at_once),
        STORE_TEST(test_a_full_pool_refuses_after_the_waiting_time),
        STORE_TEST(test_a_frozen_server_is_given_up_in_time),
        STORE_TEST(test_a_commit_without_answer_is_unknown_and_may_have_happened),
        STORE_TEST(test_a_lock_is_not_waited_for_without_end),
        STORE_TEST(test_a_statement_that_failed_while_it_was_read_runs_again),
        STORE_TEST(test_the_check_finds_settings_that_lose_data),
        STORE_TEST(test_another_schema_level_refuses_changes_and_lets_read),
        STORE_TEST(test_prepared_statements_are_kept_within_bounds),
        STORE_TEST(test_a_crowded_server_is_survived),
        STORE_TEST(test_the_end_of_a_child_with_a_connection_out),
    };

    return UNIT_RUN(tests);
}
