/* What happened to a certificate after it was made: by an act of the RA, or as the CA says (domain.md §6, §8). Layer: business. Append only. */
#ifndef RA_BUSINESS_CERTIFICATE_HISTORY_H
#define RA_BUSINESS_CERTIFICATE_HISTORY_H

#include "business/evidence/audit.h"

typedef struct ra_certificate_event_t {
    const char *certificate_id;
    const char *event;          /* "suspended", "released", "revoked", or what the clock of suspensions did: a kind of notice */
    const char *reason;         /* API word of the CRLReason; NULL: none */
    const char *application_id; /* whose effect it is, or that it opened or waits for; NULL: none */
    int as_the_ca_says;         /* found at the CA, without an act of the RA */
    const ra_json_t *detail;    /* NULL: none */
} ra_certificate_event_t;

/** Adds a row, in the transaction of what it tells, with an audit row beside it when @a audit_event is given. */
apr_status_t ra_certificate_note(const ra_act_t *act, const ra_certificate_event_t *event, const char *audit_event);

/** Every row of a certificate, oldest first. */
apr_status_t ra_certificate_history(ra_json_t **pitems, const ra_act_t *act, const char *certificate_id);

#endif
