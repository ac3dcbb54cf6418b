/*
 * What is printed, as data: the form of an application with its three copies, the task completion record 任务完成记录单, and the production sheet
 * 制证申请表 of a project (domain.md §2, §3-§8, §18.13). Layer: business.
 */
#ifndef RA_BUSINESS_PAPERS_H
#define RA_BUSINESS_PAPERS_H

#include "business/application/application.h"

/** The PaperForm of the API, with the personal identifiers that are on the paper. */
apr_status_t ra_paper_form(ra_json_t **pform, const ra_act_t *act, const ra_application_t *application);

/** The CompletionRecord of the API; before the completion it has the hands so far. */
apr_status_t ra_paper_completion(ra_json_t **precord, const ra_act_t *act, const ra_application_t *application);

typedef struct ra_sheet_filter_t {
    const char *project;  /* NULL: applications without a project */
    const ra_business_t *business;
    const char *state;    /* API word; NULL: those being made and not yet filed */
    const char *after_id; /* keyset: NULL from the oldest */
    int limit;
} ra_sheet_filter_t;

/** Applications of a sheet in sight, oldest first, at most limit + 1. */
apr_status_t ra_sheet_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_sheet_filter_t *filter);
#define RA_SHEET_COUNT_MAX 1000 /* of one state */
/** {state: count} of the same, of all pages. @param pmore is there a state with more than RA_SHEET_COUNT_MAX, which are not counted? */
apr_status_t ra_sheet_counts(ra_json_t **pcounts, int *pmore, const ra_act_t *act, const ra_sight_t *sight, const ra_sheet_filter_t *filter);

#endif
