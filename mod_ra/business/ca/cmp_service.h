/*
 * What the files of the RA's CMP service share. Nobody else includes it.
 *   cmp_production.c  messages with codes, and the callbacks of upstream/cmp_front.c
 *   cmp_signed.c      messages signed with the certificate that they are about: renewal and revocation
 *   cmp_service.c     audit rows, the transaction's memory, what an attempt at the CA has come to
 * Layer: business. Thread rule: a service belongs to one message; all state between messages is in the database.
 */
#ifndef RA_BUSINESS_CMP_SERVICE_H
#define RA_BUSINESS_CMP_SERVICE_H

#include "business/ca/cmp_production.h"
#include "business/ca/codes.h"
#include "business/ca/production.h"
#include "upstream/cmp_front.h"

#define RA_CMP_TOOL "subscriber's tool"
#define RA_CMP_LOG_WARNING 1
#define RA_CMP_LOG_INFO 2

typedef struct ra_cmp_service_t {
    ra_t *ra;
    const ra_cmp_caller_t *caller;
    ra_result_t *result;
    apr_pool_t *pool;
    const ra_cmp_head_t *head;
    ra_cmp_known_t *known;       /* find() */
    const ra_code_pair_t *pair;  /* of a message with codes; NULL: the reference is unknown, or it is signed */
    const char *certificate_id;  /* of a signed message; NULL: the signer is unknown, or there are codes */
    const char *transaction;     /* row of cmp_transactions; NULL: it has not begun */
    const char *application_id;  /* of a signed message */
    const char *attempt_id;      /* at the CA; NULL: none yet */
    const ra_cmp_wish_t *wish;   /* decide() */
    const char *job_id;
    const char *problem; /* why it was refused, for the audit row */
    const char *why;     /* the same in words */
    ra_cmp_standing_t *standing;
    int is_waiting;      /* reply() */
    ra_bytes_t nonce;
    const char *outcome; /* reply() and confirm() */
} ra_cmp_service_t;

/** What a refusal of the rules means to the tool, and to the person before it. */
typedef struct ra_cmp_refusal_t {
    const char *problem; /* NULL: the last one, for all others */
    ra_cmp_failure_e failure;
    const char *text;
} ra_cmp_refusal_t;

/* cmp_service.c */
apr_status_t ra_cmp_run(ra_cmp_service_t *service, ra_tx_mode_e mode, ra_tx_body_fn body);
void ra_cmp_say(const ra_cmp_service_t *service, int level, const char *id, const char *text, const char *what);
/** A member of a row as bytes in @a pool; empty when it is absent. */
ra_bytes_t ra_cmp_bytes_of(const ra_json_t *row, const char *name, apr_pool_t *pool);

/** An audit row of this message. */
apr_status_t ra_cmp_audit(const ra_cmp_service_t *service, ra_tx_t *tx, const char *outcome);
/** The same with "refused", as a transaction of its own (ra_tx_body_fn). */
apr_status_t ra_cmp_write_refusal(ra_tx_t *tx, void *service);

/** Reads this transaction into service->known; APR_SUCCESS too when it has not begun. */
apr_status_t ra_cmp_read_transaction(ra_cmp_service_t *service, ra_tx_t *tx);
/** Keeps the request: codes or certificate, application, key. */
apr_status_t ra_cmp_insert_transaction(ra_cmp_service_t *service, ra_tx_t *tx, ra_bytes_t spki);

/** A pair of codes is used up by this message, and production asked for; the hand is who drew them. Sets attempt_id and job_id. */
apr_status_t ra_cmp_produce(ra_cmp_service_t *service, ra_tx_t *tx, const ra_code_pair_t *pair, const ra_proved_request_t *request);
/** Lets the queued attempt run, and waits for it as long as a production request does. */
void ra_cmp_run_attempt(const ra_cmp_service_t *service);

void ra_cmp_reject(ra_cmp_standing_t *standing, ra_cmp_failure_e failure, const char *text);
/** service->result is a refusal: tells the tool by the table, and writes an audit row. */
apr_status_t ra_cmp_refuse_by(ra_cmp_service_t *service, ra_cmp_standing_t *standing, const ra_cmp_refusal_t *table);
/** Fills @a standing from a row with `der:b64` and chain_pem. @return 0 when there is no certificate */
int ra_cmp_stand_issued(ra_cmp_standing_t *standing, const ra_json_t *row, apr_pool_t *pool);
/** Seconds until the tool should ask again, from a row with `seconds` until the attempt's next run. */
int ra_cmp_check_after(const ra_json_t *row);

/* cmp_signed.c */
apr_status_t ra_cmp_signed_find(ra_cmp_service_t *service);
apr_status_t ra_cmp_signed_decide(ra_cmp_service_t *service, ra_cmp_standing_t *standing);
apr_status_t ra_cmp_signed_look(ra_cmp_service_t *service, ra_cmp_standing_t *standing);

#endif
