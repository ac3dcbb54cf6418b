/*
 * The format of sealed evidence (design §10): what of an audit event is hashed, what of a batch is signed. The sealer writes it, ra-audit
 * checks it; docs/evidence.md describes it for everybody else.
 * Layer: base. Thread rule: free-threaded.
 *
 * An event is the JSON object of its complete row; columns that are NULL are absent. A batch is a JSON object with the members below.
 */
#ifndef RA_BASE_EVIDENCE_H
#define RA_BASE_EVIDENCE_H

#include "base/json.h"
#include "base/merkle.h"

#define RA_EVIDENCE_FORMAT 1

/** The leaf of an event: over its canonical JSON (RFC 8785). */
ra_hash_t ra_evidence_leaf(const ra_json_t *event, apr_pool_t *pool);

/**
 * What is signed of a batch: canonical JSON of format, number, previous_root, merkle_root, event_count, first_event, last_event, sealed_at,
 * seen_until and key_sha256; other members are left out.
 * @return NULL when one of them is missing or has another type
 */
const char *ra_evidence_statement(const ra_json_t *batch, apr_pool_t *pool);

/** The root of the chain at a batch: SHA-256 of its statement. The next batch names it as previous_root; the first one names zeros. */
ra_hash_t ra_evidence_root(const char *statement);

#endif
