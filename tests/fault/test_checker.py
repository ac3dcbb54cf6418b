"""ra_check finds what is broken: bugs that are planted in the module and met by the real thing, and witnesses that contradict each other."""
import copy
import importlib.machinery
import importlib.util
import os
import signal

import pytest

from fault import campaign as campaigns
from fault import failpoints
from fault.driver import Party
from harness import process
from support import Case

ANY_ERROR = 1105  # ER_UNKNOWN_ERROR: no repetition heals it
PATIENT, HASTY = 60, 3  # seconds that a case follows what the CA does: until it is done, or as long as is mostly enough
ROUNDS = 5


def load_checker():
    loader = importlib.machinery.SourceFileLoader("ra_check", str(campaigns.CHECK))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("ra_check", loader))
    loader.exec_module(module)
    return module


ra_check = load_checker()


class Always:
    """Dice that do everything a case may do."""

    def random(self):
        return 0.0

    def choice(self, options):
        return options[-1]


class NoAct(Always):
    """Dice of a case whose certificate is left to the CA's own operator."""

    def choice(self, options):
        return options[0]


@pytest.fixture(scope="module")
def campaign(build, tmp_path_factory):
    if not build.is_test_build:
        pytest.skip("needs --enable-test-build")
    stack = campaigns.make_stack(build, "planted")
    made = campaigns.Campaign(stack, tmp_path_factory.mktemp("campaign"), 1)
    yield made
    stack.stop()
    stack.wipe()


def run(campaign, wait, *works):
    """Each work is (what of the campaign, dice)."""
    campaign.wait = wait
    party = Party(campaign.stack, campaign.log, None)
    for what, dice in works:
        campaign.try_case(party, dice, getattr(campaign, what))
    party.close()
    campaign.drain(wait)


CASES = (("one_case", Always()),) * 2
IN_BULK = (("bulk_round", Always()),)
REVOKED_BY_CA = (("one_case", NoAct()),)


def witnesses(campaign, **more):
    return ra_check.Witnesses(ra_check.read_lines(campaign.folder / "driver.jsonl"), campaign.stack.ca.ledger(),
                              {**ra_check.read_database(campaign.stack.database.socket), **more})


def found(campaign):
    return set(ra_check.violations(witnesses(campaign)))


def slow(campaign):
    campaign.stack.ca.knobs(mode="late", ms=1200)


def silent(campaign):
    campaign.stack.ca.knobs(mode="silent", body="cr", count=1)


def no_revocation(campaign):
    campaign.stack.ca.knobs(mode="http500", body="rr", count=1)


def no_commit(campaign):
    campaign.points.arm("certificate_moved", failpoints.ERROR, ANY_ERROR)


# (bug, trouble that brings it out, what is done, broken promises)
PLANTS = [
    ("approval_kept", None, CASES, {"I5"}), ("history_jumps", None, CASES, {"I7"}), ("key_ignored", None, CASES, {"I18"}),
    ("audit_row_missing", None, CASES, {"I11", "I12"}), ("code_reusable", None, CASES, {"I9"}), ("lease_off", slow, CASES, {"I6"}),
    ("second_transaction", silent, CASES, {"I3", "I4"}), ("confirmed_unstored", no_commit, CASES, {"I4"}),
    ("revocation_undone", no_revocation, CASES, {"I10"}), ("send_before_commit", None, CASES, {"I4"}),
    ("bulk_cut_short", None, IN_BULK, {"I6"}), ("crl_unheeded", None, REVOKED_BY_CA, {"I10"}),
]


@pytest.fixture(scope="module")
def sound(campaign):
    """Witnesses of a run in which nothing went wrong."""
    run(campaign, PATIENT, *CASES, *IN_BULK, *REVOKED_BY_CA, *CASES[:1])
    campaign.follow_list()
    export, _ = campaign.export_audit()
    return witnesses(campaign, exported=ra_check.read_export(export))


def test_sound_module_breaks_no_promise(campaign, sound):
    assert ra_check.violations(sound) == []
    assert campaign.done["cases"] == 4 and campaign.done["revoke"] == 3
    assert campaign.done["rounds in bulk"] == 1 and campaign.done["rows in bulk"] == 20 and campaign.done["revoked at the CA"] == 1


# Witnesses that contradict each other: one of them is changed after a sound run.

def table(name, change):
    """Changes one row of a table of the database."""
    return lambda driver, ledger, database: change(database[name])


def issue_again(driver, ledger, database):
    first = next(line for line in ledger if line["kind"] == "certificate" and line["transaction_id"])
    ledger.append({**first, "serial": "77" + first["serial"][2:]})


def release_after_revocation(driver, ledger, database):
    last = next(line for line in reversed(ledger) if line["kind"] == "revocation")
    ledger.append({**last, "reason": 8})


def tell_otherwise(driver, ledger, database):
    told = next(line for line in driver if line["kind"] == "told")
    driver.append({**told, "body_sha256": "00" * 32})


