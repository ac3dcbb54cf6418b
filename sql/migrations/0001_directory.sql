-- Who may act: offices (domain.md §18.11), supervising agencies, people and business systems with roles, scopes and certificates.
-- Times are UTC. Ids are UUIDv7. `version` is the entity tag's number.

CREATE TABLE IF NOT EXISTS offices (
  id          BINARY(16)   NOT NULL PRIMARY KEY,
  name        VARCHAR(100) NOT NULL,
  kind        ENUM('center','local') NOT NULL,
  region      VARCHAR(6) CHARACTER SET ascii NOT NULL COMMENT 'GB/T 2260 division; trailing zeros mean the whole of it',
  created_at  DATETIME(6)  NOT NULL,
  UNIQUE KEY offices_name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS agencies (
  id          BINARY(16)   NOT NULL PRIMARY KEY COMMENT '主管社保经办单位',
  name        VARCHAR(100) NOT NULL,
  region      VARCHAR(6) CHARACTER SET ascii NOT NULL,
  created_at  DATETIME(6)  NOT NULL,
  UNIQUE KEY agencies_name (name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS principals (
  id              BINARY(16)   NOT NULL PRIMARY KEY,
  kind            ENUM('person','system') NOT NULL,
  name            VARCHAR(100) NOT NULL,
  staff_number    VARCHAR(32)  NULL,
  office_id       BINARY(16)   NULL,
  agency_id       BINARY(16)   NULL,
  region          VARCHAR(6) CHARACTER SET ascii NULL COMMENT 'of a system',
  disabled_at     DATETIME(6)  NULL,
  disabled_reason VARCHAR(500) NULL,
  version         BIGINT       NOT NULL DEFAULT 1,
  created_at      DATETIME(6)  NOT NULL,
  updated_at      DATETIME(6)  NOT NULL,
  UNIQUE KEY principals_staff_number (staff_number),
  KEY principals_kind (kind, id),
  CONSTRAINT principals_office FOREIGN KEY (office_id) REFERENCES offices (id),
  CONSTRAINT principals_agency FOREIGN KEY (agency_id) REFERENCES agencies (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS principal_roles (
  principal_id  BINARY(16)  NOT NULL,
  role          VARCHAR(32) CHARACTER SET ascii NOT NULL,
  province_wide TINYINT(1)  NOT NULL DEFAULT 0,
  PRIMARY KEY (principal_id, role),
  CONSTRAINT principal_roles_principal FOREIGN KEY (principal_id) REFERENCES principals (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS principal_scopes (
  principal_id BINARY(16)  NOT NULL,
  scope        VARCHAR(64) CHARACTER SET ascii NOT NULL,
  PRIMARY KEY (principal_id, scope),
  CONSTRAINT principal_scopes_principal FOREIGN KEY (principal_id) REFERENCES principals (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS credentials (
  id           BINARY(16)   NOT NULL PRIMARY KEY,
  principal_id BINARY(16)   NOT NULL,
  sha256       BINARY(32)   NOT NULL COMMENT 'of the certificate: issuer and serial are in it',
  issuer       VARCHAR(500) NOT NULL,
  subject      VARCHAR(500) NOT NULL,
  serial       VARCHAR(64) CHARACTER SET ascii NOT NULL,
  not_before   DATETIME(6)  NOT NULL,
  not_after    DATETIME(6)  NOT NULL,
  disabled_at  DATETIME(6)  NULL,
  bound_at     DATETIME(6)  NOT NULL,
  UNIQUE KEY credentials_sha256 (sha256),
  KEY credentials_principal (principal_id),
  CONSTRAINT credentials_principal FOREIGN KEY (principal_id) REFERENCES principals (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
