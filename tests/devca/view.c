/* Own ASN.1 views. The module PKIXCMP has explicit tags, PKIXCRMF implicit ones. Thread rule: free-threaded. */
#include "view.h"

#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <string.h>

/* clang-format off */
ASN1_SEQUENCE(header_view_t) = {
    ASN1_SIMPLE(header_view_t, pvno, ASN1_INTEGER),
    ASN1_SIMPLE(header_view_t, sender, GENERAL_NAME),
    ASN1_SIMPLE(header_view_t, recipient, GENERAL_NAME),
    ASN1_EXP_OPT(header_view_t, message_time, ASN1_GENERALIZEDTIME, 0),
    ASN1_EXP_OPT(header_view_t, protection_alg, X509_ALGOR, 1),
    ASN1_EXP_OPT(header_view_t, sender_kid, ASN1_OCTET_STRING, 2),
    ASN1_EXP_OPT(header_view_t, recip_kid, ASN1_OCTET_STRING, 3),
    ASN1_EXP_OPT(header_view_t, transaction_id, ASN1_OCTET_STRING, 4),
    ASN1_EXP_OPT(header_view_t, sender_nonce, ASN1_OCTET_STRING, 5),
    ASN1_EXP_OPT(header_view_t, recip_nonce, ASN1_OCTET_STRING, 6),
    ASN1_EXP_OPT(header_view_t, free_text, ASN1_ANY, 7),
    ASN1_EXP_OPT(header_view_t, general_info, ASN1_ANY, 8),
} ASN1_SEQUENCE_END(header_view_t)
IMPLEMENT_ASN1_FUNCTIONS(header_view_t)

ASN1_SEQUENCE(message_view_t) = {
    ASN1_SIMPLE(message_view_t, header, header_view_t),
    ASN1_SIMPLE(message_view_t, body, ASN1_ANY),
    ASN1_EXP_OPT(message_view_t, protection, ASN1_BIT_STRING, 0),
    ASN1_EXP_OPT(message_view_t, extra_certs, ASN1_ANY, 1),
} ASN1_SEQUENCE_END(message_view_t)
IMPLEMENT_ASN1_FUNCTIONS(message_view_t)

/* What the protection covers. */
typedef struct protected_part_t {
    header_view_t *header;
    ASN1_TYPE *body;
} protected_part_t;

ASN1_SEQUENCE(protected_part_t) = {
    ASN1_SIMPLE(protected_part_t, header, header_view_t),
    ASN1_SIMPLE(protected_part_t, body, ASN1_ANY),
} static_ASN1_SEQUENCE_END(protected_part_t)

ASN1_SEQUENCE(validity_view_t) = {
    ASN1_EXP_OPT(validity_view_t, not_before, ASN1_TIME, 0),
    ASN1_EXP_OPT(validity_view_t, not_after, ASN1_TIME, 1),
} static_ASN1_SEQUENCE_END(validity_view_t)

ASN1_SEQUENCE(template_view_t) = {
    ASN1_IMP_OPT(template_view_t, version, ASN1_INTEGER, 0),
    ASN1_IMP_OPT(template_view_t, serial, ASN1_INTEGER, 1),
    ASN1_IMP_OPT(template_view_t, signing_alg, X509_ALGOR, 2),
    ASN1_EXP_OPT(template_view_t, issuer, X509_NAME, 3),
    ASN1_IMP_OPT(template_view_t, validity, validity_view_t, 4),
    ASN1_EXP_OPT(template_view_t, subject, X509_NAME, 5),
    ASN1_IMP_OPT(template_view_t, public_key, X509_PUBKEY, 6),
    ASN1_IMP_OPT(template_view_t, issuer_uid, ASN1_BIT_STRING, 7),
    ASN1_IMP_OPT(template_view_t, subject_uid, ASN1_BIT_STRING, 8),
    ASN1_IMP_SEQUENCE_OF_OPT(template_view_t, extensions, X509_EXTENSION, 9),
} ASN1_SEQUENCE_END(template_view_t)
IMPLEMENT_ASN1_FUNCTIONS(template_view_t)

/* RevDetails: { certDetails, crlEntryDetails OPTIONAL }; the first details of a RevReqContent. */
typedef struct revocation_view_t {
    ASN1_TYPE *details;
    X509_EXTENSIONS *entry;
} revocation_view_t;

ASN1_SEQUENCE(revocation_view_t) = {
    ASN1_SIMPLE(revocation_view_t, details, ASN1_ANY),
    ASN1_SEQUENCE_OF_OPT(revocation_view_t, entry, X509_EXTENSION),
} static_ASN1_SEQUENCE_END(revocation_view_t);
/* clang-format on */

/* The tags of PKIBody, RFC 9810 section 5.1.2. */
static const char *const body_names[] = {"ir",   "ip",     "cr",    "cp",       "p10cr",   "popdecc", "popdecr",
                                         "kur",  "kup",    "krr",   "krp",      "rr",      "rp",      "ccr",
                                         "ccp",  "ckuann", "cann",  "rann",     "crlann",  "pkiconf", "nested",
                                         "genm", "genp",   "error", "certConf", "pollReq", "pollRep"};

message_view_t *view_message(const unsigned char *der, size_t len)
{
    const unsigned char *at = der;
    message_view_t *message = d2i_message_view_t(NULL, &at, (long)len);

    if (message != NULL && at != der + len) {
        message_view_t_free(message);
        return NULL;
    }
    return message;
}

