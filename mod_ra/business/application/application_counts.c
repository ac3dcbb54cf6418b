/* How many applications a filter finds, by state and by business, within a bounded piece of each state. Layer: business. */
#include <apr_strings.h>
#include <string.h>

#include "business/application/application.h"
#include "business/application/facets.h"

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
    values[count++] = ra_v_int(RA_FACET_COUNT_MAX + 1);
    for (int i = 0; i < count; i++) {
        APR_ARRAY_PUSH(query->values, ra_value_t) = values[i];
    }
    return apr_pstrcat(pool, "(SELECT a.state, a.business, a.kind FROM applications a WHERE ", seen, conditions, " ORDER BY a.id DESC LIMIT ?)", NULL);
}

/* [{state, business, count, more}] */
static apr_status_t read_rows(ra_json_t **prows, const ra_act_t *act, const ra_sight_t *sight, const ra_application_filter_t *filter)
{
    query_t query = {act, sight, *filter, apr_array_make(act->tx->pool, RA_STATE_COUNT * VALUES_PER_BRANCH, sizeof(ra_value_t))};
    const char *sql = "SELECT state AS state, business AS business, COUNT(IF(kind = COALESCE(?, kind), 1, NULL)) AS count" RA_FACET_MORE("state") " FROM (";

    query.found_by.kind = query.found_by.business = NULL;
    APR_ARRAY_PUSH(query.values, ra_value_t) = ra_v_text(filter->kind);
    APR_ARRAY_PUSH(query.values, ra_value_t) = ra_v_int(RA_FACET_COUNT_MAX + 1);
    for (int state = 0; state < RA_STATE_COUNT; state++) {
        sql = apr_pstrcat(act->tx->pool, sql, state > 0 ? " UNION ALL " : "", branch(&query, (ra_state_e)state), NULL);
    }
    return ra_sql_rows(act->tx, prows, apr_pstrcat(act->tx->pool, sql, ") t GROUP BY state, business", NULL),
                       (ra_values_t){(const ra_value_t *)query.values->elts, query.values->nelts});
}

static apr_array_header_t *all_states(apr_pool_t *pool)
{
    apr_array_header_t *keys = apr_array_make(pool, RA_STATE_COUNT, sizeof(const char *));

    for (int state = 0; state < RA_STATE_COUNT; state++) {
        APR_ARRAY_PUSH(keys, const char *) = ra_state_name((ra_state_e)state);
    }
    return keys;
}

static apr_array_header_t *all_businesses(apr_pool_t *pool)
{
    apr_array_header_t *keys = apr_array_make(pool, 16, sizeof(const char *));

    for (int i = 0; ra_business_at(i); i++) {
        APR_ARRAY_PUSH(keys, const char *) = ra_business_at(i)->name;
    }
    return keys;
}

apr_status_t ra_application_counts(ra_json_t **pcounts, const ra_act_t *act, const ra_sight_t *sight, const ra_application_filter_t *filter)
{
    ra_json_t *rows;
    apr_status_t status = read_rows(&rows, act, sight, filter);

    *pcounts = ra_json_object_make(act->tx->pool);
    if (status != APR_SUCCESS) {
        return status;
    }
    ra_facet_add(*pcounts, rows, &(ra_facet_t){"states", "state", "count", "business", filter->business}, all_states(act->tx->pool));
    ra_facet_add(*pcounts, rows, &(ra_facet_t){"businesses", "business", "count", "state", filter->state}, all_businesses(act->tx->pool));
    return APR_SUCCESS;
}
