/*
 * Counting requests and gauges in shared memory, and the /metrics page over it.
 * Layer: httpd. Thread rule: lock-free, any thread of any child.
 */
#include "httpd/metrics.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <apr_buckets.h>
#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>

#include "business/ca/ca_status.h"
#include "business/evidence/evidence.h"
#include "httpd/config.h"
#include "httpd/expiry.h"
#include "httpd/inbound.h"
#include "httpd/log_ids.h"
#include "httpd/respond.h"
#include "httpd/shared.h"

#define RA_STATUS_LOWEST 100
#define RA_STATUS_COUNT 500
#define RA_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

APLOG_USE_MODULE(ra);

/* Upper bounds of the histogram in microseconds, and as Prometheus writes them. */
static const struct {
    apr_int64_t microseconds;
    const char *label;
} bounds[] = {{1000, "0.001"},  {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},
              {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"},
              {5000000, "5"},   {10000000, "10"}, {30000000, "30"}};
#define RA_BOUNDS ((int)(sizeof(bounds) / sizeof(bounds[0])))

/* What is counted beside the operations of the document. */
static const char *const others[] = {"unmatched", "static", "healthz", "readyz", "metrics", "cmp", "download"};
enum { OTHER_UNMATCHED, OTHER_STATIC, OTHER_HEALTH, OTHER_READY, OTHER_METRICS, OTHER_CMP, OTHER_DOWNLOAD, OTHER_COUNT };

typedef struct ra_counter_row_t {
    _Atomic apr_uint64_t by_status[RA_STATUS_COUNT];
    _Atomic apr_uint64_t by_bound[RA_BOUNDS + 1]; /* the last one: above every bound */
    _Atomic apr_uint64_t microseconds;
} ra_counter_row_t;

/** Gauges of one child; a place whose process is gone is free. */
typedef struct ra_place_t {
    _Atomic apr_int32_t pid;
    _Atomic apr_int32_t open;
    _Atomic apr_int32_t busy;
    _Atomic apr_int32_t unused;
} ra_place_t;

struct ra_metrics_t {
    const ra_spec_t *spec;
    int rows;
    int places;
    _Atomic apr_uint64_t *limited;
    ra_place_t *place;
    ra_counter_row_t *row;
    ra_place_t *mine; /* of this child */
};

ra_metrics_t *ra_metrics_make(server_rec *server, const ra_spec_t *spec, int children, apr_pool_t *pool)
{
    ra_metrics_t *metrics = apr_pcalloc(pool, sizeof(*metrics));
    metrics->spec = spec;
    metrics->rows = ra_spec_operation_count(spec) + OTHER_COUNT;
    metrics->places = children;
    /* The counter of limited requests takes the room of one place, so that all is aligned. */
    apr_size_t size = sizeof(ra_place_t) * (apr_size_t)(children + 1) +
                      sizeof(ra_counter_row_t) * (apr_size_t)metrics->rows;
    /* Another document has other rows: its counters begin at zero. */
    char *base = ra_shared_get(server, apr_pstrcat(pool, "metrics:", ra_spec_etag(spec), NULL), size);
    if (base == NULL) {
        return NULL;
    }
    metrics->limited = (void *)base;
    metrics->place = (void *)(base + sizeof(ra_place_t));
    metrics->row = (void *)(base + sizeof(ra_place_t) * (apr_size_t)(children + 1));
    return metrics;
}

/* --- places of children ----------------------------------------------------------------------------------------- */

static int is_alive(apr_int32_t pid)
{
    return pid != 0 && (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

static apr_status_t leave(void *data)
{
    ra_metrics_t *metrics = data;
    ra_place_t *place = metrics->mine;
    metrics->mine = NULL;
    atomic_store(&place->pid, 0);
    return APR_SUCCESS;
}

void ra_metrics_enter(ra_metrics_t *metrics, apr_pool_t *pchild)
{
    for (int i = 0; i < metrics->places; i++) {
        ra_place_t *place = &metrics->place[i];
        apr_int32_t former = atomic_load(&place->pid);
        if (!is_alive(former) && atomic_compare_exchange_strong(&place->pid, &former, (apr_int32_t)getpid())) {
            atomic_store(&place->open, 0);
            atomic_store(&place->busy, 0);
            metrics->mine = place;
            apr_pool_cleanup_register(pchild, metrics, leave, apr_pool_cleanup_null);
            return;
        }
    }
}

void ra_metrics_refresh(const ra_child_t *child)
{
    const ra_metrics_t *metrics = ra_globals_get(child->server)->runtime.metrics;
    int open = 0;
    int busy = 0;
    apr_uint64_t timeouts = 0;
    if (metrics->mine != NULL) {
        ra_store_gauge(child->ra.store, &open, &busy, &timeouts);
        atomic_store(&metrics->mine->open, open);
        atomic_store(&metrics->mine->busy, busy);
    }
}

/* --- counting --------------------------------------------------------------------------------------------------- */

static int row_of(const ra_metrics_t *metrics, const ra_inbound_t *inbound)
{
    int first_other = metrics->rows - OTHER_COUNT;
    if (inbound == NULL) {
        return first_other + OTHER_UNMATCHED; /* httpd refused the request before it could be looked at */
    }
    switch (inbound->route) {
    case RA_ROUTE_API:
        return inbound->match.operation != NULL ? inbound->match.operation->index : first_other + OTHER_UNMATCHED;
    case RA_ROUTE_HEALTH:
        return first_other + OTHER_HEALTH;
    case RA_ROUTE_READY:
        return first_other + OTHER_READY;
    case RA_ROUTE_METRICS:
        return first_other + OTHER_METRICS;
    case RA_ROUTE_CMP:
        return first_other + OTHER_CMP;
    case RA_ROUTE_DOWNLOAD:
        return first_other + OTHER_DOWNLOAD;
    default:
        return first_other + OTHER_STATIC;
    }
}

static int bound_of(apr_int64_t microseconds)
{
    int i = 0;
    while (i < RA_BOUNDS && microseconds > bounds[i].microseconds) {
        i++;
    }
    return i;
}

int ra_metrics_log(request_rec *r)
{
    const ra_server_t *server = ra_server_get(r->server);
    const ra_metrics_t *metrics = server->globals->runtime.metrics;
    const ra_inbound_t *inbound = ra_inbound_get(r);
    const request_rec *last = r;
    if (server->host == 0 || metrics == NULL || r->main != NULL) {
        return DECLINED;
    }
    while (last->next != NULL) {
        last = last->next;
    }
    ra_counter_row_t *row = &metrics->row[row_of(metrics, inbound)];
    apr_int64_t took = apr_time_now() - r->request_time;
    took = took > 0 ? took : 0;
    if (last->status >= RA_STATUS_LOWEST && last->status < RA_STATUS_LOWEST + RA_STATUS_COUNT) {
        atomic_fetch_add_explicit(&row->by_status[last->status - RA_STATUS_LOWEST], 1, memory_order_relaxed);
    }
    atomic_fetch_add_explicit(&row->by_bound[bound_of(took)], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&row->microseconds, (apr_uint64_t)took, memory_order_relaxed);
    if (inbound != NULL && inbound->is_limited) {
        atomic_fetch_add_explicit(metrics->limited, 1, memory_order_relaxed);
    }
    return OK;
}

/* --- the page --------------------------------------------------------------------------------------------------- */

static const char *row_name(const ra_metrics_t *metrics, int row)
{
    int operations = metrics->rows - OTHER_COUNT;
    return row < operations ? ra_spec_operation(metrics->spec, row)->id : others[row - operations];
}

static apr_uint64_t read_counter(_Atomic apr_uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void print_head(apr_bucket_brigade *page, const char *name, const char *type, const char *help)
{
    apr_brigade_printf(page, NULL, NULL, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void print_requests(apr_bucket_brigade *page, const ra_metrics_t *metrics)
{
    print_head(page, "ra_requests_total", "counter", "Requests by operation and HTTP status.");
    for (int i = 0; i < metrics->rows; i++) {
        for (int status = 0; status < RA_STATUS_COUNT; status++) {
            apr_uint64_t count = read_counter(&metrics->row[i].by_status[status]);
            if (count > 0) {
                apr_brigade_printf(page, NULL, NULL,
                                   "ra_requests_total{operation=\"%s\",status=\"%d\"} %" APR_UINT64_T_FMT "\n",
                                   row_name(metrics, i), status + RA_STATUS_LOWEST, count);
            }
        }
    }
}

static void print_histogram(apr_bucket_brigade *page, const ra_metrics_t *metrics, int row)
{
    ra_counter_row_t *counters = &metrics->row[row];
    const char *name = row_name(metrics, row);
    apr_uint64_t sum = read_counter(&counters->microseconds);
    apr_uint64_t count = 0;
    for (int i = 0; i < RA_BOUNDS; i++) {
        count += read_counter(&counters->by_bound[i]);
        apr_brigade_printf(page, NULL, NULL,
                           "ra_request_seconds_bucket{operation=\"%s\",le=\"%s\"} %" APR_UINT64_T_FMT "\n", name,
                           bounds[i].label, count);
    }
    count += read_counter(&counters->by_bound[RA_BOUNDS]);
    apr_brigade_printf(page, NULL, NULL,
                       "ra_request_seconds_bucket{operation=\"%s\",le=\"+Inf\"} %" APR_UINT64_T_FMT "\n"
                       "ra_request_seconds_sum{operation=\"%s\"} %" APR_UINT64_T_FMT ".%06" APR_UINT64_T_FMT "\n"
                       "ra_request_seconds_count{operation=\"%s\"} %" APR_UINT64_T_FMT "\n",
                       name, count, name, sum / APR_USEC_PER_SEC, sum % APR_USEC_PER_SEC, name, count);
}

static int has_requests(const ra_metrics_t *metrics, int row)
{
    for (int i = 0; i <= RA_BOUNDS; i++) {
        if (read_counter(&metrics->row[row].by_bound[i]) > 0) {
            return 1;
        }
    }
    return 0;
}

static void print_histograms(apr_bucket_brigade *page, const ra_metrics_t *metrics)
{
    print_head(page, "ra_request_seconds", "histogram", "Time from the request line to the last byte, by operation.");
    for (int i = 0; i < metrics->rows; i++) {
        if (has_requests(metrics, i)) {
            print_histogram(page, metrics, i);
        }
    }
}

static void print_connections(apr_bucket_brigade *page, const ra_metrics_t *metrics)
{
    int open = 0;
    int busy = 0;
    int children = 0;
    for (int i = 0; i < metrics->places; i++) {
        ra_place_t *place = &metrics->place[i];
        if (is_alive(atomic_load(&place->pid))) {
            children++;
            open += atomic_load(&place->open);
            busy += atomic_load(&place->busy);
        }
    }
    print_head(page, "ra_db_connections", "gauge", "Connections to the database, all children together.");
    apr_brigade_printf(page, NULL, NULL, "ra_db_connections{state=\"busy\"} %d\nra_db_connections{state=\"idle\"} %d\n",
                       busy, open > busy ? open - busy : 0);
    print_head(page, "ra_children", "gauge", "Children of this httpd that run the module.");
    apr_brigade_printf(page, NULL, NULL, "ra_children %d\n", children);
}

static void print_outbox(apr_bucket_brigade *page, request_rec *r, const ra_child_t *child)
{
    apr_int64_t open = 0;
    apr_int64_t age = 0;
    apr_int64_t person = 0;
    ra_result_t *result = ra_result_make(r->pool);
    apr_status_t status = ra_outbox_gauge(child->outbox, &open, &age, &person, result, r->pool);
    print_head(page, "ra_database_up", "gauge", "1 when the outbox could be read for this page.");
    apr_brigade_printf(page, NULL, NULL, "ra_database_up %d\n", status == APR_SUCCESS);
    if (status != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, status, r, RA_LOG_GAUGE "the outbox could not be read: %s",
                      result->log_detail != NULL ? result->log_detail : "no detail");
        return;
    }
    print_head(page, "ra_outbox_open_jobs", "gauge", "Jobs of the outbox that are not finished.");
    apr_brigade_printf(page, NULL, NULL, "ra_outbox_open_jobs %" APR_INT64_T_FMT "\n", open);
    print_head(page, "ra_outbox_oldest_seconds", "gauge", "How long the oldest due job has waited.");
    apr_brigade_printf(page, NULL, NULL, "ra_outbox_oldest_seconds %" APR_INT64_T_FMT "\n", age);
    print_head(page, "ra_outbox_person_jobs", "gauge", "Jobs that wait for a person's decision.");
    apr_brigade_printf(page, NULL, NULL, "ra_outbox_person_jobs %" APR_INT64_T_FMT "\n", person);
}

static apr_status_t waiting_body(ra_tx_t *tx, void *baton)
{
    return ra_evidence_waiting(baton, tx);
}

static void print_audit(apr_bucket_brigade *page, request_rec *r, const ra_child_t *child)
{
    apr_int64_t seconds = 0;
    ra_result_t *result = ra_result_make(r->pool);
    apr_status_t status = ra_store_run(child->ra.store, RA_TX_READ, waiting_body, &seconds, result, r->pool);
    if (status != APR_SUCCESS) {
        ap_log_rerror(APLOG_MARK, APLOG_INFO, status, r, RA_LOG_GAUGE "the audit log could not be read: %s",
                      result->log_detail != NULL ? result->log_detail : "no detail");
        return;
    }
    print_head(page, "ra_audit_unsealed_seconds", "gauge", "How long the oldest audit event has waited to be sealed.");
    apr_brigade_printf(page, NULL, NULL, "ra_audit_unsealed_seconds %" APR_INT64_T_FMT "\n", seconds);
}

static apr_status_t ca_body(ra_tx_t *tx, void *baton)
{
    return ra_ca_status_gauge(baton, tx);
}

static void print_ca(apr_bucket_brigade *page, request_rec *r, const ra_child_t *child)
{
    ra_ca_gauge_t gauge = {-1, 0, 0};
    ra_result_t *result = ra_result_make(r->pool);
    apr_status_t status = ra_store_run(child->ra.store, RA_TX_READ, ca_body, &gauge, result, r->pool);
    if (status != APR_SUCCESS || child->ra.settings->upstream_crl == NULL) {
        return; /* the other gauges tell when the database is away */
    }
    print_head(page, "ra_ca_crl_age_seconds", "gauge", "Age of the stored CRL; -1 before the first.");
    apr_brigade_printf(page, NULL, NULL, "ra_ca_crl_age_seconds %" APR_INT64_T_FMT "\n", gauge.crl_age);
    print_head(page, "ra_ca_stale", "gauge", "1 when the CRL is out of date, or CRL or CA certificates could not be fetched.");
    apr_brigade_printf(page, NULL, NULL, "ra_ca_stale %" APR_INT64_T_FMT "\n", gauge.is_stale);
    print_head(page, "ra_ca_disagreements", "gauge", "Certificates revoked or suspended here and not on the CA's CRL.");
    apr_brigade_printf(page, NULL, NULL, "ra_ca_disagreements %" APR_INT64_T_FMT "\n", gauge.disagreements);
}

static void print_expiry(apr_bucket_brigade *page, const ra_expiry_t *expiry)
{
    int count;
    const ra_expiry_row_t *rows = ra_expiry_rows(expiry, &count);

    print_head(page, "ra_certificate_end_seconds", "gauge", "When the first certificate of this use ends, seconds since 1970.");
    for (int i = 0; i < count; i++) {
        apr_brigade_printf(page, NULL, NULL, "ra_certificate_end_seconds{certificate=\"%s\"} %" APR_INT64_T_FMT "\n", rows[i].name,
                           apr_time_sec(rows[i].end));
    }
}

int ra_metrics_page(request_rec *r)
{
    const ra_child_t *child = ra_child_get();
    const ra_metrics_t *metrics = ra_server_get(r->server)->globals->runtime.metrics;
    apr_bucket_brigade *page = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    char *text = NULL;
    apr_size_t len = 0;
    if (child == NULL || metrics == NULL) {
        return HTTP_SERVICE_UNAVAILABLE;
    }
    ra_metrics_refresh(child);
    print_requests(page, metrics);
    print_histograms(page, metrics);
    print_head(page, "ra_rate_limited_total", "counter", "Requests refused by RARateLimit.");
    apr_brigade_printf(page, NULL, NULL, "ra_rate_limited_total %" APR_UINT64_T_FMT "\n",
                       read_counter(metrics->limited));
    print_connections(page, metrics);
    print_outbox(page, r, child);
    print_audit(page, r, child);
    print_ca(page, r, child);
    print_expiry(page, ra_server_get(r->server)->globals->runtime.expiry);
    apr_brigade_pflatten(page, &text, &len, r->pool);
    apr_brigade_destroy(page);
    return ra_respond_text(r, RA_CONTENT_TYPE, apr_pstrmemdup(r->pool, text, len));
}
