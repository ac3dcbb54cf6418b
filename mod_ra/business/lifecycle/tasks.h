/*
 * The next hand 待办: which applications a person (or business system) may do a step of now, oldest first, and how many wait at each step.
 * Layer: business. What the lists hold is derived from the engine (ra_lifecycle_openings), not written a second time.
 */
#ifndef RA_BUSINESS_TASKS_H
#define RA_BUSINESS_TASKS_H

#include "business/application/application.h"

#define RA_TASK_COUNT_MAX 1000 /* of one step and one kind of condition; more are only said to be there */

typedef struct ra_task_filter_t {
    ra_step_e step;       /* RA_STEP_NONE: any */
    const char *after_id; /* keyset: applications above this one; NULL from the oldest */
    int limit;
    int blocked;          /* instead of what can be done: what the caller would do if nothing else were in the way (blocks.h) */
} ra_task_filter_t;

/** Tasks of the API (an application and the step; blocked_by, where these are asked for), oldest application first, at most limit + 1. */
apr_status_t ra_task_list(ra_json_t **pitems, const ra_act_t *act, const ra_task_filter_t *filter);

/**
 * How many there are at each step, in the order of the steps: of what can be done and of what is blocked.
 * @param pcounts [{step, count, overdue, today, more, oldest_since}] @param pblocked [{step, count, more}]
 */
apr_status_t ra_task_counts(ra_json_t **pcounts, ra_json_t **pblocked, const ra_act_t *act, const ra_task_filter_t *filter);

#endif
