/*
 * Runs one exchange of the CMP adapter from the command line and prints what came of it as JSON: the adapter's tests
 * drive it against the development CA. With --state DIR the stored parts of the exchange live in files there, as a
 * database would keep them, so a later call resumes. Thread rule: one thread.
 */
#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_getopt.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "base/json.h"
#include "upstream/ca.h"

enum {
    OPT_URL = 256,
    OPT_TLS_CA,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_SIGNER_CERT,
    OPT_SIGNER_KEY,
    OPT_TRUST,
    OPT_SENDER,
    OPT_P10CR,
    OPT_STATE,
    OPT_RDN,
    OPT_DNS,
    OPT_IP,
    OPT_DAYS,
    OPT_KEY_USAGE,
    OPT_EKU,
    OPT_SPKI,
    OPT_CSR,
    OPT_VERDICT,
    OPT_TIMEOUT,
    OPT_CONNECT_TIMEOUT,
    OPT_REVOKE_CERT,
    OPT_REVOKE_SERIAL,
    OPT_REASON,
    OPT_TRANSACTION,
    OPT_FAIL_STORE,
    OPT_REPEAT,
    OPT_STEP
};

static const apr_getopt_option_t names[] = {
    {"url", OPT_URL, 1, "the CA"},
    {"tls-ca", OPT_TLS_CA, 1, "verifies the TLS server"},
    {"tls-cert", OPT_TLS_CERT, 1, "TLS client certificate"},
    {"tls-key", OPT_TLS_KEY, 1, "its key"},
    {"signer-cert", OPT_SIGNER_CERT, 1, "signs CMP messages"},
    {"signer-key", OPT_SIGNER_KEY, 1, "its key"},
    {"trust", OPT_TRUST, 1, "CA certificates"},
    {"sender", OPT_SENDER, 1, "/C=../CN=.."},
    {"p10cr", OPT_P10CR, 0, "send the PKCS#10 itself"},
    {"state", OPT_STATE, 1, "folder of the stored parts"},
    {"rdn", OPT_RDN, 1, "TYPE=value, repeated"},
    {"dns", OPT_DNS, 1, "SAN, repeated"},
    {"ip", OPT_IP, 1, "SAN, repeated"},
    {"days", OPT_DAYS, 1, "validity"},
    {"key-usage", OPT_KEY_USAGE, 1, "names"},
    {"eku", OPT_EKU, 1, "names"},
    {"spki", OPT_SPKI, 1, "DER file"},
    {"csr", OPT_CSR, 1, "DER file"},
    {"verdict", OPT_VERDICT, 1, "accept, decline or silent"},
    {"timeout-ms", OPT_TIMEOUT, 1, "for the try"},
    {"connect-timeout-ms", OPT_CONNECT_TIMEOUT, 1, "for connecting"},
    {"revoke-cert", OPT_REVOKE_CERT, 1, "DER file"},
    {"revoke-serial", OPT_REVOKE_SERIAL, 1, "hex"},
    {"reason", OPT_REASON, 1, "CRLReason"},
    {"transaction", OPT_TRANSACTION, 1, "32 hex digits"},
    {"fail-store", OPT_FAIL_STORE, 0, "before_send fails"},
    {"repeat", OPT_REPEAT, 1, "run it so often in one process (a new transaction each)"},
    {"step", OPT_STEP, 0, "wait for a line from standard input before each repetition"},
    {NULL, 0, 0, NULL},
};

static const char *const outcomes[] = {"not_sent", "done", "rejected", "waiting", "refused", "unknown"};

typedef struct probe_t {
    apr_pool_t *pool;
    ra_cmp_settings_t settings;
    ra_ca_request_t request;
    ra_ca_revocation_t revocation;
    ra_ca_exchange_t exchange;
    apr_array_header_t *rdns;
    apr_array_header_t *dns;
    apr_array_header_t *ips;
    const char *state;
    const char *transaction;
    ra_ca_verdict_e verdict;
    int revoke;
    int fail_store;
    int repeat;
    int step;
    int stored; /* calls of before_send */
    int asked;  /* calls of on_certificate */
    int chain;
} probe_t;

