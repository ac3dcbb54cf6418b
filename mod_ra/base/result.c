/*
 * Results: the one explanation of why something did not succeed (see result.h).
 * Layer: base. Thread rule: a result is used by one thread at a time.
 */
#include "base/result.h"

#include <apr_strings.h>

#include "base/limits.h"

ra_result_t *ra_result_make(apr_pool_t *pool)
{
    ra_result_t *result = apr_pcalloc(pool, sizeof(*result));

    result->pool = pool;
    result->params = apr_table_make(pool, 2);
    /* Room for all of them at once: violations handed out stay where they are while others are added. */
    result->violations = apr_array_make(pool, RA_VIOLATIONS_MAX, sizeof(ra_violation_t));
    return result;
}

void ra_result_clear(ra_result_t *result)
{
    result->problem = NULL;
    apr_table_clear(result->params);
    apr_array_clear(result->violations);
    result->log_detail = NULL;
    result->retry_after = 0;
    result->keep = 0;
}

/* The first problem stays: what failed first explains the rest. */
static int note_problem(ra_result_t *result, const char *problem, const char *log_detail)
{
    if (result->problem) {
        return 0;
    }
    result->problem = apr_pstrdup(result->pool, problem);
    if (log_detail) { /* else what a reader of bytes noted before stays: it is the reason */
        result->log_detail = apr_pstrdup(result->pool, log_detail);
    }
    return 1;
}

apr_status_t ra_refuse(ra_result_t *result, const char *problem, const char *log_detail)
{
    note_problem(result, problem, log_detail);
    return RA_EREFUSED;
}

apr_status_t ra_unavailable(ra_result_t *result, const char *problem, int retry_after, const char *log_detail)
{
    if (note_problem(result, problem, log_detail)) {
        result->retry_after = retry_after;
    }
    return RA_EUNAVAILABLE;
}

void ra_result_param(ra_result_t *result, const char *name, const char *value)
{
    if (value) {
        apr_table_set(result->params, name, value);
    }
}

ra_violation_t *ra_result_violation(ra_result_t *result, const char *pointer, const char *code)
{
    ra_violation_t *violation;

    if (result->violations->nelts < RA_VIOLATIONS_MAX) {
        violation = apr_array_push(result->violations);
    } else {
        violation = apr_palloc(result->pool, sizeof(*violation)); /* not reported, so that callers need no check */
    }
    violation->pointer = apr_pstrdup(result->pool, pointer);
    violation->code = apr_pstrdup(result->pool, code);
    violation->params = NULL;
    return violation;
}

void ra_result_violation_param(ra_result_t *result, const char *pointer, const char *code, const char *name,
                               const char *value)
{
    ra_violation_t *violation = ra_result_violation(result, pointer, code);

    if (value) {
        violation->params = apr_table_make(result->pool, 1);
        apr_table_set(violation->params, name, value);
    }
}
