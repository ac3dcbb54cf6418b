/* The schema validator: every keyword with what passes and what does not, every refusal of the compiler, formats,
 * parameters. */
#include "unit.h"

#include "api/schema.h"
#include "base/limits.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static ra_json_t *parsed(const char *text, apr_pool_t *pool)
{
    ra_json_error_t error;
    ra_json_t *json = NULL;

    if (ra_json_parse(&json, text, strlen(text), &ra_json_limits_document, &error, pool) != APR_SUCCESS) {
        fail_msg("not JSON (%s): %s", error.code, text);
    }
    return json;
}

/* A document with one schema S, and T beside it for $refs. */
static ra_schema_t *compiled(const char *schema, ra_schema_use_e use, const char **perror, apr_pool_t *pool)
{
    const char *text = apr_pstrcat(pool, "{\"S\":", schema,
                                   ",\"T\":{\"type\":\"string\",\"minLength\":2},\"U\":{\"$ref\":\"#/T\"}}", NULL);
    ra_schema_t *compiled_schema = NULL;

    ra_schema_compile(&compiled_schema, parsed(text, pool), "/S", use, perror, pool);
    return compiled_schema;
}

/* "pointer code(value)" of each violation, in order. */
static const char *violations(const ra_result_t *result, apr_pool_t *pool)
{
    const char *text = "";

    for (int i = 0; i < result->violations->nelts; i++) {
        const ra_violation_t *violation = &APR_ARRAY_IDX(result->violations, i, ra_violation_t);
        const char *value = "";
        if (violation->params) {
            const apr_table_entry_t *entry = (const apr_table_entry_t *)apr_table_elts(violation->params)->elts;
            value = apr_pstrcat(pool, "(", entry->key, "=", entry->val, ")", NULL);
        }
        text = apr_pstrcat(pool, text, *text ? " " : "", violation->pointer, ":", violation->code, value, NULL);
    }
    return text;
}

