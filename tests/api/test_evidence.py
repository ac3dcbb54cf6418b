"""Sealed evidence (design §10): batches are made, signed and chained whatever happens; ra-audit finds and names every falsification (I11)."""
import concurrent.futures
import contextlib
import json
import os
import random
import subprocess
import time

import pytest

import tamper
from harness import evidence, process, schema
from harness.mariadb import SqlError
from support import HANDOVER, refused

TABLES = ("audit_events", "audit_batches", "audit_batch_members")
WAIT_SECONDS = 60


def until(what, test, seconds=WAIT_SECONDS):
    """Waits for an effect. @return what the test gave"""
    end = time.monotonic() + seconds
    while True:
        got = test()
        if got:
            return got
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class Evidence:
    """The audit log of an instance, exported and verified."""

    def __init__(self, ra, folder):
        self.ra = ra
        self.folder = folder
        self.tool = evidence.Tool(ra.stack.build.product("ra-audit"))
        self.key = ra.stack.state / "pki" / "audit.pub"

    def number(self, statement):
        return int(self.ra.sql(statement)[0][0])

    def unsealed(self):
        return self.number("SELECT COUNT(*) FROM audit_events e LEFT JOIN audit_batch_members m ON m.event_id = e.id WHERE m.event_id IS NULL")

    def newest(self):
        return self.number("SELECT COALESCE(MAX(number), 0) FROM audit_batches")

    def settle(self):
        until("every event is sealed", lambda: self.unsealed() == 0)
        return self.newest()

    def export(self, *words, name="export.jsonl"):
        return self.tool.export(self.ra.stack.database, self.folder / name, *words)

    def checkpoint(self, name="checkpoint.jsonl"):
        path = self.folder / name
        code, _, errors = self.tool.run("checkpoint", "--socket", self.ra.stack.database.socket, "--user", "root", "--out", path)
        assert code == 0, errors
        return path

    def verify(self, *words, path=None):
        return self.tool.verify(path or self.export(), self.key, *words)

    def demand_intact(self, *words):
        code, lines = self.verify(*words)
        assert (code, lines[0].rpartition(": ")[2]) == (0, "intact"), lines

    def batch_of(self, event_id):
        rows = self.ra.sql(f"SELECT batch FROM audit_batch_members WHERE event_id = UNHEX(REPLACE('{event_id}', '-', ''))")
        return int(rows[0][0]) if rows else None


@pytest.fixture(scope="module")
def sealing(make_ra):
    """An instance that seals every second."""
    return make_ra("evidence", EXTRA_GLOBAL="RAAuditSealSeconds 1")


@pytest.fixture
def log(sealing, tmp_path):
    return Evidence(sealing, tmp_path)


def lines_of(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


# --- sealing ---

def test_every_event_is_sealed_and_an_independent_reader_agrees(sealing, log):
    sealing.case("completed")
    newest = log.settle()
    lines = lines_of(log.export())
    batches = {line["number"]: line for line in lines if line["kind"] == "batch"}
    public = log.key.read_bytes()
    previous = evidence.NO_ROOT
    for number in range(1, newest + 1):
        batch = batches[number]
        members = [line for line in lines if line["kind"] == "member" and line["batch"] == number]
        leaves = [evidence.leaf(member["event"]) for member in members]
        assert [leaf.hex() for leaf in leaves] == [member["event_sha256"] for member in members]
        assert evidence.merkle_root(leaves).hex() == batch["merkle_root"]
        assert batch["previous_root"] == previous and evidence.is_signed(batch, public)
        previous = batch["root"]
        assert previous == evidence.root(batch)
    assert log.number("SELECT COUNT(*) FROM audit_events") <= sum(batch["event_count"] for batch in batches.values()) + 1
    log.demand_intact("--checkpoint", log.checkpoint())


def test_signature_is_what_openssl_verifies(log):
    log.settle()
    batch = lines_of(log.checkpoint())[0]
    (log.folder / "statement").write_bytes(evidence.statement(batch))
    (log.folder / "signature").write_bytes(evidence.decode(batch["signature"]))
    done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", log.key, "-signature", log.folder / "signature", log.folder / "statement"],
                          stdout=subprocess.PIPE, text=True)
    assert done.stdout.strip() == "Verified OK"


