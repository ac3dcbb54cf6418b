/*
 * Header values and the cursor, one on each line: If-Match, If-None-Match, Accept, Accept-Language, cursor, the list's filter.
 */
#include "fuzz.h"

#include <string.h>

#include "api/negotiate.h"
#include "api/problem.h"
#include "base/text.h"

static void check_tags(const char *if_match, const char *if_none_match, apr_pool_t *pool)
{
    ra_if_match_t match;

    if (ra_if_match_parse(&match, if_match, pool) == APR_SUCCESS) {
        FUZZ_MUST(match.count >= 0 && match.count <= RA_IF_MATCH_MAX && (!match.any || match.count == 0));
        for (int i = 0; i < match.count; i++) {
            FUZZ_MUST(match.versions[i] > 0 && ra_if_match_has(&match, match.versions[i]));
        }
        FUZZ_MUST(ra_if_match_has(&match, -1) == match.any);
    }
    ra_if_none_match(if_none_match, "\"7.json\"", pool);
}

/* What is chosen is one of those offered, and offering it alone chooses it too. */
static void check_accept(const char *accept, apr_pool_t *pool)
{
    static const char *const types[] = {"application/json", "application/problem+json", "text/csv", NULL};
    const char *chosen = ra_accept_choose(accept, types, pool);

    if (chosen) {
        const char *const alone[] = {chosen, NULL};
        FUZZ_MUST(chosen == types[0] || chosen == types[1] || chosen == types[2]);
        FUZZ_MUST(ra_accept_choose(accept, alone, pool) == chosen);
    }
}

/* A cursor is believed only when it is, byte for byte, one that was made here; and one that was made here is read. */
static void check_cursor(const char *cursor, const char *filter, apr_pool_t *pool)
{
    const ra_keyring_t *keyring = fuzz_keyring();
    ra_json_t *keys = NULL, *made = ra_json_object_make(pool);

    if (ra_cursor_read(&keys, cursor, filter, keyring, pool) == APR_SUCCESS) {
        FUZZ_MUST(strcmp(ra_cursor_make(keys, filter, keyring, pool), cursor) == 0);
    }
    if (ra_text_is_utf8(cursor, strlen(cursor)) && strlen(cursor) < 300) {
        ra_json_set_string(made, "id", cursor);
        const char *own = ra_cursor_make(made, filter, keyring, pool);
        if (strlen(own) <= 1000) {
            FUZZ_MUST(ra_cursor_read(&keys, own, filter, keyring, pool) == APR_SUCCESS && ra_json_equal(keys, made));
            FUZZ_MUST(*filter == '\0' || ra_cursor_read(&keys, own, "", keyring, pool) != APR_SUCCESS);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool = fuzz_begin();
    const char *if_match = fuzz_line(&data, &size), *if_none_match = fuzz_line(&data, &size);
    const char *accept = fuzz_line(&data, &size), *language = fuzz_line(&data, &size);
    const char *cursor = fuzz_line(&data, &size), *filter = fuzz_line(&data, &size);

    check_tags(if_match, if_none_match, pool);
    check_accept(accept, pool);
    FUZZ_MUST(ra_language_tag(ra_language_choose(language)) != NULL);
    check_cursor(cursor, filter, pool);
    return 0;
}
