/*
 * Is the database fit for this build: settings that would lose data, the schema's level.
 * Layer: store. Thread rule: free-threaded.
 */
#include "store/internal.h"

#include <apr_strings.h>
#include <string.h>

#include <mysqld_error.h>

#define LEVEL_TTL apr_time_from_sec(1)
#define CONNECTIONS_SPARE 4         /* of max_connections: for ra-migrate, backups and people */
#define STATEMENTS_WORKING_SET 32   /* prepared statements a connection needs at least to keep its usual ones */

/* --- the schema's level ------------------------------------------------------------------------------------------ */

/* 0 or an error number. An empty database, without the table, is level 0. */
static unsigned int read_level(ra_connection_t *connection, ra_level_t *seen)
{
    MYSQL_RES *rows;
    MYSQL_ROW row;
    unsigned int error = ra_connection_query(&rows, connection,
                                             "SELECT COALESCE(MAX(IF(state = 'done', version, 0)), 0), "
                                             "COUNT(IF(state <> 'done', 1, NULL)) FROM schema_migrations");

    seen->level = seen->running = 0;
    if (error) {
        return error == ER_NO_SUCH_TABLE ? 0 : error;
    }
    row = mysql_fetch_row(rows);
    seen->level = row ? (int)apr_atoi64(row[0]) : 0;
    seen->running = row ? (int)apr_atoi64(row[1]) : 0;
    mysql_free_result(rows);
    return 0;
}

static apr_status_t judge(const ra_level_t *seen, int wanted, ra_result_t *result)
{
    if (seen->level == wanted && !seen->running) {
        return APR_SUCCESS;
    }
    ra_result_clear(result);
    result->retry_after = RA_SCHEMA_RETRY_SECONDS;
    return ra_refuse(result, RA_PROBLEM_SCHEMA_LEVEL,
                     apr_psprintf(result->pool, "the schema is at level %d%s, this build needs %d", seen->level,
                                  seen->running ? " with a migration under way" : "", wanted));
}

/* Is it time to ask anew? Only one thread is told so in each second. */
static int is_due(ra_level_t *level, ra_level_t *pseen)
{
    apr_time_t now = apr_time_now();
    int due;

    apr_thread_mutex_lock(level->mutex);
    due = now >= level->next || level->next > now + LEVEL_TTL; /* the latter: a clock set back */
    if (due) {
        level->next = now + LEVEL_TTL;
    }
    *pseen = *level;
    apr_thread_mutex_unlock(level->mutex);
    return due;
}

static void remember(ra_level_t *level, const ra_level_t *seen)
{
    apr_thread_mutex_lock(level->mutex);
    level->known = seen->known;
    level->failed = seen->failed;
    level->level = seen->level;
    level->running = seen->running;
    apr_thread_mutex_unlock(level->mutex);
}

/* Reads and remembers; a connection that cannot even answer this is not used again. */
static apr_status_t refresh(ra_connection_t *connection, ra_level_t *seen)
{
    if (read_level(connection, seen)) {
        ra_connection_close(connection);
        return RA_ERETRY;
    }
    seen->known = 1;
    seen->failed = 0;
    remember(&connection->store->level, seen);
    return APR_SUCCESS;
}

apr_status_t ra_level_check(ra_connection_t *connection, ra_result_t *result)
{
    ra_store_t *store = connection->store;
    ra_level_t seen;
    int due = is_due(&store->level, &seen);

    if ((due || !seen.known) && refresh(connection, &seen) != APR_SUCCESS) {
        return RA_ERETRY;
    }
    return judge(&seen, store->config.schema_level, result);
}

static apr_status_t ready_body(ra_tx_t *tx, void *baton)
{
    return refresh(tx->connection, baton);
}

apr_status_t ra_store_ready(ra_store_t *store, ra_result_t *result)
{
    ra_level_t seen;
    apr_status_t rv;

    if (is_due(&store->level, &seen) || !(seen.known || seen.failed)) {
        rv = ra_store_run(store, RA_TX_READ, ready_body, &seen, result, result->pool);
        if (rv != APR_SUCCESS) {
            seen.known = 0;
            seen.failed = 1;
            remember(&store->level, &seen);
            return rv;
        }
    }
    if (!seen.known) {
        return ra_unavailable(result, RA_PROBLEM_DATABASE_UNAVAILABLE, RA_RETRY_AFTER_SECONDS,
                              "the database was out of reach within the last second");
    }
    return judge(&seen, store->config.schema_level, result);
}

