/* The document as tables: what is refused at start, what an operation becomes, which path and method lead where. */
#include "spec_fixture.h"

#include "base/crypt.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* An operation that is complete, as the value of "get" of a new path. */
#define OPERATION(id, more)                                                                                            \
    "{\"operationId\":\"" id                                                                                           \
    "\",\"x-ra-access\":{\"public\":true},\"responses\":{\"200\":{\"description\":\"d\"}}" more "}"
#define NEW_GET(path, id, more) "{\"paths\":{\"" path "\":{\"get\":" OPERATION(id, more) "}}}"
#define NEW_POST(path, id, more) "{\"paths\":{\"" path "\":{\"post\":" OPERATION(id, more) "}}}"
#define PARAMETER(more) ",\"parameters\":[{" more "}]"
#define BODY(schema) ",\"requestBody\":{\"content\":{\"application/json\":{\"schema\":" schema "}}}"

static const struct {
    const char *patch;  /* of the real document */
    const char *reason; /* NULL: taken */
} changes[] = {
    {"{}", NULL},
    {NEW_GET("/new", "newOne", ""), NULL},
    {"{\"openapi\":\"3.0.3\"}", "is not an OpenAPI 3.1 document"},
    {"{\"paths\":null}", "there are no operations"},
    /* lists where an object belongs */
    {"{\"paths\":[{}]}", "paths must be an object"},
    {"{\"paths\":{\"/me\":[{}]}}", "/me: a path must be an object"},
    {"{\"paths\":{\"/me\":{\"get\":{\"responses\":[{}]}}}}", "GET /me: responses must be an object"},
    {"{\"paths\":{\"/me\":{\"get\":{\"responses\":{\"200\":[{}]}}}}}", "an answer must be an object"},
    {"{\"paths\":{\"/me\":{\"get\":{\"responses\":{\"200\":{\"content\":[{}]}}}}}}", "content must be an object"},
    /* access */
    {"{\"paths\":{\"/me\":{\"get\":{\"x-ra-access\":null}}}}", "GET /me: has no x-ra-access"},
    {"{\"paths\":{\"/me\":{\"get\":{\"x-ra-access\":{\"roles\":[\"boss\"]}}}}}",
     "GET /me: x-ra-access names an unknown role \"boss\""},
    {"{\"paths\":{\"/me\":{\"get\":{\"x-ra-access\":{\"scopes\":[\"all\"]}}}}}", "unknown scope \"all\""},
    {"{\"paths\":{\"/me\":{\"get\":{\"x-ra-access\":{\"roles\":null,\"scopes\":null}}}}}",
     "either public or has roles or scopes"},
    {"{\"paths\":{\"/me\":{\"get\":{\"x-ra-access\":{\"public\":true}}}}}", "either public or has roles or scopes"},
    {"{\"paths\":{\"/me\":{\"get\":{\"x-ra-access\":{\"everybody\":true}}}}}",
     "x-ra-access has an unknown member everybody"},
    /* operations */
    {"{\"paths\":{\"/me\":{\"get\":{\"operationId\":null}}}}", "GET /me: has no operationId"},
    {"{\"paths\":{\"/me\":{\"get\":{\"operationId\":\"getOpenapi\"}}}}", "the operationId is used twice: getOpenapi"},
    {"{\"paths\":{\"/me\":{\"get\":{\"callbacks\":{}}}}}", "the operation has an unknown member callbacks"},
    {"{\"paths\":{\"/me\":{\"trace\":{}}}}", "/me: has an unknown member trace"},
    {"{\"paths\":{\"/me\":{\"get\":{\"responses\":{\"200\":null}}}}}", "GET /me: has no answer for success"},
    {"{\"paths\":{\"/me\":{\"get\":{\"responses\":{\"default\":{}}}}}}", "an answer is named by its status: default"},
    {"{\"paths\":{\"/me\":{\"get\":{\"responses\":{\"2XX\":{}}}}}}", "an answer is named by its status: 2XX"},
    {"{\"paths\":{\"/me\":{\"get\":{\"responses\":{\"404\":{\"$ref\":\"#/nowhere\"}}}}}}",
     "$ref leads nowhere: #/nowhere"},
    {"{\"paths\":{\"/me\":{\"get\":{\"responses\":{\"200\":{\"links\":{}}}}}}}",
     "an answer has an unknown member links"},
    {"{\"components\":{\"responses\":{\"Problem\":{\"$ref\":\"#/components/responses/Problem\"}}}}",
     "$ref in a circle"},
    /* paths */
    {NEW_GET("/people/{other}", "newOne", ""), "/people/{other}: matches the same paths as /people/{id}"},
    {NEW_GET("/people/me", "newOne", ""), "/people/me: matches the same paths as /people/{id}"},
    {NEW_GET("new", "newOne", ""), "a path begins with /"},
    {NEW_GET("/new/", "newOne", ""), "a path is made of"},
    {NEW_GET("//new", "newOne", ""), "a path is made of"},
    {NEW_GET("/New", "newOne", ""), "a path is made of"},
    {NEW_GET("/new/x{id}", "newOne", ""), "a path is made of"},
    {NEW_GET("/a/b/c/d/e/f/g/h/i", "newOne", ""), "a path has too many segments"},
    /* parameters */
    {NEW_GET("/new/{id}", "newOne", ""), "a parameter of the path is not described"},
    {NEW_GET("/new", "newOne",
             PARAMETER("\"name\":\"id\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}")),
     "the path does not have the parameter id"},
    {NEW_GET("/new/{id}", "newOne", PARAMETER("\"name\":\"id\",\"in\":\"path\",\"schema\":{\"type\":\"string\"}")),
     "a path parameter is required: id"},
    {NEW_GET("/new", "newOne", PARAMETER("\"name\":\"a\",\"in\":\"cookie\",\"schema\":{\"type\":\"string\"}")),
     "path, query or header: a"},
    {NEW_GET("/new", "newOne", PARAMETER("\"in\":\"query\",\"schema\":{\"type\":\"string\"}")),
     "a parameter has no name"},
    {NEW_GET("/new", "newOne", PARAMETER("\"name\":\"a\",\"in\":\"query\"")), "there is no schema"},
    {NEW_GET("/new", "newOne",
             PARAMETER("\"name\":\"a\",\"in\":\"query\",\"explode\":true,\"schema\":{\"type\":\"string\"}")),
     "a parameter has an unknown member explode"},
    {NEW_GET("/new", "newOne", PARAMETER("\"name\":\"a\",\"in\":\"query\",\"schema\":{\"type\":\"number\"}")),
     "a string, an integer or a boolean: a"},
    {NEW_GET("/new", "newOne",
             PARAMETER("\"name\":\"a\",\"in\":\"query\",\"schema\":{\"type\":\"string\"}},{\"name\":\"a\",\"in\":"
                       "\"query\",\"schema\":{\"type\":\"string\"}")),
     "has the parameter twice: a"},
    {NEW_GET("/new", "newOne",
             PARAMETER("\"name\":\"a\",\"in\":\"query\",\"schema\":{\"type\":\"string\",\"format\":\"ipv4\"}")),
     "unknown format ipv4"},
    /* bodies */
    {NEW_GET("/new", "newOne", BODY("{\"type\":\"string\"}")), "this method takes no requestBody"},
    {NEW_POST("/new", "newOne", BODY("{\"type\":\"object\",\"additionalProperties\":false}")), NULL},
    {NEW_POST("/new", "newOne", BODY("{\"type\":\"object\"}")),
     "POST /new: #/paths/~1new/post/requestBody/content/application~1json/schema: an object of a request must have "
     "additionalProperties: false"},
    {NEW_POST("/new", "newOne", BODY("{\"type\":\"string\",\"contentEncoding\":\"base64\"}")),
     "unknown keyword contentEncoding"},
    {NEW_POST("/new", "newOne", ",\"requestBody\":{\"content\":{}}"), "requestBody has no content"},
    {NEW_POST("/new", "newOne", ",\"requestBody\":{\"content\":{\"application/json\":{}}}"), "there is no schema"},
    {NEW_POST(
         "/new", "newOne",
         ",\"requestBody\":{\"content\":{\"application/json\":{\"encoding\":{},\"schema\":{\"type\":\"string\"}}}}"),
     "a media type has an unknown member encoding"},
    {"{\"components\":{\"schemas\":{\"ApplicationBody\":{\"additionalProperties\":null}}}}",
     "#/components/schemas/ApplicationBody: an object of a request"},
    {"{\"components\":{\"schemas\":{\"Kind\":{\"$ref\":\"#/components/schemas/"
     "Kind\",\"type\":null,\"description\":null,\"enum\":null}}}}",
     "$ref in a circle"},
    /* texts */
    {"{\"x-ra-problems\":{\"csr-invalid\":null}}", "x-ra-problems: status or texts are missing: csr-invalid"},
    {"{\"x-ra-problems\":{\"csr-invalid\":{\"status\":200}}}", "status or texts are missing: csr-invalid"},
    {"{\"x-ra-problems\":{\"csr-invalid\":{\"advice\":{\"en\":\"\"}}}}", "status or texts are missing: csr-invalid"},
    {"{\"x-ra-violations\":{\"too-long\":{\"zh-CN\":null}}}", "x-ra-violations: texts are missing: too-long"},
};

