/* The CA's decisions. Thread rule: called by OSSL_CMP_SRV within service_handle(), so with the service lock held. */
#include "cmp_decide.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_DAYS 365L
#define REASON_RELEASE 8
#define REASON_CESSATION 5
#define BIT(n) (1 << OSSL_CMP_PKIFAILUREINFO_##n)

static OSSL_CMP_PKISI *reject(int bits, const char *text)
{
    return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection, bits, text);
}

/* The first genuine message of a transaction makes it known. */
static int remember_transaction(session_t *session)
{
    service_t *service = session->service;
    const incoming_t *in = session->in;
    json_out_t line;
    char *base64;

    if (session->transaction != NULL) {
        return 1;
    }
    base64 = base64_of(in->der, (int)in->len);
    ledger_line(&line, "transaction");
    json_add_text(&line, "transaction_id", in->transaction_id);
    json_add_text(&line, "body", in->body);
    json_add_text(&line, "sha256", in->sha256);
    json_add_text(&line, "der_b64", base64);
    free(base64);
    if (!ledger_append(service->ledger, &line)) {
        return 0;
    }
    session->transaction = state_find_transaction(&service->state, in->transaction_id);
    return session->transaction != NULL;
}

static OSSL_CMP_PKISI *note_rejection(session_t *session, int bits, const char *text)
{
    json_out_t line;

    ledger_line(&line, "rejection");
    json_add_text(&line, "transaction_id", session->transaction->id);
    json_add_int(&line, "failure_bits", bits);
    json_add_text(&line, "text", text);
    ledger_append(session->service->ledger, &line);
    return reject(bits, text);
}

static int note_waiting(session_t *session, int waiting, int polls_left, int check_after)
{
    json_out_t line;

    ledger_line(&line, "waiting");
    json_add_text(&line, "transaction_id", session->transaction->id);
    json_add_bool(&line, "waiting", waiting);
    json_add_int(&line, "polls_left", polls_left);
    json_add_int(&line, "check_after", check_after);
    return ledger_append(session->service->ledger, &line);
}

/* The certificate differs from the request on purpose. */
static void falsify(const session_t *session, issue_t *what, X509_NAME **pname, EVP_PKEY **pkey, ASN1_TIME **ptime)
{
    switch (session->knob.mode) {
    case MODE_WRONG_KEY:
        *pkey = key_make("p256");
        what->key = *pkey;
        break;
    case MODE_WRONG_SUBJECT:
        *pname = name_parse("/C=CN/O=Somebody Else/CN=somebody.else");
        what->subject = *pname;
        break;
    case MODE_WRONG_VALIDITY:
        *ptime = X509_gmtime_adj(NULL, 20L * 365 * 86400);
        what->not_after = *ptime;
        break;
    default:
        break;
    }
}

static X509 *issue(session_t *session, issue_t *what)
{
    X509_NAME *name = NULL;
    EVP_PKEY *key = NULL;
    ASN1_TIME *time = NULL;
    X509 *cert;

    falsify(session, what, &name, &key, &time);
    cert = what->subject != NULL && what->key != NULL ? service_issue(session->service, what, session->transaction->id)
                                                      : NULL;
    X509_NAME_free(name);
    EVP_PKEY_free(key);
    ASN1_TIME_free(time);
    return cert;
}

static X509 *issue_from_template(session_t *session, const OSSL_CRMF_MSG *crm)
{
    template_view_t *view = view_template(OSSL_CRMF_MSG_get0_tmpl(crm));
    X509 *cert = NULL;

    if (view != NULL) {
        issue_t what = {view->subject, NULL, NULL, NULL, DEFAULT_DAYS, view->extensions};
        what.key = view->public_key != NULL ? X509_PUBKEY_get0(view->public_key) : NULL;
        if (view->validity != NULL) {
            what.not_before = view->validity->not_before;
            what.not_after = view->validity->not_after;
        }
        cert = issue(session, &what);
    }
    template_view_t_free(view);
    return cert;
}

static X509 *issue_from_csr(session_t *session, const X509_REQ *csr)
{
    X509_EXTENSIONS *extensions = X509_REQ_get_extensions((X509_REQ *)csr);
    issue_t what = {
        X509_REQ_get_subject_name(csr), X509_REQ_get0_pubkey((X509_REQ *)csr), NULL, NULL, DEFAULT_DAYS, extensions};
    X509 *cert = issue(session, &what);

    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return cert;
}

static X509 *stored_certificate(const transaction_t *transaction)
{
    const unsigned char *at = transaction->issued->der;

    return d2i_X509(NULL, &at, transaction->issued->der_len);
}

static OSSL_CMP_PKISI *waiting_status(void)
{
    return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_waiting, 0, "waiting for a decision");
}

