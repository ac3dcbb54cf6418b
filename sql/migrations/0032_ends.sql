-- The expiry calendar counts certificates day by day in the order of a narrow index, instead of grouping each certificate of sixty days.

ALTER TABLE certificates
  ADD COLUMN IF NOT EXISTS ends_on DATE AS (CASE WHEN revoked_at IS NULL AND suspended_at IS NULL AND replaced_by IS NULL THEN DATE(not_after + INTERVAL 8 HOUR) END) PERSISTENT
    COMMENT 'of a certificate in use: the day of its end, China Standard Time' AFTER not_after,
  ADD KEY IF NOT EXISTS certificates_ends_on (ends_on, region, not_after);
