/*
 * Loads the bundled document into tables, and refuses what the server would not do exactly as written
 * (see ra_spec_load).
 * Layer: api. Thread rule: start-up only, one thread.
 */
#include "api/spec_loader.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

/* ---- paths ---- */

/* "get" of the document is "GET" of the request; NULL: no method that we serve. */
static const char *method_of(const char *name)
{
    static const char *const methods[][2] = {{"get", "GET"},     {"post", "POST"},     {"put", "PUT"},
                                             {"patch", "PATCH"}, {"delete", "DELETE"}, {NULL, NULL}};
    int i = 0;

    while (methods[i][0] && strcmp(methods[i][0], name) != 0) {
        i++;
    }
    return methods[i][1];
}

static int read_route(ra_spec_loader_t *loader, ra_route_t *route, const ra_json_t *item)
{
    const char *pointer = ra_spec_below("/paths", ra_json_name(item), loader->pool);
    const ra_operation_t **operations =
        apr_pcalloc(loader->pool, sizeof(*operations) * (apr_size_t)(ra_json_size(item) + 1));
    const char *error;

    loader->where = ra_json_name(item);
    if (!ra_spec_has_members(loader, item, "a path")) {
        return 0;
    }
    error = ra_route_read(route, ra_json_name(item), loader->pool);
    if (error) {
        return ra_spec_refuse(loader, error, "");
    }
    for (int i = 0; i < loader->route_count - 1; i++) {
        if (ra_route_overlaps(route, &loader->routes[i])) {
            return ra_spec_refuse(loader, "matches the same paths as ", loader->routes[i].path);
        }
    }
    route->operations = operations;
    for (const ra_json_t *member = ra_json_first(item); member; member = ra_json_next(member)) {
        ra_operation_t *operation = &loader->operations[loader->operation_count];
        operation->method = method_of(ra_json_name(member));
        operation->path = route->path;
        operation->index = loader->operation_count++;
        if (!operation->method) {
            return ra_spec_refuse(loader, "has an unknown member ", ra_json_name(member));
        }
        loader->where = apr_pstrcat(loader->pool, operation->method, " ", route->path, NULL);
        if (!ra_spec_read_operation(loader, operation, member,
                                    ra_spec_below(pointer, ra_json_name(member), loader->pool), route)) {
            return 0;
        }
        operations[route->operation_count++] = operation;
    }
    return 1;
}

static int read_paths(ra_spec_loader_t *loader)
{
    const ra_json_t *paths = ra_json_get(loader->document, "paths");
    apr_size_t count = 0;

    if (!ra_spec_has_members(loader, paths, "paths")) {
        return 0;
    }
    for (const ra_json_t *item = ra_json_first(paths); item; item = ra_json_next(item)) {
        count += (apr_size_t)ra_json_size(item);
    }
    loader->operations = apr_pcalloc(loader->pool, sizeof(*loader->operations) * (count + 1));
    loader->routes = apr_pcalloc(loader->pool, sizeof(*loader->routes) * (apr_size_t)(ra_json_size(paths) + 1));
    for (const ra_json_t *item = ra_json_first(paths); item; item = ra_json_next(item)) {
        if (!read_route(loader, &loader->routes[loader->route_count++], item)) {
            return 0;
        }
    }
    loader->where = "paths";
    return loader->operation_count > 0 || ra_spec_refuse(loader, "there are no operations", "");
}

static int check_bindings(ra_spec_loader_t *loader)
{
    loader->where = "bindings";
    for (const ra_binding_t *binding = loader->bindings; binding->operation_id; binding++) {
        int index = 0;
        while (index < loader->operation_count && strcmp(loader->operations[index].id, binding->operation_id) != 0) {
            index++;
        }
        if (index == loader->operation_count) {
            return ra_spec_refuse(loader, "the handler has no operation: ", binding->operation_id);
        }
    }
    return 1;
}

/* ---- texts ---- */

static int has_texts(const ra_json_t *texts)
{
    const char *zh = ra_json_get_string(texts, "zh-CN"), *en = ra_json_get_string(texts, "en");

    return zh && *zh && en && *en;
}

