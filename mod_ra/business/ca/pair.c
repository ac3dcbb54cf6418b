/* See pair.h. Layer: business. */
#include "business/ca/pair.h"

#include <apr_strings.h>
#include <string.h>

#include "base/der.h"
#include "base/envelope.h"
#include "business/ca/production.h"

#define LABEL "encryption-key"

int ra_pair_is(const ra_application_t *application)
{
    return strcmp(application->usage, RA_USAGE_PAIR) == 0;
}

int ra_pair_is_half_made(const ra_application_t *application)
{
    return ra_pair_is(application) && application->certificate_id &&
           (application->state == RA_STATE_AWAITING_PRODUCTION || application->state == RA_STATE_IN_PRODUCTION);
}

static apr_status_t refuse_at(const ra_act_t *act, const char *pointer, const char *violation, const char *problem)
{
    ra_result_violation(act->tx->result, pointer, violation);
    return ra_refuse(act->tx->result, problem, NULL);
}

/* --- what is offered -------------------------------------------------------------------------------------------- */

/* A CA that wants the request itself (p10cr) gets none for a key that its owner has not seen yet. */
apr_status_t ra_pair_check_kind(const ra_act_t *act, ra_kind_e kind, const char *usage)
{
    const ra_ca_t *ca = act->ra->ca;

    if (strcmp(usage, RA_USAGE_PAIR) != 0 || (kind != RA_KIND_SERVER && !(ca && ca->adapter->needs_csr))) {
        return APR_SUCCESS;
    }
    return refuse_at(act, "/usage", RA_VIOLATION_PAIR_KIND, RA_PROBLEM_PAIR_NOT_OFFERED);
}

apr_status_t ra_pair_check_algorithms(const ra_act_t *act, const ra_application_t *application, const ra_json_t *algorithms)
{
    for (const ra_json_t *name = ra_pair_is(application) ? ra_json_first(algorithms) : NULL; name; name = ra_json_next(name)) {
        if (strcmp(ra_json_string(name), ra_key_kind_name(RA_KEY_SM2)) == 0) {
            return refuse_at(act, "/certificate/key_algorithms", RA_VIOLATION_PAIR_ALGORITHM, RA_PROBLEM_PAIR_NOT_OFFERED);
        }
    }
    return APR_SUCCESS;
}

/* --- the key ---------------------------------------------------------------------------------------------------- */

static const char *seal_context(const char *application_id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "encryption_keys.private_sealed:", application_id, NULL);
}

apr_status_t ra_pair_key_make(ra_pair_key_t *key, const ra_t *ra, const char *application_id, ra_key_kind_e kind, apr_pool_t *pool)
{
    ra_bytes_t pkcs8;
    apr_status_t status = ra_private_key_make(&pkcs8, &key->spki, kind, pool);

    return status == APR_SUCCESS ? ra_seal(&key->sealed, ra->keyring, LABEL, seal_context(application_id, pool), pkcs8, pool) : status;
}

static void set_key(ra_key_t *key, ra_bytes_t spki)
{
    memset(key, 0, sizeof(*key));
    key->spki = spki;
    ra_sha256(key->spki_sha256, spki.data, spki.len);
}

static apr_status_t store_key(const ra_act_t *act, const ra_application_t *application, const ra_pair_key_t *made, const ra_key_t *key)
{
    apr_status_t status = ra_sql_change(act->tx, NULL,
                                        "INSERT INTO encryption_keys (application_id, spki, spki_sha256, private_sealed, created_at)"
                                        " VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6))",
                                        RA_VALUES(ra_v_uuid(application->id), ra_v_bytes(key->spki), ra_v_hash(key->spki_sha256),
                                                  ra_v_bytes(made->sealed)));

    if (status == APR_SUCCESS) {
        status = ra_sql_change(act->tx, NULL, "INSERT INTO used_keys (spki_sha256, application_id, used_at) VALUES (?, ?, UTC_TIMESTAMP(6))",
                               RA_VALUES(ra_v_hash(key->spki_sha256), ra_v_uuid(application->id)));
    }
    return status == APR_EEXIST ? ra_refuse(act->tx->result, RA_PROBLEM_INTERNAL, "a second encryption key for one pair") : status;
}

