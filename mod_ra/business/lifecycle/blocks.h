/*
 * What can stand in the way of a step besides the persons: a certificate that the CA is busy with, an old one that is not revoked yet ... Each is one
 * condition in SQL on `applications a`. The file that refuses the step has it as a macro and refuses by it; the list of tasks tells by the same text.
 * Layer: business. Thread rule: constant data.
 */
#ifndef RA_BUSINESS_BLOCKS_H
#define RA_BUSINESS_BLOCKS_H

#include "business/people/principal.h"

#define RA_BLOCK_VALUES 1 /* of one expression, at most */

/**
 * The problem with which the step would be refused to this caller now, whatever its form says; NULL in SQL where nothing is in the way.
 * @param values those of its placeholders are added at values[*pcount]
 * @return NULL: nothing can be in the way of this step
 */
const char *ra_block_expression(ra_step_e step, const ra_principal_t *who, ra_value_t *values, int *pcount, apr_pool_t *pool);

/** The half of a step that is to be done first, of a row `t` with its step and its application `a`: "codes", "encryption_key". NULL in SQL where there is none. */
const char *ra_block_beginning(apr_pool_t *pool);

#endif
