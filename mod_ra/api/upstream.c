/* The link to the upstream CA and the outbox, for those who answer for them. Layer: api. */
#include "api/resources.h"
#include "business/ca/ca_link.h"

apr_status_t ra_get_upstream(ra_call_t *call)
{
    return ra_ca_link_health(&call->answer, &call->act);
}

apr_status_t ra_list_outbox_jobs(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    ra_job_filter_t filter = {ra_call_text(call, "state"), ra_call_text(call, "kind"), NULL, ra_call_limit(call)};
    ra_json_t *items;
    apr_status_t status = ra_call_cursor(call, &filter.before_id);

    if (status == APR_SUCCESS) {
        status = ra_job_list(&items, &call->act, &sight, &filter);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, filter.limit);
    }
    return status;
}
