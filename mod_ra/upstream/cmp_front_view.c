/*
 * Views of opaque parts of a CMP message: encoded by OpenSSL, decoded again by templates of our own.
 * PKIXCMP has explicit tags, PKIXCRMF implicit ones. Layer: upstream. Thread rule: free-threaded.
 */
#include "upstream/cmp_front_view.h"

#include <apr_strings.h>
#include <openssl/asn1t.h>
#include <openssl/crmf.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "base/limits.h"

/* CertTemplate, RFC 4211 section 5. */
typedef struct front_template_t {
    ASN1_INTEGER *version;
    ASN1_INTEGER *serial;
    X509_ALGOR *signing_alg;
    ASN1_TYPE *issuer;
    STACK_OF(ASN1_TYPE) * validity;
    ASN1_TYPE *subject;
    X509_PUBKEY *public_key;
    ASN1_BIT_STRING *issuer_uid;
    ASN1_BIT_STRING *subject_uid;
    STACK_OF(ASN1_TYPE) * extensions;
} front_template_t;

/* PKIMessage, RFC 9810 section 5.1. */
typedef struct front_message_t {
    ASN1_TYPE *header;
    ASN1_TYPE *body;
    ASN1_TYPE *protection;
    STACK_OF(ASN1_TYPE) * extra_certs;
} front_message_t;

/* RevDetails, RFC 9810 section 5.3.9. */
typedef struct front_revocation_t {
    ASN1_TYPE *details;
    STACK_OF(X509_EXTENSION) * entry;
} front_revocation_t;

/* clang-format off */
ASN1_SEQUENCE(front_message_t) = {
    ASN1_SIMPLE(front_message_t, header, ASN1_ANY),
    ASN1_SIMPLE(front_message_t, body, ASN1_ANY),
    ASN1_EXP_OPT(front_message_t, protection, ASN1_ANY, 0),
    ASN1_EXP_SEQUENCE_OF_OPT(front_message_t, extra_certs, ASN1_ANY, 1),
} static_ASN1_SEQUENCE_END(front_message_t);

ASN1_SEQUENCE(front_revocation_t) = {
    ASN1_SIMPLE(front_revocation_t, details, ASN1_ANY),
    ASN1_SEQUENCE_OF_OPT(front_revocation_t, entry, X509_EXTENSION),
} static_ASN1_SEQUENCE_END(front_revocation_t);

ASN1_SEQUENCE(front_template_t) = {
    ASN1_IMP_OPT(front_template_t, version, ASN1_INTEGER, 0),
    ASN1_IMP_OPT(front_template_t, serial, ASN1_INTEGER, 1),
    ASN1_IMP_OPT(front_template_t, signing_alg, X509_ALGOR, 2),
    ASN1_EXP_OPT(front_template_t, issuer, ASN1_ANY, 3),
    ASN1_IMP_SEQUENCE_OF_OPT(front_template_t, validity, ASN1_ANY, 4),
    ASN1_EXP_OPT(front_template_t, subject, ASN1_ANY, 5),
    ASN1_IMP_OPT(front_template_t, public_key, X509_PUBKEY, 6),
    ASN1_IMP_OPT(front_template_t, issuer_uid, ASN1_BIT_STRING, 7),
    ASN1_IMP_OPT(front_template_t, subject_uid, ASN1_BIT_STRING, 8),
    ASN1_IMP_SEQUENCE_OF_OPT(front_template_t, extensions, ASN1_ANY, 9),
} static_ASN1_SEQUENCE_END(front_template_t);
/* clang-format on */

const char *ra_cmp_type_name(int type)
{
    static const char *const names[] = {"ir",   "ip",     "cr",    "cp",       "p10cr",   "popdecc", "popdecr",
                                        "kur",  "kup",    "krr",   "krp",      "rr",      "rp",      "ccr",
                                        "ccp",  "ckuann", "cann",  "rann",     "crlann",  "pkiconf", "nested",
                                        "genm", "genp",   "error", "certConf", "pollReq", "pollRep"};

    return type >= 0 && type < (int)(sizeof(names) / sizeof(names[0])) ? names[type] : "";
}

ra_bytes_t ra_cmp_octets(const ASN1_OCTET_STRING *octets, apr_pool_t *pool)
{
    int len = octets != NULL ? ASN1_STRING_length(octets) : 0;

    if (len < 1 || len > RA_CMP_TRANSACTION_MAX_BYTES) {
        return ra_bytes_of(NULL, 0);
    }
    return ra_bytes_copy(ra_bytes_of(ASN1_STRING_get0_data(octets), (apr_size_t)len), pool);
}

static ra_bytes_t key_bytes(const X509_PUBKEY *key, apr_pool_t *pool)
{
    ra_bytes_t bytes = {NULL, 0};
    unsigned char *der = NULL;
    int len = key != NULL ? i2d_X509_PUBKEY(key, &der) : 0;

    if (len > 0) {
        bytes = ra_bytes_copy(ra_bytes_of(der, (apr_size_t)len), pool);
    }
    OPENSSL_free(der);
    return bytes;
}

