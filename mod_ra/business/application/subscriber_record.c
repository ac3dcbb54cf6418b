/* The record of a subscriber: confirmed, corrected, its former values kept. Layer: business. Thread rule: as its transaction. */
#include "business/application/subscriber_record.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"
#include "base/sealed.h"
#include "base/text.h"

#define SEAL_LABEL "contact"

/* What is corrected without a review, and where it stands in the reach. */
static const struct {
    const char *member;
    const char *pointer;
    int is_personal;
} reached[] = {
    {"contact_name", "/contact/name", 0}, {"phone", "/contact/phone", 1}, {"email", "/contact/email", 1}, {"tier", "/tier", 0}, {"project", "/project", 0},
};

#define REACHED (sizeof(reached) / sizeof(reached[0]))

static const char *reached_value(const ra_json_t *reach, size_t i)
{
    return ra_json_string(ra_json_pointer(reach, reached[i].pointer));
}

/* --- found by ---------------------------------------------------------------------------------------------------- */

static const unsigned char *keyed(const ra_act_t *act, const char *label, const char *value)
{
    unsigned char *mac = apr_palloc(act->tx->pool, RA_SHA256_BYTES);

    ra_keyed_hash(mac, act->ra->keyring, label, ra_bytes_text(value));
    return mac;
}

const unsigned char *ra_subscriber_phone_hash(const ra_act_t *act, const char *phone)
{
    char *key = apr_palloc(act->tx->pool, strlen(phone) + 1), *out = key;

    for (; *phone; phone++) {
        if ((*phone >= '0' && *phone <= '9') || *phone == '+') {
            *out++ = *phone;
        }
    }
    *out = '\0';
    return keyed(act, "phone", key);
}

const unsigned char *ra_subscriber_email_hash(const ra_act_t *act, const char *email)
{
    char *key = apr_pstrdup(act->tx->pool, email);

    for (char *c = key; *c; c++) {
        *c = apr_tolower(*c);
    }
    return keyed(act, "email", key);
}

apr_status_t ra_subscriber_findable(const ra_act_t *act, const char *id, const char *phone, const char *email)
{
    /* The same hash again is no change: INSERT IGNORE would hide errors too. */
    static const char both[] = "INSERT INTO subscriber_contacts (hash, subscriber_id) VALUES (?, ?), (?, ?) ON DUPLICATE KEY UPDATE hash = VALUES(hash)";
    static const char one[] = "INSERT INTO subscriber_contacts (hash, subscriber_id) VALUES (?, ?) ON DUPLICATE KEY UPDATE hash = VALUES(hash)";
    const unsigned char *phone_hash = ra_subscriber_phone_hash(act, phone);

    return email ? ra_sql_change(act->tx, NULL, both,
                                 RA_VALUES(ra_v_hash(phone_hash), ra_v_uuid(id), ra_v_hash(ra_subscriber_email_hash(act, email)), ra_v_uuid(id)))
                 : ra_sql_change(act->tx, NULL, one, RA_VALUES(ra_v_hash(phone_hash), ra_v_uuid(id)));
}

/* --- sealed ------------------------------------------------------------------------------------------------------- */

static apr_status_t seal(ra_bytes_t *psealed, const ra_act_t *act, const char *column, const char *id, const ra_json_t *values)
{
    apr_pool_t *pool = act->tx->pool;

    return ra_seal_json(psealed, act->ra->keyring, SEAL_LABEL, apr_pstrcat(pool, column, ":", id, NULL), values, pool);
}

static apr_status_t unseal(ra_json_t **pvalues, const ra_act_t *act, const char *column, const char *id, const char *text)
{
    apr_pool_t *pool = act->tx->pool;
    apr_status_t status = ra_unseal_json_text(pvalues, act->ra->keyring, SEAL_LABEL, apr_pstrcat(pool, column, ":", id, NULL), text,
                                              &ra_json_limits_request, pool);

    return status == APR_SUCCESS ? APR_SUCCESS
                                 : ra_refuse(act->tx->result, RA_PROBLEM_INTERNAL, "a subscriber's contact cannot be unsealed: changed row or missing key");
}

static apr_status_t seal_contact(ra_bytes_t *psealed, const ra_act_t *act, const char *id, const ra_json_t *reach)
{
    ra_json_t *values = ra_json_object_make(act->tx->pool);
    const ra_json_t *contact = ra_json_get(reach, "contact");

    ra_json_set_string(values, "phone", ra_json_get_string(contact, "phone"));
    ra_json_set_string(values, "email", ra_json_get_string(contact, "email"));
    return seal(psealed, act, "subscribers.contact_sealed", id, values);
}

