/*
 * What `apachectl configtest` refuses: a document that does not fit the program, settings that contradict each other,
 * files that cannot be used.
 * Layer: httpd. The database comes later, in post_config (startup.c). Thread rule: runs in httpd's main thread before any child exists.
 */
#include "httpd/config.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

#include "api/api.h"
#include "base/text.h"
#include "httpd/log_ids.h"

APLOG_USE_MODULE(ra);

/** @return NULL or the sentence for the operator */
static const char *check_database(const ra_globals_t *globals)
{
    if (globals->database_socket == NULL && globals->database_host == NULL) {
        return "RADatabaseSocket or RADatabaseHost is needed";
    }
    if (globals->database_socket != NULL && globals->database_host != NULL) {
        return "RADatabaseSocket and RADatabaseHost exclude each other";
    }
    if (globals->database_host != NULL && globals->database_ca_file == NULL && !ra_is_loopback(globals->database_host)) {
        return "RADatabaseHost beyond the loopback needs RADatabaseCAFile";
    }
    if (globals->database_user == NULL || globals->database_name == NULL) {
        return "RADatabaseUser and RADatabaseName are needed";
    }
    return NULL;
}

static int is_https(const char *url)
{
    return url != NULL && strncasecmp(url, "https:", 6) == 0;
}

static const char *check_published(const ra_globals_t *globals)
{
    if ((globals->upstream_crl != NULL || globals->upstream_ca_certificates != NULL) && globals->upstream_trust == NULL) {
        return "RAUpstreamCRL and RAUpstreamCACertificates need RAUpstreamTrust";
    }
    if ((is_https(globals->upstream_crl) || is_https(globals->upstream_ca_certificates)) && globals->upstream_tls_ca == NULL) {
        return "RAUpstreamCRL and RAUpstreamCACertificates with https need RAUpstreamTLSCAFile";
    }
    return NULL;
}

static const char *check_upstream(const ra_globals_t *globals)
{
    if (globals->upstream_url == NULL) {
        return NULL;
    }
    if (globals->upstream_signer_cert == NULL) {
        return "RAUpstreamURL needs RAUpstreamSigner";
    }
    if (globals->upstream_trust == NULL) {
        return "RAUpstreamURL needs RAUpstreamTrust";
    }
    if (is_https(globals->upstream_url) && globals->upstream_tls_ca == NULL) {
        return "RAUpstreamURL with https needs RAUpstreamTLSCAFile";
    }
    return NULL;
}

static const char *check_settings(const ra_globals_t *globals)
{
    const char *wrong = check_database(globals);
    if (wrong == NULL) {
        wrong = check_upstream(globals);
    }
    if (wrong == NULL) {
        wrong = check_published(globals);
    }
    if (wrong == NULL && globals->key_file == NULL) {
        wrong = "RAKeyFile is needed";
    }
    if (wrong == NULL && globals->api_document == NULL) {
        wrong = "RAApiDocument is needed";
    }
    return wrong;
}

int ra_config_refuse(server_rec *server, const char *id, const char *wrong)
{
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, server, "%s%s", id, wrong != NULL ? wrong : "no detail");
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* A start reads the secrets in post_config, when httpd runs; a test of the configuration ends before that. */
static int is_only_a_test(void)
{
    return ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST;
}

int ra_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server)
{
    ra_globals_t *globals = ra_globals_get(main_server);
    ra_spec_t *spec = NULL;
    const char *wrong = NULL;
    (void)plog;
    if (!ra_is_configured(main_server)) {
        return OK;
    }
    wrong = check_settings(globals);
    if (wrong != NULL) {
        return ra_config_refuse(main_server, RA_LOG_SETTING_MISSING, wrong);
    }
    wrong = ra_ssl_check(ap_conftree, ptemp);
    if (wrong != NULL) {
        return ra_config_refuse(main_server, RA_LOG_CLIENT_CERTIFICATE, wrong);
    }
    if (ra_spec_load(&spec, globals->api_document, ra_api_bindings, &wrong, pconf) != APR_SUCCESS) {
        return ra_config_refuse(main_server, RA_LOG_DOCUMENT,
                      apr_pstrcat(ptemp, globals->api_document, ": ", wrong != NULL ? wrong : "unreadable", NULL));
    }
    globals->runtime.spec = spec;
    return is_only_a_test() ? ra_secrets_read(globals, pconf, ptemp, main_server) : OK;
}
