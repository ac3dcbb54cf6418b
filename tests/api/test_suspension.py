"""The clock of suspensions (domain.md §8, §18.5): warnings, release after six months, abolition where the certificate lapsed; each exactly once."""
import time

import pytest

from acts import REGISTRATION, Act, certificate, ledger, wait_for_status
from harness.twin import Twin
from support import COMPLETION, refused, uuid_sql

WARNINGS = ["suspension_30_days", "suspension_7_days"]
SECONDS = 90


@pytest.fixture
def held(ra):
    return suspend(ra)


def suspend(ra):
    """A completed case whose certificate is on hold; the application that asked for it is not archived yet."""
    old = ra.case("completed")
    act = Act(ra, "suspend", old)
    act.submit()
    act.accept()
    act.enter()
    act.review()
    act.wait("awaiting_registration")
    old.suspension = act
    return old


def change(ra, case, assignments):
    ra.sql(f"UPDATE certificates SET {assignments} WHERE id = {uuid_sql(case.certificate['id'])}")


def end_in(ra, case, interval):
    """Moves the suspension so that its six months end after this interval (which may be negative): as if the clock were another."""
    change(ra, case, f"suspended_at = UTC_TIMESTAMP(6) + INTERVAL 8 HOUR + INTERVAL {interval} - INTERVAL 6 MONTH - INTERVAL 8 HOUR")


def notices(ra, case, who="acceptor"):
    items = ra.staff(who).get("/notices", params={"certificate_id": case.certificate["id"]}).json()["items"]
    return [item["kind"] for item in reversed(items)]


def until(ask, wanted, seconds=SECONDS):
    """Waits for an answer, and a little longer: it must not be given a second time."""
    end = time.monotonic() + seconds
    while ask() != wanted:
        assert time.monotonic() < end, (ask(), wanted)
        time.sleep(0.1)


def by_ra(ra, case, business):
    """Ids of the applications that the RA has opened about a certificate."""
    rows = ra.sql(f"SELECT LOWER(HEX(id)) FROM applications WHERE business = '{business}' AND submitted_by IS NULL"
                  f" AND target_certificate_id = {uuid_sql(case.certificate['id'])}")
    return [row[0] for row in rows]


def opened(ra, case, business):
    """That application as a case."""
    until(lambda: len(by_ra(ra, case, business)), 1)
    act = Act(ra, business, case)
    number = by_ra(ra, case, business)[0]
    act.id = "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:]))
    act.read("manager")
    return act


def reasons(ra, case):
    return [line["reason"] for line in ledger(ra, "revocation", case.certificate["serial"]) if line["result"] == "done"]


def events(ra, case):
    items = ra.staff("auditor").get(f"/certificates/{case.certificate['id']}/history").json()["items"]
    return [(item["event"], item["source"]) for item in items]


# When it ends.

@pytest.mark.parametrize("begin, end", [
    ("2099-08-30 17:00:00", "2100-02-27T17:00:00"),  # 31 August there; 2100 is no leap year: 28 February
    ("2095-08-30 17:00:00", "2096-02-28T17:00:00"),  # 29 February of a leap year
    ("2096-02-28 17:00:00", "2096-08-28T17:00:00"),  # 29 February: 29 August
    ("2097-03-30 15:59:59", "2097-09-30T15:59:59"),  # 30 March, a second before midnight there
    ("2097-03-30 16:00:00", "2097-09-29T16:00:00"),  # 31 March: 30 September, the last day
    ("2097-11-29 16:00:00", "2098-05-29T16:00:00"),  # 30 November: 30 May, a month that has a 31st
])
def test_a_suspension_lasts_six_calendar_months_of_china_standard_time(ra, held, begin, end):
    change(ra, held, f"suspended_at = '{begin}', not_after = '2200-01-01'")
    assert certificate(ra, held)["suspended_until"].startswith(end)


def test_a_suspension_never_outlasts_the_certificate(ra, held):
    change(ra, held, "suspended_at = '2099-01-01', not_after = '2099-03-01'")
    assert certificate(ra, held)["suspended_until"].startswith("2099-03-01T00:00:00")
    change(ra, held, "suspended_at = NULL")
    assert "suspended_until" not in certificate(ra, held)


def test_the_public_is_told_until_when(ra, held):
    shown = ra.public.get("/certificate-status", params={"subject": held.name, "serial": held.certificate["serial"]}).json()["items"][0]
    assert (shown["status"], shown["suspended_until"]) == ("suspended", certificate(ra, held)["suspended_until"])


