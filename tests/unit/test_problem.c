/* Problem documents: language, texts, placeholders, words, violations. */
#include "spec_fixture.h"

#include "api/problem.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static const struct {
    const char *header;
    const char *language;
} languages[] = {
    {NULL, "zh-CN"},
    {"", "zh-CN"},
    {"en", "en"},
    {"EN-gb", "en"},
    {"zh", "zh-CN"},
    {"zh-TW,en;q=0.9", "zh-CN"},
    {"en,zh;q=0.9", "en"},
    {"en;q=0.5, zh-CN;q=0.8", "zh-CN"},
    {"zh;q=0.5, en", "en"},
    {"en,zh", "en"},
    {"zh,en", "zh-CN"},
    {"fr", "zh-CN"},
    {"fr, en;q=0.2", "en"},
    {"*", "zh-CN"},
    {"*, en;q=0.5", "zh-CN"},
    {"*;q=0.1, en;q=0.5", "en"},
    {"en;q=0", "zh-CN"},
    {"zh;q=0, en;q=0.1", "en"},
    {"en;q=2", "zh-CN"},
    {"en;q=abc", "zh-CN"},
    {";;,,;", "zh-CN"},
    {"english", "zh-CN"},
    {"e", "zh-CN"},
};

static void test_the_language_is_the_one_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(languages); i++) {
        const char *found = ra_language_tag(ra_language_choose(languages[i].header));
        if (strcmp(found, languages[i].language) != 0) {
            fail_msg("%s: %s", languages[i].header, found);
        }
    }
}

static ra_json_t *made(const ra_result_t *result, ra_language_e language, apr_pool_t *pool)
{
    return ra_problem_make(fixture_spec(pool), result, language, "0af7651916cd43dd8448eb211c80319c", pool);
}

static void test_a_problem_has_the_members_of_rfc_9457_and_ours(void **state)
{
    ra_result_t *result = ra_result_make(*state);

    assert_int_equal(ra_refuse(result, RA_PROBLEM_BODY_INVALID, "not for the caller"), RA_EREFUSED);
    ra_result_violation_param(result, "/name", RA_VIOLATION_TOO_LONG, "max", "100");
    ra_result_violation(result, "query:limit", RA_VIOLATION_REQUIRED);
    assert_string_equal(
        ra_json_print(made(result, RA_LANGUAGE_EN, *state), *state),
        "{\"type\":\"/api/v1/problems/body-invalid\",\"title\":\"The content does not meet the "
        "requirements\",\"status\":422,"
        "\"detail\":\"Correct each item listed in errors, then submit again.\",\"code\":\"body-invalid\","
        "\"errors\":[{\"pointer\":\"/name\",\"code\":\"too-long\",\"detail\":\"has more than 100 characters\"},"
        "{\"pointer\":\"query:limit\",\"code\":\"required\",\"detail\":\"is required\"}],"
        "\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\"}");
    const ra_json_t *chinese = made(result, RA_LANGUAGE_ZH_CN, *state);
    assert_string_equal(ra_json_get_string(chinese, "title"), "填写的内容不符合要求");
    assert_string_equal(ra_json_get_string(ra_json_first(ra_json_get(chinese, "errors")), "detail"), "最多 100 个字符");
}

static void test_words_of_the_api_are_said_in_the_readers_language(void **state)
{
    ra_result_t *result = ra_result_make(*state);

    ra_refuse(result, RA_PROBLEM_STATE_CONFLICT, NULL);
    ra_result_param(result, "step", "review");
    ra_result_param(result, "state", "awaiting_entry");
    ra_result_param(result, "possible", "entry, withdrawal");
    assert_string_equal(ra_json_get_string(made(result, RA_LANGUAGE_ZH_CN, *state), "detail"),
                        "状态为“待录入”时不能办理“审核”。现在可以办理：录入、撤回。");
    assert_string_equal(
        ra_json_get_string(made(result, RA_LANGUAGE_EN, *state), "detail"),
        "The step “review” is not possible in the state “awaiting entry”. Possible now: entry, withdrawal.");
    ra_result_param(result, "possible", "");
    ra_result_param(result, "step", "brewing");
    assert_string_equal(ra_json_get_string(made(result, RA_LANGUAGE_EN, *state), "detail"),
                        "The step “brewing” is not possible in the state “awaiting entry”. Possible now: nothing.");
}

