/* Forms, completion records and production sheets as data. Layer: api. */
#include "business/application/papers.h"

#include "api/resources.h"

typedef apr_status_t (*paper_fn)(ra_json_t **ppaper, const ra_act_t *act, const ra_application_t *application);

static apr_status_t answer_paper(ra_call_t *call, paper_fn make)
{
    ra_application_t *application;
    apr_status_t status = ra_application_open(&application, &call->act, ra_call_text(call, "id"), call->operation->roles);

    if (status == APR_SUCCESS) {
        call->object_type = "application";
        call->object_id = application->id;
        status = make(&call->answer, &call->act, application);
    }
    return status;
}

apr_status_t ra_get_application_form(ra_call_t *call)
{
    return answer_paper(call, ra_paper_form);
}

apr_status_t ra_get_completion_record(ra_call_t *call)
{
    return answer_paper(call, ra_paper_completion);
}

apr_status_t ra_get_production_sheet(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    ra_sheet_filter_t filter = {
        .project = ra_call_text(call, "project"),
        .business = ra_business_find(ra_call_text(call, "business")),
        .state = ra_call_text(call, "state"),
        .limit = ra_call_limit(call),
    };
    ra_json_t *items, *counts;
    int more;
    apr_status_t status = ra_call_cursor(call, &filter.after_id);

    if (status == APR_SUCCESS && !filter.business) {
        return ra_refuse(call->act.tx->result, RA_PROBLEM_NOT_FOUND, NULL);
    }
    if (status == APR_SUCCESS) {
        status = ra_sheet_list(&items, &call->act, &sight, &filter);
    }
    if (status == APR_SUCCESS) {
        status = ra_sheet_counts(&counts, &more, &call->act, &sight, &filter);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    ra_call_page(call, items, filter.limit);
    ra_json_set_string(call->answer, "project", filter.project);
    ra_json_set_string(call->answer, "business", filter.business->name);
    ra_json_set_texts(call->answer, "business_name", filter.business->zh, filter.business->en);
    ra_json_set_copy(call->answer, "certificates", counts);
    ra_json_set_bool(call->answer, "more", more);
    return APR_SUCCESS;
}
