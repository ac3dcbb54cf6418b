/* Entity tags, Accept, page cursors. */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "api/negotiate.h"

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static void test_an_etag_is_version_and_representation(void **state)
{
    assert_string_equal(ra_etag_make(7, "json", *state), "\"7.json\"");
    assert_string_equal(ra_etag_make(9007199254740991, "pem", *state), "\"9007199254740991.pem\"");
}

static const struct {
    const char *header;
    apr_status_t status;
    int any;
    const char *versions;
} if_match[] = {
    {"\"7.json\"", APR_SUCCESS, 0, "7 "},
    {"*", APR_SUCCESS, 1, ""},
    {" * ", APR_SUCCESS, 1, ""},
    {"\"7.json\", \"8.pem\"", APR_SUCCESS, 0, "7 8 "},
    {"\"7.json\",\"8.json\"", APR_SUCCESS, 0, "7 8 "},
    {", \"7.json\" ,, \"8.json\" ,", APR_SUCCESS, 0, "7 8 "},
    /* well-formed, but no version of ours */
    {"W/\"7.json\"", APR_SUCCESS, 0, ""},
    {"\"\"", APR_SUCCESS, 0, ""},
    {"\"7\"", APR_SUCCESS, 0, ""},
    {"\"7json\"", APR_SUCCESS, 0, ""},
    {"\"abc,def\"", APR_SUCCESS, 0, ""},
    {"\"-7.json\"", APR_SUCCESS, 0, ""},
    {"\"07.json\"", APR_SUCCESS, 0, ""},
    {"\"0.json\"", APR_SUCCESS, 0, ""},
    {"\"99999999999999999999.json\"", APR_SUCCESS, 0, ""},
    {"\"\xE5\xB1\xB1\"", APR_SUCCESS, 0, ""},
    /* malformed */
    {"", APR_EINVAL, 0, ""},
    {",", APR_EINVAL, 0, ""},
    {"7.json", APR_EINVAL, 0, ""},
    {"\"7.json", APR_EINVAL, 0, ""},
    {"\"7.json\" \"8.json\"", APR_EINVAL, 0, ""},
    {"\"7.json\"x", APR_EINVAL, 0, ""},
    {"w/\"7.json\"", APR_EINVAL, 0, ""},
    {"\"7 json\"", APR_EINVAL, 0, ""},
    {"*, \"7.json\"", APR_EINVAL, 0, ""},
    {"\"1.j\",\"2.j\",\"3.j\",\"4.j\",\"5.j\",\"6.j\",\"7.j\",\"8.j\",\"9.j\"", APR_EINVAL, 0, ""},
};

static void test_if_match_is_read_as_rfc_9110_says(void **state)
{
    for (size_t i = 0; i < COUNT(if_match); i++) {
        ra_if_match_t match;
        apr_status_t status = ra_if_match_parse(&match, if_match[i].header, *state);
        const char *versions = "";
        for (int v = 0; status == APR_SUCCESS && v < match.count; v++) {
            versions = apr_psprintf(*state, "%s%" APR_INT64_T_FMT " ", versions, match.versions[v]);
        }
        if (status != if_match[i].status || (status == APR_SUCCESS && match.any != if_match[i].any) ||
            strcmp(versions, if_match[i].versions) != 0) {
            fail_msg("%s: %d, %s", if_match[i].header, status, versions);
        }
    }
}

static void test_if_match_has_the_versions_it_names(void **state)
{
    ra_if_match_t match;

    ra_if_match_parse(&match, "\"7.json\", \"9.json\"", *state);
    assert_true(ra_if_match_has(&match, 7) && ra_if_match_has(&match, 9));
    assert_false(ra_if_match_has(&match, 8));
    ra_if_match_parse(&match, "W/\"7.json\"", *state);
    assert_false(ra_if_match_has(&match, 7));
    assert_false(ra_if_match_has(&match, 0));
    ra_if_match_parse(&match, "*", *state);
    assert_true(ra_if_match_has(&match, 12345));
}

static const struct {
    const char *header;
    int same;
} if_none_match[] = {
    {NULL, 0}, {"", 0},          {"\"7.json\"", 1}, {"W/\"7.json\"", 1}, {"\"6.json\", W/\"7.json\"", 1},
    {"*", 1},  {"\"7.pem\"", 0}, {"\"7.jso\"", 0},  {"7.json", 0},       {"\"6.json\" \"7.json\"", 0},
};

static void test_if_none_match_compares_weakly(void **state)
{
    for (size_t i = 0; i < COUNT(if_none_match); i++) {
        if (ra_if_none_match(if_none_match[i].header, "\"7.json\"", *state) != if_none_match[i].same) {
            fail_msg("%s", if_none_match[i].header);
        }
    }
}

static const struct {
    const char *accept;
    const char *type; /* NULL: not acceptable */
} accepts[] = {
    {NULL, "application/json"},
    {"*/*", "application/json"},
    {"application/json", "application/json"},
    {"Application/JSON", "application/json"},
    {"application/pkix-cert", "application/pkix-cert"},
    {"application/*", "application/json"},
    {"application/*;q=0.5, application/x-pem-file", "application/x-pem-file"},
    {"application/json;q=0.5, application/pkix-cert;q=0.6", "application/pkix-cert"},
    {"application/json;q=0, */*", "application/x-pem-file"},
    {"text/html, application/xhtml+xml, */*;q=0.8", "application/json"},
    {"application/json;charset=utf-8", "application/json"},
    {"application/json;v=\"a,b;q=0\";q=0.3, text/html", "application/json"},
    {"application/json; q=0.7", "application/json"},
    {"application/json;q=1.000", "application/json"},
    {"text/html", NULL},
    {"application/json;q=0", NULL},
    {"*/*;q=0", NULL},
    {"", NULL},
    {"application", NULL},
    {"application/json;q=1.5", NULL},
    {"application/json;q=", NULL},
    {"application/json;v=\"open", NULL},
    {"application/jso", NULL},
    {"*/json", NULL},
};