/* What is already decided for this transaction; NULL when nothing is. */
static OSSL_CMP_PKISI *remembered(session_t *session, X509 **pcert)
{
    transaction_t *transaction = session->transaction;

    if (!knobs_dedup() && !session->rebuilding) {
        return NULL;
    }
    if (transaction->rejected != 0) {
        return reject(transaction->rejected, "refused before");
    }
    if (transaction->waiting && !session->polling) {
        return waiting_status();
    }
    if (transaction->issued == NULL) {
        return NULL;
    }
    *pcert = stored_certificate(transaction);
    return *pcert != NULL ? OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL) : NULL;
}

/* The first decision on a request. */
static OSSL_CMP_PKISI *decide_anew(session_t *session, const OSSL_CRMF_MSG *crm, const X509_REQ *p10, X509 **pcert)
{
    mode_e mode = session->knob.mode;

    if (mode == MODE_REJECT) {
        return note_rejection(session, BIT(badRequest), "refused by the knob");
    }
    if (mode == MODE_WAITING && !session->polling) {
        note_waiting(session, 1, session->knob.polls, session->knob.check_after);
        return waiting_status();
    }
    *pcert = crm != NULL ? issue_from_template(session, crm) : issue_from_csr(session, p10);
    if (*pcert == NULL) {
        return note_rejection(session, BIT(badCertTemplate), "no certificate can be made from this");
    }
    if (mode == MODE_ISSUE_THEN_REJECT) {
        X509_free(*pcert);
        *pcert = NULL;
        return reject(BIT(systemFailure), "a check after issuing did not finish");
    }
    return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL);
}

/* An error in place of an answer, which OpenSSL then sends without protection. */
static OSSL_CMP_PKISI *fail_unprotected(OSSL_CMP_SRV_CTX *srv)
{
    OSSL_CMP_SRV_CTX_set_send_unprotected_errors(srv, 1);
    ERR_raise_data(ERR_LIB_CMP, CMP_R_ERROR_PROCESSING_MESSAGE, "as the knob says");
    return NULL;
}

OSSL_CMP_PKISI *decide_certificate(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, int id, const OSSL_CRMF_MSG *crm,
                                   const X509_REQ *p10, X509 **pcert, STACK_OF(X509) * *pchain, STACK_OF(X509) * *pca)
{
    session_t *session = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);
    OSSL_CMP_PKISI *before;

    (void)request;
    (void)id;
    *pcert = NULL;
    *pchain = NULL;
    *pca = NULL;
    if (session->conflict) {
        return reject(BIT(transactionIdInUse), "this transactionID belongs to another request");
    }
    if (session->knob.mode == MODE_UNPROTECTED_ERROR) {
        return fail_unprotected(srv);
    }
    if (!remember_transaction(session)) {
        return reject(BIT(systemFailure), "the ledger cannot be written");
    }
    if ((before = remembered(session, pcert)) != NULL || session->rebuilding) {
        return before;
    }
    return decide_anew(session, crm, p10, pcert);
}

/* What RFC 5280 allows from this status; the failure bits, 0 when it may be. */
static int revocation_bits(const issued_t *issued, int reason)
{
    if (issued == NULL) {
        return BIT(badCertId);
    }
    if (reason < 0 || reason > 10 || reason == 7) {
        return BIT(badRequest);
    }
    if (reason == REASON_RELEASE) {
        return issued->status == STATUS_HOLD ? 0 : BIT(badRequest);
    }
    if (issued->status == STATUS_GOOD || (issued->status == STATUS_HOLD && reason != STATUS_HOLD)) {
        return 0;
    }
    return BIT(certRevoked);
}

static const char *revocation_text(int bits)
{
    if (bits == 0) {
        return "done";
    }
    if (bits == BIT(certRevoked)) {
        return "certRevoked";
    }
    return bits == BIT(badCertId) ? "badCertId" : "badRequest";
}

static void note_revocation(service_t *service, const char *serial, int reason, int bits, const char *transaction_id)
{
    json_out_t line;

    ledger_line(&line, "revocation");
    json_add_text(&line, "serial", serial);
    json_add_int(&line, "reason", reason);
    json_add_text(&line, "result", revocation_text(bits));
    json_add_int(&line, "failure_bits", bits);
    json_add_text(&line, "transaction_id", transaction_id);
    ledger_append(service->ledger, &line);
}

const char *service_revoke(service_t *service, const char *serial, int reason)
{
    int bits;

    pthread_mutex_lock(&service->lock);
    ledger_refresh(service->ledger);
    bits = revocation_bits(state_find_issued(&service->state, serial), reason);
    note_revocation(service, serial, reason, bits, "");
    ledger_sync(service->ledger);
    pthread_mutex_unlock(&service->lock);
    return revocation_text(bits);
}

