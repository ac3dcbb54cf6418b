/*
 * The end of the time in which a renewed certificate may be used beside the new one (domain.md §4; RARenewalOverlap). Layer: business.
 */
#ifndef RA_BUSINESS_OVERLAP_H
#define RA_BUSINESS_OVERLAP_H

#include "business/people/principal.h"

/** Notes, for a certificate that is renewed now and for the other of its pair, when it is to be revoked, where that is before its end. */
apr_status_t ra_overlap_begin(const ra_act_t *act, const char *certificate_id);

/** Notes that a certificate that was replaced is to be revoked as soon as the CA is not being asked anything else about it. */
apr_status_t ra_overlap_end_soon(const ra_act_t *act, const char *certificate_id);

/** A duty (periodic.h): has every renewed certificate revoked whose time is over by the database's clock, once, however many children do it at the same time. */
apr_status_t ra_overlaps_run(ra_t *ra, ra_result_t *result, apr_pool_t *pool);

#endif
