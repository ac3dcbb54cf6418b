/* Subscribers: lists, and one with what belongs to it. Layer: business. Thread rule: as its transaction. */
#include "business/application/subscriber.h"

#include <apr_strings.h>
#include <string.h>

#include "business/application/facets.h"
#include "business/application/subscriber_record.h"

/* The join's order is said: the optimiser would rather begin with the few agencies and sort everything. */
#define COLUMNS                                                                                                        \
    "SELECT a.id AS id, a.kind AS kind, a.name AS name, a.social_security_no AS social_security_no,"                   \
    " a.organisation_code AS organisation_code, a.region AS region, g.id AS `agency.id`, g.name AS `agency.name`,"     \
    " a.verified_at AS verified_at, a.version AS version, a.created_at AS created_at, a.updated_at AS updated_at"
#define OF_AGENCY " STRAIGHT_JOIN agencies g ON g.id = a.agency_id"
#define SUBSCRIBER COLUMNS " FROM subscribers a" OF_AGENCY " WHERE "

/* --- lists ------------------------------------------------------------------------------------------------------ */

/* The index is named: estimating what the region's would find costs a fifth of a search. */
#define FOUND_BY(index) "subscribers a FORCE INDEX (" index ")"
#define REACHED_BY "subscriber_contacts c STRAIGHT_JOIN subscribers a FORCE INDEX (PRIMARY) ON a.id = c.subscriber_id"

/* What is looked for, without kind and region. */
typedef struct search_t {
    const ra_act_t *act;
    const ra_sight_t *sight;
    const ra_subscriber_filter_t *filter;
    const unsigned char *phone;
    const unsigned char *email;
} search_t;

#define SEARCH_VALUES (RA_SIGHT_VALUES + 9) /* at most */

static search_t search_of(const ra_act_t *act, const ra_sight_t *sight, const ra_subscriber_filter_t *filter)
{
    return (search_t){act, sight, filter, filter->phone ? ra_subscriber_phone_hash(act, filter->phone) : NULL,
                      filter->email ? ra_subscriber_email_hash(act, filter->email) : NULL};
}

/* What finds the fewest decides. */
static const char *way_of(const search_t *search)
{
    const ra_subscriber_filter_t *filter = search->filter;

    return search->phone || search->email ? REACHED_BY
           : filter->social_security_no   ? FOUND_BY("subscribers_social_security_no")
           : filter->organisation_code    ? FOUND_BY("subscribers_organisation_code")
           : filter->name_key             ? FOUND_BY("subscribers_name")
                                          : "subscribers a";
}

/* The conditions with WHERE, from the newest on. Put together from constants only; every value is bound. */
static const char *found(const search_t *search, const char *kind, const char *region, int limit, ra_value_t *values, int *pcount)
{
    const ra_subscriber_filter_t *filter = search->filter;
    const unsigned char *first = search->phone ? search->phone : search->email;
    const ra_clause_t clauses[] = {
        {" AND a.social_security_no = ?", ra_v_text(filter->social_security_no)},
        {" AND a.organisation_code = ?", ra_v_text(filter->organisation_code)},
        {" AND a.name_key = ?", ra_v_text(filter->name_key)},
        {" AND EXISTS (SELECT 1 FROM subscriber_contacts e WHERE e.hash = ? AND e.subscriber_id = a.id)",
         ra_v_hash(search->phone ? search->email : NULL)},
        {" AND a.kind = ?", ra_v_text(kind)},
        {ra_region_clause(region), ra_v_text(region)},
        {" AND a.id < ?", ra_v_uuid(filter->before_id)},
    };
    const char *seen, *sql;

    if (first) {
        values[(*pcount)++] = ra_v_hash(first);
    }
    seen = ra_sight_clause(search->sight, values, pcount);
    sql = apr_pstrcat(search->act->tx->pool, first ? " WHERE c.hash = ? AND " : " WHERE ", seen, RA_CLAUSES(values, pcount, clauses, search->act->tx->pool),
                      first ? " ORDER BY c.subscriber_id DESC LIMIT ?" : " ORDER BY a.id DESC LIMIT ?", NULL);
    values[(*pcount)++] = ra_v_int(limit + 1);
    return sql;
}

/* The page needs no finding first: each subscriber has one agency. */
apr_status_t ra_subscriber_list(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const ra_subscriber_filter_t *filter)
{
    search_t search = search_of(act, sight, filter);
    ra_value_t values[SEARCH_VALUES];
    int count = 0;
    const char *where = found(&search, filter->kind, filter->region, filter->limit, values, &count);

    return ra_sql_rows(act->tx, pitems, apr_pstrcat(act->tx->pool, COLUMNS " FROM ", way_of(&search), OF_AGENCY, where, NULL), (ra_values_t){values, count});
}

static const char *const kinds[] = {"organisation", "person"};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

apr_status_t ra_subscriber_counts(ra_json_t **pcounts, const ra_act_t *act, const ra_sight_t *sight, const ra_subscriber_filter_t *filter)
{
    apr_pool_t *pool = act->tx->pool;
    search_t search = search_of(act, sight, filter);
    ra_value_t values[KINDS * SEARCH_VALUES + 2];
    int count = 0;
    const char *sql = "SELECT kind AS kind, region_4 AS region, COUNT(*) AS count, COUNT(IF(region LIKE ?, 1, NULL)) AS here" RA_FACET_MORE("kind") " FROM (";
    ra_json_t *rows;
    apr_status_t status;

    values[count++] = ra_v_text(apr_pstrcat(pool, filter->region ? filter->region : "", "%", NULL));
    values[count++] = ra_v_int(RA_FACET_COUNT_MAX + 1);
    for (size_t i = 0; i < KINDS; i++) {
        const char *where = found(&search, kinds[i], NULL, RA_FACET_COUNT_MAX, values, &count);

        sql = apr_pstrcat(pool, sql, i > 0 ? " UNION ALL " : "", "(SELECT a.kind, a.region, a.region_4 FROM ", way_of(&search), where, ")", NULL);
    }
    status = ra_sql_rows(act->tx, &rows, apr_pstrcat(pool, sql, ") t GROUP BY kind, region_4 ORDER BY region_4, kind", NULL), (ra_values_t){values, count});
    *pcounts = ra_json_object_make(pool);
    if (status == APR_SUCCESS) {
        ra_facet_add(*pcounts, rows, &(ra_facet_t){"kinds", "kind", "here", NULL, NULL}, ra_facet_keys(rows, "kind", pool));
        ra_facet_add(*pcounts, rows, &(ra_facet_t){"regions", "region", "count", "kind", filter->kind}, ra_facet_keys(rows, "region", pool));
    }
    return status;
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
