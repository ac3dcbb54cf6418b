/* Acts on a certificate (domain.md §4-§8): which certificates a business takes, and the form of an act made complete. Layer: business. */
#ifndef RA_BUSINESS_TARGET_H
#define RA_BUSINESS_TARGET_H

#include "business/application/application.h"

/* In SQL, of an application `a`: has the certificate that it is about been revoked, or put on hold as well? */
#define RA_TARGET_REVOKED "EXISTS (SELECT 1 FROM certificates x WHERE x.id = a.target_certificate_id AND x.revoked_at IS NOT NULL)"
#define RA_TARGET_NOT_IN_USE                                                                                           \
    "EXISTS (SELECT 1 FROM certificates x WHERE x.id = a.target_certificate_id AND (x.revoked_at IS NOT NULL OR x.suspended_at IS NOT NULL))"
/* The same for production, where of a pair the one for signing is made already: then only what became of that one counts (pair.h). */
#define RA_TARGET_NOT_TO_BE_REMADE "(a.certificate_id IS NULL AND " RA_TARGET_NOT_IN_USE ")"

/**
 * Makes the body of createApplication complete: for an act on a certificate the subscriber, kind, usage and name come from the application that
 * made it, with the body's members on top. Other businesses: unchanged.
 * RA_EREFUSED: _BUSINESS_UNKNOWN _CERTIFICATE_NEEDED _CERTIFICATE_STATE _RENEWAL_TOO_EARLY _PARTICULARS_MISSING _NAME_NOT_ALLOWED _KIND_NOT_OFFERED _BODY_INVALID
 */
apr_status_t ra_target_complete(const ra_json_t **pform, const ra_act_t *act, const ra_json_t *body);

/** Does the body say what the business asks beyond its form? RA_EREFUSED with RA_PROBLEM_PARTICULARS_MISSING. */
apr_status_t ra_target_particulars(const ra_act_t *act, const ra_business_t *business, const ra_json_t *body);

/** A corrected act is still about its certificate: subscriber, kind, usage and name are bound as they were at its submission. RA_EREFUSED: as there. */
apr_status_t ra_target_check_correction(const ra_act_t *act, const ra_application_t *application, const ra_json_t *form);

/** Does the business make a certificate in the place of one that must be in use, not on hold? What has been suspended or revoked since is not made anew. */
int ra_target_must_be_in_use(const ra_business_t *business);

/**
 * May the act be approved, or the new certificate made? What people decided upon may have changed at the CA since: a certificate that was revoked is neither renewed,
 * changed nor suspended, and one on hold neither renewed nor changed. That it has lapsed since hinders nothing. RA_EREFUSED with RA_PROBLEM_CERTIFICATE_STATE.
 */
apr_status_t ra_target_is_still_taken(const ra_act_t *act, const ra_application_t *application);

#endif
