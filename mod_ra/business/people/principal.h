/*
 * Who asks: a person or a business system, found by its certificate, with roles, scopes, office and agency (domain.md §1, design §5).
 * Layer: business. Read anew for every request, inside its transaction, so that disabling works at once.
 */
#ifndef RA_BUSINESS_PRINCIPAL_H
#define RA_BUSINESS_PRINCIPAL_H

#include "business/lifecycle/lifecycle.h"
#include "business/ra.h"

typedef struct ra_principal_t {
    const char *id;
    const char *name;
    int is_system;
    ra_roles_t roles;
    ra_roles_t province_roles; /* granted for the whole province */
    ra_scopes_t scopes;
    const char *office_id;     /* NULL for systems and agency people */
    const char *office_name;
    const char *office_region;
    const char *agency_id;
    const char *agency_name;
    const char *credential_sha256; /* lower-case hex */
    const char *credential_not_after;
} ra_principal_t;

/** What a business function works with. */
typedef struct ra_act_t {
    ra_t *ra;
    ra_tx_t *tx;
    const ra_principal_t *who; /* NULL: the RA itself, or the public */
} ra_act_t;

/**
 * Finds the principal of a certificate. Lives in @a pool.
 * @return APR_SUCCESS; RA_EREFUSED with RA_PROBLEM_CERTIFICATE_… (unknown, disabled, expired) or RA_PROBLEM_PRINCIPAL_DISABLED; a status of the store
 */
apr_status_t ra_principal_find(ra_principal_t **pwho, ra_tx_t *tx, ra_bytes_t certificate, apr_pool_t *pool);

/**
 * Writes the first administrator, once, when the certificate is the one that the directive names and nobody has it yet.
 * @return APR_SUCCESS when it was written, APR_ENOENT when this is not that certificate
 */
apr_status_t ra_principal_bootstrap(ra_tx_t *tx, const ra_t *ra, ra_bytes_t certificate);

/** The engine's view of a principal; @a who may be NULL for the RA itself. */
ra_actor_t ra_principal_actor(const ra_principal_t *who);
/** The same before a case of this region: of the roles those that are granted for it. What one role lets see, another does not handle. */
ra_actor_t ra_principal_actor_in(const ra_principal_t *who, const char *region);

/* --- what a principal sees (domain.md §18.11) -------------------------------------------------------------------- */

/** Which cases and subscribers are visible: everything, or a region, or an agency's and a system's own. Nothing set: nothing is visible. */
typedef struct ra_sight_t {
    int everything;
    const char *region_prefix; /* "14", "1401" or "140105" */
    const char *agency_id;
    const char *system_id;     /* its own submissions */
} ra_sight_t;

/** The widest sight that the principal's roles among @a roles (those of the operation) and its scopes give. */
ra_sight_t ra_principal_sight(const ra_principal_t *who, ra_roles_t roles, apr_pool_t *pool);

/** Is an object of this region, agency and submitter in sight? */
int ra_sight_allows(const ra_sight_t *sight, const char *region, const char *agency_id, const char *submitted_by);

#define RA_SIGHT_VALUES 2 /* at most */

/**
 * The part of a WHERE that keeps a list of applications `a` (or of another table under that alias with region_2, region_4, region, agency_id,
 * submitted_by) in sight; its values are added at values[*pcount].
 */
const char *ra_sight_clause(const ra_sight_t *sight, ra_value_t *values, int *pcount);

/** A condition on the region of `a` for a prefix of 2, 4 or 6 digits, with AND before it; "" for NULL. */
const char *ra_region_clause(const char *prefix);

/** The column that this part compares with one value: region_2, region_4, region, agency_id or submitted_by; NULL: none, or two of them. */
const char *ra_sight_column(const ra_sight_t *sight);

#endif
