/* Bulk operations: their rows in the database, and the job that does them one after another. Layer: business. */
#include "business/application/bulk.h"

#include <apr_strings.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/ident.h"
#include "base/limits.h"
#include "base/sealed.h"

#define LABEL "bulk"
#define LANE_REST 2

static const char *seal_context(const char *id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "bulk_operations.rows_sealed:", id, NULL);
}

/* --- taking ----------------------------------------------------------------------------------------------------- */

apr_status_t ra_bulk_take(const ra_act_t *act, ra_bulk_t *bulk, const char **pjob)
{
    apr_pool_t *pool = act->tx->pool;
    ra_bytes_t sealed;
    apr_status_t status;

    bulk->id = ra_uuid_make(pool);
    if (!bulk->id) {
        return APR_EGENERAL;
    }
    status = ra_seal_json(&sealed, act->ra->keyring, LABEL, seal_context(bulk->id, pool), bulk->rows, pool);
    if (status == APR_SUCCESS) {
        status = ra_sql_change(act->tx, NULL,
                               "INSERT INTO bulk_operations (id, kind, total, created_by, host, client_ip, trace_id, language, certificate,"
                               " rows_sealed, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))",
                               RA_VALUES(ra_v_uuid(bulk->id), ra_v_text(bulk->kind), ra_v_int(ra_json_size(bulk->rows)), ra_v_uuid(act->who->id),
                                         ra_v_text(bulk->host), ra_v_text(bulk->client_ip), ra_v_text(bulk->trace_id), ra_v_text(bulk->language),
                                         ra_v_bytes(bulk->certificate), ra_v_bytes(sealed)));
    }
    return status == APR_SUCCESS ? ra_outbox_add(act->tx, "bulk", LANE_REST, bulk->id, pjob) : status;
}

apr_status_t ra_bulk_note(ra_tx_t *tx, const char *bulk_id, int index, int status, const ra_json_t *result)
{
    apr_status_t rv = ra_sql_change(tx, NULL, "INSERT INTO bulk_results (bulk_id, row_index, status, result, at) VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6))",
                                    RA_VALUES(ra_v_uuid(bulk_id), ra_v_int(index), ra_v_int(status), ra_v_json(result, tx->pool)));

    RA_FAILPOINT(bulk_row_noted);
    return rv;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

#define BULK                                                                                                           \
    "SELECT b.id AS id, b.kind AS kind, IF(b.finished_at IS NULL, 'running', 'finished') AS status, b.total AS total,"  \
    " (SELECT COUNT(*) FROM bulk_results r WHERE r.bulk_id = b.id) AS done,"                                           \
    " (SELECT COUNT(*) FROM bulk_results r WHERE r.bulk_id = b.id AND r.status < 300) AS succeeded,"                   \
    " (SELECT COUNT(*) FROM bulk_results r WHERE r.bulk_id = b.id AND r.status >= 300) AS refused,"                    \
    " p.id AS `created_by.id`, p.name AS `created_by.name`, p.kind AS `created_by.kind`,"                              \
    " b.created_at AS created_at, b.finished_at AS finished_at FROM bulk_operations b JOIN principals p ON p.id = b.created_by"

static apr_status_t add_results(ra_json_t *bulk, const ra_act_t *act, const char *id)
{
    ra_json_t *rows, *results;
    apr_status_t status = ra_sql_rows(act->tx, &rows,
                                      "SELECT row_index AS `index`, status AS status, result AS `result:json` FROM bulk_results"
                                      " WHERE bulk_id = ? ORDER BY row_index", RA_VALUES(ra_v_uuid(id)));

    if (status != APR_SUCCESS) {
        return status;
    }
    results = ra_json_set_array(bulk, "results");
    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        ra_json_t *result = ra_json_add_object(results);

        ra_json_set_int(result, "index", ra_json_get_int(row, "index", 0));
        ra_json_set_int(result, "status", ra_json_get_int(row, "status", 0));
        for (const ra_json_t *member = ra_json_first(ra_json_get(row, "result")); member; member = ra_json_next(member)) {
            ra_json_set_copy(result, ra_json_name(member), member);
        }
    }
    return APR_SUCCESS;
}