def test_every_column_of_an_event_is_sealed(sealing, log):
    columns = [row[0] for row in sealing.sql("SELECT column_name FROM information_schema.columns WHERE table_schema = 'ra' AND table_name = 'audit_events'")]
    assert sorted(columns) == sorted(tamper.COLUMNS)
    id, actor = tamper.new_id(random.Random()), tamper.new_id(random.Random()).replace("-", "")
    sealing.sql(f"INSERT INTO audit_events VALUES (UNHEX(REPLACE('{id}', '-', '')), UTC_TIMESTAMP(6), 'complete', 'refused', 'internal', 'person', "
                f"UNHEX('{actor}'), '王', REPEAT('x', 32), 'staff', '::1', 'person', UNHEX('{actor}'), "
                "'{ \"a\" : 1.0 }', REPEAT('0', 32))")
    until("it is sealed", lambda: log.batch_of(id))
    event = next(line["event"] for line in lines_of(log.export()) if line.get("event_id") == id)
    assert set(event) == set(columns)
    assert event["detail"] == '{ "a" : 1.0 }'  # the text itself: no other text has this hash


def test_sealing_goes_on_under_load_with_three_children(sealing, log):
    """Events come from three children while all three seal; killed children do no harm."""
    before = log.settle()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        working = [pool.submit(lambda: [sealing.system().post("/applications", sealing.case().form, expect=201) for _ in range(8)]) for _ in range(6)]
        for _ in range(3):
            time.sleep(0.4)
            children = subprocess.run(["pgrep", "-P", str(process.read_pid(sealing.stack.httpd.pid_file, "apache2"))], stdout=subprocess.PIPE, text=True)
            assert len(children.stdout.split()) >= 3
        for one in working:
            one.result()
    assert log.settle() > before
    assert log.number("SELECT COUNT(*) FROM audit_batch_members") == log.number("SELECT SUM(event_count) FROM audit_batches")
    log.demand_intact("--checkpoint", log.checkpoint())


@pytest.mark.log("AH10392: children are killed successively")
def test_crash_of_sealing_children_leaves_whole_batches(sealing, log):
    parent = process.read_pid(sealing.stack.httpd.pid_file, "apache2")
    for _ in range(4):
        sealing.person("acceptor")
        children = subprocess.run(["pgrep", "-P", str(parent)], stdout=subprocess.PIPE, text=True).stdout.split()
        subprocess.run(["kill", "-9", random.choice(children)], check=False)
        time.sleep(random.random())
    sealing.close()
    sealing.kept.clear()
    log.settle()
    log.demand_intact("--checkpoint", log.checkpoint())


