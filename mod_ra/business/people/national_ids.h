/*
 * The numbers by which the state names people and organisations, and their check characters (domain.md §2):
 * 居民身份证 GB 11643-1999, 统一社会信用代码 GB 32100-2015, 组织机构代码 GB 11714-1997.
 * Layer: business, pure. Thread rule: free-threaded.
 *
 * Letters may be typed in either case. White space is no part of a number. NULL is not valid.
 */
#ifndef RA_BUSINESS_NATIONAL_IDS_H
#define RA_BUSINESS_NATIONAL_IDS_H

#include <apr_pools.h>

/** 18 characters: a province that exists, a birth date that exists, the check character. */
int ra_national_id_is_valid(const char *text);

/** 18 characters: digits for the region, an organisation code at places 9-17, the check character. */
int ra_uscc_is_valid(const char *text);

/** 8 characters, perhaps a hyphen, the check character. */
int ra_organisation_code_is_valid(const char *text);

/* The form in which a number is stored and compared: upper case, no hyphen. NULL when it is not valid. */
const char *ra_national_id_clean(const char *text, apr_pool_t *pool);
const char *ra_uscc_clean(const char *text, apr_pool_t *pool);
const char *ra_organisation_code_clean(const char *text, apr_pool_t *pool);

#endif
