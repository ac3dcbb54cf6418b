/* See store_fixture.h. */
#include "store_fixture.h"

#include <unistd.h>

static ra_store_t *make_store(store_fixture_t *f, const char *database)
{
    ra_store_config_t config = f->config;
    ra_store_t *store;

    config.database = database;
    assert_int_equal(ra_store_make(&store, &config, f->pool), APR_SUCCESS);
    return store;
}

int store_fixture_make(void **state)
{
    const char *socket = getenv("RA_TEST_DB_SOCKET");
    apr_pool_t *pool;
    store_fixture_t *f;

    if (!socket) {
        fprintf(stderr, "RA_TEST_DB_SOCKET is not set: run this by tests/harness/with_mariadb\n");
        return -1;
    }
    apr_pool_create(&pool, NULL);
    f = apr_pcalloc(pool, sizeof(*f));
    f->pool = pool;
    f->config = (ra_store_config_t){.socket = socket, .user = "root", .pool_max = FIXTURE_POOL_MAX,
                                    .wait = apr_time_from_sec(2), .timeout = apr_time_from_sec(15)};
    f->result = ra_result_make(pool);
    f->other = make_store(f, "mysql");
    fixture_change(f, "CREATE OR REPLACE DATABASE scratch CHARACTER SET utf8mb4");
    f->config.database = "scratch";
    f->store = make_store(f, "scratch");
    f->other = make_store(f, "scratch");
    *state = f;
    return 0;
}

int store_fixture_drop(void **state)
{
    store_fixture_t *f = *state;

    apr_pool_destroy(f->pool);
    return 0;
}

typedef struct call_t {
    const char *sql;
    ra_values_t values;
    apr_uint64_t changed;
    apr_int64_t integer;
    const char *text;
    apr_pool_t *pool;
} call_t;

static apr_status_t change_body(ra_tx_t *tx, void *baton)
{
    call_t *call = baton;
    /* DDL ends the transaction that was begun as READ WRITE, so the session itself must allow it. */
    apr_status_t rv = ra_sql_change(tx, NULL, "SET SESSION TRANSACTION READ WRITE", RA_NO_VALUES);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    return ra_sql_change(tx, &call->changed, call->sql, RA_NO_VALUES);
}

apr_uint64_t fixture_change(store_fixture_t *f, const char *sql)
{
    call_t call = {.sql = sql};

    if (ra_store_run(f->other, RA_TX_WRITE, change_body, &call, f->result, f->pool) != APR_SUCCESS) {
        fail_msg("%s: %s", sql, f->result->log_detail);
    }
    return call.changed;
}

static apr_status_t int_body(ra_tx_t *tx, void *baton)
{
    call_t *call = baton;

    return ra_sql_int(tx, &call->integer, call->sql, RA_NO_VALUES);
}

apr_int64_t fixture_int(store_fixture_t *f, ra_store_t *store, const char *sql)
{
    call_t call = {.sql = sql};

    if (ra_store_run(store, RA_TX_READ, int_body, &call, f->result, f->pool) != APR_SUCCESS) {
        fail_msg("%s: %s", sql, f->result->log_detail);
    }
    return call.integer;
}

static apr_status_t rows_body(ra_tx_t *tx, void *baton)
{
    call_t *call = baton;
    ra_json_t *rows;
    apr_status_t rv = ra_sql_rows(tx, &rows, call->sql, call->values);

    if (rv == APR_SUCCESS) {
        call->text = ra_json_print(rows, call->pool);
    }
    return rv;
}

const char *fixture_rows(store_fixture_t *f, const char *sql, ra_values_t values)
{
    call_t call = {.sql = sql, .values = values, .text = "", .pool = f->pool};

    ra_result_clear(f->result);
    ra_store_run(f->store, RA_TX_READ, rows_body, &call, f->result, f->pool);
    return call.text;
}

void fixture_schema(store_fixture_t *f)
{
    const char *command = apr_psprintf(f->pool, "%s/sql/ra-migrate --socket %s --user root --database scratch up >/dev/null", RA_SRCDIR, f->config.socket);
    ra_store_config_t config = f->config;

    assert_int_equal(system(command), 0);
    config.schema_level = (int)fixture_int(f, f->other, "SELECT MAX(version) FROM schema_migrations");
    assert_int_equal(ra_store_make(&f->store, &config, f->pool), APR_SUCCESS);
    assert_int_equal(ra_store_make(&f->other, &config, f->pool), APR_SUCCESS);
}

void fixture_kill(store_fixture_t *f, apr_int64_t connection)
{
    const char *kill = apr_psprintf(f->pool, "KILL CONNECTION %" APR_INT64_T_FMT, connection);
    const char *count = apr_psprintf(
        f->pool, "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %" APR_INT64_T_FMT, connection);
    int i;

    fixture_change(f, kill);
    for (i = 0; i < 500 && fixture_int(f, f->other, count); i++) {
        apr_sleep(apr_time_from_msec(10));
    }
}

void fixture_control(const char *word)
{
    const char *control = getenv("RA_TEST_DB_CONTROL");
    char done[256];
    FILE *fifo;
    int i;

    snprintf(done, sizeof(done), "%s.done", control);
    remove(done);
    fifo = fopen(control, "w");
    assert_non_null(fifo);
    fputs(word, fifo);
    fclose(fifo);
    for (i = 0; i < 6000 && access(done, F_OK); i++) {
        apr_sleep(apr_time_from_msec(10));
    }
    assert_int_equal(access(done, F_OK), 0);
}
