/* Flat JSON objects: a writer, and a reader that walks the members of one object. Thread rule: free-threaded. */
#include "flatjson.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(json_out_t *out, const char *bytes, size_t len)
{
    if (out->len + len + 1 > out->room) {
        out->room = (out->len + len + 1) * 2;
        out->text = realloc(out->text, out->room);
        if (out->text == NULL) {
            abort();
        }
    }
    memcpy(out->text + out->len, bytes, len);
    out->len += len;
    out->text[out->len] = '\0';
}

static void put_string(json_out_t *out, const char *value)
{
    char escape[8];

    put(out, "\"", 1);
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        if (c == '"' || c == '\\') {
            escape[0] = '\\';
            escape[1] = (char)c;
            put(out, escape, 2);
        } else if (c < 0x20) {
            put(out, escape, (size_t)snprintf(escape, sizeof(escape), "\\u%04x", c));
        } else {
            put(out, value, 1);
        }
    }
    put(out, "\"", 1);
}

static void put_name(json_out_t *out, const char *name)
{
    if (out->len > 1) {
        put(out, ",", 1);
    }
    put_string(out, name);
    put(out, ":", 1);
}

void json_start(json_out_t *out)
{
    memset(out, 0, sizeof(*out));
    put(out, "{", 1);
}

void json_add_text(json_out_t *out, const char *name, const char *value)
{
    put_name(out, name);
    put_string(out, value != NULL ? value : "");
}

void json_add_int(json_out_t *out, const char *name, long long value)
{
    char digits[32];

    put_name(out, name);
    put(out, digits, (size_t)snprintf(digits, sizeof(digits), "%lld", value));
}

void json_add_bool(json_out_t *out, const char *name, int value)
{
    json_add_raw(out, name, value ? "true" : "false");
}

void json_add_raw(json_out_t *out, const char *name, const char *json)
{
    put_name(out, name);
    put(out, json, strlen(json));
}

void json_end(json_out_t *out)
{
    put(out, "}", 1);
}

void json_free(json_out_t *out)
{
    free(out->text);
    memset(out, 0, sizeof(*out));
}

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* The first character after the string that begins at the quote @a at, or NULL. */
static const char *skip_string(const char *at)
{
    for (at++; *at != '"'; at++) {
        if (*at == '\0' || (*at == '\\' && *++at == '\0')) {
            return NULL;
        }
    }
    return at + 1;
}

static const char *skip_value(const char *at)
{
    size_t len;

    if (*at == '"') {
        return skip_string(at);
    }
    len = strcspn(at, ",}{[]\" \t\r\n");
    return len > 0 ? at + len : NULL;
}

typedef struct member_t {
    const char *name; /* at its quote */
    size_t name_len;  /* without the quotes */
    const char *value;
    const char *next; /* the next member, or NULL after the last */
} member_t;

/* Reads the member at @a at; 0 when it is not one. *pend is set behind the closing brace after the last member. */
static int read_member(member_t *member, const char *at, const char **pend)
{
    const char *end;

    memset(member, 0, sizeof(*member));
    member->name = at;
    if (*at != '"' || (end = skip_string(at)) == NULL) {
        return 0;
    }
    member->name_len = (size_t)(end - at) - 2;
    at = skip_space(end);
    if (*at != ':') {
        return 0;
    }
    member->value = skip_space(at + 1);
    if ((end = skip_value(member->value)) == NULL) {
        return 0;
    }
    at = skip_space(end);
    if (*at == ',') {
        member->next = skip_space(at + 1);
        return 1;
    }
    *pend = at + 1;
    return *at == '}';
}

int json_is_flat(const char *object)
{
    const char *at = skip_space(object);
    const char *end = NULL;
    member_t member;

    if (*at != '{') {
        return 0;
    }
    at = skip_space(at + 1);
    if (*at == '}') {
        return *skip_space(at + 1) == '\0';
    }
    for (; at != NULL; at = member.next) {
        if (!read_member(&member, at, &end)) {
            return 0;
        }
    }
    return end != NULL && *skip_space(end) == '\0';
}

static const char *find_value(const char *object, const char *name)
{
    const char *at = skip_space(object);
    const char *end = NULL;
    member_t member;

    for (at = *at == '{' ? skip_space(at + 1) : NULL; at != NULL && read_member(&member, at, &end); at = member.next) {
        if (member.name_len == strlen(name) && memcmp(member.name + 1, name, member.name_len) == 0) {
            return member.value;
        }
    }
    return NULL;
}

/* One escape behind the backslash; only what our own writer makes, and the short forms. */
static char unescape(const char **pat)
{
    const char *at = *pat;
    char digits[5] = {0};

    switch (*at) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'u':
        strncpy(digits, at + 1, 4);
        *pat += strlen(digits);
        return (char)strtol(digits, NULL, 16);
    default:
        return *at;
    }
}

char *json_get_text(const char *object, const char *name)
{
    const char *at = find_value(object, name);
    char *text;
    size_t len = 0;

    if (at == NULL || *at != '"' || (text = malloc(strlen(at) + 1)) == NULL) {
        return NULL;
    }
    for (at++; *at != '"' && *at != '\0'; at++) {
        if (*at == '\\') {
            at++;
            text[len++] = unescape(&at);
        } else {
            text[len++] = *at;
        }
    }
    text[len] = '\0';
    return text;
}

long long json_get_int(const char *object, const char *name, long long fallback)
{
    const char *at = find_value(object, name);
    char *end = NULL;
    long long value;

    if (at == NULL) {
        return fallback;
    }
    if (strncmp(at, "true", 4) == 0 || strncmp(at, "false", 5) == 0) {
        return *at == 't';
    }
    value = strtoll(at, &end, 10);
    return end != at ? value : fallback;
}
