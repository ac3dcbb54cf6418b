/* Subscribers: lists, and one with what belongs to it. Layer: business. Thread rule: as its transaction. */
#include "business/application/subscriber.h"

#include <apr_strings.h>
#include <string.h>

#include "business/application/subscriber_record.h"

/* The join's order is said: the optimiser would rather begin with the few agencies and sort everything. */
#define COLUMNS                                                                                                        \
    "SELECT a.id AS id, a.kind AS kind, a.name AS name, a.social_security_no AS social_security_no,"                   \
    " a.organisation_code AS organisation_code, a.region AS region, g.id AS `agency.id`, g.name AS `agency.name`,"     \
    " a.verified_at AS verified_at, a.version AS version, a.created_at AS created_at, a.updated_at AS updated_at"
#define OF_AGENCY " STRAIGHT_JOIN agencies g ON g.id = a.agency_id WHERE "
#define SUBSCRIBER COLUMNS " FROM subscribers a" OF_AGENCY
#define REACHED_BY                                                                                                     \
    COLUMNS " FROM subscriber_contacts c STRAIGHT_JOIN subscribers a FORCE INDEX (PRIMARY) ON a.id = c.subscriber_id" OF_AGENCY "c.hash = ? AND "

/* --- lists ------------------------------------------------------------------------------------------------------ */

/* The index is named: estimating what the region's would find costs a fifth of a search. */
#define FOUND_BY(index) COLUMNS " FROM subscribers a FORCE INDEX (" index ")" OF_AGENCY

/* What finds the fewest decides. */
static const char *way_of(const ra_subscriber_filter_t *filter, int by_contact)
{
    return by_contact                   ? REACHED_BY
           : filter->social_security_no ? FOUND_BY("subscribers_social_security_no")
           : filter->organisation_code  ? FOUND_BY("subscribers_organisation_code")
           : filter->name_key           ? FOUND_BY("subscribers_name")
                                        : SUBSCRIBER;
}

/* Put together from constants only; every value is bound. The page needs no finding first: each subscriber has one agency. */
apr_status_t ra_subscriber_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_subscriber_filter_t *filter)
{
    const unsigned char *phone = filter->phone ? ra_subscriber_phone_hash(act, filter->phone) : NULL;
    const unsigned char *email = filter->email ? ra_subscriber_email_hash(act, filter->email) : NULL;
    const unsigned char *first = phone ? phone : email;
    const ra_clause_t clauses[] = {
        {" AND a.social_security_no = ?", ra_v_text(filter->social_security_no)},
        {" AND a.organisation_code = ?", ra_v_text(filter->organisation_code)},
        {" AND a.name_key = ?", ra_v_text(filter->name_key)},
        {" AND EXISTS (SELECT 1 FROM subscriber_contacts e WHERE e.hash = ? AND e.subscriber_id = a.id)", ra_v_hash(phone ? email : NULL)},
        {" AND a.id < ?", ra_v_uuid(filter->before_id)},
    };
    ra_value_t values[RA_SIGHT_VALUES + 7];
    int count = 0;
    const char *seen, *sql;

    if (first) {
        values[count++] = ra_v_hash(first);
    }
    seen = ra_sight_clause(sight, values, &count);
    sql = apr_pstrcat(act->tx->pool, way_of(filter, first != NULL), seen, RA_CLAUSES(values, &count, clauses, act->tx->pool),
                      first ? " ORDER BY c.subscriber_id DESC LIMIT ?" : " ORDER BY a.id DESC LIMIT ?", NULL);
    values[count++] = ra_v_int(filter->limit + 1);
    return ra_sql_rows(act->tx, pitems, sql, (ra_values_t){values, count});
}

/* --- one -------------------------------------------------------------------------------------------------------- */

/* A list that is shown with a subscriber. */
typedef struct part_t {
    const char *name;
    const char *select;
    apr_status_t (*shape)(ra_json_t *item, const ra_act_t *act, const ra_json_t *row); /* NULL: the row is the item */
} part_t;

