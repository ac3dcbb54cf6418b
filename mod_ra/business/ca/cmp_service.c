/*
 * The parts of the CMP service that do not depend on how a message is authenticated: audit rows, the transaction's
 * memory, production, and what has come of it. Layer: business. Thread rule: a call belongs to its thread.
 */
#include "business/ca/cmp_service.h"

#include <apr_strings.h>
#include <string.h>

#include "base/der.h"
#include "base/ident.h"

#define CHECK_AFTER_SECONDS 2 /* when the attempt does not say when it is run again */
#define CHECK_AFTER_MAX_SECONDS 60

apr_status_t ra_cmp_run(ra_cmp_service_t *service, ra_tx_mode_e mode, ra_tx_body_fn body)
{
    return ra_store_run(service->ra->store, mode, body, service, service->result, service->pool);
}

void ra_cmp_say(const ra_cmp_service_t *service, int level, const char *id, const char *text, const char *what)
{
    service->caller->log(service->caller->baton, level, id, apr_pstrcat(service->pool, "cmp: ", text, what, NULL));
}

ra_bytes_t ra_cmp_bytes_of(const ra_json_t *row, const char *name, apr_pool_t *pool)
{
    ra_bytes_t bytes = {NULL, 0};
    const char *text = ra_json_get_string(row, name);

    if (text) {
        ra_base64url_decode(&bytes, text, pool);
    }
    return bytes;
}

/* --- audit ------------------------------------------------------------------------------------------------------ */

/* The reference is no secret; a clean one is kept, whatever else stands there is not. */
static const char *reference_of(const ra_cmp_service_t *service, apr_pool_t *pool)
{
    return service->head->reference && !service->certificate_id ? ra_code_clean(service->head->reference, pool) : NULL;
}

/* What a poll or a confirmation is about is its transaction's. */
static const char *event_of(const ra_cmp_service_t *service)
{
    if (service->outcome && (strcmp(service->outcome, "confirmed") == 0 || strcmp(service->outcome, "declined") == 0)) {
        return "cmp_confirmation";
    }
    if (service->job_id) {
        return "cmp_production";
    }
    return strcmp(service->head->type, "kur") == 0  ? "cmp_renewal"
           : strcmp(service->head->type, "rr") == 0 ? "cmp_revocation"
                                                    : "cmp_production";
}

apr_status_t ra_cmp_audit(const ra_cmp_service_t *service, ra_tx_t *tx, const char *outcome)
{
    ra_act_t act = {service->ra, tx, NULL};
    ra_json_t *detail = ra_json_object_make(tx->pool);
    const char *application = service->pair ? service->pair->application_id : service->application_id;
    ra_audit_t row = {
        .event = event_of(service),
        .outcome = outcome,
        .problem = service->problem,
        .host = service->caller->host,
        .client_ip = service->caller->client_ip,
        .trace_id = service->caller->trace_id,
        .object_type = application ? "application" : service->certificate_id ? "certificate" : NULL,
        .object_id = application ? application : service->certificate_id,
        .actor_name = RA_CMP_TOOL,
        .certificate = service->known->signer,
        .detail = detail,
    };

    ra_json_set_string(detail, "reference_code", reference_of(service, tx->pool));
    ra_json_set_string(detail, "message", service->head->type);
    ra_json_set_string(detail, "transaction_id", ra_hex(service->head->transaction_id, tx->pool));
    ra_json_set_string(detail, "certificate_id", service->certificate_id);
    ra_json_set_string(detail, "operation_id", service->attempt_id);
    ra_json_set_string(detail, "why", service->why);
    return ra_audit_write(&act, &row);
}

apr_status_t ra_cmp_write_refusal(ra_tx_t *tx, void *service)
{
    return ra_cmp_audit(service, tx, "refused");
}

/* --- the transaction's memory ----------------------------------------------------------------------------------- */

#define TRANSACTION                                                                                                    \
    "SELECT id AS id, attempt_id AS attempt_id, application_id AS application_id, request AS `request:b64`,"           \
    " reply_nonce AS `reply_nonce:b64`, earlier_nonce AS `earlier_nonce:b64` FROM cmp_transactions"

/* Under one pair of codes, or one certificate, a transactionID is used once. */
apr_status_t ra_cmp_read_transaction(ra_cmp_service_t *service, ra_tx_t *tx)
{
    ra_cmp_known_t *known = service->known;
    ra_value_t transaction_id = ra_v_bytes(service->head->transaction_id);
    ra_json_t *row;
    apr_status_t status =
        service->pair ? ra_sql_row(tx, &row, TRANSACTION " WHERE code_id = ? AND transaction_id = ?",
                                   RA_VALUES(ra_v_uuid(service->pair->id), transaction_id))
                      : ra_sql_row(tx, &row, TRANSACTION " WHERE certificate_id = ? AND transaction_id = ?",
                                   RA_VALUES(ra_v_uuid(service->certificate_id), transaction_id));

    if (status == APR_SUCCESS) {
        service->transaction = apr_pstrdup(service->pool, ra_json_get_string(row, "id"));
        service->attempt_id = apr_pstrdup(service->pool, ra_json_get_string(row, "attempt_id"));
        service->application_id = apr_pstrdup(service->pool, ra_json_get_string(row, "application_id"));
        known->request = ra_cmp_bytes_of(row, "request", service->pool);
        known->nonces[0] = ra_cmp_bytes_of(row, "reply_nonce", service->pool);
        known->nonces[1] = ra_cmp_bytes_of(row, "earlier_nonce", service->pool);
    }
    return status == APR_ENOENT ? APR_SUCCESS : status;
}

