/*
 * One attempt at the upstream CA, run as an outbox job: send, check what comes back against the snapshot, COMMIT, confirm.
 * Layer: business. Thread rule: one thread per attempt, guarded by the job's lease and the attempt's version.
 * The law is docs/architecture.md, "Attempts at the CA": an unknown outcome is never answered by a new transaction.
 */
#include <apr_strings.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/ident.h"
#include "base/limits.h"
#include "base/x509.h"
#include "business/ca/attempt.h"
#include "business/ca/pair.h"
#include "business/ca/production.h"
#include "business/ca/revocation.h"
#include "business/certificate/certificate.h"
#include "business/certificate/profile.h"

#define WHAT "enrolment"

typedef struct attempt_t {
    ra_attempt_t base;
    apr_time_t created_at;
    int is_pair;           /* the application is for two certificates */
    int is_encryption;     /* this attempt is for the second of them */
    const char *snapshot;  /* what this certificate must be */
    ra_ca_request_t request;
    ra_bytes_t spki;
    const char *disagreement; /* why on_certificate declined; English, for the log and the officer */
    const char *issued_sha256; /* hex: already committed, only the confirmation is missing */
    int confirmed;
    int has_surplus; /* the CA answered with another certificate than the stored one */
} attempt_t;

/* --- reading ---------------------------------------------------------------------------------------------------- */

static const char attempt_sql[] =
    "SELECT " RA_ATTEMPT_COLUMNS ", t.csr AS `csr:b64`, t.spki AS `spki:b64`, a.snapshot AS snapshot, a.cert_usage AS cert_usage,"
    " t.is_encryption AS is_encryption, c.sha256 AS issued_sha256, t.created_at AS created_at, t.confirmed_at AS confirmed_at"
    " FROM ca_attempts t JOIN applications a ON a.id = t.application_id LEFT JOIN certificates c ON c.attempt_id = t.id WHERE t.id = ?";

/*
 * A CA that has answered with the certificate is past its waiting: another poll is out of turn, and only the request itself brings the
 * certificate again, for the confirmation that it did not acknowledge. Where that may not go out twice, one poll is all that can be tried.
 */
static void leave_waiting_behind(attempt_t *attempt)
{
    if (attempt->issued_sha256 && ra_attempt_may_resend(&attempt->base)) {
        attempt->base.exchange.waiting = attempt->base.exchange.poll = ra_bytes_of(NULL, 0);
    }
}

static apr_status_t read_attempt(ra_tx_t *tx, void *baton)
{
    attempt_t *attempt = baton;
    apr_pool_t *pool = attempt->base.pool;
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row, attempt_sql, RA_VALUES(ra_v_uuid(attempt->base.id)));

    if (status == APR_SUCCESS) {
        status = ra_attempt_fill(&attempt->base, row);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    attempt->is_pair = strcmp(ra_json_get_string(row, "cert_usage"), RA_USAGE_PAIR) == 0;
    attempt->is_encryption = ra_json_get_bool(row, "is_encryption", 0);
    attempt->snapshot = apr_pstrdup(pool, ra_json_get_string(row, "snapshot"));
    if (attempt->is_encryption && attempt->snapshot) {
        attempt->snapshot = ra_snapshot_of_encryption(attempt->snapshot, pool);
    }
    attempt->issued_sha256 = apr_pstrdup(pool, ra_json_get_string(row, "issued_sha256"));
    leave_waiting_behind(attempt);
    ra_rfc3339_parse(&attempt->created_at, ra_json_get_string(row, "created_at"));
    attempt->confirmed = ra_json_get(row, "confirmed_at") != NULL;
    if (!attempt->snapshot) {
        return APR_EGENERAL;
    }
    attempt->spki = ra_attempt_bytes(row, "spki", pool);
    status = ra_snapshot_request(&attempt->request, attempt->snapshot, apr_time_now(), pool);
    attempt->request.spki = attempt->spki;
    attempt->request.csr = ra_attempt_bytes(row, "csr", pool);
    return status;
}

