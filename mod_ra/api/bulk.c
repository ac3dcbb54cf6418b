/*
 * Bulk operations: the requests that take rows, and a row as the call of the single operation that it is.
 * Layer: api. Thread rule: rows run in the threads of the outbox, one thread per bulk operation.
 */
#include "business/application/bulk.h"

#include <apr_strings.h>
#include <string.h>

#include "api/resources.h"
#include "base/failpoint.h"

/* What a row of each kind is a call of. */
typedef struct bulk_kind_t {
    const char *kind;
    const char *taken_by; /* operationIds */
    const char *row_is;
} bulk_kind_t;

static const bulk_kind_t kinds[] = {
    {"applications", "createApplicationsInBulk", "createApplication"},
    {"agency_decisions", "decideForAgencyInBulk", "decideForAgency"},
    {"reviews", "reviewApplicationsInBulk", "reviewApplication"},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* --- taking the rows -------------------------------------------------------------------------------------------- */

static const char *kind_taken_by(const ra_operation_t *operation)
{
    size_t i = 0;

    while (i < KINDS - 1 && strcmp(kinds[i].taken_by, operation->id) != 0) {
        i++;
    }
    return kinds[i].kind;
}

static const char *location_of(const char *id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "/bulk-operations/", id, NULL);
}

static int is_running(const ra_json_t *bulk)
{
    return strcmp(ra_json_get_string(bulk, "status"), "running") == 0;
}

/* What is read once more after the wait, printed into the request's pool. */
typedef struct progress_t {
    const ra_call_t *call;
    const char *id;
    const char *answer;
} progress_t;

static apr_status_t read_progress(ra_tx_t *tx, void *baton)
{
    progress_t *progress = baton;
    ra_act_t act = {progress->call->act.ra, tx, progress->call->act.who};
    ra_json_t *bulk;
    apr_status_t status = ra_bulk_json(&bulk, &act, progress->id, 0);

    if (status == APR_SUCCESS) {
        progress->answer = ra_json_print(bulk, progress->call->request->pool);
    }
    return status;
}

/* After COMMIT: a worker begins with the rows; small ones are done before this answer. */
static int wait_for_rows(ra_call_t *call)
{
    ra_t *ra = call->act.ra;
    apr_pool_t *pool = call->request->pool;
    progress_t progress = {.call = call};
    char *id, *job_id = apr_strtok(apr_pstrdup(pool, call->after_baton), " ", &id);
    ra_json_error_t error;

    progress.id = id;
    if (ra->outbox) {
        ra_outbox_run_now(ra->outbox, job_id, ra_call_wait(call), pool);
    }
    if (ra_store_run(ra->store, RA_TX_READ, read_progress, &progress, ra_result_make(pool), pool) != APR_SUCCESS ||
        ra_json_parse(&call->answer, progress.answer, strlen(progress.answer), &ra_json_limits_document, &error, pool) != APR_SUCCESS) {
        return 0;
    }
    call->status = is_running(call->answer) ? 202 : 201;
    call->retry_after = call->status == 202 ? RA_OPERATION_RETRY_SECONDS : 0;
    call->location = location_of(id, pool);
    return 1;
}

static ra_json_t *audit_detail(const ra_bulk_t *bulk, apr_pool_t *pool)
{
    ra_json_t *detail = ra_json_object_make(pool);

    ra_json_set_string(detail, "kind", bulk->kind);
    ra_json_set_int(detail, "rows", ra_json_size(bulk->rows));
    return detail;
}

