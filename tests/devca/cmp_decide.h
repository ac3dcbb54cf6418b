/* The CA's decisions, as callbacks of OSSL_CMP_SRV: issue, revoke, confirm, let wait. The faults that concern decisions
 * are made here. */
#ifndef DEVCA_CMP_DECIDE_H
#define DEVCA_CMP_DECIDE_H

#include <openssl/cmp.h>

#include "cmp_service.h"
#include "view.h"

/** One message on its way in. */
typedef struct incoming_t {
    const unsigned char *der;
    size_t len;
    message_view_t *message;
    const char *body;
    char *transaction_id; /* hex */
    char *sha256;         /* hex */
    X509 *signer;         /* the registered RA it says it is from; OpenSSL verifies that */
    transaction_t *transaction;
} incoming_t;

/** OpenSSL's state of one transaction, with what the callbacks need to know of the message at hand. */
typedef struct session_t {
    service_t *service;
    OSSL_CMP_SRV_CTX *srv;
    const incoming_t *in;
    X509 *signer;
    transaction_t *transaction; /* NULL until the first request proved genuine */
    knob_t knob;
    int conflict;   /* other bytes under a known transactionID */
    int rebuilding; /* the stored request is replayed: nothing new may happen */
    int polling;    /* called by way of a pollReq */
} session_t;

void session_free(session_t *session);

OSSL_CMP_PKISI *decide_certificate(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, int id, const OSSL_CRMF_MSG *crm,
                                   const X509_REQ *p10, X509 **pcert, STACK_OF(X509) * *pchain, STACK_OF(X509) * *pca);
OSSL_CMP_PKISI *decide_revocation(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, const X509_NAME *issuer,
                                  const ASN1_INTEGER *serial);
int decide_confirmation(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, int id, const ASN1_OCTET_STRING *hash,
                        const OSSL_CMP_PKISI *status);
int decide_poll(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, int id, OSSL_CMP_MSG **prequest,
                int64_t *pcheck_after);
void decide_nothing(OSSL_CMP_SRV_CTX *srv, const OSSL_CMP_MSG *request, const OSSL_CMP_PKISI *status,
                    const ASN1_INTEGER *code, const OSSL_CMP_PKIFREETEXT *details);

#endif
