/*
 * One attempt at the upstream CA, run as an outbox job: send, check what comes back against the snapshot, COMMIT, confirm.
 * Layer: business. Thread rule: one thread per attempt, guarded by the job's lease and the attempt's version.
 * The law is docs/architecture.md, "Attempts at the CA": an unknown outcome is never answered by a new transaction.
 */
#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"
#include "base/x509.h"
#include "business/certificate.h"
#include "business/production.h"
#include "business/profile.h"
#include "business/revocation.h"

typedef struct attempt_t {
    ra_t *ra;
    apr_pool_t *pool;      /* of the job */
    const char *id;
    const char *state;
    apr_int64_t version;   /* every write is a compare-and-set on it */
    apr_time_t created_at;
    const char *application_id;
    const char *snapshot;
    ra_ca_request_t request;
    ra_bytes_t spki;
    ra_ca_exchange_t exchange;
    const char *disagreement; /* why on_certificate declined */
    const char *issued_sha256; /* hex: already committed, only the confirmation is missing */
    int confirmed;
    int resent;    /* this run began with bytes of an earlier one */
    int is_stored; /* the request bytes are in the database */
} attempt_t;

/* --- reading ---------------------------------------------------------------------------------------------------- */

static const char attempt_sql[] =
    "SELECT t.state AS state, t.version AS version, t.application_id AS application_id, t.transaction_id AS `transaction_id:b64`,"
    " t.csr AS `csr:b64`, t.spki AS `spki:b64`, t.sent_bytes AS `sent:b64`, t.sent_nonce AS `nonce:b64`, t.waiting_bytes AS `waiting:b64`,"
    " t.poll_bytes AS `poll:b64`, a.snapshot AS snapshot, c.sha256 AS issued_sha256, t.created_at AS created_at, t.confirmed_at AS confirmed_at"
    " FROM ca_attempts t JOIN applications a ON a.id = t.application_id LEFT JOIN certificates c ON c.attempt_id = t.id WHERE t.id = ?";

static ra_bytes_t read_bytes(const ra_json_t *row, const char *name, apr_pool_t *pool)
{
    ra_bytes_t bytes = {NULL, 0};
    const char *text = ra_json_get_string(row, name);

    if (text) {
        ra_base64url_decode(&bytes, text, pool);
    }
    return bytes;
}

static apr_status_t read_attempt(ra_tx_t *tx, void *baton)
{
    attempt_t *attempt = baton;
    apr_pool_t *pool = attempt->pool;
    ra_ca_exchange_t *exchange = &attempt->exchange;
    ra_bytes_t transaction;
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row, attempt_sql, RA_VALUES(ra_v_uuid(attempt->id)));

    if (status != APR_SUCCESS) {
        return status;
    }
    attempt->state = apr_pstrdup(pool, ra_json_get_string(row, "state"));
    attempt->version = ra_json_get_int(row, "version", 0);
    attempt->application_id = apr_pstrdup(pool, ra_json_get_string(row, "application_id"));
    attempt->snapshot = apr_pstrdup(pool, ra_json_get_string(row, "snapshot"));
    attempt->issued_sha256 = apr_pstrdup(pool, ra_json_get_string(row, "issued_sha256"));
    ra_rfc3339_parse(&attempt->created_at, ra_json_get_string(row, "created_at"));
    attempt->confirmed = ra_json_get(row, "confirmed_at") != NULL;
    transaction = read_bytes(row, "transaction_id", pool);
    if (transaction.len != sizeof(exchange->transaction_id) || !attempt->snapshot) {
        return APR_EGENERAL;
    }
    memcpy(exchange->transaction_id, transaction.data, transaction.len);
    attempt->spki = read_bytes(row, "spki", pool);
    exchange->sent = read_bytes(row, "sent", pool);
    exchange->sent_nonce = read_bytes(row, "nonce", pool);
    exchange->waiting = read_bytes(row, "waiting", pool);
    exchange->poll = read_bytes(row, "poll", pool);
    status = ra_snapshot_request(&attempt->request, attempt->snapshot, apr_time_now(), pool);
    attempt->request.spki = attempt->spki;
    attempt->request.csr = read_bytes(row, "csr", pool);
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

static apr_status_t change_attempt(ra_tx_t *tx, attempt_t *attempt, const char *sql, ra_values_t values)
{
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(tx, &affected, sql, values);

    (void)attempt;
    return status == APR_SUCCESS && affected != 1 ? APR_ENOENT : status;
}

static const char *short_reason(const attempt_t *attempt)
{
    const char *text = attempt->disagreement ? attempt->disagreement : attempt->exchange.reason_text;

    return text && strlen(text) > 300 ? apr_pstrmemdup(attempt->pool, text, 300) : text;
}

