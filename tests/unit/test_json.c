/* The strict JSON reader and the builder: cases J1-J5 of the bad-input catalogue, exact numbers, printing, pointers,
 * patches. */
#include "unit.h"

#include "base/json.h"
#include "base/limits.h"


static apr_status_t parse_bytes(ra_json_t **pjson, ra_json_error_t *error, const char *text, apr_size_t len,
                                apr_pool_t *pool)
{
    *error = (ra_json_error_t){0, NULL};
    return ra_json_parse(pjson, text, len, &ra_json_limits_request, error, pool);
}

static ra_json_t *parsed(const char *text, apr_pool_t *pool)
{
    ra_json_t *json;
    ra_json_error_t error;

    if (parse_bytes(&json, &error, text, strlen(text), pool) != APR_SUCCESS) {
        fail_msg("%s refused: %s at %d", text, error.code, (int)error.offset);
    }
    return json;
}

static void test_strange_texts_are_refused_with_their_reason_and_place(void **state)
{
    static const struct {
        const char *text;
        const char *code;
        int offset;
    } cases[] = {
        {"", "json-syntax", 0},
        {"  ", "json-syntax", 2},
        {"\xEF\xBB\xBF{}", "json-syntax", 0},
        {"{} x", "json-syntax", 3},
        {"{}{}", "json-syntax", 2},
        {"[1,]", "json-syntax", 3},
        {"[,1]", "json-syntax", 1},
        {"[1 2]", "json-syntax", 3},
        {"{\"a\":1,}", "json-syntax", 7},
        {"{\"a\" 1}", "json-syntax", 5},
        {"{a:1}", "json-syntax", 1},
        {"{'a':1}", "json-syntax", 1},
        {"[1", "json-syntax", 2},
        {"{\"a\":", "json-syntax", 5},
        {"\"abc", "json-syntax", 4},
        {"\"a\nb\"", "json-syntax", 2},
        {"\"a\x01\"", "json-syntax", 2},
        {"\"\\x41\"", "json-syntax", 2},
        {"\"\\u12G4\"", "json-syntax", 1},
        {"\"\\u12", "json-syntax", 1},
        {"\"\\", "json-syntax", 2},
        {"nul", "json-syntax", 0},
        {"True", "json-syntax", 0},
        {"NaN", "json-syntax", 0},
        {"// c\n1", "json-syntax", 0},
        {"]", "json-syntax", 0},
        {"\"admin\\u0000x\"", "json-nul", 6},
        {"{\"a\\u0000\":1}", "json-nul", 3},
        {"\"\\uD800\"", "json-utf8", 1},
        {"\"\\uDC00\"", "json-utf8", 1},
        {"\"\\uD800\\u0041\"", "json-utf8", 1},
        {"\"\\uD800\\n\"", "json-utf8", 1},
        {"\"\\uDC00\\uD800\"", "json-utf8", 1},
        {"\"\xC0\x80\"", "json-utf8", 1},
        {"\"\xE0\x80\x80\"", "json-utf8", 1},
        {"\"\xED\xA0\x80\"", "json-utf8", 1},
        {"\"\xF4\x90\x80\x80\"", "json-utf8", 1},
        {"\"a\xFF\"", "json-utf8", 2},
        {"\"\xE5\x8D\"", "json-utf8", 1},
        {"{\"a\":1,\"a\":2}", "json-duplicate", 7},
        {"{\"name\":1,\"b\":2,\"Name\":3}", "json-duplicate", 16},
        {"{\"a\":1,\"\\u0061\":2}", "json-duplicate", 7},
        {"{\"x\":{\"a\":1,\"A\":1}}", "json-duplicate", 12},
        {"{\"a\":{\"b\":1},\"c\":[{\"a\":1}],\"A\":2}", "json-duplicate", 27},
        {"{\"\":1,\"\":2}", "json-duplicate", 6},
        {"0123", "json-number", 0},
        {"[1.]", "json-number", 1},
        {"[.5]", "json-syntax", 1},
        {"[+1]", "json-syntax", 1},
        {"[-]", "json-number", 1},
        {"[1e]", "json-number", 1},
        {"[1e+]", "json-number", 1},
        {"[-01]", "json-number", 1},
        {"0x10", "json-syntax", 1},
        {"9007199254740992", "json-number", 0},
        {"-9007199254740992", "json-number", 0},
        {"9007199254740993", "json-number", 0},
        {"9223372036854775808", "json-number", 0},
        {"99999999999999999999999999999999999999", "json-number", 0},
        {"1e400", "json-number", 0},
        {"-1e400", "json-number", 0},
        {"0.1111111111111111111111111111111111111111111111111111111111111", "json-number", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ra_json_t *json;
        ra_json_error_t error;
        apr_status_t status = parse_bytes(&json, &error, cases[i].text, strlen(cases[i].text), *state);
        if (status != APR_EINVAL || json || strcmp(error.code, cases[i].code) != 0 ||
            error.offset != (apr_size_t)cases[i].offset) {
            fail_msg("%s: status %d, %s at %d", cases[i].text, (int)status, error.code, (int)error.offset);
        }
    }
}

static void test_good_texts_print_as_they_were(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-1",
        "0.5",
        "1e+300",
        "\"\"",
        "[[[]]]",
        "[1,2,[3],{\"a\":null}]",
        "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\"",
        "{\"姓名\":\"张三\",\"a/b\":true}",
        "\"\xF0\x9F\x98\x80\"",
        "{\"a\":{\"A\":1},\"b\":{\"a\":2}}",
        "9007199254740991",
        "-9007199254740991",
        "9007199254740990",
        "0.1",
        "123456.789",
        "5e-324",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        assert_string_equal(ra_json_print(parsed(texts[i], *state), *state), texts[i]);
    }
}

