/*
 * One attempt to revoke, hold or release at the upstream CA, run as an outbox job.
 * Layer: business. Thread rule: one thread per attempt, guarded by the job's lease and the attempt's version.
 * Repeating a revocation is harmless (ca.h), so an unknown outcome is simply tried again: with the bytes that were sent, where the CA knows them again (a release that
 * was done cannot be done twice), otherwise as a new transaction, because a CA refuses other bytes under a transactionID that it has seen.
 */
#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"
#include "business/audit.h"
#include "business/certificate_history.h"
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
    int has_decider;       /* somebody decided it, and may decide anew when the CA refuses */
    int is_stored;         /* the bytes that go out are in the row already */
    int is_superfluous;    /* a release of what has been revoked since */
    ra_ca_revocation_t revocation;
    ra_ca_exchange_t exchange;
} attempt_t;

/* What may have reached the CA already: the same bytes again, or a transaction that it has not seen. */
static apr_status_t read_sent(attempt_t *attempt, const ra_json_t *row)
{
    const char *sent = ra_json_get_string(row, "sent"), *nonce = ra_json_get_string(row, "nonce");
    ra_ca_exchange_t *exchange = &attempt->exchange;

    if (!sent || !nonce) {
        return APR_SUCCESS;
    }
    if (!attempt->ra->ca->adapter->resend_is_idempotent) {
        return ra_random(exchange->transaction_id, sizeof(exchange->transaction_id));
    }
    attempt->is_stored = 1;
    return ra_base64url_decode(&exchange->sent, sent, attempt->pool) == APR_SUCCESS ? ra_base64url_decode(&exchange->sent_nonce, nonce, attempt->pool)
                                                                                     : APR_EGENERAL;
}

