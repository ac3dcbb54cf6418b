"""HTTP as the API speaks it: queries (row Q1), methods, negotiation, languages, conditional reading, tracing."""
import re

import pytest

from checker import BASE
from support import refused, unique, uuid_sql

QUERIES = {
    "limit=-1": "too-small", "limit=0": "too-small", "limit=201": "too-large", "limit=1000000000": "too-large",
    "limit=2147483648": "too-large",
    "limit=9223372036854775808": None, "limit=99999999999999999999": None, "limit=%D9%A3": "malformed", "limit=1;": "malformed",
    "limit=1%20": "malformed",
    "limit=%2B1": "malformed", "limit=01": "malformed", "limit=1.0": "malformed", "limit=1e1": "malformed", "limit=0x10": "malformed",
    "limit=": "malformed",
    "limit=1%00": "malformed", "limit=null": "malformed", "limit=1&limit=2": "repeated-parameter", "limit=1&limit=1": "repeated-parameter",
    "nothing=1": "unknown-parameter", "Limit=1": "unknown-parameter", "limit[]=1": "unknown-parameter", "=1": "unknown-parameter",
    "state=finished": "not-in-list", "kind=human": "not-in-list", "region=1": "format-region-prefix", "region=14%27": "format-region-prefix",
    "region=1234567": "format-region-prefix",
    "number=2026112312345670": "format-application-number", "number=%27%20OR%201=1": "format-application-number",
    "social_security_no=%3Cscript%3E": "format-social-security-number", "subject_name=": "too-short", "subject_name=%FF": "malformed",
    "%FF=1": "malformed",
    "subject_name=%ED%A0%80": "malformed", "business=..%2F..": "pattern", "cursor=a%20b": "pattern", "cursor=" + "a" * 1001: "pattern",
}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")


# Queries.

@pytest.mark.parametrize("query", QUERIES)
def test_query_is_refused_with_its_place(ra, query):
    said = refused(ra.staff("auditor").get(f"/applications?{query}", expect=400), 400, "request-invalid")
    assert all(error["pointer"].startswith("query:") for error in said["errors"])
    assert QUERIES[query] is None or QUERIES[query] in {error["code"] for error in said["errors"]}, said


def test_every_wrong_parameter_is_named_at_once(ra):
    said = refused(ra.staff("auditor").get("/applications?limit=0&state=x&y=1", expect=400), 400, "request-invalid")
    assert {error["pointer"] for error in said["errors"]} == {"query:limit", "query:state", "query:y"}


def test_thirty_three_parameters_are_too_many(ra):
    query = "&".join(["limit=5"] + [f"a{place}=1" for place in range(32)])
    said = refused(ra.staff("auditor").get(f"/applications?{query}", expect=400), 400, "request-invalid", ("query:", "too-many-members"))
    assert "32" in next(error["detail"] for error in said["errors"] if error["code"] == "too-many-members")


def test_operation_without_parameters_takes_none(ra):
    refused(ra.staff("auditor").get("/me?x=1", expect=400), 400, "request-invalid", ("query:x", "unknown-parameter"))
    refused(ra.public.get("/businesses?limit=1", expect=400), 400, "request-invalid", ("query:limit", "unknown-parameter"))


def test_required_parameter(ra):
    refused(ra.public.get("/certificate-status", expect=400), 400, "request-invalid", ("query:subject", "required"))


@pytest.mark.parametrize("text", ["'; DROP TABLE applications; --", "%", "a_b", "\\", "\" OR \"\"=\"", "${jndi:ldap://x}",
                                  "<script>alert(1)</script>", "*)(uid=*"])
def test_metacharacters_find_nothing(ra, text):
    assert ra.public.get("/certificate-status", params={"subject": text}).json()["items"] == []
    for client, path, name in ((ra.staff("auditor"), "/applications", "subject_name"),
                               (ra.staff("auditor"), "/certificates", "subject_name"),
                               (ra.administrator, "/people", "q")):
        assert client.get(path, params={name: text}).json()["items"] == []


# Cursors.

@pytest.fixture(scope="module")
def cursor(ra):
    for _ in range(3):
        ra.case("awaiting_agency")
    return ra.staff("auditor").get("/applications?limit=1").json()["next_cursor"]


