/* Rows become JSON: each column type, NULL, names, large values, columns that change. needs: database */
#include <apr_time.h>

#include "base/ident.h"
#include "store_fixture.h"

#define UUID "01890a5d-ac96-774b-bcce-b302099a8057"

static void shows(store_fixture_t *f, const char *sql, const char *expected)
{
    const char *text = fixture_rows(f, sql, RA_NO_VALUES);

    if (strcmp(text, expected)) {
        fail_msg("%s\n  gives    %s (%s)\n  expected %s", sql, text, f->result->log_detail ? f->result->log_detail : "",
                 expected);
    }
}

static void is_refused(store_fixture_t *f, const char *sql, const char *why)
{
    assert_string_equal(fixture_rows(f, sql, RA_NO_VALUES), "");
    if (!f->result->log_detail || !strstr(f->result->log_detail, why)) {
        fail_msg("%s: %s", sql, f->result->log_detail ? f->result->log_detail : "no detail");
    }
}

/* One column t.a of a type, filled by an expression, and what becomes of it. */
typedef struct type_row_t {
    const char *type;
    const char *expression;
    const char *json; /* NULL: refused */
} type_row_t;

static const type_row_t types[] = {
    {"TINYINT(1)", "1", "true"},
    {"TINYINT(1)", "0", "false"},
    {"TINYINT(1) UNSIGNED", "200", "true"},
    {"BOOLEAN", "TRUE", "true"},
    {"TINYINT", "-128", "-128"},
    {"TINYINT UNSIGNED", "255", "255"},
    {"SMALLINT", "-32768", "-32768"},
    {"MEDIUMINT UNSIGNED", "16777215", "16777215"},
    {"INT", "-2147483648", "-2147483648"},
    {"INT UNSIGNED", "4294967295", "4294967295"},
    {"BIGINT", "-9007199254740991", "-9007199254740991"},
    {"BIGINT", "9007199254740992", NULL},
    {"BIGINT UNSIGNED", "9007199254740991", "9007199254740991"},
    {"BIGINT UNSIGNED", "18446744073709551615", NULL},
    {"YEAR", "2026", "2026"},
    {"DECIMAL(18,0)", "-123456789012345", "-123456789012345"},
    {"DECIMAL(20,0)", "9007199254740992", NULL},
    {"DECIMAL(10,2)", "12.50", "\"12.50\""},
    {"DOUBLE", "-0.125", "-0.125"},
    {"FLOAT", "1.5", "1.5"},
    {"CHAR(3)", "'ab'", "\"ab\""},
    {"VARCHAR(10)", "''", "\"\""},
    {"VARCHAR(10)", "'a\\\\\"b'", "\"a\\\\\\\"b\""},
    {"VARCHAR(10) CHARACTER SET utf8mb4", "'张𠮷😀'", "\"张𠮷😀\""},
    {"VARCHAR(10) CHARACTER SET gbk", "'张'", "\"张\""},
    {"VARCHAR(10)", "'a\\0b'", NULL},
    {"TEXT", "REPEAT('张', 3)", "\"张张张\""},
    {"ENUM('running','done')", "'done'", "\"done\""},
    {"SET('a','b')", "'a,b'", "\"a,b\""},
    {"DATE", "'2026-02-28'", "\"2026-02-28\""},
    {"TIME", "'-12:34:56'", "\"-12:34:56\""},
    {"DATETIME", "'2026-11-23 08:15:30'", "\"2026-11-23T08:15:30Z\""},
    {"DATETIME(6)", "'2026-11-23 08:15:30.123456'", "\"2026-11-23T08:15:30.123456Z\""},
    {"DATETIME(6)", "'2026-11-23 08:15:30.000001'", "\"2026-11-23T08:15:30.000001Z\""},
    {"DATETIME(6)", "'1969-12-31 23:59:59.5'", "\"1969-12-31T23:59:59.500000Z\""},
    {"DATETIME", "'9999-12-31 23:59:59'", "\"9999-12-31T23:59:59Z\""},
    {"TIMESTAMP(6) NULL", "'2026-11-23 08:15:30.5'", "\"2026-11-23T08:15:30.500000Z\""},
    {"BINARY(16)", "X'01890a5dac96774bbcceb302099a8057'", "\"" UUID "\""},
    {"BINARY(4)", "X'00ff10'", "\"00ff1000\""},
    {"VARBINARY(16)", "X'01890a5dac96774bbcceb302099a8057'", "\"01890a5dac96774bbcceb302099a8057\""},
    {"BLOB", "X'DEADBEEF'", "\"deadbeef\""},
    {"BLOB", "''", "\"\""},
    {"JSON", "'{\"b\": [1, null]}'", "\"{\\\"b\\\": [1, null]}\""},
    {"BIT(3)", "b'101'", NULL},
};

