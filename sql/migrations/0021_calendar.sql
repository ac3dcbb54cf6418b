-- The expiry calendar is counted from an index, not from the certificates.

ALTER TABLE certificates
  ADD KEY IF NOT EXISTS certificates_calendar (not_after, region_2, region_4, region, revoked_at, suspended_at, replaced_by);
