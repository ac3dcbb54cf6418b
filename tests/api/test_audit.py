"""Evidence (design §10): a row per change, refusal and reading of personal data; nobody changes it; no secret in clear anywhere (I11, I12, I16)."""
import secrets

import pytest

from harness import samples, schema, seed
from harness.mariadb import SqlError
from support import HANDOVER, refused, unique


def events(ra, trace=None, object_id=None):
    """Audit rows of a trace or about an object, oldest first: (event, outcome, problem, actor's name, host, object id)."""
    where = f"trace_id = '{trace}'" if trace else f"object_id = UNHEX(REPLACE('{object_id}', '-', ''))"
    return ra.sql(f"SELECT event, outcome, problem, actor_name, host, LOWER(HEX(object_id)) FROM audit_events WHERE {where} ORDER BY id")


def trace_of(answer):
    return answer.headers["traceparent"].split("-")[1]


def test_every_change_leaves_one_row(ra):
    case = ra.case("completed")
    rows = [row for row in events(ra, object_id=case.id) if row[1] == "done"]
    assert [row[0] for row in rows] == ["createApplication", "decideForAgency", "acceptApplication", "enterApplication",
                                        "reviewApplication", "drawCodes",
                                        "produceCertificate", "certificate_issued", "handOverCertificate", "archiveApplication",
                                        "completeApplication"]
    # The history's changes and the audit's are the same in number: both are written in the transaction of the change.
    assert len(rows) == len(case.history())


def test_row_says_who_where_and_which_request(ra):
    case = ra.case()
    answer = case.submit()
    rows = events(ra, trace=trace_of(answer))
    assert rows == [["createApplication", "done", "NULL", "社保网上申报系统", "api", case.id.replace("-", "")]]
    with_certificate = ra.sql(f"SELECT LOWER(HEX(credential_sha256)), client_ip FROM audit_events WHERE trace_id = '{trace_of(answer)}'")
    assert with_certificate == [[ra.stack.identity("system").sha256, "127.0.0.1"]]


@pytest.mark.parametrize("role,step,body,status,code", [
    ("technician", "review", {"decision": "approve"}, 403, "access-denied"),
    ("review_officer", "review", {"decision": "approve"}, 409, "state-conflict"),
    ("issuing_officer", "handover", HANDOVER, 409, "state-conflict"),
])
def test_refusal_leaves_a_row(ra, role, step, body, status, code):
    case = ra.case("awaiting_entry")
    answer = case.step(role, step, body, expect=status)
    rows = events(ra, trace=trace_of(answer))
    assert [(row[1], row[2]) for row in rows] == [("refused", code)]


def test_stranger_leaves_a_row_with_the_certificate(ra):
    identity = ra.identity()
    with ra.open("staff", identity=identity) as client:
        answer = client.get("/applications", expect=403)
    found = ra.sql(f"SELECT outcome, problem, actor_kind, LOWER(HEX(credential_sha256)) FROM audit_events WHERE trace_id = '{trace_of(answer)}'")
    assert found == [["refused", "certificate-unknown", "unknown", identity.sha256]]


def test_wrong_code_leaves_a_row(ra):
    case = ra.case("coded")
    other = ra.case("coded")
    answer = case.step("issuing_officer", "production", case.production(authorisation_code=other.codes["authorisation_code"]), expect=403)
    assert [(row[0], row[1], row[2]) for row in events(ra, trace=trace_of(answer))] == [("produceCertificate", "refused", "code-invalid")]


def test_reading_personal_data_leaves_a_row_and_other_reading_does_not(ra):
    case = ra.case("awaiting_entry")
    read = ra.staff("hotline_agent").get(case.path)
    assert [(row[0], row[1], row[3]) for row in events(ra, trace=trace_of(read))] == [("getApplication", "read", "刘坐席")]
    for path in ("/applications", "/me", "/operations"):
        assert events(ra, trace=trace_of(ra.staff("manager").get(path))) == []


def test_administration_leaves_rows(ra):
    person = ra.person("auditor")
    path = f"/people/{person.id}"
    ra.administrator.step(path, "disablement", {"reason": "调离"})
    rows = [row for row in events(ra, object_id=person.id) if row[1] == "done"]
    assert [row[0] for row in rows] == ["createPerson", "setPersonRoles", "bindPersonCertificate", "disablePerson"]


def test_replay_is_no_second_change(ra):
    case, key = ra.case(), unique("key")
    case.submit(key=key)
    again = ra.system().post("/applications", case.form, key=key, expect=201)
    assert [row for row in events(ra, trace=trace_of(again)) if row[1] == "done"] == []