static void test_each_type(void **state)
{
    store_fixture_t *f = *state;
    apr_size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        fixture_change(f, apr_psprintf(f->pool, "CREATE OR REPLACE TABLE t (a %s)", types[i].type));
        fixture_change(f, apr_psprintf(f->pool, "INSERT INTO t VALUES (%s)", types[i].expression));
        if (types[i].json) {
            shows(f, "SELECT a FROM t", apr_psprintf(f->pool, "[{\"a\":%s}]", types[i].json));
        } else {
            is_refused(f, "SELECT a FROM t", "column");
        }
        fixture_change(f, "UPDATE t SET a = NULL");
        if (strncmp(types[i].type, "BIT", 3)) {
            shows(f, "SELECT a FROM t", "[{}]");
        }
    }
}

static void test_names_nest(void **state)
{
    store_fixture_t *f = *state;

    shows(f, "SELECT 1 AS id, 'x' AS `person.name`, 'y' AS `person.office.code`, 2 AS `person.age`, 3 AS `z`",
          "[{\"id\":1,\"person\":{\"name\":\"x\",\"office\":{\"code\":\"y\"},\"age\":2},\"z\":3}]");
    shows(f, "SELECT 1 AS id, NULL AS `person.name`, NULL AS `person.age`", "[{\"id\":1}]");
    shows(f, "SELECT NULL AS `person.name`, 7 AS `person.age`", "[{\"person\":{\"age\":7}}]");
    is_refused(f, "SELECT 1 AS a, 2 AS a", "two columns are called a");
}

static void test_endings_of_names(void **state)
{
    store_fixture_t *f = *state;

    shows(f, "SELECT '{\"k\":[1,true,null]}' AS `a.b:json`, X'fbff' AS `raw:b64`, 'ab' AS `text:b64`",
          "[{\"a\":{\"b\":{\"k\":[1,true,null]}},\"raw\":\"-_8\",\"text\":\"YWI\"}]");
    shows(f, "SELECT JSON_ARRAYAGG(JSON_OBJECT('n', seq)) AS `items:json` FROM seq_1_to_3",
          "[{\"items\":[{\"n\":1},{\"n\":2},{\"n\":3}]}]");
    shows(f, "SELECT NULL AS `a:json`, NULL AS `b:b64`", "[{}]");
    shows(f, "SELECT 3 > 2 AS `a:bool`, 2 > 3 AS `b:bool`, NULL AS `c:bool`", "[{\"a\":true,\"b\":false}]");
    shows(f, "SELECT COALESCE(NULL, X'01890a5dac96774bbcceb302099a8057') AS `id:uuid`", "[{\"id\":\"" UUID "\"}]");
    shows(f, "SELECT 5 AS `a:other`", "[{\"a:other\":5}]");
    is_refused(f, "SELECT '{\"a\":1,\"a\":2}' AS `a:json`", "column a:json holds a text that is not JSON");
    is_refused(f, "SELECT 'abc' AS `a:uuid`", "column a:uuid holds a UUID that has not 16 bytes");
}

static void test_expressions_keep_sense(void **state)
{
    store_fixture_t *f = *state;

    shows(f, "SELECT COUNT(*) AS n, SUM(seq) AS s, MAX(seq) AS m, AVG(seq) AS a FROM seq_1_to_4",
          "[{\"n\":4,\"s\":10,\"m\":4,\"a\":\"2.5000\"}]");
    shows(f, "SELECT seq FROM seq_1_to_3 WHERE seq > 5", "[]");
    shows(f, "SELECT seq FROM seq_1_to_3", "[{\"seq\":1},{\"seq\":2},{\"seq\":3}]");
}

static void test_values_of_a_column_have_different_lengths(void **state)
{
    store_fixture_t *f = *state;

    fixture_change(f, "CREATE TABLE t (id INT PRIMARY KEY, a TEXT, b VARBINARY(9), c DATETIME(6))");
    fixture_change(
        f, "INSERT INTO t VALUES (1, 'long text', X'0102', NULL), (2, '', '', '2026-01-01'), (3, NULL, NULL, NULL), "
           "(4, 'x', X'010203', '2026-01-01 00:00:00.1')");
    shows(f, "SELECT * FROM t ORDER BY id",
          "[{\"id\":1,\"a\":\"long "
          "text\",\"b\":\"0102\"},{\"id\":2,\"a\":\"\",\"b\":\"\",\"c\":\"2026-01-01T00:00:00Z\"},{\"id\":3},"
          "{\"id\":4,\"a\":\"x\",\"b\":\"010203\",\"c\":\"2026-01-01T00:00:00.100000Z\"}]");
}