static ra_bytes_t read_file(const char *path, apr_pool_t *pool)
{
    ra_bytes_t bytes = {NULL, 0};
    apr_file_t *file = NULL;
    apr_finfo_t info;

    if (apr_file_open(&file, path, APR_READ | APR_BINARY, APR_OS_DEFAULT, pool) == APR_SUCCESS) {
        if (apr_file_info_get(&info, APR_FINFO_SIZE, file) == APR_SUCCESS && info.size > 0) {
            unsigned char *data = apr_palloc(pool, (apr_size_t)info.size);
            apr_size_t len = (apr_size_t)info.size;
            if (apr_file_read_full(file, data, len, &len) == APR_SUCCESS) {
                bytes = ra_bytes_of(data, len);
            }
        }
        apr_file_close(file);
    }
    return bytes;
}

static void write_part(const probe_t *probe, const char *name, ra_bytes_t bytes)
{
    const char *path = apr_pstrcat(probe->pool, probe->state, "/", name, NULL);
    apr_file_t *file = NULL;

    if (bytes.len == 0) {
        apr_file_remove(path, probe->pool);
    } else if (apr_file_open(&file, path, APR_WRITE | APR_CREATE | APR_TRUNCATE, APR_OS_DEFAULT, probe->pool) ==
               APR_SUCCESS) {
        apr_file_write_full(file, bytes.data, bytes.len, NULL);
        apr_file_close(file);
    }
}

static ra_bytes_t read_part(const probe_t *probe, const char *name)
{
    return read_file(apr_pstrcat(probe->pool, probe->state, "/", name, NULL), probe->pool);
}

static apr_status_t before_send(void *baton, ra_bytes_t request, ra_bytes_t nonce)
{
    probe_t *probe = baton;

    probe->stored++;
    if (probe->fail_store) {
        return APR_EGENERAL;
    }
    if (probe->state != NULL) {
        write_part(probe, "sent", request);
        write_part(probe, "sent_nonce", nonce);
    }
    return APR_SUCCESS;
}

static ra_ca_verdict_e on_certificate(void *baton, const ra_cert_t *certificate, const apr_array_header_t *chain)
{
    probe_t *probe = baton;

    (void)certificate;
    probe->asked++;
    probe->chain = chain->nelts;
    return probe->verdict;
}

static void load_state(probe_t *probe)
{
    ra_ca_exchange_t *exchange = &probe->exchange;
    ra_bytes_t id = ra_bytes_of(NULL, 0);

    if (probe->state != NULL) {
        exchange->sent = read_part(probe, "sent");
        exchange->sent_nonce = read_part(probe, "sent_nonce");
        exchange->waiting = read_part(probe, "waiting");
        exchange->poll = read_part(probe, "poll");
        id = read_part(probe, "transaction_id");
    }
    if (probe->transaction != NULL) {
        ra_hex_decode(&id, probe->transaction, probe->pool);
    }
    if (id.len == sizeof(exchange->transaction_id)) {
        memcpy(exchange->transaction_id, id.data, id.len);
    } else {
        ra_random(exchange->transaction_id, sizeof(exchange->transaction_id));
    }
}

static void save_state(const probe_t *probe)
{
    const ra_ca_exchange_t *exchange = &probe->exchange;

    if (probe->state != NULL) {
        write_part(probe, "transaction_id", ra_bytes_of(exchange->transaction_id, sizeof(exchange->transaction_id)));
        write_part(probe, "sent", exchange->sent);
        write_part(probe, "sent_nonce", exchange->sent_nonce);
        write_part(probe, "waiting", exchange->waiting);
        write_part(probe, "poll", exchange->poll);
    }
}

static const char *sha256_hex(ra_bytes_t bytes, apr_pool_t *pool)
{
    unsigned char digest[RA_SHA256_BYTES];

    ra_sha256(digest, bytes.data, bytes.len);
    return ra_hex(ra_bytes_of(digest, sizeof(digest)), pool);
}

