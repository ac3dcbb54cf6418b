/* What is checked before the database is asked. Layer: api. Thread rule: free-threaded. */
#include "api/guard.h"

#include <string.h>

#include "api/negotiate.h"
#include "base/limits.h"

int ra_method_is_safe(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static int same_origin(const ra_request_t *request)
{
    const char *mark = apr_table_get(request->headers, "X-RA-Request");
    const char *origin = apr_table_get(request->headers, "Origin");
    const char *site = apr_table_get(request->headers, "Sec-Fetch-Site");

    if (!mark || strcmp(mark, "1") != 0 || (!origin && !site)) {
        return 0;
    }
    return (!origin || strcasecmp(origin, request->origin) == 0) && (!site || strcmp(site, "same-origin") == 0);
}

/* A page elsewhere sees nothing of what it has the browser read. But what leaves evidence in the visitor's name must be the visitor's own reading. */
static int is_read_for_another_site(const ra_request_t *request, const ra_operation_t *operation)
{
    const char *site = apr_table_get(request->headers, "Sec-Fetch-Site");

    return operation->personal && site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

static int key_is_well_formed(const char *key)
{
    apr_size_t len = strlen(key);

    for (apr_size_t i = 0; i < len; i++) {
        if (key[i] < 0x21 || key[i] > 0x7e) {
            return 0;
        }
    }
    return len > 0 && len <= RA_IDEMPOTENCY_KEY_MAX;
}

static apr_status_t check_key(const ra_request_t *request, const ra_operation_t *operation, ra_result_t *result)
{
    const char *key = apr_table_get(request->headers, "Idempotency-Key");

    if (!key) {
        return request->host == RA_HOST_API && strcmp(operation->method, "POST") == 0
                   ? ra_refuse(result, RA_PROBLEM_IDEMPOTENCY_KEY_MISSING, NULL)
                   : APR_SUCCESS;
    }
    if (!key_is_well_formed(key)) {
        ra_result_violation(result, "header:idempotency-key", RA_VIOLATION_MALFORMED);
        return ra_refuse(result, RA_PROBLEM_REQUEST_INVALID, NULL);
    }
    return APR_SUCCESS;
}

apr_status_t ra_guard_request(const ra_request_t *request, const ra_operation_t *operation, ra_result_t *result)
{
    int safe = ra_method_is_safe(request->method);

    if (operation->is_public) {
        return APR_SUCCESS;
    }
    if (!request->certificate.data) {
        return ra_refuse(result, RA_PROBLEM_CERTIFICATE_REQUIRED, NULL);
    }
    if (request->host == RA_HOST_STAFF && (safe ? is_read_for_another_site(request, operation) : !same_origin(request))) {
        return ra_refuse(result, RA_PROBLEM_CROSS_ORIGIN, NULL);
    }
    return safe ? APR_SUCCESS : check_key(request, operation, result);
}

apr_status_t ra_guard_access(const ra_operation_t *operation, ra_host_e host, ra_roles_t roles, ra_scopes_t scopes, ra_result_t *result)
{
    if ((host == RA_HOST_STAFF && (operation->roles & roles)) || (host == RA_HOST_API && (operation->scopes & scopes))) {
        return APR_SUCCESS;
    }
    ra_result_param(result, "needed", host == RA_HOST_API ? ra_rights_text(0, operation->scopes, result->pool)
                                                          : ra_rights_text(operation->roles, 0, result->pool));
    return ra_refuse(result, RA_PROBLEM_ACCESS_DENIED, operation->id);
}

static const ra_answer_t *good_answer(const ra_operation_t *operation)
{
    for (int i = 0; i < operation->answer_count; i++) {
        if (operation->answers[i].status < 300 && operation->answers[i].media_count > 0) {
            return &operation->answers[i];
        }
    }
    return NULL;
}

apr_status_t ra_guard_accept(const ra_request_t *request, const ra_operation_t *operation, ra_result_t *result)
{
    const char *accept = apr_table_get(request->headers, "Accept");
    const ra_answer_t *answer = good_answer(operation);
    const char **types;

    if (!accept || !*accept || !answer) {
        return APR_SUCCESS;
    }
    types = apr_pcalloc(request->pool, ((apr_size_t)answer->media_count + 1) * sizeof(*types));
    for (int i = 0; i < answer->media_count; i++) {
        types[i] = answer->media[i].type;
    }
    return ra_accept_choose(accept, types, request->pool) ? APR_SUCCESS : ra_refuse(result, RA_PROBLEM_NOT_ACCEPTABLE, NULL);
}