apr_status_t ra_bulk_json(ra_json_t **pbulk, const ra_act_t *act, const char *id, int all)
{
    apr_status_t status = ra_sql_row(act->tx, pbulk, BULK " WHERE b.id = ? AND (b.created_by = ? OR ?)",
                                     RA_VALUES(ra_v_uuid(id), ra_v_uuid(act->who->id), ra_v_int(all)));

    if (status == APR_ENOENT) {
        return ra_refuse(act->tx->result, RA_PROBLEM_NOT_FOUND, NULL);
    }
    return status == APR_SUCCESS ? add_results(*pbulk, act, id) : status;
}

apr_status_t ra_bulk_list(ra_json_t **pitems, const ra_act_t *act, int all, const char *before_id, int limit)
{
    const char *below = before_id ? before_id : "ffffffff-ffff-ffff-ffff-ffffffffffff";

    return all ? ra_sql_rows(act->tx, pitems, BULK " WHERE b.id < ? ORDER BY b.id DESC LIMIT ?", RA_VALUES(ra_v_uuid(below), ra_v_int(limit + 1)))
               : ra_sql_rows(act->tx, pitems, BULK " WHERE b.created_by = ? AND b.id < ? ORDER BY b.id DESC LIMIT ?",
                             RA_VALUES(ra_v_uuid(act->who->id), ra_v_uuid(below), ra_v_int(limit + 1)));
}

/* --- running ---------------------------------------------------------------------------------------------------- */

/* What a run works with; in the job's pool. */
typedef struct run_t {
    ra_t *ra;
    const char *id;
    ra_bulk_t bulk;
    unsigned char *has_result; /* by index */
    int open;                  /* rows without a result */
    int is_finished;
    apr_pool_t *pool;
} run_t;

static apr_status_t read_rows(run_t *run, const ra_act_t *act, const char *sealed_text)
{
    ra_json_t *rows;

    if (ra_unseal_json_text(&rows, act->ra->keyring, LABEL, seal_context(run->id, run->pool), sealed_text, &ra_json_limits_document, run->pool) != APR_SUCCESS) {
        return ra_refuse(act->tx->result, RA_PROBLEM_INTERNAL, "the rows of a bulk operation cannot be unsealed");
    }
    run->bulk.rows = rows;
    run->open = ra_json_size(rows);
    run->has_result = apr_pcalloc(run->pool, (apr_size_t)run->open + 1);
    return APR_SUCCESS;
}

static apr_status_t read_results(run_t *run, ra_tx_t *tx)
{
    int total = run->open;
    ra_json_t *rows;
    apr_status_t status = ra_sql_rows(tx, &rows, "SELECT row_index AS `index` FROM bulk_results WHERE bulk_id = ?", RA_VALUES(ra_v_uuid(run->id)));

    for (const ra_json_t *row = ra_json_first(rows); status == APR_SUCCESS && row; row = ra_json_next(row)) {
        apr_int64_t index = ra_json_get_int(row, "index", 0);

        if (index >= 0 && index < total) {
            run->has_result[index] = 1;
            run->open--;
        }
    }
    return status;
}

static apr_status_t read_caller(run_t *run, const ra_json_t *row)
{
    ra_bulk_t *bulk = &run->bulk;

    bulk->id = run->id;
    bulk->kind = apr_pstrdup(run->pool, ra_json_get_string(row, "kind"));
    bulk->host = apr_pstrdup(run->pool, ra_json_get_string(row, "host"));
    bulk->client_ip = apr_pstrdup(run->pool, ra_json_get_string(row, "client_ip"));
    bulk->trace_id = apr_pstrdup(run->pool, ra_json_get_string(row, "trace_id"));
    bulk->language = apr_pstrdup(run->pool, ra_json_get_string(row, "language"));
    return ra_base64url_decode(&bulk->certificate, ra_json_get_string(row, "certificate"), run->pool);
}

static apr_status_t read_body(ra_tx_t *tx, void *baton)
{
    run_t *run = baton;
    ra_act_t act = {run->ra, tx, NULL};
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row,
                                     "SELECT kind AS kind, host AS host, client_ip AS client_ip, trace_id AS trace_id, language AS language,"
                                     " certificate AS `certificate:b64`, rows_sealed AS `rows:b64`, finished_at AS finished_at"
                                     " FROM bulk_operations WHERE id = ?", RA_VALUES(ra_v_uuid(run->id)));

    if (status != APR_SUCCESS) {
        return status;
    }
    run->is_finished = ra_json_get(row, "finished_at") != NULL;
    if (run->is_finished) {
        return APR_SUCCESS;
    }
    status = read_caller(run, row);
    if (status == APR_SUCCESS) {
        status = read_rows(run, &act, ra_json_get_string(row, "rows"));
    }
    return status == APR_SUCCESS ? read_results(run, tx) : status;
}