static void test_what_the_server_would_not_do_is_refused_by_name(void **state)
{
    for (size_t i = 0; i < COUNT(changes); i++) {
        ra_json_error_t at;
        ra_json_t *patch = NULL;
        apr_pool_t *pool;
        const char *error = NULL;

        apr_pool_create(&pool, *state);
        if (ra_json_parse(&patch, changes[i].patch, strlen(changes[i].patch), &ra_json_limits_document, &at, pool) !=
            APR_SUCCESS) {
            fail_msg("not JSON: %s", changes[i].patch);
        }
        ra_json_t *document = ra_json_merge_patch(fixture_document(pool), patch, pool);
        ra_spec_t *spec = fixture_load(document, fixture_bindings(document, pool), &error, pool);
        if (changes[i].reason ? !error || !strstr(error, changes[i].reason) : !spec) {
            fail_msg("%s: %s", changes[i].patch, error);
        }
        apr_pool_destroy(pool);
    }
}

static apr_status_t handler(struct ra_call_t *call)
{
    (void)call;
    return APR_SUCCESS;
}

static void test_an_operation_without_handler_is_refused(void **state)
{
    static const ra_binding_t none[] = {{NULL, NULL}};
    const char *error = NULL;

    assert_null(fixture_load(fixture_document(*state), none, &error, *state));
    assert_string_equal(error, "GET /openapi.json: the operation has no handler: getOpenapi");
}

