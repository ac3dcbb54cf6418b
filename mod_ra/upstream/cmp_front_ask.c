/*
 * What OpenSSL's CMP server asks while it works on a message: certificate request, revocation, confirmation, poll.
 * Layer: upstream. Thread rule: free-threaded; a front_t belongs to one call.
 */
#include "upstream/cmp_front_internal.h"

#include <openssl/err.h>

OSSL_CMP_MSG *ra_front_decode(ra_bytes_t bytes)
{
    const unsigned char *at = bytes.data;
    OSSL_CMP_MSG *message = bytes.len > 0 ? d2i_OSSL_CMP_MSG(NULL, &at, (long)bytes.len) : NULL;

    if (message != NULL && (at != bytes.data + bytes.len || !ra_cmp_prepare_sm2(message))) {
        OSSL_CMP_MSG_free(message);
        return NULL;
    }
    return message;
}

X509 *ra_front_read_cert(ra_bytes_t der)
{
    const unsigned char *at = der.data;

    return d2i_X509(NULL, &at, (long)der.len);
}

static STACK_OF(X509) * read_chain(const apr_array_header_t *chain)
{
    STACK_OF(X509) *stack = sk_X509_new_null();
    int i;

    for (i = 0; stack != NULL && chain != NULL && i < chain->nelts; i++) {
        X509 *cert = ra_front_read_cert(APR_ARRAY_IDX(chain, i, ra_bytes_t));
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
    *pcert = ra_front_read_cert(standing->certificate);
    *pchain = read_chain(standing->chain);
    *proots = root_of(*pchain);
    return *pcert != NULL && *pchain != NULL ? OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_accepted, 0, NULL) : NULL;
}

/* The certificate that is to be renewed or revoked is the one that signed, whoever else may be named (RFC 9810 section 5.3.5). */
static int is_signer(const front_t *front, const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
    return issuer != NULL && serial != NULL && X509_NAME_cmp(issuer, X509_get_issuer_name(front->signer)) == 0 &&
           ASN1_INTEGER_cmp(serial, X509_get0_serialNumber(front->signer)) == 0;
}

/* A request that names no old certificate means the one that signed it. */
static int renews_signer(const front_t *front, const OSSL_CRMF_MSG *crm)
{
    const OSSL_CRMF_CERTID *old = crm != NULL ? OSSL_CRMF_MSG_get0_regCtrl_oldCertID(crm) : NULL;

    return old == NULL ||
           is_signer(front, OSSL_CRMF_CERTID_get0_issuer(old), OSSL_CRMF_CERTID_get0_serialNumber(old));
}

static int refuse_other_certificate(front_t *front)
{
    static const ra_cmp_standing_t other = {
        .state = RA_CMP_REJECTED,
        .failure = RA_CMP_FAIL_BAD_CERT_ID,
        .text = "只能为签名所用的证书办理 / a message is about the certificate that signed it, and no other"};

    front->standing = other;
    front->is_settled = 1;
    front->trouble = front->callbacks->refuse(front->callbacks->baton, "names another certificate than its signer's");
    return front->trouble == APR_SUCCESS;
}

static int ask_to_decide(front_t *front, const ra_cmp_wish_t *wish)
{
    front->trouble = front->callbacks->decide(front->callbacks->baton, wish, &front->standing);
    front->is_settled = 1;
    return front->trouble == APR_SUCCESS;
}

static int decide_request(front_t *front, const OSSL_CRMF_MSG *crm, const X509_REQ *p10)
{
    ra_cmp_wish_t wish = {.kind = front->signer != NULL ? RA_CMP_RENEWAL : RA_CMP_NEW};
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
    if (front->signer != NULL && !renews_signer(front, crm)) {
        return refuse_other_certificate(front);
    }
    return ask_to_decide(front, &wish);
}

static OSSL_CMP_PKISI *reject(const ra_cmp_standing_t *standing)
{
    return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_rejection, 1 << standing->failure, standing->text);
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
    if (!front->is_settled && !decide_request(front, crm, p10)) {
        return NULL;
    }
    switch (front->standing.state) {
    case RA_CMP_ISSUED:
        return give_certificate(&front->standing, pcert, pchain, proots);
    case RA_CMP_WAITING:
        return OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_waiting, 0, NULL);
    default:
        return reject(&front->standing);
    }
}

static int decide_revocation(front_t *front, const X509_NAME *issuer, const ASN1_INTEGER *serial)
{
    ra_cmp_wish_t wish = {.kind = RA_CMP_REVOCATION, .reason = ra_cmp_revocation_reason(front->head.message)};

    return is_signer(front, issuer, serial) ? ask_to_decide(front, &wish) : refuse_other_certificate(front);
}

static OSSL_CMP_PKISI *on_revocation(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, const X509_NAME *issuer,
                                     const ASN1_INTEGER *serial)
{
    front_t *front = OSSL_CMP_SRV_CTX_get0_custom_ctx(srv);

    (void)request;
    front->asked = 1;
    if (!front->is_settled && !decide_revocation(front, issuer, serial)) {
        return NULL;
    }
    return front->standing.state == RA_CMP_NOTED
               ? OSSL_CMP_STATUSINFO_new(OSSL_CMP_PKISTATUS_revocationWarning, 0, front->standing.text)
               : reject(&front->standing);
}

/* The hash's algorithm is that of the certificate's signature (RFC 9810 section 5.3.18). */
static int hash_fits(const front_t *front, const ASN1_OCTET_STRING *hash)
{
    X509 *cert = ra_front_read_cert(front->standing.certificate);
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
    *prequest = ra_front_decode(front->known.request);
    return *prequest != NULL;
}

/* --- the server --------------------------------------------------------------------------------------------------- */

/* It names us, and signs where no code is at hand; a certificate of an operator's CA comes with its chain. */
static int set_credential(const front_t *front)
{
    const ra_cmp_credential_t *own = &front->cmp->front;

    if (own->cert == NULL) {
        return 1;
    }
    /* OpenSSL 3.0 fails on every message after it was given an empty list. */
    return OSSL_CMP_CTX_set1_cert(front->ctx, own->cert) && OSSL_CMP_CTX_set1_pkey(front->ctx, own->key) &&
           (sk_X509_num(own->chain) == 0 || OSSL_CMP_CTX_set1_untrusted(front->ctx, own->chain));
}

/* Errors stay in OpenSSL's queue (nothing is printed), so that the first of them becomes the text of an error reply. */
int ra_front_make_server(front_t *front)
{
    OSSL_CMP_SRV_CTX *srv = front->srv = OSSL_CMP_SRV_CTX_new(NULL, NULL);
    OSSL_CMP_CTX *ctx = front->ctx = srv != NULL ? OSSL_CMP_SRV_CTX_get0_cmp_ctx(srv) : NULL;

    return ctx != NULL &&
           OSSL_CMP_SRV_CTX_init(srv, front, on_request, on_revocation, NULL, NULL, on_confirmation, on_poll) &&
           OSSL_CMP_SRV_CTX_set_accept_raverified(srv, 0) && OSSL_CMP_SRV_CTX_set_accept_unprotected(srv, 0) &&
           OSSL_CMP_SRV_CTX_set_send_unprotected_errors(srv, 0) &&
           OSSL_CMP_SRV_CTX_set_grant_implicit_confirm(srv, 1) &&
           OSSL_CMP_CTX_set_log_verbosity(ctx, OSSL_CMP_LOG_EMERG) && set_credential(front);
}