/* As the knob says; it is remembered like any other decision. */
static int refuse_revocation(session_t *session, const char *serial)
{
    note_revocation(session->service, serial, view_revocation_reason(session->in->message), BIT(badRequest), session->transaction->id);
    return BIT(badRequest);
}

/* Decides, or repeats what was decided for these bytes. */
static int revoke(session_t *session, const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
    service_t *service = session->service;
    transaction_t *transaction = session->transaction;
    char *hex = serial_text(serial);
    const issued_t *issued = hex != NULL ? state_find_issued(&service->state, hex) : NULL;
    int reason = view_revocation_reason(session->in->message);
    int bits = transaction->revocation_bits;

    if (bits >= 0 && knobs_dedup()) {
        free(hex);
        return bits;
    }
    if (session->knob.mode == MODE_REJECT) {
        bits = refuse_revocation(session, hex);
    } else {
        if (X509_NAME_cmp(issuer, X509_get_subject_name(service->authority->cert)) != 0) {
            issued = NULL;
        }
        bits = revocation_bits(issued, reason);
        note_revocation(service, hex, reason, bits, transaction->id);
    }
    free(hex);
    return bits;
}

OSSL_CMP_PKISI *decide_revocation(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, const X509_NAME *issuer,
                                  const ASN1_INTEGER *serial)
{
    session_t *session = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);
    int bits;

    (void)request;
    if (session->conflict) {
        return reject(BIT(transactionIdInUse), "this transactionID belongs to another request");
    }
    if (session->knob.mode == MODE_UNPROTECTED_ERROR) {
        return fail_unprotected(srv);
    }
    if (issuer == NULL || serial == NULL || !remember_transaction(session)) {
        return reject(BIT(badCertId), "issuer and serial are needed");
    }
    bits = revoke(session, issuer, serial);
    if (session->knob.mode == MODE_ISSUE_THEN_REJECT) {
        return reject(BIT(systemFailure), "a check after revoking did not finish");
    }
    return bits == 0 ? OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL)
                     : reject(bits, revocation_text(bits));
}

/* Does the hash in the certConf fit the certificate? Its algorithm is that of the certificate's signature (RFC 9810
 * section 5.3.18). */
static int hash_fits(const transaction_t *transaction, const ASN1_OCTET_STRING *hash)
{
    X509 *cert = stored_certificate(transaction);
    ASN1_OCTET_STRING *digest = cert != NULL ? X509_digest_sig(cert, NULL, NULL) : NULL;
    int fits = digest != NULL && ASN1_OCTET_STRING_cmp(digest, hash) == 0;

    ASN1_OCTET_STRING_free(digest);
    X509_free(cert);
    return fits;
}

int decide_confirmation(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, int id, const ASN1_OCTET_STRING *hash,
                        const OSSL_CMP_PKISI *status)
{
    session_t *session = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);
    transaction_t *transaction = session->transaction;
    unsigned char *der = NULL;
    int len;
    int accepted;
    json_out_t line;

    (void)request;
    (void)id;
    if (transaction == NULL || transaction->issued == NULL || !hash_fits(transaction, hash)) {
        ERR_raise(ERR_LIB_CMP, CMP_R_CERTHASH_UNMATCHED);
        return 0;
    }
    len = status != NULL ? i2d_OSSL_CMP_PKISI(status, &der) : 0;
    accepted = status == NULL || view_status(der, len) == OSSL_CMP_PKISTATUS_accepted;
    OPENSSL_free(der);
    ledger_line(&line, "confirm");
    json_add_text(&line, "serial", transaction->issued->serial);
    json_add_bool(&line, "accepted", accepted);
    json_add_text(&line, "transaction_id", transaction->id);
    ledger_append(session->service->ledger, &line);
    if (!accepted && transaction->issued->status == STATUS_GOOD) {
        note_revocation(session->service, transaction->issued->serial, REASON_CESSATION, 0, "");
    }
    return 1;
}

int decide_poll(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, int id, OSSL_CMP_MSG **prequest,
                int64_t *pcheck_after)
{
    session_t *session = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);
    transaction_t *transaction = session->transaction;
    const unsigned char *at;

    (void)request;
    (void)id;
    *prequest = NULL;
    if (transaction == NULL) {
        return 0;
    }
    *pcheck_after = transaction->check_after;
    if (transaction->polls_left > 0) {
        return note_waiting(session, 1, transaction->polls_left - 1, transaction->check_after);
    }
    at = transaction->request;
    *prequest = d2i_OSSL_CMP_MSG(NULL, &at, transaction->request_len);
    session->polling = 1;
    return *prequest != NULL && note_waiting(session, 0, 0, transaction->check_after);
}

void decide_nothing(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, const OSSL_CMP_PKISI *status,
                    const ASN1_INTEGER *code, const OSSL_CMP_PKIFREETEXT *details)
{
    (void)srv;
    (void)request;
    (void)status;
    (void)code;
    (void)details;
}