/* Newest first, at most RA_SUBSCRIBER_PART_MAX, each in sight; `more` says that there are others. */
static apr_status_t add_part(ra_json_t *subscriber, const ra_act_t *act, const ra_sight_t *sight, const part_t *what)
{
    ra_value_t values[RA_SIGHT_VALUES + 2];
    int count = 0, added = 0;
    const char *sql;
    ra_json_t *rows, *part, *items;
    apr_status_t status;

    values[count++] = ra_v_uuid(ra_json_get_string(subscriber, "id"));
    sql = sight ? apr_pstrcat(act->tx->pool, what->select, " AND ", ra_sight_clause(sight, values, &count), NULL) : what->select;
    values[count++] = ra_v_int(RA_SUBSCRIBER_PART_MAX + 1);
    status = ra_sql_rows(act->tx, &rows, apr_pstrcat(act->tx->pool, sql, " ORDER BY a.id DESC LIMIT ?", NULL), (ra_values_t){values, count});
    if (status != APR_SUCCESS) {
        return status;
    }
    part = ra_json_set_object(subscriber, what->name);
    items = ra_json_set_array(part, "items");
    for (const ra_json_t *row = ra_json_first(rows); status == APR_SUCCESS && row && added < RA_SUBSCRIBER_PART_MAX; row = ra_json_next(row), added++) {
        if (what->shape) {
            status = what->shape(ra_json_add_object(items), act, row);
        } else {
            ra_json_add_copy(items, row);
        }
    }
    ra_json_set_bool(part, "more", ra_json_size(rows) > RA_SUBSCRIBER_PART_MAX);
    return status;
}

static void take_over(ra_json_t *subscriber, const ra_json_t *from)
{
    static const char *const members[] = {"contact", "tier", "project"};

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        ra_json_set_copy(subscriber, members[i], ra_json_get(from, members[i]));
    }
}

/* Contact, tier and project of the record, or of the newest application in sight as long as the record has none; the ID document is that one's always. */
static apr_status_t add_reach(ra_json_t *subscriber, const ra_act_t *act)
{
    const char *newest = ra_json_get_string(ra_json_first(ra_json_get(ra_json_get(subscriber, "applications"), "items")), "id");
    ra_application_t *application;
    ra_json_t *form = NULL, *reach;
    const ra_json_t *applied;
    apr_status_t status = newest ? ra_application_read(&application, act, newest) : APR_SUCCESS;

    if (status == APR_SUCCESS && newest) {
        status = ra_application_form(&form, act, application);
    }
    if (status == APR_SUCCESS) {
        status = ra_subscriber_reach(&reach, act, ra_json_get_string(subscriber, "id"));
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    applied = ra_json_get(form, "subscriber");
    take_over(subscriber, reach ? reach : applied);
    ra_json_set_copy(subscriber, "id_document", ra_json_get(applied, "id_document"));
    return APR_SUCCESS;
}

static const part_t applications = {
    "applications",
    "SELECT a.id AS id, a.number AS number, a.business AS business, a.kind AS kind, a.cert_usage AS `usage`, a.state AS state,"
    " a.subject_name AS subject_name, a.created_at AS created_at, a.updated_at AS updated_at FROM applications a WHERE a.subscriber_id = ?",
    NULL,
};

static const part_t certificates = {
    "certificates",
    "SELECT a.id AS id, a.application_id AS application_id, a.kind AS kind, a.cert_usage AS `usage`, a.serial AS serial,"
    " a.subject_name AS subject_name, a.not_before AS not_before, a.not_after AS not_after,"
    " CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN suspended_at IS NOT NULL THEN 'suspended'"
    " WHEN not_after <= UTC_TIMESTAMP(6) THEN 'expired' WHEN not_before > UTC_TIMESTAMP(6) THEN 'not_yet_valid' ELSE 'valid' END AS status"
    " FROM certificates a WHERE a.subscriber_id = ?",
    NULL,
};

static const part_t changes = {
    "changes",
    "SELECT " RA_SUBSCRIBER_CHANGE_COLUMNS ", p.name AS `confirmed_by.name`"
    " FROM subscriber_changes a JOIN principals p ON p.id = a.confirmed_by WHERE a.subscriber_id = ?",
    ra_subscriber_change_json,
};

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
        status = add_part(*psubscriber, act, &sight, &applications);
    }
    if (status == APR_SUCCESS) {
        status = add_part(*psubscriber, act, &sight, &certificates);
    }
    if (status == APR_SUCCESS) {
        status = add_part(*psubscriber, act, NULL, &changes);
    }
    return status == APR_SUCCESS ? add_reach(*psubscriber, act) : status;
}
