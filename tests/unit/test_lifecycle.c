/*
 * The life cycle of every business against lifecycle_*.expect, which are written by hand: every state × every action ×
 * every actor × every decision; then the same person in two steps, and whole runs with their detours.
 */
#include "unit.h"

#include "business/lifecycle/lifecycle.h"
#include "expect.h"
#include "ra_problems.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* ---- the words of the expectation, written here once more: the engine's own names are checked against them ---- */

static const char *const state_words[] = {
    "awaiting_agency",
    "awaiting_acceptance",
    "awaiting_entry",
    "awaiting_review",
    "awaiting_production",
    "awaiting_handover",
    "awaiting_archive",
    "awaiting_completion",
    "in_production",
    "rejected:agency_decision",
    "rejected:acceptance",
    "rejected:review",
    "completed",
    "withdrawn",
    "in_execution",
    "awaiting_operation",
    "awaiting_registration",
    NULL,
};
static const char *const action_words[] = {
    "agency_decision", "acceptance", "entry",        "review",   "execution",  "production",
    "operation",       "handover",   "registration", "archive",  "completion", "edit",
    "withdrawal",      "codes",      "made",         "half_made",  "not_made", NULL,
};
static const char *const actor_words[] = {
    "acceptor",
    "entry_officer",
    "review_officer",
    "issuing_officer",
    "archivist",
    "hotline_agent",
    "technician",
    "field_engineer",
    "marketing",
    "manager",
    "administrator",
    "auditor",
    "agency",
    "applications.submit",
    "applications.read",
    "agency.decide",
    "applications.produce",
    "certificates.read",
    "ra",
    "agency@own",
    "agency.decide@own",
    "applications.submit@own",
    "agency@other",
    "agency.decide@other",
    "issuing_officer@handover",
    "technician@registration",
    NULL,
};
static const char *const step_words[] = {
    "nothing",   "agency_decision", "acceptance",   "entry",   "review",     "execution", "production",
    "operation", "handover",        "registration", "archive", "completion", NULL,
};
static const char *const decision_words[] = {"yes", "no", NULL};

static const expect_words_t matrix_words[EXPECT_COLUMNS] = {state_words, action_words, actor_words, decision_words};
static const expect_words_t hands_words[EXPECT_COLUMNS] = {state_words, action_words, step_words, decision_words};

/* Hands of everybody else, one for each step. */
static const char *const others[RA_STEP_COUNT] = {
    "agency-person",       "acceptor-person",   "entry-person",      "review-person",
    "execution-person",    "production-person", "operation-person",  "handover-person",
    "registration-person", "archive-person",    "completion-person",
};

/* ---- cases and actors ---- */

static ra_action_e action_of(const char *word)
{
    for (int action = 0; action < RA_ACTION_COUNT; action++) {
        if (strcmp(ra_action_name((ra_action_e)action), word) == 0) {
            return (ra_action_e)action;
        }
    }
    fail_msg("no action %s", word);
    return RA_ACTION_COUNT;
}

/* The steps before this one are done, by persons of their own. */
static void do_steps_before(ra_case_t *subject, int step)
{
    for (int i = 0; i < step; i++) {
        subject->hands[i] = others[i];
    }
}

static ra_case_t case_of(const char *business, const char *word)
{
    ra_case_t subject = {
        .business = ra_business_find(business),
        .rejected_step = RA_STEP_NONE,
        .submitted_by = "submitter",
        .agency_id = "agency of the case",
    };

    if (strncmp(word, "rejected:", 9) == 0) {
        subject.state = RA_STATE_REJECTED;
        subject.rejected_step = ra_step_of(word + 9);
        assert_int_not_equal(subject.rejected_step, RA_STEP_NONE);
        do_steps_before(&subject, (int)subject.rejected_step);
        return subject;
    }
    subject.state = ra_state_of(word);
    assert_int_not_equal(subject.state, RA_STATE_UNKNOWN);
    if ((int)subject.state < RA_STEP_COUNT) {
        do_steps_before(&subject, (int)subject.state);
    } else if (subject.state != RA_STATE_WITHDRAWN) {
        do_steps_before(&subject, subject.state == RA_STATE_COMPLETED ? RA_STEP_COUNT : RA_STEP_PRODUCTION + 1);
    }
    return subject;
}