# Warnings.

def test_the_subscriber_is_to_be_warned_30_and_7_days_before_once_each(ra, held):
    end_in(ra, held, "31 DAY")
    time.sleep(6)
    assert notices(ra, held) == []
    end_in(ra, held, "29 DAY")
    until(lambda: notices(ra, held), WARNINGS[:1])
    end_in(ra, held, "8 DAY")
    time.sleep(6)
    assert notices(ra, held) == WARNINGS[:1]
    end_in(ra, held, "6 DAY")
    until(lambda: notices(ra, held), WARNINGS)
    for interval in ("5 DAY", "40 DAY", "3650 DAY", "1 HOUR"):  # forward, back, ten years back, forward
        end_in(ra, held, interval)
        time.sleep(1.5)
    time.sleep(5)
    assert notices(ra, held) == WARNINGS
    assert events(ra, held) == [("suspended", "ra"), ("suspension_30_days", "ra"), ("suspension_7_days", "ra")]
    audited = ra.staff("auditor").get("/audit-events", params={"object_id": held.certificate["id"], "event": "suspension_clock"}).json()["items"]
    assert [item["detail"]["event"] for item in reversed(audited)] == WARNINGS
    assert certificate(ra, held)["status"] == "suspended" and reasons(ra, held) == [6]


def test_a_second_suspension_is_warned_of_anew(ra, held):
    end_in(ra, held, "29 DAY")
    until(lambda: notices(ra, held), WARNINGS[:1])
    held.suspension.step("acceptor", "registration", REGISTRATION)
    held.suspension.archive()
    held.suspension.step("acceptor", "completion", COMPLETION)
    Act(ra, "resume", held).run()
    Act(ra, "suspend", held).run()
    end_in(ra, held, "29 DAY")
    until(lambda: notices(ra, held), WARNINGS[:1] * 2)


# The end.

def test_after_six_months_the_ra_releases_the_certificate_by_itself(ra, held):
    end_in(ra, held, "-1 SECOND")
    wait_for_status(ra, held, "valid", SECONDS)
    release = opened(ra, held, "release")
    assert (release.state, release.application["submitted_by"]) == ("completed", {"name": "RA", "kind": "ra"})
    assert [(step["step"], step["outcome"], step["state_after"], step["actor"]["kind"]) for step in release.history()] == [
        ("submission", "done", "in_execution", "ra"), ("made", "done", "completed", "ra")]
    record = ra.staff("manager").get(release.path + "/completion-record").json()
    assert record["completed_by"] == {"name": "RA"} and record["target_certificate"]["serial"] == held.certificate["serial"]
    assert ra.staff("auditor").get(release.path + "/form").json()["business_name"]["zh-CN"] == "挂起期满解挂"
    time.sleep(6)
    assert notices(ra, held) == [*WARNINGS, "suspension_ends"]
    assert reasons(ra, held) == [6, 8]
    assert events(ra, held)[-2:] == [("suspension_ends", "ra"), ("released", "ra")]
    assert len(by_ra(ra, held, "release")) == 1


@pytest.mark.parametrize("business", ["revoke", "reissue_lost"])
def test_the_release_waits_for_an_open_application_that_ends_the_certificate(ra, held, business):
    held.suspension.step("acceptor", "registration", REGISTRATION)
    held.suspension.archive()
    held.suspension.step("acceptor", "completion", COMPLETION)
    act = Act(ra, business, held)
    act.submit()
    end_in(ra, held, "-1 DAY")
    until(lambda: notices(ra, held), [*WARNINGS, "suspension_waits"])
    time.sleep(6)
    assert notices(ra, held) == [*WARNINGS, "suspension_waits"] and by_ra(ra, held, "release") == []
    assert certificate(ra, held)["status"] == "suspended"
    newest = ra.staff("acceptor").get("/notices", params={"certificate_id": held.certificate["id"]}).json()["items"][0]
    assert newest["application_id"] == act.id
    act.withdraw()
    wait_for_status(ra, held, "valid", SECONDS)
    assert reasons(ra, held) == [6, 8]


def test_a_revocation_in_time_is_the_end(ra, held):
    held.suspension.step("acceptor", "registration", REGISTRATION)
    held.suspension.archive()
    held.suspension.step("acceptor", "completion", COMPLETION)
    act = Act(ra, "revoke", held)
    act.submit()
    end_in(ra, held, "-1 DAY")
    until(lambda: notices(ra, held), [*WARNINGS, "suspension_waits"])
    act.accept()
    act.enter()
    act.review()
    act.wait("awaiting_archive")
    time.sleep(6)
    assert certificate(ra, held)["status"] == "revoked"
    assert reasons(ra, held) == [6, 5] and by_ra(ra, held, "release") == []


