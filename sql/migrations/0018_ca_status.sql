-- What the CA itself says: its CRL and certificates, what they mean for ours, and where they disagree (domain.md §17: a certificate's status must be true).

CREATE TABLE IF NOT EXISTS ca_sources (
  kind       ENUM('crl','ca_certificates') NOT NULL PRIMARY KEY,
  next_at    DATETIME(6)  NOT NULL COMMENT 'when it is fetched again; moved on by compare-and-set',
  tried_at   DATETIME(6)  NULL,
  fetched_at DATETIME(6)  NULL COMMENT 'when it last was what it should be',
  failure    VARCHAR(300) NULL COMMENT 'why it is not; NULL: all is well'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT IGNORE INTO ca_sources (kind, next_at) VALUES ('crl', '2000-01-01'), ('ca_certificates', '2000-01-01');

CREATE TABLE IF NOT EXISTS ca_crls (
  issuer      VARCHAR(500) NOT NULL,
  issuer_sha256 BINARY(32) NOT NULL PRIMARY KEY COMMENT 'of the issuer as text',
  number      CHAR(40) CHARACTER SET ascii NOT NULL COMMENT 'CRL number (RFC 5280 §5.2.3), hexadecimal with leading zeros: it never goes back',
  this_update DATETIME(6)  NOT NULL,
  next_update DATETIME(6)  NULL,
  entries     INT          NOT NULL,
  sha256      BINARY(32)   NOT NULL,
  fetched_at  DATETIME(6)  NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS ca_crl_parts (
  issuer_sha256 BINARY(32) NOT NULL,
  part          INT        NOT NULL,
  data          MEDIUMBLOB NOT NULL COMMENT 'a piece of the DER, small enough for one statement',
  PRIMARY KEY (issuer_sha256, part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS ca_certificates (
  sha256     BINARY(32)    NOT NULL PRIMARY KEY,
  subject    VARCHAR(1000) NOT NULL,
  issuer     VARCHAR(1000) NOT NULL,
  serial     VARCHAR(64) CHARACTER SET ascii NOT NULL,
  not_before DATETIME(6)   NOT NULL,
  not_after  DATETIME(6)   NOT NULL,
  der        BLOB          NOT NULL,
  fetched_at DATETIME(6)   NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Our certificates as the CA's CRL shows them; a row stays when the entry goes.
CREATE TABLE IF NOT EXISTS ca_marks (
  certificate_id BINARY(16)  NOT NULL PRIMARY KEY,
  status         ENUM('revoked','held','none') NOT NULL,
  revoked_at     DATETIME(6) NULL COMMENT 'as the CA dates it',
  reason         VARCHAR(32) CHARACTER SET ascii NULL,
  since          DATETIME(6) NOT NULL COMMENT 'thisUpdate of the CRL with which the status came'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS ca_disagreements (
  certificate_id BINARY(16)  NOT NULL PRIMARY KEY,
  here           ENUM('revoked','suspended') NOT NULL,
  at_ca          ENUM('revoked','held','none') NOT NULL,
  region         VARCHAR(6) CHARACTER SET ascii NOT NULL,
  region_2       CHAR(2) CHARACTER SET ascii AS (LEFT(region, 2)) PERSISTENT,
  region_4       CHAR(4) CHARACTER SET ascii AS (LEFT(region, 4)) PERSISTENT,
  agency_id      BINARY(16)  NOT NULL,
  submitted_by   BINARY(16)  NULL,
  crl_of         DATETIME(6) NOT NULL COMMENT 'thisUpdate of the CRL that showed it',
  found_at       DATETIME(6) NOT NULL,
  gone_at        DATETIME(6) NULL,
  is_open        TINYINT(1) AS (gone_at IS NULL) PERSISTENT,
  KEY ca_disagreements_open (is_open, certificate_id),
  KEY ca_disagreements_region_2 (region_2, is_open, certificate_id),
  KEY ca_disagreements_region_4 (region_4, is_open, certificate_id),
  KEY ca_disagreements_region (region, is_open, certificate_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

ALTER TABLE certificates
  ADD KEY IF NOT EXISTS certificates_revoked (revoked_at, id);
