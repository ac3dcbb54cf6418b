/* Forms filled in beforehand: keeping, finding, using. Layer: business. Thread rule: as its transaction. */
#include "business/application/prefill.h"

#include <apr_strings.h>
#include <arpa/inet.h>
#include <string.h>

#include "base/ident.h"
#include "base/limits.h"
#include "base/sealed.h"
#include "base/text.h"
#include "business/application/application_form.h"
#include "business/certificate/certificate.h"
#include "business/lifecycle/target.h"

#define SEAL_LABEL "prefill"
#define NUMBER_DIGITS 16
#define CANDIDATES_MAX 10
#define IPV6_CLIENT_BYTES 8 /* a /64 is one client, as for the limiter */

/* --- the form --------------------------------------------------------------------------------------------------- */

static apr_status_t refuse_at(const ra_act_t *act, const char *pointer, const char *violation, const char *problem)
{
    ra_result_violation(act->tx->result, pointer, violation);
    return ra_refuse(act->tx->result, problem, NULL);
}

/* Which members a business takes: an act names its certificate, and a new name only where it is about changing it. */
static apr_status_t check_members(const ra_act_t *act, const ra_business_t *business, const ra_json_t *body)
{
    const ra_json_t *certificate = ra_json_get(body, "certificate"), *name = ra_json_get(body, "subject_name");

    if (!business || business->by_ra) {
        return refuse_at(act, "/business", RA_VIOLATION_UNKNOWN_REFERENCE, RA_PROBLEM_BUSINESS_UNKNOWN);
    }
    if (!business->takes && certificate) {
        return refuse_at(act, "/certificate", RA_VIOLATION_NOT_ALLOWED, RA_PROBLEM_BODY_INVALID);
    }
    if (business->takes && !certificate) {
        return refuse_at(act, "/certificate", RA_VIOLATION_REQUIRED, RA_PROBLEM_BODY_INVALID);
    }
    if (!business->takes && !name) {
        return refuse_at(act, "/subject_name", RA_VIOLATION_REQUIRED, RA_PROBLEM_BODY_INVALID);
    }
    if (business->takes && name && !business->changes_name) {
        return refuse_at(act, "/subject_name", RA_VIOLATION_NOT_ALLOWED, RA_PROBLEM_BODY_INVALID);
    }
    return ra_target_particulars(act, business, body);
}

/* Everything that an application's form is checked for; the sealed parts that come with it are not kept. */
static apr_status_t check_form(const ra_act_t *act, const char *id, const ra_json_t *body)
{
    ra_json_t *whole = ra_json_object_make(act->tx->pool);
    ra_form_t form;
    apr_status_t status = check_members(act, ra_business_find(ra_json_get_string(body, "business")), body);

    if (status != APR_SUCCESS) {
        return status;
    }
    ra_json_set_string(whole, "subject_name", ra_json_get_string(ra_json_get(body, "certificate"), "subject_name"));
    for (const ra_json_t *member = ra_json_first(body); member; member = ra_json_next(member)) {
        ra_json_set_copy(whole, ra_json_name(member), member);
    }
    return ra_form_read(&form, act, id, whole);
}

static const char *seal_context(const char *id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "prefills.form_sealed:", id, NULL);
}

static apr_status_t unseal_form(ra_prefill_t *prefill, const ra_act_t *act, const char *sealed_text)
{
    apr_pool_t *pool = act->tx->pool;
    ra_json_t *form;

    if (ra_unseal_json_text(&form, act->ra->keyring, SEAL_LABEL, seal_context(prefill->id, pool), sealed_text, &ra_json_limits_request, pool) != APR_SUCCESS) {
        return ra_refuse(act->tx->result, RA_PROBLEM_INTERNAL, "a prefilled form cannot be unsealed: changed row or missing key");
    }
    prefill->form = form;
    return APR_SUCCESS;
}

/* --- hashes ----------------------------------------------------------------------------------------------------- */

static const unsigned char *keyed(const ra_act_t *act, const char *label, ra_bytes_t data)
{
    unsigned char *mac = apr_palloc(act->tx->pool, RA_SHA256_BYTES);

    ra_keyed_hash(mac, act->ra->keyring, label, data);
    return mac;
}

/* Bound to the number: equal digits of two numbers have nothing in common. */
static const unsigned char *hash_of(const ra_act_t *act, const char *label, const char *number, const char *digits)
{
    return keyed(act, label, ra_bytes_text(apr_pstrcat(act->tx->pool, number, "\n", digits, NULL)));
}

