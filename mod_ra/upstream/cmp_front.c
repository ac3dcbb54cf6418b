/*
 * The CMP server side: authenticates a message, lets OpenSSL work on it, and asks the caller what it comes to.
 * OpenSSL's server keeps one transaction in memory; here every message gets a fresh one, which is brought to where the
 * transaction stands by letting it answer the stored request again (that answer is dropped).
 * Layer: upstream. Thread rule: free-threaded; a front_t belongs to one call.
 */
#include "upstream/cmp_front.h"

#include <apr_strings.h>
#include <openssl/err.h>
#include <string.h>

#include "base/limits.h"
#include "upstream/cmp_front_view.h"
#include "upstream/cmp_internal.h"

/** Message types beside those of cmp_internal.h. */
enum { FRONT_IR = 0, FRONT_IP = 1, FRONT_PKICONF = 19 };

#define RANDOM_SECRET_BYTES 32
#define NO_TRANSACTION "there is no such transaction for these codes"

typedef struct front_t {
    const ra_cmp_t *cmp;
    const ra_cmp_callbacks_t *callbacks;
    apr_pool_t *pool;
    OSSL_CMP_MSG *message;
    int type;
    ra_cmp_head_t head;
    ra_cmp_known_t known;
    OSSL_CMP_SRV_CTX *srv;
    OSSL_CMP_CTX *ctx; /* of srv */
    int is_settled;    /* standing is what the request comes to: decide() is not asked */
    ra_cmp_standing_t standing;
    int asked;            /* OpenSSL came as far as the certificate request */
    int is_accepted;      /* what certConf says */
    apr_status_t trouble; /* of a callback */
} front_t;

/* --- what OpenSSL's server asks --------------------------------------------------------------------------------- */

static X509 *read_cert(ra_bytes_t der)
{
    const unsigned char *at = der.data;

    return d2i_X509(NULL, &at, (long)der.len);
}

static STACK_OF(X509) * read_chain(const apr_array_header_t *chain)
{
    STACK_OF(X509) *stack = sk_X509_new_null();
    int i;

    for (i = 0; stack != NULL && chain != NULL && i < chain->nelts; i++) {
        X509 *cert = read_cert(APR_ARRAY_IDX(chain, i, ra_bytes_t));
        if (cert == NULL || !sk_X509_push(stack, cert)) {
            X509_free(cert);
            sk_X509_pop_free(stack, X509_free);
            return NULL;
        }
    }
    return stack;
}

/* The root of the chain: a tool that knows the codes may trust it from now on (RFC 9810 section 5.3.2). */
static STACK_OF(X509) * root_of(const STACK_OF(X509) * chain)
{
    int count = sk_X509_num(chain);
    X509 *last = count > 0 ? sk_X509_value(chain, count - 1) : NULL;
    STACK_OF(X509) *roots = sk_X509_new_null();

    if (roots != NULL && last != NULL && X509_self_signed(last, 0) == 1 && X509_up_ref(last) &&
        !sk_X509_push(roots, last)) {
        X509_free(last);
    }
    return roots;
}

static OSSL_CMP_PKISI *give_certificate(const ra_cmp_standing_t *standing, X509 **pcert, STACK_OF(X509) * *pchain,
                                        STACK_OF(X509) * *proots)
{
    *pcert = read_cert(standing->certificate);
    *pchain = read_chain(standing->chain);
    *proots = root_of(*pchain);
    return *pcert != NULL && *pchain != NULL ? OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL) : NULL;
}

static int ask_to_decide(front_t *front, const OSSL_CRMF_MSG *crm, const X509_REQ *p10)
{
    ra_cmp_wish_t wish = {{NULL, 0}, {NULL, 0}};
    unsigned char *der = NULL;
    int len;

    if (p10 != NULL) {
        if ((len = i2d_X509_REQ(p10, &der)) > 0) {
            wish.csr = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), front->pool);
        }
        OPENSSL_free(der);
    } else {
        wish.spki = ra_cmp_template_key(crm, front->pool);
    }
    front->trouble = front->callbacks->decide(front->callbacks->baton, &wish, &front->standing);
    front->is_settled = 1;
    return front->trouble == APR_SUCCESS;
}

