/*
 * Rows become JSON by what the server says about the columns (design §7). The plan of the columns is made once per
 * prepared statement and made anew when the columns have changed under it.
 * Layer: store. Thread rule: a statement belongs to its connection.
 *
 * Two more endings of an alias than store.h names, for expressions whose type the server does not keep: ":bool" (an
 * integer that is not 0 is true) and ":uuid" (16 bytes).
 */
#include "store/internal.h"

#include <apr_strings.h>
#include <string.h>


#include "base/ident.h"

#define BINARY_CHARSET 63

/* --- the plan ---------------------------------------------------------------------------------------------------- */

typedef struct suffix_t {
    const char *text;
    ra_column_kind_e kind;
} suffix_t;

static const suffix_t suffixes[] = {
    {":json", RA_COLUMN_JSON},
    {":b64", RA_COLUMN_BASE64},
    {":bool", RA_COLUMN_BOOL},
    {":uuid", RA_COLUMN_UUID},
    {NULL, 0},
};

static ra_column_kind_e kind_of_bytes(const MYSQL_FIELD *field)
{
    if (field->charsetnr != BINARY_CHARSET) {
        return RA_COLUMN_TEXT;
    }
    return field->type == MYSQL_TYPE_STRING && field->length == RA_UUID_BYTES ? RA_COLUMN_UUID : RA_COLUMN_HEX;
}

static ra_column_kind_e kind_of(const MYSQL_FIELD *field)
{
    switch (field->type) {
    case MYSQL_TYPE_TINY:
        return field->length == 1 ? RA_COLUMN_BOOL : RA_COLUMN_INT;
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
    case MYSQL_TYPE_YEAR:
        return RA_COLUMN_INT;
    case MYSQL_TYPE_DECIMAL:
    case MYSQL_TYPE_NEWDECIMAL:
        return field->decimals ? RA_COLUMN_TEXT : RA_COLUMN_NUMBER; /* a sum of integers has no decimals */
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
        return RA_COLUMN_NUMBER;
    case MYSQL_TYPE_DATETIME:
    case MYSQL_TYPE_TIMESTAMP:
        return RA_COLUMN_TIME;
    case MYSQL_TYPE_DATE:
    case MYSQL_TYPE_NEWDATE:
    case MYSQL_TYPE_TIME:
    case MYSQL_TYPE_ENUM:
    case MYSQL_TYPE_SET:
    case MYSQL_TYPE_NULL:
        return RA_COLUMN_TEXT;
    case MYSQL_TYPE_STRING:
    case MYSQL_TYPE_VAR_STRING:
    case MYSQL_TYPE_VARCHAR:
    case MYSQL_TYPE_TINY_BLOB:
    case MYSQL_TYPE_MEDIUM_BLOB:
    case MYSQL_TYPE_LONG_BLOB:
    case MYSQL_TYPE_BLOB:
    case MYSQL_TYPE_JSON:
        return kind_of_bytes(field);
    default:
        return RA_COLUMN_UNKNOWN;
    }
}

/* "person.name" → {"person", "name", NULL} */
static const char **split_path(char *name, apr_pool_t *pool)
{
    apr_array_header_t *path = apr_array_make(pool, 3, sizeof(const char *));
    char *dot;

    for (; (dot = strchr(name, '.')); name = dot + 1) {
        *dot = '\0';
        APR_ARRAY_PUSH(path, const char *) = name;
    }
    APR_ARRAY_PUSH(path, const char *) = name;
    APR_ARRAY_PUSH(path, const char *) = NULL;
    return (const char **)path->elts;
}

