/*
 * The strict JSON scanner that stands before cJSON: it builds nothing, it only says whether a text may be read.
 * Layer: base; for json.c and the fuzzer. Thread rule: free-threaded.
 */
#ifndef RA_BASE_JSON_SCAN_H
#define RA_BASE_JSON_SCAN_H

#include "base/json.h"

/**
 * Checks a complete text against RFC 8259, I-JSON (RFC 7493) and the limits, as ra_json_parse() states.
 * @param pool for scratch memory, given back before the return
 * @return APR_SUCCESS or APR_EINVAL with *error filled
 */
apr_status_t ra_json_scan(const char *text, apr_size_t len, const ra_json_limits_t *limits, ra_json_error_t *error,
                          apr_pool_t *pool);

#endif
