"""Rows by the million, by SQL: copies of what the main job left, spread over states, businesses, kinds, places and time as a register is."""
import time

from . import main_job, process

ROWS = 1_000_000
PORTION = 100_000
REGIONS = ("140105", "140106", "140107", "140200", "140300", "140400", "140500", "140600", "140700", "140800")


def id_of(number):
    """UUIDv7 in the order of the numbers."""
    return f"UNHEX(CONCAT(LPAD(HEX(1700000000000 + {number}), 12, '0'), '70008000000000000000'))"


def uuid_of(number):
    """The same as the API writes it."""
    digits = f"{1700000000000 + number:012x}"
    return f"{digits[:8]}-{digits[8:]}-7000-8000-000000000000"


def region_of(number):
    return f"ELT(1 + ({number}) % 10, " + ", ".join(f"'{region}'" for region in REGIONS) + ")"


def shares(of, parts, rest):
    """One of the values by its share in a million: {value: rows of a million}. What is left over is `rest`."""
    cases, below = "", 0
    for value, share in parts.items():
        below += share
        cases += f" WHEN {of} < {below} THEN '{value}'"
    return f"CASE{cases} ELSE '{rest}' END"


MIXED = "(s.seq * 7919) % 1000000"   # the rows of one share lie far apart
MIXED_2 = "(s.seq * 104729) % 1000000"
NAME = "CONCAT('山西规模测试信息技术有限公司', LPAD(s.seq, 7, '0'))"
NUMBER = "CONCAT('15', LPAD(s.seq, 11, '0'))"
WHEN = "UTC_TIMESTAMP() - INTERVAL ({rows} - s.seq) * 63 SECOND"  # a million in two years
STATE = shares(MIXED, {"withdrawn": 30_000, "rejected": 5_000, "awaiting_agency": 8_000, "awaiting_acceptance": 5_000, "awaiting_entry": 2_000,
                       "awaiting_review": 3_000, "awaiting_production": 4_000, "awaiting_handover": 2_000, "awaiting_archive": 3_000,
                       "in_production": 20, "in_execution": 10, "awaiting_operation": 5}, "completed")
