/*
 * The API document as somebody else might have edited it: it is refused with a reason, or each of its operations is found by its own
 * path and its schemas can judge any value.
 */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <apr_strings.h>

/* The template with "x" for each parameter. */
static const char *sample_path(const char *template, apr_pool_t *pool)
{
    char *path = apr_palloc(pool, strlen(template) + 1), *out = path;

    while (*template) {
        if (*template == '{') {
            *out++ = 'x';
            template += strcspn(template, "}");
            template += *template == '}';
        } else {
            *out++ = *template++;
        }
    }
    *out = '\0';
    return path;
}

static void check_operation(const ra_spec_t *spec, const ra_operation_t *operation, apr_pool_t *pool)
{
    const char *path = sample_path(operation->path, pool);
    ra_match_t match;

    FUZZ_MUST(operation->id && operation->method && operation->handler);
    for (unsigned host = RA_HOST_PUBLIC; host <= RA_HOST_INTERNAL; host <<= 1) {
        ra_spec_match(&match, spec, operation->method, path, (ra_host_e)host, pool);
        FUZZ_MUST(match.operation == (operation->hosts & host ? operation : NULL));
    }
}

static void judge(const ra_schema_t *schema, const ra_json_t *document, apr_pool_t *pool)
{
    ra_result_t *result = ra_result_make(pool);

    if (schema && !ra_schema_check(schema, document, "", result)) {
        FUZZ_MUST(result->violations->nelts > 0);
    }
}

static void judge_all(const ra_operation_t *operation, const ra_json_t *document, apr_pool_t *pool)
{
    for (int i = 0; i < operation->parameter_count; i++) {
        judge(operation->parameters[i].schema, document, pool);
        ra_schema_read_text(operation->parameters[i].schema, ra_json_object_make(pool), "name", "12");
    }
    for (int i = 0; i < operation->body_count; i++) {
        judge(operation->bodies[i].schema, document, pool);
    }
    for (int i = 0; i < operation->answer_count; i++) {
        for (int j = 0; j < operation->answers[i].media_count; j++) {
            judge(operation->answers[i].media[j].schema, document, pool);
        }
    }
}

/* The operations that a document speaks of; nothing when it is no JSON. */
static const ra_binding_t *bindings_of(ra_json_t **pdocument, const uint8_t *data, size_t size, apr_pool_t *pool)
{
    ra_json_error_t error;

    *pdocument = NULL;
    ra_json_parse(pdocument, (const char *)data, size, &ra_json_limits_document, &error, pool);
    return fuzz_bindings(*pdocument, pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_begin();
    int file = memfd_create("document", 0);
    const char *path = apr_psprintf(pool, "/proc/self/fd/%d", file), *error = NULL;
    ra_json_t *document;
    const ra_binding_t *bindings = bindings_of(&document, data, size, pool);
    ra_spec_t *spec = NULL;

    FUZZ_MUST(file >= 0 && write(file, data, size) == (ssize_t)size);
    apr_status_t status = ra_spec_load(&spec, path, bindings, &error, pool);
    close(file);
    if (status != APR_SUCCESS) {
        FUZZ_MUST(spec == NULL && error != NULL);
        return 0;
    }
    FUZZ_MUST(spec != NULL && error == NULL && document != NULL);
    for (int i = 0; i < ra_spec_operation_count(spec); i++) {
        check_operation(spec, ra_spec_operation(spec, i), pool);
        judge_all(ra_spec_operation(spec, i), document, pool);
    }
    return 0;
}
