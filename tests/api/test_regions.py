"""What each caller sees (domain.md §18.11): an office its region, an agency its own, a system what it submitted; the rest is not found."""
import pytest

from acts import Act
from harness import seed
from support import ARCHIVE, refused

TAIYUAN, DATONG, XIAODIAN = seed.TAIYUAN, "140200", "140105"


@pytest.fixture(scope="module")
def cases(ra):
    """Completed cases of three regions, and one of another agency and system."""
    other_agency = ra.agency(DATONG)
    other_system = ra.business_system(*seed.SCOPES, region=DATONG)
    made = {region: ra.case("awaiting_archive", subscriber={"region": region}) for region in (TAIYUAN, XIAODIAN, DATONG)}
    foreign = ra.case(agency_id=other_agency, subscriber={"region": DATONG})
    foreign.submit(ra.system(other_system))
    return {**made, "foreign": foreign, "agency": other_agency, "system": other_system}


def seen(client, path="/applications", **query):
    ids, query = set(), {"limit": 200, **query}
    while True:
        page = client.get(path, params=query).json()
        ids |= {item["id"] for item in page["items"]}
        if "next_cursor" not in page:
            return ids
        query["cursor"] = page["next_cursor"]


def sees(client, case):
    """Everything there is about a case is there, or none of it."""
    hidden = 404
    paths = [case.path, case.path + "/history"]
    if case.certificate:
        paths.append(f"/certificates/{case.certificate['id']}")
    answers = {client.get(path, expect=(200, hidden)).status_code for path in paths}
    assert len(answers) == 1, answers
    listed = case.id in seen(client)
    assert listed == (answers == {200})
    if case.certificate:
        assert (case.certificate["id"] in seen(client, "/certificates")) == listed
        for status in ("valid", "expired", "suspended", "revoked"):
            assert (case.certificate["id"] in seen(client, "/certificates", status=status)) == (listed and status == "valid")
    return listed


@pytest.fixture(scope="module")
def local(ra):
    office = ra.office(TAIYUAN)
    return ra.staff(ra.person("acceptor", "archivist", office_id=office, province_wide=False))


def test_office_of_a_city_sees_the_city_and_its_counties(ra, cases, local):
    assert sees(local, cases[TAIYUAN]) and sees(local, cases[XIAODIAN])
    assert not sees(local, cases[DATONG]) and not sees(local, cases["foreign"])


def test_office_of_a_county_sees_the_county(ra, cases):
    client = ra.staff(ra.person("acceptor", office_id=ra.office(XIAODIAN), province_wide=False))
    assert sees(client, cases[XIAODIAN])
    assert not sees(client, cases[TAIYUAN]) and not sees(client, cases[DATONG])


def test_province_wide_role_sees_all(ra, cases):
    client = ra.staff(ra.person("hotline_agent", office_id=ra.office(XIAODIAN)))
    assert all(sees(client, cases[name]) for name in (TAIYUAN, XIAODIAN, DATONG, "foreign"))


def test_center_without_province_wide_role_sees_the_province(ra, cases):
    client = ra.staff(ra.person("hotline_agent", province_wide=False))
    assert all(sees(client, cases[name]) for name in (TAIYUAN, DATONG))


def test_agency_sees_its_own_subscribers(ra, cases):
    client = ra.staff(ra.person("agency", agency_id=cases["agency"], province_wide=False))
    assert sees(client, cases["foreign"]) and not sees(client, cases[DATONG])
    assert sees(ra.staff("agency"), cases[DATONG]) and not sees(ra.staff("agency"), cases["foreign"])


def test_system_sees_what_it_submitted(ra, cases):
    assert sees(ra.system(cases["system"]), cases["foreign"]) and not sees(ra.system(cases["system"]), cases[TAIYUAN])
    assert sees(ra.system(), cases[TAIYUAN]) and not sees(ra.system(), cases["foreign"])


def test_step_outside_is_not_found(ra, cases, local):
    cases[DATONG].refuse(local, "archive", ARCHIVE, 404, "not-found")
    refused(cases[DATONG].call(local, "PATCH", "", {"note": "x"}, expect=404), 404, "not-found")
    cases[DATONG].refuse(local, "withdrawal", {"reason": "x"}, 404, "not-found")


def test_outside_reads_exactly_like_nothing(ra, cases, local):
    outside = local.get(cases[DATONG].path, expect=404).json()
    nothing = local.get(f"/applications/{'0' * 8}-0000-7000-8000-{'0' * 12}", expect=404).json()
    drop = ("trace_id", "title", "detail")  # the language takes turns
    assert {name: outside[name] for name in outside if name not in drop} == {name: nothing[name] for name in nothing if name not in drop}


def test_step_inside_is_done(ra, local):
    case = ra.case("awaiting_archive", subscriber={"region": XIAODIAN})
    case.archive(local)
    assert case.state == "awaiting_completion"


def test_counter_takes_no_application_of_another_region(ra, local):
    form = ra.case(subscriber={"region": DATONG}).form
    refused(local.post("/applications", form, expect=422), 422, "region-outside", ("/subscriber/region", "outside-region"))
    form["subscriber"]["region"] = XIAODIAN
    local.post("/applications", form, expect=201)


def test_correction_does_not_move_a_case_out_of_sight(ra, local):
    case = ra.case("awaiting_acceptance", subscriber={"region": TAIYUAN})
    refused(case.call(local, "PATCH", "", {"subscriber": {"region": DATONG}}, expect=422), 422, "region-outside")