static const struct {
    const char *schema;
    const char *value;
    const char *violations; /* "" : valid */
} keyword_cases[] = {
    /* type */
    {"{\"type\":\"string\"}", "\"a\"", ""},
    {"{\"type\":\"string\"}", "1", ":wrong-type(expected=string)"},
    {"{\"type\":\"integer\"}", "1", ""},
    {"{\"type\":\"integer\"}", "1.0", ""},
    {"{\"type\":\"integer\"}", "1.5", ":wrong-type(expected=integer)"},
    {"{\"type\":\"integer\"}", "\"1\"", ":wrong-type(expected=integer)"},
    {"{\"type\":\"number\"}", "1.5", ""},
    {"{\"type\":\"number\"}", "1", ""},
    {"{\"type\":\"boolean\"}", "false", ""},
    {"{\"type\":\"boolean\"}", "0", ":wrong-type(expected=boolean)"},
    {"{\"type\":\"null\"}", "null", ""},
    {"{\"type\":\"null\"}", "{}", ":wrong-type(expected=null)"},
    {"{\"type\":\"array\"}", "[]", ""},
    {"{\"type\":\"array\"}", "{}", ":wrong-type(expected=array)"},
    {"{\"type\":\"object\"}", "{}", ""},
    {"{\"type\":\"object\"}", "[]", ":wrong-type(expected=object)"},
    {"{\"type\":[\"string\",\"null\"]}", "null", ""},
    {"{\"type\":[\"string\",\"null\"]}", "1", ":wrong-type(expected=string, null)"},
    {"true", "{\"a\":[1]}", ""},
    {"false", "1", ":not-allowed"},
    /* checked later, by whoever takes it */
    {"{\"x-ra-later\":true,\"allOf\":[{\"$ref\":\"#/T\"}]}", "{\"a\":1}", ""},
    {"{\"x-ra-later\":true,\"type\":\"string\"}", "\"a\"", ":wrong-type(expected=object)"},
    {"{\"x-ra-later\":false,\"type\":\"string\"}", "\"a\"", ""},
    /* enum, const */
    {"{\"enum\":[\"a\",1,null]}", "1", ""},
    {"{\"enum\":[\"a\",1,null]}", "null", ""},
    {"{\"enum\":[\"a\",1,null]}", "\"b\"", ":not-in-list(allowed=a, 1, null)"},
    {"{\"const\":{\"a\":[1,2]}}", "{\"a\":[1,2]}", ""},
    {"{\"const\":{\"a\":[1,2]}}", "{\"a\":[2,1]}", ":not-the-value(expected={\"a\":[1,2]})"},
    /* objects */
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":\"x\",\"b\":1}", ""},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}", "/a:wrong-type(expected=string)"},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "7", ""},
    {"{\"properties\":{\"a/b\":false,\"m~n\":false}}", "{\"a/b\":1,\"m~n\":2}", "/a~1b:not-allowed /m~0n:not-allowed"},
    {"{\"properties\":{\"a\":true},\"additionalProperties\":false}", "{\"a\":1}", ""},
    {"{\"properties\":{\"a\":true},\"additionalProperties\":false}", "{\"b\":1,\"A\":1}",
     "/b:unknown-member /A:unknown-member"},
    {"{\"additionalProperties\":{\"type\":\"integer\"}}", "{\"a\":1,\"b\":\"x\"}", "/b:wrong-type(expected=integer)"},
    {"{\"required\":[\"a\",\"b\"]}", "{\"a\":null,\"b\":1}", ""},
    {"{\"required\":[\"a\",\"b\"]}", "{\"c\":1}", "/a:required /b:required"},
    {"{\"propertyNames\":{\"pattern\":\"^[a-z]+$\"}}", "{\"a\":1}", ""},
    {"{\"propertyNames\":{\"pattern\":\"^[a-z]+$\"}}", "{\"a1\":1}", "/a1:name-invalid"},
    {"{\"propertyNames\":{\"enum\":[\"a\"]}}", "{\"b\":1}", "/b:name-invalid"},
    {"{\"minProperties\":1}", "{}", ":too-few-members(min=1)"},
    {"{\"maxProperties\":1}", "{\"a\":1}", ""},
    {"{\"maxProperties\":1}", "{\"a\":1,\"b\":2}", ":too-many-members(max=1)"},
    {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"c\":1}", ""},
    {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}", "/b:required"},
    /* arrays */
    {"{\"items\":{\"type\":\"integer\"}}", "[1,2]", ""},
    {"{\"items\":{\"type\":\"integer\"}}", "[1,\"a\",null]",
     "/1:wrong-type(expected=integer) /2:wrong-type(expected=integer)"},
    {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}", "[\"a\",1]", ""},
    {"{\"prefixItems\":[{\"type\":\"string\"}],\"items\":{\"type\":\"integer\"}}", "[1,\"a\"]",
     "/0:wrong-type(expected=string) /1:wrong-type(expected=integer)"},
    {"{\"minItems\":2}", "[1]", ":too-few-items(min=2)"},
    {"{\"maxItems\":2}", "[1,2]", ""},
    {"{\"maxItems\":2,\"items\":{\"type\":\"string\"}}", "[1,2,3]", ":too-many-items(max=2)"},
    {"{\"uniqueItems\":true}", "[1,\"1\",{\"a\":1},{\"a\":2}]", ""},
    {"{\"uniqueItems\":true}", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]", ":not-unique"},
    {"{\"uniqueItems\":false}", "[1,1]", ""},
    /* strings; lengths are code points */
    {"{\"minLength\":2}", "\"\xE5\xB1\xB1\"", ":too-short(min=2)"},
    {"{\"maxLength\":2}", "\"\xE5\xB1\xB1\xE8\xA5\xBF\"", ""},
    {"{\"maxLength\":1}", "\"\xF0\xA0\xAE\xB7\"", ""},
    {"{\"maxLength\":2}", "\"abc\"", ":too-long(max=2)"},
    {"{\"pattern\":\"^[0-9]+$\"}", "\"12\"", ""},
    {"{\"pattern\":\"^[0-9]+$\"}", "\"12\\n\"", ":pattern"},
    {"{\"pattern\":\"^[0-9]+$\"}", "\"\xD9\xA1\"", ":pattern"},
    {"{\"pattern\":\"b\"}", "\"abc\"", ""},
    {"{\"pattern\":\"^.$\"}", "\"\xE5\xB1\xB1\"", ""},
    {"{\"format\":\"uuid\"}", "\"x\"", ":format-uuid"},
    {"{\"format\":\"uuid\"}", "5", ""},
    /* numbers */
    {"{\"minimum\":1}", "1", ""},
    {"{\"minimum\":1}", "0", ":too-small(min=1)"},
    {"{\"maximum\":2.5}", "2.5", ""},
    {"{\"maximum\":2.5}", "3", ":too-large(max=2.5)"},
    {"{\"exclusiveMinimum\":1}", "2", ""},
    {"{\"exclusiveMinimum\":1}", "1", ":not-above(min=1)"},
    {"{\"exclusiveMaximum\":1}", "0", ""},
    {"{\"exclusiveMaximum\":1}", "1", ":not-below(max=1)"},
    {"{\"multipleOf\":5}", "10", ""},
    {"{\"multipleOf\":5}", "11", ":not-multiple(of=5)"},
    {"{\"maximum\":9007199254740991}", "9007199254740991", ""},
    /* combinations */
    {"{\"allOf\":[{\"minimum\":1},{\"maximum\":3}]}", "2", ""},
    {"{\"allOf\":[{\"minimum\":5},{\"maximum\":3}]}", "4", ":too-small(min=5) :too-large(max=3)"},
    {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}", "\"a\"", ""},
    {"{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}", "1", ":no-alternative"},
    {"{\"anyOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}", "{}", ":one-of-required(members=a, b)"},
    {"{\"anyOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}", "{\"b\":1,\"a\":1}", ""},
    {"{\"oneOf\":[{\"type\":\"string\"},{\"minimum\":3}]}", "\"a\"", ":many-alternatives"},
    {"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}", "1", ""},
    {"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}", "null", ":no-alternative"},
    {"{\"if\":{\"properties\":{\"k\":{\"const\":\"a\"}}},\"then\":{\"required\":[\"x\"]},\"else\":{\"required\":[\"y\"]"
     "}}",
     "{\"k\":\"a\",\"x\":1}", ""},
    {"{\"if\":{\"properties\":{\"k\":{\"const\":\"a\"}}},\"then\":{\"required\":[\"x\"]},\"else\":{\"required\":[\"y\"]"
     "}}",
     "{\"k\":\"a\"}", "/x:required"},
    {"{\"if\":{\"properties\":{\"k\":{\"const\":\"a\"}}},\"then\":{\"required\":[\"x\"]},\"else\":{\"required\":[\"y\"]"
     "}}",
     "{\"k\":\"b\"}", "/y:required"},
    {"{\"if\":{\"required\":[\"k\"]},\"then\":{\"properties\":{\"v\":{\"format\":\"uuid\"}}}}", "{\"v\":\"x\"}", ""},
    {"{\"if\":{\"required\":[\"k\"]},\"then\":{\"properties\":{\"v\":{\"format\":\"uuid\"}}}}", "{\"k\":1,\"v\":\"x\"}",
     "/v:format-uuid"},
    /* $ref, annotations */
    {"{\"properties\":{\"a\":{\"$ref\":\"#/U\"}}}", "{\"a\":\"xy\"}", ""},
    {"{\"properties\":{\"a\":{\"$ref\":\"#/U\"}}}", "{\"a\":\"x\"}", "/a:too-short(min=2)"},
    {"{\"title\":\"t\",\"description\":\"d\",\"example\":1,\"examples\":[1],\"default\":1,\"deprecated\":true,"
     "\"readOnly\":true,"
     "\"writeOnly\":false,\"$comment\":\"c\",\"x-own\":1}",
     "[]", ""},
    /* many places at once, deep pointers */
    {"{\"properties\":{\"a\":{\"items\":{\"properties\":{\"b\":{\"type\":\"null\"}},\"required\":[\"c\"]}}}}",
     "{\"a\":[{\"c\":1},{\"b\":1}]}", "/a/1/b:wrong-type(expected=null) /a/1/c:required"},
};

