/*
 * The client certificate of a connection, asked from mod_ssl on every request.
 * Layer: httpd. Thread rule: free-threaded.
 */
#include "httpd/identity.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_ssl.h>

#include "base/limits.h"
#include "httpd/config.h"
#include "httpd/log_ids.h"

#define RA_PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define RA_PEM_END "-----END CERTIFICATE-----"

APLOG_USE_MODULE(ra);

/** The one PEM block that mod_ssl writes. */
static apr_status_t der_of(ra_bytes_t *pder, const char *pem, apr_pool_t *pool)
{
    const char *begin = strstr(pem, RA_PEM_BEGIN);
    const char *end = begin != NULL ? strstr(begin, RA_PEM_END) : NULL;
    if (end == NULL || (apr_size_t)(end - begin) > 2 * RA_CERT_MAX_BYTES) {
        return APR_EINVAL;
    }
    char *base64 = apr_palloc(pool, (apr_size_t)(end - begin) + 1);
    char *out = base64;
    for (const char *c = begin + strlen(RA_PEM_BEGIN); c < end; c++) {
        if (*c != '\n' && *c != '\r') {
            *out++ = *c;
        }
    }
    *out = '\0';
    return ra_base64_decode(pder, base64, pool);
}

ra_bytes_t ra_identity_certificate(request_rec *r)
{
    ra_bytes_t der = {NULL, 0};
    if (!ap_ssl_conn_is_ssl(r->connection)) {
        return der;
    }
    /* SUCCESS and nothing else: mod_ssl also knows NONE, GENEROUS (not verified) and FAILED:reason. */
    const char *verified = ap_ssl_var_lookup(r->pool, r->server, r->connection, r, "SSL_CLIENT_VERIFY");
    if (verified == NULL || strcmp(verified, "SUCCESS") != 0) {
        return der;
    }
    const char *pem = ap_ssl_var_lookup(r->pool, r->server, r->connection, r, "SSL_CLIENT_CERT");
    if (pem == NULL || der_of(&der, pem, r->pool) != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, RA_LOG_CERTIFICATE_ODD "mod_ssl handed over no usable certificate");
        return (ra_bytes_t){NULL, 0};
    }
    return der;
}
