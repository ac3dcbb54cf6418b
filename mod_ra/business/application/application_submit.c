/* Submitting and correcting an application. Layer: business. */
#include <apr_strings.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/ident.h"
#include "business/application/application_form.h"
#include "business/application/subscriber_record.h"
#include "business/ca/revocation.h"
#include "business/certificate/profile.h"
#include "business/lifecycle/target.h"

static const char insert_sql[] =
    "INSERT INTO applications (id, number, business, kind, cert_usage, state, subscriber_id, subject_name, subject_key, validity_years,"
    " note, particulars, target_certificate_id, region, agency_id, social_security_no, applicant, personal_sealed, id_number_hash, phone_hash, submitted_by, steps,"
    " scope_key, created_at, updated_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '{}', ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))";

static const char correct_sql[] =
    "UPDATE applications SET kind = ?, cert_usage = ?, subject_name = ?, subject_key = ?, validity_years = ?, note = ?, particulars = ?, region = ?,"
    " agency_id = ?, applicant = ?, personal_sealed = ?, id_number_hash = ?, phone_hash = ?, scope_key = ? WHERE id = ?";

/*
 * §18.15: at most one open application per certificate for acts on one; for `issue` per subscriber, kind, subject name and usage. What the RA opens by itself
 * is counted apart: a suspension that is not archived yet must not keep it from ending.
 */
static const unsigned char *scope_key(const ra_form_t *form, const char *subscriber_id, apr_pool_t *pool)
{
    unsigned char *digest = apr_palloc(pool, RA_SHA256_BYTES);
    const char *text = form->target_id ? apr_pstrcat(pool, form->business->by_ra ? form->business->name : "certificate", "\n", form->target_id, NULL)
                                       : apr_pstrcat(pool, form->business->name, "\n", subscriber_id, "\n", ra_kind_name(form->kind), "\n",
                                                     form->subject_key, "\n", form->usage, NULL);

    ra_sha256(digest, text, strlen(text));
    return digest;
}

/* The subscriber's record by 社保编号 and kind; it takes over the form's data only when a review has confirmed them. */
static apr_status_t find_subscriber(const char **pid, const ra_act_t *act, const ra_form_t *form)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, "SELECT id AS id FROM subscribers WHERE social_security_no = ? AND kind = ?",
                                     RA_VALUES(ra_v_text(form->social_security_no), ra_v_text(form->subscriber_kind)));

    if (status != APR_ENOENT) {
        *pid = ra_json_get_string(row, "id");
        return status;
    }
    *pid = ra_uuid_make(act->tx->pool);
    status = ra_sql_change(act->tx, NULL,
                           "INSERT INTO subscribers (id, kind, social_security_no, name, name_key, organisation_code, region, agency_id,"
                           " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
                           RA_VALUES(ra_v_uuid(*pid), ra_v_text(form->subscriber_kind), ra_v_text(form->social_security_no),
                                     ra_v_text(form->subscriber_name), ra_v_text(form->subscriber_key), ra_v_text(form->organisation_code),
                                     ra_v_text(form->region), ra_v_uuid(form->agency_id)));
    return status == APR_EEXIST ? RA_ERETRY : status;
}

static apr_status_t insert(const char *id, const char *number, const ra_act_t *act, const ra_form_t *form, const char *subscriber_id)
{
    apr_pool_t *pool = act->tx->pool;
    apr_status_t status = ra_sql_change(
        act->tx, NULL, insert_sql,
        RA_VALUES(ra_v_uuid(id), ra_v_text(number), ra_v_text(form->business->name),
                  ra_v_text(ra_kind_name(form->kind)), ra_v_text(form->usage), ra_v_text(ra_state_name(ra_lifecycle_first(form->business))),
                  ra_v_uuid(subscriber_id), ra_v_text(form->subject_name), ra_v_text(form->subject_key), ra_v_int(form->validity_years),
                  ra_v_text(form->note), ra_v_json(form->particulars, pool), ra_v_uuid(form->target_id), ra_v_text(form->region),
                  ra_v_uuid(form->agency_id), ra_v_text(form->social_security_no), ra_v_json(form->applicant, pool), ra_v_bytes(form->personal_sealed), ra_v_hash(form->id_number_hash),
                  ra_v_hash(form->phone_hash), ra_v_uuid(act->who ? act->who->id : NULL), ra_v_hash(scope_key(form, subscriber_id, pool))));

    if (status != APR_EEXIST) {
        return status;
    }
    if (strcmp(ra_sql_duplicate_key(act->tx), "applications_open_scope") == 0) {
        return ra_refuse(act->tx->result, RA_PROBLEM_DUPLICATE_APPLICATION, NULL);
    }
    return RA_ERETRY; /* the number was taken: draw another */
}

static apr_status_t write_submission(const ra_act_t *act, const ra_application_t *application)
{
    return ra_sql_change(act->tx, NULL,
                         "INSERT INTO application_history (application_id, seq, at, step, outcome, state_after, actor_id, actor_name, actor_kind)"
                         " VALUES (?, 1, ?, 'submission', 'done', ?, ?, ?, ?)",
                         RA_VALUES(ra_v_uuid(application->id), ra_v_rfc3339(application->created_at), ra_v_text(ra_state_name(application->state)),
                                   ra_v_uuid(act->who ? act->who->id : NULL), ra_v_text(act->who ? act->who->name : RA_ITSELF),
                                   ra_v_text(!act->who || !act->who->id ? "ra" : act->who->is_system ? "system" : "person")));
}

apr_status_t ra_application_submit(ra_application_t **papplication, const ra_act_t *act, const ra_json_t *body)
{
    return ra_application_submit_numbered(papplication, act, body, ra_application_number_make(apr_time_now(), act->tx->pool));
}

