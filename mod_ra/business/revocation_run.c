/*
 * One attempt to revoke, hold or release at the upstream CA, run as an outbox job.
 * Layer: business. Thread rule: one thread per attempt, guarded by the job's lease and the attempt's version.
 * Repeating a revocation is harmless (ca.h), so an unknown outcome is simply tried again.
 */
#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"
#include "business/audit.h"
#include "business/certificate.h"
#include "business/revocation.h"

#define REASON_HOLD 6
#define REASON_RELEASE 8

typedef struct attempt_t {
    ra_t *ra;
    apr_pool_t *pool;
    const char *id;
    const char *state;
    apr_int64_t version;
    const char *application_id;
    const char *certificate_id;
    int is_effect;         /* the application waits for it; otherwise it ends a replaced certificate */
    ra_ca_revocation_t revocation;
    ra_ca_exchange_t exchange;
} attempt_t;

static apr_status_t read_attempt(ra_tx_t *tx, void *baton)
{
    attempt_t *attempt = baton;
    apr_pool_t *pool = attempt->pool;
    ra_bytes_t bytes;
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row,
                                     "SELECT t.state AS state, t.version AS version, t.application_id AS application_id, c.id AS certificate_id,"
                                     " a.state AS application_state, t.revocation_reason AS reason, t.transaction_id AS `transaction_id:b64`,"
                                     " c.der AS `der:b64`, c.serial AS serial FROM ca_attempts t JOIN certificates c ON c.id = t.target_certificate_id"
                                     " JOIN applications a ON a.id = t.application_id WHERE t.id = ?",
                                     RA_VALUES(ra_v_uuid(attempt->id)));

    if (status != APR_SUCCESS) {
        return status;
    }
    attempt->state = apr_pstrdup(pool, ra_json_get_string(row, "state"));
    attempt->version = ra_json_get_int(row, "version", 0);
    attempt->application_id = apr_pstrdup(pool, ra_json_get_string(row, "application_id"));
    attempt->certificate_id = apr_pstrdup(pool, ra_json_get_string(row, "certificate_id"));
    attempt->is_effect = ra_state_of(ra_json_get_string(row, "application_state")) == RA_STATE_AWAITING_EXECUTION;
    attempt->revocation.serial = apr_pstrdup(pool, ra_json_get_string(row, "serial"));
    attempt->revocation.reason = (int)ra_json_get_int(row, "reason", 0);
    status = ra_base64url_decode(&attempt->revocation.certificate, ra_json_get_string(row, "der"), pool);
    if (status == APR_SUCCESS) {
        status = ra_base64url_decode(&bytes, ra_json_get_string(row, "transaction_id"), pool);
    }
    if (status == APR_SUCCESS && bytes.len == sizeof(attempt->exchange.transaction_id)) {
        memcpy(attempt->exchange.transaction_id, bytes.data, bytes.len);
    }
    return status;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

typedef struct outcome_t {
    attempt_t *attempt;
    const char *state;
    const char *word;
} outcome_t;

static const char *const certificate_sql[] = {
    "UPDATE certificates SET revoked_at = UTC_TIMESTAMP(6), suspended_at = NULL, revocation_reason = ?, version = version + 1 WHERE id = ?",
    "UPDATE certificates SET suspended_at = UTC_TIMESTAMP(6), revocation_reason = ?, version = version + 1 WHERE id = ?",
    "UPDATE certificates SET suspended_at = NULL, revocation_reason = IF(? IS NULL, NULL, NULL), version = version + 1 WHERE id = ?",
};

static const char *reason_word(int reason)
{
    static const char *const words[] = {"unspecified", "key_compromise", "ca_compromise", "affiliation_changed", "superseded",
                                        "cessation_of_operation", "certificate_hold"};

    return reason >= 0 && reason <= REASON_HOLD ? words[reason] : NULL;
}

static apr_status_t change_certificate(ra_tx_t *tx, const attempt_t *attempt)
{
    int reason = attempt->revocation.reason;
    int which = reason == REASON_HOLD ? 1 : reason == REASON_RELEASE ? 2 : 0;

    return ra_sql_change(tx, NULL, certificate_sql[which], RA_VALUES(ra_v_text(reason_word(reason)), ra_v_uuid(attempt->certificate_id)));
}

/* Where the act itself was the revocation, the application goes on (or back to the review); otherwise it does not wait for this. */
static apr_status_t move_application(ra_tx_t *tx, const outcome_t *outcome, ra_action_e action)
{
    const attempt_t *attempt = outcome->attempt;
    ra_act_t act = {attempt->ra, tx, NULL};
    ra_step_t step = {.action = action, .outcome = outcome->word, .reason = action == RA_ACTION_MADE ? NULL : attempt->exchange.reason_text};
    ra_application_t *application;
    apr_status_t status = ra_application_read(&application, &act, attempt->application_id);

    if (status != APR_SUCCESS || !attempt->is_effect) {
        return status;
    }
    return ra_application_move(&act, application, &step);
}

