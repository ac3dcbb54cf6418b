/*
 * Prepared statements: made once per connection, bound, executed, and every call checked. A result is always stored
 * whole in the client, one round trip for one statement.
 * Layer: store. Thread rule: a statement belongs to its connection.
 */
#include "store/internal.h"

#include <apr_strings.h>
#include <string.h>

#include <errmsg.h>
#include <mysqld_error.h>

/* --- what went wrong --------------------------------------------------------------------------------------------- */

apr_status_t ra_tx_doom(ra_tx_t *tx)
{
    tx->connection->doom = APR_EGENERAL;
    ra_result_clear(tx->result);
    ra_refuse(tx->result, RA_PROBLEM_INTERNAL, tx->connection->reason);
    return APR_EGENERAL;
}

apr_status_t ra_tx_find(ra_tx_t *tx, const char *finding, const char *sql)
{
    ra_error_finding(tx->connection, finding, sql);
    return ra_tx_doom(tx);
}

apr_status_t ra_tx_failed(ra_tx_t *tx)
{
    ra_connection_t *connection = tx->connection;

    switch (ra_error_class(connection->error)) {
    case RA_ERROR_LOST:
        connection->lost = 1;
        connection->doom = RA_ERETRY;
        return RA_ERETRY;
    case RA_ERROR_RETRY:
    case RA_ERROR_STALE:
        connection->doom = RA_ERETRY;
        return RA_ERETRY;
    case RA_ERROR_DUPLICATE:
        return APR_EEXIST;
    case RA_ERROR_FULL: /* ra_store_run() makes the refusal */
        ra_result_clear(tx->result);
        connection->doom = RA_EUNAVAILABLE;
        return RA_EUNAVAILABLE;
    default:
        return ra_tx_doom(tx);
    }
}

/* "Duplicate entry '…' for key 'name'": the value may hold quotes, so the last key is looked for. */
static const char *key_of(const char *message, apr_pool_t *pool)
{
    static const char mark[] = "for key '";
    const char *key = NULL;
    const char *found;
    apr_size_t len;

    for (found = strstr(message, mark); found; found = strstr(key, mark)) {
        key = found + sizeof(mark) - 1;
    }
    if (!key || !(len = strlen(key))) {
        return "";
    }
    return apr_pstrmemdup(pool, key, key[len - 1] == '\'' ? len - 1 : len);
}

/* The number of the error, of the statement or of the connection under it. */
static unsigned int error_of(ra_connection_t *connection, MYSQL_STMT *handle)
{
    unsigned int error = mysql_stmt_errno(handle);

    return error ? error : mysql_errno(connection->mysql);
}

apr_status_t ra_statement_failed(ra_tx_t *tx, ra_statement_t *statement)
{
    ra_connection_t *connection = tx->connection;
    unsigned int error = error_of(connection, statement->handle);
    const char *message =
        mysql_stmt_errno(statement->handle) ? mysql_stmt_error(statement->handle) : mysql_error(connection->mysql);

    ra_error_note(connection, error ? error : CR_UNKNOWN_ERROR, message, statement->sql);
    if (ra_error_class(error) == RA_ERROR_DUPLICATE) {
        connection->duplicate_key = key_of(message, tx->pool);
    }
    /* Its next run would wait for the rows that never come: the library believes that the result is still under way. */
    statement->spoilt = mysql_stmt_field_count(statement->handle) > 0;
    mysql_stmt_free_result(statement->handle);
    return ra_tx_failed(tx);
}

const char *ra_sql_duplicate_key(ra_tx_t *tx)
{
    return tx->connection->duplicate_key ? tx->connection->duplicate_key : "";
}

/* --- the statements of a connection ------------------------------------------------------------------------------ */

static apr_status_t statement_close(void *data)
{
    mysql_stmt_close(((ra_statement_t *)data)->handle);
    return APR_SUCCESS;
}

static void statement_drop(ra_connection_t *connection, ra_statement_t *statement)
{
    apr_hash_set(connection->statements, statement->sql, APR_HASH_KEY_STRING, NULL);
    apr_pool_destroy(statement->pool);
}