static void test_each_keyword_checks_what_it_says(void **state)
{
    for (size_t i = 0; i < COUNT(keyword_cases); i++) {
        ra_result_t *result = ra_result_make(*state);
        const char *error = NULL;
        ra_schema_t *schema = compiled(keyword_cases[i].schema, RA_SCHEMA_ANSWER, &error, *state);
        if (!schema) {
            fail_msg("%s: %s", keyword_cases[i].schema, error);
        }
        int valid = ra_schema_check(schema, parsed(keyword_cases[i].value, *state), "", result);
        const char *found = violations(result, *state);
        if (strcmp(found, keyword_cases[i].violations) != 0 || valid != (*found == '\0')) {
            fail_msg("%s with %s: %s", keyword_cases[i].schema, keyword_cases[i].value, found);
        }
        assert_null(result->problem);
    }
}

static const struct {
    const char *schema;
    const char *reason;
} refusals[] = {
    {"{\"type\":\"text\"}", "#/S: the value is not right for the keyword type"},
    {"{\"type\":[]}", "the keyword type"},
    {"{\"type\":[\"string\",\"text\"]}", "the keyword type"},
    {"{\"enum\":[]}", "the keyword enum"},
    {"{\"enum\":[1],\"const\":1}", "both enum and const"},
    {"{\"properties\":[]}", "the keyword properties"},
    {"{\"properties\":{\"a\":{\"minimum\":\"1\"}}}",
     "#/S/properties/a: the value is not right for the keyword minimum"},
    {"{\"required\":\"a\"}", "the keyword required"},
    {"{\"required\":[1]}", "the keyword required"},
    {"{\"minLength\":-1}", "the keyword minLength"},
    {"{\"maxLength\":1.5}", "the keyword maxLength"},
    {"{\"minItems\":\"1\"}", "the keyword minItems"},
    {"{\"uniqueItems\":1}", "the keyword uniqueItems"},
    {"{\"multipleOf\":0}", "the keyword multipleOf"},
    {"{\"allOf\":[]}", "the keyword allOf"},
    {"{\"anyOf\":{}}", "the keyword anyOf"},
    {"{\"dependentRequired\":[]}", "the keyword dependentRequired"},
    {"{\"pattern\":\"(\"}", "#/S: the pattern does not compile: "},
    {"{\"format\":\"hostname\"}", "unknown format hostname"},
    {"{\"not\":{\"type\":\"string\"}}", "unknown keyword not"},
    {"{\"patternProperties\":{}}", "unknown keyword patternProperties"},
    {"{\"unevaluatedProperties\":false}", "unknown keyword unevaluatedProperties"},
    {"{\"nullable\":true}", "unknown keyword nullable"},
    {"{\"then\":{}}", "then and else need if"},
    {"{\"propertyNames\":{\"anyOf\":[{\"minLength\":1}]}}", "propertyNames takes"},
    {"{\"propertyNames\":{\"type\":\"integer\"}}", "propertyNames takes"},
    {"{\"$ref\":\"#/nowhere\"}", "$ref leads nowhere: #/nowhere"},
    {"{\"$ref\":\"other.yaml#/T\"}", "$ref leads nowhere"},
    {"{\"$ref\":\"#/T\",\"minLength\":1}", "$ref stands alone"},
    {"{\"items\":{\"$ref\":\"#/S\"}}", "$ref in a circle"},
    {"{\"$ref\":\"#/S\"}", "$ref in a circle"},
    {"[1]", "is not a schema"},
    {"{\"items\":3}", "#/S/items: is not a schema"},
    {"{\"allOf\":[{\"type\":\"string\"},{\"minLength\":\"a\"}]}", "#/S/allOf/1: "},
};

