/* Applications, their steps, codes and production. Layer: api. */
#include <apr_strings.h>
#include <string.h>

#include "api/resources.h"
#include "base/text.h"
#include "business/application/decision.h"
#include "business/application/prefill.h"
#include "business/ca/codes.h"
#include "business/ca/pair.h"
#include "business/ca/production.h"
#include "business/lifecycle/steps.h"

/* The application as it is now is the answer of every reading and change. */
static apr_status_t answer_application(ra_call_t *call, const ra_application_t *application)
{
    call->version = application->version;
    call->object_type = "application";
    call->object_id = application->id;
    return ra_application_json(&call->answer, &call->act, application);
}

static apr_status_t open_application(ra_call_t *call, ra_application_t **papplication)
{
    apr_status_t status = ra_application_open(papplication, &call->act, ra_call_text(call, "id"), call->operation->roles);

    if (status == APR_SUCCESS) {
        call->object_type = "application";
        call->object_id = (*papplication)->id;
        if (call->operation->needs_if_match) {
            status = ra_call_demand_version(call, (*papplication)->version);
        }
    }
    return status;
}

/* The merged form must be as good as a new one: it is checked against the schema of createApplication. */
static apr_status_t check_merged(ra_call_t *call, const ra_json_t *form)
{
    for (int i = 0; i < ra_spec_operation_count(call->api->spec); i++) {
        const ra_operation_t *operation = ra_spec_operation(call->api->spec, i);

        if (operation->handler == ra_create_application) {
            return ra_schema_check(operation->bodies[0].schema, form, "", call->act.tx->result)
                       ? APR_SUCCESS
                       : ra_refuse(call->act.tx->result, RA_PROBLEM_BODY_INVALID, "after the merge");
        }
    }
    return APR_EGENERAL;
}

/* The counter makes an application of a form filled in beforehand: once, and under the number that the subscriber has. */
static apr_status_t submit_prefill(ra_application_t **papplication, ra_call_t *call)
{
    ra_prefill_t *prefill;
    ra_json_t *form;
    apr_status_t status = ra_prefill_merge(&form, &prefill, &call->act, call->body);

    if (status == APR_SUCCESS) {
        status = check_merged(call, form);
    }
    if (status == APR_SUCCESS) {
        status = ra_application_submit_numbered(papplication, &call->act, form, prefill->number);
    }
    return status == APR_SUCCESS ? ra_prefill_use(&call->act, prefill, (*papplication)->id) : status;
}

apr_status_t ra_create_application(ra_call_t *call)
{
    ra_application_t *application;
    apr_status_t status = ra_json_get(call->body, "prefill_number") ? submit_prefill(&application, call)
                                                                    : ra_application_submit(&application, &call->act, call->body);

    if (status != APR_SUCCESS) {
        return status;
    }
    call->status = 201;
    call->location = apr_pstrcat(call->act.tx->pool, "/applications/", application->id, NULL);
    return answer_application(call, application);
}

/* @return 0 when the name that is looked for is nobody's: it has no letter */
static int read_filter(ra_application_filter_t *filter, const ra_call_t *call)
{
    const char *subject = ra_call_text(call, "subject_name");

    *filter = (ra_application_filter_t){
        .state = ra_call_text(call, "state"),
        .business = ra_call_text(call, "business"),
        .kind = ra_call_text(call, "kind"),
        .region = ra_call_text(call, "region"),
        .number = ra_call_text(call, "number"),
        .subject_name = subject ? ra_text_name_key(subject, call->act.tx->pool) : NULL,
        .social_security_no = ra_call_text(call, "social_security_no"),
    };
    return !subject || filter->subject_name;
}

apr_status_t ra_list_applications(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    ra_application_filter_t filter;
    ra_json_t *items = ra_json_array_make(call->act.tx->pool);
    int finds = read_filter(&filter, call);
    apr_status_t status = ra_call_cursor(call, &filter.before_id);

    filter.limit = ra_call_limit(call);
    if (status == APR_SUCCESS && finds) {
        status = ra_application_list(&items, &call->act, &sight, &filter);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, filter.limit);
    }
    return status;
}

apr_status_t ra_count_applications(ra_call_t *call)
{
    ra_sight_t sight = ra_principal_sight(call->act.who, call->operation->roles, call->act.tx->pool);
    ra_application_filter_t filter;

    if (!read_filter(&filter, call)) {
        return ra_call_counts_nothing(call, "states", "businesses");
    }
    return ra_application_counts(&call->answer, &call->act, &sight, &filter);
}

