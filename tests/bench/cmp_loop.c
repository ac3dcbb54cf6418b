/*
 * Enrolments at a CA one after another, without an RA around them: what production over REST is compared with. The messages are
 * those of the module, by its own adapter; nothing is stored, nothing is asked. Part of the benchmarks.
 * Thread rule: one thread for each connection; the count is atomic.
 *
 *   cmp_loop --url URL --tls-ca FILE --signer-cert FILE --signer-key FILE --trust FILE --spki FILE --count N --connections N
 *
 * Each connection enrols once, so that it is open; then "ready" is printed, a line on standard input begins the round, and one
 * line of JSON says what came of it.
 */
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "base/http.h"
#include "base/ident.h"
#include "upstream/ca.h"

#include "clock.h"

#define CONNECTIONS_MAX 64
#define SPKI_MAX 4096

typedef struct loop_t {
    ra_cmp_settings_t settings;
    ra_ca_request_t request;
    ra_ca_t *ca;
    unsigned char spki[SPKI_MAX];
    int count, connections;
    atomic_int left, done, errors;
    pthread_barrier_t open, begin;
} loop_t;

static const ra_rdn_t subject[] = {
    {"C", "CN"}, {"ST", "山西省"}, {"L", "太原市"}, {"O", "山西基准测试信息技术有限公司"}, {"CN", "山西基准测试信息技术有限公司"}};

static void fail(const char *what)
{
    fprintf(stderr, "cmp_loop: %s\n", what);
    exit(2);
}

/* --- one enrolment ------------------------------------------------------------------------------------------------ */

static apr_status_t before_send(void *baton, ra_bytes_t request, ra_bytes_t nonce)
{
    (void)baton;
    (void)request;
    (void)nonce;
    return APR_SUCCESS;
}

static ra_ca_verdict_e on_certificate(void *baton, const ra_cert_t *certificate, const apr_array_header_t *chain)
{
    (void)baton;
    (void)certificate;
    (void)chain;
    return RA_CA_ACCEPT;
}

static void enrol(loop_t *loop, apr_pool_t *pool)
{
    ra_ca_exchange_t exchange = {.request = &loop->request, .timeout = apr_time_from_sec(10)};

    exchange.callbacks.before_send = before_send;
    exchange.callbacks.on_certificate = on_certificate;
    ra_random(exchange.transaction_id, sizeof(exchange.transaction_id));
    loop->ca->adapter->enrol(loop->ca, &exchange, pool);
    if (exchange.outcome != RA_CA_DONE) {
        fprintf(stderr, "cmp_loop: outcome %d: %s\n", exchange.outcome, exchange.reason_text ? exchange.reason_text : "-");
        atomic_fetch_add(&loop->errors, 1);
    }
}

static void *work(void *data)
{
    loop_t *loop = data;
    apr_pool_t *pool;

    apr_pool_create(&pool, NULL);
    enrol(loop, pool);
    pthread_barrier_wait(&loop->open);
    pthread_barrier_wait(&loop->begin);
    while (atomic_fetch_sub(&loop->left, 1) > 0) {
        apr_pool_clear(pool);
        enrol(loop, pool);
        atomic_fetch_add(&loop->done, 1);
    }
    apr_pool_destroy(pool);
    return NULL;
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static void read_spki(loop_t *loop, const char *path)
{
    FILE *file = fopen(path, "rb");
    size_t len = file ? fread(loop->spki, 1, sizeof(loop->spki), file) : 0;

    if (!len || len == sizeof(loop->spki)) {
        fail("the key cannot be read");
    }
    fclose(file);
    loop->request.spki = ra_bytes_of(loop->spki, len);
}

static void read_options(loop_t *loop, int argc, char **argv)
{
    static const struct option options[] = {
        {"url", 1, NULL, 'u'},  {"tls-ca", 1, NULL, 't'}, {"signer-cert", 1, NULL, 'c'}, {"signer-key", 1, NULL, 'k'}, {"trust", 1, NULL, 'r'},
        {"spki", 1, NULL, 's'}, {"count", 1, NULL, 'n'},  {"connections", 1, NULL, 'p'}, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        switch (option) {
        case 'u':
            loop->settings.url = optarg;
            break;
        case 't':
            loop->settings.tls_ca_file = optarg;
            break;
        case 'c':
            loop->settings.signer_cert_file = optarg;
            break;
        case 'k':
            loop->settings.signer_key_file = optarg;
            break;
        case 'r':
            loop->settings.trust_file = optarg;
            break;
        case 's':
            read_spki(loop, optarg);
            break;
        case 'n':
            loop->count = atoi(optarg);
            break;
        case 'p':
            loop->connections = atoi(optarg);
            break;
        default:
            exit(2);
        }
    }
    if (!loop->settings.url || !loop->request.spki.len || loop->count < 1 || loop->connections < 1 || loop->connections > CONNECTIONS_MAX) {
        fail("see the first lines of cmp_loop.c for the options");
    }
}

static void measure(loop_t *loop)
{
    pthread_t threads[CONNECTIONS_MAX];
    double cpu_before, begin, took;

    pthread_barrier_init(&loop->open, NULL, (unsigned)loop->connections + 1);
    pthread_barrier_init(&loop->begin, NULL, (unsigned)loop->connections + 1);
    atomic_store(&loop->left, loop->count);
    for (int i = 0; i < loop->connections; i++) {
        if (pthread_create(&threads[i], NULL, work, loop)) {
            fail("no thread");
        }
    }
    pthread_barrier_wait(&loop->open);
    puts("ready");
    fflush(stdout);
    getchar();
    cpu_before = cpu();
    begin = now();
    pthread_barrier_wait(&loop->begin);
    for (int i = 0; i < loop->connections; i++) {
        pthread_join(threads[i], NULL);
    }
    took = now() - begin;
    printf("{\"requests\": %d, \"errors\": %d, \"seconds\": %.6f, \"cpu\": %.6f}\n", atomic_load(&loop->done), atomic_load(&loop->errors), took,
           cpu() - cpu_before);
}

int main(int argc, char **argv)
{
    static loop_t loop = {.settings.connect_timeout = 2000000,
                          .request = {.subject = subject,
                                      .subject_count = sizeof(subject) / sizeof(subject[0]),
                                      .validity_days = 365,
                                      .key_usage = "digitalSignature,nonRepudiation",
                                      .ext_key_usage = "clientAuth,emailProtection"}};
    apr_pool_t *pool;
    ra_result_t *result;

    read_options(&loop, argc, argv);
    apr_initialize();
    apr_pool_create(&pool, NULL);
    result = ra_result_make(pool);
    if (ra_http_global_init(pool) != APR_SUCCESS || ra_cmp_make(&loop.ca, &loop.settings, result, pool) != APR_SUCCESS) {
        fail(result->log_detail ? result->log_detail : "curl cannot be initialised");
    }
    measure(&loop);
    return atomic_load(&loop.errors) ? 1 : 0;
}
