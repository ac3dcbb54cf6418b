/* See sealer.h. Layer: business. Thread rule: the watchdog's thread only. */
#include "business/evidence/sealer.h"

#include <apr_strings.h>
#include <string.h>

#include "base/evidence.h"
#include "base/ident.h"
#include "base/limits.h"
#include "base/signature.h"
#include "business/evidence/evidence.h"

#define ALARM_EVERY apr_time_from_sec(60)
#define FIRST_TIME "1970-01-01T00:00:00Z"
#define NO_ID "00000000-0000-0000-0000-000000000000"
#define NO_ROOT "0000000000000000000000000000000000000000000000000000000000000000"

/* What this child remembers between runs. */
typedef struct memory_t {
    apr_time_t looked_at;  /* by this machine's clock; 0: never, or look again at once */
    apr_time_t alarmed_at;
    apr_time_t complained_at;
    char patrol[RA_UUID_TEXT + 1];  /* old events are looked through in slices: up to here it was done */
    apr_int64_t number;             /* the newest batch ever seen here, and its root */
    ra_hash_t root;
} memory_t;

/* One run of the transaction. What follows is copied out of it at the end only, when it is sure. */
typedef struct sealing_t {
    ra_t *ra;
    const memory_t *memory;
    int is_first;           /* of this run: look whether another child has just sealed */
    /* out */
    int sealed;             /* events of the new batch */
    int late;               /* of them: dated before what had been sealed before */
    int more;               /* there are more than one batch takes */
    char patrol[RA_UUID_TEXT + 1];
    apr_int64_t number;     /* newest batch after this */
    ra_hash_t root;
    apr_int64_t found;      /* newest batch before this */
    ra_hash_t found_root;
} sealing_t;

/* --- the batch before ------------------------------------------------------------------------------------------- */

typedef struct last_t {
    apr_int64_t number; /* 0: there is none */
    ra_hash_t root;
    const char *seen_until;
    const char *now;
    const char *settled; /* transactions that wrote an event before this have ended */
    apr_int64_t age;     /* microseconds since it was sealed */
} last_t;

static apr_status_t read_last(last_t *last, ra_tx_t *tx)
{
    ra_json_t *row;
    const char *statement;
    apr_status_t status = ra_sql_row(tx, &row,
                                     "SELECT t.now AS now, t.now - INTERVAL ? SECOND AS settled,"
                                     " TIMESTAMPDIFF(MICROSECOND, b.sealed_at, t.now) AS age, " RA_BATCH_COLUMNS
                                     " FROM (SELECT UTC_TIMESTAMP(6) AS now) t"
                                     " LEFT JOIN audit_batches b ON b.number = (SELECT MAX(number) FROM audit_batches)",
                                     RA_VALUES(ra_v_int(RA_AUDIT_SETTLE_SECONDS)));

    memset(last, 0, sizeof(*last));
    if (status != APR_SUCCESS) {
        return status;
    }
    last->now = ra_json_get_string(row, "now");
    last->settled = ra_json_get_string(row, "settled");
    last->number = ra_json_get_int(row, "number", 0);
    last->seen_until = last->number ? ra_json_get_string(row, "seen_until") : FIRST_TIME;
    last->age = ra_json_get_int(row, "age", APR_INT64_MAX);
    statement = last->number ? ra_evidence_statement(row, tx->pool) : NULL;
    if (statement) {
        last->root = ra_evidence_root(statement);
    } else if (last->number) {
        tx->result->log_detail = "the newest row of audit_batches cannot be read";
        return APR_EGENERAL;
    }
    return APR_SUCCESS;
}

/* --- what to seal ----------------------------------------------------------------------------------------------- */

static int is_before(const char *a, const char *b)
{
    apr_time_t first = 0, second = 0;

    ra_rfc3339_parse(&first, a);
    ra_rfc3339_parse(&second, b);
    return first < second;
}

/*
 * A slice of all events: those dated before seen_until that are in no batch. In regular work there are none, for a transaction that takes longer
 * than RA_AUDIT_SETTLE_SECONDS is not one of ours; after the clock was set back, or when somebody inserted one, there are.
 */
