/* Identity numbers of people and organisations: right ones pass, every single slip and most swaps are noticed. */
#include "unit.h"

#include "business/people/national_ids.h"

typedef struct number_case_t {
    const char *text;
    const char *clean; /* NULL = not valid */
} number_case_t;

static const number_case_t national_ids[] = {
    {"11010519491231002X", "11010519491231002X"}, /* the examples of GB 11643 */
    {"11010519491231002x", "11010519491231002X"},
    {"440524188001010014", "440524188001010014"},
    {"110105194912310021", NULL},  /* check character */
    {"X1010519491231002X", NULL},  /* a letter in front */
    {"1101051949123100 X", NULL},  /* a space */
    {"11010519491231002X ", NULL}, /* too long */
    {"11010519491231002", NULL},   /* too short */
    {"110105491231002", NULL},     /* the 15 digits of before 1999 */
    {"", NULL},
    {NULL, NULL},
};

static const number_case_t usccs[] = {
    {"91350100M000100Y43", "91350100M000100Y43"}, /* the example of GB 32100 */
    {"91350100m000100y43", "91350100M000100Y43"},
    {"914403001922038216", "914403001922038216"}, /* published codes of companies */
    {"9144030071526726XG", "9144030071526726XG"},
    {"91330100799655058B", "91330100799655058B"},
    {"91350100M000100Y44", NULL},
    {"9135010OM000100Y43", NULL},
    {"91350100M000100Y4", NULL},
    {"91350100M000100Y433", NULL},
    {"91350100M000100Y4 ", NULL},
    {"91350A00M000100Y43", NULL},
    {"", NULL},
    {NULL, NULL},
};

static const number_case_t organisation_codes[] = {
    {"19220382-1", "192203821"},
    {"192203821", "192203821"},
    {"71526726-X", "71526726X"},
    {"71526726x", "71526726X"},
    {"D2143569-X", "D2143569X"}, /* the example of GB 11714 */
    {"d2143569X", "D2143569X"},
    {"M000100Y-4", "M000100Y4"},
    {"19220382-2", NULL},
    {"1922038-21", NULL},
    {"19220382--1", NULL},
    {"19220382-", NULL},
    {"19220382", NULL},
    {"19220382-11", NULL},
    {"1922038211", NULL},
    {"-192203821", NULL},
    {" 192203821", NULL},
    {"", NULL},
    {NULL, NULL},
};

static void check_cases(const number_case_t *cases, size_t count, int (*is_valid)(const char *),
                        const char *(*clean)(const char *, apr_pool_t *), apr_pool_t *pool)
{
    for (size_t i = 0; i < count; i++) {
        const char *cleaned = clean(cases[i].text, pool);
        if (is_valid(cases[i].text) != (cases[i].clean != NULL)) {
            fail_msg("%s", cases[i].text);
        }
        if (cases[i].clean) {
            assert_string_equal(cleaned, cases[i].clean);
        } else {
            assert_null(cleaned);
        }
    }
}

static void test_national_ids(void **state)
{
    check_cases(national_ids, sizeof(national_ids) / sizeof(*national_ids), ra_national_id_is_valid,
                ra_national_id_clean, *state);
}

static void test_unified_social_credit_codes(void **state)
{
    check_cases(usccs, sizeof(usccs) / sizeof(*usccs), ra_uscc_is_valid, ra_uscc_clean, *state);
}

static void test_organisation_codes(void **state)
{
    check_cases(organisation_codes, sizeof(organisation_codes) / sizeof(*organisation_codes),
                ra_organisation_code_is_valid, ra_organisation_code_clean, *state);
}

/* Is there a check character that makes the 17 digits valid? */
static int can_be_valid(const char *seventeen, apr_pool_t *pool)
{
    for (const char *check = "0123456789X"; *check; check++) {
        if (ra_national_id_is_valid(apr_psprintf(pool, "%s%c", seventeen, *check))) {
            return 1;
        }
    }
    return 0;
}

static void test_birth_date_and_province_must_exist(void **state)
{
    static const struct {
        const char *seventeen;
        int possible;
    } cases[] = {
        {"14010520000229001", 1}, {"14010519000229001", 0}, {"14010519990229001", 0}, {"14010519991301001", 0},
        {"14010519990001001", 0}, {"14010519990431001", 0}, {"14010519990400001", 0}, {"14010517990401001", 0},
        {"14010521000401001", 0}, {"99010519990401001", 0}, {"00010519990401001", 0}, {"81000019990401001", 1},
        {"83000019990401001", 1}, {"16010519990401001", 0}, {"65010519990401001", 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (can_be_valid(cases[i].seventeen, *state) != cases[i].possible) {
            fail_msg("%s", cases[i].seventeen);
        }
    }
}

/* Every other character at every place of a good number. */
static void assert_slips_noticed(const char *good, const char *alphabet, int (*is_valid)(const char *),
                                 apr_pool_t *pool)
{
    assert_true(is_valid(good));
    for (size_t place = 0; good[place]; place++) {
        char *typed = apr_pstrdup(pool, good);
        for (const char *slip = alphabet; *slip; slip++) {
            typed[place] = *slip;
            if (*slip != good[place] && is_valid(typed)) {
                fail_msg("%s passes for %s", typed, good);
            }
        }
    }
}

static void test_every_single_slip_is_noticed(void **state)
{
    assert_slips_noticed("11010519491231002X", "0123456789X", ra_national_id_is_valid, *state);
    assert_slips_noticed("440524188001010014", "0123456789X", ra_national_id_is_valid, *state);
    assert_slips_noticed("914403001922038216", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", ra_uscc_is_valid, *state);
    assert_slips_noticed("91350100M000100Y43", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", ra_uscc_is_valid, *state);
    /* A letter can weigh as much as a digit in GB 11714 (X for 0): only digits are all noticed. */
    assert_slips_noticed("192203821", "0123456789", ra_organisation_code_is_valid, *state);
}

static void test_swapped_neighbours_are_noticed(void **state)
{
    static const char good[] = "914403001922038216";

    for (size_t place = 0; place + 1 < sizeof(good) - 1; place++) {
        char *typed = apr_pstrdup(*state, good);
        typed[place] = good[place + 1];
        typed[place + 1] = good[place];
        assert_int_equal(ra_uscc_is_valid(typed), good[place] == good[place + 1]);
    }
}

/* A right last character does not help when the organisation code inside is wrong. */
static void test_a_credit_code_needs_a_good_organisation_code_inside(void **state)
{
    int valid = 0;

    for (int inner = 0; inner < 10; inner++) {
        for (const char *check = "0123456789ABCDEFGHJKLMNPQRTUWXY"; *check; check++) {
            const char *code = apr_psprintf(*state, "9144030019220382%d%c", inner, *check);
            valid += ra_uscc_is_valid(code);
        }
    }
    assert_int_equal(valid, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_national_ids),
        UNIT_TEST(test_unified_social_credit_codes),
        UNIT_TEST(test_organisation_codes),
        UNIT_TEST(test_birth_date_and_province_must_exist),
        UNIT_TEST(test_every_single_slip_is_noticed),
        UNIT_TEST(test_swapped_neighbours_are_noticed),
        UNIT_TEST(test_a_credit_code_needs_a_good_organisation_code_inside),
    };

    return UNIT_RUN(tests);
}