static void test_a_value_is_never_read_as_a_placeholder_or_word(void **state)
{
    ra_result_t *result = ra_result_make(*state);

    ra_refuse(result, RA_PROBLEM_BODY_INVALID, NULL);
    ra_result_violation_param(result, "/a", RA_VIOLATION_NOT_THE_VALUE, "expected", "{expected} manager");
    const ra_json_t *errors = ra_json_get(made(result, RA_LANGUAGE_EN, *state), "errors");
    assert_string_equal(ra_json_get_string(ra_json_first(errors), "detail"), "must be {expected} manager");
}

static void test_a_missing_value_leaves_a_gap(void **state)
{
    ra_result_t *result = ra_result_make(*state);

    ra_refuse(result, RA_PROBLEM_SEPARATION_OF_DUTY, NULL);
    ra_result_param(result, "other", "entry");
    assert_string_equal(ra_json_get_string(made(result, RA_LANGUAGE_EN, *state), "detail"),
                        "You did the step “entry” of this case, so somebody else must do the step “…”.");
}

static void test_retry_after_is_told(void **state)
{
    ra_result_t *result = ra_result_make(*state);

    ra_unavailable(result, RA_PROBLEM_OVERLOADED, 3, NULL);
    assert_int_equal(ra_json_get_int(made(result, RA_LANGUAGE_EN, *state), "retry_after", 0), 3);
    assert_int_equal(ra_json_get_int(made(result, RA_LANGUAGE_EN, *state), "status", 0), 503);
}

static void test_what_has_no_text_is_an_internal_error(void **state)
{
    ra_result_t *result = ra_result_make(*state);

    assert_string_equal(ra_json_get_string(made(result, RA_LANGUAGE_EN, *state), "code"), "internal");
    ra_refuse(result, "no-such-problem", "secret detail");
    assert_string_equal(ra_json_get_string(made(result, RA_LANGUAGE_EN, *state), "code"), "internal");
    assert_int_equal(ra_json_get_int(made(result, RA_LANGUAGE_EN, *state), "status", 0), 500);
    assert_null(strstr(ra_json_print(made(result, RA_LANGUAGE_EN, *state), *state), "secret detail"));
}

static void test_every_problem_has_its_status_and_reads_in_both_languages(void **state)
{
#define CODE(symbol, code) code,
    static const char *const codes[] = {RA_PROBLEM_CODES(CODE)};
#undef CODE
    const ra_spec_t *spec = fixture_spec(*state);

    for (size_t i = 0; i < COUNT(codes); i++) {
        ra_result_t *result = ra_result_make(*state);
        ra_refuse(result, codes[i], NULL);
        for (int language = RA_LANGUAGE_ZH_CN; language <= RA_LANGUAGE_EN; language++) {
            const ra_json_t *problem = ra_problem_make(spec, result, (ra_language_e)language, "t", *state);
            assert_string_equal(ra_json_get_string(problem, "code"), codes[i]);
            assert_int_equal(ra_json_get_int(problem, "status", 0), ra_problem_status(spec, codes[i]));
            assert_null(strchr(ra_json_get_string(problem, "detail"), '{'));
            assert_null(strchr(ra_json_get_string(problem, "title"), '{'));
        }
    }
    assert_int_equal(ra_problem_status(spec, RA_PROBLEM_VERSION_STALE), 412);
    assert_int_equal(ra_problem_status(spec, "no-such-problem"), 500);
    assert_int_equal(ra_problem_status(spec, NULL), 500);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        UNIT_TEST(test_the_language_is_the_one_asked_for),
        UNIT_TEST(test_a_problem_has_the_members_of_rfc_9457_and_ours),
        UNIT_TEST(test_words_of_the_api_are_said_in_the_readers_language),
        UNIT_TEST(test_a_value_is_never_read_as_a_placeholder_or_word),
        UNIT_TEST(test_a_missing_value_leaves_a_gap),
        UNIT_TEST(test_retry_after_is_told),
        UNIT_TEST(test_what_has_no_text_is_an_internal_error),
        UNIT_TEST(test_every_problem_has_its_status_and_reads_in_both_languages),
    };

    return UNIT_RUN(tests);
}
