/* The clock of suspensions. Layer: business. */
#include "business/certificate/suspension.h"

#include <apr_strings.h>
#include <string.h>

#include "business/application/application.h"
#include "business/certificate/certificate.h"
#include "business/certificate/certificate_history.h"
#include "business/certificate/notices.h"

#define PAGE 100

/* What has been done for a suspension so far: certificates.suspension_stage */
enum { STAGE_BEGUN, STAGE_WARNED_30_DAYS, STAGE_WARNED_7_DAYS, STAGE_ENDED };

/* One certificate at whose suspension something is due, in the transaction that has locked its row. */
typedef struct due_t {
    ra_act_t act;
    const char *certificate_id;
    int stage;
    int is_lapsed;
} due_t;

/* --- one certificate -------------------------------------------------------------------------------------------- */

/* @return APR_ENOENT when somebody else has done it meanwhile */
static apr_status_t lock_due(due_t *due)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(due->act.tx, &row,
                                     "SELECT suspension_stage AS stage, not_after <= UTC_TIMESTAMP(6) AS is_lapsed FROM certificates"
                                     " WHERE id = ? AND suspension_due_at <= UTC_TIMESTAMP(6) FOR UPDATE",
                                     RA_VALUES(ra_v_uuid(due->certificate_id)));

    if (status == APR_SUCCESS) {
        due->stage = (int)ra_json_get_int(row, "stage", STAGE_ENDED);
        due->is_lapsed = ra_json_get_int(row, "is_lapsed", 0) != 0;
    }
    return status;
}

static apr_status_t tell(const due_t *due, const char *kind, const char *application_id)
{
    ra_notice_t notice = {kind, due->certificate_id, application_id};
    ra_certificate_event_t event = {.certificate_id = due->certificate_id, .event = kind, .application_id = application_id};
    apr_status_t status = ra_notice_write(&due->act, &notice);

    return status == APR_SUCCESS ? ra_certificate_note(&due->act, &event, "suspension_clock") : status;
}

static apr_status_t move_on(const due_t *due)
{
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(due->act.tx, &affected,
                                        "UPDATE certificates SET suspension_stage = suspension_stage + 1 WHERE id = ? AND suspension_stage = ?"
                                        " AND suspended_at IS NOT NULL",
                                        RA_VALUES(ra_v_uuid(due->certificate_id), ra_v_int(due->stage)));

    return status == APR_SUCCESS && affected != 1 ? RA_ERETRY : status;
}

/* Does the business end the certificate that it is about? */
static int ends_certificate(const ra_business_t *business)
{
    const char *fate = ra_fate_name(business);

    return business->effect == RA_EFFECT_REVOKE || (fate && business->fate != RA_FATE_KEPT);
}

/* 'revoke', 'reissue_lost' … */
static const char *ending_businesses(apr_pool_t *pool)
{
    const ra_business_t *business;
    const char *list = "''";

    for (int i = 0; (business = ra_business_at(i)); i++) {
        if (ends_certificate(business)) {
            list = apr_pstrcat(pool, list, ", '", business->name, "'", NULL);
        }
    }
    return list;
}

/* §8: without a valid revocation notice. An open application that ends the certificate is one. @return APR_ENOENT when there is none */
static apr_status_t find_revocation(const char **pid, const due_t *due)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(due->act.tx, &row,
                                     apr_pstrcat(due->act.tx->pool,
                                                 "SELECT id AS id FROM applications WHERE target_certificate_id = ? AND closed_at IS NULL AND business IN (",
                                                 ending_businesses(due->act.tx->pool), ") ORDER BY id LIMIT 1", NULL),
                                     RA_VALUES(ra_v_uuid(due->certificate_id)));

    *pid = status == APR_SUCCESS ? ra_json_get_string(row, "id") : NULL;
    return status;
}

/* Said once; the suspension goes on until that application is closed. */
static apr_status_t wait_for_revocation(const due_t *due, const char *application_id)
{
    apr_int64_t found;
    apr_status_t status = ra_sql_int(due->act.tx, &found,
                                     "SELECT 1 FROM notices n JOIN certificates c ON c.id = n.certificate_id AND c.suspensions = n.suspension"
                                     " WHERE n.certificate_id = ? AND n.kind = '" RA_NOTICE_WAITS "'",
                                     RA_VALUES(ra_v_uuid(due->certificate_id)));

    return status == APR_ENOENT ? tell(due, RA_NOTICE_WAITS, application_id) : status;
}

static apr_status_t end_suspension(const due_t *due)
{
    ra_application_t *application;
    const char *revocation_id;
    apr_status_t status = find_revocation(&revocation_id, due);

    if (status == APR_SUCCESS) {
        return wait_for_revocation(due, revocation_id);
    }
    if (status == APR_ENOENT) {
        status = ra_application_open_by_ra(&application, &due->act, due->is_lapsed ? "abolish" : "release", due->certificate_id);
    }
    if (status == APR_SUCCESS) {
        status = tell(due, due->is_lapsed ? RA_NOTICE_ABOLITION : RA_NOTICE_ENDS, application->id);
    }
    return status == APR_SUCCESS ? move_on(due) : status;
}

