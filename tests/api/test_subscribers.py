"""Subscribers (domain.md §2): found by what they say, seen in the region only, corrected with the old value kept."""
import pytest

from acts import Act
from harness import samples
from support import refused, unique


def find(ra, who="hotline_agent", **params):
    return ra.staff(who).get("/subscribers", params=params).json()["items"]


def detail(ra, id, who="auditor"):
    return ra.staff(who).get(f"/subscribers/{id}").json()


def subscriber_of(case):
    return case.application["subscriber"]["id"]


def test_a_subscriber_is_found_by_name_number_code_and_phone(ra):
    name, phone = samples.organisation_name() + "（太原）", f"139{samples.social_security_no()[-8:]}"
    case = ra.case(subscriber={"name": name, "contact": {"name": "李明", "phone": phone}})
    case.submit()
    form, id = case.form["subscriber"], subscriber_of(case)
    for params in ({"name": name}, {"name": name.replace("（", " (").replace("）", ")")}, {"social_security_no": form["social_security_no"]},
                   {"organisation_code": form["organisation_code"]["value"]}, {"phone": phone}, {"phone": f"{phone[:3]}-{phone[3:7]} {phone[7:]}"},
                   {"name": name, "phone": phone}):
        assert [item["id"] for item in find(ra, **params)] == [id], params
    for params in ({"name": name[:-3]}, {"name": unique("不存在")}, {"phone": "13899999999"}, {"name": name, "phone": "13899999999"}, {"name": "()"}):
        assert find(ra, **params) == [], params


def test_lists_hold_no_personal_identifier(ra):
    case = ra.case(kind="person")
    case.submit()
    text = ra.staff("hotline_agent").get("/subscribers", params={"name": case.form["subscriber"]["name"]}).text
    for value in (case.form["subscriber"]["contact"]["phone"], case.form["subscriber"]["id_document"]["number"]):
        assert value not in text
        assert value in ra.staff("hotline_agent").get(f"/subscribers/{subscriber_of(case)}").text


def test_reading_one_is_written_to_the_audit_log(ra):
    case = ra.case()
    case.submit()
    detail(ra, subscriber_of(case), "hotline_agent")
    hexadecimal = subscriber_of(case).replace("-", "")
    assert ra.sql(f"SELECT event, outcome FROM audit_events WHERE object_type = 'subscriber' AND object_id = UNHEX('{hexadecimal}')") == [
        ["getSubscriber", "read"]]


def test_a_subscriber_has_its_applications_and_certificates(ra):
    case = ra.case("completed")
    shown = detail(ra, subscriber_of(case))
    assert [(item["id"], item["state"]) for item in shown["applications"]["items"]] == [(case.id, "completed")]
    assert [(item["id"], item["status"]) for item in shown["certificates"]["items"]] == [(case.certificate["id"], "valid")]
    assert shown["changes"] == {"items": [], "more": False}
    assert shown["contact"] == {name: value for name, value in case.form["subscriber"]["contact"].items()}
    assert shown["verified_at"]


def test_a_confirmed_correction_keeps_the_old_value(ra):
    first = ra.case("awaiting_production")
    old = first.form["subscriber"]
    name, agency = samples.organisation_name(), ra.agency()
    second = ra.case(subject_name=name, subscriber={**old, "name": name, "agency_id": agency, "region": "140105"})
    second.submit()
    assert detail(ra, subscriber_of(first))["name"] == old["name"]
    second.step(ra.person("agency", agency_id=agency), "agency-decision", {"decision": "approve", "filing_number": "1"})
    second.accept()
    second.enter()
    assert detail(ra, subscriber_of(first))["changes"]["items"] == []
    second.review()
    shown = detail(ra, subscriber_of(first))
    assert (shown["name"], shown["agency"]["id"], shown["region"]) == (name, agency, "140105")
    changes = {change["member"]: change for change in shown["changes"]["items"]}
    assert {member: (one["old_value"], one["new_value"]) for member, one in changes.items()} == {
        "name": (old["name"], name), "agency_id": (old["agency_id"], agency), "region": (old["region"], "140105")}
    assert {(one["application_id"], one["confirmed_by"]["id"]) for one in changes.values()} == {(second.id, ra.ids["people"]["review_officer"])}