static apr_status_t fail_application(ra_tx_t *tx, const outcome_t *outcome)
{
    const attempt_t *attempt = outcome->attempt;
    ra_act_t act = {attempt->ra, tx, NULL};
    ra_json_t *detail = ra_json_object_make(tx->pool);
    ra_audit_t audit = {.event = "production_failed", .outcome = "done", .object_type = "application", .object_id = attempt->application_id, .detail = detail};
    ra_step_t step = {.action = RA_ACTION_NOT_MADE, .outcome = outcome->word, .reason = short_reason(attempt)};
    ra_application_t *application;
    apr_status_t status = ra_application_read(&application, &act, attempt->application_id);

    ra_json_set_string(detail, "outcome", outcome->word);
    ra_json_set_string(detail, "operation_id", attempt->id);
    if (status == APR_SUCCESS) {
        status = ra_application_move(&act, application, &step);
    }
    return status == APR_SUCCESS ? ra_audit_write(&act, &audit) : status;
}

static apr_status_t write_outcome(ra_tx_t *tx, void *baton)
{
    const outcome_t *outcome = baton;
    attempt_t *attempt = outcome->attempt;
    const ra_ca_exchange_t *exchange = &attempt->exchange;
    int not_sent = strcmp(outcome->state, "prepared") == 0;
    apr_status_t status = change_attempt(
        tx, attempt,
        "UPDATE ca_attempts SET state = ?, version = version + 1, tries = tries + 1, reason_outcome = ?, reason_text = ?, failure_bits = ?,"
        " waiting_bytes = ?, poll_bytes = ?, sent_bytes = IF(?, NULL, sent_bytes), sent_nonce = IF(?, NULL, sent_nonce),"
        " next_run_at = IF(? > 0, UTC_TIMESTAMP(6) + INTERVAL ? SECOND, NULL), updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND version = ?",
        RA_VALUES(ra_v_text(outcome->state), ra_v_text(outcome->word), ra_v_text(short_reason(attempt)), ra_v_int(exchange->failure_bits),
                  ra_v_bytes(exchange->waiting), ra_v_bytes(exchange->poll), ra_v_int(not_sent), ra_v_int(not_sent),
                  ra_v_int(outcome->later), ra_v_int(outcome->later), ra_v_uuid(attempt->id), ra_v_int(attempt->version)));

    return status == APR_SUCCESS && outcome->give_up ? fail_application(tx, outcome) : status;
}

/* --- callbacks of the exchange ---------------------------------------------------------------------------------- */

typedef struct sending_t {
    attempt_t *attempt;
    ra_bytes_t request;
    ra_bytes_t nonce;
} sending_t;

static apr_status_t write_sent(ra_tx_t *tx, void *baton)
{
    const sending_t *sending = baton;
    attempt_t *attempt = sending->attempt;

    return change_attempt(tx, attempt,
                          "UPDATE ca_attempts SET state = 'sent', version = version + 1, sent_bytes = ?, sent_nonce = ?,"
                          " updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND version = ?",
                          RA_VALUES(ra_v_bytes(sending->request), ra_v_bytes(sending->nonce), ra_v_uuid(attempt->id), ra_v_int(attempt->version)));
}

/* The request is in the database before its first byte is on the wire. A lost COMMIT counts as not committed: nothing is sent. */
static apr_status_t before_send(void *baton, ra_bytes_t request, ra_bytes_t nonce)
{
    attempt_t *attempt = baton;
    sending_t sending = {attempt, request, nonce};
    apr_status_t status;

    if (attempt->is_stored) {
        return APR_SUCCESS; /* the same bytes again */
    }
    status = ra_store_run(attempt->ra->store, RA_TX_WRITE, write_sent, &sending, ra_result_make(attempt->pool), attempt->pool);
    if (status == APR_SUCCESS) {
        attempt->version++;
        attempt->is_stored = 1;
    }
    return status;
}

typedef struct storing_t {
    attempt_t *attempt;
    const ra_cert_t *cert;
    const apr_array_header_t *chain;
} storing_t;

