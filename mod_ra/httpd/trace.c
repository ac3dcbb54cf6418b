/* W3C Trace Context (traceparent) and X-Request-Id. Layer: httpd. Thread rule: free-threaded. */
#include "httpd/trace.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_log.h>

#include "base/crypt.h"
#include "httpd/config.h"
#include "httpd/log_ids.h"

#define RA_TRACE_BYTES 16
#define RA_SPAN_BYTES 8
#define RA_STOCK_BYTES 768 /* for 32 requests */
#define RA_TRACEPARENT_CHARS 55 /* "00-" 32 "-" 16 "-" 2 */
#define RA_REQUEST_ID_MAX 64

APLOG_USE_MODULE(ra);

/** @a len lower-case hex digits, not all zero unless @a may_be_zero */
static int is_hex(const char *text, apr_size_t len, int may_be_zero)
{
    int is_zero = 1;
    for (apr_size_t i = 0; i < len; i++) {
        if (!apr_isdigit(text[i]) && (text[i] < 'a' || text[i] > 'f')) {
            return 0;
        }
        is_zero = is_zero && text[i] == '0';
    }
    return may_be_zero || !is_zero;
}

int ra_traceparent_is_valid(const char *text)
{
    apr_size_t len = strlen(text);
    if (len < RA_TRACEPARENT_CHARS || !is_hex(text, 2, 1) || strncmp(text, "ff", 2) == 0) {
        return 0;
    }
    if (len > RA_TRACEPARENT_CHARS && (strncmp(text, "00", 2) == 0 || text[RA_TRACEPARENT_CHARS] != '-')) {
        return 0;
    }
    return text[2] == '-' && is_hex(text + 3, 32, 0) && text[35] == '-' && is_hex(text + 36, 16, 0) &&
           text[52] == '-' && is_hex(text + 53, 2, 1);
}

/*
 * Random bytes for ids, which need to be unlike each other and nothing more: taken from the generator some hundreds at
 * a time, because asking it costs more than all the rest of a trace. A child is forked before its threads ask, so no two
 * children hold the same ones.
 */
static const char *random_hex(request_rec *r, apr_size_t bytes)
{
    static __thread unsigned char stock[RA_STOCK_BYTES];
    static __thread apr_size_t left;
    if (left < bytes) {
        left = sizeof(stock);
        if (ra_random(stock, sizeof(stock)) != APR_SUCCESS) {
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, RA_LOG_RANDOM "no random bytes for a trace id");
            ra_sha256(stock, &r, sizeof(r));
            left = RA_SHA256_BYTES;
        }
    }
    left -= bytes;
    return ra_hex(ra_bytes_of(stock + left, bytes), r->pool);
}

static int is_harmless_id(const char *text)
{
    apr_size_t len = text != NULL ? strlen(text) : 0;
    for (apr_size_t i = 0; i < len; i++) {
        if (!apr_isalnum(text[i]) && strchr("-_.", text[i]) == NULL) {
            return 0;
        }
    }
    return len >= 1 && len <= RA_REQUEST_ID_MAX;
}

ra_trace_t ra_trace_of(request_rec *r)
{
    ra_trace_t trace;
    const char *given = apr_table_get(r->headers_in, "traceparent");
    const char *request_id = apr_table_get(r->headers_in, "X-Request-Id");
    const char *flags = "00";
    if (given != NULL && ra_traceparent_is_valid(given)) {
        trace.id = apr_pstrndup(r->pool, given + 3, 32);
        flags = apr_pstrndup(r->pool, given + 53, 2);
    } else {
        trace.id = random_hex(r, RA_TRACE_BYTES);
    }
    trace.traceparent = apr_pstrcat(r->pool, "00-", trace.id, "-", random_hex(r, RA_SPAN_BYTES), "-", flags, NULL);
    trace.request_id = is_harmless_id(request_id) ? request_id : trace.id;
    return trace;
}
