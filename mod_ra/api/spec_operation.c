/*
 * Reads one operation of the document: access, parameters, body, answers.
 * Layer: api. Thread rule: start-up only, one thread.
 */
#include "api/spec_loader.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#define REFERENCES_MAX 8 /* a $ref that names a $ref */

int ra_spec_refuse(ra_spec_loader_t *loader, const char *reason, const char *what)
{
    if (!loader->error) {
        loader->error = apr_pstrcat(loader->pool, loader->where, ": ", reason, what, NULL);
    }
    return 0;
}

int ra_spec_has_members(ra_spec_loader_t *loader, const ra_json_t *json, const char *of)
{
    return ra_json_type(json) != RA_JSON_ARRAY || ra_spec_refuse(loader, of, " must be an object");
}

/* ---- pointers and references ---- */

const char *ra_spec_below(const char *pointer, const char *name, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, strlen(name) * 2 + 1), *out = text;

    for (; *name; name++) {
        *out++ = *name == '~' || *name == '/' ? '~' : *name;
        if (*name == '~' || *name == '/') {
            *out++ = *name == '~' ? '0' : '1';
        }
    }
    *out = '\0';
    return apr_pstrcat(pool, pointer, "/", text, NULL);
}

/* Follows $refs of parameters, answers and bodies; *ppointer becomes the place of what is found. NULL: refused. */
static const ra_json_t *resolve(ra_spec_loader_t *loader, const ra_json_t *json, const char **ppointer)
{
    const char *reference;

    for (int i = 0; (reference = ra_json_get_string(json, "$ref")) != NULL; i++) {
        if (i == REFERENCES_MAX) {
            ra_spec_refuse(loader, "$ref in a circle: ", reference);
            return NULL;
        }
        json = reference[0] == '#' ? ra_json_pointer(loader->document, reference + 1) : NULL;
        *ppointer = reference + 1;
        if (!json) {
            ra_spec_refuse(loader, "$ref leads nowhere: ", reference);
            return NULL;
        }
    }
    return json;
}

/* Every member must be one of @a known (or an extension): nothing in the document is passed over. */
static int only_members(ra_spec_loader_t *loader, const ra_json_t *object, const char *const *known, const char *of)
{
    if (!ra_spec_has_members(loader, object, of)) {
        return 0;
    }
    for (const ra_json_t *member = ra_json_first(object); member; member = ra_json_next(member)) {
        const char *name = ra_json_name(member);
        const char *const *candidate = known;
        while (*candidate && strcmp(*candidate, name) != 0) {
            candidate++;
        }
        if (!*candidate && strncmp(name, "x-", 2) != 0) {
            return ra_spec_refuse(loader, apr_psprintf(loader->pool, "%s has an unknown member ", of), name);
        }
    }
    return 1;
}

static int compile(ra_spec_loader_t *loader, const ra_schema_t **pschema, const char *pointer, ra_schema_use_e use)
{
    ra_schema_t *schema = NULL;
    const char *error = NULL;

    if (ra_schema_compile(&schema, loader->document, pointer, use, &error, loader->pool) != APR_SUCCESS) {
        return ra_spec_refuse(loader, error, "");
    }
    *pschema = schema;
    return 1;
}

/* ---- access ---- */

static int read_roles(ra_spec_loader_t *loader, ra_operation_t *operation, const ra_json_t *names)
{
    for (const ra_json_t *item = ra_json_first(names); item; item = ra_json_next(item)) {
        ra_roles_t role = ra_role_of(ra_json_string(item));
        if (!role) {
            return ra_spec_refuse(loader, "x-ra-access names an unknown role ", ra_json_print(item, loader->pool));
        }
        operation->roles |= role;
    }
    return 1;
}

static int read_scopes(ra_spec_loader_t *loader, ra_operation_t *operation, const ra_json_t *names)
{
    for (const ra_json_t *item = ra_json_first(names); item; item = ra_json_next(item)) {
        ra_scopes_t scope = ra_scope_of(ra_json_string(item));
        if (!scope) {
            return ra_spec_refuse(loader, "x-ra-access names an unknown scope ", ra_json_print(item, loader->pool));
        }
        operation->scopes |= scope;
    }
    return 1;
}

