/*
 * Method, path and query of a request against the real document. Lines: host (0-3), method, path, query.
 * What is accepted satisfies its schema; HEAD finds what GET finds; what is refused says why.
 */
#include "fuzz.h"

#include <string.h>

#include "api/input.h"
#include "base/limits.h"

static ra_host_e host_of(const char *line)
{
    static const ra_host_e hosts[] = {RA_HOST_PUBLIC, RA_HOST_STAFF, RA_HOST_API, RA_HOST_INTERNAL};

    return hosts[(unsigned char)*line % 4];
}

/* Every value is one that the document allows, and none is of an unknown parameter. */
static void check_params(const ra_json_t *params, const ra_operation_t *operation, apr_pool_t *pool)
{
    int known = 0;

    FUZZ_MUST(ra_json_type(params) == RA_JSON_OBJECT && ra_json_size(params) <= RA_QUERY_MAX_PARAMS + RA_JSON_MAX_DEPTH);
    for (int i = 0; i < operation->parameter_count; i++) {
        const ra_parameter_t *parameter = &operation->parameters[i];
        const ra_json_t *value = ra_json_get(params, parameter->name);

        if (parameter->in == RA_IN_HEADER) {
            continue;
        }
        FUZZ_MUST(value != NULL || !parameter->required);
        FUZZ_MUST(value == NULL || ra_schema_check(parameter->schema, value, "", ra_result_make(pool)));
        known += value != NULL;
    }
    FUZZ_MUST(known == ra_json_size(params));
}

static void check_input(ra_request_t *request, const ra_operation_t *operation)
{
    ra_result_t *result = ra_result_make(request->pool);
    ra_json_t *params = NULL;
    apr_status_t status = ra_input_params(&params, request, operation, result);

    FUZZ_MUST(status == APR_SUCCESS || status == RA_EREFUSED);
    if (status == APR_SUCCESS) {
        FUZZ_MUST(result->problem == NULL);
        check_params(params, operation, request->pool);
    } else {
        fuzz_check_refusal(result);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_begin();
    const ra_spec_t *spec = fuzz_spec();
    ra_match_t match, other;
    ra_request_t request = {.pool = pool, .match = &match};

    request.host = host_of(fuzz_line(&data, &size));
    request.method = fuzz_line(&data, &size);
    request.path = fuzz_line(&data, &size);
    request.query = fuzz_line(&data, &size);
    ra_spec_match(&match, spec, request.method, request.path, request.host, pool);
    FUZZ_MUST(match.operation == NULL || match.allow != NULL);
    if (match.operation) {
        FUZZ_MUST(strstr(match.allow, match.operation->method) != NULL && (match.operation->hosts & (unsigned)request.host));
        check_input(&request, match.operation);
    }
    if (strcmp(request.method, "GET") == 0) {
        ra_spec_match(&other, spec, "HEAD", request.path, request.host, pool);
        FUZZ_MUST(other.operation == match.operation);
    }
    return 0;
}
