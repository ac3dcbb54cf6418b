/* See sm2.h. Thread rule: free-threaded. */
#include "sm2.h"

#include <openssl/asn1t.h>
#include <openssl/evp.h>

#define STANDARD_ID "1234567812345678"

enum { MESSAGE_BODY = 1, BODY_P10CR = 4 }; /* places in PKIMessage and PKIBody, RFC 9810 section 5.1 */

/* A context ready to sign; the key's own context is returned too, as it is not freed with the other. */
static EVP_MD_CTX *begin(EVP_PKEY_CTX **pkey_ctx, EVP_PKEY *key)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_ctx = EVP_PKEY_CTX_new(key, NULL);
    int sm2 = EVP_PKEY_is_a(key, "SM2");

    *pkey_ctx = key_ctx;
    if (ctx == NULL || key_ctx == NULL ||
        (sm2 && EVP_PKEY_CTX_set1_id(key_ctx, STANDARD_ID, sizeof(STANDARD_ID) - 1) != 1)) {
        EVP_MD_CTX_free(ctx);
        return NULL;
    }
    EVP_MD_CTX_set_pkey_ctx(ctx, key_ctx);
    if (EVP_DigestSignInit(ctx, NULL, sm2 ? EVP_sm3() : EVP_sha256(), NULL, key) != 1) {
        EVP_MD_CTX_free(ctx);
        return NULL;
    }
    return ctx;
}

int sign_cert(X509 *cert, EVP_PKEY *key)
{
    EVP_PKEY_CTX *key_ctx = NULL;
    EVP_MD_CTX *ctx = begin(&key_ctx, key);
    int ok = ctx != NULL && X509_sign_ctx(cert, ctx) > 0;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_CTX_free(key_ctx);
    return ok;
}

int sign_crl(X509_CRL *crl, EVP_PKEY *key)
{
    EVP_PKEY_CTX *key_ctx = NULL;
    EVP_MD_CTX *ctx = begin(&key_ctx, key);
    int ok = ctx != NULL && X509_CRL_sign_ctx(crl, ctx) > 0;

    EVP_MD_CTX_free(ctx);
    EVP_PKEY_CTX_free(key_ctx);
    return ok;
}

/* OpenSSL's description of the message is public and says where the request is kept; there is no getter. */
static X509_REQ *request_in(OSSL_CMP_MSG *message)
{
    const ASN1_TEMPLATE *body = &ASN1_ITEM_rptr(OSSL_CMP_MSG)->templates[MESSAGE_BODY];
    const ASN1_TEMPLATE *p10cr = &ASN1_ITEM_ptr(body->item)->templates[BODY_P10CR];
    char *at = *(char **)((char *)message + body->offset);

    if (OSSL_CMP_MSG_get_bodytype(message) != BODY_P10CR || ASN1_ITEM_ptr(p10cr->item) != ASN1_ITEM_rptr(X509_REQ)) {
        return NULL;
    }
    return *(X509_REQ **)(at + p10cr->offset);
}

int sm2_prepare_message(OSSL_CMP_MSG *message)
{
    X509_REQ *request = request_in(message);
    ASN1_OCTET_STRING *id;

    if (request == NULL || X509_REQ_get_signature_nid(request) != NID_SM2_with_SM3) {
        return 1;
    }
    id = ASN1_OCTET_STRING_new();
    if (id == NULL || !ASN1_OCTET_STRING_set(id, (const unsigned char *)STANDARD_ID, sizeof(STANDARD_ID) - 1)) {
        ASN1_OCTET_STRING_free(id);
        return 0;
    }
    X509_REQ_set0_distinguishing_id(request, id);
    return 1;
}