static void print(const probe_t *probe)
{
    const ra_ca_exchange_t *exchange = &probe->exchange;
    ra_json_t *json = ra_json_object_make(probe->pool);

    ra_json_set_string(json, "outcome", outcomes[exchange->outcome]);
    ra_json_set_string(json, "reason_text", exchange->reason_text);
    ra_json_set_int(json, "failure_bits", exchange->failure_bits);
    ra_json_set_int(json, "check_after", exchange->check_after);
    ra_json_set_int(json, "stored", probe->stored);
    ra_json_set_int(json, "asked", probe->asked);
    ra_json_set_int(json, "chain", probe->chain);
    ra_json_set_string(json, "transaction_id",
                       ra_hex(ra_bytes_of(exchange->transaction_id, sizeof(exchange->transaction_id)), probe->pool));
    ra_json_set_string(json, "sent_sha256", sha256_hex(exchange->sent, probe->pool));
    if (exchange->certificate.len > 0) {
        ra_json_set_string(json, "certificate", ra_hex(exchange->certificate, probe->pool));
    }
    puts(ra_json_print(json, probe->pool));
    fflush(stdout);
}

static void add_rdn(probe_t *probe, const char *text)
{
    ra_rdn_t *rdn = apr_array_push(probe->rdns);
    const char *equals = strchr(text, '=');

    rdn->type = equals != NULL ? apr_pstrmemdup(probe->pool, text, (apr_size_t)(equals - text)) : text;
    rdn->value = equals != NULL ? equals + 1 : "";
}

static ra_ca_verdict_e verdict_of(const char *text)
{
    if (strcmp(text, "decline") == 0) {
        return RA_CA_DECLINE;
    }
    return strcmp(text, "silent") == 0 ? RA_CA_SILENT : RA_CA_ACCEPT;
}

/* Options of the adapter; 0 when it is none of them. */
static int set_settings(ra_cmp_settings_t *settings, int option, const char *value)
{
    switch (option) {
    case OPT_URL:
        settings->url = value;
        return 1;
    case OPT_TLS_CA:
        settings->tls_ca_file = value;
        return 1;
    case OPT_TLS_CERT:
        settings->tls_cert_file = value;
        return 1;
    case OPT_TLS_KEY:
        settings->tls_key_file = value;
        return 1;
    case OPT_SIGNER_CERT:
        settings->signer_cert_file = value;
        return 1;
    case OPT_SIGNER_KEY:
        settings->signer_key_file = value;
        return 1;
    case OPT_TRUST:
        settings->trust_file = value;
        return 1;
    case OPT_SENDER:
        settings->sender = value;
        return 1;
    case OPT_P10CR:
        settings->use_p10cr = 1;
        return 1;
    case OPT_CONNECT_TIMEOUT:
        settings->connect_timeout = apr_time_from_msec(atoi(value));
        return 1;
    default:
        return 0;
    }
}

static int set_request(probe_t *probe, int option, const char *value)
{
    ra_ca_request_t *request = &probe->request;

    switch (option) {
    case OPT_RDN:
        add_rdn(probe, value);
        return 1;
    case OPT_DNS:
        APR_ARRAY_PUSH(probe->dns, const char *) = value;
        return 1;
    case OPT_IP:
        APR_ARRAY_PUSH(probe->ips, const char *) = value;
        return 1;
    case OPT_DAYS:
        request->validity_days = atoi(value);
        return 1;
    case OPT_KEY_USAGE:
        request->key_usage = value;
        return 1;
    case OPT_EKU:
        request->ext_key_usage = value;
        return 1;
    case OPT_SPKI:
        request->spki = read_file(value, probe->pool);
        return 1;
    case OPT_CSR:
        request->csr = read_file(value, probe->pool);
        return 1;
    default:
        return 0;
    }
}

static void set_run(probe_t *probe, int option, const char *value)
{
    switch (option) {
    case OPT_STATE:
        probe->state = value;
        break;
    case OPT_VERDICT:
        probe->verdict = verdict_of(value);
        break;
    case OPT_TIMEOUT:
        probe->exchange.timeout = apr_time_from_msec(atoi(value));
        break;
    case OPT_TRANSACTION:
        probe->transaction = value;
        break;
    case OPT_FAIL_STORE:
        probe->fail_store = 1;
        break;
    case OPT_REPEAT:
        probe->repeat = atoi(value);
        break;
    case OPT_STEP:
        probe->step = 1;
        break;
    case OPT_REASON:
        probe->revocation.reason = atoi(value);
        break;
    case OPT_REVOKE_CERT:
        probe->revocation.certificate = read_file(value, probe->pool);
        probe->revoke = 1;
        break;
    case OPT_REVOKE_SERIAL:
        probe->revocation.serial = value;
        probe->revoke = 1;
        break;
    default:
        break;
    }
}

