/*
 * The life cycle of applications: one constant table of businesses (domain.md §3-§8) and one pure engine that runs them all (design §6).
 * Layer: business. Pure: no I/O, no allocation, no clock. Thread rule: constant data, free-threaded.
 *
 * A business is an ordered list of steps; the state of an open application names the step it waits for. A new business is a row.
 */
#ifndef RA_BUSINESS_LIFECYCLE_H
#define RA_BUSINESS_LIFECYCLE_H

#include "business/people/roles.h"

/* X(symbol, API name, state while it is awaited, English, 中文) */
#define RA_STEPS(X)                                                                                                    \
    X(AGENCY_DECISION, "agency_decision", "awaiting_agency", "Agency approval", "经办单位审批")                         \
    X(ACCEPTANCE, "acceptance", "awaiting_acceptance", "Acceptance", "受理")                                           \
    X(ENTRY, "entry", "awaiting_entry", "Entry", "录入")                                                               \
    X(REVIEW, "review", "awaiting_review", "Review", "审核")                                                           \
    X(EXECUTION, "execution", "in_execution", "Execution at the CA", "CA 执行")                                        \
    X(PRODUCTION, "production", "awaiting_production", "Production", "制证")                                           \
    X(OPERATION, "operation", "awaiting_operation", "Operation on the token", "解锁操作")                              \
    X(HANDOVER, "handover", "awaiting_handover", "Inspection and hand-over", "检查发放")                               \
    X(REGISTRATION, "registration", "awaiting_registration", "Registration", "登记")                                   \
    X(ARCHIVE, "archive", "awaiting_archive", "Archive", "归档")                                                       \
    X(COMPLETION, "completion", "awaiting_completion", "Completion record", "任务完成记录")

#define RA_STEP_SYMBOL(symbol, name, state, en, zh) RA_STEP_##symbol,
typedef enum { RA_STEPS(RA_STEP_SYMBOL) RA_STEP_COUNT, RA_STEP_NONE = RA_STEP_COUNT } ra_step_e;

/* A state is "awaiting step N" (same numbers as the steps), or one of these. */
#define RA_STATE_AWAITING(symbol, name, state, en, zh) RA_STATE_AWAITING_##symbol,
typedef enum {
    RA_STEPS(RA_STATE_AWAITING)
    RA_STATE_IN_PRODUCTION, /* the CA has the request */
    RA_STATE_REJECTED,      /* can be corrected and submitted again */
    RA_STATE_COMPLETED,
    RA_STATE_WITHDRAWN,
    RA_STATE_COUNT,
    RA_STATE_UNKNOWN = RA_STATE_COUNT
} ra_state_e;

/* What can happen to an application: its steps (same numbers), and these. */
typedef enum {
    RA_ACTION_STEPS = RA_STEP_COUNT, /* actions below this are steps */
    RA_ACTION_EDIT = RA_STEP_COUNT,
    RA_ACTION_WITHDRAWAL,
    RA_ACTION_CODES,    /* reference and authorisation code drawn */
    RA_ACTION_MADE,     /* the CA's certificate is stored; by the RA itself */
    RA_ACTION_HALF_MADE, /* the first certificate of a pair is stored, the second is asked for; by the RA itself */
    RA_ACTION_NOT_MADE, /* the attempt at the CA failed for good; by the RA itself */
    RA_ACTION_COUNT
} ra_action_e;

typedef enum { RA_DECISION_YES, RA_DECISION_NO } ra_decision_e;

/* Kinds of certificate and materials 证明材料 (domain.md §2) */
typedef enum { RA_KIND_PERSON, RA_KIND_ORGANISATION, RA_KIND_SERVER, RA_KIND_COUNT } ra_kind_e;

#define RA_MATERIALS(X)                                                                                                \
    X(APPLICATION_FORM, "application_form")                                                                            \
    X(ORGANISATION_CODE_CERTIFICATE, "organisation_code_certificate")                                                  \
    X(BUSINESS_LICENCE, "business_licence")                                                                            \
    X(OFFICER_ID, "officer_id")                                                                                        \
    X(APPLICANT_ID, "applicant_id")                                                                                    \
    X(ICP_LICENCE, "icp_licence")                                                                                      \
    X(WIRE_VOUCHER, "wire_voucher")
