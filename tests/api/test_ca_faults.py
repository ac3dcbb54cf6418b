"""The upstream CA misbehaves in every way its knobs know: the application ends in the right state, and nothing is issued twice (I3-I6)."""
import os
import random
import threading
import time

import pytest

from support import refused

pytestmark = pytest.mark.log("RA041")  # what became of an enrolment
SECONDS = 90


@pytest.fixture(scope="module")
def faulty(make_ra):
    """An impatient instance: a request waits one second, an exchange with the CA two."""
    return make_ra("faults", PRODUCTION_WAIT=1, EXTRA_GLOBAL="RAUpstreamTimeout 2")


@pytest.fixture
def knobs(faulty):
    yield faulty.stack.ca.knobs
    faulty.stack.ca.reset()


def ledger(ra, case, kind=None):
    """What the CA wrote down about the certificates of the application's attempts; a falsified one has another subject and key."""
    wanted = f"SELECT LOWER(HEX(transaction_id)) FROM ca_attempts WHERE application_id = UNHEX(REPLACE('{case.id}', '-', ''))"
    transactions = {row[0] for row in ra.sql(wanted)}
    lines = ra.stack.ca.ledger()
    serials = {line["serial"] for line in lines if line["kind"] == "certificate" and line["transaction_id"].lower() in transactions}
    return [line for line in lines if line.get("serial") in serials and kind in (None, line["kind"])]


def issued_once(ra, case):
    """Exactly one certificate, confirmed, and it is the one that the RA has."""
    case.certificate = ra.staff("auditor").get(f"/certificates/{case.operation['certificate_id']}").json()
    made = ledger(ra, case, "certificate")
    assert [int(line["serial"], 16) for line in made] == [int(case.certificate["serial"], 16)]
    end = time.monotonic() + SECONDS
    while not any(line["accepted"] for line in ledger(ra, case, "confirm")) and time.monotonic() < end:
        time.sleep(0.1)
    assert any(line["accepted"] for line in ledger(ra, case, "confirm"))
    assert not ledger(ra, case, "revocation")
    assert case.read()["state"] == "awaiting_handover"
    jobs_end(ra, case)


def jobs_end(ra, case):
    """The outbox has nothing left to do for the application."""
    open_jobs = ("SELECT COUNT(*) FROM outbox_jobs j JOIN ca_attempts t ON t.id = j.subject WHERE j.state = 'open'"
                 f" AND t.application_id = UNHEX(REPLACE('{case.id}', '-', ''))")
    end = time.monotonic() + SECONDS
    while ra.sql(open_jobs) != [["0"]] and time.monotonic() < end:
        time.sleep(0.1)
    assert ra.sql(open_jobs) == [["0"]]


def not_issued(ra, case, outcome):
    """The attempt has failed for a reason that people can read, and the application can be produced anew."""
    assert case.operation["reason"]["outcome"] == outcome and case.operation["reason"]["text"]
    assert case.read()["state"] == "awaiting_production"
    assert "certificate_id" not in case.application
    assert ra.staff("auditor").get("/certificates", params={"application_id": case.id}).json()["items"] == []
    last = case.history()[-1]
    assert (last["step"], last["outcome"], last["actor"]["kind"]) == ("not_made", outcome, "ra") and last["reason"]
    jobs_end(ra, case)


# What heals by itself: a moment of trouble, then a good CA again.

@pytest.mark.parametrize("fault", [
    {"mode": "silent"}, {"mode": "drop"}, {"mode": "refuse"}, {"mode": "garbage"}, {"mode": "html"}, {"mode": "http500"},
    {"mode": "html", "process": True}, {"mode": "http500", "process": True}, {"mode": "garbage", "process": False}, {"mode": "truncate"},
    {"mode": "truncate", "at": 1}, {"mode": "oversize"}, {"mode": "slow_byte"}, {"mode": "wrong_transaction"}, {"mode": "wrong_nonce"},
    {"mode": "bad_signature"}, {"mode": "wrong_signer"}, {"mode": "wrong_sender"}, {"mode": "unprotected_error"},
    {"mode": "issue_then_reject"},
    {"mode": "late", "ms": 2600}, {"mode": "silent", "body": "certConf"}, {"mode": "http500", "body": "certConf"}, {"mode": "no_confirm"},
], ids=lambda fault: " ".join(str(value) for value in fault.values()))
def test_passing_fault_ends_in_one_certificate(faulty, knobs, fault):
    case = faulty.case("coded")
    knobs(count=1, **fault)
    case.ask()
    case.follow("succeeded", seconds=SECONDS)
    issued_once(faulty, case)


