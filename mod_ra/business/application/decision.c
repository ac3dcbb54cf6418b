/* Signed decisions. Layer: business. */
#include "business/application/decision.h"

#include <apr_strings.h>
#include <string.h>

#include "base/cms.h"
#include "base/ident.h"

#define FORMAT "mod_ra-review-1" /* of the statement; another content is another format */

static const char *word_of(ra_decision_e decision)
{
    return decision == RA_DECISION_NO ? "reject" : "approve";
}

/* --- the statement ---------------------------------------------------------------------------------------------- */

static apr_status_t state(ra_bytes_t *pstatement, const ra_act_t *act, const ra_application_t *application, ra_decision_e decision)
{
    ra_json_t *statement = ra_json_object_make(act->tx->pool), *snapshot;
    ra_json_error_t error;

    if (!application->snapshot || ra_json_parse(&snapshot, application->snapshot, strlen(application->snapshot), &ra_json_limits_document,
                                                &error, act->tx->pool) != APR_SUCCESS) {
        return ra_refuse(act->tx->result, RA_PROBLEM_INTERNAL, "an application that awaits its review has no readable snapshot");
    }
    ra_json_set_string(statement, "format", FORMAT);
    ra_json_set_string(statement, "application_id", application->id);
    ra_json_set_string(statement, "number", application->number);
    ra_json_set_string(statement, "business", application->business->name);
    ra_json_set_int(statement, "version", application->version);
    ra_json_set_string(statement, "decision", word_of(decision));
    ra_json_set_string(statement, "snapshot_sha256", application->snapshot_sha256);
    ra_json_set_copy(statement, "snapshot", snapshot);
    *pstatement = ra_bytes_text(ra_json_canonical(statement, act->tx->pool));
    return APR_SUCCESS;
}

apr_status_t ra_decision_statement(ra_bytes_t *pstatement, const ra_act_t *act, const ra_application_t *application, ra_decision_e decision)
{
    apr_status_t status = ra_application_may(act, application, (ra_action_e)RA_STEP_REVIEW, decision);

    return status == APR_SUCCESS ? state(pstatement, act, application, decision) : status;
}

/* --- the signature ---------------------------------------------------------------------------------------------- */

static apr_status_t refuse(const ra_act_t *act, const char *problem, const char *violation, const char *why)
{
    ra_result_violation(act->tx->result, "/signature", violation);
    return ra_refuse(act->tx->result, problem, why);
}

/* The same bytes serve once. (Other bytes of an old signature are bound to what they were made for.) */
static apr_status_t check_fresh(const ra_act_t *act, const ra_cms_t *cms)
{
    apr_int64_t found;
    apr_status_t status = ra_sql_int(act->tx, &found, "SELECT 1 FROM decision_signatures WHERE signature_sha256 = ?",
                                     RA_VALUES(ra_v_hash(cms->sha256)));

    if (status == APR_SUCCESS) {
        return refuse(act, RA_PROBLEM_DECISION_SIGNATURE_REPLAYED, RA_VIOLATION_TAKEN, "the same signature again");
    }
    return status == APR_ENOENT ? APR_SUCCESS : status;
}

/* The certificate is one of those bound to the caller, and in force here and now. */
static apr_status_t check_signer(const ra_act_t *act, const ra_cms_t *cms)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row,
                                     "SELECT principal_id AS principal_id, disabled_at AS disabled_at,"
                                     " IF(UTC_TIMESTAMP(6) BETWEEN not_before AND not_after, 1, 0) AS in_time FROM credentials WHERE sha256 = ?",
                                     RA_VALUES(ra_v_hash(cms->signer->sha256)));

    if (status == APR_ENOENT) {
        return refuse(act, RA_PROBLEM_DECISION_SIGNATURE_CERTIFICATE, RA_VIOLATION_UNKNOWN_REFERENCE, "a certificate that is nobody's");
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    if (strcmp(ra_json_get_string(row, "principal_id"), act->who->id) != 0) {
        return refuse(act, RA_PROBLEM_DECISION_SIGNATURE_PERSON, RA_VIOLATION_NOT_ALLOWED, "the certificate of somebody else");
    }
    if (ra_json_get(row, "disabled_at") || !ra_json_get_int(row, "in_time", 0)) {
        return refuse(act, RA_PROBLEM_DECISION_SIGNATURE_CERTIFICATE, RA_VIOLATION_NOT_ALLOWED, "a disabled or expired certificate");
    }
    return APR_SUCCESS;
}

typedef struct decision_t {
    const ra_application_t *application;
    ra_decision_e decision;
    ra_bytes_t statement;
    unsigned char statement_sha256[RA_SHA256_BYTES];
    const ra_cms_t *cms;
} decision_t;

static apr_status_t insert(const ra_act_t *act, const decision_t *decision)
{
    const ra_cms_t *cms = decision->cms;
    apr_status_t status = ra_sql_change(
        act->tx, NULL,
        "INSERT INTO decision_signatures (id, application_id, version, step, decision, statement, statement_sha256, signature,"
        " signature_sha256, certificate, certificate_sha256, signed_by, signed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))",
        RA_VALUES(ra_v_uuid(ra_uuid_make(act->tx->pool)), ra_v_uuid(decision->application->id), ra_v_int(decision->application->version),
                  ra_v_text(ra_step_name(RA_STEP_REVIEW)), ra_v_text(word_of(decision->decision)), ra_v_bytes(decision->statement),
                  ra_v_hash(decision->statement_sha256), ra_v_bytes(cms->der), ra_v_hash(cms->sha256), ra_v_bytes(cms->signer->der),
                  ra_v_hash(cms->signer->sha256), ra_v_uuid(act->who->id)));

    return status == APR_EEXIST ? RA_ERETRY : status;
}

