/* Subscribers. Layer: api. */
#include "business/application/subscriber.h"

#include <string.h>

#include "api/resources.h"
#include "base/text.h"
#include "business/application/subscriber_record.h"

/* @return 0 when the name that is looked for is nobody's: it has no letter */
static int read_filter(ra_subscriber_filter_t *filter, const ra_call_t *call)
{
    const char *name = ra_call_text(call, "name");

    *filter = (ra_subscriber_filter_t){
        .name_key = name ? ra_text_name_key(name, call->act.tx->pool) : NULL,
        .social_security_no = ra_call_text(call, "social_security_no"),
        .organisation_code = ra_call_text(call, "organisation_code"),
        .phone = ra_call_text(call, "phone"),
        .email = ra_call_text(call, "email"),
        .kind = ra_call_text(call, "kind"),
        .region = ra_call_text(call, "region"),
    };
    return !name || filter->name_key;
}

apr_status_t ra_list_subscribers(ra_call_t *call)
{
    apr_pool_t *pool = call->act.tx->pool;
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, pool);
    ra_subscriber_filter_t filter;
    ra_json_t *items = ra_json_array_make(pool);
    int finds = read_filter(&filter, call);
    apr_status_t status = ra_call_cursor(call, &filter.before_id);

    filter.limit = ra_call_limit(call);
    if (status == APR_SUCCESS && finds) {
        status = ra_subscriber_list(&items, &call->act, &sight, &filter);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, filter.limit);
    }
    return status;
}

apr_status_t ra_count_subscribers(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    ra_subscriber_filter_t filter;

    if (!read_filter(&filter, call)) {
        return ra_call_counts_nothing(call, "kinds", "regions");
    }
    return ra_subscriber_counts(&call->answer, &call->act, &sight, &filter);
}

/* The version is the record's; applications and certificates are shown with it. */
static apr_status_t answer_subscriber(ra_call_t *call)
{
    apr_status_t status = ra_subscriber_json(&call->answer, &call->act, ra_call_text(call, "id"), call->operation->roles);

    if (status == APR_SUCCESS) {
        ra_call_tag_whole(call, ra_json_get_int(call->answer, "version", 0));
        call->object_type = "subscriber";
        call->object_id = ra_json_get_string(call->answer, "id");
    }
    return status;
}

apr_status_t ra_get_subscriber(ra_call_t *call)
{
    return answer_subscriber(call);
}

static ra_json_t *reach_of(const ra_json_t *subscriber, apr_pool_t *pool)
{
    static const char *const members[] = {"contact", "tier", "project"};
    ra_json_t *reach = ra_json_object_make(pool);

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        ra_json_set_copy(reach, members[i], ra_json_get(subscriber, members[i]));
    }
    return reach;
}

/* Where no application is in sight there is nothing to merge with, and the whole contact must come. */
static apr_status_t demand_contact(ra_call_t *call, const ra_json_t *reach)
{
    const ra_json_t *contact = ra_json_get(reach, "contact");

    if (ra_json_get(contact, "name") && ra_json_get(contact, "phone")) {
        return APR_SUCCESS;
    }
    ra_result_violation(call->act.tx->result, ra_json_get(contact, "name") ? "/contact/phone" : "/contact/name", RA_VIOLATION_REQUIRED);
    return ra_refuse(call->act.tx->result, RA_PROBLEM_BODY_INVALID, "after the merge");
}

apr_status_t ra_update_subscriber(ra_call_t *call)
{
    apr_pool_t *pool = call->act.tx->pool;
    ra_correction_t correction = {.reason = ra_json_get_string(call->body, "reason")};
    ra_json_t *patch = reach_of(call->body, pool), *members;
    apr_status_t status = answer_subscriber(call);

    if (status == APR_SUCCESS) {
        status = ra_call_demand_version(call, call->version);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    correction.id = call->object_id;
    correction.version = call->version;
    correction.before = reach_of(call->answer, pool);
    correction.after = ra_json_merge_patch(correction.before, patch, pool);
    status = demand_contact(call, correction.after);
    if (status == APR_SUCCESS) {
        status = ra_subscriber_correct(&members, &call->act, &correction);
    }
    if (status == APR_SUCCESS) {
        call->audit_detail = ra_json_object_make(pool);
        ra_json_set_string(call->audit_detail, "reason", correction.reason);
        ra_json_set_copy(call->audit_detail, "members", members);
    }
    return status == APR_SUCCESS ? answer_subscriber(call) : status;
}