/* --- writing ---------------------------------------------------------------------------------------------------- */

/* What an outcome makes of the attempt. */
typedef struct outcome_t {
    attempt_t *attempt;
    const char *state;
    const char *word; /* for people: reason.outcome */
    int give_up;      /* the application waits for production again */
    int later;        /* seconds until the next run; for the operation's next_run_at */
} outcome_t;

static const char *short_reason(const attempt_t *attempt)
{
    int refused = attempt->base.exchange.outcome == RA_CA_REFUSED;

    return refused && attempt->disagreement ? attempt->disagreement : ra_attempt_reason(&attempt->base);
}

static apr_status_t fail_application(ra_tx_t *tx, const outcome_t *outcome)
{
    const attempt_t *attempt = outcome->attempt;
    ra_act_t act = {attempt->base.ra, tx, NULL};
    ra_json_t *detail = ra_json_object_make(tx->pool);
    ra_audit_t audit = {.event = "production_failed", .outcome = "done", .object_type = "application", .object_id = attempt->base.application_id, .detail = detail};
    ra_step_t step = {.action = RA_ACTION_NOT_MADE, .outcome = outcome->word, .reason = short_reason(attempt)};
    ra_application_t *application;
    apr_status_t status = ra_application_read(&application, &act, attempt->base.application_id);

    ra_json_set_string(detail, "outcome", outcome->word);
    ra_json_set_string(detail, "operation_id", attempt->base.id);
    if (status == APR_SUCCESS) {
        status = ra_application_move(&act, application, &step);
    }
    return status == APR_SUCCESS ? ra_audit_write(&act, &audit) : status;
}

static apr_status_t write_outcome(ra_tx_t *tx, void *baton)
{
    const outcome_t *outcome = baton;
    attempt_t *attempt = outcome->attempt;
    const ra_ca_exchange_t *exchange = &attempt->base.exchange;
    int not_sent = strcmp(outcome->state, "prepared") == 0;
    apr_status_t status;

    RA_FAILPOINT(outcome_begin);
    status = ra_attempt_change(
        tx,
        "UPDATE ca_attempts SET state = ?, version = version + 1, tries = tries + 1, reason_outcome = ?, reason_text = ?, failure_bits = ?,"
        " waiting_bytes = ?, poll_bytes = ?, sent_bytes = IF(?, NULL, sent_bytes), sent_nonce = IF(?, NULL, sent_nonce),"
        " next_run_at = IF(? > 0, UTC_TIMESTAMP(6) + INTERVAL ? SECOND, NULL), updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND version = ?",
        RA_VALUES(ra_v_text(outcome->state), ra_v_text(outcome->word), ra_v_text(short_reason(attempt)), ra_v_int(exchange->failure_bits),
                  ra_v_bytes(exchange->waiting), ra_v_bytes(exchange->poll), ra_v_int(not_sent), ra_v_int(not_sent),
                  ra_v_int(outcome->later), ra_v_int(outcome->later), ra_v_uuid(attempt->base.id), ra_v_int(attempt->base.version)));
    RA_FAILPOINT(outcome_written);
    return status == APR_SUCCESS && outcome->give_up ? fail_application(tx, outcome) : status;
}

/* --- the certificate --------------------------------------------------------------------------------------------- */

typedef struct storing_t {
    attempt_t *attempt;
    const ra_cert_t *cert;
    const apr_array_header_t *chain;
    ra_pair_key_t key; /* of the encryption certificate that comes next */
    const ra_principal_t *who;  /* the person who brought the certificate, and what that person says; NULL: the CA's answer did */
    const char *evidence;
} storing_t;

