/*
 * Numbers, names, times and encodings as people and systems write them: one text. Cleaning twice is cleaning once, what is cleaned is valid,
 * and what is decoded encodes to the same.
 */
#include "fuzz.h"

#include <string.h>
#include <strings.h>

#include "api/formats.h"
#include "base/ident.h"
#include "base/text.h"
#include "business/people/national_ids.h"

static void check_number(const char *text, int (*is_valid)(const char *), const char *(*clean)(const char *, apr_pool_t *),
                         apr_pool_t *pool)
{
    const char *cleaned = clean(text, pool);

    FUZZ_MUST((cleaned != NULL) == (is_valid(text) != 0));
    if (cleaned) {
        FUZZ_MUST(is_valid(cleaned) && strcmp(clean(cleaned, pool), cleaned) == 0);
    }
}

static void check_names(const char *text, apr_pool_t *pool)
{
    const char *key = ra_text_name_key(text, pool), *clean = ra_text_clean(text, pool);
    int valid = ra_text_is_utf8(text, strlen(text));

    FUZZ_MUST(valid || (!key && !clean));
    if (key) {
        const char *again = ra_text_name_key(key, pool);
        FUZZ_MUST(*key && ra_text_is_utf8(key, strlen(key)));
        FUZZ_MUST(again != NULL && strcmp(again, key) == 0);
    }
    if (clean) {
        const char *again = ra_text_clean(clean, pool);
        FUZZ_MUST(ra_text_is_utf8(clean, strlen(clean)) && ra_text_length(clean) <= strlen(clean));
        FUZZ_MUST(again != NULL && strcmp(again, clean) == 0);
        const char *other = ra_text_name_key(clean, pool);
        FUZZ_MUST((key != NULL) == (other != NULL) && (!key || strcmp(key, other) == 0));
    }
    if (valid) {
        ra_text_is_deceptive(text);
    }
}

static void check_times(const char *text, apr_pool_t *pool)
{
    apr_time_t time, again;

    if (ra_rfc3339_parse(&time, text) == APR_SUCCESS && time >= 0) {
        FUZZ_MUST(ra_rfc3339_parse(&again, ra_rfc3339(time, pool)) == APR_SUCCESS && again == time);
    }
    if (ra_date_is_valid(text)) {
        FUZZ_MUST(strlen(text) == 10);
    }
}

static void check_encodings(const char *text, apr_pool_t *pool)
{
    unsigned char uuid[RA_UUID_BYTES];
    ra_bytes_t bytes;

    if (ra_uuid_parse(uuid, text) == APR_SUCCESS) {
        FUZZ_MUST(strcasecmp(ra_uuid_text(uuid, pool), text) == 0);
    }
    if (ra_hex_decode(&bytes, text, pool) == APR_SUCCESS) {
        FUZZ_MUST(strcasecmp(ra_hex(bytes, pool), text) == 0);
    }
    if (ra_base64url_decode(&bytes, text, pool) == APR_SUCCESS) {
        FUZZ_MUST(strcmp(ra_base64url(bytes, pool), text) == 0);
    }
    if (ra_base64_decode(&bytes, text, pool) == APR_SUCCESS) {
        FUZZ_MUST(bytes.len == strlen(text) / 4 * 3 - (strlen(text) > 0 && text[strlen(text) - 1] == '=') -
                                   (strlen(text) > 1 && text[strlen(text) - 2] == '='));
    }
}

static void check_formats(const char *text)
{
    static const char *const names[] = {"uuid", "date", "date-time", "uri", "email", "ra-application-number",
                                        "ra-social-security-number", "ra-national-id", "ra-uscc", "ra-organisation-code", "ra-sha256",
                                        "ra-region", "ra-region-prefix"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const ra_format_t *format = ra_format_find(names[i]);
        FUZZ_MUST(format != NULL);
        format->is_valid(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_begin();
    const char *text = fuzz_text(data, size);

    check_number(text, ra_national_id_is_valid, ra_national_id_clean, pool);
    check_number(text, ra_uscc_is_valid, ra_uscc_clean, pool);
    check_number(text, ra_organisation_code_is_valid, ra_organisation_code_clean, pool);
    check_names(text, pool);
    check_times(text, pool);
    check_encodings(text, pool);
    if (ra_text_is_utf8(text, strlen(text))) {
        check_formats(text);
    }
    if (ra_application_number_is_valid(text)) {
        FUZZ_MUST(strlen(text) == 16 && strspn(text, "0123456789") == 16);
    }
    return 0;
}