def test_late_answer_within_the_waiting_time_is_answered_with_it(faulty, knobs):
    for _ in range(10):  # a machine may be too busy for all of it within the second
        case = faulty.case("coded")
        knobs(mode="late", ms=300, count=1)
        status = case.ask().status_code
        if status == 201:
            break
        case.follow("succeeded", seconds=SECONDS)
    assert status == 201
    issued_once(faulty, case)


def test_late_answer_beyond_the_waiting_time_is_followed_by_the_operation(faulty, knobs):
    case = faulty.case("coded")
    knobs(mode="late", ms=1900, count=1)
    answer = case.ask()
    assert answer.status_code == 202
    assert answer.headers["Location"].endswith(f"/operations/{case.operation['id']}") and int(answer.headers["Retry-After"]) >= 1
    assert case.operation["status"] == "pending"
    case.follow("succeeded")
    issued_once(faulty, case)


def test_caller_may_prefer_not_to_wait(faulty):
    case = faulty.case("coded")
    assert case.ask(headers={"Prefer": "respond-async"}).status_code == 202
    case.follow("succeeded")
    issued_once(faulty, case)


@pytest.mark.parametrize("polls", [1, 3])
def test_waiting_is_polled_until_the_certificate_comes(faulty, knobs, polls):
    case = faulty.case("coded")
    knobs(mode="waiting", polls=polls, check_after=1, count=1)
    case.ask()
    case.follow("waiting", "succeeded")
    case.follow("succeeded")
    issued_once(faulty, case)


def test_poll_that_fails_is_repeated(faulty, knobs):
    case = faulty.case("coded")
    knobs(mode="waiting", polls=2, check_after=1, count=1)
    knobs(mode="http500", body="pollReq", count=1)
    case.ask()
    case.follow("waiting")
    assert "500" in case.operation["reason"]["text"]
    faulty.sql("UPDATE outbox_jobs SET next_run = UTC_TIMESTAMP(6) WHERE state = 'open'")  # not in half a minute, but now
    case.follow("succeeded")
    issued_once(faulty, case)


@pytest.mark.parametrize("mode", ["silent", "http500"])
def test_confirmation_that_is_lost_after_a_poll_is_repeated(faulty, knobs, mode):
    """The CA is past its waiting: another poll is out of turn, only the request itself brings the certificate again."""
    case = faulty.case("coded")
    knobs(mode="waiting", polls=1, check_after=1, count=1)
    knobs(mode=mode, body="certConf", count=1)
    case.ask()
    case.follow("succeeded", seconds=SECONDS)
    issued_once(faulty, case)


def test_two_faults_after_each_other(faulty, knobs):
    case = faulty.case("coded")
    knobs(mode="silent", count=2)
    case.ask()
    case.follow("succeeded")
    issued_once(faulty, case)


def test_answers_cut_at_random_bytes_end_in_one_certificate(faulty, knobs):
    """tests/unit/test_cmp_cut.c cuts at every byte; here the whole way is tried at a few. RA_SEED repeats what a run has printed."""
    seed = int(os.environ.get("RA_SEED") or random.SystemRandom().randrange(1, 2 ** 31))
    print(f"RA_SEED={seed}")
    chance = random.Random(seed)
    for _ in range(2):
        case = faulty.case("coded")
        for body in ("cr", "certConf"):
            knobs(mode="truncate", at=chance.randrange(1500), body=body, count=1)
        case.ask()
        case.follow("succeeded", seconds=SECONDS)
        issued_once(faulty, case)


# A rejection is no proof: a CA may have issued before it said no.

def sequence(knobs, body, *faults):
    """The next messages of a type meet these faults, one each; a knob is for one name of the type, so two at most."""
    for name, fault in zip((body, ""), faults):
        knobs(body=name, count=1, **fault)


@pytest.mark.parametrize("second", [{"mode": "silent"}, {"mode": "http500"}, {"mode": "garbage"}, {"mode": "late", "ms": 2600},
                                    {"mode": "bad_signature"}], ids=lambda fault: fault["mode"])
def test_rejection_is_not_believed_while_the_second_look_has_no_answer(faulty, knobs, second):
    case = faulty.case("coded")
    sequence(knobs, "cr", {"mode": "issue_then_reject"}, second)
    case.ask()
    case.follow("succeeded", seconds=SECONDS)
    issued_once(faulty, case)


def test_rejection_of_repeated_bytes_is_not_believed_either(faulty, knobs):
    case = faulty.case("coded")
    sequence(knobs, "cr", {"mode": "http500"}, {"mode": "issue_then_reject"})
    case.ask()
    case.follow("succeeded", seconds=SECONDS)
    issued_once(faulty, case)


