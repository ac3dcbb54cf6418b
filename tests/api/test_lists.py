"""What belongs to a list of applications beside its pages: counts by state and business."""
import pytest

from acts import Act

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