/* --- the reach ---------------------------------------------------------------------------------------------------- */

#define REACH_COLUMNS "contact_name AS contact_name, contact_sealed AS `contact_sealed:b64`, tier AS tier, project AS project"

static apr_status_t reach_of(ra_json_t **preach, const ra_act_t *act, const char *id, const ra_json_t *row)
{
    const char *sealed = ra_json_get_string(row, "contact_sealed");
    ra_json_t *personal, *contact;
    apr_status_t status;

    *preach = NULL;
    if (!sealed) {
        return APR_SUCCESS;
    }
    status = unseal(&personal, act, "subscribers.contact_sealed", id, sealed);
    if (status != APR_SUCCESS) {
        return status;
    }
    *preach = ra_json_object_make(act->tx->pool);
    contact = ra_json_set_object(*preach, "contact");
    ra_json_set_string(contact, "name", ra_json_get_string(row, "contact_name"));
    ra_json_set_string(contact, "phone", ra_json_get_string(personal, "phone"));
    ra_json_set_string(contact, "email", ra_json_get_string(personal, "email"));
    ra_json_set_string(*preach, "tier", ra_json_get_string(row, "tier"));
    ra_json_set_string(*preach, "project", ra_json_get_string(row, "project"));
    return APR_SUCCESS;
}

apr_status_t ra_subscriber_reach(ra_json_t **preach, const ra_act_t *act, const char *id)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(act->tx, &row, "SELECT " REACH_COLUMNS " FROM subscribers WHERE id = ?", RA_VALUES(ra_v_uuid(id)));

    return status == APR_SUCCESS ? reach_of(preach, act, id, row) : status;
}

/* --- what was there before ----------------------------------------------------------------------------------------- */

/* Why and by which application a record changes. */
typedef struct ra_origin_t {
    const char *subscriber_id;
    const char *application_id; /* NULL: corrected directly */
    const char *reason;
} ra_origin_t;

typedef struct ra_change_t {
    const char *member;
    const char *before;
    const char *after;
    int is_personal;
} ra_change_t;

static int differs(const ra_change_t *change)
{
    return change->before && change->after ? strcmp(change->before, change->after) != 0 : change->before != change->after;
}

