/*
 * Values for placeholders and how they are bound.
 * Layer: store. Thread rule: pure functions.
 */
#include "store/internal.h"

#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"

ra_value_t ra_v_null(void)
{
    return (ra_value_t){.type = RA_V_NULL};
}

ra_value_t ra_v_text(const char *text)
{
    return (ra_value_t){.type = text ? RA_V_TEXT : RA_V_NULL, .text = text};
}

ra_value_t ra_v_int(apr_int64_t value)
{
    return (ra_value_t){.type = RA_V_INT, .integer = value};
}

ra_value_t ra_v_bytes(ra_bytes_t bytes)
{
    return (ra_value_t){.type = bytes.data ? RA_V_BYTES : RA_V_NULL, .bytes = bytes};
}

ra_value_t ra_v_hash(const unsigned char digest[RA_SHA256_BYTES])
{
    return ra_v_bytes((ra_bytes_t){digest, digest ? RA_SHA256_BYTES : 0});
}

ra_value_t ra_v_uuid(const char *text)
{
    return (ra_value_t){.type = text ? RA_V_UUID : RA_V_NULL, .text = text};
}

ra_value_t ra_v_time(apr_time_t time)
{
    return (ra_value_t){.type = time ? RA_V_TIME : RA_V_NULL, .integer = time};
}

ra_value_t ra_v_json(const ra_json_t *json, apr_pool_t *pool)
{
    return ra_v_text(json ? ra_json_print(json, pool) : NULL);
}

static void bind_bytes(MYSQL_BIND *bind, enum enum_field_types type, const void *data, apr_size_t len)
{
    bind->buffer_type = type;
    bind->buffer = (void *)data;
    bind->buffer_length = (unsigned long)len;
    bind->length_value = (unsigned long)len;
    bind->length = &bind->buffer_length;
}

static void bind_uuid(MYSQL_BIND *bind, const char *text, apr_pool_t *pool)
{
    unsigned char *uuid = apr_pcalloc(pool, RA_UUID_BYTES);

    if (ra_uuid_parse(uuid, text) != APR_SUCCESS) {
        memset(uuid, 0, RA_UUID_BYTES);
    }
    bind_bytes(bind, MYSQL_TYPE_BLOB, uuid, RA_UUID_BYTES);
}

static void bind_time(MYSQL_BIND *bind, apr_time_t time, apr_pool_t *pool)
{
    MYSQL_TIME *at = apr_pcalloc(pool, sizeof(*at));
    apr_time_exp_t parts;

    apr_time_exp_gmt(&parts, time);
    at->year = (unsigned int)parts.tm_year + 1900;
    at->month = (unsigned int)parts.tm_mon + 1;
    at->day = (unsigned int)parts.tm_mday;
    at->hour = (unsigned int)parts.tm_hour;
    at->minute = (unsigned int)parts.tm_min;
    at->second = (unsigned int)parts.tm_sec;
    at->second_part = (unsigned long)parts.tm_usec;
    at->time_type = MYSQL_TIMESTAMP_DATETIME;
    bind->buffer_type = MYSQL_TYPE_DATETIME;
    bind->buffer = at;
    bind->buffer_length = sizeof(*at);
}

static void bind_one(MYSQL_BIND *bind, const ra_value_t *value, apr_pool_t *pool)
{
    switch (value->type) {
    case RA_V_NULL:
        bind->buffer_type = MYSQL_TYPE_NULL;
        break;
    case RA_V_TEXT:
        bind_bytes(bind, MYSQL_TYPE_STRING, value->text, strlen(value->text));
        break;
    case RA_V_INT:
        bind->buffer_type = MYSQL_TYPE_LONGLONG;
        bind->buffer = (void *)&value->integer;
        break;
    case RA_V_BYTES:
        bind_bytes(bind, MYSQL_TYPE_BLOB, value->bytes.data, value->bytes.len);
        break;
    case RA_V_UUID:
        bind_uuid(bind, value->text, pool);
        break;
    case RA_V_TIME:
        bind_time(bind, value->integer, pool);
        break;
    }
}

MYSQL_BIND *ra_values_bind(ra_values_t values, apr_pool_t *pool)
{
    MYSQL_BIND *binds = apr_pcalloc(pool, sizeof(*binds) * (apr_size_t)(values.count ? values.count : 1));
    int i;

    for (i = 0; i < values.count; i++) {
        bind_one(&binds[i], &values.items[i], pool);
    }
    return binds;
}

ra_value_t ra_v_rfc3339(const char *time)
{
    apr_time_t parsed;

    return time && ra_rfc3339_parse(&parsed, time) == APR_SUCCESS ? ra_v_time(parsed) : ra_v_null();
}

const char *ra_sql_clauses(ra_value_t *values, int *pcount, const ra_clause_t *clauses, int count, apr_pool_t *pool)
{
    const char *sql = "";

    for (int i = 0; i < count; i++) {
        if (clauses[i].value.type != RA_V_NULL) {
            sql = apr_pstrcat(pool, sql, clauses[i].sql, NULL);
            values[(*pcount)++] = clauses[i].value;
        }
    }
    return sql;
}
