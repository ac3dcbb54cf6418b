"""Many at once: exactly one wins, the others are told so, nobody gets a 5xx and nothing is done twice."""
import concurrent.futures
import threading

import pytest

from support import ARCHIVE, acceptance, entry


def all_at_once(count, act):
    """Calls act(place) in so many threads that begin together. @return what they return"""
    gate = threading.Barrier(count)

    def wait_and_act(place):
        gate.wait(30)
        return act(place)

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(wait_and_act, range(count)))


def race(ra, clients, case, step, body, expected=(200, 409, 412, 403)):
    """The same step by all clients with the same entity tag. @return the answers"""
    return all_at_once(len(clients), lambda place: clients[place].post(f"{case.path}/{step}", body, tag=case.tag, expect=expected))


@pytest.fixture(scope="module")
def clients(ra):
    """32 connections of four reviewers."""
    reviewers = [ra.person("review_officer") for _ in range(4)]
    opened = [ra.open("staff", identity=reviewers[place % 4].identity) for place in range(32)]
    for client in opened:
        client.get("/me")
    yield opened
    for client in opened:
        client.close()


def test_one_of_32_reviewers_wins(ra, clients):
    case = ra.case("awaiting_review")
    answers = race(ra, clients, case, "review", {"decision": "approve"})
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 1, statuses
    assert [one["step"] for one in case.history()].count("review") == 1
    winner = next(answer for answer in answers if answer.status_code == 200).json()
    assert case.read()["steps"]["review"]["by"] == winner["steps"]["review"]["by"]
    assert case.state == "awaiting_production"


def test_approval_and_rejection_at_once_leave_one_of_them(ra, clients):
    case = ra.case("awaiting_review")
    bodies = [{"decision": "approve"}, {"decision": "reject", "reason": "不符", "guidance": "更正"}]
    answers = all_at_once(16, lambda place: clients[place].post(f"{case.path}/review", bodies[place % 2], tag=case.tag,
                                                                expect=(200, 409, 412)))
    won = [answer.json()["state"] for answer in answers if answer.status_code == 200]
    assert len(won) == 1 and case.read()["state"] == won[0]


def test_one_of_16_submissions_of_the_same_application(ra):
    form = ra.case().form
    clients = [ra.open("api", "system") for _ in range(16)]
    try:
        answers = all_at_once(16, lambda place: clients[place].post("/applications", form, expect=(201, 409)))
    finally:
        for client in clients:
            client.close()
    made = [answer for answer in answers if answer.status_code == 201]
    assert len(made) == 1
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"duplicate-application"}
    found = ra.staff("auditor").get("/applications",
                                    params={"social_security_no": form["subscriber"]["social_security_no"]}).json()["items"]
    assert len(found) == 1


def test_sixteen_submissions_of_sixteen_names_of_one_subscriber(ra):
    """The subscriber's record is made once, the applications all."""
    forms = [ra.case().form for _ in range(16)]
    for place, form in enumerate(forms):
        form["subscriber"] = forms[0]["subscriber"]
    clients = [ra.open("api", "system") for _ in range(16)]
    try:
        answers = all_at_once(16, lambda place: clients[place].post("/applications", forms[place], expect=201))
    finally:
        for client in clients:
            client.close()
    assert len({answer.json()["subscriber"]["id"] for answer in answers}) == 1
    assert len({answer.json()["number"] for answer in answers}) == 16


@pytest.mark.parametrize("role, state, step", [
    ("acceptor", "awaiting_acceptance", lambda client, case: client.post(f"{case.path}/acceptance", acceptance("organisation"), tag=case.tag)),
    ("issuing_officer", "awaiting_production", lambda client, case: client.post(f"{case.path}/codes", {}, tag=case.tag)),
], ids=["acceptance", "codes"])
def test_different_applications_do_not_block_each_other(ra, role, state, step):
    """They have nothing to wait for: MariaDB ends none of the transactions for another one."""
    cases = [ra.case(state) for _ in range(64)]
    deadlocks = "SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'"
    before = ra.sql(deadlocks)
    clients = [ra.open("staff", role) for _ in range(16)]

    def do_some(place):
        for case in cases[place::16]:
            step(clients[place], case)

    try:
        all_at_once(16, lambda place: clients[place].get("/me"))
        all_at_once(16, do_some)
    finally:
        for client in clients:
            client.close()
    assert ra.sql(deadlocks) == before


def test_one_application_accepted_at_two_counters(ra):
    case = ra.case("awaiting_acceptance")
    clients = [ra.open("staff", "acceptor") for _ in range(6)]
    try:
        answers = all_at_once(6, lambda place: clients[place].post(f"{case.path}/acceptance", acceptance("organisation"), tag=case.tag,
                                                                   expect=(200, 412)))
    finally:
        for client in clients:
            client.close()
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5


def test_one_receipt_at_two_counters(ra):
    cases = [ra.case("awaiting_acceptance") for _ in range(4)]
    body = acceptance("organisation")
    answers = all_at_once(4, lambda place: cases[place].call("acceptor", "POST", "/acceptance", body, expect=(200, 409)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


def test_production_at_once_uses_the_codes_once(ra):
    case = ra.case("coded")
    bodies = [case.production() for _ in range(8)]
    clients = [ra.open("staff", "issuing_officer") for _ in range(8)]
    try:
        answers = all_at_once(8, lambda place: clients[place].post(f"{case.path}/production", bodies[place], tag=case.tag,
                                                                   expect=(201, 202, 409, 412)))
    finally:
        for client in clients:
            client.close()
    assert len([answer for answer in answers if answer.status_code < 300]) == 1
    case.operation = next(answer.json().get("operation", answer.json()) for answer in answers if answer.status_code < 300)
    case.follow("succeeded")
    issued = [line for line in ra.stack.ca.ledger() if line["kind"] == "certificate" and case.name in line["subject"]]
    assert len(issued) == 1


def test_different_steps_at_once_keep_to_the_order(ra):
    case = ra.case("awaiting_entry")
    acts = [("entry_officer", "entry", entry(case)), ("review_officer", "review", {"decision": "approve"}),
            ("archivist", "archive", ARCHIVE),
            ("acceptor", "withdrawal", {"reason": "x"})]
    clients = [ra.open("staff", role) for role, _, _ in acts]
    try:
        answers = all_at_once(4, lambda place: clients[place].post(f"{case.path}/{acts[place][1]}", acts[place][2], tag=case.tag,
                                                                   expect=(200, 409, 412)))
    finally:
        for client in clients:
            client.close()
    won = [acts[place][1] for place, answer in enumerate(answers) if answer.status_code == 200]
    assert won in (["entry"], ["withdrawal"])


def test_versions_count_every_change(ra):
    """Twenty corrections by two people who read again when they are too late: none is lost."""
    case = ra.case("awaiting_agency")

    def correct(place):
        with ra.open("staff", ("acceptor", "entry_officer")[place % 2]) as client:
            for number in range(10):
                while True:
                    tag = client.get(case.path).headers["ETag"]
                    if client.patch(case.path, {"note": f"{place}-{number}"}, tag=tag, expect=(200, 412)).status_code == 200:
                        break

    before = case.read()["version"]
    all_at_once(2, correct)
    assert case.read()["version"] == before + 20
    assert [one["step"] for one in case.history()].count("edit") == 20
