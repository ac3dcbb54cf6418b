/* See evidence.h. Layer: business. Thread rule: as its transaction. */
#include "business/evidence/evidence.h"

#include <apr_strings.h>
#include <string.h>

#include "base/evidence.h"

#define FILTERS_MAX 10
#define NO_ID "00000000-0000-0000-0000-000000000000"

/* --- events ----------------------------------------------------------------------------------------------------- */

/* Ids and times have the same order but for clocks: events of a time are found by it, unless something finds fewer. */
static int is_in_time(const ra_event_filter_t *filter)
{
    return (filter->from || filter->to) && !filter->actor_id && !filter->object_id && !filter->event;
}

#define AT_OF_LAST "(SELECT l.at FROM audit_events l WHERE l.id = ?)"

static const char *where_of(const ra_event_filter_t *filter, ra_value_t *values, int *pcount, apr_pool_t *pool)
{
    int in_time = is_in_time(filter);
    ra_value_t last = ra_v_uuid(filter->before_id);
    const ra_clause_t clauses[] = {
        {" AND e.actor_id = ?", ra_v_uuid(filter->actor_id)},
        {" AND e.object_id = ?", ra_v_uuid(filter->object_id)},
        {" AND e.event = ?", ra_v_text(filter->event)},
        {" AND e.outcome = ?", ra_v_text(filter->outcome)},
        {" AND e.at >= ?", ra_v_rfc3339(filter->from)},
        {" AND e.at < ?", ra_v_rfc3339(filter->to)},
        {in_time ? " AND e.at <= " AT_OF_LAST : "", in_time ? last : ra_v_null()},
        {in_time ? " AND (e.at < " AT_OF_LAST : "", in_time ? last : ra_v_null()},
        {in_time ? " OR e.id < ?)" : " AND e.id < ?", last},
    };

    return RA_CLAUSES(values, pcount, clauses, pool);
}

/* detail was checked by the database when it was written; a text that we would refuse all the same is shown as a text. */
static void set_detail(ra_json_t *item, const ra_json_t *event, apr_pool_t *pool)
{
    const char *text = ra_json_get_string(event, "detail");
    ra_json_error_t error;
    ra_json_t *detail;

    if (text && ra_json_parse(&detail, text, strlen(text), &ra_json_limits_document, &error, pool) == APR_SUCCESS) {
        ra_json_set_copy(item, "detail", detail);
    }
}

static void add_event(ra_json_t *items, const ra_json_t *row, apr_pool_t *pool)
{
    const ra_json_t *event = ra_json_get(row, "event");
    ra_json_t *item = ra_json_add_object(items);

    for (const ra_json_t *member = ra_json_first(event); member; member = ra_json_next(member)) {
        ra_json_set_copy(item, ra_json_name(member), member);
    }
    set_detail(item, event, pool);
    ra_json_set_copy(item, "batch", ra_json_get(row, "batch"));
    ra_json_set_copy(item, "position", ra_json_get(row, "position"));
}

apr_status_t ra_evidence_events(ra_json_t **pitems, ra_tx_t *tx, const ra_event_filter_t *filter)
{
    ra_value_t values[FILTERS_MAX];
    int count = 0, in_time = is_in_time(filter);
    const char *where = where_of(filter, values, &count, tx->pool);
    ra_json_t *rows;
    apr_status_t status;

    values[count++] = ra_v_int(filter->limit + 1);
    status = ra_sql_rows(tx, &rows,
                         apr_pstrcat(tx->pool, "SELECT " RA_EVENT_COLUMNS ", m.batch AS batch, m.position AS position FROM audit_events e",
                                     in_time ? " FORCE INDEX (audit_events_at)" : "", " LEFT JOIN audit_batch_members m ON m.event_id = e.id WHERE 1 = 1", where,
                                     in_time ? " ORDER BY e.at DESC, e.id DESC LIMIT ?" : " ORDER BY e.id DESC LIMIT ?", NULL),
                         (ra_values_t){values, count});
    *pitems = ra_json_array_make(tx->pool);
    for (const ra_json_t *row = ra_json_first(rows); status == APR_SUCCESS && row; row = ra_json_next(row)) {
        add_event(*pitems, row, tx->pool);
    }
    return status;
}

apr_status_t ra_evidence_unsealed(ra_json_t **prows, ra_tx_t *tx, const char *after_id, int limit)
{
    return ra_sql_rows(tx, prows,
                       "SELECT " RA_EVENT_COLUMNS " FROM audit_events e LEFT JOIN audit_batch_members m ON m.event_id = e.id"
                       " WHERE e.id > ? AND m.event_id IS NULL ORDER BY e.id LIMIT ?",
                       RA_VALUES(ra_v_uuid(after_id ? after_id : NO_ID), ra_v_int(limit)));
}

