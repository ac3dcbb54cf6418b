-- The rights of the database users, by three roles named after the database: _app (the module), _migrate (ra-migrate), _report (people who read).
-- Run by `ra-migrate grants`, which sets @append_only (names of tables, separated by commas). May be repeated: what is missing is granted,
-- what is too much is taken back, and nothing that is right is touched, so a working module does not notice.

DELIMITER //

BEGIN NOT ATOMIC
  DECLARE app VARCHAR(80) DEFAULT CONCAT(DATABASE(), '_app');
  DECLARE whole VARCHAR(300) DEFAULT CONCAT('`', REPLACE(DATABASE(), '_', '\\_'), '`.*'); -- _ is a wildcard there

  IF @append_only IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'run this by: ra-migrate grants';
  END IF;
  FOR one IN (SELECT value FROM JSON_TABLE(CONCAT('["', REPLACE(@append_only, ',', '","'), '"]'), '$[*]' COLUMNS (value VARCHAR(64) PATH '$')) AS names
              WHERE value <> '' AND value NOT IN (SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE())) DO
    SET @refusal = CONCAT('append_only.txt names a table that is not there: ', one.value);
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @refusal;
  END FOR;

  EXECUTE IMMEDIATE CONCAT('CREATE ROLE IF NOT EXISTS `', app, '`');
  EXECUTE IMMEDIATE CONCAT('CREATE ROLE IF NOT EXISTS `', DATABASE(), '_migrate`');
  EXECUTE IMMEDIATE CONCAT('CREATE ROLE IF NOT EXISTS `', DATABASE(), '_report`');
  EXECUTE IMMEDIATE CONCAT('GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, CREATE VIEW, SHOW VIEW, TRIGGER, ',
                           'CREATE ROUTINE, ALTER ROUTINE, EXECUTE, LOCK TABLES ON ', whole, ' TO `', DATABASE(), '_migrate`');
  EXECUTE IMMEDIATE CONCAT('GRANT SELECT, SHOW VIEW ON ', whole, ' TO `', DATABASE(), '_report`');

  -- Every table is covered by construction; only the exceptions are listed.
  CREATE OR REPLACE TEMPORARY TABLE wished_rights (table_name VARCHAR(64) NOT NULL, privilege VARCHAR(20) NOT NULL) CHARACTER SET utf8mb3;
  INSERT INTO wished_rights
    SELECT t.table_name, p.privilege
    FROM information_schema.tables t
    JOIN (SELECT 'SELECT' AS privilege UNION SELECT 'INSERT' UNION SELECT 'UPDATE' UNION SELECT 'DELETE') p
    WHERE t.table_schema = DATABASE() AND t.table_type IN ('BASE TABLE', 'VIEW') AND t.table_name <> 'wished_rights'
      AND CASE WHEN t.table_type = 'VIEW' OR t.table_name IN ('schema_migrations', 'schema_views') THEN p.privilege = 'SELECT'
               WHEN FIND_IN_SET(t.table_name, @append_only) THEN p.privilege IN ('SELECT', 'INSERT')
               ELSE TRUE END;

  FOR one IN (SELECT r.table_name, GROUP_CONCAT(r.privilege_type SEPARATOR ', ') AS list
              FROM information_schema.table_privileges r
              WHERE r.grantee = CONCAT('''', app, '''@''''') AND r.table_schema = DATABASE()
                AND NOT EXISTS (SELECT 1 FROM wished_rights w WHERE w.table_name = r.table_name AND w.privilege = r.privilege_type)
              GROUP BY r.table_name) DO
    EXECUTE IMMEDIATE CONCAT('REVOKE ', one.list, ' ON `', DATABASE(), '`.`', one.table_name, '` FROM `', app, '`');
  END FOR;

  FOR one IN (SELECT w.table_name, GROUP_CONCAT(w.privilege SEPARATOR ', ') AS list
              FROM wished_rights w
              WHERE NOT EXISTS (SELECT 1 FROM information_schema.table_privileges r
                                WHERE r.grantee = CONCAT('''', app, '''@''''') AND r.table_schema = DATABASE()
                                  AND r.table_name = w.table_name AND r.privilege_type = w.privilege)
              GROUP BY w.table_name) DO
    EXECUTE IMMEDIATE CONCAT('GRANT ', one.list, ' ON `', DATABASE(), '`.`', one.table_name, '` TO `', app, '`');
  END FOR;

  -- A right on the whole database would let the module change the evidence after all.
  FOR one IN (SELECT 1 FROM information_schema.schema_privileges WHERE grantee = CONCAT('''', app, '''@''''') AND is_grantable IN ('YES', 'NO')) DO
    SET @refusal = CONCAT('the role ', app, ' has rights on a whole database: revoke them');
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = @refusal;
  END FOR;
  DROP TEMPORARY TABLE wished_rights;
END//

DELIMITER ;
