/* Subscribers: lists, one with what belongs to it, and confirmed data. Layer: business. */
#include "business/subscriber.h"

#include <apr_strings.h>
#include <string.h>

#include "base/ident.h"
#include "base/text.h"
#include "business/application_form.h"

/* The join's order is said: the optimiser would rather begin with the few agencies and sort everything. */
#define SUBSCRIBER                                                                                                     \
    "SELECT a.id AS id, a.kind AS kind, a.name AS name, a.social_security_no AS social_security_no,"                   \
    " a.organisation_code AS organisation_code, a.region AS region, g.id AS `agency.id`, g.name AS `agency.name`,"     \
    " a.verified_at AS verified_at, a.version AS version, a.created_at AS created_at, a.updated_at AS updated_at"      \
    " FROM subscribers a STRAIGHT_JOIN agencies g ON g.id = a.agency_id WHERE "

/* --- lists ------------------------------------------------------------------------------------------------------ */

/* Put together from constants only; every value is bound. */
apr_status_t ra_subscriber_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_subscriber_filter_t *filter)
{
    ra_value_t values[RA_SIGHT_VALUES + 6];
    int count = 0;
    const char *sql = apr_pstrcat(act->tx->pool, SUBSCRIBER, ra_sight_clause(sight, values, &count), NULL);
    const char *const clauses[] = {" AND a.name_key = ?", " AND a.social_security_no = ?", " AND a.organisation_code = ?"};
    const char *const texts[] = {filter->name_key, filter->social_security_no, filter->organisation_code};

    for (int i = 0; i < 3; i++) {
        if (texts[i]) {
            sql = apr_pstrcat(act->tx->pool, sql, clauses[i], NULL);
            values[count++] = ra_v_text(texts[i]);
        }
    }
    if (filter->phone) {
        sql = apr_pstrcat(act->tx->pool, sql, " AND a.id IN (SELECT p.subscriber_id FROM applications p WHERE p.phone_hash = ?)", NULL);
        values[count++] = ra_v_hash(ra_form_phone_hash(act, filter->phone));
    }
    if (filter->before_id) {
        sql = apr_pstrcat(act->tx->pool, sql, " AND a.id < ?", NULL);
        values[count++] = ra_v_uuid(filter->before_id);
    }
    values[count++] = ra_v_int(filter->limit + 1);
    return ra_sql_rows(act->tx, pitems, apr_pstrcat(act->tx->pool, sql, " ORDER BY a.id DESC LIMIT ?", NULL), (ra_values_t){values, count});
}

/* --- one -------------------------------------------------------------------------------------------------------- */

/* Newest first, at most RA_SUBSCRIBER_PART_MAX, each in sight; `more` says that there are others. */
static apr_status_t add_part(ra_json_t *subscriber, const ra_act_t *act, const ra_sight_t *sight, const char *name, const char *select)
{
    ra_value_t values[RA_SIGHT_VALUES + 2];
    int count = 0, added = 0;
    const char *sql;
    ra_json_t *rows, *part, *items;
    apr_status_t status;

    values[count++] = ra_v_uuid(ra_json_get_string(subscriber, "id"));
    sql = sight ? apr_pstrcat(act->tx->pool, select, " AND ", ra_sight_clause(sight, values, &count), NULL) : select;
    values[count++] = ra_v_int(RA_SUBSCRIBER_PART_MAX + 1);
    status = ra_sql_rows(act->tx, &rows, apr_pstrcat(act->tx->pool, sql, " ORDER BY a.id DESC LIMIT ?", NULL), (ra_values_t){values, count});
    if (status != APR_SUCCESS) {
        return status;
    }
    part = ra_json_set_object(subscriber, name);
    items = ra_json_set_array(part, "items");
    for (const ra_json_t *row = ra_json_first(rows); row && added < RA_SUBSCRIBER_PART_MAX; row = ra_json_next(row), added++) {
        ra_json_add_copy(items, row);
    }
    ra_json_set_bool(part, "more", ra_json_size(rows) > RA_SUBSCRIBER_PART_MAX);
    return APR_SUCCESS;
}

/* Contact, tier and project as the newest application in sight has them. */
static apr_status_t add_latest(ra_json_t *subscriber, const ra_act_t *act)
{
    static const char *const members[] = {"contact", "tier", "project", "id_document"};
    const char *id = ra_json_get_string(ra_json_first(ra_json_get(ra_json_get(subscriber, "applications"), "items")), "id");
    ra_application_t *application;
    ra_json_t *form;
    apr_status_t status;

    if (!id) {
        return APR_SUCCESS;
    }
    status = ra_application_read(&application, act, id);
    if (status == APR_SUCCESS) {
        status = ra_application_form(&form, act, application);
    }
    for (size_t i = 0; status == APR_SUCCESS && i < sizeof(members) / sizeof(members[0]); i++) {
        ra_json_set_copy(subscriber, members[i], ra_json_get(ra_json_get(form, "subscriber"), members[i]));
    }
    return status;
}

static const char applications_sql[] =
    "SELECT a.id AS id, a.number AS number, a.business AS business, a.kind AS kind, a.cert_usage AS `usage`, a.state AS state,"
    " a.subject_name AS subject_name, a.created_at AS created_at, a.updated_at AS updated_at FROM applications a WHERE a.subscriber_id = ?";