static apr_status_t write_audit(ra_tx_t *tx, const outcome_t *outcome)
{
    const attempt_t *attempt = outcome->attempt;
    ra_act_t act = {attempt->ra, tx, NULL};
    ra_json_t *detail = ra_json_object_make(tx->pool);
    ra_audit_t audit = {.event = "certificate_status_changed", .outcome = "done", .object_type = "certificate",
                        .object_id = attempt->certificate_id, .detail = detail};

    ra_json_set_string(detail, "serial", attempt->revocation.serial);
    ra_json_set_int(detail, "reason", attempt->revocation.reason);
    ra_json_set_string(detail, "outcome", outcome->word);
    ra_json_set_string(detail, "operation_id", attempt->id);
    return ra_audit_write(&act, &audit);
}

static apr_status_t write_outcome(ra_tx_t *tx, void *baton)
{
    const outcome_t *outcome = baton;
    const attempt_t *attempt = outcome->attempt;
    int done = strcmp(outcome->state, "done") == 0, rejected = strcmp(outcome->state, "rejected") == 0;
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(tx, &affected,
                                        "UPDATE ca_attempts SET state = ?, version = version + 1, tries = tries + 1, reason_outcome = IF(?, NULL, ?),"
                                        " reason_text = ?, failure_bits = ?, transaction_id = IF(?, ?, transaction_id), updated_at = UTC_TIMESTAMP(6),"
                                        " next_run_at = IF(? OR ?, NULL, UTC_TIMESTAMP(6)) WHERE id = ? AND version = ?",
                                        RA_VALUES(ra_v_text(outcome->state), ra_v_int(done), ra_v_text(outcome->word),
                                                  ra_v_text(attempt->exchange.reason_text), ra_v_int(attempt->exchange.failure_bits),
                                                  ra_v_int(attempt->exchange.outcome == RA_CA_REJECTED), ra_v_uuid(ra_uuid_make(tx->pool)),
                                                  ra_v_int(done), ra_v_int(rejected), ra_v_uuid(attempt->id), ra_v_int(attempt->version)));

    if (status == APR_SUCCESS && affected != 1) {
        return APR_ENOENT;
    }
    if (status == APR_SUCCESS && done) {
        status = change_certificate(tx, attempt);
    }
    if (status == APR_SUCCESS && (done || rejected)) {
        status = move_application(tx, outcome, done ? RA_ACTION_MADE : RA_ACTION_NOT_MADE);
    }
    return status == APR_SUCCESS && (done || rejected) ? write_audit(tx, outcome) : status;
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

/* Nothing to store before sending: the attempt's row is the intent, and a repetition is harmless. */
static apr_status_t before_send(void *baton, ra_bytes_t request, ra_bytes_t nonce)
{
    (void)baton;
    (void)request;
    (void)nonce;
    return APR_SUCCESS;
}

static ra_job_verdict_e judge(outcome_t *outcome)
{
    switch (outcome->attempt->exchange.outcome) {
    case RA_CA_DONE:
        outcome->state = outcome->word = "done";
        return RA_JOB_DONE;
    case RA_CA_REJECTED:
        outcome->word = "rejected";
        /* The reviewer decides anew about an act; a replaced certificate must end, so the CA is asked again. */
        outcome->state = outcome->attempt->is_effect ? "rejected" : "prepared";
        return outcome->attempt->is_effect ? RA_JOB_DONE : RA_JOB_LATER;
    case RA_CA_NOT_SENT:
        outcome->state = "prepared";
        outcome->word = "not_sent";
        return RA_JOB_LATER;
    default:
        outcome->state = outcome->word = "unknown";
        return RA_JOB_LATER;
    }
}

ra_job_verdict_e ra_revocation_run(void *context, const ra_job_t *job, int *later, apr_pool_t *pool)
{
    attempt_t *attempt = apr_pcalloc(pool, sizeof(*attempt));
    ra_result_t *result = ra_result_make(pool);
    outcome_t outcome = {attempt, NULL, NULL};
    ra_job_verdict_e verdict;

    (void)later;
    attempt->ra = context;
    attempt->pool = pool;
    attempt->id = job->subject;
    if (!attempt->ra->ca || ra_store_run(attempt->ra->store, RA_TX_READ, read_attempt, attempt, result, pool) != APR_SUCCESS) {
        return RA_JOB_LATER;
    }
    if (strcmp(attempt->state, "done") == 0 || strcmp(attempt->state, "rejected") == 0 || strcmp(attempt->state, "settled") == 0) {
        return RA_JOB_DONE;
    }
    attempt->exchange.revocation = &attempt->revocation;
    attempt->exchange.timeout = attempt->ra->settings->upstream_timeout;
    attempt->exchange.callbacks.baton = attempt;
    attempt->exchange.callbacks.before_send = before_send;
    attempt->ra->ca->adapter->revoke(attempt->ra->ca, &attempt->exchange, pool);
    verdict = judge(&outcome);
    if (verdict != RA_JOB_DONE || strcmp(outcome.state, "rejected") == 0) {
        attempt->ra->outbox->log(1, "RA0421", apr_pstrcat(pool, "revocation ", attempt->id, ": ", outcome.word, ": ",
                                                          attempt->exchange.reason_text ? attempt->exchange.reason_text : "-", NULL));
    }
    return ra_store_run(attempt->ra->store, RA_TX_WRITE, write_outcome, &outcome, result, pool) == APR_SUCCESS ? verdict : RA_JOB_LATER;
}
