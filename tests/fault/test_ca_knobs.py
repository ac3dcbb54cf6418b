"""Everything that the development CA can do wrong, at the first try, at the first try and its repetition, and with httpd killed in between.

All rows of a table run at the same time against one instance, each with a knob of its own (`about`: its subject, its serial); ra_check has the last
word over all of them. A CA that remembers what it was asked, and one that does not (RAUpstreamResend never).
"""
import concurrent.futures
import os
import re
import time

import pytest

from fault import campaign as campaigns
from fault.driver import Party
from acts import Act
from harness.httpd import show
from support import Case, unique

pytestmark = pytest.mark.test_build
CALLERS = 8
SECONDS = 120  # for the slowest row on a loaded machine
ASYNC = {"Prefer": "respond-async"}
ATTEMPTS_MAX = 4

# What becomes of an attempt that meets the knob: with a CA that remembers, and where nothing may be sent twice. `unknown` waits for a person;
# `rejected` and `refused` end the attempt, and the application is produced anew. `either`: issued, or unknown first.
ISSUED, REJECTED, REFUSED, UNKNOWN, EITHER = "issued", "rejected", "refused", "unknown", "either"
ENROLMENTS = [
    ({"mode": "late", "ms": 300}, ISSUED, ISSUED), ({"mode": "late", "ms": 2600}, ISSUED, UNKNOWN), ({"mode": "silent"}, ISSUED, UNKNOWN),
    ({"mode": "garbage"}, ISSUED, UNKNOWN), ({"mode": "garbage", "process": False}, ISSUED, UNKNOWN), ({"mode": "html"}, ISSUED, UNKNOWN),
    ({"mode": "html", "process": True}, ISSUED, UNKNOWN), ({"mode": "http500"}, ISSUED, UNKNOWN), ({"mode": "http500", "process": True}, ISSUED, UNKNOWN),
    ({"mode": "reject"}, REJECTED, REJECTED), ({"mode": "issue_then_reject"}, ISSUED, UNKNOWN), ({"mode": "wrong_key"}, REFUSED, REFUSED),
    ({"mode": "wrong_subject"}, REFUSED, REFUSED), ({"mode": "wrong_validity"}, REFUSED, REFUSED), ({"mode": "wrong_transaction"}, ISSUED, UNKNOWN),
    ({"mode": "wrong_nonce"}, ISSUED, UNKNOWN), ({"mode": "bad_signature"}, ISSUED, UNKNOWN), ({"mode": "wrong_signer"}, ISSUED, UNKNOWN),
    ({"mode": "wrong_sender"}, ISSUED, UNKNOWN), ({"mode": "unprotected_error"}, ISSUED, UNKNOWN), ({"mode": "truncate"}, ISSUED, UNKNOWN),
    ({"mode": "truncate", "at": 1}, ISSUED, UNKNOWN), ({"mode": "oversize"}, ISSUED, UNKNOWN), ({"mode": "slow_byte"}, ISSUED, UNKNOWN),
    ({"mode": "waiting", "polls": 1}, ISSUED, ISSUED), ({"mode": "silent", "body": "certConf"}, ISSUED, ISSUED),
    ({"mode": "http500", "body": "certConf"}, ISSUED, ISSUED), ({"mode": "no_confirm"}, ISSUED, ISSUED),
]
# A connection that is closed is nobody's: these come one after another. A new one has carried nothing yet, one that was kept open may have.
CONNECTIONS = [({"mode": "drop"}, ISSUED, EITHER), ({"mode": "refuse"}, ISSUED, EITHER)]
# Suspensions: what was not done is asked for anew, so all end. A CA that denies twice what it has done is believed, until its CRL tells: not a row of "retry".
REVOCATIONS = [{"mode": mode, "body": "rr"} for mode in ("late", "silent", "garbage", "html", "http500", "issue_then_reject", "wrong_transaction", "wrong_nonce",
                                                         "bad_signature", "wrong_signer", "wrong_sender", "unprotected_error", "truncate", "oversize", "slow_byte")]
