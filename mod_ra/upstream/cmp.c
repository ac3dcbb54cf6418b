/*
 * The CMP adapter (RFC 9810, RFC 9483): enrol and revoke, and what is known after a try. The table of outcomes is
 * reliability first: an answer that is not verified is no answer, and what may have arrived at the CA is never called
 * unsent. Layer: upstream. Thread rule: free-threaded; an exchange is used by one thread.
 */
#include "upstream/cmp_internal.h"

#include <apr_strings.h>
#include <openssl/err.h>
#include <string.h>

#define POLL_AGAIN_SECONDS 30 /* when a poll got no answer */
#define REASON_RELEASE 8

/* The CA knows this transaction or these nonces otherwise than we do: that says nothing about the certificate. */
#define PROTOCOL_BITS                                                                                                  \
    ((1 << OSSL_CMP_PKIFAILUREINFO_transactionIdInUse) | (1 << OSSL_CMP_PKIFAILUREINFO_badRecipientNonce) |            \
     (1 << OSSL_CMP_PKIFAILUREINFO_badSenderNonce) | (1 << OSSL_CMP_PKIFAILUREINFO_badMessageCheck))

/* What a CA finds wrong with a request before it acts on it; any other bit (systemFailure), or none, may come from a CA that has acted already. */
#define REQUEST_BITS                                                                                                   \
    ((1 << OSSL_CMP_PKIFAILUREINFO_badAlg) | (1 << OSSL_CMP_PKIFAILUREINFO_badRequest) |                               \
     (1 << OSSL_CMP_PKIFAILUREINFO_badTime) | (1 << OSSL_CMP_PKIFAILUREINFO_badCertId) |                               \
     (1 << OSSL_CMP_PKIFAILUREINFO_badDataFormat) | (1 << OSSL_CMP_PKIFAILUREINFO_wrongAuthority) |                    \
     (1 << OSSL_CMP_PKIFAILUREINFO_incorrectData) | (1 << OSSL_CMP_PKIFAILUREINFO_badPOP) |                            \
     (1 << OSSL_CMP_PKIFAILUREINFO_certRevoked) | (1 << OSSL_CMP_PKIFAILUREINFO_wrongIntegrity) |                      \
     (1 << OSSL_CMP_PKIFAILUREINFO_unacceptedPolicy) | (1 << OSSL_CMP_PKIFAILUREINFO_unacceptedExtension) |            \
     (1 << OSSL_CMP_PKIFAILUREINFO_badCertTemplate) | (1 << OSSL_CMP_PKIFAILUREINFO_signerNotTrusted) |                \
     (1 << OSSL_CMP_PKIFAILUREINFO_unsupportedVersion) | (1 << OSSL_CMP_PKIFAILUREINFO_notAuthorized))

/* The CA's own words on its status. */
static const char *ca_words(ra_cmp_run_t *run)
{
    char text[OSSL_CMP_PKISI_BUFLEN];

    if (OSSL_CMP_CTX_snprint_PKIStatus(run->ctx, text, sizeof(text)) == NULL) {
        return "rejection";
    }
    return apr_pstrdup(run->pool, text);
}

/* Why there is no believable answer: the transport's words, else the first of OpenSSL's, else its last log line. */
static const char *own_words(ra_cmp_run_t *run)
{
    const char *data = NULL;
    const char *text = "";
    int flags = 0;
    unsigned long code;

    if (run->transport_error != NULL) {
        return run->transport_error;
    }
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        const char *reason = ERR_reason_error_string(code);
        text = apr_pstrcat(run->pool, text, *text != '\0' ? "; " : "", reason != NULL ? reason : "error",
                           (flags & ERR_TXT_STRING) && data != NULL && *data != '\0' ? ": " : "",
                           (flags & ERR_TXT_STRING) ? data : "", NULL);
    }
    if (*text == '\0') {
        text = run->log[0] != '\0' ? run->log : "no reason is known";
    }
    return text;
}

static void finish(ra_cmp_run_t *run, ra_ca_outcome_e outcome, const char *text)
{
    run->exchange->outcome = outcome;
    run->exchange->reason_text = *text != '\0' ? ra_cmp_clean_text(text, strlen(text), run->pool) : NULL;
}

/* An error message that says "waiting" (delayed delivery, RFC 9810) is turned into a rejection by OpenSSL 3.0; it is
 * none. */
static int is_rejection(const ra_cmp_run_t *run)
{
    if (ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_CMP &&
        ERR_GET_REASON(ERR_peek_last_error()) == CMP_R_UNEXPECTED_PKISTATUS) {
        return 0;
    }
    return OSSL_CMP_CTX_get_status(run->ctx) == OSSL_CMP_PKISTATUS_rejection && run->transport_error == NULL;
}