/* Every code that the program can give must have its texts: document and program are of one build. */
static int check_texts(ra_spec_loader_t *loader)
{
#define CODE(symbol, code) code,
    static const char *const problems[] = {RA_PROBLEM_CODES(CODE)};
    static const char *const violations[] = {RA_VIOLATION_CODES(CODE)};
#undef CODE
    const ra_json_t *known = ra_json_get(loader->document, "x-ra-problems");

    loader->where = "x-ra-problems";
    for (size_t i = 0; i < sizeof(problems) / sizeof(problems[0]); i++) {
        const ra_json_t *problem = ra_json_get(known, problems[i]);
        apr_int64_t status = ra_json_get_int(problem, "status", 0);
        if (status < 400 || status > 599 || !has_texts(ra_json_get(problem, "title")) ||
            !has_texts(ra_json_get(problem, "advice"))) {
            return ra_spec_refuse(loader, "status or texts are missing: ", problems[i]);
        }
    }
    loader->where = "x-ra-violations";
    known = ra_json_get(loader->document, "x-ra-violations");
    for (size_t i = 0; i < sizeof(violations) / sizeof(violations[0]); i++) {
        if (!has_texts(ra_json_get(known, violations[i]))) {
            return ra_spec_refuse(loader, "texts are missing: ", violations[i]);
        }
    }
    return 1;
}

/* ---- the document ---- */

static apr_status_t read_file(ra_bytes_t *ptext, const char *path, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t status = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_OS_DEFAULT, pool);

    if (status != APR_SUCCESS) {
        return status;
    }
    status = apr_file_info_get(&info, APR_FINFO_SIZE, file);
    if (status == APR_SUCCESS && (apr_size_t)info.size > ra_json_limits_document.bytes) {
        status = APR_ENOSPC;
    }
    if (status == APR_SUCCESS) {
        char *text = apr_palloc(pool, (apr_size_t)info.size + 1);
        status = apr_file_read_full(file, text, (apr_size_t)info.size, NULL);
        text[info.size] = '\0';
        *ptext = ra_bytes_of(text, (apr_size_t)info.size);
    }
    apr_file_close(file);
    return status;
}

static int read_document(ra_spec_loader_t *loader, ra_bytes_t *ptext, const char *path)
{
    ra_json_error_t where;
    ra_json_t *document;
    char reason[120];
    apr_status_t status = read_file(ptext, path, loader->pool);

    loader->where = path;
    if (status != APR_SUCCESS) {
        return ra_spec_refuse(loader, "cannot be read: ", apr_strerror(status, reason, sizeof(reason)));
    }
    status =
        ra_json_parse(&document, (const char *)ptext->data, ptext->len, &ra_json_limits_document, &where, loader->pool);
    if (status != APR_SUCCESS) {
        apr_snprintf(reason, sizeof(reason), "%s at byte %" APR_SIZE_T_FMT, where.code, where.offset);
        return ra_spec_refuse(loader, "is not JSON: ", reason);
    }
    loader->document = document;
    const char *version = ra_json_get_string(document, "openapi");
    return (version && strncmp(version, "3.1.", 4) == 0) ||
           ra_spec_refuse(loader, "is not an OpenAPI 3.1 document", "");
}

static const char *etag_of(ra_bytes_t text, apr_pool_t *pool)
{
    unsigned char digest[RA_SHA256_BYTES];

    ra_sha256(digest, text.data, text.len);
    return apr_pstrcat(pool, "\"", ra_hex(ra_bytes_of(digest, RA_SHA256_BYTES / 2), pool), "\"", NULL);
}

apr_status_t ra_spec_load(ra_spec_t **pspec, const char *path, const ra_binding_t *bindings, const char **perror,
                          apr_pool_t *pool)
{
    ra_spec_loader_t loader = {.bindings = bindings, .pool = pool};
    ra_spec_t *spec = apr_pcalloc(pool, sizeof(*spec));

    *pspec = NULL;
    if (!read_document(&loader, &spec->text, path) || !read_paths(&loader) || !check_bindings(&loader) ||
        !check_texts(&loader)) {
        *perror = loader.error;
        return APR_EINVAL;
    }
    spec->document = loader.document;
    spec->etag = etag_of(spec->text, pool);
    spec->operations = loader.operations;
    spec->operation_count = loader.operation_count;
    spec->route_count = loader.route_count;
    ra_router_finish(spec, loader.routes, pool);
    *perror = NULL;
    *pspec = spec;
    return APR_SUCCESS;
}

/* ---- reading it ---- */

int ra_spec_operation_count(const ra_spec_t *spec)
{
    return spec->operation_count;
}

const ra_operation_t *ra_spec_operation(const ra_spec_t *spec, int index)
{
    return index >= 0 && index < spec->operation_count ? &spec->operations[index] : NULL;
}

ra_bytes_t ra_spec_text(const ra_spec_t *spec)
{
    return spec->text;
}

const char *ra_spec_etag(const ra_spec_t *spec)
{
    return spec->etag;
}

const ra_json_t *ra_spec_problems(const ra_spec_t *spec)
{
    return spec->document;
}

const ra_answer_t *ra_operation_answer(const ra_operation_t *operation, int status)
{
    for (int i = 0; i < operation->answer_count; i++) {
        if (operation->answers[i].status == status) {
            return &operation->answers[i];
        }
    }
    return NULL;
}
