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
#include <apr_file_io.h>
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

#define RA_PASSWORD_MAX 1024
#define RA_CHECK_SECONDS 3     /* for the database at start */
#define RA_STATEMENT_SECONDS 15 /* above the stall of a frozen Galera node (about 6 s) */
#define RA_CA_CONNECT_SECONDS 5
#define RA_OTHERS_PROTECTION (APR_FPROT_WREAD | APR_FPROT_WWRITE | APR_FPROT_WEXECUTE)

APLOG_USE_MODULE(ra);

static int refuse(server_rec *server, const char *id, const char *wrong)
{
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, server, "%s%s", id, wrong != NULL ? wrong : "no detail");
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* --- secrets ---------------------------------------------------------------------------------------------------- */

/** @return NULL or what is wrong with a file that holds a secret */
static const char *check_secret(const char *path, apr_pool_t *pool)
{
    apr_finfo_t info;
    if (path == NULL) {
        return NULL;
    }
    if (apr_stat(&info, path, APR_FINFO_PROT | APR_FINFO_TYPE, pool) != APR_SUCCESS || info.filetype != APR_REG) {
        return apr_pstrcat(pool, path, ": no such file, or not readable", NULL);
    }
    if (info.protection & RA_OTHERS_PROTECTION) {
        return apr_pstrcat(pool, path, ": open to others; say chmod o-rwx", NULL);
    }
    return NULL;
}

static apr_status_t wipe_password(void *data)
{
    ra_wipe(data, RA_PASSWORD_MAX);
    return APR_SUCCESS;
}

/** First line of the password file. @return NULL or what is wrong */
static const char *read_password(const char **ppassword, const char *path, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    char *password = apr_pcalloc(pconf, RA_PASSWORD_MAX);
    apr_file_t *file = NULL;
    const char *wrong = check_secret(path, ptemp);
    if (wrong != NULL) {
        return wrong;
    }
    if (apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, ptemp) != APR_SUCCESS) {
        return apr_pstrcat(ptemp, path, ": not readable", NULL);
    }
    apr_pool_cleanup_register(pconf, password, wipe_password, apr_pool_cleanup_null);
    apr_status_t status = apr_file_gets(password, RA_PASSWORD_MAX, file);
    apr_file_close(file);
    password[strcspn(password, "\r\n")] = '\0';
    if (status != APR_SUCCESS || *password == '\0' || strlen(password) >= RA_PASSWORD_MAX - 1) {
        return apr_pstrcat(ptemp, path, ": the first line must be the password", NULL);
    }
    *ppassword = password;
    return NULL;
}

/** The children may not be able to read what root can: the CA's TLS trust is read now. @return NULL or what is wrong */
static const char *read_tls_ca(ra_bytes_t *ppem, const char *path, apr_pool_t *pconf)
{
    apr_file_t *file = NULL;
    apr_finfo_t info;
    unsigned char *data = NULL;
    apr_size_t len = 0;
    if (path == NULL) {
        return NULL;
    }
    apr_status_t status = apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, pconf);
    if (status == APR_SUCCESS) {
        status = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    }
    if (status == APR_SUCCESS) {
        data = apr_palloc(pconf, (apr_size_t)info.size + 1);
        status = apr_file_read_full(file, data, (apr_size_t)info.size, &len);
        apr_file_close(file);
    }
    if (status != APR_SUCCESS) {
        return apr_pstrcat(pconf, path, ": cannot be read", NULL);
    }
    *ppem = ra_bytes_of(data, len);
    return NULL;
}

/** @return NULL or what is wrong with the file */
static const char *read_trust(const ra_trust_t **ptrust, const char *path, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    ra_result_t *result = ra_result_make(ptemp);
    ra_trust_t *trust = NULL;
    if (path != NULL && ra_trust_load(&trust, path, result, pconf) != APR_SUCCESS) {
        return apr_pstrcat(ptemp, path, ": ", result->log_detail, NULL);
    }
    *ptrust = trust;
    return NULL;
}

