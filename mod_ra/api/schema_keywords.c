/*
 * The keywords of JSON Schema, one function each (see schema.h).
 * Layer: api. Thread rule: start-up only, one thread.
 */
#include "api/schema_compiler.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* ---- parts of keywords ---- */

static int refuse_value(const ra_schema_node_t *node, const ra_json_t *value)
{
    return ra_schema_refuse(node->compiler, node->where, "the value is not right for the keyword ",
                            ra_json_name(value));
}

/* A schema in a keyword, at @a name below the node. */
static const ra_schema_t *part(const ra_schema_node_t *node, const ra_json_t *json, const char *keyword,
                               const char *name, ra_schema_about_e about)
{
    ra_schema_where_t at_keyword = {node->where, keyword};
    ra_schema_where_t below = {&at_keyword, name};

    return ra_schema_compile_part(node->compiler, json, name ? &below : &at_keyword,
                                  node->about == RA_ABOUT_OVERLAY ? RA_ABOUT_OVERLAY : about);
}

static int read_list(const ra_schema_node_t *node, const ra_json_t *value, ra_schema_about_e about,
                     ra_schema_list_t *list)
{
    int size = ra_json_size(value);

    if (ra_json_type(value) != RA_JSON_ARRAY || size == 0) {
        return refuse_value(node, value);
    }
    list->items = apr_palloc(node->compiler->pool, sizeof(*list->items) * (apr_size_t)size);
    for (const ra_json_t *item = ra_json_first(value); item; item = ra_json_next(item)) {
        const char *index = apr_itoa(node->compiler->pool, list->count);
        const ra_schema_t *schema = part(node, item, ra_json_name(value), index, about);
        if (!schema) {
            return 0;
        }
        list->items[list->count++] = schema;
    }
    return 1;
}

static int read_names(const ra_schema_node_t *node, const ra_json_t *value, ra_names_t *names)
{
    int size = ra_json_size(value);

    if (ra_json_type(value) != RA_JSON_ARRAY) {
        return refuse_value(node, value);
    }
    names->items = apr_palloc(node->compiler->pool, sizeof(*names->items) * (apr_size_t)(size + 1));
    for (const ra_json_t *item = ra_json_first(value); item; item = ra_json_next(item)) {
        if (!ra_json_string(item)) {
            return refuse_value(node, value);
        }
        names->items[names->count++] = apr_pstrdup(node->compiler->pool, ra_json_string(item));
    }
    return 1;
}

static int read_count(const ra_schema_node_t *node, const ra_json_t *value, apr_int64_t *count)
{
    *count = ra_json_int(value, -1);
    return *count >= 0 || refuse_value(node, value);
}

static int read_bound(const ra_schema_node_t *node, const ra_json_t *value, ra_bound_t *bound)
{
    bound->set = ra_json_type(value) == RA_JSON_NUMBER;
    bound->value = ra_json_double(value, 0);
    return bound->set || refuse_value(node, value);
}

/* "a, b, null" for the texts of violations. */
static const char *value_names(const ra_json_t *values, apr_pool_t *pool)
{
    const char *names = "";

    for (const ra_json_t *value = ra_json_first(values); value; value = ra_json_next(value)) {
        const char *text = ra_json_string(value);
        names = apr_pstrcat(pool, names, *names ? ", " : "", text ? text : ra_json_print(value, pool), NULL);
    }
    return names;
}

/* ---- keywords, one function each ---- */

static unsigned type_bit(const char *name)
{
    static const struct {
        const char *name;
        unsigned bit;
    } types[] = {{"null", RA_TYPE_NULL},     {"boolean", RA_TYPE_BOOLEAN}, {"integer", RA_TYPE_INTEGER},
                 {"number", RA_TYPE_NUMBER}, {"string", RA_TYPE_STRING},   {"array", RA_TYPE_ARRAY},
                 {"object", RA_TYPE_OBJECT}};

    for (size_t i = 0; name && i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(types[i].name, name) == 0) {
            return types[i].bit;
        }
    }
    return 0;
}

static int keyword_type(ra_schema_node_t *node, const ra_json_t *value)
{
    apr_pool_t *pool = node->compiler->pool;

    if (ra_json_string(value)) {
        node->schema->types = type_bit(ra_json_string(value));
        node->schema->type_names = apr_pstrdup(pool, ra_json_string(value));
        return node->schema->types != 0 || refuse_value(node, value);
    }
    for (const ra_json_t *item = ra_json_first(value); item; item = ra_json_next(item)) {
        unsigned bit = type_bit(ra_json_string(item));
        if (!bit) {
            return refuse_value(node, value);
        }
        node->schema->types |= bit;
    }
    node->schema->type_names = value_names(value, pool);
    return node->schema->types != 0 || refuse_value(node, value);
}

