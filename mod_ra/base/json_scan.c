/*
 * The strict JSON scanner (see json_scan.h). Recursive descent, one pass over the text; depth is bounded by the limits.
 * Layer: base. Thread rule: free-threaded, all state is on the stack and in a scratch pool.
 */
#include "base/json_scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <apr_tables.h>

#include "base/limits.h"
#include "base/result.h"
#include "base/utf8.h"

/* A member name, without its quotes; escapes are resolved. */
typedef struct scan_key_t {
    const char *text;
    apr_size_t len;
    apr_size_t offset; /* in the document, for the error */
} scan_key_t;

typedef struct scan_t {
    const char *text;
    apr_size_t len;
    apr_size_t at;
    const ra_json_limits_t *limits;
    int depth;
    apr_array_header_t *keys; /* of scan_key_t: a stack, the names of all objects that are open */
    apr_pool_t *scratch;
    ra_json_error_t *error;
} scan_t;

static int scan_value(scan_t *scan);

/* Notes why and where; returns 0, so that callers can write `return fail(...)`. */
static int fail(scan_t *scan, apr_size_t offset, const char *code)
{
    scan->error->offset = offset;
    scan->error->code = code;
    return 0;
}

static int fail_here(scan_t *scan)
{
    return fail(scan, scan->at, RA_VIOLATION_JSON_SYNTAX);
}

/* The byte at the reading place, or -1 at the end. */
static int peek(const scan_t *scan)
{
    return scan->at < scan->len ? (unsigned char)scan->text[scan->at] : -1;
}

static int take(scan_t *scan, int byte)
{
    if (peek(scan) != byte) {
        return 0;
    }
    scan->at++;
    return 1;
}

static void skip_space(scan_t *scan)
{
    int byte = peek(scan);

    while (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
        scan->at++;
        byte = peek(scan);
    }
}

static int scan_word(scan_t *scan, const char *word)
{
    apr_size_t size = strlen(word);

    if (scan->len - scan->at < size || memcmp(scan->text + scan->at, word, size) != 0) {
        return fail_here(scan);
    }
    scan->at += size;
    return 1;
}

/* ---- numbers ---- */

/* Passes over decimal digits; returns how many. */
static apr_size_t skip_digits(scan_t *scan)
{
    apr_size_t from = scan->at;

    while (peek(scan) >= '0' && peek(scan) <= '9') {
        scan->at++;
    }
    return scan->at - from;
}

/* The grammar of RFC 8259 §6. */
static int skip_number(scan_t *scan, int *pinteger)
{
    *pinteger = 1;
    take(scan, '-');
    if (!take(scan, '0') && skip_digits(scan) == 0) {
        return 0;
    }
    if (take(scan, '.')) {
        *pinteger = 0;
        if (skip_digits(scan) == 0) {
            return 0;
        }
    }
    if (take(scan, 'e') || take(scan, 'E')) {
        *pinteger = 0;
        if (!take(scan, '+')) {
            take(scan, '-');
        }
        if (skip_digits(scan) == 0) {
            return 0;
        }
    }
    return !(peek(scan) >= '0' && peek(scan) <= '9'); /* 0123 */
}

/* Written without fraction and exponent: at most 2^53-1, so that no reader rounds it (RFC 7493 §2.2). */
static int integer_is_exact(const char *digits, apr_size_t len)
{
    apr_int64_t value = 0;

    for (apr_size_t i = 0; i < len; i++) {
        value = value * 10 + (digits[i] - '0');
        if (value > RA_JSON_MAX_INTEGER) {
            return 0;
        }
    }
    return 1;
}

static int number_is_finite(const char *token, apr_size_t len)
{
    char text[RA_JSON_NUMBER_MAX_CHARS + 1];

    memcpy(text, token, len);
    text[len] = '\0';
    return isfinite(strtod(text, NULL)) != 0;
}

static int scan_number(scan_t *scan)
{
    apr_size_t from = scan->at;
    int integer;

    if (!skip_number(scan, &integer)) {
        return fail(scan, from, RA_VIOLATION_JSON_NUMBER);
    }
    const char *token = scan->text + from;
    apr_size_t len = scan->at - from;
    if (len > RA_JSON_NUMBER_MAX_CHARS) {
        return fail(scan, from, RA_VIOLATION_JSON_NUMBER); /* cJSON would cut it */
    }
    apr_size_t sign = token[0] == '-' ? 1 : 0;
    if (integer ? !integer_is_exact(token + sign, len - sign) : !number_is_finite(token, len)) {
        return fail(scan, from, RA_VIOLATION_JSON_NUMBER);
    }
    return 1;
}

