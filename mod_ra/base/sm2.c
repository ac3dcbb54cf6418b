/* See sm2.h. Layer: base. Thread rule: free-threaded. */
#include "base/sm2.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509_vfy.h>

static ASN1_OCTET_STRING *identifier(void)
{
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();

    if (id && !ASN1_OCTET_STRING_set(id, (const unsigned char *)RA_SM2_ID, sizeof(RA_SM2_ID) - 1)) {
        ASN1_OCTET_STRING_free(id);
        id = NULL;
    }
    return id;
}

int ra_sm2_prepare_cert(X509 *cert)
{
    ASN1_OCTET_STRING *id;

    if (X509_get_signature_nid(cert) != NID_SM2_with_SM3) {
        return 1;
    }
    id = identifier();
    X509_set0_distinguishing_id(cert, id);
    return id != NULL;
}

int ra_sm2_prepare_request(X509_REQ *request)
{
    ASN1_OCTET_STRING *id;

    if (X509_REQ_get_signature_nid(request) != NID_SM2_with_SM3) {
        return 1;
    }
    id = identifier();
    X509_REQ_set0_distinguishing_id(request, id);
    return id != NULL;
}

int ra_sm2_prepare_certs(const STACK_OF(X509) *certs)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        if (!ra_sm2_prepare_cert(sk_X509_value(certs, i))) {
            return 0;
        }
    }
    return 1;
}

int ra_sm2_prepare_store(const X509_STORE *store)
{
    const STACK_OF(X509_OBJECT) *objects = X509_STORE_get0_objects(store);

    for (int i = 0; i < sk_X509_OBJECT_num(objects); i++) {
        X509 *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(objects, i));
        if (cert && !ra_sm2_prepare_cert(cert)) {
            return 0;
        }
    }
    return 1;
}

static int verify_bytes(const unsigned char *data, int len, const ASN1_BIT_STRING *signature, EVP_PKEY *key)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *key_context = EVP_PKEY_CTX_new(key, NULL);
    int good = context && key_context && EVP_PKEY_CTX_set1_id(key_context, RA_SM2_ID, sizeof(RA_SM2_ID) - 1) == 1;

    if (good) {
        EVP_MD_CTX_set_pkey_ctx(context, key_context);
        good = EVP_DigestVerifyInit(context, NULL, EVP_sm3(), NULL, key) == 1 &&
               EVP_DigestVerify(context, signature->data, (size_t)signature->length, data, (size_t)len) == 1;
    }
    EVP_MD_CTX_free(context);
    EVP_PKEY_CTX_free(key_context);
    return good;
}

int ra_sm2_crl_verify(X509_CRL *crl, EVP_PKEY *key)
{
    const ASN1_BIT_STRING *signature = NULL;
    unsigned char *der = NULL;
    int len, good;

    if (X509_CRL_get_signature_nid(crl) != NID_SM2_with_SM3) {
        return X509_CRL_verify(crl, key) == 1;
    }
    X509_CRL_get0_signature(crl, &signature, NULL);
    len = i2d_re_X509_CRL_tbs(crl, &der);
    good = EVP_PKEY_is_a(key, "SM2") && signature && len > 0 && verify_bytes(der, len, signature, key);
    OPENSSL_free(der);
    return good;
}
