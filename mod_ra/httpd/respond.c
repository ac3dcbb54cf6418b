/*
 * Answers onto the wire: status, headers, body, problem documents.
 * Layer: httpd. Thread rule: the thread that works on the request.
 */
#include "httpd/respond.h"

#include <apr_buckets.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "httpd/child.h"

APLOG_USE_MODULE(ra);

int ra_log_level(int level)
{
    switch (level) {
    case RA_LOG_ERROR:
        return APLOG_ERR;
    case RA_LOG_WARNING:
        return APLOG_WARNING;
    case RA_LOG_INFO:
        return APLOG_INFO;
    default:
        return APLOG_DEBUG;
    }
}

void ra_respond_log(void *baton, int level, const char *id, const char *message)
{
    request_rec *r = baton;
    ap_log_rerror(APLOG_MARK, ra_log_level(level), 0, r, "%s: %s", id, message);
}

static int add_header(void *baton, const char *name, const char *value)
{
    request_rec *r = baton;
    apr_table_add(r->headers_out, name, value);
    return 1;
}

static void set_headers(request_rec *r, const ra_response_t *response)
{
    if (response->headers != NULL) {
        apr_table_do(add_header, r, response->headers, NULL);
    }
    if (response->status >= HTTP_BAD_REQUEST || apr_table_get(r->headers_out, "Cache-Control") == NULL) {
        apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    }
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->headers_out, "Referrer-Policy", "no-referrer");
}

static void send_body(request_rec *r, ra_bytes_t body)
{
    apr_bucket_alloc_t *allocator = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, allocator);
    if (body.len > 0) {
        APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_pool_create((const char *)body.data, body.len, r->pool, allocator));
    }
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(allocator));
    /* A failure here means that the client is gone: the outcome stays what it is. */
    ap_pass_brigade(r->output_filters, brigade);
}

int ra_respond(request_rec *r, const ra_response_t *response)
{
    r->status = response->status;
    set_headers(r, response);
    if (response->problem != NULL) {
        apr_table_setn(r->notes, "ra-problem", response->problem);
    }
    if (response->principal != NULL) {
        apr_table_setn(r->notes, "ra-principal", response->principal);
    }
    if (response->content_type != NULL) {
        ap_set_content_type(r, response->content_type);
        ap_set_content_length(r, (apr_off_t)response->body.len);
    }
    /* The header filter of httpd leaves the body out for HEAD and for statuses that have none. */
    send_body(r, response->content_type != NULL ? response->body : ra_bytes_text(NULL));
    return OK;
}

int ra_respond_result(request_rec *r, const ra_inbound_t *inbound, const ra_result_t *result)
{
    const ra_child_t *child = ra_child_get();
    ra_request_t request;
    ra_response_t response = {0};
    if (child == NULL) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    ra_inbound_request(r, inbound, &request);
    ra_api_refuse(&child->api, &request, result, &response);
    return ra_respond(r, &response);
}

int ra_respond_refusal(request_rec *r, const ra_inbound_t *inbound, const char *problem, int retry_after)
{
    ra_result_t *result = ra_result_make(r->pool);
    ra_refuse(result, problem, NULL);
    result->retry_after = retry_after;
    return ra_respond_result(r, inbound, result);
}

int ra_respond_text(request_rec *r, const char *content_type, const char *text)
{
    ra_response_t response = {0};
    response.status = HTTP_OK;
    response.content_type = content_type;
    response.body = ra_bytes_text(text);
    return ra_respond(r, &response);
}