/*
 * A verified "no". It is final only when it is about the request: an error message to a repeated request or to a poll,
 * and complaints about transactionID or nonces, leave open what became of the first one (RFC 9810 section 5.3.21).
 */
static void conclude_rejection(ra_cmp_run_t *run)
{
    int bits = OSSL_CMP_CTX_get_failInfoCode(run->ctx);
    int about_protocol = bits > 0 && (bits & PROTOCOL_BITS) != 0;
    int later_error = run->last_body == RA_CMP_ERROR && (run->repeated || run->exchange->waiting.len > 0);

    run->exchange->failure_bits = bits > 0 ? bits : 0;
    run->exchange->request_at_fault = bits > 0 && (bits & ~REQUEST_BITS) == 0;
    if (about_protocol || later_error) {
        run->exchange->waiting = run->exchange->poll = ra_bytes_of(NULL, 0);
        finish(run, RA_CA_UNKNOWN, ca_words(run));
        return;
    }
    finish(run, RA_CA_REJECTED, ca_words(run));
}

/* No certificate, no verified "no". */
static void conclude_silence(ra_cmp_run_t *run)
{
    const char *text = own_words(run);

    if (run->stopped) {
        finish(run, RA_CA_NOT_SENT, text);
    } else if (run->resumed && run->calls == 0 && !run->out_of_time) {
        /* Nobody was asked: what the CA said then is not believed any more (its signer has ended, trust has changed). No poll can follow it. */
        run->exchange->waiting = run->exchange->poll = ra_bytes_of(NULL, 0);
        finish(run, RA_CA_UNKNOWN, text);
    } else if (run->exchange->waiting.len > 0) {
        /* The CA has it and said so; asking again can do no harm. */
        run->exchange->check_after = POLL_AGAIN_SECONDS;
        finish(run, RA_CA_WAITING, text);
    } else {
        finish(run, run->may_have_arrived > 0 ? RA_CA_UNKNOWN : RA_CA_NOT_SENT, text);
    }
}

/*
 * A refused certificate stays valid until the CA knows. When it acknowledged, OpenSSL has nothing to complain of but that
 * the certificate was not accepted (queue and log were empty when the answer to the confirmation came).
 */
static void conclude_refusal(ra_cmp_run_t *run)
{
    const char *why = run->declined_because != NULL ? run->declined_because : "not the certificate that was approved";
    unsigned long complaint = ERR_peek_error();
    int told = run->transport_error == NULL && run->log[0] == '\0' &&
               (complaint == 0 || ERR_GET_REASON(complaint) == CMP_R_CERTIFICATE_NOT_ACCEPTED);

    if (told) {
        finish(run, RA_CA_REFUSED, why);
    } else {
        finish(run, RA_CA_UNKNOWN, apr_pstrcat(run->pool, why, "; the CA did not acknowledge its refusal: ", own_words(run), NULL));
    }
}

static void conclude_certificate(ra_cmp_run_t *run, int confirmed)
{
    const char *tail =
        confirmed ? "" : apr_pstrcat(run->pool, "the CA did not acknowledge the confirmation: ", own_words(run), NULL);

    switch (run->verdict) {
    case RA_CA_ACCEPT:
        finish(run, RA_CA_DONE, tail);
        break;
    case RA_CA_DECLINE:
        conclude_refusal(run);
        break;
    default:
        finish(run, RA_CA_UNKNOWN, "whether the certificate was stored is not known, so the CA was told nothing");
        break;
    }
}

static void conclude_enrolment(ra_cmp_run_t *run, int result, int check_after)
{
    if (run->asked) {
        conclude_certificate(run, result == 1);
    } else if (result == -1) {
        if (run->calls > 0) {
            run->exchange->poll = run->last_answer;
        }
        run->exchange->check_after = check_after;
        finish(run, RA_CA_WAITING, "");
    } else if (is_rejection(run)) {
        conclude_rejection(run);
    } else {
        conclude_silence(run);
    }
}

/* What the reviewer approved, not what the subscriber's tool wrote. The issuer is set too: OpenSSL would take the RA
 * certificate's. */
static int set_template(ra_cmp_run_t *run)
{
    const ra_ca_request_t *request = run->exchange->request;
    OSSL_CMP_CTX *ctx = run->ctx;
    const unsigned char *at = request->spki.data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)request->spki.len);
    X509_NAME *subject = ra_cmp_name_make(request->subject, request->subject_count);
    X509_EXTENSIONS *extensions = ra_cmp_extensions_make(request);
    int ok = key != NULL && subject != NULL && extensions != NULL && OSSL_CMP_CTX_set1_subjectName(ctx, subject) &&
             OSSL_CMP_CTX_set1_issuer(ctx, run->cmp->ca_name) &&
             OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_SUBJECTALTNAME_NODEFAULT, 1) &&
             OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_VALIDITY_DAYS, request->validity_days) &&
             OSSL_CMP_CTX_set_option(ctx, OSSL_CMP_OPT_POPO_METHOD, OSSL_CRMF_POPO_RAVERIFIED);

    if (ok && (ok = OSSL_CMP_CTX_set0_newPkey(ctx, 0, key)) != 0) {
        key = NULL;
    }
    if (ok && (ok = OSSL_CMP_CTX_set0_reqExtensions(ctx, extensions)) != 0) {
        extensions = NULL;
    }
    EVP_PKEY_free(key);
    X509_NAME_free(subject);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    return ok;
}

