/*
 * Check characters of Chinese identity numbers (see national_ids.h).
 * Layer: business, pure. Thread rule: free-threaded.
 */
#include "business/people/national_ids.h"

#include <string.h>

#include <apr_strings.h>

#include "base/ident.h"

#define NATIONAL_ID_LENGTH 18
#define USCC_LENGTH 18
#define ORGANISATION_CODE_LENGTH 9
#define USCC_ORGANISATION_CODE 8 /* where it begins */

static const char digits[] = "0123456789";
static const char alphanumerics[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char uscc_alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY"; /* GB 32100 §4.2: without I O S V Z */

/* ---- characters ---- */

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* The place of a character in an alphabet, either case; -1 when it is not there or the text ends. */
static int value_of(char c, const char *alphabet)
{
    const char *place = c ? strchr(alphabet, upper(c)) : NULL;

    return place ? (int)(place - alphabet) : -1;
}

/* The sum of the weighted values of @a count characters, or -1 when one is foreign to the alphabet. */
static int weighted_sum(const char *text, const int *weights, int count, const char *alphabet)
{
    int sum = 0;

    for (int i = 0; i < count; i++) {
        int value = value_of(text[i], alphabet);
        if (value < 0) {
            return -1;
        }
        sum += value * weights[i];
    }
    return sum;
}

static int number_at(const char *text, int count)
{
    int number = 0;

    for (int i = 0; i < count; i++) {
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

static const char *upper_copy(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);

    for (char *at = copy; *at; at++) {
        *at = upper(*at);
    }
    return copy;
}

/* ---- GB 11643: people ---- */

/* GB/T 2260, and 83 for the residence permits of Taiwan's residents, which follow GB 11643 too. */
static int province_exists(int province)
{
    static const unsigned char provinces[] = {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43,
                                              44, 45, 46, 50, 51, 52, 53, 54, 61, 62, 63, 64, 65, 71, 81, 82, 83};

    return memchr(provinces, province, sizeof(provinces)) != NULL;
}

int ra_national_id_is_valid(const char *text)
{
    static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2};
    static const char checks[] = "10X98765432";

    if (!text || strlen(text) != NATIONAL_ID_LENGTH) {
        return 0;
    }
    int sum = weighted_sum(text, weights, NATIONAL_ID_LENGTH - 1, digits);
    if (sum < 0 || upper(text[NATIONAL_ID_LENGTH - 1]) != checks[sum % 11]) {
        return 0;
    }
    int year = number_at(text + 6, 4);
    return province_exists(number_at(text, 2)) && year >= 1800 && year < 2100 &&
           ra_day_exists(year, number_at(text + 10, 2), number_at(text + 12, 2));
}

const char *ra_national_id_clean(const char *text, apr_pool_t *pool)
{
    return ra_national_id_is_valid(text) ? upper_copy(text, pool) : NULL;
}

/* ---- GB 11714: organisations ---- */

/* Nine characters at @a text; what follows them does not matter. */
static int organisation_code_at(const char *text)
{
    static const int weights[] = {3, 7, 9, 10, 5, 8, 4, 2};
    static const char checks[] = "0X987654321"; /* 11 - sum mod 11; 10 is X, 11 is 0 */
    int sum = weighted_sum(text, weights, ORGANISATION_CODE_LENGTH - 1, alphanumerics);

    return sum >= 0 && upper(text[ORGANISATION_CODE_LENGTH - 1]) == checks[sum % 11];
}

/* Copies the nine characters without their hyphen; 0 when the text has another shape. */
static int unhyphenated(char code[ORGANISATION_CODE_LENGTH + 1], const char *text)
{
    const int body = ORGANISATION_CODE_LENGTH - 1;
    apr_size_t len = text ? strlen(text) : 0;
    int hyphen = len == ORGANISATION_CODE_LENGTH + 1 && text[body] == '-';

    if (len != (apr_size_t)(ORGANISATION_CODE_LENGTH + hyphen)) {
        return 0;
    }
    memcpy(code, text, (size_t)body);
    code[body] = text[body + hyphen];
    code[body + 1] = '\0';
    return 1;
}

int ra_organisation_code_is_valid(const char *text)
{
    char code[ORGANISATION_CODE_LENGTH + 1];

    return unhyphenated(code, text) && organisation_code_at(code);
}

const char *ra_organisation_code_clean(const char *text, apr_pool_t *pool)
{
    char code[ORGANISATION_CODE_LENGTH + 1];

    return unhyphenated(code, text) && organisation_code_at(code) ? upper_copy(code, pool) : NULL;
}

/* ---- GB 32100: the unified code of both ---- */

int ra_uscc_is_valid(const char *text)
{
    static const int weights[] = {1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28}; /* 3^i mod 31 */

    if (!text || strlen(text) != USCC_LENGTH || strspn(text + 2, digits) < 6) {
        return 0;
    }
    int sum = weighted_sum(text, weights, USCC_LENGTH - 1, uscc_alphabet);
    if (sum < 0 || upper(text[USCC_LENGTH - 1]) != uscc_alphabet[(31 - sum % 31) % 31]) {
        return 0;
    }
    return organisation_code_at(text + USCC_ORGANISATION_CODE);
}

const char *ra_uscc_clean(const char *text, apr_pool_t *pool)
{
    return ra_uscc_is_valid(text) ? upper_copy(text, pool) : NULL;
}
