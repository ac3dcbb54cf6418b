-- How long a renewed certificate may be used beside the new one (domain.md §4; RARenewalOverlap). A row for each that is to be revoked then and is not yet:
-- a table of its own, so that certificates that run out by themselves have no key more to write.

CREATE TABLE IF NOT EXISTS certificate_overlaps (
  certificate_id BINARY(16)  NOT NULL PRIMARY KEY,
  ends_at        DATETIME(6) NOT NULL,
  KEY certificate_overlaps_end (ends_at, certificate_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