def other_subject(rows):
    for row in rows:
        row["subject_name"] = "别的企业" + row["id"]


def change_one(**members):
    return lambda rows: rows[-1].update(members)


def change_enrolment(**members):
    return lambda rows: next(row for row in rows if row["kind"] == "enrol").update(members)


def reviewer_entered(rows):
    entered = {row["application_id"]: row["actor_id"] for row in rows if row["step"] == "entry"}
    for row in rows:
        if row["step"] == "review":
            row["actor_id"] = entered[row["application_id"]]


def forget_what_was_seen(driver, ledger, database):
    seen = next(line for line in driver if line["kind"] == "seen")
    next(row for row in database["certificates"] if row["id"] == seen["certificate"])["revoked_at"] = None


def follow_again(rows):
    rows.append({**next(row for row in rows if row["source"] == "ca"), "id": "ff" * 16})


def release_in_history(rows):
    rows.append({**next(row for row in rows if row["event"] == "revoked"), "event": "released", "id": "ff" * 16})


def of_row(**members):
    """Changes the first row that was submitted in bulk."""
    return lambda rows: next(row for row in rows if row["status"] == 201).update(members)


def submit_row_again(driver, ledger, database):
    made = next(row for row in database["bulk_results"] if row["status"] == 201)["result"]["id"].replace("-", "")
    database["applications"].append({**next(row for row in database["applications"] if row["id"] == made), "id": "ff" * 16})


def do_on_one(rows):
    first, second = [row for row in rows if row["status"] == 201][:2]
    second["result"] = first["result"]


TAMPERED = [
    ("bulk operation lost", table("bulk_operations", lambda rows: rows.clear()), "I1"),
    ("row of bulk lost", table("bulk_results", lambda rows: rows.pop()), "I1"),
    ("row told otherwise", table("bulk_results", of_row(status=409)), "I1"),
    ("row submitted twice", submit_row_again, "I2"),
    ("row done and not there", table("applications", lambda rows: rows.clear()), "I2"),
    ("two rows one effect", table("bulk_results", do_on_one), "I2"),
    ("bulk without end", table("bulk_operations", change_one(finished_at=None)), "I6"),
    ("bulk with a gap", table("bulk_operations", change_one(total=99)), "I6"),
    ("revoked by the list, forgotten", forget_what_was_seen, "I10"),
    ("list followed twice", table("certificate_history", follow_again), "I10"),
    ("released after its revocation", table("certificate_history", release_in_history), "I10"),
    ("application lost", table("applications", lambda rows: rows.clear()), "I1"),
    ("version lost", table("application_history", lambda rows: rows.pop()), "I1"),
    ("operation lost", table("ca_attempts", lambda rows: rows.clear()), "I1"),
    ("nobody asked", table("applications", other_subject), "I2"),
    ("issued twice", issue_again, "I3"),
    ("no attempt", table("ca_attempts", change_enrolment(transaction_id="00" * 16)), "I4"),
    ("other bytes", table("ca_attempts", change_enrolment(sent_bytes="00" * 32)), "I4"),
    ("one person twice", table("application_history", reviewer_entered), "I4"),
    ("confirmed too early", table("certificates", change_one(created_at="2099-01-01 00:00:00.000000")), "I4"),
    ("other key", table("ca_attempts", change_enrolment(spki_sha256="00" * 32)), "I5"),
    ("never issued", table("certificates", change_one(serial="77")), "I5"),
    ("no end", table("ca_attempts", change_enrolment(state="sent")), "I6"),
    ("job left", table("outbox_jobs", lambda rows: next(row for row in rows if row["kind"] == "revoke").update(state="open")), "I6"),
    ("jump", table("application_history", change_one(state_before="awaiting_entry")), "I7"),
    ("code unused", table("production_codes", change_one(used_at=None)), "I9"),
    ("code expired", table("production_codes", change_one(expires_at="2000-01-01 00:00:00.000000")), "I9"),
    ("released again", release_after_revocation, "I10"),
    ("not revoked", table("certificates", change_one(revoked_at=None, suspended_at=None)), "I10"),
    ("no audit", table("audit_events", lambda rows: rows.clear()), "I11"),
    ("unaudited application", table("audit_events", lambda rows: rows.clear()), "I12"),
    ("other answer", tell_otherwise, "I18"),
]


@pytest.mark.parametrize("tamper, promise", [row[1:] for row in TAMPERED], ids=[name for name, *_ in TAMPERED])
def test_contradiction_is_found(sound, tamper, promise):
    driver, ledger, database = copy.deepcopy((sound.driver, sound.ledger, sound.database))
    tamper(driver, ledger, database)
    assert promise in {name for name, _ in ra_check.violations(ra_check.Witnesses(driver, ledger, database))}


# The exported audit log against the others.

def of_event(name, **members):
    """Changes the first event of a name."""
    return lambda rows: next(row for row in rows if row["event"] == name).update(members)


def once_more(name):
    return lambda rows: rows.append({**next(row for row in rows if row["event"] == name), "id": "ff" * 16})