#define RA_MATERIAL_ORDINAL(symbol, name) RA_MATERIAL_ORDINAL_##symbol,
enum { RA_MATERIALS(RA_MATERIAL_ORDINAL) RA_MATERIAL_COUNT };
#define RA_MATERIAL_BIT(symbol, name) RA_MATERIAL_##symbol = 1u << RA_MATERIAL_ORDINAL_##symbol,
typedef enum { RA_MATERIALS(RA_MATERIAL_BIT) RA_MATERIAL_NONE = 0 } ra_material_e;

/** What a business does at the upstream CA once the review has passed, without a new certificate (§6, §8d, §8e). */
typedef enum { RA_EFFECT_NONE, RA_EFFECT_REVOKE, RA_EFFECT_HOLD, RA_EFFECT_RELEASE } ra_effect_e;

/** What becomes of the old certificate when a new one is made (§3-§8, fourth column). */
typedef enum {
    RA_FATE_KEPT,       /* it runs out */
    RA_FATE_SUPERSEDED, /* revoked: superseded, or affiliation changed where the application says so */
    RA_FATE_LOST,       /* revoked: its key is out of the holder's hands */
    RA_FATE_BY_CAUSE    /* lost, damaged or changed: as the application says */
} ra_fate_e;

/* States of a certificate, as sets: which of them a business takes */
typedef enum {
    RA_CERTIFICATE_VALID = 1,
    RA_CERTIFICATE_EXPIRED = 2,
    RA_CERTIFICATE_NOT_YET_VALID = 4,
    RA_CERTIFICATE_SUSPENDED = 8,
    RA_CERTIFICATE_REVOKED = 16
} ra_certificate_status_e;
#define RA_CERTIFICATE_STATUS_COUNT 5

/* What the application must say beyond its form, as sets */
typedef enum { RA_ASKS_CAUSE = 1, RA_ASKS_REVOCATION_REASON = 2, RA_ASKS_TOKEN = 4 } ra_asks_e;
#define RA_ASKS_COUNT 3

/** Who does one step of one business. */
typedef struct ra_business_step_t {
    ra_step_e step;
    ra_roles_t roles;
    ra_scopes_t scopes;   /* of business systems that may do it instead */
    ra_step_e same_hand;  /* only by the person who did that step; RA_STEP_NONE: anybody with the role */
} ra_business_step_t;

/** One row of the table: one business. */
typedef struct ra_business_t {
    const char *name; /* API value */
    const char *en;
    const char *zh;
    const char *form; /* 表 */
    const char *form_en;
    unsigned kinds;   /* set of 1 << ra_kind_e */
    unsigned materials[RA_KIND_COUNT]; /* sets of ra_material_e */
    int fee;          /* production is blocked until it is settled or waived */
    unsigned takes;   /* set of ra_certificate_status_e of the certificate it is about; 0: it is about none */
    unsigned asks;    /* set of ra_asks_e */
    int changes_name; /* the subject name may differ from the old certificate's */
    int keeps_key;    /* the old certificate's key may be used again */
    int tells_void;   /* the subscriber must be told that the old certificate becomes void (§8a) */
    int by_ra;        /* only the RA itself opens it; nobody corrects or withdraws it, and a rejection ends it (§8, §18.14) */
    ra_effect_e effect;
    ra_fate_e fate;
    const ra_business_step_t *steps;
    int step_count;
    const ra_step_e (*separate)[2]; /* pairs of steps that two different persons must do */
    int separate_count;
} ra_business_t;

/** The rows. Test builds may add rows of their own (tests/fixtures). */
const ra_business_t *ra_business_at(int index); /* NULL past the end */
const ra_business_t *ra_business_find(const char *name);

/** An application as the engine sees it. */
typedef struct ra_case_t {
    const ra_business_t *business;
    ra_state_e state;
    ra_step_e rejected_step;           /* with RA_STATE_REJECTED */
    const char *hands[RA_STEP_COUNT];  /* person (or system) who did each step that counts now; NULL: nobody yet */
    const char *submitted_by; /* NULL: the RA itself */
    const char *agency_id;
} ra_case_t;

