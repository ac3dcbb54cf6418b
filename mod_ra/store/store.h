/*
 * MariaDB for mod_ra: sessions from a bounded pool, whole-body transactions, prepared statements, rows and JSON (design §7).
 * Layer: store; the files of this folder are the only ones that include mysql.h.
 * Thread rule: a ra_store_t is shared by the threads of a child; a ra_tx_t and what it returns belong to the thread that runs the body.
 *
 * SQL is constant text with ? placeholders; values are bound, never pasted.
 */
#ifndef RA_STORE_STORE_H
#define RA_STORE_STORE_H

#include <apr_tables.h>
#include <apr_time.h>

#include "base/crypt.h"
#include "base/json.h"
#include "base/result.h"

typedef struct ra_store_t ra_store_t;

typedef struct ra_store_config_t {
    const char *socket;   /* path of the UNIX socket; NULL: TCP */
    const char *host;
    int port;
    const char *user;
    const char *password; /* NULL with unix_socket authentication */
    const char *database;
    const char *ca_file;  /* TLS is required when host is not the loopback; NULL otherwise */
    int pool_max;         /* connections per child, at least 1 */
    apr_interval_time_t wait;    /* for a free connection before RA_EUNAVAILABLE */
    apr_interval_time_t timeout; /* connect, read and write of one statement */
    int schema_level;     /* the migration this build expects; writes are refused at another level */
} ra_store_config_t;

/** Makes the pool (no connection yet); closed with @a pool. Call once per child, before threads. */
apr_status_t ra_store_make(ra_store_t **pstore, const ra_store_config_t *config, apr_pool_t *pool);

/**
 * Start-up check on a fresh connection: reachable, strict SQL mode settable, innodb_flush_log_at_trx_commit = 1, schema level, connections of all children within max_connections.
 * @param children how many children may each use pool_max connections
 * @return APR_SUCCESS; RA_EUNAVAILABLE (not reachable); APR_EINVAL (a setting that loses data), each with result->log_detail
 */
apr_status_t ra_store_check(ra_store_t *store, int children, ra_result_t *result);

/** Is the schema at the level of this build? Asked anew at most once a second. APR_SUCCESS, RA_EREFUSED (other level), RA_EUNAVAILABLE. */
apr_status_t ra_store_ready(ra_store_t *store, ra_result_t *result);

/** For /metrics: connections open and in use now, and waits that timed out since the child started. */
void ra_store_gauge(ra_store_t *store, int *popen, int *pbusy, apr_uint64_t *ptimeouts);

/* --- one unit of work ------------------------------------------------------------------------------------------- */

/** One transaction on one connection. */
typedef struct ra_tx_t {
    apr_pool_t *pool;     /* cleared before each repetition: nothing in it survives the body, copy what must */
    ra_result_t *result;  /* the caller's; cleared before each repetition */
    int attempt;          /* 1 for the first run of the body */
    struct ra_connection_t *connection; /* private to store/ */
} ra_tx_t;

/** The body; it must have no effect outside the transaction, because it may be run again from the start. */
typedef apr_status_t (*ra_tx_body_fn)(ra_tx_t *tx, void *baton);

typedef enum {
    RA_TX_WRITE, /* START TRANSACTION … COMMIT; refused with RA_PROBLEM_SCHEMA_LEVEL at another schema level */
    RA_TX_READ   /* START TRANSACTION READ ONLY: one consistent picture; wsrep_sync_wait=1 on Galera */
} ra_tx_mode_e;

/**
 * Runs @a body in a transaction, and again from the start (at most RA_TX_TRIES_MAX times, backoff with full jitter) when it returns
 * RA_ERETRY or MariaDB reports 1213, 1205, 1020, 1180, 1047, 2006 or 2013 before COMMIT was sent.
 * The body's status decides: APR_SUCCESS commits; RA_EREFUSED with result->keep commits and still returns RA_EREFUSED; anything else rolls back.
 * @return APR_SUCCESS only after COMMIT was confirmed; RA_EUNKNOWN when the connection was lost during COMMIT (result has RA_PROBLEM_OUTCOME_UNKNOWN);
 *   RA_EUNAVAILABLE (RA_PROBLEM_DATABASE_UNAVAILABLE, retry_after set) when no connection or all tries are used up;
 *   any status of the body otherwise. SQL errors that no repetition heals come back as APR_EGENERAL with RA_PROBLEM_INTERNAL and log_detail.
 */
apr_status_t ra_store_run(ra_store_t *store, ra_tx_mode_e mode, ra_tx_body_fn body, void *baton, ra_result_t *result,
                          apr_pool_t *pool);

/* --- values ----------------------------------------------------------------------------------------------------- */

typedef enum { RA_V_NULL, RA_V_TEXT, RA_V_INT, RA_V_BYTES, RA_V_UUID, RA_V_TIME } ra_value_type_e;

