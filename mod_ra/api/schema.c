/*
 * Checks JSON values against compiled schemas (JSON Schema 2020-12; see schema.h).
 * Layer: api. Thread rule: schemas are only read; everything else is on the caller's stack and in the result's pool.
 */
#include "api/schema_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "base/limits.h"

/* Where in the value we are: a chain on the stack, made a JSON Pointer only when something is wrong there. */
typedef struct place_t {
    const struct place_t *parent; /* NULL: the value itself */
    const char *name;             /* a member; NULL: an item */
    int index;
} place_t;

/* One check. Without a result it only tries (anyOf, oneOf, if). */
typedef struct check_t {
    const char *base;
    ra_result_t *result;
} check_t;

static int check_value(const check_t *check, const ra_schema_t *schema, const ra_json_t *value, const place_t *place);

/* ---- saying what is wrong ---- */

static const char *escaped(const char *name, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, strlen(name) * 2 + 1), *out = text;

    for (; *name; name++) {
        if (*name == '~' || *name == '/') {
            *out++ = '~';
            *out++ = *name == '~' ? '0' : '1';
        } else {
            *out++ = *name;
        }
    }
    *out = '\0';
    return text;
}

static const char *pointer_of(const check_t *check, const place_t *place)
{
    apr_pool_t *pool = check->result->pool;

    if (!place || !place->parent) {
        return check->base;
    }
    const char *parent = pointer_of(check, place->parent);
    return place->name ? apr_pstrcat(pool, parent, "/", escaped(place->name, pool), NULL)
                       : apr_psprintf(pool, "%s/%d", parent, place->index);
}

/* Notes a violation unless we only try; always 0, so a check can return it. */
static int wrong(const check_t *check, const place_t *place, const char *code, const char *param, const char *value)
{
    if (!check->result || check->result->violations->nelts >= RA_VIOLATIONS_MAX) {
        return 0;
    }
    if (param) {
        ra_result_violation_param(check->result, pointer_of(check, place), code, param, value);
    } else {
        ra_result_violation(check->result, pointer_of(check, place), code);
    }
    return 0;
}

static int wrong_count(const check_t *check, const place_t *place, const char *code, const char *param,
                       apr_int64_t count)
{
    char digits[24];

    apr_snprintf(digits, sizeof(digits), "%" APR_INT64_T_FMT, count);
    return wrong(check, place, code, param, digits);
}

/* Bounds are integers nearly always; %g says the others. */
static int wrong_bound(const check_t *check, const place_t *place, const char *code, const char *param, double bound)
{
    char digits[40];

    if (fabs(bound) <= (double)RA_JSON_MAX_INTEGER && floor(bound) == bound) {
        return wrong_count(check, place, code, param, (apr_int64_t)bound);
    }
    apr_snprintf(digits, sizeof(digits), "%g", bound);
    return wrong(check, place, code, param, digits);
}

/* ---- one kind of value each ---- */

static int in_limits(const check_t *check, const place_t *place, apr_int64_t count, apr_int64_t min, const char *below,
                     apr_int64_t max, const char *above)
{
    if (min >= 0 && count < min) {
        return wrong_count(check, place, below, "min", min);
    }
    if (max >= 0 && count > max) {
        return wrong_count(check, place, above, "max", max);
    }
    return 1;
}

static int check_string(const check_t *check, const ra_schema_t *schema, const char *text, const place_t *place)
{
    if ((schema->min_length >= 0 || schema->max_length >= 0) &&
        !in_limits(check, place, (apr_int64_t)ra_text_length(text), schema->min_length, RA_VIOLATION_TOO_SHORT,
                   schema->max_length, RA_VIOLATION_TOO_LONG)) {
        return 0;
    }
    if (schema->pattern && !ra_pattern_match(schema->pattern, text, strlen(text))) {
        return wrong(check, place, RA_VIOLATION_PATTERN, NULL, NULL);
    }
    if (schema->format && !schema->format->is_valid(text)) {
        return wrong(check, place, schema->format->violation, NULL, NULL);
    }
    return 1;
}

static int check_number(const check_t *check, const ra_schema_t *schema, double number, const place_t *place)
{
    if (schema->minimum.set && number < schema->minimum.value) {
        return wrong_bound(check, place, RA_VIOLATION_TOO_SMALL, "min", schema->minimum.value);
    }
    if (schema->maximum.set && number > schema->maximum.value) {
        return wrong_bound(check, place, RA_VIOLATION_TOO_LARGE, "max", schema->maximum.value);
    }
    if (schema->above.set && number <= schema->above.value) {
        return wrong_bound(check, place, RA_VIOLATION_NOT_ABOVE, "min", schema->above.value);
    }
    if (schema->below.set && number >= schema->below.value) {
        return wrong_bound(check, place, RA_VIOLATION_NOT_BELOW, "max", schema->below.value);
    }
    if (schema->multiple.set && fmod(number, schema->multiple.value) != 0) {
        return wrong_bound(check, place, RA_VIOLATION_NOT_MULTIPLE, "of", schema->multiple.value);
    }
    return 1;
}

