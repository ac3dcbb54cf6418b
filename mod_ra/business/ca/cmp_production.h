/*
 * Production 制证 by the tool of the counter or the subscriber: CMP with reference and authorisation code (design §9).
 * The PBMAC secret is the authorisation code as it was shown (groups with dashes) or the same without the dashes; the
 * reference code may be written either way, in small letters too.
 * Layer: business. Thread rule: free-threaded; all state between messages is in the database.
 */
#ifndef RA_BUSINESS_CMP_PRODUCTION_H
#define RA_BUSINESS_CMP_PRODUCTION_H

#include "business/ra.h"

/** Who sends the message. All may be NULL, log not. */
typedef struct ra_cmp_caller_t {
    const char *host; /* "public" */
    const char *client_ip;
    const char *trace_id;
    void *baton;
    void (*log)(void *baton, int level, const char *id, const char *message); /* levels as ra_outbox_t.log */
} ra_cmp_caller_t;

typedef struct ra_cmp_reply_t {
    ra_bytes_t message; /* DER, in the call's pool */
    int is_waiting;     /* the tool is told to ask again later */
} ra_cmp_reply_t;

/**
 * Answers one CMP message; what is wrong with it is told by CMP.
 * @return APR_SUCCESS; APR_EINVAL not a CMP message; RA_EUNAVAILABLE, RA_EUNKNOWN or another status with @a result
 * filled: nothing can be answered now
 */
apr_status_t ra_cmp_production_serve(ra_cmp_reply_t *preply, ra_t *ra, ra_bytes_t message, const ra_cmp_caller_t *caller,
                                     ra_result_t *result, apr_pool_t *pool);

#endif
