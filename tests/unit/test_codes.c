/* Reference and authorisation codes as people type them: alphabet, groups, look-alikes, and slips that the check
 * character finds. */
#include "unit.h"

#include "base/limits.h"
#include "business/ca/codes.h"

/* Crockford's base 32, written here once more. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

#define SAMPLES 50

static const char *sample(apr_pool_t *pool)
{
    unsigned char random[RA_CODE_RANDOM_BYTES];

    assert_int_equal(ra_random(random, sizeof(random)), APR_SUCCESS);
    return ra_code_make(ra_bytes_of(random, sizeof(random)), pool);
}

static void assert_clean(const char *typed, const char *wanted, apr_pool_t *pool)
{
    const char *clean = ra_code_clean(typed, pool);

    if (!clean) {
        fail_msg("\"%s\" is refused", typed);
    }
    assert_string_equal(clean, wanted);
}

/* ---- making ---- */

static void test_a_code_is_five_groups_of_five_from_the_alphabet(void **state)
{
    for (int i = 0; i < SAMPLES; i++) {
        const char *code = sample(*state);

        assert_int_equal(strlen(code), 5 * 5 + 4);
        for (int at = 0; code[at]; at++) {
            if (at % 6 == 5) {
                assert_int_equal(code[at], '-');
            } else {
                assert_non_null(strchr(alphabet, code[at]));
            }
        }
        assert_true(ra_code_is_well_typed(ra_code_clean(code, *state)));
    }
}

/* RFC 4648's order of bits: every bit of the random bytes is in the code, so two draws never meet. */
static void test_all_120_bits_can_be_read_back(void **state)
{
    unsigned char random[RA_CODE_RANDOM_BYTES], back[RA_CODE_RANDOM_BYTES];

    assert_int_equal(RA_CODE_RANDOM_BYTES * 8, 120);
    for (int i = 0; i < SAMPLES; i++) {
        const char *clean;

        assert_int_equal(ra_random(random, sizeof(random)), APR_SUCCESS);
        clean = ra_code_clean(ra_code_make(ra_bytes_of(random, sizeof(random)), *state), *state);
        assert_int_equal(strlen(clean), 25);
        memset(back, 0, sizeof(back));
        for (unsigned bit = 0; bit < 120; bit++) {
            unsigned value = (unsigned)(strchr(alphabet, clean[bit / 5]) - alphabet);

            back[bit / 8] |= (unsigned char)(((value >> (4 - bit % 5)) & 1u) << (7 - bit % 8));
        }
        assert_memory_equal(back, random, sizeof(random));
    }
}

/* Made once with another program, so that a code drawn before an upgrade is still well typed after it. */
static void test_known_bytes_make_known_codes(void **state)
{
    static const unsigned char zeros[RA_CODE_RANDOM_BYTES];
    unsigned char ones[RA_CODE_RANDOM_BYTES], count[RA_CODE_RANDOM_BYTES];

    memset(ones, 0xff, sizeof(ones));
    for (unsigned char i = 0; i < sizeof(count); i++) {
        count[i] = i;
    }
    assert_string_equal(ra_code_make(ra_bytes_of(zeros, sizeof(zeros)), *state), "00000-00000-00000-00000-00000");
    assert_string_equal(ra_code_make(ra_bytes_of(ones, sizeof(ones)), *state), "ZZZZZ-ZZZZZ-ZZZZZ-ZZZZZ-ZZZZR");
    assert_string_equal(ra_code_make(ra_bytes_of(count, sizeof(count)), *state), "000G4-0R40M-30E20-9185G-R38EJ");
}

/* The reference code is shorter: 55 bits and its check character. */
static void test_a_shorter_code_is_grouped_too(void **state)
{
    const char *code = ra_code_make(ra_bytes_of("1234567", 7), *state);

    assert_int_equal(strlen(code), 14);
    assert_int_equal(code[5], '-');
    assert_int_equal(code[11], '-');
    assert_true(ra_code_is_well_typed(ra_code_clean(code, *state)));
}

/* ---- typing ---- */