/* The certificate is stored: one that completes the application moves it on, the first of a pair begins the second. */
static apr_status_t go_on(const ra_act_t *act, ra_application_t *application, const storing_t *storing, const char *certificate_id)
{
    const attempt_t *attempt = storing->attempt;
    ra_step_t step = {.action = RA_ACTION_MADE, .outcome = storing->who ? "adopted" : "issued", .reason = storing->evidence};
    apr_status_t status = APR_SUCCESS;

    if (!attempt->is_encryption) {
        application->certificate_id = certificate_id;
    }
    if (attempt->is_pair && !attempt->is_encryption) {
        return ra_pair_begin(act, application, &storing->key);
    }
    if (attempt->is_encryption) {
        status = ra_pair_finish(act, application, certificate_id);
    }
    if (status == APR_SUCCESS) {
        status = ra_application_move(act, application, &step);
    }
    RA_FAILPOINT(certificate_moved);
    return status == APR_SUCCESS ? ra_revocation_of_replaced(act, application) : status;
}

static const char *usage_of(const attempt_t *attempt, const ra_application_t *application)
{
    return attempt->is_encryption ? "encryption" : attempt->is_pair ? "signing" : application->usage;
}

static apr_status_t write_issued_audit(ra_tx_t *tx, const storing_t *storing)
{
    const attempt_t *attempt = storing->attempt;
    ra_act_t act = {attempt->base.ra, tx, storing->who};
    ra_json_t *detail = ra_json_object_make(tx->pool);
    ra_audit_t audit = {.event = storing->who ? "certificate_adopted" : "certificate_issued", .outcome = "done", .object_type = "application",
                        .object_id = attempt->base.application_id, .detail = detail};

    ra_json_set_string(detail, "serial", storing->cert->serial);
    ra_json_set_string(detail, "operation_id", attempt->base.id);
    return ra_audit_write(&act, &audit);
}

static apr_status_t write_certificate(ra_tx_t *tx, void *baton)
{
    const storing_t *storing = baton;
    attempt_t *attempt = storing->attempt;
    ra_act_t act = {attempt->base.ra, tx, NULL};
    ra_issued_t issued = {attempt->base.id, NULL, storing->cert, storing->chain};
    ra_application_t *application;
    const char *certificate_id;
    apr_status_t status = ra_application_read(&application, &act, attempt->base.application_id);

    if (status == APR_SUCCESS) {
        issued.usage = usage_of(attempt, application);
        status = ra_certificate_store(&certificate_id, &act, application, &issued);
    }
    RA_FAILPOINT(certificate_inserted);
    if (status == APR_SUCCESS) {
        status = ra_attempt_change(tx,
                                   "UPDATE ca_attempts SET state = 'issued', version = version + 1, tries = tries + ?, certificate_id = ?,"
                                   " reason_outcome = ?, reason_text = ?, next_run_at = NULL, updated_at = UTC_TIMESTAMP(6)"
                                   " WHERE id = ? AND version = ? AND state IN ('sent', 'waiting', 'unknown')",
                                   RA_VALUES(ra_v_int(storing->who == NULL), ra_v_uuid(certificate_id), ra_v_text(storing->who ? "adopted" : NULL),
                                             ra_v_text(storing->evidence), ra_v_uuid(attempt->base.id), ra_v_int(attempt->base.version)));
    }
    RA_FAILPOINT(certificate_attempt);
    if (status == APR_SUCCESS) {
        status = go_on(&act, application, storing, certificate_id);
    }
    return status == APR_SUCCESS ? write_issued_audit(tx, storing) : status;
}

/* What a hostile answer could get wrong is compared with what the reviewer approved. NULL: it agrees. */
static const ra_difference_t *find_difference(const attempt_t *attempt, const ra_cert_t *cert)
{
    static const ra_difference_t other_issuer = {RA_VIOLATION_CERTIFICATE_OTHER_ISSUER, "not issued by the trusted CA"};
    const ra_settings_t *settings = attempt->base.ra->settings;
    ra_result_t *result = ra_result_make(attempt->base.pool);
    ra_expected_t expected = {attempt->snapshot, attempt->spki, attempt->created_at, apr_time_now(), settings->validity_tolerance};
    const ra_difference_t *difference = ra_snapshot_disagrees(&expected, cert, attempt->base.pool);

    if (!difference && settings->certificate_trust &&
        ra_trust_verify(settings->certificate_trust, cert, apr_time_now(), result) != APR_SUCCESS) {
        difference = &other_issuer;
    }
    return difference;
}

