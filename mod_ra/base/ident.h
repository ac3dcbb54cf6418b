/*
 * Identifiers that mod_ra makes or checks: UUIDv7 (RFC 9562), the human application number 受理号, RFC 3339 times.
 * Layer: base. Thread rule: all functions are free-threaded.
 */
#ifndef RA_BASE_IDENT_H
#define RA_BASE_IDENT_H

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_time.h>

#define RA_UUID_BYTES 16
#define RA_UUID_TEXT 36

/** A new UUIDv7 as lower-case text; NULL when the random generator fails. */
const char *ra_uuid_make(apr_pool_t *pool);
/** Strict lower- or upper-case 8-4-4-4-12; APR_EINVAL otherwise. */
apr_status_t ra_uuid_parse(unsigned char uuid[RA_UUID_BYTES], const char *text);
const char *ra_uuid_text(const unsigned char uuid[RA_UUID_BYTES], apr_pool_t *pool);

/**
 * 受理号: day (8 digits, Asia/Shanghai), 7 random digits, 1 check digit (ISO 7064 MOD 11,10): 16 digits, easy by phone and on paper, and not to be guessed
 * from a neighbour's. Uniqueness is the database's affair.
 */
const char *ra_application_number_make(apr_time_t now, apr_pool_t *pool);
/** As ra_application_number_make() for a form filled in beforehand: another half of the day's numbers, so that no application can draw one of these. */
const char *ra_prefill_number_make(apr_time_t now, apr_pool_t *pool);
int ra_application_number_is_valid(const char *text);

/** Decimal digits, all random but the last, which is the check digit (ISO 7064 MOD 11,10); NULL when the random generator fails. */
const char *ra_digits_make(apr_size_t count, apr_pool_t *pool);
/** Decimal digits with a right check digit at the end? */
int ra_digits_are_well_typed(const char *digits);

/** ISO 7064 MOD 11,10 check digit over decimal digits; 0..9. */
int ra_mod1110_check(const char *digits, apr_size_t len);

/** "2026-11-23T08:15:30.123456Z" without the fraction when it is zero. */
const char *ra_rfc3339(apr_time_t time, apr_pool_t *pool);
/** Strict RFC 3339 date-time with offset; APR_EINVAL. */
apr_status_t ra_rfc3339_parse(apr_time_t *ptime, const char *text);
/** Is there such a day in the Gregorian calendar? Negative numbers are answered with 0. */
int ra_day_exists(int year, int month, int day);
/** Strict full-date of RFC 3339 that exists in the calendar. */
int ra_date_is_valid(const char *text);

#endif