BUSINESS = shares(MIXED_2, {"renew": 250_000, "reissue_lost": 50_000, "revoke": 20_000, "suspend": 3_000, "modify": 10_000, "unlock": 20}, "issue")
KIND = shares(MIXED_2, {"person": 300_000, "server": 20}, "organisation")
CHANGED = {
    "subscribers": {"id": id_of("s.seq"), "social_security_no": NUMBER, "name": NAME, "name_key": NAME, "region": region_of("s.seq"),
                    "organisation_code": "CONCAT('91140100', LPAD(s.seq, 10, '0'))", "contact_sealed": "NULL",
                    "kind": shares(MIXED_2, {"person": 300_000}, "organisation")},
    "applications": {"id": id_of("s.seq"), "number": "CONCAT('2', LPAD(s.seq, 15, '0'))", "subscriber_id": id_of("s.seq"), "subject_name": NAME,
                     # of another city than the subscriber: what is sealed in the model opens under its own id only
                     "subject_key": NAME, "region": region_of("s.seq + 5"), "social_security_no": NUMBER,
                     "scope_key": "UNHEX(SHA2(CONCAT('scope', s.seq), 256))", "phone_hash": "UNHEX(SHA2(CONCAT('phone', s.seq), 256))",
                     "id_number_hash": "UNHEX(SHA2(CONCAT('number', s.seq), 256))", "state": STATE, "business": BUSINESS, "kind": KIND, "counted_version": "c.version",
                     "created_at": WHEN, "updated_at": WHEN, "closed_at": f"IF({STATE} IN ('completed', 'withdrawn'), {WHEN}, NULL)",
                     "rejection": f"""IF({STATE} = 'rejected', '{{"step":"review","reason":"x"}}', NULL)"""},
    "subscriber_contacts": {"hash": "UNHEX(SHA2(CONCAT('phone', s.seq), 256))", "subscriber_id": id_of("s.seq")},
    "certificates": {"id": id_of("s.seq"), "attempt_id": id_of("s.seq"), "application_id": id_of("s.seq"), "subscriber_id": id_of("s.seq"),
                     "serial": "HEX(s.seq)", "subject_name": NAME, "subject_key": NAME, "region": region_of("s.seq"), "social_security_no": NUMBER,
                     "sha256": "UNHEX(SHA2(CONCAT('cert', s.seq), 256))", "spki_sha256": "UNHEX(SHA2(CONCAT('key', s.seq), 256))", "der": "'-'",
                     "chain_pem": "NULL", "kind": KIND, "not_before": WHEN, "not_after": f"{WHEN} + INTERVAL 2 YEAR", "created_at": WHEN,
                     "revoked_at": f"IF({MIXED} < 80000, {WHEN} + INTERVAL 1 DAY, NULL)",
                     "suspended_at": f"IF({MIXED} BETWEEN 80000 AND 80999, UTC_TIMESTAMP() - INTERVAL s.seq % 170 DAY, NULL)", "suspension_stage": "3"},
    "ca_attempts": {"id": id_of("s.seq"), "application_id": id_of("s.seq"), "transaction_id": "UNHEX(MD5(CONCAT('t', s.seq)))",
                    "state": shares(MIXED, {"rejected": 10_000, "refused": 1_000, "settled": 500, "done": 100_000}, "issued"),
                    "csr": "'-'", "sent_bytes": "NULL", "waiting_bytes": "NULL", "created_at": WHEN, "updated_at": WHEN},
    "outbox_jobs": {"id": id_of("s.seq"), "subject": id_of("s.seq"), "state": "'done'", "created_at": WHEN, "finished_at": "UTC_TIMESTAMP()",
                    "next_run": "UTC_TIMESTAMP()", "kind": shares(MIXED, {"revoke": 100_000, "bulk": 50}, "enrol")},
    "audit_events": {"id": id_of("s.seq"), "at": WHEN, "object_id": id_of("s.seq"), "outcome": shares(MIXED, {"refused": 500, "read": 500_000}, "done"),
                     "event": shares(MIXED_2, {"getApplication": 400_000, "reviewApplication": 100_000, "updatePerson": 20}, "submitApplication")},
}
# Before the others: events that are sealed already, so that nobody begins to seal a million.
SEALED = ("INSERT INTO audit_batch_members (event_id, batch, position, event_sha256)"
          f" SELECT {id_of('s.seq')}, 0, s.seq, UNHEX(SHA2(s.seq, 256)) FROM seq_1_to_{{rows}} s")
# After them: (the table that they are made of, their own, how).
SCOPES = "(SELECT 0 AS digits UNION ALL SELECT 2 UNION ALL SELECT 4 UNION ALL SELECT 6) l"
PROPERTIES = "(SELECT 'business' AS property UNION ALL SELECT 'state' UNION ALL SELECT 'kind' UNION ALL SELECT 'region') p"
FOLLOWING = (
    ("applications", "application_counted", "INSERT INTO application_counted (application_id, day, region, business, kind, state)"
     " SELECT id, DATE(created_at + INTERVAL 8 HOUR), region, business, kind, state FROM applications WHERE id <= {last}"),
    ("applications", "application_tallies", "INSERT INTO application_tallies (scope, property, day, value, total, still_open)"
     " SELECT LEFT(region, digits), property, day, CASE property WHEN 'business' THEN business WHEN 'state' THEN state WHEN 'kind' THEN kind ELSE region END,"
     f" COUNT(*), SUM(state NOT IN ('completed', 'withdrawn')) FROM application_counted JOIN {SCOPES} JOIN {PROPERTIES} WHERE application_id <= {{last}}"
     " GROUP BY 1, 2, 3, 4 ON DUPLICATE KEY UPDATE total = total + VALUES(total), still_open = still_open + VALUES(still_open)"),
    ("certificates", "notices",
     "INSERT INTO notices (id, kind, certificate_id, suspension, subscriber_id, region, agency_id, submitted_by, due_at, created_at, told_at)"
     " SELECT id, IF(MOD(CONV(RIGHT(serial, 2), 16, 10), 2), 'suspension_30_days', 'suspension_7_days'), id, 1, subscriber_id, region, agency_id,"
     " submitted_by, not_after, created_at, IF(RIGHT(serial, 1) = '0', NULL, created_at) FROM certificates WHERE id <= {fifth}"),
    ("certificates", "ca_disagreements",
     "INSERT INTO ca_disagreements (certificate_id, here, at_ca, region, agency_id, submitted_by, crl_of, found_at)"
     " SELECT id, 'revoked', 'none', region, agency_id, submitted_by, created_at, created_at FROM certificates"
     " WHERE revoked_at IS NOT NULL AND id <= {fifth}"),
)
WAITING = "SELECT EXISTS (SELECT 1 FROM applications WHERE uncounted = 1)"
SEARCHED = ("subscribers", "subscriber_contacts")