static int set_csr(ra_cmp_run_t *run)
{
    const ra_ca_request_t *request = run->exchange->request;
    const unsigned char *at = request->csr.data;
    X509_REQ *csr = d2i_X509_REQ(NULL, &at, (long)request->csr.len);
    int ok = csr != NULL && OSSL_CMP_CTX_set1_p10CSR(run->ctx, csr);

    X509_REQ_free(csr);
    return ok;
}

void ra_cmp_enrol(const ra_ca_t *ca, ra_ca_exchange_t *exchange, apr_pool_t *pool)
{
    const ra_cmp_t *cmp = ca->settings;
    ra_cmp_run_t run;
    int check_after = 0;
    int result;

    if (!ra_cmp_run_begin(&run, cmp, exchange, pool) || !(cmp->use_p10cr ? set_csr(&run) : set_template(&run))) {
        finish(&run, RA_CA_NOT_SENT, apr_pstrcat(pool, "the request could not be made: ", own_words(&run), NULL));
        ra_cmp_run_end(&run);
        return;
    }
    result = OSSL_CMP_try_certreq(run.ctx, cmp->use_p10cr ? OSSL_CMP_P10CR : OSSL_CMP_CR, NULL, &check_after);
    if (result == -1 && run.poll_replayed && run.calls == 0) {
        /* So far only stored answers were replayed; now the CA is asked. */
        result = OSSL_CMP_try_certreq(run.ctx, cmp->use_p10cr ? OSSL_CMP_P10CR : OSSL_CMP_CR, NULL, &check_after);
    }
    conclude_enrolment(&run, result, check_after);
    ra_cmp_run_end(&run);
}

/* "Already revoked" is what revoking and holding wish for, but not what a release wishes for. */
static int is_already_so(const ra_cmp_run_t *run, int bits)
{
    return bits > 0 && (bits & (1 << OSSL_CMP_PKIFAILUREINFO_certRevoked)) != 0 &&
           run->exchange->revocation->reason != REASON_RELEASE;
}

static void conclude_revocation(ra_cmp_run_t *run, int result)
{
    int status = OSSL_CMP_CTX_get_status(run->ctx);
    int bits = OSSL_CMP_CTX_get_failInfoCode(run->ctx);

    if (result == 1 && status == OSSL_CMP_PKISTATUS_revocationWarning) {
        finish(run, RA_CA_UNKNOWN, "the CA only announces the revocation");
    } else if (result == 1) {
        finish(run, RA_CA_DONE, "");
    } else if (is_rejection(run) && is_already_so(run, bits)) {
        finish(run, RA_CA_DONE, ca_words(run));
    } else if (is_rejection(run)) {
        conclude_rejection(run);
    } else {
        conclude_silence(run);
    }
}

static int set_revocation(ra_cmp_run_t *run)
{
    const ra_ca_revocation_t *revocation = run->exchange->revocation;
    const unsigned char *at = revocation->certificate.data;

    if (revocation->certificate.len > 0) {
        run->subject_cert = d2i_X509(NULL, &at, (long)revocation->certificate.len);
    } else {
        run->subject_cert = ra_cmp_stub_make(revocation->serial, run->cmp->ca_name, run->cmp->signer.key);
    }
    return run->subject_cert != NULL && OSSL_CMP_CTX_set1_oldCert(run->ctx, run->subject_cert) &&
           OSSL_CMP_CTX_set_option(run->ctx, OSSL_CMP_OPT_REVOCATION_REASON, revocation->reason);
}

void ra_cmp_revoke(const ra_ca_t *ca, ra_ca_exchange_t *exchange, apr_pool_t *pool)
{
    ra_cmp_run_t run;

    exchange->waiting = exchange->poll = ra_bytes_of(NULL, 0);
    if (!ra_cmp_run_begin(&run, ca->settings, exchange, pool) || !set_revocation(&run)) {
        finish(&run, RA_CA_NOT_SENT, apr_pstrcat(pool, "the request could not be made: ", own_words(&run), NULL));
    } else {
        conclude_revocation(&run, OSSL_CMP_exec_RR_ses(run.ctx));
    }
    ra_cmp_run_end(&run);
}