static void plan_column(ra_column_t *column, const MYSQL_FIELD *field, apr_pool_t *pool)
{
    char *name = apr_pstrdup(pool, field->name);
    char *colon = strrchr(name, ':');
    const suffix_t *suffix = suffixes;

    column->alias = apr_pstrdup(pool, field->name);
    column->type = field->type;
    column->declared = field->length;
    column->flags = field->flags;
    column->charset = field->charsetnr;
    column->kind = kind_of(field);
    while (colon && suffix->text && strcmp(colon, suffix->text)) {
        suffix++;
    }
    if (colon && suffix->text) {
        *colon = '\0';
        column->kind = suffix->kind;
    }
    column->path = split_path(name, pool);
}

/* The buffers of fixed size; those of text and bytes are given for each result by its longest value. */
static void plan_bind(MYSQL_BIND *bind, ra_column_t *column)
{
    bind->is_null = &column->is_null;
    bind->length = &column->length;
    bind->error = &column->cut;
    switch (column->kind) {
    case RA_COLUMN_INT:
    case RA_COLUMN_BOOL:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = &column->integer;
        bind->is_unsigned = (column->flags & UNSIGNED_FLAG) != 0;
        break;
    case RA_COLUMN_TIME:
        bind->buffer_type = MYSQL_TYPE_DATETIME;
        bind->buffer = &column->time;
        bind->buffer_length = sizeof(column->time);
        break;
    default:
        bind->buffer_type = column->charset == BINARY_CHARSET ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING;
        break;
    }
}

static int same_columns(const ra_statement_t *statement, const MYSQL_FIELD *fields, unsigned int count)
{
    unsigned int i;

    if (!statement->columns || statement->column_count != count) {
        return 0;
    }
    for (i = 0; i < count; i++) {
        const ra_column_t *column = &statement->columns[i];

        if (column->type != fields[i].type || column->declared != fields[i].length ||
            column->flags != fields[i].flags || column->charset != fields[i].charsetnr ||
            strcmp(column->alias, fields[i].name)) {
            return 0;
        }
    }
    return 1;
}

static const char *flaw_of(const ra_statement_t *statement)
{
    unsigned int i, k;

    for (i = 0; i < statement->column_count; i++) {
        const ra_column_t *column = &statement->columns[i];

        if (column->kind == RA_COLUMN_UNKNOWN) {
            return apr_psprintf(statement->pool, "the type of column %s has no JSON form", column->alias);
        }
        for (k = 0; k < i; k++) {
            if (!strcmp(column->alias, statement->columns[k].alias)) {
                return apr_psprintf(statement->pool, "two columns are called %s", column->alias);
            }
        }
    }
    return NULL;
}

static apr_status_t make_plan(ra_tx_t *tx, ra_statement_t *statement, const MYSQL_FIELD *fields, unsigned int count)
{
    const char *flaw;
    unsigned int i;

    statement->columns = apr_pcalloc(statement->pool, sizeof(*statement->columns) * count);
    statement->binds = apr_pcalloc(statement->pool, sizeof(*statement->binds) * count);
    statement->column_count = count;
    for (i = 0; i < count; i++) {
        plan_column(&statement->columns[i], &fields[i], statement->pool);
        plan_bind(&statement->binds[i], &statement->columns[i]);
    }
    flaw = flaw_of(statement);
    if (flaw) {
        statement->columns = NULL;
        return ra_tx_find(tx, flaw, statement->sql);
    }
    return APR_SUCCESS;
}

/* --- fetching ---------------------------------------------------------------------------------------------------- */