def secondary_keys(stack, table):
    """{name: its columns} of the keys that are no constraint's: to sort them afterwards is several times as fast as to grow them."""
    rows = stack.database.client(
        "SELECT s.index_name, GROUP_CONCAT('`', s.column_name, '`' ORDER BY s.seq_in_index) FROM information_schema.statistics s"
        f" WHERE s.table_schema = 'ra' AND s.table_name = '{table}' AND s.non_unique = 1 AND s.index_name NOT IN"
        " (SELECT f.index_name FROM information_schema.statistics f JOIN information_schema.key_column_usage k"
        " ON k.table_schema = f.table_schema AND k.table_name = f.table_name AND k.column_name = f.column_name"
        f" WHERE f.table_schema = 'ra' AND f.table_name = '{table}' AND f.seq_in_index = 1 AND k.referenced_table_name IS NOT NULL)"
        " GROUP BY s.index_name")
    return dict(row.split("\t") for row in rows.splitlines())


def change_keys(stack, table, changes):
    if changes:
        stack.database.client(f"SET foreign_key_checks = 0; ALTER TABLE {table} {', '.join(changes)}", "ra")


def fill_table(stack, table, rows):
    """Copies of the first row of a table; what the lists and searches look at differs in each."""
    begin = time.monotonic()
    names = stack.database.client(
        f"SELECT GROUP_CONCAT(column_name) FROM information_schema.columns WHERE table_schema = 'ra' AND table_name = '{table}'"
        " AND generation_expression IS NULL").strip().split(",")
    values = ", ".join(CHANGED[table].get(name, f"c.{name}") for name in names).replace("{rows}", str(rows))
    keys = secondary_keys(stack, table)
    change_keys(stack, table, [f"DROP KEY {name}" for name in keys])
    stack.database.client(f"CREATE TABLE bench_model AS SELECT * FROM {table} LIMIT 1", "ra")
    for first in range(1, rows + 1, PORTION):
        stack.database.client("SET unique_checks = 0, foreign_key_checks = 0;"
                              f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM seq_{first}_to_{min(rows, first + PORTION - 1)} s"
                              " JOIN bench_model c", "ra")
    change_keys(stack, table, [f"ADD KEY {name} ({columns})" for name, columns in keys.items()])
    stack.database.client(f"DROP TABLE bench_model; ANALYZE TABLE {table}", "ra")
    stack.say(f"{rows} {table} in {time.monotonic() - begin:.0f} s")


def fill(stack, rows, tables=tuple(CHANGED)):
    """The main job, then copies of what it left. Nobody else works on the tables meanwhile."""
    stack.database.client("SET GLOBAL innodb_buffer_pool_size = 1073741824")
    main_job.Job(stack).run()
    stack.httpd.stop()
    if "audit_events" in tables:
        stack.database.client(f"SET foreign_key_checks = 0; {SEALED.format(rows=rows)}", "ra")
    for table in tables:
        fill_table(stack, table, rows)
    for source, table, sql in FOLLOWING:
        if source in tables:
            stack.database.client(f"{sql.format(last=id_of(rows), fifth=id_of(rows // 5))}; ANALYZE TABLE {table}", "ra")
    stack.httpd.start()
    process.wait_for("the applications are not in the tallies", lambda: stack.database.client(WAITING, "ra").strip() == "0", 60)
