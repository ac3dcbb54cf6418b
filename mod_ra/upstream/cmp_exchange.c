/*
 * One CMP exchange: what goes over the wire, what is replayed from storage instead, and the first look at the CA's
 * certificate. OpenSSL drives it (OSSL_CMP_try_certreq, OSSL_CMP_exec_RR_ses) and calls back here for each message.
 * Layer: upstream. Thread rule: a run belongs to its thread.
 */
#include "upstream/cmp_internal.h"

#include <apr_strings.h>
#include <openssl/err.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/limits.h"
#include "base/sm2.h"

#define CALLS_MAX 4                          /* messages of one try: request, poll, confirmation, and one more poll */
#define CONFIRM_TIMEOUT apr_time_from_sec(5) /* at least this long for certConf: the certificate is already ours */

/* OpenSSL's log callback has no argument of ours. */
static _Thread_local ra_cmp_run_t *current_run;

static int on_log(const char *func, const char *file, int line, OSSL_CMP_severity level, const char *message)
{
    (void)func;
    (void)file;
    (void)line;
    if (current_run != NULL && level <= OSSL_CMP_LOG_WARNING) {
        apr_cpystrn(current_run->log, message, sizeof(current_run->log));
    }
    return 1;
}

/* Exactly one message, or NULL. */
static OSSL_CMP_MSG *decode(ra_bytes_t bytes)
{
    const unsigned char *at = bytes.data;
    OSSL_CMP_MSG *message = d2i_OSSL_CMP_MSG(NULL, &at, (long)bytes.len);

    if (message != NULL && (at != bytes.data + bytes.len || !ra_cmp_prepare_sm2(message))) {
        OSSL_CMP_MSG_free(message);
        return NULL;
    }
    return message;
}

static ra_bytes_t encode(const OSSL_CMP_MSG *message, apr_pool_t *pool)
{
    ra_bytes_t bytes = {NULL, 0};
    unsigned char *der = NULL;
    int len = i2d_OSSL_CMP_MSG(message, &der);

    if (len > 0) {
        bytes = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), pool);
    }
    OPENSSL_free(der);
    return bytes;
}

/* The answer is compared with this nonce instead of the one OpenSSL has just made. */
static int expect_nonce(ra_cmp_run_t *run, ra_bytes_t nonce)
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    int ok = value != NULL && nonce.len > 0 && ASN1_OCTET_STRING_set(value, nonce.data, (int)nonce.len) &&
             OSSL_CMP_CTX_set1_senderNonce(run->ctx, value);

    ASN1_OCTET_STRING_free(value);
    return ok;
}

/* A stored answer takes the place of the CA's: its signature is verified again, its nonce is the one it answered then.
 */
static OSSL_CMP_MSG *replay(ra_cmp_run_t *run, ra_bytes_t stored)
{
    OSSL_CMP_MSG *message = decode(stored);
    const ASN1_OCTET_STRING *nonce =
        message != NULL ? OSSL_CMP_HDR_get0_recipNonce(OSSL_CMP_MSG_get0_header(message)) : NULL;

    if (nonce == NULL ||
        !expect_nonce(run, ra_bytes_of(ASN1_STRING_get0_data(nonce), (apr_size_t)ASN1_STRING_length(nonce)))) {
        run->transport_error = "a stored answer of the CA is not readable";
        OSSL_CMP_MSG_free(message);
        return NULL;
    }
    return message;
}

/* What is wrong with the HTTP answer, or NULL. */
static const char *http_fault(const ra_http_reply_t *reply, apr_pool_t *pool)
{
    if (reply->status != 200) {
        return apr_psprintf(pool, "the CA answered HTTP status %d", reply->status);
    }
    if (strcmp(reply->content_type, "application/pkixcmp") != 0) {
        return apr_psprintf(pool, "the CA answered %.60s instead of a CMP message", reply->content_type);
    }
    return NULL;
}

