/* Reports for the manager and the auditor: what runs out, what is held. Layer: business. */
#ifndef RA_BUSINESS_REPORTS_H
#define RA_BUSINESS_REPORTS_H

#include "business/people/principal.h"

/** Which page of which report. */
typedef struct ra_report_filter_t {
    int days;             /* until it ends */
    const char *after_id; /* keyset: the last certificate of the page before; NULL from the first */
    int limit;
} ra_report_filter_t;

/** Certificates in use that end within the days and that none has replaced; soonest first, at most limit + 1. */
apr_status_t ra_report_expiring(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_report_filter_t *filter);

/** How many of these end on each day of the next sixty, and within 7, 30 and 60 days: {totals, days}. */
apr_status_t ra_report_calendar(ra_json_t **pcalendar, const ra_act_t *act, const ra_sight_t *sight);

/** Certificates on hold whose suspension ends within the days (domain.md §8, §18.5), soonest first, at most limit + 1. */
apr_status_t ra_report_suspended(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_report_filter_t *filter);

#endif
