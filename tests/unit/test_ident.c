/* UUIDv7, application numbers, RFC 3339 times and dates. */
#include "unit.h"

#include "base/ident.h"

static void test_a_new_uuid_is_version_7_of_now_and_grows(void **state)
{
    unsigned char uuid[RA_UUID_BYTES];
    const char *before = "";

    for (int i = 0; i < 1000; i++) {
        const char *text = ra_uuid_make(*state);
        assert_int_equal(strlen(text), RA_UUID_TEXT);
        assert_int_equal(ra_uuid_parse(uuid, text), APR_SUCCESS);
        assert_int_equal(uuid[6] >> 4, 7);
        assert_int_equal(uuid[8] >> 6, 2);
        assert_string_equal(ra_uuid_text(uuid, *state), text);
        assert_string_not_equal(text, before);
        assert_true(strncmp(text, before, 18) >= 0);
        before = text;
    }
    apr_time_t milliseconds = 0;
    for (int i = 0; i < 6; i++) {
        milliseconds = milliseconds << 8 | uuid[i];
    }
    assert_in_range(apr_time_now() / 1000 - milliseconds, 0, 10000);
}

static void test_uuids_are_read_strictly(void **state)
{
    static const char *const bad[] = {
        "",
        "0",
        "00000000-0000-7000-8000-00000000000",
        "00000000-0000-7000-8000-0000000000000",
        "00000000-0000-7000-80000-00000000000",
        "0000000-00000-7000-8000-000000000000",
        "{0000000-0000-7000-8000-000000000000}",
        "g0000000-0000-7000-8000-000000000000",
        "000000000000700080000000000000000000",
        " 0000000-0000-7000-8000-000000000000",
        "00000000-0000-7000-8000-00000000000\n",
    };
    unsigned char uuid[RA_UUID_BYTES];

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        assert_int_equal(ra_uuid_parse(uuid, bad[i]), APR_EINVAL);
    }
    assert_int_equal(ra_uuid_parse(uuid, "01234567-89AB-CDEF-abcd-ef0123456789"), APR_SUCCESS);
    assert_string_equal(ra_uuid_text(uuid, *state), "01234567-89ab-cdef-abcd-ef0123456789");
}

static void test_mod1110_of_the_standard(void **state)
{
    (void)state;
    assert_int_equal(ra_mod1110_check("0794", 4), 5);        /* ISO/IEC 7064's own example 07945 */
    assert_int_equal(ra_mod1110_check("8609574271", 10), 9); /* German tax numbers use it too */
    assert_int_equal(ra_mod1110_check("4703689281", 10), 6);
}

static void test_an_application_number_names_the_day_in_china(void **state)
{
    apr_time_t late, early;

    assert_int_equal(ra_rfc3339_parse(&late, "2026-11-22T15:59:59Z"), APR_SUCCESS);
    assert_int_equal(ra_rfc3339_parse(&early, "2026-11-22T16:00:00Z"), APR_SUCCESS);
    for (int i = 0; i < 200; i++) {
        const char *number = ra_application_number_make(late, *state);
        assert_int_equal(strlen(number), 16);
        assert_memory_equal(number, "20261122", 8);
        assert_true(ra_application_number_is_valid(number));
        assert_memory_equal(ra_application_number_make(early, *state), "20261123", 8);
    }
}

static void test_a_form_filled_in_beforehand_never_has_the_number_of_an_application(void **state)
{
    for (int i = 0; i < 200; i++) {
        const char *number = ra_application_number_make(apr_time_now(), *state);
        const char *prefill = ra_prefill_number_make(apr_time_now(), *state);

        assert_in_range(number[8], '0', '4');
        assert_in_range(prefill[8], '5', '9');
        assert_true(ra_application_number_is_valid(prefill));
    }
}

static void test_digits_are_checked_by_their_last(void **state)
{
    unsigned seen = 0;

    for (int i = 0; i < 50; i++) {
        const char *digits = ra_digits_make(20, *state);
        char *typed = apr_pstrdup(*state, digits);

        assert_int_equal(strlen(digits), 20);
        assert_true(ra_digits_are_well_typed(digits));
        typed[i % 20] = (char)('0' + (typed[i % 20] - '0' + 1) % 10);
        assert_false(ra_digits_are_well_typed(typed));
        seen |= 1u << (digits[0] - '0');
    }
    assert_true(seen & (seen - 1)); /* more than one first digit */
    assert_false(ra_digits_are_well_typed(""));
    assert_false(ra_digits_are_well_typed("1"));
    assert_false(ra_digits_are_well_typed("12a"));
}

static void test_a_mistyped_application_number_is_noticed(void **state)
{
    const char *number = ra_application_number_make(apr_time_now(), *state);

    for (int place = 0; place < 16; place++) {
        char *typed = apr_pstrdup(*state, number);
        typed[place] = (char)('0' + (typed[place] - '0' + 1) % 10);
        assert_false(ra_application_number_is_valid(typed));
    }
    assert_false(ra_application_number_is_valid(""));
    assert_false(ra_application_number_is_valid(apr_pstrcat(*state, number, "0", NULL)));
    assert_false(ra_application_number_is_valid(apr_pstrndup(*state, number, 15)));
    assert_false(ra_application_number_is_valid("2026132300000000"));
    assert_false(ra_application_number_is_valid("２０２６１１２３"));
}

