/*
 * Compiles JSON Schemas of the document (see schema.h). What is not understood is refused: a check that is
 * written in the document is a check that is made. The keywords themselves are in schema_keywords.c.
 * Layer: api. Thread rule: start-up only, one thread.
 */
#include "api/schema_compiler.h"

#include <string.h>

#include <apr_strings.h>

static const char *where_text(const ra_schema_where_t *where, apr_pool_t *pool)
{
    return where->parent ? apr_pstrcat(pool, where_text(where->parent, pool), "/", where->name, NULL) : where->name;
}

int ra_schema_refuse(ra_schema_compiler_t *compiler, const ra_schema_where_t *where, const char *reason,
                     const char *what)
{
    if (!compiler->error) {
        compiler->error = apr_pstrcat(compiler->pool, where_text(where, compiler->pool), ": ", reason, what, NULL);
    }
    return 0;
}

/* ---- what a schema as a whole must be ---- */

static int all_closed(const ra_schema_list_t *list);

/* May an object with a member that nobody wrote down pass? */
static int is_open(const ra_schema_t *schema)
{
    if (schema->nothing || schema->values || (schema->types && !(schema->types & RA_TYPE_OBJECT))) {
        return 0;
    }
    if (schema->additional && (schema->additional->nothing || schema->property_count == 0)) {
        return 0;
    }
    for (int i = 0; i < schema->all_of.count; i++) {
        if (!is_open(schema->all_of.items[i])) {
            return 0;
        }
    }
    return !all_closed(&schema->any_of) && !all_closed(&schema->one_of);
}

static int all_closed(const ra_schema_list_t *list)
{
    for (int i = 0; i < list->count; i++) {
        if (is_open(list->items[i])) {
            return 0;
        }
    }
    return list->count > 0;
}

/* Requests are closed: objects, and what arrays may hold. */
static int check_closed(const ra_schema_node_t *node)
{
    const ra_schema_t *schema = node->schema;

    if (is_open(schema)) {
        return ra_schema_refuse(node->compiler, node->where,
                                "an object of a request must have additionalProperties: false", "");
    }
    if ((schema->types & RA_TYPE_ARRAY) && !schema->items && !schema->values) {
        return ra_schema_refuse(node->compiler, node->where, "an array of a request must have items", "");
    }
    if (schema->unique && schema->max_items < 0) {
        return ra_schema_refuse(node->compiler, node->where, "uniqueItems of a request needs maxItems", "");
    }
    return 1;
}

static int check_whole(const ra_schema_node_t *node)
{
    if (!node->schema->when && (node->schema->then || node->schema->otherwise)) {
        return ra_schema_refuse(node->compiler, node->where, "then and else need if", "");
    }
    return 1;
}

static ra_schema_t *schema_make(apr_pool_t *pool)
{
    ra_schema_t *schema = apr_pcalloc(pool, sizeof(*schema));

    schema->min_members = schema->max_members = -1;
    schema->min_items = schema->max_items = -1;
    schema->min_length = schema->max_length = -1;
    return schema;
}

/* ---- $ref ---- */

static const ra_schema_t *follow(ra_schema_compiler_t *compiler, const ra_json_t *json, const ra_schema_where_t *where,
                                 ra_schema_about_e about)
{
    const char *reference = ra_json_get_string(json, "$ref");
    const ra_json_t *target =
        reference && reference[0] == '#' ? ra_json_pointer(compiler->document, reference + 1) : NULL;
    ra_schema_where_t root = {NULL, reference};
    const ra_schema_t *schema;

    if (!target) {
        ra_schema_refuse(compiler, where, "$ref leads nowhere: ", reference ? reference : "");
        return NULL;
    }
    if (ra_json_size(json) != 1) {
        ra_schema_refuse(compiler, where, "$ref stands alone: ", reference);
        return NULL;
    }
    for (int i = 0; i < compiler->reference_count; i++) {
        if (strcmp(compiler->references[i], reference) == 0) {
            ra_schema_refuse(compiler, where, "$ref in a circle: ", reference);
            return NULL;
        }
    }
    if (compiler->reference_count == RA_SCHEMA_REFERENCES_MAX) {
        ra_schema_refuse(compiler, where, "too many $refs in one another: ", reference);
        return NULL;
    }
    compiler->references[compiler->reference_count++] = reference;
    schema = ra_schema_compile_part(compiler, target, &root, about);
    compiler->reference_count--;
    return schema;
}

const ra_schema_t *ra_schema_compile_part(ra_schema_compiler_t *compiler, const ra_json_t *json,
                                          const ra_schema_where_t *where, ra_schema_about_e about)
{
    ra_schema_node_t node = {compiler, NULL, json, where, about};

    if (ra_json_get(json, "$ref")) {
        return follow(compiler, json, where, about);
    }
    node.schema = schema_make(compiler->pool);
    if (ra_json_type(json) == RA_JSON_BOOLEAN) {
        node.schema->nothing = !ra_json_is_true(json);
    } else if (ra_json_type(json) != RA_JSON_OBJECT) {
        ra_schema_refuse(compiler, where, "is not a schema", "");
        return NULL;
    }
    if (ra_json_is_true(ra_json_get(json, "x-ra-later"))) {
        node.schema->types = RA_TYPE_OBJECT;
        node.schema->type_names = "object";
        return node.schema;
    }
    for (const ra_json_t *member = ra_json_first(json); member; member = ra_json_next(member)) {
        if (!ra_schema_read_keyword(&node, member)) {
            return NULL;
        }
    }
    if (!check_whole(&node)) {
        return NULL;
    }
    if (compiler->use == RA_SCHEMA_REQUEST && about == RA_ABOUT_VALUE && !check_closed(&node)) {
        return NULL;
    }
    return node.schema;
}

apr_status_t ra_schema_compile(ra_schema_t **pschema, const ra_json_t *document, const char *pointer,
                               ra_schema_use_e use, const char **perror, apr_pool_t *pool)
{
    ra_schema_compiler_t compiler = {.document = document, .use = use, .pool = pool};
    ra_schema_where_t root = {NULL, apr_pstrcat(pool, "#", pointer, NULL)};
    const ra_json_t *json = ra_json_pointer(document, pointer);

    *pschema = NULL;
    if (!json) {
        ra_schema_refuse(&compiler, &root, "there is no schema", "");
    } else {
        *pschema = (ra_schema_t *)ra_schema_compile_part(&compiler, json, &root, RA_ABOUT_VALUE);
    }
    *perror = compiler.error;
    return *pschema ? APR_SUCCESS : APR_EINVAL;
}
