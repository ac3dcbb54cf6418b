/* Subscribers. Layer: api. */
#include "business/subscriber.h"

#include "api/resources.h"
#include "base/text.h"

apr_status_t ra_list_subscribers(ra_call_t *call)
{
    apr_pool_t *pool = call->act.tx->pool;
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, pool);
    const char *name = ra_call_text(call, "name");
    ra_subscriber_filter_t filter = {
        .name_key = name ? ra_text_name_key(name, pool) : NULL,
        .social_security_no = ra_call_text(call, "social_security_no"),
        .organisation_code = ra_call_text(call, "organisation_code"),
        .phone = ra_call_text(call, "phone"),
        .limit = ra_call_limit(call),
    };
    ra_json_t *items = ra_json_array_make(pool);
    apr_status_t status = ra_call_cursor(call, &filter.before_id);

    if (status == APR_SUCCESS && (!name || filter.name_key)) {
        status = ra_subscriber_list(&items, &call->act, &sight, &filter);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, filter.limit);
    }
    return status;
}

apr_status_t ra_get_subscriber(ra_call_t *call)
{
    apr_status_t status = ra_subscriber_json(&call->answer, &call->act, ra_call_text(call, "id"), call->operation->roles);

    if (status == APR_SUCCESS) {
        call->object_type = "subscriber";
        call->object_id = ra_json_get_string(call->answer, "id");
    }
    return status;
}
