/*
 * The CMP server side: authenticates a message, lets OpenSSL work on it, and asks the caller what it comes to.
 * OpenSSL's server keeps one transaction in memory; here every message gets a fresh one, which is brought to where the
 * transaction stands by letting it answer the stored request again (that answer is dropped).
 * Layer: upstream. Thread rule: free-threaded; a front_t belongs to one call.
 */
#include "upstream/cmp_front_internal.h"

#include <apr_strings.h>
#include <openssl/err.h>
#include <string.h>

#include "base/limits.h"

#define RANDOM_SECRET_BYTES 32
#define NO_TRANSACTION "there is no such transaction"

/* --- one server for one message --------------------------------------------------------------------------------- */

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
    OSSL_CMP_MSG *stored = ra_front_decode(front->known.request);
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
    if (front->standing.state == RA_CMP_NOTED) {
        return process_refused(front, "a revocation is not waited for");
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
    const char *why = front->signer != NULL
                          ? "this address serves kur and rr when they are signed; other requests need codes"
                          : "this address serves ir, cr and p10cr with reference and authorisation code, and signed kur and rr";

    front->trouble = front->callbacks->refuse(front->callbacks->baton, "a type that is not served");
    return front->trouble == APR_SUCCESS ? process_refused(front, why) : NULL;
}

/* --- the message ------------------------------------------------------------------------------------------------ */

static int hands_out_certificates(int type)
{
    return type == FRONT_IP || type == RA_CMP_CP || type == FRONT_KUP;
}

/* The reply leaves a transaction open, or hands out a certificate: its nonce must be known to whoever answers next. */
static void store_reply(front_t *front, const OSSL_CMP_MSG *reply)
{
    int type = OSSL_CMP_MSG_get_bodytype(reply);
    int is_last = OSSL_CMP_CTX_get_option(front->ctx, OSSL_CMP_OPT_IMPLICIT_CONFIRM) == 1;

    if ((!hands_out_certificates(type) && type != RA_CMP_POLL_REP) || !front->is_settled ||
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
        return front->signer == NULL ? serve_request(front) : serve_other(front);
    case FRONT_KUR:
    case RA_CMP_RR:
        return front->signer != NULL ? serve_request(front) : serve_other(front);
    case RA_CMP_POLL_REQ:
        return serve_poll(front);
    case RA_CMP_CERT_CONF:
        return serve_confirmation(front);
    default:
        return serve_other(front);
    }
}

/*
 * Neither codes nor a certificate that is known here: the same words for whatever is wrong. Without a credential of the
 * front nobody could check a protection, so there is none.
 */
static OSSL_CMP_MSG *serve_stranger(front_t *front)
{
    int is_later = front->type == RA_CMP_POLL_REQ || front->type == RA_CMP_CERT_CONF;
    int is_bare = front->cmp->front.cert == NULL;

    /* With a secret at hand OpenSSL does not begin to try the certificates that a stranger sends along. */
    if ((!is_later && !is_bare && !set_random_secret(front)) ||
        (is_bare && !OSSL_CMP_SRV_CTX_set_send_unprotected_errors(front->srv, 1))) {
        return NULL;
    }
    OSSL_CMP_CTX_set1_srvCert(front->ctx, NULL);
    return process_refused(front, "protect the message with reference and authorisation code (PasswordBasedMac); kur and "
                                  "rr are signed with the certificate of this RA that they are about");
}

/* By the very certificate that was issued, and by no other that came along; whether it is in force is the caller's. */
static int is_signed_by_known(front_t *front)
{
    X509 *signer = ra_bytes_equal(front->known.signer, front->head.signer) ? ra_front_read_cert(front->known.signer) : NULL;
    int is_good = signer != NULL && OSSL_CMP_CTX_set1_srvCert(front->ctx, signer) &&
                  OSSL_CMP_validate_msg(front->ctx, front->message) == 1;

    ERR_clear_error();
    if (is_good) {
        front->signer = signer;
    } else {
        X509_free(signer);
    }
    return is_good;
}

static OSSL_CMP_MSG *serve_signed(front_t *front)
{
    front->trouble = front->callbacks->find(front->callbacks->baton, &front->head, &front->known);
    if (front->trouble != APR_SUCCESS) {
        return NULL;
    }
    return is_signed_by_known(front) ? serve_authentic(front) : serve_stranger(front);
}

static OSSL_CMP_MSG *serve_wrong(front_t *front)
{
    front->trouble = front->callbacks->count_wrong(front->callbacks->baton);
    return front->trouble == APR_SUCCESS && set_random_secret(front) ? process(front, front->message) : NULL;
}

static OSSL_CMP_MSG *serve_with_codes(front_t *front)
{
    front->trouble = front->callbacks->find(front->callbacks->baton, &front->head, &front->known);
    if (front->trouble != APR_SUCCESS) {
        return NULL;
    }
    return authenticate(front) ? serve_authentic(front) : serve_wrong(front);
}

/* What is looked up for a message that carries a certificate is looked up for no other. */
static int may_be_signed(const front_t *front)
{
    return front->cmp->front.cert != NULL && (front->type == FRONT_KUR || front->type == RA_CMP_RR ||
                                                front->type == RA_CMP_POLL_REQ || front->type == RA_CMP_CERT_CONF);
}

static OSSL_CMP_MSG *serve(front_t *front)
{
    if (ra_cmp_is_pbm(front->message)) {
        return serve_with_codes(front);
    }
    if (may_be_signed(front)) {
        front->head.signer = ra_cmp_first_certificate(front->head.message, front->pool);
    }
    return front->head.signer.len > 0 ? serve_signed(front) : serve_stranger(front);
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
    OSSL_CMP_MSG *reply = ra_front_make_server(front) && set_reference(front) ? serve(front) : NULL;
    apr_status_t status;

    if (reply != NULL && front->trouble == APR_SUCCESS) {
        store_reply(front, reply);
    }
    status = front->trouble != APR_SUCCESS ? front->trouble : encode(preply, reply, front->pool);
    OSSL_CMP_MSG_free(reply);
    OSSL_CMP_SRV_CTX_free(front->srv);
    X509_free(front->signer);
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
    if (message.len > RA_CMP_MESSAGE_MAX_BYTES || (front.message = ra_front_decode(message)) == NULL) {
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
