/* What the RA knows and shows as it is (domain.md §16): rows of one table, by kind. Layer: business. */
#ifndef RA_BUSINESS_KNOWLEDGE_H
#define RA_BUSINESS_KNOWLEDGE_H

#include "store/store.h"

typedef enum { RA_KNOWLEDGE_FAULT, RA_KNOWLEDGE_ARTICLE, RA_KNOWLEDGE_CONTACT, RA_KNOWLEDGE_REASON, RA_KNOWLEDGE_REGION } ra_knowledge_e;

/**
 * The rows of a kind in their order, as the API shows them.
 * @param name only the row of that name; NULL: all, articles without their text
 */
apr_status_t ra_knowledge_list(ra_json_t **pitems, ra_tx_t *tx, ra_knowledge_e kind, const char *name);

/** Fault codes are typed with and without the minus sign, and with the signs that look like it: the digits count. NULL when there are none. */
const char *ra_fault_digits(const char *typed, apr_pool_t *pool);

#endif
