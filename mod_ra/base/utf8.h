/*
 * UTF-8 as RFC 3629 defines it, one code point at a time: no surrogates, no overlong forms, nothing above U+10FFFF.
 * Layer: base. Thread rule: pure functions.
 */
#ifndef RA_BASE_UTF8_H
#define RA_BASE_UTF8_H

#include <apr.h>

#define RA_UTF8_MAX 4 /* bytes of one code point */

/**
 * Reads the code point at the start of @a text.
 * @param pcode the code point; may be NULL
 * @return its length in bytes (1..4), or 0 when @a len is 0 or the bytes are not UTF-8
 */
apr_size_t ra_utf8_read(apr_uint32_t *pcode, const char *text, apr_size_t len);

/** Writes a Unicode scalar value; returns its length in bytes (1..4). */
apr_size_t ra_utf8_write(char bytes[RA_UTF8_MAX], apr_uint32_t code);

#endif