def lose_row(rows):
    trace = next(row for row in rows if row["event"] == "createApplicationsInBulk")["trace_id"]
    next(row for row in rows if row["event"] == "createApplication" and row["trace_id"] == trace)["trace_id"] = "00" * 16


EXPORTS = [
    ("an event less", lambda rows: rows.pop(), "is only stored"), ("an event more", once_more("enterApplication"), "is only exported"),
    ("the same event twice", lambda rows: rows.append(rows[0]), "was exported 2 times"), ("not sealed", of_event("enterApplication", sealed=False), "was never sealed"),
    ("told and not there", of_event("reviewApplication", trace_id="00" * 16), "was answered 200, and the export has 0 events"),
    ("done twice", once_more("reviewApplication"), "was done 2 times"),
    ("confirmed and not there", of_event("certificate_issued", event="other"), "the export has 0 events of its issue"),
    ("issued twice", once_more("certificate_issued"), "the export has 2 events of its issue"),
    ("revoked and not there", lambda rows: [row.update(event="other") for row in rows if row["event"] == "certificate_status_changed"], "the export has no event of it"),
    ("list followed and not there", lambda rows: [row.update(event="other") for row in rows if row["detail"].get("source") == "ca"], "the export has no event of it"),
    ("row of bulk and not there", lose_row, "was answered 201, and the export has"),
]


@pytest.mark.parametrize("tamper, text", [row[1:] for row in EXPORTS], ids=[name for name, *_ in EXPORTS])
def test_export_that_contradicts_is_found(sound, tamper, text):
    database = copy.deepcopy(sound.database)
    tamper(database["exported"])
    found = ra_check.violations(ra_check.Witnesses(sound.driver, sound.ledger, database))
    assert {name for name, _ in found} == {"I11"} and any(text in one for _, one in found), found


def test_export_that_does_not_verify_is_found(campaign, sound):
    export, checkpoint = campaign.export_audit()
    tool, key = campaign.stack.build.product("ra-audit"), campaign.stack.state / "pki" / "audit.pub"
    assert ra_check.verify_audit(tool, key, export, checkpoint) == []
    export.write_text(export.read_text("utf-8").replace("reviewApplication", "readApplication", 1), "utf-8")
    assert any("was changed after it was sealed" in text for _, text in ra_check.verify_audit(tool, key, export, checkpoint))


# Bugs in the module itself.

@pytest.mark.parametrize("plant, trouble, works, promises", PLANTS, ids=[plant for plant, *_ in PLANTS])
def test_planted_bug_is_found(campaign, plant, trouble, works, promises):
    assert plant in failpoints.PLANTS
    before, new = found(campaign), set()
    campaign.points.plant(plant)
    try:
        for _ in range(ROUNDS):  # on a loaded machine a case may not come as far as the bug
            if trouble:
                trouble(campaign)
            run(campaign, HASTY, *works)
            new = found(campaign) - before
            if promises <= {name for name, _ in new}:
                break
    finally:
        campaign.points.plant(plant, False)
        campaign.stack.ca.reset()
    assert campaign.points.hits(plant) > 0, "nothing came by"
    assert promises <= {name for name, _ in new}, new


def test_list_is_followed_by_another_child_after_a_kill(campaign):
    """The child that follows it dies with the change under way: another takes it over, within the lease of any job, and does it once."""
    before = campaign.points.fired("crl_changed")
    campaign.points.arm("crl_changed", failpoints.KILL)
    party = Party(campaign.stack, campaign.log, None)
    case = Case(party).to("completed")
    assert campaign.stack.ca.revoke(case.certificate["serial"], campaigns.KEY_COMPROMISE) == "done"
    process.wait_for("the kill", lambda: campaign.points.fired("crl_changed") > before, PATIENT)
    left = campaign.sql("SELECT MAX(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(6), lease_until)) FROM outbox_jobs WHERE state = 'open' AND kind = 'ca_status'")
    assert 0 <= int(left[0][0]) <= 2 * ra_check.RUN_SECONDS + 60
    process.wait_for("the end of the child", lambda: not campaign.end_leases_of_the_dead() and status_of(party, case) == "revoked", PATIENT)
    party.close()
    new = [row for row in witnesses(campaign).database["certificate_history"] if row["certificate_id"] == case.certificate["id"].replace("-", "")]
    assert [(row["event"], row["source"]) for row in new] == [("revoked", "ca")]


def status_of(party, case):
    return party.staff("auditor").get(f"/certificates/{case.certificate['id']}").json()["status"]


def test_child_that_crashes_is_found_whatever_is_announced(campaign):
    log = campaign.stack.httpd.error_log
    mark = log.mark()
    os.kill(campaign.stack.httpd.children()[0], signal.SIGSEGV)
    process.wait_for("httpd's word about it", lambda: [one for one in campaign.crashes() if one["message"].startswith("AH0005")], 60)
    assert log.unannounced(mark, [pytest.mark.log(".*", "AH00052").mark])
