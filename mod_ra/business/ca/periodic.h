/*
 * What the RA does by itself every so often, in every child: a table of duties. Each guards itself in the database, so it does not matter how many
 * children do it at the same time.
 * Layer: business. Thread rule: one thread per child (the watchdog's).
 */
#ifndef RA_BUSINESS_PERIODIC_H
#define RA_BUSINESS_PERIODIC_H

#include "business/ra.h"

/**
 * Does what is due. Call it often; it looks at the clock first.
 * @param stop begins no further duty once it is not 0
 */
void ra_periodic_run(ra_t *ra, const volatile apr_uint32_t *stop, apr_pool_t *pool);

#endif
