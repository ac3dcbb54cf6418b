/*
 * The list of tasks against the engine on the real schema: random applications, random persons; every task can be done, and
 * nothing that can be done is missing, over all pages. The oracle reads every application and asks the engine.
 */
#include "store_fixture.h"

#include "base/ident.h"
#include "business/lifecycle/tasks.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define APPLICATIONS 300
#define PERSONS 40
#define BUSINESSES 12 /* of domain.md §3-§8 and §18.5: what the RA opens by itself is somebody's task too */
#define PAGE 7

static const char *const people[] = {"01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002",
                                     "01900000-0000-7000-8000-000000000003", "01900000-0000-7000-8000-000000000004"};
static const char *const agencies[] = {"01900000-0000-7000-8000-0000000000a1", "01900000-0000-7000-8000-0000000000a2"};
static const char subscriber[] = "01900000-0000-7000-8000-0000000000b1";
static const char *const regions[] = {"140000", "140100", "140105", "140200"};

static unsigned next_random(unsigned below)
{
    static apr_uint64_t state = 1123;

    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)((state >> 33) % below);
}

static const char *pick(const char *const *items, int count)
{
    return items[next_random((unsigned)count)];
}

static ra_value_t some_hand(void)
{
    return next_random(3) ? ra_v_uuid(pick(people, COUNT(people))) : ra_v_null();
}

/* ---- rows ---- */

static apr_status_t insert_places(ra_tx_t *tx)
{
    apr_status_t status = APR_SUCCESS;

    for (int i = 0; status == APR_SUCCESS && i < COUNT(agencies); i++) {
        status = ra_sql_change(tx, NULL, "INSERT INTO agencies (id, name, region, created_at) VALUES (?, ?, '140100', UTC_TIMESTAMP(6))",
                               RA_VALUES(ra_v_uuid(agencies[i]), ra_v_text(agencies[i])));
    }
    for (int i = 0; status == APR_SUCCESS && i < COUNT(people); i++) {
        status = ra_sql_change(tx, NULL,
                               "INSERT INTO principals (id, kind, name, created_at, updated_at)"
                               " VALUES (?, 'person', ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
                               RA_VALUES(ra_v_uuid(people[i]), ra_v_text(people[i])));
    }
    return status != APR_SUCCESS
               ? status
               : ra_sql_change(tx, NULL,
                               "INSERT INTO subscribers (id, kind, social_security_no, name, name_key, region, agency_id, created_at, updated_at)"
                               " VALUES (?, 'person', '1401050012345', 'n', 'n', '140100', ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
                               RA_VALUES(ra_v_uuid(subscriber), ra_v_uuid(agencies[0])));
}

static const char insert_sql[] =
    "INSERT INTO applications (id, number, business, kind, cert_usage, state, subscriber_id, subject_name, subject_key, validity_years, region,"
    " agency_id, social_security_no, applicant, personal_sealed, phone_hash, submitted_by, agency_by, accepted_by, entered_by, reviewed_by,"
    " produced_by, operated_by, handed_by, registered_by, archived_by, completed_by, steps, rejection, scope_key, created_at, updated_at)"
    " VALUES (?, ?, ?, 'person', 'signing', ?, ?, 'n', 'n', 1, ?, ?, '1401050012345', '{\"name\":\"n\"}', 'x', UNHEX(SHA2('p', 256)), ?, ?, ?, ?, ?,"
    " ?, ?, ?, ?, ?, ?, '{}', ?, UNHEX(SHA2(?, 256)), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))";

/* A state of the business, mostly; what cannot be is in the list of nobody either. */
static ra_state_e some_state(const ra_business_t *business)
{
    switch (next_random(6)) {
    case 0:
        return (ra_state_e)next_random(RA_STATE_COUNT);
    case 1:
        return RA_STATE_REJECTED;
    default:
        return (ra_state_e)business->steps[next_random((unsigned)business->step_count)].step;
    }
}

static apr_status_t insert_application(ra_tx_t *tx, int number)
{
    const ra_business_t *business = ra_business_at((int)next_random(BUSINESSES));
    ra_state_e state = some_state(business);
    ra_json_t *rejection = NULL;
    ra_value_t hands[10];

    if (state == RA_STATE_REJECTED) {
        rejection = ra_json_object_make(tx->pool);
        ra_json_set_string(rejection, "step", ra_step_name((ra_step_e)next_random(RA_STEP_COUNT)));
    }
    for (int i = 0; i < COUNT(hands); i++) {
        hands[i] = some_hand();
    }
    return ra_sql_change(tx, NULL, insert_sql,
                         RA_VALUES(ra_v_uuid(ra_uuid_make(tx->pool)), ra_v_text(apr_psprintf(tx->pool, "%016d", number)), ra_v_text(business->name),
                                   ra_v_text(ra_state_name(state)), ra_v_uuid(subscriber), ra_v_text(pick(regions, COUNT(regions))),
                                   ra_v_uuid(pick(agencies, COUNT(agencies))), ra_v_uuid(pick(people, COUNT(people))), hands[0], hands[1], hands[2],
                                   hands[3], hands[4], hands[5], hands[6], hands[7], hands[8], hands[9], ra_v_json(rejection, tx->pool),
                                   ra_v_int(number)));
}

static apr_status_t fill(ra_tx_t *tx, void *baton)
{
    apr_status_t status = insert_places(tx);

    (void)baton;
    for (int i = 0; status == APR_SUCCESS && i < APPLICATIONS; i++) {
        status = insert_application(tx, i);
    }
    return status;
}

/* ---- the oracle ---- */