static int read_access(ra_spec_loader_t *loader, ra_operation_t *operation, const ra_json_t *source)
{
    static const char *const known[] = {"public", "roles", "scopes", NULL};
    const ra_json_t *access = ra_json_get(source, "x-ra-access");

    if (ra_json_type(access) != RA_JSON_OBJECT) {
        return ra_spec_refuse(loader, "has no x-ra-access", "");
    }
    if (!only_members(loader, access, known, "x-ra-access") ||
        !read_roles(loader, operation, ra_json_get(access, "roles")) ||
        !read_scopes(loader, operation, ra_json_get(access, "scopes"))) {
        return 0;
    }
    operation->is_public = ra_json_is_true(ra_json_get(access, "public"));
    if (operation->is_public == (operation->roles || operation->scopes)) {
        return ra_spec_refuse(loader, "x-ra-access is either public or has roles or scopes", "");
    }
    operation->hosts = operation->is_public ? RA_HOST_PUBLIC | RA_HOST_STAFF | RA_HOST_API | RA_HOST_INTERNAL : 0;
    operation->hosts |= operation->roles ? RA_HOST_STAFF : 0;
    operation->hosts |= operation->scopes ? RA_HOST_API : 0;
    return 1;
}

/* ---- parameters ---- */

static int route_has_parameter(const ra_route_t *route, const char *name)
{
    for (int i = 0; i < route->segment_count; i++) {
        if (route->segments[i].is_parameter && strcmp(route->segments[i].text, name) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Texts of a URL or header are read as integers, booleans or strings; other types would need rules of writing. */
static int has_plain_type(const ra_json_t *schema)
{
    static const char *const plain[] = {"string", "integer", "boolean", NULL};
    const char *type = ra_json_get_string(schema, "type");

    for (int i = 0; type && plain[i]; i++) {
        if (strcmp(plain[i], type) == 0) {
            return 1;
        }
    }
    return 0;
}

static int read_parameter_place(ra_spec_loader_t *loader, ra_parameter_t *parameter, const ra_json_t *source,
                                const ra_route_t *route)
{
    const char *in = ra_json_get_string(source, "in");

    if (in && strcmp(in, "path") == 0) {
        parameter->in = RA_IN_PATH;
        if (!route_has_parameter(route, parameter->name)) {
            return ra_spec_refuse(loader, "the path does not have the parameter ", parameter->name);
        }
        return parameter->required || ra_spec_refuse(loader, "a path parameter is required: ", parameter->name);
    }
    if (in && strcmp(in, "query") == 0) {
        parameter->in = RA_IN_QUERY;
        return 1;
    }
    if (in && strcmp(in, "header") == 0) {
        char *name = apr_pstrdup(loader->pool, parameter->name);
        for (char *c = name; *c; c++) {
            *c += *c >= 'A' && *c <= 'Z' ? 'a' - 'A' : 0;
        }
        parameter->in = RA_IN_HEADER;
        parameter->name = name;
        return 1;
    }
    return ra_spec_refuse(loader, "a parameter is in path, query or header: ", parameter->name);
}

static int read_parameter(ra_spec_loader_t *loader, ra_parameter_t *parameter, const ra_json_t *source,
                          const char *pointer, const ra_route_t *route)
{
    static const char *const known[] = {"name",    "in",       "required",   "description", "schema",
                                        "example", "examples", "deprecated", NULL};
    const char *schema_pointer = ra_spec_below(pointer, "schema", loader->pool);
    const ra_json_t *schema;

    parameter->name = ra_json_get_string(source, "name");
    parameter->required = ra_json_get_bool(source, "required", 0);
    if (!parameter->name) {
        return ra_spec_refuse(loader, "a parameter has no name: ", pointer);
    }
    if (!only_members(loader, source, known, "a parameter") ||
        !read_parameter_place(loader, parameter, source, route) ||
        !compile(loader, &parameter->schema, schema_pointer, RA_SCHEMA_REQUEST)) {
        return 0;
    }
    schema = resolve(loader, ra_json_get(source, "schema"), &schema_pointer);
    return has_plain_type(schema) ||
           ra_spec_refuse(loader, "a parameter is a string, an integer or a boolean: ", parameter->name);
}

static int is_repeated(const ra_parameter_t *parameters, int last)
{
    for (int i = 0; i < last; i++) {
        if (parameters[i].in == parameters[last].in && strcmp(parameters[i].name, parameters[last].name) == 0) {
            return 1;
        }
    }
    return 0;
}

static int check_path_parameters(ra_spec_loader_t *loader, const ra_operation_t *operation, const ra_route_t *route)
{
    int count = 0;

    for (int i = 0; i < operation->parameter_count; i++) {
        count += operation->parameters[i].in == RA_IN_PATH;
    }
    for (int i = 0; i < route->segment_count; i++) {
        count -= route->segments[i].is_parameter;
    }
    return count == 0 || ra_spec_refuse(loader, "a parameter of the path is not described", "");
}

static int read_parameters(ra_spec_loader_t *loader, ra_operation_t *operation, const ra_json_t *source,
                           const char *pointer, const ra_route_t *route)
{
    const ra_json_t *list = ra_json_get(source, "parameters");
    const char *list_pointer = ra_spec_below(pointer, "parameters", loader->pool);
    ra_parameter_t *parameters = apr_pcalloc(loader->pool, sizeof(*parameters) * (apr_size_t)(ra_json_size(list) + 1));

    operation->parameters = parameters;
    for (const ra_json_t *item = ra_json_first(list); item; item = ra_json_next(item)) {
        int index = operation->parameter_count++;
        const char *place = ra_spec_below(list_pointer, apr_itoa(loader->pool, index), loader->pool);
        const ra_json_t *found = resolve(loader, item, &place);
        if (!found || !read_parameter(loader, &parameters[index], found, place, route)) {
            return 0;
        }
        if (is_repeated(parameters, index)) {
            return ra_spec_refuse(loader, "has the parameter twice: ", parameters[index].name);
        }
        if (parameters[index].in == RA_IN_HEADER) {
            operation->needs_if_match |= parameters[index].required && strcmp(parameters[index].name, "if-match") == 0;
            operation->takes_key |= strcmp(parameters[index].name, "idempotency-key") == 0;
        }
    }
    return check_path_parameters(loader, operation, route);
}

/* ---- bodies and answers ---- */

static int is_json(const char *type)
{
    apr_size_t len = strlen(type);

    return strcmp(type, "application/json") == 0 || (len > 5 && strcmp(type + len - 5, "+json") == 0);
}

/* Problem answers are made in one place and checked there: their schema is not compiled for every operation. */
static int is_problem(const char *type)
{
    return strcmp(type, "application/problem+json") == 0;
}

static int read_media(ra_spec_loader_t *loader, const ra_media_t **pmedia, int *pcount, const ra_json_t *content,
                      const char *pointer, ra_schema_use_e use)
{
    static const char *const known[] = {"schema", "example", "examples", NULL};
    ra_media_t *media = apr_pcalloc(loader->pool, sizeof(*media) * (apr_size_t)(ra_json_size(content) + 1));

    *pmedia = media;
    if (!ra_spec_has_members(loader, content, "content")) {
        return 0;
    }
    for (const ra_json_t *item = ra_json_first(content); item; item = ra_json_next(item)) {
        const char *type = ra_json_name(item), *place = ra_spec_below(pointer, type, loader->pool);
        media[*pcount].type = type;
        if (!only_members(loader, item, known, "a media type")) {
            return 0;
        }
        if (is_json(type) && !is_problem(type) &&
            !compile(loader, &media[*pcount].schema, ra_spec_below(place, "schema", loader->pool), use)) {
            return 0;
        }
        (*pcount)++;
    }
    return 1;
}

static int read_body(ra_spec_loader_t *loader, ra_operation_t *operation, const ra_json_t *source, const char *pointer)
{
    static const char *const known[] = {"required", "content", "description", NULL};
    const ra_json_t *body = ra_json_get(source, "requestBody");
    const char *place = ra_spec_below(pointer, "requestBody", loader->pool);

    if (!body) {
        return 1;
    }
    if (strcmp(operation->method, "GET") == 0 || strcmp(operation->method, "DELETE") == 0) {
        return ra_spec_refuse(loader, "this method takes no requestBody", "");
    }
    body = resolve(loader, body, &place);
    if (!body || !only_members(loader, body, known, "requestBody")) {
        return 0;
    }
    operation->body_required = ra_json_get_bool(body, "required", 0);
    if (!read_media(loader, &operation->bodies, &operation->body_count, ra_json_get(body, "content"),
                    ra_spec_below(place, "content", loader->pool), RA_SCHEMA_REQUEST)) {
        return 0;
    }
    return operation->body_count > 0 || ra_spec_refuse(loader, "requestBody has no content", "");
}

static int read_status(const char *name)
{
    return strlen(name) == 3 && strspn(name, "0123456789") == 3 && name[0] >= '1' && name[0] <= '5' ? atoi(name) : 0;
}

static int read_answers(ra_spec_loader_t *loader, ra_operation_t *operation, const ra_json_t *source,
                        const char *pointer)
{
    static const char *const known[] = {"description", "headers", "content", NULL};
    const ra_json_t *list = ra_json_get(source, "responses");
    ra_answer_t *answers = apr_pcalloc(loader->pool, sizeof(*answers) * (apr_size_t)(ra_json_size(list) + 1));
    int successes = 0;

    operation->answers = answers;
    if (!ra_spec_has_members(loader, list, "responses")) {
        return 0;
    }
    for (const ra_json_t *item = ra_json_first(list); item; item = ra_json_next(item)) {
        ra_answer_t *answer = &answers[operation->answer_count++];
        const char *place =
            ra_spec_below(ra_spec_below(pointer, "responses", loader->pool), ra_json_name(item), loader->pool);
        const ra_json_t *found = resolve(loader, item, &place);
        answer->status = read_status(ra_json_name(item));
        if (!answer->status) {
            return ra_spec_refuse(loader, "an answer is named by its status: ", ra_json_name(item));
        }
        if (!found || !only_members(loader, found, known, "an answer") ||
            !read_media(loader, &answer->media, &answer->media_count, ra_json_get(found, "content"),
                        ra_spec_below(place, "content", loader->pool), RA_SCHEMA_ANSWER)) {
            return 0;
        }
        successes += answer->status >= 200 && answer->status < 300;
    }
    return successes > 0 || ra_spec_refuse(loader, "has no answer for success", "");
}

/* ---- the operation ---- */

static int bind_handler(ra_spec_loader_t *loader, ra_operation_t *operation)
{
    for (int i = 0; i < operation->index; i++) {
        if (strcmp(loader->operations[i].id, operation->id) == 0) {
            return ra_spec_refuse(loader, "the operationId is used twice: ", operation->id);
        }
    }
    for (const ra_binding_t *binding = loader->bindings; binding->operation_id; binding++) {
        if (strcmp(binding->operation_id, operation->id) == 0) {
            operation->handler = binding->handler;
            return 1;
        }
    }
    return ra_spec_refuse(loader, "the operation has no handler: ", operation->id);
}

int ra_spec_read_operation(ra_spec_loader_t *loader, ra_operation_t *operation, const ra_json_t *source,
                           const char *pointer, const ra_route_t *route)
{
    static const char *const known[] = {"operationId", "tags",         "summary",   "description",
                                        "parameters",  "requestBody",  "responses", "security",
                                        "deprecated",  "externalDocs", NULL};

    operation->id = ra_json_get_string(source, "operationId");
    if (!operation->id) {
        return ra_spec_refuse(loader, "has no operationId", "");
    }
    operation->personal = ra_json_is_true(ra_json_get(source, "x-ra-personal"));
    operation->keeps_codes = ra_json_is_true(ra_json_get(source, "x-ra-secret"));
    return only_members(loader, source, known, "the operation") && bind_handler(loader, operation) &&
           read_access(loader, operation, source) && read_parameters(loader, operation, source, pointer, route) &&
           read_body(loader, operation, source, pointer) && read_answers(loader, operation, source, pointer);
}