static OSSL_CMP_MSG *call(ra_cmp_run_t *run, ra_bytes_t bytes, apr_interval_time_t least)
{
    apr_interval_time_t left = run->deadline - apr_time_now();
    ra_http_post_t post = {&run->cmp->target,         "application/pkixcmp",       bytes,
                           run->cmp->connect_timeout, left > least ? left : least, RA_CMP_ANSWER_MAX_BYTES};
    ra_http_reply_t reply;
    OSSL_CMP_MSG *message;

    if (run->calls == CALLS_MAX || post.timeout <= 0) {
        run->out_of_time = 1;
        run->transport_error = "no time or no turn left in this try";
        return NULL;
    }
    run->calls++;
    if (ra_http_post(&reply, &post, run->pool) != APR_SUCCESS) {
        run->may_have_arrived += !reply.nothing_sent;
        run->transport_error = reply.error;
        return NULL;
    }
    run->may_have_arrived++;
    if ((run->transport_error = http_fault(&reply, run->pool)) != NULL) {
        return NULL;
    }
    if ((message = decode(reply.body)) == NULL) {
        run->transport_error = "the CA's answer is not a CMP message";
        return NULL;
    }
    run->last_answer = reply.body;
    run->last_body = OSSL_CMP_MSG_get_bodytype(message);
    return message;
}

/* The caller stores it and says whether it may leave. */
static int may_leave(ra_cmp_run_t *run)
{
    const ra_ca_exchange_t *exchange = run->exchange;
    const ra_ca_callbacks_t *callbacks = &exchange->callbacks;

    if (exchange->sent.len > 0 && exchange->sent_nonce.len > 0 &&
        (callbacks->before_send == NULL ||
         callbacks->before_send(callbacks->baton, exchange->sent, exchange->sent_nonce) == APR_SUCCESS)) {
        return 1;
    }
    run->stopped = 1;
    run->transport_error = "the request could not be stored, so it was not sent";
    return 0;
}

/* The first message: a fresh one, or a stored one as it was. */
static OSSL_CMP_MSG *send_request(ra_cmp_run_t *run, const OSSL_CMP_MSG *request)
{
    ra_ca_exchange_t *exchange = run->exchange;

    if (run->resumed) {
        return replay(run, exchange->waiting);
    }
    if (run->repeated) {
        return expect_nonce(run, exchange->sent_nonce) && may_leave(run) ? call(run, exchange->sent, 0) : NULL;
    }
    exchange->sent = encode(request, run->pool);
    exchange->sent_nonce = ra_cmp_sender_nonce(request, run->pool);
    if (!may_leave(run)) {
        exchange->sent = exchange->sent_nonce = ra_bytes_of(NULL, 0);
        return NULL;
    }
    return call(run, exchange->sent, 0);
}

/* OpenSSL polls only after a verified "waiting": that answer is worth keeping. */
static OSSL_CMP_MSG *send_poll(ra_cmp_run_t *run, const OSSL_CMP_MSG *request)
{
    ra_ca_exchange_t *exchange = run->exchange;

    if (run->last_body == RA_CMP_CP) {
        exchange->waiting = run->last_answer;
        exchange->poll = ra_bytes_of(NULL, 0);
        run->last_body = 0;
    }
    if (run->resumed && !run->poll_replayed && run->calls == 0 && exchange->poll.len > 0) {
        run->poll_replayed = 1;
        return replay(run, exchange->poll);
    }
    return call(run, encode(request, run->pool), 0);
}

/* Whether the certificate is ours may be unknown: then neither a yes nor a no may go out. What OpenSSL complains of afterwards is the answer. */
static OSSL_CMP_MSG *send_confirmation(ra_cmp_run_t *run, const OSSL_CMP_MSG *request)
{
    OSSL_CMP_MSG *answer;

    RA_FAILPOINT(confirmation_begin);
    answer = run->verdict == RA_CA_SILENT ? NULL : call(run, encode(request, run->pool), CONFIRM_TIMEOUT);
    RA_FAILPOINT(confirmation_end);
    ERR_clear_error();
    run->log[0] = '\0';
    return answer;
}

