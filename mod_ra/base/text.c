/*
 * Unicode forms of names and texts, and characters that deceive (see text.h). The patterns are here too.
 * Layer: base; the only file that includes utf8proc and PCRE2. Thread rule: free-threaded.
 */
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <utf8proc.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/limits.h"
#include "base/utf8.h"

/* ---- UTF-8 ---- */

int ra_text_is_utf8(const char *text, apr_size_t len)
{
    apr_uint32_t code;
    apr_size_t step;

    for (apr_size_t at = 0; at < len; at += step) {
        step = ra_utf8_read(&code, text + at, len - at);
        if (step == 0 || code == 0) {
            return 0;
        }
    }
    return 1;
}

apr_size_t ra_text_length(const char *text)
{
    apr_size_t length = 0;

    for (; *text; text++) {
        length += ((unsigned char)*text & 0xC0) != 0x80; /* not a continuation byte */
    }
    return length;
}

/* The next code point of a valid text; 0 at its end. */
static apr_uint32_t next_code(const char **ptext)
{
    apr_uint32_t code = 0;

    *ptext += ra_utf8_read(&code, *ptext, strnlen(*ptext, RA_UTF8_MAX));
    return code;
}

static int is_white_space(apr_uint32_t code)
{
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);

    return (code >= '\t' && code <= '\r') || code == 0x85 || category == UTF8PROC_CATEGORY_ZS ||
           category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP;
}

/* A normal form of a text, in the pool; NULL when the text is not UTF-8 or too long to be mapped. */
static const char *mapped(const char *text, utf8proc_option_t options, apr_pool_t *pool)
{
    utf8proc_uint8_t *form = NULL;
    apr_size_t len = strlen(text);

    if (!ra_text_is_utf8(text, len) ||
        utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)len, &form, options) < 0) {
        return NULL;
    }
    const char *copy = apr_pstrdup(pool, (const char *)form);
    free(form);
    return copy;
}

/* ---- search key and clean form ---- */

static int is_one_of(apr_uint32_t code, const apr_uint32_t *codes)
{
    while (*codes && *codes != code) {
        codes++;
    }
    return *codes != 0;
}

/* All brackets are one pair, and the dots inside names of minorities (阿不都·热合曼) are one dot. */
static apr_uint32_t unified(apr_uint32_t code)
{
    static const apr_uint32_t dots[] = {0xB7, 0x2022, 0x2027, 0x2219, 0x22C5, 0x30FB, 0};
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);

    if (category == UTF8PROC_CATEGORY_PS || code == '<') {
        return '(';
    }
    if (category == UTF8PROC_CATEGORY_PE || code == '>') {
        return ')';
    }
    return is_one_of(code, dots) ? 0xB7 : code;
}

const char *ra_text_name_key(const char *name, apr_pool_t *pool)
{
    /* NFKC_Casefold of Unicode: it also drops what is invisible, such as zero-width spaces */
    const char *form =
        mapped(name, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE, pool);
    apr_uint32_t code;

    if (!form) {
        return NULL;
    }
    char *key = apr_palloc(pool, strlen(form) + 1), *at = key; /* what is unified never grows */
    while ((code = next_code(&form)) != 0) {
        if (!is_white_space(code)) {
            at += ra_utf8_write(at, unified(code));
        }
    }
    *at = '\0';
    /* what white space kept apart may now belong together (Hangul, accents) */
    return *key ? mapped(key, UTF8PROC_STABLE | UTF8PROC_COMPOSE, pool) : NULL;
}

const char *ra_text_clean(const char *text, apr_pool_t *pool)
{
    const char *form = mapped(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE, pool);
    int space = 0;
    apr_uint32_t code;

    if (!form || ra_text_length(form) > ra_text_length(text)) {
        return NULL;
    }
    char *clean = apr_palloc(pool, strlen(form) + 1), *at = clean;
    while ((code = next_code(&form)) != 0) {
        if (is_white_space(code)) {
            space = at > clean; /* none in front */
            continue;
        }
        if (space) {
            *at++ = ' ';
        }
        space = 0;
        at += ra_utf8_write(at, code);
    }
    *at = '\0';
    return clean;
}

/* ---- deception ---- */

/* Alphabets whose letters look like those of another one of these. */
typedef enum {
    SCRIPT_LATIN = 1,
    SCRIPT_GREEK = 2,
    SCRIPT_CYRILLIC = 4,
    SCRIPT_ARMENIAN = 8,
    SCRIPT_CHEROKEE = 16
} script_e;