static int keyword_enum(ra_schema_node_t *node, const ra_json_t *value)
{
    if (node->schema->values) {
        return ra_schema_refuse(node->compiler, node->where, "has both enum and const", "");
    }
    if (ra_json_type(value) != RA_JSON_ARRAY || ra_json_size(value) == 0) {
        return refuse_value(node, value);
    }
    ra_json_t *values = ra_json_array_make(node->compiler->pool);
    for (const ra_json_t *item = ra_json_first(value); item; item = ra_json_next(item)) {
        ra_json_add_copy(values, item);
    }
    node->schema->values = values;
    node->schema->value_names = value_names(values, node->compiler->pool);
    return 1;
}

static int keyword_const(ra_schema_node_t *node, const ra_json_t *value)
{
    if (node->schema->values) {
        return ra_schema_refuse(node->compiler, node->where, "has both enum and const", "");
    }
    ra_json_t *values = ra_json_array_make(node->compiler->pool);
    ra_json_add_copy(values, value);
    node->schema->values = values;
    node->schema->is_constant = 1;
    node->schema->value_names = value_names(values, node->compiler->pool);
    return 1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ra_property_t *)a)->name, ((const ra_property_t *)b)->name);
}

static int keyword_properties(ra_schema_node_t *node, const ra_json_t *value)
{
    apr_pool_t *pool = node->compiler->pool;
    ra_property_t *properties = apr_palloc(pool, sizeof(*properties) * (apr_size_t)(ra_json_size(value) + 1));
    int count = 0;

    if (ra_json_type(value) != RA_JSON_OBJECT) {
        return refuse_value(node, value);
    }
    for (const ra_json_t *member = ra_json_first(value); member; member = ra_json_next(member)) {
        const ra_schema_t *schema = part(node, member, "properties", ra_json_name(member), RA_ABOUT_VALUE);
        if (!schema) {
            return 0;
        }
        properties[count].name = apr_pstrdup(pool, ra_json_name(member));
        properties[count++].schema = schema;
    }
    qsort(properties, (size_t)count, sizeof(*properties), by_name);
    node->schema->properties = properties;
    node->schema->property_count = count;
    return 1;
}

static int keyword_required(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_names(node, value, &node->schema->required);
}

static int keyword_additional(ra_schema_node_t *node, const ra_json_t *value)
{
    node->schema->additional = part(node, value, "additionalProperties", NULL, RA_ABOUT_VALUE);
    return node->schema->additional != NULL;
}

/* Names are texts: only what can be asked about a text is taken. */
static int keyword_names(ra_schema_node_t *node, const ra_json_t *value)
{
    const ra_schema_t *names = part(node, value, "propertyNames", NULL, RA_ABOUT_OVERLAY);

    if (!names) {
        return 0;
    }
    if (names->nothing || (names->types & ~(unsigned)RA_TYPE_STRING) || names->all_of.count || names->any_of.count ||
        names->one_of.count || names->when) {
        return ra_schema_refuse(node->compiler, node->where,
                                "propertyNames takes enum, pattern, format and lengths only", "");
    }
    node->schema->names = names;
    return 1;
}

static int keyword_dependent(ra_schema_node_t *node, const ra_json_t *value)
{
    apr_pool_t *pool = node->compiler->pool;
    ra_dependency_t *dependencies = apr_pcalloc(pool, sizeof(*dependencies) * (apr_size_t)(ra_json_size(value) + 1));
    int count = 0;

    if (ra_json_type(value) != RA_JSON_OBJECT) {
        return refuse_value(node, value);
    }
    for (const ra_json_t *member = ra_json_first(value); member; member = ra_json_next(member)) {
        dependencies[count].name = apr_pstrdup(pool, ra_json_name(member));
        if (!read_names(node, member, &dependencies[count++].required)) {
            return 0;
        }
    }
    node->schema->dependencies = dependencies;
    node->schema->dependency_count = count;
    return 1;
}

static int keyword_min_members(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_count(node, value, &node->schema->min_members);
}

static int keyword_max_members(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_count(node, value, &node->schema->max_members);
}

static int keyword_items(ra_schema_node_t *node, const ra_json_t *value)
{
    node->schema->items = part(node, value, "items", NULL, RA_ABOUT_VALUE);
    return node->schema->items != NULL;
}

static int keyword_prefix_items(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_list(node, value, RA_ABOUT_VALUE, &node->schema->prefix_items);
}

static int keyword_min_items(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_count(node, value, &node->schema->min_items);
}

static int keyword_max_items(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_count(node, value, &node->schema->max_items);
}

static int keyword_unique(ra_schema_node_t *node, const ra_json_t *value)
{
    node->schema->unique = ra_json_is_true(value);
    return ra_json_type(value) == RA_JSON_BOOLEAN || refuse_value(node, value);
}

static int keyword_min_length(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_count(node, value, &node->schema->min_length);
}

static int keyword_max_length(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_count(node, value, &node->schema->max_length);
}