def correct(ra, id, body, who="acceptor", tag=None, **options):
    """Corrects the record as it is now, or as it was under a tag."""
    client = ra.staff(who)
    tag = tag or client.get(f"/subscribers/{id}").headers["ETag"]
    return client.call("PATCH", f"/subscribers/{id}", {"reason": "联系人变更", **body}, tag=tag, **options)


def fresh_phone():
    return f"139{samples.social_security_no()[-8:]}"


def test_a_direct_correction_keeps_the_old_values(ra):
    case = ra.case("awaiting_production", subscriber={"tier": "city"})
    id, old = subscriber_of(case), case.form["subscriber"]["contact"]
    version = detail(ra, id)["version"]
    shown = correct(ra, id, {"contact": {"phone": "13900000001", "email": "Wang@Example.CN"}, "tier": "township", "project": "网上申报"}).json()
    assert shown["contact"] == {"name": old["name"], "phone": "13900000001", "email": "Wang@Example.CN"}
    assert (shown["tier"], shown["project"], shown["version"]) == ("township", "网上申报", version + 1)
    changes = {change["member"]: change for change in shown["changes"]["items"]}
    assert {member: (one.get("old_value"), one["new_value"]) for member, one in changes.items()} == {
        "phone": (old["phone"], "13900000001"), "email": (old.get("email"), "Wang@Example.CN"), "tier": ("city", "township"),
        "project": (case.form["subscriber"].get("project"), "网上申报")}
    assert {(one["reason"], one["confirmed_by"]["id"]) for one in changes.values()} == {("联系人变更", ra.ids["people"]["acceptor"])}
    assert correct(ra, id, {"contact": {"email": None}, "tier": None}, "archivist").json()["contact"] == {"name": old["name"], "phone": "13900000001"}
    assert "tier" not in detail(ra, id)
    assert correct(ra, id, {"tier": None}).json()["version"] == version + 2  # nothing differed, nothing was written
    hexadecimal = id.replace("-", "")
    assert ra.sql("SELECT COUNT(*) FROM audit_events WHERE event = 'updateSubscriber' AND outcome = 'done'"
                  f" AND object_id = UNHEX('{hexadecimal}')") == [["3"]]
    kept = "".join(ra.sql("SELECT CONCAT_WS(' ', old_value, new_value, HEX(values_sealed)) FROM subscriber_changes"
                          f" WHERE subscriber_id = UNHEX('{hexadecimal}')")[0])
    assert "13900000001" not in kept and "13900000001".encode().hex().upper() not in kept


def test_a_correction_counts_for_the_acts_that_follow(ra):
    case = ra.case("completed")
    correct(ra, subscriber_of(case), {"contact": {"name": "王芳", "phone": "13900000002"}})
    act = Act(ra, "suspend", case)
    act.submit()
    assert act.application["subscriber"]["contact"]["name"] == "王芳"
    assert act.application["subscriber"]["contact"]["phone"] == "13900000002"


def test_the_review_of_an_older_form_does_not_undo_a_correction(ra):
    case = ra.case("awaiting_review")
    id = subscriber_of(case)
    correct(ra, id, {"contact": {"phone": "13900000003"}})
    case.review()
    assert detail(ra, id)["contact"]["phone"] == "13900000003"
    later = ra.case(subject_name=samples.organisation_name(), subscriber={**case.form["subscriber"], "contact": {"name": "李明", "phone": "13900000004"}})
    later.to("awaiting_production")
    shown = detail(ra, id)
    assert shown["contact"] == {"name": "李明", "phone": "13900000004"}
    assert {(one["member"], one["application_id"]) for one in shown["changes"]["items"] if one.get("new_value") in ("李明", "13900000004")} == {
        ("contact_name", later.id), ("phone", later.id)}


