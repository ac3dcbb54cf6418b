/*
 * From the request line to a route: path, host, client, limit, trace.
 * Layer: httpd. Thread rule: one thread per request.
 *
 * Our paths are taken out of httpd's file world early: nothing of translate_name, <Directory>, .htaccess or mod_mime
 * touches them; <Location> and the filters still do.
 */
#include "httpd/inbound.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <http_vhost.h>

#include "base/text.h"
#include "httpd/body.h"
#include "httpd/download.h"
#include "httpd/identity.h"
#include "httpd/limiter.h"
#include "httpd/log_ids.h"
#include "httpd/respond.h"

APLOG_USE_MODULE(ra);

ra_inbound_t *ra_inbound_get(const request_rec *r)
{
    return r->main == NULL && r->prev == NULL ? ap_get_module_config(r->request_config, &ra_module) : NULL;
}

/* --- path ------------------------------------------------------------------------------------------------------- */

static int hex_value(char c)
{
    return apr_isdigit(c) ? c - '0' : apr_tolower(c) - 'a' + 10;
}

static int has_dot_segment(const char *path)
{
    for (const char *slash = path; slash != NULL; slash = strchr(slash + 1, '/')) {
        const char *segment = *slash == '/' ? slash + 1 : slash;
        apr_size_t len = strcspn(segment, "/");
        if ((len == 1 && segment[0] == '.') || (len == 2 && segment[0] == '.' && segment[1] == '.')) {
            return 1;
        }
    }
    return 0;
}

const char *ra_path_decode(const char *raw, apr_pool_t *pool)
{
    char *path = apr_palloc(pool, strlen(raw) + 1);
    char *out = path;
    while (*raw != '\0') {
        unsigned char c = (unsigned char)*raw++;
        if (c == '%') {
            if (!apr_isxdigit(raw[0]) || !apr_isxdigit(raw[1])) {
                return NULL;
            }
            c = (unsigned char)(hex_value(raw[0]) * 16 + hex_value(raw[1]));
            raw += 2;
            if (c == '/') {
                return NULL;
            }
        }
        if (apr_iscntrl(c)) {
            return NULL;
        }
        *out++ = (char)c;
    }
    *out = '\0';
    return ra_text_is_utf8(path, (apr_size_t)(out - path)) && !has_dot_segment(path) ? path : NULL;
}

/** What follows @a base in @a path when it is that path or lies below it; NULL otherwise. */
static const char *below(const char *path, const char *base)
{
    apr_size_t len = strlen(base);
    return strncmp(path, base, len) == 0 && (path[len] == '\0' || path[len] == '/') ? path + len : NULL;
}

/* RFC 9811 section 3.3: the well-known path, and the one that names this RA. */
static int is_cmp(const char *path)
{
    return strcmp(path, "/.well-known/cmp") == 0 || strcmp(path, "/.well-known/cmp/p/ra") == 0;
}

static void find_route(request_rec *r, ra_inbound_t *inbound)
{
    const char *raw = r->parsed_uri.path != NULL ? r->parsed_uri.path : "";
    const char *path = ra_path_decode(raw, r->pool);
    if (path == NULL) {
        /* An unreadable path below our base is answered by us, any other one by httpd. */
        if (below(raw, RA_API_BASE) != NULL) {
            inbound->route = RA_ROUTE_API;
            inbound->path = "";
            inbound->refusal = RA_PROBLEM_NOT_FOUND;
        }
        return;
    }
    inbound->path = below(path, RA_API_BASE);
    if (inbound->path != NULL) {
        inbound->route = RA_ROUTE_API;
    } else if (strcmp(path, "/healthz") == 0) {
        inbound->route = RA_ROUTE_HEALTH;
    } else if (strcmp(path, "/readyz") == 0) {
        inbound->route = RA_ROUTE_READY;
    } else if (strcmp(path, "/metrics") == 0 && inbound->server->host == RA_HOST_INTERNAL) {
        inbound->route = RA_ROUTE_METRICS;
    } else if (below(path, RA_DOWNLOAD_BASE) != NULL && (inbound->server->host & (RA_HOST_PUBLIC | RA_HOST_STAFF))) {
        inbound->path = path + strlen(RA_DOWNLOAD_BASE) + (path[strlen(RA_DOWNLOAD_BASE)] == '/');
        inbound->route = RA_ROUTE_DOWNLOAD;
    } else if (is_cmp(path) && inbound->server->host == RA_HOST_PUBLIC) {
        inbound->route = RA_ROUTE_CMP;
    }
}

