/* The steps of a business: their forms' rules and records. Layer: business. */
#include "business/lifecycle/steps.h"

#include <apr_strings.h>
#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"
#include "business/application/decision.h"
#include "business/application/subscriber_record.h"
#include "business/ca/pair.h"
#include "business/ca/revocation.h"
#include "business/certificate/certificate_history.h"
#include "business/certificate/profile.h"
#include "business/lifecycle/target.h"

/* Checks the form beyond its schema and writes what the step settles besides the application's row. */
typedef apr_status_t (*step_rule_fn)(const ra_act_t *act, ra_application_t *application, const ra_json_t *form);

static apr_status_t refuse_at(const ra_act_t *act, const char *pointer, const char *violation, const char *problem)
{
    ra_result_violation(act->tx->result, pointer, violation);
    return ra_refuse(act->tx->result, problem, NULL);
}

/* --- acceptance 受理 -------------------------------------------------------------------------------------------- */

static const ra_json_t *find_material(const ra_json_t *materials, const char *name)
{
    for (const ra_json_t *item = ra_json_first(materials); item; item = ra_json_next(item)) {
        if (strcmp(ra_json_get_string(item, "material"), name) == 0) {
            return item;
        }
    }
    return NULL;
}

static const char *violation_of_material(const ra_application_t *application, unsigned bit, const ra_json_t *material)
{
    if (!material || !ra_json_get_bool(material, "received", 0)) {
        return RA_VIOLATION_MATERIAL_MISSING;
    }
    if (bit == RA_MATERIAL_WIRE_VOUCHER) {
        return NULL;
    }
    /* §2: copies of organisations and servers carry the seal; a person's form carries the signature instead */
    if (application->kind != RA_KIND_PERSON) {
        return ra_json_get_bool(material, "sealed", 0) ? NULL : RA_VIOLATION_MATERIAL_NOT_SEALED;
    }
    return bit != RA_MATERIAL_APPLICATION_FORM || ra_json_get_bool(material, "signed", 0) ? NULL : RA_VIOLATION_MATERIAL_NOT_SIGNED;
}

static apr_status_t check_materials(const ra_act_t *act, const ra_application_t *application, const ra_json_t *form)
{
    const char *method = ra_json_get_string(ra_json_get(form, "payment"), "method");
    unsigned wanted = application->business->materials[application->kind];
    int missing = 0;

    if (method && strcmp(method, "wire") == 0) {
        wanted |= RA_MATERIAL_WIRE_VOUCHER;
    }
    for (unsigned bit = 1; bit < 1u << RA_MATERIAL_COUNT; bit <<= 1) {
        const char *name = ra_material_name(bit);
        const char *violation = wanted & bit ? violation_of_material(application, bit, find_material(ra_json_get(form, "materials"), name)) : NULL;

        if (violation) {
            ra_result_violation_param(act->tx->result, "/materials", violation, "material", name);
            missing = 1;
        }
    }
    return missing ? ra_refuse(act->tx->result, RA_PROBLEM_MATERIALS_INCOMPLETE, NULL) : APR_SUCCESS;
}

static apr_status_t check_unique(const ra_act_t *act, const ra_json_t *materials)
{
    for (const ra_json_t *item = ra_json_first(materials); item; item = ra_json_next(item)) {
        if (find_material(materials, ra_json_get_string(item, "material")) != item) {
            return refuse_at(act, "/materials", RA_VIOLATION_NOT_UNIQUE, RA_PROBLEM_MATERIALS_INCOMPLETE);
        }
    }
    return APR_SUCCESS;
}

