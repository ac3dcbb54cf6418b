"""Separation by person: role × operation × state against the running server, every cell as separation.expect says (domain.md §1, §18).

A cell that must be refused is called with the case's own entity tag and a good form, and must leave the case as it was. One that must
be allowed is called with a form that only a rule behind the engine refuses, so one case serves a whole state; where no such rule
exists a case of its own is used up. `test_a_form_is_looked_at_after_the_right_to_act` proves that this shows the engine's word.
"""
import concurrent.futures
import re

import pytest

from acts import OPERATION, REGISTRATION
from harness import seed
from separation import EXPECTED, READINGS, Expectation
from separation_walk import MAKES, Cast, Walk, make_old
from support import ARCHIVE, COMPLETION, HANDOVER, acceptance, refused

WIRES = 3  # calls at the same time
NOBODYS = "019ab2c4-7d10-7c3e-9a51-2f6d0b8e4c31"
CODE = {"reference_code": "00000", "authorisation_code": "00000", "csr": "x"}  # mistyped: not counted as a try
SHA = "0" * 64

# operation → (method, place, a good form, the same but for one thing that the step's rule refuses, the rule's code)
STEPS = {
    "decideForAgency": ("POST", "/agency-decision", {"decision": "approve", "filing_number": "备-1"}, None, None),
    "acceptApplication": ("POST", "/acceptance", acceptance("organisation"), {"decision": "accept", "materials": []}, "materials-incomplete"),
    "enterApplication": ("POST", "/entry", None, None, None),  # by_business() below
    "reviewApplication": ("POST", "/review", {"decision": "approve"}, {"decision": "approve", "snapshot_sha256": SHA}, "snapshot-mismatch"),
    "drawCodes": ("POST", "/codes", {}, None, None),
    "produceCertificate": ("POST", "/production", CODE, CODE, ("codes-missing", "code-invalid")),
    "handOverCertificate": ("POST", "/handover", HANDOVER, {**HANDOVER, "inspection": {**HANDOVER["inspection"], "passed": False}},
                            "inspection-failed"),
    "operateToken": ("POST", "/operation", OPERATION, {**OPERATION, "token_present": False}, "inspection-failed"),
    "registerApplication": ("POST", "/registration", REGISTRATION, None, None),
    "archiveApplication": ("POST", "/archive", ARCHIVE, {**ARCHIVE, "form_copies": [3]}, "archive-incomplete"),
    "completeApplication": ("POST", "/completion", COMPLETION, None, None),
    "updateApplication": ("PATCH", "", {"note": "x"}, {"subject_name": "山西\u202e公司"}, ("deceptive-name", "name-not-allowed")),
    "withdrawApplication": ("POST", "/withdrawal", {"reason": "订户放弃"}, None, None),
}
USED_UP = [name for name, (_, _, _, refused, _) in STEPS.items() if refused is None and name != "enterApplication"]
CASES = (*STEPS, *READINGS)
NAME = {"subject": {"common_name": "另一个名称"}, "validity_years": 1, "key_algorithms": ["rsa"]}


def by_business(business, operation):
    if operation != "enterApplication":
        return STEPS[operation]
    refused, code = ({"certificate": NAME}, "name-not-allowed")
    if business not in MAKES:
        code = "body-invalid"
    return "POST", "/entry", refused, refused, code


@pytest.fixture(scope="module")
def ra_matrix(make_ra):
    """An instance of its own: its CA is stopped in the middle, and a certificate may be renewed at any time."""
    return make_ra("matrix", EXTRA_GLOBAL="RARenewalWindow 3650")


@pytest.fixture(scope="module")
def cast(ra_matrix):
    made = Cast(ra_matrix)
    yield made
    made.close()


