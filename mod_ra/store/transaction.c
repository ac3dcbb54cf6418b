/*
 * Units of work: a body runs in a transaction and is repeated whole when it lost.
 * Layer: store. Thread rule: free-threaded; each unit of work has a connection of its own.
 *
 * Cost: START TRANSACTION goes out with the first statement only, so a body that refuses before it asks costs nothing.
 * A reading body of one statement needs no transaction at all: a statement is one consistent picture by itself. Whether
 * it stays at one is learned: when a second statement comes, the first picture cannot be kept any more, so the body
 * starts again inside START TRANSACTION READ ONLY, and the connection remembers its first statement as one with which
 * the transaction is to begin.
 */
#include "store/internal.h"

#include <apr_strings.h>

#include <errmsg.h>

/* One call of ra_store_run(). */
typedef struct work_t {
    ra_tx_mode_e mode;
    ra_tx_body_fn body;
    void *baton;
    apr_time_t start;
    int tries;
} work_t;

static apr_status_t begin(ra_tx_t *tx, const char *sql)
{
    RA_FAILPOINT(transaction_begin);
    if (ra_connection_command(tx->connection, sql)) {
        return ra_tx_failed(tx);
    }
    tx->connection->begun = 1;
    return APR_SUCCESS;
}

apr_status_t ra_transaction_enter(ra_tx_t *tx)
{
    ra_connection_t *connection = tx->connection;

    if (connection->doom == APR_SUCCESS && connection->alone) {
        connection->alone->goes_on = 1;
        connection->snapshot = 1;
        connection->doom = RA_ERETRY;
    }
    if (connection->doom != APR_SUCCESS) {
        return connection->doom;
    }
    /* Before the statement is prepared: in a session that only reads, MariaDB does not even prepare a change. */
    return connection->mode == RA_TX_WRITE && !connection->begun ? begin(tx, "START TRANSACTION READ WRITE")
                                                                 : APR_SUCCESS;
}

apr_status_t ra_transaction_enter_with(ra_tx_t *tx, ra_statement_t *statement)
{
    ra_connection_t *connection = tx->connection;

    if (connection->begun) {
        return APR_SUCCESS;
    }
    if (connection->snapshot || statement->goes_on) {
        return begin(tx, "START TRANSACTION READ ONLY");
    }
    connection->alone = statement;
    return APR_SUCCESS;
}

static void roll_back(ra_connection_t *connection)
{
    if (connection->begun && !connection->lost && ra_connection_command(connection, "ROLLBACK")) {
        connection->lost = 1;
    }
}

/* A picture that was read is whole, whatever comes of its end. */
static apr_status_t end_reading(ra_connection_t *connection, apr_status_t rv)
{
    if (connection->begun && ra_connection_command(connection, "COMMIT")) {
        connection->lost = 1;
    }
    return rv;
}

/* 0 or the error number (noted); a failpoint may refuse it, or lose the answer to it. */
static unsigned int say_commit(ra_connection_t *connection)
{
    unsigned int error;

    RA_FAILPOINT(commit_begin);
    error = ra_failpoint_error();
    if (error) {
        ra_error_note(connection, error, NULL, "COMMIT");
        return error;
    }
    error = ra_connection_command(connection, "COMMIT");
    if (!error && ra_failpoint_answer_is_lost()) {
        error = CR_SERVER_LOST;
        ra_error_note(connection, error, NULL, "COMMIT");
    }
    RA_FAILPOINT(commit_end);
    return error;
}

static apr_status_t commit(ra_tx_t *tx, apr_status_t rv)
{
    ra_connection_t *connection = tx->connection;
    unsigned int error;

    if (!connection->begun) {
        return rv;
    }
    error = say_commit(connection);
    if (!error) {
        return rv;
    }
    connection->lost = 1;
    if (ra_error_is_no_commit(error)) {
        return RA_ERETRY;
    }
    ra_result_clear(tx->result);
    ra_refuse(tx->result, RA_PROBLEM_OUTCOME_UNKNOWN, connection->reason);
    return RA_EUNKNOWN;
}

