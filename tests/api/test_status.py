"""The public status query (domain.md §9, §18.3, §18.4): true words, nothing personal, cached, and limited per client."""
import json
import time

import httpx
import pytest

from harness import samples
from support import refused

FEW = 5  # certificates that an answer lists
RATE = 12


def ask(client, **query):
    return client.get("/certificate-status", params=query)


def words(answer):
    return [(item["status"], item["source_status"]) for item in answer.json()["items"]]


@pytest.fixture(scope="module")
def made(ra):
    return ra.case("completed")


# Words.

@pytest.mark.parametrize("change,status,word", [
    ("not_after = UTC_TIMESTAMP(6) - INTERVAL 1 DAY", "expired", "证书注销"),
    ("not_before = UTC_TIMESTAMP(6) + INTERVAL 1 DAY", "not_yet_valid", "证书注销"),
    ("suspended_at = UTC_TIMESTAMP(6)", "suspended", "挂起"),
    ("revoked_at = UTC_TIMESTAMP(6), revocation_reason = 'key_compromise'", "revoked", "证书注销"),
    ("suspended_at = UTC_TIMESTAMP(6), revoked_at = UTC_TIMESTAMP(6)", "revoked", "证书注销"),
    ("revoked_at = UTC_TIMESTAMP(6), not_after = UTC_TIMESTAMP(6) - INTERVAL 1 DAY", "revoked", "证书注销"),
])
def test_each_status_has_its_word_and_advice(ra, change, status, word):
    case = ra.case("awaiting_handover")
    ra.sql(f"UPDATE certificates SET {change} WHERE id = UNHEX(REPLACE('{case.certificate['id']}', '-', ''))")
    answer = ask(ra.internal, subject=case.name)
    assert words(answer) == [(status, word)]
    item = answer.json()["items"][0]
    assert all(item[texts][language] for texts in ("texts", "advice") for language in ("zh-CN", "en"))
    assert ra.staff("auditor").get(f"/certificates/{case.certificate['id']}").json()["status"] == status
    if status in ("expired", "suspended", "revoked"):
        listed = ra.staff("auditor").get("/certificates", params={"application_id": case.id, "status": status}).json()["items"]
        assert len(listed) == 1


def test_unknown_name_is_answered_with_nothing(ra):
    answer = ask(ra.public, subject=samples.organisation_name()).json()
    assert (answer["items"], answer["more"]) == ([], False)


@pytest.mark.parametrize("made_for, asked_for", [("𠮷", "𡋾"), ("é", "e")], ids=["rare characters", "accents"])
def test_a_name_that_only_resembles_it_is_another_name(ra, made_for, asked_for):
    name = samples.organisation_name()
    case = ra.case("awaiting_production", subject_name=name + made_for)
    assert words(ask(ra.internal, subject=name + made_for)) == [("pending", "新申请")]
    assert words(ask(ra.internal, subject=name + asked_for)) == []
    found = [ra.staff("auditor").get("/applications", params={"subject_name": name + end}).json()["items"] for end in (made_for, asked_for)]
    assert [[item["id"] for item in items] for items in found] == [[case.id], []]


@pytest.mark.parametrize("typed", [lambda name: f" {name} ", lambda name: name.replace("有限", " 有 限"), lambda name: "".join(
    chr(ord(one) + 0xFEE0) if one.isdigit() else one for one in name)], ids=["outer spaces", "inner spaces", "full width"])
def test_name_is_found_as_people_type_it(ra, made, typed):
    assert words(ask(ra.internal, subject=typed(made.name))) == [("valid", "证书使用中")]


def test_part_of_a_name_finds_nothing(ra, made):
    for part in (made.name[:-1], made.name[1:], made.name[:4] + "%", "*" + made.name[4:], made.name + "x"):
        assert ask(ra.internal, subject=part).json()["items"] == []


def test_second_field_narrows(ra, made):
    number = made.form["subscriber"]["social_security_no"]
    serial = made.certificate["serial"]
    for query in ({"social_security_no": number}, {"serial": serial}, {"serial": serial.lower()},
                  {"serial": serial, "social_security_no": number}):
        assert words(ask(ra.internal, subject=made.name, **query)) == [("valid", "证书使用中")]
    for query in ({"social_security_no": "140000000000"}, {"serial": "0" * 20}, {"serial": serial, "social_security_no": "140000000000"}):
        assert ask(ra.internal, subject=made.name, **query).json()["items"] == []


def test_at_most_a_few_are_listed(ra):
    name = samples.organisation_name()
    for _ in range(FEW + 1):
        ra.case("awaiting_production", subject_name=name)
    answer = ask(ra.internal, subject=name).json()
    assert len(answer["items"]) == FEW and answer["more"] is True


def test_withdrawn_and_rejected_applications_are_nobodys_business(ra):
    case = ra.case("awaiting_review")
    case.step("review_officer", "review", {"decision": "reject", "reason": "名称不符", "guidance": "请更正"})
    assert ask(ra.internal, subject=case.name).json()["items"] == []
    other = ra.case("awaiting_production")
    other.withdraw()
    assert ask(ra.internal, subject=other.name).json()["items"] == []


# Nothing personal, the same for everybody.