ra_bytes_t ra_cmp_template_key(const OSSL_CRMF_MSG *request, apr_pool_t *pool)
{
    unsigned char *der = NULL;
    int len = i2d_OSSL_CRMF_CERTTEMPLATE(OSSL_CRMF_MSG_get0_tmpl(request), &der);
    const unsigned char *at = der;
    ra_bytes_t bytes = {NULL, 0};
    front_template_t *view = NULL;

    if (len > 0) {
        view = (front_template_t *)ASN1_item_d2i(NULL, &at, len, ASN1_ITEM_rptr(front_template_t));
    }
    if (view != NULL) {
        bytes = key_bytes(view->public_key, pool);
    }
    ASN1_item_free((ASN1_VALUE *)view, ASN1_ITEM_rptr(front_template_t));
    OPENSSL_free(der);
    return bytes;
}

int ra_cmp_is_accepted(const OSSL_CMP_PKISI *status)
{
    unsigned char *der = NULL;
    int len = status != NULL ? i2d_OSSL_CMP_PKISI(status, &der) : 0;
    const unsigned char *at = der;
    long inner = 0;
    int tag = 0;
    int class = 0;
    int is_accepted = status == NULL;
    ASN1_INTEGER *number = NULL;

    /* PKIStatusInfo is a SEQUENCE that begins with the status. */
    if (len > 0 && (ASN1_get_object(&at, &inner, &tag, &class, len) & 0x80) == 0) {
        number = d2i_ASN1_INTEGER(NULL, &at, inner);
        is_accepted = number != NULL && ASN1_INTEGER_get(number) == OSSL_CMP_PKISTATUS_accepted;
    }
    ASN1_INTEGER_free(number);
    OPENSSL_free(der);
    return is_accepted;
}

/* --- parts of a signed message ---------------------------------------------------------------------------------- */

static front_message_t *message_of(ra_bytes_t bytes)
{
    const unsigned char *at = bytes.data;

    return (front_message_t *)ASN1_item_d2i(NULL, &at, (long)bytes.len, ASN1_ITEM_rptr(front_message_t));
}

static void message_free(front_message_t *view)
{
    ASN1_item_free((ASN1_VALUE *)view, ASN1_ITEM_rptr(front_message_t));
}

/* The bytes of the whole element. */
static ra_bytes_t element_of(const ASN1_TYPE *value, int type)
{
    const ASN1_STRING *text = value != NULL && value->type == type ? value->value.asn1_string : NULL;

    return text != NULL ? ra_bytes_of(ASN1_STRING_get0_data(text), (apr_size_t)ASN1_STRING_length(text))
                        : ra_bytes_of(NULL, 0);
}

ra_bytes_t ra_cmp_first_certificate(ra_bytes_t message, apr_pool_t *pool)
{
    front_message_t *view = message_of(message);
    ra_bytes_t bytes = {NULL, 0};

    if (view != NULL && view->extra_certs != NULL && sk_ASN1_TYPE_num(view->extra_certs) > 0) {
        bytes = element_of(sk_ASN1_TYPE_value(view->extra_certs, 0), V_ASN1_SEQUENCE);
    }
    if (bytes.len > 0) {
        bytes = ra_bytes_copy(bytes, pool);
    }
    message_free(view);
    return bytes;
}

/* Steps into the constructed element at *pat and shortens *plen to its content. */
static int step_in(const unsigned char **pat, long *plen)
{
    long inner = 0;
    int tag = 0;
    int class = 0;
    int is_bad = (ASN1_get_object(pat, &inner, &tag, &class, *plen) & 0x80) != 0;

    *plen = inner;
    return !is_bad;
}

static int reason_of(const front_revocation_t *details)
{
    int critical = 0;
    ASN1_ENUMERATED *reason = X509V3_get_d2i(details->entry, NID_crl_reason, &critical, NULL);
    int value = reason != NULL ? (int)ASN1_ENUMERATED_get(reason) : critical == -1 ? 0 : -1;

    ASN1_ENUMERATED_free(reason);
    return value;
}

/* The body is [11] { SEQUENCE OF RevDetails }; OpenSSL has seen to it that there is one. */
int ra_cmp_revocation_reason(ra_bytes_t message)
{
    front_message_t *view = message_of(message);
    ra_bytes_t body = element_of(view != NULL ? view->body : NULL, V_ASN1_OTHER);
    const unsigned char *at = body.data;
    long len = (long)body.len;
    front_revocation_t *details = NULL;
    int reason = -1;

    if (body.len > 0 && step_in(&at, &len) && step_in(&at, &len)) {
        details = (front_revocation_t *)ASN1_item_d2i(NULL, &at, len, ASN1_ITEM_rptr(front_revocation_t));
    }
    if (details != NULL) {
        reason = reason_of(details);
    }
    ASN1_item_free((ASN1_VALUE *)details, ASN1_ITEM_rptr(front_revocation_t));
    message_free(view);
    return reason;
}
