"""Rejection, correction and resubmission; what PATCH does and when; withdrawal."""
import pytest

from harness import samples, seed
from support import REJECTION, refused


def reject(case, role, step, **extra):
    case.step(role, step, {**REJECTION, **extra})
    assert case.state == "rejected"
    assert case.application["rejection"]["reason"] == REJECTION["reason"]
    assert case.application["rejection"]["guidance"] == REJECTION["guidance"]


# Rejections.

def test_agencys_rejection_is_corrected_and_submitted_again(ra):
    case = ra.case("awaiting_agency")
    reject(case, "agency", "agency-decision")
    case.call(ra.system(), "PATCH", "", {"subscriber": {"contact": {"phone": "0351-7037582"}}})
    assert case.state == "awaiting_agency" and "rejection" not in case.application
    case.to("awaiting_handover")


def test_agency_may_think_again(ra):
    case = ra.case("awaiting_agency")
    reject(case, "agency", "agency-decision")
    case.approve()
    assert case.state == "awaiting_acceptance"


def test_counters_rejection_is_answered_by_a_second_acceptance(ra):
    case = ra.case("awaiting_acceptance")
    reject(case, "acceptor", "acceptance", materials=[])
    case.accept()
    assert case.state == "awaiting_entry" and "rejection" not in case.application


def test_counters_rejection_with_a_correction_begins_at_the_agency(ra):
    case = ra.case("awaiting_acceptance")
    reject(case, "acceptor", "acceptance", materials=[])
    case.call("acceptor", "PATCH", "", {"note": "材料已更正"})
    assert case.state == "awaiting_agency"
    assert case.application["steps"] == {}
    case.to("awaiting_entry")


def test_reviewers_rejection_goes_back_to_entry(ra):
    case = ra.case("awaiting_review")
    first = case.application["snapshot_sha256"]
    reject(case, "review_officer", "review")
    case.refuse("review_officer", "review", {"decision": "approve"}, 409, "state-conflict")
    case.enter()
    assert case.state == "awaiting_review" and "review" not in case.application["steps"]
    assert case.application["snapshot_sha256"] == first  # the same data: the same snapshot
    case.to("awaiting_handover")


def test_reviewers_rejection_with_a_correction_needs_every_approval_again(ra):
    case = ra.case("awaiting_review")
    reject(case, "review_officer", "review")
    name = samples.organisation_name()
    case.call("entry_officer", "PATCH", "", {"subject_name": name})
    assert (case.state, case.application["steps"]) == ("awaiting_agency", {})
    assert "snapshot_sha256" not in case.application
    case.form["subject_name"] = name
    case.to("completed")
    assert name in case.certificate["subject"]


def test_history_keeps_the_rejection_and_the_names_of_what_changed(ra):
    case = ra.case("awaiting_agency")
    reject(case, "agency", "agency-decision")
    case.call(ra.system(), "PATCH", "", {"validity_years": 2, "subscriber": {"contact": {"phone": "0351-7037582"}}})
    rejected, edited = case.history()[-2:]
    assert (rejected["outcome"], rejected["state_after"], rejected["reason"], rejected["guidance"]) == (
        "rejected", "rejected", REJECTION["reason"], REJECTION["guidance"])
    assert (edited["step"], edited["state_after"]) == ("edit", "awaiting_agency")
    assert set(edited["changes"]["members"]) == {"/validity_years", "/subscriber/contact"}
    assert "7037582" not in str(case.history())


# PATCH.

def test_correction_before_entry_cancels_approvals(ra):
    case = ra.case("awaiting_entry")
    case.call("acceptor", "PATCH", "", {"note": "x"})
    assert (case.state, case.application["steps"], case.application["note"]) == ("awaiting_agency", {}, "x")
    case.to("awaiting_review")


@pytest.mark.parametrize("state", ["awaiting_review", "awaiting_production", "awaiting_handover", "completed"])
def test_no_correction_after_entry(ra, state):
    case = ra.case(state)
    refused(case.call("acceptor", "PATCH", "", {"note": "x"}, expect=409), 409, "state-conflict")


def test_merge_patch_changes_what_it_names_and_removes_what_is_null(ra):
    case = ra.case(note="备注", subscriber={"project": "网上申报"})
    case.submit()
    before = case.read()
    case.call("acceptor", "PATCH", "", {"note": None, "subscriber": {"project": None, "tier": None,
                                                                     "contact": {"email": None, "name": "李明"}}})
    after = case.application
    assert "note" not in after and "project" not in after["subscriber"] and "tier" not in after["subscriber"]
    assert after["subscriber"]["contact"] == {"name": "李明", "phone": before["subscriber"]["contact"]["phone"]}
    for same in ("id", "number", "subject_name", "validity_years", "created_at"):
        assert after[same] == before[same]
    assert after["version"] == before["version"] + 1
    assert case.read() == {**after, "next_steps": case.application["next_steps"]}


@pytest.mark.parametrize("patch,code,pointer,violation", [
    ({}, "body-invalid", "", "too-few-members"),
    ({"kind": "server"}, "body-invalid", "/kind", "unknown-member"),
    ({"state": "completed"}, "body-invalid", "/state", "unknown-member"),
    ({"subject_name": None}, "body-invalid", "/subject_name", "wrong-type"),
    ({"subject_name": "山西\u200b公司"}, "deceptive-name", "/subject_name", "deceptive-characters"),
    ({"subscriber": {"social_security_no": "140000000000"}}, "body-invalid", "/subscriber/social_security_no", "unknown-member"),
    ({"subscriber": {"organisation_code": {"type": "uscc", "value": "91140100590876546X"}}}, "body-invalid",
     "/subscriber/organisation_code/value",
     "format-uscc"),
    ({"subscriber": {"agency_id": "019ab2c4-7d10-7c3e-9a51-2f6d0b8e4c31"}}, "agency-unknown", "/subscriber/agency_id", "unknown-reference"),
])
def test_correction_is_as_good_as_a_new_form(ra, open_case, patch, code, pointer, violation):
    refused(open_case.call("acceptor", "PATCH", "", patch, expect=422), 422, code, (pointer, violation))


