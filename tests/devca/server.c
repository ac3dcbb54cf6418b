/* A small HTTP/1.1 server. Thread rule: a connection belongs to its thread; listeners are immutable once server_run()
 * is on. */
#include "server.h"

#include "knobs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IDLE_MS 60000
#define HEAD_MAX 16384

typedef struct connection_t {
    const listener_t *listener;
    int fd;
    SSL *ssl;
    char head[HEAD_MAX + 1]; /* bytes read and not yet used */
    size_t have;
} connection_t;

int server_bind(listener_t *listener, const char *address)
{
    struct sockaddr_in name;
    socklen_t len = sizeof(name);
    const char *colon = strrchr(address, ':');
    char host[64];
    int on = 1;

    memset(&name, 0, sizeof(name));
    name.sin_family = AF_INET;
    snprintf(host, sizeof(host), "%.*s", colon != NULL ? (int)(colon - address) : 0, address);
    if (colon == NULL || inet_pton(AF_INET, host, &name.sin_addr) != 1) {
        fprintf(stderr, "devca: %s is not address:port\n", address);
        return 0;
    }
    name.sin_port = htons((unsigned short)atoi(colon + 1));
    listener->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (listener->fd < 0 || bind(listener->fd, (struct sockaddr *)&name, len) != 0 || listen(listener->fd, 256) != 0 ||
        getsockname(listener->fd, (struct sockaddr *)&name, &len) != 0) {
        fprintf(stderr, "devca: %s: %s\n", address, strerror(errno));
        return 0;
    }
    listener->port = ntohs(name.sin_port);
    return 1;
}

SSL_CTX *server_tls(const char *cert_file, const char *key_file, const char *client_ca)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    STACK_OF(X509_NAME) *names = client_ca != NULL ? SSL_load_client_CA_file(client_ca) : NULL;

    if (tls == NULL || !SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) ||
        SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1 ||
        (client_ca != NULL && (names == NULL || SSL_CTX_load_verify_file(tls, client_ca) != 1))) {
        fprintf(stderr, "devca: the TLS files are not usable\n");
        ERR_print_errors_fp(stderr);
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        SSL_CTX_free(tls);
        return NULL;
    }
    if (client_ca != NULL) {
        SSL_CTX_set_client_CA_list(tls, names);
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_session_id_context(tls, (const unsigned char *)"devca", 5);
    }
    return tls;
}

static long read_some(connection_t *connection, void *buffer, size_t room)
{
    return connection->ssl != NULL ? SSL_read(connection->ssl, buffer, (int)room)
                                   : recv(connection->fd, buffer, room, 0);
}

static int write_all(connection_t *connection, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        long n = connection->ssl != NULL ? SSL_write(connection->ssl, at, (int)len)
                                         : send(connection->fd, at, len, MSG_NOSIGNAL);
        if (n <= 0) {
            return 0;
        }
        at += n;
        len -= (size_t)n;
    }
    return 1;
}

static int wait_readable(connection_t *connection)
{
    struct pollfd fd = {connection->fd, POLLIN, 0};

    return connection->have > 0 || (connection->ssl != NULL && SSL_pending(connection->ssl) > 0) ||
           poll(&fd, 1, IDLE_MS) == 1;
}

/* Reads until the head is whole; its length with the empty line, 0 when there is none. */
static size_t read_head(connection_t *connection)
{
    for (;;) {
        char *end;
        long n;
        connection->head[connection->have] = '\0';
        end = strstr(connection->head, "\r\n\r\n");
        if (end != NULL) {
            return (size_t)(end - connection->head) + 4;
        }
        if (connection->have == HEAD_MAX ||
            (n = read_some(connection, connection->head + connection->have, HEAD_MAX - connection->have)) <= 0) {
            return 0;
        }
        connection->have += (size_t)n;
    }
}

/* The value of a header field within the head, or NULL. */
static const char *field(const char *head, const char *name)
{
    size_t len = strlen(name);
    const char *line = strstr(head, "\r\n");

    for (; line != NULL && line[2] != '\r'; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            return line + 3 + len + strspn(line + 3 + len, " \t");
        }
    }
    return NULL;
}