/* Buffers for the longest value of each column, with room for a NUL: nothing is ever cut. */
static apr_status_t bind_result(ra_tx_t *tx, ra_statement_t *statement)
{
    unsigned int count = mysql_stmt_field_count(statement->handle);
    const MYSQL_FIELD *fields = statement->handle->fields;
    apr_status_t rv;
    unsigned int i;

    if (!same_columns(statement, fields, count)) {
        rv = make_plan(tx, statement, fields, count);
        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    for (i = 0; i < count; i++) {
        if (statement->binds[i].buffer_type == MYSQL_TYPE_STRING ||
            statement->binds[i].buffer_type == MYSQL_TYPE_BLOB) {
            unsigned long room = fields[i].max_length;

            statement->columns[i].data = apr_palloc(tx->pool, room + 1);
            statement->binds[i].buffer = statement->columns[i].data;
            statement->binds[i].buffer_length = room;
        }
    }
    return mysql_stmt_bind_result(statement->handle, statement->binds) ? ra_statement_failed(tx, statement)
                                                                       : APR_SUCCESS;
}

/* The next row is in the columns' buffers. APR_EOF after the last one. */
static apr_status_t fetch(ra_tx_t *tx, ra_statement_t *statement)
{
    int rc = mysql_stmt_fetch(statement->handle);
    unsigned int i;

    if (mysql_stmt_errno(statement->handle) || mysql_errno(tx->connection->mysql)) {
        return ra_statement_failed(tx, statement);
    }
    if (rc == MYSQL_NO_DATA) {
        return APR_EOF;
    }
    for (i = 0; i < statement->column_count; i++) {
        const ra_column_t *column = &statement->columns[i];
        unsigned long room = statement->binds[i].buffer_length;

        if (column->data && !column->is_null) {
            column->data[column->length < room ? column->length : room] = '\0';
        }
    }
    return rc == 0 ? APR_SUCCESS : ra_tx_find(tx, "a value was cut while it was fetched", statement->sql);
}

/* Runs, checks that there is a result, binds. After APR_SUCCESS: fetch() and ra_statement_done(). */
static apr_status_t open_result(ra_statement_t **pstatement, ra_tx_t *tx, const char *sql, ra_values_t values)
{
    apr_status_t rv = ra_statement_run(pstatement, tx, sql, values);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = mysql_stmt_field_count((*pstatement)->handle) ? bind_result(tx, *pstatement)
                                                        : ra_tx_find(tx, "the statement has no result", sql);
    if (rv != APR_SUCCESS) {
        ra_statement_done(*pstatement);
    }
    return rv;
}

/* --- a row as JSON ----------------------------------------------------------------------------------------------- */

static ra_bytes_t bytes_of(const ra_column_t *column)
{
    return ra_bytes_of(column->data, column->length);
}

/* An unsigned one beyond 2^63 - 1 shows as negative. */
static int is_too_large(const ra_column_t *column)
{
    return column->integer < 0 && (column->flags & UNSIGNED_FLAG);
}

/* A name for each flaw of a value; NULL is fine. They become the log detail, so they hold no value. */
static const char *set_int(ra_json_t *object, const char *name, const ra_column_t *column)
{
    apr_int64_t value = column->integer;

    if (is_too_large(column) || value > RA_JSON_MAX_INTEGER || value < -RA_JSON_MAX_INTEGER) {
        return "an integer beyond 2^53 - 1";
    }
    ra_json_set_int(object, name, value);
    return NULL;
}

static const char *set_text(ra_json_t *object, const char *name, const ra_column_t *column)
{
    if (memchr(column->data, '\0', column->length)) {
        return "a text with U+0000";
    }
    ra_json_set_string(object, name, (const char *)column->data);
    return NULL;
}

static const char *set_json(ra_json_t *object, const char *name, const ra_column_t *column, apr_pool_t *pool)
{
    ra_json_error_t error;
    ra_json_t *value;

    if (ra_json_parse(&value, (const char *)column->data, column->length, &ra_json_limits_document, &error, pool)) {
        return "a text that is not JSON";
    }
    ra_json_set_copy(object, name, value);
    return NULL;
}

/* In the form of ra_rfc3339(), but for every year that MariaDB knows. */
static const char *set_time(ra_json_t *object, const char *name, const ra_column_t *column, apr_pool_t *pool)
{
    const MYSQL_TIME *at = &column->time;
    const char *fraction = at->second_part ? apr_psprintf(pool, ".%06lu", at->second_part) : "";

    if (!at->month || !at->day) {
        return "a date that is not in the calendar";
    }
    ra_json_set_string(object, name,
                       apr_psprintf(pool, "%04u-%02u-%02uT%02u:%02u:%02u%sZ", at->year, at->month, at->day, at->hour,
                                    at->minute, at->second, fraction));
    return NULL;
}

static const char *set_uuid(ra_json_t *object, const char *name, const ra_column_t *column, apr_pool_t *pool)
{
    if (column->length != RA_UUID_BYTES) {
        return "a UUID that has not 16 bytes";
    }
    ra_json_set_string(object, name, ra_uuid_text(column->data, pool));
    return NULL;
}

static const char *set_value(ra_json_t *object, const char *name, const ra_column_t *column, apr_pool_t *pool)
{
    switch (column->kind) {
    case RA_COLUMN_INT:
        return set_int(object, name, column);
    case RA_COLUMN_BOOL:
        ra_json_set_bool(object, name, column->integer != 0);
        return NULL;
    case RA_COLUMN_TEXT:
        return set_text(object, name, column);
    case RA_COLUMN_NUMBER:
    case RA_COLUMN_JSON:
        return set_json(object, name, column, pool);
    case RA_COLUMN_TIME:
        return set_time(object, name, column, pool);
    case RA_COLUMN_UUID:
        return set_uuid(object, name, column, pool);
    case RA_COLUMN_HEX:
        ra_json_set_string(object, name, ra_hex(bytes_of(column), pool));
        return NULL;
    case RA_COLUMN_BASE64:
        ra_json_set_string(object, name, ra_base64url(bytes_of(column), pool));
        return NULL;
    default:
        return "a type without JSON form";
    }
}

/* The object that holds the last name of the path; it is made when the first of its members has a value. */
static ra_json_t *holder_of(ra_json_t *object, const char **path, const char **pname)
{
    for (; path[1]; path++) {
        ra_json_t *child = ra_json_get_mutable(object, path[0]);

        object = child ? child : ra_json_set_object(object, path[0]);
    }
    *pname = path[0];
    return object;
}

static apr_status_t fill(ra_json_t *row, ra_tx_t *tx, const ra_statement_t *statement)
{
    unsigned int i;

    for (i = 0; i < statement->column_count; i++) {
        const ra_column_t *column = &statement->columns[i];
        const char *name, *flaw;
        ra_json_t *holder;

        if (column->is_null) {
            continue;
        }
        holder = holder_of(row, column->path, &name);
        flaw = set_value(holder, name, column, tx->pool);
        if (flaw) {
            return ra_tx_find(tx, apr_psprintf(tx->pool, "column %s holds %s", column->alias, flaw), statement->sql);
        }
    }
    return APR_SUCCESS;
}

/* --- the calls of store.h ---------------------------------------------------------------------------------------- */

apr_status_t ra_sql_rows(ra_tx_t *tx, ra_json_t **prows, const char *sql, ra_values_t values)
{
    ra_json_t *rows = ra_json_array_make(tx->pool);
    ra_statement_t *statement;
    apr_status_t rv = open_result(&statement, tx, sql, values);

    *prows = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    while ((rv = fetch(tx, statement)) == APR_SUCCESS) {
        rv = fill(ra_json_add_object(rows), tx, statement);
        if (rv != APR_SUCCESS) {
            break;
        }
    }
    ra_statement_done(statement);
    if (rv != APR_EOF) {
        return rv;
    }
    *prows = rows;
    return APR_SUCCESS;
}

/* Opens a result and fetches its only row. APR_ENOENT when there is none. After APR_SUCCESS: ra_statement_done(). */
static apr_status_t open_single(ra_statement_t **pstatement, ra_tx_t *tx, const char *sql, ra_values_t values)
{
    apr_status_t rv = open_result(pstatement, tx, sql, values);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (mysql_stmt_num_rows((*pstatement)->handle) > 1) {
        rv = ra_tx_find(tx, "more than one row", sql);
    } else {
        rv = fetch(tx, *pstatement);
    }
    if (rv != APR_SUCCESS) {
        ra_statement_done(*pstatement);
    }
    return rv == APR_EOF ? APR_ENOENT : rv;
}

apr_status_t ra_sql_row(ra_tx_t *tx, ra_json_t **prow, const char *sql, ra_values_t values)
{
    ra_statement_t *statement;
    apr_status_t rv = open_single(&statement, tx, sql, values);
    ra_json_t *row;

    *prow = NULL;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    row = ra_json_object_make(tx->pool);
    rv = fill(row, tx, statement);
    ra_statement_done(statement);
    if (rv == APR_SUCCESS) {
        *prow = row;
    }
    return rv;
}

apr_status_t ra_sql_ids(ra_tx_t *tx, apr_array_header_t *ids, const char *sql, ra_values_t values)
{
    ra_json_t *rows;
    apr_status_t rv = ra_sql_rows(tx, &rows, sql, values);

    apr_array_clear(ids);
    for (const ra_json_t *row = rv == APR_SUCCESS ? ra_json_first(rows) : NULL; row; row = ra_json_next(row)) {
        APR_ARRAY_PUSH(ids, const char *) = apr_pstrdup(ids->pool, ra_json_get_string(row, "id"));
    }
    return rv;
}

/* As open_single() for one column that is not NULL. */
static apr_status_t open_cell(ra_statement_t **pstatement, ra_tx_t *tx, const char *sql, ra_values_t values)
{
    apr_status_t rv = open_single(pstatement, tx, sql, values);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if ((*pstatement)->column_count != 1) {
        rv = ra_tx_find(tx, "not exactly one column", sql);
    } else if ((*pstatement)->columns[0].is_null) {
        rv = APR_ENOENT;
    }
    if (rv != APR_SUCCESS) {
        ra_statement_done(*pstatement);
    }
    return rv;
}

/* SUM() is a DECIMAL: its text is read. */
static apr_status_t integer_of(apr_int64_t *pvalue, ra_tx_t *tx, const ra_statement_t *statement)
{
    const ra_column_t *column = &statement->columns[0];
    char *end;

    switch (column->kind) {
    case RA_COLUMN_INT:
    case RA_COLUMN_BOOL:
        if (is_too_large(column)) {
            return ra_tx_find(tx, "an integer beyond 2^63 - 1", statement->sql);
        }
        *pvalue = column->integer;
        return APR_SUCCESS;
    case RA_COLUMN_NUMBER:
        *pvalue = apr_strtoi64((const char *)column->data, &end, 10);
        return *end ? ra_tx_find(tx, "not an integer", statement->sql) : APR_SUCCESS;
    default:
        return ra_tx_find(tx, "not an integer column", statement->sql);
    }
}

apr_status_t ra_sql_int(ra_tx_t *tx, apr_int64_t *pvalue, const char *sql, ra_values_t values)
{
    ra_statement_t *statement;
    apr_status_t rv = open_cell(&statement, tx, sql, values);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = integer_of(pvalue, tx, statement);
    ra_statement_done(statement);
    return rv;
}

apr_status_t ra_sql_bytes(ra_tx_t *tx, ra_bytes_t *pbytes, const char *sql, ra_values_t values)
{
    ra_statement_t *statement;
    apr_status_t rv = open_cell(&statement, tx, sql, values);

    *pbytes = (ra_bytes_t){NULL, 0};
    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (statement->binds[0].buffer_type == MYSQL_TYPE_LONGLONG ||
        statement->binds[0].buffer_type == MYSQL_TYPE_DATETIME) {
        rv = ra_tx_find(tx, "not a text or binary column", statement->sql);
    } else {
        *pbytes = bytes_of(&statement->columns[0]); /* the buffer is in tx->pool already */
    }
    ra_statement_done(statement);
    return rv;
}
