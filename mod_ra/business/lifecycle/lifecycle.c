/*
 * The engine: state × action × actor → next state or a named refusal.
 * Layer: business. Pure. Thread rule: free-threaded.
 */
#include "business/lifecycle/lifecycle.h"

#include <string.h>

#include "ra_problems.h"

#define STEP_NAME(symbol, name, state, en, zh) name,
#define STEP_STATE(symbol, name, state, en, zh) state,
#define STEP_EN(symbol, name, state, en, zh) en,
#define STEP_ZH(symbol, name, state, en, zh) zh,
#define MATERIAL_NAME(symbol, name) name,

static const char *const step_names[] = {RA_STEPS(STEP_NAME)};
static const char *const step_en[] = {RA_STEPS(STEP_EN)};
static const char *const step_zh[] = {RA_STEPS(STEP_ZH)};
static const char *const state_names[] = {RA_STEPS(STEP_STATE) "in_production", "rejected", "completed", "withdrawn"};
static const char *const action_names[] = {RA_STEPS(STEP_NAME) "edit", "withdrawal", "codes", "made", "half_made", "not_made"};
static const char *const kind_names[] = {"person", "organisation", "server"};
static const char *const material_names[] = {RA_MATERIALS(MATERIAL_NAME)};
static const char *const effect_names[] = {"none", "revoke", "hold", "release"};
static const char *const fate_names[] = {"kept", "superseded", "lost", "by_cause"};
static const char *const certificate_status_names[] = {"valid", "expired", "not_yet_valid", "suspended", "revoked"};
static const char *const asks_names[] = {"cause", "revocation_reason", "token"};

/* Who may correct or withdraw: the counter, and the business system that submitted it. */
#define CORRECTORS (RA_ROLE_ACCEPTOR | RA_ROLE_ENTRY_OFFICER)

static const ra_business_step_t *find_step(const ra_business_t *business, ra_step_e step)
{
    for (int i = 0; i < business->step_count; i++) {
        if (business->steps[i].step == step) {
            return &business->steps[i];
        }
    }
    return NULL;
}

/* The state after a step is done: the next step of the business is awaited, or it is completed. */
static ra_state_e state_after(const ra_business_t *business, ra_step_e step)
{
    for (int i = 0; i + 1 < business->step_count; i++) {
        if (business->steps[i].step == step) {
            return (ra_state_e)business->steps[i + 1].step;
        }
    }
    return RA_STATE_COMPLETED;
}

/* The state in which the step before another one was awaited; there is none before the first, so the application ends. */
static ra_state_e state_before(const ra_business_t *business, ra_step_e step)
{
    for (int i = 1; i < business->step_count; i++) {
        if (business->steps[i].step == step) {
            return (ra_state_e)business->steps[i - 1].step;
        }
    }
    return RA_STATE_WITHDRAWN;
}

ra_state_e ra_lifecycle_first(const ra_business_t *business)
{
    return (ra_state_e)business->steps[0].step;
}

/* After a rejection the step that answers it may be done again: a failed review sends the work back to entry. */
static ra_step_e step_that_answers(ra_step_e rejected)
{
    return rejected == RA_STEP_REVIEW ? RA_STEP_ENTRY : rejected;
}

static int is_awaiting(const ra_case_t *subject, ra_step_e step)
{
    if (subject->state == RA_STATE_REJECTED) {
        return step_that_answers(subject->rejected_step) == step;
    }
    return subject->state == (ra_state_e)step;
}

static int is_before_entry(ra_state_e state)
{
    return state == RA_STATE_AWAITING_AGENCY_DECISION || state == RA_STATE_AWAITING_ACCEPTANCE ||
           state == RA_STATE_AWAITING_ENTRY;
}

static int is_before_production(ra_state_e state)
{
    return is_before_entry(state) || state == RA_STATE_AWAITING_REVIEW || state == RA_STATE_AWAITING_PRODUCTION ||
           state == RA_STATE_AWAITING_OPERATION;
}