static apr_status_t read_late(ra_json_t **prows, sealing_t *sealing, ra_tx_t *tx, const last_t *last, int limit)
{
    const char *from = sealing->memory->patrol[0] ? sealing->memory->patrol : NO_ID;
    const char *to = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row, "SELECT id AS id FROM audit_events WHERE id > ? ORDER BY id LIMIT ?, 1",
                                     RA_VALUES(ra_v_uuid(from), ra_v_int(RA_AUDIT_PATROL_ROWS - 1)));

    if (status != APR_SUCCESS && status != APR_ENOENT) {
        return status;
    }
    sealing->patrol[0] = '\0'; /* at the end: from the beginning again */
    if (status == APR_SUCCESS) {
        to = ra_json_get_string(row, "id");
        apr_cpystrn(sealing->patrol, to, sizeof(sealing->patrol));
    }
    return ra_sql_rows(tx, prows,
                       "SELECT " RA_EVENT_COLUMNS " FROM audit_events e LEFT JOIN audit_batch_members m ON m.event_id = e.id"
                       " WHERE e.id > ? AND e.id <= ? AND m.event_id IS NULL AND e.at < ? ORDER BY e.at, e.id LIMIT ?",
                       RA_VALUES(ra_v_uuid(from), ra_v_uuid(to), ra_v_rfc3339(last->seen_until), ra_v_int(limit)));
}

static apr_status_t read_fresh(ra_json_t **prows, ra_tx_t *tx, const last_t *last, int limit)
{
    return ra_sql_rows(tx, prows,
                       "SELECT " RA_EVENT_COLUMNS " FROM audit_events e FORCE INDEX (audit_events_at)"
                       " LEFT JOIN audit_batch_members m ON m.event_id = e.id"
                       " WHERE e.at >= ? AND m.event_id IS NULL ORDER BY e.at, e.id LIMIT ?",
                       RA_VALUES(last->number ? ra_v_rfc3339(last->seen_until) : ra_v_time(1), ra_v_int(limit)));
}

/* --- the new batch ---------------------------------------------------------------------------------------------- */

typedef struct batch_t {
    const ra_json_t **events; /* in order */
    ra_hash_t *leaves;
    int count;
} batch_t;

static void take(batch_t *batch, const ra_json_t *rows, apr_pool_t *pool)
{
    for (const ra_json_t *row = ra_json_first(rows); row; row = ra_json_next(row)) {
        batch->events[batch->count] = ra_json_get(row, "event");
        batch->leaves[batch->count] = ra_evidence_leaf(batch->events[batch->count], pool);
        batch->count++;
    }
}

/* Until when there can be nothing more: now less the settling time, or what is taken when there is more than that. */
static const char *seen_until(const last_t *last, const batch_t *batch, int more)
{
    const char *seen = last->settled;
    const char *newest = ra_json_get_string(batch->events[batch->count - 1], "at");

    if (more && is_before(newest, seen)) {
        seen = newest;
    }
    return is_before(seen, last->seen_until) ? last->seen_until : seen;
}

static ra_json_t *describe(const last_t *last, const batch_t *batch, int more, const ra_signer_t *signer, apr_pool_t *pool)
{
    ra_hash_t root = ra_merkle_root(batch->leaves, (apr_size_t)batch->count, pool);
    ra_json_t *row = ra_json_object_make(pool);

    ra_json_set_int(row, "number", last->number + 1);
    ra_json_set_string(row, "previous_root", last->number ? ra_hash_hex(&last->root, pool) : NO_ROOT);
    ra_json_set_string(row, "merkle_root", ra_hash_hex(&root, pool));
    ra_json_set_int(row, "event_count", batch->count);
    ra_json_set_string(row, "first_event", ra_json_get_string(batch->events[0], "id"));
    ra_json_set_string(row, "last_event", ra_json_get_string(batch->events[batch->count - 1], "id"));
    ra_json_set_string(row, "sealed_at", last->now);
    ra_json_set_string(row, "seen_until", seen_until(last, batch, more));
    ra_json_set_string(row, "key_sha256", ra_hash_hex(ra_signer_key(signer), pool));
    return row;
}

static ra_value_t hash_of(const ra_json_t *row, const char *name, apr_pool_t *pool)
{
    ra_hash_t *hash = apr_palloc(pool, sizeof(*hash));

    ra_hash_read(hash, ra_json_get_string(row, name), pool);
    return ra_v_hash(hash->bytes);
}

static apr_status_t insert_batch(ra_tx_t *tx, const ra_json_t *row, ra_bytes_t signature)
{
    return ra_sql_change(tx, NULL,
                         "INSERT INTO audit_batches (number, previous_root, merkle_root, event_count, first_event, last_event, sealed_at, seen_until,"
                         " key_sha256, signature) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                         RA_VALUES(ra_v_int(ra_json_get_int(row, "number", 0)), hash_of(row, "previous_root", tx->pool),
                                   hash_of(row, "merkle_root", tx->pool), ra_v_int(ra_json_get_int(row, "event_count", 0)),
                                   ra_v_uuid(ra_json_get_string(row, "first_event")), ra_v_uuid(ra_json_get_string(row, "last_event")),
                                   ra_v_rfc3339(ra_json_get_string(row, "sealed_at")), ra_v_rfc3339(ra_json_get_string(row, "seen_until")),
                                   hash_of(row, "key_sha256", tx->pool), ra_v_bytes(signature)));
}