apr_status_t ra_get_application(ra_call_t *call)
{
    ra_application_t *application;
    apr_status_t status = open_application(call, &application);

    return status == APR_SUCCESS ? answer_application(call, application) : status;
}

apr_status_t ra_update_application(ra_call_t *call)
{
    ra_application_t *application;
    ra_json_t *form = NULL;
    apr_status_t status = open_application(call, &application);

    if (status == APR_SUCCESS) {
        status = ra_application_may(&call->act, application, RA_ACTION_EDIT, RA_DECISION_YES);
    }
    if (status == APR_SUCCESS) {
        status = ra_application_form(&form, &call->act, application);
    }
    if (status == APR_SUCCESS) {
        form = ra_json_merge_patch(form, call->body, call->act.tx->pool);
        status = check_merged(call, form);
    }
    if (status == APR_SUCCESS) {
        status = ra_application_correct(&call->act, application, form);
    }
    if (status == APR_SUCCESS) {
        status = ra_application_read(&application, &call->act, application->id);
    }
    return status == APR_SUCCESS ? answer_application(call, application) : status;
}

apr_status_t ra_list_application_history(ra_call_t *call)
{
    ra_application_t *application;
    ra_json_t *items;
    apr_status_t status = open_application(call, &application);

    if (status == APR_SUCCESS) {
        status = ra_application_history(&items, &call->act, application->id);
    }
    if (status == APR_SUCCESS) {
        call->answer = ra_json_object_make(call->act.tx->pool);
        ra_json_set_copy(call->answer, "items", items);
    }
    return status;
}

/* --- signed decisions ------------------------------------------------------------------------------------------- */

apr_status_t ra_get_review_statement(ra_call_t *call)
{
    const char *decision = ra_call_text(call, "decision");
    ra_application_t *application;
    apr_status_t status = open_application(call, &application);

    if (status == APR_SUCCESS) {
        status = ra_decision_statement(&call->raw, &call->act, application, strcmp(decision, "reject") == 0 ? RA_DECISION_NO : RA_DECISION_YES);
    }
    if (status == APR_SUCCESS) {
        call->raw_type = "application/octet-stream";
        call->version = application->version;
    }
    return status;
}

apr_status_t ra_list_decision_signatures(ra_call_t *call)
{
    ra_application_t *application;
    ra_json_t *items;
    apr_status_t status = open_application(call, &application);

    if (status == APR_SUCCESS) {
        status = ra_decision_list(&items, &call->act, application->id);
    }
    if (status == APR_SUCCESS) {
        call->answer = ra_json_object_make(call->act.tx->pool);
        ra_json_set_copy(call->answer, "items", items);
    }
    return status;
}

/* --- steps ------------------------------------------------------------------------------------------------------ */

/* Which action an operation is: all steps but production share one handler. */
static const struct {
    const char *operation_id;
    int action;
} step_operations[] = {
    {"decideForAgency", RA_STEP_AGENCY_DECISION}, {"acceptApplication", RA_STEP_ACCEPTANCE}, {"enterApplication", RA_STEP_ENTRY},
    {"reviewApplication", RA_STEP_REVIEW},        {"handOverCertificate", RA_STEP_HANDOVER}, {"archiveApplication", RA_STEP_ARCHIVE},
    {"completeApplication", RA_STEP_COMPLETION},  {"withdrawApplication", RA_ACTION_WITHDRAWAL}, {"operateToken", RA_STEP_OPERATION},
    {"registerApplication", RA_STEP_REGISTRATION}, {"produceCertificate", RA_STEP_PRODUCTION},
};

static ra_action_e action_of(const ra_operation_t *operation)
{
    for (size_t i = 0; i < sizeof(step_operations) / sizeof(step_operations[0]); i++) {
        if (strcmp(step_operations[i].operation_id, operation->id) == 0) {
            return (ra_action_e)step_operations[i].action;
        }
    }
    return RA_ACTION_COUNT;
}

/* The answer does not wait for the CA: a revocation that was approved is on its way at once. */
static int start_job(ra_call_t *call)
{
    if (call->act.ra->outbox) {
        ra_outbox_run_now(call->act.ra->outbox, call->after_baton, 0, call->request->pool);
    }
    return 0;
}

/* Sealed evidence names the signature of a decision. */
static ra_json_t *signature_detail(const ra_call_t *call, const ra_application_t *application)
{
    const ra_json_t *record = ra_json_get(application->steps, ra_step_name(RA_STEP_REVIEW));
    ra_json_t *detail;

    if (action_of(call->operation) != (ra_action_e)RA_STEP_REVIEW || !ra_json_get(record, "signature")) {
        return NULL;
    }
    detail = ra_json_object_make(call->act.tx->pool);
    ra_json_set_copy(detail, "signature", ra_json_get(record, "signature"));
    return detail;
}

