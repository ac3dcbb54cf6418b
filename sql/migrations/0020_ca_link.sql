-- The link to the CA as people see it: what the last exchange came to; and the outbox as a list.

CREATE TABLE IF NOT EXISTS ca_link (
  id        TINYINT      NOT NULL PRIMARY KEY COMMENT 'one CA, one row',
  good_at   DATETIME(6)  NULL COMMENT 'an answer that could be believed, to the second or so',
  failed_at DATETIME(6)  NULL,
  failure   VARCHAR(300) NULL COMMENT 'why the last one that failed did',
  failures  INT          NOT NULL DEFAULT 0 COMMENT 'without a good one since'
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT IGNORE INTO ca_link (id) VALUES (1);

ALTER TABLE outbox_jobs
  ADD KEY IF NOT EXISTS outbox_jobs_state (state, id),
  ADD KEY IF NOT EXISTS outbox_jobs_kind (kind, state, id);
