/* Idempotency-Key. Layer: api. Thread rule: as its transaction. */
#include "api/idempotency.h"

#include <apr_strings.h>
#include <string.h>

#include "base/sealed.h"

#define LABEL "replay"

static const char *seal_context(const ra_call_t *call, const char *key)
{
    return apr_pstrcat(call->act.tx->pool, "idempotency_records.answer_sealed:", call->act.who->id, ":", key, NULL);
}

void ra_idempotency_hash(unsigned char digest[RA_SHA256_BYTES], const ra_request_t *request, ra_bytes_t body)
{
    const char *if_match = apr_table_get(request->headers, "If-Match");
    unsigned char body_digest[RA_SHA256_BYTES];
    const char *text;

    ra_sha256(body_digest, body.data, body.len);
    text = apr_pstrcat(request->pool, request->method, "\n", request->path, "\n", request->query ? request->query : "", "\n",
                       if_match ? if_match : "", "\n", ra_hex(ra_bytes_of(body_digest, sizeof(body_digest)), request->pool), NULL);
    ra_sha256(digest, text, strlen(text));
}

static apr_status_t read_answer(ra_replay_t **preplay, const ra_call_t *call, const char *key, const ra_json_t *row)
{
    apr_pool_t *pool = call->act.tx->pool;
    ra_replay_t *replay = apr_pcalloc(call->request->pool, sizeof(*replay));
    const char *sealed_text = ra_json_get_string(row, "answer");
    ra_json_t *stored;

    replay->status = (int)ra_json_get_int(row, "status", 0);
    *preplay = replay;
    if (!sealed_text) {
        return APR_SUCCESS;
    }
    if (ra_unseal_json_text(&stored, call->act.ra->keyring, LABEL, seal_context(call, key), sealed_text, &ra_json_limits_document, pool) != APR_SUCCESS) {
        return ra_refuse(call->act.tx->result, RA_PROBLEM_INTERNAL, "a stored answer cannot be unsealed");
    }
    replay->content_type = apr_pstrdup(call->request->pool, ra_json_get_string(stored, "content_type"));
    replay->language = apr_pstrdup(call->request->pool, ra_json_get_string(stored, "language"));
    replay->etag = apr_pstrdup(call->request->pool, ra_json_get_string(stored, "etag"));
    replay->location = apr_pstrdup(call->request->pool, ra_json_get_string(stored, "location"));
    replay->body = apr_pstrdup(call->request->pool, ra_json_get_string(stored, "body"));
    return APR_SUCCESS;
}

apr_status_t ra_idempotency_claim(ra_replay_t **preplay, const ra_call_t *call, const char *key, const unsigned char digest[RA_SHA256_BYTES])
{
    ra_tx_t *tx = call->act.tx;
    ra_json_t *row;
    apr_status_t status = ra_sql_change(tx, NULL,
                                        "INSERT INTO idempotency_records (principal_id, idempotency_key, request_sha256, created_at)"
                                        " VALUES (?, ?, ?, UTC_TIMESTAMP(6))",
                                        RA_VALUES(ra_v_uuid(call->act.who->id), ra_v_text(key), ra_v_hash(digest)));

    *preplay = NULL;
    if (status != APR_EEXIST) {
        return status;
    }
    /* The INSERT waited for the other transaction, if there was one: the row is committed, so a locking read sees it. */
    status = ra_sql_row(tx, &row,
                        "SELECT request_sha256 AS request, status AS status, answer_sealed AS `answer:b64` FROM idempotency_records"
                        " WHERE principal_id = ? AND idempotency_key = ? LOCK IN SHARE MODE",
                        RA_VALUES(ra_v_uuid(call->act.who->id), ra_v_text(key)));
    if (status == APR_ENOENT) {
        return RA_ERETRY;
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    if (strcmp(ra_json_get_string(row, "request"), ra_hex(ra_bytes_of(digest, RA_SHA256_BYTES), tx->pool)) != 0) {
        return ra_refuse(tx->result, RA_PROBLEM_IDEMPOTENCY_KEY_REUSED, NULL);
    }
    return read_answer(preplay, call, key, row);
}

apr_status_t ra_idempotency_keep(const ra_call_t *call, const char *key, const ra_replay_t *answer)
{
    ra_tx_t *tx = call->act.tx;
    ra_json_t *stored = ra_json_object_make(tx->pool);
    ra_bytes_t sealed = {NULL, 0};
    apr_status_t status = APR_SUCCESS;

    if (!call->operation->keeps_codes) {
        ra_json_set_string(stored, "content_type", answer->content_type);
        ra_json_set_string(stored, "language", answer->language);
        ra_json_set_string(stored, "etag", answer->etag);
        ra_json_set_string(stored, "location", answer->location);
        ra_json_set_string(stored, "body", answer->body);
        status = ra_seal_json(&sealed, call->act.ra->keyring, LABEL, seal_context(call, key), stored, tx->pool);
    }
    return status != APR_SUCCESS ? status
                                 : ra_sql_change(tx, NULL,
                                                 "UPDATE idempotency_records SET status = ?, answer_sealed = ? WHERE principal_id = ? AND idempotency_key = ?",
                                                 RA_VALUES(ra_v_int(answer->status), ra_v_bytes(sealed), ra_v_uuid(call->act.who->id), ra_v_text(key)));
}
