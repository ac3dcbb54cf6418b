/*
 * The development CA: a small real CA for tests and the quickstart. Never installed, never for anything but
 * development.
 *
 *   devca --dir STATE --init [--ca-key-type p256|sm2]
 *   devca --dir STATE --issue-ra NAME [--key-type p256|rsa] --out-cert F --out-key F
 *   devca --dir STATE --issue --subject "/CN=.." --eku clientAuth|serverAuth [--san IP:127.0.0.1,DNS:localhost] --days
 * N --out-cert F --out-key F devca --dir STATE --listen 127.0.0.1:PORT [--control 127.0.0.1:PORT] --ra-cert F...
 * [--tls-cert F --tls-key F [--tls-client-ca F]]
 *         [--answer-cert F --answer-key F] [--crl-url URL] [--port-file F]
 */
#include "front.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RA_DAYS 730L

typedef struct options_t {
    const char *dir;
    const char *listen;
    const char *control;
    const char *tls_cert;
    const char *tls_key;
    const char *tls_client_ca;
    const char *answer_cert;
    const char *answer_key;
    const char *port_file;
    const char *crl_url;
    const char *ra_certs[RA_CERTS_MAX];
    int ra_count;
    int init;
    int issue;
    const char *ra_name;
    const char *subject;
    const char *eku;
    const char *san;
    const char *key_type;
    const char *ca_key_type;
    const char *out_cert;
    const char *out_key;
    long days;
} options_t;

static const struct option names[] = {
    {"dir", required_argument, NULL, 'd'},       {"listen", required_argument, NULL, 'l'},
    {"control", required_argument, NULL, 'c'},   {"tls-cert", required_argument, NULL, 't'},
    {"tls-key", required_argument, NULL, 'k'},   {"tls-client-ca", required_argument, NULL, 'a'},
    {"port-file", required_argument, NULL, 'p'}, {"crl-url", required_argument, NULL, 'u'},
    {"ra-cert", required_argument, NULL, 'r'},   {"init", no_argument, NULL, 'i'},
    {"issue", no_argument, NULL, 'I'},           {"issue-ra", required_argument, NULL, 'R'},
    {"subject", required_argument, NULL, 's'},   {"eku", required_argument, NULL, 'e'},
    {"san", required_argument, NULL, 'n'},       {"key-type", required_argument, NULL, 'y'},
    {"out-cert", required_argument, NULL, 'o'},  {"out-key", required_argument, NULL, 'O'},
    {"days", required_argument, NULL, 'D'},      {"answer-cert", required_argument, NULL, 'w'},
    {"answer-key", required_argument, NULL, 'W'}, {"ca-key-type", required_argument, NULL, 'Y'},
    {NULL, 0, NULL, 0},
};

/* Where the text of an option goes, or NULL. */
static const char **place_of(options_t *options, int c)
{
    switch (c) {
    case 'd':
        return &options->dir;
    case 'l':
        return &options->listen;
    case 'c':
        return &options->control;
    case 't':
        return &options->tls_cert;
    case 'k':
        return &options->tls_key;
    case 'a':
        return &options->tls_client_ca;
    case 'p':
        return &options->port_file;
    case 'w':
        return &options->answer_cert;
    case 'W':
        return &options->answer_key;
    case 'u':
        return &options->crl_url;
    case 'R':
        return &options->ra_name;
    case 's':
        return &options->subject;
    case 'e':
        return &options->eku;
    case 'n':
        return &options->san;
    case 'y':
        return &options->key_type;
    case 'Y':
        return &options->ca_key_type;
    case 'o':
        return &options->out_cert;
    case 'O':
        return &options->out_key;
    default:
        return NULL;
    }
}

static int read_options(options_t *options, int argc, char **argv)
{
    int c;

    memset(options, 0, sizeof(*options));
    options->days = 365;
    options->key_type = options->ca_key_type = "p256";
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        const char **place = place_of(options, c);
        if (place != NULL) {
            *place = optarg;
        } else if (c == 'i') {
            options->init = 1;
        } else if (c == 'I') {
            options->issue = 1;
        } else if (c == 'D') {
            options->days = atol(optarg);
        } else if (c == 'r' && options->ra_count < RA_CERTS_MAX) {
            options->ra_certs[options->ra_count++] = optarg;
        } else {
            return 0;
        }
    }
    return optind == argc && options->dir != NULL &&
           (options->init || options->issue || options->ra_name || options->listen);
}

