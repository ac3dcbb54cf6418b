/*
 * The directives of the module and what they become.
 * Layer: httpd. Thread rule: written while httpd reads its configuration, read by every thread afterwards; lives in
 * the configuration pool.
 *
 * Each directive that is a plain value is one row of a list below: the member, its type, its command and its check
 * all come from there.
 */
#ifndef RA_HTTPD_CONFIG_H
#define RA_HTTPD_CONFIG_H

#include <httpd.h>
#include <http_config.h>

#include "api/spec.h"
#include "base/limits.h"
#include "business/certificate/profile.h"
#include "business/application/decision.h"
#include "business/ra.h"
#include "store/store.h"

extern module AP_MODULE_DECLARE_DATA ra_module;

#define RA_SECONDS_PER_DAY 86400

/* Only builds that are not shipped know failpoints (base/failpoint.h). */
#ifdef RA_TEST_BUILD
#define RA_TEST_SETTINGS(X) X(failpoints, "RATestFailpoints", check_path, "file in which tests/fault arms failpoints")
#else
#define RA_TEST_SETTINGS(X)
#endif

/* X(member, directive, check, help); checks are in config.c */
#define RA_TEXT_SETTINGS(X)                                                                                            \
    X(database_socket, "RADatabaseSocket", check_path, "UNIX socket of MariaDB")                                       \
    X(database_user, "RADatabaseUser", check_word, "user of the module in MariaDB")                                    \
    X(database_password_file, "RADatabasePasswordFile", check_path, "file with the password of that user")             \
    X(database_name, "RADatabaseName", check_word, "database of the RA")                                               \
    X(database_ca_file, "RADatabaseCAFile", check_path, "PEM: verifies MariaDB's TLS certificate")                     \
    X(api_document, "RAApiDocument", check_path, "the bundled API document, openapi.json")                             \
    X(key_file, "RAKeyFile", check_path, "keys that seal personal data; readable by root only")                        \
    X(upstream_url, "RAUpstreamURL", check_url, "CMP address of the upstream CA")                                      \
    X(upstream_tls_ca, "RAUpstreamTLSCAFile", check_path, "PEM: verifies the TLS server of the CA")                    \
    X(upstream_trust, "RAUpstreamTrust", check_path, "PEM: CA certificates that protect the CA's answers and issue")   \
    X(upstream_sender, "RAUpstreamSender", check_any, "/C=CN/O=…/CN=…: who signs the CA's answers, if not the CA itself") \
    X(downloads, "RADownloads", check_path, "folder of the files for everybody, with downloads.json")                  \
    X(upstream_crl, "RAUpstreamCRL", check_signed_url, "address of the CA's CRL")                                      \
    X(upstream_ca_certificates, "RAUpstreamCACertificates", check_signed_url, "address of the CA's certificates")      \
    X(first_administrator, "RAFirstAdministrator", check_sha256, "SHA-256 of the first administrator's certificate")   \
    X(credential_trust, "RACredentialTrust", check_path, "PEM: CAs of the certificates of people and systems")         \
    RA_TEST_SETTINGS(X)

/* X(member, directive, default, lowest, highest, help) */
#define RA_NUMBER_SETTINGS(X)                                                                                          \
    X(database_pool, "RADatabasePool", 16, 1, 1000, "connections per child, at most")                                  \
    X(database_wait, "RADatabaseWait", 5, 1, 60, "seconds to wait for a free connection")                              \
    X(upstream_timeout, "RAUpstreamTimeout", 30, 1, 300, "seconds for one try at the upstream CA")                     \
    X(production_wait, "RAProductionWait", 5, 0, 30, "seconds a production request waits for the CA")                  \
    X(upstream_crl_seconds, "RAUpstreamCRLSeconds", 600, 1, RA_SECONDS_PER_DAY, "seconds between two fetches of the CRL") \
    X(upstream_crl_max, "RAUpstreamCRLMax", RA_CRL_DEFAULT_MEBIBYTES, 1, RA_CRL_MAX_MEBIBYTES, "MiB that a CRL may have") \
    X(code_lifetime, "RACodeLifetime", 14 * RA_SECONDS_PER_DAY, 60, 90 * RA_SECONDS_PER_DAY, "life of codes, seconds") \
    X(renewal_window, "RARenewalWindow", 90, 1, 3650, "days before its end that a certificate may be renewed")         \
    X(renewal_overlap, "RARenewalOverlap", RA_OVERLAP_MAX_DAYS, 0, RA_OVERLAP_MAX_DAYS,                                \
      "days that a renewed certificate may be used beside the new one, before it is revoked")                          \
    X(audit_seal, "RAAuditSealSeconds", 5, 1, 3600, "seconds between two batches of sealed audit events")                \
    X(audit_batch_max, "RAAuditBatchMax", 1000, 1, RA_AUDIT_BATCH_MAX_EVENTS, "audit events of one batch, at most")     \
    X(audit_alarm, "RAAuditAlarmSeconds", 300, 1, RA_SECONDS_PER_DAY, "seconds an audit event may wait to be sealed")  \
    X(outbox_days, "RAOutboxDays", 30, 1, 3650, "days that finished jobs of the outbox are kept")                      \
    X(prefill_days, "RAPrefillDays", 30, 1, 365, "days that a form filled in beforehand waits for the counter")         \
    X(prefills_max, "RAPrefillsMax", 20000, 1, 1000000, "forms filled in beforehand that wait, at most")                 \
    X(prefills_per_client, "RAPrefillsPerClient", 50, 1, 10000, "forms that one client may fill in beforehand in a day") \
    X(validity_tolerance, "RAValidityTolerance", RA_SECONDS_PER_DAY, 0, 30 * RA_SECONDS_PER_DAY,                       \
      "seconds that notBefore and notAfter may differ from what was approved")

