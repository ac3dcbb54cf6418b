/* The next hand: openings of the engine as one statement. Layer: business. */
#include "business/lifecycle/tasks.h"

#include <apr_strings.h>
#include <string.h>

#include "business/lifecycle/blocks.h"

/* Where the hand of each step is kept (as in application.c); NULL: the RA's own step, nobody's hand. */
static const char *const hand_columns[RA_STEP_COUNT] = {
    [RA_STEP_AGENCY_DECISION] = "agency_by", [RA_STEP_ACCEPTANCE] = "accepted_by",     [RA_STEP_ENTRY] = "entered_by",
    [RA_STEP_REVIEW] = "reviewed_by",        [RA_STEP_PRODUCTION] = "produced_by",     [RA_STEP_OPERATION] = "operated_by",
    [RA_STEP_HANDOVER] = "handed_by",        [RA_STEP_REGISTRATION] = "registered_by", [RA_STEP_ARCHIVE] = "archived_by",
    [RA_STEP_COMPLETION] = "completed_by",
};

/* Openings that differ in nothing but the business: one branch of the statement. */
typedef struct branch_t {
    ra_opening_t opening;
    const char *businesses; /* 'issue', 'renew' */
} branch_t;

#define VALUES_PER_BRANCH (RA_SIGHT_VALUES + RA_STEP_COUNT + 2 * RA_BLOCK_VALUES + 5)

typedef struct query_t {
    const ra_act_t *act;
    const ra_task_filter_t *filter;
    apr_array_header_t *branches; /* of branch_t */
    apr_array_header_t *values;   /* of ra_value_t */
} query_t;

static int is_same_condition(const ra_opening_t *a, const ra_opening_t *b)
{
    return a->state == b->state && (a->state != RA_STATE_REJECTED || a->rejected_step == b->rejected_step) && a->step == b->step &&
           a->roles == b->roles && a->excluded_hands == b->excluded_hands && a->required_hand == b->required_hand && a->not_own == b->not_own &&
           a->own_agency == b->own_agency;
}

static void add_opening(void *baton, const ra_opening_t *opening)
{
    query_t *query = baton;
    apr_pool_t *pool = query->act->tx->pool;
    branch_t *branch;

    if (query->filter->step != RA_STEP_NONE && query->filter->step != opening->step) {
        return;
    }
    for (int i = 0; i < query->branches->nelts; i++) {
        branch = &APR_ARRAY_IDX(query->branches, i, branch_t);
        if (is_same_condition(&branch->opening, opening)) {
            branch->businesses = apr_pstrcat(pool, branch->businesses, ", '", opening->business->name, "'", NULL);
            return;
        }
    }
    branch = apr_array_push(query->branches);
    branch->opening = *opening;
    branch->businesses = apr_pstrcat(pool, "'", opening->business->name, "'", NULL);
}

static void bind_value(query_t *query, ra_value_t value)
{
    APR_ARRAY_PUSH(query->values, ra_value_t) = value;
}

/* The sight in which the step may be done. */
static const char *sight_clause(query_t *query, const ra_opening_t *opening)
{
    ra_sight_t sight = ra_principal_sight(query->act->who, opening->roles, query->act->tx->pool);
    ra_value_t values[RA_SIGHT_VALUES];
    int count = 0;
    const char *clause = ra_sight_clause(&sight, values, &count);

    for (int i = 0; i < count; i++) {
        bind_value(query, values[i]);
    }
    return clause;
}

/* What is in the way at this branch, NULL in SQL where nothing is; NULL: nothing can be. */
static const char *block_expression(query_t *query, const branch_t *branch)
{
    ra_value_t values[RA_BLOCK_VALUES];
    int count = 0;
    const char *expression = ra_block_expression(branch->opening.step, query->act->who, values, &count, query->act->tx->pool);

    for (int i = 0; i < count; i++) {
        bind_value(query, values[i]);
    }
    return expression;
}

/* A hand that nobody keeps is nobody's: it excludes no one, and nobody is it. */
static const char *hands_clause(query_t *query, const ra_opening_t *opening)
{
    apr_pool_t *pool = query->act->tx->pool;
    const char *me = query->act->who->id, *clause = "";

    for (int i = 0; i < RA_STEP_COUNT; i++) {
        if ((opening->excluded_hands & (1u << i)) && hand_columns[i]) {
            clause = apr_pstrcat(pool, clause, " AND NOT (a.", hand_columns[i], " <=> ?)", NULL);
            bind_value(query, ra_v_uuid(me));
        }
    }
    if (opening->required_hand != RA_STEP_NONE) {
        const char *column = hand_columns[opening->required_hand];

        clause = apr_pstrcat(pool, clause, column ? " AND a." : " AND 1 = 0", column ? column : "", column ? " = ?" : "", NULL);
        if (column) {
            bind_value(query, ra_v_uuid(me));
        }
    }
    if (opening->not_own) {
        clause = apr_pstrcat(pool, clause, " AND a.submitted_by <> ?", NULL);
        bind_value(query, ra_v_uuid(me));
    }
    if (opening->own_agency) {
        clause = apr_pstrcat(pool, clause, " AND a.agency_id = ?", NULL);
        bind_value(query, ra_v_uuid(query->act->who->agency_id));
    }
    return clause;
}