apr_status_t ra_pair_begin(const ra_act_t *act, ra_application_t *application, const ra_pair_key_t *made)
{
    ra_step_t step = {.action = RA_ACTION_HALF_MADE, .outcome = "issued"};
    ra_key_t key;
    ra_enrolment_t enrolment = {.key = &key, .is_encryption = 1};
    const char *job;
    apr_status_t status;

    set_key(&key, made->spki);
    status = store_key(act, application, made, &key);
    if (status == APR_SUCCESS) {
        status = ra_production_queue(act, application, &enrolment, &job);
    }
    return status == APR_SUCCESS ? ra_application_move(act, application, &step) : status;
}

apr_status_t ra_pair_check_not_stuck(const ra_act_t *act, const ra_application_t *application)
{
    apr_int64_t is_stuck = 0;
    apr_status_t status = APR_SUCCESS;

    if (ra_pair_is_half_made(application)) {
        status = ra_sql_int(act->tx, &is_stuck, "SELECT " RA_PAIR_IS_STUCK " FROM applications a WHERE a.id = ?", RA_VALUES(ra_v_uuid(application->id)));
    }
    if (status == APR_SUCCESS && is_stuck) {
        ra_result_param(act->tx->result, "state", "revoked");
        return ra_refuse(act->tx->result, RA_PROBLEM_CERTIFICATE_STATE, NULL);
    }
    return status;
}

/* Does the request come from the holder of the signing certificate, and is that still in force? */
static apr_status_t check_signing_key(const ra_act_t *act, const ra_application_t *application, const ra_key_t *presented)
{
    apr_int64_t is_same;
    apr_status_t status = ra_sql_int(act->tx, &is_same, "SELECT spki_sha256 = ? FROM certificates WHERE id = ?",
                                     RA_VALUES(ra_v_hash(presented->spki_sha256), ra_v_uuid(application->certificate_id)));

    if (status == APR_SUCCESS && !is_same) {
        return refuse_at(act, "/csr", RA_VIOLATION_PAIR_OTHER_KEY, RA_PROBLEM_KEY_NOT_ALLOWED);
    }
    return status == APR_SUCCESS ? ra_pair_check_not_stuck(act, application) : status;
}

apr_status_t ra_pair_key_again(ra_key_t *key, const ra_act_t *act, const ra_application_t *application, const ra_key_t *presented)
{
    ra_json_t *row;
    ra_bytes_t spki;
    apr_status_t status = check_signing_key(act, application, presented);

    if (status == APR_SUCCESS) {
        status = ra_sql_row(act->tx, &row, "SELECT spki AS `spki:b64` FROM encryption_keys WHERE application_id = ?",
                            RA_VALUES(ra_v_uuid(application->id)));
    }
    if (status == APR_SUCCESS) {
        status = ra_base64url_decode(&spki, ra_json_get_string(row, "spki"), act->tx->pool);
    }
    if (status == APR_SUCCESS) {
        set_key(key, spki);
    }
    return status;
}

apr_status_t ra_pair_finish(const ra_act_t *act, const ra_application_t *application, const char *certificate_id)
{
    return ra_sql_change(act->tx, NULL, "UPDATE encryption_keys SET certificate_id = ? WHERE application_id = ?",
                         RA_VALUES(ra_v_uuid(certificate_id), ra_v_uuid(application->id)));
}

/* --- handing it out --------------------------------------------------------------------------------------------- */

static apr_status_t absent(const ra_act_t *act)
{
    return ra_refuse(act->tx->result, RA_PROBLEM_ENCRYPTION_KEY_ABSENT, NULL);
}

static apr_status_t read_sealed(ra_json_t **prow, ra_bytes_t *psealed, const ra_act_t *act, const ra_application_t *application)
{
    apr_status_t status = ra_sql_row(act->tx, prow,
                                     "SELECT k.private_sealed AS `sealed:b64`, k.certificate_id AS certificate_id, k.spki_sha256 AS spki_sha256,"
                                     " c.id AS signing_certificate_id, c.der AS `der:b64`, c.key_algorithm AS key_algorithm"
                                     " FROM encryption_keys k JOIN certificates c ON c.id = ? WHERE k.application_id = ? FOR UPDATE",
                                     RA_VALUES(ra_v_uuid(application->certificate_id), ra_v_uuid(application->id)));

    if (status == APR_ENOENT || (status == APR_SUCCESS && !ra_json_get_string(*prow, "sealed"))) {
        return absent(act);
    }
    return status == APR_SUCCESS ? ra_base64url_decode(psealed, ra_json_get_string(*prow, "sealed"), act->tx->pool) : status;
}