class Matrix:
    """Compares the cells of one business. `wrong` collects what differs."""

    def __init__(self, cast, business):
        self.cast, self.business = cast, business
        self.people, self.systems = cast.people(), cast.systems()
        self.wrong, self.cells = [], 0
        self.spare = make_old(cast, business)

    def call(self, wire, case, operation, wanted):
        if operation in READINGS:
            return wire("GET", case.path + READINGS[operation])
        method, place, good, bad, _ = by_business(self.business, operation)
        return wire(method, case.path + place, bad if wanted == Expectation.ALLOWED else good, case.tag)

    def is_as_wanted(self, operation, wanted, got):
        if wanted != Expectation.ALLOWED:
            return got == wanted
        if operation in READINGS:
            return got[0] == 200
        code = by_business(self.business, operation)[4]
        return got[0] in (409, 422) and (got[1] in code if isinstance(code, tuple) else got[1] == code)

    def check_wire(self, wire, case, state):
        count = 0
        for operation in CASES:
            wanted = EXPECTED(self.business, operation, state, wire.caller, wire.host)
            if wanted == Expectation.ALLOWED and operation in USED_UP:
                continue  # use_up()
            got = self.call(wire, case, operation, wanted)
            count += 1
            if not self.is_as_wanted(operation, wanted, got):
                self.wrong.append(f"{self.business} {state}: {operation} by {wire.caller} on {wire.host} wanted {wanted} got {got}")
        return count

    def check_state(self, case, state):
        """Every caller's every operation; nothing of it changes the case."""
        with concurrent.futures.ThreadPoolExecutor(WIRES) as pool:
            self.cells += sum(pool.map(lambda wire: self.check_wire(wire, case, state), self.people + self.systems))
        for scope in seed.SCOPES:
            self.cast.scope_own(scope)
            self.cells += self.check_wire(self.cast.wire(f"{scope}@own", "api", self.cast.own.identity), case, state)
        self.cast.scope_own(*seed.SCOPES)
        assert not self.wrong, "\n".join(self.wrong[:20])
        assert self.cast.ra.staff("auditor").get(case.path).headers["ETag"] == case.tag

    def caller(self, name):
        """The wire of a caller that is allowed something."""
        if name.endswith("@own"):
            return self.cast.wire(name, "api", self.cast.own.identity)
        return next(wire for wire in self.people + self.systems if wire.caller == name)

    def use_up(self, case, state):
        """What is allowed and no rule can stop: done, on the case where that changes no state, or on one of its own."""
        for operation, name in EXPECTED.allowed(self.business, state, USED_UP):
            self.cells += 1
            if name.endswith("@hand"):
                continue  # the walk itself does it
            method, place, good, _, _ = STEPS[operation]
            used = case if operation == "drawCodes" else self.throwaway(operation, state)
            wire = self.caller(name)
            got = wire(method, used.path + place, good, used.tag)
            assert got[0] in (200, 201), f"{self.business} {state}: {operation} by {name} wanted to be allowed, got {got}"
            used.tag = wire.tag

    def throwaway(self, operation, state):
        old = self.spare if operation == "withdrawApplication" else make_old(self.cast, self.business)
        walk = Walk(self.cast, self.business, old).to(state)
        if operation == "completeApplication" and self.business in MAKES:
            walk.case.settle_old()
        return walk.case


ONE_OF_EACH_LIST = ("issue", "renew", "reissue_lost", "revoke", "unlock")  # the businesses of a list share their steps


@pytest.mark.log("RA041", "RA042")  # the CA is away for a while
@pytest.mark.parametrize("business", EXPECTED.rows)
def test_every_cell_of_a_business(ra_matrix, cast, build, business):
    if build.has_sanitizers and business not in ONE_OF_EACH_LIST:
        pytest.skip("with sanitizers a call is slow: one business of each list of steps")
    matrix = Matrix(cast, business)
    walk, seen = Walk(cast, business, make_old(cast, business), ca_away=True), set()
    for state in walk.states():
        if state not in seen:
            matrix.check_state(walk.case, state)
            matrix.use_up(walk.case, state)
            seen.add(state)
    gone = Walk(cast, business, matrix.spare)
    gone.case.withdraw()
    matrix.check_state(gone.case, "withdrawn")
    assert EXPECTED.states(business) <= seen
    assert matrix.cells > 2500
    print(f"{business}: {matrix.cells} cells in {len(seen) + 1} states")