static ra_case_t case_in(const char *word)
{
    return case_of("issue", word);
}

static ra_actor_t actor_of(const char *word, apr_pool_t *pool)
{
    const char *at = strchr(word, '@'), *detail = at ? at + 1 : "";
    const char *name = at ? apr_pstrmemdup(pool, word, (apr_size_t)(at - word)) : word;
    ra_actor_t actor = {.roles = ra_role_of(name), .scopes = ra_scope_of(name)};

    if (strcmp(word, "ra") == 0) {
        return actor;
    }
    assert_true((actor.roles != 0) != (actor.scopes != 0));
    actor.id = strcmp(detail, "own") == 0                  ? "submitter"
               : ra_step_of(detail) != RA_STEP_NONE ? others[ra_step_of(detail)]
                                                    : "somebody";
    actor.agency_id = strcmp(detail, "other") == 0 ? "another agency" : "agency of the case";
    return actor;
}

/* What the engine answers, in the words of the expectation. */
static const char *answer(const ra_case_t *subject, const ra_actor_t *actor, ra_action_e action, ra_decision_e decision,
                          apr_pool_t *pool)
{
    ra_move_t move;
    int allowed;

    memset(&move, 0x5a, sizeof(move));
    allowed = ra_lifecycle_move(&move, subject, actor, action, decision);
    assert_int_equal(allowed, move.problem == NULL);
    if (allowed) {
        assert_int_equal(move.other, RA_STEP_NONE);
        return ra_state_name(move.next);
    }
    return apr_pstrcat(pool, "refused ", move.problem, move.other == RA_STEP_NONE ? "" : " ", ra_step_name(move.other),
                       NULL);
}

static const char *answer_in_words(const char *business, const char *const words[EXPECT_COLUMNS], apr_pool_t *pool)
{
    ra_case_t subject = case_of(business, words[0]);
    ra_actor_t actor = actor_of(words[2], pool);

    return answer(&subject, &actor, action_of(words[1]), *words[3] == 'y' ? RA_DECISION_YES : RA_DECISION_NO, pool);
}

/* ---- every state × every action × every actor × every decision ---- */

typedef struct awaited_t {
    const char *state;
    const char *action;
    const char *role;
} awaited_t;

