/*
 * Tallies of applications against counting them, on the real schema: by each property, over days and regions, while nothing, some and all of
 * the applications are taken over, after changes of all that is tallied, and with several that take over at once.
 */
#include "store_fixture.h"

#include <apr_thread_proc.h>

#include "business/service/tallies.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define APPLICATIONS 450 /* more than two portions */
#define CHANGES 30
#define TAKERS 2

#define AGENCY "UNHEX('01900000000070008000000000000001')"
#define SUBSCRIBER "UNHEX('01900000000070008000000000000002')"
#define ID "UNHEX(LPAD(HEX(s.seq), 32, '0'))"
#define CLOSED "'completed', 'withdrawn'"

/* --- rows ------------------------------------------------------------------------------------------------------- */

static const char *const places[] = {
    "INSERT INTO agencies (id, name, region, created_at) VALUES (" AGENCY ", 'a', '140100', UTC_TIMESTAMP(6))",
    "INSERT INTO subscribers (id, kind, social_security_no, name, name_key, region, agency_id, created_at, updated_at)"
    " VALUES (" SUBSCRIBER ", 'person', '1', 'n', 'n', '140100', " AGENCY ", UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))",
};

/* Ten days, around the midnight of China. */
static void insert_applications(store_fixture_t *f)
{
    const char *sql =
        "INSERT INTO applications (id, number, business, kind, cert_usage, state, subscriber_id, subject_name, subject_key, validity_years, region,"
        " agency_id, social_security_no, applicant, personal_sealed, phone_hash, steps, scope_key, created_at, updated_at)"
        " SELECT " ID ", LPAD(s.seq, 16, '0'), ELT(1 + s.seq %% 3, 'issue', 'renew', 'revoke'), ELT(1 + s.seq %% 2, 'person', 'organisation'), 'signing',"
        " ELT(1 + s.seq %% 5, 'awaiting_review', 'awaiting_entry', 'completed', 'withdrawn', 'rejected'), " SUBSCRIBER ", 'n', 'n', 1,"
        " ELT(1 + s.seq %% 4, '140105', '140106', '140200', '150100'), " AGENCY ", '1', '{}', 'x', UNHEX(SHA2('p', 256)), '{}', UNHEX(SHA2(s.seq, 256)),"
        " '2026-03-01 15:30:00' + INTERVAL s.seq %% 240 HOUR, UTC_TIMESTAMP(6) FROM seq_1_to_%d s";

    for (int i = 0; i < COUNT(places); i++) {
        fixture_change(f, places[i]);
    }
    assert_int_equal(fixture_change(f, apr_psprintf(f->pool, sql, APPLICATIONS)), APPLICATIONS);
}

/* Every seventh gets another state, region, kind and day, one version further. */
static void change_some(store_fixture_t *f, int which)
{
    fixture_change(f, apr_psprintf(f->pool,
                                   "UPDATE applications SET version = version + 1, state = ELT(1 + FLOOR(RAND(%d) * 3), 'awaiting_review', 'completed', 'rejected'),"
                                   " region = IF(RAND(%d) < 0.5, region, '140107'), kind = IF(RAND(%d) < 0.5, kind, 'server'),"
                                   " created_at = created_at + INTERVAL IF(RAND(%d) < 0.8, 0, 1) DAY WHERE CONV(HEX(id), 16, 10) %% 7 = %d",
                                   which, which + 1, which + 2, which + 3, which % 7));
}

/* --- the comparison --------------------------------------------------------------------------------------------- */

/* As the report says what it counts by, and as it is counted. */
static const struct {
    const char *by;
    const char *key;
} keys[] = {
    {"business", "business"},
    {"state", "state"},
    {"step", "CASE state WHEN 'awaiting_review' THEN 'review' WHEN 'awaiting_entry' THEN 'entry' ELSE state END"},
    {"region", "region"},
    {"kind", "CAST(kind AS CHAR)"},
    {"week", "DATE_FORMAT(created_at + INTERVAL 8 HOUR, '%x-W%v')"},
};

static const struct {
    ra_sight_t sight;
    const char *clause;
} sights[] = {
    {{.everything = 1}, "1 = 1"},
    {{.region_prefix = "14"}, "region LIKE '14%'"},
    {{.region_prefix = "1401"}, "region LIKE '1401%'"},
    {{.region_prefix = "140107"}, "region = '140107'"},
    {{.agency_id = "01900000-0000-7000-8000-000000000001"}, "1 = 0"},
};

static const struct {
    const char *from;
    const char *to;
    const char *clause;
} times[] = {
    {"2026-01-01", NULL, "1 = 1"},
    {"2026-03-02", "2026-03-02", "DATE(created_at + INTERVAL 8 HOUR) = '2026-03-02'"},
    {"2026-03-04", "2026-03-06", "created_at >= '2026-03-03 16:00:00' AND created_at < '2026-03-06 16:00:00'"},
    {"2026-03-05", NULL, "created_at >= '2026-03-04 16:00:00'"},
};

