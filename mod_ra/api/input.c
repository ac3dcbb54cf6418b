/* Parameters and body of a request. Layer: api. Thread rule: free-threaded. */
#include "api/input.h"

#include <apr_escape.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "base/text.h"

static const ra_parameter_t *find_parameter(const ra_operation_t *operation, ra_parameter_in_e in, const char *name)
{
    for (int i = 0; i < operation->parameter_count; i++) {
        if (operation->parameters[i].in == in && strcmp(operation->parameters[i].name, name) == 0) {
            return &operation->parameters[i];
        }
    }
    return NULL;
}

static const char *place(const char *name, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "query:", name, NULL);
}

/* One typed and checked value into params. */
static int take(ra_json_t *params, const ra_parameter_t *parameter, const char *base, const char *text, ra_result_t *result)
{
    if (!ra_schema_read_text(parameter->schema, params, parameter->name, text)) {
        ra_result_violation(result, base, RA_VIOLATION_MALFORMED);
        return 0;
    }
    return ra_schema_check(parameter->schema, ra_json_get(params, parameter->name), base, result);
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decoding with '+' as space; NULL for a broken escape, a NUL or bytes that are no UTF-8. */
static const char *decode(const char *text, apr_pool_t *pool)
{
    char *decoded = apr_palloc(pool, strlen(text) + 1), *out = decoded;

    for (; *text; text++) {
        if (*text == '%') {
            int high = hex_value(text[1]), low = high < 0 ? -1 : hex_value(text[2]);

            if (low < 0 || (high == 0 && low == 0)) {
                return NULL;
            }
            *out++ = (char)(high << 4 | low);
            text += 2;
        } else {
            *out++ = *text == '+' ? ' ' : *text;
        }
    }
    *out = '\0';
    return ra_text_is_utf8(decoded, strlen(decoded)) ? decoded : NULL;
}

static int read_pair(ra_json_t *params, const ra_operation_t *operation, char *pair, ra_result_t *result)
{
    char *equals = strchr(pair, '=');
    const char *name, *value;
    const ra_parameter_t *parameter;

    if (equals) {
        *equals = '\0';
    }
    name = decode(pair, result->pool);
    value = decode(equals ? equals + 1 : "", result->pool);
    if (!name || !value) {
        ra_result_violation(result, "query:", RA_VIOLATION_MALFORMED);
        return 0;
    }
    parameter = find_parameter(operation, RA_IN_QUERY, name);
    if (!parameter || ra_json_get(params, name)) {
        ra_result_violation(result, place(name, result->pool), parameter ? RA_VIOLATION_REPEATED_PARAMETER : RA_VIOLATION_UNKNOWN_PARAMETER);
        return 0;
    }
    return take(params, parameter, place(name, result->pool), value, result);
}

static int read_query(ra_json_t *params, const ra_request_t *request, const ra_operation_t *operation, ra_result_t *result)
{
    char *state, *pair = request->query ? apr_strtok(apr_pstrdup(request->pool, request->query), "&", &state) : NULL;
    int good = 1, count = 0;

    for (; pair; pair = apr_strtok(NULL, "&", &state)) {
        if (++count > RA_QUERY_MAX_PARAMS) {
            ra_result_violation_param(result, "query:", RA_VIOLATION_TOO_MANY_MEMBERS, "max", apr_itoa(result->pool, RA_QUERY_MAX_PARAMS));
            return 0;
        }
        good &= read_pair(params, operation, pair, result);
    }
    return good;
}

static int check_required(const ra_json_t *params, const ra_request_t *request, const ra_operation_t *operation, ra_result_t *result)
{
    int good = 1;

    for (int i = 0; i < operation->parameter_count; i++) {
        const ra_parameter_t *parameter = &operation->parameters[i];
        int given = parameter->in != RA_IN_QUERY || ra_json_get(params, parameter->name) != NULL;

        if (parameter->required && !given) {
            ra_result_violation(result, place(parameter->name, request->pool), RA_VIOLATION_REQUIRED);
            good = 0;
        }
    }
    return good;
}

apr_status_t ra_input_params(ra_json_t **pparams, const ra_request_t *request, const ra_operation_t *operation, ra_result_t *result)
{
    ra_json_t *params = ra_json_object_make(request->pool);
    ra_result_t *unseen = ra_result_make(request->pool);
    int good;

    for (int i = 0; i < operation->parameter_count; i++) {
        const ra_parameter_t *parameter = &operation->parameters[i];
        const char *value = parameter->in == RA_IN_PATH ? apr_table_get(request->match->path_values, parameter->name) : NULL;

        if (parameter->in == RA_IN_PATH && (!value || !take(params, parameter, "path:", value, unseen))) {
            return ra_refuse(result, RA_PROBLEM_NOT_FOUND, "a path value that its schema refuses");
        }
    }
    good = read_query(params, request, operation, result);
    good &= check_required(params, request, operation, result);
    *pparams = params;
    return good ? APR_SUCCESS : ra_refuse(result, RA_PROBLEM_REQUEST_INVALID, NULL);
}

/* "application/json" of "Application/JSON; charset=utf-8"; NULL for another charset. */
static const char *media_type(const char *header, apr_pool_t *pool)
{
    char *type = apr_pstrdup(pool, header), *semicolon = strchr(type, ';');

    if (semicolon) {
        const char *charset;
        char *end = semicolon;

        for (char *c = semicolon; *c; c++) {
            *c = (char)apr_tolower(*c);
        }
        charset = strstr(semicolon, "charset=");
        while (end > type && apr_isspace(end[-1])) {
            end--;
        }
        if (charset && strncmp(charset + 8, "utf-8", 5) != 0 && strncmp(charset + 8, "\"utf-8\"", 7) != 0) {
            return NULL;
        }
        *end = '\0';
    }
    for (char *c = type; *c; c++) {
        *c = (char)apr_tolower(*c);
    }
    return type;
}

static const ra_media_t *find_media(const ra_request_t *request, const ra_operation_t *operation)
{
    const char *header = apr_table_get(request->headers, "Content-Type");
    const char *type = header ? media_type(header, request->pool) : NULL;

    for (int i = 0; type && i < operation->body_count; i++) {
        if (strcmp(operation->bodies[i].type, type) == 0) {
            return &operation->bodies[i];
        }
    }
    return NULL;
}

apr_status_t ra_input_body(ra_json_t **pbody, const ra_request_t *request, const ra_operation_t *operation, ra_bytes_t raw, ra_result_t *result)
{
    const ra_media_t *media;
    ra_json_error_t error;

    *pbody = NULL;
    if (raw.len == 0) {
        return operation->body_required ? ra_refuse(result, RA_PROBLEM_BODY_MISSING, NULL) : APR_SUCCESS;
    }
    media = find_media(request, operation);
    if (!media) {
        return ra_refuse(result, RA_PROBLEM_MEDIA_TYPE, NULL);
    }
    if (!media->schema) {
        return APR_SUCCESS; /* not JSON: the handler reads the bytes */
    }
    if (ra_json_parse(pbody, (const char *)raw.data, raw.len, &ra_json_limits_request, &error, request->pool) != APR_SUCCESS) {
        ra_result_violation_param(result, "", error.code, "offset", apr_psprintf(request->pool, "%" APR_SIZE_T_FMT, error.offset));
        return ra_refuse(result, RA_PROBLEM_JSON_INVALID, error.code);
    }
    return ra_schema_check(media->schema, *pbody, "", result) ? APR_SUCCESS : ra_refuse(result, RA_PROBLEM_BODY_INVALID, NULL);
}