@pytest.mark.parametrize("spoil", [lambda text: text[:-1], lambda text: text + "A", lambda text: ("C" if text[0] == "B" else "B") + text[1:],
                                   lambda text: text[::-1], lambda text: "A",
                                   lambda text: text.swapcase()], ids=["cut", "longer", "mac", "reversed", "short", "case"])
def test_forged_cursor_is_refused(ra, cursor, spoil):
    refused(ra.staff("auditor").get("/applications", params={"cursor": spoil(cursor)}, expect=400), 400, "cursor-invalid",
            ("query:cursor", "malformed"))


def test_cursor_belongs_to_its_list_filters_and_caller(ra, cursor):
    refused(ra.staff("auditor").get("/certificates", params={"cursor": cursor}, expect=400), 400, "cursor-invalid")
    refused(ra.staff("auditor").get("/applications", params={"cursor": cursor, "state": "completed"}, expect=400), 400, "cursor-invalid")
    refused(ra.staff("manager").get("/applications", params={"cursor": cursor}, expect=400), 400, "cursor-invalid")
    ra.staff("auditor").get("/applications", params={"cursor": cursor, "limit": 200})


# Methods and addresses.

def test_every_path_answers_every_method_as_documented(ra):
    """The checker compares: a documented method is no 405, another one is 405 with Allow, OPTIONS is 204 with Allow."""
    nobody = "019ab2c4-7d10-7c3e-9a51-2f6d0b8e4c31"
    with ra.open("staff", "technician") as client:
        for path in ra.document.document["paths"]:
            address = BASE + re.sub(r"\{\w+\}", nobody, path)
            for method in METHODS:
                answer = client.request(method, address, headers=client.manners(method))
                assert answer.status_code < 500, f"{method} {address}"


@pytest.mark.parametrize("path", ["/", "/application", "/applications/", "/applications/x/y", "/applications/%00", "/Applications"])
def test_what_is_not_in_the_document_does_not_exist(ra, path):
    assert ra.staff("auditor").request("GET", BASE + path).status_code == 404


@pytest.mark.parametrize("id", ["1", "x" * 36, "019ab2c4-7d10-7c3e-9a51-2f6d0b8e4c3", "019AB2C4-7D10-7C3E-9A51-2F6D0B8E4C31x", "%27",
                                "..%2e"])
def test_id_that_is_none_is_not_found(ra, id):
    refused(ra.staff("auditor").get(f"/applications/{id}", expect=404), 404, "not-found")


def test_head_is_get_without_body(ra):
    case = ra.case("awaiting_acceptance")
    full, head = (ra.staff("auditor").request(method, case.path) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["ETag"] == full.headers["ETag"]


# Representations.

@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/*", "application/json;q=0", "application/jsonx"])
def test_representation_that_is_not_there(ra, accept):
    case = ra.case("awaiting_handover") if not hasattr(ra, "made") else ra.made
    ra.made = case
    path = f"/certificates/{case.certificate['id']}"
    refused(ra.staff("auditor").get(path, headers={"Accept": accept}, expect=406), 406, "not-acceptable")


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "application/json;q=0"])
def test_operations_with_one_representation_negotiate_too(ra, accept):
    for client, path in ((ra.public, "/businesses"), (ra.staff("auditor"), "/applications"), (ra.staff("auditor"), "/me")):
        refused(client.get(path, headers={"Accept": accept}, expect=406), 406, "not-acceptable")


@pytest.mark.parametrize("accept", ["application/json", "*/*", "application/*", "text/html, application/json;q=0.1", "text/html, */*;q=0.1",
                                    None])
def test_json_is_what_most_callers_get(ra, accept):
    answer = ra.staff("auditor").get("/me", headers={"Accept": accept} if accept else None)
    assert answer.headers["Content-Type"] == "application/json"