static OSSL_CMP_PKISI *on_request(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, int id, const OSSL_CRMF_MSG *crm,
                                  const X509_REQ *p10, X509 **pcert, STACK_OF(X509) * *pchain, STACK_OF(X509) * *proots)
{
    front_t *front = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);

    (void)request;
    (void)id;
    *pcert = NULL;
    *pchain = *proots = NULL;
    front->asked = 1;
    if (!front->is_settled && !ask_to_decide(front, crm, p10)) {
        return NULL;
    }
    switch (front->standing.state) {
    case RA_CMP_ISSUED:
        return give_certificate(&front->standing, pcert, pchain, proots);
    case RA_CMP_WAITING:
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_waiting, 0, NULL);
    default:
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection, 1 << front->standing.failure,
                                       front->standing.text);
    }
}

/* The hash's algorithm is that of the certificate's signature (RFC 9810 section 5.3.18). */
static int hash_fits(const front_t *front, const ASN1_OCTET_STRING *hash)
{
    X509 *cert = read_cert(front->standing.certificate);
    ASN1_OCTET_STRING *digest = cert != NULL ? X509_digest_sig(cert, NULL, NULL) : NULL;
    int fits = digest != NULL && hash != NULL && ASN1_OCTET_STRING_cmp(digest, hash) == 0;

    ASN1_OCTET_STRING_free(digest);
    X509_free(cert);
    return fits;
}

static int on_confirmation(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, int id, const ASN1_OCTET_STRING *hash,
                           const OSSL_CMP_PKISI *status)
{
    front_t *front = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);

    (void)request;
    (void)id;
    if (!hash_fits(front, hash)) {
        ERR_raise(ERR_LIB_CMP, CMP_R_CERTHASH_UNMATCHED);
        return 0;
    }
    front->is_accepted = ra_cmp_is_accepted(status);
    return 1;
}

/* Exactly one message, or NULL. */
static OSSL_CMP_MSG *decode(ra_bytes_t bytes)
{
    const unsigned char *at = bytes.data;
    OSSL_CMP_MSG *message = bytes.len > 0 ? d2i_OSSL_CMP_MSG(NULL, &at, (long)bytes.len) : NULL;

    if (message != NULL && (at != bytes.data + bytes.len || !ra_cmp_prepare_sm2(message))) {
        OSSL_CMP_MSG_free(message);
        return NULL;
    }
    return message;
}

static int on_poll(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, int id, OSSL_CMP_MSG **prequest,
                   int64_t *pcheck_after)
{
    front_t *front = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);

    (void)request;
    (void)id;
    *prequest = NULL;
    if (front->standing.state == RA_CMP_WAITING) {
        *pcheck_after = front->standing.check_after;
        return 1;
    }
    *prequest = decode(front->known.request);
    return *prequest != NULL;
}

/* --- one server for one message --------------------------------------------------------------------------------- */

/* Errors stay in OpenSSL's queue (nothing is printed), so that the first of them becomes the text of an error reply. */
static int make_server(front_t *front)
{
    OSSL_CMP_SRV_CTX *srv = front->srv = OSSL_CMP_SRV_CTX_new(NULL, NULL);
    OSSL_CMP_CTX *ctx = front->ctx = srv != NULL ? OSSL_CMP_SRV_CTX_get0_cmp_ctx(srv) : NULL;

    return ctx != NULL && OSSL_CMP_SRV_CTX_init(srv, front, on_request, NULL, NULL, NULL, on_confirmation, on_poll) &&
           OSSL_CMP_SRV_CTX_set_accept_raverified(srv, 0) && OSSL_CMP_SRV_CTX_set_accept_unprotected(srv, 0) &&
           OSSL_CMP_SRV_CTX_set_send_unprotected_errors(srv, 0) &&
           OSSL_CMP_SRV_CTX_set_grant_implicit_confirm(srv, 1) &&
           OSSL_CMP_CTX_set_log_verbosity(ctx, OSSL_CMP_LOG_EMERG) && OSSL_CMP_CTX_set1_cert(ctx, front->cmp->signer) &&
           OSSL_CMP_CTX_set1_pkey(ctx, front->cmp->signer_key);
}

