-- Numbers of applications that are read instead of counted: a report over a year must not look at each of them.

-- How many there are, of each region and of all above it, by one property and by day.
CREATE TABLE IF NOT EXISTS application_tallies (
  scope      VARCHAR(6) CHARACTER SET ascii NOT NULL COMMENT 'the first 0, 2, 4 or 6 digits of the region',
  property   ENUM('business','state','kind','region') NOT NULL,
  day        DATE NOT NULL COMMENT 'of the submission, China Standard Time',
  value      VARCHAR(32) CHARACTER SET ascii NOT NULL,
  total      INT NOT NULL,
  still_open INT NOT NULL COMMENT 'of these, neither completed nor withdrawn',
  PRIMARY KEY (scope, property, day, value)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- As what each application is in the tallies: they are the sum of these rows at any time, whatever the application has become since.
CREATE TABLE IF NOT EXISTS application_counted (
  application_id BINARY(16) NOT NULL PRIMARY KEY,
  day      DATE NOT NULL,
  region   VARCHAR(6) CHARACTER SET ascii NOT NULL,
  business VARCHAR(32) CHARACTER SET ascii NOT NULL,
  kind     VARCHAR(16) CHARACTER SET ascii NOT NULL,
  state    VARCHAR(32) CHARACTER SET ascii NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Every change of an application raises its version, so what the tallies do not have yet is found by construction, and no step writes a tally.
ALTER TABLE applications
  ADD COLUMN IF NOT EXISTS counted_version BIGINT NOT NULL DEFAULT 0 COMMENT 'the version that application_counted has' AFTER version,
  ADD COLUMN IF NOT EXISTS uncounted TINYINT(1) AS (CASE WHEN version <> counted_version THEN 1 END) PERSISTENT AFTER counted_version,
  ADD KEY IF NOT EXISTS applications_uncounted (uncounted, id),
  DROP KEY IF EXISTS applications_report;
