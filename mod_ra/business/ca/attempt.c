/* Attempts at the upstream CA: storing before sending, sending again, doubting a rejection. Layer: business. Thread rule: see attempt.h. */
#include "business/ca/attempt.h"

#include <apr_strings.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/ident.h"
#include "base/utf8.h"
#include "business/ca/ca_link.h"

#define REASON_MAX_BYTES 300

ra_bytes_t ra_attempt_bytes(const ra_json_t *row, const char *name, apr_pool_t *pool)
{
    ra_bytes_t bytes = {NULL, 0};
    const char *text = ra_json_get_string(row, name);

    if (text) {
        ra_base64url_decode(&bytes, text, pool);
    }
    return bytes;
}

apr_status_t ra_attempt_fill(ra_attempt_t *attempt, const ra_json_t *row)
{
    apr_pool_t *pool = attempt->pool;
    ra_ca_exchange_t *exchange = &attempt->exchange;
    ra_bytes_t transaction = ra_attempt_bytes(row, "transaction_id", pool);

    attempt->state = apr_pstrdup(pool, ra_json_get_string(row, "state"));
    attempt->version = ra_json_get_int(row, "version", 0);
    attempt->application_id = apr_pstrdup(pool, ra_json_get_string(row, "application_id"));
    if (transaction.len != sizeof(exchange->transaction_id)) {
        return APR_EGENERAL;
    }
    memcpy(exchange->transaction_id, transaction.data, transaction.len);
    exchange->sent = ra_attempt_bytes(row, "sent", pool);
    exchange->sent_nonce = ra_attempt_bytes(row, "nonce", pool);
    exchange->waiting = ra_attempt_bytes(row, "waiting", pool);
    exchange->poll = ra_attempt_bytes(row, "poll", pool);
    attempt->is_stored = exchange->sent.len > 0;
    attempt->read_at = apr_time_now();
    attempt->link_was_good = (int)ra_json_get_int(row, "link_was_good", 0);
    attempt->doubtful = attempt->is_stored || strcmp(attempt->state, "unknown") == 0;
    return APR_SUCCESS;
}