def test_a_correction_is_found_by_phone_and_email_now_and_before(ra):
    old, new, email = fresh_phone(), fresh_phone(), f"{unique('mail')}@example.cn"
    case = ra.case(subscriber={"contact": {"name": "李明", "phone": old, "email": email}})
    case.submit()
    id = subscriber_of(case)
    assert [item["id"] for item in find(ra, email=email.upper())] == [id]
    correct(ra, id, {"contact": {"phone": new, "email": f"new-{email}"}})
    for params in ({"phone": old}, {"phone": new}, {"email": email}, {"email": f"NEW-{email}"}, {"phone": new, "email": f"new-{email}"}):
        assert [item["id"] for item in find(ra, **params)] == [id], params
    assert find(ra, phone=new, email="nobody@example.cn") == []
    case.call("acceptor", "PATCH", "", {"subscriber": {"contact": {"email": f"third-{email}"}}})
    assert [item["id"] for item in find(ra, email=f"third-{email}")] == [id]
    refused(ra.staff("hotline_agent").get("/subscribers", params={"email": "no address"}, expect=400), 400, "request-invalid")


def test_what_identifies_a_subscriber_is_not_corrected_directly(ra):
    case = ra.case("awaiting_production")
    id = subscriber_of(case)
    tag = ra.staff("acceptor").get(f"/subscribers/{id}").headers["ETag"]
    for member, value in {"name": "另一个名称", "social_security_no": "1401050012345", "region": "140200", "agency_id": ra.ids["agency"],
                          "organisation_code": {"type": "uscc", "value": "91140100590876546L"}}.items():
        refused(correct(ra, id, {member: value, "tier": "city"}, expect=422), 422, "body-invalid", (f"/{member}", "unknown-member"))
    refused(correct(ra, id, {}, expect=422), 422, "body-invalid")
    refused(ra.staff("acceptor").call("PATCH", f"/subscribers/{id}", {"tier": "city"}, tag=tag, expect=422), 422, "body-invalid", ("/reason", "required"))
    refused(correct(ra, id, {"contact": {"phone": "x"}}, expect=422), 422, "body-invalid", ("/contact/phone", "pattern"))
    assert ra.staff("acceptor").get(f"/subscribers/{id}").headers["ETag"] == tag


def test_a_correction_is_made_of_what_was_seen_by_who_sees_it(ra):
    case = ra.case(subscriber={"region": "140200"})
    case.submit()
    id = subscriber_of(case)
    first = ra.staff("acceptor").get(f"/subscribers/{id}").headers["ETag"]
    correct(ra, id, {"tier": "township"}, tag=first)
    refused(correct(ra, id, {"tier": "province"}, tag=first, expect=412), 412, "version-stale")
    refused(ra.staff("acceptor").call("PATCH", f"/subscribers/{id}", {"reason": "x", "tier": "city"}, expect=428), 428, "if-match-missing")
    far = ra.person("acceptor", office_id=ra.office("140300"), province_wide=False)
    refused(correct(ra, id, {"tier": "city"}, far, tag=first, expect=404), 404, "not-found")
    assert detail(ra, id)["tier"] == "township"


def test_the_whole_contact_must_come_where_no_form_is_in_sight(ra):
    """The record is of the caller's region, its application of another and not reviewed yet."""
    case = ra.case("awaiting_acceptance")
    id, hexadecimal = subscriber_of(case), subscriber_of(case).replace("-", "")
    ra.sql(f"UPDATE subscribers SET region = '140700' WHERE id = UNHEX('{hexadecimal}')")
    near = ra.person("acceptor", office_id=ra.office("140700"), province_wide=False)
    refused(correct(ra, id, {"contact": {"phone": "13900000005"}}, near, expect=422), 422, "body-invalid", ("/contact/name", "required"))
    shown = correct(ra, id, {"contact": {"name": "王芳", "phone": "13900000005"}}, near).json()
    assert shown["contact"] == {"name": "王芳", "phone": "13900000005"}


