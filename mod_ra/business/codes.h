/*
 * Reference code 参考码 and authorisation code 授权码 (domain.md §2, design §9): drawn once after review, used once at production.
 * Layer: business.
 */
#ifndef RA_BUSINESS_CODES_H
#define RA_BUSINESS_CODES_H

#include "business/application.h"

/**
 * Draws a pair for the application; an earlier one becomes void. Who draws them counts as the producer.
 * @param pcodes {reference_code, authorisation_code, expires_at, tries_left}: shown once, never stored in clear
 */
apr_status_t ra_codes_draw(ra_json_t **pcodes, const ra_act_t *act, ra_application_t *application);

/**
 * Checks the pair against the application's live codes and uses them up (in this transaction).
 * A wrong pair counts: RA_EREFUSED with RA_PROBLEM_CODE_INVALID and result->keep, so that the count is committed. A mistyped authorisation code (its check character is wrong) does not count.
 * Others: _CODES_MISSING _CODE_EXPIRED _CODE_LOCKED.
 * @param pid the code row's id
 */
apr_status_t ra_codes_use(const char **pid, const ra_act_t *act, const ra_application_t *application, const char *reference,
                          const char *authorisation);

/** Pure part, for tests: the canonical form of a typed code (upper case, no separators, O→0, I and L→1); NULL when a character is impossible. */
const char *ra_code_clean(const char *typed, apr_pool_t *pool);
/** Is the last character of a clean authorisation code its check character? */
int ra_code_is_well_typed(const char *clean);
/** Random bytes as a code in groups of five with a check character at the end. */
const char *ra_code_make(ra_bytes_t random, apr_pool_t *pool);

#endif
