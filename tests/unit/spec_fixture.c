/* The real API document for unit tests (see spec_fixture.h). */
#include "spec_fixture.h"

#include <unistd.h>

#include <apr_file_io.h>

static const char *temporary_file(apr_pool_t *pool)
{
    char *name = apr_pstrdup(pool, "/tmp/ra-spec-XXXXXX");
    int file = mkstemp(name);

    assert_true(file >= 0);
    close(file);
    return name;
}

static char *read_all(const char *name, apr_size_t *plen, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;

    assert_int_equal(apr_file_open(&file, name, APR_FOPEN_READ, 0, pool), APR_SUCCESS);
    assert_int_equal(apr_file_info_get(&info, APR_FINFO_SIZE, file), APR_SUCCESS);
    char *text = apr_palloc(pool, (apr_size_t)info.size + 1);
    assert_int_equal(apr_file_read_full(file, text, (apr_size_t)info.size, plen), APR_SUCCESS);
    text[*plen] = '\0';
    apr_file_close(file);
    return text;
}

ra_json_t *fixture_document(apr_pool_t *pool)
{
    static char *text; /* bundled once for the program */
    static apr_size_t len;
    ra_json_error_t error;
    ra_json_t *document;

    if (!text) {
        const char *name = temporary_file(pool);
        assert_int_equal(system(apr_psprintf(pool, "%s/api-spec/bundle --out %s", RA_SRCDIR, name)), 0);
        text = strdup(read_all(name, &len, pool));
        unlink(name);
    }
    assert_int_equal(ra_json_parse(&document, text, len, &ra_json_limits_document, &error, pool), APR_SUCCESS);
    return document;
}

static apr_status_t not_called(struct ra_call_t *call)
{
    (void)call;
    return APR_EGENERAL;
}

const ra_binding_t *fixture_bindings(const ra_json_t *document, apr_pool_t *pool)
{
    ra_binding_t *bindings = apr_pcalloc(pool, sizeof(*bindings) * 500);
    int count = 0;

    for (const ra_json_t *path = ra_json_first(ra_json_get(document, "paths")); path; path = ra_json_next(path)) {
        for (const ra_json_t *method = ra_json_first(path); method; method = ra_json_next(method)) {
            const char *id = ra_json_get_string(method, "operationId");
            if (id) {
                assert_true(count < 499);
                bindings[count].operation_id = id;
                bindings[count++].handler = not_called;
            }
        }
    }
    return bindings;
}

ra_spec_t *fixture_load(const ra_json_t *document, const ra_binding_t *bindings, const char **perror, apr_pool_t *pool)
{
    const char *name = temporary_file(pool), *text = ra_json_print(document, pool);
    apr_file_t *file;
    ra_spec_t *spec;

    assert_int_equal(apr_file_open(&file, name, APR_FOPEN_WRITE | APR_FOPEN_TRUNCATE, 0, pool), APR_SUCCESS);
    assert_int_equal(apr_file_write_full(file, text, strlen(text), NULL), APR_SUCCESS);
    apr_file_close(file);
    apr_status_t status = ra_spec_load(&spec, name, bindings, perror, pool);
    assert_int_equal(status, spec ? APR_SUCCESS : APR_EINVAL);
    unlink(name);
    return spec;
}

ra_spec_t *fixture_spec(apr_pool_t *pool)
{
    const char *error = NULL;
    ra_json_t *document = fixture_document(pool);
    ra_spec_t *spec = fixture_load(document, fixture_bindings(document, pool), &error, pool);

    if (!spec) {
        fail_msg("%s", error);
    }
    return spec;
}
