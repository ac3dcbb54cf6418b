-- Knowledge for the public (domain.md §16): fault codes, articles, telephone numbers. Rows come from sql/data/ and from the operator.

CREATE TABLE IF NOT EXISTS knowledge (
  kind     ENUM('fault','article','contact') NOT NULL,
  name     VARCHAR(64) CHARACTER SET ascii NOT NULL COMMENT 'fault: its digits; article: its slug; contact: its use',
  position INT         NOT NULL COMMENT 'order of the list',
  content  JSON        NOT NULL COMMENT 'as the API shows it, without the name; every text in zh-CN and en, none of it markup',
  PRIMARY KEY (kind, name),
  KEY knowledge_order (kind, position, name)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