@pytest.mark.log("RA0303", "RA05", "RA02", "RA01")
def test_without_the_audit_row_nothing_happens(ra):
    """I12: a trigger lets the audit's insert fail for one trace; the change must not be there."""
    case = ra.case("awaiting_agency")
    trace = "0123456789abcdef0123456789abcdef"
    ra.sql("DELIMITER //\nCREATE TRIGGER no_audit BEFORE INSERT ON audit_events FOR EACH ROW BEGIN"
           f" IF NEW.trace_id = '{trace}' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'full'; END IF; END//")
    try:
        with ra.stack.staff("agency") as client:
            answer = client.post(case.path + "/agency-decision", {"decision": "approve", "filing_number": "备-1"}, tag=case.tag,
                                 expect=(500, 503),
                                 headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
            assert answer.json()["code"] in ("internal", "database-unavailable")
    finally:
        ra.sql("DROP TRIGGER no_audit")
    assert case.read()["state"] == "awaiting_agency" and len(case.history()) == 1


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET outcome = 'read'", "DELETE FROM audit_events", "TRUNCATE audit_events",
                                       "DROP TABLE audit_events",
                                       "ALTER TABLE audit_events ADD x INT",
                                       "REPLACE INTO audit_events (id, at, event, outcome, actor_kind) VALUES ('1', "
                                       "UTC_TIMESTAMP(6), 'x', 'done', 'ra')", "UPDATE schema_migrations SET state = 'x'",
                                       "CREATE TABLE x (y INT)"])
def test_modules_database_user_cannot_change_the_evidence(ra, statement):
    password = (ra.stack.state / "secrets" / "db.password").read_text().strip()
    before = ra.sql("SELECT COUNT(*) FROM audit_events WHERE outcome = 'done'")
    with pytest.raises(SqlError, match="denied"):
        ra.stack.database.client(statement, schema.DATABASE, user=schema.USER, options=(f"--password={password}",))
    assert ra.sql("SELECT COUNT(*) FROM audit_events WHERE outcome = 'done'") >= before


@pytest.mark.log("RA0303", "RA05", "RA02", "RA01")
def test_without_the_right_to_write_evidence_nothing_changes(ra):
    """I12: the module's user has lost INSERT on audit_events; every kind of change is refused, and works again when the right is back."""
    waiting, reviewed, new = ra.case("awaiting_agency"), ra.case("awaiting_review"), ra.case()
    tables = ("applications", "application_history", "production_codes", "offices", "audit_events", "idempotency_records")
    counts = "SELECT " + ", ".join(f"(SELECT COUNT(*) FROM {table})" for table in tables)
    role = f"{schema.DATABASE}_app"
    before = ra.sql(counts)
    ra.sql(f"REVOKE INSERT ON {schema.DATABASE}.audit_events FROM {role}")
    try:
        with ra.stack.system() as system, ra.stack.staff("agency") as agency, ra.stack.staff("review_officer") as reviewer, ra.stack.staff(seed.FIRST) as administrator:
            for answer in (system.post("/applications", new.form, expect=500), waiting.approve(agency, expect=500), reviewed.review(reviewer, expect=500),
                           administrator.post("/offices", {"name": unique("受理点"), "kind": "local", "region": "140105"}, expect=500)):
                refused(answer, 500, "internal")
        assert ra.sql(counts) == before
    finally:
        ra.sql(f"GRANT INSERT ON {schema.DATABASE}.audit_events TO {role}")
    for case, state, versions in ((waiting, "awaiting_agency", 1), (reviewed, "awaiting_review", 4)):
        assert case.read()["state"] == state and len(case.history()) == versions
    new.submit()
    waiting.approve()
    reviewed.review()


def test_canaries_are_nowhere_in_clear(ra):
    """I16: identity number, phone, e-mail and codes of one case, searched in every table and log."""
    number = samples.resident_id("140105", "19770707")
    phone, mail = f"13977{secrets.randbelow(10 ** 6):06d}", unique("canary") + "@example.cn"
    case = ra.case(kind="person")
    case.form["subscriber"]["id_document"]["number"] = number
    case.form["subscriber"]["contact"].update(phone=phone, email=mail)
    case.to("coded")
    drawn = dict(case.codes)
    mistyped = drawn["authorisation_code"][:-2] + "-" + drawn["authorisation_code"][-1:]
    refused(case.step("issuing_officer", "production", case.production(authorisation_code=mistyped), expect=403), 403, "code-invalid")
    case.produce()
    recipient = {"name": case.name, "id_document": {"type": "resident_id", "number": number}}
    case.step("issuing_officer", "handover", {**HANDOVER, "recipient": recipient})
    case.archive()
    case.complete()
    canaries = [number, phone, mail, drawn["authorisation_code"], drawn["authorisation_code"].replace("-", "")]
    dump = everything(ra)
    logs = b"".join(path.read_bytes() for path in ra.stack.logs.iterdir())
    for canary in canaries:
        assert canary.encode() not in dump, f"{canary} is in the database"
        assert canary.encode() not in logs, f"{canary} is in a log"
    assert ra.staff("auditor").get(case.path).json()["subscriber"]["id_document"]["number"] == number


def everything(ra):
    """Every row of every table, bytes as they are."""
    tables = [row[0] for row in ra.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'ra' AND table_type = 'BASE TABLE'")]
    return b"".join(ra.stack.database.client(f"SELECT * FROM `{table}`", "ra", options=("--raw",)).encode() for table in tables)


def test_key_file_and_password_are_in_no_log(ra):
    files = ("ra.keys", "db.password")
    kept = [line.split()[-1] for name in files for line in (ra.stack.state / "secrets" / name).read_text().splitlines()]
    logs = b"".join(path.read_bytes() for path in ra.stack.logs.iterdir())
    assert all(secret.encode() not in logs for secret in kept)
