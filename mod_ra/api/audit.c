/* The audit log for the auditor: events and checkpoints, as JSON or as JSON lines. Layer: api. */
#include <apr_strings.h>
#include <string.h>

#include "api/resources.h"
#include "business/evidence/evidence.h"

static const char *const list_types[] = {"application/json", "application/jsonl", NULL};

/* The log has no region: who sees only a part of the RA sees none of it. */
static apr_status_t demand_everything(const ra_call_t *call)
{
    if (ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool).everything) {
        return APR_SUCCESS;
    }
    ra_result_param(call->act.tx->result, "needed", ra_role_name(RA_ROLE_AUDITOR));
    return ra_refuse(call->act.tx->result, RA_PROBLEM_ACCESS_DENIED, "the grant is not for the whole province");
}

/* The page once more, one item a line, where the caller likes that better. */
static apr_status_t choose_lines(ra_call_t *call)
{
    const char *type = ra_accept_choose(apr_table_get(call->request->headers, "Accept"), list_types, call->request->pool);
    const ra_json_t *items = ra_json_get(call->answer, "items");
    apr_pool_t *pool = call->act.tx->pool;
    apr_array_header_t *lines = apr_array_make(pool, ra_json_size(items) + 1, sizeof(const char *));

    if (!type) {
        return ra_refuse(call->act.tx->result, RA_PROBLEM_NOT_ACCEPTABLE, NULL);
    }
    if (type == list_types[0]) {
        return APR_SUCCESS;
    }
    for (const ra_json_t *item = ra_json_first(items); item; item = ra_json_next(item)) {
        APR_ARRAY_PUSH(lines, const char *) = apr_pstrcat(pool, ra_json_print(item, pool), "\n", NULL);
    }
    APR_ARRAY_PUSH(lines, const char *) = "";
    call->raw_type = type;
    call->raw = ra_bytes_text(apr_array_pstrcat(pool, lines, '\0'));
    return APR_SUCCESS;
}

/* What was asked for is part of the event that this reading leaves. */
static ra_json_t *filters_of(const ra_call_t *call)
{
    static const char *const names[] = {"actor_id", "object_id", "event", "outcome", "from", "to"};
    ra_json_t *filters = ra_json_object_make(call->act.tx->pool);

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ra_json_set_string(filters, names[i], ra_call_text(call, names[i]));
    }
    return filters;
}

apr_status_t ra_list_audit_events(ra_call_t *call)
{
    ra_event_filter_t filter = {
        .actor_id = ra_call_text(call, "actor_id"),
        .object_id = ra_call_text(call, "object_id"),
        .event = ra_call_text(call, "event"),
        .outcome = ra_call_text(call, "outcome"),
        .from = ra_call_text(call, "from"),
        .to = ra_call_text(call, "to"),
        .limit = ra_call_limit(call),
    };
    ra_json_t *items;
    apr_status_t status = demand_everything(call);

    if (status == APR_SUCCESS) {
        status = ra_call_cursor(call, &filter.before_id);
    }
    if (status == APR_SUCCESS) {
        status = ra_evidence_events(&items, call->act.tx, &filter);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    call->audit_detail = filters_of(call);
    ra_call_page(call, items, filter.limit);
    return choose_lines(call);
}

apr_status_t ra_list_audit_checkpoints(ra_call_t *call)
{
    int limit = ra_call_limit(call);
    const char *before;
    ra_json_t *items;
    apr_status_t status = demand_everything(call);

    if (status == APR_SUCCESS) {
        status = ra_call_cursor(call, &before);
    }
    if (status == APR_SUCCESS) {
        status = ra_evidence_batches(&items, call->act.tx, before ? apr_atoi64(before) : 0, limit);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    ra_call_page_by(call, items, limit, "number");
    return choose_lines(call);
}