static const char certificates_sql[] =
    "SELECT a.id AS id, a.application_id AS application_id, a.kind AS kind, a.cert_usage AS `usage`, a.serial AS serial,"
    " a.subject_name AS subject_name, a.not_before AS not_before, a.not_after AS not_after,"
    " CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN suspended_at IS NOT NULL THEN 'suspended'"
    " WHEN not_after <= UTC_TIMESTAMP(6) THEN 'expired' WHEN not_before > UTC_TIMESTAMP(6) THEN 'not_yet_valid' ELSE 'valid' END AS status"
    " FROM certificates a WHERE a.subscriber_id = ?";

static const char changes_sql[] =
    "SELECT a.member AS member, a.old_value AS old_value, a.new_value AS new_value, a.application_id AS application_id,"
    " a.confirmed_by AS `confirmed_by.id`, p.name AS `confirmed_by.name`, a.confirmed_at AS confirmed_at"
    " FROM subscriber_changes a JOIN principals p ON p.id = a.confirmed_by WHERE a.subscriber_id = ?";

apr_status_t ra_subscriber_json(ra_json_t **psubscriber, const ra_act_t *act, const char *id, ra_roles_t roles)
{
    ra_sight_t sight = ra_principal_sight(act->who, roles, act->tx->pool);
    apr_status_t status = ra_sql_row(act->tx, psubscriber, SUBSCRIBER "a.id = ?", RA_VALUES(ra_v_uuid(id)));

    if (status == APR_ENOENT ||
        (status == APR_SUCCESS && !ra_sight_allows(&sight, ra_json_get_string(*psubscriber, "region"),
                                                   ra_json_get_string(ra_json_get(*psubscriber, "agency"), "id"), NULL))) {
        return ra_refuse(act->tx->result, RA_PROBLEM_NOT_FOUND, NULL);
    }
    if (status == APR_SUCCESS) {
        status = add_part(*psubscriber, act, &sight, "applications", applications_sql);
    }
    if (status == APR_SUCCESS) {
        status = add_part(*psubscriber, act, &sight, "certificates", certificates_sql);
    }
    if (status == APR_SUCCESS) {
        status = add_part(*psubscriber, act, NULL, "changes", changes_sql);
    }
    return status == APR_SUCCESS ? add_latest(*psubscriber, act) : status;
}

/* --- confirmed data --------------------------------------------------------------------------------------------- */

static apr_status_t write_change(const ra_act_t *act, const ra_application_t *application, const char *member, const char *before, const char *after)
{
    if ((!before && !after) || (before && after && strcmp(before, after) == 0)) {
        return APR_SUCCESS;
    }
    return ra_sql_change(act->tx, NULL,
                         "INSERT INTO subscriber_changes (id, subscriber_id, member, old_value, new_value, application_id, confirmed_by, confirmed_at)"
                         " VALUES (?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(6))",
                         RA_VALUES(ra_v_uuid(ra_uuid_make(act->tx->pool)), ra_v_uuid(application->subscriber_id), ra_v_text(member), ra_v_text(before),
                                   ra_v_text(after), ra_v_uuid(application->id), ra_v_uuid(act->who->id)));
}

/* What the record holds; locked until the transaction ends, so that two reviews do not both change from the same value. */
static apr_status_t read_record(ra_json_t **precord, const ra_act_t *act, const ra_application_t *application)
{
    return ra_sql_row(act->tx, precord,
                      "SELECT name AS name, organisation_code AS organisation_code, region AS region, agency_id AS agency_id,"
                      " verified_at AS verified_at FROM subscribers WHERE id = ? FOR UPDATE",
                      RA_VALUES(ra_v_uuid(application->subscriber_id)));
}

static int is_out_of_sight(const ra_act_t *act, const ra_json_t *record)
{
    ra_sight_t sight = ra_principal_sight(act->who, RA_ROLE_REVIEW_OFFICER, act->tx->pool);

    return ra_json_get(record, "verified_at") &&
           !ra_sight_allows(&sight, ra_json_get_string(record, "region"), ra_json_get_string(record, "agency_id"), NULL);
}

apr_status_t ra_subscriber_confirm(const ra_act_t *act, const ra_application_t *application)
{
    const char *name = ra_json_get_string(application->applicant, "name");
    const char *code = ra_json_get_string(ra_json_get(application->applicant, "organisation_code"), "value");
    const struct {
        const char *member;
        const char *value;
    } fresh[] = {{"name", name}, {"organisation_code", code}, {"region", application->region}, {"agency_id", application->agency_id}};
    ra_json_t *record;
    apr_status_t status = read_record(&record, act, application);

    if (status == APR_SUCCESS && is_out_of_sight(act, record)) {
        return ra_refuse(act->tx->result, RA_PROBLEM_REGION_OUTSIDE, "the subscriber's confirmed record is of another region");
    }
    for (size_t i = 0; status == APR_SUCCESS && i < sizeof(fresh) / sizeof(fresh[0]); i++) {
        status = write_change(act, application, fresh[i].member, ra_json_get_string(record, fresh[i].member), fresh[i].value);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    return ra_sql_change(act->tx, NULL,
                         "UPDATE subscribers SET name = ?, name_key = ?, organisation_code = ?, region = ?, agency_id = ?,"
                         " verified_at = UTC_TIMESTAMP(6), updated_at = UTC_TIMESTAMP(6), version = version + 1 WHERE id = ?",
                         RA_VALUES(ra_v_text(name), ra_v_text(ra_text_name_key(name, act->tx->pool)), ra_v_text(code), ra_v_text(application->region),
                                   ra_v_uuid(application->agency_id), ra_v_uuid(application->subscriber_id)));
}
