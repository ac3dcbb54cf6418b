-- The next hand (GET /tasks): the oldest applications in a state and in sight, without reading the others.

ALTER TABLE applications
  ADD COLUMN IF NOT EXISTS rejected_step VARCHAR(32) CHARACTER SET ascii AS (JSON_VALUE(rejection, '$.step')) PERSISTENT
    COMMENT 'which step said no; counts in the state rejected' AFTER rejection,
  ADD KEY IF NOT EXISTS applications_queue_region_4 (region_4, state, id),
  ADD KEY IF NOT EXISTS applications_queue_region (region, state, id),
  ADD KEY IF NOT EXISTS applications_queue_agency (agency_id, state, id),
  ADD KEY IF NOT EXISTS applications_queue_submitted_by (submitted_by, state, id);