/* X(member, directive, default, help) */
#define RA_FLAG_SETTINGS(X)                                                                                            \
    X(upstream_runner, "RAUpstreamRunner", 1, "on: the children of this server run the jobs of the outbox")            \
    X(status_second_field, "RAStatusSecondField", 0, "on: the status query demands a second field")

struct ra_limiter_t;
struct ra_metrics_t;
struct ra_expiry_t;

/** What post_config makes of the settings; inherited by the children. */
typedef struct ra_runtime_t {
    const ra_spec_t *spec;      /* made in check_config */
    const ra_keyring_t *keyring;
    const ra_signer_t *audit_key; /* NULL: no audit key */
    const ra_ca_t *ca;          /* NULL: no upstream CA */
    ra_store_config_t store;
    ra_settings_t settings;
    struct ra_limiter_t *limiter;
    struct ra_metrics_t *metrics;
    struct ra_expiry_t *expiry;
    int ready;                  /* post_config of this generation went through */
} ra_runtime_t;

/** Settings of the whole server. */
typedef struct ra_globals_t {
#define RA_MEMBER(member, directive, check, help) const char *member;
    RA_TEXT_SETTINGS(RA_MEMBER)
#undef RA_MEMBER
#define RA_MEMBER(member, directive, value, lowest, highest, help) apr_int64_t member;
    RA_NUMBER_SETTINGS(RA_MEMBER)
#undef RA_MEMBER
#define RA_MEMBER(member, directive, value, help) int member;
    RA_FLAG_SETTINGS(RA_MEMBER)
#undef RA_MEMBER
    const char *database_host; /* RADatabaseHost host[:port] */
    int database_port;
    const char *upstream_tls_cert; /* RAUpstreamTLSCertificate cert key */
    const char *upstream_tls_key;
    const char *upstream_signer_cert; /* RAUpstreamSigner cert key */
    const char *upstream_signer_key;
    const char *cmp_cert; /* RACMPCredential cert key */
    const char *cmp_key;
    const char *audit_key; /* RAAuditKey key [public] */
    const char *audit_public;
    ra_profile_t *profiles;  /* RAProfile; NULL: those built in */
    int signed_decisions;    /* RASignedDecisions: a ra_signing_e */
    int upstream_p10cr;      /* RAUpstreamRequest cr|p10cr */
    int upstream_idempotent; /* RAUpstreamResend idempotent|never */
    ra_runtime_t runtime;
} ra_globals_t;

/** RARateLimit, RACMPRateLimit; requests 0: off. */
typedef struct ra_limit_t {
    int is_set;
    int requests;
    int seconds;
} ra_limit_t;

/** Settings of one virtual host. */
typedef struct ra_server_t {
    ra_globals_t *globals; /* the same for all after merging */
    unsigned host;         /* a ra_host_e; 0: RAHost missing, the module declines; not inherited */
    ra_limit_t limit;
    ra_limit_t cmp_limit; /* of CMP, counted apart */
} ra_server_t;

extern const command_rec ra_commands[];

void *ra_server_create(apr_pool_t *pool, server_rec *server);
void *ra_server_merge(apr_pool_t *pool, void *base, void *virtual);
/** The settings of a server; never NULL. */
const ra_server_t *ra_server_get(const server_rec *server);
/** The settings of the whole server for those who may change them: check_config and post_config. */
ra_globals_t *ra_globals_get(server_rec *main_server);
/** Is there any virtual host with RAHost? */
int ra_is_configured(server_rec *main_server);

/** "public", "staff", "api", "internal". */
const char *ra_host_name(unsigned host);

/**
 * check_config: settings, API document, client certificates (check.c, sslcheck.c), in a test of the configuration the secrets too; OK or HTTP_INTERNAL_SERVER_ERROR
 * after logging why.
 */
int ra_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);
/**
 * Looks through the configuration tree for SSLEngine and SSLVerifyClient that do not fit RAHost.
 * @return NULL or what is wrong
 */
const char *ra_ssl_check(const ap_directive_t *tree, apr_pool_t *pool);
/** Says at start-up, in httpd's log and on the terminal, what is wrong ("no detail" for NULL). @return HTTP_INTERNAL_SERVER_ERROR, which ends the start */
int ra_config_refuse(server_rec *server, const char *id, const char *wrong);
/** Reads every file with secrets or trust into `globals->runtime` (secrets.c). @return OK, or HTTP_INTERNAL_SERVER_ERROR after logging why */
int ra_secrets_read(ra_globals_t *globals, apr_pool_t *pconf, apr_pool_t *ptemp, server_rec *server);
/** post_config: secrets, shared memory, database check, watchdog (startup.c). */
int ra_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *main_server);

#endif
