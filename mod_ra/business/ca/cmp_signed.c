/*
 * Renewal (kur) and revocation (rr) that a subscriber signs with the certificate that they are about. Neither acts: each
 * opens an application that people accept and review (§4, §6), and the same request finds it again. A renewal is
 * produced when the issuing officer has drawn the codes for it: the officer is the hand (§18.1), and the tool, which has
 * proved both keys, uses the codes up without ever seeing them.
 * Layer: business. Thread rule: a call belongs to its thread.
 */
#include "business/ca/cmp_service.h"

#include <apr_strings.h>
#include <string.h>

#include "base/limits.h"
#include "base/x509.h"
#include "business/certificate/certificate.h"

#define PEOPLE_SECONDS 15 /* until the tool asks again, while people are at work */

/* --- find ------------------------------------------------------------------------------------------------------- */

static apr_status_t read_signer(ra_tx_t *tx, void *baton)
{
    ra_cmp_service_t *service = baton;
    ra_bytes_t signer = service->head->signer;
    unsigned char digest[RA_SHA256_BYTES];
    ra_json_t *row;
    apr_status_t status;

    ra_sha256(digest, signer.data, signer.len);
    status = ra_sql_row(tx, &row, "SELECT id AS id, der AS `der:b64` FROM certificates WHERE sha256 = ?",
                        RA_VALUES(ra_v_hash(digest)));
    if (status != APR_SUCCESS) {
        return status == APR_ENOENT ? APR_SUCCESS : status;
    }
    service->certificate_id = apr_pstrdup(service->pool, ra_json_get_string(row, "id"));
    service->known->signer = ra_cmp_bytes_of(row, "der", service->pool);
    return ra_cmp_read_transaction(service, tx);
}

apr_status_t ra_cmp_signed_find(ra_cmp_service_t *service)
{
    return ra_cmp_run(service, RA_TX_READ, read_signer);
}

/* --- refusals --------------------------------------------------------------------------------------------------- */

#define NOT_IN_FORCE "签名所用的证书已不在使用中，请到受理点办理 / the certificate that signed is not in force; come to the counter"

static const ra_cmp_refusal_t refusals[] = {
    {RA_PROBLEM_CERTIFICATE_STATE, RA_CMP_FAIL_NOT_AUTHORIZED, NOT_IN_FORCE},
    {RA_PROBLEM_RENEWAL_TOO_EARLY, RA_CMP_FAIL_BAD_REQUEST, "尚未到可更新的时间 / it is too early to renew this certificate"},
    {RA_PROBLEM_DUPLICATE_APPLICATION, RA_CMP_FAIL_BAD_REQUEST,
     "该证书已有未办结的业务，请咨询受理点 / another application about this certificate is open; ask at the counter"},
    {RA_PROBLEM_PARTICULARS_MISSING, RA_CMP_FAIL_BAD_REQUEST,
     "吊销原因不可用；挂起和解挂请到受理点办理 / this reason is not served here; suspension and resumption are the counter's"},
    {RA_PROBLEM_CSR_INVALID, RA_CMP_FAIL_BAD_TEMPLATE, "密钥不可用 / this key cannot be used"},
    {RA_PROBLEM_KEY_NOT_ALLOWED, RA_CMP_FAIL_BAD_TEMPLATE,
     "密钥类型与审核通过的不符 / the approved application demands another kind of key"},
    {RA_PROBLEM_KEY_REUSED, RA_CMP_FAIL_BAD_TEMPLATE,
     "该密钥已用于其他证书，请重新生成 / this key was certified before; make a new one"},
    {RA_PROBLEM_KEY_WEAK, RA_CMP_FAIL_BAD_TEMPLATE, "密钥强度不足，请重新生成 / this key is weak; make a new one"},
    {RA_PROBLEM_RATE_LIMITED, RA_CMP_FAIL_SYSTEM_UNAVAILABLE,
     "该证书今日的请求过多，请明日再试 / too many requests of this certificate today; try again tomorrow"},
    {NULL, RA_CMP_FAIL_BAD_REQUEST, "请到受理点办理 / come to the counter"},
};

static const ra_cmp_standing_t not_in_force = {
    .state = RA_CMP_REJECTED, .failure = RA_CMP_FAIL_NOT_AUTHORIZED, .text = NOT_IN_FORCE};
static const ra_cmp_standing_t in_use = {.state = RA_CMP_REJECTED,
                                         .failure = RA_CMP_FAIL_TRANSACTION_IN_USE,
                                         .text = "this transactionID belongs to another request"};

static apr_status_t read_target(ra_target_t *target, const ra_act_t *act, const ra_cmp_service_t *service)
{
    apr_status_t status = ra_target_read(target, act, service->certificate_id);

    return status == APR_SUCCESS && target->status_bit != RA_CERTIFICATE_VALID
               ? ra_refuse(act->tx->result, RA_PROBLEM_CERTIFICATE_STATE, target->status)
               : status;
}