/** Who acts; all NULL and zero for the RA itself. */
typedef struct ra_actor_t {
    const char *id;
    ra_roles_t roles;   /* zero for a system */
    ra_scopes_t scopes; /* zero for a person */
    const char *agency_id;
} ra_actor_t;

/** The engine's answer. */
typedef struct ra_move_t {
    ra_state_e next;         /* when problem is NULL */
    const char *problem;     /* RA_PROBLEM_STATE_CONFLICT, _ACCESS_DENIED, _SEPARATION_OF_DUTY, _SAME_PERSON_REQUIRED, _OWN_SUBMISSION */
    ra_step_e other;         /* the step whose hand is in the way, or is demanded */
    ra_roles_t roles;        /* with RA_PROBLEM_ACCESS_DENIED: who may */
    ra_scopes_t scopes;
} ra_move_t;

/**
 * May this actor do this now, and where does it lead?
 * Order of checks: is the actor of the kind that does it; does the state allow it; are the hands apart.
 * @return 1 and move->next, or 0 and move->problem
 */
int ra_lifecycle_move(ra_move_t *move, const ra_case_t *subject, const ra_actor_t *actor, ra_action_e action, ra_decision_e decision);

/**
 * One way in which an actor may do a step: applications of this business and state, but for those that the persons exclude. Found by asking the engine, so
 * that what it says and what a list shows cannot differ.
 */
typedef struct ra_opening_t {
    const ra_business_t *business;
    ra_state_e state;
    ra_step_e rejected_step;     /* with RA_STATE_REJECTED */
    ra_step_e step;              /* that the actor may do */
    ra_roles_t roles;            /* of the actor's those by which it may: where they are not granted, the opening is not */
    unsigned excluded_hands;     /* set of 1 << ra_step_e: the actor must not be the hand of these */
    ra_step_e required_hand;     /* the actor must be the hand of this; RA_STEP_NONE: no matter */
    int not_own;                 /* the actor must not have submitted it */
    int own_agency;              /* it must be a case of the actor's agency */
} ra_opening_t;

typedef void (*ra_opening_fn)(void *baton, const ra_opening_t *opening);

/** Tells every opening of the actor, each step of each application in at most one. */
void ra_lifecycle_openings(const ra_actor_t *actor, ra_opening_fn tell, void *baton);
/** Is the case of this opening, for this actor? */
int ra_opening_holds(const ra_opening_t *opening, const ra_case_t *subject, const ra_actor_t *actor);

/** First state of a business. */
ra_state_e ra_lifecycle_first(const ra_business_t *business);
/** Is an application in this state finished (no longer open)? */
int ra_state_is_closed(ra_state_e state);

const char *ra_step_name(ra_step_e step);       /* "" for RA_STEP_NONE */
const char *ra_step_title(ra_step_e step, int english);
ra_step_e ra_step_of(const char *name);         /* RA_STEP_NONE */
const char *ra_state_name(ra_state_e state);
ra_state_e ra_state_of(const char *name);       /* RA_STATE_UNKNOWN */
const char *ra_action_name(ra_action_e action); /* the step's name, or "edit" "withdrawal" "codes" "made" "half_made" "not_made" */
const char *ra_kind_name(ra_kind_e kind);
ra_kind_e ra_kind_of(const char *name);         /* RA_KIND_COUNT */
const char *ra_material_name(unsigned material); /* lowest bit */
unsigned ra_material_of(const char *name);       /* 0 */
const char *ra_effect_name(ra_effect_e effect);  /* "none" "revoke" "hold" "release" */
const char *ra_certificate_status_name(unsigned status); /* lowest bit; the API's word */
const char *ra_asks_name(unsigned asks);         /* lowest bit; the member of createApplication */
/** What becomes of the old certificate: "kept" "superseded" "lost" "by_cause". NULL: the business makes none in the place of another. */
const char *ra_fate_name(const ra_business_t *business);

#endif