apr_status_t ra_application_submit_numbered(ra_application_t **papplication, const ra_act_t *act, const ra_json_t *body, const char *number)
{
    const char *id = ra_uuid_make(act->tx->pool), *subscriber_id;
    ra_form_t form;
    apr_status_t status = id && number ? ra_target_complete(&body, act, body) : APR_EGENERAL;

    if (status == APR_SUCCESS) {
        status = ra_form_read(&form, act, id, body);
    }
    if (status == APR_SUCCESS) {
        status = find_subscriber(&subscriber_id, act, &form);
    }
    if (status == APR_SUCCESS) {
        status = insert(id, number, act, &form, subscriber_id);
    }
    if (status == APR_SUCCESS) {
        status = ra_subscriber_findable(act, subscriber_id, form.phone, form.email);
    }
    RA_FAILPOINT(submission_inserted);
    if (status == APR_SUCCESS) {
        status = ra_application_read(papplication, act, id);
    }
    if (status == APR_SUCCESS) {
        status = write_submission(act, *papplication);
    }
    RA_FAILPOINT(submission_history);
    return status;
}

static apr_status_t keep_snapshot(const ra_act_t *act, const ra_application_t *application)
{
    return ra_sql_change(act->tx, NULL, "UPDATE applications SET snapshot = ?, snapshot_sha256 = UNHEX(?) WHERE id = ?",
                         RA_VALUES(ra_v_text(application->snapshot), ra_v_text(application->snapshot_sha256), ra_v_uuid(application->id)));
}

apr_status_t ra_application_open_by_ra(ra_application_t **papplication, const ra_act_t *act, const char *business, const char *certificate_id)
{
    ra_json_t *body = ra_json_object_make(act->tx->pool);
    const char *job;
    apr_status_t status;

    ra_json_set_string(body, "business", business);
    ra_json_set_string(body, "certificate_id", certificate_id);
    if (ra_business_find(business)->asks & RA_ASKS_REVOCATION_REASON) {
        ra_json_set_string(body, "revocation_reason", "cessation_of_operation");
    }
    status = ra_application_submit(papplication, act, body);
    if (status == APR_SUCCESS) {
        status = ra_snapshot_of_act(act, *papplication);
    }
    if (status == APR_SUCCESS) {
        status = keep_snapshot(act, *papplication);
    }
    return status == APR_SUCCESS && (*papplication)->state == RA_STATE_AWAITING_EXECUTION ? ra_revocation_of_effect(act, *papplication, &job) : status;
}

/* Names of the members that a correction changed; values stay out of the history, some are personal. */
static ra_json_t *changed_members(const ra_act_t *act, const ra_json_t *before, const ra_json_t *after)
{
    ra_json_t *changes = ra_json_object_make(act->tx->pool);
    ra_json_t *names = ra_json_set_array(changes, "members");
    const ra_json_t *old = ra_json_get(before, "subscriber"), *fresh = ra_json_get(after, "subscriber");

    for (const ra_json_t *member = ra_json_first(after); member; member = ra_json_next(member)) {
        if (member != fresh && !ra_json_equal(member, ra_json_get(before, ra_json_name(member)))) {
            ra_json_add_string(names, apr_pstrcat(act->tx->pool, "/", ra_json_name(member), NULL));
        }
    }
    for (const ra_json_t *member = ra_json_first(fresh); member; member = ra_json_next(member)) {
        if (!ra_json_equal(member, ra_json_get(old, ra_json_name(member)))) {
            ra_json_add_string(names, apr_pstrcat(act->tx->pool, "/subscriber/", ra_json_name(member), NULL));
        }
    }
    return changes;
}

static apr_status_t write_correction(const ra_act_t *act, const ra_application_t *application, const ra_form_t *form)
{
    apr_pool_t *pool = act->tx->pool;
    apr_status_t status = ra_sql_change(
        act->tx, NULL, correct_sql,
        RA_VALUES(ra_v_text(ra_kind_name(form->kind)), ra_v_text(form->usage), ra_v_text(form->subject_name), ra_v_text(form->subject_key),
                  ra_v_int(form->validity_years), ra_v_text(form->note), ra_v_json(form->particulars, pool), ra_v_text(form->region),
                  ra_v_uuid(form->agency_id), ra_v_json(form->applicant, pool), ra_v_bytes(form->personal_sealed), ra_v_hash(form->id_number_hash),
                  ra_v_hash(form->phone_hash), ra_v_hash(scope_key(form, application->subscriber_id, pool)), ra_v_uuid(application->id)));

    return status == APR_EEXIST ? ra_refuse(act->tx->result, RA_PROBLEM_DUPLICATE_APPLICATION, NULL) : status;
}

apr_status_t ra_application_correct(const ra_act_t *act, ra_application_t *application, const ra_json_t *body)
{
    ra_json_t *before;
    ra_form_t form;
    ra_step_t step = {.action = RA_ACTION_EDIT};
    apr_status_t status = ra_application_form(&before, act, application);

    if (status == APR_SUCCESS) {
        status = ra_form_read(&form, act, application->id, body);
    }
    if (status == APR_SUCCESS) {
        status = ra_target_check_correction(act, application, body);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    step.changes = changed_members(act, before, body);
    status = ra_application_move(act, application, &step);
    if (status == APR_SUCCESS) {
        status = write_correction(act, application, &form);
    }
    if (status == APR_SUCCESS) {
        status = ra_subscriber_findable(act, application->subscriber_id, form.phone, form.email);
    }
    return status == APR_SUCCESS ? ra_application_read(&application, act, application->id) : status;
}