/* Where each act of a person is awaited, and whose it is (domain.md §1, §3-§8). */
static const awaited_t issue_awaited[] = {
    {"awaiting_agency", "agency_decision", "agency"},
    {"rejected:agency_decision", "agency_decision", "agency"},
    {"awaiting_acceptance", "acceptance", "acceptor"},
    {"rejected:acceptance", "acceptance", "acceptor"},
    {"awaiting_entry", "entry", "entry_officer"},
    {"rejected:review", "entry", "entry_officer"},
    {"awaiting_review", "review", "review_officer"},
    {"awaiting_production", "codes", "issuing_officer"},
    {"awaiting_production", "production", "issuing_officer"},
    {"awaiting_handover", "handover", "issuing_officer"},
    {"awaiting_archive", "archive", "archivist"},
    {"awaiting_completion", "completion", "issuing_officer"},
};
static const awaited_t renew_awaited[] = {
    {"awaiting_acceptance", "acceptance", "acceptor"},
    {"rejected:acceptance", "acceptance", "acceptor"},
    {"awaiting_entry", "entry", "entry_officer"},
    {"rejected:review", "entry", "entry_officer"},
    {"awaiting_review", "review", "review_officer"},
    {"awaiting_production", "codes", "issuing_officer"},
    {"awaiting_production", "production", "issuing_officer"},
    {"awaiting_handover", "handover", "issuing_officer"},
    {"awaiting_archive", "archive", "archivist"},
    {"awaiting_completion", "completion", "issuing_officer"},
};
static const awaited_t reissue_awaited[] = {
    {"awaiting_acceptance", "acceptance", "acceptor"},
    {"rejected:acceptance", "acceptance", "acceptor"},
    {"awaiting_entry", "entry", "entry_officer"},
    {"rejected:review", "entry", "entry_officer"},
    {"awaiting_review", "review", "review_officer"},
    {"awaiting_production", "codes", "issuing_officer"},
    {"awaiting_production", "production", "issuing_officer"},
    {"awaiting_handover", "handover", "issuing_officer"},
    {"awaiting_registration", "registration", "issuing_officer"},
    {"awaiting_archive", "archive", "archivist"},
    {"awaiting_completion", "completion", "issuing_officer"},
};
static const awaited_t revoke_awaited[] = {
    {"awaiting_acceptance", "acceptance", "acceptor"},
    {"rejected:acceptance", "acceptance", "acceptor"},
    {"awaiting_entry", "entry", "entry_officer"},
    {"rejected:review", "entry", "entry_officer"},
    {"awaiting_review", "review", "review_officer"},
    {"awaiting_archive", "archive", "archivist"},
    {"awaiting_completion", "completion", "acceptor"},
};
static const awaited_t suspend_awaited[] = {
    {"awaiting_acceptance", "acceptance", "acceptor"},
    {"rejected:acceptance", "acceptance", "acceptor"},
    {"awaiting_entry", "entry", "entry_officer"},
    {"rejected:review", "entry", "entry_officer"},
    {"awaiting_review", "review", "review_officer"},
    {"awaiting_registration", "registration", "acceptor"},
    {"awaiting_archive", "archive", "archivist"},
    {"awaiting_completion", "completion", "acceptor"},
};
static const awaited_t unlock_awaited[] = {
    {"awaiting_acceptance", "acceptance", "acceptor"},
    {"rejected:acceptance", "acceptance", "acceptor"},
    {"awaiting_operation", "operation", "technician"},
    {"awaiting_registration", "registration", "technician"},
    {"awaiting_archive", "archive", "archivist"},
    {"awaiting_completion", "completion", "technician"},
};
static const awaited_t abolish_awaited[] = {
    {"awaiting_review", "review", "manager"},
    {"awaiting_completion", "completion", "manager"},
};

/* Businesses with the same steps share a file. */
static const struct {
    const char *business;
    const char *file;
    const awaited_t *awaited;
    int awaited_count;
} businesses[] = {
    {"issue", "lifecycle_issue.expect", issue_awaited, COUNT(issue_awaited)},
    {"renew", "lifecycle_renew.expect", renew_awaited, COUNT(renew_awaited)},
    {"modify", "lifecycle_renew.expect", renew_awaited, COUNT(renew_awaited)},
    {"revoke", "lifecycle_revoke.expect", revoke_awaited, COUNT(revoke_awaited)},
    {"unlock", "lifecycle_unlock.expect", unlock_awaited, COUNT(unlock_awaited)},
    {"reissue_lost", "lifecycle_reissue.expect", reissue_awaited, COUNT(reissue_awaited)},
    {"reissue_damaged", "lifecycle_reissue.expect", reissue_awaited, COUNT(reissue_awaited)},
    {"replace_token", "lifecycle_reissue.expect", reissue_awaited, COUNT(reissue_awaited)},
    {"suspend", "lifecycle_suspend.expect", suspend_awaited, COUNT(suspend_awaited)},
    {"resume", "lifecycle_suspend.expect", suspend_awaited, COUNT(suspend_awaited)},
    {"release", "lifecycle_release.expect", NULL, 0},
    {"abolish", "lifecycle_abolish.expect", abolish_awaited, COUNT(abolish_awaited)},
};

static void compare_matrix(const char *business, const char *file, apr_pool_t *pool)
{
    expect_t *expect = expect_load(file, "matrix", matrix_words, pool);
    const char *words[EXPECT_COLUMNS];

    for (int s = 0; (words[0] = state_words[s]); s++) {
        for (int a = 0; (words[1] = action_words[a]); a++) {
            for (int w = 0; (words[2] = actor_words[w]); w++) {
                for (int d = 0; (words[3] = decision_words[d]); d++) {
                    expect_compare(expect, words, answer_in_words(business, words, pool));
                }
            }
        }
    }
    assert_int_equal(expect_finish(expect), 17 * 17 * 26 * 2);
}