def test_rejection_after_waiting_is_looked_at_a_second_time(faulty, knobs):
    case = faulty.case("coded")
    knobs(mode="waiting", polls=1, check_after=1, count=1)
    knobs(mode="issue_then_reject", body="pollReq", count=-1)
    case.ask()
    case.follow("succeeded", seconds=SECONDS)
    issued_once(faulty, case)


# What ends without a certificate.

def test_rejection_is_final_for_the_attempt_and_not_for_the_application(faulty, knobs):
    case = faulty.case("coded")
    knobs(mode="reject", count=1)
    case.ask()
    case.follow("failed")
    not_issued(faulty, case, "rejected")
    assert ledger(faulty, case) == []
    case.draw()
    case.ask()
    case.follow("succeeded")
    issued_once(faulty, case)


@pytest.mark.parametrize("mode", ["wrong_key", "wrong_subject", "wrong_validity"])
def test_certificate_that_nobody_approved_is_refused_and_never_handed_out(faulty, knobs, mode):
    case = faulty.case("coded")
    knobs(mode=mode, count=1)
    case.ask()
    case.follow("failed")
    not_issued(faulty, case, "refused")
    wrong = ledger(faulty, case, "certificate")
    assert len(wrong) == 1
    assert [line["accepted"] for line in ledger(faulty, case, "confirm")] == [False]
    assert wrong[0]["serial"].lstrip("0") not in str(faulty.sql("SELECT serial FROM certificates"))
    case.draw()
    case.ask()
    case.follow("succeeded")
    assert case.read()["state"] == "awaiting_handover"


@pytest.mark.parametrize("fault", ["silent", "http500"])
def test_refused_certificate_is_refused_until_the_ca_knows(faulty, knobs, fault):
    """Until then it is valid, and the application must not be produced anew."""
    case = faulty.case("coded")
    knobs(mode="wrong_key", body="cr", count=1)
    knobs(mode=fault, body="certConf", count=1)
    case.ask()
    case.follow("unknown")
    assert "did not acknowledge" in case.operation["reason"]["text"]
    case.follow("failed", seconds=SECONDS)
    not_issued(faulty, case, "refused")
    wrong, = ledger(faulty, case, "certificate")
    assert {line["accepted"] for line in ledger(faulty, case, "confirm")} == {False}
    assert [line["serial"] for line in ledger(faulty, case, "revocation")] == [wrong["serial"]]


def test_second_certificate_of_a_ca_that_breaks_its_promise_is_refused_and_told(faulty, knobs):
    """The confirmation was lost, and the CA, said to be idempotent, issues again: nothing is handed out twice, and nobody goes on asking."""
    case = faulty.case("coded")
    knobs(mode="http500", body="certConf", count=1)
    knobs(dedup="off")
    try:
        case.ask()
        case.follow("succeeded")
        jobs_end(faulty, case)
    finally:
        knobs(dedup="on")
    first, second = ledger(faulty, case, "certificate")
    kept = faulty.staff("auditor").get(f"/certificates/{case.operation['certificate_id']}").json()["serial"]
    assert int(kept, 16) == int(first["serial"], 16)
    assert [line["serial"] for line in ledger(faulty, case, "revocation")] == [second["serial"]]
    assert faulty.sql(f"SELECT COUNT(*) FROM audit_events WHERE event = 'surplus_certificate' AND object_id = UNHEX(REPLACE('{case.id}', '-', ''))") == [["1"]]
    assert "ra_outbox_person_jobs 1" in faulty.internal.get("/metrics").text


# The CA is away.

def test_everything_but_production_goes_on_while_the_ca_is_down(faulty):
    case = faulty.case("coded")
    faulty.stack.ca.stop()
    try:
        answer = case.ask()
        assert answer.status_code == 202 and case.operation["status"] == "pending"
        other = faulty.case("coded")
        assert faulty.internal.get("/certificate-status", params={"subject": other.name}).json()["items"][0]["status"] == "pending"
        assert faulty.internal.get("/readyz").json() == {"status": "ready"}
        case.follow("pending")
        assert case.read()["state"] == "in_production"
        case.refuse("acceptor", "withdrawal", {"reason": "x"}, 409, "state-conflict")
    finally:
        faulty.stack.ca.start()
    case.follow("succeeded")
    issued_once(faulty, case)
    other.produce()


