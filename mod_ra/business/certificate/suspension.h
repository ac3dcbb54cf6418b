/*
 * The clock of suspensions (domain.md §8, §18.5): warnings 30 and 7 days before the end of a suspension, then its release, or a case for the manager where the
 * certificate has lapsed. When that is, the table says (sql/migrations, suspension_until); the database's clock decides.
 * Layer: business. Thread rule: one thread per child. Any number of children on any number of hosts may do it at once: each certificate is one transaction that
 * moves its stage on by compare-and-set, and a kind of notice is written once per suspension.
 */
#ifndef RA_BUSINESS_SUSPENSION_H
#define RA_BUSINESS_SUSPENSION_H

#include "business/ra.h"

/** Does what is due now. Failures of one certificate do not keep the others from their turn; they are logged (RA0451) and tried again. */
apr_status_t ra_suspensions_run(ra_t *ra, ra_result_t *result, apr_pool_t *pool);

#endif