static apr_status_t write_surplus(ra_tx_t *tx, void *baton)
{
    const storing_t *storing = baton;
    const attempt_t *attempt = storing->attempt;
    ra_act_t act = {attempt->base.ra, tx, NULL};
    ra_json_t *detail = ra_json_object_make(tx->pool);
    ra_audit_t audit = {.event = "surplus_certificate", .outcome = "refused", .object_type = "application", .object_id = attempt->base.application_id, .detail = detail};

    ra_json_set_string(detail, "serial", storing->cert->serial);
    ra_json_set_string(detail, "operation_id", attempt->base.id);
    return ra_audit_write(&act, &audit);
}

/*
 * Only the confirmation is missing, and the same bytes brought the certificate again - or another one, from a CA that does not keep its promise:
 * that one is refused, so that the CA withdraws it, and the CA is not asked again.
 */
static ra_ca_verdict_e compare_with_stored(storing_t *storing)
{
    attempt_t *attempt = storing->attempt;
    apr_pool_t *pool = attempt->base.pool;

    if (strcmp(attempt->issued_sha256, ra_hex(ra_bytes_of(storing->cert->sha256, RA_SHA256_BYTES), pool)) == 0) {
        return RA_CA_ACCEPT;
    }
    attempt->has_surplus = 1;
    ra_attempt_log(&attempt->base, 0, "RA0414", WHAT, "the CA issued a second certificate to the same request, it was refused", storing->cert->serial);
    return ra_attempt_write(&attempt->base, write_surplus, storing, NULL) == APR_SUCCESS ? RA_CA_DECLINE : RA_CA_SILENT;
}

/* Of a pair: the key of the certificate that comes next, made before the transaction that stores this one. 0 on failure. */
static int make_second_key(storing_t *storing)
{
    const attempt_t *attempt = storing->attempt;
    const ra_attempt_t *base = &attempt->base;

    if (!attempt->is_pair || attempt->is_encryption ||
        ra_pair_key_make(&storing->key, base->ra, base->application_id, storing->cert->key.kind, base->pool) == APR_SUCCESS) {
        return 1;
    }
    ra_attempt_log(base, 0, "RA0415", WHAT, "no encryption key can be made", NULL);
    return 0;
}

static ra_ca_verdict_e on_certificate(void *baton, const ra_cert_t *cert, const apr_array_header_t *chain)
{
    attempt_t *attempt = baton;
    ra_result_t *result = ra_result_make(attempt->base.pool);
    storing_t storing = {.attempt = attempt, .cert = cert, .chain = chain};
    const ra_difference_t *difference;

    RA_FAILPOINT(certificate_received);
    if (attempt->issued_sha256) {
        return compare_with_stored(&storing);
    }
    difference = find_difference(attempt, cert);
    if (difference) {
        attempt->disagreement = difference->text;
        return RA_CA_DECLINE;
    }
    if (!make_second_key(&storing)) {
        return RA_CA_SILENT;
    }
    /* Confirm only what is committed; when that cannot be told, say nothing and look again later. */
    if (ra_attempt_write(&attempt->base, write_certificate, &storing, result) == APR_SUCCESS || RA_PLANTED(confirmed_unstored)) {
        RA_FAILPOINT(certificate_committed);
        return RA_CA_ACCEPT;
    }
    ra_attempt_log(&attempt->base, 1, "RA0413", WHAT, "the certificate could not be stored", result->log_detail);
    return RA_CA_SILENT;
}

/* --- a person brings it ------------------------------------------------------------------------------------------ */

