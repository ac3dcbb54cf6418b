/*
 * Idempotency-Key (design §4): same caller, same key → same answer and one effect. The record is written in the transaction of the effect.
 * Layer: api.
 */
#ifndef RA_API_IDEMPOTENCY_H
#define RA_API_IDEMPOTENCY_H

#include "api/call.h"

/** What was answered: status, headers that matter, body. */
typedef struct ra_replay_t {
    int status;
    const char *content_type;
    const char *language; /* of a problem; NULL: of none */
    const char *etag;
    const char *location;
    const char *body;
} ra_replay_t;

/** Hash over method, path, query, If-Match and body: the request that the key stands for. */
void ra_idempotency_hash(unsigned char digest[RA_SHA256_BYTES], const ra_request_t *request, ra_bytes_t body);

/**
 * Claims the key in this transaction.
 * @param preplay set to the stored answer when the key was used for the same request (*preplay->body NULL where none is stored)
 * @return APR_SUCCESS (claimed, or replay set); RA_EREFUSED with _IDEMPOTENCY_KEY_REUSED; store statuses
 */
apr_status_t ra_idempotency_claim(ra_replay_t **preplay, const ra_call_t *call, const char *key, const unsigned char digest[RA_SHA256_BYTES]);

/** Keeps the answer, sealed; never the body of an operation that answers with a code. */
apr_status_t ra_idempotency_keep(const ra_call_t *call, const char *key, const ra_replay_t *answer);

#endif