apr_status_t ra_evidence_waiting(apr_int64_t *pseconds, ra_tx_t *tx)
{
    ra_json_t *row;
    apr_status_t status = ra_sql_row(tx, &row, "SELECT seen_until AS seen_until FROM audit_batches ORDER BY number DESC LIMIT 1", RA_NO_VALUES);
    const char *seen = status == APR_SUCCESS ? ra_json_get_string(row, "seen_until") : NULL;

    *pseconds = 0;
    if (status != APR_SUCCESS && status != APR_ENOENT) {
        return status;
    }
    status = ra_sql_int(tx, pseconds,
                        "SELECT TIMESTAMPDIFF(SECOND, e.at, UTC_TIMESTAMP(6)) FROM audit_events e FORCE INDEX (audit_events_at)"
                        " LEFT JOIN audit_batch_members m ON m.event_id = e.id"
                        " WHERE e.at >= ? AND m.event_id IS NULL ORDER BY e.at, e.id LIMIT 1",
                        RA_VALUES(seen ? ra_v_rfc3339(seen) : ra_v_time(1)));
    return status == APR_ENOENT ? APR_SUCCESS : status;
}

/* --- batches ---------------------------------------------------------------------------------------------------- */

static void add_root(ra_json_t *batch, apr_pool_t *pool)
{
    const char *statement = ra_evidence_statement(batch, pool);

    if (statement) {
        ra_hash_t root = ra_evidence_root(statement);

        ra_json_set_string(batch, "root", ra_hash_hex(&root, pool));
    }
}

apr_status_t ra_evidence_batches(ra_json_t **pitems, ra_tx_t *tx, apr_int64_t before, int limit)
{
    ra_json_t *rows;
    apr_status_t status = ra_sql_rows(tx, &rows, "SELECT " RA_BATCH_COLUMNS " FROM audit_batches b WHERE b.number < ? ORDER BY b.number DESC LIMIT ?",
                                      RA_VALUES(ra_v_int(before > 0 ? before : APR_INT64_MAX), ra_v_int(limit + 1)));

    *pitems = ra_json_array_make(tx->pool);
    for (const ra_json_t *row = ra_json_first(rows); status == APR_SUCCESS && row; row = ra_json_next(row)) {
        ra_json_t *item = ra_json_add_object(*pitems);

        for (const ra_json_t *member = ra_json_first(row); member; member = ra_json_next(member)) {
            ra_json_set_copy(item, ra_json_name(member), member);
        }
        add_root(item, tx->pool);
    }
    return status;
}

apr_status_t ra_evidence_next_batch(ra_json_t **pbatch, ra_tx_t *tx, apr_int64_t after)
{
    apr_status_t status = ra_sql_row(tx, pbatch, "SELECT " RA_BATCH_COLUMNS " FROM audit_batches b WHERE b.number > ? ORDER BY b.number LIMIT 1",
                                     RA_VALUES(ra_v_int(after)));

    if (status == APR_SUCCESS) {
        add_root(*pbatch, tx->pool);
    }
    return status;
}

#define MEMBER_COLUMNS "m.batch AS batch, m.position AS position, m.event_id AS event_id, m.event_sha256 AS event_sha256, " RA_EVENT_COLUMNS

apr_status_t ra_evidence_members(ra_json_t **prows, ra_tx_t *tx, apr_int64_t batch)
{
    return ra_sql_rows(tx, prows,
                       "SELECT " MEMBER_COLUMNS " FROM audit_batch_members m LEFT JOIN audit_events e ON e.id = m.event_id"
                       " WHERE m.batch = ? ORDER BY m.position", RA_VALUES(ra_v_int(batch)));
}

apr_status_t ra_evidence_orphans(ra_json_t **prows, ra_tx_t *tx, apr_int64_t from, const char *after_id, int limit)
{
    return ra_sql_rows(tx, prows,
                       "SELECT " MEMBER_COLUMNS " FROM audit_batch_members m LEFT JOIN audit_batches b ON b.number = m.batch"
                       " LEFT JOIN audit_events e ON e.id = m.event_id"
                       " WHERE m.event_id > ? AND m.batch >= ? AND b.number IS NULL ORDER BY m.event_id LIMIT ?",
                       RA_VALUES(ra_v_uuid(after_id ? after_id : NO_ID), ra_v_int(from), ra_v_int(limit)));
}