static ra_principal_t some_principal(void)
{
    ra_principal_t who = {.id = pick(people, COUNT(people)), .name = "x", .office_region = pick(regions, COUNT(regions))};

    if (next_random(4) == 0) {
        who.is_system = 1;
        who.scopes = next_random(1u << RA_SCOPE_COUNT);
        who.office_region = NULL;
    } else {
        for (int i = 0; i < 3; i++) {
            who.roles |= 1u << next_random(RA_ROLE_COUNT);
        }
        who.province_roles = next_random(3) ? 0 : who.roles & (next_random(1u << RA_ROLE_COUNT));
    }
    who.agency_id = next_random(2) ? pick(agencies, COUNT(agencies)) : NULL;
    return who;
}

/* As the API's operations say it: the roles of the step in any business. */
static void fill_sight_roles(ra_roles_t roles[RA_STEP_COUNT])
{
    const ra_business_t *business;

    for (int i = 0; (business = ra_business_at(i)); i++) {
        for (int step = 0; step < business->step_count; step++) {
            roles[business->steps[step].step] |= business->steps[step].roles;
        }
    }
}

static int is_task(const ra_act_t *act, const ra_application_t *application, const ra_task_filter_t *filter, ra_step_e step)
{
    ra_sight_t sight = ra_principal_sight(act->who, filter->sight_roles[step], act->tx->pool);

    return ra_application_can(act, application, (ra_action_e)step) &&
           ra_sight_allows(&sight, application->region, application->agency_id, application->submitted_by);
}

typedef struct comparison_t {
    ra_principal_t who;
    int total;
} comparison_t;

/* "id step" for each task, oldest first, as the engine has it. */
static apr_status_t list_by_engine(const char **ptext, const ra_act_t *act, const ra_task_filter_t *filter, int counts[RA_STEP_COUNT])
{
    ra_json_t *rows;
    apr_status_t status = ra_sql_rows(act->tx, &rows, "SELECT id AS id FROM applications ORDER BY id", RA_NO_VALUES);

    *ptext = "";
    for (const ra_json_t *row = ra_json_first(rows); status == APR_SUCCESS && row; row = ra_json_next(row)) {
        ra_application_t *application;

        status = ra_application_read(&application, act, ra_json_get_string(row, "id"));
        for (int step = 0; status == APR_SUCCESS && step < RA_STEP_COUNT; step++) {
            if (is_task(act, application, filter, (ra_step_e)step)) {
                *ptext = apr_pstrcat(act->tx->pool, *ptext, application->id, " ", ra_step_name((ra_step_e)step), "\n", NULL);
                counts[step]++;
            }
        }
    }
    return status;
}

static apr_status_t list_by_pages(const char **ptext, const ra_act_t *act, ra_task_filter_t *filter)
{
    apr_status_t status;
    int size = 0;

    *ptext = "";
    filter->limit = PAGE;
    do {
        ra_json_t *items;
        int seen = 0;

        status = ra_task_list(&items, act, filter);
        if (status != APR_SUCCESS) {
            break;
        }
        size = ra_json_size(items);
        for (const ra_json_t *item = ra_json_first(items); item && seen < PAGE; item = ra_json_next(item), seen++) {
            filter->after_id = ra_json_get_string(item, "id");
            *ptext = apr_pstrcat(act->tx->pool, *ptext, filter->after_id, " ", ra_json_get_string(item, "step"), "\n", NULL);
        }
    } while (size > PAGE);
    return status;
}

static apr_status_t compare_counts(const ra_act_t *act, const ra_task_filter_t *filter, const int counts[RA_STEP_COUNT])
{
    int said[RA_STEP_COUNT] = {0};
    ra_json_t *rows;
    apr_status_t status = ra_task_counts(&rows, act, filter);

    if (status != APR_SUCCESS) {
        return status;
    }
    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        said[ra_step_of(ra_json_get_string(row, "step"))] = (int)ra_json_get_int(row, "count", 0);
        assert_non_null(ra_json_get_string(row, "oldest_since"));
    }
    assert_memory_equal(said, counts, sizeof(said));
    return APR_SUCCESS;
}

/* The store may run it again from the start, as any body. */
static apr_status_t compare(ra_tx_t *tx, void *baton)
{
    comparison_t *comparison = baton;
    ra_act_t act = {NULL, tx, &comparison->who};
    ra_task_filter_t filter = {.step = RA_STEP_NONE};
    int counts[RA_STEP_COUNT] = {0};
    const char *wanted, *really;
    apr_status_t status;

    fill_sight_roles(filter.sight_roles);
    status = list_by_engine(&wanted, &act, &filter, counts);
    if (status == APR_SUCCESS) {
        status = list_by_pages(&really, &act, &filter);
    }
    if (status != APR_SUCCESS) {
        return status;
    }
    assert_string_equal(really, wanted);
    comparison->total = 0;
    for (int i = 0; i < RA_STEP_COUNT; i++) {
        comparison->total += counts[i];
    }
    filter.after_id = NULL;
    return compare_counts(&act, &filter, counts);
}

static void test_the_list_is_exactly_what_the_engine_allows(void **state)
{
    store_fixture_t *f = *state;
    int total = 0;

    fixture_schema(f);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, fill, NULL, f->result, f->pool), APR_SUCCESS);
    for (int i = 0; i < PERSONS; i++) {
        comparison_t comparison = {.who = some_principal()};

        if (ra_store_run(f->store, RA_TX_READ, compare, &comparison, f->result, f->pool) != APR_SUCCESS) {
            fail_msg("%s", f->result->log_detail);
        }
        total += comparison.total;
    }
    assert_true(total > PERSONS * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_the_list_is_exactly_what_the_engine_allows),
    };

    return UNIT_RUN(tests);
}