static void test_the_compiler_names_what_it_refuses(void **state)
{
    for (size_t i = 0; i < COUNT(refusals); i++) {
        const char *error = NULL;
        if (compiled(refusals[i].schema, RA_SCHEMA_ANSWER, &error, *state)) {
            fail_msg("taken: %s", refusals[i].schema);
        }
        if (!error || !strstr(error, refusals[i].reason)) {
            fail_msg("%s: %s", refusals[i].schema, error);
        }
    }
}

static void test_a_pointer_without_schema_is_refused(void **state)
{
    ra_schema_t *schema;
    const char *error;

    assert_int_equal(ra_schema_compile(&schema, parsed("{}", *state), "/S", RA_SCHEMA_ANSWER, &error, *state),
                     APR_EINVAL);
    assert_string_equal(error, "#/S: there is no schema");
}

static const struct {
    const char *schema;
    int closed;
} request_cases[] = {
    {"{\"type\":\"object\",\"additionalProperties\":false}", 1},
    {"{\"properties\":{\"a\":{\"x-ra-later\":true}},\"additionalProperties\":false}", 1},
    {"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"additionalProperties\":false}", 1},
    {"{\"type\":\"object\"}", 0},
    {"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}", 0},
    {"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"object\"}},\"additionalProperties\":false}", 0},
    {"{\"type\":\"object\",\"properties\":{\"a\":{}},\"additionalProperties\":false}", 0},
    {"{\"type\":\"object\",\"properties\":{\"a\":true},\"additionalProperties\":false}", 0},
    {"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},\"additionalProperties\":{\"type\":\"string\"}"
     "}",
     0},
    {"{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}", 1},
    {"{\"type\":\"object\",\"additionalProperties\":true}", 0},
    {"{\"type\":\"array\"}", 0},
    {"{\"type\":\"array\",\"items\":{\"type\":\"object\"}}", 0},
    {"{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", 1},
    {"{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true}", 0},
    {"{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"uniqueItems\":true,\"maxItems\":9}", 1},
    {"{\"minLength\":1}", 0},
    {"{\"enum\":[\"a\",{}]}", 1},
    {"{\"type\":[\"string\",\"object\"]}", 0},
    {"{\"$ref\":\"#/T\"}", 1},
    /* branches: the whole must be closed */
    {"{\"type\":\"object\",\"allOf\":[{\"properties\":{\"a\":{\"type\":\"string\"}},\"additionalProperties\":false}]}",
     1},
    {"{\"type\":\"object\",\"allOf\":[{\"properties\":{\"a\":{\"type\":\"string\"}}}]}", 0},
    {"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"additionalProperties\":false}]}", 1},
    {"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"object\"}]}", 0},
    {"{\"type\":\"object\",\"additionalProperties\":false,\"anyOf\":[{\"required\":[\"a\"]}]}", 1},
    {"{\"type\":\"object\",\"additionalProperties\":false,\"allOf\":[{\"properties\":{\"a\":{\"type\":\"object\"}}}]}",
     0},
    /* a member that has the name of a keyword is a member */
    {"{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"allOf\":{\"type\":\"array\",\"items\":{"
     "\"type\":\"object\"}}}}",
     0},
    /* if, then, else add to what is closed already */
    {"{\"type\":\"object\",\"additionalProperties\":false,\"if\":{\"properties\":{\"a\":{\"const\":1}}},\"then\":{"
     "\"properties\":{\"b\":{\"minLength\":1}}}}",
     1},
    {"{\"if\":{\"required\":[\"a\"]},\"then\":{\"type\":\"object\",\"additionalProperties\":false}}", 0},
};

