/*
 * One connection to MariaDB: options, TLS, session settings, is it still alive.
 * Layer: store. Thread rule: a connection is used by one thread at a time.
 */
#include "store/internal.h"

#include <apr_strings.h>
#include <poll.h>
#include <string.h>

#include <errmsg.h>

#include "base/memory.h"

/* Idle longer than this: ask before use. Younger ones show their death by the socket or by an error. */
#define PING_AFTER apr_time_from_sec(5)

/*
 * Reading is the session's default, so that a statement outside START TRANSACTION READ WRITE cannot change anything.
 * sql_notes off: only what may mean lost data counts as a warning. No intersections of two indexes: they read and sort all that both find, where a
 * page wants the first few in the order of one.
 */
static const char session_mode[] = "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY";
static const char session_format[] =
    "SET SESSION autocommit=1, sql_notes=0, time_zone='+00:00', group_concat_max_len=16777216, "
    "sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION', "
    "optimizer_switch='index_merge_intersection=off,index_merge_sort_intersection=off', innodb_lock_wait_timeout=%u, lock_wait_timeout=%u%s%s";

static apr_status_t close_cleanup(void *data)
{
    ra_connection_close(data);
    return APR_SUCCESS;
}

ra_connection_t *ra_connection_make(ra_store_t *store, apr_pool_t *parent)
{
    apr_pool_t *pool;
    ra_connection_t *connection;

    if (ra_pool_own(&pool, parent) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_tag(pool, "ra_connection");
    connection = apr_pcalloc(pool, sizeof(*connection));
    connection->store = store;
    connection->pool = pool;
    apr_pool_create(&connection->session, pool);
    /* A pre-cleanup: the statements' pools are children and still there when the handles are closed. */
    apr_pool_pre_cleanup_register(pool, connection, close_cleanup);
    return connection;
}

void ra_connection_close(ra_connection_t *connection)
{
    if (!connection->mysql) {
        return;
    }
    mysql_close(connection->mysql); /* first: the statements then go without a message each */
    connection->mysql = NULL;
    apr_pool_clear(connection->session);
    connection->statements = NULL;
    apr_atomic_dec32(&connection->store->open);
}

static unsigned int noted(ra_connection_t *connection, const char *sql)
{
    unsigned int error = mysql_errno(connection->mysql);

    ra_error_note(connection, error ? error : CR_UNKNOWN_ERROR, mysql_error(connection->mysql), sql);
    return connection->error;
}

static unsigned int seconds(apr_interval_time_t interval)
{
    apr_int64_t whole = (interval + APR_USEC_PER_SEC - 1) / APR_USEC_PER_SEC;

    return whole < 1 ? 1 : (unsigned int)whole;
}

static void set_options(MYSQL *mysql, const ra_store_config_t *config)
{
    unsigned int timeout = seconds(config->timeout);
    unsigned int protocol = config->socket ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
    unsigned int no_files = 0;
    my_bool no = 0;
    my_bool yes = 1;

    mysql_optionsv(mysql, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_optionsv(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
    mysql_optionsv(mysql, MYSQL_OPT_READ_TIMEOUT, &timeout);
    mysql_optionsv(mysql, MYSQL_OPT_WRITE_TIMEOUT, &timeout);
    mysql_optionsv(mysql, MYSQL_OPT_RECONNECT, &no);
    mysql_optionsv(mysql, MYSQL_OPT_LOCAL_INFILE, &no_files);
    mysql_optionsv(mysql, MYSQL_REPORT_DATA_TRUNCATION, &yes);
    mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (config->ca_file) {
        mysql_optionsv(mysql, MYSQL_OPT_SSL_CA, config->ca_file);
        mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
        mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
    }
}

/* What this server has: SHOW VARIABLES answers with no row for what it does not know. */
static unsigned int ask_abilities(ra_connection_t *connection, int *psnapshot, int *pgalera)
{
    MYSQL_RES *rows;
    MYSQL_ROW row;
    unsigned int error = ra_connection_query(
        &rows, connection, "SHOW VARIABLES WHERE Variable_name IN ('innodb_snapshot_isolation', 'wsrep_on')");

    if (error) {
        return error;
    }
    *psnapshot = *pgalera = 0;
    while ((row = mysql_fetch_row(rows))) {
        if (!strcmp(row[0], "wsrep_on")) {
            *pgalera = !strcmp(row[1], "ON");
        } else {
            *psnapshot = 1;
        }
    }
    mysql_free_result(rows);
    return 0;
}

static unsigned int set_session(ra_connection_t *connection)
{
    unsigned int half = seconds(connection->store->config.timeout / 2);
    int snapshot, galera;
    char sql[sizeof(session_format) + 128];
    unsigned int error = ra_connection_command(connection, session_mode);

    if (!error) {
        error = ask_abilities(connection, &snapshot, &galera);
    }
    if (error) {
        return error;
    }
    /* A lock is given up before the client stops waiting: the server then rolls back, and nobody guesses. */
    apr_snprintf(sql, sizeof(sql), session_format, half, half, snapshot ? ", innodb_snapshot_isolation=ON" : "",
                 galera ? ", wsrep_sync_wait=1" : "");
    return ra_connection_command(connection, sql);
}

unsigned int ra_connection_open(ra_connection_t *connection)
{
    const ra_store_config_t *config = &connection->store->config;
    unsigned int error;

    connection->mysql = mysql_init(NULL);
    if (!connection->mysql) {
        ra_error_note(connection, CR_OUT_OF_MEMORY, NULL, "connect");
        return CR_OUT_OF_MEMORY;
    }
    apr_atomic_inc32(&connection->store->open);
    set_options(connection->mysql, config);
    if (!mysql_real_connect(connection->mysql, config->socket ? NULL : config->host, config->user, config->password,
                            config->database, (unsigned int)config->port, config->socket, CLIENT_FOUND_ROWS)) {
        error = noted(connection, "connect");
    } else {
        error = set_session(connection);
    }
    if (error) {
        ra_connection_close(connection);
        return error;
    }
    connection->statements = apr_hash_make(connection->session);
    return 0;
}

/* Bytes nobody asked for, or the end of the stream: the server has closed (or TLS has sent a ticket, so it is asked). */
static int is_quiet(MYSQL *mysql)
{
    struct pollfd poll_fd = {.fd = (int)mysql_get_socket(mysql), .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 0;
}

int ra_connection_is_alive(ra_connection_t *connection)
{
    if (!connection->mysql) {
        return 0;
    }
    if (apr_time_now() - connection->idle_since < PING_AFTER && is_quiet(connection->mysql)) {
        return 1;
    }
    return mysql_ping(connection->mysql) == 0;
}

unsigned int ra_connection_command(ra_connection_t *connection, const char *sql)
{
    if (mysql_real_query(connection->mysql, sql, strlen(sql)) || mysql_errno(connection->mysql)) {
        return noted(connection, sql);
    }
    return 0;
}

unsigned int ra_connection_query(MYSQL_RES **presult, ra_connection_t *connection, const char *sql)
{
    unsigned int error = ra_connection_command(connection, sql);

    *presult = NULL;
    if (error) {
        return error;
    }
    *presult = mysql_store_result(connection->mysql);
    if (!*presult || mysql_errno(connection->mysql)) {
        mysql_free_result(*presult);
        *presult = NULL;
        return noted(connection, sql);
    }
    return 0;
}
