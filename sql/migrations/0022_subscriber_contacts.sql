-- A subscriber's contact, tier and project belong to its record (domain.md §2): taken over by reviews, corrected directly, old values kept.

ALTER TABLE subscribers
  ADD COLUMN IF NOT EXISTS contact_name VARCHAR(50) NULL COMMENT '联系人' AFTER agency_id,
  ADD COLUMN IF NOT EXISTS contact_sealed VARBINARY(1024) NULL COMMENT 'AES-256-GCM: phone and e-mail; NULL: no review and no correction has written them yet' AFTER contact_name,
  ADD COLUMN IF NOT EXISTS tier VARCHAR(16) CHARACTER SET ascii NULL COMMENT '服务级别' AFTER contact_sealed,
  ADD COLUMN IF NOT EXISTS project VARCHAR(100) NULL COMMENT '项目名称' AFTER tier,
  ADD COLUMN IF NOT EXISTS corrected_at DATETIME(6) NULL COMMENT 'when they were last corrected directly' AFTER verified_at;

ALTER TABLE subscriber_changes
  MODIFY COLUMN member VARCHAR(32) CHARACTER SET ascii NOT NULL COMMENT 'name, organisation_code, region, agency_id, contact_name, phone, email, tier or project',
  MODIFY COLUMN application_id BINARY(16) NULL COMMENT 'whose review confirmed the new value; NULL: corrected directly',
  ADD COLUMN IF NOT EXISTS values_sealed VARBINARY(1024) NULL COMMENT 'AES-256-GCM: old and new value where they are personal' AFTER new_value,
  ADD COLUMN IF NOT EXISTS reason VARCHAR(500) NULL COMMENT 'of a direct correction' AFTER application_id;

-- How a subscriber has ever been reached: found by one look into the primary key. applications.phone_hash stays for builds that still read it.
CREATE TABLE IF NOT EXISTS subscriber_contacts (
  hash          BINARY(32) NOT NULL COMMENT 'keyed, of a phone number or an e-mail address',
  subscriber_id BINARY(16) NOT NULL,
  PRIMARY KEY (hash, subscriber_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

INSERT IGNORE INTO subscriber_contacts (hash, subscriber_id) SELECT phone_hash, subscriber_id FROM applications;
