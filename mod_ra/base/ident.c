/*
 * Identifiers and times (see ident.h).
 * Layer: base. Thread rule: all functions are free-threaded.
 */
#include "base/ident.h"

#include <string.h>

#include <apr_strings.h>

#include "base/crypt.h"

/* ---- digits ---- */

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The value of exactly @a count digits, or -1. Stops at the end of the string. */
static int digits_at(const char *text, int count)
{
    int value = 0;

    for (int i = 0; i < count; i++) {
        if (!is_digit(text[i])) {
            return -1;
        }
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

/* ---- UUIDv7 ---- */

/* RFC 9562 §5.7, §6.2 method 3: milliseconds, the rest of the microseconds as a 12 bit fraction, 62 random bits. */
const char *ra_uuid_make(apr_pool_t *pool)
{
    unsigned char uuid[RA_UUID_BYTES];
    apr_time_t now = apr_time_now();
    apr_uint64_t milliseconds = (apr_uint64_t)now / 1000;
    unsigned int fraction = (unsigned int)(now % 1000 * 4096 / 1000);

    if (ra_random(uuid + 8, 8) != APR_SUCCESS) {
        return NULL;
    }
    for (int i = 0; i < 6; i++) {
        uuid[i] = (unsigned char)(milliseconds >> (40 - 8 * i));
    }
    uuid[6] = (unsigned char)(0x70 | fraction >> 8);
    uuid[7] = (unsigned char)fraction;
    uuid[8] = (unsigned char)(0x80 | (uuid[8] & 0x3F));
    return ra_uuid_text(uuid, pool);
}

static int is_dash_place(int place)
{
    return place == 8 || place == 13 || place == 18 || place == 23;
}

apr_status_t ra_uuid_parse(unsigned char uuid[RA_UUID_BYTES], const char *text)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    int nibbles = 0;

    for (int i = 0; i < RA_UUID_TEXT; i++) {
        const char *digit;
        if (is_dash_place(i)) {
            if (text[i] != '-') {
                return APR_EINVAL;
            }
            continue;
        }
        if (text[i] == '\0' || !(digit = strchr(digits, text[i]))) {
            return APR_EINVAL;
        }
        int value = (int)(digit - digits) & 15;
        uuid[nibbles / 2] = (unsigned char)(nibbles % 2 ? uuid[nibbles / 2] | value : value << 4);
        nibbles++;
    }
    return text[RA_UUID_TEXT] == '\0' ? APR_SUCCESS : APR_EINVAL;
}

const char *ra_uuid_text(const unsigned char uuid[RA_UUID_BYTES], apr_pool_t *pool)
{
    const char *hex = ra_hex(ra_bytes_of(uuid, RA_UUID_BYTES), pool);

    return apr_psprintf(pool, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* ---- application number ---- */

int ra_mod1110_check(const char *digits, apr_size_t len)
{
    int product = 10;

    for (apr_size_t i = 0; i < len; i++) {
        int sum = (product + digits[i] - '0') % 10;
        product = (sum == 0 ? 10 : sum) * 2 % 11;
    }
    return (11 - product) % 10;
}

/* The seven random digits of a day's numbers: the lower half is for applications, the upper one for forms filled in beforehand. */
#define HALF_A_DAY 5000000

/* A number below HALF_A_DAY, every one as likely; -1 when the generator fails. */
static int random_half(void)
{
    const apr_uint32_t range = HALF_A_DAY, fair = 4290000000U; /* the largest multiple of the range below 2^32 */
    apr_uint32_t value;

    do {
        if (ra_random(&value, sizeof(value)) != APR_SUCCESS) {
            return -1;
        }
    } while (value >= fair);
    return (int)(value % range);
}

static const char *number_make(apr_time_t now, int first, apr_pool_t *pool)
{
    apr_time_exp_t day; /* China has one time zone and no summer time */
    int number = random_half();

    if (number < 0 || apr_time_exp_tz(&day, now, 8 * 3600) != APR_SUCCESS) {
        return NULL;
    }
    char *text = apr_psprintf(pool, "%04d%02d%02d%07d?", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday, first + number);
    text[15] = (char)('0' + ra_mod1110_check(text, 15));
    return text;
}

const char *ra_application_number_make(apr_time_t now, apr_pool_t *pool)
{
    return number_make(now, 0, pool);
}

const char *ra_prefill_number_make(apr_time_t now, apr_pool_t *pool)
{
    return number_make(now, HALF_A_DAY, pool);
}

const char *ra_digits_make(apr_size_t count, apr_pool_t *pool)
{
    const unsigned fair = 250; /* the largest multiple of 10 below 2^8 */
    char *digits = apr_palloc(pool, count + 1);
    apr_size_t len = 0;

    while (len + 1 < count) {
        unsigned char byte;

        if (ra_random(&byte, 1) != APR_SUCCESS) {
            return NULL;
        }
        if (byte < fair) {
            digits[len++] = (char)('0' + byte % 10);
        }
    }
    digits[len] = (char)('0' + ra_mod1110_check(digits, len));
    digits[len + 1] = '\0';
    return digits;
}

int ra_digits_are_well_typed(const char *digits)
{
    apr_size_t len = strlen(digits);

    return len > 1 && strspn(digits, "0123456789") == len && digits[len - 1] - '0' == ra_mod1110_check(digits, len - 1);
}

int ra_application_number_is_valid(const char *text)
{
    if (strspn(text, "0123456789") != 16 || text[16] != '\0') {
        return 0;
    }
    return ra_day_exists(digits_at(text, 4), digits_at(text + 4, 2), digits_at(text + 6, 2)) &&
           ra_mod1110_check(text, 15) == text[15] - '0';
}

/* ---- times ---- */

static int is_leap_year(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int ra_day_exists(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (year < 0 || month < 1 || month > 12 || day < 1) {
        return 0;
    }
    return day <= days[month - 1] + (month == 2 && is_leap_year(year));
}

/* Days from 1970-01-01 to a day of the Gregorian calendar; years run from March here, so the leap day comes last. */
static apr_int64_t days_since_epoch(int year, int month, int day)
{
    int shifted_year = month > 2 ? year : year - 1;
    int shifted_month = month > 2 ? month - 3 : month + 9;
    int era = (shifted_year >= 0 ? shifted_year : shifted_year - 399) / 400;
    int year_of_era = shifted_year - era * 400;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * shifted_month + 2) / 5 + day - 1;

    return (apr_int64_t)era * 146097 + day_of_era - 719468;
}

const char *ra_rfc3339(apr_time_t time, apr_pool_t *pool)
{
    apr_time_exp_t at;
    int microseconds = (int)((time % APR_USEC_PER_SEC + APR_USEC_PER_SEC) % APR_USEC_PER_SEC); /* before 1970 too */

    apr_time_exp_gmt(&at, time - microseconds);
    const char *seconds = apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02d", at.tm_year + 1900, at.tm_mon + 1,
                                       at.tm_mday, at.tm_hour, at.tm_min, at.tm_sec);
    return microseconds ? apr_psprintf(pool, "%s.%06dZ", seconds, microseconds) : apr_pstrcat(pool, seconds, "Z", NULL);
}

/* YYYY-MM-DD at the start of @a text. */
static int date_at(int *pyear, int *pmonth, int *pday, const char *text)
{
    *pyear = digits_at(text, 4);
    if (*pyear < 0 || text[4] != '-') {
        return 0;
    }
    *pmonth = digits_at(text + 5, 2);
    if (*pmonth < 0 || text[7] != '-') {
        return 0;
    }
    *pday = digits_at(text + 8, 2);
    return ra_day_exists(*pyear, *pmonth, *pday);
}

int ra_date_is_valid(const char *text)
{
    int year, month, day;

    return date_at(&year, &month, &day, text) && text[10] == '\0';
}

/* hh:mm:ss at the start of @a text, as seconds of the day; 60 is let through for a leap second. */
static int seconds_at(const char *text)
{
    int hour = digits_at(text, 2);
    int minute = hour >= 0 && text[2] == ':' ? digits_at(text + 3, 2) : -1;
    int second = minute >= 0 && text[5] == ':' ? digits_at(text + 6, 2) : -1;

    return second >= 0 && hour <= 23 && minute <= 59 && second <= 60 ? hour * 3600 + minute * 60 + second : -1;
}

/* ".123" as microseconds, further digits are cut; moves *ptext behind it. -1 when a point has no digits. */
static int fraction_at(const char **ptext)
{
    const char *text = *ptext;
    int microseconds = 0, weight = 100000;

    if (*text != '.') {
        return 0;
    }
    if (!is_digit(*++text)) {
        return -1;
    }
    for (; is_digit(*text); text++) {
        microseconds += (*text - '0') * weight;
        weight /= 10;
    }
    *ptext = text;
    return microseconds;
}

/* "Z" or "+hh:mm" up to the end of the string, as seconds east of Greenwich. */
static int offset_at(int *pseconds, const char *text)
{
    *pseconds = 0;
    if (*text == 'Z' || *text == 'z') {
        return text[1] == '\0';
    }
    if (*text != '+' && *text != '-') {
        return 0;
    }
    int hour = digits_at(text + 1, 2);
    int minute = hour >= 0 && text[3] == ':' ? digits_at(text + 4, 2) : -1;
    if (minute < 0 || hour > 23 || minute > 59 || text[6] != '\0') {
        return 0;
    }
    *pseconds = (hour * 60 + minute) * (*text == '-' ? -60 : 60);
    return 1;
}

apr_status_t ra_rfc3339_parse(apr_time_t *ptime, const char *text)
{
    int year, month, day, offset;

    if (!date_at(&year, &month, &day, text) || (text[10] != 'T' && text[10] != 't')) {
        return APR_EINVAL;
    }
    int seconds = seconds_at(text + 11);
    if (seconds < 0) {
        return APR_EINVAL;
    }
    const char *rest = text + 19;
    int microseconds = fraction_at(&rest);
    if (microseconds < 0 || !offset_at(&offset, rest)) {
        return APR_EINVAL;
    }
    apr_int64_t moment = days_since_epoch(year, month, day) * 86400 + seconds - offset;
    if (text[17] == '6' && moment % 86400 != 0) { /* leap seconds end a day of UTC; this is the moment after it */
        return APR_EINVAL;
    }
    *ptime = apr_time_from_sec(moment) + microseconds;
    return APR_SUCCESS;
}
