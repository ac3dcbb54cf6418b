"""Different hands (domain.md §18.1, §18.2): the person is the unit, not the certificate and not the role.

One person has every role of the counter and two certificates. The pairs of steps that need two persons are in separation.expect.
"""
import pytest

from acts import OPERATION, REGISTRATION
from separation import EXPECTED
from separation_walk import MAKES, Cast, Walk, make_old
from support import ARCHIVE, COMPLETION, HANDOVER, REJECTION, Person, refused

ROLES = ("acceptor", "entry_officer", "review_officer", "issuing_officer", "technician", "archivist")
STATES = {"acceptance": "awaiting_acceptance", "entry": "awaiting_entry", "review": "awaiting_review", "production": "awaiting_production",
          "operation": "awaiting_operation"}
PAIRS = [(business, *pair) for business, pairs in EXPECTED.hands.items() for pair in pairs]


@pytest.fixture(scope="module")
def ra_hands(make_ra):
    return make_ra("hands", EXTRA_GLOBAL="RARenewalWindow 3650")


@pytest.fixture(scope="module")
def cast(ra_hands):
    made = Cast(ra_hands)
    yield made
    made.close()


@pytest.fixture(scope="module")
def many(ra_hands):
    """Somebody with all roles of the counter, by two certificates."""
    person = ra_hands.person(*ROLES)
    return person, another_certificate(ra_hands, person)


def another_certificate(ra, person):
    again = Person(person.id, ra.identity())
    ra.administrator.step(f"/people/{person.id}", "certificates", {"certificate": again.identity.pem})
    return again


def do(case, step, who):
    """The step by this person, with a good form."""
    acts = {"acceptance": case.accept, "entry": case.enter, "review": case.review, "production": case.draw}
    forms = {"operation": OPERATION, "registration": REGISTRATION, "handover": HANDOVER, "archive": ARCHIVE, "completion": COMPLETION}
    return case.step(who, step, forms[step]) if step in forms else acts[step](who)


def refuse(case, step, who):
    """Separation refuses the step in each of its forms, and the case stays as it was."""
    forms = {"review": [{"decision": "approve", "snapshot_sha256": case.application.get("snapshot_sha256", "0" * 64)}, REJECTION],
             "operation": [OPERATION], "production": [{}]}[step]
    for form in forms:
        case.refuse(who, "codes" if step == "production" else step, form, 403, "separation-of-duty")


@pytest.mark.log("RA041", "RA042")
@pytest.mark.parametrize("business,first,second", PAIRS)
def test_one_person_is_not_two_hands(ra_hands, cast, many, business, first, second):
    walk = Walk(cast, business, make_old(cast, business)).to(STATES[first])
    do(walk.case, first, many[0])
    walk.to(STATES[second])
    for certificate in (many[1], many[0]):
        refuse(walk.case, second, certificate)
    if second == "production":
        walk.case.draw()
        for certificate in many:
            walk.case.refuse(certificate, "production", walk.case.production(), 403, "separation-of-duty")
    walk.forward()  # somebody else may


def steps_of(ra, business):
    item, = [one for one in ra.public.get("/businesses").json()["items"] if one["business"] == business]
    return [step["step"] for step in item["steps"] if step["roles"]]


CHOICES = [(business, chosen) for business, pairs in EXPECTED.hands.items() for chosen in sorted({step for pair in pairs for step in pair})]


@pytest.mark.log("RA041", "RA042")
@pytest.mark.parametrize("business,chosen", CHOICES)
def test_whatever_else_may_be_one_persons(ra_hands, cast, many, business, chosen):
    """One person does one step of the pairs and all steps outside of them, with both certificates in turn."""
    apart = {step for pair in EXPECTED.hands[business] for step in pair}
    walk = Walk(cast, business, make_old(cast, business))
    for place, step in enumerate(steps_of(ra_hands, business)):
        if step in apart and step != chosen or step == "agency_decision":
            walk.forward()
        elif step == "production":
            do(walk.case, step, many[0])
            walk.case.produce(many[1])
        else:
            settle(walk, step)
            do(walk.case, step, many[place % 2])
        while walk.state in ("in_production", "in_execution"):
            walk.forward()
    assert walk.state == "completed"


def settle(walk, step):
    if step == "completion" and walk.business in MAKES and walk.business != "issue":
        walk.case.settle_old()


# After corrections and resubmissions.