/** @return NULL or what is wrong with the files of the upstream CA */
static const char *make_ca(const ra_ca_t **pca, const ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    ra_result_t *result = ra_result_make(ptemp);
    ra_cmp_settings_t *settings = apr_pcalloc(pconf, sizeof(*settings));
    ra_ca_t *ca = NULL;
    const char *wrong = check_secret(globals->upstream_signer_key, ptemp);
    if (wrong == NULL) {
        wrong = check_secret(globals->upstream_tls_key, ptemp);
    }
    if (wrong == NULL) {
        wrong = check_secret(globals->cmp_key, ptemp);
    }
    if (wrong != NULL) {
        return wrong;
    }
    settings->url = globals->upstream_url;
    settings->tls_ca_file = globals->upstream_tls_ca;
    settings->tls_cert_file = globals->upstream_tls_cert;
    settings->tls_key_file = globals->upstream_tls_key;
    settings->signer_cert_file = globals->upstream_signer_cert;
    settings->signer_key_file = globals->upstream_signer_key;
    settings->front_cert_file = globals->cmp_cert;
    settings->front_key_file = globals->cmp_key;
    settings->trust_file = globals->upstream_trust;
    settings->sender = globals->upstream_sender;
    settings->use_p10cr = globals->upstream_p10cr;
    settings->resend_is_idempotent = globals->upstream_idempotent;
    settings->connect_timeout = apr_time_from_sec(RA_CA_CONNECT_SECONDS);
    if (ra_cmp_make(&ca, settings, result, pconf) != APR_SUCCESS) {
        return result->log_detail != NULL ? apr_pstrdup(ptemp, result->log_detail) : "the credential cannot be used";
    }
    *pca = ca;
    return NULL;
}

/** Without a key the RA works and its evidence is written, but nobody would notice a change: a warning. */
static int read_audit_key(ra_globals_t *globals, apr_pool_t *pconf, server_rec *server)
{
    ra_signer_t *signer = NULL;
    const char *wrong = NULL;
    if (globals->audit_key == NULL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                     RA_LOG_NO_AUDIT_KEY "RAAuditKey is not set: audit events are not sealed");
        return OK;
    }
    if (ra_signer_load(&signer, globals->audit_key, globals->audit_public, &wrong, pconf) != APR_SUCCESS) {
        return refuse(server, RA_LOG_AUDIT_KEY, wrong);
    }
    globals->runtime.audit_key = signer;
    return OK;
}

static int read_secrets(ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *server)
{
    ra_runtime_t *runtime = &globals->runtime;
    ra_keyring_t *keyring = NULL;
    const char *wrong = NULL;
    if (ra_keyring_load(&keyring, globals->key_file, &wrong, pconf) != APR_SUCCESS) {
        return refuse(server, RA_LOG_KEY_FILE, wrong);
    }
    runtime->keyring = keyring;
    if (globals->database_password_file != NULL) {
        wrong = read_password(&runtime->store.password, globals->database_password_file, pconf, ptemp);
        if (wrong != NULL) {
            return refuse(server, RA_LOG_SECRET_FILE, wrong);
        }
    }
    int status = read_audit_key(globals, pconf, server);
    if (status != OK) {
        return status;
    }
    wrong = read_tls_ca(&runtime->settings.upstream_tls_ca, globals->upstream_tls_ca, pconf);
    if (wrong == NULL) {
        wrong = read_trust(&runtime->settings.certificate_trust, globals->upstream_trust, pconf, ptemp);
    }
    if (wrong != NULL) {
        return refuse(server, RA_LOG_CREDENTIAL, wrong);
    }
    if (globals->upstream_url == NULL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                     RA_LOG_NO_UPSTREAM "RAUpstreamURL is not set: nothing can be issued or revoked");
        return OK;
    }
    wrong = make_ca(&runtime->ca, globals, pconf, ptemp);
    return wrong == NULL ? OK : refuse(server, RA_LOG_CREDENTIAL, wrong);
}

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
    settings->credential_trust_file = globals->credential_trust;
    settings->certificate_trust_file = globals->upstream_trust;
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
        return refuse(server, RA_LOG_DATABASE_SETTING, result->log_detail);
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
        return refuse(server, RA_LOG_SHARED_MEMORY, "no shared memory for limiter, metrics and expiry");
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
        return refuse(main_server, RA_LOG_SETTING_MISSING, globals->failpoints);
    }
#endif
    fill_store(&runtime->store, globals);
    fill_settings(&runtime->settings, globals);
    int status = read_secrets(globals, pconf, ptemp, main_server);
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
        return refuse(main_server, RA_LOG_WATCHDOG, "mod_watchdog is needed: LoadModule watchdog_module");
    }
    runtime->ready = 1;
    return OK;
}
