/*
 * The sealer: takes audit events that are in no batch yet, in order, into a signed batch that names the one before (design §10).
 * Layer: business. Thread rule: one thread per child (the watchdog's). Every child of every server may seal: the number of the next batch is a
 * PRIMARY KEY and an event has one membership, so of two that seal at once one loses and has changed nothing. A crash anywhere leaves a batch
 * whole or not at all.
 */
#ifndef RA_BUSINESS_SEALER_H
#define RA_BUSINESS_SEALER_H

#include "business/ra.h"

/**
 * Seals what is due and raises the alarm for what has waited too long. Call it often; it looks at the clock first. Without an audit key it only
 * does nothing: the start has warned.
 * @param stop seals no further batch once it is not 0
 */
void ra_sealer_run(ra_t *ra, const volatile apr_uint32_t *stop, apr_pool_t *pool);

#endif