/** A value for a placeholder. Make it with the functions below; text and bytes are not copied. */
typedef struct ra_value_t {
    ra_value_type_e type;
    apr_int64_t integer; /* INT, TIME (microseconds since the epoch) */
    const char *text;    /* TEXT, UUID */
    ra_bytes_t bytes;
} ra_value_t;

ra_value_t ra_v_null(void);
ra_value_t ra_v_text(const char *text);  /* NULL binds NULL */
ra_value_t ra_v_int(apr_int64_t value);
ra_value_t ra_v_bytes(ra_bytes_t bytes); /* data NULL binds NULL */
ra_value_t ra_v_hash(const unsigned char digest[RA_SHA256_BYTES]); /* NULL binds NULL */
ra_value_t ra_v_uuid(const char *text);  /* BINARY(16); NULL binds NULL; a text that is no UUID matches nothing (binds 16 zero bytes) */
ra_value_t ra_v_time(apr_time_t time);   /* DATETIME(6) UTC; 0 binds NULL */
ra_value_t ra_v_rfc3339(const char *time); /* DATETIME(6) from an RFC 3339 text; NULL binds NULL */
ra_value_t ra_v_json(const ra_json_t *json, apr_pool_t *pool); /* printed text; NULL binds NULL */

typedef struct ra_values_t {
    const ra_value_t *items;
    int count;
} ra_values_t;
/** The values of a statement, in the order of its placeholders: RA_VALUES(ra_v_uuid(id), ra_v_int(version)). */
#define RA_VALUES(...)                                                                                                 \
    ((ra_values_t){(const ra_value_t[]){__VA_ARGS__}, (int)(sizeof((ra_value_t[]){__VA_ARGS__}) / sizeof(ra_value_t))})
#define RA_NO_VALUES ((ra_values_t){NULL, 0})

/** One condition of a list: constant text with one "?", and the value for it. */
typedef struct ra_clause_t {
    const char *sql;
    ra_value_t value;
} ra_clause_t;

/**
 * The conditions that somebody asked for: those whose value is not NULL, one after the other.
 * @param values room for all of them; those that are used are added behind *pcount
 * @return text in @a pool, "" when there is none
 */
const char *ra_sql_clauses(ra_value_t *values, int *pcount, const ra_clause_t *clauses, int count, apr_pool_t *pool);
/** Those of an array: RA_CLAUSES(values, &count, clauses, pool). */
#define RA_CLAUSES(values, pcount, clauses, pool) ra_sql_clauses(values, pcount, clauses, (int)(sizeof(clauses) / sizeof((clauses)[0])), pool)

/* --- statements ------------------------------------------------------------------------------------------------- */
/*
 * All return APR_SUCCESS, RA_ERETRY (repeat the whole transaction: pass it on at once), APR_EEXIST (1062, a UNIQUE key; for ra_sql_change only) or APR_EGENERAL
 * (log_detail says which statement and error number). A body passes on every status it does not expect.
 * Statements are prepared lazily, once per connection, keyed by the address and text of @a sql.
 */

/** INSERT, UPDATE, DELETE. @param paffected changed rows (found rows for UPDATE: CLIENT_FOUND_ROWS); may be NULL. */
apr_status_t ra_sql_change(ra_tx_t *tx, apr_uint64_t *paffected, const char *sql, ra_values_t values);

/** After APR_EEXIST: the name of the UNIQUE key that was hit, as in the schema ("" when the server did not say). */
const char *ra_sql_duplicate_key(ra_tx_t *tx);

/**
 * SELECT, every row as a JSON object. The column alias is the member name; "a.b" nests; TINYINT(1) is a boolean; DATETIME is RFC 3339 UTC; DATE is a date;
 * BINARY(16) is a UUID; other binary strings are lower-case hex; an alias ending in ":json" holds JSON text and becomes that value under the name before the colon;
 * an alias ending in ":b64" gives base64url of the bytes; NULL leaves the member out.
 * @param prows an array in tx->pool
 */
apr_status_t ra_sql_rows(ra_tx_t *tx, ra_json_t **prows, const char *sql, ra_values_t values);

/** As ra_sql_rows() for at most one row. @return APR_ENOENT when there is none (*prow NULL); more than one is APR_EGENERAL. */
apr_status_t ra_sql_row(ra_tx_t *tx, ra_json_t **prow, const char *sql, ra_values_t values);

/** One row, one integer column. APR_ENOENT when there is no row or it is NULL. */
apr_status_t ra_sql_int(ra_tx_t *tx, apr_int64_t *pvalue, const char *sql, ra_values_t values);

/**
 * SELECT whose rows have an `id` each: these, copied to the pool of @a ids (of const char *), outlive the transaction. What was in it is gone, also when the
 * reading fails.
 */
apr_status_t ra_sql_ids(ra_tx_t *tx, apr_array_header_t *ids, const char *sql, ra_values_t values);

/** One row, one binary or text column as bytes in tx->pool. APR_ENOENT when there is no row or it is NULL. */
apr_status_t ra_sql_bytes(ra_tx_t *tx, ra_bytes_t *pbytes, const char *sql, ra_values_t values);

#endif
