/*
 * The CA's CMP side: sessions, who may ask, and the memory of transactions. The decisions themselves are in
 * cmp_decide.c. Thread rule: service_handle() is free-threaded; one lock holds for the whole of a message.
 */
#include "cmp_service.h"

#include "cmp_decide.h"
#include "sm2.h"

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
        !OSSL_CMP_CTX_set1_cert(ctx, service->answer_cert) ||
        !OSSL_CMP_CTX_set1_pkey(ctx, service->answer_key) ||
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

    if (request != NULL && at == der + len && sm2_prepare_message(request)) {
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

/* An answer that the other side will answer again? Its nonce must survive a restart, and the session is kept. */
static int is_open(const unsigned char *der, int len, message_view_t **preply)
{
    const char *body;

    *preply = len > 0 ? view_message(der, (size_t)len) : NULL;
    body = *preply != NULL ? view_body_name(*preply) : "";
    return strcmp(body, "ip") == 0 || strcmp(body, "cp") == 0 || strcmp(body, "pollRep") == 0;
}

static void note_reply(service_t *service, const transaction_t *transaction, const message_view_t *reply)
{
    const ASN1_OCTET_STRING *nonce = reply->header->sender_nonce;
    char *base64;
    json_out_t line;

    if (nonce == NULL || ASN1_STRING_length(nonce) > (int)sizeof(transaction->nonce)) {
        return;
    }
    base64 = base64_of(ASN1_STRING_get0_data(nonce), ASN1_STRING_length(nonce));
    ledger_line(&line, "reply");
    json_add_text(&line, "body", view_body_name(reply));
    json_add_text(&line, "transaction_id", transaction->id);
    json_add_text(&line, "nonce_b64", base64);
    ledger_append(service->ledger, &line);
    free(base64);
}

/* The session stays with its transaction, in place of an older one, until the transaction is closed. */
static void settle(service_t *service, session_t *session, const cmp_answer_t *answer, int own)
{
    transaction_t *transaction = session->transaction;
    message_view_t *reply = NULL;
    int open = is_open(answer->der, answer->len, &reply);

    if (transaction == NULL) {
        if (own) {
            session_free(session);
        }
        message_view_t_free(reply);
        return;
    }
    if (transaction->session != session) {
        session_free(transaction->session);
        transaction->session = session;
    }
    if (open) {
        note_reply(service, transaction, reply);
    } else {
        session_free(session);
        transaction->session = NULL;
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

static knob_t take_knob(const incoming_t *in)
{
    const transaction_t *transaction = in->transaction;
    knob_message_t message = {in->body, in->der, NULL, in->len, 0};

    if (transaction != NULL) {
        message.request = transaction->request;
        message.request_len = (size_t)transaction->request_len;
    }
    return knobs_take(&message);
}

/* Answers one message, with the lock held. */
static void handle_locked(service_t *service, incoming_t *in, cmp_answer_t *answer)
{
    int own = 0;
    session_t *session;
    OSSL_CMP_MSG *reply;

    in->signer = find_signer(service, in->message->header);
    in->transaction = state_find_transaction(&service->state, in->transaction_id);
    answer->knob = take_knob(in);
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
    settle(service, session, answer, own);
}

/* A subscriber of this CA: whoever has such a certificate must not be able to speak for the CA. */
static X509 *make_subscriber(const service_t *service, EVP_PKEY *key)
{
    X509_NAME *name = name_parse("/CN=subscriber");
    X509_EXTENSIONS *extensions = NULL;
    issue_t what = {name, key, NULL, NULL, 1, NULL};
    X509 *cert = NULL;

    if (name != NULL && key != NULL && extensions_add(&extensions, NID_key_usage, "critical,digitalSignature")) {
        what.extensions = extensions;
        cert = authority_issue(service->authority, &what);
    }
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_NAME_free(name);
    return cert;
}

/* The message, as the subscriber would have made it. */
static int sign_as_subscriber(const service_t *service, message_view_t *message, int own_name, unsigned char **pder)
{
    EVP_PKEY *key = key_make("p256");
    X509 *cert = make_subscriber(service, key);
    int len = -1;

    if (cert != NULL && view_set_signer(message, cert, own_name)) {
        len = view_protect(message, key, pder);
    }
    X509_free(cert);
    EVP_PKEY_free(key);
    return len;
}

/* Makes an answer that is signed badly, by the wrong one, or for somebody else's message; -1 when the mode is none of
 * these. */
static int spoil_message(const service_t *service, message_view_t *message, mode_e mode, unsigned char **pder)
{
    unsigned char random[16];

    RAND_bytes(random, sizeof(random));
    switch (mode) {
    case MODE_WRONG_TRANSACTION:
        ASN1_OCTET_STRING_set(message->header->transaction_id, random, sizeof(random));
        return view_protect(message, service->answer_key, pder);
    case MODE_WRONG_NONCE:
        ASN1_OCTET_STRING_set(message->header->recip_nonce, random, sizeof(random));
        return view_protect(message, service->answer_key, pder);
    case MODE_BAD_SIGNATURE:
        message->protection->data[message->protection->length - 1] ^= 1;
        return i2d_message_view_t(message, pder);
    case MODE_WRONG_SIGNER:
    case MODE_WRONG_SENDER:
        return sign_as_subscriber(service, message, mode == MODE_WRONG_SENDER, pder);
    default:
        return -1;
    }
}

static void spoil(const service_t *service, cmp_answer_t *answer)
{
    message_view_t *message = answer->len > 0 ? view_message(answer->der, (size_t)answer->len) : NULL;
    unsigned char *der = NULL;
    int len = message != NULL ? spoil_message(service, message, answer->knob.mode, &der) : -1;

    if (len > 0) {
        OPENSSL_free(answer->der);
        answer->der = der;
        answer->len = len;
    }
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
