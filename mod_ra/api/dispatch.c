/*
 * The order of every call: host → identity → access → schema → idempotency replay → If-Match → handler (design §3), in one transaction
 * that also writes the audit row and the replay record.
 * Layer: api. Thread rule: free-threaded; a call belongs to one thread.
 */
#include <apr_strings.h>
#include <string.h>

#include "base/failpoint.h"
#include "api/guard.h"
#include "api/idempotency.h"
#include "api/input.h"
#include "api/render.h"
#include "api/resources.h"
#include "business/evidence/audit.h"

/* What a call needs over all repetitions of its transaction; in the request's pool. */
typedef struct serving_t {
    const ra_api_t *api;
    const ra_request_t *request;
    const ra_operation_t *operation;
    ra_result_t *result;
    ra_response_t *response;
    ra_language_e language;
    ra_bytes_t raw_body;
    ra_json_t *params;   /* checked once */
    ra_json_t *body;
    int is_checked;
    ra_principal_t *who; /* of the last repetition */
    ra_call_t call;      /* of the last repetition */
    int replayed;
} serving_t;

static const char *host_name(ra_host_e host)
{
    return host == RA_HOST_STAFF ? "staff" : host == RA_HOST_API ? "api" : host == RA_HOST_INTERNAL ? "internal" : "public";
}

/* --- identity and access ---------------------------------------------------------------------------------------- */

