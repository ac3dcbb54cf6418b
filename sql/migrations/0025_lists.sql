-- Counts and lists that are answered by an index alone: a row of applications has some kilobytes, and a count must not read ten thousand of them.

ALTER TABLE applications
  DROP KEY IF EXISTS applications_state,
  ADD KEY applications_state (state, id, business, kind),
  DROP KEY IF EXISTS applications_queue_region_4,
  ADD KEY applications_queue_region_4 (region_4, state, id, business, kind),
  DROP KEY IF EXISTS applications_queue_region,
  ADD KEY applications_queue_region (region, state, id, business, kind),
  DROP KEY IF EXISTS applications_queue_agency,
  ADD KEY applications_queue_agency (agency_id, state, id, business, kind),
  DROP KEY IF EXISTS applications_queue_submitted_by,
  ADD KEY applications_queue_submitted_by (submitted_by, state, id, business, kind),
  ADD KEY IF NOT EXISTS applications_queue_region_2 (region_2, state, id, business, kind);

-- What a list of certificates is asked for first: a status in sight, the newest first. Those that are neither revoked nor suspended differ by time alone.
ALTER TABLE certificates
  ADD COLUMN IF NOT EXISTS mark TINYINT
    AS (CASE WHEN revoked_at IS NOT NULL THEN 2 WHEN suspended_at IS NOT NULL THEN 1 ELSE 0 END) PERSISTENT COMMENT '2 revoked, 1 suspended' AFTER replaced_by,
  ADD KEY IF NOT EXISTS certificates_mark (mark, id, not_after, not_before),
  ADD KEY IF NOT EXISTS certificates_mark_region_2 (region_2, mark, id, not_after, not_before),
  ADD KEY IF NOT EXISTS certificates_mark_region_4 (region_4, mark, id, not_after, not_before),
  ADD KEY IF NOT EXISTS certificates_mark_region (region, mark, id, not_after, not_before),
  ADD KEY IF NOT EXISTS certificates_mark_agency_id (agency_id, mark, id, not_after, not_before),
  ADD KEY IF NOT EXISTS certificates_mark_submitted_by (submitted_by, mark, id, not_after, not_before);
