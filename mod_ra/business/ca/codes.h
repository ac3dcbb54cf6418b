/*
 * Reference code 参考码 and authorisation code 授权码 (domain.md §2, design §9): drawn once after review, used once at production.
 * Layer: business.
 */
#ifndef RA_BUSINESS_CODES_H
#define RA_BUSINESS_CODES_H

#include "business/application/application.h"

/* In SQL, of a pair of codes `k`: can it still be used? */
#define RA_CODES_USABLE "k.live IS NOT NULL AND k.expires_at > UTC_TIMESTAMP(6)"

/**
 * Draws a pair for the application; an earlier one becomes void. Who draws them counts as the producer. RA_EREFUSED: the engine's problems, _CERTIFICATE_STATE.
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

/** A pair of codes as a CMP message names it: by its reference code. */
typedef struct ra_code_pair_t {
    const char *id;
    const char *application_id;
    const char *drawn_by;
    const char *secret;  /* 授权码, clean form; wiped with the pool */
    const char *grouped; /* the same as it was shown, in groups with dashes */
} ra_code_pair_t;

/**
 * Finds the pair of a reference code, whatever its state: only who proves to know the secret may learn the state.
 * @param reference as typed; @param pool the pair's
 * @return APR_ENOENT when there is none (or it is not readable)
 */
apr_status_t ra_codes_find(ra_code_pair_t **ppair, const ra_act_t *act, const char *reference, apr_pool_t *pool);

/**
 * Uses up a pair whose secret was proved by other means than showing it (a CMP message's protection).
 * RA_EREFUSED: _CODES_MISSING (used up or void) _CODE_EXPIRED _CODE_LOCKED
 */
apr_status_t ra_codes_use_proved(const ra_act_t *act, const char *id);

/**
 * Erases secrets that nobody needs any more: of pairs used a day ago (unless a CMP transaction still goes on) and of
 * pairs that ended a week ago. In portions; for ra_periodic_run().
 */
apr_status_t ra_codes_forget(ra_tx_t *tx, void *unused);

/** Counts a wrong try; nothing happens to a pair that is used up or void already. */
apr_status_t ra_codes_count_wrong(const ra_act_t *act, const char *id);

/** Pure part, for tests: the canonical form of a typed code (upper case, no separators, O→0, I and L→1); NULL when a character is impossible. */
const char *ra_code_clean(const char *typed, apr_pool_t *pool);
/** Is the last character of a clean authorisation code its check character? */
int ra_code_is_well_typed(const char *clean);
/** A clean code in the groups in which it was shown. */
const char *ra_code_grouped(const char *clean, apr_pool_t *pool);
/** Random bytes as a code in groups of five with a check character at the end. */
const char *ra_code_make(ra_bytes_t random, apr_pool_t *pool);

#endif