/* What an earlier acceptance wrote. It is looked for first: a DELETE that finds nothing locks the gap where the next applications go, and two of them block each other. */
static apr_status_t forget_acceptance(const ra_act_t *act, const ra_application_t *application)
{
    apr_int64_t found;
    apr_status_t status = ra_sql_int(act->tx, &found,
                                     "SELECT (SELECT COUNT(*) FROM application_materials WHERE application_id = a.id)"
                                     " + (SELECT COUNT(*) FROM payments WHERE application_id = a.id) FROM applications a WHERE a.id = ?",
                                     RA_VALUES(ra_v_uuid(application->id)));

    if (status == APR_SUCCESS && found > 0) {
        status = ra_sql_change(act->tx, NULL, "DELETE FROM application_materials WHERE application_id = ?", RA_VALUES(ra_v_uuid(application->id)));
    }
    return status == APR_SUCCESS && found > 0
               ? ra_sql_change(act->tx, NULL, "DELETE FROM payments WHERE application_id = ?", RA_VALUES(ra_v_uuid(application->id)))
               : status;
}

/* All in one statement, which is put together from constants only; every value is bound. */
static apr_status_t write_materials(const ra_act_t *act, const ra_application_t *application, const ra_json_t *materials)
{
    apr_pool_t *pool = act->tx->pool;
    ra_value_t *values = apr_palloc(pool, sizeof(*values) * 7 * (apr_size_t)(ra_json_size(materials) + 1));
    const char *sql = "INSERT INTO application_materials (application_id, material, received, sealed, signed, note, recorded_by, recorded_at) VALUES";
    int count = 0;
    apr_status_t status;

    for (const ra_json_t *item = ra_json_first(materials); item; item = ra_json_next(item)) {
        sql = apr_pstrcat(pool, sql, count ? "," : "", " (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))", NULL);
        values[count++] = ra_v_uuid(application->id);
        values[count++] = ra_v_text(ra_json_get_string(item, "material"));
        values[count++] = ra_v_int(ra_json_get_bool(item, "received", 0));
        values[count++] = ra_v_int(ra_json_get_bool(item, "sealed", 0));
        values[count++] = ra_v_int(ra_json_get_bool(item, "signed", 0));
        values[count++] = ra_v_text(ra_json_get_string(item, "note"));
        values[count++] = ra_v_uuid(act->who->id);
    }
    status = count ? ra_sql_change(act->tx, NULL, sql, (ra_values_t){values, count}) : APR_SUCCESS;
    return status == APR_EEXIST ? RA_ERETRY : status; /* another acceptance of the same application was faster */
}

static apr_status_t write_payment(const ra_act_t *act, const ra_application_t *application, const ra_json_t *payment)
{
    const char *receipt = ra_json_get_string(payment, "receipt_number");
    const char *document = receipt ? receipt : ra_json_get_string(payment, "voucher_number");
    apr_status_t status;

    if (!payment) {
        return APR_SUCCESS;
    }
    status = ra_sql_change(act->tx, NULL,
                           "INSERT INTO payments (application_id, method, amount, document, waiver_reason, recorded_by, recorded_at)"
                           " VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))",
                           RA_VALUES(ra_v_uuid(application->id), ra_v_text(ra_json_get_string(payment, "method")),
                                     ra_v_int(ra_json_get_int(payment, "amount", 0)), ra_v_text(document),
                                     ra_v_text(ra_json_get_string(payment, "waiver_reason")), ra_v_uuid(act->who->id)));
    if (status == APR_EEXIST && strcmp(ra_sql_duplicate_key(act->tx), "PRIMARY") == 0) {
        return RA_ERETRY;
    }
    return status == APR_EEXIST ? refuse_at(act, receipt ? "/payment/receipt_number" : "/payment/voucher_number", RA_VIOLATION_TAKEN,
                                            RA_PROBLEM_PAYMENT_DUPLICATE)
                                : status;
}

static apr_status_t rule_acceptance(const ra_act_t *act, ra_application_t *application, const ra_json_t *form)
{
    const ra_json_t *payment = ra_json_get(form, "payment");
    apr_status_t status = check_materials(act, application, form);

    if (status == APR_SUCCESS) {
        status = check_unique(act, ra_json_get(form, "materials"));
    }
    /* §8a: the subscriber is told that the lost certificate becomes void */
    if (status == APR_SUCCESS && application->business->tells_void && !ra_json_get_bool(form, "subscriber_told", 0)) {
        return refuse_at(act, "/subscriber_told", RA_VIOLATION_REQUIRED, RA_PROBLEM_PARTICULARS_MISSING);
    }

    if (status == APR_SUCCESS && application->business->fee && !payment) {
        return refuse_at(act, "/payment", RA_VIOLATION_REQUIRED, RA_PROBLEM_PAYMENT_MISSING);
    }
    if (status == APR_SUCCESS) {
        status = forget_acceptance(act, application);
    }
    if (status == APR_SUCCESS) {
        status = write_materials(act, application, ra_json_get(form, "materials"));
    }
    return status == APR_SUCCESS ? write_payment(act, application, payment) : status;
}

