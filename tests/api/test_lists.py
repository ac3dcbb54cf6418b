"""What belongs to a list of applications beside its pages: counts by state and business."""
import pytest

from acts import Act
from support import uuid_sql

REGION = "140581"


@pytest.fixture(scope="module")
def here(ra):
    """Who sees one region only, in which this module's cases are alone: two reviewed, one entered, one completed and then to be revoked."""
    officer = ra.person("review_officer", office_id=ra.office(REGION), province_wide=False)
    cases = [ra.case(state, subscriber={"region": REGION}) for state in ("awaiting_production", "awaiting_production", "awaiting_review", "completed")]
    Act(ra, "revoke", cases[3]).submit()
    return officer


def counted(ra, who, **filters):
    counts = ra.staff(who).get("/application-counts", params=filters).json()
    assert not any(one["more"] for one in counts["states"] + counts["businesses"])
    return ({one["key"]: one["count"] for one in counts["states"]}, {one["key"]: one["count"] for one in counts["businesses"]})


def test_states_and_businesses_are_counted_under_the_other_filters(ra, here):
    states = {"awaiting_acceptance": 1, "awaiting_review": 1, "awaiting_production": 2, "completed": 1}
    assert counted(ra, here) == (states, {"issue": 4, "revoke": 1})
    assert counted(ra, here, state="awaiting_production") == (states, {"issue": 2})
    assert counted(ra, here, business="revoke") == ({"awaiting_acceptance": 1}, {"issue": 4, "revoke": 1})
    assert counted(ra, here, kind="person") == ({}, {})
    assert counted(ra, here, kind="organisation", region=REGION[:4]) == (states, {"issue": 4, "revoke": 1})


def test_counts_are_those_of_the_list(ra, here):
    client = ra.staff(here)
    for state, count in counted(ra, here)[0].items():
        assert len(client.get("/applications", params={"state": state}).json()["items"]) == count
    name = client.get("/applications", params={"state": "awaiting_review"}).json()["items"][0]["subject_name"]
    assert counted(ra, here, subject_name=name) == ({"awaiting_review": 1}, {"issue": 1})
    assert counted(ra, here, subject_name="...") == ({}, {})


def test_nothing_out_of_sight_is_counted(ra, here):
    elsewhere = ra.person("review_officer", office_id=ra.office("140800"), province_wide=False)
    assert counted(ra, elsewhere, region=REGION) == ({}, {})
    assert counted(ra, here, region="140800") == ({}, {})
    assert sum(counted(ra, here, region=REGION)[0].values()) == 5


@pytest.fixture(scope="module")
def elsewhere(ra):
    """Another region, in which two organisations have a certificate, one of them revoked, and a person has one; and who sees it alone."""
    region = "140882"
    officer = ra.person("acceptor", office_id=ra.office(region), province_wide=False)
    cases = [ra.case("completed", kind=kind, subscriber={"region": region}) for kind in ("organisation", "organisation", "person")]
    Act(ra, "revoke", cases[0]).run()
    return officer, cases


def facets(ra, who, path, **filters):
    return [{one["key"]: (one["count"], one["more"]) for one in facet} for facet in ra.staff(who).get(path, params=filters).json().values()]


def test_certificates_are_counted_by_status_and_kind(ra, elsewhere):
    who, (revoked, _, person) = elsewhere

    def count(**filters):
        return facets(ra, who, "/certificate-counts", **filters)

    assert count() == [{"valid": (2, False), "revoked": (1, False)}, {"organisation": (2, False), "person": (1, False)}]
    assert count(status="revoked") == [{"valid": (2, False), "revoked": (1, False)}, {"organisation": (1, False)}]
    assert count(kind="person") == [{"valid": (1, False)}, {"organisation": (2, False), "person": (1, False)}]
    assert count(serial=revoked.certificate["serial"]) == [{"revoked": (1, False)}, {"organisation": (1, False)}]
    assert count(subject_name="...") == [{}, {}]
    listed = ra.staff(who).get("/certificates", params={"kind": "person"}).json()["items"]
    assert [one["id"] for one in listed] == [person.certificate["id"]]


def test_expired_certificates_come_by_their_end_and_none_is_lost_between_pages(ra):
    manager = ra.person("manager", office_id=ra.office("141200"), province_wide=False)
    cases = [ra.case("awaiting_handover", subscriber={"region": "141202"}) for _ in range(4)]
    for case, days in zip(cases, (5, 1, 5, 9)):
        ra.sql(f"UPDATE certificates SET not_after = DATE(UTC_TIMESTAMP()) - INTERVAL {days} DAY WHERE id = {uuid_sql(case.certificate['id'])}")
    seen, params = [], {"status": "expired", "limit": 1}
    while True:
        page = ra.staff(manager).get("/certificates", params=params).json()
        seen += [item["id"] for item in page["items"]]
        if "next_cursor" not in page:
            break
        params["cursor"] = page["next_cursor"]
    assert seen == [cases[place].certificate["id"] for place in (1, 2, 0, 3)]
    assert facets(ra, manager, "/certificate-counts") == [{"expired": (4, False)}, {"organisation": (4, False)}]


def test_subscribers_are_counted_by_kind_and_city(ra, elsewhere):
    who, (one, _, person) = elsewhere
    number = one.application["subscriber"]["social_security_no"]

    def count(**filters):
        return facets(ra, who, "/subscriber-counts", **filters)

    kinds, city = {"organisation": (2, False), "person": (1, False)}, {"1408": (3, False)}
    assert count() == [kinds, city]
    assert count(region="1408") == count(region="140882") == [kinds, city]
    assert count(region="140801") == [{}, city]
    assert count(kind="person") == [kinds, {"1408": (1, False)}]
    assert count(social_security_no=number) == [{"organisation": (1, False)}, {"1408": (1, False)}]
    assert count(name="...") == [{}, {}]
    listed = ra.staff(who).get("/subscribers", params={"kind": "person", "region": "1408"}).json()["items"]
    assert [each["id"] for each in listed] == [person.application["subscriber"]["id"]]


def test_a_count_ends_somewhere_and_says_so(ra, elsewhere):
    many = "FROM subscribers WHERE social_security_no LIKE 'MANY%'"
    ra.sql("INSERT INTO subscribers (id, kind, social_security_no, name, name_key, region, agency_id, created_at, updated_at)"
           " SELECT UNHEX(LPAD(HEX(seq), 32, '0')), 'organisation', CONCAT('MANY', seq), 'many', 'many', '140882', a.id, NOW(6), NOW(6)"
           " FROM seq_1_to_1001 JOIN (SELECT id FROM agencies LIMIT 1) a")
    try:
        kinds, cities = facets(ra, elsewhere[0], "/subscriber-counts")
        assert kinds == {"organisation": (1001, True), "person": (1, False)}
        assert cities == {"1408": (1002, True)}
    finally:
        ra.sql(f"DELETE {many}")
