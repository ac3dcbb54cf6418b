/*
 * Reading the directives: each value is checked where it is written, with a message that says what is wrong. Layer:
 * httpd.
 * Thread rule: runs in httpd's main thread before any child exists.
 */
#include "httpd/config.h"

#include <apr_lib.h>
#include <apr_network_io.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "base/text.h"
#include "base/x509.h"

#define RA_LIMIT_REQUESTS_MAX 1000000
#define RA_PORT_MAX 65535
#define RA_DATABASE_PORT 3306

/** Checks a text and may give it another form. @return NULL or what is wrong */
typedef const char *(*ra_check_fn)(cmd_parms *cmd, const char **ptext);

/** One row of the lists in config.h, as a command finds it. */
typedef struct ra_setting_t {
    apr_size_t offset; /* of the member in ra_globals_t */
    ra_check_fn check; /* texts */
    apr_int64_t lowest; /* numbers */
    apr_int64_t highest;
} ra_setting_t;

static const char *check_word(cmd_parms *cmd, const char **ptext)
{
    for (const char *c = *ptext; *c != '\0'; c++) {
        if (!apr_isgraph(*c)) {
            return apr_pstrcat(cmd->pool, cmd->cmd->name, ": white space and control characters are not allowed", NULL);
        }
    }
    return **ptext != '\0' ? NULL : apr_pstrcat(cmd->pool, cmd->cmd->name, ": must not be empty", NULL);
}

static const char *check_path(cmd_parms *cmd, const char **ptext)
{
    const char *path = **ptext != '\0' ? ap_server_root_relative(cmd->pool, *ptext) : NULL;
    if (path == NULL) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not a path", cmd->cmd->name, *ptext);
    }
    *ptext = path;
    return NULL;
}

static const char *check_url(cmd_parms *cmd, const char **ptext)
{
    apr_uri_t uri;
    if (apr_uri_parse(cmd->pool, *ptext, &uri) != APR_SUCCESS || uri.scheme == NULL || uri.hostname == NULL ||
        uri.user != NULL || uri.fragment != NULL) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not an address like https://host/path", cmd->cmd->name, *ptext);
    }
    if (apr_strnatcasecmp(uri.scheme, "https") == 0) {
        return NULL;
    }
    if (apr_strnatcasecmp(uri.scheme, "http") != 0 || !ra_is_loopback(uri.hostname)) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, ": must begin with https:// (http:// to the loopback only)",
                           NULL);
    }
    return NULL;
}

/** What is fetched there is signed: plain http is as good. */
static const char *check_signed_url(cmd_parms *cmd, const char **ptext)
{
    apr_uri_t uri;
    if (apr_uri_parse(cmd->pool, *ptext, &uri) == APR_SUCCESS && uri.scheme != NULL && uri.hostname != NULL &&
        uri.user == NULL && uri.fragment == NULL &&
        (apr_strnatcasecmp(uri.scheme, "http") == 0 || apr_strnatcasecmp(uri.scheme, "https") == 0)) {
        return NULL;
    }
    return apr_psprintf(cmd->pool, "%s: '%s' is not an address like http://host/path", cmd->cmd->name, *ptext);
}

/* Judged where it is used, at the start. */
static const char *check_any(cmd_parms *cmd, const char **ptext)
{
    (void)cmd;
    (void)ptext;
    return NULL;
}

static const char *check_sha256(cmd_parms *cmd, const char **ptext)
{
    char *hex = apr_pstrdup(cmd->pool, *ptext);
    apr_size_t digits = 0;
    for (const char *c = *ptext; *c != '\0'; c++) {
        if (*c == ':') {
            continue;
        }
        if (!apr_isxdigit(*c)) {
            digits = 0;
            break;
        }
        hex[digits++] = (char)apr_tolower(*c);
    }
    if (digits != 2 * RA_SHA256_BYTES) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           ": must be 64 hexadecimal digits (the SHA-256 of a DER certificate)", NULL);
    }
    hex[digits] = '\0';
    *ptext = hex;
    return NULL;
}

