"""Idempotency-Key: the same request again gets the same answer and has one effect (invariant I18)."""
import concurrent.futures
import time
import uuid

import pytest

from support import refused, unique


def key():
    return str(uuid.uuid4())


def body_of(response):
    return response.status_code, response.json(), response.headers.get("ETag"), response.headers.get("Location")


def test_same_request_again_gets_the_same_answer(ra):
    case, once = ra.case(), key()
    first = case.submit(key=once)
    again = ra.system().post("/applications", case.form, key=once, expect=201)
    assert body_of(again) == body_of(first)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    found = ra.staff("auditor").get("/applications",
                                    params={"social_security_no": case.form["subscriber"]["social_security_no"]}).json()["items"]
    assert [item["id"] for item in found] == [case.id]


def test_step_again_is_not_done_again(ra):
    case, once = ra.case("awaiting_agency"), key()
    tag = case.tag
    first = case.approve(key=once)
    body = {"decision": "approve", "filing_number": "并社经备2026-0147"}
    again = ra.staff("agency").post(f"{case.path}/agency-decision", body, tag=tag, key=once)
    assert body_of(again) == body_of(first) and again.headers["Idempotency-Replayed"] == "true"
    assert len([one for one in case.history() if one["step"] == "agency_decision"]) == 1


def test_step_without_key_is_stale_the_second_time(ra):
    case = ra.case("awaiting_agency")
    tag = case.tag
    case.approve()
    refused(case.approve(tag=tag, expect=412), 412, "version-stale")


def test_key_of_another_request_is_refused(ra):
    case, once = ra.case(), key()
    case.submit(key=once)
    other = ra.case()
    refused(ra.system().post("/applications", other.form, key=once, expect=422), 422, "idempotency-key-reused")
    refused(case.call(ra.system(), "PATCH", "", {"note": "x"}, key=once, expect=422), 422, "idempotency-key-reused")
    refused(case.step(ra.system(), "withdrawal", {"reason": "x"}, key=once, expect=422), 422, "idempotency-key-reused")
    case.call(ra.system(), "PATCH", "", {"note": "x"})


def test_same_step_with_another_entity_tag_is_another_request(ra):
    case, once = ra.case("awaiting_agency"), key()
    case.call("acceptor", "PATCH", "", {"note": "x"}, key=once)
    refused(case.call("acceptor", "PATCH", "", {"note": "x"}, key=once, expect=422), 422, "idempotency-key-reused")


def test_keys_of_two_callers_are_apart(ra):
    once = key()
    system = ra.business_system("applications.submit")
    first, second = ra.case(), ra.case()
    first.submit(key=once)
    second.submit(ra.system(system), key=once)
    third = ra.case()
    third.submit(ra.staff("acceptor"), key=once)
    assert len({first.id, second.id, third.id}) == 3


def test_refused_request_may_be_corrected_and_sent_with_the_same_key(ra):
    case, once = ra.case(), key()
    wrong = {**case.form, "kind": "human"}
    refused(ra.system().post("/applications", wrong, key=once, expect=422), 422, "body-invalid")
    case.submit(key=once)


@pytest.mark.parametrize("method", ["POST"])
def test_business_system_must_send_a_key(ra, method):
    with ra.open("api", "system") as client:
        answer = client.request(method, "/applications", json=ra.case().form)
        refused(answer, 400, "idempotency-key-missing")
    case = ra.case("awaiting_agency")
    with ra.open("api", "system") as client:
        answer = client.request("POST", case.path + "/withdrawal", json={"reason": "x"}, headers={"If-Match": case.tag})
        refused(answer, 400, "idempotency-key-missing")
        answer = client.request("PATCH", case.path, json={"note": "x"},
                                headers={"If-Match": case.tag, "Content-Type": "application/merge-patch+json"})
        assert answer.status_code == 200  # has an entity tag to guard it


@pytest.mark.parametrize("text", ["", "a b", "x" * 129, "a\tb"])
def test_malformed_key_is_refused(ra, text):
    with ra.open("api", "system") as client:
        answer = client.request("POST", "/applications", json=ra.case().form, headers={"Idempotency-Key": text})
        assert answer.status_code == 400 and answer.json()["code"] in ("request-invalid", "idempotency-key-missing")


def test_key_of_128_characters_is_taken(ra):
    ra.case().submit(key=unique("k").ljust(128, "!"))


def test_keys_differ_by_case(ra):
    once = unique("Key")
    first, second = ra.case(), ra.case()
    first.submit(key=once)
    second.submit(key=once.upper())
    assert first.id != second.id


def test_codes_are_never_shown_again(ra):
    case, once = ra.case("awaiting_production"), key()
    tag = case.tag
    shown = case.draw(key=once)
    refused(case.draw(key=once, tag=tag, expect=409), 409, "codes-shown")
    assert case.codes == shown.json()
    stored = ra.sql(f"SELECT status, answer_sealed IS NULL FROM idempotency_records WHERE idempotency_key = '{once}'")
    assert stored == [["201", "1"]]
    case.produce()


def test_production_again_gets_its_operation(ra):
    case, once = ra.case("coded"), key()
    tag, body = case.tag, case.production()
    first = case.step(ra.system(), "production", body, key=once, expect=(201, 202))
    again = case.step(ra.system(), "production", body, key=once, tag=tag, expect=(201, 202))
    assert again.headers["Idempotency-Replayed"] == "true"
    operations = [(answer.json().get("operation") or answer.json())["id"] for answer in (first, again)]
    assert operations[0] == operations[1]
    issued = [line for line in ra.stack.ca.ledger() if line["kind"] == "certificate" and case.name in line["subject"]]
    assert len(issued) == 1


def test_parallel_requests_with_one_key_have_one_effect(ra):
    case, once = ra.case(), key()

    def submit(_):
        with ra.open("api", "system") as client:
            return client.post("/applications", case.form, key=once, expect=(201, 409))

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(submit, range(16)))
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"idempotency-in-progress"}
    made = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert len(set(made)) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers if answer.status_code == 201].count(None) == 1
    assert ra.system().post("/applications", case.form, key=once, expect=201).json()["id"] == made[0]


def test_stored_answers_are_forgotten_after_a_week(ra):
    ra.system().get("/me")
    ra.sql("INSERT INTO idempotency_records (principal_id, idempotency_key, request_sha256, status, created_at) "
           f"VALUES (UNHEX(REPLACE('{ra.ids['system']}', '-', '')), 'a-week-old', REPEAT('x', 32), 200, UTC_TIMESTAMP(6) - INTERVAL 8 DAY)")
    end = time.monotonic() + 90
    while ra.sql("SELECT 1 FROM idempotency_records WHERE idempotency_key = 'a-week-old'"):
        assert time.monotonic() < end
        time.sleep(0.5)
