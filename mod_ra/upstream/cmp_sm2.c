/*
 * SM2 in CMP messages: OpenSSL 3.0 verifies the PKCS#10 of a p10cr and the certificates of a message by itself, under
 * an empty identifier unless these objects are told otherwise, and has no getters for them. Its ASN.1 description of a
 * message is public and says where they are kept.
 * Layer: upstream. Thread rule: free-threaded.
 */
#include "upstream/cmp_internal.h"

#include <openssl/asn1t.h>

#include "base/sm2.h"

/* Members of PKIMessage (RFC 9810 section 5.1). */
enum { MESSAGE_BODY = 1, MESSAGE_EXTRA_CERTS = 3 };

/* A member of a structure that OpenSSL decoded; NULL when the description is not the one that this file knows. */
static void *member(void *structure, const ASN1_ITEM *item, long place, const ASN1_ITEM *wanted)
{
    const ASN1_TEMPLATE *part = item != NULL && place < item->tcount ? &item->templates[place] : NULL;

    if (part == NULL || (wanted != NULL && ASN1_ITEM_ptr(part->item) != wanted)) {
        return NULL;
    }
    return *(void **)((char *)structure + part->offset);
}

static X509_REQ *request_in(OSSL_CMP_MSG *message)
{
    const ASN1_ITEM *item = ASN1_ITEM_rptr(OSSL_CMP_MSG);
    void *body = member(message, item, MESSAGE_BODY, NULL);

    if (body == NULL || OSSL_CMP_MSG_get_bodytype(message) != RA_CMP_P10CR) {
        return NULL;
    }
    return member(body, ASN1_ITEM_ptr(item->templates[MESSAGE_BODY].item), RA_CMP_P10CR, ASN1_ITEM_rptr(X509_REQ));
}

int ra_cmp_prepare_sm2(OSSL_CMP_MSG *message)
{
    X509_REQ *request = request_in(message);
    STACK_OF(X509) *certs = member(message, ASN1_ITEM_rptr(OSSL_CMP_MSG), MESSAGE_EXTRA_CERTS, ASN1_ITEM_rptr(X509));

    return (request == NULL || ra_sm2_prepare_request(request)) && (certs == NULL || ra_sm2_prepare_certs(certs));
}