static apr_status_t identify(serving_t *serving, ra_tx_t *tx)
{
    const ra_operation_t *operation = serving->operation;
    ra_principal_t *who;
    apr_status_t status;

    serving->who = NULL;
    if (operation->is_public) {
        return APR_SUCCESS;
    }
    status = ra_principal_find(&who, tx, serving->request->certificate, serving->request->pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    /* Roles act on the staff host, scopes on the api host (design §14). */
    who->roles = serving->request->host == RA_HOST_STAFF && !who->is_system ? who->roles : 0;
    who->scopes = serving->request->host == RA_HOST_API && who->is_system ? who->scopes : 0;
    who->province_roles &= who->roles;
    serving->who = who;
    return ra_guard_access(operation, serving->request->host, who->roles, who->scopes, serving->result);
}

/* --- the transaction -------------------------------------------------------------------------------------------- */

static apr_status_t check_input(serving_t *serving)
{
    apr_status_t status;

    if (serving->is_checked) {
        return APR_SUCCESS;
    }
    status = ra_guard_accept(serving->request, serving->operation, serving->result);
    if (status == APR_SUCCESS) {
        status = ra_input_params(&serving->params, serving->request, serving->operation, serving->result);
    }
    if (status == APR_SUCCESS && serving->operation->body_count > 0) {
        status = ra_input_body(&serving->body, serving->request, serving->operation, serving->raw_body, serving->result);
    }
    serving->is_checked = status == APR_SUCCESS;
    return status;
}

static apr_status_t read_if_match(serving_t *serving)
{
    const char *header = apr_table_get(serving->request->headers, "If-Match");

    if (!serving->operation->needs_if_match) {
        return APR_SUCCESS;
    }
    if (!header) {
        return ra_refuse(serving->result, RA_PROBLEM_IF_MATCH_MISSING, NULL);
    }
    if (ra_if_match_parse(&serving->call.if_match, header, serving->request->pool) != APR_SUCCESS) {
        ra_result_violation(serving->result, "header:if-match", RA_VIOLATION_MALFORMED);
        return ra_refuse(serving->result, RA_PROBLEM_IF_MATCH_INVALID, NULL);
    }
    return APR_SUCCESS;
}

static void start_call(serving_t *serving, ra_tx_t *tx)
{
    ra_call_t *call = &serving->call;

    memset(call, 0, sizeof(*call));
    call->api = serving->api;
    call->request = serving->request;
    call->operation = serving->operation;
    call->act.ra = serving->api->ra;
    call->act.tx = tx;
    call->act.who = serving->who;
    call->language = serving->language;
    call->params = serving->params;
    call->body = serving->body;
    call->content = serving->raw_body;
    call->status = 200;
}

static apr_status_t write_audit(serving_t *serving, const char *outcome)
{
    ra_call_t *call = &serving->call;
    ra_audit_t audit = {
        .event = serving->operation->id,
        .outcome = outcome,
        .problem = serving->result->problem,
        .host = host_name(serving->request->host),
        .client_ip = serving->request->client_ip,
        .object_type = call->object_type,
        .object_id = call->object_id,
        .trace_id = serving->request->trace_id,
        .detail = call->audit_detail,
        .certificate = serving->request->certificate,
    };
    ra_act_t act = {serving->api->ra, call->act.tx, serving->who};

    return ra_audit_write(&act, &audit);
}

/* Changes and readings of personal data leave a row; other readings do not. */
static apr_status_t audit_success(serving_t *serving)
{
    if (!ra_method_is_safe(serving->request->method)) {
        return write_audit(serving, "done");
    }
    return serving->operation->personal ? write_audit(serving, "read") : APR_SUCCESS;
}

static const char *replay_key(const serving_t *serving)
{
    return ra_method_is_safe(serving->request->method) || serving->operation->is_public ? NULL
                                                                                        : apr_table_get(serving->request->headers, "Idempotency-Key");
}

static apr_status_t keep_answer(serving_t *serving, const char *key)
{
    ra_response_t *response = serving->response;
    ra_replay_t answer = {
        .status = response->status,
        .content_type = response->content_type,
        .language = apr_table_get(response->headers, "Content-Language"),
        .etag = apr_table_get(response->headers, "ETag"),
        .location = apr_table_get(response->headers, "Location"),
        .body = response->content_type ? apr_pstrmemdup(serving->call.act.tx->pool, (const char *)response->body.data, response->body.len) : NULL,
    };

    RA_FAILPOINT(answer_kept);
    return ra_idempotency_keep(&serving->call, key, &answer);
}

/* Refused, but what was written counts (a wrong try): the refusal itself is the answer that a repetition gets. */
static apr_status_t keep_refusal(serving_t *serving, const char *key)
{
    apr_status_t status;

    ra_render_problem(serving->api, serving->request, serving->result, serving->language, serving->response);
    status = write_audit(serving, "refused");
    if (status == APR_SUCCESS && key) {
        status = keep_answer(serving, key);
    }
    return status == APR_SUCCESS ? RA_EREFUSED : status;
}

static apr_status_t handle(serving_t *serving, const char *key)
{
    apr_status_t status = serving->operation->handler(&serving->call);

    RA_FAILPOINT(handler_done);
    if (status == RA_EREFUSED && serving->result->keep) {
        return keep_refusal(serving, key);
    }
    if (status == APR_SUCCESS) {
        status = ra_render_answer(&serving->call, serving->response);
    }
    if (status == APR_SUCCESS) {
        status = audit_success(serving);
    }
    if (status == APR_SUCCESS && serving->request->note) {
        status = serving->request->note(serving->request->baton, &serving->call);
    }
    return status == APR_SUCCESS && key ? keep_answer(serving, key) : status;
}

/* The stored answer instead of the handler. */
static apr_status_t replay_answer(serving_t *serving, const ra_replay_t *replay)
{
    if (!replay->status || (serving->operation->keeps_codes && !replay->body)) {
        return ra_refuse(serving->result, RA_PROBLEM_CODES_SHOWN, NULL);
    }
    serving->replayed = 1;
    ra_render_replay(replay, serving->response);
    return APR_SUCCESS;
}

static apr_status_t run_call(serving_t *serving, ra_tx_t *tx)
{
    const char *key = replay_key(serving);
    unsigned char digest[RA_SHA256_BYTES];
    ra_replay_t *replay = NULL;
    apr_status_t status;

    RA_FAILPOINT(request_begin);
    status = identify(serving, tx);
    if (status == APR_SUCCESS) {
        status = check_input(serving);
    }
    start_call(serving, tx);
    if (status == APR_SUCCESS && key && !RA_PLANTED(key_ignored)) {
        ra_idempotency_hash(digest, serving->request, serving->raw_body);
        status = ra_idempotency_claim(&replay, &serving->call, key, digest);
    }
    RA_FAILPOINT(key_claimed);
    if (status == APR_SUCCESS && replay) {
        return replay_answer(serving, replay);
    }
    if (status == APR_SUCCESS) {
        status = read_if_match(serving);
    }
    return status == APR_SUCCESS ? handle(serving, key) : status;
}

/* The audit row of a refusal is written after this transaction is rolled back: what it names must outlive it. */
static apr_status_t serve_in_transaction(ra_tx_t *tx, void *baton)
{
    serving_t *serving = baton;
    apr_status_t status = run_call(serving, tx);

    serving->call.object_id = apr_pstrdup(serving->request->pool, serving->call.object_id);
    return status;
}

/* --- around the transaction ------------------------------------------------------------------------------------- */

typedef struct bootstrap_t {
    const ra_t *ra;
    ra_bytes_t certificate;
} bootstrap_t;

static apr_status_t bootstrap_body(ra_tx_t *tx, void *baton)
{
    const bootstrap_t *bootstrap = baton;

    return ra_principal_bootstrap(tx, bootstrap->ra, bootstrap->certificate);
}

/* The first administrator's certificate is nobody's until it is used for the first time. */
static int was_first_administrator(serving_t *serving)
{
    bootstrap_t bootstrap = {serving->api->ra, serving->request->certificate};
    ra_result_t *scratch = ra_result_make(serving->request->pool);

    return serving->result->problem && strcmp(serving->result->problem, RA_PROBLEM_CERTIFICATE_UNKNOWN) == 0 &&
           serving->request->host == RA_HOST_STAFF &&
           ra_store_run(serving->api->ra->store, RA_TX_WRITE, bootstrap_body, &bootstrap, scratch, serving->request->pool) == APR_SUCCESS;
}

static apr_status_t write_refusal(ra_tx_t *tx, void *baton)
{
    serving_t *serving = baton;

    serving->call.act.tx = tx;
    serving->call.audit_detail = NULL;
    return write_audit(serving, "refused");
}

/* Refusals of a known or unknown caller are evidence too; wrong input is not. A refusal that cannot be recorded stays a refusal. */
static void audit_refusal(serving_t *serving)
{
    int status = ra_problem_status(serving->api->spec, serving->result->problem);
    ra_result_t *scratch = ra_result_make(serving->request->pool);

    if (serving->result->keep || serving->operation->is_public || (status != 403 && status != 409)) {
        return;
    }
    if (ra_store_run(serving->api->ra->store, RA_TX_WRITE, write_refusal, serving, scratch, serving->request->pool) != APR_SUCCESS) {
        serving->request->log(serving->request->baton, RA_LOG_WARNING, "RA0301",
                              apr_pstrcat(serving->request->pool, "a refusal could not be written to the audit log: ", serving->operation->id, ": ",
                                          scratch->log_detail ? scratch->log_detail : "-", NULL));
    }
}

static apr_status_t read_body(serving_t *serving)
{
    apr_status_t status;

    if (serving->operation->body_count == 0) {
        return APR_SUCCESS;
    }
    status = serving->request->read_body(serving->request->baton, RA_BODY_MAX_BYTES, &serving->raw_body);
    if (status == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    return ra_refuse(serving->result, status == APR_ENOSPC ? RA_PROBLEM_BODY_TOO_LARGE : RA_PROBLEM_REQUEST_INVALID, "the body could not be read");
}

static apr_status_t run(serving_t *serving)
{
    int writes = !ra_method_is_safe(serving->request->method) || serving->operation->personal;
    ra_store_t *store = serving->api->ra->store;
    apr_status_t status;

    if (ra_handler_needs_no_store(serving->operation->handler)) {
        ra_tx_t none = {.pool = serving->request->pool, .result = serving->result, .attempt = 1};

        return serve_in_transaction(&none, serving);
    }
    status = ra_store_run(store, writes ? RA_TX_WRITE : RA_TX_READ, serve_in_transaction, serving, serving->result, serving->request->pool);
    if (status == RA_EREFUSED && was_first_administrator(serving)) {
        ra_result_clear(serving->result);
        status = ra_store_run(store, writes ? RA_TX_WRITE : RA_TX_READ, serve_in_transaction, serving, serving->result, serving->request->pool);
    }
    RA_FAILPOINT(request_committed);
    return status;
}

static void log_failure(const serving_t *serving, apr_status_t status)
{
    const ra_request_t *request = serving->request;
    const ra_result_t *result = serving->result;
    int level = status == RA_EREFUSED ? RA_LOG_INFO : status == RA_EUNAVAILABLE ? RA_LOG_WARNING : RA_LOG_ERROR;

    request->log(request->baton, level, level == RA_LOG_INFO ? "RA0302" : "RA0303",
                 apr_pstrcat(request->pool, serving->operation->id, ": ", result->problem ? result->problem : "internal", ": ",
                             result->log_detail ? result->log_detail : "-", NULL));
}

static void refuse(serving_t *serving, apr_status_t status)
{
    if (!serving->result->problem) {
        ra_refuse(serving->result, RA_PROBLEM_INTERNAL, "a handler failed without a reason");
    }
    log_failure(serving, status);
    if (status == RA_EREFUSED && serving->request->certificate.data) {
        audit_refusal(serving);
    }
    ra_render_problem(serving->api, serving->request, serving->result, serving->language, serving->response);
}

/* What the handler left in its transaction's pool is gone; the answer rendered in it stands unless a new one is made. */
static void finish_after_commit(ra_call_t *call, ra_response_t *response)
{
    call->act.tx = NULL;
    call->answer = NULL;
    call->location = call->etag = call->link = NULL;
    if (call->after_commit(call)) {
        ra_render_after(call, response);
    }
}

static void conclude(serving_t *serving, apr_status_t status)
{
    serving->response->principal = serving->who ? serving->who->id : NULL;
    if (status != APR_SUCCESS) {
        refuse(serving, status);
    } else if (!serving->replayed && serving->call.after_commit) {
        finish_after_commit(&serving->call, serving->response);
    }
}

static void serve_operation(serving_t *serving)
{
    apr_status_t status = ra_guard_request(serving->request, serving->operation, serving->result);

    if (status == APR_SUCCESS) {
        status = read_body(serving);
    }
    conclude(serving, status == APR_SUCCESS ? run(serving) : status);
}

static void serve_unknown(serving_t *serving)
{
    const ra_match_t *match = serving->request->match;

    if (match->allow && strcmp(serving->request->method, "OPTIONS") == 0) {
        serving->response->status = 204;
    } else {
        ra_refuse(serving->result, match->allow ? RA_PROBLEM_METHOD_NOT_ALLOWED : RA_PROBLEM_NOT_FOUND, NULL);
        ra_render_problem(serving->api, serving->request, serving->result, serving->language, serving->response);
    }
    if (match->allow) {
        apr_table_setn(serving->response->headers, "Allow", match->allow);
    }
}

static serving_t *serving_make(const ra_api_t *api, const ra_request_t *request, ra_response_t *response)
{
    serving_t *serving = apr_pcalloc(request->pool, sizeof(*serving));

    memset(response, 0, sizeof(*response));
    response->headers = apr_table_make(request->pool, 8);
    serving->api = api;
    serving->request = request;
    serving->response = response;
    serving->operation = request->match ? request->match->operation : NULL;
    serving->result = ra_result_make(request->pool);
    serving->language = ra_language_choose(apr_table_get(request->headers, "Accept-Language"));
    return serving;
}

void ra_api_serve(const ra_api_t *api, const ra_request_t *request, ra_response_t *response)
{
    serving_t *serving = serving_make(api, request, response);

    if (serving->operation) {
        serve_operation(serving);
    } else {
        serve_unknown(serving);
    }
}

apr_status_t ra_api_serve_row(const ra_api_t *api, const ra_request_t *request, ra_bytes_t body, ra_response_t *response)
{
    serving_t *serving = serving_make(api, request, response);
    apr_status_t status;

    serving->raw_body = body;
    status = run(serving);
    if (status == APR_EEXIST) {
        return status;
    }
    conclude(serving, status);
    return APR_SUCCESS;
}

void ra_api_refuse(const ra_api_t *api, const ra_request_t *request, const ra_result_t *result, ra_response_t *response)
{
    serving_t *serving = serving_make(api, request, response);

    ra_render_problem(api, request, result, serving->language, response);
}