static apr_status_t write_certificate(ra_tx_t *tx, void *baton)
{
    const storing_t *storing = baton;
    attempt_t *attempt = storing->attempt;
    ra_act_t act = {attempt->ra, tx, NULL};
    ra_json_t *detail = ra_json_object_make(tx->pool);
    ra_audit_t audit = {.event = "certificate_issued", .outcome = "done", .object_type = "application", .object_id = attempt->application_id, .detail = detail};
    ra_step_t step = {.action = RA_ACTION_MADE, .outcome = "issued"};
    ra_application_t *application;
    apr_status_t status = ra_application_read(&application, &act, attempt->application_id);

    if (status == APR_SUCCESS) {
        status = ra_certificate_store(&application->certificate_id, &act, application, attempt->id, storing->cert, storing->chain);
    }
    if (status == APR_SUCCESS) {
        status = change_attempt(tx, attempt,
                                "UPDATE ca_attempts SET state = 'issued', version = version + 1, tries = tries + 1, certificate_id = ?,"
                                " reason_outcome = NULL, reason_text = NULL, next_run_at = NULL, updated_at = UTC_TIMESTAMP(6)"
                                " WHERE id = ? AND version = ? AND state IN ('sent', 'waiting', 'unknown')",
                                RA_VALUES(ra_v_uuid(application->certificate_id), ra_v_uuid(attempt->id), ra_v_int(attempt->version)));
    }
    if (status == APR_SUCCESS) {
        status = ra_application_move(&act, application, &step);
    }
    if (status == APR_SUCCESS) {
        status = ra_revocation_of_replaced(&act, application);
    }
    ra_json_set_string(detail, "serial", storing->cert->serial);
    ra_json_set_string(detail, "operation_id", attempt->id);
    return status == APR_SUCCESS ? ra_audit_write(&act, &audit) : status;
}

/* What a hostile answer could get wrong is compared with what the reviewer approved. NULL: it agrees. */
static const char *find_disagreement(attempt_t *attempt, const ra_cert_t *cert)
{
    const ra_settings_t *settings = attempt->ra->settings;
    ra_result_t *result = ra_result_make(attempt->pool);
    ra_expected_t expected = {attempt->snapshot, attempt->spki, attempt->created_at, apr_time_now(), settings->validity_tolerance};
    const char *text = ra_snapshot_disagrees(&expected, cert, attempt->pool);

    if (!text && settings->certificate_trust_file &&
        ra_cert_verify(cert, settings->certificate_trust_file, apr_time_now(), result, attempt->pool) != APR_SUCCESS) {
        text = "not issued by the trusted CA";
    }
    return text;
}

static ra_ca_verdict_e on_certificate(void *baton, ra_bytes_t der, const apr_array_header_t *chain)
{
    attempt_t *attempt = baton;
    ra_result_t *result = ra_result_make(attempt->pool);
    storing_t storing = {attempt, NULL, chain};
    ra_cert_t *cert;

    if (ra_cert_parse(&cert, der, result, attempt->pool) != APR_SUCCESS) {
        attempt->disagreement = "the certificate cannot be read";
        return RA_CA_DECLINE;
    }
    if (attempt->issued_sha256) {
        /* The same certificate once more, because its confirmation was lost; another one is left alone. */
        return strcmp(attempt->issued_sha256, ra_hex(ra_bytes_of(cert->sha256, RA_SHA256_BYTES), attempt->pool)) == 0 ? RA_CA_ACCEPT : RA_CA_SILENT;
    }
    attempt->disagreement = find_disagreement(attempt, cert);
    if (attempt->disagreement) {
        return RA_CA_DECLINE;
    }
    storing.cert = cert;
    /* Confirm only what is committed; when that cannot be told, say nothing and look again later. */
    if (ra_store_run(attempt->ra->store, RA_TX_WRITE, write_certificate, &storing, result, attempt->pool) == APR_SUCCESS) {
        return RA_CA_ACCEPT;
    }
    attempt->ra->outbox->log(1, "RA0413", apr_pstrcat(attempt->pool, "enrolment ", attempt->id, ": the certificate could not be stored: ",
                                                      result->log_detail ? result->log_detail : "-", NULL));
    return RA_CA_SILENT;
}

/* --- the run ---------------------------------------------------------------------------------------------------- */

static int may_resend(const attempt_t *attempt)
{
    return attempt->ra->ca->adapter->resend_is_idempotent;
}

/* State and verdict for each outcome of the exchange. */
static ra_job_verdict_e judge(attempt_t *attempt, outcome_t *outcome, int *later)
{
    switch (attempt->exchange.outcome) {
    case RA_CA_NOT_SENT:
        /* A resend that did not leave proves nothing about the first sending. */
        outcome->state = attempt->resent ? "unknown" : "prepared";
        outcome->word = "not_sent";
        return RA_JOB_LATER;
    case RA_CA_WAITING:
        outcome->state = "waiting";
        outcome->word = "waiting";
        outcome->later = *later = attempt->exchange.check_after > 0 ? attempt->exchange.check_after : 1;
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
        return may_resend(attempt) ? RA_JOB_LATER : RA_JOB_PERSON;
    }
}