static apr_status_t write_change(const ra_act_t *act, const ra_origin_t *origin, const ra_change_t *change)
{
    const char *id = ra_uuid_make(act->tx->pool);
    ra_json_t *values = ra_json_object_make(act->tx->pool);
    ra_bytes_t sealed = {NULL, 0};
    apr_status_t status = APR_SUCCESS;

    if (!differs(change)) {
        return APR_SUCCESS;
    }
    if (change->is_personal) {
        ra_json_set_string(values, "old_value", change->before);
        ra_json_set_string(values, "new_value", change->after);
        status = seal(&sealed, act, "subscriber_changes.values_sealed", id, values);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    return ra_sql_change(act->tx, NULL,
                         "INSERT INTO subscriber_changes (id, subscriber_id, member, old_value, new_value, values_sealed, application_id, reason,"
                         " confirmed_by, confirmed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))",
                         RA_VALUES(ra_v_uuid(id), ra_v_uuid(origin->subscriber_id), ra_v_text(change->member),
                                   ra_v_text(change->is_personal ? NULL : change->before), ra_v_text(change->is_personal ? NULL : change->after),
                                   ra_v_bytes(sealed), ra_v_uuid(origin->application_id), ra_v_text(origin->reason), ra_v_uuid(act->who->id)));
}

static apr_status_t write_reach_changes(const ra_act_t *act, const ra_origin_t *origin, const ra_json_t *before, const ra_json_t *after)
{
    apr_status_t status = APR_SUCCESS;

    for (size_t i = 0; status == APR_SUCCESS && i < REACHED; i++) {
        ra_change_t change = {reached[i].member, reached_value(before, i), reached_value(after, i), reached[i].is_personal};

        status = write_change(act, origin, &change);
    }
    return status;
}

apr_status_t ra_subscriber_change_json(ra_json_t *change, const ra_act_t *act, const ra_json_t *row)
{
    const char *sealed = ra_json_get_string(row, "values_sealed");
    ra_json_t *values = NULL;
    apr_status_t status = APR_SUCCESS;

    for (const ra_json_t *member = ra_json_first(row); member; member = ra_json_next(member)) {
        ra_json_set_copy(change, ra_json_name(member), member);
    }
    ra_json_remove(change, "id");
    ra_json_remove(change, "values_sealed");
    if (sealed) {
        status = unseal(&values, act, "subscriber_changes.values_sealed", ra_json_get_string(row, "id"), sealed);
    }
    for (const ra_json_t *member = ra_json_first(values); member; member = ra_json_next(member)) {
        ra_json_set_copy(change, ra_json_name(member), member);
    }
    return status;
}

/* --- confirmed by a review ----------------------------------------------------------------------------------------- */

static ra_sight_t confirming_sight(const ra_principal_t *who, apr_pool_t *pool)
{
    return ra_principal_sight(who, RA_ROLE_REVIEW_OFFICER, pool);
}

ra_value_t ra_subscriber_seen(const ra_principal_t *who, apr_pool_t *pool)
{
    ra_sight_t sight = confirming_sight(who, pool);

    return ra_v_text(sight.everything ? "%" : sight.region_prefix ? apr_pstrcat(pool, sight.region_prefix, "%", NULL) : "");
}

int ra_subscriber_sees_all(const ra_principal_t *who, apr_pool_t *pool)
{
    return confirming_sight(who, pool).everything;
}

/* What the record holds; locked until the transaction ends, so that two acts do not both change from the same value. */
static apr_status_t read_record(ra_json_t **precord, const ra_act_t *act, const char *id)
{
    return ra_sql_row(act->tx, precord,
                      "SELECT s.name AS name, s.organisation_code AS organisation_code, s.region AS region, s.agency_id AS agency_id,"
                      " s.corrected_at AS corrected_at, " RA_SUBSCRIBER_OUTSIDE " AS is_outside, " REACH_COLUMNS
                      " FROM subscribers s WHERE s.id = ? FOR UPDATE",
                      RA_VALUES(ra_subscriber_seen(act->who, act->tx->pool), ra_v_uuid(id)));
}

/* A number that was corrected on Tuesday is not undone by the review on Friday of a form from Monday. */
static apr_status_t is_corrected_since(int *pis, const ra_act_t *act, const ra_json_t *record, const ra_application_t *application)
{
    const char *corrected_at = ra_json_get_string(record, "corrected_at");
    apr_int64_t found;
    apr_status_t status;

    *pis = 0;
    if (!corrected_at) {
        return APR_SUCCESS;
    }
    status = ra_sql_int(act->tx, &found,
                        "SELECT 1 FROM application_history WHERE application_id = ? AND step IN ('submission', 'edit') AND at > ? LIMIT 1",
                        RA_VALUES(ra_v_uuid(application->id), ra_v_rfc3339(corrected_at)));
    *pis = status == APR_ENOENT;
    return *pis ? APR_SUCCESS : status;
}

/* What the record's reach will be: the form's, or its own where that is newer. */
static apr_status_t choose_reach(const ra_json_t **preach, const ra_act_t *act, const ra_json_t *record, const ra_json_t *own, const ra_application_t *application)
{
    ra_json_t *form;
    int is_newer;
    apr_status_t status = is_corrected_since(&is_newer, act, record, application);

    *preach = own;
    if (status != APR_SUCCESS || is_newer) {
        return status;
    }
    status = ra_application_form(&form, act, application);
    *preach = ra_json_get(form, "subscriber");
    return status;
}

static apr_status_t write_changes(const ra_act_t *act, const ra_application_t *application, const ra_json_t *record, const ra_json_t *own, const ra_json_t *reach)
{
    const ra_origin_t origin = {application->subscriber_id, application->id, NULL};
    const char *code = ra_json_get_string(ra_json_get(application->applicant, "organisation_code"), "value");
    const ra_change_t changes[] = {
        {"name", ra_json_get_string(record, "name"), ra_json_get_string(application->applicant, "name"), 0},
        {"organisation_code", ra_json_get_string(record, "organisation_code"), code, 0},
        {"region", ra_json_get_string(record, "region"), application->region, 0},
        {"agency_id", ra_json_get_string(record, "agency_id"), application->agency_id, 0},
    };
    apr_status_t status = APR_SUCCESS;

    for (size_t i = 0; status == APR_SUCCESS && i < sizeof(changes) / sizeof(changes[0]); i++) {
        status = write_change(act, &origin, &changes[i]);
    }
    return status == APR_SUCCESS && own ? write_reach_changes(act, &origin, own, reach) : status;
}

static apr_status_t write_confirmed(const ra_act_t *act, const ra_application_t *application, const ra_json_t *reach)
{
    const char *name = ra_json_get_string(application->applicant, "name");
    const char *code = ra_json_get_string(ra_json_get(application->applicant, "organisation_code"), "value");
    ra_bytes_t sealed;
    apr_status_t status = seal_contact(&sealed, act, application->subscriber_id, reach);

    if (status != APR_SUCCESS) {
        return status;
    }
    return ra_sql_change(act->tx, NULL,
                         "UPDATE subscribers SET name = ?, name_key = ?, organisation_code = ?, region = ?, agency_id = ?, contact_name = ?,"
                         " contact_sealed = ?, tier = ?, project = ?, verified_at = UTC_TIMESTAMP(6), updated_at = UTC_TIMESTAMP(6),"
                         " version = version + 1 WHERE id = ?",
                         RA_VALUES(ra_v_text(name), ra_v_text(ra_text_name_key(name, act->tx->pool)), ra_v_text(code), ra_v_text(application->region),
                                   ra_v_uuid(application->agency_id), ra_v_text(ra_json_string(ra_json_pointer(reach, "/contact/name"))),
                                   ra_v_bytes(sealed), ra_v_text(ra_json_get_string(reach, "tier")), ra_v_text(ra_json_get_string(reach, "project")),
                                   ra_v_uuid(application->subscriber_id)));
}

apr_status_t ra_subscriber_confirm(const ra_act_t *act, const ra_application_t *application)
{
    ra_json_t *record, *own;
    const ra_json_t *reach = NULL;
    apr_status_t status = read_record(&record, act, application->subscriber_id);

    if (status == APR_SUCCESS && ra_json_get_int(record, "is_outside", 0)) {
        return ra_refuse(act->tx->result, RA_PROBLEM_REGION_OUTSIDE, "the subscriber's confirmed record is of another region");
    }
    if (status == APR_SUCCESS) {
        status = reach_of(&own, act, application->subscriber_id, record);
    }
    if (status == APR_SUCCESS) {
        status = choose_reach(&reach, act, record, own, application);
    }
    if (status == APR_SUCCESS) {
        status = write_changes(act, application, record, own, reach);
    }
    return status == APR_SUCCESS ? write_confirmed(act, application, reach) : status;
}

/* --- corrected directly --------------------------------------------------------------------------------------------- */

static ra_json_t *changed_members(const ra_correction_t *correction, apr_pool_t *pool)
{
    ra_json_t *names = ra_json_array_make(pool);

    for (size_t i = 0; i < REACHED; i++) {
        ra_change_t change = {reached[i].member, reached_value(correction->before, i), reached_value(correction->after, i), 0};

        if (differs(&change)) {
            ra_json_add_string(names, reached[i].member);
        }
    }
    return names;
}

static apr_status_t write_corrected(const ra_act_t *act, const ra_correction_t *correction)
{
    ra_bytes_t sealed;
    apr_uint64_t affected = 0;
    apr_status_t status = seal_contact(&sealed, act, correction->id, correction->after);

    if (status != APR_SUCCESS) {
        return status;
    }
    status = ra_sql_change(act->tx, &affected,
                           "UPDATE subscribers SET contact_name = ?, contact_sealed = ?, tier = ?, project = ?, corrected_at = UTC_TIMESTAMP(6),"
                           " updated_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = ? AND version = ?",
                           RA_VALUES(ra_v_text(ra_json_string(ra_json_pointer(correction->after, "/contact/name"))), ra_v_bytes(sealed),
                                     ra_v_text(ra_json_get_string(correction->after, "tier")),
                                     ra_v_text(ra_json_get_string(correction->after, "project")), ra_v_uuid(correction->id), ra_v_int(correction->version)));
    return status == APR_SUCCESS && affected != 1 ? RA_ERETRY : status;
}

apr_status_t ra_subscriber_correct(ra_json_t **pmembers, const ra_act_t *act, const ra_correction_t *correction)
{
    const ra_origin_t origin = {correction->id, NULL, correction->reason};
    const ra_json_t *contact = ra_json_get(correction->after, "contact");
    apr_status_t status;

    *pmembers = changed_members(correction, act->tx->pool);
    if (!ra_json_size(*pmembers)) {
        return APR_SUCCESS;
    }
    status = write_corrected(act, correction);
    if (status == APR_SUCCESS) {
        status = write_reach_changes(act, &origin, correction->before, correction->after);
    }
    if (status == APR_SUCCESS) {
        status = ra_subscriber_findable(act, correction->id, ra_json_get_string(contact, "phone"), ra_json_get_string(contact, "email"));
    }
    return status;
}
