"""The life of a pair (domain.md §4, §8, §18.10): renewed, abolished, and killed with it half made."""
import pytest
from acts import Act, ledger
from harness import samples
from kills import kill_children, kill_httpd
from pairs import DER, SPKI, certificates, der_of, fetch, key_row, made, of_the_ca, opened, pair, to_coded, until, wait_for
from support import COMPLETION

KILLED = pytest.mark.log("RA041", "RA042", "RA043", "AH10392")


@pytest.fixture(scope="module")
def own(make_ra):
    """An instance that may be killed, where a certificate may be renewed at any time."""
    return make_ra("pairs", EXTRA_GLOBAL="RARenewalWindow 3650")


def reasons(ra, one):
    return [line["reason"] for line in ledger(ra, "revocation", one["serial"]) if line["result"] == "done"]


def ids_of(case):
    return ", ".join(f"UNHEX(REPLACE('{one['id']}', '-', ''))" for one in certificates(case).values())


def statuses(case):
    return {usage: one["status"] for usage, one in certificates(case).items()}


@pytest.mark.parametrize("keeps_key", [True, False])
def test_renewal_makes_a_new_pair_and_leaves_the_old_one_alone(own, keeps_key):
    old = made(own, "completed")
    act = Act(own, "renew", old)
    to_coded(act)
    act.key = old.key if keeps_key else samples.key()
    act.ask()
    wait_for(act, "awaiting_handover")
    assert set(certificates(act)) == {"signing", "encryption"}
    assert der_of(act, "encryption") != der_of(old, "encryption")
    private = opened(act, fetch(act).json()["enveloped_data"])
    assert private.public_key().public_bytes(DER, SPKI) not in der_of(old, "encryption")
    assert private.public_key().public_bytes(DER, SPKI) in der_of(act, "encryption")
    act.hand_over()
    act.archive()
    act.complete()
    assert statuses(old) == statuses(act) == {"signing": "valid", "encryption": "valid"}
    assert [reasons(own, one) for one in certificates(old).values()] == [[], []]
    Act(own, "revoke", act).run()  # the new pair is acted on, the old one stays
    assert set(statuses(act).values()) == {"revoked"} and set(statuses(old).values()) == {"valid"}


@KILLED
@pytest.mark.parametrize("kill", [kill_children, kill_httpd])
def test_killed_between_the_two_it_makes_the_second_and_no_third(own, kill):
    case = pair(own)
    own.stack.ca.knobs(mode="late", ms=2000, body="cr", count=2)
    try:
        case.ask(headers={"Prefer": "respond-async, wait=0"})
        until(lambda: case.history()[-1]["step"] in ("half_made", "made"), True, 90)  # made: the machine was slower than the CA
        kill(own.stack)
        # The lease of the job that was running is over, as it would be after a while.
        own.sql("UPDATE outbox_jobs SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE state = 'open' AND lease_until IS NOT NULL")
    finally:
        own.stack.ca.reset()
    wait_for(case, "awaiting_handover", 90)
    assert set(certificates(case)) == {"signing", "encryption"} and len(of_the_ca(case)) == 2
    assert [row["step"] for row in case.history()].count("half_made") == 1
    case.certificate = certificates(case)["signing"]
    assert opened(case, fetch(case).json()["enveloped_data"])
    case.to("completed")
    assert key_row(case)[0]["erased"] == 1


def suspended(ra):
    case = made(ra, "completed")
    Act(ra, "suspend", case).run()
    return case


def opened_by_the_ra(ra, case, business):
    """Ids of the applications that the clock has opened about either certificate."""
    return [row[0] for row in ra.sql(f"SELECT LOWER(HEX(id)) FROM applications WHERE business = '{business}' AND submitted_by IS NULL"
                                     f" AND target_certificate_id IN ({ids_of(case)})")]


def test_a_pair_that_lapsed_while_suspended_is_one_case_of_the_manager(own):
    case = suspended(own)
    own.sql(f"UPDATE certificates SET not_after = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE id IN ({ids_of(case)})")
    until(lambda: len(opened_by_the_ra(own, case, "abolish")), 1, 60)
    abolish = Act(own, "abolish", case)
    number = opened_by_the_ra(own, case, "abolish")[0]
    abolish.id = "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:]))
    abolish.read("manager")
    abolish.review("manager")
    abolish.wait("awaiting_completion")
    assert [reasons(own, one) for one in certificates(case).values()] == [[6, 5], [6, 5]]
    assert set(statuses(case).values()) == {"revoked"}
    abolish.step("manager", "completion", COMPLETION)
    assert len(opened_by_the_ra(own, case, "abolish")) == 1 and not opened_by_the_ra(own, case, "release")


@KILLED
def test_a_release_that_is_killed_between_the_two_releases_both_once(own):
    case = suspended(own)
    own.stack.ca.knobs(mode="late", ms=2000, body="rr", count=2)
    try:
        own.sql(f"UPDATE certificates SET suspended_at = UTC_TIMESTAMP(6) - INTERVAL 7 MONTH WHERE id IN ({ids_of(case)})")
        until(lambda: "valid" in statuses(case).values(), True, 90)
        kill_httpd(own.stack)
        own.sql("UPDATE outbox_jobs SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE state = 'open' AND lease_until IS NOT NULL")
    finally:
        own.stack.ca.reset()
    until(lambda: set(statuses(case).values()), {"valid"}, 90)
    assert [reasons(own, one) for one in certificates(case).values()] == [[6, 8], [6, 8]]
    assert len(opened_by_the_ra(own, case, "release")) == 1
