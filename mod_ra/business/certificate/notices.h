/*
 * Notices 通知: what a subscriber is to be told about its certificate, as rows that the staff reads, and notes when it has told it. A subscriber has no login.
 * Layer: business. A kind is written at most once per suspension, by a UNIQUE key.
 */
#ifndef RA_BUSINESS_NOTICES_H
#define RA_BUSINESS_NOTICES_H

#include "business/people/principal.h"

#define RA_NOTICE_30_DAYS "suspension_30_days"   /* the suspension ends in 30 days */
#define RA_NOTICE_7_DAYS "suspension_7_days"
#define RA_NOTICE_WAITS "suspension_waits"       /* it would have ended, but a revocation is applied for */
#define RA_NOTICE_ENDS "suspension_ends"         /* after six months the RA asks the CA to release it */
#define RA_NOTICE_ABOLITION "suspension_abolition" /* it has lapsed: the manager decides about its abolition */

typedef struct ra_notice_t {
    const char *kind;
    const char *certificate_id;
    const char *application_id; /* that the RA opened, or waits for; NULL: none */
} ra_notice_t;

/** Writes a notice about the running suspension of a certificate. @return APR_EEXIST when it was written before */
apr_status_t ra_notice_write(const ra_act_t *act, const ra_notice_t *notice);

typedef struct ra_notice_filter_t {
    int open_only;              /* that nobody has told the subscriber yet */
    const char *kind;           /* NULL: any */
    const char *certificate_id; /* NULL: any */
    const char *before_id;
    int limit;
} ra_notice_filter_t;

/** Notices of the API, newest first, at most limit + 1 in sight. */
apr_status_t ra_notice_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_notice_filter_t *filter);

/** One of them. RA_EREFUSED with RA_PROBLEM_NOT_FOUND. */
apr_status_t ra_notice_open(ra_json_t **pnotice, const ra_act_t *act, const ra_sight_t *sight, const char *id);

/** The caller has told the subscriber. @return RA_ERETRY when the version is no longer that one */
apr_status_t ra_notice_told(const ra_act_t *act, const char *id, apr_int64_t version, const char *channel, const char *note);

#endif
