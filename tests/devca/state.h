/*
 * What the CA knows: the fold over the ledger. Only state_apply() changes it (and the live sessions that cmp_service.c
 * hangs on transactions). Thread rule: the caller holds the service lock.
 */
#ifndef DEVCA_STATE_H
#define DEVCA_STATE_H

#include <stddef.h>

#define STATE_BUCKETS 4096
#define STATUS_GOOD (-1) /* else the CRLReason it stands on the CRL with; 6 = hold */
#define STATUS_HOLD 6

struct session_t;

typedef struct issued_t {
    char *serial; /* upper-case hex */
    unsigned char *der;
    int der_len;
    int status;
    long changed_at; /* of the status, seconds since 1970 */
    struct issued_t *next_in_bucket;
    struct issued_t *next;
} issued_t;

typedef struct transaction_t {
    char *id;     /* hex */
    char *sha256; /* of the request */
    unsigned char *request;
    int request_len;
    issued_t *issued;
    int rejected;        /* failure bits of a rejection, or 0 */
    int revocation_bits; /* for rr: failure bits of its result, 0 = done; -1 = not yet known */
    int waiting;
    int polls_left;
    int check_after;
    unsigned char nonce[64]; /* the senderNonce of our last reply */
    int nonce_len;
    struct session_t *session; /* live, or NULL: rebuilt when it is needed */
    struct transaction_t *next_in_bucket;
} transaction_t;

typedef struct state_t {
    issued_t *by_serial[STATE_BUCKETS];
    issued_t *issued; /* all, newest first */
    transaction_t *transactions[STATE_BUCKETS];
    long changes; /* of statuses, so that the CRL knows when it is old */
    long crl_number;
} state_t;

/** Applies a line of the ledger; @a baton is a state_t. */
void state_apply(void *baton, const char *line);
/** Frees everything but the sessions. */
void state_clear(state_t *state);
issued_t *state_find_issued(const state_t *state, const char *serial);
transaction_t *state_find_transaction(const state_t *state, const char *id);

char *hex_of(const unsigned char *bytes, size_t len, int upper); /* malloc'ed */
char *base64_of(const unsigned char *bytes, int len);            /* malloc'ed */

#endif
