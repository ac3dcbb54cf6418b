/*
 * What MariaDB's error numbers mean for a unit of work, and which of its messages may be logged.
 * Layer: store. Thread rule: constant tables; the notes go to the caller's connection.
 */
#include "store/internal.h"

#include <apr_strings.h>

#include <errmsg.h>
#include <mysqld_error.h>

typedef struct error_row_t {
    unsigned int error;
    ra_error_class_e class;
} error_row_t;

static const error_row_t classes[] = {
    {ER_LOCK_DEADLOCK, RA_ERROR_RETRY},            /* 1213, also the loser of a Galera certification */
    {ER_LOCK_WAIT_TIMEOUT, RA_ERROR_RETRY},        /* 1205 */
    {ER_CHECKREAD, RA_ERROR_RETRY},                /* 1020, innodb_snapshot_isolation */
    {ER_ERROR_DURING_COMMIT, RA_ERROR_RETRY},      /* 1180, Galera without quorum */
    {ER_UNKNOWN_COM_ERROR, RA_ERROR_RETRY},        /* 1047, a Galera node that is not ready */
    {ER_QUERY_INTERRUPTED, RA_ERROR_RETRY},        /* 1317, KILL QUERY or a server that shuts down */
    {ER_NEW_ABORTING_CONNECTION, RA_ERROR_LOST},   /* 1184 */
    {ER_SERVER_SHUTDOWN, RA_ERROR_LOST},           /* 1053 */
    {ER_CONNECTION_KILLED, RA_ERROR_LOST},         /* 1927 */
    {ER_NET_READ_ERROR, RA_ERROR_LOST},            /* 1158 */
    {ER_NET_READ_INTERRUPTED, RA_ERROR_LOST},      /* 1159 */
    {ER_NET_ERROR_ON_WRITE, RA_ERROR_LOST},        /* 1160 */
    {ER_NET_WRITE_INTERRUPTED, RA_ERROR_LOST},     /* 1161 */
    {CR_SERVER_GONE_ERROR, RA_ERROR_LOST},         /* 2006 */
    {CR_SERVER_LOST, RA_ERROR_LOST},               /* 2013 */
    {CR_SERVER_LOST_EXTENDED, RA_ERROR_LOST},      /* 2055 */
    {CR_NEW_STMT_METADATA, RA_ERROR_LOST},         /* 2057, columns came or went under a prepared statement */
    {ER_DUP_ENTRY, RA_ERROR_DUPLICATE},            /* 1062 */
    {ER_DUP_ENTRY_WITH_KEY_NAME, RA_ERROR_DUPLICATE}, /* 1586 */
    {ER_NEED_REPREPARE, RA_ERROR_STALE},           /* 1615 */
    {ER_UNKNOWN_STMT_HANDLER, RA_ERROR_STALE},     /* 1243 */
    {ER_MAX_PREPARED_STMT_COUNT_REACHED, RA_ERROR_CROWDED}, /* 1461 */
    {ER_DISK_FULL, RA_ERROR_FULL},                 /* 1021 */
    {ER_RECORD_FILE_FULL, RA_ERROR_FULL},          /* 1114, InnoDB cannot extend a tablespace */
    {0, RA_ERROR_FINAL},
};

/* After one of these in answer to COMMIT the transaction is surely rolled back; after anything else nobody knows. */
static const unsigned int no_commit[] = {ER_LOCK_DEADLOCK, ER_LOCK_WAIT_TIMEOUT, ER_CHECKREAD, ER_UNKNOWN_COM_ERROR, 0};

/* Failures to connect that time does not heal. */
static const unsigned int lasting[] = {ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_BAD_DB_ERROR,
                                       ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_HOST_NOT_PRIVILEGED, 0};

/* Messages that name columns, tables, keys or users, but never a stored or bound value. */
static const unsigned int harmless[] = {
    ER_DBACCESS_DENIED_ERROR, ER_ACCESS_DENIED_ERROR, ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_BAD_DB_ERROR,
    ER_CON_COUNT_ERROR, ER_HOST_NOT_PRIVILEGED, ER_BAD_NULL_ERROR, ER_BAD_FIELD_ERROR, ER_PARSE_ERROR,
    ER_NO_SUCH_TABLE, ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR, ER_DATA_TOO_LONG,
    ER_WARN_DATA_OUT_OF_RANGE, ER_NO_DEFAULT_FOR_FIELD, ER_NO_REFERENCED_ROW_2, ER_ROW_IS_REFERENCED_2,
    ER_CONSTRAINT_FAILED, ER_RECORD_FILE_FULL, ER_DISK_FULL, ER_OPTION_PREVENTS_STATEMENT, ER_SP_DOES_NOT_EXIST, ER_VIEW_INVALID,
    ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION, ER_LOCK_DEADLOCK, ER_LOCK_WAIT_TIMEOUT, ER_UNKNOWN_SYSTEM_VARIABLE,
    CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR, CR_UNKNOWN_HOST, CR_SSL_CONNECTION_ERROR, CR_SERVER_GONE_ERROR,
    CR_SERVER_LOST, CR_AUTH_PLUGIN_CANNOT_LOAD, 0};

static int is_listed(const unsigned int *list, unsigned int error)
{
    for (; *list; list++) {
        if (*list == error) {
            return 1;
        }
    }
    return 0;
}

ra_error_class_e ra_error_class(unsigned int error)
{
    const error_row_t *row = classes;

    while (row->error && row->error != error) {
        row++;
    }
    return row->class;
}

int ra_error_is_no_commit(unsigned int error)
{
    return is_listed(no_commit, error);
}

int ra_error_is_passing(unsigned int error)
{
    return !is_listed(lasting, error);
}

void ra_error_note(ra_connection_t *connection, unsigned int error, const char *message, const char *sql)
{
    int tell = message && is_listed(harmless, error);

    connection->error = error;
    apr_snprintf(connection->reason, sizeof(connection->reason), "MariaDB error %u%s%.250s in: %.200s", error,
                 tell ? ": " : "", tell ? message : "", sql);
}

void ra_error_finding(ra_connection_t *connection, const char *finding, const char *sql)
{
    connection->error = 0;
    apr_snprintf(connection->reason, sizeof(connection->reason), "%.250s in: %.200s", finding, sql);
}
