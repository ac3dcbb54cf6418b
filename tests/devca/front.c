/* From HTTP to the service and back; the faults that concern the bytes on the wire are made here. Thread rule:
 * free-threaded. */
#include "front.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OVERSIZE_BYTES (300 * 1024)
#define GARBAGE_BYTES 600
#define SLOW_MS 200

static const char html[] = "<!DOCTYPE html><title>Gateway</title><p>Please log in.</p>";

static void set_body(http_answer_t *answer, const void *bytes, size_t len, const char *type)
{
    free(answer->body);
    answer->body = malloc(len + 1);
    if (answer->body == NULL) {
        abort();
    }
    memcpy(answer->body, bytes, len);
    answer->len = len;
    answer->type = type;
}

static void set_text(http_answer_t *answer, int status, const char *text)
{
    answer->status = status;
    set_body(answer, text, strlen(text), "text/plain; charset=utf-8");
}

static void set_random(http_answer_t *answer, size_t len)
{
    unsigned char *bytes = malloc(len);

    if (bytes == NULL || RAND_bytes(bytes, (int)len) != 1) {
        abort();
    }
    set_body(answer, bytes, len, "application/pkixcmp");
    free(bytes);
}

static void pause_ms(int ms)
{
    struct timespec pause = {ms / 1000, (ms % 1000) * 1000000L};

    nanosleep(&pause, NULL);
}

static void mistreat(http_answer_t *answer, const knob_t *knob)
{
    switch (knob->mode) {
    case MODE_LATE:
        pause_ms(knob->ms);
        break;
    case MODE_SILENT:
    case MODE_NO_CONFIRM:
        answer->silent = 1;
        break;
    case MODE_GARBAGE:
        answer->status = 200;
        set_random(answer, GARBAGE_BYTES);
        break;
    case MODE_HTML:
        answer->status = 200;
        set_body(answer, html, sizeof(html) - 1, "text/html");
        break;
    case MODE_HTTP500:
        set_text(answer, 500, "internal error\n");
        break;
    case MODE_TRUNCATE:
        answer->len = knob->at >= 0 && (size_t)knob->at < answer->len ? (size_t)knob->at : answer->len / 2;
        break;
    case MODE_OVERSIZE:
        set_random(answer, OVERSIZE_BYTES);
        break;
    case MODE_SLOW_BYTE:
        answer->slow_ms = SLOW_MS;
        break;
    default:
        break;
    }
}

static void serve_cmp(service_t *service, const http_request_t *request, http_answer_t *answer)
{
    cmp_answer_t cmp;

    service_handle(service, request->body, request->len, &cmp);
    if (cmp.len > 0) {
        set_body(answer, cmp.der, (size_t)cmp.len, "application/pkixcmp");
    } else {
        set_text(answer, 500, "no answer can be made\n");
    }
    OPENSSL_free(cmp.der);
    mistreat(answer, &cmp.knob);
}

static void serve_ca_cert(service_t *service, http_answer_t *answer)
{
    unsigned char *der = NULL;
    int len = i2d_X509(service->authority->cert, &der);

    if (len > 0) {
        set_body(answer, der, (size_t)len, "application/pkix-cert");
    } else {
        set_text(answer, 500, "no certificate\n");
    }
    OPENSSL_free(der);
}

static void serve_crl(service_t *service, http_answer_t *answer)
{
    unsigned char *der = NULL;
    int len = service_crl(service, &der);

    if (len > 0) {
        set_body(answer, der, (size_t)len, "application/pkix-crl");
    } else {
        set_text(answer, 500, "no CRL\n");
    }
    OPENSSL_free(der);
}

/* What both ports have; 0 when the path is none of it. */
static int serve_common(service_t *service, const http_request_t *request, http_answer_t *answer)
{
    if (strcmp(request->method, "GET") != 0) {
        return 0;
    }
    if (strcmp(request->path, "/ca.crt") == 0) {
        serve_ca_cert(service, answer);
    } else if (strcmp(request->path, "/crl") == 0) {
        serve_crl(service, answer);
    } else if (strcmp(request->path, "/healthz") == 0) {
        set_text(answer, 200, "ok\n");
    } else {
        return 0;
    }
    return 1;
}

void front_ca(void *baton, const http_request_t *request, http_answer_t *answer)
{
    service_t *service = baton;

    if (serve_common(service, request, answer)) {
        return;
    }
    if (strcmp(request->method, "POST") == 0) {
        serve_cmp(service, request, answer);
    } else {
        set_text(answer, 404, "not found\n");
    }
}

static void serve_revocation(service_t *service, const http_request_t *request, http_answer_t *answer)
{
    const char *body = (const char *)request->body;
    char *serial = body != NULL && json_is_flat(body) ? json_get_text(body, "serial") : NULL;

    if (serial == NULL) {
        set_text(answer, 400, "one flat JSON object with a serial is needed\n");
    } else {
        set_text(answer, 200, service_revoke(service, serial, (int)json_get_int(body, "reason", 0)));
    }
    free(serial);
}

static void serve_knobs(const http_request_t *request, http_answer_t *answer)
{
    const char *error = NULL;
    char *shown;

    if (strcmp(request->method, "POST") == 0 && !knobs_set((const char *)request->body, &error)) {
        set_text(answer, 400, error);
        return;
    }
    shown = knobs_show();
    set_body(answer, shown, strlen(shown), "application/json");
    free(shown);
}

void front_control(void *baton, const http_request_t *request, http_answer_t *answer)
{
    service_t *service = baton;
    int is_post = strcmp(request->method, "POST") == 0;

    if (serve_common(service, request, answer)) {
        return;
    }
    if (strcmp(request->path, "/knobs") == 0) {
        serve_knobs(request, answer);
    } else if (is_post && strcmp(request->path, "/revocations") == 0) {
        serve_revocation(service, request, answer);
    } else if (is_post && strcmp(request->path, "/crl") == 0) {
        service_renew_crl(service);
        set_text(answer, 200, "the next CRL is a new one\n");
    } else {
        set_text(answer, 404, "not found\n");
    }
}