typedef struct question_t {
    int by;
    int sight;
    int time;
} question_t;

static apr_status_t compare_body(ra_tx_t *tx, void *baton)
{
    const question_t *question = baton;
    ra_act_t act = {NULL, tx, NULL};
    ra_json_t *counted, *tallied;
    const char *sql = apr_pstrcat(tx->pool, "SELECT ", keys[question->by].key, " AS `key`, COUNT(*) AS count, COUNT(IF(state IN (" CLOSED "), NULL, 1)) AS open"
                                  " FROM applications WHERE ", sights[question->sight].clause, " AND ", times[question->time].clause, " GROUP BY 1 ORDER BY 1", NULL);
    apr_status_t status = ra_sql_rows(tx, &counted, sql, RA_NO_VALUES);

    if (status == APR_SUCCESS) {
        status = ra_tallies_read(&tallied, &act, &sights[question->sight].sight, keys[question->by].by, times[question->time].from, times[question->time].to);
    }
    if (status == APR_SUCCESS) {
        assert_string_equal(ra_json_print(tallied, tx->pool), ra_json_print(counted, tx->pool));
    }
    return status;
}

static void compare(store_fixture_t *f)
{
    question_t question;

    for (question.by = 0; question.by < COUNT(keys); question.by++) {
        for (question.sight = 0; question.sight < COUNT(sights); question.sight++) {
            for (question.time = 0; question.time < COUNT(times); question.time++) {
                if (ra_store_run(f->store, RA_TX_READ, compare_body, &question, f->result, f->pool) != APR_SUCCESS) {
                    fail_msg("by %s: %s", keys[question.by].by, f->result->log_detail);
                }
            }
        }
    }
}

static void take_over(store_fixture_t *f)
{
    ra_t ra = {.store = f->store};

    if (ra_tallies_run(&ra, f->result, f->pool) != APR_SUCCESS) {
        fail_msg("%s", f->result->log_detail);
    }
    assert_int_equal(fixture_int(f, f->store, "SELECT COUNT(*) FROM applications WHERE uncounted = 1"), 0);
    assert_int_equal(fixture_int(f, f->store, "SELECT COUNT(*) FROM application_counted"), APPLICATIONS);
    assert_int_equal(fixture_int(f, f->store, "SELECT SUM(total) FROM application_tallies WHERE scope = '' AND property = 'state'"), APPLICATIONS);
}

static void compare_in_turns(store_fixture_t *f)
{
    compare(f);
    take_over(f);
    compare(f);
    for (int i = 0; i < 3; i++) {
        change_some(f, i);
    }
    compare(f);
    take_over(f);
    compare(f);
}

/* --- several at once -------------------------------------------------------------------------------------------- */

typedef struct taker_t {
    ra_t ra;
    apr_thread_t *thread;
    const int *stop;
    apr_pool_t *pool;
} taker_t;

/* What one could not take over, because others were faster each time, is for the next run: as in the duty. */
static void *APR_THREAD_FUNC take_repeatedly(apr_thread_t *thread, void *baton)
{
    taker_t *taker = baton;
    apr_pool_t *pool;

    (void)thread;
    apr_pool_create(&pool, taker->pool);
    while (!__atomic_load_n(taker->stop, __ATOMIC_ACQUIRE)) {
        apr_pool_clear(pool);
        ra_tallies_run(&taker->ra, ra_result_make(pool), pool);
    }
    return NULL;
}

static void compare_after_several_at_once(store_fixture_t *f)
{
    taker_t takers[TAKERS];
    int stop = 0;
    apr_status_t ended;

    for (int i = 0; i < TAKERS; i++) {
        takers[i] = (taker_t){.ra = {.store = f->store}, .stop = &stop};
        apr_pool_create(&takers[i].pool, NULL);
        assert_int_equal(apr_thread_create(&takers[i].thread, NULL, take_repeatedly, &takers[i], takers[i].pool), APR_SUCCESS);
    }
    for (int i = 0; i < CHANGES; i++) {
        change_some(f, i);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < TAKERS; i++) {
        apr_thread_join(&ended, takers[i].thread);
        apr_pool_destroy(takers[i].pool);
    }
    compare(f);
    take_over(f);
    compare(f);
}

static void test_tallies_are_what_counting_finds(void **state)
{
    store_fixture_t *f = *state;

    fixture_schema(f);
    insert_applications(f);
    compare_in_turns(f);
    compare_after_several_at_once(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_tallies_are_what_counting_finds),
    };

    return UNIT_RUN(tests);
}
