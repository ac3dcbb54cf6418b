/* The other side of CMP for the targets fuzz_cmp_answer (a CA) and fuzz_cmp_front (a tool). make_corpus knows the keys too. */
#ifndef RA_TESTS_FUZZ_CMP_CA_H
#define RA_TESTS_FUZZ_CMP_CA_H

#include "fuzz.h"
#include "upstream/ca.h"

/** The adapter, made once for each way of asking. */
const ra_ca_t *fuzz_ca(int use_p10cr);

/** What the adapter asks for. */
const ra_ca_request_t *fuzz_ca_request(void);

/**
 * A message with @a body (DER of a PKIBody) as the answer to @a request.
 * @param kind 's' as it should be, 'w' signed by a wrong key, 'i' with another transactionID, 'o' with another nonce
 * @return {NULL,0} when the request is no message
 */
ra_bytes_t fuzz_ca_answer(ra_bytes_t request, ra_bytes_t body, char kind, apr_pool_t *pool);

/** A certificate of the CA, in DER. */
ra_bytes_t fuzz_ca_certificate(void);

/** A message of a subscriber's tool. */
typedef struct fuzz_tool_t {
    const char *secret;     /* protects with PasswordBasedMac */
    ra_bytes_t transaction; /* transactionID */
    ra_bytes_t answered;    /* recipNonce; empty: none */
    ra_bytes_t body;        /* DER of a PKIBody; empty: the confirmation of fuzz_ca_certificate() */
} fuzz_tool_t;

#define FUZZ_REFERENCE "3078-4102"
ra_bytes_t fuzz_tool_message(const fuzz_tool_t *tool, apr_pool_t *pool);

#endif
