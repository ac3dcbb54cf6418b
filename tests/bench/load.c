/*
 * Load on an HTTPS server: every connection is kept alive and has one request under way, as long as the time or the
 * list of requests lasts. Part of the benchmarks. Thread rule: one thread.
 *
 *   load --port N --ca FILE [--cert FILE --key FILE] --requests FILE --connections N
 *        (--seconds S [--first N] | --once [--answers FILE])
 *
 * The file holds requests as "<bytes>\n<request>" one after the other. Prints "ready" when all connections are open,
 * begins at a line on standard input, and prints one line of JSON: requests, errors, body bytes, seconds, CPU seconds
 * of this process while it measured, connections that the server closed before an answer began (it may at any time, RFC 9112
 * section 9.3, and does when its workers are busy: opened again, the request sent again), and where in the list the next round may go on. --answers keeps the bodies, each as
 * "<number of its request> <bytes>\n<body>".
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "clock.h"

#define ANSWER_MAX (256 * 1024)
#define CONNECTIONS_MAX 256
#define WAIT_MS 30000

typedef struct request_t {
    const char *bytes;
    int len;
} request_t;

typedef struct connection_t {
    SSL *ssl;
    size_t have;  /* bytes of the answer so far */
    size_t whole; /* of it, once its head is there */
    int status;
    int busy;
    long body;
    long number; /* of the request */
    char buffer[ANSWER_MAX + 1];
} connection_t;

typedef struct load_t {
    int port;
    const char *ca, *cert, *key, *file, *answers_file;
    FILE *answers;
    int connections;
    double seconds;
    int once;
    SSL_CTX *context;
    request_t *requests;
    long count, next;
    long done, errors, body_bytes;
    double end;
    int busy; /* connections with a request under way */
    int epoll;
    long reopened;
    connection_t *all[CONNECTIONS_MAX];
} load_t;

static void fail(const char *what)
{
    fprintf(stderr, "load: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(2);
}

/* --- the list ---------------------------------------------------------------------------------------------------- */

static char *read_file(const char *path, size_t *psize)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) {
        fail("the list of requests cannot be read");
    }
    *psize = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*psize + 1);
    if (!text || fread(text, 1, *psize, file) != *psize) {
        fail("the list of requests cannot be read");
    }
    text[*psize] = '\0';
    fclose(file);
    return text;
}

static void read_requests(load_t *load)
{
    size_t size;
    char *at = read_file(load->file, &size), *end = at + size;
    long room = 0;

    while (at < end) {
        char *bytes;
        long len = strtol(at, &bytes, 10);
        if (len <= 0 || *bytes != '\n' || len > end - bytes - 1) {
            fail("the list of requests is not <bytes>, line end, request");
        }
        if (load->count == room) {
            room = room ? room * 2 : 1024;
            load->requests = realloc(load->requests, sizeof(request_t) * (size_t)room);
        }
        load->requests[load->count++] = (request_t){bytes + 1, (int)len};
        at = bytes + 1 + len;
    }
    if (!load->count) {
        fail("the list of requests is empty");
    }
}

/* --- one connection ---------------------------------------------------------------------------------------------- */

static SSL *connect_tls(const load_t *load)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)load->port)};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
    SSL *ssl = SSL_new(load->context);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
        fail("no connection");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    if (!ssl || !SSL_set_fd(ssl, fd) || SSL_connect(ssl) != 1) {
        fail("no TLS handshake");
    }
    return ssl;
}

/* Where the value of a header begins; NULL when there is none. The head ends with a NUL. */
static const char *header_of(const char *head, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            return line + 3 + len;
        }
    }
    return NULL;
}

/* Status and length of an answer whose head has arrived; it must have a Content-Length. */
static void read_head(connection_t *connection)
{
    char *body = strstr(connection->buffer, "\r\n\r\n");
    const char *length;

    if (!body) {
        return;
    }
    *body = '\0';
    length = header_of(connection->buffer, "content-length");
    connection->status = connection->have > 12 ? atoi(connection->buffer + 9) : 0;
    connection->body = length ? atol(length) : -1;
    connection->whole = (size_t)(body + 4 - connection->buffer) + (size_t)connection->body;
    if (connection->body < 0 || connection->whole > ANSWER_MAX) {
        fail("an answer without Content-Length, or too long");
    }
}

/* The next request of the list goes out; nothing when the time or the list is over. */
static void send_next(load_t *load, connection_t *connection)
{
    const request_t *request = &load->requests[load->next % load->count];

    connection->have = connection->whole = 0;
    connection->busy = load->once ? load->next < load->count : now() < load->end;
    if (!connection->busy) {
        load->busy--;
        return;
    }
    connection->number = load->next++;
    if (SSL_write(connection->ssl, request->bytes, request->len) != request->len) {
        fail("a request could not be sent at once");
    }
}

static void finish(load_t *load, connection_t *connection)
{
    load->done++;
    load->body_bytes += connection->body;
    if (load->answers) {
        fprintf(load->answers, "%ld %ld\n", connection->number, connection->body);
        fwrite(connection->buffer + connection->whole - connection->body, 1, (size_t)connection->body, load->answers);
    }
    if (connection->status < 200 || connection->status > 299) {
        if (load->errors++ < 3) {
            fprintf(stderr, "load: %.1000s\n%.1000s\n", connection->buffer,
                    connection->buffer + strlen(connection->buffer) + 4);
        }
    }
    send_next(load, connection);
}

