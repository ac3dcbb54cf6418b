-- The next hand (GET /tasks): the oldest applications in a state and in sight, without reading the others.

ALTER TABLE applications
  ADD COLUMN IF NOT EXISTS rejected_step VARCHAR(32) CHARACTER SET ascii AS (JSON_VALUE(rejection, '$.step')) PERSISTENT
    COMMENT 'which step said no; counts in the state rejected' AFTER rejection,
  ADD KEY IF NOT EXISTS applications_queue_region_4 (region_4, state, id),
  ADD KEY IF NOT EXISTS applications_queue_region (region, state, id),
  ADD KEY IF NOT EXISTS applications_queue_agency (agency_id, state, id),
  ADD KEY IF NOT EXISTS applications_queue_submitted_by (submitted_by, state, id);

-- Subscribers as a resource: by region as applications are, and what a review changed of a confirmed record.
ALTER TABLE subscribers
  ADD COLUMN IF NOT EXISTS region_2 CHAR(2) CHARACTER SET ascii AS (LEFT(region, 2)) PERSISTENT AFTER region,
  ADD COLUMN IF NOT EXISTS region_4 CHAR(4) CHARACTER SET ascii AS (LEFT(region, 4)) PERSISTENT AFTER region_2,
  ADD KEY IF NOT EXISTS subscribers_region_2 (region_2, id),
  ADD KEY IF NOT EXISTS subscribers_region_4 (region_4, id),
  ADD KEY IF NOT EXISTS subscribers_region (region, id),
  ADD KEY IF NOT EXISTS subscribers_of_agency (agency_id, id),
  ADD KEY IF NOT EXISTS subscribers_organisation_code (organisation_code, id);

ALTER TABLE certificates
  ADD KEY IF NOT EXISTS certificates_subscriber (subscriber_id, id);

CREATE TABLE IF NOT EXISTS subscriber_changes (
  id             BINARY(16)   NOT NULL PRIMARY KEY,
  subscriber_id  BINARY(16)   NOT NULL,
  member         VARCHAR(32) CHARACTER SET ascii NOT NULL COMMENT 'name, organisation_code, region or agency_id',
  old_value      VARCHAR(200) NULL,
  new_value      VARCHAR(200) NULL,
  application_id BINARY(16)   NOT NULL COMMENT 'whose review confirmed the new value',
  confirmed_by   BINARY(16)   NOT NULL,
  confirmed_at   DATETIME(6)  NOT NULL,
  KEY subscriber_changes_subscriber (subscriber_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Production sheets 制证申请表 (domain.md §18.13) and reports.
ALTER TABLE applications
  ADD COLUMN IF NOT EXISTS project VARCHAR(100) AS (JSON_VALUE(applicant, '$.project')) PERSISTENT COMMENT '项目名称' AFTER applicant,
  ADD KEY IF NOT EXISTS applications_sheet (project, business, state, id),
  ADD KEY IF NOT EXISTS applications_report (created_at, region_2, region_4, region, business, kind, state);

ALTER TABLE certificates
  ADD KEY IF NOT EXISTS certificates_ending (not_after, id);
