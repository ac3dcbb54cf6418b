/*
 * The table of businesses, to be read beside domain.md §3-§8 line by line.
 * Layer: business. Thread rule: constant data.
 */
#include "business/lifecycle/lifecycle.h"

#include <string.h>

#define ORGANISATION_SET                                                                                               \
    (RA_MATERIAL_APPLICATION_FORM | RA_MATERIAL_ORGANISATION_CODE_CERTIFICATE | RA_MATERIAL_BUSINESS_LICENCE |         \
     RA_MATERIAL_OFFICER_ID)
#define PERSON_SET (RA_MATERIAL_APPLICATION_FORM | RA_MATERIAL_APPLICANT_ID)
#define SERVER_SET                                                                                                     \
    (RA_MATERIAL_APPLICATION_FORM | RA_MATERIAL_ICP_LICENCE | RA_MATERIAL_ORGANISATION_CODE_CERTIFICATE |              \
     RA_MATERIAL_BUSINESS_LICENCE | RA_MATERIAL_APPLICANT_ID)
#define FULL_SET {[RA_KIND_PERSON] = PERSON_SET, [RA_KIND_ORGANISATION] = ORGANISATION_SET, [RA_KIND_SERVER] = SERVER_SET}
/* "Officer's ID": for person and server certificates the applicant's ID instead */
#define OFFICER_SET                                                                                                    \
    {[RA_KIND_PERSON] = PERSON_SET,                                                                                    \
     [RA_KIND_ORGANISATION] = RA_MATERIAL_APPLICATION_FORM | RA_MATERIAL_OFFICER_ID,                                   \
     [RA_KIND_SERVER] = RA_MATERIAL_APPLICATION_FORM | RA_MATERIAL_APPLICANT_ID}
#define ALL_KINDS ((1u << RA_KIND_PERSON) | (1u << RA_KIND_ORGANISATION) | (1u << RA_KIND_SERVER))

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* §3 新制: agency approval → accept → enter → review → make with codes → inspect and hand over → archive → complete */
static const ra_business_step_t issue_steps[] = {
    {RA_STEP_AGENCY_DECISION, RA_ROLE_AGENCY, RA_SCOPE_AGENCY_DECIDE, RA_STEP_NONE},
    {RA_STEP_ACCEPTANCE, RA_ROLE_ACCEPTOR, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ENTRY, RA_ROLE_ENTRY_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_REVIEW, RA_ROLE_REVIEW_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_PRODUCTION, RA_ROLE_ISSUING_OFFICER, RA_SCOPE_APPLICATIONS_PRODUCE, RA_STEP_NONE},
    {RA_STEP_HANDOVER, RA_ROLE_ISSUING_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ARCHIVE, RA_ROLE_ARCHIVIST, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_COMPLETION, RA_ROLE_ISSUING_OFFICER, RA_SCOPE_NONE, RA_STEP_HANDOVER},
};

/* §18.1: entry, review and production are pairwise different persons in every business */
static const ra_step_e three_hands[][2] = {
    {RA_STEP_ENTRY, RA_STEP_REVIEW},
    {RA_STEP_ENTRY, RA_STEP_PRODUCTION},
    {RA_STEP_REVIEW, RA_STEP_PRODUCTION},
};

/* §4, §5: as a new certificate without the agency */
static const ra_business_step_t remake_steps[] = {
    {RA_STEP_ACCEPTANCE, RA_ROLE_ACCEPTOR, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ENTRY, RA_ROLE_ENTRY_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_REVIEW, RA_ROLE_REVIEW_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_PRODUCTION, RA_ROLE_ISSUING_OFFICER, RA_SCOPE_APPLICATIONS_PRODUCE, RA_STEP_NONE},
    {RA_STEP_HANDOVER, RA_ROLE_ISSUING_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ARCHIVE, RA_ROLE_ARCHIVIST, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_COMPLETION, RA_ROLE_ISSUING_OFFICER, RA_SCOPE_NONE, RA_STEP_HANDOVER},
};

/* §8a-§8c: hand over, register */
static const ra_business_step_t reissue_steps[] = {
    {RA_STEP_ACCEPTANCE, RA_ROLE_ACCEPTOR, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ENTRY, RA_ROLE_ENTRY_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_REVIEW, RA_ROLE_REVIEW_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_PRODUCTION, RA_ROLE_ISSUING_OFFICER, RA_SCOPE_APPLICATIONS_PRODUCE, RA_STEP_NONE},
    {RA_STEP_HANDOVER, RA_ROLE_ISSUING_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_REGISTRATION, RA_ROLE_ISSUING_OFFICER | RA_ROLE_ACCEPTOR, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ARCHIVE, RA_ROLE_ARCHIVIST, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_COMPLETION, RA_ROLE_ISSUING_OFFICER, RA_SCOPE_NONE, RA_STEP_HANDOVER},
};