#define CODE_LABEL "prefill-code"
#define TAIL_LABEL "prefill-tail"

static const unsigned char *client_hash(const ra_act_t *act, const char *client_ip)
{
    unsigned char address[16];

    if (client_ip && inet_pton(AF_INET6, client_ip, address) == 1) {
        return keyed(act, "prefill-client", ra_bytes_of(address, IPV6_CLIENT_BYTES));
    }
    return keyed(act, "prefill-client", ra_bytes_text(client_ip ? client_ip : ""));
}

/* --- keeping ---------------------------------------------------------------------------------------------------- */

/* Requests at the same moment may pass together: the bound is exceeded by the number of threads at most. */
static apr_status_t check_bounds(const ra_act_t *act, const unsigned char *client)
{
    const ra_settings_t *settings = act->ra->settings;
    apr_int64_t count;
    apr_status_t status = ra_sql_int(act->tx, &count,
                                     "SELECT COUNT(*) FROM prefills WHERE client_hash = ? AND created_at > UTC_TIMESTAMP(6) - INTERVAL 1 DAY",
                                     RA_VALUES(ra_v_hash(client)));

    if (status == APR_SUCCESS && count >= settings->prefills_per_client) {
        act->tx->result->retry_after = RA_PREFILL_RETRY_SECONDS;
        return ra_refuse(act->tx->result, RA_PROBLEM_PREFILL_LIMIT, NULL);
    }
    if (status == APR_SUCCESS) {
        status = ra_sql_int(act->tx, &count, "SELECT COUNT(*) FROM prefills WHERE used_at IS NULL", RA_NO_VALUES);
    }
    if (status == APR_SUCCESS && count >= settings->prefills_max) {
        act->tx->result->retry_after = RA_PREFILL_RETRY_SECONDS;
        return ra_refuse(act->tx->result, RA_PROBLEM_PREFILLS_FULL, NULL);
    }
    return status;
}

static apr_status_t insert(const ra_act_t *act, const char *id, const char *number, const char *code, const ra_json_t *body, const unsigned char *client)
{
    apr_pool_t *pool = act->tx->pool;
    ra_bytes_t sealed;
    apr_status_t status = ra_seal_json(&sealed, act->ra->keyring, SEAL_LABEL, seal_context(id, pool), body, pool);

    if (status == APR_SUCCESS) {
        status = ra_sql_change(act->tx, NULL,
                               "INSERT INTO prefills (id, number, code_hash, tail_hash, form_sealed, client_hash, created_at, expires_at)"
                               " VALUES (?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL ? DAY)",
                               RA_VALUES(ra_v_uuid(id), ra_v_text(number), ra_v_hash(hash_of(act, CODE_LABEL, number, code)),
                                         ra_v_hash(hash_of(act, TAIL_LABEL, number, code + RA_PREFILL_CODE_DIGITS - RA_PREFILL_TAIL_DIGITS)),
                                         ra_v_bytes(sealed), ra_v_hash(client), ra_v_int(act->ra->settings->prefill_days)));
    }
    return status == APR_EEXIST ? RA_ERETRY : status; /* the number was taken: draw another */
}

apr_status_t ra_prefill_keep(ra_json_t **panswer, const ra_act_t *act, const ra_json_t *body, const char *client_ip)
{
    apr_pool_t *pool = act->tx->pool;
    const unsigned char *client = client_hash(act, client_ip);
    const char *id = ra_uuid_make(pool), *number = ra_prefill_number_make(apr_time_now(), pool), *code = ra_digits_make(RA_PREFILL_CODE_DIGITS, pool);
    ra_json_t *row;
    apr_status_t status = id && number && code ? check_form(act, id, body) : APR_EGENERAL;

    if (status == APR_SUCCESS) {
        status = check_bounds(act, client);
    }
    if (status == APR_SUCCESS) {
        status = insert(act, id, number, code, body, client);
    }
    if (status == APR_SUCCESS) {
        status = ra_sql_row(act->tx, &row, "SELECT expires_at AS expires_at FROM prefills WHERE id = ?", RA_VALUES(ra_v_uuid(id)));
    }
    if (status == APR_SUCCESS) {
        *panswer = ra_json_object_make(pool);
        ra_json_set_string(*panswer, "number", number);
        ra_json_set_string(*panswer, "code", code);
        ra_json_set_string(*panswer, "qr_text", apr_pstrcat(pool, number, code, NULL));
        ra_json_set_string(*panswer, "expires_at", ra_json_get_string(row, "expires_at"));
    }
    return status;
}