static void test_a_handler_without_operation_is_refused(void **state)
{
    const char *error = NULL;
    ra_json_t *document = fixture_document(*state);
    ra_binding_t *bindings = (ra_binding_t *)fixture_bindings(document, *state);
    int count = 0;

    while (bindings[count].operation_id) {
        count++;
    }
    bindings[count] = (ra_binding_t){"makeCoffee", handler};
    assert_null(fixture_load(document, bindings, &error, *state));
    assert_string_equal(error, "bindings: the handler has no operation: makeCoffee");
}

static void test_a_file_that_is_not_there_or_not_json_is_refused(void **state)
{
    static const ra_binding_t none[] = {{NULL, NULL}};
    const char *error = NULL;
    ra_spec_t *spec;

    assert_int_equal(ra_spec_load(&spec, "/nowhere/openapi.json", none, &error, *state), APR_EINVAL);
    assert_non_null(strstr(error, "/nowhere/openapi.json: cannot be read: "));
    assert_int_equal(ra_spec_load(&spec, RA_SRCDIR "/api-spec/openapi.yaml", none, &error, *state), APR_EINVAL);
    assert_non_null(strstr(error, "is not JSON: json-syntax at byte 0"));
}

static const ra_operation_t *operation(const ra_spec_t *spec, const char *id)
{
    for (int i = 0; i < ra_spec_operation_count(spec); i++) {
        if (strcmp(ra_spec_operation(spec, i)->id, id) == 0) {
            return ra_spec_operation(spec, i);
        }
    }
    fail_msg("no operation %s", id);
    return NULL;
}

