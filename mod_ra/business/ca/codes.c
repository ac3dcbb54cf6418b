/* Reference and authorisation codes. Layer: business. */
#include "business/ca/codes.h"

#include <apr_strings.h>
#include <string.h>

#include "base/failpoint.h"
#include "base/ident.h"
#include "base/limits.h"
#include "business/ca/pair.h"
#include "business/lifecycle/target.h"

/* Crockford's base 32: no I, L, O, U, so that a person can read and type it. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
#define RADIX 32
#define GROUP 5
#define REFERENCE_BYTES 7
#define LABEL "authorisation-code"

/* Luhn's algorithm for an alphabet of 32: finds every single wrong character and nearly every swap. */
static char check_character(const char *text, apr_size_t len)
{
    int factor = 2, sum = 0;

    while (len > 0) {
        int addend = factor * (int)(strchr(alphabet, text[--len]) - alphabet);

        factor = factor == 2 ? 1 : 2;
        sum += addend / RADIX + addend % RADIX;
    }
    return alphabet[(RADIX - sum % RADIX) % RADIX];
}

const char *ra_code_clean(const char *typed, apr_pool_t *pool)
{
    char *clean = apr_palloc(pool, strlen(typed) + 1), *out = clean;

    for (; *typed; typed++) {
        char c = *typed >= 'a' && *typed <= 'z' ? (char)(*typed - 'a' + 'A') : *typed;

        if (c == '-' || c == ' ') {
            continue;
        }
        c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
        if (!strchr(alphabet, c)) {
            return NULL;
        }
        *out++ = c;
    }
    *out = '\0';
    return clean;
}

int ra_code_is_well_typed(const char *clean)
{
    apr_size_t len = strlen(clean);

    return len > 1 && clean[len - 1] == check_character(clean, len - 1);
}

const char *ra_code_grouped(const char *clean, apr_pool_t *pool)
{
    char *grouped = apr_palloc(pool, strlen(clean) * 2 + 1), *out = grouped;

    for (apr_size_t i = 0; clean[i]; i++) {
        if (i > 0 && i % GROUP == 0) {
            *out++ = '-';
        }
        *out++ = clean[i];
    }
    *out = '\0';
    return grouped;
}

const char *ra_code_make(ra_bytes_t random, apr_pool_t *pool)
{
    apr_size_t digits = random.len * 8 / 5;
    char *plain = apr_palloc(pool, digits + 2);
    const char *grouped;

    for (apr_size_t i = 0; i < digits; i++) {
        unsigned value = 0;

        for (apr_size_t bit = i * 5; bit < i * 5 + 5; bit++) {
            value = value << 1 | ((random.data[bit / 8] >> (7 - bit % 8)) & 1u);
        }
        plain[i] = alphabet[value];
    }
    plain[digits] = check_character(plain, digits);
    plain[digits + 1] = '\0';
    grouped = ra_code_grouped(plain, pool);
    ra_wipe(plain, digits + 1);
    return grouped;
}

static const char *seal_context(const char *id, apr_pool_t *pool)
{
    return apr_pstrcat(pool, "production_codes.secret_sealed:", id, NULL);
}

static apr_status_t insert_codes(const ra_act_t *act, const ra_application_t *application, const char *reference, const char *secret)
{
    apr_pool_t *pool = act->tx->pool;
    const char *id = ra_uuid_make(pool);
    ra_bytes_t sealed;
    apr_status_t status = id ? ra_seal(&sealed, act->ra->keyring, LABEL, seal_context(id, pool), ra_bytes_text(ra_code_clean(secret, pool)), pool)
                             : APR_EGENERAL;

    if (status == APR_SUCCESS) {
        status = ra_sql_change(act->tx, NULL,
                               "INSERT INTO production_codes (id, application_id, reference, secret_sealed, drawn_by, drawn_at, expires_at)"
                               " VALUES (?, ?, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL ? SECOND)",
                               RA_VALUES(ra_v_uuid(id), ra_v_uuid(application->id), ra_v_text(ra_code_clean(reference, pool)), ra_v_bytes(sealed),
                                         ra_v_uuid(act->who->id), ra_v_int(apr_time_sec(act->ra->settings->code_lifetime))));
    }
    return status == APR_EEXIST ? RA_ERETRY : status;
}

static apr_status_t show_codes(ra_json_t **pcodes, const ra_act_t *act, const char *application_id, const char *reference, const char *secret)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, "SELECT expires_at AS expires_at FROM production_codes WHERE live = ?",
                                     RA_VALUES(ra_v_uuid(application_id)));

    if (status == APR_SUCCESS) {
        *pcodes = ra_json_object_make(act->tx->pool);
        ra_json_set_string(*pcodes, "reference_code", reference);
        ra_json_set_string(*pcodes, "authorisation_code", secret);
        ra_json_set_string(*pcodes, "expires_at", ra_json_get_string(row, "expires_at"));
        ra_json_set_int(*pcodes, "tries_left", RA_CODE_TRIES_MAX);
    }
    return status;
}