/* FROM and WHERE of one branch: names of states, steps and businesses are constants of the table, everything else is bound. */
static const char *branch_clause(query_t *query, const branch_t *branch)
{
    const ra_opening_t *opening = &branch->opening;
    apr_pool_t *pool = query->act->tx->pool;
    const char *rejected = opening->state != RA_STATE_REJECTED
                               ? ""
                               : apr_pstrcat(pool, " AND a.rejected_step = '", ra_step_name(opening->rejected_step), "'", NULL);
    const char *sight = sight_clause(query, opening);

    /* Few applications wait: they are found by their state, not by walking through all of them in the order of their ids. */
    return apr_pstrcat(pool, " FROM applications a IGNORE INDEX FOR ORDER BY (PRIMARY) WHERE a.state = '", ra_state_name(opening->state), "'", rejected, " AND ", sight,
                       " AND a.business IN (", branch->businesses, ")", hands_clause(query, opening), NULL);
}

static void start(query_t *query, const ra_act_t *act, const ra_task_filter_t *filter)
{
    ra_actor_t actor = ra_principal_actor(act->who);

    query->act = act;
    query->filter = filter;
    query->branches = apr_array_make(act->tx->pool, 16, sizeof(branch_t));
    query->values = apr_array_make(act->tx->pool, 16 * VALUES_PER_BRANCH, sizeof(ra_value_t));
    ra_lifecycle_openings(&actor, add_opening, query);
}

static ra_values_t values_of(const query_t *query)
{
    return (ra_values_t){(const ra_value_t *)query->values->elts, query->values->nelts};
}

#define TASK                                                                                                           \
    "SELECT a.id AS id, t.step AS step, a.number AS number, a.business AS business, a.kind AS kind, a.cert_usage AS `usage`," \
    " a.state AS state, a.subject_name AS subject_name, a.region AS region, a.subscriber_id AS `subscriber.id`,"       \
    " JSON_VALUE(a.applicant, '$.name') AS `subscriber.name`, a.social_security_no AS `subscriber.social_security_no`," \
    " a.version AS version, a.created_at AS created_at, a.updated_at AS since, "

/* One SELECT of the oldest of a branch; NULL when nothing of it can be blocked and only that is asked for. */
static const char *list_branch(query_t *query, const branch_t *branch)
{
    const ra_task_filter_t *filter = query->filter;
    apr_pool_t *pool = query->act->tx->pool;
    const char *reason = filter->blocked ? block_expression(query, branch) : NULL, *from, *block;

    if (filter->blocked && !reason) {
        return NULL;
    }
    from = branch_clause(query, branch);
    block = block_expression(query, branch);
    if (filter->after_id) {
        bind_value(query, ra_v_uuid(filter->after_id));
    }
    bind_value(query, ra_v_int(filter->limit + 1));
    return apr_pstrcat(pool, "(SELECT a.id, '", ra_step_name(branch->opening.step), "' AS step, ", reason ? reason : "NULL", " AS blocked_by", from,
                       block ? " AND " : "", block ? block : "", block ? filter->blocked ? " IS NOT NULL" : " IS NULL" : "",
                       filter->after_id ? " AND a.id > ?" : "", " ORDER BY a.id LIMIT ?)", NULL);
}

/* Each branch gives its oldest; of these the oldest are the page. */
apr_status_t ra_task_list(ra_json_t **pitems, const ra_act_t *act, const ra_task_filter_t *filter)
{
    query_t query;
    apr_pool_t *pool = act->tx->pool;
    const char *branches = NULL;

    start(&query, act, filter);
    for (int i = 0; i < query.branches->nelts; i++) {
        const char *branch = list_branch(&query, &APR_ARRAY_IDX(query.branches, i, branch_t));

        branches = branches && branch ? apr_pstrcat(pool, branches, " UNION ALL ", branch, NULL) : branch ? branch : branches;
    }
    if (!branches) {
        *pitems = ra_json_array_make(pool);
        return APR_SUCCESS;
    }
    bind_value(&query, ra_v_int(filter->limit + 1));
    return ra_sql_rows(act->tx, pitems,
                       apr_pstrcat(pool, TASK, filter->blocked ? "t.blocked_by AS blocked_by" : ra_block_beginning(pool), filter->blocked ? "" : " AS begins_with",
                                   " FROM (", branches, ") t JOIN applications a ON a.id = t.id ORDER BY a.id LIMIT ?", NULL),
                       values_of(&query));
}

