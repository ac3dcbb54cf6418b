/*
 * The life of a child: what it makes before its threads start, and how it ends.
 * Layer: httpd. Thread rule: see child.h.
 */
#include "httpd/child.h"

#include <unistd.h>

#include <apr_network_io.h>
#include <apr_strings.h>
#include <http_log.h>

#include "base/http.h"
#include "business/ca/jobs.h"
#include "httpd/config.h"
#include "httpd/log_ids.h"
#include "httpd/metrics.h"
#include "httpd/respond.h"
#include "httpd/watchdog.h"

#define RA_NODE_HOST_CHARS 40 /* of the host name in a lease owner's name */

APLOG_USE_MODULE(ra);

static ra_child_t *the_child;

const ra_child_t *ra_child_get(void)
{
    return the_child;
}

static apr_status_t forget(void *unused)
{
    (void)unused;
    the_child = NULL;
    return APR_SUCCESS;
}

/** Names this child in leases; another child with the same process id later is another node. */
static const char *node_name(apr_pool_t *pool)
{
    char host[APRMAXHOSTLEN + 1] = "unknown";
    apr_gethostname(host, sizeof(host), pool);
    return apr_psprintf(pool, "%.*s:%" APR_PID_T_FMT ":%" APR_INT64_T_FMT, RA_NODE_HOST_CHARS, host, getpid(),
                        (apr_int64_t)apr_time_sec(apr_time_now()));
}

/** The outbox writes to the log of the main server. */
static void log_line(int level, const char *id, const char *message)
{
    const server_rec *server = the_child != NULL ? the_child->server : NULL;
    ap_log_error(APLOG_MARK, ra_log_level(level), 0, server, "%s: %s", id, message);
}

static void fail(server_rec *server, apr_status_t status, const char *what)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, status, server, RA_LOG_CHILD "%s: this child answers 503", what);
}

/** What business/ works with; the store and the outbox come beside it. @return NULL or what could not be made */
static const char *fill_ra(ra_t *ra, server_rec *main_server, apr_pool_t *pool)
{
    const ra_globals_t *globals = ra_globals_get(main_server);
    const ra_runtime_t *runtime = &globals->runtime;
    ra->keyring = runtime->keyring;
    ra->audit_key = runtime->audit_key;
    ra->ca = runtime->ca;
    ra->settings = &runtime->settings;
    ra->node = node_name(pool);
    if (ra_store_make(&ra->store, &runtime->store, pool) != APR_SUCCESS) {
        return "the database pool cannot be made";
    }
    return ra_downloads_make(&ra->downloads, globals->downloads, pool) == APR_SUCCESS ? NULL : "the folder of downloads cannot be watched";
}

void ra_child_init(apr_pool_t *pchild, server_rec *main_server)
{
    const ra_runtime_t *runtime = &ra_globals_get(main_server)->runtime;
    apr_pool_t *pool = NULL;
    if (!runtime->ready) {
        return;
    }
    ra_child_t *child = apr_pcalloc(pchild, sizeof(*child));
    apr_status_t status = ra_http_global_init(pchild);
    if (status != APR_SUCCESS) {
        fail(main_server, status, "curl cannot be initialised");
        return;
    }
    apr_pool_create(&pool, pchild);
    apr_pool_tag(pool, "ra_child");
    const char *wrong = fill_ra(&child->ra, main_server, pool);
    if (wrong != NULL) {
        fail(main_server, APR_EGENERAL, wrong);
        return;
    }
    child->server = main_server;
    child->api.spec = runtime->spec;
    child->api.ra = &child->ra;
    child->ra.bulk_row = ra_bulk_row;
    child->ra.bulk_baton = &child->api;
    child->outbox = ra_jobs_outbox(&child->ra, log_line, pool);
    if (child->outbox == NULL) {
        fail(main_server, APR_EGENERAL, "the outbox cannot be made");
        return;
    }
    the_child = child;
    apr_pool_cleanup_register(pchild, NULL, forget, apr_pool_cleanup_null);
    ra_metrics_enter(runtime->metrics, pchild);
    ra_watchdog_child(pchild, main_server);
}

void ra_child_stopping(apr_pool_t *pchild, int is_graceful)
{
    (void)pchild;
    ra_watchdog_stop(is_graceful);
}
