/*
 * One attempt to revoke, hold or release at the upstream CA, run as an outbox job.
 * Layer: business. Thread rule: one thread per attempt, guarded by the job's lease and the attempt's version.
 * An unknown outcome is tried again: with the same bytes where the CA answers them as before, else as a new request, since asking twice for a
 * status changes nothing more. What a second request is refused may have been done by the first (a release above all): that waits for a person.
 */
#include <apr_strings.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/ident.h"
#include "business/ca/attempt.h"
#include "business/ca/revocation.h"
#include "business/certificate/certificate_history.h"
#include "business/evidence/audit.h"

#define REASON_HOLD 6
#define REASON_RELEASE 8
#define WHAT "revocation"

typedef struct attempt_t {
    ra_attempt_t base;
    const char *certificate_id;
    int is_effect;         /* the application waits for it; otherwise it ends a replaced certificate */
    int has_decider;       /* somebody decided it, and may decide anew when the CA refuses */
    int is_superfluous;    /* a hold or release of what has been revoked since */
    int is_lapsed;         /* the certificate has ended by its own date */
    int is_anew;           /* another request than the one that may have arrived */
    ra_ca_revocation_t revocation;
} attempt_t;

static apr_status_t read_attempt(ra_tx_t *tx, void *baton)
{
    attempt_t *attempt = baton;
    apr_pool_t *pool = attempt->base.pool;
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row,
                                     "SELECT " RA_ATTEMPT_COLUMNS ", c.id AS certificate_id, a.state AS application_state,"
                                     " t.revocation_reason AS reason, c.der AS `der:b64`, c.serial AS serial, c.revoked_at IS NOT NULL AS is_revoked,"
                                     " c.not_after <= UTC_TIMESTAMP(6) AS is_lapsed, a.business AS business"
                                     " FROM ca_attempts t JOIN certificates c ON c.id = t.target_certificate_id"
                                     " JOIN applications a ON a.id = t.application_id WHERE t.id = ?",
                                     RA_VALUES(ra_v_uuid(attempt->base.id)));

    if (status == APR_SUCCESS) {
        status = ra_attempt_fill(&attempt->base, row);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    attempt->certificate_id = apr_pstrdup(pool, ra_json_get_string(row, "certificate_id"));
    attempt->is_effect = ra_state_of(ra_json_get_string(row, "application_state")) == RA_STATE_AWAITING_EXECUTION;
    attempt->has_decider = attempt->is_effect && ra_lifecycle_first(ra_business_find(ra_json_get_string(row, "business"))) != RA_STATE_AWAITING_EXECUTION;
    attempt->revocation.serial = apr_pstrdup(pool, ra_json_get_string(row, "serial"));
    attempt->revocation.reason = (int)ra_json_get_int(row, "reason", 0);
    attempt->is_superfluous = attempt->is_effect && ra_json_get_int(row, "is_revoked", 0) &&
                              (attempt->revocation.reason == REASON_HOLD || attempt->revocation.reason == REASON_RELEASE);
    attempt->is_lapsed = (int)ra_json_get_int(row, "is_lapsed", 0);
    attempt->revocation.certificate = ra_attempt_bytes(row, "der", pool);
    return APR_SUCCESS;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

typedef struct outcome_t {
    attempt_t *attempt;
    const char *state;
    const char *word;
    const ra_principal_t *who; /* who settled it, with the evidence as reason; NULL: the exchange with the CA did */
} outcome_t;

static const char *const certificate_sql[] = {
    /* From left to right: what the CA has revoked before, as its list says, keeps its reason. */
    "UPDATE certificates SET revocation_reason = IF(revoked_at IS NULL, ?, revocation_reason), revoked_at = COALESCE(revoked_at, UTC_TIMESTAMP(6)),"
    " suspended_at = NULL, status_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = ?",
    /* A certificate that is on hold already stays in the suspension that it is in, and so does its clock. */
    "UPDATE certificates SET suspensions = suspensions + (suspended_at IS NULL), suspension_stage = IF(suspended_at IS NULL, 0, suspension_stage),"
    " suspended_at = COALESCE(suspended_at, UTC_TIMESTAMP(6)), revocation_reason = ?, status_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = ?"
    " AND revoked_at IS NULL",
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
    ra_act_t act = {attempt->base.ra, tx, NULL};
    ra_certificate_event_t event = {.certificate_id = attempt->certificate_id, .event = events[which], .reason = reason_word(reason),
                                    .application_id = attempt->base.application_id};
    /* Revoked while the CA was asked to hold it ("certRevoked" is both): nothing is written, and the next run finds that it is superfluous. */
    apr_status_t status = ra_attempt_change(tx, certificate_sql[which], RA_VALUES(ra_v_text(reason_word(reason)), ra_v_uuid(attempt->certificate_id)));

    return status == APR_SUCCESS ? ra_certificate_note(&act, &event, NULL) : status;
}

/* Where the act itself was the revocation, the application goes on (or back to the review); otherwise it does not wait for this. */
static apr_status_t move_application(ra_tx_t *tx, const outcome_t *outcome, ra_action_e action)
{
    const attempt_t *attempt = outcome->attempt;
    ra_act_t act = {attempt->base.ra, tx, NULL};
    ra_step_t step = {.action = action, .outcome = outcome->word, .reason = action == RA_ACTION_MADE && !outcome->who ? NULL : attempt->base.exchange.reason_text};
    ra_application_t *application;
    int more = 0;
    apr_status_t status = ra_application_read(&application, &act, attempt->base.application_id);

    if (status != APR_SUCCESS || !attempt->is_effect) {
        return status;
    }
    if (action == RA_ACTION_MADE && ((status = ra_revocation_continue(&more, &act, application)) != APR_SUCCESS || more)) {
        return status;
    }
    return ra_application_move(&act, application, &step);
}

static apr_status_t write_audit(ra_tx_t *tx, const outcome_t *outcome)
{
    const attempt_t *attempt = outcome->attempt;
    ra_act_t act = {attempt->base.ra, tx, outcome->who};
    ra_json_t *detail = ra_json_object_make(tx->pool);
    ra_audit_t audit = {.event = "certificate_status_changed", .outcome = "done", .object_type = "certificate",
                        .object_id = attempt->certificate_id, .detail = detail};

    ra_json_set_string(detail, "serial", attempt->revocation.serial);
    ra_json_set_int(detail, "reason", attempt->revocation.reason);
    ra_json_set_string(detail, "outcome", outcome->word);
    ra_json_set_string(detail, "operation_id", attempt->base.id);
    return ra_audit_write(&act, &audit);
}

static apr_status_t write_outcome(ra_tx_t *tx, void *baton)
{
    const outcome_t *outcome = baton;
    const attempt_t *attempt = outcome->attempt;
    const ra_ca_exchange_t *exchange = &attempt->base.exchange;
    int done = strcmp(outcome->state, "done") == 0, rejected = strcmp(outcome->state, "rejected") == 0 || strcmp(outcome->state, "settled") == 0;
    apr_status_t status = ra_attempt_change(
        tx,
        "UPDATE ca_attempts SET state = ?, version = version + 1, tries = tries + ?, reason_outcome = IF(?, NULL, ?),"
        " reason_text = ?, failure_bits = ?, transaction_id = ?, sent_bytes = ?, sent_nonce = ?, updated_at = UTC_TIMESTAMP(6),"
        " next_run_at = IF(? OR ?, NULL, UTC_TIMESTAMP(6)) WHERE id = ? AND version = ?",
        RA_VALUES(ra_v_text(outcome->state), ra_v_int(!outcome->who), ra_v_int(done && !outcome->who), ra_v_text(outcome->word),
                  ra_v_text(ra_attempt_reason(&attempt->base)),
                  ra_v_int(exchange->failure_bits), ra_v_bytes(ra_bytes_of(exchange->transaction_id, sizeof(exchange->transaction_id))),
                  ra_v_bytes(exchange->sent), ra_v_bytes(exchange->sent_nonce), ra_v_int(done), ra_v_int(rejected),
                  ra_v_uuid(attempt->base.id), ra_v_int(attempt->base.version)));

    if (status == APR_SUCCESS && done) {
        status = change_certificate(tx, attempt);
    }
    RA_FAILPOINT(revocation_changed);
    if (status == APR_SUCCESS && (done || rejected)) {
        status = move_application(tx, outcome, done ? RA_ACTION_MADE : RA_ACTION_NOT_MADE);
    }
    RA_FAILPOINT(revocation_moved);
    return status == APR_SUCCESS && (done || rejected) ? write_audit(tx, outcome) : status;
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

static ra_job_verdict_e judge_rejection(outcome_t *outcome)
{
    const attempt_t *attempt = outcome->attempt;
    int is_over;

    outcome->word = "rejected";
    if (attempt->is_effect && attempt->is_anew) {
        /* Refused because the earlier request was carried out, or for another reason? A release is not possible in both cases. */
        outcome->state = outcome->word = "unknown";
        return RA_JOB_PERSON;
    }
    /*
     * Who decided decides anew; a replaced certificate must end, and so must a suspension, so the CA is asked again. A replaced one that has lapsed has ended:
     * some CAs revoke no such certificate.
     */
    is_over = attempt->has_decider || (!attempt->is_effect && attempt->is_lapsed);
    outcome->state = is_over ? "rejected" : "prepared";
    return is_over ? RA_JOB_DONE : RA_JOB_LATER;
}

static ra_job_verdict_e judge(outcome_t *outcome)
{
    switch (RA_PLANTED(revocation_undone) ? RA_CA_DONE : outcome->attempt->base.exchange.outcome) {
    case RA_CA_DONE:
        outcome->state = outcome->word = "done";
        return RA_JOB_DONE;
    case RA_CA_REJECTED:
        return judge_rejection(outcome);
    case RA_CA_NOT_SENT:
        outcome->state = outcome->attempt->base.doubtful ? "unknown" : "prepared";
        outcome->word = "not_sent";
        return RA_JOB_LATER;
    default:
        outcome->state = outcome->word = "unknown";
        return RA_JOB_LATER;
    }
}

/* May the next run send these bytes again? Not when they were answered, or nothing of them left, or the CA must not see them twice. */
static int may_keep_request(const attempt_t *attempt, const outcome_t *outcome)
{
    const ra_ca_exchange_t *exchange = &attempt->base.exchange;

    return strcmp(outcome->state, "unknown") == 0 && exchange->failure_bits == 0 && ra_attempt_may_resend(&attempt->base);
}

static apr_status_t ask(attempt_t *attempt)
{
    ra_attempt_t *base = &attempt->base;
    apr_status_t status = APR_SUCCESS;

    if (base->exchange.sent.len > 0 && !ra_attempt_may_resend(base)) {
        status = ra_attempt_start_anew(base);
    }
    attempt->is_anew = base->doubtful && base->exchange.sent.len == 0;
    base->exchange.revocation = &attempt->revocation;
    if (status == APR_SUCCESS) {
        ra_attempt_exchange(base, base->ra->ca->adapter->revoke);
    }
    return status;
}

static ra_job_verdict_e write_and_judge(attempt_t *attempt)
{
    outcome_t outcome = {.attempt = attempt};
    ra_job_verdict_e verdict = judge(&outcome);
    int is_over = verdict == RA_JOB_DONE;

    if (!is_over || strcmp(outcome.state, "rejected") == 0) {
        ra_attempt_log(&attempt->base, 1, "RA0421", WHAT, outcome.word, attempt->base.exchange.reason_text);
    }
    if (!is_over && !may_keep_request(attempt, &outcome) && ra_attempt_start_anew(&attempt->base) != APR_SUCCESS) {
        return RA_JOB_LATER;
    }
    if (ra_attempt_write(&attempt->base, write_outcome, &outcome, NULL) != APR_SUCCESS) {
        verdict = RA_JOB_LATER;
    }
    RA_FAILPOINT(revocation_committed);
    return verdict;
}

ra_job_verdict_e ra_revocation_run(void *context, const ra_job_t *job, int *later, apr_pool_t *pool)
{
    attempt_t *attempt = apr_pcalloc(pool, sizeof(*attempt));
    ra_attempt_t *base = &attempt->base;

    (void)later;
    base->ra = context;
    base->pool = pool;
    base->job = job;
    base->id = job->subject;
    if (!base->ra->ca || ra_store_run(base->ra->store, RA_TX_READ, read_attempt, attempt, ra_result_make(pool), pool) != APR_SUCCESS) {
        return RA_JOB_LATER;
    }
    RA_FAILPOINT(revocation_read);
    if (ra_attempt_is_closed(base)) {
        return RA_JOB_DONE;
    }
    if (attempt->is_superfluous) {
        outcome_t superfluous = {.attempt = attempt, .state = "rejected", .word = "superfluous"};

        return ra_attempt_write(base, write_outcome, &superfluous, NULL) == APR_SUCCESS ? RA_JOB_DONE : RA_JOB_LATER;
    }
    return ask(attempt) == APR_SUCCESS && !base->is_taken_over ? write_and_judge(attempt) : RA_JOB_LATER;
}

/* --- a person settles it ----------------------------------------------------------------------------------------- */

/*
 * The stored list, once everything that follows from it is written (ca_marks.c), and only when it was made after the attempt began. A certificate that has lapsed
 * need not be listed (RFC 5280 §3.3): no list tells of it.
 */
static const char shown_sql[] =
    "SELECT COALESCE(m.status, 'none') AS status, k.this_update AS crl_of, k.this_update > t.created_at AND k.fetched_at <= s.fetched_at AS is_newer,"
    " c.not_after <= COALESCE(k.this_update, UTC_TIMESTAMP(6)) AS is_lapsed"
    " FROM ca_attempts t JOIN certificates c ON c.id = t.target_certificate_id JOIN ca_sources s ON s.kind = 'crl'"
    " LEFT JOIN ca_marks m ON m.certificate_id = c.id LEFT JOIN ca_crls k ON k.issuer = c.issuer WHERE t.id = ?";

static int is_as_wished(const attempt_t *attempt, const char *shown)
{
    static const char *const wishes[] = {"revoked", "held", "none"};
    int reason = attempt->revocation.reason;

    return strcmp(shown, wishes[reason == REASON_HOLD ? 1 : reason == REASON_RELEASE ? 2 : 0]) == 0;
}

/* A list that is new enough to know decides who is right; without one nobody is, as long as lists are fetched. */
static apr_status_t check_crl(const ra_act_t *act, const attempt_t *attempt, int is_done)
{
    ra_result_t *result = act->tx->result;
    const char *shown;
    ra_json_t *row;
    apr_status_t status;

    if (!act->ra->settings->upstream_crl) {
        return APR_SUCCESS;
    }
    status = ra_sql_row(act->tx, &row, shown_sql, RA_VALUES(ra_v_uuid(attempt->base.id)));
    if (status != APR_SUCCESS || ra_json_get_int(row, "is_lapsed", 0)) {
        return status;
    }
    shown = ra_json_get_string(row, "status");
    ra_result_param(result, "crl_of", ra_json_get_string(row, "crl_of"));
    ra_result_param(result, "state", strcmp(shown, "none") == 0 ? "valid" : strcmp(shown, "held") == 0 ? "suspended" : "revoked");
    if (!ra_json_get_int(row, "is_newer", 0)) {
        return ra_refuse(result, RA_PROBLEM_CRL_TOO_OLD, NULL);
    }
    return is_as_wished(attempt, shown) != is_done ? ra_refuse(result, RA_PROBLEM_CRL_CONTRADICTS, NULL) : APR_SUCCESS;
}

static apr_status_t ask_again(const ra_act_t *act, attempt_t *attempt, const ra_settlement_t *settlement)
{
    apr_status_t status = ra_attempt_start_anew(&attempt->base);

    return status == APR_SUCCESS ? ra_outbox_wake(act->tx, settlement->job_id) : status;
}

static apr_status_t settle(const ra_act_t *act, const ra_settlement_t *settlement, int is_done)
{
    attempt_t attempt = {.base = {.ra = act->ra, .pool = act->tx->pool, .id = settlement->id}};
    outcome_t outcome = {.attempt = &attempt, .state = "done", .word = "settled", .who = act->who};
    apr_status_t status = read_attempt(act->tx, &attempt);

    if (status == APR_SUCCESS) {
        status = check_crl(act, &attempt, is_done);
    }
    if (status == APR_SUCCESS && !is_done) {
        outcome.state = attempt.has_decider ? "settled" : "prepared";
        status = attempt.has_decider ? APR_SUCCESS : ask_again(act, &attempt, settlement);
    }
    attempt.base.exchange.reason_text = settlement->evidence;
    return status == APR_SUCCESS ? write_outcome(act->tx, &outcome) : status;
}

apr_status_t ra_revocation_was_done(const ra_act_t *act, ra_application_t *application, const ra_settlement_t *settlement)
{
    (void)application;
    return settle(act, settlement, 1);
}

apr_status_t ra_revocation_was_not_done(const ra_act_t *act, ra_application_t *application, const ra_settlement_t *settlement)
{
    (void)application;
    return settle(act, settlement, 0);
}
