/*
 * One file of the folder of downloads: opened by business/, sent by httpd (sendfile, ranges, conditions).
 * Layer: httpd. Thread rule: one thread per request.
 */
#include "httpd/download.h"

#include <apr_buckets.h>
#include <apr_escape.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "business/service/downloads.h"
#include "httpd/child.h"
#include "httpd/log_ids.h"
#include "httpd/respond.h"

APLOG_USE_MODULE(ra);

/**
 * Never shown, always saved (RFC 6266), whatever is in it: no type of its own, nothing to guess, no script.
 */
static void set_headers(request_rec *r, const ra_download_t *download, const char *name)
{
    apr_table_setn(r->headers_out, "Content-Disposition",
                   apr_pstrcat(r->pool, "attachment; filename*=UTF-8''", apr_pescape_urlencoded(r->pool, name), NULL));
    apr_table_setn(r->headers_out, "X-Content-Type-Options", "nosniff");
    apr_table_setn(r->headers_out, "Content-Security-Policy", "default-src 'none'; sandbox");
    apr_table_setn(r->headers_out, "Referrer-Policy", "no-referrer");
    apr_table_setn(r->headers_out, "Cache-Control", "no-cache");
    apr_table_setn(r->headers_out, "ETag", apr_pstrcat(r->pool, "\"", download->sha256, "\"", NULL));
    ap_set_content_type(r, "application/octet-stream");
    ap_set_content_length(r, download->size);
    ap_set_accept_ranges(r);
}

static int send_file(request_rec *r, const ra_download_t *download)
{
    apr_bucket_alloc_t *allocator = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, allocator);
    apr_brigade_insert_file(brigade, download->file, 0, download->size, r->pool);
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(allocator));
    /* A failure here means that the client is gone. */
    ap_pass_brigade(r->output_filters, brigade);
    return OK;
}

static int refuse(request_rec *r, const ra_inbound_t *inbound, ra_result_t *result, apr_status_t status)
{
    if (status == APR_ENOENT) {
        ra_refuse(result, RA_PROBLEM_NOT_FOUND, NULL);
    } else if (result->problem == NULL) {
        ra_refuse(result, RA_PROBLEM_INTERNAL, "a download could not be read");
    }
    if (result->log_detail != NULL) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, RA_LOG_DOWNLOAD "%s", result->log_detail);
    }
    return ra_respond_result(r, inbound, result);
}

int ra_download_handler(request_rec *r, const ra_inbound_t *inbound)
{
    const ra_child_t *child = ra_child_get();
    ra_download_t download;
    if (child == NULL) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    ra_result_t *result = ra_result_make(r->pool);
    apr_status_t status = ra_downloads_open(&download, child->ra.downloads, inbound->path, result, r->pool);
    if (status != APR_SUCCESS) {
        return refuse(r, inbound, result, status);
    }
    set_headers(r, &download, inbound->path);
    int outcome = ap_meets_conditions(r);
    return outcome != OK ? outcome : send_file(r, &download);
}
