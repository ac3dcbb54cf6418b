"""What the clients of a campaign do: cases from submission to completion, acts on their certificates, bulk operations, and what the CA does by itself."""
import collections
import pathlib
import random
import sys
import threading
import time
import traceback

import httpx

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
from acts import Act  # noqa: E402
from fault.driver import GaveUp, Party, plain, results_of  # noqa: E402
from harness.client import Unexpected  # noqa: E402
from support import Case, unique  # noqa: E402

EXPECTED = (409, 412, 422, 404)  # refusals that another client's faster step explains
APPROVAL = {"decision": "approve", "filing_number": "并社经备2026-0147"}
KEY_COMPROMISE = 1
PATIENCE = 60  # seconds that the CA is asked what it would be told by itself


class Business:
    """The part of a campaign that runs in its workers; each has a Party of its own. `log` is the campaign's."""

    log = None

    def __init__(self, stack, seed):
        self.stack, self.seed = stack, seed
        self.stop = threading.Event()
        self.done = collections.Counter()
        self.odd = []
        self.wait = 20  # seconds a case follows what the CA does
        self.wish = threading.Event()  # a failpoint of bulk operations is armed
        self.spare = collections.deque()  # serials of good certificates that nobody needs any more

    def worker(self, number):
        chance = random.Random(f"{self.seed}/{number}")
        party = Party(self.stack, self.log, self.stop)
        try:
            while not self.stop.is_set():
                self.try_case(party, chance)
        except Exception:  # pylint: disable=broad-except
            self.odd.append(traceback.format_exc())  # a client that ends early is a failure of the campaign
        finally:
            party.close()

    def try_case(self, party, chance, what=None):
        """One case, or one round of bulk operations, as far as it goes."""
        if what is None:
            what = self.bulk_round if self.wish.is_set() or chance.random() < 0.25 else self.one_case
        try:
            what(party, chance)
            self.done["cases" if what == self.one_case else "rounds in bulk"] += 1
        except GaveUp:
            self.done["no answer"] += 1
        except Unexpected as refusal:
            self.done[f"refused {refusal.response.status_code}"] += 1
            if refusal.response.status_code not in EXPECTED:
                self.odd.append(str(refusal)[:400])
        except AssertionError as late:
            self.done["still open"] += 1
            if "status" not in str(late) and "state" not in str(late):
                self.odd.append(str(late)[:400])

    def again(self, case, chance, client, path, body, response, **options):
        """The same key again has the same answer: ra_check compares what was told."""
        if chance.random() < 0.3:
            key = response.request.headers["Idempotency-Key"]
            client.post(path, body, key=key, expect=tuple(range(200, 500)), **options)
            self.done["repeated keys"] += 1

    def one_case(self, party, chance):
        case = Case(party, subject_name=unique("企业"))
        self.again(case, chance, party.system(), "/applications", case.form, case.submit())
        case.approve()
        if chance.random() < 0.3:
            case.call("acceptor", "PATCH", "", {"note": "更正"})
            if case.state == "awaiting_agency":
                case.approve()
        case.accept()
        case.enter()
        case.review()
        self.produce(case, chance)
        case.hand_over()
        case.archive()
        case.complete()
        acts = ("suspend", "resume", "revoke")[: chance.choice((0, 1, 2, 3))]
        for business in acts:
            self.act(party, case, business)
        if "revoke" not in acts and chance.random() < 0.6:
            self.revoke_at_ca(party, case)
        elif "revoke" not in acts:
            self.spare.append(case.certificate["serial"])

    def produce(self, case, chance):
        for _ in range(4):
            case.draw()
            if "authorisation_code" not in (case.codes or {}):
                continue  # the answer was lost, and codes are not shown twice
            case.ask()
            case.follow("succeeded", "failed", seconds=self.wait)
            if case.operation["status"] == "succeeded":
                break
            case.read()
            self.use_old_codes(case)
        case.certificate = case.ra.staff("auditor").get(f"/certificates/{case.operation['certificate_id']}").json()
        case.read()

    def use_old_codes(self, case):
        """What was used once is refused, also after the CA's rejection."""
        case.step("issuing_officer", "production", case.production(), expect=tuple(range(200, 500)))
        case.read()
        self.done["old codes tried"] += 1

    # Bulk operations.

    def bulk_round(self, party, chance):
        """Submissions, decisions and reviews in bulk, some rows twice or wrong; between them each case goes on by itself."""
        self.wish.clear()
        cases = [Case(party, subject_name=unique("企业")) for _ in range(chance.choice((2, 3, 4, 6)))]
        wrong = {**cases[0].form, "subject_name": unique("企业"), "kind": "nothing"}
        cases = self.in_bulk(party, party.system(), "/bulk/applications", [{"body": body} for body in (*(case.form for case in cases), wrong)], cases)
        cases = self.in_bulk(party, party.staff("agency"), "/bulk/agency-decisions", [self.row(case, APPROVAL) for case in (*cases, *cases[:1])], cases)
        for case in cases:
            case.accept()
            case.enter()
        reviews = [self.row(case, {"decision": "approve", "snapshot_sha256": case.application["snapshot_sha256"]}) for case in cases]
        cases = self.in_bulk(party, party.staff("review_officer"), "/bulk/reviews", reviews, cases)
        if cases and chance.random() < 0.3:
            self.produce(cases[-1], chance)

    @staticmethod
    def row(case, body):
        return {"application_id": case.id, "version": case.application["version"], "body": body}

    def in_bulk(self, party, client, path, rows, cases):
        """@return those of the cases whose row (of the same place) was done"""
        if not cases:
            return []
        bulk = self.follow_bulk(party, client, client.post(path, {"rows": rows}, expect=(201, 202)).json())
        self.done["rows in bulk"] += len(bulk["results"])
        done = []
        for case, result in zip(cases, bulk["results"]):
            if result["status"] < 300:
                case.id = result["id"]
                case.read()
                done.append(case)
        return done

    def follow_bulk(self, party, client, bulk):
        """Until it is finished; every look is written down."""
        end, looked = time.monotonic() + self.wait * 2, None
        while True:
            if (bulk["done"], bulk["status"]) != looked:
                looked = (bulk["done"], bulk["status"])
                party.log.write("bulk", bulk=plain(bulk["id"]), status=bulk["status"], total=bulk["total"], rows=results_of(bulk))
            if bulk["status"] == "finished":
                return bulk
            assert time.monotonic() < end, f"bulk operation {bulk['id']}: status {bulk['status']}"
            time.sleep(0.1)
            bulk = client.get(f"/bulk-operations/{bulk['id']}").json()

    # What the CA does by itself.

    def revoke_at_ca(self, party, case):
        """The CA's own operator revokes; the RA finds it in the list, and a client sees it."""
        serial, end = case.certificate["serial"], time.monotonic() + self.wait
        self.ask_ca(lambda: self.stack.ca.revoke(serial, KEY_COMPROMISE))
        while True:
            seen = party.staff("auditor").get(f"/certificates/{case.certificate['id']}").json()
            if seen["status"] == "revoked":
                break
            assert time.monotonic() < end, f"certificate {serial}: status {seen['status']}"
            time.sleep(0.5)
            self.ask_ca(self.stack.ca.renew_crl)  # a list tells the second of its making only
        party.log.write("seen", certificate=plain(case.certificate["id"]), status=seen["status"])
        self.done["revoked at the CA"] += 1

    def ask_ca(self, ask):
        """Until the CA answers: it may be dead for a while."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return ask()
            except httpx.HTTPError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def act(self, party, case, business):
        act = Act(party, business, case)
        act.submit()
        act.accept()
        act.enter()
        act.review()
        act.register_executed(self.wait)
        act.archive()
        act.step("acceptor", "completion", {"summary": "已办理"})
        self.done[business] += 1
