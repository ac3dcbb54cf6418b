/*
 * Problem documents (RFC 9457) from results: the one place where an outcome becomes an HTTP status.
 * Layer: api. Thread rule: free-threaded.
 */
#ifndef RA_API_PROBLEM_H
#define RA_API_PROBLEM_H

#include "api/spec.h"

typedef enum { RA_LANGUAGE_ZH_CN, RA_LANGUAGE_EN } ra_language_e;

/** Chooses by Accept-Language (RFC 9110 §12.5.4); zh-CN when absent, not understood or matching neither. */
ra_language_e ra_language_choose(const char *accept_language);
const char *ra_language_tag(ra_language_e language); /* "zh-CN", "en" */

/** The HTTP status of a problem; 500 for one that the document does not have. */
int ra_problem_status(const ra_spec_t *spec, const char *problem);

/**
 * The problem document: type ("/api/v1/problems/<code>"), title, status, detail (what to do), code, errors[] (pointer, code, detail), trace_id, and retry_after where set.
 * {placeholders} are filled from the result's params. @return an object tied to @a pool
 */
ra_json_t *ra_problem_make(const ra_spec_t *spec, const ra_result_t *result, ra_language_e language, const char *trace_id,
                           apr_pool_t *pool);

#endif