ONCE = ({"mode": "issue_then_reject", "body": "rr"},)
TRIES = {"first": 1, "retry": 2, "restart": 1}
# The check runs the last two, all three are run by `make fault`.
WHEN = list(TRIES) if os.environ.get("RA_FAULTS") == "all" else ["retry", "restart"]


def all_modes():
    source = (campaigns.CHECK.parents[1] / "devca" / "knobs.c").read_text("utf-8")
    return set(re.findall(r'\[MODE_\w+\] = "(\w+)"', source)) - {"normal"}


def test_the_table_has_every_knob():
    assert {knob["mode"] for knob, *_ in (*ENROLMENTS, *CONNECTIONS)} == all_modes()
    assert {knob["mode"] for knob in (*REVOCATIONS, *campaigns.KNOBS)} <= all_modes()


class Row:
    """One case, or the suspension of its certificate, that meets a knob."""

    def __init__(self, matrix, knob, expected, is_act=False):
        self.matrix, self.knob, self.expected, self.is_act = matrix, knob, expected, is_act
        self.name = " ".join(str(value) for value in knob.values())
        self.outcomes = []
        self.case = self.act = None

    def prepare(self):
        self.case = Case(self.matrix.party, subject_name=unique("企业"))
        if not self.is_act:
            self.case.to("coded")
            return self
        self.case.to("completed")
        self.act = Act(self.matrix.party, "suspend", self.case)
        self.act.submit()
        self.act.accept()
        self.act.enter()
        return self

    def arm(self, count):
        serial = f"{int(self.case.certificate['serial'], 16):x}" if self.is_act else ""
        about = serial.rjust(len(serial) + len(serial) % 2, "0") if self.is_act else self.case.name.encode().hex()
        self.matrix.ca.knobs(count=count, about=about, **self.knob)

    def begin(self):
        if self.is_act:
            self.act.review()
        else:
            self.case.ask(headers=ASYNC)

    def end(self):
        """Follows attempt after attempt until there is a certificate, as people would."""
        if self.is_act:
            self.act.wait("awaiting_registration", SECONDS)
            self.outcomes.append(ISSUED)
            return
        for _ in range(ATTEMPTS_MAX):
            self.outcomes.append(self.outcome())
            if self.outcomes[-1] == ISSUED:
                break
            self.produce_anew()

    def outcome(self):
        status = self.case.follow("succeeded", "failed", "unknown", seconds=SECONDS)["status"]
        if status == "unknown" and self.matrix.resend == "idempotent":  # in between: a CA that remembers is asked again
            status = self.case.follow("succeeded", "failed", seconds=SECONDS)["status"]
        return {"succeeded": ISSUED, "unknown": UNKNOWN}.get(status) or self.case.operation["reason"]["outcome"]

    def produce_anew(self):
        if self.outcomes[-1] == UNKNOWN:
            body = {"outcome": "not_issued", "evidence": "已电话核实"}
            self.matrix.party.staff("manager").step(f"/operations/{self.case.operation['id']}", "settlement", body, expect=200)
        self.case.read()
        self.case.draw()
        self.case.ask(headers=ASYNC)

    def verdict(self, count):
        """What is wrong with the outcomes; nothing when they are as expected."""
        *missed, last = self.outcomes or [None]
        allowed = {ISSUED: set(), EITHER: {UNKNOWN}}.get(self.expected, {self.expected})
        must_miss = self.expected not in (ISSUED, EITHER)
        if last == ISSUED and set(missed) <= allowed and must_miss <= len(missed) <= count:
            return []
        return [f"{self.name}: {self.outcomes}, expected {self.expected}"]


