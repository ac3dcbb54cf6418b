/* Names as they are searched and shown, characters that deceive, patterns of the API document. */
#include "unit.h"

#include <apr_time.h>

#include "base/text.h"

static void test_what_is_utf8(void **state)
{
    static const struct {
        const char *text;
        int len;
        int valid;
    } cases[] = {
        {"", 0, 1},
        {"abc", 3, 1},
        {"张三", 6, 1},
        {"\xF0\x9F\x98\x80", 4, 1},
        {"a\0b", 3, 0},
        {"\xC0\x80", 2, 0},
        {"\xC1\xBF", 2, 0},
        {"\xE0\x9F\xBF", 3, 0},
        {"\x80", 1, 0},
        {"\xED\xA0\x80", 3, 0},
        {"\xED\x9F\xBF", 3, 1},
        {"\xEE\x80\x80", 3, 1},
        {"\xE5\xBC", 2, 0},
        {"\xF0\x8F\xBF\xBF", 4, 0},
        {"\xF4\x8F\xBF\xBF", 4, 1},
        {"\xF4\x90\x80\x80", 4, 0},
        {"\xF5\x80\x80\x80", 4, 0},
        {"\xFF", 1, 0},
        {"\xE5\x41\xA0", 3, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(ra_text_is_utf8(cases[i].text, (apr_size_t)cases[i].len), cases[i].valid);
    }
}

static void test_lengths_count_code_points(void **state)
{
    (void)state;
    assert_int_equal(ra_text_length(""), 0);
    assert_int_equal(ra_text_length("abc"), 3);
    assert_int_equal(ra_text_length("山西CA"), 4);
    assert_int_equal(ra_text_length("\xF0\x9F\x98\x80\xF0\xA0\x80\x80"), 2);
}

static void test_names_typed_differently_have_one_key(void **state)
{
    static const char *const groups[][7] = {
        {"山西易联众(太原)公司", "山西易联众（太原）公司", " 山西易联众 〔太原〕 公司 ", "山西易联众【太原】公司",
         "山西易联众［太原］公司", "山西易联众\xE3\x80\x80（太原）\t公司", NULL},
        {"ABC Ltd", "abc ltd", "ＡＢＣ　Ｌｔｄ", "A B C LTD", "abc\xE2\x80\x8Bltd",
         "\xEF\xBB\xBF"
         "abc ltd",
         NULL},
        {"阿不都·热合曼", "阿不都•热合曼", "阿不都・热合曼", "阿不都･热合曼", "阿不都 · 热合曼", NULL},
        {"Cafe\xCC\x81", "CAF\xC3\x89", "café", NULL},
        {"Straße", "STRASSE", "strasse", NULL},
        {"ﬁrma①", "FIRMA1", NULL},
    };

    for (size_t i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
        const char *key = ra_text_name_key(groups[i][0], *state);
        assert_non_null(key);
        assert_string_equal(ra_text_name_key(key, *state), key);
        for (const char *const *name = groups[i] + 1; *name; name++) {
            assert_string_equal(ra_text_name_key(*name, *state), key);
        }
    }
}

static void test_different_names_have_different_keys(void **state)
{
    static const char *const names[] = {"张三", "张叁", "山西(太原)公司", "山西太原公司", "abc", "abd", "аbc",
                                        "国",   "國"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(ra_text_name_key(names[i], *state), ra_text_name_key(names[j], *state));
        }
    }
}

static void test_an_empty_or_broken_name_has_no_key(void **state)
{
    assert_null(ra_text_name_key("", *state));
    assert_null(ra_text_name_key(" \t\xE3\x80\x80", *state));
    assert_null(ra_text_name_key("\xE2\x80\x8B", *state));
    assert_null(ra_text_name_key("a\xFF", *state));
    assert_null(ra_text_name_key("\xED\xA0\x80", *state));
}

static void test_texts_are_cleaned(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"a", "a"},
        {"  a  b\t\n c ", "a b c"},
        {"\xE3\x80\x80张三\xE3\x80\x80\xE3\x80\x80李四", "张三 李四"},
        {"e\xCC\x81", "é"},
        {"（Ａ）", "（Ａ）"},
        {" \n ", ""},
        {"a\xC2\xA0"
         "b",
         "a b"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_string_equal(ra_text_clean(cases[i][0], *state), cases[i][1]);
    }
    assert_null(ra_text_clean("\xC3", *state));
}

