/*
 * Bodies against the real document. The first byte chooses among the operations that take one ('\0' and what follows in
 * order, createApplication first); the rest is the body. What is accepted stays acceptable when written canonically; what is refused
 * says where; and the problem document is JSON.
 */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>

#include "api/input.h"
#include "api/problem.h"

static const ra_operation_t *operations[256]; /* that take JSON, createApplication first */
static unsigned operation_count;

static void find_operations(const ra_spec_t *spec)
{
    for (int i = 0; i < ra_spec_operation_count(spec); i++) {
        const ra_operation_t *operation = ra_spec_operation(spec, i);

        if (operation->body_count > 0 && operation->bodies[0].schema) {
            FUZZ_MUST(operation_count < sizeof(operations) / sizeof(operations[0]));
            operations[operation_count] = operation;
            if (strcmp(operation->id, "createApplication") == 0) {
                operations[operation_count] = operations[0];
                operations[0] = operation;
            }
            operation_count++;
        }
    }
    FUZZ_MUST(operation_count > 0);
}

static const ra_operation_t *operation_of(unsigned choice)
{
    if (operation_count == 0) {
        find_operations(fuzz_spec());
    }
    return operations[choice % operation_count];
}

/* A place that is named is there, or what should hold it is. */
static void check_places(const ra_result_t *result, const ra_json_t *body, apr_pool_t *pool)
{
    for (int i = 0; i < result->violations->nelts; i++) {
        char *pointer = apr_pstrdup(pool, APR_ARRAY_IDX(result->violations, i, ra_violation_t).pointer);
        char *slash = strrchr(pointer, '/');

        if (slash && !ra_json_pointer(body, pointer)) {
            *slash = '\0';
            FUZZ_MUST(ra_json_pointer(body, pointer) != NULL);
        }
    }
}

static void check_problem(const ra_result_t *result, apr_pool_t *pool)
{
    for (int language = RA_LANGUAGE_ZH_CN; language <= RA_LANGUAGE_EN; language++) {
        ra_json_t *problem = ra_problem_make(fuzz_spec(), result, (ra_language_e)language, "0", pool), *again;
        const char *text = ra_json_print(problem, pool);
        ra_json_error_t error;

        FUZZ_MUST(ra_json_parse(&again, text, strlen(text), &ra_json_limits_document, &error, pool) == APR_SUCCESS);
        FUZZ_MUST(ra_json_get_int(again, "status", 0) >= 400 && ra_json_get_int(again, "status", 0) < 500);
        FUZZ_MUST(strcmp(ra_json_get_string(again, "code"), result->problem) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_begin();
    const ra_operation_t *operation = operation_of(size > 0 ? data[0] : 0);
    ra_request_t request = {.pool = pool, .headers = apr_table_make(pool, 1)};
    ra_result_t *result = ra_result_make(pool);
    ra_json_t *body = NULL;

    apr_table_set(request.headers, "Content-Type", operation->bodies[0].type);
    apr_status_t status = ra_input_body(&body, &request, operation, ra_bytes_of(data + (size > 0), size - (size > 0)), result);
    if (status != APR_SUCCESS) {
        FUZZ_MUST(status == RA_EREFUSED);
        fuzz_check_refusal(result);
        if (body) {
            FUZZ_MUST(result->violations->nelts > 0);
            check_places(result, body, pool);
        }
        check_problem(result, pool);
    } else if (body) {
        const char *text = ra_json_canonical(body, pool);

        FUZZ_MUST(result->problem == NULL && result->violations->nelts == 0);
        FUZZ_MUST(ra_input_body(&body, &request, operation, ra_bytes_text(text), result) == APR_SUCCESS);
    }
    return 0;
}
