-- The regions that lists are grouped by are of the same table as what the public may know.

ALTER TABLE knowledge MODIFY kind ENUM('fault','article','contact','reason','region') NOT NULL;
