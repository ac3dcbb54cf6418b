/* What every fuzz target shares (see fuzz.h). */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "base/limits.h"
#include "base/text.h"
#include "base/utf8.h"

#define TEXTS_MAX 64 /* of one input */

static char *texts[TEXTS_MAX];
static int text_count;

void fuzz_broken(const char *promise, const char *file, int line)
{
    fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, promise);
    abort();
}

apr_pool_t *fuzz_lasting(void)
{
    static apr_pool_t *pool;

    if (!pool) {
        FUZZ_MUST(apr_initialize() == APR_SUCCESS);
        FUZZ_MUST(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    }
    return pool;
}

static void free_texts(void)
{
    while (text_count > 0) {
        free(texts[--text_count]);
    }
}

void fuzz_end(void)
{
    free_texts();
    apr_terminate();
}

apr_pool_t *fuzz_begin(void)
{
    static apr_pool_t *pool;

    free_texts();
    if (!pool) {
        FUZZ_MUST(apr_pool_create(&pool, fuzz_lasting()) == APR_SUCCESS);
    }
    apr_pool_clear(pool);
    return pool;
}

const char *fuzz_text(const uint8_t *data, size_t size)
{
    const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
    size_t len = nul ? (size_t)(nul - data) : size;
    char *text = malloc(len + 1);

    FUZZ_MUST(text != NULL && text_count < TEXTS_MAX);
    texts[text_count++] = text;
    if (len > 0) {
        memcpy(text, data, len);
    }
    text[len] = '\0';
    return text;
}

const char *fuzz_line(const uint8_t **pdata, size_t *psize)
{
    const uint8_t *data = *pdata, *end = *psize > 0 ? memchr(data, '\n', *psize) : NULL;
    size_t len = end ? (size_t)(end - data) : *psize;

    *pdata = data + len + (end != NULL);
    *psize -= len + (end != NULL);
    return fuzz_text(data, len);
}

int fuzz_is_printable(const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        apr_uint32_t code = 0;
        apr_size_t size = ra_utf8_read(&code, text, len);

        if (size == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0)) {
            return 0;
        }
        text += size;
        len -= size;
    }
    return 1;
}

static apr_status_t not_called(struct ra_call_t *call)
{
    (void)call;
    return APR_EGENERAL;
}

const ra_binding_t *fuzz_bindings(const ra_json_t *document, apr_pool_t *pool)
{
    const ra_json_t *paths = ra_json_get(document, "paths");
    ra_binding_t *bindings;
    int room = 1, count = 0;

    for (const ra_json_t *path = ra_json_first(paths); path; path = ra_json_next(path)) {
        room += ra_json_size(path);
    }
    bindings = apr_pcalloc(pool, sizeof(*bindings) * (size_t)room);
    for (const ra_json_t *path = ra_json_first(paths); path; path = ra_json_next(path)) {
        for (const ra_json_t *method = ra_json_first(path); method; method = ra_json_next(method)) {
            const char *id = ra_json_get_string(method, "operationId");

            if (id) {
                bindings[count].operation_id = id;
                bindings[count++].handler = not_called;
            }
        }
    }
    return bindings;
}

static ra_json_t *read_document(apr_pool_t *pool)
{
    FILE *file = fopen(RA_OPENAPI, "rb");
    char *text = apr_palloc(pool, RA_DOCUMENT_MAX_BYTES);
    ra_json_error_t error;
    ra_json_t *document;

    FUZZ_MUST(file != NULL);
    size_t len = fread(text, 1, RA_DOCUMENT_MAX_BYTES, file);
    fclose(file);
    FUZZ_MUST(ra_json_parse(&document, text, len, &ra_json_limits_document, &error, pool) == APR_SUCCESS);
    return document;
}

const ra_spec_t *fuzz_spec(void)
{
    static ra_spec_t *spec;
    const char *error = NULL;

    if (!spec) {
        apr_pool_t *pool = fuzz_lasting();

        ra_spec_load(&spec, RA_OPENAPI, fuzz_bindings(read_document(pool), pool), &error, pool);
        FUZZ_MUST(error == NULL && spec != NULL);
    }
    return spec;
}

const ra_keyring_t *fuzz_keyring(void)
{
    static const char key[] = "1 QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\n";
    static ra_keyring_t *keyring;
    const char *error = NULL;

    if (!keyring) {
        apr_pool_t *pool = fuzz_lasting();
        int file = memfd_create("keys", 0);

        FUZZ_MUST(file >= 0 && fchmod(file, 0600) == 0 && write(file, key, sizeof(key) - 1) == (ssize_t)sizeof(key) - 1);
        ra_keyring_load(&keyring, apr_psprintf(pool, "/proc/self/fd/%d", file), &error, pool);
        FUZZ_MUST(error == NULL && keyring != NULL);
        close(file);
    }
    return keyring;
}

void fuzz_check_refusal(const ra_result_t *result)
{
    FUZZ_MUST(result->problem != NULL);
    FUZZ_MUST(result->violations->nelts <= RA_VIOLATIONS_MAX);
    for (int i = 0; i < result->violations->nelts; i++) {
        const ra_violation_t *violation = &APR_ARRAY_IDX(result->violations, i, ra_violation_t);

        FUZZ_MUST(violation->code != NULL && violation->pointer != NULL);
        FUZZ_MUST(ra_text_is_utf8(violation->pointer, strlen(violation->pointer)));
    }
}