static int same(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static int refuse(ra_move_t *move, const char *problem)
{
    move->problem = problem;
    return 0;
}

static int deny(ra_move_t *move, ra_roles_t roles, ra_scopes_t scopes)
{
    move->roles = roles;
    move->scopes = scopes;
    return refuse(move, RA_PROBLEM_ACCESS_DENIED);
}

/* Roles and scopes, the agency's own cases only, and never the agency that submitted it itself (§18.16). */
static int may_do_step(ra_move_t *move, const ra_case_t *subject, const ra_actor_t *actor, const ra_business_step_t *row)
{
    if (!(actor->roles & row->roles) && !(actor->scopes & row->scopes)) {
        return deny(move, row->roles, row->scopes);
    }
    if (row->step != RA_STEP_AGENCY_DECISION) {
        return 1;
    }
    if (!same(actor->agency_id, subject->agency_id)) {
        return deny(move, row->roles, row->scopes);
    }
    return same(actor->id, subject->submitted_by) ? refuse(move, RA_PROBLEM_OWN_SUBMISSION) : 1;
}

/* Is the actor already the hand of a step that must be done by somebody else? */
static int hands_are_apart(ra_move_t *move, const ra_case_t *subject, const ra_actor_t *actor, ra_step_e step)
{
    for (int i = 0; i < subject->business->separate_count; i++) {
        const ra_step_e *pair = subject->business->separate[i];
        ra_step_e other = pair[0] == step ? pair[1] : pair[1] == step ? pair[0] : RA_STEP_NONE;

        /* A step that is done anew replaces its own hand and cancels what came after it. */
        if (other != RA_STEP_NONE && same(subject->hands[other], actor->id)) {
            move->other = other;
            return refuse(move, RA_PROBLEM_SEPARATION_OF_DUTY);
        }
    }
    return 1;
}

static int can_be_rejected(ra_step_e step)
{
    return step == RA_STEP_AGENCY_DECISION || step == RA_STEP_ACCEPTANCE || step == RA_STEP_REVIEW;
}

/* Steps, and drawing codes, which is the first half of production. */
static int move_step(ra_move_t *move, const ra_case_t *subject, const ra_actor_t *actor, ra_action_e action,
                     ra_decision_e decision)
{
    ra_step_e step = action == RA_ACTION_CODES ? RA_STEP_PRODUCTION : (ra_step_e)action;
    const ra_business_step_t *row = find_step(subject->business, step);

    if (!row) {
        return refuse(move, RA_PROBLEM_STATE_CONFLICT);
    }
    if (action == RA_ACTION_CODES && !(actor->roles & row->roles)) {
        return deny(move, row->roles, RA_SCOPE_NONE);
    }
    if (!may_do_step(move, subject, actor, row)) {
        return 0;
    }
    if (!is_awaiting(subject, step) || (decision == RA_DECISION_NO && !can_be_rejected(step))) {
        return refuse(move, RA_PROBLEM_STATE_CONFLICT);
    }
    if (!hands_are_apart(move, subject, actor, step)) {
        return 0;
    }
    if (row->same_hand != RA_STEP_NONE && !same(actor->id, subject->hands[row->same_hand])) {
        move->other = row->same_hand;
        return refuse(move, RA_PROBLEM_SAME_PERSON_REQUIRED);
    }
    if (decision == RA_DECISION_NO) {
        move->next = subject->business->by_ra ? RA_STATE_WITHDRAWN : RA_STATE_REJECTED; /* there is nobody to correct it */
    } else if (action == RA_ACTION_CODES) {
        move->next = subject->state;
    } else {
        move->next = step == RA_STEP_PRODUCTION ? RA_STATE_IN_PRODUCTION : state_after(subject->business, step);
    }
    return 1;
}

static int may_correct(const ra_case_t *subject, const ra_actor_t *actor)
{
    return !subject->business->by_ra &&
           ((actor->roles & CORRECTORS) || ((actor->scopes & RA_SCOPE_APPLICATIONS_SUBMIT) && same(actor->id, subject->submitted_by)));
}

static int move_correction(ra_move_t *move, const ra_case_t *subject, const ra_actor_t *actor, ra_action_e action)
{
    int edit = action == RA_ACTION_EDIT;

    if (!may_correct(subject, actor)) {
        return subject->business->by_ra ? deny(move, RA_ROLE_NONE, RA_SCOPE_NONE) : deny(move, CORRECTORS, RA_SCOPE_APPLICATIONS_SUBMIT);
    }
    if (subject->state != RA_STATE_REJECTED &&
        !(edit ? is_before_entry(subject->state) : is_before_production(subject->state))) {
        return refuse(move, RA_PROBLEM_STATE_CONFLICT);
    }
    /* Editing cancels approvals: the application begins again. */
    move->next = edit ? ra_lifecycle_first(subject->business) : RA_STATE_WITHDRAWN;
    return 1;
}

static int move_by_ra(ra_move_t *move, const ra_case_t *subject, const ra_actor_t *actor, ra_action_e action)
{
    if (actor->id) {
        return refuse(move, RA_PROBLEM_ACCESS_DENIED);
    }
    if (subject->state == RA_STATE_AWAITING_EXECUTION && action != RA_ACTION_HALF_MADE && find_step(subject->business, RA_STEP_EXECUTION)) {
        move->next = action == RA_ACTION_MADE ? state_after(subject->business, RA_STEP_EXECUTION) : state_before(subject->business, RA_STEP_EXECUTION);
        return 1;
    }
    if (subject->state != RA_STATE_IN_PRODUCTION || !find_step(subject->business, RA_STEP_PRODUCTION)) {
        return refuse(move, RA_PROBLEM_STATE_CONFLICT);
    }
    if (action == RA_ACTION_HALF_MADE) {
        return 1;
    }
    move->next = action == RA_ACTION_MADE ? state_after(subject->business, RA_STEP_PRODUCTION)
                                          : RA_STATE_AWAITING_PRODUCTION;
    return 1;
}

int ra_lifecycle_move(ra_move_t *move, const ra_case_t *subject, const ra_actor_t *actor, ra_action_e action,
                      ra_decision_e decision)
{
    move->next = subject->state;
    move->problem = NULL;
    move->other = RA_STEP_NONE;
    move->roles = RA_ROLE_NONE;
    move->scopes = RA_SCOPE_NONE;
    switch (action) {
    case RA_ACTION_MADE:
    case RA_ACTION_HALF_MADE:
    case RA_ACTION_NOT_MADE:
        return move_by_ra(move, subject, actor, action);
    case RA_ACTION_EDIT:
    case RA_ACTION_WITHDRAWAL:
        return move_correction(move, subject, actor, action);
    default:
        return move_step(move, subject, actor, action, decision);
    }
}

int ra_state_is_closed(ra_state_e state)
{
    return state == RA_STATE_COMPLETED || state == RA_STATE_WITHDRAWN;
}

static int index_of(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    return count;
}

const char *ra_step_name(ra_step_e step)
{
    return step < RA_STEP_COUNT ? step_names[step] : "";
}

const char *ra_step_title(ra_step_e step, int english)
{
    return step < RA_STEP_COUNT ? (english ? step_en[step] : step_zh[step]) : "";
}

ra_step_e ra_step_of(const char *name)
{
    return (ra_step_e)index_of(step_names, RA_STEP_COUNT, name);
}

const char *ra_state_name(ra_state_e state)
{
    return state < RA_STATE_COUNT ? state_names[state] : "";
}

ra_state_e ra_state_of(const char *name)
{
    return (ra_state_e)index_of(state_names, RA_STATE_COUNT, name);
}

const char *ra_action_name(ra_action_e action)
{
    return action < RA_ACTION_COUNT ? action_names[action] : "";
}

const char *ra_kind_name(ra_kind_e kind)
{
    return kind < RA_KIND_COUNT ? kind_names[kind] : "";
}

ra_kind_e ra_kind_of(const char *name)
{
    return (ra_kind_e)index_of(kind_names, RA_KIND_COUNT, name);
}

static const char *name_of_lowest(const char *const *names, int count, unsigned set)
{
    for (int i = 0; i < count; i++) {
        if (set & (1u << i)) {
            return names[i];
        }
    }
    return "";
}

const char *ra_material_name(unsigned material)
{
    return name_of_lowest(material_names, RA_MATERIAL_COUNT, material);
}

const char *ra_certificate_status_name(unsigned status)
{
    return name_of_lowest(certificate_status_names, RA_CERTIFICATE_STATUS_COUNT, status);
}

const char *ra_asks_name(unsigned asks)
{
    return name_of_lowest(asks_names, RA_ASKS_COUNT, asks);
}

const char *ra_effect_name(ra_effect_e effect)
{
    return effect_names[effect];
}

const char *ra_fate_name(const ra_business_t *business)
{
    return business->takes && find_step(business, RA_STEP_PRODUCTION) ? fate_names[business->fate] : NULL;
}

unsigned ra_material_of(const char *name)
{
    int index = index_of(material_names, RA_MATERIAL_COUNT, name);

    return index < RA_MATERIAL_COUNT ? 1u << index : 0;
}
