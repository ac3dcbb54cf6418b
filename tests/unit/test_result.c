/* Results: the first problem explains, violations are bounded. */
#include "unit.h"

#include "base/limits.h"
#include "base/result.h"

static void test_the_first_problem_stays(void **state)
{
    ra_result_t *result = ra_result_make(*state);

    assert_int_equal(ra_refuse(result, "first", "why"), RA_EREFUSED);
    assert_int_equal(ra_unavailable(result, "second", 5, "else"), RA_EUNAVAILABLE);
    assert_string_equal(result->problem, "first");
    assert_string_equal(result->log_detail, "why");
    assert_int_equal(result->retry_after, 0);
}

static void test_a_detail_noted_before_the_problem_is_kept(void **state)
{
    ra_result_t *result = ra_result_make(*state);

    result->log_detail = "the certificate is cut";
    ra_refuse(result, "unreadable", NULL);
    assert_string_equal(result->log_detail, "the certificate is cut");
}

static void test_unavailable_says_when_to_come_back(void **state)
{
    ra_result_t *result = ra_result_make(*state);

    assert_int_equal(ra_unavailable(result, "ca-down", 30, NULL), RA_EUNAVAILABLE);
    assert_int_equal(result->retry_after, 30);
    assert_null(result->log_detail);
}

static void test_violations_beyond_the_maximum_are_not_kept(void **state)
{
    ra_result_t *result = ra_result_make(*state);
    ra_violation_t *first = ra_result_violation(result, "/first", "code");

    for (int i = 1; i < RA_VIOLATIONS_MAX + 10; i++) {
        assert_non_null(ra_result_violation(result, "/more", "code"));
    }
    assert_int_equal(result->violations->nelts, RA_VIOLATIONS_MAX);
    assert_ptr_equal(first, result->violations->elts);
    assert_string_equal(first->pointer, "/first");
}

static void test_a_cleared_result_is_as_new(void **state)
{
    ra_result_t *result = ra_result_make(*state);

    ra_result_param(result, "name", "value");
    ra_result_violation_param(result, "/a", "too-long", "max", "5");
    ra_unavailable(result, "ca-down", 30, "x");
    result->keep = 1;
    ra_result_clear(result);
    assert_null(result->problem);
    assert_null(result->log_detail);
    assert_true(apr_is_empty_table(result->params));
    assert_int_equal(result->violations->nelts, 0);
    assert_int_equal(result->retry_after, 0);
    assert_int_equal(result->keep, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_the_first_problem_stays),
        UNIT_TEST(test_a_detail_noted_before_the_problem_is_kept),
        UNIT_TEST(test_unavailable_says_when_to_come_back),
        UNIT_TEST(test_violations_beyond_the_maximum_are_not_kept),
        UNIT_TEST(test_a_cleared_result_is_as_new),
    };

    return UNIT_RUN(tests);
}
