/*
 * What the files of store/ share: one connection, its prepared statements, the classes of MariaDB's errors.
 * Layer: store, private. Thread rule: a connection belongs to the thread that took it from the pool.
 */
#ifndef RA_STORE_INTERNAL_H
#define RA_STORE_INTERNAL_H

#include <apr_atomic.h>
#include <apr_hash.h>
#include <apr_reslist.h>
#include <apr_thread_mutex.h>

#include <mysql.h>

#include "base/failpoint.h"
#include "base/limits.h"
#include "store/store.h"

#define RA_REASON_MAX 512     /* bytes of the note on the last error of a connection */
#define RA_RETRY_AFTER_SECONDS 2 /* said with RA_EUNAVAILABLE */

/** The schema level as last seen (check.c). */
typedef struct ra_level_t {
    apr_thread_mutex_t *mutex;
    apr_time_t next;     /* when it is asked anew */
    int known;           /* the last question was answered */
    int failed;          /* it was not */
    int level;           /* highest migration that is done; 0 for an empty database */
    int running;         /* a migration is under way */
} ra_level_t;

struct ra_store_t {
    ra_store_config_t config; /* strings copied */
    apr_pool_t *pool;
    apr_pool_t *list_pool; /* without parent: it outlives a child's end while a connection is out (pool.c) */
    apr_reslist_t *list;
    ra_level_t level;
    volatile apr_uint32_t open;
    volatile apr_uint32_t busy;
    apr_uint64_t timeouts; /* atomic */
};

/** What a column becomes in JSON (rows.c). */
typedef enum {
    RA_COLUMN_INT, RA_COLUMN_BOOL, RA_COLUMN_TEXT, RA_COLUMN_NUMBER, RA_COLUMN_TIME, RA_COLUMN_UUID, RA_COLUMN_HEX,
    RA_COLUMN_BASE64, RA_COLUMN_JSON, RA_COLUMN_UNKNOWN
} ra_column_kind_e;

/** One column of a prepared statement and the buffers for one row of it. */
typedef struct ra_column_t {
    const char *alias;   /* as the server says it, with its suffix */
    const char **path;   /* names of the nested members, NULL terminated */
    ra_column_kind_e kind;
    enum enum_field_types type; /* these four: as the plan was made */
    unsigned long declared;
    unsigned int flags;
    unsigned int charset;
    my_bool is_null;     /* these five: of the row just fetched */
    my_bool cut;
    unsigned long length;
    apr_int64_t integer;
    MYSQL_TIME time;
    unsigned char *data; /* NUL terminated past its length */
} ra_column_t;

typedef struct ra_statement_t {
    apr_pool_t *pool;    /* of this statement */
    MYSQL_STMT *handle;
    const char *sql;
    apr_uint64_t used;   /* the connection's clock when it ran last */
    int spoilt;          /* failed while its result was read: it is made anew before it runs again */
    int goes_on;         /* reading bodies that began with it had a second statement (transaction.c) */
    ra_column_t *columns; /* plan of the result; NULL until the first result */
    MYSQL_BIND *binds;
    unsigned int column_count;
} ra_statement_t;

typedef struct ra_connection_t {
    ra_store_t *store;
    apr_pool_t *pool;    /* of its own allocator, so no other thread waits for it */
    MYSQL *mysql;        /* NULL while not connected */
    apr_pool_t *session; /* cleared when the connection is closed */
    apr_hash_t *statements; /* SQL text → ra_statement_t */
    apr_uint64_t clock;  /* statements run so far */
    apr_time_t idle_since;
    unsigned int error;  /* the last error number */
    char reason[RA_REASON_MAX]; /* what the last error was, for the operator's log */
    /* of the unit of work that runs now (transaction.c) */
    ra_tx_mode_e mode;
    int begun;           /* START TRANSACTION was answered */
    int snapshot;        /* reading: begin before the first statement */
    ra_statement_t *alone; /* reading: the first statement, while it runs outside a transaction */
    int lost;            /* must not be used again */
    apr_status_t doom;   /* not APR_SUCCESS: no statement runs any more, nothing is committed */
    const char *duplicate_key; /* in tx->pool */
} ra_connection_t;

/* --- errors.c ---------------------------------------------------------------------------------------------------- */