/* --- the application that a request opens, or finds ------------------------------------------------------------- */

/* Kept requests are evidence and stop replays; one holder cannot fill the database with them. */
static apr_status_t check_number(const ra_act_t *act, const ra_cmp_service_t *service)
{
    apr_int64_t count = 0;
    apr_status_t status =
        ra_sql_int(act->tx, &count,
                   "SELECT COUNT(*) FROM cmp_transactions WHERE certificate_id = ? AND created_at > UTC_TIMESTAMP(6) - INTERVAL 1 DAY",
                   RA_VALUES(ra_v_uuid(service->certificate_id)));

    return status == APR_SUCCESS && count >= RA_CMP_SIGNED_PER_DAY
               ? ra_refuse(act->tx->result, RA_PROBLEM_RATE_LIMITED, "too many signed requests of one certificate")
               : status;
}

/* The same certificate and key: the renewal that is open, or that has made its certificate. */
static const char renewal_sql[] =
    "SELECT a.id AS id FROM cmp_transactions x JOIN applications a ON a.id = x.application_id"
    " WHERE x.certificate_id = ? AND x.spki = ? AND (a.closed_at IS NULL OR a.certificate_id IS NOT NULL) ORDER BY x.id DESC LIMIT 1";

static const char revocation_sql[] =
    "SELECT id AS id FROM applications WHERE target_certificate_id = ? AND business = 'revoke' AND closed_at IS NULL"
    " ORDER BY id DESC LIMIT 1";

static apr_status_t find_application(const char **pid, const ra_act_t *act, const ra_cmp_service_t *service)
{
    ra_value_t certificate = ra_v_uuid(service->certificate_id);
    ra_json_t *row;
    apr_status_t status = service->wish->kind == RA_CMP_RENEWAL
                              ? ra_sql_row(act->tx, &row, renewal_sql, RA_VALUES(certificate, ra_v_bytes(service->wish->spki)))
                              : ra_sql_row(act->tx, &row, revocation_sql, RA_VALUES(certificate));

    *pid = status == APR_SUCCESS ? ra_json_get_string(row, "id") : NULL;
    return status;
}

/* CRLReason (RFC 5280 §5.3.1) to the words of the API. Hold and release are acts at the counter. */
static const char *reason_word(int reason)
{
    static const char *const words[] = {"unspecified", "key_compromise", NULL, "affiliation_changed", "superseded",
                                        "cessation_of_operation"};

    return reason >= 0 && reason < (int)(sizeof(words) / sizeof(words[0])) ? words[reason] : NULL;
}

static apr_status_t describe_renewal(ra_json_t *body, const ra_act_t *act, const ra_cmp_service_t *service)
{
    apr_pool_t *pool = act->tx->pool;
    ra_csr_t *csr;
    apr_status_t status = ra_csr_of_key(&csr, service->wish->spki, "/csr", act->tx->result, pool);

    if (status == APR_SUCCESS) {
        status = ra_production_check_unused(act, service->certificate_id, &csr->key);
    }
    if (status == APR_SUCCESS) {
        ra_json_set_string(body, "business", "renew");
        ra_json_set_string(body, "note",
                           apr_pstrcat(pool, "订户以现有证书签名，经 CMP 申请更新；新公钥 ", ra_key_kind_name(csr->key.kind), " SHA-256 ",
                                       ra_hex(ra_bytes_of(csr->key.spki_sha256, RA_SHA256_BYTES), pool), NULL));
    }
    return status;
}

static apr_status_t describe_revocation(ra_json_t *body, const ra_act_t *act, const ra_cmp_service_t *service)
{
    const char *word = reason_word(service->wish->reason);

    if (!word) {
        return ra_refuse(act->tx->result, RA_PROBLEM_PARTICULARS_MISSING, "reason of an rr");
    }
    ra_json_set_string(body, "business", "revoke");
    ra_json_set_string(body, "revocation_reason", word);
    ra_json_set_string(body, "note", "订户以现有证书签名，经 CMP 申请吊销");
    return APR_SUCCESS;
}

/* In sight of whom it is about, so of no region and nobody's role; in the books it is nobody's submission. */
static apr_status_t open_application(const char **pid, const ra_act_t *act, const ra_cmp_service_t *service)
{
    ra_principal_t tool = {.name = RA_CMP_TOOL, .roles = RA_ROLE_ACCEPTOR, .province_roles = RA_ROLE_ACCEPTOR};
    ra_act_t as_tool = {act->ra, act->tx, &tool};
    ra_json_t *body = ra_json_object_make(act->tx->pool);
    ra_application_t *application;
    apr_status_t status = service->wish->kind == RA_CMP_RENEWAL ? describe_renewal(body, act, service)
                                                                : describe_revocation(body, act, service);

    ra_json_set_string(body, "certificate_id", service->certificate_id);
    if (status == APR_SUCCESS) {
        status = ra_application_submit(&application, &as_tool, body);
    }
    if (status == APR_SUCCESS) {
        *pid = application->id;
    }
    return status;
}