apr_status_t ra_take_bulk(ra_call_t *call)
{
    ra_bulk_t bulk = {
        .kind = kind_taken_by(call->operation),
        .host = call->request->host == RA_HOST_STAFF ? "staff" : "api",
        .client_ip = call->request->client_ip,
        .trace_id = call->request->trace_id,
        .language = ra_language_tag(call->language),
        .certificate = call->request->certificate,
        .rows = ra_json_get(call->body, "rows"),
    };
    const char *job;
    apr_status_t status = ra_bulk_take(&call->act, &bulk, &job);

    if (status == APR_SUCCESS) {
        status = ra_bulk_json(&call->answer, &call->act, bulk.id, 0);
    }
    if (status == APR_SUCCESS) {
        call->status = 202;
        call->location = location_of(bulk.id, call->act.tx->pool);
        call->retry_after = RA_OPERATION_RETRY_SECONDS;
        RA_FAILPOINT(bulk_taken);
        call->object_type = "bulk_operation";
        call->object_id = bulk.id;
        call->audit_detail = audit_detail(&bulk, call->act.tx->pool);
        call->after_commit = wait_for_rows;
        call->after_baton = apr_pstrcat(call->request->pool, job, " ", bulk.id, NULL);
    }
    return status;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* One's own; an auditor looks at everybody's. They have no region: who audits only a part of the RA sees none of them, as of the audit log. */
static int sees_all(const ra_call_t *call)
{
    return ra_principal_sight(call->act.who, RA_ROLE_AUDITOR, call->act.tx->pool).everything;
}

apr_status_t ra_list_bulk_operations(ra_call_t *call)
{
    int limit = ra_call_limit(call);
    const char *before_id;
    ra_json_t *items;
    apr_status_t status = ra_call_cursor(call, &before_id);

    if (status == APR_SUCCESS) {
        status = ra_bulk_list(&items, &call->act, sees_all(call), before_id, limit);
    }
    if (status == APR_SUCCESS) {
        ra_call_page(call, items, limit);
    }
    return status;
}

apr_status_t ra_get_bulk_operation(ra_call_t *call)
{
    apr_status_t status = ra_bulk_json(&call->answer, &call->act, ra_call_text(call, "id"), sees_all(call));

    if (status == APR_SUCCESS && is_running(call->answer)) {
        call->retry_after = RA_OPERATION_RETRY_SECONDS;
    }
    return status;
}

/* --- one row ---------------------------------------------------------------------------------------------------- */

/* The request that a row stands for, and where its result goes. */
typedef struct row_t {
    const ra_api_t *api;
    const ra_bulk_t *bulk;
    int index;
    const char *application; /* that a decision is about; NULL for a submission */
    const ra_json_t *result; /* of a refusal */
    int status;
} row_t;

static const ra_operation_t *operation_of(const ra_spec_t *spec, const char *kind)
{
    for (int i = 0; i < ra_spec_operation_count(spec); i++) {
        const ra_operation_t *operation = ra_spec_operation(spec, i);

        for (size_t k = 0; k < KINDS; k++) {
            if (strcmp(kinds[k].kind, kind) == 0 && strcmp(kinds[k].row_is, operation->id) == 0) {
                return operation;
            }
        }
    }
    return NULL;
}

static void row_log(void *baton, int level, const char *id, const char *message)
{
    const row_t *row = baton;

    row->api->ra->outbox->log(level, id, message);
}

static void copy(ra_json_t *result, const ra_json_t *answer, const char *name)
{
    ra_json_set_copy(result, name, ra_json_get(answer, name));
}

/* In the transaction of the row: its effect and its result become true together. */
static apr_status_t note_success(void *baton, const ra_call_t *call)
{
    const row_t *row = baton;
    ra_json_t *result = ra_json_object_make(call->act.tx->pool);

    copy(result, call->answer, "id");
    copy(result, call->answer, "number");
    copy(result, call->answer, "state");
    copy(result, call->answer, "version");
    ra_json_set_string(result, "etag", ra_etag_make(call->version, "json", call->act.tx->pool));
    return ra_bulk_note(call->act.tx, row->bulk->id, row->index, call->status, result);
}

static apr_status_t note_refusal(ra_tx_t *tx, void *baton)
{
    const row_t *row = baton;
    apr_status_t status = ra_bulk_note(tx, row->bulk->id, row->index, row->status, row->result);

    return status == APR_EEXIST ? APR_SUCCESS : status; /* another run of the same rows was faster */
}

/* What the refused call has left is rolled back: the refusal is written by itself. */
static apr_status_t keep_refusal(row_t *row, const ra_response_t *response, apr_pool_t *pool)
{
    ra_json_t *result = ra_json_object_make(pool), *problem;
    ra_json_error_t error;

    if (ra_json_parse(&problem, (const char *)response->body.data, response->body.len, &ra_json_limits_document, &error, pool) != APR_SUCCESS) {
        return APR_EGENERAL;
    }
    if (row->application) { /* whoever reads it later has the rows no more */
        ra_json_set_string(result, "id", row->application);
    }
    ra_json_set_copy(result, "problem", problem);
    row->result = result;
    row->status = response->status;
    return ra_store_run(row->api->ra->store, RA_TX_WRITE, note_refusal, row, ra_result_make(pool), pool);
}

/* Out of reach, or a COMMIT that nobody can tell of: not the row's fault, and not its result. */
static int is_passing(const ra_response_t *response)
{
    return response->status == 503;
}

static void describe(ra_request_t *request, ra_match_t *match, const ra_bulk_t *bulk, const ra_json_t *row, const char *application, apr_pool_t *pool)
{
    const char *hole = application ? strstr(match->operation->path, "{id}") : NULL;

    match->path_values = apr_table_make(pool, 1);
    request->path = match->operation->path;
    request->headers = apr_table_make(pool, 4);
    apr_table_setn(request->headers, "Content-Type", "application/json");
    apr_table_setn(request->headers, "Accept-Language", bulk->language);
    if (hole) {
        apr_table_setn(match->path_values, "id", application);
        request->path = apr_pstrcat(pool, apr_pstrmemdup(pool, request->path, (apr_size_t)(hole - request->path)), application, hole + strlen("{id}"), NULL);
        apr_table_setn(request->headers, "If-Match", ra_etag_make(ra_json_get_int(row, "version", 0), "json", pool));
    }
}

apr_status_t ra_bulk_row(const void *baton, const ra_bulk_t *bulk, int index, const ra_json_t *json, apr_pool_t *pool)
{
    row_t row = {.api = baton, .bulk = bulk, .index = index, .application = ra_json_get_string(json, "application_id")};
    ra_match_t match = {.operation = operation_of(row.api->spec, bulk->kind)};
    ra_request_t request = {
        .pool = pool,
        .host = strcmp(bulk->host, "staff") == 0 ? RA_HOST_STAFF : RA_HOST_API,
        .method = "POST",
        .client_ip = bulk->client_ip,
        .trace_id = bulk->trace_id,
        .certificate = bulk->certificate,
        .match = &match,
        .baton = &row,
        .log = row_log,
        .note = note_success,
    };
    ra_response_t response;

    if (!match.operation) {
        return APR_EGENERAL;
    }
    describe(&request, &match, bulk, json, row.application, pool);
    if (ra_api_serve_row(row.api, &request, ra_bytes_text(ra_json_print(ra_json_get(json, "body"), pool)), &response) == APR_EEXIST) {
        return APR_SUCCESS;
    }
    if (!response.problem) {
        return APR_SUCCESS;
    }
    return is_passing(&response) ? RA_EUNAVAILABLE : keep_refusal(&row, &response, pool);
}
