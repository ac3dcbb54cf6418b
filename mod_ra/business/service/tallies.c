/* Tallies of applications (see tallies.h). Layer: business. Thread rule: the duty in the watchdog's thread, reading as its transaction. */
#include "business/service/tallies.h"

#include <apr_strings.h>
#include <string.h>

#include "business/lifecycle/lifecycle.h"

#define PORTION_MAX 200                         /* applications that are locked at a time */
#define RUN_TIME_MAX apr_time_from_sec(4)       /* of one run; the rest has its turn in the next */
#define DAY_OF "DATE(a.created_at + INTERVAL 8 HOUR)" /* days are those of the people who work: China Standard Time */

/* 'completed', 'withdrawn' */
static const char *closed_states(apr_pool_t *pool)
{
    const char *list = "";

    for (int state = 0; state < RA_STATE_COUNT; state++) {
        if (ra_state_is_closed((ra_state_e)state)) {
            list = apr_pstrcat(pool, list, *list ? ", '" : "'", ra_state_name((ra_state_e)state), "'", NULL);
        }
    }
    return list;
}

/* --- taking over ------------------------------------------------------------------------------------------------ */

typedef struct run_t {
    int count; /* applications of the last portion */
} run_t;

/* The portion goes back to the database as it was read: what becomes of an application meanwhile is for the next one. */
#define FIND                                                                                                           \
    "SELECT a.id AS i, a.version AS v, a.counted_version AS c, " DAY_OF " AS d, a.region AS r, a.business AS b, CAST(a.kind AS CHAR) AS k, a.state AS s" \
    " FROM applications a FORCE INDEX (applications_uncounted) WHERE a.uncounted = 1 ORDER BY a.id LIMIT ?"
#define PORTION                                                                                                        \
    "JSON_TABLE(?, '$[*]' COLUMNS (i CHAR(36) CHARACTER SET ascii PATH '$.i', v BIGINT PATH '$.v', c BIGINT PATH '$.c', d DATE PATH '$.d'," \
    " r VARCHAR(6) CHARACTER SET ascii PATH '$.r', b VARCHAR(32) CHARACTER SET ascii PATH '$.b', k VARCHAR(16) CHARACTER SET ascii PATH '$.k'," \
    " s VARCHAR(32) CHARACTER SET ascii PATH '$.s')) j"
#define ID "UNHEX(REPLACE(j.i, '-', ''))"

/* Compare-and-set: of two children that found the same applications one takes them over. */
#define CLAIM                                                                                                          \
    "UPDATE " PORTION " STRAIGHT_JOIN applications a ON a.id = " ID " SET a.counted_version = j.v WHERE a.counted_version = j.c"

/* What they were counted as goes, what they are now comes; where that is the same nothing is written. */
#define ADD                                                                                                            \
    "INSERT INTO application_tallies (scope, property, day, value, total, still_open)"                                 \
    " SELECT LEFT(x.region, l.digits), p.property, x.day,"                                                             \
    " CASE p.property WHEN 'business' THEN x.business WHEN 'state' THEN x.state WHEN 'kind' THEN x.kind ELSE x.region END AS value," \
    " SUM(x.one) AS total, SUM(IF(x.state IN ("
#define TO_TALLIES                                                                                                     \
    "), 0, x.one)) AS still_open FROM"                                                                                 \
    " (SELECT j.d AS day, j.r AS region, j.b AS business, j.k AS kind, j.s AS state, 1 AS one FROM " PORTION           \
    " UNION ALL SELECT c.day, c.region, c.business, c.kind, c.state, -1 FROM " PORTION                                 \
    " STRAIGHT_JOIN application_counted c ON c.application_id = " ID ") x"                                             \
    " JOIN (SELECT 0 AS digits UNION ALL SELECT 2 UNION ALL SELECT 4 UNION ALL SELECT 6) l"                            \
    " JOIN (SELECT 'business' AS property UNION ALL SELECT 'state' UNION ALL SELECT 'kind' UNION ALL SELECT 'region') p" \
    " GROUP BY 1, 2, 3, 4 HAVING total <> 0 OR still_open <> 0"                                                        \
    " ON DUPLICATE KEY UPDATE total = application_tallies.total + VALUES(total), still_open = application_tallies.still_open + VALUES(still_open)"

#define REMEMBER                                                                                                       \
    "INSERT INTO application_counted (application_id, day, region, business, kind, state) SELECT " ID ", j.d, j.r, j.b, j.k, j.s FROM " PORTION \
    " ON DUPLICATE KEY UPDATE day = VALUES(day), region = VALUES(region), business = VALUES(business), kind = VALUES(kind), state = VALUES(state)"

static apr_status_t take_over(ra_tx_t *tx, const char *portion, int count)
{
    ra_value_t list = ra_v_text(portion);
    apr_uint64_t affected = 0;
    apr_status_t status = ra_sql_change(tx, &affected, CLAIM, RA_VALUES(list));

    if (status == APR_SUCCESS && affected != (apr_uint64_t)count) {
        return RA_ERETRY;
    }
    if (status == APR_SUCCESS) {
        status = ra_sql_change(tx, NULL, apr_pstrcat(tx->pool, ADD, closed_states(tx->pool), TO_TALLIES, NULL), RA_VALUES(list, list));
    }
    return status == APR_SUCCESS ? ra_sql_change(tx, NULL, REMEMBER, RA_VALUES(list)) : status;
}