def test_ca_that_is_killed_at_work_and_comes_back_has_issued_once(faulty, knobs):
    case = faulty.case("coded")
    knobs(mode="late", ms=1500, count=1)
    killer = threading.Timer(0.5, faulty.stack.ca.kill)
    killer.start()
    case.ask()
    killer.join()
    faulty.stack.ca.start()
    case.follow("succeeded")
    issued_once(faulty, case)


def test_backlog_is_worked_off_when_the_ca_returns(faulty):
    cases = [faulty.case("coded") for _ in range(6)]
    faulty.stack.ca.stop()
    try:
        for case in cases:
            case.ask(headers={"Prefer": "respond-async"})
    finally:
        faulty.stack.ca.start()
    for case in cases:
        case.follow("succeeded")
        issued_once(faulty, case)


def test_nothing_is_settled_while_the_ca_is_being_asked(faulty, knobs):
    """The answer that is on its way may bring the certificate."""
    case = faulty.case("coded")
    sequence(knobs, "cr", {"mode": "http500"}, {"mode": "late", "ms": 1500})
    case.ask()
    running = ("SELECT COUNT(*) FROM ca_attempts t JOIN outbox_jobs j ON j.subject = t.id WHERE t.state = 'unknown' AND t.sent_bytes IS NOT NULL"
               f" AND j.attempts = 2 AND j.lease_until > UTC_TIMESTAMP(6) AND t.application_id = UNHEX(REPLACE('{case.id}', '-', ''))")
    end = time.monotonic() + SECONDS
    while faulty.sql(running) != [["1"]] and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.2)  # the version is raised before the bytes leave
    refused(settle(faulty, case, expect=409), 409, "operation-not-unknown")
    case.follow("succeeded")
    issued_once(faulty, case)


def test_a_ca_that_never_acknowledges_is_asked_by_a_person_in_the_end(faulty, knobs):
    """The RA confirms again and again, but not for good: an open job that never ends would hide what else waits."""
    case = faulty.case("coded")
    knobs(mode="no_confirm", body="certConf", count=-1)
    case.ask()
    case.follow("succeeded")
    mine = f"subject = UNHEX(REPLACE('{case.operation['id']}', '-', ''))"
    end = time.monotonic() + SECONDS
    while faulty.sql(f"SELECT state FROM outbox_jobs WHERE {mine}") != [["person"]]:
        assert time.monotonic() < end
        # As if it had been run for most of a day; nobody waits out the pauses between.
        faulty.sql(f"UPDATE outbox_jobs SET attempts = GREATEST(attempts, 298), next_run = UTC_TIMESTAMP(6) WHERE {mine} AND lease_until IS NULL AND state = 'open'")
        time.sleep(0.1)
    assert faulty.sql(f"SELECT attempts FROM outbox_jobs WHERE {mine}") == [["300"]]
    assert case.read()["state"] == "awaiting_handover"
    settle(faulty, case, outcome="confirmed")
    jobs_end(faulty, case)
    assert faulty.sql(f"SELECT confirmed_at IS NOT NULL FROM ca_attempts WHERE id = UNHEX(REPLACE('{case.operation['id']}', '-', ''))") == [["1"]]


# A CA that cannot be asked twice.

@pytest.fixture(scope="module")
def careful(make_ra):
    return make_ra("never", PRODUCTION_WAIT=1, EXTRA_GLOBAL="RAUpstreamTimeout 2\nRAUpstreamResend never")


def settle(ra, case, who="manager", expect=200, **changes):
    path = f"/operations/{case.operation['id']}"
    body = {"outcome": "not_issued", "evidence": "已电话核实，没有签发", **changes}
    return ra.staff(who).step(path, "settlement", body, expect=expect)


def unknown(ra, mode, **knob):
    """An application whose attempt ended without an answer."""
    case = ra.case("coded")
    ra.stack.ca.knobs(mode=mode, count=1, **knob)
    try:
        case.ask()
        case.follow("unknown")
    finally:
        ra.stack.ca.reset()
    return case


def test_unknown_outcome_waits_for_a_person(careful):
    case = unknown(careful, "http500")
    assert case.operation["reason"]["outcome"] == "unknown" and case.operation["reason"]["text"]
    assert case.read()["state"] == "in_production"
    case.refuse("issuing_officer", "codes", {}, 409, "state-conflict")
    listed = {item["id"]: item["application"] for item in careful.staff("manager").get("/operations?status=unknown").json()["items"]}
    assert listed[case.operation["id"]] == {name: case.application[name] for name in ("id", "number", "business", "subject_name")}
    page = careful.internal.get("/metrics").text
    assert "ra_outbox_person_jobs 0" not in page
    refused(settle(careful, case, outcome="perhaps", expect=422), 422, "body-invalid", ("/outcome", "not-in-list"))
    refused(settle(careful, case, "issuing_officer", expect=403), 403, "access-denied")
    settled = settle(careful, case).json()
    assert (settled["status"], settled["reason"]["outcome"]) == ("failed", "settled")
    refused(settle(careful, case, expect=409), 409, "operation-not-unknown")
    assert case.read()["state"] == "awaiting_production"
    assert case.history()[-1]["outcome"] == "settled"
    case.draw()
    case.ask()
    case.follow("succeeded")
    issued_once(careful, case)