static apr_status_t make_envelope(ra_bytes_t *penvelope, const ra_act_t *act, const ra_application_t *application, ra_bytes_t sealed,
                                  const char *certificate)
{
    apr_pool_t *pool = act->tx->pool;
    ra_bytes_t pkcs8, der;
    apr_status_t status = ra_unseal(&pkcs8, act->ra->keyring, LABEL, seal_context(application->id, pool), sealed, pool);

    if (status != APR_SUCCESS) {
        return ra_refuse(act->tx->result, RA_PROBLEM_INTERNAL, "an encryption key cannot be unsealed: changed row or missing key");
    }
    status = ra_base64url_decode(&der, certificate, pool);
    return status == APR_SUCCESS ? ra_envelope_make(penvelope, pkcs8, der, pool) : status;
}

/* May be repeated until the hand-over: an answer that was lost must not lose the key. Only the holder of the signing key can open it. */
apr_status_t ra_pair_fetch(ra_json_t **panswer, const ra_act_t *act, const ra_application_t *application)
{
    ra_bytes_t sealed, envelope;
    ra_json_t *row;
    apr_status_t status;

    if (!ra_pair_is(application) || application->state != RA_STATE_AWAITING_HANDOVER) {
        return absent(act);
    }
    status = read_sealed(&row, &sealed, act, application);
    if (status == APR_SUCCESS) {
        status = make_envelope(&envelope, act, application, sealed, ra_json_get_string(row, "der"));
    }
    if (status == APR_SUCCESS) {
        status = ra_sql_change(act->tx, NULL,
                               "UPDATE encryption_keys SET fetches = fetches + 1, fetched_at = UTC_TIMESTAMP(6), fetched_by = ? WHERE application_id = ?",
                               RA_VALUES(ra_v_uuid(act->who->id), ra_v_uuid(application->id)));
    }
    if (status == APR_SUCCESS) {
        *panswer = ra_json_object_make(act->tx->pool);
        ra_json_set_string(*panswer, "certificate_id", ra_json_get_string(row, "certificate_id"));
        ra_json_set_string(*panswer, "signing_certificate_id", ra_json_get_string(row, "signing_certificate_id"));
        ra_json_set_string(*panswer, "key_algorithm", ra_json_get_string(row, "key_algorithm"));
        ra_json_set_string(*panswer, "spki_sha256", ra_json_get_string(row, "spki_sha256"));
        ra_json_set_string(*panswer, "enveloped_data", ra_pem_write("CMS", envelope, act->tx->pool));
    }
    return status;
}

/* The private key is erased, when the statement about @a id says that it may be. */
static apr_status_t erase_when(const ra_act_t *act, const ra_application_t *application, const char *sql, const char *id, const char *problem)
{
    apr_int64_t may = 0;
    apr_status_t status = ra_sql_int(act->tx, &may, sql, RA_VALUES(ra_v_uuid(id)));

    if (status != APR_SUCCESS) {
        return status;
    }
    if (!may) {
        return ra_refuse(act->tx->result, problem, NULL);
    }
    return ra_sql_change(act->tx, NULL,
                         "UPDATE encryption_keys SET private_sealed = NULL, erased_at = UTC_TIMESTAMP(6) WHERE application_id = ? AND erased_at IS NULL",
                         RA_VALUES(ra_v_uuid(application->id)));
}

apr_status_t ra_pair_hand_over(const ra_act_t *act, const ra_application_t *application)
{
    static const char is_fetched[] = "SELECT " RA_PAIR_KEY_FETCHED " FROM applications a WHERE a.id = ?";

    return ra_pair_is(application) ? erase_when(act, application, is_fetched, application->id, RA_PROBLEM_ENCRYPTION_KEY_NOT_FETCHED) : APR_SUCCESS;
}

apr_status_t ra_pair_withdraw(const ra_act_t *act, const ra_application_t *application)
{
    static const char is_revoked[] = "SELECT revoked_at IS NOT NULL FROM certificates WHERE id = ?";

    return ra_pair_is_half_made(application) ? erase_when(act, application, is_revoked, application->certificate_id, RA_PROBLEM_PAIR_HALF_MADE)
                                             : APR_SUCCESS;
}