static ra_server_t *server_of(cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &ra_module);
}

static const char *set_text(cmd_parms *cmd, void *unused, const char *text)
{
    const ra_setting_t *setting = cmd->info;
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    (void)unused;
    if (wrong == NULL) {
        wrong = setting->check(cmd, &text);
    }
    if (wrong == NULL) {
        *(const char **)((char *)server_of(cmd)->globals + setting->offset) = text;
    }
    return wrong;
}

static const char *set_number(cmd_parms *cmd, void *unused, const char *text)
{
    const ra_setting_t *setting = cmd->info;
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    char *end = NULL;
    (void)unused;
    if (wrong != NULL) {
        return wrong;
    }
    apr_int64_t number = apr_strtoi64(text, &end, 10);
    if (!apr_isdigit(*text) || *end != '\0' || number < setting->lowest || number > setting->highest) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not a number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT,
                            cmd->cmd->name, text, setting->lowest, setting->highest);
    }
    *(apr_int64_t *)((char *)server_of(cmd)->globals + setting->offset) = number;
    return NULL;
}

static const char *set_flag(cmd_parms *cmd, void *unused, int on)
{
    const ra_setting_t *setting = cmd->info;
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    (void)unused;
    if (wrong == NULL) {
        *(int *)((char *)server_of(cmd)->globals + setting->offset) = on;
    }
    return wrong;
}

static const char *set_database_host(cmd_parms *cmd, void *unused, const char *text)
{
    ra_globals_t *globals = server_of(cmd)->globals;
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    char *host = NULL;
    char *zone = NULL;
    apr_port_t port = 0;
    (void)unused;
    if (wrong != NULL) {
        return wrong;
    }
    if (apr_parse_addr_port(&host, &zone, &port, text, cmd->pool) != APR_SUCCESS || host == NULL || zone != NULL ||
        (strchr(host, ':') != NULL && *text != '[')) {
        return apr_psprintf(cmd->pool, "%s: '%s' is not host or host:port", cmd->cmd->name, text);
    }
    globals->database_host = host;
    globals->database_port = port != 0 ? port : RA_DATABASE_PORT;
    return NULL;
}

static const char *set_pair(cmd_parms *cmd, const char **pcert, const char **pkey, const char *cert, const char *key)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    if (wrong == NULL) {
        wrong = check_path(cmd, &cert);
    }
    if (wrong == NULL) {
        wrong = check_path(cmd, &key);
    }
    if (wrong == NULL) {
        *pcert = cert;
        *pkey = key;
    }
    return wrong;
}

static const char *set_upstream_tls(cmd_parms *cmd, void *unused, const char *cert, const char *key)
{
    ra_globals_t *globals = server_of(cmd)->globals;
    (void)unused;
    return set_pair(cmd, &globals->upstream_tls_cert, &globals->upstream_tls_key, cert, key);
}

static const char *set_upstream_signer(cmd_parms *cmd, void *unused, const char *cert, const char *key)
{
    ra_globals_t *globals = server_of(cmd)->globals;
    (void)unused;
    return set_pair(cmd, &globals->upstream_signer_cert, &globals->upstream_signer_key, cert, key);
}

static const char *set_cmp_credential(cmd_parms *cmd, void *unused, const char *cert, const char *key)
{
    ra_globals_t *globals = server_of(cmd)->globals;
    (void)unused;
    return set_pair(cmd, &globals->cmp_cert, &globals->cmp_key, cert, key);
}

static const char *set_audit_key(cmd_parms *cmd, void *unused, const char *key, const char *public)
{
    ra_globals_t *globals = server_of(cmd)->globals;
    (void)unused;
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    if (wrong == NULL) {
        wrong = check_path(cmd, &key);
    }
    if (wrong == NULL && public != NULL) {
        wrong = check_path(cmd, &public);
    }
    if (wrong == NULL) {
        globals->audit_key = key;
        globals->audit_public = public;
    }
    return wrong;
}

