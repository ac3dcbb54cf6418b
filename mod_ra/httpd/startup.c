/*
 * post_config: everything that needs root's eyes or must exist before the children do.
 * Layer: httpd. Thread rule: runs in httpd's main thread; what it makes is inherited by the children and immutable.
 *
 * The database may be down when httpd starts: that is a warning, and /readyz says so. A setting of the database that
 * loses data is not.
 */
#include "httpd/config.h"

#include <unistd.h>

#include <ap_mpm.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <unixd.h>

#include "api/api.h"
#include "base/failpoint.h"
#include "httpd/expiry.h"
#include "httpd/limiter.h"
#include "httpd/log_ids.h"
#include "httpd/metrics.h"
#include "httpd/watchdog.h"

#define RA_CHECK_SECONDS 3     /* for the database at start */
#define RA_STATEMENT_SECONDS 15 /* above the stall of a frozen Galera node (about 6 s) */

APLOG_USE_MODULE(ra);

/* --- settings of the layers below ------------------------------------------------------------------------------- */

static int query_mpm(int code, int fallback)
{
    int value = 0;
    return ap_mpm_query(code, &value) == APR_SUCCESS && value > 0 ? value : fallback;
}

static void fill_store(ra_store_config_t *store, const ra_globals_t *globals)
{
    int threads = query_mpm(AP_MPMQ_MAX_THREADS, 1) + 1; /* the runner's is one more */
    store->socket = globals->database_socket;
    store->host = globals->database_host;
    store->port = globals->database_port;
    store->user = globals->database_user;
    store->database = globals->database_name;
    store->ca_file = globals->database_ca_file;
    store->pool_max = globals->database_pool < threads ? (int)globals->database_pool : threads;
    store->wait = apr_time_from_sec(globals->database_wait);
    store->timeout = apr_time_from_sec(RA_STATEMENT_SECONDS);
    store->schema_level = RA_SCHEMA_LEVEL;
}

static void fill_settings(ra_settings_t *settings, const ra_globals_t *globals)
{
    settings->first_administrator = globals->first_administrator;
    settings->upstream_crl = globals->upstream_crl;
    settings->upstream_ca_certificates = globals->upstream_ca_certificates;
    settings->upstream_crl_seconds = (int)globals->upstream_crl_seconds;
    settings->upstream_crl_max = (apr_size_t)globals->upstream_crl_max * 1024 * 1024;
    settings->production_wait = apr_time_from_sec(globals->production_wait);
    settings->code_lifetime = apr_time_from_sec(globals->code_lifetime);
    settings->upstream_timeout = apr_time_from_sec(globals->upstream_timeout);
    settings->validity_tolerance = apr_time_from_sec(globals->validity_tolerance);
    settings->signed_decisions = globals->signed_decisions;
    settings->renewal_window = apr_time_from_sec(globals->renewal_window * RA_SECONDS_PER_DAY);
    settings->renewal_overlap = (int)globals->renewal_overlap;
    settings->profiles = globals->profiles;
    settings->audit_seal = apr_time_from_sec(globals->audit_seal);
    settings->audit_alarm = apr_time_from_sec(globals->audit_alarm);
    settings->audit_batch_max = (int)globals->audit_batch_max;
    settings->outbox_days = (int)globals->outbox_days;
    settings->prefill_days = (int)globals->prefill_days;
    settings->prefills_max = (int)globals->prefills_max;
    settings->prefills_per_client = (int)globals->prefills_per_client;
    settings->status_needs_second_field = globals->status_second_field;
}

/* --- database --------------------------------------------------------------------------------------------------- */

/**
 * Looks at the database as the user that the children run as, because MariaDB may tell users of its socket by their
 * uid. Only the effective ids change, and only here, where httpd has one thread.
 */
static apr_status_t check_as_user(const ra_store_config_t *config, int children, ra_result_t *result, apr_pool_t *ptemp)
{
    ra_store_t *store = NULL;
    uid_t uid = geteuid();
    gid_t gid = getegid();
    int is_switched = 0;
    if (uid == 0) {
        is_switched = setegid(ap_unixd_config.group_id) == 0 && seteuid(ap_unixd_config.user_id) == 0;
    }
    apr_status_t status = ra_store_make(&store, config, ptemp);
    if (status == APR_SUCCESS) {
        status = ra_store_check(store, children, result);
    }
    if (is_switched && (seteuid(uid) != 0 || setegid(gid) != 0)) {
        return APR_EGENERAL;
    }
    return status;
}

static int check_database(const ra_runtime_t *runtime, int children, apr_pool_t *ptemp, server_rec *server)
{
    ra_store_config_t config = runtime->store;
    ra_result_t *result = ra_result_make(ptemp);
    apr_pool_t *pool = NULL;
    config.wait = apr_time_from_sec(RA_CHECK_SECONDS);
    config.timeout = apr_time_from_sec(RA_CHECK_SECONDS);
    config.pool_max = runtime->store.pool_max;
    apr_pool_create(&pool, ptemp);
    apr_pool_tag(pool, "ra_database_check");
    apr_status_t status = check_as_user(&config, children, result, pool);
    apr_pool_destroy(pool);
    if (status == APR_EINVAL) {
        return ra_config_refuse(server, RA_LOG_DATABASE_SETTING, result->log_detail);
    }
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, RA_LOG_DATABASE_AWAY "started without the database: %s",
                     result->log_detail != NULL ? result->log_detail : "out of reach");
    }
    return OK;
}

/* --- the hook --------------------------------------------------------------------------------------------------- */

static int make_shared(ra_runtime_t *runtime, int children, apr_pool_t *pconf, server_rec *server)
{
    runtime->limiter = ra_limiter_make(server, pconf);
    runtime->metrics = ra_metrics_make(server, runtime->spec, children, pconf);
    runtime->expiry = ra_expiry_make(server, ra_globals_get(server), ap_conftree, pconf);
    if (runtime->limiter == NULL || runtime->metrics == NULL || runtime->expiry == NULL) {
        return ra_config_refuse(server, RA_LOG_SHARED_MEMORY, "no shared memory for limiter, metrics and expiry");
    }
    return OK;
}

int ra_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    ra_globals_t *globals = ra_globals_get(main_server);
    ra_runtime_t *runtime = &globals->runtime;
    int children = query_mpm(AP_MPMQ_MAX_DAEMONS, 1);
    (void)plog;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG || !ra_is_configured(main_server)) {
        return OK; /* the dry run, or nothing for us to do */
    }
#ifdef RA_TEST_BUILD
    if (globals->failpoints != NULL && !ra_failpoint_open(globals->failpoints)) {
        return ra_config_refuse(main_server, RA_LOG_SETTING_MISSING, globals->failpoints);
    }
#endif
    fill_store(&runtime->store, globals);
    fill_settings(&runtime->settings, globals);
    int status = ra_secrets_read(globals, pconf, ptemp, main_server);
    if (status == OK) {
        status = make_shared(runtime, 2 * children + 8, pconf, main_server); /* a graceful restart doubles them */
    }
    if (status == OK) {
        status = check_database(runtime, children, ptemp, main_server);
    }
    if (status != OK) {
        return status;
    }
    if (ra_watchdog_register(main_server, pconf) != APR_SUCCESS) {
        return ra_config_refuse(main_server, RA_LOG_WATCHDOG, "mod_watchdog is needed: LoadModule watchdog_module");
    }
    runtime->ready = 1;
    return OK;
}
