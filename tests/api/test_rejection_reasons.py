"""The catalogue of reasons for a rejection: for those who reject, whole in both languages, and of use as it is."""
import pytest

from support import refused

REJECTING = {"agency_decision", "acceptance", "review"}


def test_every_step_that_rejects_has_reasons_in_both_languages(ra):
    items = ra.staff("acceptor").get("/rejection-reasons").json()["items"]
    assert {step for item in items for step in item["steps"]} == REJECTING
    assert len({item["code"] for item in items}) == len(items) >= 10
    for item in items:
        for text in (item["reason"], item["guidance"]):
            assert text["zh-CN"].strip() and text["en"].strip() and text["zh-CN"] != text["en"]


def test_a_reason_of_the_catalogue_is_a_rejection_as_it_is(ra):
    case = ra.case("awaiting_acceptance")
    chosen = next(item for item in ra.staff("acceptor").get("/rejection-reasons").json()["items"] if "acceptance" in item["steps"])
    body = {"decision": "reject", "materials": [], "reason": chosen["reason"]["zh-CN"], "guidance": chosen["guidance"]["zh-CN"]}
    answer = case.step("acceptor", "acceptance", body).json()
    assert (answer["state"], answer["rejection"]["reason"]) == ("rejected", chosen["reason"]["zh-CN"])


@pytest.mark.parametrize("role", ["archivist", "administrator", "marketing"])
def test_who_rejects_nothing_does_not_read_the_catalogue(ra, role):
    refused(ra.staff(role).request("GET", "/rejection-reasons"), 403, "access-denied")


def test_the_public_does_not_see_the_catalogue(ra):
    refused(ra.public.request("GET", "/rejection-reasons"), 404, "not-found")