/* All memberships by one statement: a list of {id, hash, position} that the database turns into rows. */
static apr_status_t insert_members(ra_tx_t *tx, apr_int64_t number, const batch_t *batch)
{
    ra_json_t *list = ra_json_array_make(tx->pool);
    apr_uint64_t affected = 0;
    apr_status_t status;

    for (int i = 0; i < batch->count; i++) {
        ra_json_t *item = ra_json_add_object(list);

        ra_json_set_string(item, "e", ra_json_get_string(batch->events[i], "id"));
        ra_json_set_string(item, "h", ra_hash_hex(&batch->leaves[i], tx->pool));
        ra_json_set_int(item, "p", i);
    }
    status = ra_sql_change(tx, &affected,
                           "INSERT INTO audit_batch_members (event_id, batch, position, event_sha256)"
                           " SELECT UNHEX(REPLACE(l.e, '-', '')), ?, l.p, UNHEX(l.h) FROM JSON_TABLE(?, '$[*]'"
                           " COLUMNS (e CHAR(36) PATH '$.e', h CHAR(64) PATH '$.h', p INT PATH '$.p')) AS l",
                           RA_VALUES(ra_v_int(number), ra_v_json(list, tx->pool)));
    if (status == APR_SUCCESS && affected != (apr_uint64_t)batch->count) {
        tx->result->log_detail = "not every membership was written";
        return APR_EGENERAL;
    }
    return status;
}

static apr_status_t seal(sealing_t *sealing, ra_tx_t *tx, const last_t *last, const batch_t *batch)
{
    const ra_signer_t *signer = sealing->ra->audit_key;
    const ra_json_t *row = describe(last, batch, sealing->more, signer, tx->pool);
    const char *statement = ra_evidence_statement(row, tx->pool);
    ra_bytes_t signature;
    apr_status_t status = ra_sign(&signature, signer, ra_bytes_text(statement), tx->pool);

    if (status != APR_SUCCESS) {
        tx->result->log_detail = "the audit key does not sign";
        return status;
    }
    sealing->sealed = batch->count;
    sealing->number = last->number + 1;
    sealing->root = ra_evidence_root(statement);
    status = insert_batch(tx, row, signature);
    return status == APR_SUCCESS ? insert_members(tx, sealing->number, batch) : status;
}

static apr_status_t collect(batch_t *batch, sealing_t *sealing, ra_tx_t *tx, const last_t *last)
{
    int max = sealing->ra->settings->audit_batch_max;
    ra_json_t *late = NULL, *fresh = NULL;
    apr_status_t status = APR_SUCCESS;

    batch->events = apr_palloc(tx->pool, (apr_size_t)max * sizeof(*batch->events));
    batch->leaves = apr_palloc(tx->pool, (apr_size_t)max * sizeof(*batch->leaves));
    batch->count = 0;
    if (last->number) {
        status = read_late(&late, sealing, tx, last, (max + 1) / 2);
    }
    if (status == APR_SUCCESS) {
        sealing->late = ra_json_size(late);
        status = read_fresh(&fresh, tx, last, max - sealing->late);
    }
    if (status == APR_SUCCESS) {
        take(batch, late, tx->pool);
        take(batch, fresh, tx->pool);
        sealing->more = batch->count == max;
    }
    return status;
}

/* APR_EEXIST: another child was faster; ours is rolled back. */
static apr_status_t sealing_body(ra_tx_t *tx, void *baton)
{
    sealing_t *sealing = baton;
    last_t last;
    batch_t batch;
    apr_status_t status = read_last(&last, tx);

    sealing->sealed = sealing->late = sealing->more = 0;
    apr_cpystrn(sealing->patrol, sealing->memory->patrol, sizeof(sealing->patrol));
    if (status != APR_SUCCESS) {
        return status;
    }
    sealing->number = sealing->found = last.number;
    sealing->root = sealing->found_root = last.root;
    if (sealing->is_first && last.age >= 0 && last.age < sealing->ra->settings->audit_seal) {
        return APR_SUCCESS;
    }
    status = collect(&batch, sealing, tx, &last);
    return status == APR_SUCCESS && batch.count > 0 ? seal(sealing, tx, &last, &batch) : status;
}

