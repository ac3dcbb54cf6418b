/*
 * The header of a CMP message: encoded by OpenSSL, decoded again by a template of our own (PKIXCMP has explicit tags).
 * Layer: upstream. Thread rule: free-threaded.
 */
#include "upstream/cmp_header.h"

#include <apr_strings.h>
#include <openssl/asn1t.h>

#include "base/limits.h"

/* PKIHeader, RFC 9810 section 5.1.1. */
typedef struct header_t {
    ASN1_INTEGER *pvno;
    ASN1_TYPE *sender;
    ASN1_TYPE *recipient;
    ASN1_TYPE *message_time;
    X509_ALGOR *protection_alg;
    ASN1_OCTET_STRING *sender_kid;
    ASN1_TYPE *recip_kid;
    ASN1_TYPE *transaction_id;
    ASN1_OCTET_STRING *sender_nonce;
    ASN1_TYPE *recip_nonce;
    ASN1_TYPE *free_text;
    ASN1_TYPE *general_info;
} header_t;

/* clang-format off */
ASN1_SEQUENCE(header_t) = {
    ASN1_SIMPLE(header_t, pvno, ASN1_INTEGER),
    ASN1_SIMPLE(header_t, sender, ASN1_ANY),
    ASN1_SIMPLE(header_t, recipient, ASN1_ANY),
    ASN1_EXP_OPT(header_t, message_time, ASN1_ANY, 0),
    ASN1_EXP_OPT(header_t, protection_alg, X509_ALGOR, 1),
    ASN1_EXP_OPT(header_t, sender_kid, ASN1_OCTET_STRING, 2),
    ASN1_EXP_OPT(header_t, recip_kid, ASN1_ANY, 3),
    ASN1_EXP_OPT(header_t, transaction_id, ASN1_ANY, 4),
    ASN1_EXP_OPT(header_t, sender_nonce, ASN1_OCTET_STRING, 5),
    ASN1_EXP_OPT(header_t, recip_nonce, ASN1_ANY, 6),
    ASN1_EXP_OPT(header_t, free_text, ASN1_ANY, 7),
    ASN1_EXP_OPT(header_t, general_info, ASN1_ANY, 8),
} static_ASN1_SEQUENCE_END(header_t);
/* clang-format on */

static header_t *header_of(const OSSL_CMP_MSG *message)
{
    unsigned char *der = NULL;
    int len = i2d_OSSL_CMP_PKIHEADER(OSSL_CMP_MSG_get0_header(message), &der);
    const unsigned char *at = der;
    header_t *header = NULL;

    if (len > 0) {
        header = (header_t *)ASN1_item_d2i(NULL, &at, len, ASN1_ITEM_rptr(header_t));
    }
    OPENSSL_free(der);
    return header;
}

static void header_free(header_t *header)
{
    ASN1_item_free((ASN1_VALUE *)header, ASN1_ITEM_rptr(header_t));
}

ra_bytes_t ra_cmp_sender_nonce(const OSSL_CMP_MSG *message, apr_pool_t *pool)
{
    header_t *header = header_of(message);
    const ASN1_OCTET_STRING *octets = header != NULL ? header->sender_nonce : NULL;
    ra_bytes_t nonce = {NULL, 0};

    if (octets != NULL) {
        nonce = ra_bytes_copy(ra_bytes_of(ASN1_STRING_get0_data(octets), (apr_size_t)ASN1_STRING_length(octets)), pool);
    }
    header_free(header);
    return nonce;
}

static const char *printable(const ASN1_OCTET_STRING *octets, apr_pool_t *pool)
{
    const unsigned char *data = ASN1_STRING_get0_data(octets);
    int len = ASN1_STRING_length(octets);
    int i;

    if (len < 1 || len > RA_CMP_REFERENCE_MAX_CHARS) {
        return NULL;
    }
    for (i = 0; i < len; i++) {
        if (data[i] < 0x20 || data[i] >= 0x7f) {
            return NULL;
        }
    }
    return apr_pstrmemdup(pool, (const char *)data, (apr_size_t)len);
}

const char *ra_cmp_sender_kid(const OSSL_CMP_MSG *message, apr_pool_t *pool)
{
    header_t *header = header_of(message);
    const char *text = header != NULL && header->sender_kid != NULL ? printable(header->sender_kid, pool) : NULL;

    header_free(header);
    return text;
}

int ra_cmp_is_pbm(const OSSL_CMP_MSG *message)
{
    header_t *header = header_of(message);
    int is_pbm = header != NULL && header->protection_alg != NULL &&
                 OBJ_obj2nid(header->protection_alg->algorithm) == NID_id_PasswordBasedMAC;

    header_free(header);
    return is_pbm;
}
