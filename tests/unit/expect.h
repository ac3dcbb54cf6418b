/*
 * Expectations that people write and read: lines `a, b | * | ! c | d -> result` in a file beside the test, in sections
 * `[name]`. A column is a list of words; `*` is every word, `! a, b` every word but these. `#` begins a comment line.
 */
#ifndef RA_TESTS_EXPECT_H
#define RA_TESTS_EXPECT_H

#include <apr_pools.h>

#define EXPECT_COLUMNS 4

/** The words that a column may hold, NULL terminated: a misspelt one fails the test instead of matching nothing. */
typedef const char *const *expect_words_t;

typedef struct expect_t expect_t;

/** Reads one section of a file in tests/unit. Fails the test when a line is not understood. Lives in @a pool. */
expect_t *expect_load(const char *file, const char *section, const expect_words_t words[EXPECT_COLUMNS],
                      apr_pool_t *pool);

/** Compares one combination with what the file says of it; a difference, no line or a second line is printed and
 * counted. */
void expect_compare(expect_t *expect, const char *const values[EXPECT_COLUMNS], const char *result);

/** Fails the test after differences, and when a line has matched nothing. @return how many combinations were compared
 */
int expect_finish(const expect_t *expect);

#endif
