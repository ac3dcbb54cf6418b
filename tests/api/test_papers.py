"""What is printed, as data: the form with its copies, the task completion record, the production sheet (domain.md §3-§8, §18.13)."""
import pytest

from acts import Act
from harness import samples, seed
from support import refused, unique, uuid_sql


def form(ra, case, who="acceptor"):
    paper = ra.staff(who).get(case.path + "/form").json()
    return paper, {field["name"]: field["value"] for field in paper["fields"]}


def test_the_form_of_an_organisation_has_all_that_was_applied_for(ra):
    case = ra.case("awaiting_acceptance")
    paper, fields = form(ra, case)
    subscriber = case.form["subscriber"]
    assert (paper["title"], paper["authentication"], paper["number"]) == ("单位证书申请(更新)表", "seal", case.application["number"])
    assert fields["subscriber_name"] == subscriber["name"]
    assert fields["social_security_no"] == subscriber["social_security_no"]
    assert fields["organisation_code"] == subscriber["organisation_code"]["value"]
    assert (fields["contact_name"], fields["contact_phone"]) == (subscriber["contact"]["name"], subscriber["contact"]["phone"])
    assert (fields["agency"], fields["filing_number"]) == (seed.AGENCY_NAME, "并社经备2026-0147")
    assert fields["validity_years"] == case.form["validity_years"]
    assert paper["materials"] == ["organisation_code_certificate", "business_licence", "officer_id"]


def test_a_persons_form_is_signed_and_names_the_id_document(ra):
    case = ra.case("awaiting_acceptance", kind="person")
    paper, fields = form(ra, case)
    assert (paper["title"], paper["authentication"], paper["materials"]) == ("个人证书申请(更新)表", "signature", ["applicant_id"])
    assert fields["id_document_number"] == case.form["subscriber"]["id_document"]["number"]


def test_copies_one_and_two_are_the_archivists_and_three_the_subscribers(ra):
    paper, _ = form(ra, ra.case("awaiting_acceptance"))
    assert [(copy["copy"], copy["name"]["zh-CN"], copy["destination"]) for copy in paper["copies"]] == [
        (1, "第一联", "archivist"), (2, "第二联", "archivist"), (3, "第三联", "subscriber")]


CHANGE, APPLY, UNLOCK = "证书变更、挂起、解挂、吊销表", "证书申请(更新)表", "数字证书解锁申请表"
TITLES = {"renew": APPLY, "modify": CHANGE, "revoke": CHANGE, "unlock": UNLOCK, "reissue_lost": CHANGE, "reissue_damaged": CHANGE,
          "replace_token": CHANGE, "suspend": CHANGE}


def check_form_of_act(ra, act, title):
    act.submit()
    paper, fields = form(ra, act)
    assert (paper["title"], paper["business"], fields["business"]) == (title, act.business, act.business)
    assert (fields["old_serial"], fields["subscriber_name"]) == (act.old.certificate["serial"], act.application["subscriber"]["name"])
    assert (fields.get("revocation_reason"), fields.get("cause")) == (act.form.get("revocation_reason"), act.form.get("cause"))
    token = act.form.get("token", {})
    assert (fields.get("token_serial"), fields.get("token_purchased_on")) == (token.get("serial"), token.get("purchased_on"))
    assert {"application_form", *paper["materials"]} == {one["material"] for one in act.acceptance()["materials"]}
    assert [(copy["copy"], copy["destination"]) for copy in paper["copies"]] == [(1, "archivist"), (2, "archivist"), (3, "subscriber")]
    act.withdraw()


@pytest.mark.parametrize("kind, sheet", [("organisation", "单位"), ("person", "个人"), ("server", "单位")])
def test_the_form_of_each_act_has_its_title_its_particulars_and_three_copies(ra, kind, sheet):
    old = ra.case("completed", kind=kind)
    ra.sql(f"UPDATE certificates SET not_after = UTC_TIMESTAMP(6) + INTERVAL 60 DAY WHERE id = {uuid_sql(old.certificate['id'])}")
    for business, title in TITLES.items():
        check_form_of_act(ra, Act(ra, business, old), title if title == UNLOCK else sheet + title)
    Act(ra, "suspend", old).run()
    check_form_of_act(ra, Act(ra, "resume", old), sheet + CHANGE)