static void test_requests_are_closed(void **state)
{
    for (size_t i = 0; i < COUNT(request_cases); i++) {
        const char *error = NULL;
        int taken = compiled(request_cases[i].schema, RA_SCHEMA_REQUEST, &error, *state) != NULL;
        if (taken != request_cases[i].closed) {
            fail_msg("%s: %s", request_cases[i].schema, taken ? "taken" : error);
        }
    }
}

static const struct {
    const char *format;
    const char *text;
    int valid;
} format_cases[] = {
    {"uuid", "019ab2c4-7d10-7c3e-9a51-2f6d0b8e4c11", 1},
    {"uuid", "019ab2c47d107c3e9a512f6d0b8e4c11", 0},
    {"date", "2024-02-29", 1},
    {"date", "2023-02-29", 0},
    {"date-time", "2026-11-23T08:15:30Z", 1},
    {"date-time", "2026-11-23T16:15:30.25+08:00", 1},
    {"date-time", "2026-11-23 08:15:30", 0},
    {"uri", "https://ra.example/a?b=c#d", 1},
    {"uri", "urn:x:%20", 1},
    {"uri", "/relative", 0},
    {"uri", "https://a b", 0},
    {"uri", "https://a/%2", 0},
    {"uri", "https://\xE5\xB1\xB1", 0},
    {"uri", "1a:b", 0},
    {"uri", "a:", 0},
    {"email", "li.ming+ra@mail.example.cn", 1},
    {"email", "li..ming@example.cn", 0},
    {"email", ".li@example.cn", 0},
    {"email", "li@example", 0},
    {"email", "li@-example.cn", 0},
    {"email", "li@example-.cn", 0},
    {"email", "li@example.cn.", 0},
    {"email", "li ming@example.cn", 0},
    {"email", "li@a@example.cn", 0},
    {"email", "li@example.cn\r\nBcc: x", 0},
    {"email", "@example.cn", 0},
    {"email", "li", 0},
    {"ra-application-number", "2026112312345673", 1},
    {"ra-application-number", "2026112312345672", 0},
    {"ra-social-security-number", "1401050012345", 1},
    {"ra-social-security-number", "14010", 0},
    {"ra-social-security-number", "140105001234567890123", 0},
    {"ra-social-security-number", "14010500a2345", 0},
    {"ra-national-id", "11010519491231002X", 1},
    {"ra-national-id", "110105194912310021", 0},
    {"ra-uscc", "91140100590876546L", 1},
    {"ra-uscc", "91140100590876546K", 0},
    {"ra-organisation-code", "590876546", 1},
    {"ra-organisation-code", "59087654", 0},
    {"ra-sha256", "3f79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea", 1},
    {"ra-sha256", "3F79bb7b435b05321651daefd374cdc681dc06faa65e374e38337b88ca046dea", 0},
    {"ra-sha256", "3f79", 0},
    {"ra-region", "140105", 1},
    {"ra-region", "14010", 0},
    {"ra-region", "14010a", 0},
    {"ra-region-prefix", "14", 1},
    {"ra-region-prefix", "1401", 1},
    {"ra-region-prefix", "140105", 1},
    {"ra-region-prefix", "140", 0},
    {"ra-region-prefix", "14010", 0},
    {"ra-region-prefix", "1a", 0},
    {"ra-region-prefix", "", 0},
};

