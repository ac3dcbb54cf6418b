/*
 * The list of tasks against the engine on the real schema: random applications, random persons; every task can be done, nothing that can be done is
 * missing, and what only something else is in the way of is listed apart, over all pages. The oracle reads every application and asks the engine, and
 * knows what is in the way (fact_t) because it has put it there.
 */
#include "store_fixture.h"

#include "base/ident.h"
#include "business/lifecycle/tasks.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define APPLICATIONS 300
#define PERSONS 20 /* and as many for what is blocked */
#define BUSINESSES 12 /* of domain.md §3-§8 and §18.5: what the RA opens by itself is somebody's task too */
#define PAGE 7

static const char *const people[] = {"01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002",
                                     "01900000-0000-7000-8000-000000000003", "01900000-0000-7000-8000-000000000004"};
static const char *const agencies[] = {"01900000-0000-7000-8000-0000000000a1", "01900000-0000-7000-8000-0000000000a2"};
static const char *const regions[] = {"140000", "140100", "140105", "140200"};

/* What may be in the way of a step of one application. */
typedef struct fact_t {
    const char *id;
    const char *confirmed;  /* region of the subscriber's record; NULL: not confirmed */
    int is_pair;
    int old_is_revoked;     /* the certificate that it is about */
    int old_is_suspended;
    int old_is_lapsed;
    int is_made;            /* a certificate was made by the application already */
    int old_is_busy;        /* the CA is being asked something about it */
    int own_is_revoked;     /* the certificate that it has made; of a pair the one for signing */
    int key_is_fetched;
    int codes;              /* 0 none, 1 usable, 2 expired, 3 used up */
} fact_t;

static fact_t facts[APPLICATIONS];
static apr_pool_t *facts_pool;

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
    return status;
}

/* ---- what may be in the way ---- */

static fact_t some_fact(void)
{
    return (fact_t){
        .id = ra_uuid_make(facts_pool),
        .confirmed = next_random(2) ? pick(regions, COUNT(regions)) : NULL,
        .is_pair = next_random(3) == 0,
        .old_is_revoked = next_random(2) == 0,
        .old_is_lapsed = next_random(3) == 0,
        .is_made = next_random(2) == 0,
        .old_is_suspended = next_random(2) == 0,
        .old_is_busy = next_random(2) == 0,
        .own_is_revoked = next_random(3) == 0,
        .key_is_fetched = next_random(2) == 0,
        .codes = (int)next_random(4),
    };
}

static apr_status_t insert_subscriber(ra_tx_t *tx, const fact_t *fact, int number)
{
    return ra_sql_change(tx, NULL,
                         "INSERT INTO subscribers (id, kind, social_security_no, name, name_key, region, agency_id, verified_at, created_at, updated_at)"
                         " VALUES (?, 'person', ?, 'n', 'n', ?, ?, IF(?, UTC_TIMESTAMP(6), NULL), UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
                         RA_VALUES(ra_v_uuid(fact->id), ra_v_text(apr_psprintf(tx->pool, "%013d", number)),
                                   ra_v_text(fact->confirmed ? fact->confirmed : regions[0]), ra_v_uuid(agencies[0]), ra_v_int(fact->confirmed != NULL)));
}

typedef struct certificate_t {
    const char *application_id;
    int is_revoked;
    int is_suspended;
    int is_lapsed;
} certificate_t;

static apr_status_t insert_certificate(ra_tx_t *tx, const char *id, const certificate_t *certificate)
{
    ra_value_t row = ra_v_uuid(id);

    return ra_sql_change(tx, NULL,
                         "INSERT INTO certificates (id, application_id, attempt_id, subscriber_id, kind, cert_usage, region, agency_id, submitted_by,"
                         " social_security_no, serial, issuer, subject, subject_name, subject_key, not_before, not_after, key_algorithm, der, sha256,"
                         " spki_sha256, revoked_at, suspended_at, created_at) VALUES (?, ?, ?, ?, 'person', 'signing', '140100', ?, ?, '1', HEX(?), 'i', 's',"
                         " 'n', 'n', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL ? HOUR, 'rsa', '', UNHEX(SHA2(?, 256)), UNHEX(SHA2(?, 256)),"
                         " IF(?, UTC_TIMESTAMP(6), NULL), IF(?, UTC_TIMESTAMP(6), NULL), UTC_TIMESTAMP(6))",
                         RA_VALUES(row, ra_v_uuid(certificate->application_id), row, row, row, row, row, ra_v_int(certificate->is_lapsed ? -1 : 1), row,
                                   row, ra_v_int(certificate->is_revoked), ra_v_int(certificate->is_suspended)));
}