static void test_an_operation_is_what_the_document_says(void **state)
{
    const ra_spec_t *spec = fixture_spec(*state);
    const ra_operation_t *produce = operation(spec, "produceCertificate");

    assert_string_equal(produce->method, "POST");
    assert_string_equal(produce->path, "/applications/{id}/production");
    assert_int_equal(produce->hosts, RA_HOST_STAFF | RA_HOST_API);
    assert_false(produce->is_public);
    assert_int_equal(produce->roles, RA_ROLE_ISSUING_OFFICER);
    assert_int_equal(produce->scopes, RA_SCOPE_APPLICATIONS_PRODUCE);
    assert_true(produce->needs_if_match && produce->takes_key && produce->body_required);
    assert_false(produce->keeps_codes || produce->personal);
    assert_int_equal(produce->body_count, 1);
    assert_string_equal(produce->bodies[0].type, "application/json");
    assert_non_null(produce->bodies[0].schema);
    assert_non_null(ra_operation_answer(produce, 202)->media[0].schema);
    assert_null(ra_operation_answer(produce, 204));

    assert_int_equal(operation(spec, "getCertificateStatus")->hosts,
                     RA_HOST_PUBLIC | RA_HOST_STAFF | RA_HOST_API | RA_HOST_INTERNAL);
    assert_true(operation(spec, "getCertificateStatus")->is_public);
    assert_true(operation(spec, "drawCodes")->keeps_codes);
    assert_false(operation(spec, "drawCodes")->body_required);
    assert_true(operation(spec, "getApplication")->personal);
    assert_int_equal(operation(spec, "listPeople")->hosts, RA_HOST_STAFF);
    assert_int_equal(operation(spec, "getApplication")->body_count, 0);
    assert_false(operation(spec, "createApplication")->needs_if_match);
    assert_string_equal(operation(spec, "updateApplication")->bodies[0].type, "application/merge-patch+json");
}

static void test_a_certificate_has_three_representations(void **state)
{
    const ra_answer_t *answer = ra_operation_answer(operation(fixture_spec(*state), "getCertificate"), 200);

    assert_int_equal(answer->media_count, 3);
    assert_string_equal(answer->media[0].type, "application/json");
    assert_non_null(answer->media[0].schema);
    assert_string_equal(answer->media[2].type, "application/pkix-cert");
    assert_null(answer->media[2].schema);
}

static void test_parameters_keep_place_need_and_schema(void **state)
{
    const ra_operation_t *list = operation(fixture_spec(*state), "getCertificateStatus");

    assert_string_equal(list->parameters[0].name, "subject");
    assert_int_equal(list->parameters[0].in, RA_IN_QUERY);
    assert_true(list->parameters[0].required);
    assert_false(list->parameters[1].required);
    assert_non_null(list->parameters[0].schema);
}

static void test_operations_are_numbered_in_document_order(void **state)
{
    const ra_spec_t *spec = fixture_spec(*state);

    for (int i = 0; i < ra_spec_operation_count(spec); i++) {
        assert_int_equal(ra_spec_operation(spec, i)->index, i);
    }
    assert_string_equal(ra_spec_operation(spec, 0)->id, "getOpenapi");
    assert_null(ra_spec_operation(spec, -1));
    assert_null(ra_spec_operation(spec, ra_spec_operation_count(spec)));
}

static void test_the_served_text_is_the_file_with_an_etag_of_its_bytes(void **state)
{
    const ra_spec_t *spec = fixture_spec(*state);
    ra_bytes_t text = ra_spec_text(spec);

    assert_int_equal(text.data[0], '{');
    assert_int_equal(strlen((const char *)text.data), text.len);
    assert_int_equal(strlen(ra_spec_etag(spec)), 34);
    assert_int_equal(ra_spec_etag(spec)[0], '"');
}