static apr_status_t portion_body(ra_tx_t *tx, void *baton)
{
    run_t *run = baton;
    ra_json_t *rows;
    apr_status_t status = ra_sql_rows(tx, &rows, FIND, RA_VALUES(ra_v_int(PORTION_MAX)));

    run->count = status == APR_SUCCESS ? ra_json_size(rows) : 0;
    return run->count > 0 ? take_over(tx, ra_json_print(rows, tx->pool), run->count) : status;
}

apr_status_t ra_tallies_run(ra_t *ra, ra_result_t *result, apr_pool_t *pool)
{
    apr_time_t end = apr_time_now() + RUN_TIME_MAX;
    run_t run = {0};
    apr_status_t status;

    do {
        status = ra_store_run(ra->store, RA_TX_WRITE, portion_body, &run, result, pool);
    } while (status == APR_SUCCESS && run.count == PORTION_MAX && apr_time_now() < end);
    return status;
}

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* What is asked for, the property that has it, and the key out of value and day. A week is named as ISO 8601 does. */
static const struct {
    const char *by;
    const char *property;
    const char *key;
} keys[] = {
    {"business", "business", "x.value"},
    {"state", "state", "x.value"},
    {"step", "state", NULL}, /* the step that is awaited; what awaits none keeps its state */
    {"region", "region", "x.value"},
    {"kind", "kind", "x.value"},
    {"week", "kind", "DATE_FORMAT(x.day, '%x-W%v')"},
};

static int key_at(const char *by)
{
    int i = 0;

    while (strcmp(keys[i].by, by) != 0) {
        i++;
    }
    return i;
}

static const char *awaited_step(apr_pool_t *pool)
{
    const char *key = "CASE x.value";

    for (int step = 0; step < RA_STEP_COUNT; step++) {
        key = apr_pstrcat(pool, key, " WHEN '", ra_state_name((ra_state_e)step), "' THEN '", ra_step_name((ra_step_e)step), "'", NULL);
    }
    return apr_pstrcat(pool, key, " ELSE x.value END", NULL);
}

/* The days asked for, of a column; their values are bound behind it. */
static const char *days(const char *column, const char *from, const char *to, ra_value_t *values, int *pcount, apr_pool_t *pool)
{
    if (from) {
        values[(*pcount)++] = ra_v_text(from);
    }
    if (to) {
        values[(*pcount)++] = ra_v_text(to);
    }
    return apr_pstrcat(pool, column, from ? " >= CAST(? AS DATE)" : " >= DATE(UTC_TIMESTAMP() + INTERVAL 8 HOUR) - INTERVAL 366 DAY",
                       to ? apr_pstrcat(pool, " AND ", column, " <= CAST(? AS DATE)", NULL) : "", NULL);
}

/* Both pictures of the applications that wait to be taken over: as they are, and as the tallies have them. */
#define WAITING " FROM applications a FORCE INDEX (applications_uncounted)"

static const char *both_pictures(const char *property, const char *seen, apr_pool_t *pool)
{
    const char *closed = closed_states(pool);

    return apr_pstrcat(pool, " UNION ALL SELECT a.", property, ", " DAY_OF ", 1, IF(a.state IN (", closed, "), 0, 1)" WAITING " WHERE a.uncounted = 1 AND ", seen,
                       " UNION ALL SELECT c.", property, ", c.day, -1, IF(c.state IN (", closed, "), 0, -1)" WAITING
                       " STRAIGHT_JOIN application_counted c ON c.application_id = a.id WHERE a.uncounted = 1 AND c.region LIKE CONCAT(?, '%')", NULL);
}

#define VALUES_MAX (RA_SIGHT_VALUES + 6)

apr_status_t ra_tallies_read(ra_json_t **pitems, const ra_act_t *act, const ra_sight_t *sight, const char *by, const char *from, const char *to)
{
    apr_pool_t *pool = act->tx->pool;
    const char *scope = sight->everything ? "" : sight->region_prefix, *tallied, *waiting, *asked;
    int which = key_at(by), count = 0;
    ra_value_t values[VALUES_MAX];

    if (!scope) {
        *pitems = ra_json_array_make(pool);
        return APR_SUCCESS;
    }
    values[count++] = ra_v_text(scope);
    tallied = days("t.day", from, to, values, &count, pool);
    waiting = both_pictures(keys[which].property, ra_sight_clause(sight, values, &count), pool);
    values[count++] = ra_v_text(scope);
    asked = days("x.day", from, to, values, &count, pool);
    return ra_sql_rows(act->tx, pitems,
                       apr_pstrcat(pool, "SELECT ", keys[which].key ? keys[which].key : awaited_step(pool),
                                   " AS `key`, SUM(x.total) AS count, SUM(x.still_open) AS open FROM"
                                   " (SELECT t.value, t.day, t.total, t.still_open FROM application_tallies t WHERE t.scope = ? AND t.property = '",
                                   keys[which].property, "' AND ", tallied, waiting, ") x WHERE ", asked, " GROUP BY 1 HAVING count > 0 ORDER BY 1", NULL),
                       (ra_values_t){values, count});
}
