/*
 * What every attempt at the upstream CA has in common, whatever it asks for: a row of ca_attempts, request bytes that are in the
 * database before the first of them leaves, the same bytes again later, and the second look at a rejection.
 * Layer: business. Thread rule: one thread per attempt, guarded by the job's lease and the attempt's version.
 * The law is docs/architecture.md, "Attempts at the CA".
 */
#ifndef RA_BUSINESS_ATTEMPT_H
#define RA_BUSINESS_ATTEMPT_H

#include "business/ra.h"

/** First member of what enrolment and revocation keep of their own, so that the exchange's baton is both. */
typedef struct ra_attempt_t {
    ra_t *ra;
    apr_pool_t *pool;    /* of the job; everything read lives in it */
    const ra_job_t *job; /* whose run this is */
    const char *id;
    const char *state;
    apr_int64_t version; /* every write is a compare-and-set on it */
    const char *application_id;
    ra_ca_exchange_t exchange;
    int doubtful;        /* an earlier run, or an earlier message of this one, may have reached the CA */
    int is_stored;       /* the request bytes are in the database */
    int is_taken_over;   /* another run has the attempt or the job: nothing was sent, and what comes of it is the other's to write */
    apr_time_t read_at;
    int link_was_good;   /* then, and noted a moment ago: another good exchange is no news */
} ra_attempt_t;

#define RA_LINK_NOTE_SECONDS 1 /* between two notes that an exchange was good */
/** Where the row of the link is worth such a note. */
#define RA_LINK_SAYS_OTHERWISE                                                                                         \
    "id = 1 AND (failures > 0 OR good_at IS NULL OR good_at < UTC_TIMESTAMP(6) - INTERVAL " APR_STRINGIFY(RA_LINK_NOTE_SECONDS) " SECOND)"

/** What ra_attempt_fill() reads, of `ca_attempts t`. */
#define RA_ATTEMPT_COLUMNS                                                                                             \
    "t.state AS state, t.version AS version, t.application_id AS application_id, t.transaction_id AS `transaction_id:b64`,"      \
    " t.sent_bytes AS `sent:b64`, t.sent_nonce AS `nonce:b64`, t.waiting_bytes AS `waiting:b64`, t.poll_bytes AS `poll:b64`,"  \
    " NOT EXISTS (SELECT 1 FROM ca_link WHERE " RA_LINK_SAYS_OTHERWISE ") AS link_was_good"

/** Takes over a row of RA_ATTEMPT_COLUMNS. APR_EGENERAL when it cannot be one. */
apr_status_t ra_attempt_fill(ra_attempt_t *attempt, const ra_json_t *row);

/** Bytes of a member that a row holds as base64url; {NULL,0} when it has none. */
ra_bytes_t ra_attempt_bytes(const ra_json_t *row, const char *name, apr_pool_t *pool);

/** Is the attempt over, confirmation aside? */
int ra_attempt_is_closed(const ra_attempt_t *attempt);

/** May the same bytes go to the CA again (RAUpstreamResend)? */
int ra_attempt_may_resend(const ra_attempt_t *attempt);

/** Forgets the request: the next one is another transaction of the CA's. For what may be asked twice: never for an enrolment that may have arrived. */
apr_status_t ra_attempt_start_anew(ra_attempt_t *attempt);

/** An UPDATE of the attempt's row by id and version. @return APR_ENOENT when another run was faster */
apr_status_t ra_attempt_change(ra_tx_t *tx, const char *sql, ra_values_t values);

typedef void (*ra_attempt_ask_fn)(const ra_ca_t *ca, ra_ca_exchange_t *exchange, apr_pool_t *pool);

/**
 * One try at the CA by a function of its adapter. The outcome RA_CA_REJECTED means afterwards that the CA surely did nothing; a rejection that
 * proves less has become RA_CA_UNKNOWN, or what the second look found.
 */
void ra_attempt_exchange(ra_attempt_t *attempt, ra_attempt_ask_fn ask);

/** At most 300 bytes of why, for people; NULL when nothing is to be said. */
const char *ra_attempt_reason(const ra_attempt_t *attempt);

/** Runs a body that writes. @param result may be NULL when the reason is nobody's business */
apr_status_t ra_attempt_write(const ra_attempt_t *attempt, ra_tx_body_fn body, void *baton, ra_result_t *result);

/** A line of the log: "<what> <id>: <text>: <detail>". @param level as ra_outbox_t.log; @param detail may be NULL */
void ra_attempt_log(const ra_attempt_t *attempt, int level, const char *id, const char *what, const char *text, const char *detail);

#endif
