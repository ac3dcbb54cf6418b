/*
 * The record of a subscriber 订户: what reviews confirm of it, what is corrected directly, and what was there before (domain.md §2). Layer: business.
 * Its contact 联系人/联系方式, tier 服务级别 and project 项目名称 travel as one JSON object in the API's shape:
 * {contact {name, phone, email}, tier, project}; called the reach, because it says how a subscriber is reached and served.
 */
#ifndef RA_BUSINESS_SUBSCRIBER_RECORD_H
#define RA_BUSINESS_SUBSCRIBER_RECORD_H

#include "business/application/application.h"

/* In SQL, of a subscriber `s`: is its confirmed record of a region that a reviewer does not see? The `?` is ra_subscriber_seen(). */
#define RA_SUBSCRIBER_OUTSIDE "s.verified_at IS NOT NULL AND s.region NOT LIKE ?"
/** The regions whose records the caller may confirm, as a pattern. */
ra_value_t ra_subscriber_seen(const ra_principal_t *who, apr_pool_t *pool);
int ra_subscriber_sees_all(const ra_principal_t *who, apr_pool_t *pool);

/** The reach of the record, unsealed, in tx->pool; NULL as long as neither a review nor a correction has written it. */
apr_status_t ra_subscriber_reach(ra_json_t **preach, const ra_act_t *act, const char *id);

/**
 * The reviewer has compared form and materials: the record takes over the data, and what was there before is kept in subscriber_changes. A reach that was
 * corrected directly after the application was last written stays.
 * RA_EREFUSED with RA_PROBLEM_REGION_OUTSIDE when a confirmed record is of a region that the reviewer does not see.
 */
apr_status_t ra_subscriber_confirm(const ra_act_t *act, const ra_application_t *application);

/** A correction without a review; what identifies a subscriber is not in its reach. */
typedef struct ra_correction_t {
    const char *id;
    apr_int64_t version;      /* at which the caller saw it */
    const ra_json_t *before;  /* as the caller saw it: of the record, or of the newest application */
    const ra_json_t *after;
    const char *reason;
} ra_correction_t;

/** Writes the record and the kept values; nothing when both are the same. @param pmembers names of what changed @return RA_ERETRY when another was faster */
apr_status_t ra_subscriber_correct(ra_json_t **pmembers, const ra_act_t *act, const ra_correction_t *correction);

/** Makes a subscriber findable by a phone number and an e-mail address (NULL: none), also when they are no longer the latest. */
apr_status_t ra_subscriber_findable(const ra_act_t *act, const char *id, const char *phone, const char *email);

/** The keyed hash by which a phone number (its digits count) or an e-mail address (case does not) is found. In tx->pool. */
const unsigned char *ra_subscriber_phone_hash(const ra_act_t *act, const char *phone);
const unsigned char *ra_subscriber_email_hash(const ra_act_t *act, const char *email);

#define RA_SUBSCRIBER_CHANGE_COLUMNS                                                                                   \
    "a.id AS id, a.member AS member, a.old_value AS old_value, a.new_value AS new_value, a.values_sealed AS `values_sealed:b64`," \
    " a.application_id AS application_id, a.reason AS reason, a.confirmed_by AS `confirmed_by.id`, a.confirmed_at AS confirmed_at"

/** A row with these columns as the API shows it: personal values unsealed. */
apr_status_t ra_subscriber_change_json(ra_json_t *change, const ra_act_t *act, const ra_json_t *row);

#endif
