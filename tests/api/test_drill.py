"""A new business is a row, not code: `drill` of the test build runs through the same HTTP steps under its own rules."""
import pytest

from support import ARCHIVE, COMPLETION, REJECTION, entry, refused

pytestmark = pytest.mark.test_build


@pytest.fixture
def drill(ra):
    case = ra.case(kind="person", business="drill")
    case.submit()
    return case


def accept(case, who="acceptor", **changes):
    return case.step(who, "acceptance", {"decision": "accept", "materials": [{"material": "applicant_id", "received": True}], **changes})


def test_it_is_listed_with_its_steps_and_materials(ra):
    found = {item["business"]: item for item in ra.public.get("/businesses").json()["items"]}["drill"]
    assert (found["fee"], found["agency_approval"]) == (False, False)
    assert found["materials"]["person"] == ["applicant_id"]
    assert [step["step"] for step in found["steps"]] == ["acceptance", "entry", "review", "archive", "completion"]


def test_it_runs_from_acceptance_to_completion(ra, drill):
    assert drill.state == "awaiting_acceptance"
    accept(drill)
    drill.enter()
    drill.review()
    assert drill.state == "awaiting_archive"
    drill.step("archivist", "archive", ARCHIVE)
    drill.step("issuing_officer", "completion", COMPLETION)
    assert drill.state == "completed"
    assert [one["step"] for one in drill.history()] == ["submission", "acceptance", "entry", "review", "archive", "completion"]


def test_it_asks_for_its_own_material_and_no_fee(ra, drill):
    drill.refuse("acceptor", "acceptance", {"decision": "accept", "materials": []}, 422, "materials-incomplete",
                 ("/materials", "material-missing"))
    accept(drill)
    assert drill.state == "awaiting_entry"


def test_it_has_no_agency_and_no_production(ra, drill):
    drill.refuse("agency", "agency-decision", {"decision": "approve", "filing_number": "备-1"}, 409, "state-conflict")
    accept(drill)
    drill.enter()
    drill.review()
    drill.refuse("issuing_officer", "codes", {}, 409, "state-conflict")


def test_it_is_offered_to_persons_only(ra):
    refused(ra.system().post("/applications", ra.case(business="drill").form, expect=422), 422, "kind-not-offered",
            ("/kind", "kind-not-offered"))


def test_it_keeps_its_own_hands_apart(ra, drill):
    both = ra.person("acceptor", "entry_officer", "review_officer")
    accept(drill, both)
    drill.refuse(both, "entry", entry(drill), 403, "separation-of-duty")
    drill.enter()
    drill.review(both)  # acceptance and review are not a pair of this business
    assert drill.state == "awaiting_archive"


def test_rejection_and_correction_begin_at_its_first_step(ra, drill):
    accept(drill)
    drill.enter()
    drill.step("review_officer", "review", REJECTION)
    drill.call("acceptor", "PATCH", "", {"note": "x"})
    assert drill.state == "awaiting_acceptance"