/** One of two words. @return NULL or what is wrong; *pis_second tells which */
static const char *choose(cmd_parms *cmd, const char *text, const char *first, const char *second, int *pis_second)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    if (wrong != NULL) {
        return wrong;
    }
    if (strcmp(text, first) != 0 && strcmp(text, second) != 0) {
        return apr_psprintf(cmd->pool, "%s: '%s' is neither '%s' nor '%s'", cmd->cmd->name, text, first, second);
    }
    *pis_second = strcmp(text, second) == 0;
    return NULL;
}

static const char *set_upstream_request(cmd_parms *cmd, void *unused, const char *text)
{
    (void)unused;
    return choose(cmd, text, "cr", "p10cr", &server_of(cmd)->globals->upstream_p10cr);
}

static const char *set_upstream_resend(cmd_parms *cmd, void *unused, const char *text)
{
    (void)unused;
    return choose(cmd, text, "never", "idempotent", &server_of(cmd)->globals->upstream_idempotent);
}

static const char *set_signed_decisions(cmd_parms *cmd, void *unused, const char *text)
{
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    (void)unused;
    for (int i = 0; wrong == NULL && i < RA_SIGNING_COUNT; i++) {
        if (strcmp(text, ra_signing_name((ra_signing_e)i)) == 0) {
            server_of(cmd)->globals->signed_decisions = i;
            return NULL;
        }
    }
    return wrong != NULL ? wrong : apr_psprintf(cmd->pool, "RASignedDecisions: '%s' is none of off, optional, required", text);
}

static const char *set_profile(cmd_parms *cmd, void *unused, const char *name, const char *key_usage, const char *ext_key_usage)
{
    ra_globals_t *globals = server_of(cmd)->globals;
    const char *wrong = ap_check_cmd_context(cmd, GLOBAL_ONLY), *purposes = ra_ext_key_usage_names(ext_key_usage, cmd->pool);
    ra_profile_t *profile;
    (void)unused;
    if (wrong != NULL) {
        return wrong;
    }
    if (globals->profiles == NULL) {
        globals->profiles = ra_profiles_make(cmd->pool);
    }
    profile = ra_profile_find(globals->profiles, name);
    if (profile == NULL || *key_usage == '\0' || !ra_key_usage_is_known(key_usage, cmd->pool) || purposes == NULL) {
        return apr_psprintf(cmd->pool, "%s: '%s %s %s' is not a profile with key usages and purposes", cmd->cmd->name, name, key_usage,
                            ext_key_usage);
    }
    profile->key_usage = key_usage;
    profile->ext_key_usage = purposes;
    return NULL;
}

static const struct {
    unsigned host;
    const char *name;
} hosts[] = {
    {RA_HOST_PUBLIC, "public"}, {RA_HOST_STAFF, "staff"}, {RA_HOST_API, "api"}, {RA_HOST_INTERNAL, "internal"}};

#define RA_HOST_KINDS (sizeof(hosts) / sizeof(hosts[0]))

const char *ra_host_name(unsigned host)
{
    for (apr_size_t i = 0; i < RA_HOST_KINDS; i++) {
        if (hosts[i].host == host) {
            return hosts[i].name;
        }
    }
    return "none";
}

static const char *set_host(cmd_parms *cmd, void *unused, const char *text)
{
    const char *wrong = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
    (void)unused;
    if (wrong != NULL) {
        return wrong;
    }
    for (apr_size_t i = 0; i < RA_HOST_KINDS; i++) {
        if (strcmp(text, hosts[i].name) == 0) {
            server_of(cmd)->host = hosts[i].host;
            return NULL;
        }
    }
    return apr_psprintf(cmd->pool, "RAHost: '%s' is none of public, staff, api, internal", text);
}

