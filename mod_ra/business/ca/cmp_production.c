/*
 * What a CMP message with codes comes to: codes, wrong tries, the application, the attempt at the CA; and the callbacks
 * of upstream/cmp_front.c, whose is the protocol. Layer: business. Thread rule: a call belongs to its thread.
 */
#include "business/ca/cmp_service.h"

#include <apr_strings.h>
#include <string.h>

#define RETRY_SECONDS 2 /* of a server that has no CA */

/* --- find ------------------------------------------------------------------------------------------------------- */

static apr_status_t read_known(ra_tx_t *tx, void *baton)
{
    ra_cmp_service_t *service = baton;
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
    return ra_cmp_read_transaction(service, tx);
}

static apr_status_t find(void *baton, const ra_cmp_head_t *head, ra_cmp_known_t *known)
{
    ra_cmp_service_t *service = baton;

    service->head = head;
    service->known = known;
    if (head->signer.len > 0) {
        return ra_cmp_signed_find(service);
    }
    return head->reference ? ra_cmp_run(service, RA_TX_READ, read_known) : APR_SUCCESS;
}

/* --- refusals --------------------------------------------------------------------------------------------------- */

/* An unknown reference does the same writing as a known one. */
static apr_status_t write_wrong(ra_tx_t *tx, void *baton)
{
    ra_cmp_service_t *service = baton;
    ra_act_t act = {service->ra, tx, NULL};
    apr_status_t status =
        ra_codes_count_wrong(&act, service->pair ? service->pair->id : "00000000-0000-0000-0000-000000000000");

    return status == APR_SUCCESS ? ra_cmp_write_refusal(tx, service) : status;
}

static apr_status_t count_wrong(void *baton)
{
    ra_cmp_service_t *service = baton;

    service->problem = RA_PROBLEM_CODE_INVALID;
    service->why = service->pair ? "wrong authorisation code" : "unknown reference code";
    ra_cmp_say(service, RA_CMP_LOG_INFO, "RA0471", "refused: ", service->why);
    return ra_cmp_run(service, RA_TX_WRITE, write_wrong);
}

static apr_status_t refuse(void *baton, const char *why)
{
    ra_cmp_service_t *service = baton;

    service->problem = RA_PROBLEM_CSR_INVALID;
    service->why = why;
    ra_cmp_say(service, RA_CMP_LOG_INFO, "RA0472", "refused: ", why);
    return ra_cmp_run(service, RA_TX_WRITE, ra_cmp_write_refusal);
}

static const ra_cmp_refusal_t refusals[] = {
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
    {NULL, RA_CMP_FAIL_BAD_REQUEST,
     "该申请目前不能制证，请咨询受理点 / the application does not await production now; ask at the counter"},
};

#define NOT_ISSUED                                                                                                                      \
    "上级 CA 未签发证书，请到受理点重新领取两码 / the CA did not issue the certificate; ask at the counter for new " \
    "codes"

/* --- look ------------------------------------------------------------------------------------------------------- */

static const char standing_sql[] =
    "SELECT t.state AS state, TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), t.next_run_at) AS seconds, c.der AS `der:b64`,"
    " c.chain_pem AS chain_pem FROM ca_attempts t LEFT JOIN certificates c ON c.attempt_id = t.id WHERE t.id = ?";

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
    ra_cmp_service_t *service = baton;
    ra_cmp_standing_t *standing = service->standing;
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row, standing_sql, RA_VALUES(ra_v_uuid(service->attempt_id)));

    if (status != APR_SUCCESS || ra_cmp_stand_issued(standing, row, service->pool)) {
        return status;
    }
    if (is_one_of(ra_json_get_string(row, "state"), failed)) {
        ra_cmp_reject(standing, RA_CMP_FAIL_SYSTEM_FAILURE, NOT_ISSUED);
    } else {
        standing->state = RA_CMP_WAITING;
        standing->check_after = ra_cmp_check_after(row);
    }
    return APR_SUCCESS;
}

static apr_status_t look(void *baton, ra_cmp_standing_t *standing)
{
    ra_cmp_service_t *service = baton;

    if (service->certificate_id) {
        return ra_cmp_signed_look(service, standing);
    }
    service->standing = standing;
    return ra_cmp_run(service, RA_TX_READ, read_standing);
}

/* --- decide ----------------------------------------------------------------------------------------------------- */

static apr_status_t begin(ra_tx_t *tx, void *baton)
{
    ra_cmp_service_t *service = baton;
    ra_proved_request_t request = {
        .code_id = service->pair->id, .by = RA_CMP_TOOL, .csr = service->wish->csr, .spki = service->wish->spki};
    ra_bytes_t no_key = {NULL, 0};
    apr_status_t status = ra_cmp_produce(service, tx, service->pair, &request);

    if (status == APR_SUCCESS) {
        status = ra_cmp_insert_transaction(service, tx, no_key);
    }
    return status == APR_SUCCESS ? ra_cmp_audit(service, tx, "done") : status;
}