static int set_secret(const front_t *front, ra_bytes_t secret)
{
    return OSSL_CMP_CTX_set1_secretValue(front->ctx, secret.data, (int)secret.len) == 1;
}

static int set_random_secret(const front_t *front)
{
    unsigned char random[RANDOM_SECRET_BYTES];
    int ok = ra_random(random, sizeof(random)) == APR_SUCCESS && set_secret(front, ra_bytes_of(random, sizeof(random)));

    ra_wipe(random, sizeof(random));
    return ok;
}

/* The reply names the reference as the tool wrote it, whether it is known or not. */
static int set_reference(const front_t *front)
{
    const char *reference = front->head.reference;

    return reference == NULL ||
           OSSL_CMP_CTX_set1_referenceValue(front->ctx, (const unsigned char *)reference, (int)strlen(reference));
}

static OSSL_CMP_MSG *process(front_t *front, const OSSL_CMP_MSG *message)
{
    return OSSL_CMP_SRV_process_request(front->srv, message);
}

/* A message that OpenSSL's server will refuse anyway; ours is the first error and so the one that is told. */
static OSSL_CMP_MSG *process_refused(front_t *front, const char *why)
{
    ERR_clear_error();
    OSSL_CMP_SRV_CTX_init(front->srv, front, NULL, NULL, NULL, NULL, NULL, NULL);
    ERR_raise_data(ERR_LIB_CMP, CMP_R_UNEXPECTED_PKIBODY, "%s", why);
    return process(front, front->message);
}

/*
 * Is the protection made with one of the secrets? Afterwards the reply is protected with that one, or else with random
 * bytes. An unknown reference costs the same work as a known one.
 */
static int authenticate(front_t *front)
{
    int is_known = front->known.secrets[0].len > 0;
    int i;

    for (i = 0; i < 2; i++) {
        if (!(is_known ? set_secret(front, front->known.secrets[i]) : set_random_secret(front))) {
            return 0;
        }
        if (OSSL_CMP_validate_msg(front->ctx, front->message) == 1 && is_known) {
            ERR_clear_error();
            return 1;
        }
        ERR_clear_error();
    }
    return 0;
}

/* --- transactions that have begun before ------------------------------------------------------------------------ */

/* Which of our replies the message answers: the latest, or the one before when the latest was lost on its way. */
static ra_bytes_t answered_nonce(const front_t *front)
{
    ra_bytes_t answered =
        ra_cmp_octets(OSSL_CMP_HDR_get0_recipNonce(OSSL_CMP_MSG_get0_header(front->message)), front->pool);
    const ra_bytes_t *nonces = front->known.nonces;

    return nonces[1].len > 0 && ra_bytes_equal(answered, nonces[1]) ? nonces[1] : nonces[0];
}

/* Brings the server to where the transaction stands; 0 on failure. */
static int resume(front_t *front, const ra_cmp_standing_t *then)
{
    ra_bytes_t nonce = answered_nonce(front);
    OSSL_CMP_MSG *stored = decode(front->known.request);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ra_cmp_standing_t now = front->standing;
    OSSL_CMP_MSG *dropped;
    int ok;

    front->is_settled = 1;
    front->standing = *then;
    dropped = stored != NULL ? process(front, stored) : NULL;
    ok = dropped != NULL && front->asked && value != NULL && nonce.len > 0 &&
         ASN1_OCTET_STRING_set(value, nonce.data, (int)nonce.len) && OSSL_CMP_CTX_set1_senderNonce(front->ctx, value);
    front->standing = now;
    ASN1_OCTET_STRING_free(value);
    OSSL_CMP_MSG_free(dropped);
    OSSL_CMP_MSG_free(stored);
    ERR_clear_error();
    return ok;
}

