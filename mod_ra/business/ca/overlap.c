/* The end of renewed certificates. Layer: business. Thread rule: see periodic.h. */
#include "business/ca/overlap.h"

#include <apr_strings.h>
#include <string.h>

#include "business/ca/revocation.h"

#define PAGE 100

apr_status_t ra_overlap_begin(const ra_act_t *act, const char *certificate_id)
{
    ra_value_t days = ra_v_int(act->ra->settings->renewal_overlap);

    return ra_sql_change(act->tx, NULL,
                         "INSERT INTO certificate_overlaps (certificate_id, ends_at) SELECT o.id, UTC_TIMESTAMP(6) + INTERVAL ? DAY FROM certificates t"
                         " JOIN certificates o ON o.application_id = t.application_id"
                         " WHERE t.id = ? AND o.revoked_at IS NULL AND o.not_after > UTC_TIMESTAMP(6) + INTERVAL ? DAY"
                         " ON DUPLICATE KEY UPDATE ends_at = VALUES(ends_at)",
                         RA_VALUES(days, ra_v_uuid(certificate_id), days));
}

apr_status_t ra_overlap_end_soon(const ra_act_t *act, const char *certificate_id)
{
    return ra_sql_change(act->tx, NULL,
                         "INSERT INTO certificate_overlaps (certificate_id, ends_at) VALUES (?, UTC_TIMESTAMP(6))"
                         " ON DUPLICATE KEY UPDATE ends_at = VALUES(ends_at)", RA_VALUES(ra_v_uuid(certificate_id)));
}

typedef struct page_t {
    ra_t *ra;
    apr_array_header_t *ids; /* of const char *, in pool */
    const char *certificate_id;
} page_t;

static apr_status_t page_body(ra_tx_t *tx, void *baton)
{
    const page_t *page = baton;

    return ra_sql_ids(tx, page->ids,
                      "SELECT certificate_id AS id FROM certificate_overlaps WHERE ends_at <= UTC_TIMESTAMP(6)"
                      " ORDER BY ends_at, certificate_id LIMIT ?", RA_VALUES(ra_v_int(PAGE)));
}

/* The revocation belongs to the application that renewed it. Of one that is revoked or has lapsed meanwhile nothing is left to end. */
static apr_status_t end_certificate(const ra_act_t *act, const char *certificate_id)
{
    ra_application_t *application;
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row,
                                     "SELECT n.application_id AS application_id, o.revoked_at IS NOT NULL OR o.not_after <= UTC_TIMESTAMP(6) AS is_over FROM certificates o"
                                     " JOIN certificates n ON n.id = o.replaced_by WHERE o.id = ?", RA_VALUES(ra_v_uuid(certificate_id)));

    if (status != APR_SUCCESS || ra_json_get_int(row, "is_over", 0)) {
        return status;
    }
    status = ra_application_read(&application, act, ra_json_get_string(row, "application_id"));
    return status == APR_SUCCESS ? ra_revocation_of_renewed(act, application, certificate_id) : status;
}

/* Whoever takes the row away does it. */
static apr_status_t end_body(ra_tx_t *tx, void *baton)
{
    const page_t *page = baton;
    ra_act_t act = {page->ra, tx, NULL};
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(tx, &affected,
                                        "DELETE FROM certificate_overlaps WHERE certificate_id = ? AND ends_at <= UTC_TIMESTAMP(6)",
                                        RA_VALUES(ra_v_uuid(page->certificate_id)));

    return status == APR_SUCCESS && affected == 1 ? end_certificate(&act, page->certificate_id) : status;
}

/* The CA is being asked something else about it: the next round sees what came of that. */
static int is_busy(apr_status_t status, const ra_result_t *result)
{
    return status == RA_EREFUSED && result->problem && strcmp(result->problem, RA_PROBLEM_CERTIFICATE_BUSY) == 0;
}

apr_status_t ra_overlaps_run(ra_t *ra, ra_result_t *result, apr_pool_t *pool)
{
    page_t page = {ra, apr_array_make(pool, PAGE, sizeof(const char *)), NULL};
    apr_status_t status = ra_store_run(ra->store, RA_TX_READ, page_body, &page, result, pool);

    for (int i = 0; status == APR_SUCCESS && i < page.ids->nelts; i++) {
        page.certificate_id = APR_ARRAY_IDX(page.ids, i, const char *);
        ra_result_clear(result);
        status = ra_store_run(ra->store, RA_TX_WRITE, end_body, &page, result, pool);
        status = is_busy(status, result) ? APR_SUCCESS : status;
    }
    return status;
}