/* --- around the transaction ------------------------------------------------------------------------------------- */

/*
 * This machine's clock says only how often a child looks, and one that was set back holds nothing up. Whether a batch is due, and whether an event has waited too
 * long, is by the database's clock, which also dates the events.
 */
static int is_time(apr_time_t since, apr_interval_time_t every)
{
    apr_time_t now = apr_time_now();

    return now < since || now - since >= every;
}

static void complain(ra_t *ra, memory_t *memory, int level, const char *id, const char *text)
{
    if (is_time(memory->complained_at, ALARM_EVERY)) {
        memory->complained_at = apr_time_now();
        ra->outbox->log(level, id, text);
    }
}

/* Batches that were there and are gone: a restored backup, or somebody who cut the end off and hopes that it is sealed anew. */
static void compare_with_memory(ra_t *ra, const memory_t *memory, const sealing_t *sealing, apr_pool_t *pool)
{
    int is_other = sealing->found == memory->number && !ra_hash_equal(&sealing->found_root, &memory->root);

    if (sealing->found < memory->number || (memory->number && is_other)) {
        ra->outbox->log(0, "RA0443",
                        apr_psprintf(pool, "sealed evidence has vanished: batch %" APR_INT64_T_FMT " was the newest, now it is %s%" APR_INT64_T_FMT
                                     "; check with ra-audit and the exported checkpoints", memory->number, is_other ? "another " : "", sealing->found));
    }
}

static void remember(memory_t *memory, const sealing_t *sealing)
{
    memory->number = sealing->number;
    memory->root = sealing->root;
    memcpy(memory->patrol, sealing->patrol, sizeof(memory->patrol));
}

/* One batch. @return is there more to do at once? */
static int seal_once(ra_t *ra, memory_t *memory, int is_first, apr_pool_t *pool)
{
    sealing_t sealing = {.ra = ra, .memory = memory, .is_first = is_first};
    ra_result_t *result = ra_result_make(pool);
    apr_status_t status = ra_store_run(ra->store, RA_TX_WRITE, sealing_body, &sealing, result, pool);

    if (status == APR_EEXIST || status == RA_EUNAVAILABLE || status == RA_EUNKNOWN || status == RA_EREFUSED) {
        return 0; /* another child has it, or nobody can now: the alarm tells when it lasts */
    }
    if (status != APR_SUCCESS) {
        complain(ra, memory, 0, "RA0442", apr_pstrcat(pool, "audit events cannot be sealed: ", result->log_detail ? result->log_detail : "-", NULL));
        return 0;
    }
    compare_with_memory(ra, memory, &sealing, pool);
    remember(memory, &sealing);
    if (sealing.late > 0) {
        ra->outbox->log(1, "RA0444", apr_psprintf(pool, "batch %" APR_INT64_T_FMT " has %d events that are dated before what was sealed earlier:"
                                                  " the clock was set back, or they were inserted", sealing.number, sealing.late));
    }
    return sealing.more;
}

static apr_status_t waiting_body(ra_tx_t *tx, void *baton)
{
    return ra_evidence_waiting(baton, tx);
}

static void raise_alarm(ra_t *ra, apr_pool_t *pool)
{
    apr_int64_t seconds = 0;
    apr_status_t status = ra_store_run(ra->store, RA_TX_READ, waiting_body, &seconds, ra_result_make(pool), pool);

    if (status == APR_SUCCESS && apr_time_from_sec(seconds) > ra->settings->audit_alarm) {
        ra->outbox->log(0, "RA0441", apr_psprintf(pool, "an audit event has waited %" APR_INT64_T_FMT " seconds to be sealed", seconds));
    }
}

void ra_sealer_run(ra_t *ra, const volatile apr_uint32_t *stop, apr_pool_t *pool)
{
    static memory_t memory;
    apr_interval_time_t alarm = ra->settings->audit_alarm < ALARM_EVERY ? ra->settings->audit_alarm : ALARM_EVERY;
    int more = 1;

    if (!ra->audit_key) {
        return;
    }
    if (is_time(memory.looked_at, ra->settings->audit_seal)) {
        memory.looked_at = apr_time_now();
        for (int i = 0; more && i < RA_AUDIT_BATCHES_AT_ONCE && !*stop; i++) {
            more = seal_once(ra, &memory, i == 0, pool);
        }
        memory.looked_at = more ? 0 : memory.looked_at;
    }
    if (is_time(memory.alarmed_at, alarm) && !*stop) {
        if (memory.alarmed_at) {
            raise_alarm(ra, pool);
        }
        memory.alarmed_at = apr_time_now();
    }
}