/* --- entry 录入 and review 审核 --------------------------------------------------------------------------------- */

/* What is hidden in a name would be in the certificate as well. */
static apr_status_t check_subject(const ra_act_t *act, const ra_json_t *subject)
{
    for (const ra_json_t *member = ra_json_first(subject); member; member = ra_json_next(member)) {
        if (!ra_text_clean(ra_json_string(member), act->tx->pool) || ra_text_is_deceptive(ra_json_string(member))) {
            return refuse_at(act, apr_pstrcat(act->tx->pool, "/certificate/subject/", ra_json_name(member), NULL),
                             RA_VIOLATION_DECEPTIVE_CHARACTERS, RA_PROBLEM_DECEPTIVE_NAME);
        }
    }
    return APR_SUCCESS;
}

static apr_status_t check_addresses(const ra_act_t *act, const ra_json_t *addresses)
{
    unsigned char binary[sizeof(struct in6_addr)];
    int place = 0;

    for (const ra_json_t *address = ra_json_first(addresses); address; address = ra_json_next(address), place++) {
        if (inet_pton(AF_INET, ra_json_string(address), binary) != 1 && inet_pton(AF_INET6, ra_json_string(address), binary) != 1) {
            return refuse_at(act, apr_psprintf(act->tx->pool, "/certificate/ip_addresses/%d", place), RA_VIOLATION_MALFORMED,
                             RA_PROBLEM_SAN_NOT_ALLOWED);
        }
    }
    return APR_SUCCESS;
}

static apr_status_t check_certificate(const ra_act_t *act, ra_application_t *application, const ra_json_t *certificate)
{
    int names = ra_json_size(ra_json_get(certificate, "dns_names")) + ra_json_size(ra_json_get(certificate, "ip_addresses"));
    const char *common_name = ra_json_get_string(ra_json_get(certificate, "subject"), "common_name");
    apr_status_t status;

    /* The certificate is made for the name that the agency and the counter saw. */
    if (strcmp(common_name, application->subject_name) != 0) {
        return refuse_at(act, "/certificate/subject/common_name", RA_VIOLATION_NOT_AS_APPLIED, RA_PROBLEM_NAME_NOT_ALLOWED);
    }
    if (application->kind == RA_KIND_SERVER && names == 0) {
        return refuse_at(act, "/certificate/dns_names", RA_VIOLATION_REQUIRED, RA_PROBLEM_SAN_MISSING);
    }
    if (application->kind != RA_KIND_SERVER && names > 0) {
        return refuse_at(act, "/certificate/dns_names", RA_VIOLATION_NOT_AS_APPLIED, RA_PROBLEM_SAN_NOT_ALLOWED);
    }
    if (ra_json_get_int(certificate, "validity_years", 0) > application->validity_years) {
        return refuse_at(act, "/certificate/validity_years", RA_VIOLATION_NOT_AS_APPLIED, RA_PROBLEM_VALIDITY_TOO_LONG);
    }
    status = ra_pair_check_algorithms(act, application, ra_json_get(certificate, "key_algorithms"));
    if (status == APR_SUCCESS) {
        status = check_subject(act, ra_json_get(certificate, "subject"));
    }
    if (status == APR_SUCCESS) {
        status = check_addresses(act, ra_json_get(certificate, "ip_addresses"));
    }
    return status == APR_SUCCESS ? ra_snapshot_build(act, application, certificate) : status;
}