def test_who_enters_again_after_a_rejection_is_the_one_who_entered(ra_hands, many):
    case = ra_hands.case("awaiting_entry")
    case.enter("entry_officer")
    case.step("review_officer", "review", REJECTION)
    case.enter(many[1])
    refuse(case, "review", many[0])
    case.review()
    refuse(case, "production", many[1])
    assert case.state == "awaiting_production"


def test_who_rejected_and_then_entered_does_not_review(ra_hands, many):
    case = ra_hands.case("awaiting_review")
    case.step(many[0], "review", REJECTION)
    case.enter(many[1])
    refuse(case, "review", many[0])
    case.review()
    assert case.state == "awaiting_production"


def test_an_entry_that_was_replaced_is_nobodys_hand(ra_hands, many):
    """What is reviewed is what somebody else entered."""
    case = ra_hands.case("awaiting_entry")
    case.enter(many[0])
    case.step("review_officer", "review", REJECTION)
    case.enter("entry_officer")
    case.review(many[1])
    refuse(case, "production", many[0])


def test_a_correction_begins_with_new_hands_and_keeps_them_apart(ra_hands, many):
    case = ra_hands.case("awaiting_entry")
    case.enter(many[0])
    case.step("review_officer", "review", REJECTION)
    case.call("acceptor", "PATCH", "", {"note": "更正"})
    case.approve()
    case.accept(many[0])
    case.enter(many[1])
    refuse(case, "review", many[0])
    case.review()
    for certificate in many:
        refuse(case, "production", certificate)


@pytest.mark.log("RA041")
def test_the_hands_stay_after_the_ca_refused(ra_hands, many):
    """Production is done anew; who entered or reviewed still is not the producer."""
    case = ra_hands.case("awaiting_review")
    case.review(many[0])
    case.draw()
    ra_hands.stack.ca.knobs(mode="reject", count=1)
    case.ask()
    case.follow("failed")
    case.read()
    assert case.state == "awaiting_production"
    for certificate in many:
        refuse(case, "production", certificate)
    case.draw()
    case.refuse(many[1], "production", case.production(), 403, "separation-of-duty")
    case.produce()


def test_a_replaced_certificate_is_the_same_person(ra_hands):
    """The old certificate disabled, a new one bound: still who entered."""
    person = ra_hands.person("entry_officer", "review_officer")
    case = ra_hands.case("awaiting_entry")
    case.enter(person)
    renewed = another_certificate(ra_hands, person)
    path = f"/people/{person.id}"
    old = next(one for one in ra_hands.administrator.get(path).json()["certificates"] if one["sha256"] == person.identity.sha256)
    ra_hands.administrator.step(path, f"certificates/{old['id']}/disablement", {"reason": "更换EKey"})
    refuse(case, "review", renewed)


def test_roles_taken_and_given_back_leave_the_hand(ra_hands):
    person = ra_hands.person("entry_officer", "review_officer")
    case = ra_hands.case("awaiting_entry")
    case.enter(person)
    path = f"/people/{person.id}"
    for roles in (["review_officer"], ["entry_officer", "review_officer"]):
        tag = ra_hands.administrator.get(path).headers["ETag"]
        ra_hands.administrator.put(path + "/roles", {"roles": [{"role": one, "province_wide": True} for one in roles]}, tag=tag)
        refuse(case, "review", person)


def test_only_the_hand_that_handed_over_completes_by_either_certificate(ra_hands, many):
    case = ra_hands.case("awaiting_handover")
    case.hand_over(many[0])
    case.archive()
    refused(case.call("issuing_officer", "POST", "/completion", COMPLETION, expect=403), 403, "same-person-required")
    case.complete(many[1])
    assert case.state == "completed"


def test_a_system_that_submitted_is_no_hand_of_its_agency(ra_hands):
    """§18.16 by principal: two certificates of one system are one system."""
    system = ra_hands.business_system("applications.submit", "agency.decide", agency_id=ra_hands.ids["agency"])
    again = Person(system.id, ra_hands.identity())
    ra_hands.administrator.step(f"/systems/{system.id}", "certificates", {"certificate": again.identity.pem})
    case = ra_hands.case()
    case.submit(ra_hands.system(system))
    for certificate in (again, system):
        case.refuse(ra_hands.system(certificate), "agency-decision", {"decision": "approve", "filing_number": "备-1"}, 403, "own-submission")
    case.approve()
