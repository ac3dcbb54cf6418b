/*
 * Applications 业务申请: reading and writing one, its history, and the acts that are no step of a business (submission, correction, withdrawal).
 * Layer: business. All functions run inside the caller's transaction; strings live in act->tx->pool.
 */
#ifndef RA_BUSINESS_APPLICATION_H
#define RA_BUSINESS_APPLICATION_H

#include "business/evidence/audit.h"

#define RA_ITSELF "RA" /* the actor's name in histories where the RA acts by itself */

/** One application as stored; changed in memory, written by ra_application_move(). */
typedef struct ra_application_t {
    const char *id;
    const char *number;              /* 受理号 */
    const ra_business_t *business;
    ra_kind_e kind;
    const char *usage;               /* "signing", "encryption" */
    ra_state_e state;
    apr_int64_t version;
    const char *subscriber_id;
    const char *subject_name;
    const char *subject_key;
    int validity_years;
    const char *note;
    const ra_json_t *particulars;    /* what only some businesses ask: cause, revocation_reason, token; NULL: nothing */
    const char *target_id;           /* the certificate that the act is about; NULL for a new one */
    const char *region;
    const char *agency_id;
    const char *agency_name;
    const char *social_security_no;
    const ra_json_t *applicant;      /* the subscriber as applied for, without what is sealed */
    ra_bytes_t personal_sealed;
    const char *submitted_by;        /* NULL: by the RA itself */
    const char *submitted_by_name;
    const char *submitted_by_kind;   /* "person", "system"; NULL: by the RA itself */
    const char *hands[RA_STEP_COUNT];
    ra_json_t *steps;                /* step name → record */
    ra_json_t *rejection;            /* NULL: not rejected */
    const char *snapshot;            /* canonical JSON, NULL before entry */
    const char *snapshot_sha256;     /* hex */
    const char *operation_id;
    const char *certificate_id;
    const char *created_at;
    const char *updated_at;
    const char *now;                 /* the database's clock when it was read */
} ra_application_t;

/** Reads one application. @return APR_ENOENT when there is none */
apr_status_t ra_application_read(ra_application_t **papplication, const ra_act_t *act, const char *id);

/**
 * Reads one for the caller. RA_EREFUSED with RA_PROBLEM_NOT_FOUND when there is none in sight.
 * @param roles roles of the operation, which decide the sight
 */
apr_status_t ra_application_open(ra_application_t **papplication, const ra_act_t *act, const char *id, ra_roles_t roles);

/** What one act on an application is about. */
typedef struct ra_step_t {
    ra_action_e action;
    ra_decision_e decision;
    const char *outcome;       /* word for the history; NULL: "done", or "rejected" with RA_DECISION_NO */
    const ra_json_t *record;   /* kept under the step's name in `steps`, with by and at added; NULL: none */
    const char *reason;
    const char *guidance;
    const ra_json_t *changes;  /* for the history; no personal identifier */
    const char *by;            /* named in the history in place of the caller, as the RA's own act; NULL: the caller */
} ra_step_t;

/** May the caller do this now? Asks the engine only. */
int ra_application_can(const ra_act_t *act, const ra_application_t *application, ra_action_e action);

/** Asks the engine. RA_EREFUSED with its problem; nothing is written. */
apr_status_t ra_application_may(const ra_act_t *act, const ra_application_t *application, ra_action_e action, ra_decision_e decision);

/**
 * Does the act: engine, hands, record, compare-and-set UPDATE on id, version and state, history row. The application in memory is the new one afterwards.
 * @return RA_ERETRY when another transaction was faster
 */
apr_status_t ra_application_move(const ra_act_t *act, ra_application_t *application, const ra_step_t *step);

/** The Application of the API for this caller (personal identifiers unsealed). Lives in tx->pool. */
apr_status_t ra_application_json(ra_json_t **pjson, const ra_act_t *act, const ra_application_t *application);

/**
 * Submits a new application. @param body the body of createApplication, already checked against its schema
 * RA_EREFUSED: _BUSINESS_UNKNOWN _KIND_NOT_OFFERED _AGENCY_UNKNOWN _REGION_OUTSIDE _DECEPTIVE_NAME _DUPLICATE_APPLICATION
 */
apr_status_t ra_application_submit(ra_application_t **papplication, const ra_act_t *act, const ra_json_t *body);

/** As ra_application_submit() with a number that was given out before. RA_ERETRY when an application has it already. */
apr_status_t ra_application_submit_numbered(ra_application_t **papplication, const ra_act_t *act, const ra_json_t *body, const char *number);

/** As ra_application_submit() by the RA itself, for a business of its own (by_ra): snapshot built, the CA asked where that is the first step. */
apr_status_t ra_application_open_by_ra(ra_application_t **papplication, const ra_act_t *act, const char *business, const char *certificate_id);

/** The form as it stands, in the shape of createApplication's body: what a merge patch is applied to. */
apr_status_t ra_application_form(ra_json_t **pform, const ra_act_t *act, const ra_application_t *application);

/** Corrects the data; approvals are cancelled and the application begins again. @param body complete and checked */
apr_status_t ra_application_correct(const ra_act_t *act, ra_application_t *application, const ra_json_t *body);

/** Filters of a list; NULL or 0: any. */
typedef struct ra_application_filter_t {
    const char *state;
    const char *business;
    const char *kind;
    const char *region; /* prefix of 2, 4 or 6 digits */
    const char *number;
    const char *subject_name;
    const char *social_security_no;
    const char *before_id; /* keyset: ids below this one; NULL from the newest */
    int limit;
} ra_application_filter_t;

#define RA_APPLICATION_CONDITIONS 8 /* and as many values, at most */

/** The conditions of a filter on `applications`, each with AND before it: constants only, the values are added at values[*pcount]. */
const char *ra_application_conditions(const ra_application_filter_t *filter, ra_value_t *values, int *pcount, apr_pool_t *pool);

/**
 * {states, businesses}, each [{key, count, more}]: how many the filter finds if its state, or its business, is left out. The newest
 * RA_FACET_COUNT_MAX (facets.h) of each state are looked at, so that the time does not grow with the register.
 */
apr_status_t ra_application_counts(ra_json_t **pcounts, const ra_act_t *act, const ra_sight_t *sight, const ra_application_filter_t *filter);

/** Newest first, at most filter->limit + 1 rows of ApplicationSummary. */
apr_status_t ra_application_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_application_filter_t *filter);

/** Every history row, oldest first. */
apr_status_t ra_application_history(ra_json_t **pitems, const ra_act_t *act, const char *id);

#endif