/* §6: accept → enter → review → at the CA → archive → complete */
static const ra_business_step_t status_steps[] = {
    {RA_STEP_ACCEPTANCE, RA_ROLE_ACCEPTOR, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ENTRY, RA_ROLE_ENTRY_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_REVIEW, RA_ROLE_REVIEW_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_EXECUTION, RA_ROLE_NONE, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ARCHIVE, RA_ROLE_ARCHIVIST, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_COMPLETION, RA_ROLE_ACCEPTOR | RA_ROLE_ENTRY_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
};

/* §8d, §8e: as a revocation, and the certificate is registered 登记 before the papers go to the archive (fifth step of the source) */
static const ra_business_step_t suspension_steps[] = {
    {RA_STEP_ACCEPTANCE, RA_ROLE_ACCEPTOR, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ENTRY, RA_ROLE_ENTRY_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_REVIEW, RA_ROLE_REVIEW_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_EXECUTION, RA_ROLE_NONE, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_REGISTRATION, RA_ROLE_ISSUING_OFFICER | RA_ROLE_ACCEPTOR, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ARCHIVE, RA_ROLE_ARCHIVIST, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_COMPLETION, RA_ROLE_ACCEPTOR | RA_ROLE_ENTRY_OFFICER, RA_SCOPE_NONE, RA_STEP_NONE},
};

/* §8, §18.5: after six months the RA itself asks the CA, nobody decides */
static const ra_business_step_t release_steps[] = {
    {RA_STEP_EXECUTION, RA_ROLE_NONE, RA_SCOPE_NONE, RA_STEP_NONE},
};

/* §8, §18.14: the manager approves what the RA has opened */
static const ra_business_step_t abolish_steps[] = {
    {RA_STEP_REVIEW, RA_ROLE_MANAGER, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_EXECUTION, RA_ROLE_NONE, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_COMPLETION, RA_ROLE_MANAGER, RA_SCOPE_NONE, RA_STEP_NONE},
};

/* §7: accept → operate → register → archive → complete (no review) */
static const ra_business_step_t unlock_steps[] = {
    {RA_STEP_ACCEPTANCE, RA_ROLE_ACCEPTOR, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_OPERATION, RA_ROLE_ISSUING_OFFICER | RA_ROLE_ACCEPTOR | RA_ROLE_TECHNICIAN, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_REGISTRATION, RA_ROLE_ISSUING_OFFICER | RA_ROLE_ACCEPTOR | RA_ROLE_TECHNICIAN, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_ARCHIVE, RA_ROLE_ARCHIVIST, RA_SCOPE_NONE, RA_STEP_NONE},
    {RA_STEP_COMPLETION, RA_ROLE_ISSUING_OFFICER | RA_ROLE_ACCEPTOR | RA_ROLE_TECHNICIAN, RA_SCOPE_NONE, RA_STEP_REGISTRATION},
};

/* §6, §8d, §8e have no production: two hands */
static const ra_step_e two_hands[][2] = {
    {RA_STEP_ENTRY, RA_STEP_REVIEW},
};

/* §18.2: who unlocks is not who accepted */
static const ra_step_e unlock_hands[][2] = {
    {RA_STEP_ACCEPTANCE, RA_STEP_OPERATION},
};

#define STEPS(name) .steps = name, .step_count = COUNT(name)
#define HANDS(name) .separate = name, .separate_count = COUNT(name)
#define FORM_APPLY .form = "证书申请(更新)表", .form_en = "Certificate application (renewal) form"
#define FORM_CHANGE .form = "证书变更、挂起、解挂、吊销表", .form_en = "Certificate change, suspension, resumption and revocation form"
#define FORM_UNLOCK .form = "数字证书解锁申请表", .form_en = "Certificate unlocking form"
#define FORM_NONE .form = "任务完成记录单", .form_en = "Task completion record" /* the only paper of what the RA opens itself */
#define LIVING (RA_CERTIFICATE_VALID | RA_CERTIFICATE_SUSPENDED)

static const ra_business_t businesses[] = {
    {.name = "issue", .en = "New certificate", .zh = "证书新制", FORM_APPLY, .kinds = ALL_KINDS, .materials = FULL_SET,
     .fee = 1, STEPS(issue_steps), HANDS(three_hands)},
    {.name = "renew", .en = "Renewal", .zh = "到期更新", FORM_APPLY, .kinds = ALL_KINDS, .materials = OFFICER_SET,
     .fee = 1, .takes = RA_CERTIFICATE_VALID | RA_CERTIFICATE_EXPIRED, .keeps_key = 1, .fate = RA_FATE_KEPT,
     STEPS(remake_steps), HANDS(three_hands)},
    {.name = "modify", .en = "Change", .zh = "证书变更", FORM_CHANGE, .kinds = ALL_KINDS, .materials = FULL_SET,
     .takes = RA_CERTIFICATE_VALID, .changes_name = 1, .fate = RA_FATE_SUPERSEDED, STEPS(remake_steps), HANDS(three_hands)},
    {.name = "revoke", .en = "Revocation", .zh = "证书吊销", FORM_CHANGE, .kinds = ALL_KINDS, .materials = FULL_SET,
     .takes = LIVING | RA_CERTIFICATE_NOT_YET_VALID, .asks = RA_ASKS_REVOCATION_REASON, .effect = RA_EFFECT_REVOKE, STEPS(status_steps), HANDS(two_hands)},
    {.name = "unlock", .en = "Unlocking", .zh = "证书解锁", FORM_UNLOCK, .kinds = ALL_KINDS, .materials = OFFICER_SET,
     .takes = RA_CERTIFICATE_VALID, STEPS(unlock_steps), HANDS(unlock_hands)},
    {.name = "reissue_lost", .en = "Lost: re-issue", .zh = "丢失补办", FORM_CHANGE, .kinds = ALL_KINDS, .materials = FULL_SET,
     .fee = 1, .takes = LIVING, .tells_void = 1, .fate = RA_FATE_LOST, STEPS(reissue_steps), HANDS(three_hands)},
    {.name = "reissue_damaged", .en = "Damaged: renewal", .zh = "损坏更新", FORM_CHANGE, .kinds = ALL_KINDS, .materials = FULL_SET,
     .fee = 1, .takes = LIVING, .asks = RA_ASKS_TOKEN, .fate = RA_FATE_SUPERSEDED, STEPS(reissue_steps), HANDS(three_hands)},
    {.name = "replace_token", .en = "Token re-issue", .zh = "EKey 补发", FORM_CHANGE, .kinds = ALL_KINDS, .materials = FULL_SET,
     .fee = 1, .takes = LIVING, .asks = RA_ASKS_CAUSE, .fate = RA_FATE_BY_CAUSE, STEPS(reissue_steps), HANDS(three_hands)},
    {.name = "suspend", .en = "Suspension", .zh = "证书挂起", FORM_CHANGE, .kinds = ALL_KINDS, .materials = FULL_SET,
     .takes = RA_CERTIFICATE_VALID, .effect = RA_EFFECT_HOLD, STEPS(suspension_steps), HANDS(two_hands)},
    {.name = "resume", .en = "Resumption", .zh = "证书解挂", FORM_CHANGE, .kinds = ALL_KINDS, .materials = FULL_SET,
     .takes = RA_CERTIFICATE_SUSPENDED, .effect = RA_EFFECT_RELEASE, STEPS(suspension_steps), HANDS(two_hands)},
    {.name = "release", .en = "Release at the end of the suspension", .zh = "挂起期满解挂", FORM_NONE, .kinds = ALL_KINDS,
     .takes = RA_CERTIFICATE_SUSPENDED, .effect = RA_EFFECT_RELEASE, .by_ra = 1, STEPS(release_steps)},
    {.name = "abolish", .en = "Abolition", .zh = "证书废除", FORM_NONE, .kinds = ALL_KINDS,
     .takes = RA_CERTIFICATE_SUSPENDED, .asks = RA_ASKS_REVOCATION_REASON, .effect = RA_EFFECT_REVOKE, .by_ra = 1, STEPS(abolish_steps)},
};

#ifdef RA_TEST_BUILD
extern const ra_business_t ra_test_businesses[];
extern const int ra_test_business_count;
#endif

const ra_business_t *ra_business_at(int index)
{
    if (index >= 0 && index < COUNT(businesses)) {
        return &businesses[index];
    }
#ifdef RA_TEST_BUILD
    if (index >= COUNT(businesses) && index - COUNT(businesses) < ra_test_business_count) {
        return &ra_test_businesses[index - COUNT(businesses)];
    }
#endif
    return NULL;
}

const ra_business_t *ra_business_find(const char *name)
{
    const ra_business_t *business;

    for (int i = 0; name && (business = ra_business_at(i)); i++) {
        if (strcmp(business->name, name) == 0) {
            return business;
        }
    }
    return NULL;
}