/* Steps into the constructed element at *pat; its length, or -1. */
static long step_in(const unsigned char **pat, long len, int *ptag)
{
    long inner = 0;
    int class = 0;

    if (ASN1_get_object(pat, &inner, ptag, &class, len) & 0x80) {
        return -1;
    }
    return inner;
}

/* The bytes of the body's element. */
static const ASN1_STRING *body_bytes(const message_view_t *message)
{
    return message->body->type == V_ASN1_OTHER ? message->body->value.asn1_string : NULL;
}

const char *view_body_name(const message_view_t *message)
{
    const ASN1_STRING *bytes = body_bytes(message);
    const unsigned char *at = bytes != NULL ? ASN1_STRING_get0_data(bytes) : NULL;
    int tag = -1;

    if (at == NULL || step_in(&at, ASN1_STRING_length(bytes), &tag) < 0 || tag < 0 ||
        tag >= (int)(sizeof(body_names) / sizeof(body_names[0]))) {
        return "";
    }
    return body_names[tag];
}

template_view_t *view_template(const OSSL_CRMF_CERTTEMPLATE *opaque)
{
    unsigned char *der = NULL;
    int len = i2d_OSSL_CRMF_CERTTEMPLATE(opaque, &der);
    const unsigned char *at = der;
    template_view_t *view = len > 0 ? d2i_template_view_t(NULL, &at, len) : NULL;

    OPENSSL_free(der);
    return view;
}

int view_revocation_reason(const message_view_t *message)
{
    const ASN1_STRING *bytes = body_bytes(message);
    const unsigned char *at = bytes != NULL ? ASN1_STRING_get0_data(bytes) : NULL;
    revocation_view_t *details;
    ASN1_ENUMERATED *reason;
    long len;
    int tag = 0;
    int value = 0;

    if (at == NULL || step_in(&at, ASN1_STRING_length(bytes), &tag) < 0 ||
        (len = step_in(&at, ASN1_STRING_length(bytes) - (at - ASN1_STRING_get0_data(bytes)), &tag)) < 0) {
        return -1;
    }
    details = (revocation_view_t *)ASN1_item_d2i(NULL, &at, len, ASN1_ITEM_rptr(revocation_view_t));
    if (details == NULL) {
        return -1;
    }
    reason = X509V3_get_d2i(details->entry, NID_crl_reason, NULL, NULL);
    if (reason != NULL) {
        value = (int)ASN1_ENUMERATED_get(reason);
    }
    ASN1_ENUMERATED_free(reason);
    ASN1_item_free((ASN1_VALUE *)details, ASN1_ITEM_rptr(revocation_view_t));
    return value;
}

int view_status(const unsigned char *der, long len)
{
    const unsigned char *at = der;
    ASN1_INTEGER *status;
    int tag = 0;
    int value = -1;

    if (step_in(&at, len, &tag) < 0 || tag != V_ASN1_SEQUENCE) {
        return -1;
    }
    status = d2i_ASN1_INTEGER(NULL, &at, len - (at - der));
    if (status != NULL) {
        value = (int)ASN1_INTEGER_get(status);
    }
    ASN1_INTEGER_free(status);
    return value;
}

/* extraCerts with this one certificate. */
static ASN1_TYPE *extra_certs_of(X509 *cert)
{
    int inner = i2d_X509(cert, NULL);
    int len = ASN1_object_size(1, inner, V_ASN1_SEQUENCE);
    unsigned char *der = OPENSSL_malloc((size_t)len);
    unsigned char *at = der;
    ASN1_TYPE *value = NULL;

    if (inner > 0 && der != NULL) {
        const unsigned char *from = der;
        ASN1_put_object(&at, 1, inner, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
        i2d_X509(cert, &at);
        value = d2i_ASN1_TYPE(NULL, &from, len);
    }
    OPENSSL_free(der);
    return value;
}

int view_set_signer(message_view_t *message, X509 *cert, int own_name)
{
    header_view_t *header = message->header;
    X509_NAME *name = X509_NAME_dup(X509_get_subject_name(cert));

    ASN1_TYPE_free(message->extra_certs);
    message->extra_certs = extra_certs_of(cert);
    ASN1_OCTET_STRING_free(header->sender_kid);
    header->sender_kid = ASN1_OCTET_STRING_dup(X509_get0_subject_key_id(cert));
    if (own_name && name != NULL) {
        X509_NAME_free(header->sender->d.directoryName);
        header->sender->d.directoryName = name;
        return 1;
    }
    X509_NAME_free(name);
    return message->extra_certs != NULL && header->sender_kid != NULL;
}

int view_protect(message_view_t *message, EVP_PKEY *key, unsigned char **pder)
{
    protected_part_t part = {message->header, message->body};
    unsigned char *der = NULL;
    int len = ASN1_item_i2d((ASN1_VALUE *)&part, &der, ASN1_ITEM_rptr(protected_part_t));
    unsigned char signature[1024];
    size_t signature_len = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok;

    ok = len > 0 && ctx != NULL && message->protection != NULL &&
         EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
         EVP_DigestSign(ctx, signature, &signature_len, der, (size_t)len) == 1 &&
         ASN1_BIT_STRING_set(message->protection, signature, (int)signature_len);
    EVP_MD_CTX_free(ctx);
    OPENSSL_free(der);
    *pder = NULL;
    return ok ? i2d_message_view_t(message, pder) : -1;
}