/* A rejection is believed only after a second look where the CA offers one (docs/architecture.md, attempts at the CA). */
static void exchange_with_ca(attempt_t *attempt)
{
    const ra_ca_t *ca = attempt->ra->ca;
    ra_ca_exchange_t *exchange = &attempt->exchange;

    exchange->request = &attempt->request;
    exchange->timeout = attempt->ra->settings->upstream_timeout;
    exchange->callbacks.baton = attempt;
    exchange->callbacks.before_send = before_send;
    exchange->callbacks.on_certificate = on_certificate;
    attempt->resent = attempt->is_stored = exchange->sent.len > 0;
    ca->adapter->enrol(ca, exchange, attempt->pool);
    if (exchange->outcome == RA_CA_REJECTED && !attempt->resent && may_resend(attempt) && exchange->sent.len > 0) {
        ra_ca_exchange_t again = *exchange;

        again.waiting = again.poll = ra_bytes_of(NULL, 0);
        ca->adapter->enrol(ca, &again, attempt->pool);
        if (again.outcome == RA_CA_DONE || again.outcome == RA_CA_REFUSED) {
            *exchange = again;
        }
    }
}

static void log_outcome(const attempt_t *attempt, const outcome_t *outcome)
{
    const ra_outbox_t *outbox = attempt->ra->outbox;
    int level = strcmp(outcome->state, "refused") == 0 ? 0 : 1;

    outbox->log(level, "RA0411", apr_pstrcat(attempt->pool, "enrolment ", attempt->id, ": ", outcome->word, ": ",
                                             short_reason(attempt) ? short_reason(attempt) : "-", NULL));
}

static int is_closed(const attempt_t *attempt)
{
    return strcmp(attempt->state, "rejected") == 0 || strcmp(attempt->state, "refused") == 0 || strcmp(attempt->state, "settled") == 0 ||
           attempt->confirmed;
}

static ra_job_verdict_e write_and_judge(attempt_t *attempt, int *later)
{
    outcome_t outcome = {attempt, NULL, NULL, 0, 0};
    ra_result_t *result = ra_result_make(attempt->pool);
    ra_job_verdict_e verdict = judge(attempt, &outcome, later);
    apr_status_t status = ra_store_run(attempt->ra->store, RA_TX_WRITE, write_outcome, &outcome, result, attempt->pool);

    log_outcome(attempt, &outcome);
    /* Not written (or another run was faster): the row says what is true; look at it again later. */
    return status == APR_SUCCESS ? verdict : RA_JOB_LATER;
}

static apr_status_t write_confirmed(ra_tx_t *tx, void *baton)
{
    const attempt_t *attempt = baton;

    return ra_sql_change(tx, NULL,
                         "UPDATE ca_attempts SET confirmed_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = ? AND confirmed_at IS NULL",
                         RA_VALUES(ra_v_uuid(attempt->id)));
}

/* The certificate is ours; the CA must also know that we have it, or it may withdraw it (RFC 9810 §5.3.18). */
static ra_job_verdict_e note_confirmation(attempt_t *attempt)
{
    const ra_ca_exchange_t *exchange = &attempt->exchange;

    if (exchange->outcome == RA_CA_DONE && !exchange->reason_text) {
        return ra_store_run(attempt->ra->store, RA_TX_WRITE, write_confirmed, attempt, ra_result_make(attempt->pool), attempt->pool) == APR_SUCCESS
                   ? RA_JOB_DONE
                   : RA_JOB_LATER;
    }
    attempt->ra->outbox->log(1, "RA0412", apr_pstrcat(attempt->pool, "enrolment ", attempt->id, ": issued, but the confirmation was not acknowledged", NULL));
    return may_resend(attempt) ? RA_JOB_LATER : RA_JOB_PERSON;
}

/* Sent by a run that did not live to see the answer, to a CA that may answer a repetition with a second certificate. */
static int must_be_looked_at(const attempt_t *attempt)
{
    return attempt->exchange.sent.len > 0 && attempt->exchange.waiting.len == 0 && !may_resend(attempt);
}

ra_job_verdict_e ra_production_run(void *context, const ra_job_t *job, int *later, apr_pool_t *pool)
{
    attempt_t *attempt = apr_pcalloc(pool, sizeof(*attempt));
    ra_result_t *result = ra_result_make(pool);

    attempt->ra = context;
    attempt->pool = pool;
    attempt->id = job->subject;
    if (!attempt->ra->ca || ra_store_run(attempt->ra->store, RA_TX_READ, read_attempt, attempt, result, pool) != APR_SUCCESS) {
        return RA_JOB_LATER;
    }
    if (is_closed(attempt)) {
        return RA_JOB_DONE;
    }
    if (must_be_looked_at(attempt)) {
        attempt->exchange.outcome = RA_CA_UNKNOWN;
        attempt->exchange.reason_text = "sent, and no answer is known";
    } else {
        exchange_with_ca(attempt);
    }
    if (attempt->issued_sha256 || attempt->exchange.outcome == RA_CA_DONE) {
        return note_confirmation(attempt);
    }
    return write_and_judge(attempt, later);
}