static void test_every_state_action_actor_and_decision_is_as_written(void **state)
{
    for (int i = 0; i < COUNT(businesses); i++) {
        compare_matrix(businesses[i].business, businesses[i].file, *state);
    }
}

/* A business that is added to the table and not to the list above would go untested; a drill has a test of its own. */
static void test_every_business_has_an_expectation(void **state)
{
    const ra_business_t *business;
    int count = 0;

    (void)state;
    for (int i = 0; (business = ra_business_at(i)); i++) {
        count += strcmp(business->name, "drill") != 0;
    }
    assert_int_equal(count, COUNT(businesses));
    for (int i = 0; i < COUNT(businesses); i++) {
        assert_string_equal(ra_business_at(i)->name, businesses[i].business);
    }
}

/* A role, state or action that is added to the headers and not to the words above would go untested. */
static void test_the_words_name_all_that_there_is(void **state)
{
    int roles = 0, scopes = 0;

    (void)state;
    for (int i = 0; actor_words[i]; i++) {
        roles += ra_role_of(actor_words[i]) != 0;
        scopes += ra_scope_of(actor_words[i]) != 0;
    }
    assert_int_equal(roles, RA_ROLE_COUNT);
    assert_int_equal(roles, 13);
    assert_int_equal(scopes, RA_SCOPE_COUNT);
    /* `rejected` is listed three times, by who rejected, and never alone */
    assert_int_equal(COUNT(state_words) - 1 - 3 + 1, RA_STATE_COUNT);
    assert_int_equal(COUNT(action_words) - 1, RA_ACTION_COUNT);
    assert_int_equal(COUNT(step_words) - 2, RA_STEP_COUNT);
    for (int i = 0; action_words[i]; i++) {
        assert_int_equal(action_of(action_words[i]), i);
    }
}

/* ---- the same person in two steps ---- */

static int may_be_rejected(const char *action)
{
    return strcmp(action, "agency_decision") == 0 || strcmp(action, "acceptance") == 0 || strcmp(action, "review") == 0;
}

/* Every step has a hand, whether it counts in this state or not: the engine must find the pair from both sides. */
static const char *answer_after(const char *business, const awaited_t *at, const char *done, ra_decision_e decision,
                                apr_pool_t *pool)
{
    ra_case_t subject = case_of(business, at->state);
    ra_actor_t actor = actor_of(at->role, pool);

    do_steps_before(&subject, RA_STEP_COUNT);
    if (strcmp(done, "nothing") != 0) {
        subject.hands[ra_step_of(done)] = actor.id;
    }
    return answer(&subject, &actor, action_of(at->action), decision, pool);
}

/* @return combinations */
static int compare_hands(expect_t *expect, const char *business, const awaited_t *at, apr_pool_t *pool)
{
    int count = 0;

    for (int s = 0; step_words[s]; s++) {
        const char *words[EXPECT_COLUMNS] = {at->state, at->action, step_words[s], "yes"};

        expect_compare(expect, words, answer_after(business, at, step_words[s], RA_DECISION_YES, pool));
        count++;
        words[3] = "no";
        if (may_be_rejected(at->action)) {
            expect_compare(expect, words, answer_after(business, at, step_words[s], RA_DECISION_NO, pool));
            count++;
        }
    }
    return count;
}

static void test_the_same_person_in_two_steps_is_as_written(void **state)
{
    for (int i = 0; i < COUNT(businesses); i++) {
        /* without an act of a person there are no hands to compare */
        expect_t *expect = businesses[i].awaited_count > 0 ? expect_load(businesses[i].file, "hands", hands_words, *state) : NULL;
        int count = 0;

        for (int a = 0; a < businesses[i].awaited_count; a++) {
            count += compare_hands(expect, businesses[i].business, &businesses[i].awaited[a], *state);
        }
        assert_true(!expect || expect_finish(expect) == count);
    }
}