static apr_status_t insert_attempt(ra_tx_t *tx, const char *certificate_id, int is_open)
{
    ra_value_t row = ra_v_uuid(ra_uuid_make(tx->pool));

    return ra_sql_change(tx, NULL,
                         "INSERT INTO ca_attempts (id, kind, application_id, target_certificate_id, revocation_reason, state, transaction_id, job_id,"
                         " created_at, updated_at) VALUES (?, 'revoke', ?, ?, 6, ?, ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
                         RA_VALUES(row, row, ra_v_uuid(certificate_id), ra_v_text(is_open ? "unknown" : "settled"), row, row));
}

static apr_status_t insert_codes(ra_tx_t *tx, const fact_t *fact)
{
    if (!fact->codes) {
        return APR_SUCCESS;
    }
    return ra_sql_change(tx, NULL,
                         "INSERT INTO production_codes (id, application_id, reference, secret_sealed, drawn_by, drawn_at, expires_at, used_at)"
                         " VALUES (?, ?, ?, 'x', ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL ? HOUR, IF(?, UTC_TIMESTAMP(6), NULL))",
                         RA_VALUES(ra_v_uuid(ra_uuid_make(tx->pool)), ra_v_uuid(fact->id), ra_v_text(apr_pstrndup(tx->pool, fact->id + 4, 32)),
                                   ra_v_uuid(people[0]), ra_v_int(fact->codes == 2 ? -1 : 1), ra_v_int(fact->codes == 3)));
}

static apr_status_t insert_key(ra_tx_t *tx, const fact_t *fact)
{
    if (!fact->is_pair) {
        return APR_SUCCESS;
    }
    return ra_sql_change(tx, NULL,
                         "INSERT INTO encryption_keys (application_id, spki, spki_sha256, fetches, created_at)"
                         " VALUES (?, 'x', UNHEX(SHA2(?, 256)), ?, UTC_TIMESTAMP(6))",
                         RA_VALUES(ra_v_uuid(fact->id), ra_v_uuid(fact->id), ra_v_int(fact->key_is_fetched)));
}

/* @param pold the certificate that the application is about @param pown the one that it has made */
static apr_status_t insert_fact(ra_tx_t *tx, const fact_t *fact, const char **pold, const char **pown)
{
    const certificate_t old = {ra_uuid_make(tx->pool), fact->old_is_revoked, fact->old_is_suspended, fact->old_is_lapsed};
    const certificate_t own = {fact->id, fact->own_is_revoked, 0, 0};
    apr_status_t status;

    *pold = ra_uuid_make(tx->pool);
    *pown = ra_uuid_make(tx->pool);
    status = insert_certificate(tx, *pold, &old);
    if (status == APR_SUCCESS) {
        status = insert_certificate(tx, *pown, &own);
    }
    if (status == APR_SUCCESS) {
        status = insert_attempt(tx, *pold, fact->old_is_busy);
    }
    if (status == APR_SUCCESS) {
        status = insert_codes(tx, fact);
    }
    return status == APR_SUCCESS ? insert_key(tx, fact) : status;
}

static int sees(const ra_principal_t *who, const char *region)
{
    ra_sight_t sight = ra_principal_sight(who, RA_ROLE_REVIEW_OFFICER, facts_pool);

    return ra_sight_allows(&sight, region, NULL, NULL);
}

/* What was revoked since is not put on hold; a renewal and a change are of a certificate that is not on hold either. */
static int is_spoilt(const fact_t *fact, const ra_business_t *business)
{
    int remakes = strcmp(business->name, "renew") == 0 || strcmp(business->name, "modify") == 0;

    return (fact->old_is_revoked && (remakes || strcmp(business->name, "suspend") == 0)) || (fact->old_is_suspended && remakes);
}

/* With which problem the step would be refused; NULL: none. */
static const char *in_the_way(const fact_t *fact, const ra_business_t *business, ra_step_e step, const ra_principal_t *who)
{
    const char *no_codes = who->is_system && fact->codes != 1 ? "codes-missing" : NULL;

    switch (step) {
    case RA_STEP_REVIEW:
        return is_spoilt(fact, business)                                            ? "certificate-state"
               : business->effect != RA_EFFECT_NONE && fact->old_is_busy           ? "certificate-busy"
               : !business->by_ra && fact->confirmed && !sees(who, fact->confirmed) ? "region-outside"
                                                                                    : NULL;
    case RA_STEP_PRODUCTION:
        return fact->is_made ? (fact->is_pair && fact->own_is_revoked ? "certificate-state" : no_codes) : is_spoilt(fact, business) ? "certificate-state" : no_codes;
    case RA_STEP_COMPLETION:
        return business->fate != RA_FATE_KEPT && !fact->old_is_revoked && !fact->old_is_lapsed ? "old-certificate-open" : NULL;
    default:
        return NULL;
    }
}