static apr_status_t find_again(ra_tx_t *tx, void *baton)
{
    return ra_cmp_read_transaction(baton, tx);
}

/* The same message on another connection was faster: its transaction is this one. */
static int is_twin(ra_cmp_service_t *service)
{
    return ra_cmp_run(service, RA_TX_READ, find_again) == APR_SUCCESS && service->attempt_id &&
           ra_bytes_equal(service->known->request, service->head->message);
}

static apr_status_t decide_with_codes(ra_cmp_service_t *service, ra_cmp_standing_t *standing)
{
    apr_status_t status = ra_cmp_run(service, RA_TX_WRITE, begin);

    if (status == RA_EREFUSED) {
        const char *problem = service->result->problem;

        if (strcmp(problem, RA_PROBLEM_CODES_MISSING) == 0 && is_twin(service)) {
            return look(service, standing);
        }
        service->result->problem = problem;
        return ra_cmp_refuse_by(service, standing, refusals);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    ra_cmp_run_attempt(service);
    return look(service, standing);
}

static apr_status_t decide(void *baton, const ra_cmp_wish_t *wish, ra_cmp_standing_t *standing)
{
    ra_cmp_service_t *service = baton;

    service->wish = wish;
    if (wish->kind != RA_CMP_REVOCATION && wish->csr.len == 0 && service->ra->ca->adapter->needs_csr) {
        ra_cmp_reject(standing, RA_CMP_FAIL_BAD_REQUEST, "请使用 p10cr / the CA behind this RA takes PKCS#10: send p10cr");
        return APR_SUCCESS;
    }
    return service->certificate_id ? ra_cmp_signed_decide(service, standing) : decide_with_codes(service, standing);
}

/* --- reply, confirm --------------------------------------------------------------------------------------------- */

/* What was confirmed or declined stays so. MariaDB assigns from left to right: the former nonce moves first. */
static apr_status_t write_reply(ra_tx_t *tx, void *baton)
{
    const ra_cmp_service_t *service = baton;

    return ra_sql_change(tx, NULL,
                         "UPDATE cmp_transactions SET earlier_nonce = reply_nonce, reply_nonce = ?,"
                         " outcome = IF(outcome IN ('open', 'delivered'), ?, outcome), updated_at = UTC_TIMESTAMP(6)"
                         " WHERE id = ?",
                         RA_VALUES(ra_v_bytes(service->nonce), ra_v_text(service->outcome), ra_v_uuid(service->transaction)));
}

static apr_status_t reply(void *baton, ra_bytes_t nonce, ra_cmp_state_e state, int is_last)
{
    ra_cmp_service_t *service = baton;

    service->is_waiting = state == RA_CMP_WAITING;
    service->nonce = nonce;
    service->outcome = state != RA_CMP_ISSUED ? "open" : is_last ? "implicit" : "delivered";
    return ra_cmp_run(service, RA_TX_WRITE, write_reply);
}

static apr_status_t write_confirmation(ra_tx_t *tx, void *baton)
{
    ra_cmp_service_t *service = baton;
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(tx, &affected,
                                        "UPDATE cmp_transactions SET outcome = ?, updated_at = UTC_TIMESTAMP(6)"
                                        " WHERE id = ? AND outcome IN ('open', 'delivered')",
                                        RA_VALUES(ra_v_text(service->outcome), ra_v_uuid(service->transaction)));

    if (status != APR_SUCCESS || affected == 0) {
        return status; /* a repetition: the first word counts */
    }
    return ra_cmp_audit(service, tx, strcmp(service->outcome, "confirmed") == 0 ? "done" : "refused");
}

static apr_status_t confirm(void *baton, int is_accepted)
{
    ra_cmp_service_t *service = baton;

    service->outcome = is_accepted ? "confirmed" : "declined";
    if (!is_accepted) {
        service->why = "the tool does not accept the certificate";
        ra_cmp_say(service, RA_CMP_LOG_WARNING, "RA0475", "the tool does not accept the certificate of operation ",
                   service->attempt_id ? service->attempt_id : "-");
    }
    return ra_cmp_run(service, RA_TX_WRITE, write_confirmation);
}

apr_status_t ra_cmp_production_serve(ra_cmp_reply_t *preply, ra_t *ra, ra_bytes_t message, const ra_cmp_caller_t *caller,
                                     ra_result_t *result, apr_pool_t *pool)
{
    ra_cmp_service_t service = {.ra = ra, .caller = caller, .result = result, .pool = pool};
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
        return ra_unavailable(result, RA_PROBLEM_NOT_READY, RETRY_SECONDS, "no upstream CA is configured");
    }
    status = ra_cmp_front_answer(&preply->message, ra->ca, message, &callbacks, pool);
    preply->is_waiting = service.is_waiting;
    if (status == APR_ENOTIMPL) {
        return ra_unavailable(result, RA_PROBLEM_NOT_READY, RETRY_SECONDS,
                              "the adapter of the CA has no CMP front");
    }
    return status;
}
