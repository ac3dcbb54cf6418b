/*
 * A new business is a row, not code: the engine runs a drill 演练 that it has never heard of. No agency, no fee,
 * nothing at the CA; the archivist who filed it also completes it. And whatever rows a build has, each can be walked
 * from its first step to its end.
 */
#include "unit.h"

#include "business/lifecycle/lifecycle.h"
#include "ra_problems.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

static const ra_business_step_t drill_steps[] = {
    {RA_STEP_ACCEPTANCE, RA_ROLE_ACCEPTOR, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ENTRY, RA_ROLE_ENTRY_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_REVIEW, RA_ROLE_REVIEW_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ARCHIVE, RA_ROLE_ARCHIVIST, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_COMPLETION, RA_ROLE_ARCHIVIST, RA_SCOPE_NONE, RA_STEP_ARCHIVE},
};

static const ra_step_e drill_hands[][2] = {{RA_STEP_ENTRY, RA_STEP_REVIEW}};

static const ra_business_t drill = {
    .name = "drill",
    .en = "Drill",
    .zh = "演练",
    .form = "演练登记表",
    .form_en = "Drill register",
    .kinds = 1u << RA_KIND_PERSON | 1u << RA_KIND_ORGANISATION | 1u << RA_KIND_SERVER,
    .materials = {RA_MATERIAL_APPLICATION_FORM, RA_MATERIAL_APPLICATION_FORM, RA_MATERIAL_APPLICATION_FORM},
    .steps = drill_steps,
    .step_count = COUNT(drill_steps),
    .separate = drill_hands,
    .separate_count = COUNT(drill_hands),
};

static ra_move_t move_by(ra_case_t *subject, const char *id, ra_roles_t roles, ra_action_e action,
                         ra_decision_e decision)
{
    const ra_actor_t actor = {.id = id, .roles = roles};
    ra_move_t move;

    ra_lifecycle_move(&move, subject, &actor, action, decision);
    return move;
}

/* Does it, and keeps the hand as an application does. */
static void assert_done(ra_case_t *subject, const char *id, ra_roles_t roles, ra_step_e step, const char *state)
{
    ra_move_t move = move_by(subject, id, roles, (ra_action_e)step, RA_DECISION_YES);

    if (move.problem) {
        fail_msg("%s by %s is refused: %s", ra_step_name(step), id, move.problem);
    }
    assert_string_equal(ra_state_name(move.next), state);
    subject->hands[step] = id;
    subject->state = move.next;
}

static void assert_refused(ra_case_t *subject, const char *id, ra_roles_t roles, ra_action_e action,
                           const char *problem, ra_step_e other)
{
    ra_move_t move = move_by(subject, id, roles, action, RA_DECISION_YES);

    assert_non_null(move.problem);
    assert_string_equal(move.problem, problem);
    assert_int_equal(move.other, other);
    assert_int_equal(move.next, subject->state);
}

static ra_case_t new_drill(void)
{
    return (ra_case_t){
        .business = &drill, .state = ra_lifecycle_first(&drill), .rejected_step = RA_STEP_NONE, .submitted_by = "A"};
}

static void test_a_drill_goes_from_acceptance_to_completion(void **state)
{
    ra_case_t subject = new_drill();

    (void)state;
    assert_string_equal(ra_state_name(subject.state), "awaiting_acceptance");
    assert_done(&subject, "A", RA_ROLE_ACCEPTOR, RA_STEP_ACCEPTANCE, "awaiting_entry");
    assert_done(&subject, "E", RA_ROLE_ENTRY_OFFICER, RA_STEP_ENTRY, "awaiting_review");
    assert_done(&subject, "R", RA_ROLE_REVIEW_OFFICER, RA_STEP_REVIEW, "awaiting_archive");
    assert_done(&subject, "D", RA_ROLE_ARCHIVIST, RA_STEP_ARCHIVE, "awaiting_completion");
    assert_refused(&subject, "D2", RA_ROLE_ARCHIVIST, (ra_action_e)RA_STEP_COMPLETION, RA_PROBLEM_SAME_PERSON_REQUIRED,
                   RA_STEP_ARCHIVE);
    assert_refused(&subject, "D", RA_ROLE_ISSUING_OFFICER, (ra_action_e)RA_STEP_COMPLETION, RA_PROBLEM_ACCESS_DENIED,
                   RA_STEP_NONE);
    assert_done(&subject, "D", RA_ROLE_ARCHIVIST, RA_STEP_COMPLETION, "completed");
}