static void test_accept_chooses_the_best_representation(void **state)
{
    static const char *const types[] = {"application/json", "application/x-pem-file", "application/pkix-cert", NULL};

    for (size_t i = 0; i < COUNT(accepts); i++) {
        const char *type = ra_accept_choose(accepts[i].accept, types, *state);
        if (strcmp(type ? type : "", accepts[i].type ? accepts[i].type : "") != 0) {
            fail_msg("%s: %s", accepts[i].accept, type);
        }
    }
}

static const ra_keyring_t *keyring(const char *keys, apr_pool_t *pool)
{
    char *name = apr_pstrdup(pool, "/tmp/ra-keys-XXXXXX");
    const char *error = NULL;
    ra_keyring_t *ring = NULL;
    int file = mkstemp(name);

    assert_true(file >= 0 && fchmod(file, 0600) == 0);
    assert_int_equal(write(file, keys, strlen(keys)), strlen(keys));
    close(file);
    if (ra_keyring_load(&ring, name, &error, pool) != APR_SUCCESS) {
        fail_msg("%s", error);
    }
    unlink(name);
    return ring;
}

#define KEY_1 "1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
#define KEY_2 "2 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"

static const char *cursor_of(const ra_keyring_t *ring, apr_pool_t *pool)
{
    ra_json_t *keys = ra_json_object_make(pool);

    ra_json_set_string(keys, "id", "019ab2c4-7d10-7c3e-9a51-2f6d0b8e4c11");
    ra_json_set_int(keys, "at", 1795421730000000);
    return ra_cursor_make(keys, "{\"state\":\"rejected\"}", ring, pool);
}

static void test_a_cursor_brings_its_keys_back(void **state)
{
    const ra_keyring_t *ring = keyring(KEY_1, *state);
    const char *cursor = cursor_of(ring, *state);
    ra_json_t *keys = NULL;

    assert_int_equal(strspn(cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                     strlen(cursor));
    assert_int_equal(ra_cursor_read(&keys, cursor, "{\"state\":\"rejected\"}", ring, *state), APR_SUCCESS);
    assert_int_equal(ra_json_get_int(keys, "at", 0), 1795421730000000);
    assert_string_equal(ra_json_get_string(keys, "id"), "019ab2c4-7d10-7c3e-9a51-2f6d0b8e4c11");
}

static void test_a_cursor_outlives_a_new_key(void **state)
{
    ra_json_t *keys = NULL;
    const char *cursor = cursor_of(keyring(KEY_1, *state), *state);

    assert_int_equal(ra_cursor_read(&keys, cursor, "{\"state\":\"rejected\"}", keyring(KEY_2 KEY_1, *state), *state),
                     APR_SUCCESS);
}

static void test_a_cursor_works_only_for_the_list_and_key_it_was_made_for(void **state)
{
    const ra_keyring_t *ring = keyring(KEY_1, *state);
    const char *cursor = cursor_of(ring, *state);
    ra_json_t *keys;

    assert_int_equal(ra_cursor_read(&keys, cursor, "{\"state\":\"completed\"}", ring, *state), APR_EINVAL);
    assert_int_equal(ra_cursor_read(&keys, cursor, "", ring, *state), APR_EINVAL);
    assert_int_equal(ra_cursor_read(&keys, cursor, "{\"state\":\"rejected\"}", keyring(KEY_2, *state), *state),
                     APR_EINVAL);
    assert_null(keys);
}

static void test_a_changed_cursor_is_refused_wherever_it_was_changed(void **state)
{
    const ra_keyring_t *ring = keyring(KEY_1, *state);
    const char *cursor = cursor_of(ring, *state);
    ra_json_t *keys;

    for (size_t i = 0; cursor[i]; i++) {
        char *changed = apr_pstrdup(*state, cursor);
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        assert_int_equal(ra_cursor_read(&keys, changed, "{\"state\":\"rejected\"}", ring, *state), APR_EINVAL);
        assert_int_equal(
            ra_cursor_read(&keys, apr_pstrmemdup(*state, cursor, i), "{\"state\":\"rejected\"}", ring, *state),
            APR_EINVAL);
    }
    assert_int_equal(
        ra_cursor_read(&keys, apr_pstrcat(*state, cursor, "A", NULL), "{\"state\":\"rejected\"}", ring, *state),
        APR_EINVAL);
    assert_int_equal(ra_cursor_read(&keys, "not base64!", "", ring, *state), APR_EINVAL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        UNIT_TEST(test_an_etag_is_version_and_representation),
        UNIT_TEST(test_if_match_is_read_as_rfc_9110_says),
        UNIT_TEST(test_if_match_has_the_versions_it_names),
        UNIT_TEST(test_if_none_match_compares_weakly),
        UNIT_TEST(test_accept_chooses_the_best_representation),
        UNIT_TEST(test_a_cursor_brings_its_keys_back),
        UNIT_TEST(test_a_cursor_outlives_a_new_key),
        UNIT_TEST(test_a_cursor_works_only_for_the_list_and_key_it_was_made_for),
        UNIT_TEST(test_a_changed_cursor_is_refused_wherever_it_was_changed),
    };

    return UNIT_RUN(tests);
}
