/*
 * What a CMP message comes to: codes, wrong tries, the application, the attempt at the CA, and the transaction's
 * memory. The protocol is upstream/cmp_front.c's. Layer: business. Thread rule: a call belongs to its thread.
 */
#include "business/cmp_production.h"

#include <apr_strings.h>
#include <string.h>

#include "base/der.h"
#include "base/ident.h"
#include "business/codes.h"
#include "business/production.h"
#include "upstream/cmp_front.h"

#define TOOL "subscriber's tool"
#define EVENT "cmp_production"
#define CHECK_AFTER_SECONDS 2 /* when the attempt does not say when it is run again */
#define CHECK_AFTER_MAX_SECONDS 60
#define LOG_WARNING 1
#define LOG_INFO 2

typedef struct service_t {
    ra_t *ra;
    const ra_cmp_caller_t *caller;
    ra_result_t *result;
    apr_pool_t *pool;
    const ra_cmp_head_t *head;
    ra_cmp_known_t *known;      /* find() */
    const ra_code_pair_t *pair; /* NULL: the reference is unknown */
    const char *attempt_id;     /* of this transaction; NULL: it has not begun */
    const ra_cmp_wish_t *wish;  /* decide() */
    const char *job_id;
    const char *problem; /* why it was refused, for the audit row */
    const char *why;     /* the same in words */
    ra_cmp_standing_t *standing;
    ra_bytes_t nonce;    /* reply() */
    const char *outcome; /* reply() and confirm() */
} service_t;

static apr_status_t run(service_t *service, ra_tx_mode_e mode, ra_tx_body_fn body)
{
    return ra_store_run(service->ra->store, mode, body, service, service->result, service->pool);
}

static void say(const service_t *service, int level, const char *id, const char *text, const char *what)
{
    service->caller->log(service->caller->baton, level, id, apr_pstrcat(service->pool, "cmp: ", text, what, NULL));
}

static ra_bytes_t bytes_of(const ra_json_t *row, const char *name, apr_pool_t *pool)
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
static const char *reference_of(const service_t *service, apr_pool_t *pool)
{
    return service->head->reference ? ra_code_clean(service->head->reference, pool) : NULL;
}

static apr_status_t audit(const service_t *service, ra_tx_t *tx, const char *event, const char *outcome)
{
    ra_act_t act = {service->ra, tx, NULL};
    ra_json_t *detail = ra_json_object_make(tx->pool);
    ra_audit_t row = {
        .event = event,
        .outcome = outcome,
        .problem = service->problem,
        .host = service->caller->host,
        .client_ip = service->caller->client_ip,
        .trace_id = service->caller->trace_id,
        .object_type = service->pair ? "application" : NULL,
        .object_id = service->pair ? service->pair->application_id : NULL,
        .actor_name = TOOL,
        .detail = detail,
    };

    ra_json_set_string(detail, "reference_code", reference_of(service, tx->pool));
    ra_json_set_string(detail, "message", service->head->type);
    ra_json_set_string(detail, "transaction_id", ra_hex(service->head->transaction_id, tx->pool));
    ra_json_set_string(detail, "operation_id", service->attempt_id);
    ra_json_set_string(detail, "why", service->why);
    return ra_audit_write(&act, &row);
}

static apr_status_t write_refusal(ra_tx_t *tx, void *baton)
{
    return audit(baton, tx, EVENT, "refused");
}

/* --- find ------------------------------------------------------------------------------------------------------- */

static const char transaction_sql[] =
    "SELECT attempt_id AS attempt_id, request AS `request:b64`, reply_nonce AS `reply_nonce:b64`,"
    " earlier_nonce AS `earlier_nonce:b64` FROM cmp_transactions WHERE code_id = ? AND transaction_id = ?";

/* APR_SUCCESS too when there is none. */
static apr_status_t read_transaction(service_t *service, ra_tx_t *tx)
{
    ra_cmp_known_t *known = service->known;
    ra_json_t *row;
    apr_status_t status = ra_sql_row(
        tx, &row, transaction_sql, RA_VALUES(ra_v_uuid(service->pair->id), ra_v_bytes(service->head->transaction_id)));

    if (status == APR_SUCCESS) {
        service->attempt_id = apr_pstrdup(service->pool, ra_json_get_string(row, "attempt_id"));
        known->request = bytes_of(row, "request", service->pool);
        known->nonces[0] = bytes_of(row, "reply_nonce", service->pool);
        known->nonces[1] = bytes_of(row, "earlier_nonce", service->pool);
    }
    return status == APR_ENOENT ? APR_SUCCESS : status;
}

