/* Reports for the manager and the auditor. Layer: api. */
#include "business/service/reports.h"
#include "business/service/tallies.h"

#include "api/resources.h"

typedef apr_status_t (*report_fn)(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_report_filter_t *filter);

/* @param days unless the call says another number; as the document says */
static apr_status_t answer_page(ra_call_t *call, report_fn report, int days)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    ra_report_filter_t filter = {.days = (int)ra_json_get_int(call->params, "days", days), .limit = ra_call_limit(call)};
    ra_json_t *items;
    apr_status_t status = ra_call_cursor(call, &filter.after_id);

    if (status == APR_SUCCESS) {
        status = report(&items, &call->act, &sight, &filter);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, filter.limit);
    }
    return status;
}

apr_status_t ra_report_expiring_certificates(ra_call_t *call)
{
    return answer_page(call, ra_report_expiring, 60);
}

apr_status_t ra_report_expiry_calendar(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);

    return ra_report_calendar(&call->answer, &call->act, &sight);
}

apr_status_t ra_report_suspended_certificates(ra_call_t *call)
{
    return answer_page(call, ra_report_suspended, 366);
}

apr_status_t ra_report_application_counts(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    ra_json_t *items;
    apr_status_t status = ra_tallies_read(&items, &call->act, &sight, ra_call_text(call, "by"), ra_call_text(call, "from"), ra_call_text(call, "to"));

    if (status == APR_SUCCESS) {
        call->answer = ra_json_object_make(call->act.tx->pool);
        ra_json_set_string(call->answer, "by", ra_call_text(call, "by"));
        ra_json_set_copy(call->answer, "items", items);
    }
    return status;
}