/* Looked for before it is locked: an UPDATE that finds nothing locks the gap where other applications' codes go, and two drawings block each other. */
static apr_status_t void_live(const ra_act_t *act, const ra_application_t *application)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, "SELECT id AS id FROM production_codes WHERE live = ?", RA_VALUES(ra_v_uuid(application->id)));

    if (status != APR_SUCCESS) {
        return status == APR_ENOENT ? APR_SUCCESS : status;
    }
    return ra_sql_change(act->tx, NULL, "UPDATE production_codes SET voided_at = UTC_TIMESTAMP(6) WHERE id = ? AND used_at IS NULL AND voided_at IS NULL",
                         RA_VALUES(ra_v_uuid(ra_json_get_string(row, "id"))));
}

apr_status_t ra_codes_draw(ra_json_t **pcodes, const ra_act_t *act, ra_application_t *application)
{
    unsigned char random[RA_CODE_RANDOM_BYTES + REFERENCE_BYTES];
    const char *reference, *secret;
    ra_json_t *record = ra_json_object_make(act->tx->pool);
    ra_step_t step = {.action = RA_ACTION_CODES, .record = record};
    apr_status_t status = ra_application_may(act, application, step.action, step.decision);

    if (status == APR_SUCCESS) {
        status = ra_pair_check_not_stuck(act, application);
    }
    if (status == APR_SUCCESS) {
        status = ra_target_is_still_taken(act, application);
    }
    if (status == APR_SUCCESS) {
        status = ra_application_move(act, application, &step);
    }
    if (status != APR_SUCCESS || (status = ra_random(random, sizeof(random))) != APR_SUCCESS) {
        return status;
    }
    secret = ra_code_make(ra_bytes_of(random, RA_CODE_RANDOM_BYTES), act->tx->pool);
    reference = ra_code_make(ra_bytes_of(random + RA_CODE_RANDOM_BYTES, REFERENCE_BYTES), act->tx->pool);
    ra_wipe(random, sizeof(random));
    status = void_live(act, application);
    RA_FAILPOINT(codes_voided);
    if (status == APR_SUCCESS) {
        status = insert_codes(act, application, reference, secret);
    }
    RA_FAILPOINT(codes_drawn);
    return status == APR_SUCCESS ? show_codes(pcodes, act, application->id, reference, secret) : status;
}

#define PAIR                                                                                                           \
    "SELECT k.id AS id, k.reference AS reference, k.secret_sealed AS `sealed:b64`, k.tries AS tries, k.used_at AS used_at,"      \
    " k.voided_at AS voided_at, " RA_CODES_USABLE " AS usable, k.application_id AS application_id,"                    \
    " k.drawn_by AS drawn_by FROM production_codes k"

/* The latest pair of the application, locked: tries are counted one after the other. */
static const char latest_sql[] = PAIR " WHERE application_id = ? ORDER BY id DESC LIMIT 1 FOR UPDATE";

static const char *problem_of(const ra_json_t *row)
{
    if (ra_json_get_int(row, "usable", 0)) {
        return NULL;
    }
    if (ra_json_get_int(row, "tries", 0) >= RA_CODE_TRIES_MAX) {
        return RA_PROBLEM_CODE_LOCKED;
    }
    return ra_json_get(row, "used_at") || ra_json_get(row, "voided_at") ? RA_PROBLEM_CODES_MISSING : RA_PROBLEM_CODE_EXPIRED;
}

static apr_status_t unseal_secret(ra_bytes_t *pplain, const ra_act_t *act, const ra_json_t *row, apr_pool_t *pool)
{
    const char *context = seal_context(ra_json_get_string(row, "id"), pool);
    ra_bytes_t sealed;
    apr_status_t status = ra_base64url_decode(&sealed, ra_json_get_string(row, "sealed"), pool);

    return status == APR_SUCCESS ? ra_unseal(pplain, act->ra->keyring, LABEL, context, sealed, pool) : status;
}

static int is_right(const ra_act_t *act, const ra_json_t *row, const char *reference, const char *secret)
{
    ra_bytes_t plain;
    int right;

    if (unseal_secret(&plain, act, row, act->tx->pool) != APR_SUCCESS) {
        return 0;
    }
    right = ra_bytes_equal(plain, ra_bytes_text(secret));
    return ra_bytes_equal(ra_bytes_text(ra_json_get_string(row, "reference")), ra_bytes_text(reference)) & right;
}

/* The fifth wrong try ends the pair. */
apr_status_t ra_codes_count_wrong(const ra_act_t *act, const char *id)
{
    return ra_sql_change(act->tx, NULL,
                         "UPDATE production_codes SET voided_at = IF(tries + 1 >= ?, UTC_TIMESTAMP(6), NULL),"
                         " tries = tries + 1 WHERE id = ? AND used_at IS NULL AND voided_at IS NULL",
                         RA_VALUES(ra_v_int(RA_CODE_TRIES_MAX), ra_v_uuid(id)));
}

static apr_status_t count_wrong_try(const ra_act_t *act, const char *id)
{
    apr_status_t status = ra_codes_count_wrong(act, id);

    if (status != APR_SUCCESS) {
        return status;
    }
    act->tx->result->keep = 1;
    return ra_refuse(act->tx->result, RA_PROBLEM_CODE_INVALID, "wrong reference or authorisation code");
}