@contextlib.contextmanager
def open_transaction(ra):
    """A session of the database's administrator that the test feeds with statements."""
    client = subprocess.Popen(["mariadb", "--no-defaults", f"--socket={ra.stack.database.socket}", "--user=root", "--batch", "--unbuffered",
                               "--skip-column-names", "ra"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(statements):
        client.stdin.write(statements + "; SELECT 'done';\n")
        client.stdin.flush()
        assert client.stdout.readline().strip() == "done"

    try:
        yield say
    finally:
        client.stdin.close()
        client.wait(10)
        client.stdout.close()


def test_late_commit_is_sealed_in_a_later_batch(sealing, log):
    log.settle()
    id = tamper.new_id(random.Random())
    with open_transaction(sealing) as say:
        say(f"START TRANSACTION; INSERT INTO audit_events (id, at, event, outcome, actor_kind) VALUES (UNHEX(REPLACE('{id}', '-', '')), UTC_TIMESTAMP(6),"
            " 'late', 'done', 'ra')")
        sealing.person("acceptor")
        later = sealing.sql("SELECT LOWER(HEX(id)) FROM audit_events ORDER BY at DESC LIMIT 1")[0][0]
        sealed = until("what came after it is sealed", lambda: log.batch_of(later))
        assert log.batch_of(id) is None
        say("COMMIT")
    assert until("it is sealed too", lambda: log.batch_of(id)) > sealed
    log.demand_intact()


@pytest.mark.log("RA0444")
def test_event_from_before_is_sealed_but_pointed_out(sealing, log):
    """Dated an hour back: by the clock or by a forger. It is found among the old ones, sealed, logged and named."""
    log.settle()
    mark = sealing.stack.httpd.error_log.mark()
    id = tamper.new_id(random.Random())
    sealing.sql(f"INSERT INTO audit_events (id, at, event, outcome, actor_kind) VALUES (UNHEX(REPLACE('{id}', '-', '')), UTC_TIMESTAMP(6) - INTERVAL 1 HOUR,"
                " 'back', 'done', 'ra')")
    batch = until("it is sealed", lambda: log.batch_of(id))
    assert any(f"RA0444: batch {batch} has 1 events" in record["message"] for record in sealing.stack.httpd.error_log.worrying(mark))
    code, lines = log.verify()
    assert code == 1 and any(line.startswith(f"event {id} (batch {batch}, position 0): is dated before") for line in lines)
    forget(sealing, batch)


def forget(ra, first):
    """Takes the newest batches and their events away, for the tests that follow; the sealers' memory goes with a restart."""
    ra.stack.httpd.stop()
    ra.sql(f"SET FOREIGN_KEY_CHECKS = 0; DELETE e FROM audit_events e JOIN audit_batch_members m ON m.event_id = e.id WHERE m.batch >= {first};"
           f" DELETE FROM audit_batch_members WHERE batch >= {first}; DELETE FROM audit_batches WHERE number >= {first}")
    ra.close()
    ra.kept.clear()
    ra.stack.httpd.start()
    process.wait_for("httpd", ra.stack.is_ready, 60)


@pytest.mark.log("RA0443")
def test_vanished_end_is_noticed_while_the_server_runs(sealing, log):
    sealing.person("acceptor")
    newest = log.settle()
    kept = log.checkpoint()
    mark = sealing.stack.httpd.error_log.mark()
    sealing.sql(f"SET FOREIGN_KEY_CHECKS = 0; DELETE FROM audit_batch_members WHERE batch = {newest}; DELETE FROM audit_batches WHERE number = {newest}")
    until("it is logged", lambda: any("RA0443: sealed evidence has vanished" in one["message"] for one in sealing.stack.httpd.error_log.worrying(mark)))
    code, lines = log.verify("--checkpoint", kept)
    assert code == 1 and any(line.startswith(f"batch {newest}: ") for line in lines), lines
    forget(sealing, newest)


@pytest.mark.log("RA0441", "RA0442")
def test_event_left_unsealed_raises_the_alarm(make_ra, tmp_path):
    ra = make_ra("alarm", EXTRA_GLOBAL="RAAuditSealSeconds 1\nRAAuditAlarmSeconds 2")
    log = Evidence(ra, tmp_path)
    log.settle()
    mark = ra.stack.httpd.error_log.mark()

    def logged(id):
        return any(record["level"] == "error" and record["message"].startswith(id) for record in ra.stack.httpd.error_log.worrying(mark))

    def waiting():
        text = ra.internal.get("/metrics").text
        return int(next(line for line in text.splitlines() if line.startswith("ra_audit_unsealed_seconds ")).split()[1])

    assert waiting() == 0
    ra.sql("DELIMITER //\nCREATE TRIGGER no_batch BEFORE INSERT ON audit_batches FOR EACH ROW BEGIN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no'; END//")
    try:
        ra.person("acceptor")
        until("the sealer complains", lambda: logged("RA0442: "))
        until("the alarm", lambda: logged("RA0441: an audit event has waited "))
        assert waiting() >= 2
    finally:
        ra.sql("DROP TRIGGER no_batch")
    log.settle()
    assert waiting() == 0
    log.demand_intact()


@pytest.mark.parametrize("statement", [f"{verb} {table}{rest}" for table in ("audit_batches", "audit_batch_members")
                                       for verb, rest in (("UPDATE", " SET {} = {}"), ("DELETE FROM", ""), ("TRUNCATE", ""), ("DROP TABLE", ""))])
def test_modules_database_user_cannot_change_the_seals(sealing, statement):
    statement = statement.format(*(("number", "number + 1") if "batches" in statement else ("position", "position + 1")))
    password = (sealing.stack.state / "secrets" / "db.password").read_text().strip()
    with pytest.raises(SqlError, match="denied"):
        sealing.stack.database.client(statement, schema.DATABASE, user=schema.USER, options=(f"--password={password}",))


# --- the API ---

def test_auditor_finds_events_by_every_filter(sealing):
    auditor = sealing.staff("auditor")
    case = sealing.case("awaiting_review")
    refusal = case.step("issuing_officer", "handover", HANDOVER, expect=409)
    trace = refusal.headers["traceparent"].split("-")[1]
    about = auditor.get(f"/audit-events?object_id={case.id}&limit=200").json()["items"]
    assert [item["event"] for item in reversed(about) if item["outcome"] == "done"] == ["createApplication", "decideForAgency", "acceptApplication",
                                                                                     "enterApplication"]
    refused_one = next(item for item in about if item["outcome"] == "refused")
    assert refused_one["trace_id"] == trace and "problem" in refused_one
    for query, test in ((f"actor_id={refused_one['actor_id']}", lambda item: item["actor_id"] == refused_one["actor_id"]),
                        ("event=acceptApplication", lambda item: item["event"] == "acceptApplication"),
                        ("outcome=refused", lambda item: item["outcome"] == "refused"),
                        (f"from={about[0]['at']}", lambda item: item["at"] >= about[0]["at"]),
                        (f"to={about[-1]['at']}", lambda item: item["at"] < about[-1]["at"])):
        items = auditor.get(f"/audit-events?{query}&limit=200").json()["items"]
        assert items and all(test(item) for item in items), query
        in_time = query.startswith(("from=", "to="))
        assert items == sorted(items, key=lambda item: (item["at"] if in_time else "", item["id"]), reverse=True), query


def test_pages_hold_every_event_once(sealing):
    auditor = sealing.staff("auditor")
    case = sealing.case("awaiting_review")
    whole = auditor.get(f"/audit-events?object_id={case.id}&outcome=done").json()["items"]
    for media in ("application/json", "application/jsonl"):
        found, path = [], f"/audit-events?object_id={case.id}&outcome=done&limit=3"
        while path:
            answer = auditor.get(path, headers={"Accept": media})
            assert answer.headers["Content-Type"] == media
            found += answer.json()["items"] if media.endswith("json") else [json.loads(line) for line in answer.text.splitlines()]
            path = answer.links["next"]["url"] if "next" in answer.links else None
        assert [{**one, "batch": 0, "position": 0} for one in found] == [{**one, "batch": 0, "position": 0} for one in whole]


def test_reading_the_log_leaves_an_event_with_the_filters(sealing):
    auditor = sealing.staff("auditor")
    trace = auditor.get("/audit-events?event=drawCodes&outcome=done").headers["traceparent"].split("-")[1]
    newest = auditor.get("/audit-events?event=listAuditEvents&limit=5").json()["items"]
    mine = next(item for item in newest if item["trace_id"] == trace)
    assert (mine["outcome"], mine["detail"]) == ("read", {"event": "drawCodes", "outcome": "done"})


@pytest.mark.parametrize("path", ["/audit-events", "/audit-checkpoints"])
@pytest.mark.parametrize("role", ["administrator", "manager", "acceptor", "review_officer", "agency"])
def test_only_auditors_read_the_log(sealing, role, path):
    refused(sealing.staff(role).get(path, expect=403), 403, "access-denied")


@pytest.mark.parametrize("path", ["/audit-events", "/audit-checkpoints"])
def test_auditor_of_a_region_does_not_read_the_log(sealing, path):
    person = sealing.person("auditor", office_id=sealing.office("140200"), province_wide=False)
    said = refused(sealing.staff(person).get(path, expect=403, headers={"Accept-Language": "zh-CN"}), 403, "access-denied")
    assert "审计员。" in said["detail"] and "province_wide" not in said["detail"]


def test_other_media_types_are_not_acceptable(sealing):
    refused(sealing.staff("auditor").get("/audit-events", headers={"Accept": "text/csv"}, expect=406), 406, "not-acceptable")


def test_checkpoints_of_the_api_are_checkpoints_of_the_tool(sealing, log):
    newest = log.settle()
    answer = sealing.staff("auditor").get("/audit-checkpoints?limit=200", headers={"Accept": "application/jsonl"})
    assert [json.loads(line)["number"] for line in answer.text.splitlines()] == list(range(newest, 0, -1))[:200]
    (log.folder / "api.jsonl").write_text(answer.text, "utf-8")
    log.demand_intact("--checkpoint", log.folder / "api.jsonl")
    first = sealing.staff("auditor").get("/audit-checkpoints?limit=1")
    second = sealing.staff("auditor").get(first.links["next"]["url"])
    assert (first.json()["items"][0]["number"], second.json()["items"][0]["number"]) == (newest, newest - 1)


# --- the tool ---

def test_wrong_usage_and_unreadable_files_end_with_2(log):
    export = log.export()
    other = log.folder / "other.txt"
    other.write_text("{}\n")
    for words in ((), ("prove",), ("verify",), ("verify", export), ("verify", export, "--key", other), ("verify", other, "--key", log.key),
                  ("verify", log.folder / "none", "--key", log.key), ("verify", export, "--key", log.key, "--checkpoint", log.folder / "none"),
                  ("verify", export, "--key", log.key, "--from", "0"), ("export",), ("export", "--out", log.folder / "x"),
                  ("export", "--out", log.folder / "x", "--socket", "/nonexistent"), ("export", "--unknown"), ("checkpoint", "--socket", "/x")):
        code, _, errors = log.tool.run(*words)
        assert code == 2 and errors, words
    assert not (log.folder / "x").exists() and not (log.folder / "x.new").exists()


def test_later_part_of_a_log_is_verified_by_itself(sealing, log):
    log.settle()
    checkpoint = log.checkpoint()
    sealing.person("acceptor")
    newest = log.settle()
    first = lines_of(checkpoint)[0]["number"] + 1
    part = log.export("--from", first, name="part.jsonl")
    code, lines = log.verify("--from", first, "--checkpoint", checkpoint, path=part)
    assert code == 0 and lines[0].startswith(f"{newest - first + 1} batches, "), lines
    code, lines = log.verify("--checkpoint", checkpoint, path=part)
    assert code == 1 and lines[0].startswith(f"the export begins with batch {first}, but batch 1 is expected"), lines


def test_readers_of_the_database_may_export(sealing, log):
    """The role _report suffices: no right to write anything."""
    sealing.sql("CREATE OR REPLACE USER reader@localhost IDENTIFIED BY 'secret'; GRANT ra_report TO reader@localhost;"
                " SET DEFAULT ROLE ra_report FOR reader@localhost")
    (log.folder / "password").write_text("secret\n")
    code, _, errors = log.tool.run("export", "--socket", sealing.stack.database.socket, "--user", "reader", "--password-file", log.folder / "password",
                                   "--out", log.folder / "export.jsonl")
    assert code == 0, errors
    code, lines = log.verify(path=log.folder / "export.jsonl")
    assert code == 0, lines


# --- falsification ---

def test_a_thousand_falsifications_by_chance_are_all_found_and_named(build, tmp_path):
    """Before the last exported checkpoint. The seed is printed: RA_SEED repeats a run."""
    seed = int(os.environ.get("RA_SEED", time.time_ns() % 10**9))
    count = 200 if build.has_sanitizers else 1000
    print(f"RA_SEED={seed}, {count} falsifications")
    chance = random.Random(seed)
    key = evidence.Key()
    log = tamper.Log(chance, key)
    tool = evidence.Tool(build.product("ra-audit"))
    (tmp_path / "key").write_bytes(key.pem)
    forgeries = [(number, *tamper.tampered(chance, log, way)) for number, way in enumerate(tamper.ways(chance, count))]

    def judge(forgery):
        number, forged, way, patterns = forgery
        export, checkpoint = tmp_path / f"{number}.jsonl", tmp_path / f"{number}.checkpoint"
        forged.write(export)
        forged.write_checkpoint(checkpoint)
        code, lines = tool.verify(export, tmp_path / "key", "--checkpoint", checkpoint)
        export.unlink()
        checkpoint.unlink()
        missed = tamper.unnamed(patterns, lines)
        return None if code == 1 and not missed else f"seed {seed}, {number}: {way}: exit {code}, not named: {missed}\n" + "\n".join(lines[:5])

    assert judge((-1, log, "nothing", ["intact$"])).startswith(f"seed {seed}, -1: nothing: exit 0, not named: []")
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        missed = [one for one in pool.map(judge, forgeries) if one]
    assert not missed, "\n\n".join(missed[:5])


@pytest.fixture(scope="module")
def still(sealing, tmp_path_factory):
    """The log of an instance whose httpd is stopped, with a checkpoint, and copies of the tables."""
    log = Evidence(sealing, tmp_path_factory.mktemp("still"))
    for _ in range(3):
        sealing.case("awaiting_entry")
        log.settle()
    log.kept = log.checkpoint()
    sealing.close()
    sealing.kept.clear()
    sealing.stack.httpd.stop()
    for table in TABLES:
        sealing.sql(f"CREATE OR REPLACE TABLE kept_{table} AS SELECT * FROM {table}")
    yield log
    for table in TABLES:
        sealing.sql(f"DROP TABLE kept_{table}")
    sealing.stack.httpd.start()
    process.wait_for("httpd", sealing.stack.is_ready, 60)


def falsify(log, statements):
    """Runs statements as the database's root, exports and verifies, and puts everything back. @return (exit code, lines)"""
    try:
        log.ra.sql("SET FOREIGN_KEY_CHECKS = 0; " + statements)
        return log.verify("--checkpoint", log.kept)
    finally:
        log.ra.sql("SET FOREIGN_KEY_CHECKS = 0; " + "; ".join(f"DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept_{table}" for table in TABLES))


def victim(log, where="m.batch = (SELECT MAX(number) - 1 FROM audit_batches)"):
    """A sealed event in the middle of a batch: (id as hex, id, batch, position)"""
    rows = log.ra.sql(f"SELECT LOWER(HEX(m.event_id)), m.batch, m.position FROM audit_batch_members m JOIN audit_batches b ON b.number = m.batch"
                      f" JOIN audit_events e ON e.id = m.event_id WHERE {where} AND b.event_count > 2 AND m.position > 0 ORDER BY m.batch, m.position LIMIT 1")
    if not rows:
        rows = log.ra.sql("SELECT LOWER(HEX(m.event_id)), m.batch, m.position FROM audit_batch_members m JOIN audit_batches b ON b.number = m.batch"
                          " WHERE b.event_count > 2 AND m.position > 0 ORDER BY m.batch, m.position LIMIT 1")
    hexed, batch, position = rows[0]
    return hexed, "-".join((hexed[:8], hexed[8:12], hexed[12:16], hexed[16:20], hexed[20:])), int(batch), int(position)


EVENT_CHANGES = {
    "at": "at + INTERVAL 1 MICROSECOND", "event": "'other'", "outcome": "IF(outcome = 'done', 'read', 'done')", "problem": "'internal'",
    "actor_kind": "'unknown'", "actor_id": "UNHEX(REPEAT('ab', 16))", "actor_name": "CONCAT(COALESCE(actor_name, ''), 'x')",
    "credential_sha256": "REPEAT('y', 32)", "host": "'internal'", "client_ip": "'10.9.8.7'", "object_type": "'other'", "object_id": "UNHEX(REPEAT('cd', 16))",
    "detail": "'{\"x\":1}'", "trace_id": "REPEAT('9', 32)",
}


@pytest.mark.parametrize("column", EVENT_CHANGES)
def test_changed_column_of_an_event_is_named(still, column):
    hexed, id, batch, position = victim(still)
    code, lines = falsify(still, f"UPDATE audit_events SET {column} = {EVENT_CHANGES[column]} WHERE id = UNHEX('{hexed}')")
    assert code == 1 and f"event {id} (batch {batch}, position {position}): was changed after it was sealed" in lines


BATCH_CHANGES = {
    "number": "number + 1000", "previous_root": "REPEAT('a', 32)", "merkle_root": "REPEAT('b', 32)", "event_count": "event_count + 1",
    "first_event": "last_event", "last_event": "UNHEX(REPEAT('ab', 16))", "sealed_at": "sealed_at + INTERVAL 1 SECOND",
    "seen_until": "seen_until - INTERVAL 1 SECOND", "key_sha256": "REPEAT('c', 32)", "signature": "CONCAT('x', signature)",
}


@pytest.mark.parametrize("column", BATCH_CHANGES)
def test_changed_column_of_a_batch_is_named(still, column):
    _, _, batch, _ = victim(still)
    code, lines = falsify(still, f"UPDATE audit_batches SET {column} = {BATCH_CHANGES[column]} WHERE number = {batch}")
    assert code == 1 and not tamper.unnamed([tamper.names_batch(batch)], lines), lines


MEMBER_CHANGES = {"event_id": "UNHEX(REPEAT('ab', 16))", "batch": "batch + 1000", "position": "position + 1000", "event_sha256": "REPEAT('z', 32)"}


@pytest.mark.parametrize("column", MEMBER_CHANGES)
def test_changed_column_of_a_membership_is_named(still, column):
    hexed, id, batch, _ = victim(still)
    code, lines = falsify(still, f"UPDATE audit_batch_members SET {column} = {MEMBER_CHANGES[column]} WHERE event_id = UNHEX('{hexed}')")
    patterns = [tamper.names_batch(batch)] + ([rf"^event {id} "] if column != "event_id" else [])
    assert code == 1 and not tamper.unnamed(patterns, lines), lines


SETS = {
    "event deleted": ("DELETE FROM audit_events WHERE id = UNHEX('{hexed}')", "^event {id} \\(batch {batch}, position {position}\\): was removed$"),
    "event and membership deleted": ("DELETE FROM audit_events WHERE id = UNHEX('{hexed}'); DELETE FROM audit_batch_members WHERE event_id = UNHEX('{hexed}')",
                                     "^batch {batch}: position {position} is missing$"),
    "membership deleted": ("DELETE FROM audit_batch_members WHERE event_id = UNHEX('{hexed}')", "^batch {batch}: position {position} is missing$"),
    "event inserted and never sealed": (
        "INSERT INTO audit_events (id, at, event, outcome, actor_kind) SELECT UNHEX('{new}'), at - INTERVAL 1 HOUR, 'x', 'done', 'ra' FROM audit_events ORDER BY at LIMIT 1",
        "^event {newid}: is in no batch, but dated before"),
    "event inserted with a membership": (
        "INSERT INTO audit_events (id, at, event, outcome, actor_kind) SELECT UNHEX('{new}'), at, 'x', 'done', 'ra' FROM audit_events WHERE id = "
        "UNHEX('{hexed}'); INSERT INTO audit_batch_members SELECT UNHEX('{new}'), {batch}, event_count, REPEAT('q', 32) FROM audit_batches WHERE "
        "number = {batch}", "^batch {batch}: has \\d+ events, but \\d+ were sealed: events were inserted$"),
    "events reordered": (
        "UPDATE audit_batch_members SET position = 100000 WHERE batch = {batch} AND position = {position}; UPDATE audit_batch_members SET position = "
        "{position} WHERE batch = {batch} AND position = 0; UPDATE audit_batch_members SET position = 0 WHERE batch = {batch} AND position = 100000",
        "^event [0-9a-f-]+ \\(batch {batch}, position \\d+\\): is out of order"),
    "batch deleted": ("DELETE FROM audit_batches WHERE number = {batch}", "^batch {batch}: is missing$"),
    "batch deleted with everything": (
        "DELETE e FROM audit_events e JOIN audit_batch_members m ON m.event_id = e.id WHERE m.batch = {batch}; DELETE FROM audit_batch_members WHERE "
        "batch = {batch}; DELETE FROM audit_batches WHERE number = {batch}", "^batch {batch}: is missing$"),
    "batches swapped": (
        "UPDATE audit_batches SET number = 100000 WHERE number = {batch}; UPDATE audit_batches SET number = {batch} WHERE number = 1; UPDATE audit_batches "
        "SET number = 1 WHERE number = 100000; UPDATE audit_batch_members SET batch = 100000 WHERE batch = {batch}; UPDATE audit_batch_members SET batch = "
        "{batch} WHERE batch = 1; UPDATE audit_batch_members SET batch = 1 WHERE batch = 100000", "^batch {batch}: its description or its signature"),
    "end cut off": (
        "DELETE e FROM audit_events e JOIN audit_batch_members m ON m.event_id = e.id WHERE m.batch >= {batch}; DELETE FROM audit_batch_members WHERE "
        "batch >= {batch}; DELETE FROM audit_batches WHERE number >= {batch}", "^batch {batch}( to batch \\d+)?: (is|are) missing: the end was cut off"),
    "everything deleted": ("DELETE FROM audit_batch_members; DELETE FROM audit_batches; DELETE FROM audit_events",
                           "^batch 1 to batch \\d+: are missing: the end was cut off"),
}


@pytest.mark.parametrize("how", SETS)
def test_falsified_set_is_named(still, how):
    hexed, id, batch, position = victim(still)
    newid = tamper.new_id(random.Random())
    names = {"hexed": hexed, "id": id, "batch": batch, "position": position, "new": newid.replace("-", ""), "newid": newid}
    statements, pattern = SETS[how]
    code, lines = falsify(still, statements.format(**names))
    assert code == 1 and not tamper.unnamed([pattern.format(**names)], lines), lines


def test_falsifications_were_all_put_back(still):
    still.demand_intact("--checkpoint", still.kept)


def test_changed_checkpoint_is_named(still, tmp_path):
    line = lines_of(still.kept)[0]
    for name, value in (("number", line["number"] - 1), ("root", "0" * 64), ("signature", line["signature"][::-1]), ("sealed_at", "2026-01-01T00:00:00Z")):
        (tmp_path / "checkpoint").write_text(json.dumps({**line, name: value}) + "\n")
        code, lines = still.verify("--checkpoint", tmp_path / "checkpoint")
        assert code == 1 and lines[0].startswith("checkpoint of batch "), (name, lines)


def test_key_of_somebody_else_verifies_nothing(still, tmp_path):
    (tmp_path / "key").write_bytes(evidence.Key().pem)
    code, lines = still.tool.verify(still.export(), tmp_path / "key")
    assert code == 1 and any("was signed by a key that was not given" in line for line in lines)
