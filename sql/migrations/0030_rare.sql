-- Lists of what is rare: found by it, not by walking through all that is not it.

ALTER TABLE applications
  ADD KEY IF NOT EXISTS applications_business (business, id),
  ADD KEY IF NOT EXISTS applications_kind (kind, id);

ALTER TABLE notices
  ADD KEY IF NOT EXISTS notices_kind (kind, id),
  ADD KEY IF NOT EXISTS notices_open_kind (is_open, kind, id);

-- With the kind they answer counts alone; a row of certificates is a kilobyte.
ALTER TABLE certificates
  DROP KEY IF EXISTS certificates_mark,
  ADD KEY certificates_mark (mark, id, not_after, not_before, kind),
  DROP KEY IF EXISTS certificates_mark_region_2,
  ADD KEY certificates_mark_region_2 (region_2, mark, id, not_after, not_before, kind),
  DROP KEY IF EXISTS certificates_mark_region_4,
  ADD KEY certificates_mark_region_4 (region_4, mark, id, not_after, not_before, kind),
  DROP KEY IF EXISTS certificates_mark_region,
  ADD KEY certificates_mark_region (region, mark, id, not_after, not_before, kind),
  DROP KEY IF EXISTS certificates_mark_agency_id,
  ADD KEY certificates_mark_agency_id (agency_id, mark, id, not_after, not_before, kind),
  DROP KEY IF EXISTS certificates_mark_submitted_by,
  ADD KEY certificates_mark_submitted_by (submitted_by, mark, id, not_after, not_before, kind),
  DROP KEY IF EXISTS certificates_ending,
  ADD KEY certificates_ending (not_after, id, mark, kind, region_2, region_4, region, agency_id, submitted_by, replaced_by);

ALTER TABLE subscribers
  ADD KEY IF NOT EXISTS subscribers_kind_region_2 (region_2, kind, id),
  ADD KEY IF NOT EXISTS subscribers_kind_region_4 (region_4, kind, id),
  ADD KEY IF NOT EXISTS subscribers_kind_region (region, kind, id),
  ADD KEY IF NOT EXISTS subscribers_kind_agency (agency_id, kind, id);

ALTER TABLE audit_events
  ADD KEY IF NOT EXISTS audit_events_event (event, id);