class Matrix:
    """An instance and its witnesses."""

    def __init__(self, campaign, resend):
        self.campaign, self.resend, self.ca = campaign, resend, campaign.stack.ca
        self.party = Party(campaign.stack, campaign.log, None)

    def rows(self, table):
        return [Row(self, knob, idempotent if self.resend == "idempotent" else never) for knob, idempotent, never in table]

    def left(self):
        """Messages that knobs still wait for."""
        return sum(knob["count"] for knob in self.ca.knobs()["knobs"])

    def armed(self):
        """@return how many messages will meet a knob. ra_check must not take what is asked again at once for two runs of a job."""
        self.campaign.log.write("fault", what="knobs")
        return self.left()

    def hurry(self):
        """Nobody waits out the pauses between tries."""
        self.campaign.log.write("fault", what="hurry")
        self.campaign.sql("UPDATE outbox_jobs SET next_run = UTC_TIMESTAMP(6) WHERE state = 'open' AND next_run > UTC_TIMESTAMP(6)")

    def until(self, what, test):
        """@param what says what is missing"""
        end = time.monotonic() + SECONDS
        while not test():
            assert time.monotonic() < end, what()
            self.hurry()
            time.sleep(0.3)

    def used_up(self):
        self.until(lambda: f"knobs that no message met: {self.ca.knobs()}", lambda: self.left() == 0)

    def follow(self, pool, rows):
        ending = {row.name: pool.submit(row.end) for row in rows}
        self.until(lambda: f"still open: {[name for name, one in ending.items() if not one.done()]}", lambda: all(one.done() for one in ending.values()))
        for one in ending.values():
            one.result()

    def run(self, rows, when):
        """All rows at once. @return what is wrong"""
        count = TRIES[when]
        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(Row.prepare, rows))
            for row in rows:
                row.arm(count)
            armed = self.armed()
            list(pool.map(Row.begin, rows))
            if when == "restart":
                self.used_up()
                self.campaign.end_leases()
            self.follow(pool, rows)
        self.campaign.drain()
        print(f"{self.resend}, {when}: {len(rows)} rows, {armed - self.left()} of {armed} messages met their knob")
        wrong = [text for row in rows for text in row.verdict(count)]
        return wrong + [f"nothing met the knob {knob}" for knob in self.ca.knobs()["knobs"] if knob["count"] == count]

    def run_alone(self, row, when):
        """A knob of connections, which have no name."""
        row.prepare()
        self.ca.knobs(count=TRIES[when], **row.knob)
        self.armed()
        row.begin()
        if when == "restart":
            self.used_up()
            self.campaign.end_leases()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            self.follow(pool, [row])
        self.ca.reset()
        return row.verdict(TRIES[when])


@pytest.fixture(scope="module", params=["idempotent", "never"])
def matrix(request, build, tmp_path_factory):
    if not build.is_test_build:
        pytest.skip("needs --enable-test-build")
    stack = campaigns.make_stack(build, f"knobs-{request.param}", request.param)
    try:
        campaign = campaigns.Campaign(stack, tmp_path_factory.mktemp("knobs"), 1, dedup=request.param == "idempotent")
        yield Matrix(campaign, request.param)
    finally:
        stack.stop()
        stack.leave()


@pytest.mark.parametrize("when", WHEN)
def test_whatever_the_ca_does_the_right_one_certificate_comes_of_it(matrix, when):
    wrong = [text for row in matrix.rows(CONNECTIONS) for text in matrix.run_alone(row, when)]
    acts = [Row(matrix, knob, ISSUED, is_act=True) for knob in REVOCATIONS if TRIES[when] == 1 or knob not in ONCE]
    wrong += matrix.run([*matrix.rows(ENROLMENTS), *acts], when)
    matrix.ca.reset()
    code, text = matrix.campaign.check()
    print(text)
    assert not wrong, "\n".join(wrong)
    assert code == 0, text
    assert not matrix.campaign.crashes(), show(matrix.campaign.crashes())
    states = {state for state, in matrix.campaign.sql("SELECT DISTINCT state FROM applications")}
    assert states == {"awaiting_handover", "completed", "awaiting_registration"}
