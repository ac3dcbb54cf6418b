/*
 * What the status query is compared with: an httpd module with one handler that does the same prepared lookup and
 * nothing else of an RA. One connection to MariaDB per thread, one prepared statement, an answer of the same text and
 * size, the same cache in front. Part of the benchmarks; built by `make bench` only, never installed. Thread rule: each
 * thread has its own connection.
 *
 * lookup_sql is status_sql of mod_ra/business/status.c; tests/bench/run compares both in the log of MariaDB.
 */
#include <apr_escape.h>
#include <apr_file_io.h>
#include <apr_strings.h>
#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>

#include <mysql.h>
#include <string.h>

#define VALUES 9
#define COLUMNS 7
#define COLUMN_ROOM 64
#define ID_COLUMN 6 /* orders the rows only */

static const char lookup_sql[] =
    "(SELECT CASE WHEN c.revoked_at IS NOT NULL THEN 'revoked' WHEN c.suspended_at IS NOT NULL THEN 'suspended'"
    " WHEN c.not_after <= UTC_TIMESTAMP(6) THEN 'expired' WHEN c.not_before > UTC_TIMESTAMP(6) THEN 'not_yet_valid' "
    "ELSE 'valid' END AS status,"
    " c.kind AS kind, c.cert_usage AS `usage`, c.not_before AS not_before, c.not_after AS not_after, "
    "c.revocation_reason AS reason, c.id AS id"
    " FROM certificates c WHERE c.subject_key = ? AND (? IS NULL OR c.social_security_no = ?) AND (? IS NULL OR "
    "c.serial = ?)"
    " ORDER BY c.id DESC LIMIT 6)"
    " UNION ALL"
    " (SELECT 'pending', a.kind, a.cert_usage, NULL, NULL, NULL, a.id FROM applications a"
    " WHERE a.subject_key = ? AND a.state IN ('awaiting_production', 'in_production') AND (? IS NULL OR "
    "a.social_security_no = ?) AND ? IS NULL"
    " ORDER BY a.id DESC LIMIT 6)"
    " ORDER BY id DESC LIMIT 6";

/* The answer of the RA for one certificate that is in force. */
static const char item_format[] =
    "{\"status\":\"%s\",\"source_status\":\"证书使用中\",\"texts\":{\"zh-CN\":\"证书在有效期限内，可以正常使用。\","
    "\"en\":\"The certificate is within its validity and can be used.\"},\"advice\":{\"zh-CN\":\"到期前请办理更新。\","
    "\"en\":\"Renew it before it "
    "expires.\"},\"kind\":\"%s\",\"usage\":\"%s\",\"not_before\":\"%.10sT%.8sZ\",\"not_after\":\"%.10sT%.8sZ\"}";

typedef struct database_t {
    const char *socket, *user, *password;
} database_t;

static database_t database;

/* One thread's connection and the buffers of one row. */
typedef struct lookup_t {
    MYSQL *mysql;
    MYSQL_STMT *statement;
    MYSQL_BIND columns[COLUMNS];
    char cells[COLUMNS][COLUMN_ROOM];
    unsigned long lengths[COLUMNS];
    my_bool nulls[COLUMNS];
} lookup_t;

static __thread lookup_t lookup;

static int open_connection(void)
{
    my_bool yes = 1;

    lookup.mysql = mysql_init(NULL);
    mysql_optionsv(lookup.mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(lookup.mysql, NULL, database.user, database.password, "ra", 0, database.socket, 0) ||
        mysql_query(lookup.mysql, "SET SESSION time_zone='+00:00', sql_notes=0")) {
        return 0;
    }
    lookup.statement = mysql_stmt_init(lookup.mysql);
    mysql_stmt_attr_set(lookup.statement, STMT_ATTR_UPDATE_MAX_LENGTH, &yes);
    for (int i = 0; i < COLUMNS; i++) {
        lookup.columns[i].buffer_type = MYSQL_TYPE_STRING;
        lookup.columns[i].buffer = lookup.cells[i];
        lookup.columns[i].buffer_length = COLUMN_ROOM - 1;
        lookup.columns[i].length = &lookup.lengths[i];
        lookup.columns[i].is_null = &lookup.nulls[i];
    }
    return !mysql_stmt_prepare(lookup.statement, lookup_sql, strlen(lookup_sql));
}