def test_a_form_out_of_sight_does_not_exist(ra):
    case = ra.case("awaiting_acceptance")
    far = ra.person("acceptor", office_id=ra.office("140200"), province_wide=False)
    refused(ra.staff(far).get(case.path + "/form", expect=404), 404, "not-found")
    refused(ra.staff(far).get(case.path + "/completion-record", expect=404), 404, "not-found")


def test_the_completion_record_names_every_hand(ra):
    case = ra.case("awaiting_completion")
    before = ra.staff("issuing_officer").get(case.path + "/completion-record").json()
    assert "completed_at" not in before and before["state"] == "awaiting_completion"
    case.complete()
    record = ra.staff("issuing_officer").get(case.path + "/completion-record").json()
    assert [(hand["step"], hand["by"]["name"]) for hand in record["hands"]] == [
        (step, seed.PEOPLE[role][0]) for step, role in (
            ("agency_decision", "agency"), ("acceptance", "acceptor"), ("entry", "entry_officer"), ("review", "review_officer"),
            ("production", "issuing_officer"), ("handover", "issuing_officer"), ("archive", "archivist"), ("completion", "issuing_officer"))]
    assert (record["summary"], record["completed_by"]["name"]) == ("证书已制作并发放，资料已归档", seed.PEOPLE["issuing_officer"][0])
    assert record["certificate"]["serial"] == case.certificate["serial"]
    assert record["started_at"] < record["completed_at"]


def test_the_completion_record_of_a_revocation_names_the_revoked_certificate(ra):
    old = ra.case("completed")
    act = Act(ra, "revoke", old)
    act.run()
    record = ra.staff("acceptor").get(act.path + "/completion-record").json()
    assert record["target_certificate"]["serial"] == old.certificate["serial"]
    assert record["target_certificate"]["revoked_at"] and "certificate" not in record


def sheet(ra, who="issuing_officer", **params):
    return ra.staff(who).get("/production-sheets", params=params).json()


def test_a_sheet_groups_what_is_made_for_one_project_and_business(ra):
    project = unique("社保网厅")
    waiting = [ra.case("awaiting_production", subscriber={"project": project}).id for _ in range(2)]
    made = ra.case("awaiting_archive", subscriber={"project": project})
    ra.case("awaiting_review", subscriber={"project": project})
    ra.case("awaiting_production", subscriber={"project": unique("其他")})
    found = sheet(ra, project=project, business="issue")
    assert [item["id"] for item in found["items"]] == [*waiting, made.id]
    assert found["certificates"] == {"awaiting_production": 2, "awaiting_archive": 1}
    assert found["items"][2]["serial"] == made.certificate["serial"]
    assert found["items"][0]["organisation_code"]
    assert sheet(ra, project=project, business="renew")["items"] == []
    assert [item["id"] for item in sheet(ra, "archivist", project=project, business="issue", state="awaiting_archive")["items"]] == [made.id]


def test_a_sheet_comes_in_pages_and_in_the_region_only(ra):
    project = unique("项目")
    cases = [ra.case("awaiting_production", subscriber={"project": project}).id for _ in range(3)]
    first = sheet(ra, project=project, business="issue", limit=2)
    second = sheet(ra, project=project, business="issue", limit=2, cursor=first["next_cursor"])
    assert [item["id"] for item in (*first["items"], *second["items"])] == cases
    assert first["certificates"] == second["certificates"] == {"awaiting_production": 3}
    far = ra.person("issuing_officer", office_id=ra.office("140200"), province_wide=False)
    assert sheet(ra, far, project=project, business="issue")["items"] == []


def test_applications_without_a_project_have_a_sheet_too(ra):
    office = ra.office("140800")
    person = ra.person("issuing_officer", office_id=office, province_wide=False)
    form = samples.application(ra.ids["agency"])["subscriber"]
    case = ra.case(subscriber={**form, "region": "140800"})
    case.form["subscriber"].pop("project", None)
    case.to("awaiting_production")
    found = sheet(ra, person, business="issue")
    assert "project" not in found and [item["id"] for item in found["items"]] == [case.id]


def test_an_unknown_business_has_no_sheet(ra):
    refused(ra.staff("issuing_officer").get("/production-sheets?business=juggle", expect=404), 404, "not-found")
