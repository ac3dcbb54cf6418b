/*
 * What an actor may do as conditions (lifecycle_openings.c) against the engine, over random cases and actors: whatever an opening
 * covers can be done, and whatever can be done is covered by exactly one opening.
 */
#include "unit.h"

#include "business/lifecycle/lifecycle.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))
#define ACTORS 300
#define CASES 2000

static const char *const people[] = {"anna", "bert", "carl", "dora"};
static const char *const agencies[] = {"north", "south"};

/* A generator of its own: the same cases on every machine. */
static unsigned next_random(unsigned below)
{
    static apr_uint64_t state = 20261123;

    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)((state >> 33) % below);
}

static const char *somebody(void)
{
    unsigned which = next_random(COUNT(people) + 1);

    return which < COUNT(people) ? people[which] : NULL;
}

static const ra_business_t *some_business(void)
{
    int count = 0;

    while (ra_business_at(count)) {
        count++;
    }
    return ra_business_at((int)next_random((unsigned)count));
}

static ra_case_t some_case(void)
{
    ra_case_t subject = {
        .business = some_business(),
        .state = (ra_state_e)next_random(RA_STATE_COUNT),
        .rejected_step = RA_STEP_NONE,
        .submitted_by = somebody(),
        .agency_id = agencies[next_random(COUNT(agencies))],
    };

    if (subject.state == RA_STATE_REJECTED) {
        subject.rejected_step = (ra_step_e)next_random(RA_STEP_COUNT);
    }
    for (int i = 0; i < RA_STEP_COUNT; i++) {
        subject.hands[i] = somebody();
    }
    return subject;
}

static ra_actor_t some_actor(void)
{
    ra_actor_t actor = {.id = people[next_random(COUNT(people))]};

    if (next_random(4)) {
        for (int i = 0; i < 3; i++) {
            actor.roles |= 1u << next_random(RA_ROLE_COUNT);
        }
    } else {
        actor.scopes = next_random(1u << RA_SCOPE_COUNT);
    }
    actor.agency_id = next_random(3) ? agencies[next_random(COUNT(agencies))] : NULL;
    return actor;
}

typedef struct search_t {
    const ra_case_t *subject;
    const ra_actor_t *actor;
    int found[RA_STEP_COUNT];
} search_t;

static void note(void *baton, const ra_opening_t *opening)
{
    search_t *search = baton;

    search->found[opening->step] += ra_opening_holds(opening, search->subject, search->actor);
}

/* The openings of one actor are found once and kept, as a list would do. */
typedef struct openings_t {
    ra_opening_t items[1000];
    int count;
} openings_t;

static void keep(void *baton, const ra_opening_t *opening)
{
    openings_t *openings = baton;

    assert_true(openings->count < COUNT(openings->items));
    openings->items[openings->count++] = *opening;
}

static int compare(const openings_t *openings, const ra_case_t *subject, const ra_actor_t *actor)
{
    search_t search = {subject, actor, {0}};
    int possible = 0;

    for (int i = 0; i < openings->count; i++) {
        note(&search, &openings->items[i]);
    }
    for (int step = 0; step < RA_STEP_COUNT; step++) {
        ra_move_t move;
        int can = ra_lifecycle_move(&move, subject, actor, (ra_action_e)step, RA_DECISION_YES);

        if (search.found[step] != can) {
            fail_msg("%s in %s, step %s: the engine says %d, the openings %d", subject->business->name, ra_state_name(subject->state),
                     ra_step_name((ra_step_e)step), can, search.found[step]);
        }
        possible += can;
    }
    assert_true(possible <= 1);
    return possible;
}

static void test_openings_cover_exactly_what_the_engine_allows(void **state)
{
    int possible = 0;

    (void)state;
    for (int i = 0; i < ACTORS; i++) {
        ra_actor_t actor = some_actor();
        openings_t openings = {.count = 0};

        ra_lifecycle_openings(&actor, keep, &openings);
        for (int c = 0; c < CASES; c++) {
            ra_case_t subject = some_case();

            possible += compare(&openings, &subject, &actor);
        }
    }
    assert_true(possible > ACTORS * CASES / 100);
}

static void test_nobody_has_no_openings(void **state)
{
    const ra_actor_t actors[] = {{NULL, 0, 0, NULL}, {"anna", 0, 0, "north"}, {"anna", RA_ROLE_AUDITOR | RA_ROLE_ADMINISTRATOR, 0, "north"}};

    (void)state;
    for (int i = 0; i < COUNT(actors); i++) {
        openings_t openings = {.count = 0};

        ra_lifecycle_openings(&actors[i], keep, &openings);
        assert_int_equal(openings.count, 0);
    }
}

/* §18.1, §18.2 and §18.16 are conditions on the persons, found without being written a second time. */
static void test_the_rules_about_persons_are_found(void **state)
{
    const ra_actor_t reviewer = {.id = "anna", .roles = RA_ROLE_REVIEW_OFFICER}, issuer = {.id = "anna", .roles = RA_ROLE_ISSUING_OFFICER};
    const ra_actor_t agency = {.id = "anna", .roles = RA_ROLE_AGENCY, .agency_id = "north"};
    openings_t openings = {.count = 0};

    (void)state;
    ra_lifecycle_openings(&reviewer, keep, &openings);
    for (int i = 0; i < openings.count; i++) {
        assert_true(openings.items[i].excluded_hands & (1u << RA_STEP_ENTRY));
    }
    ra_lifecycle_openings(&issuer, keep, &openings);
    for (int i = 0; i < openings.count; i++) {
        if (openings.items[i].step == RA_STEP_COMPLETION) {
            assert_int_equal(openings.items[i].required_hand,
                             strcmp(openings.items[i].business->name, "unlock") == 0  ? RA_STEP_REGISTRATION
                             : strcmp(openings.items[i].business->name, "drill") == 0 ? RA_STEP_NONE
                                                                                      : RA_STEP_HANDOVER);
        }
    }
    openings.count = 0;
    ra_lifecycle_openings(&agency, keep, &openings);
    assert_int_equal(openings.count, 2); /* awaiting_agency, and its own rejection */
    assert_true(openings.items[0].not_own && openings.items[0].own_agency);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_openings_cover_exactly_what_the_engine_allows),
        UNIT_TEST(test_nobody_has_no_openings),
        UNIT_TEST(test_the_rules_about_persons_are_found),
    };

    return UNIT_RUN(tests);
}