apr_status_t ra_do_step(ra_call_t *call)
{
    ra_application_t *application;
    const char *job = NULL;
    apr_status_t status = open_application(call, &application);

    if (status == APR_SUCCESS) {
        status = ra_application_step(&call->act, application, action_of(call->operation), call->body, &job);
    }
    if (status == APR_SUCCESS) {
        call->audit_detail = signature_detail(call, application);
    }
    if (status == APR_SUCCESS && job) {
        call->after_commit = start_job;
        call->after_baton = apr_pstrdup(call->request->pool, job);
    }
    return status == APR_SUCCESS ? answer_application(call, application) : status;
}

/* --- codes and production --------------------------------------------------------------------------------------- */

apr_status_t ra_draw_codes(ra_call_t *call)
{
    ra_application_t *application;
    apr_status_t status = open_application(call, &application);

    if (status == APR_SUCCESS) {
        status = ra_codes_draw(&call->answer, &call->act, application);
    }
    if (status == APR_SUCCESS) {
        call->status = 201;
        call->version = application->version;
    }
    return status;
}

apr_status_t ra_fetch_encryption_key(ra_call_t *call)
{
    ra_application_t *application;
    apr_status_t status = open_application(call, &application);

    if (status == APR_SUCCESS) {
        status = ra_pair_fetch(&call->answer, &call->act, application);
    }
    if (status == APR_SUCCESS) {
        call->version = application->version;
    }
    return status;
}

typedef struct outcome_t {
    ra_call_t *call;
    const char *operation_id;
    ra_json_t *answer;   /* operation, certificate; in the request's pool */
    apr_int64_t version; /* of the application: the entity tag for the next step */
} outcome_t;

static apr_status_t read_outcome(ra_tx_t *tx, void *baton)
{
    outcome_t *outcome = baton;
    ra_act_t act = {outcome->call->act.ra, tx, outcome->call->act.who};
    ra_json_t *answer;
    apr_status_t status = ra_operation_outcome(&answer, &outcome->version, &act, outcome->operation_id);

    for (const ra_json_t *member = status == APR_SUCCESS ? ra_json_first(answer) : NULL; member; member = ra_json_next(member)) {
        ra_json_set_copy(outcome->answer, ra_json_name(member), member);
    }
    return status;
}

static void answer_outcome(ra_call_t *call, const outcome_t *outcome)
{
    const char *id = apr_pstrdup(call->request->pool, ra_json_get_string(ra_json_get(outcome->answer, "certificate"), "id"));

    call->answer = id ? outcome->answer : ra_json_get_mutable(outcome->answer, "operation");
    call->status = id ? 201 : 202;
    call->version = outcome->version;
    call->location = apr_pstrcat(call->request->pool, id ? "/certificates/" : "/operations/", id ? id : outcome->operation_id, NULL);
    call->retry_after = id ? 0 : RA_OPERATION_RETRY_SECONDS;
}

/* After COMMIT: a worker asks the CA; whoever is quick enough gets the certificate with this answer, others follow the operation. */
static int wait_for_ca(ra_call_t *call)
{
    ra_t *ra = call->act.ra;
    apr_pool_t *pool = call->request->pool;
    outcome_t outcome = {.call = call, .answer = ra_json_object_make(pool)};
    char *operation_id, *job_id = apr_strtok(apr_pstrdup(pool, call->after_baton), " ", &operation_id);

    outcome.operation_id = operation_id;
    ra_production_run_now(ra, operation_id, job_id, ra_call_wait(call), pool);
    if (ra_store_run(ra->store, RA_TX_READ, read_outcome, &outcome, ra_result_make(pool), pool) != APR_SUCCESS) {
        return 0;
    }
    answer_outcome(call, &outcome);
    return 1;
}

apr_status_t ra_produce_certificate(ra_call_t *call)
{
    ra_application_t *application;
    const char *job_id;
    apr_status_t status = open_application(call, &application);

    if (status == APR_SUCCESS) {
        status = ra_production_request(&call->act, application, call->body, &job_id);
    }
    if (status == APR_SUCCESS) {
        call->answer = ra_operation_queued(&call->act, application);
        call->status = 202;
        call->version = application->version;
        call->location = apr_pstrcat(call->act.tx->pool, "/operations/", application->operation_id, NULL);
        call->retry_after = RA_OPERATION_RETRY_SECONDS;
        call->after_commit = wait_for_ca;
        call->after_baton = apr_pstrcat(call->request->pool, job_id, " ", application->operation_id, NULL);
    }
    return status;
}