static int read_request(connection_t *connection, http_request_t *request)
{
    size_t head_len = read_head(connection);
    const char *length;
    const char *keep;
    size_t got;

    memset(request, 0, sizeof(*request));
    if (head_len == 0 || sscanf(connection->head, "%15s %511s HTTP/1.", request->method, request->path) != 2) {
        return 0;
    }
    connection->head[head_len - 1] = '\0';
    length = field(connection->head, "Content-Length");
    keep = field(connection->head, "Connection");
    request->keep_alive = keep == NULL || strncasecmp(keep, "close", 5) != 0;
    request->len = length != NULL ? strtoul(length, NULL, 10) : 0;
    if (request->len > BODY_MAX || field(connection->head, "Transfer-Encoding") != NULL ||
        (request->body = malloc(request->len + 1)) == NULL) {
        return 0;
    }
    got = connection->have - head_len < request->len ? connection->have - head_len : request->len;
    memcpy(request->body, connection->head + head_len, got);
    connection->have -= head_len + got;
    memmove(connection->head, connection->head + head_len + got, connection->have);
    while (got < request->len) {
        long n = read_some(connection, request->body + got, request->len - got);
        if (n <= 0) {
            return 0;
        }
        got += (size_t)n;
    }
    request->body[got] = '\0';
    return 1;
}

static int write_slowly(connection_t *connection, const http_answer_t *answer)
{
    struct timespec pause = {answer->slow_ms / 1000, (answer->slow_ms % 1000) * 1000000L};
    size_t i;

    for (i = 0; i < answer->len; i++) {
        nanosleep(&pause, NULL);
        if (!write_all(connection, answer->body + i, 1)) {
            return 0;
        }
    }
    return 1;
}

static int write_answer(connection_t *connection, const http_request_t *request, const http_answer_t *answer)
{
    char head[512];
    int len = snprintf(head, sizeof(head),
                       "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n%s\r\n",
                       answer->status, answer->status < 400 ? "OK" : "Error", answer->type, answer->len,
                       request->keep_alive ? "" : "Connection: close\r\n");

    if (answer->slow_ms > 0) {
        return write_all(connection, head, (size_t)len) && write_slowly(connection, answer);
    }
    return write_all(connection, head, (size_t)len) && write_all(connection, answer->body, answer->len);
}

/* One request and its answer; 0 when the connection ends. */
static int serve_one(connection_t *connection)
{
    http_request_t request;
    http_answer_t answer = {200, "text/plain", NULL, 0, 0, 0};
    int go_on = read_request(connection, &request);

    if (go_on) {
        connection->listener->handle(connection->listener->baton, &request, &answer);
        go_on = !answer.silent && write_answer(connection, &request, &answer) && request.keep_alive;
    }
    free(answer.body);
    free(request.body);
    return go_on;
}

static void reset(int fd)
{
    struct linger hard = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

static int begin_tls(connection_t *connection)
{
    if (connection->listener->tls == NULL) {
        return 1;
    }
    connection->ssl = SSL_new(connection->listener->tls);
    return connection->ssl != NULL && SSL_set_fd(connection->ssl, connection->fd) == 1 &&
           SSL_accept(connection->ssl) == 1;
}

/* Does a knob end the connection here? */
static int is_cut(connection_t *connection, int fresh)
{
    mode_e mode = connection->listener->faulty ? knobs_take_connection(fresh) : MODE_NORMAL;

    if (mode == MODE_REFUSE) {
        reset(connection->fd);
    }
    return mode != MODE_NORMAL;
}

static void *run_connection(void *data)
{
    connection_t *connection = data;
    struct timeval limit = {IDLE_MS / 1000, 0};
    int on = 1;

    setsockopt(connection->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(connection->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (!is_cut(connection, 1) && begin_tls(connection)) {
        while (wait_readable(connection) && !is_cut(connection, 0) && serve_one(connection)) {
            continue;
        }
    }
    SSL_free(connection->ssl);
    ERR_clear_error();
    close(connection->fd);
    free(connection);
    return NULL;
}

static void accept_one(const listener_t *listener)
{
    connection_t *connection = calloc(1, sizeof(*connection));
    pthread_t thread;

    if (connection == NULL) {
        return;
    }
    connection->listener = listener;
    connection->fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (connection->fd < 0 || pthread_create(&thread, NULL, run_connection, connection) != 0) {
        if (connection->fd >= 0) {
            close(connection->fd);
        }
        free(connection);
        return;
    }
    pthread_detach(thread);
}

void server_run(const listener_t *listeners, int count, int stop_fd)
{
    struct pollfd fds[8];
    int i;

    for (;;) {
        for (i = 0; i < count; i++) {
            fds[i] = (struct pollfd){listeners[i].fd, POLLIN, 0};
        }
        fds[count] = (struct pollfd){stop_fd, POLLIN, 0};
        if (poll(fds, (nfds_t)count + 1, -1) < 0 && errno != EINTR) {
            return;
        }
        if (fds[count].revents != 0) {
            return;
        }
        for (i = 0; i < count; i++) {
            if (fds[i].revents & POLLIN) {
                accept_one(&listeners[i]);
            }
        }
    }
}
