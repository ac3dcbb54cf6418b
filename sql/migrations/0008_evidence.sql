-- Sealed evidence (design §10): batches of audit events with Merkle root, chain and signature. Both tables only grow (append_only.txt).

CREATE TABLE IF NOT EXISTS audit_batches (
  number        BIGINT      NOT NULL PRIMARY KEY COMMENT '1, 2, 3 …: two children that seal at once meet here',
  previous_root BINARY(32)  NOT NULL COMMENT 'SHA-256 of the signed statement of the batch before; zeros for the first',
  merkle_root   BINARY(32)  NOT NULL COMMENT 'over the hashes of its events in order of position (RFC 9162)',
  event_count   INT         NOT NULL,
  first_event   BINARY(16)  NOT NULL,
  last_event    BINARY(16)  NOT NULL,
  sealed_at     DATETIME(6) NOT NULL,
  seen_until    DATETIME(6) NOT NULL COMMENT 'every event dated before is sealed by now; one that comes later is late or was inserted',
  key_sha256    BINARY(32)  NOT NULL COMMENT 'SubjectPublicKeyInfo of the audit key',
  signature     VARBINARY(1024) NOT NULL COMMENT 'over the canonical JSON of all of the above',
  UNIQUE KEY audit_batches_chain (previous_root)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- A row of its own for each event: a transaction that commits late is found by the row that is missing, whatever its number or time.
CREATE TABLE IF NOT EXISTS audit_batch_members (
  event_id     BINARY(16) NOT NULL PRIMARY KEY,
  batch        BIGINT     NOT NULL,
  position     INT        NOT NULL COMMENT 'from 0',
  event_sha256 BINARY(32) NOT NULL COMMENT 'of the complete row as canonical JSON, as a leaf of the tree',
  UNIQUE KEY audit_batch_members_place (batch, position),
  CONSTRAINT audit_batch_members_event FOREIGN KEY (event_id) REFERENCES audit_events (id),
  CONSTRAINT audit_batch_members_batch FOREIGN KEY (batch) REFERENCES audit_batches (number)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Ids are unique over all types of object.
ALTER TABLE audit_events
  DROP KEY IF EXISTS audit_events_object,
  ADD KEY IF NOT EXISTS audit_events_about (object_id, id);
