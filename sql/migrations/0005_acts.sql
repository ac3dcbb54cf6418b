-- Acts on a certificate (domain.md §4-§8): what an application is about, revocations at the CA, the new hands.

ALTER TABLE applications
  ADD COLUMN IF NOT EXISTS target_certificate_id BINARY(16) NULL COMMENT 'the certificate that the act is about' AFTER certificate_id,
  ADD COLUMN IF NOT EXISTS particulars JSON NULL COMMENT 'what only some businesses ask: cause, revocation reason, token' AFTER note,
  ADD COLUMN IF NOT EXISTS operated_by BINARY(16) NULL AFTER produced_by,
  ADD COLUMN IF NOT EXISTS registered_by BINARY(16) NULL AFTER handed_by,
  ADD KEY IF NOT EXISTS applications_target (target_certificate_id, id);

ALTER TABLE ca_attempts
  ADD COLUMN IF NOT EXISTS kind ENUM('enrol','revoke') NOT NULL DEFAULT 'enrol' AFTER id,
  ADD COLUMN IF NOT EXISTS target_certificate_id BINARY(16) NULL AFTER application_id,
  ADD COLUMN IF NOT EXISTS revocation_reason TINYINT NULL COMMENT 'CRLReason of RFC 5280 §5.3.1; 6 hold, 8 release' AFTER target_certificate_id,
  MODIFY COLUMN state ENUM('prepared','sent','waiting','unknown','issued','rejected','refused','settled','done') NOT NULL,
  MODIFY COLUMN code_id BINARY(16) NULL,
  MODIFY COLUMN csr VARBINARY(16384) NULL,
  MODIFY COLUMN spki VARBINARY(2048) NULL,
  MODIFY COLUMN spki_sha256 BINARY(32) NULL;

ALTER TABLE ca_attempts
  DROP KEY IF EXISTS ca_attempts_open,
  DROP COLUMN IF EXISTS open_attempt;

ALTER TABLE ca_attempts
  ADD COLUMN IF NOT EXISTS open_attempt BINARY(16) AS
    (CASE WHEN state IN ('prepared','sent','waiting','unknown') THEN COALESCE(target_certificate_id, application_id) END) PERSISTENT
    COMMENT 'one open attempt per application, and per certificate to be revoked',
  ADD UNIQUE KEY IF NOT EXISTS ca_attempts_open (open_attempt);

-- A renewal may keep its key; used_keys still says who may use it.
ALTER TABLE certificates
  DROP KEY IF EXISTS certificates_spki,
  ADD COLUMN IF NOT EXISTS replaced_by BINARY(16) NULL AFTER revocation_reason,
  ADD KEY IF NOT EXISTS certificates_key (spki_sha256),
  ADD KEY IF NOT EXISTS certificates_suspended (suspended_at);