static apr_status_t read_attempt(ra_tx_t *tx, void *baton)
{
    attempt_t *attempt = baton;
    apr_pool_t *pool = attempt->pool;
    ra_bytes_t bytes;
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row,
                                     "SELECT t.state AS state, t.version AS version, t.application_id AS application_id, c.id AS certificate_id,"
                                     " a.state AS application_state, t.revocation_reason AS reason, t.transaction_id AS `transaction_id:b64`,"
                                     " c.der AS `der:b64`, c.serial AS serial,"
                                     " t.sent_bytes AS `sent:b64`, t.sent_nonce AS `nonce:b64`, c.revoked_at IS NOT NULL AS is_revoked, a.business AS business FROM ca_attempts t JOIN certificates c ON c.id = t.target_certificate_id"
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
    attempt->has_decider = attempt->is_effect && ra_lifecycle_first(ra_business_find(ra_json_get_string(row, "business"))) != RA_STATE_AWAITING_EXECUTION;
    attempt->revocation.serial = apr_pstrdup(pool, ra_json_get_string(row, "serial"));
    attempt->revocation.reason = (int)ra_json_get_int(row, "reason", 0);
    attempt->is_superfluous = attempt->is_effect && attempt->revocation.reason == REASON_RELEASE && ra_json_get_int(row, "is_revoked", 0);
    status = ra_base64url_decode(&attempt->revocation.certificate, ra_json_get_string(row, "der"), pool);
    if (status == APR_SUCCESS) {
        status = ra_base64url_decode(&bytes, ra_json_get_string(row, "transaction_id"), pool);
    }
    if (status == APR_SUCCESS && bytes.len == sizeof(attempt->exchange.transaction_id)) {
        memcpy(attempt->exchange.transaction_id, bytes.data, bytes.len);
    }
    return status == APR_SUCCESS ? read_sent(attempt, row) : status;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

typedef struct outcome_t {
    attempt_t *attempt;
    const char *state;
    const char *word;
} outcome_t;

static const char *const certificate_sql[] = {
    "UPDATE certificates SET revoked_at = UTC_TIMESTAMP(6), suspended_at = NULL, revocation_reason = ?, status_at = UTC_TIMESTAMP(6),"
    " version = version + 1 WHERE id = ?",
    /* From left to right: a certificate that is on hold already stays in the suspension that it is in, and so does its clock. */
    "UPDATE certificates SET suspensions = suspensions + (suspended_at IS NULL), suspension_stage = IF(suspended_at IS NULL, 0, suspension_stage),"
    " suspended_at = COALESCE(suspended_at, UTC_TIMESTAMP(6)), revocation_reason = ?, status_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = ?",
    "UPDATE certificates SET suspended_at = NULL, revocation_reason = IF(? IS NULL, NULL, NULL), status_at = UTC_TIMESTAMP(6),"
    " version = version + 1 WHERE id = ?",
};

static const char *reason_word(int reason)
{
    static const char *const words[] = {"unspecified", "key_compromise", "ca_compromise", "affiliation_changed", "superseded",
                                        "cessation_of_operation", "certificate_hold"};

    return reason >= 0 && reason <= REASON_HOLD ? words[reason] : NULL;
}

static apr_status_t change_certificate(ra_tx_t *tx, const attempt_t *attempt)
{
    static const char *const events[] = {"revoked", "suspended", "released"};
    int reason = attempt->revocation.reason;
    int which = reason == REASON_HOLD ? 1 : reason == REASON_RELEASE ? 2 : 0;
    ra_act_t act = {attempt->ra, tx, NULL};
    ra_certificate_event_t event = {.certificate_id = attempt->certificate_id, .event = events[which], .reason = reason_word(reason),
                                    .application_id = attempt->application_id};
    apr_status_t status = ra_sql_change(tx, NULL, certificate_sql[which],
                                        RA_VALUES(ra_v_text(reason_word(reason)), ra_v_uuid(attempt->certificate_id)));

    return status == APR_SUCCESS ? ra_certificate_note(&act, &event, NULL) : status;
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
    int is_answered = attempt->exchange.outcome == RA_CA_REJECTED; /* with a no: the next try is another transaction */
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(tx, &affected,
                                        "UPDATE ca_attempts SET state = ?, version = version + 1, tries = tries + 1, reason_outcome = IF(?, NULL, ?),"
                                        " reason_text = ?, failure_bits = ?, transaction_id = IF(?, ?, transaction_id),"
                                        " sent_bytes = IF(?, NULL, sent_bytes), sent_nonce = IF(?, NULL, sent_nonce), updated_at = UTC_TIMESTAMP(6),"
                                        " next_run_at = IF(? OR ?, NULL, UTC_TIMESTAMP(6)) WHERE id = ? AND version = ?",
                                        RA_VALUES(ra_v_text(outcome->state), ra_v_int(done), ra_v_text(outcome->word),
                                                  ra_v_text(attempt->exchange.reason_text), ra_v_int(attempt->exchange.failure_bits),
                                                  ra_v_int(is_answered), ra_v_uuid(ra_uuid_make(tx->pool)), ra_v_int(is_answered), ra_v_int(is_answered),
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

typedef struct sending_t {
    attempt_t *attempt;
    ra_bytes_t request;
    ra_bytes_t nonce;
} sending_t;

static apr_status_t write_sent(ra_tx_t *tx, void *baton)
{
    const sending_t *sending = baton;
    const attempt_t *attempt = sending->attempt;
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(tx, &affected,
                                        "UPDATE ca_attempts SET state = 'sent', version = version + 1, transaction_id = ?, sent_bytes = ?, sent_nonce = ?,"
                                        " updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND version = ?",
                                        RA_VALUES(ra_v_bytes(ra_bytes_of(attempt->exchange.transaction_id, sizeof(attempt->exchange.transaction_id))),
                                                  ra_v_bytes(sending->request), ra_v_bytes(sending->nonce), ra_v_uuid(attempt->id),
                                                  ra_v_int(attempt->version)));

    return status == APR_SUCCESS && affected != 1 ? APR_ENOENT : status;
}

/* The request is in the database before its first byte is on the wire. A lost COMMIT counts as not committed: nothing is sent. */
static apr_status_t before_send(void *baton, ra_bytes_t request, ra_bytes_t nonce)
{
    attempt_t *attempt = baton;
    sending_t sending = {attempt, request, nonce};
    apr_status_t status = attempt->is_stored ? APR_SUCCESS
                                             : ra_store_run(attempt->ra->store, RA_TX_WRITE, write_sent, &sending, ra_result_make(attempt->pool),
                                                            attempt->pool);

    if (status == APR_SUCCESS && !attempt->is_stored) {
        attempt->version++;
        attempt->is_stored = 1;
    }
    return status;
}

static ra_job_verdict_e judge(outcome_t *outcome)
{
    switch (outcome->attempt->exchange.outcome) {
    case RA_CA_DONE:
        outcome->state = outcome->word = "done";
        return RA_JOB_DONE;
    case RA_CA_REJECTED:
        outcome->word = "rejected";
        /* Who decided decides anew; a replaced certificate must end, and so must a suspension, so the CA is asked again. */
        outcome->state = outcome->attempt->has_decider ? "rejected" : "prepared";
        return outcome->attempt->has_decider ? RA_JOB_DONE : RA_JOB_LATER;
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
    if (attempt->is_superfluous) {
        outcome.state = "rejected";
        outcome.word = "superfluous";
        return ra_store_run(attempt->ra->store, RA_TX_WRITE, write_outcome, &outcome, result, pool) == APR_SUCCESS ? RA_JOB_DONE : RA_JOB_LATER;
    }
    attempt->ra->ca->adapter->revoke(attempt->ra->ca, &attempt->exchange, pool);
    verdict = judge(&outcome);
    if (verdict != RA_JOB_DONE || strcmp(outcome.state, "rejected") == 0) {
        attempt->ra->outbox->log(1, "RA0421", apr_pstrcat(pool, "revocation ", attempt->id, ": ", outcome.word, ": ",
                                                          attempt->exchange.reason_text ? attempt->exchange.reason_text : "-", NULL));
    }
    return ra_store_run(attempt->ra->store, RA_TX_WRITE, write_outcome, &outcome, result, pool) == APR_SUCCESS ? verdict : RA_JOB_LATER;
}