int ra_attempt_is_closed(const ra_attempt_t *attempt)
{
    static const char *const closed[] = {"done", "rejected", "refused", "settled"};

    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        if (strcmp(attempt->state, closed[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

int ra_attempt_may_resend(const ra_attempt_t *attempt)
{
    return attempt->ra->ca->adapter->resend_is_idempotent;
}

apr_status_t ra_attempt_start_anew(ra_attempt_t *attempt)
{
    ra_ca_exchange_t *exchange = &attempt->exchange;

    exchange->sent = exchange->sent_nonce = exchange->waiting = exchange->poll = ra_bytes_of(NULL, 0);
    attempt->is_stored = 0;
    return ra_random(exchange->transaction_id, sizeof(exchange->transaction_id));
}

apr_status_t ra_attempt_change(ra_tx_t *tx, const char *sql, ra_values_t values)
{
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(tx, &affected, sql, values);

    return status == APR_SUCCESS && affected != 1 ? APR_ENOENT : status;
}

/* Whole characters: the column takes nothing but UTF-8. */
const char *ra_attempt_reason(const ra_attempt_t *attempt)
{
    const char *text = attempt->exchange.reason_text;
    apr_size_t len = text ? strlen(text) : 0, kept = 0, step;

    if (len <= REASON_MAX_BYTES) {
        return text;
    }
    while ((step = ra_utf8_read(NULL, text + kept, len - kept)) > 0 && kept + step <= REASON_MAX_BYTES) {
        kept += step;
    }
    return apr_pstrmemdup(attempt->pool, text, kept);
}

apr_status_t ra_attempt_write(const ra_attempt_t *attempt, ra_tx_body_fn body, void *baton, ra_result_t *result)
{
    return ra_store_run(attempt->ra->store, RA_TX_WRITE, body, baton, result ? result : ra_result_make(attempt->pool), attempt->pool);
}

void ra_attempt_log(const ra_attempt_t *attempt, int level, const char *id, const char *what, const char *text, const char *detail)
{
    attempt->ra->outbox->log(level, id, apr_pstrcat(attempt->pool, what, " ", attempt->id, ": ", text, ": ", detail ? detail : "-", NULL));
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

typedef struct sending_t {
    const ra_attempt_t *attempt;
    ra_bytes_t request;
    ra_bytes_t nonce;
} sending_t;

static apr_status_t write_sent(ra_tx_t *tx, void *baton)
{
    const sending_t *sending = baton;
    const ra_attempt_t *attempt = sending->attempt;
    ra_bytes_t transaction = ra_bytes_of(attempt->exchange.transaction_id, sizeof(attempt->exchange.transaction_id));
    apr_status_t status;

    RA_FAILPOINT(sent_written);
    status = ra_attempt_change(tx,
                               "UPDATE ca_attempts SET state = IF(state = 'prepared', 'sent', state), version = version + 1, transaction_id = ?,"
                               " sent_bytes = ?, sent_nonce = ?, updated_at = UTC_TIMESTAMP(6) WHERE id = ? AND version = ?",
                               RA_VALUES(ra_v_bytes(transaction), ra_v_bytes(sending->request), ra_v_bytes(sending->nonce),
                                         ra_v_uuid(attempt->id), ra_v_int(attempt->version)));
    return status == APR_SUCCESS ? ra_outbox_keep(tx, attempt->ra->outbox, attempt->job) : status;
}

/*
 * The request is in the database before its first byte is on the wire. The same bytes again are announced in the same way: whoever lost the
 * attempt or the job meanwhile (to another run, or to a person who settled it) sends nothing. The lease begins anew with it.
 * A COMMIT that is not known to have happened stops it too.
 */
static apr_status_t before_send(void *baton, ra_bytes_t request, ra_bytes_t nonce)
{
    ra_attempt_t *attempt = baton;
    sending_t sending = {attempt, request, nonce};
    apr_status_t status;

    RA_FAILPOINT(sent_begin);
    status = RA_PLANTED(send_before_commit) ? APR_SUCCESS : ra_attempt_write(attempt, write_sent, &sending, NULL);
    RA_FAILPOINT(sent_committed);
    attempt->is_taken_over = status == APR_ENOENT;
    if (status == APR_SUCCESS) {
        attempt->version += !RA_PLANTED(send_before_commit);
        attempt->is_stored = 1;
    }
    return status;
}

/*
 * A CA may have issued before it said no. Where the same bytes mean the same question it is asked again, and anything but the same "no" is what
 * holds: also no answer at all. Where they may not be sent again, only a fault of the request itself proves that nothing was done.
 */
static void doubt_rejection(ra_attempt_t *attempt, ra_attempt_ask_fn ask)
{
    ra_ca_exchange_t *exchange = &attempt->exchange;
    ra_ca_exchange_t again = *exchange;

    if (!ra_attempt_may_resend(attempt)) {
        exchange->outcome = exchange->request_at_fault ? RA_CA_REJECTED : RA_CA_UNKNOWN;
        return;
    }
    RA_FAILPOINT(second_look);
    attempt->doubtful = 1;
    again.waiting = again.poll = ra_bytes_of(NULL, 0);
    ask(attempt->ra->ca, &again, attempt->pool);
    if (again.outcome != RA_CA_REJECTED) {
        *exchange = again;
    }
}

void ra_attempt_exchange(ra_attempt_t *attempt, ra_attempt_ask_fn ask)
{
    ra_ca_exchange_t *exchange = &attempt->exchange;

    exchange->timeout = attempt->ra->settings->upstream_timeout;
    exchange->callbacks.baton = attempt;
    exchange->callbacks.before_send = before_send;
    ask(attempt->ra->ca, exchange, attempt->pool);
    ra_ca_link_note(attempt);
    if (exchange->outcome == RA_CA_REJECTED) {
        doubt_rejection(attempt, ask);
    }
}