static apr_status_t rule_entry(const ra_act_t *act, ra_application_t *application, const ra_json_t *form)
{
    const ra_json_t *certificate = ra_json_get(form, "certificate");

    if (application->business->effect != RA_EFFECT_NONE) {
        return certificate ? refuse_at(act, "/certificate", RA_VIOLATION_NOT_ALLOWED, RA_PROBLEM_BODY_INVALID)
                           : ra_snapshot_of_act(act, application);
    }
    if (!certificate) {
        return refuse_at(act, "/certificate", RA_VIOLATION_REQUIRED, RA_PROBLEM_BODY_INVALID);
    }
    return check_certificate(act, application, certificate);
}

static apr_status_t rule_review(const ra_act_t *act, ra_application_t *application, const ra_json_t *form)
{
    const char *seen = ra_json_get_string(form, "snapshot_sha256");
    apr_status_t status;

    if (seen && strcmp(seen, application->snapshot_sha256) != 0) {
        return refuse_at(act, "/snapshot_sha256", RA_VIOLATION_NOT_AS_APPLIED, RA_PROBLEM_SNAPSHOT_MISMATCH);
    }
    /* What the RA opened by itself repeats old data: nothing is confirmed. */
    if (application->business->by_ra) {
        return APR_SUCCESS;
    }
    status = ra_target_is_still_taken(act, application);
    return status == APR_SUCCESS ? ra_subscriber_confirm(act, application) : status;
}

/* --- hand-over 发放, archive 归档 ------------------------------------------------------------------------------- */

/* Every named check must be true. */
static apr_status_t demand_true(const ra_act_t *act, const ra_json_t *object, const char *base, const char *const *names, const char *problem)
{
    int failed = 0;

    for (; *names; names++) {
        if (!ra_json_get_bool(object, *names, 0)) {
            ra_result_violation(act->tx->result, apr_pstrcat(act->tx->pool, base, "/", *names, NULL), RA_VIOLATION_NOT_CHECKED);
            failed = 1;
        }
    }
    return failed ? ra_refuse(act->tx->result, problem, NULL) : APR_SUCCESS;
}

static apr_status_t rule_handover(const ra_act_t *act, ra_application_t *application, const ra_json_t *form)
{
    static const char *const checks[] = {"passed", "subject_checked", "validity_checked", "key_checked", NULL};
    apr_status_t status = demand_true(act, ra_json_get(form, "inspection"), "/inspection", checks, RA_PROBLEM_INSPECTION_FAILED);

    return status == APR_SUCCESS ? ra_pair_hand_over(act, application) : status;
}

/* Copies 1 and 2 of the form go to the archivist, copy 3 stays with the subscriber (§3-§8). */
static apr_status_t rule_archive(const ra_act_t *act, ra_application_t *application, const ra_json_t *form)
{
    static const char *const checks[] = {"electronic_checked", "paper_complete", NULL};
    unsigned copies = 0;

    (void)application;
    for (const ra_json_t *copy = ra_json_first(ra_json_get(form, "form_copies")); copy; copy = ra_json_next(copy)) {
        copies |= 1u << ra_json_int(copy, 0);
    }
    if ((copies & 6u) != 6u) {
        ra_result_violation_param(act->tx->result, "/form_copies", RA_VIOLATION_FORM_COPY_MISSING, "copy", copies & 2u ? "2" : "1");
        return ra_refuse(act->tx->result, RA_PROBLEM_ARCHIVE_INCOMPLETE, NULL);
    }
    return demand_true(act, form, "", checks, RA_PROBLEM_ARCHIVE_INCOMPLETE);
}

/* §7: seal, handler's ID and the EKey itself are there */
static apr_status_t rule_operation(const ra_act_t *act, ra_application_t *application, const ra_json_t *form)
{
    static const char *const checks[] = {"token_present", "identity_checked", "seal_present", NULL};

    (void)application;
    return demand_true(act, form, "", checks, RA_PROBLEM_INSPECTION_FAILED);
}

static apr_status_t rule_withdrawal(const ra_act_t *act, ra_application_t *application, const ra_json_t *form)
{
    (void)form;
    return ra_pair_withdraw(act, application);
}