typedef struct tally_t {
    apr_int64_t count;
    apr_int64_t overdue;
    apr_int64_t today;
    apr_int64_t blocked;
    int more;
    const char *oldest;
} tally_t;

static void add_to_tally(tally_t *tally, const ra_json_t *row)
{
    apr_int64_t count = ra_json_get_int(row, "count", 0);
    const char *oldest = ra_json_get_string(row, "oldest");

    tally->more |= ra_json_get_int(row, "seen", 0) > RA_TASK_COUNT_MAX;
    tally->blocked += ra_json_get_int(row, "blocked", 0);
    tally->count += count > RA_TASK_COUNT_MAX ? RA_TASK_COUNT_MAX : count;
    tally->overdue += ra_json_get_int(row, "overdue", 0);
    tally->today += ra_json_get_int(row, "today", 0);
    if (oldest && (!tally->oldest || strcmp(oldest, tally->oldest) < 0)) {
        tally->oldest = oldest;
    }
}

static void answer_counts(ra_json_t *counts, ra_json_t *blocked, const ra_json_t *rows)
{
    tally_t tallies[RA_STEP_COUNT] = {{0, 0, 0, 0, 0, NULL}};

    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        add_to_tally(&tallies[ra_step_of(ra_json_get_string(row, "step"))], row);
    }
    for (int step = 0; step < RA_STEP_COUNT; step++) {
        if (tallies[step].count > 0) {
            ra_json_t *item = ra_json_add_object(counts);

            ra_json_set_string(item, "step", ra_step_name((ra_step_e)step));
            ra_json_set_int(item, "count", tallies[step].count);
            ra_json_set_int(item, "overdue", tallies[step].overdue);
            ra_json_set_int(item, "today", tallies[step].today);
            ra_json_set_bool(item, "more", tallies[step].more);
            ra_json_set_string(item, "oldest_since", tallies[step].oldest);
        }
        if (tallies[step].blocked > 0) {
            ra_json_t *item = ra_json_add_object(blocked);

            ra_json_set_string(item, "step", ra_step_name((ra_step_e)step));
            ra_json_set_int(item, "count", tallies[step].blocked);
            ra_json_set_bool(item, "more", tallies[step].more);
        }
    }
}

/* A day is that of the people who work: China Standard Time (UTC+8). */
#define COUNTED                                                                                                        \
    "' AS step, COUNT(*) AS seen, COUNT(blocked_by) AS blocked, COUNT(free_since) AS count,"                           \
    " COUNT(IF(free_since < UTC_TIMESTAMP(6) - INTERVAL 24 HOUR, 1, NULL)) AS overdue,"                                \
    " COUNT(IF(free_since >= TIMESTAMP(DATE(UTC_TIMESTAMP() + INTERVAL 8 HOUR)) - INTERVAL 8 HOUR, 1, NULL)) AS today," \
    " MIN(free_since) AS oldest FROM (SELECT IF(blocked_by IS NULL, updated_at, NULL) AS free_since, blocked_by FROM (SELECT a.updated_at, "

/* Looks at so many of a branch that are the oldest, blocked or not: the time does not grow with what is blocked. */
static const char *count_branch(query_t *query, const branch_t *branch)
{
    const char *block = block_expression(query, branch), *from = branch_clause(query, branch);

    bind_value(query, ra_v_int(RA_TASK_COUNT_MAX + 1));
    return apr_pstrcat(query->act->tx->pool, "SELECT '", ra_step_name(branch->opening.step), COUNTED, block ? block : "NULL", " AS blocked_by", from,
                       " ORDER BY a.id LIMIT ?) w) t", NULL);
}

apr_status_t ra_task_counts(ra_json_t **pcounts, ra_json_t **pblocked, const ra_act_t *act, const ra_task_filter_t *filter)
{
    query_t query;
    apr_pool_t *pool = act->tx->pool;
    const char *sql = "";
    ra_json_t *rows;
    apr_status_t status;

    *pcounts = ra_json_array_make(pool);
    *pblocked = ra_json_array_make(pool);
    start(&query, act, filter);
    if (query.branches->nelts == 0) {
        return APR_SUCCESS;
    }
    for (int i = 0; i < query.branches->nelts; i++) {
        sql = apr_pstrcat(pool, sql, i > 0 ? " UNION ALL " : "", count_branch(&query, &APR_ARRAY_IDX(query.branches, i, branch_t)), NULL);
    }
    status = ra_sql_rows(act->tx, &rows, sql, values_of(&query));
    if (status == APR_SUCCESS) {
        answer_counts(*pcounts, *pblocked, rows);
    }
    return status;
}