static void test_the_drill_has_its_own_separation(void **state)
{
    ra_case_t subject = new_drill();

    (void)state;
    assert_done(&subject, "P", RA_ROLE_ACCEPTOR, RA_STEP_ACCEPTANCE, "awaiting_entry");
    assert_done(&subject, "P", RA_ROLE_ENTRY_OFFICER, RA_STEP_ENTRY, "awaiting_review");
    assert_refused(&subject, "P", RA_ROLE_REVIEW_OFFICER, (ra_action_e)RA_STEP_REVIEW, RA_PROBLEM_SEPARATION_OF_DUTY,
                   RA_STEP_ENTRY);
    assert_done(&subject, "R", RA_ROLE_REVIEW_OFFICER, RA_STEP_REVIEW, "awaiting_archive");
    assert_done(&subject, "P", RA_ROLE_ARCHIVIST, RA_STEP_ARCHIVE, "awaiting_completion");
}

/* Steps of other businesses do not exist here, for nobody and in no state. */
static void test_steps_that_the_row_does_not_have_are_refused(void **state)
{
    static const ra_action_e absent[] = {
        (ra_action_e)RA_STEP_AGENCY_DECISION,
        (ra_action_e)RA_STEP_PRODUCTION,
        (ra_action_e)RA_STEP_HANDOVER,
        RA_ACTION_CODES,
    };
    const ra_roles_t every_role = (1u << RA_ROLE_COUNT) - 1;
    ra_case_t subject = new_drill();

    (void)state;
    for (int s = 0; s < RA_STATE_COUNT; s++) {
        subject.state = (ra_state_e)s;
        for (int i = 0; i < COUNT(absent); i++) {
            assert_refused(&subject, "P", every_role, absent[i], RA_PROBLEM_STATE_CONFLICT, RA_STEP_NONE);
        }
    }
}

static void test_corrections_begin_again_with_the_first_step_of_the_row(void **state)
{
    ra_case_t subject = new_drill();
    ra_move_t move;

    (void)state;
    assert_done(&subject, "A", RA_ROLE_ACCEPTOR, RA_STEP_ACCEPTANCE, "awaiting_entry");
    assert_done(&subject, "E", RA_ROLE_ENTRY_OFFICER, RA_STEP_ENTRY, "awaiting_review");
    move = move_by(&subject, "R", RA_ROLE_REVIEW_OFFICER, (ra_action_e)RA_STEP_REVIEW, RA_DECISION_NO);
    assert_null(move.problem);
    assert_int_equal(move.next, RA_STATE_REJECTED);
    subject.state = RA_STATE_REJECTED;
    subject.rejected_step = RA_STEP_REVIEW;
    move = move_by(&subject, "A", RA_ROLE_ACCEPTOR, RA_ACTION_EDIT, RA_DECISION_YES);
    assert_null(move.problem);
    assert_string_equal(ra_state_name(move.next), "awaiting_acceptance");
    assert_done(&subject, "E", RA_ROLE_ENTRY_OFFICER, RA_STEP_ENTRY, "awaiting_review");
}

/* ---- the rows of this build ---- */

/* The step's own person, or the one whose hand is demanded; nobody, where the RA itself does it. */
static const char *person_of(const ra_business_step_t *step, const ra_case_t *subject, apr_pool_t *pool)
{
    if (step->same_hand != RA_STEP_NONE) {
        return subject->hands[step->same_hand];
    }
    return step->roles ? apr_psprintf(pool, "person of %s", ra_step_name(step->step)) : NULL;
}

static void advance(ra_case_t *subject, const ra_actor_t *actor, ra_action_e action)
{
    ra_move_t move;

    if (!ra_lifecycle_move(&move, subject, actor, action, RA_DECISION_YES)) {
        fail_msg("%s of %s is refused: %s", ra_action_name(action), subject->business->name, move.problem);
    }
    subject->state = move.next;
}

