-- What the RA must remember of a subscriber's CMP transaction, so that any process can answer its next message
-- (design §9); and which pairs of codes still keep their secret.

CREATE TABLE IF NOT EXISTS cmp_transactions (
  id             BINARY(16)  NOT NULL PRIMARY KEY,
  code_id        BINARY(16)  NOT NULL COMMENT 'the pair of codes it used up: one pair, one transaction',
  attempt_id     BINARY(16)  NOT NULL COMMENT 'ca_attempts',
  transaction_id VARBINARY(64) NOT NULL COMMENT 'transactionID of RFC 9810, chosen by the tool',
  request        MEDIUMBLOB  NOT NULL COMMENT 'the PKIMessage as received: proof of possession; later ones must fit it',
  reply_nonce    VARBINARY(64) NULL COMMENT 'senderNonce of our last reply',
  earlier_nonce  VARBINARY(64) NULL COMMENT 'of the one before, should the last have been lost',
  outcome        ENUM('open','delivered','implicit','confirmed','declined') NOT NULL COMMENT 'delivered: awaits certConf',
  created_at     DATETIME(6) NOT NULL,
  updated_at     DATETIME(6) NOT NULL,
  UNIQUE KEY cmp_transactions_code (code_id),
  KEY cmp_transactions_attempt (attempt_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

ALTER TABLE production_codes
  ADD COLUMN IF NOT EXISTS keeps_secret TINYINT(1) NULL DEFAULT 1 COMMENT 'NULL: secret_sealed is erased',
  ADD KEY IF NOT EXISTS production_codes_keeping (keeps_secret);