def test_weights_choose_between_representations(ra):
    path = f"/certificates/{ra.case('awaiting_handover').certificate['id']}"
    client = ra.staff("auditor")
    for accept, media in (("application/x-pem-file, application/json;q=0.5", "application/x-pem-file"),
                          ("application/pkix-cert", "application/pkix-cert"),
                          ("application/json;q=0.4, application/pkix-cert;q=0.6", "application/pkix-cert"), ("*/*", "application/json")):
        answer = client.get(path, headers={"Accept": accept})
        assert answer.headers["Content-Type"] == media
    every = ("application/json", "application/x-pem-file", "application/pkix-cert")
    tags = {client.get(path, headers={"Accept": media}).headers["ETag"] for media in every}
    assert len(tags) == 3


def test_what_is_at_hand_is_not_sent_again(ra):
    case = ra.case("awaiting_acceptance")
    client = ra.staff("auditor")
    for same in (case.tag, f'"x", {case.tag}', "*", f"W/{case.tag}"):
        answer = client.get(case.path, headers={"If-None-Match": same}, expect=304)
        assert not answer.content and answer.headers["ETag"] == case.tag
    client.get(case.path, headers={"If-None-Match": '"0.json"'}, expect=200)
    tag = ra.public.get("/openapi.json").headers["ETag"]
    ra.public.get("/openapi.json", headers={"If-None-Match": tag}, expect=304)


def test_certificate_that_has_run_out_meanwhile_is_sent_again(ra):
    """Its status changes by the clock, without a new version: who asks with the old tag must not be told that nothing has changed."""
    case = ra.case("awaiting_handover")
    path, client = f"/certificates/{case.certificate['id']}", ra.staff("auditor")
    tag = client.get(path).headers["ETag"]
    client.get(path, headers={"If-None-Match": tag}, expect=304)
    ra.sql(f"UPDATE certificates SET not_after = UTC_TIMESTAMP(6) WHERE id = {uuid_sql(case.certificate['id'])}")
    answer = client.get(path, headers={"If-None-Match": tag}, expect=200)
    assert answer.json()["status"] == "expired" and answer.headers["ETag"] != tag


# Languages.

@pytest.mark.parametrize("wish,language", [
    (None, "zh-CN"), ("", "zh-CN"), ("en", "en"), ("en-GB", "en"), ("zh", "zh-CN"), ("zh-TW", "zh-CN"), ("fr", "zh-CN"),
    ("fr, en;q=0.5", "en"),
    ("zh-CN;q=0.5, en;q=0.8", "en"), ("en;q=0.5, zh;q=0.5", "en"), ("zh;q=0.5, en;q=0.5", "zh-CN"), ("*", "zh-CN"), ("en;q=0", "zh-CN"),
    ("EN", "en"),
    ("en;q=2", None), (",,,;;", "zh-CN"),
])
def test_problem_is_in_the_readers_language(ra, wish, language):
    answer = ra.public.request("GET", f"/nothing-{unique('')}",
                               headers={"Accept-Language": wish} if wish is not None else {"Accept-Language": ""})
    assert answer.status_code == 404
    assert language is None or answer.headers["Content-Language"] == language
    assert answer.json()["title"] == ra.document.problems["not-found"]["title"][answer.headers["Content-Language"]]


def test_every_problem_has_both_languages_and_a_status(ra):
    for code, problem in ra.document.problems.items():
        assert 400 <= problem["status"] <= 599, code
        for texts in (problem["title"], problem["advice"]):
            assert set(texts) == {"zh-CN", "en"}
            assert all(re.findall(r"\{\w+\}", texts["zh-CN"]).count(one) == re.findall(r"\{\w+\}", texts["en"]).count(one)
                       for one in re.findall(r"\{\w+\}", texts["en"] + texts["zh-CN"])), code


# Tracing.

def test_trace_goes_on_into_the_problem_and_the_answer(ra):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = ra.staff("auditor").get("/applications/x", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, expect=404)
    assert answer.json()["trace_id"] == trace == answer.headers["traceparent"].split("-")[1]
    assert answer.headers["traceparent"].split("-")[2] != "00f067aa0ba902b7"


def test_personal_answers_are_kept_by_nobody(ra):
    case = ra.case("awaiting_acceptance")
    for path in (case.path, case.path + "/history", "/applications", "/me"):
        assert ra.staff("auditor").get(path).headers["Cache-Control"] == "no-store"
