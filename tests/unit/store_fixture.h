/*
 * A store over the private MariaDB of with_mariadb, with an empty scratch database for each test.
 * Use: STORE_TEST(test_…) in the table; `store_fixture_t *f = *state;` in a test.
 */
#ifndef RA_TESTS_STORE_FIXTURE_H
#define RA_TESTS_STORE_FIXTURE_H

#include "store/store.h"
#include "unit.h"

#define FIXTURE_POOL_MAX 8

typedef struct store_fixture_t {
    apr_pool_t *pool;
    ra_store_config_t config; /* of store; to make others from */
    ra_store_t *store;        /* the one under test */
    ra_store_t *other;        /* a second one, for what happens meanwhile */
    ra_result_t *result;
} store_fixture_t;

int store_fixture_make(void **state);
int store_fixture_drop(void **state);

#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, store_fixture_make, store_fixture_drop)

/** The real schema in the scratch database, and stores that may write to it. For one test of a program: a schema with foreign keys is not replaced. */
void fixture_schema(store_fixture_t *f);
/** One statement of f->other that must succeed, DDL and KILL too. @return changed rows */
apr_uint64_t fixture_change(store_fixture_t *f, const char *sql);
/** One integer, read by @a store. */
apr_int64_t fixture_int(store_fixture_t *f, ra_store_t *store, const char *sql);
/** The rows of a statement as JSON text in f->pool, "" when it failed (f->result says why). */
const char *fixture_rows(store_fixture_t *f, const char *sql, ra_values_t values);
/** Ends a connection of the server from another one, and waits until it is gone. */
void fixture_kill(store_fixture_t *f, apr_int64_t connection);
/** Writes a word to RA_TEST_DB_CONTROL and waits until the server answers again. */
void fixture_control(const char *word);

#endif
