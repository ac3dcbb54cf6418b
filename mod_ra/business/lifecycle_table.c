/*
 * The table of businesses, to be read beside domain.md §3-§8 line by line.
 * Layer: business. Thread rule: constant data.
 */
#include "business/lifecycle.h"

#include <string.h>

#define ORGANISATION_SET                                                                                               \
    (RA_MATERIAL_APPLICATION_FORM | RA_MATERIAL_ORGANISATION_CODE_CERTIFICATE | RA_MATERIAL_BUSINESS_LICENCE |         \
     RA_MATERIAL_OFFICER_ID)
#define PERSON_SET (RA_MATERIAL_APPLICATION_FORM | RA_MATERIAL_APPLICANT_ID)
#define SERVER_SET                                                                                                     \
    (RA_MATERIAL_APPLICATION_FORM | RA_MATERIAL_ICP_LICENCE | RA_MATERIAL_ORGANISATION_CODE_CERTIFICATE |              \
     RA_MATERIAL_BUSINESS_LICENCE | RA_MATERIAL_APPLICANT_ID)
#define FULL_SET {[RA_KIND_PERSON] = PERSON_SET, [RA_KIND_ORGANISATION] = ORGANISATION_SET, [RA_KIND_SERVER] = SERVER_SET}
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

static const ra_business_t businesses[] = {
    {
        .name = "issue",
        .en = "New certificate",
        .zh = "证书新制",
        .form = "证书申请(更新)表",
        .kinds = ALL_KINDS,
        .materials = FULL_SET,
        .fee = 1,
        .steps = issue_steps,
        .step_count = COUNT(issue_steps),
        .separate = three_hands,
        .separate_count = COUNT(three_hands),
    },
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