static apr_status_t begin_new(const ra_act_t *act, ra_cmp_service_t *service)
{
    const char *id = NULL;
    ra_target_t target;
    apr_status_t status = read_target(&target, act, service);

    if (status == APR_SUCCESS) {
        status = check_number(act, service);
    }
    if (status == APR_SUCCESS) {
        status = find_application(&id, act, service);
    }
    if (status == APR_ENOENT) {
        status = open_application(&id, act, service);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    service->application_id = apr_pstrdup(service->pool, id);
    status = ra_cmp_insert_transaction(service, act->tx, service->wish->spki);
    return status == APR_SUCCESS ? ra_cmp_audit(service, act->tx, "done") : status;
}

/* Requests of one certificate one after the other; the lock comes before any reading (see ra_cmp_produce()). */
static apr_status_t begin(ra_tx_t *tx, void *baton)
{
    ra_cmp_service_t *service = baton;
    ra_act_t act = {service->ra, tx, NULL};
    apr_int64_t locked;
    apr_status_t status;

    service->transaction = service->application_id = NULL;
    status = ra_sql_int(tx, &locked, "SELECT 1 FROM certificates WHERE id = ? FOR UPDATE", RA_VALUES(ra_v_uuid(service->certificate_id)));
    if (status == APR_SUCCESS) {
        status = ra_cmp_read_transaction(service, tx);
    }
    /* Known by now: the same message on another connection was faster. */
    return status == APR_SUCCESS && !service->transaction ? begin_new(&act, service) : status;
}

apr_status_t ra_cmp_signed_decide(ra_cmp_service_t *service, ra_cmp_standing_t *standing)
{
    apr_status_t status = ra_cmp_run(service, RA_TX_WRITE, begin);

    if (status == RA_EREFUSED) {
        return ra_cmp_refuse_by(service, standing, refusals);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    if (service->known->request.len > 0 && !ra_bytes_equal(service->known->request, service->head->message)) {
        *standing = in_use;
        return APR_SUCCESS;
    }
    ra_cmp_say(service, RA_CMP_LOG_INFO, "RA0476", "signed request is of application ", service->application_id);
    return ra_cmp_signed_look(service, standing);
}

/* --- how it stands ---------------------------------------------------------------------------------------------- */

static const char standing_sql[] =
    "SELECT a.number AS number, a.business AS business, a.state AS state, a.operation_id AS operation_id,"
    " JSON_VALUE(a.rejection, '$.reason') AS reason, JSON_VALUE(a.rejection, '$.guidance') AS guidance,"
    " TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), t.next_run_at) AS seconds, c.der AS `der:b64`, c.chain_pem AS chain_pem,"
    " IF(c.spki_sha256 = x.spki_sha256, 1, 0) AS own_key, x.spki AS `spki:b64`, p.id AS code_id, p.drawn_by AS drawn_by"
    " FROM cmp_transactions x JOIN applications a ON a.id = x.application_id LEFT JOIN ca_attempts t ON t.id = a.operation_id"
    " LEFT JOIN certificates c ON c.id = a.certificate_id"
    " LEFT JOIN production_codes p ON p.live = a.id AND p.expires_at > UTC_TIMESTAMP(6) WHERE x.id = ?";

/* What a look finds, and what may be done about it. */
typedef struct outlook_t {
    ra_cmp_service_t *service;
    ra_code_pair_t pair; /* id NULL: the officer has not drawn codes, or production does not wait for any */
    ra_bytes_t spki;
} outlook_t;

static const char *keep(const ra_cmp_service_t *service, const ra_json_t *row, const char *name)
{
    return apr_pstrdup(service->pool, ra_json_get_string(row, name));
}

static void stand_waiting(ra_cmp_service_t *service, const ra_json_t *row, ra_state_e state)
{
    ra_cmp_standing_t *standing = service->standing;

    standing->state = RA_CMP_WAITING;
    standing->check_after = state == RA_STATE_IN_PRODUCTION ? ra_cmp_check_after(row) : PEOPLE_SECONDS;
    standing->text = apr_pstrcat(service->pool, "受理号 ", ra_json_get_string(row, "number"), "，办理中 / application ",
                                 ra_json_get_string(row, "number"), " is being handled", NULL);
}

static void stand_renewal(outlook_t *outlook, const ra_json_t *row)
{
    ra_cmp_service_t *service = outlook->service;
    ra_cmp_standing_t *standing = service->standing;
    ra_state_e state = ra_state_of(ra_json_get_string(row, "state"));

    if (ra_cmp_stand_issued(standing, row, service->pool)) {
        if (!ra_json_get_int(row, "own_key", 0)) {
            ra_cmp_reject(standing, RA_CMP_FAIL_BAD_REQUEST, "已用另一密钥制证 / the certificate was made with another key");
        }
    } else if (state == RA_STATE_REJECTED) {
        ra_cmp_reject(standing, RA_CMP_FAIL_BAD_REQUEST,
                      apr_pstrcat(service->pool, "已退回 / returned: ", ra_json_get_string(row, "reason"), " · ",
                                  ra_json_get_string(row, "guidance"), NULL));
    } else if (state == RA_STATE_WITHDRAWN) {
        ra_cmp_reject(standing, RA_CMP_FAIL_BAD_REQUEST, "申请已撤回 / the application was withdrawn");
    } else {
        stand_waiting(service, row, state);
        outlook->pair.id = state == RA_STATE_AWAITING_PRODUCTION ? keep(service, row, "code_id") : NULL;
        outlook->pair.drawn_by = keep(service, row, "drawn_by");
        outlook->pair.application_id = service->application_id;
        outlook->spki = ra_cmp_bytes_of(row, "spki", service->pool);
    }
}

static void stand_revocation(ra_cmp_service_t *service, const ra_json_t *row)
{
    service->standing->state = RA_CMP_NOTED;
    service->standing->text = apr_pstrcat(service->pool, "吊销申请 ", ra_json_get_string(row, "number"), " 待受理审核，证书尚未吊销 / application ",
                                          ra_json_get_string(row, "number"), " awaits people; the certificate is not revoked yet", NULL);
}

static apr_status_t read_standing(ra_tx_t *tx, void *baton)
{
    outlook_t *outlook = baton;
    ra_cmp_service_t *service = outlook->service;
    ra_act_t act = {service->ra, tx, NULL};
    ra_target_t target;
    ra_json_t *row;
    apr_status_t status = read_target(&target, &act, service);

    memset(service->standing, 0, sizeof(*service->standing));
    outlook->pair.id = NULL;
    if (status == APR_SUCCESS) {
        status = ra_sql_row(tx, &row, standing_sql, RA_VALUES(ra_v_uuid(service->transaction)));
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    service->attempt_id = keep(service, row, "operation_id");
    if (strcmp(ra_json_get_string(row, "business"), "revoke") == 0) {
        stand_revocation(service, row);
    } else {
        stand_renewal(outlook, row);
    }
    return APR_SUCCESS;
}

static apr_status_t read_outlook(outlook_t *outlook)
{
    ra_cmp_service_t *service = outlook->service;
    apr_status_t status = ra_store_run(service->ra->store, RA_TX_READ, read_standing, outlook, service->result, service->pool);

    if (status == RA_EREFUSED) {
        *service->standing = not_in_force;
        return APR_SUCCESS;
    }
    return status;
}

/* --- production ------------------------------------------------------------------------------------------------- */

/* The certificate was in force when the look began; the codes are used up by this message alone. */
static apr_status_t produce(ra_tx_t *tx, void *baton)
{
    outlook_t *outlook = baton;
    ra_proved_request_t request = {.code_id = outlook->pair.id, .by = RA_CMP_TOOL, .spki = outlook->spki};
    apr_status_t status = ra_cmp_produce(outlook->service, tx, &outlook->pair, &request);

    return status == APR_SUCCESS ? ra_cmp_audit(outlook->service, tx, "done") : status;
}

/* Another message was faster, or the officer may not be the hand: what a later look finds decides. */
static int is_about_the_key(const char *problem)
{
    return strcmp(problem, RA_PROBLEM_KEY_NOT_ALLOWED) == 0 || strcmp(problem, RA_PROBLEM_KEY_REUSED) == 0 ||
           strcmp(problem, RA_PROBLEM_KEY_WEAK) == 0;
}

static apr_status_t go_on(outlook_t *outlook)
{
    ra_cmp_service_t *service = outlook->service;
    apr_status_t status = ra_store_run(service->ra->store, RA_TX_WRITE, produce, outlook, service->result, service->pool);

    if (status == RA_EREFUSED) {
        return is_about_the_key(service->result->problem) ? ra_cmp_refuse_by(service, service->standing, refusals) : APR_SUCCESS;
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    ra_cmp_run_attempt(service);
    return read_outlook(outlook);
}

apr_status_t ra_cmp_signed_look(ra_cmp_service_t *service, ra_cmp_standing_t *standing)
{
    outlook_t outlook = {.service = service};
    apr_status_t status;

    service->standing = standing;
    status = read_outlook(&outlook);
    return status == APR_SUCCESS && outlook.pair.id ? go_on(&outlook) : status;
}