static OSSL_CMP_MSG *on_transfer(OSSL_CMP_CTX *ctx, const OSSL_CMP_MSG *request)
{
    ra_cmp_run_t *run = OSSL_CMP_CTX_get_transfer_cb_arg(ctx);

    switch (OSSL_CMP_MSG_get_bodytype(request)) {
    case RA_CMP_CR:
    case RA_CMP_P10CR:
    case RA_CMP_RR:
        return send_request(run, request);
    case RA_CMP_POLL_REQ:
        return send_poll(run, request);
    case RA_CMP_CERT_CONF:
        return send_confirmation(run, request);
    default:
        return NULL;
    }
}

/* The certificates from the leaf's issuer up to the trusted one; NULL when there is no such way. Times are the caller's
 * to judge. */
static apr_array_header_t *build_chain(ra_cmp_run_t *run, X509 *cert)
{
    X509_STORE_CTX *store_ctx = X509_STORE_CTX_new();
    STACK_OF(X509) *extra = OSSL_CMP_CTX_get1_extraCertsIn(run->ctx);
    apr_array_header_t *chain = NULL;
    int i;

    if (store_ctx != NULL && ra_sm2_prepare_cert(cert) && ra_sm2_prepare_certs(extra) &&
        X509_STORE_CTX_init(store_ctx, run->cmp->trust, cert, extra) == 1) {
        X509_VERIFY_PARAM_set_flags(X509_STORE_CTX_get0_param(store_ctx), X509_V_FLAG_NO_CHECK_TIME);
        if (X509_verify_cert(store_ctx) == 1) {
            STACK_OF(X509) *way = X509_STORE_CTX_get0_chain(store_ctx);
            chain = apr_array_make(run->pool, 4, sizeof(ra_bytes_t));
            for (i = 1; i < sk_X509_num(way); i++) {
                APR_ARRAY_PUSH(chain, ra_bytes_t) = ra_cmp_cert_der(sk_X509_value(way, i), run->pool);
            }
        }
    }
    X509_STORE_CTX_free(store_ctx);
    sk_X509_pop_free(extra, X509_free);
    return chain;
}

static int same_key(X509 *cert, ra_bytes_t spki)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    int same = len > 0 && ra_bytes_equal(ra_bytes_of(der, (apr_size_t)len), spki);

    OPENSSL_free(der);
    return same;
}

/* Read from what OpenSSL has decoded: in OpenSSL 3.0 decoding a key again costs more than a signature. */
static const ra_cert_t *read_issued(ra_cmp_run_t *run, X509 *cert)
{
    ra_cert_t *issued;

    return ra_cert_of(&issued, cert, run->exchange->certificate, ra_result_make(run->pool), run->pool) == APR_SUCCESS ? issued : NULL;
}

/* What no snapshot is needed for. NULL: nothing is wrong. */
static const char *fault_of(ra_cmp_run_t *run, X509 *cert, const ra_cert_t *issued, const apr_array_header_t *chain)
{
    if (!same_key(cert, run->exchange->request->spki)) {
        return "the certificate holds another key";
    }
    if (chain == NULL) {
        return "the certificate is not issued by the trusted CA";
    }
    if (run->exchange->certificate.len > RA_CERT_MAX_BYTES) {
        return "the certificate is too large";
    }
    return issued == NULL ? "the certificate cannot be read" : NULL;
}

/*
 * The CA's certificate is here, its message verified. What no snapshot is needed for is checked first; then the caller
 * compares, commits and answers. Returns 0 to confirm, PKIFailureInfo bits to refuse.
 */