static void test_formats_are_asserted(void **state)
{
    for (size_t i = 0; i < COUNT(format_cases); i++) {
        const char *error, *text = apr_pstrcat(*state, "{\"format\":\"", format_cases[i].format, "\"}", NULL);
        ra_result_t *result = ra_result_make(*state);
        ra_schema_t *schema = compiled(text, RA_SCHEMA_ANSWER, &error, *state);
        ra_json_t *object = ra_json_object_make(*state);
        ra_json_set_string(object, "v", format_cases[i].text);
        if (ra_schema_check(schema, ra_json_get(object, "v"), "", result) != format_cases[i].valid) {
            fail_msg("%s: %s", format_cases[i].format, format_cases[i].text);
        }
    }
}

static const struct {
    const char *schema;
    const char *text;
    const char *read; /* as JSON; NULL: not of that type */
} text_cases[] = {
    {"{\"type\":\"integer\"}", "50", "50"},
    {"{\"type\":\"integer\"}", "0", "0"},
    {"{\"type\":\"integer\"}", "-1", "-1"},
    {"{\"type\":\"integer\"}", "9007199254740991", "9007199254740991"},
    {"{\"type\":\"integer\"}", "9007199254740992", NULL},
    {"{\"type\":\"integer\"}", "2147483648", "2147483648"},
    {"{\"type\":\"integer\"}", "9223372036854775808", NULL},
    {"{\"type\":\"integer\"}", "99999999999999999999999999", NULL},
    {"{\"type\":\"integer\"}", "1e9", NULL},
    {"{\"type\":\"integer\"}", "\xD9\xA3", NULL},
    {"{\"type\":\"integer\"}", "1;", NULL},
    {"{\"type\":\"integer\"}", " 1", NULL},
    {"{\"type\":\"integer\"}", "+1", NULL},
    {"{\"type\":\"integer\"}", "01", NULL},
    {"{\"type\":\"integer\"}", "-0", NULL},
    {"{\"type\":\"integer\"}", "-", NULL},
    {"{\"type\":\"integer\"}", "", NULL},
    {"{\"type\":\"integer\"}", "0x10", NULL},
    {"{\"type\":\"boolean\"}", "true", "true"},
    {"{\"type\":\"boolean\"}", "false", "false"},
    {"{\"type\":\"boolean\"}", "True", NULL},
    {"{\"type\":\"boolean\"}", "1", NULL},
    {"{\"type\":\"string\"}", "1", "\"1\""},
    {"{\"type\":\"string\"}", "", "\"\""},
    {"{\"type\":\"string\"}", "\xE5\xB1\xB1", "\"\xE5\xB1\xB1\""},
    {"{\"type\":\"string\"}", "\xC0\xAF", NULL},
    {"{\"enum\":[\"a\"]}", "b", "\"b\""},
};