static int keyword_pattern(ra_schema_node_t *node, const ra_json_t *value)
{
    ra_pattern_t *pattern = NULL;
    const char *error = NULL;

    if (!ra_json_string(value)) {
        return refuse_value(node, value);
    }
    if (ra_pattern_compile(&pattern, ra_json_string(value), &error, node->compiler->pool) != APR_SUCCESS) {
        return ra_schema_refuse(node->compiler, node->where, "the pattern does not compile: ", error);
    }
    node->schema->pattern = pattern;
    return 1;
}

static int keyword_format(ra_schema_node_t *node, const ra_json_t *value)
{
    const char *name = ra_json_string(value);

    node->schema->format = name ? ra_format_find(name) : NULL;
    return node->schema->format || ra_schema_refuse(node->compiler, node->where, "unknown format ", name ? name : "");
}

static int keyword_minimum(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_bound(node, value, &node->schema->minimum);
}

static int keyword_maximum(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_bound(node, value, &node->schema->maximum);
}

static int keyword_above(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_bound(node, value, &node->schema->above);
}

static int keyword_below(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_bound(node, value, &node->schema->below);
}

static int keyword_multiple(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_bound(node, value, &node->schema->multiple) &&
           (node->schema->multiple.value > 0 || refuse_value(node, value));
}

static int keyword_all_of(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_list(node, value, RA_ABOUT_SAME, &node->schema->all_of);
}

/* "One of these members at least" is said by name, so a person can be told. */
static const char *only_required(const ra_json_t *list, apr_pool_t *pool)
{
    const char *names = "";

    for (const ra_json_t *item = ra_json_first(list); item; item = ra_json_next(item)) {
        const ra_json_t *required = ra_json_get(item, "required");
        if (ra_json_size(item) != 1 || ra_json_size(required) != 1) {
            return NULL;
        }
        names = apr_pstrcat(pool, names, *names ? ", " : "", ra_json_string(ra_json_first(required)), NULL);
    }
    return names;
}

static int keyword_any_of(ra_schema_node_t *node, const ra_json_t *value)
{
    if (!read_list(node, value, RA_ABOUT_SAME, &node->schema->any_of)) {
        return 0;
    }
    node->schema->one_of_names = only_required(value, node->compiler->pool);
    return 1;
}

static int keyword_one_of(ra_schema_node_t *node, const ra_json_t *value)
{
    return read_list(node, value, RA_ABOUT_SAME, &node->schema->one_of);
}

static int keyword_if(ra_schema_node_t *node, const ra_json_t *value)
{
    node->schema->when = part(node, value, "if", NULL, RA_ABOUT_OVERLAY);
    return node->schema->when != NULL;
}

static int keyword_then(ra_schema_node_t *node, const ra_json_t *value)
{
    node->schema->then = part(node, value, "then", NULL, RA_ABOUT_OVERLAY);
    return node->schema->then != NULL;
}

static int keyword_else(ra_schema_node_t *node, const ra_json_t *value)
{
    node->schema->otherwise = part(node, value, "else", NULL, RA_ABOUT_OVERLAY);
    return node->schema->otherwise != NULL;
}

static int annotation(ra_schema_node_t *node, const ra_json_t *value)
{
    (void)node;
    (void)value;
    return 1;
}

static const struct {
    const char *name;
    int (*read)(ra_schema_node_t *node, const ra_json_t *value);
} keywords[] = {
    {"type", keyword_type},
    {"enum", keyword_enum},
    {"const", keyword_const},
    {"properties", keyword_properties},
    {"required", keyword_required},
    {"additionalProperties", keyword_additional},
    {"propertyNames", keyword_names},
    {"dependentRequired", keyword_dependent},
    {"minProperties", keyword_min_members},
    {"maxProperties", keyword_max_members},
    {"items", keyword_items},
    {"prefixItems", keyword_prefix_items},
    {"minItems", keyword_min_items},
    {"maxItems", keyword_max_items},
    {"uniqueItems", keyword_unique},
    {"minLength", keyword_min_length},
    {"maxLength", keyword_max_length},
    {"pattern", keyword_pattern},
    {"format", keyword_format},
    {"minimum", keyword_minimum},
    {"maximum", keyword_maximum},
    {"exclusiveMinimum", keyword_above},
    {"exclusiveMaximum", keyword_below},
    {"multipleOf", keyword_multiple},
    {"allOf", keyword_all_of},
    {"anyOf", keyword_any_of},
    {"oneOf", keyword_one_of},
    {"if", keyword_if},
    {"then", keyword_then},
    {"else", keyword_else},
    {"title", annotation},
    {"description", annotation},
    {"example", annotation},
    {"examples", annotation},
    {"default", annotation},
    {"deprecated", annotation},
    {"readOnly", annotation},
    {"writeOnly", annotation},
    {"$comment", annotation},
};

int ra_schema_read_keyword(ra_schema_node_t *node, const ra_json_t *member)
{
    const char *name = ra_json_name(member);

    for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
        if (strcmp(keywords[i].name, name) == 0) {
            return keywords[i].read(node, member);
        }
    }
    return strncmp(name, "x-", 2) == 0 || ra_schema_refuse(node->compiler, node->where, "unknown keyword ", name);
}
