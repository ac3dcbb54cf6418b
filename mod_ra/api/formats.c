/* The formats of the document. Layer: api. Thread rule: constant data, free-threaded. */
#include "api/formats.h"

#include <string.h>

#include "base/ident.h"
#include "business/people/national_ids.h"
#include "ra_problems.h"

static int in_range(char c, char low, char high)
{
    return c >= low && c <= high;
}

static int is_digit(char c)
{
    return in_range(c, '0', '9');
}

static int is_letter(char c)
{
    return in_range(c, 'a', 'z') || in_range(c, 'A', 'Z');
}

static int uuid_is_valid(const char *text)
{
    unsigned char uuid[RA_UUID_BYTES];

    return ra_uuid_parse(uuid, text) == APR_SUCCESS;
}

static int date_time_is_valid(const char *text)
{
    apr_time_t time;

    return ra_rfc3339_parse(&time, text) == APR_SUCCESS;
}

/* RFC 3986: a scheme, a colon, and only characters that a URI may hold; every % begins an escape. */
static int uri_is_valid(const char *text)
{
    static const char others[] = "-._~:/?#[]@!$&'()*+,;=%";
    const char *c = text;

    if (!is_letter(*c)) {
        return 0;
    }
    while (is_letter(*c) || is_digit(*c) || (*c && strchr("+-.", *c))) {
        c++;
    }
    if (*c++ != ':' || !*c) {
        return 0;
    }
    for (; *c; c++) {
        if (!is_letter(*c) && !is_digit(*c) && !strchr(others, *c)) {
            return 0;
        }
        if (*c == '%' && (strspn(c + 1, "0123456789abcdefABCDEF") < 2)) {
            return 0;
        }
    }
    return 1;
}

/* RFC 5321 §4.1.2 dot-string: atoms between dots. */
static int local_part_is_valid(const char *text, size_t len)
{
    static const char atom[] = "!#$%&'*+-/=?^_`{|}~";

    if (len == 0 || len > 64 || text[0] == '.' || text[len - 1] == '.') {
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.' ? text[i - 1] == '.' : !is_letter(text[i]) && !is_digit(text[i]) && !strchr(atom, text[i])) {
            return 0;
        }
    }
    return 1;
}

/* Two labels at least, of letters, digits and inner hyphens. */
static int domain_is_valid(const char *text)
{
    size_t label = 0, dots = 0;

    if (strlen(text) > 253) {
        return 0;
    }
    for (const char *c = text;; c++) {
        if (*c == '.' || *c == '\0') {
            if (label == 0 || label > 63 || c[-1] == '-') {
                return 0;
            }
            if (*c == '\0') {
                return dots > 0;
            }
            dots++;
            label = 0;
        } else if (is_letter(*c) || is_digit(*c) || (*c == '-' && label > 0)) {
            label++;
        } else {
            return 0;
        }
    }
}

static int email_is_valid(const char *text)
{
    const char *at = strchr(text, '@');

    return at && strlen(text) <= 254 && local_part_is_valid(text, (size_t)(at - text)) && domain_is_valid(at + 1);
}

/* 社保编号: digits and capital letters; its structure differs from city to city. */
static int social_security_number_is_valid(const char *text)
{
    size_t len = strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");

    return text[len] == '\0' && len >= 6 && len <= 20;
}

static int sha256_is_valid(const char *text)
{
    return strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* 行政区划代码 GB/T 2260 */
static int region_is_valid(const char *text)
{
    return strlen(text) == 6 && strspn(text, "0123456789") == 6;
}

/* A province, a city or a county: what a region code begins with, by whole levels. */
static int region_prefix_is_valid(const char *text)
{
    size_t len = strlen(text);

    return (len == 2 || len == 4 || len == 6) && strspn(text, "0123456789") == len;
}

static const ra_format_t formats[] = {
    {"uuid", uuid_is_valid, RA_VIOLATION_FORMAT_UUID},
    {"date", ra_date_is_valid, RA_VIOLATION_FORMAT_DATE},
    {"date-time", date_time_is_valid, RA_VIOLATION_FORMAT_DATE_TIME},
    {"uri", uri_is_valid, RA_VIOLATION_FORMAT_URI},
    {"email", email_is_valid, RA_VIOLATION_FORMAT_EMAIL},
    {"ra-application-number", ra_application_number_is_valid, RA_VIOLATION_FORMAT_APPLICATION_NUMBER},
    {"ra-social-security-number", social_security_number_is_valid, RA_VIOLATION_FORMAT_SOCIAL_SECURITY_NUMBER},
    {"ra-national-id", ra_national_id_is_valid, RA_VIOLATION_FORMAT_NATIONAL_ID},
    {"ra-uscc", ra_uscc_is_valid, RA_VIOLATION_FORMAT_USCC},
    {"ra-organisation-code", ra_organisation_code_is_valid, RA_VIOLATION_FORMAT_ORGANISATION_CODE},
    {"ra-sha256", sha256_is_valid, RA_VIOLATION_FORMAT_SHA256},
    {"ra-region", region_is_valid, RA_VIOLATION_FORMAT_REGION},
    {"ra-region-prefix", region_prefix_is_valid, RA_VIOLATION_FORMAT_REGION_PREFIX},
    {NULL, NULL, NULL},
};

const ra_format_t *ra_format_find(const char *name)
{
    const ra_format_t *format = formats;

    while (format->name && strcmp(format->name, name) != 0) {
        format++;
    }
    return format->name ? format : NULL;
}
