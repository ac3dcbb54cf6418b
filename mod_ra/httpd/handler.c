/*
 * The content handler: one request of httpd in, one answer of api/ out.
 * Layer: httpd. Thread rule: one thread per request.
 */
#include "httpd/handler.h"

#include <apr_strings.h>

#include "httpd/child.h"
#include "httpd/cmp_handler.h"
#include "httpd/download.h"
#include "httpd/health.h"
#include "httpd/inbound.h"
#include "httpd/metrics.h"
#include "httpd/respond.h"

/** No coding is undone here, so nothing can be a bomb; "identity" is none. */
static int is_encoded(const request_rec *r)
{
    const char *coding = apr_table_get(r->headers_in, "Content-Encoding");
    return coding != NULL && *coding != '\0' && apr_strnatcasecmp(coding, "identity") != 0;
}

static int serve_api(request_rec *r, const ra_inbound_t *inbound)
{
    const ra_child_t *child = ra_child_get();
    ra_request_t request;
    ra_response_t response = {0};
    if (child == NULL) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    if (is_encoded(r)) {
        ra_result_t *result = ra_result_make(r->pool);
        ra_refuse(result, RA_PROBLEM_MEDIA_TYPE, NULL);
        ra_result_param(result, "accepted", "application/json");
        return ra_respond_result(r, inbound, result);
    }
    ra_inbound_request(r, inbound, &request);
    ra_api_serve(&child->api, &request, &response);
    return ra_respond(r, &response);
}

/** The handlers beside the API know GET and HEAD only. */
static int serve_plain(request_rec *r, const ra_inbound_t *inbound)
{
    if (r->method_number != M_GET) {
        ra_result_t *result = ra_result_make(r->pool);
        ra_refuse(result, RA_PROBLEM_METHOD_NOT_ALLOWED, NULL);
        ra_result_param(result, "allowed", "GET, HEAD");
        apr_table_setn(r->headers_out, "Allow", "GET, HEAD");
        return ra_respond_result(r, inbound, result);
    }
    switch (inbound->route) {
    case RA_ROUTE_HEALTH:
        return ra_health_live(r);
    case RA_ROUTE_READY:
        return ra_health_ready(r, inbound);
    case RA_ROUTE_DOWNLOAD:
        return ra_download_handler(r, inbound);
    default:
        return ra_metrics_page(r);
    }
}

int ra_handler(request_rec *r)
{
    const ra_inbound_t *inbound = ra_inbound_get(r);
    if (inbound == NULL || inbound->route == RA_ROUTE_NONE || r->handler == NULL ||
        strcmp(r->handler, RA_HANDLER_NAME) != 0) {
        return DECLINED;
    }
    switch (inbound->route) {
    case RA_ROUTE_API:
        return serve_api(r, inbound);
    case RA_ROUTE_CMP:
        return ra_cmp_handler(r, inbound);
    default:
        return serve_plain(r, inbound);
    }
}