/* --- values go in and come back ---------------------------------------------------------------------------------- */

#define BLOB_BYTES (1024 * 1024 + 1)

static apr_status_t round_trip(ra_tx_t *tx, void *baton)
{
    static const char insert[] = "INSERT INTO t (id, i, s, b, h, j, at, none) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    unsigned char *blob = apr_palloc(tx->pool, BLOB_BYTES);
    unsigned char digest[RA_SHA256_BYTES];
    ra_json_t *json = ra_json_object_make(tx->pool);
    apr_time_t at = apr_time_from_sec(1795421730) + 123456;
    ra_json_t *row;
    ra_bytes_t back;
    apr_int64_t integer;
    apr_size_t i;

    (void)baton;
    for (i = 0; i < BLOB_BYTES; i++) {
        blob[i] = (unsigned char)(i * 31 + (i >> 8));
    }
    ra_sha256(digest, blob, BLOB_BYTES);
    ra_json_set_string(json, "名", "𠮷");
    assert_int_equal(ra_sql_change(tx, NULL, insert,
                                   RA_VALUES(ra_v_uuid(UUID), ra_v_int(-42), ra_v_text("张'😀"),
                                             ra_v_bytes(ra_bytes_of(blob, BLOB_BYTES)), ra_v_hash(digest),
                                             ra_v_json(json, tx->pool), ra_v_time(at), ra_v_text(NULL))),
                     APR_SUCCESS);
    assert_int_equal(ra_sql_row(tx, &row, "SELECT id, i, s, h, j AS `j:json`, at, none FROM t WHERE id = ?",
                                RA_VALUES(ra_v_uuid(UUID))),
                     APR_SUCCESS);
    assert_string_equal(ra_json_get_string(row, "id"), UUID);
    assert_int_equal(ra_json_get_int(row, "i", 0), -42);
    assert_string_equal(ra_json_get_string(row, "s"), "张'😀");
    assert_string_equal(ra_json_get_string(row, "h"), ra_hex(ra_bytes_of(digest, sizeof(digest)), tx->pool));
    assert_true(ra_json_equal(ra_json_get(row, "j"), json));
    assert_string_equal(ra_json_get_string(row, "at"), ra_rfc3339(at, tx->pool));
    assert_null(ra_json_get(row, "none"));
    assert_int_equal(ra_sql_bytes(tx, &back, "SELECT b FROM t WHERE h = ?", RA_VALUES(ra_v_hash(digest))), APR_SUCCESS);
    assert_int_equal(back.len, BLOB_BYTES);
    assert_memory_equal(back.data, blob, BLOB_BYTES);
    assert_int_equal(ra_sql_int(tx, &integer, "SELECT COUNT(*) FROM t WHERE at = ? AND i = ?",
                                RA_VALUES(ra_v_time(at), ra_v_int(-42))),
                     APR_SUCCESS);
    assert_int_equal(integer, 1);
    return APR_SUCCESS;
}

static void test_values_come_back_as_they_went(void **state)
{
    store_fixture_t *f = *state;

    fixture_change(f, "CREATE TABLE t (id BINARY(16) PRIMARY KEY, i BIGINT, s VARCHAR(10), b MEDIUMBLOB, h BINARY(32), "
                      "j JSON, at DATETIME(6), none TEXT)");
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, round_trip, NULL, f->result, f->pool), APR_SUCCESS);
}

static apr_status_t read_ids(ra_tx_t *tx, void *baton)
{
    return ra_sql_ids(tx, baton, "SELECT id AS id FROM t WHERE i > ? ORDER BY i", RA_VALUES(ra_v_int(1)));
}

static apr_status_t read_ids_of_nothing(ra_tx_t *tx, void *baton)
{
    return ra_sql_ids(tx, baton, "SELECT id AS id FROM no_such_table", RA_NO_VALUES);
}