#define ALL "GET, HEAD, OPTIONS"
static const struct {
    const char *method;
    const char *path;
    ra_host_e host;
    const char *id;    /* NULL: none */
    const char *allow; /* NULL: the path does not exist there */
} routes[] = {
    {"GET", "/me", RA_HOST_STAFF, "getMe", ALL},
    {"HEAD", "/me", RA_HOST_API, "getMe", ALL},
    {"GET", "/me", RA_HOST_PUBLIC, NULL, NULL},
    {"GET", "/businesses", RA_HOST_PUBLIC, "listBusinesses", ALL},
    {"GET", "/businesses", RA_HOST_INTERNAL, "listBusinesses", ALL},
    {"POST", "/me", RA_HOST_STAFF, NULL, ALL},
    {"OPTIONS", "/me", RA_HOST_STAFF, NULL, ALL},
    {"get", "/me", RA_HOST_STAFF, NULL, ALL},
    {"GET", "/people", RA_HOST_STAFF, "listPeople", "GET, HEAD, POST, OPTIONS"},
    {"POST", "/people", RA_HOST_STAFF, "createPerson", "GET, HEAD, POST, OPTIONS"},
    {"GET", "/people", RA_HOST_API, NULL, NULL},
    {"GET", "/people/7", RA_HOST_STAFF, "getPerson", "GET, HEAD, PATCH, OPTIONS"},
    {"PATCH", "/people/7", RA_HOST_STAFF, "updatePerson", "GET, HEAD, PATCH, OPTIONS"},
    {"PUT", "/people/7/roles", RA_HOST_STAFF, "setPersonRoles", "PUT, OPTIONS"},
    {"POST", "/people/7/certificates/8/disablement", RA_HOST_STAFF, "disablePersonCertificate", "POST, OPTIONS"},
    /* what differs from host to host */
    {"PATCH", "/applications/7", RA_HOST_API, "updateApplication", "GET, HEAD, PATCH, OPTIONS"},
    {"POST", "/applications/7/review", RA_HOST_API, NULL, NULL},
    {"GET", "/operations", RA_HOST_API, NULL, NULL},
    {"GET", "/operations/7", RA_HOST_API, "getOperation", ALL},
    /* paths that are none of ours */
    {"GET", "", RA_HOST_STAFF, NULL, NULL},
    {"GET", "/", RA_HOST_STAFF, NULL, NULL},
    {"GET", "me", RA_HOST_STAFF, NULL, NULL},
    {"GET", "/ME", RA_HOST_STAFF, NULL, NULL},
    {"GET", "/me/", RA_HOST_STAFF, NULL, NULL},
    {"GET", "//me", RA_HOST_STAFF, NULL, NULL},
    {"GET", "/m", RA_HOST_STAFF, NULL, NULL},
    {"GET", "/mee", RA_HOST_STAFF, NULL, NULL},
    {"GET", "/me;a=b", RA_HOST_STAFF, NULL, NULL},
    {"GET", "/people/", RA_HOST_STAFF, NULL, NULL},
    {"PUT", "/people//roles", RA_HOST_STAFF, NULL, NULL},
    {"GET", "/people/7/nothing", RA_HOST_STAFF, NULL, NULL},
    {"GET", "/a/b/c/d/e/f/g/h", RA_HOST_STAFF, NULL, NULL},
    {"GET", "/a/b/c/d/e/f/g/h/i/j/k", RA_HOST_STAFF, NULL, NULL},
    /* a dot segment is a value like any other, for the schema to refuse; it leads nowhere else */
    {"GET", "/people/..", RA_HOST_STAFF, "getPerson", "GET, HEAD, PATCH, OPTIONS"},
    {"GET", "/people/../me", RA_HOST_STAFF, NULL, NULL},
};