static apr_status_t read_known(ra_tx_t *tx, void *baton)
{
    service_t *service = baton;
    ra_act_t act = {service->ra, tx, NULL};
    ra_code_pair_t *pair;
    apr_status_t status = ra_codes_find(&pair, &act, service->head->reference, service->pool);

    if (status == APR_ENOENT) {
        return APR_SUCCESS;
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    service->pair = pair;
    service->known->secrets[0] = ra_bytes_text(pair->secret);
    service->known->secrets[1] = ra_bytes_text(pair->grouped);
    return read_transaction(service, tx);
}

static apr_status_t find(void *baton, const ra_cmp_head_t *head, ra_cmp_known_t *known)
{
    service_t *service = baton;

    service->head = head;
    service->known = known;
    return head->reference ? run(service, RA_TX_READ, read_known) : APR_SUCCESS;
}

/* --- refusals --------------------------------------------------------------------------------------------------- */

/* An unknown reference does the same writing as a known one. */
static apr_status_t write_wrong(ra_tx_t *tx, void *baton)
{
    service_t *service = baton;
    ra_act_t act = {service->ra, tx, NULL};
    apr_status_t status =
        ra_codes_count_wrong(&act, service->pair ? service->pair->id : "00000000-0000-0000-0000-000000000000");

    return status == APR_SUCCESS ? write_refusal(tx, service) : status;
}

static apr_status_t count_wrong(void *baton)
{
    service_t *service = baton;

    service->problem = RA_PROBLEM_CODE_INVALID;
    service->why = service->pair ? "wrong authorisation code" : "unknown reference code";
    say(service, LOG_INFO, "RA0471", "refused: ", service->why);
    return run(service, RA_TX_WRITE, write_wrong);
}

static apr_status_t refuse(void *baton, const char *why)
{
    service_t *service = baton;

    service->problem = RA_PROBLEM_CSR_INVALID;
    service->why = why;
    say(service, LOG_INFO, "RA0472", "refused: ", why);
    return run(service, RA_TX_WRITE, write_refusal);
}

/* What a refusal of the rules means to the tool, and to the person before it. */
typedef struct refusal_t {
    const char *problem;
    ra_cmp_failure_e failure;
    const char *text;
} refusal_t;

static const refusal_t refusals[] = {
    {RA_PROBLEM_CODES_MISSING, RA_CMP_FAIL_NOT_AUTHORIZED,
     "两码已经使用或作废，请重新领取 / these codes were used already or are void; ask for new ones"},
    {RA_PROBLEM_CODE_EXPIRED, RA_CMP_FAIL_NOT_AUTHORIZED,
     "两码已过期，请重新领取 / these codes have expired; ask for new ones"},
    {RA_PROBLEM_CODE_LOCKED, RA_CMP_FAIL_NOT_AUTHORIZED,
     "输错次数过多，两码已失效，请重新领取 / too many wrong tries: these codes are void; ask for new ones"},
    {RA_PROBLEM_CSR_INVALID, RA_CMP_FAIL_BAD_POP, "证书请求无效 / the certificate request is not valid"},
    {RA_PROBLEM_KEY_NOT_ALLOWED, RA_CMP_FAIL_BAD_TEMPLATE,
     "密钥类型与审核通过的不符 / the approved application demands another kind of key"},
    {RA_PROBLEM_KEY_REUSED, RA_CMP_FAIL_BAD_TEMPLATE,
     "该密钥已用于其他证书，请重新生成 / this key was certified before; make a new one"},
    {RA_PROBLEM_KEY_WEAK, RA_CMP_FAIL_BAD_TEMPLATE, "密钥强度不足，请重新生成 / this key is weak; make a new one"},
};

static const refusal_t other_refusal = {
    NULL, RA_CMP_FAIL_BAD_REQUEST,
    "该申请目前不能制证，请咨询受理点 / the application does not await production now; ask at the counter"};

#define NOT_ISSUED                                                                                                                      \
    "上级 CA 未签发证书，请到受理点重新领取两码 / the CA did not issue the certificate; ask at the counter for new " \
    "codes"

static void reject(ra_cmp_standing_t *standing, ra_cmp_failure_e failure, const char *text)
{
    standing->state = RA_CMP_REJECTED;
    standing->failure = failure;
    standing->text = text;
}

static apr_status_t refuse_request(service_t *service, ra_cmp_standing_t *standing)
{
    const refusal_t *refusal = &other_refusal;

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (strcmp(refusals[i].problem, service->result->problem) == 0) {
            refusal = &refusals[i];
        }
    }
    service->problem = service->result->problem;
    service->why = refusal->text;
    reject(standing, refusal->failure, refusal->text);
    say(service, LOG_INFO, "RA0473", "refused: ", refusal->text);
    return run(service, RA_TX_WRITE, write_refusal);
}

/* --- look ------------------------------------------------------------------------------------------------------- */

static const char standing_sql[] =
    "SELECT t.state AS state, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), t.next_run_at) AS seconds, c.der AS `der:b64`,"
    " c.chain_pem AS chain_pem FROM ca_attempts t LEFT JOIN certificates c ON c.attempt_id = t.id WHERE t.id = ?";

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

