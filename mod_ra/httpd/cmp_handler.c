/*
 * The HTTP side of CMP: POST of one application/pkixcmp, one in return (RFC 9811 section 3).
 * Layer: httpd. Thread rule: one thread per request.
 */
#include "httpd/cmp_handler.h"

#include <apr_strings.h>

#include "base/limits.h"
#include "business/ca/cmp_production.h"
#include "httpd/body.h"
#include "httpd/child.h"
#include "httpd/respond.h"

#define RA_CMP_MEDIA_TYPE "application/pkixcmp"

/** The media type, perhaps with parameters. */
static int is_pkixcmp(const char *type)
{
    apr_size_t len = strlen(RA_CMP_MEDIA_TYPE);
    if (type == NULL || strncasecmp(type, RA_CMP_MEDIA_TYPE, len) != 0) {
        return 0;
    }
    type += len;
    type += strspn(type, " \t");
    return *type == '\0' || *type == ';';
}

/** No coding is undone here; "identity" is none. */
static int is_encoded(const char *coding)
{
    return coding != NULL && *coding != '\0' && strcasecmp(coding, "identity") != 0;
}

static int refuse(request_rec *r, const ra_inbound_t *inbound, const char *problem, const char *name, const char *value)
{
    ra_result_t *result = ra_result_make(r->pool);
    ra_refuse(result, problem, NULL);
    if (name != NULL) {
        ra_result_param(result, name, value);
    }
    return ra_respond_result(r, inbound, result);
}

static int refuse_body(request_rec *r, const ra_inbound_t *inbound, apr_status_t status)
{
    if (APR_STATUS_IS_ENOSPC(status)) {
        return refuse(r, inbound, RA_PROBLEM_CMP_TOO_LARGE, NULL, NULL);
    }
    return refuse(r, inbound, RA_PROBLEM_CMP_UNREADABLE, NULL, NULL);
}

/* Tools that are told to wait ask again on the same connection, and fail when KeepAliveTimeout has closed it meanwhile. */
static int respond(request_rec *r, const ra_cmp_reply_t *reply)
{
    if (reply->is_waiting) {
        r->connection->keepalive = AP_CONN_CLOSE;
    }
    ra_response_t response = {0};
    response.status = HTTP_OK;
    response.content_type = RA_CMP_MEDIA_TYPE;
    response.body = reply->message;
    return ra_respond(r, &response);
}

static int serve(request_rec *r, const ra_inbound_t *inbound, const ra_child_t *child, ra_bytes_t message)
{
    ra_result_t *result = ra_result_make(r->pool);
    ra_cmp_reply_t reply = {{NULL, 0}, 0};
    ra_cmp_caller_t caller = {
        .host = ra_host_name(inbound->server->host),
        .client_ip = r->useragent_ip,
        .trace_id = inbound->trace.id,
        .baton = r,
        .log = ra_respond_log,
    };
    apr_status_t status = ra_cmp_production_serve(&reply, child->api.ra, message, &caller, result, r->pool);
    if (status == APR_SUCCESS) {
        return respond(r, &reply);
    }
    if (status == APR_EINVAL) {
        return refuse(r, inbound, RA_PROBLEM_CMP_UNREADABLE, NULL, NULL);
    }
    if (result->problem == NULL) {
        ra_refuse(result, RA_PROBLEM_INTERNAL, "a CMP message could not be answered");
    }
    return ra_respond_result(r, inbound, result);
}

int ra_cmp_handler(request_rec *r, const ra_inbound_t *inbound)
{
    const ra_child_t *child = ra_child_get();
    ra_bytes_t message = {NULL, 0};
    if (child == NULL) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    if (r->method_number != M_POST) {
        apr_table_setn(r->headers_out, "Allow", "POST");
        return refuse(r, inbound, RA_PROBLEM_METHOD_NOT_ALLOWED, "allowed", "POST");
    }
    if (!is_pkixcmp(apr_table_get(r->headers_in, "Content-Type")) ||
        is_encoded(apr_table_get(r->headers_in, "Content-Encoding"))) {
        return refuse(r, inbound, RA_PROBLEM_MEDIA_TYPE, "accepted", RA_CMP_MEDIA_TYPE);
    }
    apr_status_t status = ra_body_read(r, RA_CMP_MESSAGE_MAX_BYTES, &message);
    return status == APR_SUCCESS ? serve(r, inbound, child, message) : refuse_body(r, inbound, status);
}
