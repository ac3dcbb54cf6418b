-- Replay of answers (Idempotency-Key) and the audit log.

CREATE TABLE IF NOT EXISTS idempotency_records (
  principal_id    BINARY(16)  NOT NULL,
  idempotency_key VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  request_sha256  BINARY(32)  NOT NULL COMMENT 'method, path, If-Match and body',
  status          SMALLINT    NULL,
  answer_sealed   MEDIUMBLOB  NULL COMMENT 'AES-256-GCM: the answer may hold personal data; never an authorisation code',
  created_at      DATETIME(6) NOT NULL,
  PRIMARY KEY (principal_id, idempotency_key),
  KEY idempotency_records_created (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS audit_events (
  id                BINARY(16)  NOT NULL PRIMARY KEY,
  at                DATETIME(6) NOT NULL,
  event             VARCHAR(64) CHARACTER SET ascii NOT NULL COMMENT 'operationId, or the name of what the RA did by itself',
  outcome           ENUM('done','refused','read') NOT NULL,
  problem           VARCHAR(64) CHARACTER SET ascii NULL,
  actor_kind        ENUM('person','system','ra','unknown') NOT NULL,
  actor_id          BINARY(16)  NULL,
  actor_name        VARCHAR(100) NULL,
  credential_sha256 BINARY(32)  NULL,
  host              VARCHAR(16) CHARACTER SET ascii NULL,
  client_ip         VARCHAR(45) CHARACTER SET ascii NULL,
  object_type       VARCHAR(32) CHARACTER SET ascii NULL,
  object_id         BINARY(16)  NULL,
  detail            JSON        NULL,
  trace_id          CHAR(32) CHARACTER SET ascii NULL,
  KEY audit_events_at (at, id),
  KEY audit_events_object (object_type, object_id, id),
  KEY audit_events_actor (actor_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
