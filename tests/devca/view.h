/*
 * Own ASN.1 views (RFC 9810, RFC 4211) of what OpenSSL 3.0 keeps opaque: the message header, the times and the key of a
 * CertTemplate, the reason of a revocation, the status inside certConf; and re-protection of an altered message, which
 * the fault knobs need.
 */
#ifndef DEVCA_VIEW_H
#define DEVCA_VIEW_H

#include <openssl/asn1t.h>
#include <openssl/crmf.h>
#include <openssl/x509.h>

/** PKIHeader. */
typedef struct header_view_t {
    ASN1_INTEGER *pvno;
    GENERAL_NAME *sender;
    GENERAL_NAME *recipient;
    ASN1_GENERALIZEDTIME *message_time;
    X509_ALGOR *protection_alg;
    ASN1_OCTET_STRING *sender_kid;
    ASN1_OCTET_STRING *recip_kid;
    ASN1_OCTET_STRING *transaction_id;
    ASN1_OCTET_STRING *sender_nonce;
    ASN1_OCTET_STRING *recip_nonce;
    ASN1_TYPE *free_text;
    ASN1_TYPE *general_info;
} header_view_t;
DECLARE_ASN1_FUNCTIONS(header_view_t)

/** PKIMessage with a body of any type. */
typedef struct message_view_t {
    header_view_t *header;
    ASN1_TYPE *body;
    ASN1_BIT_STRING *protection;
    ASN1_TYPE *extra_certs;
} message_view_t;
DECLARE_ASN1_FUNCTIONS(message_view_t)

typedef struct validity_view_t {
    ASN1_TIME *not_before;
    ASN1_TIME *not_after;
} validity_view_t;

/** CertTemplate. */
typedef struct template_view_t {
    ASN1_INTEGER *version;
    ASN1_INTEGER *serial;
    X509_ALGOR *signing_alg;
    X509_NAME *issuer;
    validity_view_t *validity;
    X509_NAME *subject;
    X509_PUBKEY *public_key;
    ASN1_BIT_STRING *issuer_uid;
    ASN1_BIT_STRING *subject_uid;
    X509_EXTENSIONS *extensions;
} template_view_t;
DECLARE_ASN1_FUNCTIONS(template_view_t)

message_view_t *view_message(const unsigned char *der, size_t len); /* NULL when it is none or bytes follow */
/** The message type by name: "cr", "certConf" …; "" when unknown. */
const char *view_body_name(const message_view_t *message);
/** The CertTemplate of a request. */
template_view_t *view_template(const OSSL_CRMF_CERTTEMPLATE *opaque);
/** The reason of a revocation request; 0 when it gives none, -1 when it is not readable. */
int view_revocation_reason(const message_view_t *message);
/** PKIStatus in a DER PKIStatusInfo; -1 when not readable. */
int view_status(const unsigned char *der, long len);
/** Puts another signer's certificate into the message: key identifier, extraCerts, and with @a own_name the sender. */
int view_set_signer(message_view_t *message, X509 *cert, int own_name);
/** DER of the message after signing it again with @a key; caller frees with OPENSSL_free. */
int view_protect(message_view_t *message, EVP_PKEY *key, unsigned char **pder);

#endif
