/* Offices and agencies. Layer: business. */
#include "base/ident.h"
#include "base/text.h"
#include "business/people/directory.h"

/* An office or an agency: two tables of one shape. */
typedef struct place_t {
    const char *insert;
    const char *select;
    const char *list;
    int has_kind;
} place_t;

static const place_t office = {
    "INSERT INTO offices (id, name, region, kind, created_at) VALUES (?, ?, ?, ?, UTC_TIMESTAMP(6))",
    "SELECT id AS id, name AS name, kind AS kind, region AS region, created_at AS created_at FROM offices WHERE id = ?",
    "SELECT id AS id, name AS name, kind AS kind, region AS region, created_at AS created_at FROM offices WHERE id < ? ORDER BY id DESC LIMIT ?",
    1,
};
static const place_t agency = {
    "INSERT INTO agencies (id, name, region, created_at) VALUES (?, ?, ?, UTC_TIMESTAMP(6))",
    "SELECT id AS id, name AS name, region AS region, created_at AS created_at FROM agencies WHERE id = ?",
    "SELECT id AS id, name AS name, region AS region, created_at AS created_at FROM agencies WHERE id < ? ORDER BY id DESC LIMIT ?",
    0,
};

static apr_status_t add(ra_json_t **pplace, const ra_act_t *act, const place_t *place, const ra_json_t *form)
{
    const char *id = ra_uuid_make(act->tx->pool);
    const char *name = ra_text_clean(ra_json_get_string(form, "name"), act->tx->pool);
    ra_value_t values[] = {ra_v_uuid(id), ra_v_text(name), ra_v_text(ra_json_get_string(form, "region")), ra_v_text(ra_json_get_string(form, "kind"))};
    apr_status_t status;

    if (!name || ra_text_is_deceptive(name)) {
        ra_result_violation(act->tx->result, "/name", RA_VIOLATION_DECEPTIVE_CHARACTERS);
        return ra_refuse(act->tx->result, RA_PROBLEM_DECEPTIVE_NAME, NULL);
    }
    status = ra_sql_change(act->tx, NULL, place->insert, (ra_values_t){values, place->has_kind ? 4 : 3});
    if (status == APR_EEXIST) {
        ra_result_violation(act->tx->result, "/name", RA_VIOLATION_TAKEN);
        return ra_refuse(act->tx->result, RA_PROBLEM_DUPLICATE_NAME, NULL);
    }
    return status == APR_SUCCESS ? ra_sql_row(act->tx, pplace, place->select, RA_VALUES(ra_v_uuid(id))) : status;
}

static apr_status_t list(ra_json_t **pitems, const ra_act_t *act, const place_t *place, const char *before_id, int limit)
{
    const char *below = before_id ? before_id : "ffffffff-ffff-ffff-ffff-ffffffffffff";

    return ra_sql_rows(act->tx, pitems, place->list, RA_VALUES(ra_v_uuid(below), ra_v_int(limit + 1)));
}

apr_status_t ra_office_add(ra_json_t **pplace, const ra_act_t *act, const ra_json_t *form)
{
    return add(pplace, act, &office, form);
}

apr_status_t ra_agency_add(ra_json_t **pplace, const ra_act_t *act, const ra_json_t *form)
{
    return add(pplace, act, &agency, form);
}

apr_status_t ra_office_list(ra_json_t **pitems, const ra_act_t *act, const char *before_id, int limit)
{
    return list(pitems, act, &office, before_id, limit);
}

apr_status_t ra_agency_list(ra_json_t **pitems, const ra_act_t *act, const char *before_id, int limit)
{
    return list(pitems, act, &agency, before_id, limit);
}