/* The rows are done with: of the personal data that they held, what is in the applications stays. */
static apr_status_t finish_body(ra_tx_t *tx, void *baton)
{
    const run_t *run = baton;

    RA_FAILPOINT(bulk_finishing);
    return ra_sql_change(tx, NULL,
                         "UPDATE bulk_operations SET finished_at = UTC_TIMESTAMP(6), certificate = NULL, rows_sealed = NULL"
                         " WHERE id = ? AND finished_at IS NULL", RA_VALUES(ra_v_uuid(run->id)));
}

/* In the order in which they came, so that of two that exclude each other the first one wins. */
static ra_job_verdict_e do_rows(run_t *run)
{
    apr_time_t end = apr_time_now() + apr_time_from_sec(RA_BULK_SLICE_SECONDS);
    ra_job_verdict_e verdict = RA_JOB_DONE;
    apr_pool_t *pool;
    int index = 0;

    apr_pool_create(&pool, run->pool);
    apr_pool_tag(pool, "ra_bulk_row");
    for (const ra_json_t *row = ra_json_first(run->bulk.rows); row && verdict == RA_JOB_DONE; row = ra_json_next(row), index++) {
        if (run->has_result[index]) {
            continue;
        }
        if (RA_PLANTED(bulk_cut_short) && index > 0) {
            break;
        }
        RA_FAILPOINT(bulk_row_begin);
        if (apr_time_now() >= end) {
            verdict = RA_JOB_MORE;
        } else if (run->ra->bulk_row(run->ra->bulk_baton, &run->bulk, index, row, pool) != APR_SUCCESS) {
            verdict = RA_JOB_LATER;
        }
        RA_FAILPOINT(bulk_row_done);
        apr_pool_clear(pool);
    }
    apr_pool_destroy(pool);
    return verdict;
}

ra_job_verdict_e ra_bulk_run(void *context, const ra_job_t *job, int *later, apr_pool_t *pool)
{
    run_t run = {.ra = context, .id = job->subject, .pool = pool};
    ra_result_t *result = ra_result_make(pool);
    apr_status_t status = ra_store_run(run.ra->store, RA_TX_READ, read_body, &run, result, pool);
    ra_job_verdict_e verdict;

    *later = 0;
    if (status != APR_SUCCESS) {
        run.ra->outbox->log(status == RA_EUNAVAILABLE, "RA0481", apr_pstrcat(pool, "bulk operation ", run.id, ": ", result->log_detail ? result->log_detail : "cannot be read", NULL));
        return status == RA_EUNAVAILABLE ? RA_JOB_LATER : RA_JOB_PERSON;
    }
    if (run.is_finished) {
        return RA_JOB_DONE;
    }
    verdict = do_rows(&run);
    if (verdict != RA_JOB_DONE) {
        return verdict;
    }
    return ra_store_run(run.ra->store, RA_TX_WRITE, finish_body, &run, result, pool) == APR_SUCCESS ? RA_JOB_DONE : RA_JOB_LATER;
}

/* --- forgetting ------------------------------------------------------------------------------------------------- */

apr_status_t ra_bulk_forget(ra_tx_t *tx, void *baton)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row,
                                     "SELECT id AS id FROM bulk_operations WHERE finished_at < UTC_TIMESTAMP(6) - INTERVAL ? DAY"
                                     " ORDER BY finished_at LIMIT 1", RA_VALUES(ra_v_int(RA_BULK_DAYS)));

    (void)baton;
    if (status != APR_SUCCESS) {
        return status == APR_ENOENT ? APR_SUCCESS : status;
    }
    status = ra_sql_change(tx, NULL, "DELETE FROM bulk_results WHERE bulk_id = ?", RA_VALUES(ra_v_uuid(ra_json_get_string(row, "id"))));
    return status == APR_SUCCESS ? ra_sql_change(tx, NULL, "DELETE FROM bulk_operations WHERE id = ?",
                                                 RA_VALUES(ra_v_uuid(ra_json_get_string(row, "id"))))
                                 : status;
}
