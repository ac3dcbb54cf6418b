"""Lists: newest first, pages that stay stable while rows come in, Link rel=next, filters."""
import re

import pytest

from checker import BASE
from support import unique


@pytest.fixture(scope="module")
def reader(ra):
    """A system that sees nothing but its seven applications."""
    system = ra.business_system("applications.submit", "applications.read", "certificates.read")
    cases = []
    for _ in range(7):
        case = ra.case()
        case.submit(ra.system(system))
        cases.append(case)
    return system, [case.id for case in cases], cases


def pages(client, path, between=lambda: None):
    """The ids of each page, following next_cursor; `between` happens before each further page."""
    found, query = [], {"limit": 3}
    while True:
        page = client.get(path, params=query).json()
        found.append([item["id"] for item in page["items"]])
        if "next_cursor" not in page:
            return found
        query["cursor"] = page["next_cursor"]
        between()


def test_pages_hold_everything_once_newest_first(ra, reader):
    system, ids, _ = reader
    found = pages(ra.system(system), "/applications")
    assert [len(page) for page in found] == [3, 3, 1]
    assert sum(found, []) == ids[::-1]


def test_new_rows_do_not_shift_the_pages(ra, reader):
    system, ids, _ = reader
    inside = ra.business_system("applications.submit", "applications.read")
    first = [ra.case() for _ in range(5)]
    for case in first:
        case.submit(ra.system(inside))
    before = [case.id for case in first][::-1]
    found = pages(ra.system(inside), "/applications", lambda: ra.case().submit(ra.system(inside)))
    assert sum(found, []) == before
    assert sum(pages(ra.system(system), "/applications"), []) == ids[::-1]


def test_link_leads_to_the_next_page(ra, reader):
    system, ids, _ = reader
    client = ra.system(system)
    answer = client.get("/applications", params={"limit": 4, "state": "awaiting_agency"})
    address, relation = re.fullmatch(r'<([^>]+)>; rel="(\w+)"', answer.headers["Link"]).groups()
    assert relation == "next" and address.startswith(BASE + "/applications?")
    following = client.get(address)
    assert [item["id"] for item in following.json()["items"]] == ids[::-1][4:]
    assert "Link" not in following.headers and "next_cursor" not in following.json()


def test_full_last_page_has_no_next(ra, reader):
    system, _, _ = reader
    answer = ra.system(system).get("/applications", params={"limit": 7}).json()
    assert len(answer["items"]) == 7 and "next_cursor" not in answer


def test_page_size_may_change_on_the_way(ra, reader):
    system, ids, _ = reader
    client = ra.system(system)
    cursor = client.get("/applications", params={"limit": 2}).json()["next_cursor"]
    assert [item["id"] for item in client.get("/applications", params={"limit": 200, "cursor": cursor}).json()["items"]] == ids[::-1][2:]


@pytest.mark.parametrize("query,expected", [
    (lambda case: {"number": case.application["number"]}, 1), (lambda case: {"subject_name": case.name}, 1),
    (lambda case: {"subject_name": "　" + case.name.replace("有限", " 有限") + " "}, 1), (lambda case: {"subject_name": case.name[:-1]}, 0),
    (lambda case: {"social_security_no": case.form["subscriber"]["social_security_no"]}, 1),
    (lambda case: {"number": case.application["number"], "state": "completed"}, 0),
    (lambda case: {"number": case.application["number"], "kind": "organisation", "business": "issue", "region": "1401",
                   "state": "awaiting_agency"}, 1),
    (lambda case: {"number": case.application["number"], "kind": "person"}, 0),
    (lambda case: {"number": case.application["number"], "business": "renew"}, 0),
])
def test_filters_of_applications(ra, reader, query, expected):
    case = reader[2][3]
    items = ra.staff("auditor").get("/applications", params=query(case)).json()["items"]
    assert [item["id"] for item in items] == [case.id] * expected


def test_filters_of_certificates(ra):
    case = ra.case("awaiting_handover")
    certificate, client = case.certificate, ra.staff("auditor")
    number = case.form["subscriber"]["social_security_no"]
    for query in ({"serial": certificate["serial"]}, {"serial": certificate["serial"].lower()},
                  {"application_id": case.id}, {"subject_name": case.name}, {"social_security_no": number},
                  {"social_security_no": number, "status": "valid"}):
        assert [item["id"] for item in client.get("/certificates", params=query).json()["items"]] == [certificate["id"]], query
    for query in ({"application_id": case.id, "status": "revoked"}, {"application_id": case.id, "status": "expired"},
                  {"serial": "0" * 39 + "1"},
                  {"application_id": case.id, "status": "suspended"}):
        assert client.get("/certificates", params=query).json()["items"] == [], query


def test_filter_of_operations(ra):
    case = ra.case("awaiting_handover")
    operation = case.application["operation_id"]
    client = ra.staff("manager")
    assert operation in {item["id"] for item in client.get("/operations", params={"status": "succeeded", "limit": 50}).json()["items"]}
    assert operation not in {item["id"] for item in client.get("/operations", params={"status": "failed", "limit": 200}).json()["items"]}


@pytest.mark.parametrize("path,make", [("/offices", {"kind": "local", "region": "140100"}), ("/agencies", {"region": "140100"}),
                                       ("/systems", {"region": "140100"}), ("/people", None)])
def test_lists_of_the_administration_are_paged(ra, path, make):
    body = make if make is not None else {"office_id": ra.ids["offices"]["center"]}
    made = [ra.administrator.post(path, {"name": unique("页"), **body}, expect=201).json()["id"] for _ in range(4)]
    found = sum(pages(ra.administrator, path), [])
    assert found[:4] == made[::-1]
    assert len(found) == len(set(found))
