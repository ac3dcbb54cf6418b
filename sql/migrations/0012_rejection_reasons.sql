-- The catalogue of reasons for a rejection is of the same table as what the public may know.

ALTER TABLE knowledge MODIFY kind ENUM('fault','article','contact','reason') NOT NULL;
