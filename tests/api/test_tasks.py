"""The next hand (GET /tasks): each person sees what they may do now, and nothing else. Every random case is in tests/unit/test_tasks.c."""
import pytest

from acts import Act
from support import refused, uuid_sql

CURSOR_PAGE = 2


def tasks(ra, who, **params):
    """All tasks of all pages. @return {application id: task}, counts of the first page"""
    client = who if hasattr(who, "call") else ra.staff(who)
    page = client.get("/tasks", params={"limit": 200, **params}).json()
    found, counts = {item["id"]: item for item in page["items"]}, page["counts"]
    while "next_cursor" in page:
        page = client.get("/tasks", params={"limit": 200, **params, "cursor": page["next_cursor"]}).json()
        found.update({item["id"]: item for item in page["items"]})
    return found, counts


def waits_for(ra, case, *roles):
    """The application is a task of these and of nobody else; each may do just that step."""
    for role in ("acceptor", "entry_officer", "review_officer", "issuing_officer", "archivist", "technician", "agency"):
        found, _ = tasks(ra, role)
        assert (case.id in found) == (role in roles), (role, case.state)
        if role in roles and role != "technician":
            shown = ra.staff(role).get(case.path).json()
            assert found[case.id]["step"] in shown["next_steps"]
            assert found[case.id]["version"] == shown["version"]
            assert found[case.id]["since"] == shown["updated_at"]


def test_an_application_goes_from_hand_to_hand(ra):
    case = ra.case()
    acts = ((case.submit, "agency"), (case.approve, "acceptor"), (case.accept, "entry_officer"), (case.enter, "review_officer"),
            (case.review, "issuing_officer"), (case.draw, "issuing_officer"), (case.produce, "issuing_officer"),
            (case.hand_over, "archivist"), (case.archive, "issuing_officer"))
    for act, *roles in acts:
        act()
        waits_for(ra, case, *roles)
    case.complete()
    waits_for(ra, case)


def test_a_rejection_waits_for_who_may_answer_it(ra):
    case = ra.case("awaiting_review")
    case.step("review_officer", "review", {"decision": "reject", "reason": "材料有误", "guidance": "请更正后重新提交"})
    waits_for(ra, case, "entry_officer")
    found, _ = tasks(ra, "entry_officer")
    assert (found[case.id]["state"], found[case.id]["step"]) == ("rejected", "entry")


def test_a_hand_that_must_be_another_does_not_see_it(ra):
    both = ra.person("entry_officer", "review_officer", "issuing_officer")
    case = ra.case("awaiting_entry")
    assert case.id in tasks(ra, both)[0]
    case.enter(both)
    assert case.id not in tasks(ra, both)[0]
    assert case.id in tasks(ra, "review_officer")[0]
    case.review()
    assert case.id not in tasks(ra, both)[0]
    case.to("awaiting_completion")
    assert case.id not in tasks(ra, ra.person("issuing_officer"))[0]
    assert case.id in tasks(ra, "issuing_officer")[0]


def test_who_accepted_an_unlocking_does_not_see_its_operation(ra):
    both = ra.person("acceptor", "technician")
    act = Act(ra, "unlock", ra.case("completed"))
    act.submit()
    act.accept(both)
    assert act.id not in tasks(ra, both)[0]
    assert tasks(ra, "technician")[0][act.id]["step"] == "operation"


def test_tasks_are_those_of_the_region(ra):
    near, far = (ra.person("entry_officer", office_id=ra.office(region), province_wide=False) for region in ("140100", "140200"))
    case = ra.case("awaiting_entry")
    assert case.id in tasks(ra, near)[0]
    assert case.id not in tasks(ra, far)[0]
    assert tasks(ra, far) == ({}, [])


def test_a_system_sees_what_it_may_produce(ra):
    case = ra.case("coded")
    case.demand_free(ra.system(), "production")
    other = ra.system(ra.business_system("applications.produce"))
    assert case.queued(other) is None