static void test_parameters_are_read_as_their_type(void **state)
{
    for (size_t i = 0; i < COUNT(text_cases); i++) {
        const char *error;
        ra_json_t *object = ra_json_object_make(*state);
        ra_schema_t *schema = compiled(text_cases[i].schema, RA_SCHEMA_REQUEST, &error, *state);
        int read = ra_schema_read_text(schema, object, "v", text_cases[i].text);
        assert_int_equal(read, text_cases[i].read != NULL);
        if (read) {
            assert_string_equal(ra_json_print(ra_json_get(object, "v"), *state), text_cases[i].read);
        } else {
            assert_int_equal(ra_json_size(object), 0);
        }
    }
}

static void test_a_parameter_is_named_by_its_base(void **state)
{
    const char *error;
    ra_result_t *result = ra_result_make(*state);
    ra_schema_t *schema = compiled("{\"type\":\"integer\",\"maximum\":200}", RA_SCHEMA_REQUEST, &error, *state);
    ra_json_t *object = ra_json_object_make(*state);

    assert_true(ra_schema_read_text(schema, object, "limit", "201"));
    assert_false(ra_schema_check(schema, ra_json_get(object, "limit"), "query:limit", result));
    assert_string_equal(violations(result, *state), "query:limit:too-large(max=200)");
}

static void test_no_more_violations_are_kept_than_may_be_reported(void **state)
{
    const char *error;
    ra_result_t *result = ra_result_make(*state);
    ra_schema_t *schema = compiled("{\"items\":{\"type\":\"string\"}}", RA_SCHEMA_ANSWER, &error, *state);
    ra_json_t *array = ra_json_array_make(*state);

    for (int i = 0; i < 2000; i++) {
        ra_json_add_int(array, i);
    }
    assert_false(ra_schema_check(schema, array, "", result));
    assert_int_equal(result->violations->nelts, RA_VIOLATIONS_MAX);
}

static void test_a_schema_outlives_its_document(void **state)
{
    const char *error;
    apr_pool_t *document_pool;
    ra_schema_t *schema;

    apr_pool_create(&document_pool, *state);
    ra_json_t *document =
        parsed("{\"S\":{\"type\":\"object\",\"properties\":{\"a\":{\"enum\":[\"x\"]}},\"required\":[\"a\"],"
               "\"dependentRequired\":{\"a\":[\"b\"]}}}",
               document_pool);
    assert_int_equal(ra_schema_compile(&schema, document, "/S", RA_SCHEMA_ANSWER, &error, *state), APR_SUCCESS);
    apr_pool_destroy(document_pool);

    ra_result_t *result = ra_result_make(*state);
    assert_false(ra_schema_check(schema, parsed("{\"a\":\"y\"}", *state), "", result));
    assert_string_equal(violations(result, *state), "/a:not-in-list(allowed=x) /b:required");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        UNIT_TEST(test_each_keyword_checks_what_it_says),
        UNIT_TEST(test_the_compiler_names_what_it_refuses),
        UNIT_TEST(test_a_pointer_without_schema_is_refused),
        UNIT_TEST(test_requests_are_closed),
        UNIT_TEST(test_formats_are_asserted),
        UNIT_TEST(test_parameters_are_read_as_their_type),
        UNIT_TEST(test_a_parameter_is_named_by_its_base),
        UNIT_TEST(test_no_more_violations_are_kept_than_may_be_reported),
        UNIT_TEST(test_a_schema_outlives_its_document),
    };

    return UNIT_RUN(tests);
}
