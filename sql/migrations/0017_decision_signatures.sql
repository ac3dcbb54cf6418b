-- Decisions that the officer has signed (design §10): what was signed, and the signature, as evidence that needs no word of ours. Only grows (append_only.txt).

CREATE TABLE IF NOT EXISTS decision_signatures (
  id                 BINARY(16)  NOT NULL PRIMARY KEY,
  application_id     BINARY(16)  NOT NULL,
  version            BIGINT      NOT NULL COMMENT 'of the application, that was decided on',
  step               VARCHAR(32) CHARACTER SET ascii NOT NULL,
  decision           ENUM('approve','reject') NOT NULL,
  statement          MEDIUMBLOB  NOT NULL COMMENT 'the exact bytes: canonical JSON',
  statement_sha256   BINARY(32)  NOT NULL,
  signature          BLOB        NOT NULL COMMENT 'detached CMS, as it came',
  signature_sha256   BINARY(32)  NOT NULL,
  certificate        BLOB        NOT NULL COMMENT 'of the signer, DER',
  certificate_sha256 BINARY(32)  NOT NULL,
  signed_by          BINARY(16)  NOT NULL,
  signed_at          DATETIME(6) NOT NULL,
  UNIQUE KEY decision_signatures_once (signature_sha256) COMMENT 'the same signature serves once',
  UNIQUE KEY decision_signatures_of (application_id, version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
