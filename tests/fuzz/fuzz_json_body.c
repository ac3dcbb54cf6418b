/*
 * JSON as strangers send it: scanner and parser agree, a tree survives printing, the canonical text is a fixed point,
 * and a merge patch applied twice changes nothing more.
 */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>

#include "base/json_scan.h"
#include "base/limits.h"
#include "base/text.h"

static ra_json_t *read_again(const char *text, apr_pool_t *pool)
{
    ra_json_error_t error;
    ra_json_t *json = NULL;

    FUZZ_MUST(ra_json_parse(&json, text, strlen(text), &ra_json_limits_document, &error, pool) == APR_SUCCESS);
    return json;
}

static int depth_of(const ra_json_t *json)
{
    int deepest = 0;

    for (const ra_json_t *child = ra_json_first(json); child; child = ra_json_next(child)) {
        int depth = depth_of(child);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + (ra_json_type(json) == RA_JSON_ARRAY || ra_json_type(json) == RA_JSON_OBJECT);
}

static void check_tree(const ra_json_t *json)
{
    FUZZ_MUST(ra_json_size(json) <= RA_JSON_MAX_MEMBERS);
    if (ra_json_type(json) == RA_JSON_STRING) {
        FUZZ_MUST(ra_text_is_utf8(ra_json_string(json), strlen(ra_json_string(json))));
    }
    if (ra_json_type(json) == RA_JSON_NUMBER && ra_json_is_integer(json)) {
        apr_int64_t value = ra_json_int(json, 0);
        FUZZ_MUST(value <= RA_JSON_MAX_INTEGER && value >= -RA_JSON_MAX_INTEGER);
        FUZZ_MUST((double)value == ra_json_double(json, 0.5));
    }
    for (const ra_json_t *child = ra_json_first(json); child; child = ra_json_next(child)) {
        check_tree(child);
    }
}

/* RFC 6901 leads to each member, and no name is there twice. */
static void check_names(const ra_json_t *object, apr_pool_t *pool)
{
    for (const ra_json_t *member = ra_json_first(object); member; member = ra_json_next(member)) {
        const char *name = ra_json_name(member);
        char *pointer = apr_palloc(pool, 2 * strlen(name) + 2), *out = pointer;

        FUZZ_MUST(ra_json_get(object, name) == member);
        *out++ = '/';
        for (; *name; name++) {
            if (*name == '~' || *name == '/') {
                *out++ = '~';
                *out++ = *name == '~' ? '0' : '1';
            } else {
                *out++ = *name;
            }
        }
        *out = '\0';
        FUZZ_MUST(ra_json_pointer(object, pointer) == member);
    }
}

static void check_texts(const ra_json_t *json, apr_pool_t *pool)
{
    const char *printed = ra_json_print(json, pool), *canonical = ra_json_canonical(json, pool);
    const ra_json_t *again = read_again(canonical, pool);

    FUZZ_MUST(ra_json_equal(json, read_again(printed, pool)));
    FUZZ_MUST(ra_json_equal(json, again) && ra_json_equal(again, json));
    FUZZ_MUST(strcmp(canonical, ra_json_canonical(again, pool)) == 0);
    FUZZ_MUST(strcmp(printed, ra_json_print(read_again(printed, pool), pool)) == 0);
    FUZZ_MUST(strlen(printed) == strlen(canonical));
}

static void check_patch(const ra_json_t *patch, apr_pool_t *pool)
{
    ra_json_t *once = ra_json_merge_patch(ra_json_object_make(pool), patch, pool);

    FUZZ_MUST(ra_json_equal(once, ra_json_merge_patch(once, patch, pool)));
}

static int is_known(const char *code)
{
    static const char *const codes[] = {"json-syntax", "json-utf8",  "json-nul", "json-duplicate",
                                        "json-number", "json-depth", "json-size"};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (strcmp(codes[i], code) == 0) {
            return 1;
        }
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_begin();
    ra_json_error_t error = {0, NULL}, scan_error = {0, NULL};
    ra_json_t *json = NULL;
    apr_status_t status = ra_json_parse(&json, (const char *)data, size, &ra_json_limits_request, &error, pool);

    FUZZ_MUST(ra_json_scan((const char *)data, size, &ra_json_limits_request, &scan_error, pool) == status);
    if (status != APR_SUCCESS) {
        FUZZ_MUST(status == APR_EINVAL && error.code && is_known(error.code) && error.offset <= size);
        return 0;
    }
    FUZZ_MUST(ra_text_is_utf8((const char *)data, size));
    FUZZ_MUST(depth_of(json) <= RA_JSON_MAX_DEPTH);
    check_tree(json);
    if (ra_json_type(json) == RA_JSON_OBJECT) {
        check_names(json, pool);
    }
    check_texts(json, pool);
    check_patch(json, pool);
    return 0;
}