static void test_escapes_are_resolved(void **state)
{
    assert_string_equal(ra_json_string(parsed(" \"\\u5f20\\uD83D\\uDE00\\/\\u007f\" ", *state)),
                        "张\xF0\x9F\x98\x80/\x7f");
    assert_int_equal(ra_json_get_int(parsed("{\"\\u0041b\" : 7 }", *state), "Ab", 0), 7);
}

static void test_a_nul_byte_is_refused(void **state)
{
    ra_json_t *json;
    ra_json_error_t error;

    assert_int_equal(parse_bytes(&json, &error, "\"a\0b\"", 5, *state), APR_EINVAL);
    assert_string_equal(error.code, "json-nul");
    assert_int_equal(parse_bytes(&json, &error, "{}\0", 3, *state), APR_EINVAL);
    assert_string_equal(error.code, "json-syntax");
}

static void test_integers_are_exact_up_to_2_53(void **state)
{
    for (int shift = 0; shift <= 52; shift++) {
        apr_int64_t value = RA_JSON_MAX_INTEGER >> shift;
        ra_json_t *object = ra_json_object_make(*state);
        ra_json_set_int(object, "n", value);
        ra_json_set_int(object, "m", -value);
        const char *text = ra_json_print(object, *state);
        assert_string_equal(
            text, apr_psprintf(*state, "{\"n\":%" APR_INT64_T_FMT ",\"m\":-%" APR_INT64_T_FMT "}", value, value));
        ra_json_t *again = parsed(text, *state);
        assert_true(ra_json_get_int(again, "n", 0) == value);
        assert_true(ra_json_get_int(again, "m", 0) == -value);
        assert_true(ra_json_equal(object, again));
    }
}

static void test_an_integer_no_reader_could_hold_is_written_as_digits(void **state)
{
    ra_json_t *array = ra_json_array_make(*state);

    ra_json_add_int(array, APR_INT64_MAX);
    ra_json_add_int(array, APR_INT64_MIN);
    assert_string_equal(ra_json_print(array, *state), "[\"9223372036854775807\",\"-9223372036854775808\"]");
}

