-- A name is found by its key exactly (domain.md §18.4): the key is normalised already, and the collation must not make one name of two. The database's usual one
-- takes é for e, and every character beyond the basic plane, where many rare characters of Chinese names are, for every other.

ALTER TABLE subscribers
  MODIFY COLUMN name_key VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL COMMENT 'normalised for search';

ALTER TABLE applications
  MODIFY COLUMN subject_key VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL;

ALTER TABLE certificates
  MODIFY COLUMN subject_key VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL;
