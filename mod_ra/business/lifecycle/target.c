/* Acts on a certificate. Layer: business. */
#include "business/lifecycle/target.h"

#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"
#include "business/application/subscriber_record.h"
#include "business/certificate/certificate.h"

static apr_status_t refuse_at(const ra_act_t *act, const char *pointer, const char *violation, const char *problem)
{
    ra_result_violation(act->tx->result, pointer, violation);
    return ra_refuse(act->tx->result, problem, NULL);
}

/* Businesses of the RA itself are nobody else's to open. */
static const ra_business_t *offered(const ra_act_t *act, const char *name)
{
    const ra_business_t *business = ra_business_find(name);

    return business && business->by_ra == !act->who ? business : NULL;
}

/* A certificate out of sight looks like one that does not exist (§18.11). */
static apr_status_t open_target(ra_target_t *target, const ra_act_t *act, const char *id)
{
    ra_sight_t sight = {.everything = 1};
    apr_status_t status;

    if (act->who) {
        sight = ra_principal_sight(act->who, RA_ROLE_ACCEPTOR | RA_ROLE_ENTRY_OFFICER, act->tx->pool);
    }
    if (!id) {
        return refuse_at(act, "/certificate_id", RA_VIOLATION_REQUIRED, RA_PROBLEM_CERTIFICATE_NEEDED);
    }
    status = ra_target_read(target, act, id);
    if (status == APR_ENOENT ||
        (status == APR_SUCCESS && !ra_sight_allows(&sight, target->region, target->agency_id, target->submitted_by))) {
        return refuse_at(act, "/certificate_id", RA_VIOLATION_UNKNOWN_REFERENCE, RA_PROBLEM_CERTIFICATE_NEEDED);
    }
    /* An act on a pair is about both: it goes by the name of the one for signing, so that one open application holds for both. */
    if (status == APR_SUCCESS && target->is_second_of_pair) {
        return refuse_at(act, "/certificate_id", RA_VIOLATION_PAIR_SIGNING_CERTIFICATE, RA_PROBLEM_CERTIFICATE_NEEDED);
    }
    return status;
}

static apr_status_t check_state(const ra_act_t *act, const ra_business_t *business, const ra_target_t *target)
{
    apr_time_t end;
    /* What is on hold and has lapsed cannot be used again (§8): the manager decides. */
    int is_too_late = business->effect == RA_EFFECT_RELEASE && target->is_lapsed;

    if (!(target->status_bit & business->takes) || is_too_late) {
        ra_result_param(act->tx->result, "state", target->status);
        return ra_refuse(act->tx->result, RA_PROBLEM_CERTIFICATE_STATE, NULL);
    }
    /* Only a renewal is bound to the end of the certificate. */
    if (business->fate == RA_FATE_KEPT && !business->effect && business->keeps_key && target->status_bit == RA_CERTIFICATE_VALID &&
        ra_rfc3339_parse(&end, target->not_after) == APR_SUCCESS && end - apr_time_now() > act->ra->settings->renewal_window) {
        return ra_refuse(act->tx->result, RA_PROBLEM_RENEWAL_TOO_EARLY, NULL);
    }
    return APR_SUCCESS;
}

apr_status_t ra_target_particulars(const ra_act_t *act, const ra_business_t *business, const ra_json_t *body)
{
    static const struct {
        unsigned bit;
        const char *member;
    } asked[] = {{RA_ASKS_CAUSE, "cause"}, {RA_ASKS_REVOCATION_REASON, "revocation_reason"}, {RA_ASKS_TOKEN, "token"}};

    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        if ((business->asks & asked[i].bit) && !ra_json_get(body, asked[i].member)) {
            return refuse_at(act, apr_pstrcat(act->tx->pool, "/", asked[i].member, NULL), RA_VIOLATION_REQUIRED, RA_PROBLEM_PARTICULARS_MISSING);
        }
    }
    return APR_SUCCESS;
}

/* Whose certificate it is does not change with an act on it: what identifies the subscriber is as it was. */
static apr_status_t check_subscriber(const ra_act_t *act, const ra_application_t *old, const ra_json_t *subscriber)
{
    static const char *const members[] = {"kind", "social_security_no"};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const char *value = ra_json_get_string(subscriber, members[i]), *former = ra_json_get_string(old->applicant, members[i]);

        if (value && (!former || strcmp(value, former) != 0)) {
            return refuse_at(act, apr_pstrcat(act->tx->pool, "/subscriber/", members[i], NULL), RA_VIOLATION_NOT_AS_APPLIED, RA_PROBLEM_BODY_INVALID);
        }
    }
    return APR_SUCCESS;
}

/* Kind and usage are the certificate's; the name is its too, unless the business is about changing it. */
static apr_status_t check_against_old(const ra_act_t *act, const ra_business_t *business, const ra_application_t *old, const ra_json_t *body)
{
    const char *kind = ra_json_get_string(body, "kind"), *usage = ra_json_get_string(body, "usage");
    const char *name = ra_json_get_string(body, "subject_name");

    if ((kind && strcmp(kind, ra_kind_name(old->kind)) != 0) || (usage && strcmp(usage, old->usage) != 0)) {
        return refuse_at(act, "/kind", RA_VIOLATION_NOT_AS_APPLIED, RA_PROBLEM_KIND_NOT_OFFERED);
    }
    if (name && !business->changes_name && strcmp(name, old->subject_name) != 0) {
        return refuse_at(act, "/subject_name", RA_VIOLATION_NOT_AS_APPLIED, RA_PROBLEM_NAME_NOT_ALLOWED);
    }
    return check_subscriber(act, old, ra_json_get(body, "subscriber"));
}