/** Reads digits up to @a stop. @return 0 when it is no number of 1..max */
static int read_part(const char **ptext, char stop, int max)
{
    char *end = NULL;
    apr_int64_t number = apr_isdigit(**ptext) ? apr_strtoi64(*ptext, &end, 10) : 0;
    if (number < 1 || number > max || *end != stop) {
        return 0;
    }
    *ptext = end + 1;
    return (int)number;
}

/** @return NULL or what is wrong */
static const char *read_limit(ra_limit_t *limit, const cmd_parms *cmd, const char *text)
{
    const char *wrong = ap_check_cmd_context((cmd_parms *)cmd, NOT_IN_DIR_CONTEXT);
    const char *rest = text;
    if (wrong != NULL) {
        return wrong;
    }
    limit->is_set = 1;
    if (strcmp(text, "off") == 0) {
        limit->requests = 0;
        return NULL;
    }
    limit->requests = read_part(&rest, '/', RA_LIMIT_REQUESTS_MAX);
    limit->seconds = limit->requests > 0 ? read_part(&rest, '\0', RA_SECONDS_PER_DAY) : 0;
    if (limit->seconds == 0) {
        return apr_psprintf(cmd->pool, "%s: '%s' is neither off nor requests/seconds like 60/60", cmd->cmd->name, text);
    }
    return NULL;
}

static const char *set_rate_limit(cmd_parms *cmd, void *unused, const char *text)
{
    (void)unused;
    return read_limit(&server_of(cmd)->limit, cmd, text);
}

static const char *set_cmp_rate_limit(cmd_parms *cmd, void *unused, const char *text)
{
    (void)unused;
    return read_limit(&server_of(cmd)->cmp_limit, cmd, text);
}

#define RA_OFFSET(member) APR_OFFSETOF(ra_globals_t, member)

/* One ra_setting_t per plain directive, found by its ordinal. */
enum {
#define RA_ROW(member, directive, check, help) ORDINAL_##member,
    RA_TEXT_SETTINGS(RA_ROW)
#undef RA_ROW
#define RA_ROW(member, directive, value, lowest, highest, help) ORDINAL_##member,
    RA_NUMBER_SETTINGS(RA_ROW)
#undef RA_ROW
#define RA_ROW(member, directive, value, help) ORDINAL_##member,
    RA_FLAG_SETTINGS(RA_ROW)
#undef RA_ROW
    ORDINAL_COUNT
};

static ra_setting_t settings[ORDINAL_COUNT] = {
#define RA_ROW(member, directive, check, help) {RA_OFFSET(member), check, 0, 0},
    RA_TEXT_SETTINGS(RA_ROW)
#undef RA_ROW
#define RA_ROW(member, directive, value, lowest, highest, help) {RA_OFFSET(member), NULL, lowest, highest},
    RA_NUMBER_SETTINGS(RA_ROW)
#undef RA_ROW
#define RA_ROW(member, directive, value, help) {RA_OFFSET(member), NULL, 0, 0},
    RA_FLAG_SETTINGS(RA_ROW)
#undef RA_ROW
};

