/*
 * What every unit test program needs: cmocka with what it must see first, and a pool for each test.
 * Use: `apr_pool_t *pool = *state;` in a test, UNIT_TEST(test_…) in the table, UNIT_RUN(tests) in main.
 */
#ifndef RA_TESTS_UNIT_H
#define RA_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>
#include <apr_strings.h>

static inline int unit_pool_make(void **state)
{
    return apr_pool_create((apr_pool_t **)state, NULL) == APR_SUCCESS ? 0 : -1;
}

static inline int unit_pool_drop(void **state)
{
    apr_pool_destroy(*state);
    return 0;
}

#define UNIT_TEST(function) cmocka_unit_test_setup_teardown(function, unit_pool_make, unit_pool_drop)

/** The end of main(): runs the table of tests with APR started. */
#define UNIT_RUN(tests) (apr_initialize() != APR_SUCCESS ? 1 : cmocka_run_group_tests((tests), NULL, NULL))

#endif
