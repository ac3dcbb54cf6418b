/*
 * Parts of a CMP message that OpenSSL 3.0 has no getter for, for cmp_front.c alone.
 * Layer: upstream. Thread rule: free-threaded.
 */
#ifndef RA_UPSTREAM_CMP_FRONT_VIEW_H
#define RA_UPSTREAM_CMP_FRONT_VIEW_H

#include <openssl/cmp.h>

#include "upstream/cmp_front.h"

/** Name of a message type by its tag; "" when RFC 9810 has none. */
const char *ra_cmp_type_name(int type);

/** transactionID or recipNonce of a message; empty when absent or longer than RA_CMP_TRANSACTION_MAX_BYTES. */
ra_bytes_t ra_cmp_octets(const ASN1_OCTET_STRING *octets, apr_pool_t *pool);

/** SubjectPublicKeyInfo of a certificate template (RFC 4211 section 5); empty when it has none. */
ra_bytes_t ra_cmp_template_key(const OSSL_CRMF_MSG *request, apr_pool_t *pool);

/** The first certificate that came with a message (extraCerts), DER; empty when there is none or it cannot be told. */
ra_bytes_t ra_cmp_first_certificate(ra_bytes_t message, apr_pool_t *pool);

/** CRLReason of an rr (RFC 9810 section 5.3.9); 0 when it has none, -1 when it cannot be read. */
int ra_cmp_revocation_reason(ra_bytes_t message);

/** Does a PKIStatusInfo say that the certificate is accepted? Absent means yes (RFC 9810 section 5.3.18). */
int ra_cmp_is_accepted(const OSSL_CMP_PKISI *status);

#endif