apr_status_t ra_cmp_insert_transaction(ra_cmp_service_t *service, ra_tx_t *tx, ra_bytes_t spki)
{
    unsigned char *digest = spki.len > 0 ? apr_palloc(tx->pool, RA_SHA256_BYTES) : NULL;

    if (digest) {
        ra_sha256(digest, spki.data, spki.len);
    }
    service->transaction = ra_uuid_make(service->pool);
    return ra_sql_change(
        tx, NULL,
        "INSERT INTO cmp_transactions (id, code_id, attempt_id, certificate_id, application_id, spki, spki_sha256, transaction_id,"
        " request, outcome, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        RA_VALUES(ra_v_uuid(service->transaction), ra_v_uuid(service->pair ? service->pair->id : NULL),
                  ra_v_uuid(service->attempt_id), ra_v_uuid(service->certificate_id), ra_v_uuid(service->application_id),
                  ra_v_bytes(spki), ra_v_hash(digest), ra_v_bytes(service->head->transaction_id),
                  ra_v_bytes(service->head->message)));
}

/* --- production ------------------------------------------------------------------------------------------------- */

/* Who drew the codes counts as the producer (design §6); a disabled one may do nothing any more. */
static apr_status_t read_producer(ra_principal_t *who, ra_tx_t *tx, const char *id)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(
        tx, &row, "SELECT name AS name, disabled_at AS disabled_at FROM principals WHERE id = ?", RA_VALUES(ra_v_uuid(id)));

    if (status == APR_SUCCESS) {
        who->id = id;
        who->name = ra_json_get_string(row, "name");
        who->roles = ra_json_get(row, "disabled_at") ? 0 : RA_ROLE_ISSUING_OFFICER;
        who->province_roles = who->roles; /* the codes were drawn in the officer's sight */
    }
    return status;
}

apr_status_t ra_cmp_produce(ra_cmp_service_t *service, ra_tx_t *tx, const ra_code_pair_t *pair, const ra_proved_request_t *request)
{
    ra_principal_t who = {0};
    ra_act_t act = {service->ra, tx, &who};
    ra_application_t *application;
    const char *job_id;
    /* The lock comes before any reading: a picture older than the lock would be refused by MariaDB. */
    apr_status_t status = ra_codes_use_proved(&act, pair->id);

    service->attempt_id = NULL;
    if (status == APR_SUCCESS) {
        status = read_producer(&who, tx, pair->drawn_by);
    }
    if (status == APR_SUCCESS) {
        status = ra_application_read(&application, &act, pair->application_id);
    }
    if (status == APR_SUCCESS) {
        status = ra_production_proved(&act, application, request, &job_id);
    }
    if (status == APR_SUCCESS) {
        service->attempt_id = apr_pstrdup(service->pool, application->operation_id);
        service->job_id = apr_pstrdup(service->pool, job_id);
    }
    return status;
}

void ra_cmp_run_attempt(const ra_cmp_service_t *service)
{
    ra_cmp_say(service, RA_CMP_LOG_INFO, "RA0474", "production requested: operation ", service->attempt_id);
    ra_production_run_now(service->ra, service->attempt_id, service->job_id, service->ra->settings->production_wait, service->pool);
}

/* --- what the tool is told -------------------------------------------------------------------------------------- */

void ra_cmp_reject(ra_cmp_standing_t *standing, ra_cmp_failure_e failure, const char *text)
{
    standing->state = RA_CMP_REJECTED;
    standing->failure = failure;
    standing->text = text;
}

apr_status_t ra_cmp_refuse_by(ra_cmp_service_t *service, ra_cmp_standing_t *standing, const ra_cmp_refusal_t *table)
{
    while (table->problem && strcmp(table->problem, service->result->problem) != 0) {
        table++;
    }
    service->problem = service->result->problem;
    service->why = table->text;
    ra_cmp_reject(standing, table->failure, table->text);
    ra_cmp_say(service, RA_CMP_LOG_INFO, "RA0473", "refused: ", table->text);
    return ra_cmp_run(service, RA_TX_WRITE, ra_cmp_write_refusal);
}

/* One PEM block after the other; what cannot be read ends the list, as the chain is a help and no promise. */
static apr_array_header_t *read_chain(const char *pem, apr_pool_t *pool)
{
    static const char *const labels[] = {"CERTIFICATE", NULL};
    static const char end[] = "-----END CERTIFICATE-----";
    apr_array_header_t *chain = apr_array_make(pool, 4, sizeof(ra_bytes_t));
    const char *stop;

    while (pem && (stop = strstr(pem, end))) {
        const char *block = apr_pstrmemdup(pool, pem, (apr_size_t)(stop - pem) + sizeof(end) - 1);
        ra_bytes_t der;

        if (ra_pem_read(&der, block, labels, pool) != APR_SUCCESS) {
            break;
        }
        APR_ARRAY_PUSH(chain, ra_bytes_t) = der;
        pem = stop + sizeof(end) - 1;
    }
    return chain;
}

int ra_cmp_stand_issued(ra_cmp_standing_t *standing, const ra_json_t *row, apr_pool_t *pool)
{
    memset(standing, 0, sizeof(*standing));
    standing->certificate = ra_cmp_bytes_of(row, "der", pool);
    standing->chain = read_chain(ra_json_get_string(row, "chain_pem"), pool);
    standing->state = RA_CMP_ISSUED;
    return standing->certificate.len > 0;
}

int ra_cmp_check_after(const ra_json_t *row)
{
    apr_int64_t seconds = ra_json_get_int(row, "seconds", CHECK_AFTER_SECONDS - 1) + 1;

    return seconds < 1 ? 1 : seconds > CHECK_AFTER_MAX_SECONDS ? CHECK_AFTER_MAX_SECONDS : (int)seconds;
}
