/*
 * The CA's CMP side: sessions, who may ask, and the memory of transactions. The decisions themselves are in
 * cmp_decide.c. Thread rule: service_handle() is free-threaded; one lock holds for the whole of a message.
 */
#include "cmp_service.h"

#include "cmp_decide.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

static int is_request(const char *body)
{
    return strcmp(body, "cr") == 0 || strcmp(body, "ir") == 0 || strcmp(body, "p10cr") == 0 || strcmp(body, "rr") == 0;
}

static int same_octets(const ASN1_OCTET_STRING *a, const ASN1_OCTET_STRING *b)
{
    return a != NULL && b != NULL && ASN1_OCTET_STRING_cmp(a, b) == 0;
}

/* Is the certificate good now? Pinning in OpenSSL asks neither of these. */
static int is_usable(service_t *service, X509 *cert)
{
    char *serial = serial_text(X509_get0_serialNumber(cert));
    const issued_t *issued = serial != NULL ? state_find_issued(&service->state, serial) : NULL;
    int usable = X509_cmp_current_time(X509_get0_notBefore(cert)) < 0 &&
                 X509_cmp_current_time(X509_get0_notAfter(cert)) > 0 &&
                 (issued == NULL || issued->status == STATUS_GOOD);

    free(serial);
    return usable;
}

/* The registered RA certificate that the header names, or NULL. */
static X509 *find_signer(service_t *service, const header_view_t *header)
{
    int i;

    for (i = 0; i < service->ra_count; i++) {
        X509 *cert = service->ra_certs[i];
        int match;
        if (header->sender_kid != NULL) {
            match = same_octets(header->sender_kid, X509_get0_subject_key_id(cert));
        } else {
            match = header->sender->type == GEN_DIRNAME &&
                    X509_NAME_cmp(header->sender->d.directoryName, X509_get_subject_name(cert)) == 0;
        }
        if (match && is_usable(service, cert)) {
            return cert;
        }
    }
    return NULL;
}

void session_free(session_t *session)
{
    if (session != NULL) {
        OSSL_CMP_SRV_CTX_free(session->srv);
        free(session);
    }
}

/* Nobody prints for us: errors stay in OpenSSL's queue and go out in the answer. */
static int on_log(const char *func, const char *file, int line, OSSL_CMP_severity level, const char *message)
{
    (void)func;
    (void)file;
    (void)line;
    if (level <= OSSL_CMP_LOG_ERR && getenv("DEVCA_VERBOSE") != NULL) {
        fprintf(stderr, "devca: cmp: %s\n", message);
    }
    return 1;
}

static session_t *session_make(service_t *service)
{
    session_t *session = calloc(1, sizeof(*session));
    OSSL_CMP_CTX *ctx;

    if (session == NULL || (session->srv = OSSL_CMP_SRV_CTX_new(NULL, NULL)) == NULL) {
        free(session);
        return NULL;
    }
    session->service = service;
    ctx = OSSL_CMP_SRV_CTX_get0_cmp_ctx(session->srv);
    if (!OSSL_CMP_SRV_CTX_init(session->srv, session, decide_certificate, decide_revocation, NULL, decide_nothing,
                               decide_confirmation, decide_poll) ||
        !OSSL_CMP_CTX_set1_cert(ctx, service->authority->cert) ||
        !OSSL_CMP_CTX_set1_pkey(ctx, service->authority->key) ||
        !OSSL_CMP_SRV_CTX_set_accept_raverified(session->srv, 1) || !OSSL_CMP_CTX_set_log_cb(ctx, on_log)) {
        session_free(session);
        return NULL;
    }
    return session;
}

