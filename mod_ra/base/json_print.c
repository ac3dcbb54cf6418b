/*
 * JSON text from trees, compact and canonical (see json.h). Integers are printed exactly up to 2^53-1, other numbers
 * as the shortest decimal that reads back as the same double.
 * Layer: base; knows trees by json.h only. Thread rule: free-threaded.
 */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/limits.h"
#include "base/utf8.h"

/* A text that grows in a pool. */
typedef struct printer_t {
    char *text;
    apr_size_t len;
    apr_size_t room;
    int sorted;
    apr_pool_t *pool;
} printer_t;

static void print_value(printer_t *printer, const ra_json_t *json);

static void print_bytes(printer_t *printer, const char *bytes, apr_size_t len)
{
    if (printer->room - printer->len < len) {
        apr_size_t room = (printer->len + len) * 2;
        char *text = apr_palloc(printer->pool, room);
        memcpy(text, printer->text, printer->len);
        printer->text = text;
        printer->room = room;
    }
    memcpy(printer->text + printer->len, bytes, len);
    printer->len += len;
}

static void print_char(printer_t *printer, char c)
{
    print_bytes(printer, &c, 1);
}

static void print_text(printer_t *printer, const char *text)
{
    print_bytes(printer, text, strlen(text));
}

static void print_number(printer_t *printer, const ra_json_t *json)
{
    double value = ra_json_double(json, 0);
    char text[40];

    if (ra_json_is_integer(json)) {
        apr_snprintf(text, sizeof(text), "%" APR_INT64_T_FMT, ra_json_int(json, 0));
    } else {
        /* Beyond the exact integers an exponent is needed, or the reader would take it for an integer and refuse it. */
        int with_exponent = fabs(value) > (double)RA_JSON_MAX_INTEGER;

        for (int digits = 1; digits <= 17; digits++) {
            snprintf(text, sizeof(text), with_exponent ? "%.*e" : "%.*g", with_exponent ? digits - 1 : digits, value);
            if (strtod(text, NULL) == value) {
                break;
            }
        }
        char *comma = strchr(text, ','); /* as some locales write it */
        if (comma) {
            *comma = '.';
        }
    }
    print_text(printer, text);
}

/* How a character must be written inside a string; NULL: as it is. RFC 8785 §3.2.2.2 wants just these forms. */
static const char *escape_of(unsigned char byte, char buffer[8])
{
    switch (byte) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        if (byte >= 0x20) {
            return NULL;
        }
        apr_snprintf(buffer, 8, "\\u%04x", byte);
        return buffer;
    }
}

static void print_string(printer_t *printer, const char *text)
{
    char buffer[8];
    const char *from = text;

    print_char(printer, '"');
    for (; *text; text++) {
        const char *escape = escape_of((unsigned char)*text, buffer);
        if (escape) {
            print_bytes(printer, from, (apr_size_t)(text - from));
            print_text(printer, escape);
            from = text + 1;
        }
    }
    print_bytes(printer, from, (apr_size_t)(text - from));
    print_char(printer, '"');
}

static void print_array(printer_t *printer, const ra_json_t *array)
{
    const char *separator = "";

    print_char(printer, '[');
    for (const ra_json_t *item = ra_json_first(array); item; item = ra_json_next(item)) {
        print_text(printer, separator);
        print_value(printer, item);
        separator = ",";
    }
    print_char(printer, ']');
}

/* The first UTF-16 code unit of a code point: characters beyond U+FFFF sort as surrogates, before U+E000. */
static apr_uint32_t lead_unit(apr_uint32_t code)
{
    return code < 0x10000 ? code : 0xD800 + ((code - 0x10000) >> 10);
}

static int compare_code_points(apr_uint32_t a, apr_uint32_t b)
{
    apr_uint32_t left = lead_unit(a), right = lead_unit(b);

    if (left == right) {
        left = a;
        right = b;
    }
    return (left > right) - (left < right);
}

static int compare_utf16(const char *a, const char *b)
{
    for (;;) {
        apr_uint32_t left = 0, right = 0;
        apr_size_t size = ra_utf8_read(&left, a, strnlen(a, RA_UTF8_MAX));
        apr_size_t other = ra_utf8_read(&right, b, strnlen(b, RA_UTF8_MAX));

        if (size == 0 || other == 0) {
            return (size > 0) - (other > 0);
        }
        int difference = compare_code_points(left, right);
        if (difference != 0) {
            return difference;
        }
        a += size;
        b += other;
    }
}

static int compare_members(const void *left, const void *right)
{
    const ra_json_t *const *a = left, *const *b = right;

    return compare_utf16(ra_json_name(*a), ra_json_name(*b));
}

/* The members of an object in printing order. */
static const ra_json_t **members_of(const printer_t *printer, const ra_json_t *object, int *pcount)
{
    int count = 0;
    const ra_json_t **members = apr_palloc(printer->pool, (apr_size_t)ra_json_size(object) * sizeof(*members));

    for (const ra_json_t *member = ra_json_first(object); member; member = ra_json_next(member)) {
        members[count++] = member;
    }
    if (printer->sorted) {
        qsort(members, (size_t)count, sizeof(*members), compare_members);
    }
    *pcount = count;
    return members;
}

static void print_object(printer_t *printer, const ra_json_t *object)
{
    int count;
    const ra_json_t **members = members_of(printer, object, &count);

    print_char(printer, '{');
    for (int i = 0; i < count; i++) {
        if (i > 0) {
            print_char(printer, ',');
        }
        print_string(printer, ra_json_name(members[i]));
        print_char(printer, ':');
        print_value(printer, members[i]);
    }
    print_char(printer, '}');
}

static void print_value(printer_t *printer, const ra_json_t *json)
{
    switch (ra_json_type(json)) {
    case RA_JSON_OBJECT:
        print_object(printer, json);
        break;
    case RA_JSON_ARRAY:
        print_array(printer, json);
        break;
    case RA_JSON_STRING:
        print_string(printer, ra_json_string(json));
        break;
    case RA_JSON_NUMBER:
        print_number(printer, json);
        break;
    case RA_JSON_BOOLEAN:
        print_text(printer, ra_json_is_true(json) ? "true" : "false");
        break;
    case RA_JSON_NULL:
        print_text(printer, "null");
        break;
    }
}

static const char *print(const ra_json_t *json, int sorted, apr_pool_t *pool)
{
    printer_t printer = {.room = 256, .sorted = sorted, .pool = pool};

    printer.text = apr_palloc(pool, printer.room);
    print_value(&printer, json);
    print_char(&printer, '\0');
    return printer.text;
}

const char *ra_json_print(const ra_json_t *json, apr_pool_t *pool)
{
    return print(json, 0, pool);
}

const char *ra_json_canonical(const ra_json_t *json, apr_pool_t *pool)
{
    return print(json, 1, pool);
}
