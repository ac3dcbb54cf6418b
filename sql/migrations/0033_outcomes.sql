-- Events of a rare outcome are found by it, not by going back through all others.

ALTER TABLE audit_events
  ADD KEY IF NOT EXISTS audit_events_outcome (outcome, id);