def test_answer_holds_nothing_personal(ra, made):
    text = ask(ra.internal, subject=made.name, social_security_no=made.form["subscriber"]["social_security_no"]).text
    subscriber = made.form["subscriber"]
    for secret in (subscriber["contact"]["phone"], subscriber["contact"]["email"], subscriber["contact"]["name"],
                   subscriber["organisation_code"]["value"],
                   subscriber["social_security_no"], made.application["number"], made.id, made.certificate["id"],
                   made.certificate["serial"]):
        assert secret not in text
    assert set(json.loads(text)["items"][0]) == {"status", "source_status", "texts", "advice", "kind", "usage", "not_before", "not_after"}


def test_body_is_the_same_for_every_language_and_caller(ra, made):
    answers = [ra.public.get("/certificate-status", params={"subject": made.name},
                             headers={"Accept-Language": language}) for language in ("zh-CN", "en", "fr")]
    answers.append(ra.staff("acceptor").get("/certificate-status", params={"subject": made.name}))
    bodies = []
    for answer in answers:
        body = answer.json()
        body.pop("as_of")
        bodies.append(body)
        assert "Vary" not in answer.headers and "Set-Cookie" not in answer.headers
    assert all(body == bodies[0] for body in bodies)


def test_question_is_in_no_log(ra):
    name = samples.organisation_name()
    ask(ra.public, subject=name)
    ask(ra.public, subject=name)
    logs = ra.stack.httpd.error_log.path.read_bytes() + ra.stack.httpd.access_log.read_bytes()
    assert name.encode() not in logs and name.encode("unicode-escape") not in logs
    assert "subject=" not in logs.decode("latin-1")


# Cache.

def test_answer_comes_from_the_cache_for_a_moment(ra):
    """as_of says when the answer was made: cached answers have the same."""
    name = samples.organisation_name()
    first = ask(ra.public, subject=name)
    assert "max-age" in first.headers["Cache-Control"]
    times = {ask(ra.public, subject=name).json()["as_of"] for _ in range(10)}
    assert times == {first.json()["as_of"]}
    forced = ra.public.get("/certificate-status", params={"subject": name}, headers={"Cache-Control": "no-cache", "Pragma": "no-cache"})
    assert forced.json()["as_of"] == first.json()["as_of"]
    with ra.open("public") as other:
        assert ask(other, subject=name).json()["as_of"] == first.json()["as_of"]


def test_cache_forgets_within_seconds(ra):
    case = ra.case("awaiting_review")
    assert ask(ra.public, subject=case.name).json()["items"] == []
    case.review()
    end = time.monotonic() + 60
    while not ask(ra.public, subject=case.name).json()["items"] and time.monotonic() < end:
        time.sleep(0.2)
    assert words(ask(ra.public, subject=case.name)) == [("pending", "新申请")]


def test_refusal_is_not_cached(ra):
    with ra.open("public") as client:
        for _ in range(2):
            refused(client.get("/certificate-status", params={"subject": ""}, expect=400), 400, "request-invalid")


# Limits.

@pytest.fixture(scope="module")
def limited(make_ra):
    instance = make_ra("status", RATE_PUBLIC=f"{RATE}/60", EXTRA_GLOBAL="RAStatusSecondField on")
    return instance


def burst(ra, address, count, name):
    """Requests of one client, each on a connection of its own, so that every child takes part."""
    answers = []
    for place in range(count):
        with ra.open("public", transport=None) as client:
            client.http._transport = httpx.HTTPTransport(verify=str(ra.stack.pki.root_file), local_address=address, trust_env=False)
            answers.append(client.request("GET", "/certificate-status", params={"subject": name, "social_security_no": "140105001234"}))
    return answers


def test_limit_is_per_client_over_all_children_and_counts_cached_answers(limited):
    name = samples.organisation_name()
    begin = time.monotonic()
    first = burst(limited, "127.0.0.2", RATE + 6, name)
    if time.monotonic() - begin < 5:  # one comes back every five seconds
        assert [answer.status_code for answer in first].count(200) in (RATE, RATE + 1)
    assert len({answer.json()["as_of"] for answer in first if answer.status_code == 200}) < RATE  # most came from the cache
    last = first[-1]
    refused(last, 429, "rate-limited")
    assert 1 <= int(last.headers["Retry-After"]) <= 60
    assert last.json()["retry_after"] == int(last.headers["Retry-After"])
    second = burst(limited, "127.0.0.3", 3, name)
    assert [answer.status_code for answer in second] == [200] * 3


def test_answers_say_what_is_left(limited):
    name = samples.organisation_name()
    answers = burst(limited, "127.0.0.4", 4, name)
    assert all(answer.headers["RateLimit-Policy"] == f'"default";q={RATE};w=60' for answer in answers)
    left = [int(answer.headers["RateLimit"].split("r=")[1].split(";")[0]) for answer in answers]
    assert left == sorted(left, reverse=True) and left[0] > left[-1]


def test_directive_demands_a_second_field(limited):
    name = samples.organisation_name()
    with limited.open("internal") as client:
        refused(client.get("/certificate-status", params={"subject": name}, expect=400), 400, "request-invalid",
                ("query:social_security_no", "required"))
        client.get("/certificate-status", params={"subject": name, "serial": "AB"})