static void assert_answer(const ra_case_t *subject, const ra_actor_t *actor, const char *action, const char *wanted,
                          apr_pool_t *pool)
{
    assert_string_equal(answer(subject, actor, action_of(action), RA_DECISION_YES, pool), wanted);
}

/* All three roles in one person change nothing: the person is the unit of separation, not the role (domain.md §1). */
static void test_several_roles_of_one_person_do_not_lift_the_separation(void **state)
{
    ra_actor_t actor = {.id = "one person",
                        .roles = RA_ROLE_ENTRY_OFFICER | RA_ROLE_REVIEW_OFFICER | RA_ROLE_ISSUING_OFFICER};
    ra_case_t subject = case_in("awaiting_review");

    subject.hands[RA_STEP_ENTRY] = "one person";
    assert_answer(&subject, &actor, "review", "refused separation-of-duty entry", *state);
    subject = case_in("awaiting_production");
    subject.hands[RA_STEP_REVIEW] = "one person";
    assert_answer(&subject, &actor, "codes", "refused separation-of-duty review", *state);
    assert_answer(&subject, &actor, "production", "refused separation-of-duty review", *state);
    subject = case_in("awaiting_entry");
    assert_answer(&subject, &actor, "entry", "awaiting_review", *state);
}

/* The id decides by its text: the database gives a new string for every request. */
static void test_hands_are_compared_by_their_text(void **state)
{
    ra_actor_t actor = actor_of("review_officer", *state);
    ra_case_t subject = case_in("awaiting_review");

    subject.hands[RA_STEP_ENTRY] = apr_pstrdup(*state, "somebody");
    assert_ptr_not_equal(subject.hands[RA_STEP_ENTRY], actor.id);
    assert_answer(&subject, &actor, "review", "refused separation-of-duty entry", *state);
    subject.hands[RA_STEP_ENTRY] = "somebody else";
    assert_answer(&subject, &actor, "review", "awaiting_production", *state);
}

/* A business system is a hand like a person: it cannot produce what it has entered or reviewed, were that ever
 * possible. */
static void test_a_system_with_the_scope_produces_unless_it_is_another_hand(void **state)
{
    ra_actor_t actor = actor_of("applications.produce", *state);
    ra_case_t subject = case_in("awaiting_production");

    assert_answer(&subject, &actor, "production", "in_production", *state);
    assert_answer(&subject, &actor, "codes", "refused access-denied", *state);
    subject.hands[RA_STEP_ENTRY] = actor.id;
    assert_answer(&subject, &actor, "production", "refused separation-of-duty entry", *state);
    subject.hands[RA_STEP_ENTRY] = others[RA_STEP_ENTRY];
    subject.hands[RA_STEP_REVIEW] = actor.id;
    assert_answer(&subject, &actor, "production", "refused separation-of-duty review", *state);
}

/* Who drew the codes is the producer: reviewing or entering is closed to that person, another producer may still use
 * the codes. */
static void test_who_drew_the_codes_counts_as_the_producer(void **state)
{
    ra_actor_t actor = actor_of("entry_officer", *state);
    ra_case_t subject = case_in("awaiting_production");

    subject.hands[RA_STEP_PRODUCTION] = "somebody";
    subject.state = RA_STATE_AWAITING_ENTRY;
    assert_answer(&subject, &actor, "entry", "refused separation-of-duty production", *state);
    subject.state = RA_STATE_AWAITING_REVIEW;
    actor.roles = RA_ROLE_REVIEW_OFFICER;
    assert_answer(&subject, &actor, "review", "refused separation-of-duty production", *state);
    subject.state = RA_STATE_AWAITING_PRODUCTION;
    actor.roles = RA_ROLE_ISSUING_OFFICER;
    assert_answer(&subject, &actor, "codes", "awaiting_production", *state);
    assert_answer(&subject, &actor, "production", "in_production", *state);
    actor.id = "another issuing officer";
    assert_answer(&subject, &actor, "production", "in_production", *state);
}

