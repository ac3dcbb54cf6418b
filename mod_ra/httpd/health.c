/* /healthz and /readyz. Layer: httpd. Thread rule: one thread per request. */
#include "httpd/health.h"

#include <http_log.h>

#include "httpd/child.h"
#include "httpd/log_ids.h"
#include "httpd/respond.h"

#define RA_READY_RETRY_SECONDS 2

APLOG_USE_MODULE(ra);

int ra_health_live(request_rec *r)
{
    return ra_respond_text(r, "application/json", "{\"status\":\"alive\"}\n");
}

/** @return APR_SUCCESS or the reason in @a result */
static apr_status_t check(const ra_child_t *child, ra_result_t *result)
{
    apr_status_t status = ra_store_ready(child->ra.store, result);
    if (status == APR_SUCCESS && child->ra.keyring == NULL) {
        status = ra_unavailable(result, RA_PROBLEM_NOT_READY, RA_READY_RETRY_SECONDS, "no keyring");
    }
    if (status == APR_SUCCESS && child->ra.ca == NULL) {
        status = ra_unavailable(result, RA_PROBLEM_NOT_READY, RA_READY_RETRY_SECONDS, "no upstream CA is configured");
    }
    return status;
}

int ra_health_ready(request_rec *r, const ra_inbound_t *inbound)
{
    const ra_child_t *child = ra_child_get();
    ra_result_t *result = ra_result_make(r->pool);
    if (child == NULL) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    if (check(child, result) == APR_SUCCESS) {
        return ra_respond_text(r, "application/json", "{\"status\":\"ready\"}\n");
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, RA_LOG_NOT_READY "not ready: %s",
                  result->log_detail != NULL ? result->log_detail : "no detail");
    if (inbound->server->host == RA_HOST_INTERNAL && result->problem != NULL) {
        return ra_respond_result(r, inbound, result);
    }
    return ra_respond_refusal(r, inbound, RA_PROBLEM_NOT_READY, RA_READY_RETRY_SECONDS);
}
