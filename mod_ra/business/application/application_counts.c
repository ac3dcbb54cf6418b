/* How many applications a filter finds, by state and by business, within a bounded piece of each state. Layer: business. */
#include "business/application/application.h"

#include <apr_strings.h>
#include <string.h>

typedef struct query_t {
    const ra_act_t *act;
    const ra_sight_t *sight;
    ra_application_filter_t found_by; /* the conditions that an index answers together with a state */
    apr_array_header_t *values;       /* of ra_value_t */
} query_t;

#define VALUES_PER_BRANCH (RA_SIGHT_VALUES + RA_APPLICATION_CONDITIONS + 1)

/* The newest of one state. */
static const char *branch(query_t *query, ra_state_e state)
{
    apr_pool_t *pool = query->act->tx->pool;
    ra_value_t values[VALUES_PER_BRANCH];
    int count = 0;
    const char *seen = ra_sight_clause(query->sight, values, &count), *conditions;

    query->found_by.state = ra_state_name(state);
    conditions = ra_application_conditions(&query->found_by, values, &count, pool);
    values[count++] = ra_v_int(RA_APPLICATION_COUNT_MAX + 1);
    for (int i = 0; i < count; i++) {
        APR_ARRAY_PUSH(query->values, ra_value_t) = values[i];
    }
    return apr_pstrcat(pool, "(SELECT a.state, a.business, a.kind FROM applications a WHERE ", seen, conditions, " ORDER BY a.id DESC LIMIT ?)", NULL);
}

/* [{state, business, looked_at, count}]: looked_at tells whether the piece was the whole. */
static apr_status_t read_rows(ra_json_t **prows, const ra_act_t *act, const ra_sight_t *sight, const ra_application_filter_t *filter)
{
    query_t query = {act, sight, *filter, apr_array_make(act->tx->pool, RA_STATE_COUNT * VALUES_PER_BRANCH, sizeof(ra_value_t))};
    const char *sql = "SELECT state AS state, business AS business, COUNT(*) AS looked_at, COUNT(IF(kind = COALESCE(?, kind), 1, NULL)) AS count FROM (";

    query.found_by.kind = query.found_by.business = NULL;
    APR_ARRAY_PUSH(query.values, ra_value_t) = ra_v_text(filter->kind);
    for (int state = 0; state < RA_STATE_COUNT; state++) {
        sql = apr_pstrcat(act->tx->pool, sql, state > 0 ? " UNION ALL " : "", branch(&query, (ra_state_e)state), NULL);
    }
    return ra_sql_rows(act->tx, prows, apr_pstrcat(act->tx->pool, sql, ") t GROUP BY state, business", NULL),
                       (ra_values_t){(const ra_value_t *)query.values->elts, query.values->nelts});
}

static int is_wanted(const char *wanted, const char *value)
{
    return !wanted || strcmp(wanted, value) == 0;
}

/* Counts the rows with member = key; the rows' other member must be @a other, unless that is NULL. */
static void add_count(ra_json_t *list, const ra_json_t *rows, const char *member, const char *key, const char *other_member, const char *other,
                      const int *is_cut)
{
    apr_int64_t count = 0;
    int more = 0;
    ra_json_t *item;

    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        if (is_wanted(key, ra_json_get_string(row, member)) && is_wanted(other, ra_json_get_string(row, other_member))) {
            count += ra_json_get_int(row, "count", 0);
            more |= is_cut[ra_state_of(ra_json_get_string(row, "state"))];
        }
    }
    if (count > 0) {
        item = ra_json_add_object(list);
        ra_json_set_string(item, "key", key);
        ra_json_set_int(item, "count", count);
        ra_json_set_bool(item, "more", more);
    }
}

/* Of which states is only a piece known? */
static void find_cut(int *is_cut, const ra_json_t *rows)
{
    apr_int64_t looked_at[RA_STATE_COUNT + 1] = {0};

    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        looked_at[ra_state_of(ra_json_get_string(row, "state"))] += ra_json_get_int(row, "looked_at", 0);
    }
    for (int state = 0; state <= RA_STATE_COUNT; state++) {
        is_cut[state] = looked_at[state] > RA_APPLICATION_COUNT_MAX;
    }
}

apr_status_t ra_application_counts(ra_json_t **pcounts, const ra_act_t *act, const ra_sight_t *sight, const ra_application_filter_t *filter)
{
    int is_cut[RA_STATE_COUNT + 1];
    ra_json_t *rows, *list;
    apr_status_t status = read_rows(&rows, act, sight, filter);

    *pcounts = ra_json_object_make(act->tx->pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    find_cut(is_cut, rows);
    list = ra_json_set_array(*pcounts, "states");
    for (int state = 0; state < RA_STATE_COUNT; state++) {
        add_count(list, rows, "state", ra_state_name((ra_state_e)state), "business", filter->business, is_cut);
    }
    list = ra_json_set_array(*pcounts, "businesses");
    for (int i = 0; ra_business_at(i); i++) {
        add_count(list, rows, "business", ra_business_at(i)->name, "state", filter->state, is_cut);
    }
    return APR_SUCCESS;
}
