/* Notices: what subscribers are to be told. Layer: api. */
#include "business/certificate/notices.h"

#include <string.h>

#include "api/resources.h"

apr_status_t ra_list_notices(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    const char *state = ra_call_text(call, "state");
    ra_notice_filter_t filter = {
        .open_only = state && strcmp(state, "open") == 0,
        .kind = ra_call_text(call, "kind"),
        .certificate_id = ra_call_text(call, "certificate_id"),
        .limit = ra_call_limit(call),
    };
    ra_json_t *items;
    apr_status_t status = ra_call_cursor(call, &filter.before_id);

    if (status == APR_SUCCESS) {
        status = ra_notice_list(&items, &call->act, &sight, &filter);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, filter.limit);
    }
    return status;
}

static apr_status_t read_notice(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    apr_status_t status = ra_notice_open(&call->answer, &call->act, &sight, ra_call_text(call, "id"));

    if (status == APR_SUCCESS) {
        call->version = ra_json_get_int(call->answer, "version", 0);
        call->object_type = "notice";
        call->object_id = ra_json_get_string(call->answer, "id");
    }
    return status;
}

apr_status_t ra_get_notice(ra_call_t *call)
{
    return read_notice(call);
}

apr_status_t ra_tell_notice(ra_call_t *call)
{
    apr_status_t status = read_notice(call);

    if (status == APR_SUCCESS) {
        status = ra_call_demand_version(call, call->version);
    }
    if (status == APR_SUCCESS) {
        status = ra_notice_told(&call->act, ra_call_text(call, "id"), call->version, ra_json_get_string(call->body, "channel"),
                                ra_json_get_string(call->body, "note"));
    }
    return status == APR_SUCCESS ? read_notice(call) : status;
}
