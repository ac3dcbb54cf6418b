/* Acts on a certificate (domain.md §4-§8): which certificates a business takes, and the form of an act made complete. Layer: business. */
#ifndef RA_BUSINESS_TARGET_H
#define RA_BUSINESS_TARGET_H

#include "business/application/application.h"

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

/**
 * May the act be approved, or the new certificate made? What people decided upon may have changed at the CA since: a certificate that was revoked is neither renewed,
 * changed nor suspended, and one on hold neither renewed nor changed. That it has lapsed since hinders nothing. RA_EREFUSED with RA_PROBLEM_CERTIFICATE_STATE.
 */
apr_status_t ra_target_is_still_taken(const ra_act_t *act, const ra_application_t *application);

#endif
