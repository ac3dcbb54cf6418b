-- Codes, keys, attempts at the CA, certificates, and the outbox (design §8, §9).

CREATE TABLE IF NOT EXISTS production_codes (
  id             BINARY(16)  NOT NULL PRIMARY KEY,
  application_id BINARY(16)  NOT NULL,
  reference      VARCHAR(32) CHARACTER SET ascii NOT NULL COMMENT '参考码',
  secret_sealed  VARBINARY(255) NOT NULL COMMENT '授权码, AES-256-GCM',
  drawn_by       BINARY(16)  NOT NULL,
  drawn_at       DATETIME(6) NOT NULL,
  expires_at     DATETIME(6) NOT NULL,
  tries          INT         NOT NULL DEFAULT 0 COMMENT 'wrong ones',
  used_at        DATETIME(6) NULL,
  voided_at      DATETIME(6) NULL,
  live           BINARY(16) AS (CASE WHEN used_at IS NULL AND voided_at IS NULL THEN application_id END) PERSISTENT,
  UNIQUE KEY production_codes_reference (reference),
  UNIQUE KEY production_codes_live (live)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS used_keys (
  spki_sha256    BINARY(32)  NOT NULL PRIMARY KEY COMMENT 'one key is certified once, ever',
  application_id BINARY(16)  NOT NULL,
  used_at        DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS blocked_keys (
  spki_sha256 BINARY(32)   NOT NULL PRIMARY KEY COMMENT 'known to be compromised',
  reason      VARCHAR(200) NOT NULL,
  added_at    DATETIME(6)  NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS ca_attempts (
  id             BINARY(16)  NOT NULL PRIMARY KEY COMMENT 'the API calls it an operation',
  application_id BINARY(16)  NOT NULL,
  state          ENUM('prepared','sent','waiting','unknown','issued','rejected','refused','settled') NOT NULL,
  transaction_id BINARY(16)  NOT NULL COMMENT 'transactionID of RFC 9810',
  code_id        BINARY(16)  NOT NULL,
  csr            VARBINARY(16384) NOT NULL COMMENT 'PKCS#10 as presented, DER',
  spki           VARBINARY(2048) NOT NULL,
  spki_sha256    BINARY(32)  NOT NULL,
  sent_bytes     MEDIUMBLOB  NULL,
  sent_nonce     VARBINARY(64) NULL,
  waiting_bytes  MEDIUMBLOB  NULL,
  poll_bytes     MEDIUMBLOB  NULL,
  tries          INT         NOT NULL DEFAULT 0,
  reason_outcome VARCHAR(32) CHARACTER SET ascii NULL,
  reason_text    VARCHAR(500) NULL,
  failure_bits   INT         NULL,
  next_run_at    DATETIME(6) NULL,
  job_id         BINARY(16)  NOT NULL,
  certificate_id BINARY(16)  NULL,
  confirmed_at   DATETIME(6) NULL COMMENT 'certConf answered by pkiConf',
  version        BIGINT      NOT NULL DEFAULT 1,
  created_at     DATETIME(6) NOT NULL,
  updated_at     DATETIME(6) NOT NULL,
  open_attempt   BINARY(16) AS (CASE WHEN state IN ('prepared','sent','waiting','unknown') THEN application_id END) PERSISTENT,
  UNIQUE KEY ca_attempts_transaction (transaction_id),
  UNIQUE KEY ca_attempts_open (open_attempt),
  KEY ca_attempts_application (application_id, id),
  KEY ca_attempts_state (state, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS certificates (
  id             BINARY(16)   NOT NULL PRIMARY KEY,
  application_id BINARY(16)   NOT NULL,
  attempt_id     BINARY(16)   NOT NULL,
  subscriber_id  BINARY(16)   NOT NULL,
  kind           ENUM('person','organisation','server') NOT NULL,
  cert_usage     ENUM('signing','encryption') NOT NULL,
  region         VARCHAR(6) CHARACTER SET ascii NOT NULL,
  region_2       CHAR(2) CHARACTER SET ascii AS (LEFT(region, 2)) PERSISTENT,
  region_4       CHAR(4) CHARACTER SET ascii AS (LEFT(region, 4)) PERSISTENT,
  agency_id      BINARY(16)   NOT NULL,
  submitted_by   BINARY(16)   NOT NULL,
  social_security_no VARCHAR(20) CHARACTER SET ascii NOT NULL,
  serial         VARCHAR(64) CHARACTER SET ascii NOT NULL,
  issuer         VARCHAR(500) NOT NULL,
  subject        VARCHAR(1000) NOT NULL,
  subject_name   VARCHAR(64)  NOT NULL,
  subject_key    VARCHAR(200) NOT NULL,
  not_before     DATETIME(6)  NOT NULL,
  not_after      DATETIME(6)  NOT NULL,
  key_algorithm  VARCHAR(16) CHARACTER SET ascii NOT NULL,
  der            BLOB         NOT NULL,
  chain_pem      MEDIUMTEXT   NULL,
  sha256         BINARY(32)   NOT NULL,
  spki_sha256    BINARY(32)   NOT NULL,
  suspended_at   DATETIME(6)  NULL,
  revoked_at     DATETIME(6)  NULL,
  revocation_reason VARCHAR(32) CHARACTER SET ascii NULL,
  version        BIGINT       NOT NULL DEFAULT 1,
  created_at     DATETIME(6)  NOT NULL,
  UNIQUE KEY certificates_sha256 (sha256),
  UNIQUE KEY certificates_spki (spki_sha256),
  UNIQUE KEY certificates_attempt (attempt_id),
  KEY certificates_application (application_id),
  KEY certificates_serial (serial),
  KEY certificates_subject (subject_key, id),
  KEY certificates_social_security_no (social_security_no, id),
  KEY certificates_region_2 (region_2, id),
  KEY certificates_region_4 (region_4, id),
  KEY certificates_region (region, id),
  KEY certificates_agency (agency_id, id),
  KEY certificates_submitted_by (submitted_by, id),
  KEY certificates_not_after (not_after)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS outbox_jobs (
  id          BINARY(16)  NOT NULL PRIMARY KEY,
  kind        VARCHAR(32) CHARACTER SET ascii NOT NULL,
  lane        TINYINT     NOT NULL,
  subject     BINARY(16)  NOT NULL,
  state       ENUM('open','done','person') NOT NULL,
  attempts    INT         NOT NULL DEFAULT 0,
  next_run    DATETIME(6) NOT NULL,
  lease_owner VARCHAR(128) NULL,
  lease_until DATETIME(6) NULL,
  fence       BIGINT      NOT NULL DEFAULT 0,
  created_at  DATETIME(6) NOT NULL,
  finished_at DATETIME(6) NULL,
  open_subject BINARY(16) AS (CASE WHEN state <> 'done' THEN subject END) PERSISTENT,
  UNIQUE KEY outbox_jobs_open (kind, open_subject),
  KEY outbox_jobs_due (state, lane, next_run)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
