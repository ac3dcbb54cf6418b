/*
 * How functions of mod_ra say what happened: an apr_status_t steers, one ra_result_t explains.
 * Layer: base. Thread rule: a result belongs to one unit of work and is used by one thread at a time.
 */
#ifndef RA_BASE_RESULT_H
#define RA_BASE_RESULT_H

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "ra_problems.h" /* made from api-spec/problems.yaml: one RA_PROBLEM_… name per problem code */

/** The caller is refused; the result says why. Not a fault of the server. */
#define RA_EREFUSED (APR_OS_START_USERERR + 1)
/** The transaction lost against another one and must be repeated whole (store/ does that). */
#define RA_ERETRY (APR_OS_START_USERERR + 2)
/** It could not be found out whether it happened (a lost COMMIT, a lost answer of the CA). */
#define RA_EUNKNOWN (APR_OS_START_USERERR + 3)
/** A part that is needed is out of reach now; trying again later is right. */
#define RA_EUNAVAILABLE (APR_OS_START_USERERR + 4)

/** One place of the request that is wrong. */
typedef struct ra_violation_t {
    const char *pointer;  /* JSON Pointer (RFC 6901) into the body, or "query:limit", "header:if-match", "path:id" */
    const char *code;     /* a code of the `violations` part of problems.yaml */
    apr_table_t *params;  /* values for the {placeholders} of the text; may be NULL */
} ra_violation_t;

/** Why something did not succeed. Made empty; filled at most once with a problem. */
typedef struct ra_result_t {
    apr_pool_t *pool;            /* owns every string below */
    const char *problem;         /* RA_PROBLEM_…; NULL while all is well */
    apr_table_t *params;         /* values for the {placeholders} of the problem's text */
    apr_array_header_t *violations; /* of ra_violation_t */
    const char *log_detail;      /* for the operator's log only, never for the caller */
    int retry_after;             /* seconds; 0 = not said */
    int keep;                    /* refused, yet what the transaction wrote is to be committed (a counted wrong try) */
} ra_result_t;

/** Makes an empty result in @a pool, which must outlive it. */
ra_result_t *ra_result_make(apr_pool_t *pool);

/** Empties the result, so that a repeated transaction starts clean. */
void ra_result_clear(ra_result_t *result);

/**
 * Refuses: notes the problem and returns RA_EREFUSED, so a caller can write `return ra_refuse(...)`.
 * @param problem    one of the RA_PROBLEM_… names
 * @param log_detail English, for the log; NULL for none. Never holds a secret or a personal identifier.
 */
apr_status_t ra_refuse(ra_result_t *result, const char *problem, const char *log_detail);

/** As ra_refuse(), for a part that is out of reach: returns RA_EUNAVAILABLE and sets retry_after (seconds). */
apr_status_t ra_unavailable(ra_result_t *result, const char *problem, int retry_after, const char *log_detail);

/** Gives a value for a {placeholder} of the problem's text. */
void ra_result_param(ra_result_t *result, const char *name, const char *value);

/** Adds one wrong place; the problem itself is set by ra_refuse(). At most RA_VIOLATIONS_MAX are kept. */
ra_violation_t *ra_result_violation(ra_result_t *result, const char *pointer, const char *code);

/** As ra_result_violation() with one placeholder value. */
void ra_result_violation_param(ra_result_t *result, const char *pointer, const char *code, const char *name,
                               const char *value);

#endif