static apr_status_t use_up(const ra_act_t *act, const char *id)
{
    apr_status_t status;

    if (RA_PLANTED(code_reusable)) {
        return APR_SUCCESS;
    }
    status = ra_sql_change(act->tx, NULL,
                           "UPDATE production_codes SET used_at = UTC_TIMESTAMP(6)"
                           " WHERE id = ? AND used_at IS NULL AND voided_at IS NULL", RA_VALUES(ra_v_uuid(id)));
    RA_FAILPOINT(codes_used);
    return status;
}

apr_status_t ra_codes_use(const char **pid, const ra_act_t *act, const ra_application_t *application, const char *reference,
                          const char *authorisation)
{
    ra_result_t *result = act->tx->result;
    const char *typed_reference = ra_code_clean(reference, act->tx->pool);
    const char *typed_secret = ra_code_clean(authorisation, act->tx->pool);
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, latest_sql, RA_VALUES(ra_v_uuid(application->id)));

    if (status == APR_ENOENT) {
        return ra_refuse(result, RA_PROBLEM_CODES_MISSING, NULL);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    if (problem_of(row)) {
        return ra_refuse(result, problem_of(row), NULL);
    }
    if (!typed_secret || !typed_reference || !ra_code_is_well_typed(typed_secret)) {
        ra_result_violation(result, "/authorisation_code", RA_VIOLATION_CODE_MISTYPED);
        return ra_refuse(result, RA_PROBLEM_CODE_INVALID, "mistyped: not counted");
    }
    *pid = ra_json_get_string(row, "id");
    if (!is_right(act, row, typed_reference, typed_secret)) {
        return count_wrong_try(act, *pid);
    }
    return use_up(act, *pid);
}

static apr_status_t wipe_text(void *data)
{
    ra_wipe(data, strlen(data));
    return APR_SUCCESS;
}

static apr_status_t fill_pair(ra_code_pair_t *pair, const ra_act_t *act, const ra_json_t *row, apr_pool_t *pool)
{
    ra_bytes_t plain;
    apr_status_t status = unseal_secret(&plain, act, row, pool);

    if (status != APR_SUCCESS) {
        return APR_ENOENT;
    }
    pair->id = apr_pstrdup(pool, ra_json_get_string(row, "id"));
    pair->application_id = apr_pstrdup(pool, ra_json_get_string(row, "application_id"));
    pair->drawn_by = apr_pstrdup(pool, ra_json_get_string(row, "drawn_by"));
    pair->secret = (const char *)plain.data;
    pair->grouped = ra_code_grouped(pair->secret, pool);
    apr_pool_cleanup_register(pool, pair->grouped, wipe_text, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

apr_status_t ra_codes_find(ra_code_pair_t **ppair, const ra_act_t *act, const char *reference, apr_pool_t *pool)
{
    const char *clean = ra_code_clean(reference, act->tx->pool);
    ra_json_t *row;
    apr_status_t status =
        ra_sql_row(act->tx, &row, PAIR " WHERE reference = ?", RA_VALUES(ra_v_text(clean ? clean : "")));

    *ppair = apr_pcalloc(pool, sizeof(**ppair));
    return status == APR_SUCCESS ? fill_pair(*ppair, act, row, pool) : status;
}

apr_status_t ra_codes_use_proved(const ra_act_t *act, const char *id)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, PAIR " WHERE id = ? FOR UPDATE", RA_VALUES(ra_v_uuid(id)));

    if (status == APR_SUCCESS && problem_of(row)) {
        return ra_refuse(act->tx->result, problem_of(row), NULL);
    }
    return status == APR_SUCCESS ? use_up(act, id) : status;
}

/* Found by a reading without locks, since a change that looks for its rows would lock every pair that is alive. */
static const char forgettable_sql[] =
    "SELECT id AS id FROM production_codes WHERE keeps_secret = 1"
    " AND (LEAST(expires_at, COALESCE(voided_at, expires_at)) < UTC_TIMESTAMP(6) - INTERVAL 7 DAY"
    " OR (used_at < UTC_TIMESTAMP(6) - INTERVAL 1 DAY AND NOT EXISTS (SELECT 1 FROM cmp_transactions x"
    " WHERE x.code_id = production_codes.id AND x.outcome IN ('open', 'delivered')))) LIMIT ?";

apr_status_t ra_codes_forget(ra_tx_t *tx, void *unused)
{
    ra_json_t *rows = NULL;
    apr_status_t status = ra_sql_rows(tx, &rows, forgettable_sql, RA_VALUES(ra_v_int(RA_PURGE_ROWS)));

    (void)unused;
    for (const ra_json_t *row = ra_json_first(rows); status == APR_SUCCESS && row; row = ra_json_next(row)) {
        status = ra_sql_change(tx, NULL, "UPDATE production_codes SET secret_sealed = '', keeps_secret = NULL WHERE id = ?",
                               RA_VALUES(ra_v_uuid(ra_json_get_string(row, "id"))));
    }
    return status;
}
