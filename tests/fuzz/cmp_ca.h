/* The CA of the target fuzz_cmp_answer: keys that make_corpus knows too, and messages signed by it. */
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

#endif
