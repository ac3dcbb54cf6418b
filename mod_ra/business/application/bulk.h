/*
 * Bulk operations: up to 500 calls of one operation of the API in one request (design §4). Each row is a transaction of its own with the checks of
 * the single call; its result is written in that transaction under the key (bulk operation, row), so a run that was cut off goes on where it was
 * and nothing is done twice.
 * Layer: business. What a row means is the caller's affair: api/ gives the function that makes a call of it.
 * Thread rule: free-threaded.
 */
#ifndef RA_BUSINESS_BULK_H
#define RA_BUSINESS_BULK_H

#include "business/people/principal.h"

/** A bulk operation as it was asked for. */
typedef struct ra_bulk_t {
    const char *id;
    const char *kind;        /* word of the API: applications, agency_decisions, reviews */
    const char *host;        /* "staff" or "api" */
    const char *client_ip;
    const char *trace_id;
    const char *language;    /* tag */
    ra_bytes_t certificate;  /* DER; the principal is found by it anew for every row */
    const ra_json_t *rows;   /* array */
} ra_bulk_t;

/** Takes the rows, sealed, and queues the job, in this transaction. @a bulk id is made. @param pjob the outbox job */
apr_status_t ra_bulk_take(const ra_act_t *act, ra_bulk_t *bulk, const char **pjob);

/** The result of a row, in the transaction that has its effect. APR_EEXIST: the row has one already, by another run; nothing may be committed. */
apr_status_t ra_bulk_note(ra_tx_t *tx, const char *bulk_id, int index, int status, const ra_json_t *result);

/** The BulkOperation of the API with the results of its rows. RA_EREFUSED with _NOT_FOUND unless it is the caller's own, or @a all. */
apr_status_t ra_bulk_json(ra_json_t **pbulk, const ra_act_t *act, const char *id, int all);

/** Newest first, at most @a limit + 1, without results. @param before_id NULL: from the newest */
apr_status_t ra_bulk_list(ra_json_t **pitems, const ra_act_t *act, int all, const char *before_id, int limit);

/** Removes finished ones after RA_BULK_DAYS, a portion at a time: a duty of periodic.c. */
apr_status_t ra_bulk_forget(ra_tx_t *tx, void *baton);

/** Runs a part of the rows (a job of kind "bulk"); @a context is the ra_t. */
ra_job_verdict_e ra_bulk_run(void *context, const ra_job_t *job, int *later, apr_pool_t *pool);

#endif