static apr_status_t due_body(ra_tx_t *tx, void *baton)
{
    due_t *due = baton;
    apr_status_t status;

    due->act.tx = tx;
    status = lock_due(due);
    if (status != APR_SUCCESS) {
        return status == APR_ENOENT ? APR_SUCCESS : status;
    }
    if (due->stage >= STAGE_WARNED_7_DAYS) {
        return end_suspension(due);
    }
    status = tell(due, due->stage == STAGE_BEGUN ? RA_NOTICE_30_DAYS : RA_NOTICE_7_DAYS, NULL);
    return status == APR_SUCCESS ? move_on(due) : status;
}

/* A certificate that is overdue passes all its stages at once, in their order, each in a transaction of its own. */
static void run_certificate(ra_t *ra, const char *certificate_id, apr_pool_t *pool)
{
    due_t due = {.act = {ra, NULL, NULL}, .certificate_id = certificate_id};
    ra_result_t *result = ra_result_make(pool);
    apr_status_t status = APR_SUCCESS;

    for (int stage = STAGE_BEGUN; status == APR_SUCCESS && stage < STAGE_ENDED; stage++) {
        status = ra_store_run(ra->store, RA_TX_WRITE, due_body, &due, result, pool);
    }
    /* Busy: the CA is being asked something else about it. Taken: an application of that kind is open. The next round sees what came of it. */
    if (status != APR_SUCCESS && !(status == RA_EREFUSED && result->problem &&
                                   (strcmp(result->problem, RA_PROBLEM_CERTIFICATE_BUSY) == 0 || strcmp(result->problem, RA_PROBLEM_CERTIFICATE_STATE) == 0))) {
        ra->outbox->log(1, "RA0451", apr_pstrcat(pool, "suspension of certificate ", certificate_id, " cannot be settled now: ",
                                                 result->log_detail ? result->log_detail : result->problem ? result->problem : "-", NULL));
    }
}

/* --- all that are due ------------------------------------------------------------------------------------------- */

typedef struct page_t {
    const char *after_due; /* the last one of the page before; NULL: from the first */
    const char *after_id;
    apr_array_header_t *ids; /* of const char * */
} page_t;

#define DUE "SELECT id AS id FROM certificates WHERE suspension_due_at <= UTC_TIMESTAMP(6) AND NOT " RA_IS_SECOND_OF_PAIR

/* The next page begins behind this one, whatever becomes of its certificates. */
static apr_status_t keep_place(ra_tx_t *tx, page_t *page)
{
    ra_json_t *row;
    apr_status_t status;

    page->after_id = APR_ARRAY_IDX(page->ids, page->ids->nelts - 1, const char *);
    status = ra_sql_row(tx, &row, "SELECT suspension_due_at AS due_at FROM certificates WHERE id = ?", RA_VALUES(ra_v_uuid(page->after_id)));
    page->after_due = status == APR_SUCCESS ? apr_pstrdup(page->ids->pool, ra_json_get_string(row, "due_at")) : NULL;
    return status;
}

static apr_status_t page_body(ra_tx_t *tx, void *baton)
{
    page_t *page = baton;
    ra_value_t due = ra_v_rfc3339(page->after_due);
    apr_status_t status = page->after_id
                              ? ra_sql_ids(tx, page->ids, DUE " AND suspension_due_at >= ? AND (suspension_due_at > ? OR id > ?) ORDER BY suspension_due_at, id LIMIT ?",
                                           RA_VALUES(due, due, ra_v_uuid(page->after_id), ra_v_int(PAGE)))
                              : ra_sql_ids(tx, page->ids, DUE " ORDER BY suspension_due_at, id LIMIT ?", RA_VALUES(ra_v_int(PAGE)));

    return status == APR_SUCCESS && page->ids->nelts == PAGE ? keep_place(tx, page) : status;
}

apr_status_t ra_suspensions_run(ra_t *ra, ra_result_t *result, apr_pool_t *pool)
{
    page_t page = {NULL, NULL, apr_array_make(pool, PAGE, sizeof(const char *))};
    apr_status_t status;
    apr_pool_t *scratch;

    apr_pool_create(&scratch, pool);
    do {
        status = ra_store_run(ra->store, RA_TX_READ, page_body, &page, result, pool);
        for (int i = 0; status == APR_SUCCESS && i < page.ids->nelts; i++) {
            apr_pool_clear(scratch);
            run_certificate(ra, APR_ARRAY_IDX(page.ids, i, const char *), scratch);
        }
    } while (status == APR_SUCCESS && page.ids->nelts == PAGE);
    apr_pool_destroy(scratch);
    return status;
}