@pytest.mark.parametrize("prefix,expected", [("14", 3), ("1401", 2), (XIAODIAN, 1), (TAIYUAN, 1), ("150000", 0)])
def test_region_filter_is_a_prefix(ra, cases, prefix, expected):
    ids = {cases[name].id for name in (TAIYUAN, XIAODIAN, DATONG)}
    found = set()
    for name in (TAIYUAN, XIAODIAN, DATONG):
        query = {"region": prefix, "social_security_no": cases[name].form["subscriber"]["social_security_no"]}
        found |= {item["id"] for item in ra.staff("auditor").get("/applications", params=query).json()["items"]} & ids
    assert len(found) == expected


@pytest.mark.parametrize("path", ("/applications", "/application-counts", "/subscribers", "/subscriber-counts"))
@pytest.mark.parametrize("region", ("1", "140", "14010", "1401050", "1４"))
def test_region_filter_is_a_province_a_city_or_a_county(ra, path, region):
    """Three digits are no place: what they would count is nobody's."""
    answer = ra.staff("auditor").get(path, params={"region": region}, expect=400)
    refused(answer, 400, "request-invalid", ("query:region", "format-region-prefix"))


def test_operations_are_seen_by_region_too(ra, cases):
    client = ra.staff(ra.person("issuing_officer", office_id=ra.office(DATONG), province_wide=False))
    own, other = cases[DATONG].application["operation_id"], cases[TAIYUAN].application["operation_id"]
    client.get(f"/operations/{own}")
    refused(client.get(f"/operations/{other}", expect=404), 404, "not-found")
    listed = seen(client, "/operations")
    assert own in listed and other not in listed


def test_operations_are_found_among_few_applications_and_among_many(ra, cases):
    """Two ways to the same page: from what is in sight where that is less than 40 pages, otherwise from the newest operation down."""
    region = "140721"
    client = ra.staff(ra.person("issuing_officer", office_id=ra.office(region), province_wide=False))
    older, newer = [ra.case("awaiting_handover", subscriber={"region": region}).application["operation_id"] for _ in range(2)]

    def listed(**query):
        return [item["id"] for item in client.get("/operations", params=query).json()["items"]]

    def check():
        assert listed() == listed(status="succeeded") == [newer, older]
        for query in ({"limit": 1}, {"limit": 1, "status": "succeeded"}):
            first = client.get("/operations", params=query).json()
            assert [item["id"] for item in first["items"]] == [newer]
            assert listed(**query, cursor=first["next_cursor"]) == [older]
        for status in ("pending", "waiting", "unknown", "failed"):
            assert listed(status=status) == [], status

    check()
    for _ in range(40):
        ra.case("awaiting_agency", subscriber={"region": region})
    check()


def test_person_without_a_place_for_the_role_sees_nothing(ra, cases):
    """An agency's officer who is given a business role without province_wide has no office, so no region."""
    client = ra.staff(ra.person("acceptor", agency_id=ra.ids["agency"], province_wide=False))
    assert seen(client) == set()
    assert not sees(client, cases[TAIYUAN])


def of_two_grants(ra, here, everywhere, office=XIAODIAN):
    """Somebody with one role for the region of the office, and another for the whole province."""
    person = ra.person(here, office_id=ra.office(office), province_wide=False)
    path = f"/people/{person.id}"
    tag = ra.administrator.get(path).headers["ETag"]
    ra.administrator.put(path + "/roles", {"roles": [{"role": here}, {"role": everywhere, "province_wide": True}]}, tag=tag)
    return person


def test_sight_follows_the_role_that_the_operation_is_open_to(ra, cases):
    """province_wide is of a role, not of a person: a field_engineer's does not let an acceptor see more."""
    client = ra.staff(of_two_grants(ra, "acceptor", "field_engineer"))
    assert sees(client, cases[XIAODIAN]) and not sees(client, cases[DATONG])


def waiting(ra, person, case):
    """@return the steps of the case that the person is told of as tasks, and with the case"""
    tasks = {item["step"] for item in ra.staff(person).get("/tasks?limit=200").json()["items"] if item["id"] == case.id}
    return tasks, set(ra.staff(person).get(case.path).json()["next_steps"])


def test_a_manager_of_the_province_reviews_only_where_the_reviewer_may(ra):
    """Both roles do reviews, of different businesses: what the one lets see, the other does not handle."""
    person = of_two_grants(ra, "review_officer", "manager", DATONG)
    far, near = (ra.case("awaiting_review", subscriber={"region": region}) for region in (TAIYUAN, DATONG))
    assert (waiting(ra, person, far), waiting(ra, person, near)) == ((set(), set()), ({"review"}, {"review"}))
    body = {"decision": "approve", "snapshot_sha256": far.application["snapshot_sha256"]}
    detail = far.refuse(person, "review", body, 403, "access-denied", headers={"Accept-Language": "en"})["detail"]
    assert "granted for the region" in detail and "review officer" in detail
    near.review(person)
    assert near.read()["state"] == "awaiting_production"


def test_a_technician_of_the_province_unlocks_everywhere_and_accepts_at_home(ra):
    person = of_two_grants(ra, "acceptor", "technician", DATONG)
    act = Act(ra, "unlock", ra.case("completed"))
    act.submit()
    assert waiting(ra, person, act) == (set(), set())
    act.accept()
    assert waiting(ra, person, act) == ({"operation"}, {"operation"})


def test_corrections_belong_to_the_region_of_the_role(ra):
    """The archivist of the province reads the case; the counter of another city neither corrects nor withdraws it."""
    person = of_two_grants(ra, "acceptor", "archivist", DATONG)
    case = ra.case("awaiting_acceptance")
    assert case.read(person)["next_steps"] == []
    refused(case.step(person, "withdrawal", {"reason": "订户放弃"}, expect=404), 404, "not-found")