static void walk_row(const ra_business_t *business, apr_pool_t *pool)
{
    ra_case_t subject = {.business = business, .state = ra_lifecycle_first(business), .agency_id = "agency"};
    const ra_actor_t ra_itself = {.id = NULL};

    for (int i = 0; i < business->step_count; i++) {
        const ra_business_step_t *step = &business->steps[i];
        const ra_actor_t actor = {.id = person_of(step, &subject, pool), .roles = step->roles, .agency_id = "agency"};

        assert_int_equal(subject.state, step->step);
        if (actor.id) {
            advance(&subject, &actor, (ra_action_e)step->step);
            subject.hands[step->step] = actor.id;
        }
        if (!actor.id || subject.state == RA_STATE_IN_PRODUCTION) {
            advance(&subject, &ra_itself, RA_ACTION_MADE);
        }
    }
    assert_int_equal(subject.state, RA_STATE_COMPLETED);
}

static void test_every_row_can_be_walked_to_its_end(void **state)
{
    const ra_business_t *business;
    int count = 0;

    for (; (business = ra_business_at(count)); count++) {
        assert_ptr_equal(ra_business_find(business->name), business); /* no name twice */
        walk_row(business, *state);
    }
    assert_true(count > 0);
    assert_null(ra_business_at(-1));
    assert_null(ra_business_find(""));
    assert_null(ra_business_find(NULL));
    walk_row(&drill, *state);
}

/* Every business ends with the task completion record, and no kind that is offered lacks its form (domain.md §3-§8). */
static void test_every_row_is_complete(void **state)
{
    const ra_business_t *business;

    (void)state;
    for (int i = 0; (business = ra_business_at(i)); i++) {
        assert_true(*business->name && *business->en && *business->zh && *business->form);
        assert_true(business->kinds != 0 && business->kinds < 1u << RA_KIND_COUNT);
        /* where the RA alone acts (§8), it writes the record itself */
        assert_int_equal(business->steps[business->step_count - 1].step, business->steps[0].roles == 0 && business->by_ra ? RA_STEP_EXECUTION : RA_STEP_COMPLETION);
        for (int s = 0; s < business->step_count; s++) {
            assert_int_equal(business->steps[s].roles == 0, business->steps[s].step == RA_STEP_EXECUTION);
            assert_int_equal(business->steps[s].roles & (RA_ROLE_ADMINISTRATOR | RA_ROLE_AUDITOR), 0);
        }
        for (int kind = 0; kind < RA_KIND_COUNT; kind++) {
            assert_int_equal(business->materials[kind] != 0, !business->by_ra && ((business->kinds >> kind) & 1u));
        }
    }
}

/* A shipped build offers no drill; a test build has it as a row of tests/fixtures. */
static void test_only_test_builds_have_the_drill(void **state)
{
    const ra_business_t *found = ra_business_find("drill");

    (void)state;
#ifdef RA_TEST_BUILD
    assert_non_null(found);
    assert_string_equal(found->zh, "演练");
    assert_false(found->fee);
#else
    assert_null(found);
#endif
}

/* §2, §3: the full set of materials, by kind; all kinds; a fee */
static void test_issue_asks_for_the_full_set(void **state)
{
    const ra_business_t *issue = ra_business_find("issue");
    const unsigned form = ra_material_of("application_form"), code = ra_material_of("organisation_code_certificate");
    const unsigned licence = ra_material_of("business_licence"), applicant = ra_material_of("applicant_id");

    (void)state;
    assert_string_equal(issue->zh, "证书新制");
    assert_string_equal(issue->form, "证书申请(更新)表");
    assert_true(issue->fee);
    assert_int_equal(issue->kinds, 7);
    assert_int_equal(issue->materials[ra_kind_of("organisation")],
                     form | code | licence | ra_material_of("officer_id"));
    assert_int_equal(issue->materials[ra_kind_of("person")], form | applicant);
    assert_int_equal(issue->materials[ra_kind_of("server")],
                     form | ra_material_of("icp_licence") | code | licence | applicant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_a_drill_goes_from_acceptance_to_completion),
        UNIT_TEST(test_the_drill_has_its_own_separation),
        UNIT_TEST(test_steps_that_the_row_does_not_have_are_refused),
        UNIT_TEST(test_corrections_begin_again_with_the_first_step_of_the_row),
        UNIT_TEST(test_every_row_can_be_walked_to_its_end),
        UNIT_TEST(test_every_row_is_complete),
        UNIT_TEST(test_only_test_builds_have_the_drill),
        UNIT_TEST(test_issue_asks_for_the_full_set),
    };

    return UNIT_RUN(tests);
}