static const char *first_half(const fact_t *fact, ra_step_e step)
{
    return step == RA_STEP_PRODUCTION && fact->codes != 1 ? "codes" : step == RA_STEP_HANDOVER && fact->is_pair && !fact->key_is_fetched ? "encryption_key" : "";
}

static const fact_t *fact_of(const char *id)
{
    for (int i = 0; i < APPLICATIONS; i++) {
        if (strcmp(facts[i].id, id) == 0) {
            return &facts[i];
        }
    }
    fail_msg("no such application: %s", id);
    return NULL;
}

/* ---- applications ---- */

static const char insert_sql[] =
    "INSERT INTO applications (id, number, business, kind, cert_usage, state, subscriber_id, subject_name, subject_key, validity_years, region,"
    " agency_id, social_security_no, applicant, personal_sealed, phone_hash, submitted_by, agency_by, accepted_by, entered_by, reviewed_by,"
    " produced_by, operated_by, handed_by, registered_by, archived_by, completed_by, steps, rejection, scope_key, target_certificate_id,"
    " certificate_id, created_at, updated_at)"
    " VALUES (?, ?, ?, 'person', ?, ?, ?, 'n', 'n', 1, ?, ?, '1401050012345', '{\"name\":\"n\"}', 'x', UNHEX(SHA2('p', 256)), ?, ?, ?, ?, ?,"
    " ?, ?, ?, ?, ?, ?, '{}', ?, UNHEX(SHA2(?, 256)), ?, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))";

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

static apr_status_t insert_application(ra_tx_t *tx, const fact_t *fact, int number)
{
    const char *old, *own;
    const ra_business_t *business = ra_business_at((int)next_random(BUSINESSES));
    ra_state_e state = some_state(business);
    ra_json_t *rejection = NULL;
    ra_value_t hands[10];
    apr_status_t status = insert_fact(tx, fact, &old, &own);

    if (status != APR_SUCCESS) {
        return status;
    }
    if (state == RA_STATE_REJECTED) {
        rejection = ra_json_object_make(tx->pool);
        ra_json_set_string(rejection, "step", ra_step_name((ra_step_e)next_random(RA_STEP_COUNT)));
    }
    for (int i = 0; i < COUNT(hands); i++) {
        hands[i] = some_hand();
    }
    return ra_sql_change(tx, NULL, insert_sql,
                         RA_VALUES(ra_v_uuid(fact->id), ra_v_text(apr_psprintf(tx->pool, "%016d", number)), ra_v_text(business->name),
                                   ra_v_text(fact->is_pair ? "pair" : "signing"), ra_v_text(ra_state_name(state)), ra_v_uuid(fact->id), ra_v_text(pick(regions, COUNT(regions))),
                                   ra_v_uuid(pick(agencies, COUNT(agencies))), ra_v_uuid(pick(people, COUNT(people))), hands[0], hands[1], hands[2],
                                   hands[3], hands[4], hands[5], hands[6], hands[7], hands[8], hands[9], ra_v_json(rejection, tx->pool),
                                   ra_v_int(number), ra_v_uuid(business->takes ? old : NULL), ra_v_uuid(fact->is_made ? own : NULL)));
}

