/*
 * The CA's CMP side (RFC 9810) on OSSL_CMP_SRV: one message in, one message out.
 * Transactions: the same request bytes again get the same certificate, other bytes under the same transactionID are
 * refused as transactionIdInUse; dedup=off makes it a CA without memory, which issues again.
 */
#ifndef DEVCA_CMP_SERVICE_H
#define DEVCA_CMP_SERVICE_H

#include <pthread.h>

#include "issue.h"
#include "knobs.h"
#include "ledger.h"
#include "state.h"

#define RA_CERTS_MAX 16

typedef struct service_t {
    pthread_mutex_t lock; /* of everything below */
    authority_t *authority;
    X509 *answer_cert; /* who signs the answers: the authority, or a responder of its own */
    EVP_PKEY *answer_key;
    X509 *ra_certs[RA_CERTS_MAX]; /* who may ask */
    int ra_count;
    ledger_t *ledger;
    state_t state;
    unsigned char *crl;
    int crl_len;
    long crl_changes; /* state.changes that the CRL shows */
    long crl_made_at;
} service_t;

/** Opens authority and ledger of @a dir; a new authority has a key of @a key_type. NULL on failure (said on stderr). */
service_t *service_open(const char *dir, const char *key_type);
/** For a service that has not begun to serve. */
void service_close(service_t *service);

/** Issues outside of CMP and notes it in the ledger. NULL on failure. */
X509 *service_issue(service_t *service, const issue_t *what, const char *transaction_id);

/** The answer to one CMP message. */
typedef struct cmp_answer_t {
    unsigned char *der; /* OPENSSL_free; NULL: no answer can be made */
    int len;
    knob_t knob; /* the treatment this message gets; what concerns the bytes on the wire is left to the server */
} cmp_answer_t;

void service_handle(service_t *service, const unsigned char *der, size_t len, cmp_answer_t *answer);

/** Revokes by the CA's own operator, whom no RA asks: "done", or why not. */
const char *service_revoke(service_t *service, const char *serial, int reason);

/** Lets the next one who asks for the CRL get a new one, as a CA publishes one at its hours. */
void service_renew_crl(service_t *service);

/** The CRL in DER, OPENSSL_free; at most an hour old and never older than the last change. */
int service_crl(service_t *service, unsigned char **pder);

#endif