static apr_status_t rule_completion(const ra_act_t *act, ra_application_t *application, const ra_json_t *form)
{
    (void)form;
    return ra_revocation_is_settled(act, application);
}

/* --- the table -------------------------------------------------------------------------------------------------- */

static const step_rule_fn rules[RA_ACTION_COUNT] = {
    [RA_STEP_ACCEPTANCE] = rule_acceptance,
    [RA_STEP_ENTRY] = rule_entry,
    [RA_STEP_REVIEW] = rule_review,
    [RA_STEP_HANDOVER] = rule_handover,
    [RA_STEP_OPERATION] = rule_operation,
    [RA_STEP_ARCHIVE] = rule_archive,
    [RA_STEP_COMPLETION] = rule_completion,
    [RA_ACTION_WITHDRAWAL] = rule_withdrawal,
};

/* Who took the certificate is kept by name; of an ID number only the last four characters stay in the record. */
static const ra_json_t *without_id_number(const ra_act_t *act, const ra_json_t *form)
{
    const char *number = ra_json_get_string(ra_json_pointer(form, "/recipient/id_document"), "number");
    ra_json_t *record, *document;
    apr_size_t len = number ? strlen(number) : 0;

    if (!number) {
        return form;
    }
    record = ra_json_merge_patch(form, ra_json_object_make(act->tx->pool), act->tx->pool);
    document = ra_json_get_mutable(ra_json_get_mutable(record, "recipient"), "id_document");
    ra_json_set_string(document, "number", apr_pstrcat(act->tx->pool, "****", len > 4 ? number + len - 4 : "", NULL));
    return record;
}

/* The record names the signature by its hash; the signature itself is kept as evidence. */
static apr_status_t keep_signature(ra_step_t *step, const ra_act_t *act, const ra_application_t *application, const ra_json_t *form)
{
    ra_json_t *signature, *record;
    apr_status_t status = ra_decision_keep(&signature, act, application, step->decision, ra_json_get_string(form, "signature"));

    if (status == APR_SUCCESS && signature) {
        record = ra_json_merge_patch(form, ra_json_object_make(act->tx->pool), act->tx->pool);
        ra_json_remove(record, "signature");
        ra_json_set_copy(record, "signature", signature);
        step->record = record;
        step->changes = signature;
    }
    return status;
}

/* §8: what the manager does not approve stays as it is: on hold and lapsed. The certificate's history says so. */
static apr_status_t note_refusal(const ra_act_t *act, const ra_application_t *application)
{
    ra_certificate_event_t event = {.certificate_id = application->target_id, .event = "abolition_rejected", .application_id = application->id};

    return ra_certificate_note(act, &event, NULL);
}

apr_status_t ra_application_step(const ra_act_t *act, ra_application_t *application, ra_action_e action, const ra_json_t *form, const char **pjob)
{
    const char *decision = ra_json_get_string(form, "decision");
    ra_step_t step = {
        .action = action,
        .decision = decision && strcmp(decision, "reject") == 0 ? RA_DECISION_NO : RA_DECISION_YES,
        .record = without_id_number(act, form),
        .reason = ra_json_get_string(form, "reason"),
        .guidance = ra_json_get_string(form, "guidance"),
    };
    apr_status_t status = ra_application_may(act, application, action, step.decision);

    if (status == APR_SUCCESS && action == (ra_action_e)RA_STEP_REVIEW) {
        status = keep_signature(&step, act, application, form);
    }
    if (status == APR_SUCCESS && step.decision == RA_DECISION_YES && rules[action]) {
        status = rules[action](act, application, form);
    }
    if (status == APR_SUCCESS) {
        status = ra_application_move(act, application, &step);
    }
    *pjob = NULL;
    if (status == APR_SUCCESS && application->business->by_ra && step.decision == RA_DECISION_NO) {
        status = note_refusal(act, application);
    }
    return status == APR_SUCCESS && application->state == RA_STATE_AWAITING_EXECUTION ? ra_revocation_of_effect(act, application, pjob) : status;
}