def test_production_waits_for_codes_that_only_a_person_draws(ra):
    case = ra.case("awaiting_production")
    case.codes = {"reference_code": "AAAAA-AAAAA", "authorisation_code": "AAAAA-AAAAA-AAAAA-AAAAA-AAAAA"}
    case.refuse(ra.system(), "production", case.production(), 409, "codes-missing")
    case.demand_blocked(ra.system(), "production", "codes-missing")
    case.demand_free("issuing_officer", "production", begins_with="codes")
    case.draw()
    case.demand_free("issuing_officer", "production")
    ra.sql(f"UPDATE production_codes SET expires_at = UTC_TIMESTAMP(6) WHERE application_id = UNHEX(REPLACE('{case.id}', '-', ''))")
    case.refuse(ra.system(), "production", case.production(), 403, "code-expired")
    case.demand_blocked(ra.system(), "production", "codes-missing")
    case.demand_free("issuing_officer", "production", begins_with="codes")
    case.draw()
    case.demand_free(ra.system(), "production")


def test_what_is_blocked_is_counted_apart(ra):
    system = ra.business_system("applications.submit", "applications.produce")
    cases = [ra.case() for _ in range(3)]
    for case in cases:
        case.submit(ra.system(system))
        case.to("awaiting_production")
    cases[0].draw()
    page = ra.system(system).get("/tasks", params={"step": "production"}).json()
    assert [(one["step"], one["count"], one["more"]) for one in page["counts"]] == [("production", 1, False)]
    assert page["blocked"] == [{"step": "production", "count": 2, "more": False}]
    blocked = ra.system(system).get("/tasks", params={"blocked": "true", "limit": 1}).json()
    assert blocked["items"][0]["id"] == cases[1].id and blocked["counts"] == page["counts"] and blocked["blocked"] == page["blocked"]
    rest = ra.system(system).get("/tasks", params={"blocked": "true", "limit": 1, "cursor": blocked["next_cursor"]}).json()
    assert [item["id"] for item in rest["items"]] == [cases[2].id] and "next_cursor" not in rest


def test_counts_tell_how_many_wait_and_since_when(ra):
    person = ra.person("entry_officer", "archivist", office_id=ra.office("141100"), province_wide=False)
    cases = [ra.case("awaiting_entry", subscriber={"region": "141100"}) for _ in range(3)]
    filed = ra.case("awaiting_archive", subscriber={"region": "141100"})
    found, counts = tasks(ra, person)
    assert set(found) == {case.id for case in (*cases, filed)}
    oldest = min(found[case.id]["since"] for case in cases)
    assert [one.pop("today") for one in counts] in ([3, 1], [0, 0])  # unless midnight has just passed
    assert counts == [{"step": "entry", "count": 3, "overdue": 0, "more": False, "oldest_since": oldest},
                      {"step": "archive", "count": 1, "overdue": 0, "more": False, "oldest_since": found[filed.id]["since"]}]
    found, counts = tasks(ra, person, step="archive")
    assert (set(found), [one["step"] for one in counts]) == ({filed.id}, ["archive"])


def test_pages_go_from_the_oldest_to_the_newest(ra):
    person = ra.person("entry_officer", office_id=ra.office("140981"), province_wide=False)
    cases = [ra.case("awaiting_entry", subscriber={"region": "140981"}).id for _ in range(5)]
    client, seen = ra.staff(person), []
    page = client.get("/tasks", params={"limit": CURSOR_PAGE})
    while True:
        seen += [item["id"] for item in page.json()["items"]]
        assert page.json()["counts"][0]["count"] == 5
        if "next_cursor" not in page.json():
            break
        assert page.links["next"]["url"]
        page = client.get("/tasks", params={"limit": CURSOR_PAGE, "cursor": page.json()["next_cursor"]})
    assert seen == cases


@pytest.mark.parametrize("role", ["auditor", "administrator", "marketing", "hotline_agent"])
def test_who_has_no_step_has_no_tasks(ra, role):
    refused(ra.staff(role).get("/tasks", expect=403), 403, "access-denied")


def test_overdue_and_new_tasks_are_counted_at_each_step(ra):
    officer = ra.person("entry_officer", office_id=ra.office("140481"), province_wide=False)
    cases = [ra.case("awaiting_entry", subscriber={"region": "140481"}) for _ in range(3)]
    ids = ", ".join(uuid_sql(case.id) for case in cases[:2])
    ra.sql(f"UPDATE applications SET updated_at = UTC_TIMESTAMP(6) - INTERVAL 25 HOUR WHERE id IN ({ids})")
    _, (counts,) = tasks(ra, officer)
    assert (counts["step"], counts["count"], counts["overdue"], counts["more"]) == ("entry", 3, 2, False)
    ra.sql("UPDATE applications SET updated_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE region = '140481'")  # of this day, also at midnight
    _, (counts,) = tasks(ra, officer)
    assert (counts["overdue"], counts["today"]) == (0, 3)