/* Without an agency on one side or the other nobody is the subscriber's own agency. */
static void test_no_agency_is_nobodys_agency(void **state)
{
    ra_actor_t actor = actor_of("agency", *state);
    ra_case_t subject = case_in("awaiting_agency");

    subject.agency_id = NULL;
    assert_answer(&subject, &actor, "agency_decision", "refused access-denied", *state);
    actor.agency_id = NULL;
    assert_answer(&subject, &actor, "agency_decision", "refused access-denied", *state);
}

/* Nobody has handed over, so nobody is the person who did. */
static void test_completion_without_a_hand_over_is_refused(void **state)
{
    ra_actor_t actor = actor_of("issuing_officer", *state);
    ra_case_t subject = case_in("awaiting_completion");

    subject.hands[RA_STEP_HANDOVER] = NULL;
    assert_answer(&subject, &actor, "completion", "refused same-person-required handover", *state);
}

/* ---- whole runs ---- */

typedef struct stage_t {
    const char *actor;
    const char *action;
    ra_decision_e decision;
    const char *state; /* afterwards */
} stage_t;

/* Walks a case through the stages; each actor is a person of their own, named after their role, as an application keeps
 * its hands. */
static void walk_of(const char *business, const stage_t *stages, int count, apr_pool_t *pool)
{
    ra_case_t subject = case_of(business, ra_state_name(ra_lifecycle_first(ra_business_find(business))));

    for (int i = 0; i < count; i++) {
        const stage_t *stage = &stages[i];
        ra_actor_t actor = actor_of(stage->actor, pool);
        ra_action_e action = action_of(stage->action);
        ra_move_t move;

        actor.id = actor.id ? stage->actor : NULL;
        if (!ra_lifecycle_move(&move, &subject, &actor, action, stage->decision)) {
            fail_msg("stage %d: %s by %s is refused: %s", i, stage->action, stage->actor, move.problem);
        }
        assert_string_equal(ra_state_name(move.next), stage->state);
        if (move.next == RA_STATE_REJECTED) {
            subject.rejected_step = (ra_step_e)action;
        } else if ((int)action < RA_ACTION_STEPS) {
            subject.hands[action] = actor.id;
        } else if (action == RA_ACTION_EDIT) {
            memset(subject.hands, 0, sizeof(subject.hands));
        }
        subject.state = move.next;
    }
}

static void walk(const stage_t *stages, int count, apr_pool_t *pool)
{
    walk_of("issue", stages, count, pool);
}

static void test_the_main_job_goes_from_submission_to_completion(void **state)
{
    static const stage_t stages[] = {
        {"agency", "agency_decision", RA_DECISION_YES, "awaiting_acceptance"},
        {"acceptor", "acceptance", RA_DECISION_YES, "awaiting_entry"},
        {"entry_officer", "entry", RA_DECISION_YES, "awaiting_review"},
        {"review_officer", "review", RA_DECISION_YES, "awaiting_production"},
        {"issuing_officer", "codes", RA_DECISION_YES, "awaiting_production"},
        {"issuing_officer", "production", RA_DECISION_YES, "in_production"},
        {"ra", "not_made", RA_DECISION_YES, "awaiting_production"},
        {"issuing_officer", "codes", RA_DECISION_YES, "awaiting_production"},
        {"applications.produce", "production", RA_DECISION_YES, "in_production"},
        {"ra", "made", RA_DECISION_YES, "awaiting_handover"},
        {"issuing_officer", "handover", RA_DECISION_YES, "awaiting_archive"},
        {"archivist", "archive", RA_DECISION_YES, "awaiting_completion"},
        {"issuing_officer", "completion", RA_DECISION_YES, "completed"},
    };

    walk(stages, COUNT(stages), *state);
}