static int execute(const char *key)
{
    MYSQL_BIND values[VALUES] = {0};

    for (int i = 0; i < VALUES; i++) {
        values[i].buffer_type = MYSQL_TYPE_NULL;
        if (i == 0 || i == 5) {
            values[i].buffer_type = MYSQL_TYPE_STRING;
            values[i].buffer = (void *)key;
            values[i].buffer_length = strlen(key);
        }
    }
    return !mysql_stmt_bind_param(lookup.statement, values) && !mysql_stmt_execute(lookup.statement) &&
           !mysql_stmt_store_result(lookup.statement) && !mysql_stmt_bind_result(lookup.statement, lookup.columns);
}

static const char *print_items(apr_pool_t *pool)
{
    const char *items = "";

    while (mysql_stmt_fetch(lookup.statement) == 0) {
        for (int i = 0; i < ID_COLUMN; i++) {
            lookup.cells[i][lookup.nulls[i] ? 0 : lookup.lengths[i]] = '\0';
        }
        const char *before = lookup.cells[3], *after = lookup.cells[4];
        const char *item = apr_psprintf(pool, item_format, lookup.cells[0], lookup.cells[1], lookup.cells[2], before,
                                        before + 11, after, after + 11);
        items = *items ? apr_pstrcat(pool, items, ",", item, NULL) : item;
    }
    mysql_stmt_free_result(lookup.statement);
    return items;
}

static int bare_handler(request_rec *r)
{
    char date[APR_RFC822_DATE_LEN];
    char *key;

    if (!r->handler || strcmp(r->handler, "bare") != 0) {
        return DECLINED;
    }
    if (!r->args || strncmp(r->args, "subject=", 8) != 0) {
        return HTTP_BAD_REQUEST;
    }
    key = apr_pstrdup(r->pool, r->args + 8);
    if (ap_unescape_urlencoded(key) != OK || (!lookup.mysql && !open_connection()) || !execute(key)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "bare: %s",
                      lookup.mysql ? mysql_error(lookup.mysql) : "no connection");
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    apr_rfc822_date(date, r->request_time);
    ap_set_content_type(r, "application/json");
    apr_table_setn(r->headers_out, "Cache-Control", "public, max-age=3");
    const char *answer = apr_psprintf(r->pool, "{\"subject\":\"%s\",\"as_of\":\"%.27s\",\"items\":[%s],\"more\":false}",
                                      key, date, print_items(r->pool));
    ap_set_content_length(r, (apr_off_t)strlen(answer));
    ap_rputs(answer, r);
    return OK;
}

/* BareDatabase socket user password-file */
static const char *set_database(cmd_parms *cmd, void *config, const char *socket, const char *user, const char *file)
{
    char *password = apr_pcalloc(cmd->pool, 256);
    apr_size_t len = 255;
    apr_file_t *opened;

    (void)config;
    if (apr_file_open(&opened, file, APR_READ, APR_OS_DEFAULT, cmd->temp_pool) != APR_SUCCESS ||
        apr_file_read(opened, password, &len) != APR_SUCCESS) {
        return "the password file cannot be read";
    }
    apr_file_close(opened);
    password[strcspn(password, "\n")] = '\0';
    database = (database_t){socket, user, password};
    return NULL;
}

static const command_rec commands[] = {
    AP_INIT_TAKE3("BareDatabase", set_database, NULL, RSRC_CONF, "socket, user and password file"), {.name = NULL}};

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(bare_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default")))
bare_module = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, register_hooks, 0};