def test_nothing_is_sent_again_by_itself(careful):
    case = unknown(careful, "silent")
    messages = len(careful.stack.ca.ledger())
    time.sleep(3)  # several sweeps of three children
    assert len(careful.stack.ca.ledger()) == messages
    assert len(ledger(careful, case, "certificate")) == 1  # the CA did issue: that is why nobody may guess
    assert case.follow("unknown")["status"] == "unknown"


def test_only_an_unknown_outcome_is_settled(careful):
    case = careful.case("awaiting_handover")
    case.operation = {"id": case.application["operation_id"]}
    refused(settle(careful, case, expect=409), 409, "operation-not-unknown")


def test_not_sent_is_no_unknown_outcome_even_here(careful):
    case = careful.case("coded")
    careful.stack.ca.stop()
    try:
        case.ask()
        case.follow("pending")
    finally:
        careful.stack.ca.start()
    case.follow("succeeded")
    issued_once(careful, case)


def test_rejection_that_names_a_fault_of_the_request_is_final(careful):
    case = careful.case("coded")
    careful.stack.ca.knobs(mode="reject", count=1)
    case.ask()
    case.follow("failed")
    not_issued(careful, case, "rejected")


def test_rejection_after_issuing_is_left_to_a_person(careful):
    case = unknown(careful, "issue_then_reject")
    assert "after issuing" in case.operation["reason"]["text"]
    assert case.read()["state"] == "in_production"
    case.refuse("issuing_officer", "codes", {}, 409, "state-conflict")
    assert len(ledger(careful, case, "certificate")) == 1


# What people see of all this (GET /upstream, GET /outbox-jobs).

def health(ra, who="manager"):
    return ra.staff(who).get("/upstream").json()


def jobs(ra, who="manager", **params):
    """All jobs of all pages, by operation."""
    page = ra.staff(who).get("/outbox-jobs", params={"limit": 200, **params}).json()
    found = page["items"]
    while "next_cursor" in page:
        page = ra.staff(who).get("/outbox-jobs", params={"limit": 200, **params, "cursor": page["next_cursor"]}).json()
        found += page["items"]
    return {job.get("operation_id"): job for job in found}


def test_link_to_the_ca_fails_in_words_and_is_good_again(careful):
    before = health(careful)
    stopped = unknown(careful, "http500")
    link = health(careful)["link"]
    assert link["state"] == "failing" and link["failures"] >= 1 and "500" in link["failure"]
    after = health(careful, "auditor")
    assert (after["queue"]["person"], after["queue"]["unknown"]) == (before["queue"]["person"] + 1, before["queue"]["unknown"] + 1)
    assert after["credential"]["days_left"] > 0 and after["credential"]["subject"]
    jobs_end(careful, careful.case("awaiting_handover"))  # an exchange is noted when it is over, its confirmation included
    link = health(careful, "administrator")["link"]
    assert link["state"] == "good" and link["failures"] == 0 and link["good_at"] >= link["failed_at"]
    settle(careful, stopped)
    queue = health(careful)["queue"]
    assert (queue["person"], queue["unknown"]) == (before["queue"]["person"], before["queue"]["unknown"])


def test_job_stopped_at_a_person_is_listed_until_it_is_settled(careful):
    case = unknown(careful, "http500")
    job = jobs(careful, state="person")[case.operation["id"]]
    assert (job["kind"], job["state"], job["application"]["number"]) == ("enrol", "person", case.application["number"])
    assert "500" in job["reason"] and job["attempts"] >= 1 and "finished_at" not in job
    assert case.operation["id"] in jobs(careful) and case.operation["id"] in jobs(careful, "auditor", kind="enrol")
    assert case.operation["id"] not in jobs(careful, kind="revoke")
    far = careful.person("manager", office_id=careful.office("140200"), province_wide=False)
    assert "application" not in jobs(careful, far, state="person")[case.operation["id"]]  # of another region: the job, and no more
    settle(careful, case)
    assert case.operation["id"] not in jobs(careful)
    assert jobs(careful, state="done", kind="enrol")[case.operation["id"]]["finished_at"]
