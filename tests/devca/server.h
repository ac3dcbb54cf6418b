/* A small HTTP/1.1 server: keep-alive, plain or TLS, a thread for each connection; it can also misbehave as the knobs
 * say. */
#ifndef DEVCA_SERVER_H
#define DEVCA_SERVER_H

#include <openssl/ssl.h>
#include <stddef.h>

#define BODY_MAX (1024 * 1024)

typedef struct http_request_t {
    char method[16];
    char path[512];
    unsigned char *body;
    size_t len;
    int keep_alive;
} http_request_t;

typedef struct http_answer_t {
    int status;
    const char *type;
    unsigned char *body; /* malloc'ed by the handler, freed by the server */
    size_t len;
    int silent;  /* close without an answer */
    int slow_ms; /* pause before each byte of the body */
} http_answer_t;

typedef void (*http_handler_t)(void *baton, const http_request_t *request, http_answer_t *answer);

typedef struct listener_t {
    int fd;
    int port;
    SSL_CTX *tls; /* NULL: plain */
    int faulty;   /* drop and refuse apply here */
    http_handler_t handle;
    void *baton;
} listener_t;

/** Binds "127.0.0.1:PORT" (0: any free one) and fills fd and port. 0 on failure (said on stderr). */
int server_bind(listener_t *listener, const char *address);
/** TLS with this certificate; with @a client_ca only clients it issued get in. NULL on failure (said on stderr). */
SSL_CTX *server_tls(const char *cert_file, const char *key_file, const char *client_ca);
/** Serves until @a stop_fd becomes readable. */
void server_run(const listener_t *listeners, int count, int stop_fd);

#endif