static apr_status_t fill(ra_tx_t *tx, void *baton)
{
    apr_status_t status = insert_places(tx);

    (void)baton;
    for (int i = 0; status == APR_SUCCESS && i < APPLICATIONS; i++) {
        facts[i] = some_fact();
        status = insert_subscriber(tx, &facts[i], i);
        if (status == APR_SUCCESS) {
            status = insert_application(tx, &facts[i], i);
        }
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
static ra_roles_t roles_of(ra_step_e step)
{
    ra_roles_t roles = 0;
    const ra_business_t *business;

    for (int i = 0; (business = ra_business_at(i)); i++) {
        for (int j = 0; j < business->step_count; j++) {
            roles |= business->steps[j].step == step ? business->steps[j].roles : 0;
        }
    }
    return roles;
}

/* Step and case in sight, and the engine allows it: as when the step is done. */
static int is_task(const ra_act_t *act, const ra_application_t *application, ra_step_e step)
{
    ra_sight_t sight = ra_principal_sight(act->who, roles_of(step), act->tx->pool);

    return ra_application_can(act, application, (ra_action_e)step) &&
           ra_sight_allows(&sight, application->region, application->agency_id, application->submitted_by);
}

typedef struct comparison_t {
    ra_principal_t who;
    int blocked; /* compares what is blocked */
    int total;
} comparison_t;

/* "id step ..." for each task, oldest first, as the engine has it: with the half to begin with, or with what it is blocked by. */
static apr_status_t list_by_engine(const char **ptext, const ra_act_t *act, const ra_task_filter_t *filter, int counts[RA_STEP_COUNT])
{
    ra_json_t *rows;
    apr_status_t status = ra_sql_rows(act->tx, &rows, "SELECT id AS id FROM applications ORDER BY id", RA_NO_VALUES);

    *ptext = "";
    for (const ra_json_t *row = ra_json_first(rows); status == APR_SUCCESS && row; row = ra_json_next(row)) {
        ra_application_t *application;

        status = ra_application_read(&application, act, ra_json_get_string(row, "id"));
        for (int step = 0; status == APR_SUCCESS && step < RA_STEP_COUNT; step++) {
            const fact_t *fact = fact_of(application->id);
            const char *problem = in_the_way(fact, application->business, (ra_step_e)step, act->who);

            if ((problem != NULL) == filter->blocked && is_task(act, application, (ra_step_e)step)) {
                *ptext = apr_pstrcat(act->tx->pool, *ptext, application->id, " ", ra_step_name((ra_step_e)step), " ",
                                     problem ? problem : first_half(fact, (ra_step_e)step), "\n", NULL);
                counts[step]++;
            }
        }
    }
    return status;
}

static const char *text_of(const ra_json_t *item, const char *name)
{
    const char *text = ra_json_get_string(item, name);

    return text ? text : "";
}

static apr_status_t list_by_pages(const char **ptext, const ra_act_t *act, ra_task_filter_t *filter)
{
    apr_status_t status;
    int size = 0;

    *ptext = "";
    filter->limit = PAGE;
    filter->after_id = NULL;
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
            *ptext = apr_pstrcat(act->tx->pool, *ptext, filter->after_id, " ", ra_json_get_string(item, "step"), " ", text_of(item, "blocked_by"),
                                 text_of(item, "begins_with"), "\n", NULL);
        }
    } while (size > PAGE);
    return status;
}

static apr_status_t compare_counts(const ra_act_t *act, const ra_task_filter_t *filter, const int counts[RA_STEP_COUNT])
{
    int said[RA_STEP_COUNT] = {0};
    ra_json_t *free, *blocked, *rows;
    apr_status_t status = ra_task_counts(&free, &blocked, act, filter);

    if (status != APR_SUCCESS) {
        return status;
    }
    rows = filter->blocked ? blocked : free;
    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        said[ra_step_of(ra_json_get_string(row, "step"))] = (int)ra_json_get_int(row, "count", 0);
        assert_true(filter->blocked || ra_json_get_string(row, "oldest_since"));
    }
    assert_memory_equal(said, counts, sizeof(said));
    return APR_SUCCESS;
}

/* The store may run it again from the start, as any body. */
static apr_status_t compare(ra_tx_t *tx, void *baton)
{
    comparison_t *comparison = baton;
    ra_act_t act = {NULL, tx, &comparison->who};
    ra_task_filter_t filter = {.step = RA_STEP_NONE, .blocked = comparison->blocked};
    int counts[RA_STEP_COUNT] = {0};
    const char *wanted, *really;
    apr_status_t status;

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
    int totals[2] = {0, 0};

    facts_pool = f->pool;
    fixture_schema(f);
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, fill, NULL, f->result, f->pool), APR_SUCCESS);
    for (int i = 0; i < 2 * PERSONS; i++) {
        comparison_t comparison = {.who = some_principal(), .blocked = i % 2};

        if (ra_store_run(f->store, RA_TX_READ, compare, &comparison, f->result, f->pool) != APR_SUCCESS) {
            fail_msg("%s", f->result->log_detail);
        }
        totals[i % 2] += comparison.total;
    }
    assert_true(totals[0] > PERSONS * 5 && totals[1] > PERSONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_the_list_is_exactly_what_the_engine_allows),
    };

    return UNIT_RUN(tests);
}