static int check_after(const ra_json_t *row)
{
    apr_int64_t seconds = ra_json_get_int(row, "seconds", CHECK_AFTER_SECONDS - 1) + 1;

    return seconds < 1 ? 1 : seconds > CHECK_AFTER_MAX_SECONDS ? CHECK_AFTER_MAX_SECONDS : (int)seconds;
}

static int is_one_of(const char *word, const char *const *words)
{
    while (*words && strcmp(word, *words) != 0) {
        words++;
    }
    return *words != NULL;
}

static apr_status_t read_standing(ra_tx_t *tx, void *baton)
{
    static const char *const failed[] = {"rejected", "refused", "settled", NULL};
    service_t *service = baton;
    ra_cmp_standing_t *standing = service->standing;
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row, standing_sql, RA_VALUES(ra_v_uuid(service->attempt_id)));

    if (status != APR_SUCCESS) {
        return status;
    }
    memset(standing, 0, sizeof(*standing));
    standing->certificate = bytes_of(row, "der", service->pool);
    if (standing->certificate.len > 0) {
        standing->state = RA_CMP_ISSUED;
        standing->chain = read_chain(ra_json_get_string(row, "chain_pem"), service->pool);
    } else if (is_one_of(ra_json_get_string(row, "state"), failed)) {
        reject(standing, RA_CMP_FAIL_SYSTEM_FAILURE, NOT_ISSUED);
    } else {
        standing->state = RA_CMP_WAITING;
        standing->check_after = check_after(row);
    }
    return APR_SUCCESS;
}

static apr_status_t look(void *baton, ra_cmp_standing_t *standing)
{
    service_t *service = baton;

    service->standing = standing;
    return run(service, RA_TX_READ, read_standing);
}

/* --- decide ----------------------------------------------------------------------------------------------------- */

/* Who drew the codes counts as the producer (design §6); a disabled one may do nothing any more. */
static apr_status_t read_producer(ra_principal_t *who, const service_t *service, ra_tx_t *tx)
{
    ra_json_t *row;
    apr_status_t status =
        ra_sql_row(tx, &row, "SELECT name AS name, disabled_at AS disabled_at FROM principals WHERE id = ?",
                   RA_VALUES(ra_v_uuid(service->pair->drawn_by)));

    if (status == APR_SUCCESS) {
        who->id = service->pair->drawn_by;
        who->name = ra_json_get_string(row, "name");
        who->roles = ra_json_get(row, "disabled_at") ? 0 : RA_ROLE_ISSUING_OFFICER;
    }
    return status;
}

static apr_status_t insert_transaction(const service_t *service, ra_tx_t *tx, const char *attempt_id)
{
    return ra_sql_change(
        tx, NULL,
        "INSERT INTO cmp_transactions (id, code_id, attempt_id, transaction_id, request, outcome, created_at,"
        " updated_at) VALUES (?, ?, ?, ?, ?, 'open', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
        RA_VALUES(ra_v_uuid(ra_uuid_make(tx->pool)), ra_v_uuid(service->pair->id), ra_v_uuid(attempt_id),
                  ra_v_bytes(service->head->transaction_id), ra_v_bytes(service->head->message)));
}

static apr_status_t begin(ra_tx_t *tx, void *baton)
{
    service_t *service = baton;
    ra_principal_t who = {0};
    ra_act_t act = {service->ra, tx, &who};
    ra_proved_request_t request = {
        .code_id = service->pair->id, .by = TOOL, .csr = service->wish->csr, .spki = service->wish->spki};
    ra_application_t *application;
    const char *job_id;
    /* The lock comes before any reading: a picture older than the lock would be refused by MariaDB. */
    apr_status_t status = ra_codes_use_proved(&act, service->pair->id);

    service->attempt_id = NULL;
    if (status == APR_SUCCESS) {
        status = read_producer(&who, service, tx);
    }
    if (status == APR_SUCCESS) {
        status = ra_application_read(&application, &act, service->pair->application_id);
    }
    if (status == APR_SUCCESS) {
        status = ra_production_proved(&act, application, &request, &job_id);
    }
    if (status == APR_SUCCESS) {
        service->attempt_id = apr_pstrdup(service->pool, application->operation_id);
        service->job_id = apr_pstrdup(service->pool, job_id);
        status = insert_transaction(service, tx, application->operation_id);
    }
    return status == APR_SUCCESS ? audit(service, tx, EVENT, "done") : status;
}

static apr_status_t find_again(ra_tx_t *tx, void *baton)
{
    return read_transaction(baton, tx);
}

/* The same message on another connection was faster: its transaction is this one. */
static int is_twin(service_t *service)
{
    return run(service, RA_TX_READ, find_again) == APR_SUCCESS && service->attempt_id &&
           ra_bytes_equal(service->known->request, service->head->message);
}