/* Issues one certificate with a new key and writes both. */
static int issue_files(service_t *service, const options_t *options, const X509_NAME *subject,
                       X509_EXTENSIONS *extensions, long days)
{
    EVP_PKEY *key = key_make(options->key_type);
    issue_t what = {subject, key, NULL, NULL, days, extensions};
    X509 *cert = key != NULL ? service_issue(service, &what, "") : NULL;
    int ok = cert != NULL && ledger_sync(service->ledger) && file_write_key(options->out_key, key) &&
             file_write_cert(options->out_cert, cert);

    if (!ok) {
        fprintf(stderr, "devca: the certificate could not be issued: %s\n", strerror(errno));
        ERR_print_errors_fp(stderr);
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok;
}

static X509_NAME *ra_subject(const char *text)
{
    X509_NAME *name;

    if (*text == '/') {
        return name_parse(text);
    }
    name = X509_NAME_new();
    if (name != NULL &&
        !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0)) {
        X509_NAME_free(name);
        name = NULL;
    }
    return name;
}

/* The RA's credential signs CMP messages and may open TLS connections to the CA. */
static int issue_ra(service_t *service, const options_t *options)
{
    X509_NAME *subject = ra_subject(options->ra_name);
    X509_EXTENSIONS *extensions = NULL;
    int ok = subject != NULL && extensions_add(&extensions, NID_key_usage, "critical,digitalSignature") &&
             extensions_add(&extensions, NID_ext_key_usage, "cmcRA,clientAuth") &&
             issue_files(service, options, subject, extensions, RA_DAYS);

    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_NAME_free(subject);
    return ok;
}

static int issue_leaf(service_t *service, const options_t *options)
{
    X509_NAME *subject = options->subject != NULL ? name_parse(options->subject) : NULL;
    X509_EXTENSIONS *extensions = NULL;
    int ok = subject != NULL && extensions_add(&extensions, NID_key_usage, "critical,digitalSignature") &&
             (options->eku == NULL || extensions_add(&extensions, NID_ext_key_usage, options->eku)) &&
             (options->san == NULL || extensions_add(&extensions, NID_subject_alt_name, options->san));

    if (!ok) {
        fprintf(stderr, "devca: --subject, --eku or --san is not understood\n");
    }
    ok = ok && issue_files(service, options, subject, extensions, options->days);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_NAME_free(subject);
    return ok;
}

static int load_ra_certs(service_t *service, const options_t *options)
{
    int i;

    for (i = 0; i < options->ra_count; i++) {
        X509 *cert = file_read_cert(options->ra_certs[i]);
        if (cert == NULL) {
            fprintf(stderr, "devca: %s is no certificate\n", options->ra_certs[i]);
            return 0;
        }
        service->ra_certs[service->ra_count++] = cert;
    }
    return 1;
}

/* Answers are signed by a responder of the CA instead of the CA itself. */
static int load_responder(service_t *service, const options_t *options)
{
    if (options->answer_cert == NULL) {
        if (EVP_PKEY_is_a(service->answer_key, "SM2")) {
            fprintf(stderr, "devca: a CA with an SM2 key needs --answer-cert: OpenSSL 3.0 protects no CMP with SM2\n");
            return 0;
        }
        return 1;
    }
    X509_free(service->answer_cert);
    EVP_PKEY_free(service->answer_key);
    service->answer_cert = file_read_cert(options->answer_cert);
    service->answer_key = options->answer_key != NULL ? file_read_key(options->answer_key) : NULL;
    if (service->answer_cert == NULL || service->answer_key == NULL) {
        fprintf(stderr, "devca: --answer-cert and --answer-key are needed together\n");
        return 0;
    }
    return 1;
}

