/*
 * The files that hold secrets and trust: keys, passwords, credentials, CA certificates. Read as root, once; the children inherit what became of them.
 * Layer: httpd. `apachectl configtest` reads them as well (check.c): a reload with a file that cannot be used would end httpd.
 * Thread rule: runs in httpd's main thread.
 */
#include "httpd/config.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <http_log.h>

#include "base/failpoint.h"
#include "httpd/log_ids.h"

#define RA_PASSWORD_MAX 1024
#define RA_CA_CONNECT_SECONDS 5
#define RA_OTHERS_PROTECTION (APR_FPROT_WREAD | APR_FPROT_WWRITE | APR_FPROT_WEXECUTE)

APLOG_USE_MODULE(ra);

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

/** @return NULL or what is wrong */
static const char *read_keys(ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    ra_keyring_t *keyring = NULL;
    const char *wrong = NULL;
    if (ra_keyring_load(&keyring, globals->key_file, &wrong, pconf) != APR_SUCCESS) {
        return apr_pstrcat(ptemp, globals->key_file, ": ", wrong, NULL);
    }
    globals->runtime.keyring = keyring;
    return NULL;
}

/** First line of the password file; without a file there is no password. @return NULL or what is wrong */
static const char *read_password(ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *path = globals->database_password_file;
    const char *wrong = check_secret(path, ptemp);
    apr_file_t *file = NULL;
    if (path == NULL || wrong != NULL) {
        return wrong;
    }
    if (apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, ptemp) != APR_SUCCESS) {
        return apr_pstrcat(ptemp, path, ": not readable", NULL);
    }
    char *password = apr_pcalloc(pconf, RA_PASSWORD_MAX);
    apr_pool_cleanup_register(pconf, password, wipe_password, apr_pool_cleanup_null);
    apr_status_t status = apr_file_gets(password, RA_PASSWORD_MAX, file);
    apr_file_close(file);
    password[strcspn(password, "\r\n")] = '\0';
    if (status != APR_SUCCESS || *password == '\0' || strlen(password) >= RA_PASSWORD_MAX - 1) {
        return apr_pstrcat(ptemp, path, ": the first line must be the password", NULL);
    }
    globals->runtime.store.password = password;
    return NULL;
}

/** The children may not be able to read what root can: the CA's TLS trust is read now. @return NULL or what is wrong */
static const char *read_tls_ca(ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    const char *path = globals->upstream_tls_ca;
    apr_file_t *file = NULL;
    apr_finfo_t info;
    unsigned char *data = NULL;
    apr_size_t len = 0;
    if (path == NULL) {
        return NULL;
    }
    apr_status_t status = apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, ptemp);
    if (status == APR_SUCCESS) {
        status = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    }
    if (status == APR_SUCCESS) {
        data = apr_palloc(pconf, (apr_size_t)info.size + 1);
        status = apr_file_read_full(file, data, (apr_size_t)info.size, &len);
        apr_file_close(file);
    }
    if (status != APR_SUCCESS) {
        return apr_pstrcat(ptemp, path, ": cannot be read", NULL);
    }
    globals->runtime.settings.upstream_tls_ca = ra_bytes_of(data, len);
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

static const char *read_certificate_trust(ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    return read_trust(&globals->runtime.settings.certificate_trust, globals->upstream_trust, pconf, ptemp);
}

static const char *read_credential_trust(ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    return read_trust(&globals->runtime.settings.credential_trust, globals->credential_trust, pconf, ptemp);
}

/** @return NULL or what is wrong with the files of the upstream CA */
static const char *make_ca(ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    ra_result_t *result = ra_result_make(ptemp);
    ra_cmp_settings_t *settings = apr_pcalloc(pconf, sizeof(*settings));
    ra_ca_t *ca = NULL;
    if (globals->upstream_url == NULL) {
        return NULL;
    }
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
    globals->runtime.ca = ca;
    return NULL;
}

/** @return NULL or what is wrong */
static const char *read_audit_key(ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp)
{
    ra_signer_t *signer = NULL;
    const char *wrong = NULL;
    (void)ptemp;
    if (globals->audit_key != NULL && ra_signer_load(&signer, globals->audit_key, globals->audit_public, &wrong, pconf) != APR_SUCCESS) {
        return wrong;
    }
    globals->runtime.audit_key = signer;
    return NULL;
}

/* What is read, and under which id it is said that it cannot be used. */
static const struct {
    const char *(*read)(ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp);
    const char *log_id;
} secrets[] = {
    {read_keys, RA_LOG_KEY_FILE},
    {read_password, RA_LOG_SECRET_FILE},
    {read_audit_key, RA_LOG_AUDIT_KEY},
    {read_tls_ca, RA_LOG_CREDENTIAL},
    {read_certificate_trust, RA_LOG_CREDENTIAL},
    {read_credential_trust, RA_LOG_CREDENTIAL},
    {make_ca, RA_LOG_CREDENTIAL},
};

/** Without these the RA works, but not as anybody wants it for long. */
static void warn_of_missing(const ra_globals_t *globals, server_rec *server)
{
    if (globals->audit_key == NULL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, RA_LOG_NO_AUDIT_KEY "RAAuditKey is not set: audit events are not sealed");
    }
    if (globals->upstream_url == NULL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server, RA_LOG_NO_UPSTREAM "RAUpstreamURL is not set: nothing can be issued or revoked");
    }
}

int ra_secrets_read(ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *server)
{
    warn_of_missing(globals, server);
    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        const char *wrong = secrets[i].read(globals, pconf, ptemp);
        if (wrong != NULL) {
            return ra_config_refuse(server, secrets[i].log_id, wrong);
        }
    }
    return OK;
}
