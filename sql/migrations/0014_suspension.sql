-- The clock of suspensions (domain.md §8, §18.5), what happened to a certificate, and what subscribers are to be told.

-- A suspension lasts six calendar months of China Standard Time (UTC+8): to the same day and time of day of that month, or to its last day where it has
-- no such day; and never beyond the certificate itself. `suspension_due_at` is the next moment at which the RA has to do something about it.
ALTER TABLE certificates
  ADD COLUMN IF NOT EXISTS status_at DATETIME(6) NULL COMMENT 'of the last change of status; NULL: none since it was made' AFTER revocation_reason,
  ADD COLUMN IF NOT EXISTS suspensions INT NOT NULL DEFAULT 0 COMMENT 'how many there were; the running one is the last' AFTER status_at,
  ADD COLUMN IF NOT EXISTS suspension_stage TINYINT NOT NULL DEFAULT 0
    COMMENT 'of the running one; 0 nothing done, 1 warned 30 days before, 2 warned 7 days before, 3 ended' AFTER suspensions,
  ADD COLUMN IF NOT EXISTS suspension_until DATETIME(6)
    AS (CASE WHEN revoked_at IS NULL
             THEN LEAST(suspended_at + INTERVAL 8 HOUR + INTERVAL 6 MONTH - INTERVAL 8 HOUR, not_after) END) PERSISTENT AFTER suspension_stage,
  ADD COLUMN IF NOT EXISTS suspension_due_at DATETIME(6)
    AS (suspension_until - INTERVAL (CASE suspension_stage WHEN 0 THEN 30 WHEN 1 THEN 7 WHEN 2 THEN 0 END) DAY) PERSISTENT AFTER suspension_until,
  ADD KEY IF NOT EXISTS certificates_suspension_due (suspension_due_at, id);

-- What the RA opens by itself was submitted by nobody.
ALTER TABLE applications
  MODIFY COLUMN submitted_by BINARY(16) NULL COMMENT 'NULL: by the RA itself';

CREATE TABLE IF NOT EXISTS certificate_history (
  id             BINARY(16)  NOT NULL PRIMARY KEY,
  certificate_id BINARY(16)  NOT NULL,
  at             DATETIME(6) NOT NULL,
  event          VARCHAR(32) CHARACTER SET ascii NOT NULL,
  source         ENUM('ra','ca') NOT NULL COMMENT 'ca: as the CA says, without an act of the RA',
  reason         VARCHAR(32) CHARACTER SET ascii NULL,
  application_id BINARY(16)  NULL,
  detail         JSON        NULL,
  KEY certificate_history_certificate (certificate_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS notices (
  id             BINARY(16)  NOT NULL PRIMARY KEY,
  kind           VARCHAR(32) CHARACTER SET ascii NOT NULL,
  certificate_id BINARY(16)  NOT NULL,
  suspension     INT         NOT NULL COMMENT 'which one of the certificate',
  subscriber_id  BINARY(16)  NOT NULL,
  application_id BINARY(16)  NULL COMMENT 'that the RA opened, or waits for',
  region         VARCHAR(6) CHARACTER SET ascii NOT NULL,
  region_2       CHAR(2) CHARACTER SET ascii AS (LEFT(region, 2)) PERSISTENT,
  region_4       CHAR(4) CHARACTER SET ascii AS (LEFT(region, 4)) PERSISTENT,
  agency_id      BINARY(16)  NOT NULL,
  submitted_by   BINARY(16)  NULL COMMENT 'of the certificate',
  due_at         DATETIME(6) NOT NULL COMMENT 'the day that the notice is about',
  created_at     DATETIME(6) NOT NULL,
  told_at        DATETIME(6) NULL COMMENT 'when the subscriber was told',
  told_by        BINARY(16)  NULL,
  channel        VARCHAR(16) CHARACTER SET ascii NULL,
  note           VARCHAR(500) NULL,
  version        BIGINT      NOT NULL DEFAULT 1,
  is_open        TINYINT(1) AS (told_at IS NULL) PERSISTENT,
  UNIQUE KEY notices_once (certificate_id, suspension, kind) COMMENT 'each at most once, whatever the clock does',
  KEY notices_region_2 (region_2, is_open, id),
  KEY notices_region_4 (region_4, is_open, id),
  KEY notices_region (region, is_open, id),
  KEY notices_agency (agency_id, is_open, id),
  KEY notices_open (is_open, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