static apr_status_t decide(void *baton, const ra_cmp_wish_t *wish, ra_cmp_standing_t *standing)
{
    service_t *service = baton;
    apr_status_t status;

    service->wish = wish;
    if (wish->csr.len == 0 && service->ra->ca->adapter->needs_csr) {
        reject(standing, RA_CMP_FAIL_BAD_REQUEST, "请使用 p10cr / the CA behind this RA takes PKCS#10: send p10cr");
        return APR_SUCCESS;
    }
    status = run(service, RA_TX_WRITE, begin);
    if (status == RA_EREFUSED) {
        const char *problem = service->result->problem;

        if (strcmp(problem, RA_PROBLEM_CODES_MISSING) == 0 && is_twin(service)) {
            return look(service, standing);
        }
        service->result->problem = problem;
        return refuse_request(service, standing);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    say(service, LOG_INFO, "RA0474", "production requested: operation ", service->attempt_id);
    if (service->ra->outbox) {
        ra_outbox_run_now(service->ra->outbox, service->job_id, service->ra->settings->production_wait, service->pool);
    }
    return look(service, standing);
}

/* --- reply, confirm --------------------------------------------------------------------------------------------- */

/* What was confirmed or declined stays so. MariaDB assigns from left to right: the former nonce moves first. */
static apr_status_t write_reply(ra_tx_t *tx, void *baton)
{
    const service_t *service = baton;

    return ra_sql_change(tx, NULL,
                         "UPDATE cmp_transactions SET earlier_nonce = reply_nonce, reply_nonce = ?,"
                         " outcome = IF(outcome IN ('open', 'delivered'), ?, outcome), updated_at = UTC_TIMESTAMP(6)"
                         " WHERE code_id = ? AND transaction_id = ?",
                         RA_VALUES(ra_v_bytes(service->nonce), ra_v_text(service->outcome),
                                   ra_v_uuid(service->pair->id), ra_v_bytes(service->head->transaction_id)));
}

static apr_status_t reply(void *baton, ra_bytes_t nonce, ra_cmp_state_e state, int is_last)
{
    service_t *service = baton;

    service->nonce = nonce;
    service->outcome = state != RA_CMP_ISSUED ? "open" : is_last ? "implicit" : "delivered";
    return run(service, RA_TX_WRITE, write_reply);
}

static apr_status_t write_confirmation(ra_tx_t *tx, void *baton)
{
    service_t *service = baton;
    apr_uint64_t affected = 0;
    apr_status_t status =
        ra_sql_change(tx, &affected,
                      "UPDATE cmp_transactions SET outcome = ?, updated_at = UTC_TIMESTAMP(6)"
                      " WHERE code_id = ? AND transaction_id = ? AND outcome IN ('open', 'delivered')",
                      RA_VALUES(ra_v_text(service->outcome), ra_v_uuid(service->pair->id),
                                ra_v_bytes(service->head->transaction_id)));

    if (status != APR_SUCCESS || affected == 0) {
        return status; /* a repetition: the first word counts */
    }
    return audit(service, tx, "cmp_confirmation", strcmp(service->outcome, "confirmed") == 0 ? "done" : "refused");
}

static apr_status_t confirm(void *baton, int is_accepted)
{
    service_t *service = baton;

    service->outcome = is_accepted ? "confirmed" : "declined";
    if (!is_accepted) {
        service->why = "the tool does not accept the certificate";
        say(service, LOG_WARNING, "RA0475", "the tool does not accept the certificate of operation ",
            service->attempt_id);
    }
    return run(service, RA_TX_WRITE, write_confirmation);
}

apr_status_t ra_cmp_production_serve(ra_bytes_t *preply, ra_t *ra, ra_bytes_t message, const ra_cmp_caller_t *caller,
                                     ra_result_t *result, apr_pool_t *pool)
{
    service_t service = {.ra = ra, .caller = caller, .result = result, .pool = pool};
    ra_cmp_callbacks_t callbacks = {
        .baton = &service,
        .find = find,
        .count_wrong = count_wrong,
        .decide = decide,
        .look = look,
        .confirm = confirm,
        .reply = reply,
        .refuse = refuse,
    };
    apr_status_t status;

    if (!ra->ca) {
        return ra_unavailable(result, RA_PROBLEM_NOT_READY, CHECK_AFTER_SECONDS, "no upstream CA is configured");
    }
    status = ra_cmp_front_answer(preply, ra->ca, message, &callbacks, pool);
    if (status == APR_ENOTIMPL) {
        return ra_unavailable(result, RA_PROBLEM_NOT_READY, CHECK_AFTER_SECONDS,
                              "the adapter of the CA has no CMP front");
    }
    return status;
}