def test_a_certificate_that_lapsed_while_suspended_is_the_managers_case(ra, held):
    change(ra, held, "not_after = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
    abolish = opened(ra, held, "abolish")
    assert abolish.state == "awaiting_review" and reasons(ra, held) == [6]
    assert notices(ra, held) == [*WARNINGS, "suspension_abolition"]
    tasks = ra.staff("manager").get("/tasks", params={"step": "review", "limit": 200}).json()["items"]
    assert abolish.id in [task["id"] for task in tasks]
    abolish.refuse("review_officer", "review", {"decision": "approve"}, 403, "access-denied")
    abolish.refuse("acceptor", "withdrawal", {"reason": "不办了"}, 403, "access-denied")
    abolish.review("manager")
    abolish.wait("awaiting_completion")
    assert certificate(ra, held)["status"] == "revoked" and reasons(ra, held) == [6, 5]
    abolish.step("manager", "completion", COMPLETION)
    assert abolish.state == "completed"
    record = ra.staff("manager").get(abolish.path + "/completion-record").json()
    assert [hand["step"] for hand in record["hands"]] == ["review", "completion"]


def test_an_abolition_that_the_manager_rejects_leaves_the_certificate_on_hold_and_says_so(ra, held):
    change(ra, held, "not_after = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
    abolish = opened(ra, held, "abolish")
    abolish.step("manager", "review", {"decision": "reject", "reason": "订户已申请更新", "guidance": "按更新办理"})
    assert (abolish.state, abolish.application["rejection"]["reason"]) == ("withdrawn", "订户已申请更新")
    assert events(ra, held)[-1] == ("abolition_rejected", "ra")
    time.sleep(6)
    assert len(by_ra(ra, held, "abolish")) == 1 and reasons(ra, held) == [6]
    assert certificate(ra, held)["status"] == "suspended"
    held.suspension.step("acceptor", "registration", REGISTRATION)
    held.suspension.archive()
    held.suspension.step("acceptor", "completion", COMPLETION)
    refused(ra.staff("acceptor").post("/applications", Act(ra, "resume", held).form, expect=409), 409, "certificate-state")
    Act(ra, "revoke", held).run()
    assert reasons(ra, held) == [6, 5]


@pytest.mark.parametrize("business", ["release", "abolish"])
def test_nobody_can_apply_for_what_the_ra_does_by_itself(ra, held, business):
    form = {"business": business, "certificate_id": held.certificate["id"], "revocation_reason": "unspecified"}
    refused(ra.staff("acceptor").post("/applications", form, expect=422), 422, "business-unknown", ("/business", "unknown-reference"))


@pytest.mark.log("RA0421")
def test_the_ca_is_asked_until_it_releases(ra, held):
    ra.stack.ca.knobs(mode="reject", body="rr", count=2)
    try:
        end_in(ra, held, "-1 DAY")
        release = opened(ra, held, "release")
        wait_for_status(ra, held, "valid", 60)
    finally:
        ra.stack.ca.reset()
    release.wait("completed")
    assert reasons(ra, held) == [6, 8] and len(by_ra(ra, held, "release")) == 1


@pytest.mark.log("RA0421")
def test_while_the_ca_is_asked_nothing_else_is_asked_about_the_certificate(ra, held):
    held.suspension.step("acceptor", "registration", REGISTRATION)
    held.suspension.archive()
    held.suspension.step("acceptor", "completion", COMPLETION)
    ra.stack.ca.knobs(mode="reject", body="rr", count=-1)
    try:
        end_in(ra, held, "-1 DAY")
        opened(ra, held, "release")
        act = Act(ra, "revoke", held)
        act.submit()
        act.accept()
        act.enter()
        act.refuse("review_officer", "review", {"decision": "approve"}, 409, "certificate-busy")
        act.demand_blocked("review_officer", "review", "certificate-busy")
    finally:
        ra.stack.ca.reset()
    wait_for_status(ra, held, "valid", 60)
    act.demand_free("review_officer", "review")
    act.review()
    act.wait("awaiting_archive")
    assert reasons(ra, held) == [6, 8, 5]


# Several httpds, other clocks, crashes.

def test_two_httpds_do_each_thing_once(ra):
    cases = [suspend(ra) for _ in range(5)]
    with Twin(ra.stack):
        lapsed, *others = cases
        names = ", ".join(uuid_sql(case.certificate["id"]) for case in others)
        change(ra, lapsed, "not_after = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
        ra.sql(f"UPDATE certificates SET suspended_at = UTC_TIMESTAMP(6) - INTERVAL 7 MONTH WHERE id IN ({names})")
        for case in others:
            wait_for_status(ra, case, "valid", SECONDS)
        opened(ra, lapsed, "abolish")
        time.sleep(6)
    for case in others:
        assert notices(ra, case) == [*WARNINGS, "suspension_ends"]
        assert reasons(ra, case) == [6, 8] and len(by_ra(ra, case, "release")) == 1
        assert [event for event, _ in events(ra, case)] == ["suspended", *WARNINGS, "suspension_ends", "released"]
    assert notices(ra, lapsed) == [*WARNINGS, "suspension_abolition"] and len(by_ra(ra, lapsed, "abolish")) == 1


@pytest.mark.log("RA0421", "RA0431")
def test_a_crash_in_the_middle_of_a_release_does_not_repeat_or_lose_it(ra, held):
    ra.stack.ca.knobs(mode="late", ms=3000, body="rr", count=1)
    try:
        end_in(ra, held, "-1 DAY")
        until(lambda: len(by_ra(ra, held, "release")), 1)
        time.sleep(1)
        ra.stack.httpd.kill()
        # The lease of the job that was running is over, as it would be after a while.
        ra.sql("UPDATE outbox_jobs SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE state = 'open' AND lease_until IS NOT NULL")
    finally:
        ra.stack.httpd.start()
        ra.stack.ca.reset()
    wait_for_status(ra, held, "valid", SECONDS)
    assert notices(ra, held) == [*WARNINGS, "suspension_ends"]
    assert reasons(ra, held) == [6, 8] and len(by_ra(ra, held, "release")) == 1


def test_the_time_zone_of_the_database_does_not_matter(ra, held):
    ra.sql("SET GLOBAL time_zone = '-11:00'")
    ra.stack.httpd.stop()
    ra.stack.httpd.start()
    try:
        change(ra, held, "suspended_at = UTC_TIMESTAMP(6) + INTERVAL 8 HOUR + INTERVAL 10 MINUTE - INTERVAL 6 MONTH - INTERVAL 8 HOUR")
        until(lambda: notices(ra, held), WARNINGS)
        time.sleep(6)
        assert by_ra(ra, held, "release") == []
        end_in(ra, held, "-1 SECOND")
        wait_for_status(ra, held, "valid", SECONDS)
    finally:
        ra.sql("SET GLOBAL time_zone = 'SYSTEM'")
        ra.stack.httpd.stop()
        ra.stack.httpd.start()


# Notices.

def test_the_counter_notes_that_the_subscriber_was_told(ra, held):
    end_in(ra, held, "29 DAY")
    until(lambda: notices(ra, held), WARNINGS[:1])
    mine = {"certificate_id": held.certificate["id"], "state": "open"}
    notice, = ra.staff("hotline_agent").get("/notices", params=mine).json()["items"]
    assert notice["subscriber"]["name"] == held.form["subscriber"]["name"] and "30" in notice["texts"]["zh-CN"]
    path = f"/notices/{notice['id']}"
    tag = ra.staff("hotline_agent").get(path).headers["ETag"]
    told = ra.staff("hotline_agent").call("POST", path + "/delivery", {"channel": "phone", "note": "已告知"}, tag=tag, expect=200).json()
    assert (told["told"]["channel"], told["told"]["note"]) == ("phone", "已告知")
    assert ra.staff("hotline_agent").get("/notices", params=mine).json()["items"] == []
    refused(ra.staff("acceptor").call("POST", path + "/delivery", {"channel": "letter"}, tag=tag, expect=412), 412, "version-stale")


def test_notices_of_another_region_are_not_there(ra, held):
    end_in(ra, held, "29 DAY")
    until(lambda: notices(ra, held), WARNINGS[:1])
    elsewhere = ra.person("acceptor", office_id=ra.office("140200"), province_wide=False)
    assert notices(ra, held, elsewhere) == []
    notice, = ra.staff("acceptor").get("/notices", params={"certificate_id": held.certificate["id"]}).json()["items"]
    refused(ra.staff(elsewhere).get(f"/notices/{notice['id']}", expect=404), 404, "not-found")
    refused(ra.staff("agency").get("/notices", expect=403), 403, "access-denied")
