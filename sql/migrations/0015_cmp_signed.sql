-- Requests that subscribers sign with the certificate that they are about (kur, rr): there are no codes, and the attempt at the CA is the application's.

ALTER TABLE cmp_transactions
  MODIFY COLUMN code_id BINARY(16) NULL COMMENT 'the pair of codes it used up: one pair, one transaction; NULL: signed',
  MODIFY COLUMN attempt_id BINARY(16) NULL COMMENT 'ca_attempts; NULL: signed',
  ADD COLUMN IF NOT EXISTS certificate_id BINARY(16) NULL COMMENT 'the certificate that signed it' AFTER attempt_id,
  ADD COLUMN IF NOT EXISTS application_id BINARY(16) NULL COMMENT 'that it opened or found' AFTER certificate_id,
  ADD COLUMN IF NOT EXISTS spki VARBINARY(2048) NULL COMMENT 'of a kur: the key, possession proved' AFTER application_id,
  ADD COLUMN IF NOT EXISTS spki_sha256 BINARY(32) NULL AFTER spki,
  ADD UNIQUE KEY IF NOT EXISTS cmp_transactions_signed (certificate_id, transaction_id) COMMENT 'a replay finds what it began',
  ADD KEY IF NOT EXISTS cmp_transactions_application (application_id);

-- Applications that a subscriber's tool opened were submitted by nobody; so were their certificates.
ALTER TABLE certificates
  MODIFY COLUMN submitted_by BINARY(16) NULL COMMENT 'as of the application';