static void watch(load_t *load, connection_t *connection)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

    connection->ssl = connect_tls(load);
    fcntl(SSL_get_fd(connection->ssl), F_SETFL, O_NONBLOCK);
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, SSL_get_fd(connection->ssl), &event);
}

/* Closed before the first byte of an answer: the same request over a new connection. */
static void reopen(load_t *load, connection_t *connection)
{
    const request_t *request = &load->requests[connection->number % load->count];
    int fd = SSL_get_fd(connection->ssl);

    SSL_free(connection->ssl);
    close(fd);
    load->reopened++;
    watch(load, connection);
    if (connection->busy && SSL_write(connection->ssl, request->bytes, request->len) != request->len) {
        fail("a request could not be sent at once");
    }
}

static void receive(load_t *load, connection_t *connection)
{
    int got = SSL_read(connection->ssl, connection->buffer + connection->have, (int)(ANSWER_MAX - connection->have));

    if (got <= 0) {
        if (SSL_get_error(connection->ssl, got) == SSL_ERROR_WANT_READ) {
            return;
        }
        if (connection->have > 0) {
            fail("the server has closed a connection in the middle of an answer");
        }
        reopen(load, connection);
        return;
    }
    connection->have += (size_t)got;
    connection->buffer[connection->have] = '\0';
    if (!connection->whole) {
        read_head(connection);
    }
    if (connection->whole && connection->have >= connection->whole) {
        finish(load, connection);
    } else if (SSL_pending(connection->ssl) > 0 || SSL_has_pending(connection->ssl)) {
        receive(load, connection); /* what is in OpenSSL's buffer shows on no socket */
    }
}

static void open_connections(load_t *load)
{
    for (int i = 0; i < load->connections; i++) {
        load->all[i] = calloc(1, sizeof(*load->all[i]));
        watch(load, load->all[i]);
    }
}

/* --- all of them ------------------------------------------------------------------------------------------------- */

static SSL_CTX *make_context(const load_t *load)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context || SSL_CTX_load_verify_locations(context, load->ca, NULL) != 1) {
        fail("the CA file cannot be used");
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_read_ahead(context, 1);
    if (load->cert && (SSL_CTX_use_certificate_chain_file(context, load->cert) != 1 ||
                       SSL_CTX_use_PrivateKey_file(context, load->key, SSL_FILETYPE_PEM) != 1)) {
        fail("the client certificate cannot be used");
    }
    return context;
}

static void measure(load_t *load)
{
    struct epoll_event events[64];

    load->epoll = epoll_create1(0);
    open_connections(load);
    puts("ready"); /* a line on the standard input starts it, so that the caller can look at clocks in between */
    fflush(stdout);
    getchar();
    double cpu_before = cpu(), begin = now();
    load->end = begin + load->seconds;
    load->busy = load->connections;
    for (int i = 0; i < load->connections; i++) {
        send_next(load, load->all[i]);
    }
    while (load->busy > 0) {
        int count = epoll_wait(load->epoll, events, 64, WAIT_MS);
        if (count <= 0) {
            fail("no answer for a long time");
        }
        for (int i = 0; i < count; i++) {
            receive(load, events[i].data.ptr);
        }
    }
    double took = now() - begin;
    printf("{\"requests\": %ld, \"errors\": %ld, \"bytes\": %ld, \"seconds\": %.6f, \"cpu\": %.6f, \"next\": %ld, \"reopened\": %ld}\n",
           load->done, load->errors, load->body_bytes, took, cpu() - cpu_before, load->next % load->count, load->reopened);
}

static void read_options(load_t *load, int argc, char **argv)
{
    static const struct option options[] = {
        {"port", 1, NULL, 'p'},     {"ca", 1, NULL, 'a'},    {"cert", 1, NULL, 'c'},        {"key", 1, NULL, 'k'},
        {"requests", 1, NULL, 'r'}, {"first", 1, NULL, 'f'}, {"connections", 1, NULL, 'n'}, {"seconds", 1, NULL, 's'},
        {"once", 0, NULL, 'o'},     {"answers", 1, NULL, 'w'}, {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
        switch (option) {
        case 'p':
            load->port = atoi(optarg);
            break;
        case 'a':
            load->ca = optarg;
            break;
        case 'c':
            load->cert = optarg;
            break;
        case 'k':
            load->key = optarg;
            break;
        case 'r':
            load->file = optarg;
            break;
        case 'f':
            load->next = atol(optarg);
            break;
        case 'n':
            load->connections = atoi(optarg);
            break;
        case 's':
            load->seconds = atof(optarg);
            break;
        case 'w':
            load->answers_file = optarg;
            break;
        case 'o':
            load->once = 1;
            break;
        default:
            exit(2);
        }
    }
    if (!load->port || !load->ca || !load->file || !load->cert != !load->key || (!load->once && load->seconds <= 0) ||
        load->connections < 1 || load->connections > CONNECTIONS_MAX) {
        fail("see the first lines of load.c for the options");
    }
}

int main(int argc, char **argv)
{
    static load_t load = {.connections = 16};
    signal(SIGPIPE, SIG_IGN);
    read_options(&load, argc, argv);
    read_requests(&load);
    load.context = make_context(&load);
    if (load.answers_file && !(load.answers = fopen(load.answers_file, "wb"))) {
        fail("the answers cannot be kept");
    }
    measure(&load);
    if (load.answers && fclose(load.answers)) {
        fail("the answers cannot be kept");
    }
    return load.errors ? 1 : 0;
}