static int items_differ(const ra_json_t *array)
{
    for (const ra_json_t *item = ra_json_first(array); item; item = ra_json_next(item)) {
        for (const ra_json_t *other = ra_json_next(item); other; other = ra_json_next(other)) {
            if (ra_json_equal(item, other)) {
                return 0;
            }
        }
    }
    return 1;
}

static int check_array(const check_t *check, const ra_schema_t *schema, const ra_json_t *array, const place_t *place)
{
    int index = 0, valid = 1;

    if (!in_limits(check, place, ra_json_size(array), schema->min_items, RA_VIOLATION_TOO_FEW_ITEMS, schema->max_items,
                   RA_VIOLATION_TOO_MANY_ITEMS)) {
        return 0; /* what is too long is not looked into: that bounds the work */
    }
    for (const ra_json_t *item = ra_json_first(array); item; item = ra_json_next(item), index++) {
        const ra_schema_t *item_schema =
            index < schema->prefix_items.count ? schema->prefix_items.items[index] : schema->items;
        place_t here = {place, NULL, index};
        if (item_schema && !check_value(check, item_schema, item, &here)) {
            valid = 0;
        }
    }
    if (valid && schema->unique && !items_differ(array)) {
        return wrong(check, place, RA_VIOLATION_NOT_UNIQUE, NULL, NULL);
    }
    return valid;
}

