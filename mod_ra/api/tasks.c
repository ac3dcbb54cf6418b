/* The next hand: what the caller may do now. Layer: api. */
#include "business/lifecycle/tasks.h"

#include "api/resources.h"

apr_status_t ra_list_tasks(ra_call_t *call)
{
    const char *step = ra_call_text(call, "step");
    ra_task_filter_t filter = {
        .step = step ? ra_step_of(step) : RA_STEP_NONE, .limit = ra_call_limit(call), .blocked = ra_json_get_bool(call->params, "blocked", 0)};
    ra_json_t *items, *counts, *blocked;
    apr_status_t status = ra_call_cursor(call, &filter.after_id);

    if (status == APR_SUCCESS) {
        status = ra_task_list(&items, &call->act, &filter);
    }
    if (status == APR_SUCCESS) {
        status = ra_task_counts(&counts, &blocked, &call->act, &filter);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, filter.limit);
        ra_json_set_copy(call->answer, "counts", counts);
        ra_json_set_copy(call->answer, "blocked", blocked);
    }
    return status;
}