/* --- host ------------------------------------------------------------------------------------------------------- */

/**
 * Does the host of the request name this virtual host? Its port is not looked at: behind a port forwarding it is
 * another one. A request without a host (HTTP/1.0) names no other one.
 */
static int is_our_host(request_rec *r)
{
    if (r->hostname == NULL) {
        return 1;
    }
    for (const server_addr_rec *address = r->server->addrs; address != NULL; address = address->next) {
        if (apr_strnatcasecmp(r->hostname, address->virthost) == 0) {
            return 1;
        }
    }
    return ap_matches_request_vhost(r, r->hostname, r->server->port);
}

/**
 * "https://host[:port]" as a browser writes the origin of this request's page: no port where it is the scheme's own.
 */
static const char *origin_of(request_rec *r)
{
    const char *scheme = ap_http_scheme(r);
    const char *host = r->hostname != NULL ? r->hostname : r->server->server_hostname;
    int is_ipv6 = strchr(host, ':') != NULL;
    apr_port_t usual = apr_uri_port_of_scheme(scheme);
    apr_port_t port = r->parsed_uri.port_str != NULL && *r->parsed_uri.port_str != '\0' ? r->parsed_uri.port : usual;
    const char *suffix = port != usual ? apr_psprintf(r->pool, ":%u", (unsigned)port) : "";
    return apr_pstrcat(r->pool, scheme, "://", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", suffix, NULL);
}

/* --- limit ------------------------------------------------------------------------------------------------------ */

/* CMP writes an audit row for a stranger's wrong try, so it is limited also where REST is not. */
static void take_limit(request_rec *r, ra_inbound_t *inbound)
{
    int is_cmp_message = inbound->route == RA_ROUTE_CMP;
    ra_limit_client_t client = {r, inbound->certificate, is_cmp_message ? 'c' : 'r'};
    const ra_limit_t *limit = is_cmp_message ? &inbound->server->cmp_limit : &inbound->server->limit;
    ra_limiter_t *limiter = inbound->server->globals->runtime.limiter;
    if (limit->requests == 0 || limiter == NULL) {
        return;
    }
    ra_limit_verdict_t verdict = ra_limiter_take(limiter, limit, &client);
    /* err_headers_out: a cached answer carries the caller's own numbers too. */
    apr_table_setn(r->err_headers_out, "RateLimit-Policy",
                   apr_psprintf(r->pool, "\"default\";q=%d;w=%d", limit->requests, limit->seconds));
    apr_table_setn(r->err_headers_out, "RateLimit",
                   apr_psprintf(r->pool, "\"default\";r=%d;t=%d", verdict.remaining, verdict.full_after));
    if (verdict.is_refused) {
        inbound->is_limited = 1;
        inbound->refusal = RA_PROBLEM_RATE_LIMITED;
        inbound->retry_after = verdict.retry_after;
    }
}

/* --- hooks ------------------------------------------------------------------------------------------------------ */

static void check_host_and_limit(request_rec *r, ra_inbound_t *inbound)
{
    if (inbound->refusal == NULL && !is_our_host(r)) {
        inbound->refusal = RA_PROBLEM_HOST_MISMATCH;
    }
    take_limit(r, inbound);
}

/*
 * Parts are for files. httpd's filter cuts any answer with 200, also to a POST (RFC 9110 section 14.2 knows GET only): of
 * an act that is committed the caller would be told 416.
 */
static void forget_range(request_rec *r)
{
    apr_table_unset(r->headers_in, "Range");
    apr_table_unset(r->headers_in, "Request-Range");
}

static void read_api(request_rec *r, ra_inbound_t *inbound)
{
    const ra_runtime_t *runtime = &inbound->server->globals->runtime;
    if (inbound->server->host & (RA_HOST_STAFF | RA_HOST_API)) {
        inbound->certificate = ra_identity_certificate(r);
    }
    check_host_and_limit(r, inbound);
    ra_spec_match(&inbound->match, runtime->spec, r->method, *inbound->path != '\0' ? inbound->path : "/",
                  (ra_host_e)inbound->server->host, r->pool);
    if (inbound->match.operation != NULL) {
        apr_table_setn(r->notes, "ra-operation", inbound->match.operation->id);
    }
}

int ra_inbound_read(request_rec *r)
{
    const ra_server_t *server = ra_server_get(r->server);
    if (server->host == 0 || !server->globals->runtime.ready || r->main != NULL || r->prev != NULL) {
        return DECLINED;
    }
    ra_inbound_t *inbound = apr_pcalloc(r->pool, sizeof(*inbound));
    inbound->server = server;
    ap_set_module_config(r->request_config, &ra_module, inbound);
    find_route(r, inbound);
    if (inbound->route == RA_ROUTE_NONE) {
        return DECLINED;
    }
    if (inbound->route != RA_ROUTE_DOWNLOAD) {
        forget_range(r);
    }
    inbound->trace = ra_trace_of(r);
    r->log_id = inbound->trace.id;
    apr_table_setn(r->err_headers_out, "traceparent", inbound->trace.traceparent);
    apr_table_setn(r->err_headers_out, "X-Request-Id", inbound->trace.request_id);
    apr_table_setn(r->notes, "ra-trace", inbound->trace.id);
    if (inbound->route == RA_ROUTE_API) {
        read_api(r, inbound);
    } else if (inbound->route == RA_ROUTE_CMP || inbound->route == RA_ROUTE_DOWNLOAD) {
        check_host_and_limit(r, inbound);
    }
    return DECLINED;
}

int ra_inbound_quick(request_rec *r, int is_lookup)
{
    const ra_inbound_t *inbound = is_lookup ? NULL : ra_inbound_get(r);
    if (inbound == NULL || inbound->refusal == NULL) {
        return DECLINED;
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r, RA_LOG_REFUSED "%s before any operation", inbound->refusal);
    ap_run_insert_filter(r); /* so that the headers of mod_headers are on this answer too */
    return ra_respond_refusal(r, inbound, inbound->refusal, inbound->retry_after);
}

static int is_ours(const request_rec *r)
{
    const ra_inbound_t *inbound = ra_inbound_get(r);
    return inbound != NULL && inbound->route != RA_ROUTE_NONE;
}

int ra_inbound_translate(request_rec *r)
{
    if (!is_ours(r)) {
        return DECLINED;
    }
    r->filename = apr_pstrcat(r->pool, RA_HANDLER_NAME, ":", r->uri, NULL);
    return OK;
}

int ra_inbound_map(request_rec *r)
{
    return is_ours(r) ? OK : DECLINED;
}

int ra_inbound_type(request_rec *r)
{
    if (!is_ours(r)) {
        return DECLINED;
    }
    r->handler = RA_HANDLER_NAME;
    return OK;
}

void ra_inbound_request(request_rec *r, const ra_inbound_t *inbound, ra_request_t *request)
{
    memset(request, 0, sizeof(*request));
    request->pool = r->pool;
    request->host = (ra_host_e)inbound->server->host;
    request->method = r->method;
    request->path = inbound->path != NULL ? inbound->path : "";
    request->query = r->args;
    request->headers = r->headers_in;
    request->origin = origin_of(r);
    request->client_ip = r->useragent_ip;
    request->trace_id = inbound->trace.id;
    request->certificate = inbound->certificate;
    request->match = &inbound->match;
    request->read_body = ra_body_read;
    request->baton = r;
    request->log = ra_respond_log;
}
