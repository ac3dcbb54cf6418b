-- Forms that subscribers fill in beforehand, and wrong tries of asking how far a number is (domain.md §1 public, §3 step two).

CREATE TABLE IF NOT EXISTS prefills (
  id             BINARY(16)  NOT NULL PRIMARY KEY,
  number         CHAR(16) CHARACTER SET ascii NOT NULL COMMENT '受理号; the application made of it keeps it',
  code_hash      BINARY(32)  NOT NULL COMMENT 'keyed hash of the code that was shown once',
  tail_hash      BINARY(32)  NOT NULL COMMENT 'keyed hash of its last six digits',
  form_sealed    MEDIUMBLOB  NULL COMMENT 'AES-256-GCM: the form; NULL once an application was made of it',
  client_hash    BINARY(32)  NOT NULL COMMENT 'keyed hash of the address it came from: at most so many a day',
  created_at     DATETIME(6) NOT NULL,
  expires_at     DATETIME(6) NOT NULL,
  used_at        DATETIME(6) NULL,
  used_by        BINARY(16)  NULL,
  application_id BINARY(16)  NULL,
  UNIQUE KEY prefills_number (number),
  UNIQUE KEY prefills_application (application_id),
  KEY prefills_expiry (expires_at),
  KEY prefills_client (client_hash, created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS progress_tries (
  number CHAR(16) CHARACTER SET ascii NOT NULL PRIMARY KEY COMMENT 'whether or not there is such a number',
  tries  INT         NOT NULL,
  since  DATETIME(6) NOT NULL,
  KEY progress_tries_since (since)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