typedef enum {
    RA_ERROR_FINAL,     /* repeating heals nothing */
    RA_ERROR_RETRY,     /* the transaction lost or must start anew; the connection is fine */
    RA_ERROR_LOST,      /* the connection is of no use any more */
    RA_ERROR_DUPLICATE, /* a UNIQUE key */
    RA_ERROR_STALE,     /* the prepared statement is to be prepared again */
    RA_ERROR_CROWDED,   /* too many prepared statements on the server */
    RA_ERROR_FULL       /* no room on the disk: nothing was changed, and it may be mended */
} ra_error_class_e;

ra_error_class_e ra_error_class(unsigned int error);
/** After a failed COMMIT: did the server surely not commit? */
int ra_error_is_no_commit(unsigned int error);
/** Why a connection could not be made: will another try soon have a chance? */
int ra_error_is_passing(unsigned int error);
/** Fills connection->error and ->reason; @a message is kept only where it cannot hold a value. */
void ra_error_note(ra_connection_t *connection, unsigned int error, const char *message, const char *sql);
/** Fills connection->error and ->reason with a finding of our own. */
void ra_error_finding(ra_connection_t *connection, const char *finding, const char *sql);

/* --- connection.c ------------------------------------------------------------------------------------------------ */

/** A connection that is not yet connected; closed with @a parent. */
ra_connection_t *ra_connection_make(ra_store_t *store, apr_pool_t *parent);
/** Connects and sets up the session. 0 or the error number (noted). */
unsigned int ra_connection_open(ra_connection_t *connection);
void ra_connection_close(ra_connection_t *connection);
/** Is it connected, and is the server still there? Costs a round trip only after some idle seconds. */
int ra_connection_is_alive(ra_connection_t *connection);
/** A statement without values and without result. 0 or the error number (noted). */
unsigned int ra_connection_command(ra_connection_t *connection, const char *sql);
/** The same with rows, as text. 0 or the error number (noted); free *presult with mysql_free_result(). */
unsigned int ra_connection_query(MYSQL_RES **presult, ra_connection_t *connection, const char *sql);

/* --- pool.c ------------------------------------------------------------------------------------------------------ */

/** Takes a connection, perhaps not connected. APR_SUCCESS, or RA_EUNAVAILABLE with the result filled. */
apr_status_t ra_pool_take(ra_connection_t **pconnection, ra_store_t *store, ra_result_t *result);
void ra_pool_give(ra_connection_t *connection);
/** Before the first MariaDB call of a thread; its end is cared for. */
void ra_thread_attach(void);

/* --- values.c ---------------------------------------------------------------------------------------------------- */

/** MYSQL_BINDs for the placeholders, in @a pool. */
MYSQL_BIND *ra_values_bind(ra_values_t values, apr_pool_t *pool);

/* --- statement.c ------------------------------------------------------------------------------------------------- */

/**
 * Prepares (once per connection), binds, executes and stores the whole result in the client.
 * @return as the ra_sql_ functions; on APR_SUCCESS ra_statement_done() must follow
 */
apr_status_t ra_statement_run(ra_statement_t **pstatement, ra_tx_t *tx, const char *sql, ra_values_t values);
void ra_statement_done(ra_statement_t *statement);
/** Notes the error of the handle and says what it means for the body: RA_ERETRY, APR_EEXIST or APR_EGENERAL. */
apr_status_t ra_statement_failed(ra_tx_t *tx, ra_statement_t *statement);
/** Dooms the transaction with what is noted on the connection; returns APR_EGENERAL. */
apr_status_t ra_tx_doom(ra_tx_t *tx);
/** As ra_tx_doom() for a finding of our own. */
apr_status_t ra_tx_find(ra_tx_t *tx, const char *finding, const char *sql);
/** What the noted error means for the body. */
apr_status_t ra_tx_failed(ra_tx_t *tx);

/* --- transaction.c ----------------------------------------------------------------------------------------------- */

/** Called before a statement is prepared: may the body go on? Begins a writing transaction. */
apr_status_t ra_transaction_enter(ra_tx_t *tx);
/** Called before @a statement is executed: begins a reading transaction when it is needed. */
apr_status_t ra_transaction_enter_with(ra_tx_t *tx, ra_statement_t *statement);

/* --- check.c ----------------------------------------------------------------------------------------------------- */

/** The schema's level, asked anew at most once a second. APR_SUCCESS, RA_EREFUSED (another level), RA_ERETRY. */
apr_status_t ra_level_check(ra_connection_t *connection, ra_result_t *result);

#endif