static int on_cert_conf(OSSL_CMP_CTX *ctx, X509 *cert, int fail_info, const char **ptext)
{
    ra_cmp_run_t *run = OSSL_CMP_CTX_get_certConf_cb_arg(ctx);
    const ra_ca_callbacks_t *callbacks = &run->exchange->callbacks;
    apr_array_header_t *chain = build_chain(run, cert);
    const ra_cert_t *issued;

    (void)fail_info; /* the key is compared here, byte by byte */
    run->asked = 1;
    run->exchange->certificate = ra_cmp_cert_der(cert, run->pool);
    issued = read_issued(run, cert);
    run->declined_because = fault_of(run, cert, issued, chain);
    if (run->declined_because != NULL) {
        run->verdict = RA_CA_DECLINE;
    } else {
        run->verdict = callbacks->on_certificate(callbacks->baton, issued, chain);
    }
    if (run->verdict == RA_CA_ACCEPT) {
        *ptext = NULL;
        return 0;
    }
    *ptext = "not the certificate that was approved";
    return 1 << OSSL_CMP_PKIFAILUREINFO_incorrectData;
}

static int set_transaction(OSSL_CMP_CTX *ctx, const unsigned char id[16])
{
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    int ok = value != NULL && ASN1_OCTET_STRING_set(value, id, 16) && OSSL_CMP_CTX_set1_transactionID(ctx, value);

    ASN1_OCTET_STRING_free(value);
    return ok;
}

/*
 * Only messages of the one sender, signed under the trusted certificates, are believed; errors too must be signed (both are OpenSSL's
 * default). The certificate of a CA often allows its key nothing but certificates and CRLs, and the CA signs CMP with it all the same:
 * trusted by file and by name, it may. A responder must have the key usage for it.
 */
static int set_trust(OSSL_CMP_CTX *ctx, const ra_cmp_t *cmp)
{
    if (!X509_STORE_up_ref(cmp->trust)) {
        return 0;
    }
    if (!OSSL_CMP_CTX_set0_trustedStore(ctx, cmp->trust)) {
        X509_STORE_free(cmp->trust);
        return 0;
    }
    return OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_IGNORE_KEYUSAGE, cmp->sender_is_ca) &&
           OSSL_CMP_CTX_set1_expected_sender(ctx, cmp->sender) && OSSL_CMP_CTX_set1_recipient(ctx, cmp->ca_name);
}

int ra_cmp_run_begin(ra_cmp_run_t *run, const ra_cmp_t *cmp, ra_ca_exchange_t *exchange, apr_pool_t *pool)
{
    OSSL_CMP_CTX *ctx;

    ERR_clear_error();
    memset(run, 0, sizeof(*run));
    run->cmp = cmp;
    run->exchange = exchange;
    run->pool = pool;
    run->deadline = apr_time_now() + exchange->timeout;
    run->resumed = exchange->waiting.len > 0;
    run->repeated = exchange->sent.len > 0;
    run->verdict = RA_CA_SILENT;
    exchange->certificate = ra_bytes_of(NULL, 0);
    exchange->reason_text = NULL;
    exchange->failure_bits = exchange->request_at_fault = 0;
    exchange->check_after = 0;
    current_run = run;
    ctx = run->ctx = OSSL_CMP_CTX_new(NULL, NULL);
    return ctx != NULL && OSSL_CMP_CTX_set_log_cb(ctx, on_log) &&
           OSSL_CMP_CTX_set_log_verbosity(ctx, OSSL_CMP_LOG_WARNING) &&
           OSSL_CMP_CTX_set_transfer_cb(ctx, on_transfer) && OSSL_CMP_CTX_set_transfer_cb_arg(ctx, run) &&
           OSSL_CMP_CTX_set_certConf_cb(ctx, on_cert_conf) && OSSL_CMP_CTX_set_certConf_cb_arg(ctx, run) &&
           OSSL_CMP_CTX_set1_cert(ctx, cmp->signer.cert) && OSSL_CMP_CTX_set1_pkey(ctx, cmp->signer.key) &&
           set_trust(ctx, cmp) && set_transaction(ctx, exchange->transaction_id);
}

void ra_cmp_run_end(ra_cmp_run_t *run)
{
    current_run = NULL;
    OSSL_CMP_CTX_free(run->ctx);
    X509_free(run->subject_cert);
    ERR_clear_error();
}
