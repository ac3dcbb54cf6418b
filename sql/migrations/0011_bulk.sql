-- Bulk operations: many calls of one operation in one request, each row a transaction of its own.

CREATE TABLE IF NOT EXISTS bulk_operations (
  id          BINARY(16)  NOT NULL PRIMARY KEY,
  kind        VARCHAR(32) CHARACTER SET ascii NOT NULL COMMENT 'applications, agency_decisions or reviews',
  total       INT         NOT NULL,
  created_by  BINARY(16)  NOT NULL,
  host        VARCHAR(16) CHARACTER SET ascii NOT NULL COMMENT 'how the caller came, for the rows: as of audit_events',
  client_ip   VARCHAR(45) CHARACTER SET ascii NOT NULL,
  trace_id    CHAR(32) CHARACTER SET ascii NOT NULL,
  language    VARCHAR(8) CHARACTER SET ascii NOT NULL,
  certificate BLOB        NULL COMMENT 'of the caller, DER: who it is and may do is asked anew for every row; NULL once finished',
  rows_sealed MEDIUMBLOB  NULL COMMENT 'AES-256-GCM: the rows as they came; NULL once finished',
  created_at  DATETIME(6) NOT NULL,
  finished_at DATETIME(6) NULL,
  KEY bulk_operations_created_by (created_by, id),
  KEY bulk_operations_finished (finished_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Written in the transaction of the row's effect: the key is what makes it happen once.
CREATE TABLE IF NOT EXISTS bulk_results (
  bulk_id     BINARY(16)  NOT NULL,
  row_index   SMALLINT    NOT NULL,
  status      SMALLINT    NOT NULL COMMENT 'what the single operation would have answered',
  result      JSON        NOT NULL COMMENT 'id, number, state and version of the application, or the problem document',
  at          DATETIME(6) NOT NULL,
  PRIMARY KEY (bulk_id, row_index)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