/* Lets OpenSSL work on one message of the session; the answer or NULL. */
static OSSL_CMP_MSG *process(session_t *session, const unsigned char *der, size_t len)
{
    const unsigned char *at = der;
    OSSL_CMP_MSG *request = d2i_OSSL_CMP_MSG(NULL, &at, (long)len);
    OSSL_CMP_MSG *reply = NULL;

    if (request != NULL && at == der + len) {
        if (session->signer != NULL) {
            OSSL_CMP_CTX_set1_srvCert(OSSL_CMP_SRV_CTX_get0_cmp_ctx(session->srv), session->signer);
        }
        reply = OSSL_CMP_SRV_process_request(session->srv, request);
    }
    OSSL_CMP_MSG_free(request);
    return reply;
}

/*
 * After a restart OpenSSL's state of the transaction is gone: let a fresh session answer the stored request again (the
 * decision is remembered, the answer dropped) and set the nonce of our last reply.
 */
static session_t *session_rebuild(service_t *service, transaction_t *transaction, X509 *signer)
{
    session_t *session = session_make(service);
    ASN1_OCTET_STRING *nonce = ASN1_OCTET_STRING_new();
    OSSL_CMP_MSG *dropped = NULL;

    if (session != NULL && nonce != NULL) {
        session->transaction = transaction;
        session->signer = signer;
        session->rebuilding = 1;
        dropped = process(session, transaction->request, (size_t)transaction->request_len);
        session->rebuilding = 0;
        ASN1_OCTET_STRING_set(nonce, transaction->nonce, transaction->nonce_len);
        OSSL_CMP_CTX_set1_senderNonce(OSSL_CMP_SRV_CTX_get0_cmp_ctx(session->srv), nonce);
    }
    OSSL_CMP_MSG_free(dropped);
    ASN1_OCTET_STRING_free(nonce);
    return session;
}

/* The session that answers this message; *pown says that the caller frees it (no transaction keeps it). */
static session_t *choose_session(service_t *service, incoming_t *in, int *pown)
{
    transaction_t *transaction = in->transaction;
    session_t *session;

    *pown = 0;
    if (!is_request(in->body)) {
        if (transaction == NULL) {
            *pown = 1;
            return session_make(service);
        }
        if (transaction->session == NULL) {
            transaction->session = session_rebuild(service, transaction, in->signer);
        }
        return transaction->session;
    }
    session = session_make(service);
    if (session != NULL && transaction != NULL && strcmp(transaction->sha256, in->sha256) != 0) {
        session->conflict = 1;
    }
    *pown = 1;
    return session;
}

/* Keeps the session with its transaction; it takes the place of an older one. */
static void keep_session(transaction_t *transaction, session_t *session)
{
    if (transaction->session != session) {
        session_free(transaction->session);
        transaction->session = session;
    }
}

/* An answer that the other side will answer again: its nonce must survive a restart. */
static void note_reply(service_t *service, const transaction_t *transaction, const unsigned char *der, int len)
{
    message_view_t *reply = view_message(der, (size_t)len);
    const ASN1_OCTET_STRING *nonce = reply != NULL ? reply->header->sender_nonce : NULL;
    const char *body = reply != NULL ? view_body_name(reply) : "";

    if (nonce != NULL && (strcmp(body, "ip") == 0 || strcmp(body, "cp") == 0 || strcmp(body, "pollRep") == 0) &&
        ASN1_STRING_length(nonce) <= (int)sizeof(transaction->nonce)) {
        char *base64 = base64_of(ASN1_STRING_get0_data(nonce), ASN1_STRING_length(nonce));
        json_out_t line;
        ledger_line(&line, "reply");
        json_add_text(&line, "body", body);
        json_add_text(&line, "transaction_id", transaction->id);
        json_add_text(&line, "nonce_b64", base64);
        ledger_append(service->ledger, &line);
        free(base64);
    }
    message_view_t_free(reply);
}