/* Makes room: the statement that was not used for longest goes. */
static void drop_oldest(ra_connection_t *connection)
{
    ra_statement_t *oldest = NULL;
    apr_hash_index_t *index;

    for (index = apr_hash_first(NULL, connection->statements); index; index = apr_hash_next(index)) {
        ra_statement_t *statement = apr_hash_this_val(index);

        if (!oldest || statement->used < oldest->used) {
            oldest = statement;
        }
    }
    if (oldest) {
        statement_drop(connection, oldest);
    }
}

static void drop_all(ra_connection_t *connection)
{
    while (apr_hash_count(connection->statements)) {
        drop_oldest(connection);
    }
}

static ra_statement_t *statement_make(ra_connection_t *connection, const char *sql)
{
    my_bool yes = 1;
    apr_pool_t *pool;
    ra_statement_t *statement;

    apr_pool_create(&pool, connection->session);
    statement = apr_pcalloc(pool, sizeof(*statement));
    statement->pool = pool;
    statement->sql = apr_pstrdup(pool, sql);
    statement->handle = mysql_stmt_init(connection->mysql);
    if (!statement->handle) {
        apr_pool_destroy(pool);
        return NULL;
    }
    apr_pool_cleanup_register(pool, statement, statement_close, apr_pool_cleanup_null);
    mysql_stmt_attr_set(statement->handle, STMT_ATTR_UPDATE_MAX_LENGTH, &yes);
    return statement;
}

static apr_status_t prepare(ra_statement_t **pstatement, ra_tx_t *tx, const char *sql)
{
    ra_connection_t *connection = tx->connection;
    ra_statement_t *statement;
    apr_status_t rv;

    if (apr_hash_count(connection->statements) >= RA_STATEMENTS_PER_CONNECTION) {
        drop_oldest(connection);
    }
    statement = statement_make(connection, sql);
    if (!statement) {
        return ra_tx_find(tx, "out of memory", sql);
    }
    if (mysql_stmt_prepare(statement->handle, sql, strlen(sql)) || error_of(connection, statement->handle)) {
        int crowded = ra_error_class(error_of(connection, statement->handle)) == RA_ERROR_CROWDED;

        if (crowded && apr_hash_count(connection->statements)) {
            apr_pool_destroy(statement->pool);
            drop_all(connection);
            return prepare(pstatement, tx, sql);
        }
        rv = ra_statement_failed(tx, statement);
        apr_pool_destroy(statement->pool);
        return rv;
    }
    apr_hash_set(connection->statements, statement->sql, APR_HASH_KEY_STRING, statement);
    *pstatement = statement;
    return APR_SUCCESS;
}

