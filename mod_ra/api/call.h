/*
 * One call of an operation, as its handler sees it: everything is checked already (host, identity, access, schema, replay, If-Match).
 * Layer: api. A handler decodes little, calls business/, and fills the answer. It runs inside the transaction and may be run again from the start.
 */
#ifndef RA_API_CALL_H
#define RA_API_CALL_H

#include "api/api.h"
#include "api/negotiate.h"
#include "api/problem.h"
#include "business/people/principal.h"

#define RA_OPERATION_RETRY_SECONDS 2 /* what Retry-After says of an operation that is still open */

typedef struct ra_call_t {
    const ra_api_t *api;
    const ra_request_t *request;
    const ra_operation_t *operation;
    ra_act_t act;              /* ra, tx, who (NULL for public operations) */
    ra_language_e language;
    const ra_json_t *params;   /* path and query parameters by name, typed as the schema says */
    const ra_json_t *body;     /* NULL when there is none, or when it is not JSON */
    ra_bytes_t content;        /* the body as it was sent; for operations whose body is not JSON */
    ra_if_match_t if_match;    /* where the operation needs it */

    /* the answer; in act.tx->pool */
    int status;                /* 200 unless the handler says otherwise */
    ra_json_t *answer;
    ra_bytes_t raw;            /* instead of answer: bytes of raw_type */
    const char *raw_type;
    apr_int64_t version;       /* makes the ETag; 0: none */
    const char *variant;       /* of the representation; NULL: "json" */
    const char *etag;          /* a ready ETag instead */
    const char *location;      /* below /api/v1 */
    const char *link;          /* of the next page, with its query */
    int retry_after;
    const char *cache_control; /* NULL: no-store */

    /* for the audit row */
    const char *object_type;
    const char *object_id;
    ra_json_t *audit_detail;

    /** Runs after COMMIT, outside of the transaction, with only `after_baton` (in the request's pool) left of it; 1 when it made a new answer, in the request's pool. */
    int (*after_commit)(struct ra_call_t *call);
    const char *after_baton;
} ra_call_t;

/** A path or query parameter as text; NULL when absent. */
const char *ra_call_text(const ra_call_t *call, const char *name);
/** The page limit of a list. */
int ra_call_limit(const ra_call_t *call);

/** How long the answer may wait for the work that it began: RAProductionWait; Prefer: respond-async (RFC 7240 §4.1): not at all. */
apr_interval_time_t ra_call_wait(const ra_call_t *call);

/** 412 with the current ETag unless If-Match names @a version. */
apr_status_t ra_call_demand_version(ra_call_t *call, apr_int64_t version);

/**
 * The ETag of an answer that changes without its version (a name that is shown with it, a status that time alone changes): the version, for
 * If-Match, and a digest of the whole, so that If-None-Match never takes an old answer for the present one. @param version of call->answer
 */
void ra_call_tag_whole(ra_call_t *call, apr_int64_t version);

/** The keyset position of the cursor parameter, into *pbefore (NULL: first page). RA_EREFUSED with RA_PROBLEM_CURSOR_INVALID. */
apr_status_t ra_call_cursor(ra_call_t *call, const char **pbefore);
/** Makes {items, next_cursor} of at most limit items (items has limit + 1 when there is more); the key of a row is its id. */
void ra_call_page(ra_call_t *call, ra_json_t *items, int limit);
/** As ra_call_page() with another member as the key: a string, or an integer whose decimal text becomes the position. */
void ra_call_page_by(ra_call_t *call, ra_json_t *items, int limit, const char *key);
/** The counts of a filter that can find nothing: two empty lists. @return APR_SUCCESS */
apr_status_t ra_call_counts_nothing(ra_call_t *call, const char *facet, const char *other);

#endif