static int look(front_t *front)
{
    front->trouble = front->callbacks->look(front->callbacks->baton, &front->standing);
    return front->trouble == APR_SUCCESS;
}

static OSSL_CMP_MSG *serve_poll(front_t *front)
{
    static const ra_cmp_standing_t waiting = {.state = RA_CMP_WAITING, .check_after = 1};

    if (front->known.request.len == 0) {
        return process_refused(front, NO_TRANSACTION);
    }
    if (!look(front)) {
        return NULL;
    }
    return resume(front, &waiting) ? process(front, front->message) : process_refused(front, NO_TRANSACTION);
}

static OSSL_CMP_MSG *serve_confirmation(front_t *front)
{
    OSSL_CMP_MSG *reply;

    if (front->known.request.len == 0) {
        return process_refused(front, NO_TRANSACTION);
    }
    if (!look(front)) {
        return NULL;
    }
    if (front->standing.state != RA_CMP_ISSUED) {
        return process_refused(front, "there is no certificate yet that could be confirmed");
    }
    if (!resume(front, &front->standing)) {
        return process_refused(front, NO_TRANSACTION);
    }
    reply = process(front, front->message);
    if (reply != NULL && OSSL_CMP_MSG_get_bodytype(reply) == FRONT_PKICONF) {
        front->trouble = front->callbacks->confirm(front->callbacks->baton, front->is_accepted);
    }
    return reply;
}

/* --- requests --------------------------------------------------------------------------------------------------- */

/* The same bytes again mean that our answer was lost; other bytes are no part of this transaction. */
static int settle_repetition(front_t *front)
{
    static const ra_cmp_standing_t in_use = {.state = RA_CMP_REJECTED,
                                             .failure = RA_CMP_FAIL_TRANSACTION_IN_USE,
                                             .text = "this transactionID belongs to another request"};

    front->is_settled = 1;
    if (ra_bytes_equal(front->known.request, front->head.message)) {
        return look(front);
    }
    front->standing = in_use;
    return 1;
}

static OSSL_CMP_MSG *serve_request(front_t *front)
{
    OSSL_CMP_MSG *reply;

    if (front->known.request.len > 0 && !settle_repetition(front)) {
        return NULL;
    }
    reply = process(front, front->message);
    if (reply != NULL && !front->asked && front->trouble == APR_SUCCESS) {
        /* OpenSSL refused it by itself: no proof of possession, two requests in one message … */
        const char *why = ERR_reason_error_string(ERR_peek_error());
        front->trouble = front->callbacks->refuse(front->callbacks->baton, why != NULL ? why : "not acceptable");
    }
    return reply;
}

static OSSL_CMP_MSG *serve_other(front_t *front)
{
    const char *why = "this address serves ir, cr and p10cr with reference and authorisation code";

    front->trouble = front->callbacks->refuse(front->callbacks->baton, "a type that is not served");
    return front->trouble == APR_SUCCESS ? process_refused(front, why) : NULL;
}

/* --- the message ------------------------------------------------------------------------------------------------ */

/* The reply leaves a transaction open, or hands out a certificate: its nonce must be known to whoever answers next. */
static void store_reply(front_t *front, const OSSL_CMP_MSG *reply)
{
    int type = OSSL_CMP_MSG_get_bodytype(reply);
    int is_last = OSSL_CMP_CTX_get_option(front->ctx, OSSL_CMP_OPT_IMPLICIT_CONFIRM) == 1;

    if ((type != FRONT_IP && type != RA_CMP_CP && type != RA_CMP_POLL_REP) || !front->is_settled ||
        front->standing.state == RA_CMP_REJECTED) {
        return;
    }
    front->trouble = front->callbacks->reply(front->callbacks->baton, ra_cmp_sender_nonce(reply, front->pool),
                                             front->standing.state, is_last);
}