@pytest.fixture(scope="module")
def open_case(ra):
    return ra.case("awaiting_acceptance")


def test_change_needs_the_entity_tag(ra):
    case = ra.case("awaiting_acceptance")
    stale = case.tag
    case.call("acceptor", "PATCH", "", {"note": "x"})
    client = ra.staff("acceptor")
    refused(client.patch(case.path, {"note": "y"}, expect=428), 428, "if-match-missing")
    answer = client.patch(case.path, {"note": "y"}, tag=stale, expect=412)
    refused(answer, 412, "version-stale")
    assert answer.headers["ETag"] == case.tag
    for malformed in ("7", '"7', "W/", '"a" "b"'):
        refused(client.patch(case.path, {"note": "y"}, tag=malformed, expect=400), 400, "if-match-invalid")
    for stranger in ('"1.json"', 'W/' + case.tag, '"x"'):
        refused(client.patch(case.path, {"note": "y"}, tag=stranger, expect=412), 412, "version-stale")
    client.patch(case.path, {"note": "y"}, tag=f'"x", {case.tag}')
    client.patch(case.path, {"note": "z"}, tag="*")


def test_correction_is_a_merge_patch_by_media_type(ra, open_case):
    for media in ("application/json", "application/json-patch+json", "text/plain"):
        answer = open_case.call("acceptor", "PATCH", "", {"note": "x"}, expect=415, headers={"Content-Type": media})
        refused(answer, 415, "media-type")


def test_system_corrects_only_what_it_submitted(ra):
    stranger = ra.business_system("applications.submit", "applications.read")
    case = ra.case("awaiting_agency")
    refused(case.call(ra.system(stranger), "PATCH", "", {"note": "x"}, expect=404), 404, "not-found")
    case.call(ra.system(), "PATCH", "", {"note": "x"})


def test_correction_into_the_scope_of_another_open_application(ra):
    first = ra.case("awaiting_agency")
    second = ra.case(subscriber=first.form["subscriber"])
    second.form["subject_name"] = samples.organisation_name()
    second.submit()
    refused(second.call("acceptor", "PATCH", "", {"subject_name": first.name}, expect=409), 409, "duplicate-application")


# Submission and withdrawal.

@pytest.mark.parametrize("changes,code,pointer,violation", [
    ({"business": "nothing"}, "business-unknown", "/business", "unknown-reference"),
    ({"kind": "server", "subscriber": {"kind": "person", "id_document": {"type": "resident_id", "number": "11010519491231002X"}}},
     "kind-not-offered",
     "/kind", "kind-not-offered"),
    ({"subscriber": {"agency_id": "019ab2c4-7d10-7c3e-9a51-2f6d0b8e4c31"}}, "agency-unknown", "/subscriber/agency_id", "unknown-reference"),
    ({"subject_name": "\ufdfa" * 64}, "deceptive-name", "/subject_name", "deceptive-characters"),
    ({"subject_name": "\u0958" * 64}, "deceptive-name", "/subject_name", "deceptive-characters"),
    ({"subscriber": {"name": "\u0958" * 100}}, "deceptive-name", "/subscriber/name", "deceptive-characters"),
    ({"subject_name": "abc\u202edef"}, "deceptive-name", "/subject_name", "deceptive-characters"),
    ({"subscriber": {"name": "Аррle"}}, "deceptive-name", "/subscriber/name", "deceptive-characters"),
    ({"subscriber": {"kind": "person"}}, "body-invalid", "/subscriber/id_document", "required"),
])
def test_submission_is_refused(ra, changes, code, pointer, violation):
    case = ra.case(**changes)
    refused(ra.system().post("/applications", case.form, expect=422), 422, code, (pointer, violation))


def test_one_open_application_per_subscriber_kind_name_and_usage(ra):
    first = ra.case("awaiting_acceptance")
    again = ra.case(subject_name=first.name, subscriber=first.form["subscriber"])
    refused(ra.system().post("/applications", again.form, expect=409), 409, "duplicate-application")
    again.form["subject_name"] = "  " + first.name.replace("有限", " 有限 ") + " "
    refused(ra.system().post("/applications", again.form, expect=409), 409, "duplicate-application")
    first.withdraw()
    again.submit()


def test_acceptor_takes_a_walk_in_application(ra):
    case = ra.case()
    case.submit(ra.staff("acceptor"))
    assert case.application["submitted_by"] == {"id": ra.ids["people"]["acceptor"], "name": seed.PEOPLE["acceptor"][0], "kind": "person"}
    case.to("awaiting_handover")


@pytest.mark.parametrize("state", ["awaiting_agency", "awaiting_entry", "awaiting_production"])
def test_withdrawn_is_the_end(ra, state):
    case = ra.case(state)
    case.withdraw()
    assert (case.state, case.application["next_steps"]) == ("withdrawn", [])
    case.refuse("acceptor", "withdrawal", {"reason": "x"}, 409, "state-conflict")
