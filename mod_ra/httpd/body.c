/*
 * Request bodies from the input filters into one piece of memory.
 * Layer: httpd. Thread rule: the thread that works on the request.
 */
#include "httpd/body.h"

#include <apr_buckets.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <util_filter.h>

#include "httpd/config.h"
#include "httpd/log_ids.h"

#define RA_READ_BYTES 8192
#define RA_FIRST_BYTES 4096

APLOG_USE_MODULE(ra);

typedef struct ra_collector_t {
    request_rec *r;
    char *data;
    apr_size_t len;
    apr_size_t room; /* without the final NUL */
    apr_size_t max;
} ra_collector_t;

static void grow(ra_collector_t *body, apr_size_t room)
{
    char *data = apr_palloc(body->r->pool, room + 1);
    if (body->len > 0) {
        memcpy(data, body->data, body->len);
    }
    body->data = data;
    body->room = room;
}

static apr_status_t append(ra_collector_t *body, const char *bytes, apr_size_t len)
{
    if (len > body->max - body->len) {
        return APR_ENOSPC;
    }
    if (len > body->room - body->len) {
        apr_size_t room = body->room * 2 > body->len + len ? body->room * 2 : body->len + len;
        grow(body, room < body->max ? room : body->max);
    }
    memcpy(body->data + body->len, bytes, len);
    body->len += len;
    return APR_SUCCESS;
}

/** Takes what a brigade holds. @return APR_EOF at the end of the body */
static apr_status_t collect(ra_collector_t *body, apr_bucket_brigade *brigade)
{
    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        const char *bytes = NULL;
        apr_size_t len = 0;
        if (APR_BUCKET_IS_EOS(bucket)) {
            return APR_EOF;
        }
        if (APR_BUCKET_IS_METADATA(bucket)) {
            continue;
        }
        apr_status_t status = apr_bucket_read(bucket, &bytes, &len, APR_BLOCK_READ);
        if (status == APR_SUCCESS) {
            status = append(body, bytes, len);
        }
        if (status != APR_SUCCESS) {
            return status;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t collect_all(ra_collector_t *body)
{
    apr_bucket_brigade *brigade = apr_brigade_create(body->r->pool, body->r->connection->bucket_alloc);
    apr_status_t status = APR_SUCCESS;
    while (status == APR_SUCCESS) {
        status = ap_get_brigade(body->r->input_filters, brigade, AP_MODE_READBYTES, APR_BLOCK_READ, RA_READ_BYTES);
        if (status == APR_EOF) {
            status = APR_INCOMPLETE; /* the connection ended; the end of a body is a bucket */
        } else if (status == APR_SUCCESS) {
            status = collect(body, brigade);
        }
        apr_brigade_cleanup(brigade);
    }
    apr_brigade_destroy(brigade);
    return status == APR_EOF ? APR_SUCCESS : status;
}

/* --- framing errors ---------------------------------------------------------------------------------------------- */

/*
 * On a broken body httpd's input filter sends its own HTML answer down the output filters, behind the handler's back;
 * a second answer from us would follow it. While a body is read, this filter stands on top, takes that answer away
 * and gives its status as the error of the reading.
 */
static ap_filter_rec_t *framing_filter;

static apr_status_t filter_framing(ap_filter_t *filter, apr_bucket_brigade *brigade)
{
    for (apr_bucket *bucket = APR_BRIGADE_FIRST(brigade); bucket != APR_BRIGADE_SENTINEL(brigade);
         bucket = APR_BUCKET_NEXT(bucket)) {
        if (AP_BUCKET_IS_ERROR(bucket)) {
            int status = ((ap_bucket_error *)bucket->data)->status;
            apr_brigade_cleanup(brigade);
            filter->r->eos_sent = 0; /* the answer is still ours to give */
            return status == HTTP_REQUEST_ENTITY_TOO_LARGE ? APR_ENOSPC : APR_EINVAL;
        }
    }
    return ap_pass_brigade(filter->next, brigade);
}

void ra_body_register(void)
{
    framing_filter = ap_register_output_filter("RA_FRAMING", filter_framing, NULL, AP_FTYPE_RESOURCE);
}

static apr_status_t collect_quietly(ra_collector_t *body)
{
    request_rec *r = body->r;
    ap_filter_t *filter = ap_add_output_filter_handle(framing_filter, NULL, r, r->connection);
    apr_status_t status = collect_all(body);
    ap_remove_output_filter(filter);
    return status;
}

/* --- outcome ----------------------------------------------------------------------------------------------------- */

/** What the filters say, in the three words of ra_request_t. */
static apr_status_t classify(const request_rec *r, apr_status_t status)
{
    if (status == APR_SUCCESS || APR_STATUS_IS_ENOSPC(status)) {
        return status;
    }
    if (r->connection->aborted || APR_STATUS_IS_TIMEUP(status) || APR_STATUS_IS_ETIMEDOUT(status) ||
        APR_STATUS_IS_INCOMPLETE(status) || APR_STATUS_IS_ECONNRESET(status) || APR_STATUS_IS_ECONNABORTED(status) ||
        APR_STATUS_IS_EPIPE(status)) {
        return APR_TIMEUP;
    }
    return APR_EINVAL;
}

apr_status_t ra_body_read(void *baton, apr_size_t max, ra_bytes_t *body)
{
    request_rec *r = baton;
    ra_collector_t collector = {r, NULL, 0, 0, max};
    const char *length_text = apr_table_get(r->headers_in, "Content-Length");
    apr_off_t length = 0;
    apr_status_t status = APR_SUCCESS;
    if (length_text == NULL || !ap_parse_strict_length(&length, length_text)) {
        length = max < RA_FIRST_BYTES ? (apr_off_t)max : RA_FIRST_BYTES; /* chunked, none, or refused on reading */
    }
    if (length > (apr_off_t)max) {
        status = APR_ENOSPC;
    } else {
        grow(&collector, (apr_size_t)length);
        status = classify(r, collect_quietly(&collector));
    }
    if (status != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, status, r, RA_LOG_BODY "the request body could not be read");
        r->connection->keepalive = AP_CONN_CLOSE; /* what follows on the connection is not a request */
        return status;
    }
    collector.data[collector.len] = '\0';
    *body = ra_bytes_of(collector.data, collector.len);
    return APR_SUCCESS;
}
