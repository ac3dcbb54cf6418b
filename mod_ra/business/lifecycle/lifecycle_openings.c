/*
 * What an actor may do, as conditions on applications instead of on one of them: the engine is asked about made-up cases, each differing from the plain one
 * in a single fact. It weighs these facts one by one, so the answers put together are its answer for every real case (tests/unit/test_openings.c).
 * Layer: business. Pure. Thread rule: free-threaded.
 */
#include "business/lifecycle/lifecycle.h"

#include <string.h>

/* Who did a step, submitted a case or owns it when it is not the actor. */
#define SOMEBODY "somebody else"

typedef enum { CAN, CANNOT, CANNOT_UNLESS_SAME_HAND } answer_e;

static answer_e ask(const ra_opening_t *opening, const ra_case_t *subject, const ra_actor_t *actor)
{
    ra_move_t move;

    if (ra_lifecycle_move(&move, subject, actor, (ra_action_e)opening->step, RA_DECISION_YES)) {
        return CAN;
    }
    return move.other != RA_STEP_NONE ? CANNOT_UNLESS_SAME_HAND : CANNOT;
}

/* A case in which no fact about persons speaks against the actor, but for a step that only its former hand may do. */
static ra_case_t plain_case(const ra_opening_t *opening, const ra_actor_t *actor)
{
    return (ra_case_t){
        .business = opening->business,
        .state = opening->state,
        .rejected_step = opening->rejected_step,
        .submitted_by = SOMEBODY,
        .agency_id = actor->agency_id,
    };
}

/* Does the step need the actor to be the hand of another? That one is then taken as given for the questions that follow. */
static int find_required_hand(ra_opening_t *opening, ra_case_t *subject, const ra_actor_t *actor)
{
    for (int i = 0; i < RA_STEP_COUNT; i++) {
        subject->hands[i] = actor->id;
        if (ask(opening, subject, actor) == CAN) {
            opening->required_hand = (ra_step_e)i;
            return 1;
        }
        subject->hands[i] = NULL;
    }
    return 0;
}

static void find_exclusions(ra_opening_t *opening, ra_case_t subject, const ra_actor_t *actor)
{
    for (int i = 0; i < RA_STEP_COUNT; i++) {
        const char *hand = subject.hands[i];

        subject.hands[i] = actor->id;
        if (ask(opening, &subject, actor) != CAN) {
            opening->excluded_hands |= 1u << i;
        }
        subject.hands[i] = hand;
    }
    subject.submitted_by = actor->id;
    opening->not_own = ask(opening, &subject, actor) != CAN;
    subject.submitted_by = SOMEBODY;
    subject.agency_id = SOMEBODY;
    opening->own_agency = ask(opening, &subject, actor) != CAN;
}

/* @return 1 when there are cases of this business, state and step that the actor may do */
static int is_open(ra_opening_t *opening, const ra_actor_t *actor)
{
    ra_case_t subject = plain_case(opening, actor);

    switch (ask(opening, &subject, actor)) {
    case CAN:
        break;
    case CANNOT_UNLESS_SAME_HAND:
        if (!find_required_hand(opening, &subject, actor)) {
            return 0;
        }
        break;
    default:
        return 0;
    }
    find_exclusions(opening, subject, actor);
    return 1;
}

static void tell_openings_of(const ra_business_t *business, ra_state_e state, ra_step_e rejected_step, const ra_actor_t *actor, ra_opening_fn tell,
                             void *baton)
{
    for (int i = 0; i < business->step_count; i++) {
        ra_opening_t opening = {
            .business = business,
            .state = state,
            .rejected_step = rejected_step,
            .step = business->steps[i].step,
            .roles = business->steps[i].roles & actor->roles,
            .required_hand = RA_STEP_NONE,
        };

        if (is_open(&opening, actor)) {
            tell(baton, &opening);
        }
    }
}

void ra_lifecycle_openings(const ra_actor_t *actor, ra_opening_fn tell, void *baton)
{
    const ra_business_t *business;

    for (int i = 0; actor->id && (business = ra_business_at(i)); i++) {
        for (int state = 0; state < RA_STATE_COUNT; state++) {
            if (state != RA_STATE_REJECTED) {
                tell_openings_of(business, (ra_state_e)state, RA_STEP_NONE, actor, tell, baton);
                continue;
            }
            for (int step = 0; step < RA_STEP_COUNT; step++) {
                tell_openings_of(business, RA_STATE_REJECTED, (ra_step_e)step, actor, tell, baton);
            }
        }
    }
}

static int same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

int ra_opening_holds(const ra_opening_t *opening, const ra_case_t *subject, const ra_actor_t *actor)
{
    if (subject->business != opening->business || subject->state != opening->state ||
        (opening->state == RA_STATE_REJECTED && subject->rejected_step != opening->rejected_step)) {
        return 0;
    }
    for (int i = 0; i < RA_STEP_COUNT; i++) {
        if ((opening->excluded_hands & (1u << i)) && same(subject->hands[i], actor->id)) {
            return 0;
        }
    }
    return (opening->required_hand == RA_STEP_NONE || same(subject->hands[opening->required_hand], actor->id)) &&
           !(opening->not_own && same(subject->submitted_by, actor->id)) &&
           !(opening->own_agency && !same(subject->agency_id, actor->agency_id));
}
