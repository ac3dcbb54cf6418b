/* Parameters and body of a request, checked against the document. Layer: api. */
#ifndef RA_API_INPUT_H
#define RA_API_INPUT_H

#include "api/call.h"

/**
 * Path and query parameters as typed JSON into *pparams; unknown, repeated and wrong ones are refused (RA_PROBLEM_REQUEST_INVALID); a path value
 * that its schema refuses names a thing that does not exist (RA_PROBLEM_NOT_FOUND).
 */
apr_status_t ra_input_params(ra_json_t **pparams, const ra_request_t *request, const ra_operation_t *operation, ra_result_t *result);

/** Media type, size, JSON and schema of the body. *pbody NULL when an optional one is absent, or is of a media type that is not JSON. @a raw are the bytes as read. */
apr_status_t ra_input_body(ra_json_t **pbody, const ra_request_t *request, const ra_operation_t *operation, ra_bytes_t raw, ra_result_t *result);

#endif