/* What has been corrected since the old application was written counts: contact, tier and project of the record. */
static apr_status_t update_reach(ra_json_t *form, const ra_act_t *act, const char *subscriber_id)
{
    static const char *const members[] = {"contact", "tier", "project"};
    ra_json_t *reach, *subscriber = ra_json_get_mutable(form, "subscriber");
    apr_status_t status = ra_subscriber_reach(&reach, act, subscriber_id);

    for (size_t i = 0; status == APR_SUCCESS && reach && i < sizeof(members) / sizeof(members[0]); i++) {
        ra_json_remove(subscriber, members[i]);
        ra_json_set_copy(subscriber, members[i], ra_json_get(reach, members[i]));
    }
    return status;
}

static apr_status_t complete(const ra_json_t **pform, const ra_act_t *act, const ra_business_t *business, const ra_target_t *target, const ra_json_t *body)
{
    ra_application_t *old;
    ra_json_t *form;
    apr_status_t status = ra_application_read(&old, act, target->application_id);

    if (status == APR_SUCCESS) {
        status = check_against_old(act, business, old, body);
    }
    if (status == APR_SUCCESS) {
        status = ra_application_form(&form, act, old);
    }
    if (status == APR_SUCCESS) {
        status = update_reach(form, act, old->subscriber_id);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    ra_json_remove(form, "note");
    ra_json_remove(form, "cause");
    ra_json_remove(form, "revocation_reason");
    ra_json_remove(form, "token");
    *pform = ra_json_merge_patch(form, body, act->tx->pool);
    return APR_SUCCESS;
}

apr_status_t ra_target_complete(const ra_json_t **pform, const ra_act_t *act, const ra_json_t *body)
{
    const ra_business_t *business = offered(act, ra_json_get_string(body, "business"));
    ra_target_t target = {0};
    apr_status_t status;

    if (!business) {
        return refuse_at(act, "/business", RA_VIOLATION_UNKNOWN_REFERENCE, RA_PROBLEM_BUSINESS_UNKNOWN);
    }
    if (!business->takes) {
        return ra_json_get(body, "certificate_id") || !ra_json_get(body, "subscriber")
                   ? refuse_at(act, ra_json_get(body, "certificate_id") ? "/certificate_id" : "/subscriber",
                               ra_json_get(body, "certificate_id") ? RA_VIOLATION_NOT_ALLOWED : RA_VIOLATION_REQUIRED, RA_PROBLEM_BODY_INVALID)
                   : APR_SUCCESS;
    }
    status = open_target(&target, act, ra_json_get_string(body, "certificate_id"));
    if (status == APR_SUCCESS) {
        status = check_state(act, business, &target);
    }
    if (status == APR_SUCCESS) {
        status = ra_target_particulars(act, business, body);
    }
    return status == APR_SUCCESS ? complete(pform, act, business, &target, body) : status;
}

apr_status_t ra_target_check_correction(const ra_act_t *act, const ra_application_t *application, const ra_json_t *form)
{
    ra_application_t *old;
    ra_target_t target;
    apr_status_t status;

    if (!application->target_id) {
        return APR_SUCCESS;
    }
    status = ra_target_read(&target, act, application->target_id);
    if (status == APR_SUCCESS) {
        status = ra_application_read(&old, act, target.application_id);
    }
    return status == APR_SUCCESS ? check_against_old(act, application->business, old, form) : status;
}

int ra_target_must_be_in_use(const ra_business_t *business)
{
    return ra_fate_name(business) != NULL && !(business->takes & RA_CERTIFICATE_SUSPENDED);
}

apr_status_t ra_target_is_still_taken(const ra_act_t *act, const ra_application_t *application)
{
    const ra_business_t *business = application->business;
    const char *sql = ra_target_must_be_in_use(business) ? "SELECT " RA_TARGET_NOT_TO_BE_REMADE " FROM applications a WHERE a.id = ?"
                      : business->effect == RA_EFFECT_HOLD ? "SELECT " RA_TARGET_REVOKED " FROM applications a WHERE a.id = ?" : NULL;
    apr_int64_t is_spoilt = 0;
    ra_target_t target;
    apr_status_t status = sql ? ra_sql_int(act->tx, &is_spoilt, sql, RA_VALUES(ra_v_uuid(application->id))) : APR_SUCCESS;

    if (status == APR_SUCCESS && is_spoilt) {
        status = ra_target_read(&target, act, application->target_id);
    }
    if (status == APR_SUCCESS && is_spoilt) {
        ra_result_param(act->tx->result, "state", target.status);
        return ra_refuse(act->tx->result, RA_PROBLEM_CERTIFICATE_STATE, "since it was applied for");
    }
    return status;
}