static int read_options(probe_t *probe, int argc, const char *const *argv)
{
    apr_getopt_t *options = NULL;
    const char *value = NULL;
    apr_status_t status;
    int option;

    apr_getopt_init(&options, probe->pool, argc, argv);
    while ((status = apr_getopt_long(options, names, &option, &value)) == APR_SUCCESS) {
        if (!set_settings(&probe->settings, option, value) && !set_request(probe, option, value)) {
            set_run(probe, option, value);
        }
    }
    APR_ARRAY_PUSH(probe->dns, const char *) = NULL;
    APR_ARRAY_PUSH(probe->ips, const char *) = NULL;
    probe->request.subject = (const ra_rdn_t *)probe->rdns->elts;
    probe->request.subject_count = probe->rdns->nelts;
    probe->request.dns_names = (const char *const *)probe->dns->elts;
    probe->request.ip_names = (const char *const *)probe->ips->elts;
    return status == APR_EOF;
}

static void probe_init(probe_t *probe, apr_pool_t *pool)
{
    memset(probe, 0, sizeof(*probe));
    probe->pool = pool;
    probe->rdns = apr_array_make(pool, 4, sizeof(ra_rdn_t));
    probe->dns = apr_array_make(pool, 4, sizeof(const char *));
    probe->ips = apr_array_make(pool, 4, sizeof(const char *));
    probe->verdict = RA_CA_ACCEPT;
    probe->repeat = 1;
    probe->settings.connect_timeout = apr_time_from_sec(2);
    probe->request.validity_days = 365;
    probe->request.key_usage = "digitalSignature,nonRepudiation";
    probe->request.ext_key_usage = "clientAuth";
    probe->exchange.timeout = apr_time_from_sec(10);
}

static void run_once(probe_t *probe, const ra_ca_t *ca)
{
    ra_ca_exchange_t *exchange = &probe->exchange;
    apr_interval_time_t timeout = exchange->timeout;

    memset(exchange, 0, sizeof(*exchange));
    exchange->timeout = timeout;
    exchange->request = &probe->request;
    exchange->revocation = &probe->revocation;
    exchange->callbacks.baton = probe;
    exchange->callbacks.before_send = before_send;
    exchange->callbacks.on_certificate = on_certificate;
    load_state(probe);
    if (probe->revoke) {
        ca->adapter->revoke(ca, exchange, probe->pool);
    } else {
        ca->adapter->enrol(ca, exchange, probe->pool);
    }
    save_state(probe);
    print(probe);
}

static void run_all(probe_t *probe, const ra_ca_t *ca)
{
    for (int done = 0; done < probe->repeat; done++) {
        if (done > 0 && probe->step) {
            fflush(stdout);
            while (getchar() != '\n' && !feof(stdin)) {
            }
        }
        run_once(probe, ca);
    }
}

int main(int argc, const char *const *argv)
{
    apr_pool_t *pool = NULL;
    probe_t probe;
    ra_result_t *result;
    ra_ca_t *ca = NULL;
    int failed = 1;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    probe_init(&probe, pool);
    result = ra_result_make(pool);
    if (!read_options(&probe, argc, argv) || ra_http_global_init(pool) != APR_SUCCESS) {
        fprintf(stderr, "cmp_probe: see the list of options in cmp_probe.c\n");
    } else if (ra_cmp_make(&ca, &probe.settings, result, pool) != APR_SUCCESS) {
        fprintf(stderr, "cmp_probe: %s\n", result->log_detail);
    } else {
        failed = 0;
        run_all(&probe, ca);
    }
    apr_pool_destroy(pool);
    apr_terminate();
    return failed;
}