/* First the port of the CA, then the control port; by rename, so that a reader never sees half of it. */
static int write_ports(const char *path, const listener_t *listeners, int count)
{
    char fresh[4096];
    FILE *file;
    int i;

    snprintf(fresh, sizeof(fresh), "%s.new", path);
    if ((file = fopen(fresh, "we")) == NULL) {
        fprintf(stderr, "devca: %s: %s\n", fresh, strerror(errno));
        return 0;
    }
    for (i = 0; i < count; i++) {
        fprintf(file, "%d\n", listeners[i].port);
    }
    return fclose(file) == 0 && rename(fresh, path) == 0;
}

static int stop_pipe[2];

static void on_signal(int number)
{
    char byte = (char)number;

    if (write(stop_pipe[1], &byte, 1) != 1) {
        _exit(1);
    }
}

static void set_crl_url(service_t *service, const options_t *options, const listener_t *listeners, int count)
{
    char url[128];
    const listener_t *plain = &listeners[count - 1];

    snprintf(url, sizeof(url), "%s://127.0.0.1:%d/crl", plain->tls != NULL ? "https" : "http", plain->port);
    service->authority->crl_url = strdup(options->crl_url != NULL ? options->crl_url : url);
}

static int serve(service_t *service, const options_t *options)
{
    listener_t listeners[2];
    int count = 1;

    memset(listeners, 0, sizeof(listeners));
    listeners[0].faulty = 1;
    listeners[0].handle = front_ca;
    listeners[0].baton = service;
    listeners[1].handle = front_control;
    listeners[1].baton = service;
    if (options->tls_cert != NULL &&
        (options->tls_key == NULL ||
         (listeners[0].tls = server_tls(options->tls_cert, options->tls_key, options->tls_client_ca)) == NULL)) {
        return 0;
    }
    if (!load_ra_certs(service, options) || !load_responder(service, options) || !server_bind(&listeners[0], options->listen) ||
        (options->control != NULL && !server_bind(&listeners[count++], options->control)) ||
        pipe2(stop_pipe, O_CLOEXEC) != 0) {
        return 0;
    }
    set_crl_url(service, options, listeners, count);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    if (options->port_file != NULL && !write_ports(options->port_file, listeners, count)) {
        return 0;
    }
    server_run(listeners, count, stop_pipe[0]);
    pthread_mutex_lock(&service->lock); /* no message is cut in the middle; the ledger is the only thing to keep */
    ledger_sync(service->ledger);
    fflush(NULL);
    _exit(0);
}

static int usage(void)
{
    fprintf(stderr, "usage: devca --dir STATE --init [--ca-key-type p256|sm2]\n"
                    "       devca --dir STATE --issue-ra NAME [--key-type p256|rsa] --out-cert F --out-key F\n"
                    "       devca --dir STATE --issue --subject /CN=.. [--eku clientAuth] [--san DNS:..,IP:..] [--days "
                    "N] --out-cert F --out-key F\n"
                    "       devca --dir STATE --listen 127.0.0.1:PORT [--control 127.0.0.1:PORT] --ra-cert F...\n"
                    "             [--tls-cert F --tls-key F [--tls-client-ca F]] [--answer-cert F --answer-key F]\n"
                    "             [--crl-url URL] [--port-file F]\n");
    return 2;
}

int main(int argc, char **argv)
{
    options_t options;
    service_t *service;
    int ok = 1;

    if (!read_options(&options, argc, argv) ||
        ((options.issue || options.ra_name != NULL) && (options.out_cert == NULL || options.out_key == NULL))) {
        return usage();
    }
    if ((service = service_open(options.dir, options.ca_key_type)) == NULL) {
        return 1;
    }
    if (options.listen != NULL) {
        ok = serve(service, &options);
    } else {
        service->authority->crl_url = options.crl_url != NULL ? strdup(options.crl_url) : NULL;
        if (options.ra_name != NULL) {
            ok = issue_ra(service, &options);
        } else if (options.issue) {
            ok = issue_leaf(service, &options);
        }
    }
    service_close(service);
    return ok ? 0 : 1;
}
