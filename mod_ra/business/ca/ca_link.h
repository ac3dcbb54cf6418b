/*
 * The link to the upstream CA as people see it: what the last exchange came to, what waits in the outbox, what the CA publishes, and the
 * jobs one by one. None of it steers anything: who decides looks at the attempt.
 * Layer: business. Thread rule: any thread.
 */
#ifndef RA_BUSINESS_CA_LINK_H
#define RA_BUSINESS_CA_LINK_H

#include "business/ca/attempt.h"
#include "business/people/principal.h"

/** Notes what one exchange came to. A note that cannot be written is not missed. */
void ra_ca_link_note(const ra_attempt_t *attempt);

/** {configured, link, queue, crl, ca_certificates, disagreements, credential}: GET /upstream. */
apr_status_t ra_ca_link_health(ra_json_t **phealth, const ra_act_t *act);

typedef struct ra_job_filter_t {
    const char *state;     /* open, person, done; NULL: all that are not done */
    const char *kind;      /* NULL: every kind */
    const char *before_id; /* keyset: jobs older than this one; NULL from the newest */
    int limit;
} ra_job_filter_t;

/** Jobs of the outbox, newest first, at most limit + 1. The application is named where it is in sight. */
apr_status_t ra_job_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_job_filter_t *filter);

#endif