/* ---- strings ---- */

/* Reads four hexadecimal digits at @a offset; -1 when they are not there. */
static int hex4(const scan_t *scan, apr_size_t offset)
{
    int value = 0;

    if (offset > scan->len || scan->len - offset < 4) {
        return -1;
    }
    for (apr_size_t i = 0; i < 4; i++) {
        char c = scan->text[offset + i];
        if (c >= '0' && c <= '9') {
            value = value * 16 + (c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value * 16 + (c - 'a' + 10);
        } else if (c >= 'A' && c <= 'F') {
            value = value * 16 + (c - 'A' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/* At the 'u' of an escape. A high surrogate needs its low half right behind it; U+0000 would cut C strings. */
static int scan_unicode_escape(scan_t *scan, apr_uint32_t *pcode)
{
    apr_size_t escape = scan->at - 1;
    int unit = hex4(scan, scan->at + 1);

    if (unit < 0) {
        return fail(scan, escape, RA_VIOLATION_JSON_SYNTAX);
    }
    if (unit == 0) {
        return fail(scan, escape, RA_VIOLATION_JSON_NUL);
    }
    scan->at += 5;
    *pcode = (apr_uint32_t)unit;
    if (unit < 0xD800 || unit > 0xDFFF) {
        return 1;
    }
    if (unit > 0xDBFF || !take(scan, '\\') || peek(scan) != 'u') {
        return fail(scan, escape, RA_VIOLATION_JSON_UTF8);
    }
    int low = hex4(scan, scan->at + 1);
    if (low < 0xDC00 || low > 0xDFFF) {
        return fail(scan, escape, RA_VIOLATION_JSON_UTF8);
    }
    scan->at += 5;
    *pcode = 0x10000 + (((apr_uint32_t)unit - 0xD800) << 10) + ((apr_uint32_t)low - 0xDC00);
    return 1;
}

/* Behind a backslash. */
static int scan_escape(scan_t *scan, apr_uint32_t *pcode)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    int byte = peek(scan);

    if (byte == 'u') {
        return scan_unicode_escape(scan, pcode);
    }
    const char *letter = byte > 0 ? strchr(letters, byte) : NULL;
    if (!letter) {
        return fail_here(scan);
    }
    scan->at++;
    *pcode = (apr_uint32_t)meanings[letter - letters];
    return 1;
}

/* One character of a string, plain or escaped. */
static int scan_character(scan_t *scan, apr_uint32_t *pcode)
{
    if (take(scan, '\\')) {
        return scan_escape(scan, pcode);
    }
    int byte = peek(scan);
    if (byte == 0) {
        return fail(scan, scan->at, RA_VIOLATION_JSON_NUL);
    }
    if (byte < 0x20) { /* a control character, or the text ends here */
        return fail_here(scan);
    }
    apr_size_t size = ra_utf8_read(pcode, scan->text + scan->at, scan->len - scan->at);
    if (size == 0) {
        return fail(scan, scan->at, RA_VIOLATION_JSON_UTF8);
    }
    scan->at += size;
    return 1;
}

static int scan_string(scan_t *scan)
{
    apr_uint32_t code;

    if (!take(scan, '"')) {
        return fail_here(scan);
    }
    while (!take(scan, '"')) {
        if (!scan_character(scan, &code)) {
            return 0;
        }
    }
    return 1;
}

/* ---- objects and arrays ---- */

/* Resolves the escapes of a name that was scanned already, between @a from and @a to (without quotes). */
static void decode_key(scan_t *scan, scan_key_t *key, apr_size_t from, apr_size_t to)
{
    scan_t inner = *scan;
    char *text = apr_palloc(scan->scratch, to - from);
    apr_size_t len = 0;
    apr_uint32_t code;

    inner.at = from;
    while (inner.at < to && scan_character(&inner, &code)) {
        len += ra_utf8_write(text + len, code); /* an escape is never shorter than what it stands for */
    }
    key->text = text;
    key->len = len;
}

static int scan_key(scan_t *scan)
{
    apr_size_t from = scan->at + 1;

    if (!scan_string(scan)) {
        return 0;
    }
    apr_size_t to = scan->at - 1;
    scan_key_t *key = apr_array_push(scan->keys);
    key->offset = from - 1;
    key->text = scan->text + from;
    key->len = to - from;
    if (memchr(key->text, '\\', key->len)) {
        decode_key(scan, key, from, to);
    }
    return 1;
}

static int fold(char c)
{
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : (unsigned char)c;
}

static int compare_names(const scan_key_t *a, const scan_key_t *b)
{
    apr_size_t shorter = a->len < b->len ? a->len : b->len;

    for (apr_size_t i = 0; i < shorter; i++) {
        int difference = fold(a->text[i]) - fold(b->text[i]);
        if (difference != 0) {
            return difference;
        }
    }
    return (a->len > b->len) - (a->len < b->len);
}

static int compare_keys(const void *left, const void *right)
{
    const scan_key_t *a = left, *b = right;
    int difference = compare_names(a, b);

    return difference ? difference : (a->offset > b->offset) - (a->offset < b->offset);
}

/*
 * Names must differ by more than ASCII case. Sorting finds equals in n log n whatever the names are, so there is no
 * hash that a stranger could make collide.
 */
static int keys_differ(scan_t *scan, int first)
{
    scan_key_t *keys = (scan_key_t *)scan->keys->elts + first;
    int count = scan->keys->nelts - first;

    if (count < 2) {
        return 1;
    }
    qsort(keys, (size_t)count, sizeof(*keys), compare_keys);
    for (int i = 1; i < count; i++) {
        if (compare_names(&keys[i - 1], &keys[i]) == 0) {
            return fail(scan, keys[i].offset, RA_VIOLATION_JSON_DUPLICATE);
        }
    }
    return 1;
}

static int scan_member(scan_t *scan)
{
    if (!scan_key(scan)) {
        return 0;
    }
    skip_space(scan);
    if (!take(scan, ':')) {
        return fail_here(scan);
    }
    return scan_value(scan);
}

/* Behind the opening bracket: what is inside, up to and with the closing one. */
static int scan_children(scan_t *scan, int closing)
{
    skip_space(scan);
    if (take(scan, closing)) {
        return 1;
    }
    for (int count = 1;; count++) {
        if (count > scan->limits->members) {
            return fail(scan, scan->at, RA_VIOLATION_JSON_SIZE);
        }
        skip_space(scan);
        if (!(closing == '}' ? scan_member(scan) : scan_value(scan))) {
            return 0;
        }
        skip_space(scan);
        if (take(scan, closing)) {
            return 1;
        }
        if (!take(scan, ',')) {
            return fail_here(scan);
        }
    }
}

static int scan_container(scan_t *scan, int closing)
{
    int first = scan->keys->nelts;

    if (scan->depth >= scan->limits->depth) {
        return fail(scan, scan->at, RA_VIOLATION_JSON_DEPTH);
    }
    scan->at++;
    scan->depth++;
    if (!scan_children(scan, closing) || !keys_differ(scan, first)) {
        return 0;
    }
    scan->keys->nelts = first;
    scan->depth--;
    return 1;
}

static int scan_value(scan_t *scan)
{
    skip_space(scan);
    int byte = peek(scan);
    switch (byte) {
    case '{':
        return scan_container(scan, '}');
    case '[':
        return scan_container(scan, ']');
    case '"':
        return scan_string(scan);
    case 't':
        return scan_word(scan, "true");
    case 'f':
        return scan_word(scan, "false");
    case 'n':
        return scan_word(scan, "null");
    default:
        if (byte == '-' || (byte >= '0' && byte <= '9')) {
            return scan_number(scan);
        }
        return fail_here(scan);
    }
}

static int scan_document(scan_t *scan)
{
    if (scan->len > scan->limits->bytes) {
        return fail(scan, scan->limits->bytes, RA_VIOLATION_JSON_SIZE);
    }
    if (!scan_value(scan)) {
        return 0;
    }
    skip_space(scan);
    return scan->at == scan->len ? 1 : fail_here(scan);
}

apr_status_t ra_json_scan(const char *text, apr_size_t len, const ra_json_limits_t *limits, ra_json_error_t *error,
                          apr_pool_t *pool)
{
    scan_t scan = {.text = text, .len = len, .limits = limits, .error = error};

    apr_pool_create(&scan.scratch, pool);
    apr_pool_tag(scan.scratch, "ra_json_scan");
    scan.keys = apr_array_make(scan.scratch, 32, sizeof(scan_key_t));
    int good = scan_document(&scan);
    apr_pool_destroy(scan.scratch);
    return good ? APR_SUCCESS : APR_EINVAL;
}
