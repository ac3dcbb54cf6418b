/* Forms filled in beforehand by subscribers, and how far they are. Layer: api. */
#include "api/resources.h"
#include "business/application/prefill.h"
#include "business/application/progress.h"

apr_status_t ra_create_prefill(ra_call_t *call)
{
    call->status = 201;
    return ra_prefill_keep(&call->answer, &call->act, call->body, call->request->client_ip);
}

apr_status_t ra_get_prefill(ra_call_t *call)
{
    ra_prefill_t *prefill;
    apr_status_t status = ra_prefill_open(&prefill, &call->act, ra_call_text(call, "number"));

    if (status != APR_SUCCESS) {
        return status;
    }
    call->object_type = "prefill";
    call->object_id = prefill->id;
    return ra_prefill_json(&call->answer, &call->act, prefill);
}

apr_status_t ra_query_progress(ra_call_t *call)
{
    return ra_progress_query(&call->answer, &call->act, ra_json_get_string(call->body, "number"),
                             ra_json_get_string(call->body, "last_characters"));
}