const command_rec ra_commands[] = {
#define RA_ROW(member, directive, check, help)                                                                         \
    AP_INIT_TAKE1(directive, set_text, &settings[ORDINAL_##member], RSRC_CONF, help),
    RA_TEXT_SETTINGS(RA_ROW)
#undef RA_ROW
#define RA_ROW(member, directive, value, lowest, highest, help)                                                        \
    AP_INIT_TAKE1(directive, set_number, &settings[ORDINAL_##member], RSRC_CONF, help),
    RA_NUMBER_SETTINGS(RA_ROW)
#undef RA_ROW
#define RA_ROW(member, directive, value, help)                                                                         \
    AP_INIT_FLAG(directive, set_flag, &settings[ORDINAL_##member], RSRC_CONF, help),
    RA_FLAG_SETTINGS(RA_ROW)
#undef RA_ROW
    AP_INIT_TAKE1("RADatabaseHost", set_database_host, NULL, RSRC_CONF,
                  "host[:port] of MariaDB; TLS beyond the loopback"),
    AP_INIT_TAKE2("RAUpstreamTLSCertificate", set_upstream_tls, NULL, RSRC_CONF,
                  "certificate and key (PEM) of the RA as a TLS client of the CA"),
    AP_INIT_TAKE2("RAUpstreamSigner", set_upstream_signer, NULL, RSRC_CONF,
                  "certificate and key (PEM) that sign the CMP messages of the RA"),
    AP_INIT_TAKE2("RACMPCredential", set_cmp_credential, NULL, RSRC_CONF,
                  "certificate and key (PEM) that sign the answers to subscribers' CMP tools"),
    AP_INIT_TAKE12("RAAuditKey", set_audit_key, NULL, RSRC_CONF,
                   "key (PEM) that signs sealed audit events, and its certificate or public key (PEM)"),
    AP_INIT_TAKE1("RAUpstreamRequest", set_upstream_request, NULL, RSRC_CONF, "cr (default) or p10cr"),
    AP_INIT_TAKE1("RAUpstreamResend", set_upstream_resend, NULL, RSRC_CONF,
                  "never (default) or idempotent: what a resend of the same bytes means to the CA"),
    AP_INIT_TAKE1("RASignedDecisions", set_signed_decisions, NULL, RSRC_CONF,
                  "off, optional (default) or required: CMS signatures of reviewers over their decisions"),
    AP_INIT_TAKE3("RAProfile", set_profile, NULL, RSRC_CONF,
                  "profile, key usages and purposes that the CA gives its certificates"),
    AP_INIT_TAKE1("RAHost", set_host, NULL, RSRC_CONF, "public, staff, api or internal"),
    AP_INIT_TAKE1("RARateLimit", set_rate_limit, NULL, RSRC_CONF, "off (default) or requests/seconds for each client"),
    AP_INIT_TAKE1("RACMPRateLimit", set_cmp_rate_limit, NULL, RSRC_CONF,
                  "off or requests/seconds for each client of CMP (default 60/60)"),
    {.name = NULL}};

void *ra_server_create(apr_pool_t *pool, server_rec *server)
{
    ra_server_t *config = apr_pcalloc(pool, sizeof(*config));
    ra_globals_t *globals = apr_pcalloc(pool, sizeof(*globals));
    (void)server;
#define RA_ROW(member, directive, value, lowest, highest, help) globals->member = value;
    RA_NUMBER_SETTINGS(RA_ROW)
#undef RA_ROW
#define RA_ROW(member, directive, value, help) globals->member = value;
    RA_FLAG_SETTINGS(RA_ROW)
#undef RA_ROW
    config->globals = globals;
    config->cmp_limit = (ra_limit_t){0, RA_CMP_LIMIT_REQUESTS, RA_CMP_LIMIT_SECONDS};
    return config;
}

void *ra_server_merge(apr_pool_t *pool, void *base, void *virtual)
{
    const ra_server_t *outer = base;
    ra_server_t *merged = apr_pmemdup(pool, virtual, sizeof(ra_server_t));
    merged->globals = outer->globals;
    if (!merged->limit.is_set) {
        merged->limit = outer->limit;
    }
    if (!merged->cmp_limit.is_set) {
        merged->cmp_limit = outer->cmp_limit;
    }
    return merged;
}

const ra_server_t *ra_server_get(const server_rec *server)
{
    return ap_get_module_config(server->module_config, &ra_module);
}

ra_globals_t *ra_globals_get(server_rec *main_server)
{
    return ra_server_get(main_server)->globals;
}

int ra_is_configured(server_rec *main_server)
{
    for (const server_rec *server = main_server; server != NULL; server = server->next) {
        if (ra_server_get(server)->host != 0) {
            return 1;
        }
    }
    return 0;
}
