/* What handlers share. Layer: api. Thread rule: as its call. */
#include "api/call.h"

#include <apr_strings.h>
#include <string.h>

#include "api/resources.h"

#define RA_ETAG_DIGEST_BYTES 8

#define BINDING(operation, function) {operation, function},
const ra_binding_t ra_api_bindings[] = {RA_OPERATIONS(BINDING){NULL, NULL}};

int ra_handler_needs_no_store(ra_handler_fn handler)
{
    return handler == ra_get_openapi || handler == ra_list_businesses || handler == ra_list_downloads;
}

const char *ra_call_text(const ra_call_t *call, const char *name)
{
    return ra_json_get_string(call->params, name);
}

int ra_call_limit(const ra_call_t *call)
{
    return (int)ra_json_get_int(call->params, "limit", RA_PAGE_DEFAULT);
}

apr_interval_time_t ra_call_wait(const ra_call_t *call)
{
    const char *prefer = apr_table_get(call->request->headers, "Prefer");

    return prefer && strstr(prefer, "respond-async") ? 0 : call->act.ra->settings->production_wait;
}

apr_status_t ra_call_demand_version(ra_call_t *call, apr_int64_t version)
{
    if (ra_if_match_has(&call->if_match, version)) {
        return APR_SUCCESS;
    }
    ra_result_param(call->act.tx->result, "etag", ra_etag_make(version, "json", call->act.tx->pool));
    return ra_refuse(call->act.tx->result, RA_PROBLEM_VERSION_STALE, NULL);
}

void ra_call_tag_whole(ra_call_t *call, apr_int64_t version)
{
    unsigned char digest[RA_SHA256_BYTES];
    const char *text = ra_json_canonical(call->answer, call->act.tx->pool);

    ra_sha256(digest, text, strlen(text));
    call->version = version;
    call->variant = ra_hex(ra_bytes_of(digest, RA_ETAG_DIGEST_BYTES), call->act.tx->pool);
}

/* The filters that a cursor is bound to: every parameter but the cursor and the page size, and whose list it is. */
static const char *filter_text(const ra_call_t *call)
{
    apr_pool_t *pool = call->act.tx->pool;
    ra_json_t *filter = ra_json_object_make(pool);

    for (const ra_json_t *member = ra_json_first(call->params); member; member = ra_json_next(member)) {
        ra_json_set_copy(filter, ra_json_name(member), member);
    }
    ra_json_remove(filter, "cursor");
    ra_json_remove(filter, "limit");
    ra_json_set_string(filter, "operation", call->operation->id);
    ra_json_set_string(filter, "principal", call->act.who ? call->act.who->id : NULL);
    return ra_json_canonical(filter, pool);
}

apr_status_t ra_call_cursor(ra_call_t *call, const char **pbefore)
{
    const char *cursor = ra_call_text(call, "cursor");
    ra_json_t *keys;

    *pbefore = NULL;
    if (!cursor) {
        return APR_SUCCESS;
    }
    if (ra_cursor_read(&keys, cursor, filter_text(call), call->act.ra->keyring, call->act.tx->pool) != APR_SUCCESS) {
        ra_result_violation(call->act.tx->result, "query:cursor", RA_VIOLATION_MALFORMED);
        return ra_refuse(call->act.tx->result, RA_PROBLEM_CURSOR_INVALID, NULL);
    }
    *pbefore = ra_json_get_string(keys, "id");
    return APR_SUCCESS;
}

/* Path and query of the next page: this one's parameters with the new cursor (RFC 8288). */
static const char *next_link(const ra_call_t *call, const char *cursor)
{
    apr_pool_t *pool = call->act.tx->pool;
    char *state, *pair = call->request->query ? apr_strtok(apr_pstrdup(pool, call->request->query), "&", &state) : NULL;
    const char *link = apr_pstrcat(pool, call->request->path, "?cursor=", cursor, NULL);

    for (; pair; pair = apr_strtok(NULL, "&", &state)) {
        if (strncmp(pair, "cursor=", 7) != 0) {
            link = apr_pstrcat(pool, link, "&", pair, NULL);
        }
    }
    return link;
}

static const char *key_of(const ra_json_t *item, const char *key, apr_pool_t *pool)
{
    const ra_json_t *value = ra_json_get(item, key);

    return ra_json_is_integer(value) ? apr_psprintf(pool, "%" APR_INT64_T_FMT, ra_json_int(value, 0)) : ra_json_string(value);
}

apr_status_t ra_call_counts_nothing(ra_call_t *call, const char *facet, const char *other)
{
    call->answer = ra_json_object_make(call->act.tx->pool);
    ra_json_set_array(call->answer, facet);
    ra_json_set_array(call->answer, other);
    return APR_SUCCESS;
}

void ra_call_page(ra_call_t *call, ra_json_t *items, int limit)
{
    ra_call_page_by(call, items, limit, "id");
}

void ra_call_page_by(ra_call_t *call, ra_json_t *items, int limit, const char *key)
{
    apr_pool_t *pool = call->act.tx->pool;
    ra_json_t *page = ra_json_object_make(pool), *list = ra_json_set_array(page, "items"), *keys = ra_json_object_make(pool);
    const ra_json_t *item = ra_json_first(items);

    for (int i = 0; item && i < limit; item = ra_json_next(item), i++) {
        ra_json_add_copy(list, item);
        ra_json_set_string(keys, "id", key_of(item, key, pool));
    }
    if (item) {
        const char *cursor = ra_cursor_make(keys, filter_text(call), call->act.ra->keyring, pool);

        ra_json_set_string(page, "next_cursor", cursor);
        call->link = next_link(call, cursor);
    }
    call->answer = page;
}