static void test_ids_of_rows_outlive_their_transaction(void **state)
{
    store_fixture_t *f = *state;
    apr_array_header_t *ids = apr_array_make(f->pool, 1, sizeof(const char *));

    fixture_change(f, "CREATE TABLE t (id BINARY(16) PRIMARY KEY, i INT)");
    fixture_change(f, "INSERT INTO t VALUES (UNHEX(REPEAT('33', 16)), 3), (UNHEX(REPEAT('11', 16)), 1), (UNHEX(REPEAT('22', 16)), 2)");
    APR_ARRAY_PUSH(ids, const char *) = "of before";
    assert_int_equal(ra_store_run(f->store, RA_TX_READ, read_ids, ids, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(ids->nelts, 2);
    assert_string_equal(APR_ARRAY_IDX(ids, 0, const char *), "22222222-2222-2222-2222-222222222222");
    assert_string_equal(APR_ARRAY_IDX(ids, 1, const char *), "33333333-3333-3333-3333-333333333333");
    assert_int_not_equal(ra_store_run(f->store, RA_TX_READ, read_ids_of_nothing, ids, f->result, f->pool), APR_SUCCESS);
    assert_int_equal(ids->nelts, 0);
}

static apr_status_t nothing_found(ra_tx_t *tx, void *baton)
{
    ra_json_t *row;
    ra_bytes_t bytes;
    apr_int64_t integer = 5;

    (void)baton;
    assert_int_equal(ra_sql_row(tx, &row, "SELECT * FROM t WHERE id = ?", RA_VALUES(ra_v_uuid("no uuid"))), APR_ENOENT);
    assert_null(row);
    assert_int_equal(ra_sql_int(tx, &integer, "SELECT i FROM t WHERE id = ?", RA_VALUES(ra_v_uuid(UUID))), APR_ENOENT);
    assert_int_equal(ra_sql_int(tx, &integer, "SELECT MAX(i) FROM t WHERE i > 9", RA_NO_VALUES), APR_ENOENT);
    assert_int_equal(ra_sql_bytes(tx, &bytes, "SELECT CAST(NULL AS BINARY)", RA_NO_VALUES), APR_ENOENT);
    assert_int_equal(ra_sql_int(tx, &integer, "SELECT SUM(i) FROM t", RA_NO_VALUES), APR_SUCCESS);
    assert_int_equal(integer, 3);
    assert_int_equal(ra_sql_int(tx, &integer, "SELECT i FROM t", RA_NO_VALUES), APR_EGENERAL); /* two rows */
    return APR_SUCCESS;
}

static void test_nothing_found_and_too_much_found(void **state)
{
    store_fixture_t *f = *state;

    fixture_change(f, "CREATE TABLE t (id BINARY(16) PRIMARY KEY, i BIGINT)");
    fixture_change(f, "INSERT INTO t VALUES (UNHEX(REPEAT('11', 16)), 1), (UNHEX(REPEAT('22', 16)), 2)");
    assert_int_equal(ra_store_run(f->store, RA_TX_WRITE, nothing_found, NULL, f->result, f->pool), APR_EGENERAL);
    assert_non_null(strstr(f->result->log_detail, "more than one row"));
}

/* --- the schema changes under a prepared statement ---------------------------------------------------------------- */

static void test_columns_may_change_between_two_runs(void **state)
{
    store_fixture_t *f = *state;

    fixture_change(f, "CREATE TABLE t (a INT, b VARCHAR(5))");
    fixture_change(f, "INSERT INTO t VALUES (1, 'x')");
    fixture_change(f, "CREATE VIEW v AS SELECT a AS one, b AS two FROM t");
    shows(f, "SELECT * FROM v", "[{\"one\":1,\"two\":\"x\"}]");
    fixture_change(f, "ALTER TABLE t MODIFY a VARCHAR(30), ADD c DATE");
    fixture_change(f, "UPDATE t SET a = 'a longer one'");
    fixture_change(f, "CREATE OR REPLACE VIEW v AS SELECT a AS one, b AS two, c AS three FROM t");
    shows(f, "SELECT * FROM v", "[{\"one\":\"a longer one\",\"two\":\"x\"}]");
    fixture_change(f, "CREATE OR REPLACE VIEW v AS SELECT b AS one, a AS zwei FROM t");
    shows(f, "SELECT * FROM v", "[{\"one\":\"x\",\"zwei\":\"a longer one\"}]");
    fixture_change(f, "CREATE OR REPLACE VIEW v AS SELECT b AS eins, a AS zwei FROM t");
    shows(f, "SELECT * FROM v", "[{\"eins\":\"x\",\"zwei\":\"a longer one\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_each_type),
        STORE_TEST(test_names_nest),
        STORE_TEST(test_endings_of_names),
        STORE_TEST(test_expressions_keep_sense),
        STORE_TEST(test_values_of_a_column_have_different_lengths),
        STORE_TEST(test_values_come_back_as_they_went),
        STORE_TEST(test_ids_of_rows_outlive_their_transaction),
        STORE_TEST(test_nothing_found_and_too_much_found),
        STORE_TEST(test_columns_may_change_between_two_runs),
    };

    return UNIT_RUN(tests);
}