static apr_status_t finish(ra_tx_t *tx, apr_status_t rv)
{
    ra_connection_t *connection = tx->connection;

    if (connection->doom != APR_SUCCESS) {
        rv = connection->doom; /* whatever the body made of it */
    }
    if (rv != APR_SUCCESS && !(rv == RA_EREFUSED && tx->result->keep)) {
        roll_back(connection);
        return rv;
    }
    return connection->mode == RA_TX_READ ? end_reading(connection, rv) : commit(tx, rv);
}

/* A connection that is there and, before writing, a schema this build knows. */
static apr_status_t make_ready(ra_tx_t *tx, const work_t *work)
{
    ra_connection_t *connection = tx->connection;
    unsigned int error = 0;

    if (!ra_connection_is_alive(connection)) {
        ra_connection_close(connection);
        error = ra_connection_open(connection);
    }
    if (error) {
        return ra_error_is_passing(error) ? RA_ERETRY : RA_EUNAVAILABLE;
    }
    return work->mode == RA_TX_WRITE ? ra_level_check(connection, tx->result) : APR_SUCCESS;
}

static apr_status_t run_once(ra_tx_t *tx, const work_t *work)
{
    ra_connection_t *connection = tx->connection;
    apr_status_t rv;

    connection->begun = connection->lost = 0;
    connection->alone = NULL;
    connection->doom = APR_SUCCESS;
    connection->duplicate_key = NULL;
    rv = make_ready(tx, work);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = finish(tx, work->body(tx, work->baton));
    connection->idle_since = apr_time_now();
    if (connection->lost) {
        ra_connection_close(connection);
    }
    return rv;
}

/* Full jitter: anything from nothing to the doubled step, so that two that met do not meet again. */
static void back_off(int tries)
{
    apr_uint32_t random = 0;
    apr_interval_time_t step = (apr_interval_time_t)(RA_TX_BACKOFF_MS * 1000) << (tries < 10 ? tries : 10);

    ra_random(&random, sizeof(random));
    apr_sleep(step * random / APR_UINT32_MAX);
}

/* May the body run again? Not after the timeout: the caller would wait without end. */
static int may_repeat(work_t *work, const ra_connection_t *connection, int widened)
{
    if (widened) {
        return 1;
    }
    work->tries++;
    return work->tries < RA_TX_TRIES_MAX && apr_time_now() - work->start < connection->store->config.timeout;
}

static apr_status_t run_until(ra_tx_t *tx, work_t *work)
{
    ra_connection_t *connection = tx->connection;
    apr_status_t rv;
    int widened;

    for (;;) {
        int snapshot = connection->snapshot;

        tx->attempt++;
        rv = run_once(tx, work);
        if (rv != RA_ERETRY) {
            break;
        }
        widened = connection->snapshot && !snapshot;
        if (!may_repeat(work, connection, widened)) {
            rv = RA_EUNAVAILABLE;
            break;
        }
        if (!widened) {
            back_off(work->tries - 1);
        }
        apr_pool_clear(tx->pool);
        ra_result_clear(tx->result);
    }
    if (rv == RA_EUNAVAILABLE && !tx->result->problem) {
        ra_unavailable(tx->result, RA_PROBLEM_DATABASE_UNAVAILABLE, RA_RETRY_AFTER_SECONDS, connection->reason);
    }
    return rv;
}

apr_status_t ra_store_run(ra_store_t *store, ra_tx_mode_e mode, ra_tx_body_fn body, void *baton, ra_result_t *result,
                          apr_pool_t *pool)
{
    work_t work = {mode, body, baton, apr_time_now(), 0};
    ra_tx_t tx = {NULL, result, 0, NULL};
    apr_status_t rv = ra_pool_take(&tx.connection, store, result);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    apr_pool_create(&tx.pool, pool);
    apr_pool_tag(tx.pool, "ra_tx");
    tx.connection->mode = mode;
    tx.connection->snapshot = 0;
    tx.connection->reason[0] = '\0';
    rv = run_until(&tx, &work);
    apr_pool_destroy(tx.pool);
    ra_pool_give(tx.connection);
    return rv;
}
