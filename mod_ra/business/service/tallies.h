/*
 * How many applications there are of each business, state, kind, region and day of submission, read from tallies instead of counted. Layer: business.
 *
 * Steps do not write tallies: two reviews of one region would wait for each other. A duty takes over what has changed since it was last counted, and a
 * report adds the few that wait for it, so that its numbers are those of its transaction's picture, never of a while ago.
 */
#ifndef RA_BUSINESS_TALLIES_H
#define RA_BUSINESS_TALLIES_H

#include "business/people/principal.h"

/** Takes over what has changed, in portions, for some seconds at most; a duty of periodic.c. */
apr_status_t ra_tallies_run(ra_t *ra, ra_result_t *result, apr_pool_t *pool);

/**
 * Applications submitted on the days from..to (both included, China Standard Time) by one of business, state, step, region, kind, week: [{key, count, open}].
 * @param sight everything or a region; any other sees none
 * @param from, to RFC 3339 dates; NULL: a year ago, today
 */
apr_status_t ra_tallies_read(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const char *by, const char *from, const char *to);

#endif