/* --- start-up ---------------------------------------------------------------------------------------------------- */

typedef struct settings_t {
    const char *sql_mode;
    apr_int64_t flush;
    apr_int64_t connections;
    apr_int64_t statements;
} settings_t;

static unsigned int read_settings(ra_connection_t *connection, settings_t *settings, apr_pool_t *pool)
{
    MYSQL_RES *rows;
    MYSQL_ROW row;
    unsigned int error =
        ra_connection_query(&rows, connection,
                            "SELECT @@SESSION.sql_mode, @@GLOBAL.innodb_flush_log_at_trx_commit, "
                            "@@GLOBAL.max_connections, @@GLOBAL.max_prepared_stmt_count");

    if (error) {
        return error;
    }
    row = mysql_fetch_row(rows);
    settings->sql_mode = apr_pstrdup(pool, row ? row[0] : "");
    settings->flush = row ? apr_atoi64(row[1]) : 0;
    settings->connections = row ? apr_atoi64(row[2]) : 0;
    settings->statements = row ? apr_atoi64(row[3]) : 0;
    mysql_free_result(rows);
    return 0;
}

static apr_status_t unfit(ra_result_t *result, const char *why)
{
    ra_refuse(result, RA_PROBLEM_INTERNAL, why);
    return APR_EINVAL;
}

static apr_status_t judge_settings(const settings_t *settings, apr_int64_t connections, ra_result_t *result)
{
    if (!strstr(settings->sql_mode, "STRICT_ALL_TABLES")) {
        return unfit(result, "the strict SQL mode cannot be set: values would be cut silently");
    }
    if (settings->flush != 1) {
        return unfit(result, apr_psprintf(result->pool,
                                          "innodb_flush_log_at_trx_commit is %" APR_INT64_T_FMT
                                          ", must be 1: a crash would lose confirmed work",
                                          settings->flush));
    }
    if (connections + CONNECTIONS_SPARE > settings->connections) {
        return unfit(result, apr_psprintf(result->pool,
                                          "max_connections is %" APR_INT64_T_FMT
                                          ", but all children may use %" APR_INT64_T_FMT " (and %d are for others)",
                                          settings->connections, connections, CONNECTIONS_SPARE));
    }
    if (connections * STATEMENTS_WORKING_SET > settings->statements) {
        return unfit(result,
                     apr_psprintf(result->pool,
                                  "max_prepared_stmt_count is %" APR_INT64_T_FMT ", needed are %" APR_INT64_T_FMT,
                                  settings->statements, connections * STATEMENTS_WORKING_SET));
    }
    return APR_SUCCESS;
}

/* An error while the session is set up is a setting; any other one is a server out of reach. */
static apr_status_t unreachable(const ra_connection_t *connection, ra_result_t *result)
{
    switch (connection->error) {
    case ER_WRONG_VALUE_FOR_VAR:
    case ER_UNKNOWN_SYSTEM_VARIABLE:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
        return unfit(result, connection->reason);
    default:
        return ra_unavailable(result, RA_PROBLEM_DATABASE_UNAVAILABLE, RA_RETRY_AFTER_SECONDS, connection->reason);
    }
}

static apr_status_t check_over(ra_connection_t *connection, int children, ra_result_t *result)
{
    ra_store_t *store = connection->store;
    settings_t settings;
    ra_level_t seen;
    apr_status_t rv;

    if (ra_connection_open(connection) || read_settings(connection, &settings, result->pool) ||
        read_level(connection, &seen)) {
        return unreachable(connection, result);
    }
    rv = judge_settings(&settings, (apr_int64_t)children * store->config.pool_max, result);
    return rv == APR_SUCCESS ? judge(&seen, store->config.schema_level, result) : rv;
}

apr_status_t ra_store_check(ra_store_t *store, int children, ra_result_t *result)
{
    ra_connection_t *connection;
    apr_pool_t *pool;
    apr_status_t rv;

    ra_thread_attach();
    apr_pool_create(&pool, store->pool);
    connection = ra_connection_make(store, pool);
    rv = connection ? check_over(connection, children, result) : APR_ENOMEM;
    apr_pool_destroy(pool);
    return rv;
}
