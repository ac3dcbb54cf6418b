/* From a call or a result to the bytes of a response. Layer: api. Thread rule: free-threaded. */
#include "api/render.h"

#include <apr_strings.h>
#include <string.h>

#define BASE "/api/v1"

static void set_text(ra_response_t *response, const char *type, const char *text)
{
    response->content_type = type;
    response->body = ra_bytes_text(text);
}

static void set_headers(const ra_call_t *call, ra_response_t *response)
{
    apr_pool_t *pool = call->request->pool;
    const char *etag = call->etag;

    if (!etag && call->version > 0) {
        etag = ra_etag_make(call->version, call->variant ? call->variant : "json", pool);
    }
    if (etag) {
        apr_table_set(response->headers, "ETag", etag);
    }
    if (call->location) {
        apr_table_setn(response->headers, "Location", apr_pstrcat(pool, BASE, call->location, NULL));
    }
    if (call->link) {
        apr_table_setn(response->headers, "Link", apr_pstrcat(pool, "<", BASE, call->link, ">; rel=\"next\"", NULL));
    }
    if (call->retry_after > 0) {
        apr_table_setn(response->headers, "Retry-After", apr_itoa(pool, call->retry_after));
    }
    apr_table_set(response->headers, "Cache-Control", call->cache_control ? call->cache_control : "no-store");
}

#ifdef RA_TEST_BUILD
/* The document is the law for answers too: in test builds a difference is a fault of ours. */
static apr_status_t check_answer(const ra_call_t *call, ra_result_t *result)
{
    const ra_answer_t *answer = ra_operation_answer(call->operation, call->status);
    ra_result_t *found = ra_result_make(call->request->pool);

    if (!answer) {
        return ra_refuse(result, RA_PROBLEM_INTERNAL, apr_psprintf(result->pool, "%s: status %d is not in the document", call->operation->id, call->status));
    }
    for (int i = 0; call->answer && i < answer->media_count; i++) {
        if (answer->media[i].schema && !ra_schema_check(answer->media[i].schema, call->answer, "", found)) {
            const ra_violation_t *violation = &APR_ARRAY_IDX(found->violations, 0, ra_violation_t);

            return ra_refuse(result, RA_PROBLEM_INTERNAL,
                             apr_pstrcat(result->pool, call->operation->id, ": the answer is not as documented: ", violation->pointer, " ",
                                         violation->code, NULL));
        }
    }
    return APR_SUCCESS;
}
#else
static apr_status_t check_answer(const ra_call_t *call, ra_result_t *result)
{
    (void)call;
    (void)result;
    return APR_SUCCESS;
}
#endif

static apr_status_t render(ra_call_t *call, ra_response_t *response, ra_result_t *result)
{
    const char *if_none_match = apr_table_get(call->request->headers, "If-None-Match");
    const char *etag;

    response->status = call->status;
    apr_table_clear(response->headers);
    set_headers(call, response);
    etag = apr_table_get(response->headers, "ETag");
    if (etag && if_none_match && strcmp(call->operation->method, "GET") == 0 && ra_if_none_match(if_none_match, etag, call->request->pool)) {
        response->status = 304;
        return APR_SUCCESS;
    }
    if (call->raw.data) {
        response->content_type = call->raw_type;
        response->body = ra_bytes_copy(call->raw, call->request->pool);
        return APR_SUCCESS;
    }
    if (call->answer) {
        set_text(response, "application/json", ra_json_print(call->answer, call->request->pool));
    }
    return check_answer(call, result);
}

apr_status_t ra_render_answer(ra_call_t *call, ra_response_t *response)
{
    return render(call, response, call->act.tx->result);
}

void ra_render_after(ra_call_t *call, ra_response_t *response)
{
    ra_result_t *result = ra_result_make(call->request->pool);

    if (render(call, response, result) != APR_SUCCESS) {
        call->request->log(call->request->baton, RA_LOG_ERROR, "RA0304", result->log_detail);
        ra_render_problem(call->api, call->request, result, call->language, response);
    }
}

void ra_render_problem(const ra_api_t *api, const ra_request_t *request, const ra_result_t *result, ra_language_e language, ra_response_t *response)
{
    ra_json_t *problem = ra_problem_make(api->spec, result, language, request->trace_id, request->pool);
    const char *etag = apr_table_get(result->params, "etag");

    response->status = ra_problem_status(api->spec, result->problem);
    response->problem = result->problem;
    apr_table_clear(response->headers);
    apr_table_setn(response->headers, "Cache-Control", "no-store");
    apr_table_setn(response->headers, "Content-Language", ra_language_tag(language));
    if (etag) {
        apr_table_set(response->headers, "ETag", etag);
    }
    if (result->retry_after > 0) {
        apr_table_setn(response->headers, "Retry-After", apr_itoa(request->pool, result->retry_after));
    }
    set_text(response, "application/problem+json", ra_json_print(problem, request->pool));
}

void ra_render_replay(const ra_replay_t *replay, ra_response_t *response)
{
    response->status = replay->status;
    apr_table_setn(response->headers, "Cache-Control", "no-store");
    apr_table_setn(response->headers, "Idempotency-Replayed", "true");
    if (replay->language) {
        apr_table_setn(response->headers, "Content-Language", replay->language);
    }
    if (replay->etag) {
        apr_table_setn(response->headers, "ETag", replay->etag);
    }
    if (replay->location) {
        apr_table_setn(response->headers, "Location", replay->location);
    }
    if (replay->body && replay->content_type) {
        set_text(response, replay->content_type, replay->body);
    }
}