static ra_json_t *record_of(const ra_act_t *act, const decision_t *decision)
{
    apr_pool_t *pool = act->tx->pool;
    ra_json_t *record = ra_json_object_make(pool);

    ra_json_set_string(record, "statement_sha256", ra_hex(ra_bytes_of(decision->statement_sha256, RA_SHA256_BYTES), pool));
    ra_json_set_string(record, "signature_sha256", ra_hex(ra_bytes_of(decision->cms->sha256, RA_SHA256_BYTES), pool));
    ra_json_set_string(record, "certificate_sha256", ra_hex(ra_bytes_of(decision->cms->signer->sha256, RA_SHA256_BYTES), pool));
    return record;
}

static apr_status_t check(const ra_act_t *act, decision_t *decision)
{
    apr_status_t status = check_fresh(act, decision->cms);

    if (status == APR_SUCCESS) {
        status = check_signer(act, decision->cms);
    }
    if (status == APR_SUCCESS) {
        status = state(&decision->statement, act, decision->application, decision->decision);
    }
    if (status == APR_SUCCESS && !ra_cms_is_over(decision->cms, decision->statement)) {
        return refuse(act, RA_PROBLEM_DECISION_SIGNATURE_MISMATCH, RA_VIOLATION_NOT_AS_APPLIED, "not over this application, version, snapshot and decision");
    }
    return status;
}

const char *ra_signing_name(ra_signing_e signing)
{
    static const char *const names[RA_SIGNING_COUNT] = {
        [RA_SIGNING_OPTIONAL] = "optional", [RA_SIGNING_OFF] = "off", [RA_SIGNING_REQUIRED] = "required"};

    return names[signing];
}

static apr_status_t check_presence(const ra_act_t *act, const char *signature)
{
    ra_signing_e signing = (ra_signing_e)act->ra->settings->signed_decisions;

    if (!signature && signing == RA_SIGNING_REQUIRED) {
        return refuse(act, RA_PROBLEM_DECISION_SIGNATURE_MISSING, RA_VIOLATION_REQUIRED, NULL);
    }
    if (signature && signing == RA_SIGNING_OFF) {
        return refuse(act, RA_PROBLEM_DECISION_SIGNATURE_UNEXPECTED, RA_VIOLATION_NOT_ALLOWED, NULL);
    }
    return APR_SUCCESS;
}

apr_status_t ra_decision_keep(ra_json_t **precord, const ra_act_t *act, const ra_application_t *application, ra_decision_e decision,
                              const char *signature)
{
    decision_t made = {.application = application, .decision = decision};
    ra_cms_t *cms;
    const char *wrong;
    apr_status_t status = check_presence(act, signature);

    *precord = NULL;
    if (status != APR_SUCCESS || !signature) {
        return status;
    }
    if (ra_cms_read(&cms, signature, &wrong, act->tx->pool) != APR_SUCCESS) {
        ra_result_param(act->tx->result, "reason", wrong);
        return refuse(act, RA_PROBLEM_DECISION_SIGNATURE_MALFORMED, RA_VIOLATION_MALFORMED, wrong);
    }
    made.cms = cms;
    status = check(act, &made);
    if (status == APR_SUCCESS) {
        ra_sha256(made.statement_sha256, made.statement.data, made.statement.len);
        status = insert(act, &made);
    }
    if (status == APR_SUCCESS) {
        *precord = record_of(act, &made);
    }
    return status;
}

/* --- the evidence ----------------------------------------------------------------------------------------------- */

static const char list_sql[] =
    "SELECT s.id AS id, s.step AS step, s.decision AS decision, s.version AS version, CONVERT(s.statement USING utf8mb4) AS statement,"
    " s.statement_sha256 AS statement_sha256, s.signature AS `signature:b64`, s.signature_sha256 AS signature_sha256,"
    " s.certificate AS `certificate:b64`, s.certificate_sha256 AS certificate_sha256, s.signed_by AS `signed_by.id`, p.name AS `signed_by.name`,"
    " s.signed_at AS signed_at FROM decision_signatures s JOIN principals p ON p.id = s.signed_by WHERE s.application_id = ? ORDER BY s.id";

static apr_status_t show_pem(ra_json_t *item, const char *member, const char *(*pem)(ra_bytes_t der, apr_pool_t *pool), apr_pool_t *pool)
{
    ra_bytes_t der;
    apr_status_t status = ra_base64url_decode(&der, ra_json_get_string(item, member), pool);

    if (status == APR_SUCCESS) {
        ra_json_remove(item, member);
        ra_json_set_string(item, member, pem(der, pool));
    }
    return status;
}

apr_status_t ra_decision_list(ra_json_t **pitems, const ra_act_t *act, const char *application_id)
{
    apr_pool_t *pool = act->tx->pool;
    ra_json_t *rows;
    apr_status_t status = ra_sql_rows(act->tx, &rows, list_sql, RA_VALUES(ra_v_uuid(application_id)));

    *pitems = ra_json_array_make(pool);
    for (const ra_json_t *row = ra_json_first(rows); status == APR_SUCCESS && row; row = ra_json_next(row)) {
        ra_json_t *item = ra_json_merge_patch(row, ra_json_object_make(pool), pool);

        status = show_pem(item, "signature", ra_cms_pem, pool);
        if (status == APR_SUCCESS) {
            status = show_pem(item, "certificate", ra_cert_pem, pool);
        }
        ra_json_add_copy(*pitems, item);
    }
    return status;
}
