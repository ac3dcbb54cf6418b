-- Dual certificates 双证书 (domain.md §18.10): one application, a certificate for signing and one for encryption whose key is made by the RA.

ALTER TABLE applications
  MODIFY COLUMN cert_usage ENUM('signing','encryption','pair') NOT NULL;

ALTER TABLE ca_attempts
  ADD COLUMN IF NOT EXISTS is_encryption TINYINT(1) NOT NULL DEFAULT 0 COMMENT 'the second of a pair' AFTER kind;

CREATE TABLE IF NOT EXISTS encryption_keys (
  application_id BINARY(16)     NOT NULL PRIMARY KEY COMMENT 'one key for one pair, however often the CA is asked',
  spki           VARBINARY(2048) NOT NULL,
  spki_sha256    BINARY(32)     NOT NULL,
  private_sealed VARBINARY(8192) NULL COMMENT 'PKCS#8, AES-256-GCM; erased when the hand-over is recorded',
  certificate_id BINARY(16)     NULL COMMENT 'the certificate made for it',
  created_at     DATETIME(6)    NOT NULL,
  fetched_at     DATETIME(6)    NULL COMMENT 'the envelope, last',
  fetched_by     BINARY(16)     NULL,
  fetches        INT            NOT NULL DEFAULT 0,
  erased_at      DATETIME(6)    NULL,
  UNIQUE KEY encryption_keys_spki (spki_sha256)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