static void test_method_path_and_host_lead_to_one_operation(void **state)
{
    const ra_spec_t *spec = fixture_spec(*state);

    for (size_t i = 0; i < COUNT(routes); i++) {
        ra_match_t match;
        ra_spec_match(&match, spec, routes[i].method, routes[i].path, routes[i].host, *state);
        const char *id = match.operation ? match.operation->id : "", *allow = match.allow ? match.allow : "";
        if (strcmp(id, routes[i].id ? routes[i].id : "") != 0 ||
            strcmp(allow, routes[i].allow ? routes[i].allow : "") != 0) {
            fail_msg("%s %s on %d: %s; %s", routes[i].method, routes[i].path, (int)routes[i].host, id, allow);
        }
    }
}

static void test_every_operation_is_found_by_its_own_path(void **state)
{
    const ra_spec_t *spec = fixture_spec(*state);

    for (int i = 0; i < ra_spec_operation_count(spec); i++) {
        const ra_operation_t *wanted = ra_spec_operation(spec, i);
        ra_match_t match;
        char *path = apr_pstrdup(*state, wanted->path);
        for (char *c = path; *c; c++) {
            *c = *c == '{' || *c == '}' ? '7' : *c;
        }
        ra_spec_match(&match, spec, wanted->method, path, wanted->roles ? RA_HOST_STAFF : RA_HOST_API, *state);
        assert_ptr_equal(match.operation, wanted);
    }
}

static void test_every_example_of_the_document_passes_its_schema(void **state)
{
    const ra_json_t *document = fixture_document(*state), *schemas = ra_json_pointer(document, "/components/schemas");
    int count = 0;

    for (const ra_json_t *source = ra_json_first(schemas); source; source = ra_json_next(source)) {
        const char *error, *pointer = apr_pstrcat(*state, "/components/schemas/", ra_json_name(source), NULL);
        ra_schema_t *schema;
        if (ra_schema_compile(&schema, document, pointer, RA_SCHEMA_ANSWER, &error, *state) != APR_SUCCESS) {
            fail_msg("%s", error);
        }
        for (const ra_json_t *item = ra_json_first(ra_json_get(source, "examples")); item;
             item = ra_json_next(item), count++) {
            ra_result_t *result = ra_result_make(*state);
            if (!ra_schema_check(schema, item, "", result)) {
                const ra_violation_t *first = &APR_ARRAY_IDX(result->violations, 0, ra_violation_t);
                fail_msg("%s: %s: %s", pointer, first->pointer, first->code);
            }
        }
    }
    assert_true(count > 20);
}

static void test_path_values_come_as_they_are(void **state)
{
    ra_match_t match;

    ra_spec_match(&match, fixture_spec(*state), "POST", "/people/a b/certificates/\xE5\xB1\xB1/disablement",
                  RA_HOST_STAFF, *state);
    assert_string_equal(apr_table_get(match.path_values, "id"), "a b");
    assert_string_equal(apr_table_get(match.path_values, "credential_id"), "\xE5\xB1\xB1");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        UNIT_TEST(test_what_the_server_would_not_do_is_refused_by_name),
        UNIT_TEST(test_an_operation_without_handler_is_refused),
        UNIT_TEST(test_a_handler_without_operation_is_refused),
        UNIT_TEST(test_a_file_that_is_not_there_or_not_json_is_refused),
        UNIT_TEST(test_an_operation_is_what_the_document_says),
        UNIT_TEST(test_a_certificate_has_three_representations),
        UNIT_TEST(test_parameters_keep_place_need_and_schema),
        UNIT_TEST(test_operations_are_numbered_in_document_order),
        UNIT_TEST(test_the_served_text_is_the_file_with_an_etag_of_its_bytes),
        UNIT_TEST(test_method_path_and_host_lead_to_one_operation),
        UNIT_TEST(test_every_operation_is_found_by_its_own_path),
        UNIT_TEST(test_every_example_of_the_document_passes_its_schema),
        UNIT_TEST(test_path_values_come_as_they_are),
    };

    return UNIT_RUN(tests);
}