/* A rejection "can be corrected and submitted again" (§3-§8), and so may be decided anew without a correction. */
static void test_each_rejection_has_its_way_back(void **state)
{
    static const stage_t stages[] = {
        {"agency", "agency_decision", RA_DECISION_NO, "rejected"},
        {"agency", "agency_decision", RA_DECISION_NO, "rejected"},
        {"agency", "agency_decision", RA_DECISION_YES, "awaiting_acceptance"},
        {"acceptor", "acceptance", RA_DECISION_NO, "rejected"},
        {"acceptor", "acceptance", RA_DECISION_YES, "awaiting_entry"},
        {"entry_officer", "entry", RA_DECISION_YES, "awaiting_review"},
        {"review_officer", "review", RA_DECISION_NO, "rejected"},
        {"entry_officer", "entry", RA_DECISION_YES, "awaiting_review"},
        {"review_officer", "review", RA_DECISION_NO, "rejected"},
        {"entry_officer", "edit", RA_DECISION_YES, "awaiting_agency"},
        {"agency", "agency_decision", RA_DECISION_NO, "rejected"},
        {"acceptor", "edit", RA_DECISION_YES, "awaiting_agency"},
        {"agency", "agency_decision", RA_DECISION_YES, "awaiting_acceptance"},
        {"acceptor", "edit", RA_DECISION_YES, "awaiting_agency"},
        {"acceptor", "withdrawal", RA_DECISION_YES, "withdrawn"},
    };

    walk(stages, COUNT(stages), *state);
}

/* What the CA would not do is decided anew, and may then be given up. */
static void test_a_revocation_that_the_ca_refuses_is_decided_anew(void **state)
{
    static const stage_t stages[] = {
        {"acceptor", "acceptance", RA_DECISION_YES, "awaiting_entry"},
        {"entry_officer", "entry", RA_DECISION_YES, "awaiting_review"},
        {"review_officer", "review", RA_DECISION_YES, "in_execution"},
        {"ra", "not_made", RA_DECISION_YES, "awaiting_review"},
        {"review_officer", "review", RA_DECISION_YES, "in_execution"},
        {"ra", "not_made", RA_DECISION_YES, "awaiting_review"},
        {"review_officer", "review", RA_DECISION_NO, "rejected"},
        {"acceptor", "withdrawal", RA_DECISION_YES, "withdrawn"},
    };

    walk_of("revoke", stages, COUNT(stages), *state);
    walk_of("suspend", stages, COUNT(stages), *state);
    walk_of("resume", stages, COUNT(stages), *state);
}

static void test_an_unlocking_goes_from_acceptance_to_completion(void **state)
{
    static const stage_t stages[] = {
        {"acceptor", "acceptance", RA_DECISION_NO, "rejected"},
        {"acceptor", "edit", RA_DECISION_YES, "awaiting_acceptance"},
        {"acceptor", "acceptance", RA_DECISION_YES, "awaiting_operation"},
        {"technician", "operation", RA_DECISION_YES, "awaiting_registration"},
        {"issuing_officer", "registration", RA_DECISION_YES, "awaiting_archive"},
        {"archivist", "archive", RA_DECISION_YES, "awaiting_completion"},
        {"issuing_officer", "completion", RA_DECISION_YES, "completed"},
    };

    walk_of("unlock", stages, COUNT(stages), *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_the_words_name_all_that_there_is),
        UNIT_TEST(test_every_business_has_an_expectation),
        UNIT_TEST(test_every_state_action_actor_and_decision_is_as_written),
        UNIT_TEST(test_the_same_person_in_two_steps_is_as_written),
        UNIT_TEST(test_several_roles_of_one_person_do_not_lift_the_separation),
        UNIT_TEST(test_hands_are_compared_by_their_text),
        UNIT_TEST(test_a_system_with_the_scope_produces_unless_it_is_another_hand),
        UNIT_TEST(test_who_drew_the_codes_counts_as_the_producer),
        UNIT_TEST(test_no_agency_is_nobodys_agency),
        UNIT_TEST(test_completion_without_a_hand_over_is_refused),
        UNIT_TEST(test_the_main_job_goes_from_submission_to_completion),
        UNIT_TEST(test_each_rejection_has_its_way_back),
        UNIT_TEST(test_a_revocation_that_the_ca_refuses_is_decided_anew),
        UNIT_TEST(test_an_unlocking_goes_from_acceptance_to_completion),
    };

    return UNIT_RUN(tests);
}