static void note_message(service_t *service, const incoming_t *in)
{
    char name[256] = "";
    json_out_t line;

    if (in->signer != NULL) {
        X509_NAME_get_text_by_NID(X509_get_subject_name(in->signer), NID_commonName, name, sizeof(name));
    }
    ledger_line(&line, "message");
    json_add_text(&line, "body", in->body);
    json_add_text(&line, "transaction_id", in->transaction_id);
    json_add_text(&line, "sha256", in->sha256);
    json_add_text(&line, "signer", name);
    ledger_append(service->ledger, &line);
}

/* Answers one message, with the lock held. */
static void handle_locked(service_t *service, incoming_t *in, cmp_answer_t *answer)
{
    int own = 0;
    session_t *session;
    OSSL_CMP_MSG *reply;

    in->signer = find_signer(service, in->message->header);
    in->transaction = state_find_transaction(&service->state, in->transaction_id);
    note_message(service, in);
    if (!answer->knob.process && answer->knob.mode != MODE_NORMAL) {
        return;
    }
    if ((session = choose_session(service, in, &own)) == NULL) {
        return;
    }
    session->in = in;
    session->signer = in->signer;
    session->knob = answer->knob;
    session->transaction = session->conflict ? NULL : in->transaction;
    reply = process(session, in->der, in->len);
    answer->len = reply != NULL ? i2d_OSSL_CMP_MSG(reply, &answer->der) : -1;
    OSSL_CMP_MSG_free(reply);
    session->in = NULL;
    if (session->transaction != NULL) {
        if (answer->len > 0) {
            note_reply(service, session->transaction, answer->der, answer->len);
        }
        keep_session(session->transaction, session);
    } else if (own) {
        session_free(session);
    }
}

/* Answers that are signed well but belong to somebody else's message, or are signed badly. */
static void spoil(const service_t *service, cmp_answer_t *answer)
{
    mode_e mode = answer->knob.mode;
    message_view_t *message;
    unsigned char random[16];
    unsigned char *der = NULL;
    int len;

    if (answer->len <= 0 ||
        (mode != MODE_WRONG_TRANSACTION && mode != MODE_WRONG_NONCE && mode != MODE_BAD_SIGNATURE) ||
        (message = view_message(answer->der, (size_t)answer->len)) == NULL) {
        return;
    }
    RAND_bytes(random, sizeof(random));
    if (mode == MODE_WRONG_TRANSACTION) {
        ASN1_OCTET_STRING_set(message->header->transaction_id, random, sizeof(random));
    } else if (mode == MODE_WRONG_NONCE) {
        ASN1_OCTET_STRING_set(message->header->recip_nonce, random, sizeof(random));
    }
    if (mode == MODE_BAD_SIGNATURE) {
        unsigned char *last = message->protection->data + message->protection->length - 1;
        *last ^= 1;
        len = i2d_message_view_t(message, &der);
    } else {
        len = view_protect(message, service->authority->key, &der);
    }
    OPENSSL_free(answer->der);
    answer->der = der;
    answer->len = len;
    message_view_t_free(message);
}

void service_handle(service_t *service, const unsigned char *der, size_t len, cmp_answer_t *answer)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    const ASN1_OCTET_STRING *id;
    incoming_t in;

    memset(&in, 0, sizeof(in));
    memset(answer, 0, sizeof(*answer));
    answer->len = -1;
    ERR_clear_error();
    if ((in.message = view_message(der, len)) == NULL) {
        return;
    }
    SHA256(der, len, digest);
    id = in.message->header->transaction_id;
    in.der = der;
    in.len = len;
    in.body = view_body_name(in.message);
    in.sha256 = hex_of(digest, sizeof(digest), 0);
    in.transaction_id = id != NULL ? hex_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id), 0) : strdup("");
    answer->knob = knobs_take(in.body);
    pthread_mutex_lock(&service->lock);
    ledger_refresh(service->ledger);
    handle_locked(service, &in, answer);
    ledger_sync(service->ledger);
    pthread_mutex_unlock(&service->lock);
    spoil(service, answer);
    message_view_t_free(in.message);
    free(in.sha256);
    free(in.transaction_id);
    ERR_clear_error();
}