static int script_of(apr_uint32_t code)
{
    static const struct {
        apr_uint32_t first, last;
        script_e script;
    } blocks[] = {
        {0x0041, 0x024F, SCRIPT_LATIN},    {0x0250, 0x02AF, SCRIPT_LATIN},    {0x0370, 0x03FF, SCRIPT_GREEK},
        {0x0400, 0x052F, SCRIPT_CYRILLIC}, {0x0530, 0x058F, SCRIPT_ARMENIAN}, {0x13A0, 0x13FF, SCRIPT_CHEROKEE},
        {0x1C80, 0x1C8F, SCRIPT_CYRILLIC}, {0x1D00, 0x1DBF, SCRIPT_LATIN},    {0x1E00, 0x1EFF, SCRIPT_LATIN},
        {0x1F00, 0x1FFF, SCRIPT_GREEK},    {0x2C60, 0x2C7F, SCRIPT_LATIN},    {0x2DE0, 0x2DFF, SCRIPT_CYRILLIC},
        {0xA640, 0xA69F, SCRIPT_CYRILLIC}, {0xA720, 0xA7FF, SCRIPT_LATIN},    {0xAB30, 0xAB6F, SCRIPT_LATIN},
        {0xAB70, 0xABBF, SCRIPT_CHEROKEE}, {0xFF21, 0xFF5A, SCRIPT_LATIN},
    };
    utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);

    if (category < UTF8PROC_CATEGORY_LU || category > UTF8PROC_CATEGORY_LO) {
        return 0; /* no letter */
    }
    for (size_t i = 0; i < sizeof(blocks) / sizeof(*blocks); i++) {
        if (code >= blocks[i].first && code <= blocks[i].last) {
            return blocks[i].script;
        }
    }
    return 0;
}

/* Letters, marks and symbols that show nothing, though their category does not say so. */
static int is_blank(apr_uint32_t code)
{
    static const apr_uint32_t blanks[] = {0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0};

    return is_one_of(code, blanks) || (code >= 0x180B && code <= 0x180F) || (code >= 0xFE00 && code <= 0xFE0F) ||
           (code >= 0xE0100 && code <= 0xE01EF);
}

static int is_unseen(apr_uint32_t code)
{
    switch (utf8proc_category((utf8proc_int32_t)code)) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return 1;
    default:
        return is_blank(code);
    }
}

int ra_text_is_deceptive(const char *name)
{
    int scripts = 0;
    apr_uint32_t code;

    if (!ra_text_is_utf8(name, strlen(name))) {
        return 1;
    }
    while ((code = next_code(&name)) != 0) {
        if (is_unseen(code)) {
            return 1;
        }
        scripts |= script_of(code);
    }
    return (scripts & (scripts - 1)) != 0; /* more than one of them */
}

/* ---- hosts ---- */

int ra_is_loopback(const char *host)
{
    return host && (strcmp(host, "localhost") == 0 || strcmp(host, "127.0.0.1") == 0 || strcmp(host, "::1") == 0);
}

/* ---- patterns ---- */

struct ra_pattern_t {
    pcre2_code *code;
    pcre2_match_context *limits;
};

static apr_status_t free_pattern(void *context)
{
    ra_pattern_t *pattern = context;

    pcre2_code_free(pattern->code);
    pcre2_match_context_free(pattern->limits);
    return APR_SUCCESS;
}

/* ECMA-262: \uHHHH and \u{H}, '$' only at the very end, '.' stops at any line end, \d and \w are ASCII. */
static pcre2_code *compile(const char *source, int *perror, PCRE2_SIZE *poffset)
{
    const uint32_t options = PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_DOLLAR_ENDONLY |
                             PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);

    if (!context) {
        abort(); /* out of memory */
    }
    pcre2_set_newline(context, PCRE2_NEWLINE_ANY);
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)source, PCRE2_ZERO_TERMINATED, options, perror, poffset, context);
    pcre2_compile_context_free(context);
    return code;
}

apr_status_t ra_pattern_compile(ra_pattern_t **ppattern, const char *source, const char **perror, apr_pool_t *pool)
{
    ra_pattern_t *pattern = apr_pcalloc(pool, sizeof(*pattern));
    PCRE2_UCHAR text[160] = "";
    PCRE2_SIZE offset;
    int error;

    *ppattern = NULL;
    *perror = NULL;
    pattern->code = compile(source, &error, &offset);
    if (!pattern->code) {
        pcre2_get_error_message(error, text, sizeof(text));
        *perror = apr_psprintf(pool, "%s at byte %" APR_SIZE_T_FMT, (const char *)text, (apr_size_t)offset);
        return APR_EINVAL;
    }
    pattern->limits = pcre2_match_context_create(NULL);
    if (!pattern->limits) {
        abort();
    }
    pcre2_set_match_limit(pattern->limits, RA_PATTERN_MATCH_MAX);
    pcre2_set_depth_limit(pattern->limits, RA_PATTERN_MATCH_MAX);
    pcre2_set_heap_limit(pattern->limits, RA_PATTERN_HEAP_MAX_KIB);
    apr_pool_cleanup_register(pool, pattern, free_pattern, apr_pool_cleanup_null);
    *ppattern = pattern;
    return APR_SUCCESS;
}

int ra_pattern_match(const ra_pattern_t *pattern, const char *subject, apr_size_t len)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);

    if (!data) {
        return 0;
    }
    int found = pcre2_match(pattern->code, (PCRE2_SPTR)subject, len, 0, 0, data, pattern->limits);
    pcre2_match_data_free(data);
    return found >= 0;
}