def test_the_entity_tag_is_of_all_that_is_shown(ra):
    case = ra.case("awaiting_production")
    path, client = f"/subscribers/{subscriber_of(case)}", ra.staff("hotline_agent")
    tag = client.get(path).headers["ETag"]
    assert client.get(path, headers={"If-None-Match": tag}, expect=304).status_code == 304
    case.draw()
    case.produce()
    assert client.get(path, headers={"If-None-Match": tag}).json()["certificates"]["items"]


def test_kept_values_cannot_be_changed_or_removed(ra):
    assert ra.sql("SELECT GROUP_CONCAT(privilege_type ORDER BY 1) FROM information_schema.table_privileges WHERE table_schema = 'ra'"
                  " AND table_name = 'subscriber_changes' AND grantee LIKE '%_app%'") == [["INSERT,SELECT"]]


def test_a_subscriber_of_another_region_does_not_exist(ra):
    case = ra.case(subscriber={"region": "140200"})
    case.submit()
    near, far = (ra.person("hotline_agent", office_id=ra.office(region), province_wide=False) for region in ("140200", "140300"))
    number = case.form["subscriber"]["social_security_no"]
    assert len(find(ra, near, social_security_no=number)) == 1
    assert find(ra, far, social_security_no=number) == []
    assert detail(ra, subscriber_of(case), near)["region"] == "140200"
    refused(ra.staff(far).get(f"/subscribers/{subscriber_of(case)}", expect=404), 404, "not-found")
    other = ra.person("agency", agency_id=ra.agency())
    assert find(ra, "agency", social_security_no=number) and not find(ra, other, social_security_no=number)


def test_applications_of_another_region_are_left_out(ra):
    here = ra.case("awaiting_production")
    form = here.form["subscriber"]
    there = ra.case(subject_name=samples.organisation_name(), subscriber={**form, "region": "140200"})
    there.submit()
    near = ra.person("hotline_agent", office_id=ra.office("140100"), province_wide=False)
    assert [item["id"] for item in detail(ra, subscriber_of(here), near)["applications"]["items"]] == [here.id]
    assert len(detail(ra, subscriber_of(here))["applications"]["items"]) == 2


def test_a_confirmed_record_is_corrected_only_by_who_sees_it(ra):
    form = ra.case("awaiting_production").form["subscriber"]
    moved = ra.case(subject_name=samples.organisation_name(), subscriber={**form, "region": "140200"}).to("awaiting_review")
    local = ra.person("review_officer", office_id=ra.office("140200"), province_wide=False)
    moved.refuse(local, "review", {"decision": "approve"}, 422, "region-outside")
    moved.demand_blocked(local, "review", "region-outside")
    moved.demand_free("review_officer", "review")
    moved.review()
    assert detail(ra, subscriber_of(moved))["region"] == "140200"


def test_pages_of_subscribers(ra):
    person = ra.person("hotline_agent", office_id=ra.office("140900"), province_wide=False)
    made = []
    for _ in range(3):
        case = ra.case(subscriber={"region": "140900"})
        case.submit()
        made.insert(0, subscriber_of(case))
    first = ra.staff(person).get("/subscribers", params={"limit": 2}).json()
    second = ra.staff(person).get("/subscribers", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["id"] for item in (*first["items"], *second["items"])] == made
    assert "next_cursor" not in second


@pytest.mark.parametrize("role", ["marketing", "field_engineer", "administrator"])
def test_who_handles_no_certificates_sees_no_subscribers(ra, role):
    refused(ra.staff(role).get("/subscribers", expect=403), 403, "access-denied")