/* --- finding ---------------------------------------------------------------------------------------------------- */

#define COLUMNS                                                                                                        \
    "SELECT id AS id, number AS number, LOWER(HEX(code_hash)) AS code_hash, LOWER(HEX(tail_hash)) AS tail_hash,"       \
    " form_sealed AS `form_sealed:b64`, application_id AS application_id, created_at AS created_at,"                   \
    " expires_at AS expires_at FROM prefills WHERE expires_at > UTC_TIMESTAMP(6) AND number = ?"

static ra_prefill_t *read_row(const ra_json_t *row, apr_pool_t *pool)
{
    ra_prefill_t *prefill = apr_pcalloc(pool, sizeof(*prefill));

    prefill->id = ra_json_get_string(row, "id");
    prefill->number = ra_json_get_string(row, "number");
    prefill->application_id = ra_json_get_string(row, "application_id");
    prefill->created_at = ra_json_get_string(row, "created_at");
    prefill->expires_at = ra_json_get_string(row, "expires_at");
    return prefill;
}

static int is_hash(const ra_json_t *row, const char *member, const unsigned char *hash, apr_pool_t *pool)
{
    return ra_bytes_equal(ra_bytes_text(ra_json_get_string(row, member)), ra_bytes_text(ra_hex(ra_bytes_of(hash, RA_SHA256_BYTES), pool)));
}

/* Forms are for the counter: a business system has none in sight. */
static apr_status_t check_sight(const ra_act_t *act, const char *region, const char *agency_id)
{
    ra_sight_t sight = ra_principal_sight(act->who, RA_ROLE_ACCEPTOR | RA_ROLE_ENTRY_OFFICER, act->tx->pool);

    return !act->who->is_system && ra_sight_allows(&sight, region, agency_id, NULL) ? APR_SUCCESS : APR_ENOENT;
}

/* Who may not see the application that was made of it does not see it either. */
static apr_status_t read_form(ra_prefill_t *prefill, const ra_act_t *act, const char *sealed)
{
    ra_application_t *application;
    const ra_json_t *subscriber;
    apr_status_t status;

    if (prefill->application_id) {
        status = ra_application_read(&application, act, prefill->application_id);
        return status == APR_SUCCESS ? check_sight(act, application->region, application->agency_id) : status;
    }
    status = unseal_form(prefill, act, sealed);
    if (status != APR_SUCCESS) {
        return status;
    }
    subscriber = ra_json_get(prefill->form, "subscriber");
    return check_sight(act, ra_json_get_string(subscriber, "region"), ra_json_get_string(subscriber, "agency_id"));
}

/* APR_ENOENT when there is none in sight, or the code is another one's. */
static apr_status_t find(ra_prefill_t **pprefill, const ra_act_t *act, const char *typed)
{
    apr_pool_t *pool = act->tx->pool;
    const char *number = apr_pstrndup(pool, typed, NUMBER_DIGITS), *code = typed + strlen(number);
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, COLUMNS " FOR UPDATE", RA_VALUES(ra_v_text(number)));

    if (status != APR_SUCCESS) {
        return status;
    }
    if (*code && !is_hash(row, "code_hash", hash_of(act, CODE_LABEL, number, code), pool)) {
        return APR_ENOENT;
    }
    *pprefill = read_row(row, pool);
    return read_form(*pprefill, act, ra_json_get_string(row, "form_sealed"));
}

apr_status_t ra_prefill_open(ra_prefill_t **pprefill, const ra_act_t *act, const char *typed)
{
    apr_status_t status = find(pprefill, act, typed);

    return status == APR_ENOENT ? ra_refuse(act->tx->result, RA_PROBLEM_NOT_FOUND, NULL) : status;
}

apr_status_t ra_prefill_by_tail(ra_prefill_t **pprefill, const ra_act_t *act, const char *number, const char *tail)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, COLUMNS, RA_VALUES(ra_v_text(number)));

    *pprefill = NULL;
    if (status == APR_SUCCESS && is_hash(row, "tail_hash", hash_of(act, TAIL_LABEL, number, tail), act->tx->pool)) {
        *pprefill = read_row(row, act->tx->pool);
    }
    return status == APR_ENOENT ? APR_SUCCESS : status;
}