static apr_status_t refuse_certificate(const ra_act_t *act, const char *violation)
{
    ra_result_violation(act->tx->result, "/certificate", violation);
    return ra_refuse(act->tx->result, RA_PROBLEM_CERTIFICATE_NOT_APPROVED, NULL);
}

/* No message of the CA vouches for what a person brings: without a trusted issuer there is nothing to compare. */
static apr_status_t check_brought(const ra_act_t *act, const attempt_t *attempt, const ra_cert_t *cert)
{
    const ra_difference_t *difference = find_difference(attempt, cert);
    apr_int64_t found;
    apr_status_t status;

    if (difference || !act->ra->settings->certificate_trust) {
        return refuse_certificate(act, difference ? difference->violation : RA_VIOLATION_CERTIFICATE_OTHER_ISSUER);
    }
    status = ra_sql_int(act->tx, &found, "SELECT 1 FROM certificates WHERE serial = ? AND issuer = ?",
                        RA_VALUES(ra_v_text(cert->serial), ra_v_text(cert->issuer.text)));
    return status == APR_SUCCESS ? refuse_certificate(act, RA_VIOLATION_CERTIFICATE_KNOWN) : status == APR_ENOENT ? APR_SUCCESS : status;
}

apr_status_t ra_enrolment_adopt(const ra_act_t *act, ra_application_t *application, const ra_settlement_t *settlement)
{
    attempt_t attempt = {.base = {.ra = act->ra, .pool = act->tx->pool, .id = settlement->id}};
    storing_t storing = {.attempt = &attempt, .who = act->who, .evidence = settlement->evidence};
    ra_cert_t *cert;
    apr_status_t status = read_attempt(act->tx, &attempt);

    (void)application; /* read anew, as for an answer */
    if (status != APR_SUCCESS) {
        return status;
    }
    if (ra_cert_parse_text(&cert, settlement->certificate, act->tx->result, act->tx->pool) != APR_SUCCESS) {
        return ra_refuse(act->tx->result, RA_PROBLEM_CERTIFICATE_UNREADABLE, act->tx->result->log_detail);
    }
    storing.cert = cert;
    status = check_brought(act, &attempt, cert);
    if (status == APR_SUCCESS && !make_second_key(&storing)) {
        return ra_refuse(act->tx->result, RA_PROBLEM_INTERNAL, "no encryption key can be made");
    }
    return status == APR_SUCCESS ? write_certificate(act->tx, &storing) : status;
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

/* State and verdict for each outcome of the exchange. */
static ra_job_verdict_e judge(attempt_t *attempt, outcome_t *outcome, int *later)
{
    switch (attempt->base.exchange.outcome) {
    case RA_CA_NOT_SENT:
        /* What did not leave now proves nothing about what was sent before. */
        outcome->state = attempt->base.doubtful ? "unknown" : "prepared";
        outcome->word = "not_sent";
        return RA_JOB_LATER;
    case RA_CA_WAITING:
        outcome->state = "waiting";
        outcome->word = "waiting";
        outcome->later = *later = attempt->base.exchange.check_after > 0 ? attempt->base.exchange.check_after : 1;
        return RA_JOB_LATER;
    case RA_CA_REJECTED:
        outcome->state = outcome->word = "rejected";
        outcome->give_up = 1;
        return RA_JOB_DONE;
    case RA_CA_REFUSED:
        outcome->state = outcome->word = "refused";
        outcome->give_up = 1;
        return RA_JOB_DONE;
    default:
        outcome->state = outcome->word = "unknown";
        return ra_attempt_may_resend(&attempt->base) ? RA_JOB_LATER : RA_JOB_PERSON;
    }
}

static ra_job_verdict_e write_and_judge(attempt_t *attempt, int *later)
{
    outcome_t outcome = {attempt, NULL, NULL, 0, 0};
    ra_job_verdict_e verdict = judge(attempt, &outcome, later);
    apr_status_t status = ra_attempt_write(&attempt->base, write_outcome, &outcome, NULL);

    RA_FAILPOINT(outcome_committed);
    ra_attempt_log(&attempt->base, strcmp(outcome.state, "refused") == 0 ? 0 : 1, "RA0411", WHAT, outcome.word, short_reason(attempt));
    /* Not written (or another run was faster): the row says what is true; look at it again later. */
    return status == APR_SUCCESS ? verdict : RA_JOB_LATER;
}

static apr_status_t write_confirmed(ra_tx_t *tx, void *baton)
{
    const attempt_t *attempt = baton;

    RA_FAILPOINT(confirmation_written);
    return ra_sql_change(tx, NULL,
                         "UPDATE ca_attempts SET confirmed_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = ? AND confirmed_at IS NULL",
                         RA_VALUES(ra_v_uuid(attempt->base.id)));
}

/* Is the CA to be asked again to acknowledge? One that never does is asked by a person in the end, instead of holding a job open for good. */
static int may_confirm_again(const attempt_t *attempt)
{
    return ra_attempt_may_resend(&attempt->base) && !attempt->has_surplus && attempt->base.job->attempts < RA_CONFIRMATION_RUNS_MAX;
}

/* The certificate is ours; the CA must also know that we have it, or it may withdraw it (RFC 9810 §5.3.18). */
static ra_job_verdict_e note_confirmation(attempt_t *attempt, ra_job_last_t *last)
{
    const ra_ca_exchange_t *exchange = &attempt->base.exchange;

    if (exchange->outcome == RA_CA_DONE && !exchange->reason_text) {
        *last = (ra_job_last_t){write_confirmed, attempt};
        return RA_JOB_DONE;
    }
    ra_attempt_log(&attempt->base, 1, "RA0412", WHAT, "issued, but the confirmation was not acknowledged", exchange->reason_text);
    return may_confirm_again(attempt) ? RA_JOB_LATER : RA_JOB_PERSON;
}

/* Sent by a run that did not live to see the answer, to a CA that may answer a repetition with a second certificate. */
static int must_be_looked_at(const attempt_t *attempt)
{
    return attempt->base.exchange.sent.len > 0 && attempt->base.exchange.waiting.len == 0 && !ra_attempt_may_resend(&attempt->base);
}

ra_job_verdict_e ra_production_run(void *context, const ra_job_t *job, int *later, apr_pool_t *pool)
{
    attempt_t *attempt = apr_pcalloc(pool, sizeof(*attempt));
    ra_result_t *result = ra_result_make(pool);

    attempt->base.ra = context;
    attempt->base.pool = pool;
    attempt->base.job = job;
    attempt->base.id = job->subject;
    if (!attempt->base.ra->ca || ra_store_run(attempt->base.ra->store, RA_TX_READ, read_attempt, attempt, result, pool) != APR_SUCCESS) {
        return RA_JOB_LATER;
    }
    RA_FAILPOINT(attempt_read);
    if (ra_attempt_is_closed(&attempt->base) || attempt->confirmed) {
        return RA_JOB_DONE;
    }
    if (RA_PLANTED(second_transaction) && attempt->base.doubtful && ra_attempt_start_anew(&attempt->base) != APR_SUCCESS) {
        return RA_JOB_LATER;
    }
    if (must_be_looked_at(attempt)) {
        attempt->base.exchange.outcome = RA_CA_UNKNOWN;
        attempt->base.exchange.reason_text = "sent, and no answer is known";
    } else {
        attempt->base.exchange.request = &attempt->request;
        attempt->base.exchange.callbacks.on_certificate = on_certificate;
        ra_attempt_exchange(&attempt->base, attempt->base.ra->ca->adapter->enrol);
    }
    if (attempt->base.is_taken_over) {
        return RA_JOB_LATER;
    }
    if (attempt->issued_sha256 || attempt->base.exchange.outcome == RA_CA_DONE) {
        return note_confirmation(attempt, job->last);
    }
    return write_and_judge(attempt, later);
}