static void test_times_print_in_utc_with_a_fraction_only_when_there_is_one(void **state)
{
    apr_time_t time = apr_time_from_sec(1795421730);

    assert_string_equal(ra_rfc3339(time, *state), "2026-11-23T08:15:30Z");
    assert_string_equal(ra_rfc3339(time + 123456, *state), "2026-11-23T08:15:30.123456Z");
    assert_string_equal(ra_rfc3339(time + 1, *state), "2026-11-23T08:15:30.000001Z");
    assert_string_equal(ra_rfc3339(0, *state), "1970-01-01T00:00:00Z");
    assert_string_equal(ra_rfc3339(-1, *state), "1969-12-31T23:59:59.999999Z");
}

static void test_times_are_read_with_their_offset(void **state)
{
    static const struct {
        const char *text, *utc;
    } cases[] = {
        {"2026-11-23T08:15:30Z", "2026-11-23T08:15:30Z"},
        {"2026-11-23t08:15:30z", "2026-11-23T08:15:30Z"},
        {"2026-11-23T16:15:30+08:00", "2026-11-23T08:15:30Z"},
        {"2026-11-23T00:15:30-08:30", "2026-11-23T08:45:30Z"},
        {"2026-11-23T08:15:30-00:00", "2026-11-23T08:15:30Z"},
        {"2026-11-23T08:15:30.5Z", "2026-11-23T08:15:30.500000Z"},
        {"2026-11-23T08:15:30.123456789Z", "2026-11-23T08:15:30.123456Z"},
        {"2024-02-29T23:59:59+00:00", "2024-02-29T23:59:59Z"},
        {"2000-02-29T00:00:00Z", "2000-02-29T00:00:00Z"},
        {"2026-01-01T07:59:59+08:00", "2025-12-31T23:59:59Z"},
        {"2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"},
        {"2017-01-01T07:59:60+08:00", "2017-01-01T00:00:00Z"},
        {"1900-03-01T00:00:00Z", "1900-03-01T00:00:00Z"},
        {"9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        apr_time_t time;
        assert_int_equal(ra_rfc3339_parse(&time, cases[i].text), APR_SUCCESS);
        assert_string_equal(ra_rfc3339(time, *state), cases[i].utc);
    }
}

static void test_every_day_of_four_centuries_is_read_as_the_library_counts(void **state)
{
    char text[32];

    (void)state;
    for (apr_int64_t day = -36525; day < 110000; day++) {
        apr_time_exp_t at;
        apr_time_t time;
        apr_time_exp_gmt(&at, apr_time_from_sec(day * 86400));
        apr_snprintf(text, sizeof(text), "%04d-%02d-%02dT00:00:00Z", at.tm_year + 1900, at.tm_mon + 1, at.tm_mday);
        assert_int_equal(ra_rfc3339_parse(&time, text), APR_SUCCESS);
        assert_true(time == apr_time_from_sec(day * 86400));
    }
}

static void test_strange_times_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-23",
        "2026-11-23T",
        "2026-11-23T08:15Z",
        "2026-11-23T08:15:30",
        "2026-11-23 08:15:30Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T08:60:00Z",
        "2026-11-23T08:15:61Z",
        "2026-11-23T08:15:60Z",
        "2026-11-23T08:15:30.Z",
        "2026-11-23T08:15:30,5Z",
        "2026-11-23T08:15:30+8:00",
        "2026-11-23T08:15:30+0800",
        "2026-11-23T08:15:30+24:00",
        "2026-11-23T08:15:30+08:60",
        "2026-11-23T08:15:30ZZ",
        "2026-11-23T08:15:30Z ",
        " 2026-11-23T08:15:30Z",
        "2026-02-29T08:15:30Z",
        "26-11-23T08:15:30Z",
        "+2026-11-23T08:15:30Z",
        "2026-11-23T08:15:30+08:0",
        "2026-11-23T08:15:3",
    };
    apr_time_t time;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        if (ra_rfc3339_parse(&time, bad[i]) != APR_EINVAL) {
            fail_msg("%s was read", bad[i]);
        }
    }
}

static void test_dates_must_exist(void **state)
{
    static const struct {
        const char *text;
        int valid;
    } cases[] = {
        {"2026-11-23", 1}, {"2024-02-29", 1}, {"2000-02-29", 1}, {"2026-02-29", 0},
        {"1900-02-29", 0}, {"2026-04-31", 0}, {"2026-00-01", 0}, {"2026-13-01", 0},
        {"2026-01-00", 0}, {"2026-1-1", 0},   {"20261123", 0},   {"2026-11-23T", 0},
        {"2026-11-2", 0},  {"", 0},           {"2026/11/23", 0}, {"2026-11-023", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(ra_date_is_valid(cases[i].text), cases[i].valid);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_a_new_uuid_is_version_7_of_now_and_grows),
        UNIT_TEST(test_uuids_are_read_strictly),
        UNIT_TEST(test_mod1110_of_the_standard),
        UNIT_TEST(test_an_application_number_names_the_day_in_china),
        UNIT_TEST(test_a_form_filled_in_beforehand_never_has_the_number_of_an_application),
        UNIT_TEST(test_digits_are_checked_by_their_last),
        UNIT_TEST(test_a_mistyped_application_number_is_noticed),
        UNIT_TEST(test_times_print_in_utc_with_a_fraction_only_when_there_is_one),
        UNIT_TEST(test_times_are_read_with_their_offset),
        UNIT_TEST(test_every_day_of_four_centuries_is_read_as_the_library_counts),
        UNIT_TEST(test_strange_times_are_refused),
        UNIT_TEST(test_dates_must_exist),
    };

    return UNIT_RUN(tests);
}
