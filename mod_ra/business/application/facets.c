/* Facets of a list, out of grouped rows (see facets.h). Layer: business. */
#include "business/application/facets.h"

#include <string.h>

static int has(const ra_json_t *row, const char *member, const char *wanted)
{
    const char *value = ra_json_get_string(row, member);

    return value && strcmp(value, wanted) == 0;
}

static void add_count(ra_json_t *list, const ra_json_t *rows, const ra_facet_t *facet, const char *key)
{
    apr_int64_t count = 0;
    int more = 0;
    ra_json_t *item;

    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        if (has(row, facet->member, key) && (!facet->other || has(row, facet->other_member, facet->other))) {
            count += ra_json_get_int(row, facet->count, 0);
            more |= ra_json_get_int(row, "more", 0) != 0;
        }
    }
    if (count > 0) {
        item = ra_json_add_object(list);
        ra_json_set_string(item, "key", key);
        ra_json_set_int(item, "count", count);
        ra_json_set_bool(item, "more", more);
    }
}

void ra_facet_add(ra_json_t *counts, const ra_json_t *rows, const ra_facet_t *facet, const apr_array_header_t *keys)
{
    ra_json_t *list = ra_json_set_array(counts, facet->name);

    for (int i = 0; i < keys->nelts; i++) {
        add_count(list, rows, facet, APR_ARRAY_IDX(keys, i, const char *));
    }
}

static int holds(const apr_array_header_t *keys, const char *key)
{
    for (int i = 0; i < keys->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(keys, i, const char *), key) == 0) {
            return 1;
        }
    }
    return 0;
}

apr_array_header_t *ra_facet_keys(const ra_json_t *rows, const char *member, apr_pool_t *pool)
{
    apr_array_header_t *keys = apr_array_make(pool, 16, sizeof(const char *));

    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        const char *key = ra_json_get_string(row, member);

        if (key && !holds(keys, key)) {
            APR_ARRAY_PUSH(keys, const char *) = key;
        }
    }
    return keys;
}