static apr_status_t find_or_prepare(ra_statement_t **pstatement, ra_tx_t *tx, const char *sql)
{
    ra_connection_t *connection = tx->connection;
    apr_status_t rv;

    *pstatement = apr_hash_get(connection->statements, sql, APR_HASH_KEY_STRING);
    if (*pstatement && (*pstatement)->spoilt) {
        statement_drop(connection, *pstatement);
        *pstatement = NULL;
    }
    if (!*pstatement) {
        rv = prepare(pstatement, tx, sql);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    (*pstatement)->used = ++connection->clock;
    return APR_SUCCESS;
}

/* --- running one ------------------------------------------------------------------------------------------------- */

/* 0, or the error number: every call is asked, for a lost transaction may show in any of them (also in store_result). */
static unsigned int execute(ra_connection_t *connection, MYSQL_STMT *handle, MYSQL_BIND *binds)
{
    if (mysql_stmt_param_count(handle) && mysql_stmt_bind_param(handle, binds)) {
        return error_of(connection, handle);
    }
    if (mysql_stmt_execute(handle) || error_of(connection, handle)) {
        return error_of(connection, handle);
    }
    if (mysql_stmt_field_count(handle) && (mysql_stmt_store_result(handle) || error_of(connection, handle))) {
        return error_of(connection, handle);
    }
    return 0;
}

/*
 * Were columns renamed since the statement was prepared (a view was made anew)? The client library then keeps the old
 * names in the statement and has the new ones in the connection only; it notices itself only when their number has
 * changed.
 */
static int is_renamed(const ra_connection_t *connection, const MYSQL_STMT *handle)
{
    const MYSQL_FIELD *sent = connection->mysql->fields;
    unsigned int i;

    if (!handle->field_count || !sent || sent == handle->fields) {
        return 0;
    }
    for (i = 0; i < handle->field_count; i++) {
        if (strcmp(sent[i].name, handle->fields[i].name)) {
            return 1;
        }
    }
    return 0;
}

/* Warnings that mean lost data are errors: GROUP_CONCAT and the JSON functions cut with no more than that. */
static apr_status_t check_warnings(ra_tx_t *tx, ra_statement_t *statement)
{
    MYSQL_RES *rows;
    MYSQL_ROW row;
    unsigned int harmful = 0;

    if (ra_connection_query(&rows, tx->connection, "SHOW WARNINGS")) {
        return ra_tx_failed(tx);
    }
    while ((row = mysql_fetch_row(rows))) {
        unsigned int warning = (unsigned int)apr_atoi64(row[1]);

        if (warning == ER_CUT_VALUE_GROUP_CONCAT || warning == WARN_DATA_TRUNCATED || warning == ER_DATA_TOO_LONG) {
            harmful = warning;
        }
    }
    mysql_free_result(rows);
    if (!harmful) {
        return APR_SUCCESS;
    }
    ra_error_note(tx->connection, harmful, NULL, statement->sql);
    return ra_tx_doom(tx);
}

static apr_status_t run_once(ra_statement_t **pstatement, unsigned int *perror, ra_tx_t *tx, const char *sql,
                             ra_values_t values)
{
    apr_status_t rv = find_or_prepare(pstatement, tx, sql);

    *perror = 0;
    if (rv == APR_SUCCESS) {
        rv = ra_transaction_enter_with(tx, *pstatement);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (mysql_stmt_param_count((*pstatement)->handle) != (unsigned long)values.count) {
        return ra_tx_find(tx, "number of values and placeholders differ", sql);
    }
    *perror = execute(tx->connection, (*pstatement)->handle, ra_values_bind(values, tx->pool));
    return APR_SUCCESS;
}

apr_status_t ra_statement_run(ra_statement_t **pstatement, ra_tx_t *tx, const char *sql, ra_values_t values)
{
    unsigned int error = ra_failpoint_error();
    apr_status_t rv = ra_transaction_enter(tx);

    if (error) { /* of a failpoint: as if the server had said so */
        ra_error_note(tx->connection, error, NULL, sql);
        return ra_tx_failed(tx);
    }
    if (rv == APR_SUCCESS) {
        rv = run_once(pstatement, &error, tx, sql, values);
    }
    if (rv == APR_SUCCESS && ra_error_class(error) == RA_ERROR_STALE) { /* refused before it did anything */
        statement_drop(tx->connection, *pstatement);
        tx->connection->alone = NULL;
        rv = run_once(pstatement, &error, tx, sql, values);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (error) {
        return ra_statement_failed(tx, *pstatement);
    }
    if (is_renamed(tx->connection, (*pstatement)->handle)) {
        ra_statement_done(*pstatement);
        ra_error_note(tx->connection, CR_NEW_STMT_METADATA, NULL, sql);
        return ra_tx_failed(tx);
    }
    if (mysql_warning_count(tx->connection->mysql)) {
        rv = check_warnings(tx, *pstatement);
        if (rv != APR_SUCCESS) {
            ra_statement_done(*pstatement);
        }
    }
    return rv;
}

void ra_statement_done(ra_statement_t *statement)
{
    mysql_stmt_free_result(statement->handle);
}

apr_status_t ra_sql_change(ra_tx_t *tx, apr_uint64_t *paffected, const char *sql, ra_values_t values)
{
    ra_statement_t *statement;
    apr_status_t rv;

    if (paffected) {
        *paffected = 0;
    }
    rv = ra_statement_run(&statement, tx, sql, values);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (paffected) {
        *paffected = mysql_stmt_affected_rows(statement->handle);
    }
    ra_statement_done(statement);
    return APR_SUCCESS;
}
