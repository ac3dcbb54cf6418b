-- The latest pair of codes of an application is read under a lock: without an index that lock was on every row, and
-- productions of different applications at the same moment ended in deadlocks.

ALTER TABLE production_codes
  ADD KEY IF NOT EXISTS production_codes_application (application_id, id);