static const ra_schema_t *property_of(const ra_schema_t *schema, const char *name)
{
    int low = 0, high = schema->property_count;

    while (low < high) {
        int middle = (low + high) / 2, order = strcmp(name, schema->properties[middle].name);
        if (order == 0) {
            return schema->properties[middle].schema;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

static int has_value(const ra_json_t *values, const ra_json_t *value)
{
    for (const ra_json_t *allowed = ra_json_first(values); allowed; allowed = ra_json_next(allowed)) {
        if (ra_json_equal(allowed, value)) {
            return 1;
        }
    }
    return 0;
}

/* propertyNames: a schema for texts (the compiler sees to that), asked about a name. */
static int name_is_valid(const ra_schema_t *schema, const char *name)
{
    static const check_t trial = {"", NULL};
    int listed = !schema->values;

    for (const ra_json_t *allowed = ra_json_first(schema->values); allowed && !listed;
         allowed = ra_json_next(allowed)) {
        const char *text = ra_json_string(allowed);
        listed = text && strcmp(text, name) == 0;
    }
    return listed && check_string(&trial, schema, name, NULL);
}

static int check_member(const check_t *check, const ra_schema_t *schema, const ra_json_t *member, const place_t *place)
{
    place_t here = {place, ra_json_name(member), 0};
    const ra_schema_t *property = property_of(schema, here.name);

    if (schema->names && !name_is_valid(schema->names, here.name)) {
        return wrong(check, &here, RA_VIOLATION_NAME_INVALID, NULL, NULL);
    }
    if (property) {
        return check_value(check, property, member, &here);
    }
    if (schema->additional && schema->additional->nothing) {
        return wrong(check, &here, RA_VIOLATION_UNKNOWN_MEMBER, NULL, NULL);
    }
    return !schema->additional || check_value(check, schema->additional, member, &here);
}

static int check_required(const check_t *check, const ra_names_t *names, const ra_json_t *object, const place_t *place)
{
    int valid = 1;

    for (int i = 0; i < names->count; i++) {
        place_t here = {place, names->items[i], 0};
        if (!ra_json_get(object, here.name)) {
            valid = wrong(check, &here, RA_VIOLATION_REQUIRED, NULL, NULL);
        }
    }
    return valid;
}

static int check_object(const check_t *check, const ra_schema_t *schema, const ra_json_t *object, const place_t *place)
{
    int valid = in_limits(check, place, ra_json_size(object), schema->min_members, RA_VIOLATION_TOO_FEW_MEMBERS,
                          schema->max_members, RA_VIOLATION_TOO_MANY_MEMBERS);

    for (const ra_json_t *member = ra_json_first(object); member; member = ra_json_next(member)) {
        valid &= check_member(check, schema, member, place);
    }
    valid &= check_required(check, &schema->required, object, place);
    for (int i = 0; i < schema->dependency_count; i++) {
        const ra_dependency_t *dependency = &schema->dependencies[i];
        if (ra_json_get(object, dependency->name)) {
            valid &= check_required(check, &dependency->required, object, place);
        }
    }
    return valid;
}

/* ---- schemas about the same value ---- */

static int matches(const ra_schema_t *schema, const ra_json_t *value)
{
    static const check_t trial = {"", NULL};

    return check_value(&trial, schema, value, NULL);
}

static int count_matches(const ra_schema_list_t *list, const ra_json_t *value)
{
    int count = 0;

    for (int i = 0; i < list->count; i++) {
        count += matches(list->items[i], value);
    }
    return count;
}

static int check_any_of(const check_t *check, const ra_schema_t *schema, const ra_json_t *value, const place_t *place)
{
    if (schema->any_of.count == 0 || count_matches(&schema->any_of, value) > 0) {
        return 1;
    }
    return schema->one_of_names ? wrong(check, place, RA_VIOLATION_ONE_OF_REQUIRED, "members", schema->one_of_names)
                                : wrong(check, place, RA_VIOLATION_NO_ALTERNATIVE, NULL, NULL);
}

static int check_one_of(const check_t *check, const ra_schema_t *schema, const ra_json_t *value, const place_t *place)
{
    int count = schema->one_of.count == 0 ? 1 : count_matches(&schema->one_of, value);

    if (count == 0) {
        return wrong(check, place, RA_VIOLATION_NO_ALTERNATIVE, NULL, NULL);
    }
    return count == 1 || wrong(check, place, RA_VIOLATION_MANY_ALTERNATIVES, NULL, NULL);
}

static int check_combined(const check_t *check, const ra_schema_t *schema, const ra_json_t *value, const place_t *place)
{
    int valid = 1;

    for (int i = 0; i < schema->all_of.count; i++) {
        valid &= check_value(check, schema->all_of.items[i], value, place);
    }
    valid &= check_any_of(check, schema, value, place);
    valid &= check_one_of(check, schema, value, place);
    if (schema->when) {
        const ra_schema_t *branch = matches(schema->when, value) ? schema->then : schema->otherwise;
        valid &= !branch || check_value(check, branch, value, place);
    }
    return valid;
}

/* ---- any value ---- */

static unsigned type_of(const ra_json_t *value)
{
    switch (ra_json_type(value)) {
    case RA_JSON_BOOLEAN:
        return RA_TYPE_BOOLEAN;
    case RA_JSON_NUMBER:
        return ra_json_is_integer(value) ? RA_TYPE_INTEGER | RA_TYPE_NUMBER : RA_TYPE_NUMBER;
    case RA_JSON_STRING:
        return RA_TYPE_STRING;
    case RA_JSON_ARRAY:
        return RA_TYPE_ARRAY;
    case RA_JSON_OBJECT:
        return RA_TYPE_OBJECT;
    default:
        return RA_TYPE_NULL;
    }
}

static int check_kind(const check_t *check, const ra_schema_t *schema, const ra_json_t *value, const place_t *place)
{
    switch (ra_json_type(value)) {
    case RA_JSON_STRING:
        return check_string(check, schema, ra_json_string(value), place);
    case RA_JSON_NUMBER:
        return check_number(check, schema, ra_json_double(value, 0), place);
    case RA_JSON_ARRAY:
        return check_array(check, schema, value, place);
    case RA_JSON_OBJECT:
        return check_object(check, schema, value, place);
    default:
        return 1;
    }
}

/* A wrong type or a value that is not listed explains itself: nothing else is said about that value. */
static int check_value(const check_t *check, const ra_schema_t *schema, const ra_json_t *value, const place_t *place)
{
    if (schema->nothing) {
        return wrong(check, place, RA_VIOLATION_NOT_ALLOWED, NULL, NULL);
    }
    if (schema->types && !(schema->types & type_of(value))) {
        return wrong(check, place, RA_VIOLATION_WRONG_TYPE, "expected", schema->type_names);
    }
    if (schema->values && !has_value(schema->values, value)) {
        return schema->is_constant ? wrong(check, place, RA_VIOLATION_NOT_THE_VALUE, "expected", schema->value_names)
                                   : wrong(check, place, RA_VIOLATION_NOT_IN_LIST, "allowed", schema->value_names);
    }
    int valid = check_kind(check, schema, value, place);
    return check_combined(check, schema, value, place) & valid;
}

int ra_schema_check(const ra_schema_t *schema, const ra_json_t *value, const char *base, ra_result_t *result)
{
    check_t check = {base, result};
    place_t root = {NULL, NULL, 0};

    return check_value(&check, schema, value, &root);
}

/* ---- parameters ---- */

/* The one way to write an integer: no sign but '-', no leading zeros, within 2^53-1. */
static int read_integer(apr_int64_t *pvalue, const char *text)
{
    const char *digits = text + (*text == '-');
    size_t len = strspn(digits, "0123456789");

    if (digits[len] || len == 0 || len > 16 || (digits[0] == '0' && (len > 1 || digits > text))) {
        return 0;
    }
    *pvalue = apr_strtoi64(text, NULL, 10);
    return *pvalue >= -RA_JSON_MAX_INTEGER && *pvalue <= RA_JSON_MAX_INTEGER;
}

int ra_schema_read_text(const ra_schema_t *schema, ra_json_t *object, const char *name, const char *text)
{
    apr_int64_t integer;

    if ((schema->types & (RA_TYPE_INTEGER | RA_TYPE_NUMBER)) && read_integer(&integer, text)) {
        ra_json_set_int(object, name, integer);
        return 1;
    }
    if ((schema->types & RA_TYPE_BOOLEAN) && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) {
        ra_json_set_bool(object, name, text[0] == 't');
        return 1;
    }
    if ((schema->types && !(schema->types & RA_TYPE_STRING)) || !ra_text_is_utf8(text, strlen(text))) {
        return 0;
    }
    ra_json_set_string(object, name, text);
    return 1;
}
