/*
 * Subscribers 订户 as the RA knows them (domain.md §2): found by name, number, code, phone or e-mail, and shown with what belongs to them. Layer: business.
 */
#ifndef RA_BUSINESS_SUBSCRIBER_H
#define RA_BUSINESS_SUBSCRIBER_H

#include "business/application/application.h"

#define RA_SUBSCRIBER_PART_MAX 50 /* applications, certificates and changes shown with one subscriber */

/** All that are given must hold; NULL: any. */
typedef struct ra_subscriber_filter_t {
    const char *name_key;           /* normalised */
    const char *social_security_no;
    const char *organisation_code;
    const char *phone;              /* as typed; of its record, now or before, or of any of its applications */
    const char *email;              /* likewise */
    const char *kind;
    const char *region;             /* prefix of 2, 4 or 6 digits */
    const char *before_id;
    int limit;
} ra_subscriber_filter_t;

/** Newest first, at most limit + 1 in sight. No personal identifier. */
apr_status_t ra_subscriber_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_subscriber_filter_t *filter);

/**
 * {kinds, regions}, each [{key, count, more}]: how many the filter finds if its kind, or its region, is left out; regions are cities (4 digits).
 * The newest RA_FACET_COUNT_MAX (facets.h) of each kind are looked at.
 */
apr_status_t ra_subscriber_counts(ra_json_t **pcounts, const ra_act_t *act, const ra_sight_t *sight, const ra_subscriber_filter_t *filter);

/** The Subscriber of the API with contact, applications, certificates and changes. RA_EREFUSED with RA_PROBLEM_NOT_FOUND. */
apr_status_t ra_subscriber_json(ra_json_t **psubscriber, const ra_act_t *act, const char *id, ra_roles_t roles);

#endif