static void test_what_counts_as_an_integer(void **state)
{
    static const struct {
        const char *text;
        int integer;
    } cases[] = {
        {"1", 1},     {"1.0", 1},  {"10e2", 1}, {"1.5", 0}, {"1e300", 0}, {"9007199254740993.0", 0},
        {"\"1\"", 0}, {"true", 0}, {"-0", 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(ra_json_is_integer(parsed(cases[i].text, *state)), cases[i].integer);
    }
    assert_int_equal(ra_json_int(parsed("1.5", *state), -7), -7);
    assert_string_equal(ra_json_print(parsed("-0", *state), *state), "0");
}

static char *repeated(const char *unit, int times, apr_pool_t *pool)
{
    apr_size_t size = strlen(unit);
    char *text = apr_palloc(pool, size * (apr_size_t)times + 1);

    for (int i = 0; i < times; i++) {
        memcpy(text + size * (apr_size_t)i, unit, size);
    }
    text[size * (apr_size_t)times] = '\0';
    return text;
}

static void test_depth_is_limited(void **state)
{
    apr_pool_t *pool = *state;
    ra_json_t *json;
    ra_json_error_t error;
    const char *deepest =
        apr_pstrcat(pool, repeated("[", RA_JSON_MAX_DEPTH, pool), repeated("]", RA_JSON_MAX_DEPTH, pool), NULL);

    assert_int_equal(parse_bytes(&json, &error, deepest, strlen(deepest), pool), APR_SUCCESS);
    const char *deeper = apr_pstrcat(pool, "{\"a\":", deepest, "}", NULL);
    assert_int_equal(parse_bytes(&json, &error, deeper, strlen(deeper), pool), APR_EINVAL);
    assert_string_equal(error.code, "json-depth");
    const char *abyss = repeated("[", 100000, pool);
    assert_int_equal(parse_bytes(&json, &error, abyss, strlen(abyss), pool), APR_EINVAL);
    assert_string_equal(error.code, "json-depth");
}

static void test_items_and_members_are_limited(void **state)
{
    apr_pool_t *pool = *state;
    ra_json_t *json;
    ra_json_error_t error;
    const char *most = apr_pstrcat(pool, "[", repeated("1,", RA_JSON_MAX_MEMBERS - 1, pool), "1]", NULL);
    const char *more = apr_pstrcat(pool, "[", repeated("1,", RA_JSON_MAX_MEMBERS, pool), "1]", NULL);

    assert_int_equal(parse_bytes(&json, &error, most, strlen(most), pool), APR_SUCCESS);
    assert_int_equal(ra_json_size(json), RA_JSON_MAX_MEMBERS);
    assert_int_equal(parse_bytes(&json, &error, more, strlen(more), pool), APR_EINVAL);
    assert_string_equal(error.code, "json-size");
}

static void test_bytes_are_limited(void **state)
{
    apr_pool_t *pool = *state;
    ra_json_t *json;
    ra_json_error_t error;
    const char *big = apr_pstrcat(pool, "\"", repeated("x", RA_BODY_MAX_BYTES - 1, pool), "\"", NULL);

    assert_int_equal(parse_bytes(&json, &error, big, strlen(big), pool), APR_EINVAL);
    assert_string_equal(error.code, "json-size");
    assert_int_equal(parse_bytes(&json, &error, big + 1, 3, pool), APR_EINVAL);
}

/* 100,000 members with one duplicate at the end: quadratic comparing would take minutes. */
static void test_a_duplicate_among_very_many_is_found(void **state)
{
    apr_pool_t *pool = *state;
    int count = 99999;
    char *text = apr_palloc(pool, (apr_size_t)count * 16 + 32);
    char *at = text;
    ra_json_t *json;
    ra_json_error_t error;

    *at++ = '{';
    for (int i = 0; i < count; i++) {
        at += apr_snprintf(at, 16, "\"k%d\":0,", i);
    }
    apr_size_t len = (apr_size_t)(at - text) + (apr_size_t)apr_snprintf(at, 16, "\"K7\":0}");
    assert_int_equal(ra_json_parse(&json, text, len, &ra_json_limits_document, &error, pool), APR_EINVAL);
    assert_string_equal(error.code, "json-duplicate");
    assert_int_equal(error.offset, at - text);
}

/* Whatever byte is changed or cut, the reader answers, and what it accepts it can print and read again. */
static void test_any_changed_byte_is_survived(void **state)
{
    static const char text[] = "{\"a\":[1,-2.5e3,\"\\u5f20\\n\xE5\xBC\xA0\",true,null],\"b\":{\"c\":{}}}";
    char bytes[sizeof(text)];

    for (apr_size_t at = 0; at < sizeof(text) - 1; at++) {
        for (int value = 0; value < 256; value++) {
            apr_pool_t *pool;
            ra_json_t *json, *again;
            ra_json_error_t error;
            apr_pool_create(&pool, *state);
            memcpy(bytes, text, sizeof(text));
            bytes[at] = (char)value;
            if (parse_bytes(&json, &error, bytes, sizeof(text) - 1, pool) == APR_SUCCESS) {
                const char *printed = ra_json_print(json, pool);
                assert_int_equal(parse_bytes(&again, &error, printed, strlen(printed), pool), APR_SUCCESS);
                assert_true(ra_json_equal(json, again));
            } else {
                assert_true(error.offset <= sizeof(text) - 1);
            }
            parse_bytes(&json, &error, bytes, at, pool);
            apr_pool_destroy(pool);
        }
    }
}

static void test_setting_replaces_in_place_and_names_are_exact(void **state)
{
    ra_json_t *object = ra_json_object_make(*state);

    ra_json_set_string(object, "a", "1");
    ra_json_set_int(object, "A", 2);
    ra_json_set_bool(object, "b", 7);
    ra_json_set_string(object, "a", "new");
    ra_json_set_string(object, "absent", NULL);
    ra_json_set_copy(object, "absent", NULL);
    assert_string_equal(ra_json_print(object, *state), "{\"a\":\"new\",\"A\":2,\"b\":true}");
    ra_json_set_null(object, "A");
    ra_json_remove(object, "a");
    ra_json_remove(object, "B");
    assert_string_equal(ra_json_print(object, *state), "{\"A\":null,\"b\":true}");
}

static void test_copies_belong_to_the_new_root(void **state)
{
    ra_json_t *array = ra_json_array_make(*state);
    apr_pool_t *shorter;

    apr_pool_create(&shorter, *state);
    ra_json_t *source = parsed("{\"x\":{\"y\":[1]}}", shorter);
    ra_json_add_copy(array, ra_json_get(source, "x"));
    ra_json_set_copy(ra_json_add_object(array), "z", ra_json_get(source, "x"));
    apr_pool_destroy(shorter);
    assert_string_equal(ra_json_print(array, *state), "[{\"y\":[1]},{\"z\":{\"y\":[1]}}]");
    assert_null(ra_json_name(ra_json_first(array)));
}

static void test_values_that_are_no_utf8_cannot_spoil_the_text(void **state)
{
    ra_json_t *array = ra_json_array_make(*state);

    ra_json_add_string(array, "a\xFFz\xE5\xBC");
    assert_string_equal(ra_json_string(ra_json_first(array)), "a\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD");
}

static void test_reading_from_nothing_gives_the_fallback(void **state)
{
    (void)state;
    assert_int_equal(ra_json_type(NULL), RA_JSON_NULL);
    assert_null(ra_json_get(NULL, "a"));
    assert_null(ra_json_get_string(NULL, "a"));
    assert_int_equal(ra_json_get_int(ra_json_get(NULL, "a"), "b", 5), 5);
    assert_int_equal(ra_json_get_bool(NULL, "a", 1), 1);
    assert_int_equal(ra_json_size(NULL), 0);
    assert_null(ra_json_first(NULL));
    assert_null(ra_json_next(NULL));
    assert_null(ra_json_name(NULL));
    assert_null(ra_json_pointer(NULL, "/a"));
}

static void test_the_canonical_form_sorts_by_utf16(void **state)
{
    /* The example of RFC 8785 §3.2.3, without its numbers. */
    ra_json_t *json = parsed("{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,"
                             "\"\\u00f6\":[{\"b\":1,\"a\":2}]}",
                             *state);

    assert_string_equal(ra_json_canonical(json, *state), "{\"\\r\":2,\"1\":4,\"\xC2\x80\":6,\"ö\":[{\"a\":2,\"b\":1}],"
                                                         "\"€\":1,\"\xF0\x9F\x98\x80\":5,\"\xEF\xAC\xB3\":3}");
}

static void test_equality_is_deep_and_ignores_the_order_of_members(void **state)
{
    static const struct {
        const char *a, *b;
        int equal;
    } cases[] = {
        {"{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1.0}", 1},
        {"[1,2]", "[2,1]", 0},
        {"[1]", "[1,1]", 0},
        {"{\"a\":1}", "{\"b\":1}", 0},
        {"{\"a\":1}", "{}", 0},
        {"null", "false", 0},
        {"true", "false", 0},
        {"\"a\"", "\"a\"", 1},
        {"{}", "[]", 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(ra_json_equal(parsed(cases[i].a, *state), parsed(cases[i].b, *state)), cases[i].equal);
        assert_int_equal(ra_json_equal(parsed(cases[i].b, *state), parsed(cases[i].a, *state)), cases[i].equal);
    }
}

static void test_pointers_lead_where_rfc6901_says(void **state)
{
    static const struct {
        const char *pointer;
        const char *found; /* printed; NULL = nowhere */
    } cases[] = {
        {"/foo", "[\"bar\",\"baz\"]"},
        {"/foo/0", "\"bar\""},
        {"/", "0"},
        {"/a~1b", "1"},
        {"/c%d", "2"},
        {"/e^f", "3"},
        {"/g|h", "4"},
        {"/i\\j", "5"},
        {"/k\"l", "6"},
        {"/ ", "7"},
        {"/m~0n", "8"},
        {"/foo/1", "\"baz\""},
        {"/foo/2", NULL},
        {"/foo/00", NULL},
        {"/foo/-", NULL},
        {"foo", NULL},
        {"/FOO", NULL},
        {"/m~n", NULL},
        {"/m~", NULL},
        {"/foo/0/x", NULL},
        {"/foo/4294967296", NULL},
        {"/foo/", NULL},
        {"/foo/ 1", NULL},
    };
    ra_json_t *root = parsed("{\"foo\":[\"bar\",\"baz\"],\"\":0,\"a/b\":1,\"c%d\":2,\"e^f\":3,\"g|h\":4,\"i\\\\j\":5,"
                             "\"k\\\"l\":6,\" \":7,\"m~n\":8}",
                             *state);

    assert_ptr_equal(ra_json_pointer(root, ""), root);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const ra_json_t *found = ra_json_pointer(root, cases[i].pointer);
        if (cases[i].found) {
            assert_non_null(found);
            assert_string_equal(ra_json_print(found, *state), cases[i].found);
        } else {
            assert_null(found);
        }
    }
}

/* The table of RFC 7396, appendix A. */
static void test_merge_patches_as_rfc7396(void **state)
{
    static const char *const cases[][3] = {
        {"{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}"},
        {"{\"a\":\"b\"}", "{\"a\":null}", "{}"},
        {"{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}"},
        {"{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}"},
        {"{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}"},
        {"{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}"},
        {"{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}"},
        {"[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]"},
        {"{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]"},
        {"{\"a\":\"foo\"}", "null", "null"},
        {"{\"a\":\"foo\"}", "\"bar\"", "\"bar\""},
        {"{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}"},
        {"[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}"},
        {"{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        ra_json_t *target = parsed(cases[i][0], *state);
        ra_json_t *merged = ra_json_merge_patch(target, parsed(cases[i][1], *state), *state);
        assert_string_equal(ra_json_print(merged, *state), cases[i][2]);
        assert_string_equal(ra_json_print(target, *state), cases[i][0]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_strange_texts_are_refused_with_their_reason_and_place),
        UNIT_TEST(test_good_texts_print_as_they_were),
        UNIT_TEST(test_escapes_are_resolved),
        UNIT_TEST(test_a_nul_byte_is_refused),
        UNIT_TEST(test_integers_are_exact_up_to_2_53),
        UNIT_TEST(test_an_integer_no_reader_could_hold_is_written_as_digits),
        UNIT_TEST(test_what_counts_as_an_integer),
        UNIT_TEST(test_depth_is_limited),
        UNIT_TEST(test_items_and_members_are_limited),
        UNIT_TEST(test_bytes_are_limited),
        UNIT_TEST(test_a_duplicate_among_very_many_is_found),
        UNIT_TEST(test_any_changed_byte_is_survived),
        UNIT_TEST(test_setting_replaces_in_place_and_names_are_exact),
        UNIT_TEST(test_copies_belong_to_the_new_root),
        UNIT_TEST(test_values_that_are_no_utf8_cannot_spoil_the_text),
        UNIT_TEST(test_reading_from_nothing_gives_the_fallback),
        UNIT_TEST(test_the_canonical_form_sorts_by_utf16),
        UNIT_TEST(test_equality_is_deep_and_ignores_the_order_of_members),
        UNIT_TEST(test_pointers_lead_where_rfc6901_says),
        UNIT_TEST(test_merge_patches_as_rfc7396),
    };

    return UNIT_RUN(tests);
}