static void test_characters_that_deceive_the_eye(void **state)
{
    static const struct {
        const char *name;
        int deceptive;
    } cases[] = {
        {"", 0},
        {"山西易联众信息技术有限公司", 0},
        {"山西（太原）ABC-2 公司、第1部", 0},
        {"ＡＢＣ公司", 0},
        {"阿不都·热合曼", 0},
        {"Müller & Söhne", 0},
        {"Москва", 0},
        {"𠀀某", 0},
        {"admin\xD0\xB0", 1}, /* Cyrillic а behind Latin */
        {"P\xD0\xB0ypal公司", 1},
        {"A\xCE\x92"
         "C",
         1},                         /* Greek capital beta */
        {"\xD0\x90\xCE\x91", 1},     /* Cyrillic and Greek */
        {"\xD0\xB0\xD0\xB1公司", 0}, /* Cyrillic and Han do not look alike */
        {"ａ\xD0\xB0", 1},           /* full-width Latin is Latin */
        {"a\xE2\x80\x8B"
         "b",
         1}, /* zero-width space */
        {"a\xE2\x80\xAE"
         "b",
         1}, /* right-to-left override */
        {"a\xE2\x81\xA6"
         "b",
         1}, /* isolate */
        {"a\xC2\xAD"
         "b",
         1}, /* soft hyphen */
        {"a\xEF\xBB\xBF", 1},
        {"a\nb", 1},
        {"a\x7F", 1},
        {"a\xC2\x85", 1},
        {"a\xE2\x80\xA8", 1},  /* line separator */
        {"\xEE\x80\x80", 1},   /* private use */
        {"\xCD\xB8", 1},       /* unassigned */
        {"\xEF\xBF\xBF", 1},   /* noncharacter */
        {"\xE3\x85\xA4", 1},   /* Hangul filler: a letter that is blank */
        {"山\xEF\xB8\x8F", 1}, /* variation selector */
        {"a\xFF", 1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (ra_text_is_deceptive(cases[i].name) != cases[i].deceptive) {
            fail_msg("case %d: %s", (int)i, cases[i].name);
        }
    }
}

static ra_pattern_t *compiled(const char *source, apr_pool_t *pool)
{
    ra_pattern_t *pattern;
    const char *error;

    if (ra_pattern_compile(&pattern, source, &error, pool) != APR_SUCCESS) {
        fail_msg("%s: %s", source, error);
    }
    assert_null(error);
    return pattern;
}

static void test_patterns_match_as_ecma262(void **state)
{
    static const struct {
        const char *pattern, *subject;
        int match;
    } cases[] = {
        {"^[0-9]{3}$", "123", 1},
        {"^[0-9]{3}$", "123\n", 0},
        {"b", "abc", 1},
        {"^\\d+$", "٣", 0},
        {"^\\w$", "张", 0},
        {"^\\p{L}{2}$", "张三", 1},
        {"^.{2}$", "张三", 1},
        {"^\\u5f20$", "张", 1},
        {"^\\u{1F600}$", "\xF0\x9F\x98\x80", 1},
        {"^[\\u4e00-\\u9fff]+$", "山西", 1},
        {"^a.c$", "a\nc", 0},
        {"^a.c$", "a\rc", 0},
        {"^$", "", 1},
        {"^[^/]*$", "a/b", 0},
        {"^(?:a|b)*$", "abab", 1},
        {"^(?!.*--).*$", "a--b", 0},
        {"^\\x41$", "A", 1},
        {"a", "a\xFF", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (ra_pattern_match(compiled(cases[i].pattern, *state), cases[i].subject, strlen(cases[i].subject)) !=
            cases[i].match) {
            fail_msg("%s on %s", cases[i].pattern, cases[i].subject);
        }
    }
}

static void test_hosts_of_this_machine(void **state)
{
    static const char *const others[] = {"LOCALHOST", "localhost.", "[::1]", "127.0.0.2", "127.1", "0.0.0.0", "localhost.example.cn", "", NULL};

    (void)state;
    assert_true(ra_is_loopback("localhost"));
    assert_true(ra_is_loopback("127.0.0.1"));
    assert_true(ra_is_loopback("::1"));
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        assert_false(ra_is_loopback(others[i]));
    }
}

static void test_a_wrong_pattern_is_explained(void **state)
{
    static const char *const bad[] = {"(", "[", "a**", "\\C", "(?<n>a)(?<n>b)", "\xFF", "[z-a]"};
    ra_pattern_t *pattern;
    const char *error;

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(ra_pattern_compile(&pattern, bad[i], &error, *state), APR_EINVAL);
        assert_null(pattern);
        assert_non_null(error);
    }
}

static void test_a_pattern_that_explodes_is_stopped(void **state)
{
    ra_pattern_t *pattern = compiled("^(a|a)*b$", *state);
    char subject[2001];
    apr_time_t start = apr_time_now();

    memset(subject, 'a', sizeof(subject));
    assert_int_equal(ra_pattern_match(pattern, subject, sizeof(subject)), 0);
    assert_true(apr_time_now() - start < apr_time_from_sec(2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_what_is_utf8),
        UNIT_TEST(test_lengths_count_code_points),
        UNIT_TEST(test_names_typed_differently_have_one_key),
        UNIT_TEST(test_different_names_have_different_keys),
        UNIT_TEST(test_an_empty_or_broken_name_has_no_key),
        UNIT_TEST(test_texts_are_cleaned),
        UNIT_TEST(test_characters_that_deceive_the_eye),
        UNIT_TEST(test_patterns_match_as_ecma262),
        UNIT_TEST(test_hosts_of_this_machine),
        UNIT_TEST(test_a_wrong_pattern_is_explained),
        UNIT_TEST(test_a_pattern_that_explodes_is_stopped),
    };

    return UNIT_RUN(tests);
}
