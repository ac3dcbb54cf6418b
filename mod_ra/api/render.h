/* From a call or a result to the bytes of a response. Layer: api. */
#ifndef RA_API_RENDER_H
#define RA_API_RENDER_H

#include "api/call.h"
#include "api/idempotency.h"

/**
 * Fills the response from the call's answer (printed into the request's pool), with ETag, Location, Cache-Control, If-None-Match → 304.
 * Test builds check the answer against the document; a difference is RA_PROBLEM_INTERNAL.
 */
apr_status_t ra_render_answer(ra_call_t *call, ra_response_t *response);

/** The same for an answer that after_commit replaced; a fault becomes a 500 problem. */
void ra_render_after(ra_call_t *call, ra_response_t *response);

void ra_render_problem(const ra_api_t *api, const ra_request_t *request, const ra_result_t *result, ra_language_e language, ra_response_t *response);
void ra_render_replay(const ra_replay_t *replay, ra_response_t *response);

#endif