static OSSL_CMP_MSG *serve_authentic(front_t *front)
{
    if (front->head.transaction_id.len == 0) {
        return process_refused(front, "a transactionID of 1 to 64 bytes is needed");
    }
    switch (front->type) {
    case FRONT_IR:
    case RA_CMP_CR:
    case RA_CMP_P10CR:
        return serve_request(front);
    case RA_CMP_POLL_REQ:
        return serve_poll(front);
    case RA_CMP_CERT_CONF:
        return serve_confirmation(front);
    default:
        return serve_other(front);
    }
}

/* Nothing can be said with codes, so nothing is looked up and the reply is signed. */
static OSSL_CMP_MSG *serve_without_codes(front_t *front)
{
    int is_later = front->type == RA_CMP_POLL_REQ || front->type == RA_CMP_CERT_CONF;

    /* With a secret at hand OpenSSL does not begin to try the certificates that a stranger sends along. */
    if (!is_later && !set_random_secret(front)) {
        return NULL;
    }
    return process_refused(front, "protect the message with reference and authorisation code (PasswordBasedMac); "
                                  "signed requests (kur, rr) are not served here");
}

static OSSL_CMP_MSG *serve_wrong(front_t *front)
{
    front->trouble = front->callbacks->count_wrong(front->callbacks->baton);
    return front->trouble == APR_SUCCESS && set_random_secret(front) ? process(front, front->message) : NULL;
}

static OSSL_CMP_MSG *serve(front_t *front)
{
    if (!ra_cmp_is_pbm(front->message)) {
        return serve_without_codes(front);
    }
    front->trouble = front->callbacks->find(front->callbacks->baton, &front->head, &front->known);
    if (front->trouble != APR_SUCCESS) {
        return NULL;
    }
    return authenticate(front) ? serve_authentic(front) : serve_wrong(front);
}

static apr_status_t encode(ra_bytes_t *preply, const OSSL_CMP_MSG *reply, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    int len = reply != NULL ? i2d_OSSL_CMP_MSG(reply, &der) : 0;

    if (len <= 0) {
        return APR_EGENERAL;
    }
    *preply = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), pool);
    OPENSSL_free(der);
    return APR_SUCCESS;
}

static apr_status_t answer(ra_bytes_t *preply, front_t *front)
{
    OSSL_CMP_MSG *reply = make_server(front) && set_reference(front) ? serve(front) : NULL;
    apr_status_t status;

    if (reply != NULL && front->trouble == APR_SUCCESS) {
        store_reply(front, reply);
    }
    status = front->trouble != APR_SUCCESS ? front->trouble : encode(preply, reply, front->pool);
    OSSL_CMP_MSG_free(reply);
    OSSL_CMP_SRV_CTX_free(front->srv);
    return status;
}

apr_status_t ra_cmp_front_answer(ra_bytes_t *preply, const ra_ca_t *ca, ra_bytes_t message,
                                 const ra_cmp_callbacks_t *callbacks, apr_pool_t *pool)
{
    front_t front = {.callbacks = callbacks, .pool = pool};
    apr_status_t status;

    *preply = ra_bytes_of(NULL, 0);
    if (ca->adapter->enrol != ra_cmp_enrol) {
        return APR_ENOTIMPL;
    }
    ERR_clear_error();
    if (message.len > RA_CMP_MESSAGE_MAX_BYTES || (front.message = decode(message)) == NULL) {
        ERR_clear_error();
        return APR_EINVAL;
    }
    front.cmp = ca->settings;
    front.type = OSSL_CMP_MSG_get_bodytype(front.message);
    front.head.type = ra_cmp_type_name(front.type);
    front.head.reference = ra_cmp_sender_kid(front.message, pool);
    front.head.transaction_id =
        ra_cmp_octets(OSSL_CMP_HDR_get0_transactionID(OSSL_CMP_MSG_get0_header(front.message)), pool);
    front.head.message = message;
    status = answer(preply, &front);
    OSSL_CMP_MSG_free(front.message);
    ERR_clear_error();
    return status;
}
