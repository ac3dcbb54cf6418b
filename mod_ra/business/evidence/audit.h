/* Audit rows, in the transaction of what they tell (design §10). Layer: business. Append only: the database user cannot change or delete them. */
#ifndef RA_BUSINESS_AUDIT_H
#define RA_BUSINESS_AUDIT_H

#include "business/people/principal.h"

typedef struct ra_audit_t {
    const char *event;       /* operationId, or what the RA did by itself */
    const char *outcome;     /* "done", "refused", "read" */
    const char *problem;     /* RA_PROBLEM_…, with "refused" */
    const char *host;
    const char *client_ip;
    const char *object_type; /* "application", "person", … */
    const char *object_id;
    const char *trace_id;
    const ra_json_t *detail; /* no secret, no personal identifier */
    const char *actor_name;  /* of a caller that is no principal; NULL otherwise */
    ra_bytes_t certificate;  /* of a caller that is nobody's: its hash is kept */
} ra_audit_t;

/** Writes one row; when it cannot be written the transaction fails, so nothing happens unseen. @param act who NULL: the RA itself, or unknown */
apr_status_t ra_audit_write(const ra_act_t *act, const ra_audit_t *audit);

#endif