static void test_case_spaces_hyphens_and_look_alikes_do_not_matter(void **state)
{
    assert_clean("ABCDE-12345", "ABCDE12345", *state);
    assert_clean("abcde 12345", "ABCDE12345", *state);
    assert_clean("  A B-C--d e12345 ", "ABCDE12345", *state);
    assert_clean("O0o", "000", *state);
    assert_clean("I1iLl", "11111", *state);
    assert_clean(alphabet, alphabet, *state);
    assert_clean("", "", *state);
    assert_clean("- -", "", *state);
}

static void test_a_code_typed_with_look_alikes_is_the_same_code(void **state)
{
    for (int i = 0; i < SAMPLES; i++) {
        const char *code = sample(*state);
        char *typed = apr_pstrdup(*state, code);

        for (char *at = typed; *at; at++) {
            *at = *at == '0'            ? "Oo"[i % 2]
                  : *at == '1'          ? "IiLl"[i % 4]
                  : *at >= 'A' && i % 3 ? (char)(*at - 'A' + 'a')
                                        : *at;
        }
        assert_clean(typed, ra_code_clean(code, *state), *state);
    }
}

/* U is not in the alphabet; the rest cannot have been meant. No byte of another script may pass for a letter. */
static void test_impossible_characters_are_refused(void **state)
{
    static const char *const typed[] = {"U",  "u",  "ABCDE_12345", "ABCDE.12345", "A\tB", "A\nB", "\x7f",
                                        "Ａ", "－", "一",          "A\xc0",       "é",    "*"};

    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        if (ra_code_clean(typed[i], *state)) {
            fail_msg("accepted: %s", typed[i]);
        }
    }
    for (int c = 1; c < 256; c++) {
        char text[2] = {(char)c, '\0'};
        int possible = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z' && c != 'U') ||
                       (c >= 'a' && c <= 'z' && c != 'u') || c == '-' || c == ' ';

        assert_int_equal(ra_code_clean(text, *state) != NULL, possible);
    }
}

static void test_every_single_wrong_character_is_found(void **state)
{
    for (int i = 0; i < SAMPLES; i++) {
        char *clean = apr_pstrdup(*state, ra_code_clean(sample(*state), *state));

        for (char *at = clean; *at; at++) {
            char right = *at;

            for (const char *wrong = alphabet; *wrong; wrong++) {
                *at = *wrong;
                assert_int_equal(ra_code_is_well_typed(clean), *wrong == right);
            }
            *at = right;
        }
    }
}

/* Luhn's known gap: the first and the last character of the alphabet side by side. */
static void test_every_swap_of_neighbours_is_found_but_one(void **state)
{
    for (int i = 0; i < SAMPLES; i++) {
        char *clean = apr_pstrdup(*state, ra_code_clean(sample(*state), *state));

        for (char *at = clean; at[1]; at++) {
            char first = at[0], second = at[1];
            int gap = (first == '0' && second == 'Z') || (first == 'Z' && second == '0');

            at[0] = second;
            at[1] = first;
            assert_int_equal(ra_code_is_well_typed(clean), first == second || gap);
            at[0] = first;
            at[1] = second;
        }
    }
}

static void test_nothing_and_a_lone_character_are_no_code(void **state)
{
    (void)state;
    assert_false(ra_code_is_well_typed(""));
    assert_false(ra_code_is_well_typed("0"));
    assert_false(ra_code_is_well_typed("Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT_TEST(test_a_code_is_five_groups_of_five_from_the_alphabet),
        UNIT_TEST(test_all_120_bits_can_be_read_back),
        UNIT_TEST(test_known_bytes_make_known_codes),
        UNIT_TEST(test_a_shorter_code_is_grouped_too),
        UNIT_TEST(test_case_spaces_hyphens_and_look_alikes_do_not_matter),
        UNIT_TEST(test_a_code_typed_with_look_alikes_is_the_same_code),
        UNIT_TEST(test_impossible_characters_are_refused),
        UNIT_TEST(test_every_single_wrong_character_is_found),
        UNIT_TEST(test_every_swap_of_neighbours_is_found_but_one),
        UNIT_TEST(test_nothing_and_a_lone_character_are_no_code),
    };

    return UNIT_RUN(tests);
}
