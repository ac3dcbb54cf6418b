/*
 * What the status query is compared with: an httpd module with one handler that does the same prepared lookup and
 * nothing else of an RA. One connection to MariaDB per thread, one prepared statement, an answer of the same text and
 * size, the same cache in front. Part of the benchmarks; built by `make bench` only, never installed. Thread rule: each
 * thread has its own connection.
 *
 * The statement comes from a file: tests/bench/run writes there what the status query of the RA sends (from MariaDB's
 * log). Its first columns are status, kind, usage, not_before, not_after; placeholders behind "subject_key = " are the
 * name, others NULL.
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

#define VALUES_MAX 32
#define COLUMNS_MAX 16
#define COLUMNS_SHOWN 5
#define COLUMN_ROOM 64
#define STATEMENT_MAX 8192

/* The answer of the RA for one certificate that is in force. */
static const char item_format[] =
    "{\"status\":\"%s\",\"source_status\":\"证书使用中\",\"texts\":{\"zh-CN\":\"证书在有效期限内，可以正常使用。\","
    "\"en\":\"The certificate is within its validity and can be used.\"},\"advice\":{\"zh-CN\":\"到期前请办理更新。\","
    "\"en\":\"Renew it before it "
    "expires.\"},\"kind\":\"%s\",\"usage\":\"%s\",\"not_before\":\"%.10sT%.8sZ\",\"not_after\":\"%.10sT%.8sZ\"}";

typedef struct database_t {
    const char *socket, *user, *password, *sql;
    unsigned name_places; /* bit i: placeholder i is the name */
} database_t;

static database_t database;

/* One thread's connection and the buffers of one row. */
typedef struct lookup_t {
    MYSQL *mysql;
    MYSQL_STMT *statement;
    MYSQL_BIND columns[COLUMNS_MAX];
    char cells[COLUMNS_MAX][COLUMN_ROOM];
    unsigned long lengths[COLUMNS_MAX];
    my_bool nulls[COLUMNS_MAX];
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
    for (int i = 0; i < COLUMNS_MAX; i++) {
        lookup.columns[i].buffer_type = MYSQL_TYPE_STRING;
        lookup.columns[i].buffer = lookup.cells[i];
        lookup.columns[i].buffer_length = COLUMN_ROOM - 1;
        lookup.columns[i].length = &lookup.lengths[i];
        lookup.columns[i].is_null = &lookup.nulls[i];
    }
    return !mysql_stmt_prepare(lookup.statement, database.sql, strlen(database.sql)) &&
           mysql_stmt_param_count(lookup.statement) <= VALUES_MAX &&
           mysql_stmt_field_count(lookup.statement) <= COLUMNS_MAX &&
           mysql_stmt_field_count(lookup.statement) >= COLUMNS_SHOWN;
}

static int execute(const char *key)
{
    MYSQL_BIND values[VALUES_MAX] = {0};

    for (int i = 0; i < VALUES_MAX; i++) {
        values[i].buffer_type = MYSQL_TYPE_NULL;
        if (database.name_places & 1u << i) {
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
        for (int i = 0; i < COLUMNS_SHOWN; i++) {
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

static const char *read_file(apr_pool_t *pool, const char *path, apr_size_t max)
{
    char *text = apr_pcalloc(pool, max + 1);
    apr_file_t *file;
    apr_status_t status = apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, pool);

    if (status != APR_SUCCESS) {
        return NULL;
    }
    apr_file_read(file, text, &max);
    apr_file_close(file);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* BareDatabase socket user password-file */
static const char *set_database(cmd_parms *cmd, void *config, const char *socket, const char *user, const char *file)
{
    (void)config;
    database.socket = socket;
    database.user = user;
    database.password = read_file(cmd->pool, file, 255);
    return database.password ? NULL : "the password file cannot be read";
}

/* BareStatement file */
static const char *set_statement(cmd_parms *cmd, void *config, const char *file)
{
    static const char name[] = "subject_key = ";
    int place = 0;

    (void)config;
    database.sql = read_file(cmd->pool, file, STATEMENT_MAX);
    database.name_places = 0;
    for (const char *mark = database.sql; mark && (mark = strchr(mark, '?')) && place < VALUES_MAX; mark++, place++) {
        if (mark - database.sql >= (long)strlen(name) && strncmp(mark - strlen(name), name, strlen(name)) == 0) {
            database.name_places |= 1u << place;
        }
    }
    return database.sql ? NULL : "the file with the statement cannot be read";
}

static const command_rec commands[] = {
    AP_INIT_TAKE3("BareDatabase", set_database, NULL, RSRC_CONF, "socket, user and password file"),
    AP_INIT_TAKE1("BareStatement", set_statement, NULL, RSRC_CONF, "file with the statement"),
    {.name = NULL}};

static void register_hooks(apr_pool_t *pool)
{
    (void)pool;
    ap_hook_handler(bare_handler, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA __attribute__((visibility("default")))
bare_module = {STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, commands, register_hooks, 0};
