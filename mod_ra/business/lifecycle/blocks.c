/* What can stand in the way of a step. Layer: business. */
#include "business/lifecycle/blocks.h"

#include <apr_strings.h>

#include "business/application/subscriber_record.h"
#include "business/ca/codes.h"
#include "business/ca/pair.h"
#include "business/ca/revocation.h"
#include "business/lifecycle/target.h"
#include "ra_problems.h"

typedef struct block_t {
    ra_step_e step;
    int (*concerns)(const ra_business_t *business);
    const char *when;
    const char *problem;
    const char *first; /* half of the step with which a person clears it away; a business system cannot, and waits */
    int asks_sight;    /* `when` has a placeholder for what the caller may see */
} block_t;

static int holds(const ra_business_t *business)
{
    return business->effect == RA_EFFECT_HOLD;
}

static int releases(const ra_business_t *business)
{
    return business->effect == RA_EFFECT_RELEASE;
}

static int revokes(const ra_business_t *business)
{
    return business->effect == RA_EFFECT_REVOKE;
}

static int replaces(const ra_business_t *business)
{
    return business->fate != RA_FATE_KEPT;
}

static int confirms(const ra_business_t *business)
{
    return !business->by_ra;
}

static int any(const ra_business_t *business)
{
    return business != NULL;
}

static const block_t blocks[] = {
    {RA_STEP_REVIEW, holds, RA_TARGET_REVOKED, RA_PROBLEM_CERTIFICATE_STATE, NULL, 0},
    {RA_STEP_REVIEW, ra_target_must_be_in_use, RA_TARGET_NOT_IN_USE, RA_PROBLEM_CERTIFICATE_STATE, NULL, 0},
    {RA_STEP_REVIEW, holds, RA_CERTIFICATE_BUSY(RA_LEFT_TO_HOLD), RA_PROBLEM_CERTIFICATE_BUSY, NULL, 0},
    {RA_STEP_REVIEW, releases, RA_CERTIFICATE_BUSY(RA_LEFT_TO_RELEASE), RA_PROBLEM_CERTIFICATE_BUSY, NULL, 0},
    {RA_STEP_REVIEW, revokes, RA_CERTIFICATE_BUSY(RA_LEFT_TO_REVOKE), RA_PROBLEM_CERTIFICATE_BUSY, NULL, 0},
    {RA_STEP_REVIEW, confirms, "EXISTS (SELECT 1 FROM subscribers s WHERE s.id = a.subscriber_id AND " RA_SUBSCRIBER_OUTSIDE ")", RA_PROBLEM_REGION_OUTSIDE,
     NULL, 1},
    {RA_STEP_PRODUCTION, any, RA_PAIR_IS_STUCK, RA_PROBLEM_CERTIFICATE_STATE, NULL, 0},
    {RA_STEP_PRODUCTION, ra_target_must_be_in_use, RA_TARGET_NOT_TO_BE_REMADE, RA_PROBLEM_CERTIFICATE_STATE, NULL, 0},
    {RA_STEP_PRODUCTION, any, "NOT EXISTS (SELECT 1 FROM production_codes k WHERE k.live = a.id AND " RA_CODES_USABLE ")", RA_PROBLEM_CODES_MISSING, "codes", 0},
    {RA_STEP_HANDOVER, any, "NOT " RA_PAIR_KEY_FETCHED, RA_PROBLEM_ENCRYPTION_KEY_NOT_FETCHED, "encryption_key", 0},
    {RA_STEP_COMPLETION, replaces, RA_OLD_CERTIFICATE_OPEN, RA_PROBLEM_OLD_CERTIFICATE_OPEN, NULL, 0},
};

#define BLOCKS ((int)(sizeof(blocks) / sizeof(blocks[0])))

/* Who sees everything is never outside. */
static int is_for(const block_t *block, const ra_principal_t *who, apr_pool_t *pool)
{
    return block->asks_sight ? !ra_subscriber_sees_all(who, pool) : !block->first || who->is_system;
}

/* "'suspend', 'resume'": names of the table, no input. */
static const char *businesses_of(const block_t *block, apr_pool_t *pool)
{
    const ra_business_t *business;
    const char *names = "''";

    for (int i = 0; (business = ra_business_at(i)); i++) {
        if (block->concerns(business)) {
            names = apr_pstrcat(pool, names, ", '", business->name, "'", NULL);
        }
    }
    return names;
}

const char *ra_block_expression(ra_step_e step, const ra_principal_t *who, ra_value_t *values, int *pcount, apr_pool_t *pool)
{
    const char *sql = NULL;

    for (int i = 0; i < BLOCKS; i++) {
        const block_t *block = &blocks[i];

        if (block->step != step || !is_for(block, who, pool)) {
            continue;
        }
        if (block->asks_sight) {
            values[(*pcount)++] = ra_subscriber_seen(who, pool);
        }
        sql = apr_pstrcat(pool, sql ? sql : "CASE", " WHEN a.business IN (", businesses_of(block, pool), ") AND ", block->when, " THEN '", block->problem,
                          "'", NULL);
    }
    return sql ? apr_pstrcat(pool, sql, " END", NULL) : NULL;
}

const char *ra_block_beginning(apr_pool_t *pool)
{
    const char *sql = "CASE";

    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i].first) {
            sql = apr_pstrcat(pool, sql, " WHEN t.step = '", ra_step_name(blocks[i].step), "' AND ", blocks[i].when, " THEN '", blocks[i].first, "'", NULL);
        }
    }
    return apr_pstrcat(pool, sql, " END", NULL);
}