# What the matrix stands on.

ROLES = {"decideForAgency": "agency", "acceptApplication": "acceptor", "enterApplication": "entry_officer",
         "reviewApplication": "review_officer", "handOverCertificate": "issuing_officer", "archiveApplication": "archivist"}


def test_a_form_is_looked_at_after_the_right_to_act(ra):
    """Access, then the version, then the engine, then the form: so the form's own refusal says "you may"."""
    walk_states = ["awaiting_acceptance", "awaiting_entry", "awaiting_review", "awaiting_handover", "awaiting_archive"]
    own = dict(zip(walk_states, ("acceptApplication", "enterApplication", "reviewApplication", "handOverCertificate", "archiveApplication")))
    case = ra.case()
    for state in walk_states:
        case.to(state)
        for operation in own.values():
            _, place, _, bad, code = by_business("issue", operation)
            role = ROLES[operation]
            stale = '"999.json"'
            refused(case.call("hotline_agent", "POST", place, bad, tag=stale, expect=403), 403, "access-denied")
            refused(case.call(role, "POST", place, bad, tag=stale, expect=412), 412, "version-stale")
            wanted = (ra.document.problems[code]["status"], code) if operation == own[state] else (409, "state-conflict")
            refused(case.call(role, "POST", place, bad, expect=wanted[0]), *wanted)
    assert case.read()["state"] == walk_states[-1]


def document_operations(ra):
    for path, item in ra.document.document["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "put", "patch", "delete"):
                yield operation["operationId"], method.upper(), re.sub(r"\{\w+\}", NOBODYS, path)


def test_every_operation_of_the_document_is_in_the_expectation(ra):
    """A new operation gets a line in separation.expect, written from domain.md."""
    assert {name for name, _, _ in document_operations(ra)} == set(EXPECTED.callers)


def outcome(wire, method, path):
    """A call whose form no schema takes: whoever may call hears of the form, or of the object that is not there."""
    got = wire(method, path, [] if method != "GET" else None, '"999.json"')
    return (404, "not-found") if got == (405, "method-not-allowed") else got  # the path has another operation on this host


def test_every_caller_of_every_operation(ra_matrix, cast):
    """Roles and scopes on each host, without a case: who may not call is refused before anything of the request is looked at."""
    wires, wrong, cells = [*cast.people(), *cast.systems()], [], 0
    wires += [cast.wire(f"{scope}@own", "api", cast.strangers[f"{scope}@elsewhere"].identity) for scope in seed.SCOPES]
    for wire in wires:
        for operation, method, path in document_operations(ra_matrix):
            wanted, got = EXPECTED.outside(operation, wire.caller, wire.host), outcome(wire, method, path)
            cells += 1
            if got != wanted if wanted else got[0] in (401, 403) or got[0] >= 500:
                wrong.append(f"{operation} by {wire.caller} on {wire.host}: wanted {wanted or 'to be let in'}, got {got}")
    assert not wrong, "\n".join(wrong[:20])
    assert cells > 1000


def test_certificates_on_the_other_host_carry_no_right(ra_matrix, cast):
    """A person on the api host and a system on the staff host: identity without role or scope."""
    strangers = [cast.wire("nothing", "api", cast.staff[role].identity) for role in seed.PEOPLE]
    strangers += [cast.wire("nothing", "staff", system.identity) for system in cast.strangers.values()]
    for wire in strangers:
        for operation, method, path in document_operations(ra_matrix):
            if "everybody" not in EXPECTED.callers[operation]:
                wanted = (403, "access-denied") if EXPECTED.is_offered(operation, wire.host) else (404, "not-found")
                assert outcome(wire, method, path) == wanted, (operation, wire.host)