/* Certificates in sight that an act may be about: of that name and 社保编号, and that serial where it was given. */
static apr_status_t add_candidates(ra_json_t *json, const ra_act_t *act, const ra_json_t *form)
{
    const ra_json_t *wanted = ra_json_get(form, "certificate");
    ra_sight_t sight = ra_principal_sight(act->who, RA_ROLE_ACCEPTOR | RA_ROLE_ENTRY_OFFICER, act->tx->pool);
    ra_certificate_filter_t filter = {
        .subject_key = wanted ? ra_text_name_key(ra_json_get_string(wanted, "subject_name"), act->tx->pool) : NULL,
        .serial = ra_json_get_string(wanted, "serial"),
        .social_security_no = ra_json_get_string(ra_json_get(form, "subscriber"), "social_security_no"),
        .limit = CANDIDATES_MAX,
    };
    ra_json_t *items = NULL;
    apr_status_t status = filter.subject_key ? ra_certificate_list(&items, act, &sight, &filter) : APR_SUCCESS;

    if (status == APR_SUCCESS && items) {
        ra_json_set_copy(json, "certificates", items);
    }
    return status;
}

apr_status_t ra_prefill_json(ra_json_t **pjson, const ra_act_t *act, const ra_prefill_t *prefill)
{
    ra_json_t *json = ra_json_object_make(act->tx->pool);

    ra_json_set_string(json, "number", prefill->number);
    ra_json_set_string(json, "application_id", prefill->application_id);
    ra_json_set_string(json, "created_at", prefill->created_at);
    ra_json_set_string(json, "expires_at", prefill->expires_at);
    ra_json_set_copy(json, "form", prefill->form);
    *pjson = json;
    return prefill->form ? add_candidates(json, act, prefill->form) : APR_SUCCESS;
}

/* --- using ------------------------------------------------------------------------------------------------------ */

apr_status_t ra_prefill_merge(ra_json_t **pform, ra_prefill_t **pprefill, const ra_act_t *act, const ra_json_t *body)
{
    const ra_business_t *business = ra_business_find(ra_json_get_string(body, "business"));
    apr_status_t status = find(pprefill, act, ra_json_get_string(body, "prefill_number"));

    if (status == APR_ENOENT) {
        return refuse_at(act, "/prefill_number", RA_VIOLATION_UNKNOWN_REFERENCE, RA_PROBLEM_PREFILL_UNKNOWN);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    if ((*pprefill)->application_id) {
        return ra_refuse(act->tx->result, RA_PROBLEM_PREFILL_USED, NULL);
    }
    if (strcmp(ra_json_get_string((*pprefill)->form, "business"), ra_json_get_string(body, "business")) != 0) {
        return refuse_at(act, "/business", RA_VIOLATION_NOT_AS_APPLIED, RA_PROBLEM_BODY_INVALID);
    }
    if (business && business->takes && !ra_json_get(body, "certificate_id")) {
        return refuse_at(act, "/certificate_id", RA_VIOLATION_REQUIRED, RA_PROBLEM_CERTIFICATE_NEEDED);
    }
    *pform = ra_json_merge_patch((*pprefill)->form, body, act->tx->pool);
    ra_json_remove(*pform, "prefill_number");
    ra_json_remove(*pform, "certificate"); /* an act is about the one that the counter has found */
    return APR_SUCCESS;
}

apr_status_t ra_prefill_use(const ra_act_t *act, const ra_prefill_t *prefill, const char *application_id)
{
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(
        act->tx, &affected,
        "UPDATE prefills SET form_sealed = NULL, used_at = UTC_TIMESTAMP(6), used_by = ?, application_id = ?,"
        " expires_at = UTC_TIMESTAMP(6) + INTERVAL ? DAY WHERE id = ? AND used_at IS NULL AND expires_at > UTC_TIMESTAMP(6)",
        RA_VALUES(ra_v_uuid(act->who->id), ra_v_uuid(application_id), ra_v_int(RA_PREFILL_USED_DAYS), ra_v_uuid(prefill->id)));

    return status == APR_SUCCESS && affected != 1 ? RA_ERETRY : status;
}

apr_status_t ra_prefill_forget(ra_tx_t *tx, void *unused)
{
    (void)unused;
    return ra_sql_change(tx, NULL, "DELETE FROM prefills WHERE expires_at < UTC_TIMESTAMP(6) ORDER BY expires_at LIMIT ?",
                         RA_VALUES(ra_v_int(RA_PURGE_ROWS)));
}
