/*
 * Reading the evidence: audit events, the batches they are sealed in, what is not sealed yet (design §10). Writing is audit.c's and sealer.c's.
 * Layer: business. Also used by the tool ra-audit, whose database user may only read. Everything returned lives in tx->pool.
 */
#ifndef RA_BUSINESS_EVIDENCE_H
#define RA_BUSINESS_EVIDENCE_H

#include "store/store.h"

/*
 * The complete row of an event `e`, as the object that is hashed (base/evidence.h). detail is the text as it was stored, so that no other text
 * has the same hash. A column that a later migration adds belongs here; where it is NULL old hashes stay right.
 */
#define RA_EVENT_COLUMNS                                                                                               \
    "e.id AS `event.id`, e.at AS `event.at`, e.event AS `event.event`, e.outcome AS `event.outcome`, e.problem AS `event.problem`," \
    " e.actor_kind AS `event.actor_kind`, e.actor_id AS `event.actor_id`, e.actor_name AS `event.actor_name`,"         \
    " e.credential_sha256 AS `event.credential_sha256`, e.host AS `event.host`, e.client_ip AS `event.client_ip`,"     \
    " e.object_type AS `event.object_type`, e.object_id AS `event.object_id`, e.detail AS `event.detail`,"             \
    " e.trace_id AS `event.trace_id`"

/** The complete row of a batch `b`. */
#define RA_BATCH_COLUMNS                                                                                               \
    "b.number AS number, b.previous_root AS previous_root, b.merkle_root AS merkle_root, b.event_count AS event_count," \
    " b.first_event AS first_event, b.last_event AS last_event, b.sealed_at AS sealed_at, b.seen_until AS seen_until," \
    " b.key_sha256 AS key_sha256, b.signature AS `signature:b64`"

/** NULL: any. Times are RFC 3339; from is included, to is not. */
typedef struct ra_event_filter_t {
    const char *actor_id;
    const char *object_id;
    const char *event;
    const char *outcome;
    const char *from;
    const char *to;
    const char *before_id; /* keyset position: newest first */
    int limit;             /* one more is read */
} ra_event_filter_t;

/** Events, newest first: the row's columns flat, detail as JSON, and batch and position where it is sealed. */
apr_status_t ra_evidence_events(ra_json_t **pitems, ra_tx_t *tx, const ra_event_filter_t *filter);

/** Batches below @a before (0: all), newest first, limit + 1 of them, each with its root. */
apr_status_t ra_evidence_batches(ra_json_t **pitems, ra_tx_t *tx, apr_int64_t before, int limit);

/** The first batch above @a after, with its root. APR_ENOENT. */
apr_status_t ra_evidence_next_batch(ra_json_t **pbatch, ra_tx_t *tx, apr_int64_t after);

/** The members of a batch in order of position: batch, position, event_id, event_sha256, and event where it is there. */
apr_status_t ra_evidence_members(ra_json_t **prows, ra_tx_t *tx, apr_int64_t batch);

/** Members of batches from @a from on that are not there, after @a after_id (NULL: the beginning), in order of event_id. */
apr_status_t ra_evidence_orphans(ra_json_t **prows, ra_tx_t *tx, apr_int64_t from, const char *after_id, int limit);

/** Events in no batch, after @a after_id (NULL: the beginning), in order of id, each as {event}. */
apr_status_t ra_evidence_unsealed(ra_json_t **prows, ra_tx_t *tx, const char *after_id, int limit);

/** For alarms and /metrics: how long the oldest event has waited to be sealed, in seconds. */
apr_status_t ra_evidence_waiting(apr_int64_t *pseconds, ra_tx_t *tx);

#endif
