/*
 * Text: Unicode normalisation and checks (utf8proc) and bounded regular expressions (PCRE2).
 * Layer: base; text.c is the only file that includes utf8proc.h and pcre2.h.
 */
#ifndef RA_BASE_TEXT_H
#define RA_BASE_TEXT_H

#include <apr_errno.h>
#include <apr_pools.h>

/** Valid UTF-8 (no surrogates, no overlong forms, no U+0000)? @a len bytes. */
int ra_text_is_utf8(const char *text, apr_size_t len);

/** Code points of a valid UTF-8 string. */
apr_size_t ra_text_length(const char *text);

/**
 * The search key of a name: NFKC, case folded, every white space and every kind of bracket removed or unified
 * (full-width （） 〔〕 【】 and ASCII become one), so that what a person types finds what another typed (design §7).
 * @return in @a pool, or NULL when @a name is not valid UTF-8 or the key is empty
 */
const char *ra_text_name_key(const char *name, apr_pool_t *pool);

/**
 * NFC form with white space trimmed at both ends and runs of inner white space made one space; NULL when not valid, or when a character falls apart in NFC:
 * what was measured by its length must not grow.
 */
const char *ra_text_clean(const char *text, apr_pool_t *pool);

/**
 * Does the name hold characters that deceive the eye: control or format characters (zero width, bidirectional), private use, unassigned,
 * or a mixture of scripts that look alike (Latin with Cyrillic or Greek)? Han, Latin, digits and common punctuation together are fine.
 */
int ra_text_is_deceptive(const char *name);

/** "localhost", "127.0.0.1" or "::1", exactly so: a host of this machine, to which TLS is not demanded. NULL is none. */
int ra_is_loopback(const char *host);

/** A compiled pattern of ECMA-262 style as OpenAPI uses it (Unicode, unanchored); immutable, shared by threads. */
typedef struct ra_pattern_t ra_pattern_t;
/** @return APR_EINVAL with *perror (in pool) when it does not compile. Lives as long as @a pool. */
apr_status_t ra_pattern_compile(ra_pattern_t **ppattern, const char *source, const char **perror, apr_pool_t *pool);
/** 1 match, 0 no match or match limit reached. */
int ra_pattern_match(const ra_pattern_t *pattern, const char *subject, apr_size_t len);

#endif
