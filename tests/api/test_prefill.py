"""Forms that subscribers fill in beforehand: kept sealed, found by number or QR code, one application each; and their progress."""
import concurrent.futures
import copy
import time

import pytest

from acts import Act
from harness import samples, seed
from support import REJECTION, Case, refused, submission, unique

ELSEWHERE = "140200"
TRIES = 10
NOBODY = "2026112390000013"  # a number that nobody has
ACTS = {"renew": {}, "modify": {}, "revoke": {"revocation_reason": "cessation_of_operation"}, "unlock": {}, "reissue_lost": {},
        "reissue_damaged": {"token": {"serial": "EK1", "purchased_on": "2026-03-01", "human_fault": False}},
        "replace_token": {"cause": "lost"}, "suspend": {}, "resume": {}}


def form(ra, kind="organisation", **changes):
    return submission(kind, ra.ids["agency"], **changes)


def act_form(case, business, **changes):
    """What a subscriber writes about the certificate of a completed case."""
    body = copy.deepcopy(case.form)
    name = body.pop("subject_name")
    body.pop("validity_years", None)
    body.update(business=business, certificate={"subject_name": name}, **ACTS[business])
    body.update(changes)
    return body


def fill(ra, body):
    return ra.public.post("/prefills", body, expect=201).json()


def progress(ra, number, tail, expect=200):
    return ra.public.post("/progress-queries", {"number": number, "last_characters": tail}, expect=expect)


def make(ra, receipt, business="issue", expect=201, who="acceptor", **members):
    return ra.staff(who).post("/applications", {"business": business, "prefill_number": receipt["number"], **members}, expect=expect)


@pytest.fixture(scope="module")
def made(ra):
    return ra.case("completed")


# Filling in.

def test_receipt_has_number_code_and_what_the_qr_code_says(ra):
    receipt = fill(ra, form(ra))
    assert len(receipt["number"]) == 16 and receipt["number"][8] in "56789"
    assert len(receipt["code"]) == 20 and receipt["code"].isdigit()
    assert receipt["qr_text"] == receipt["number"] + receipt["code"]
    assert len({fill(ra, form(ra))["code"] for _ in range(3)}) == 3


@pytest.mark.parametrize("kind", ["organisation", "person", "server"])
def test_counter_finds_the_form_as_it_was_filled_in(ra, kind):
    body = form(ra, kind)
    receipt = fill(ra, body)
    for typed in (receipt["number"], receipt["qr_text"]):
        found = ra.staff("acceptor").get(f"/prefills/{typed}").json()
        assert found["form"] == body and found["number"] == receipt["number"] and "application_id" not in found


def test_form_lies_sealed_and_the_code_nowhere(ra):
    body = form(ra, "person")
    receipt = fill(ra, body)
    row, = ra.sql("SELECT HEX(form_sealed), HEX(code_hash), HEX(tail_hash), HEX(client_hash) FROM prefills"
                  f" WHERE number = '{receipt['number']}'")
    clear = bytes.fromhex(row[0])
    for secret in (body["subscriber"]["name"], body["subscriber"]["id_document"]["number"], body["subscriber"]["contact"]["phone"]):
        assert secret.encode() not in clear
    dump = ra.stack.database.client("SELECT * FROM prefills; SELECT detail FROM audit_events ORDER BY id DESC LIMIT 50", "ra")
    logs = ra.stack.httpd.error_log.path.read_text("utf-8") + ra.stack.httpd.access_log.read_text("utf-8")
    assert receipt["code"] not in dump and receipt["code"] not in logs


def test_nothing_of_it_is_in_any_list(ra):
    body = form(ra)
    receipt = fill(ra, body)
    for role in ("acceptor", "manager", "auditor"):
        for query in ({"number": receipt["number"]}, {"subject_name": body["subject_name"]},
                      {"social_security_no": body["subscriber"]["social_security_no"]}):
            assert ra.staff(role).get("/applications", params=query).json()["items"] == []
    assert ra.public.get("/certificate-status", params={"subject": body["subject_name"]}).json()["items"] == []


@pytest.mark.parametrize("spoil,pointer,violation", [
    (lambda one: one["subscriber"]["organisation_code"].update(value="91140100590876546M"), "/subscriber/organisation_code/value",
     "format-uscc"),
    (lambda one: one["subscriber"].update(social_security_no="x"), "/subscriber/social_security_no", "format-social-security-number"),
    (lambda one: one["subscriber"]["contact"].pop("phone"), "/subscriber/contact/phone", "required"),
    (lambda one: one.update(certificate_id=seed.TAIYUAN), "/certificate_id", "unknown-member"),
    (lambda one: one.pop("subject_name"), "/subject_name", "required"),
    (lambda one: one.update(certificate={"subject_name": "甲"}), "/certificate", "not-allowed"),
    (lambda one: one.update(validity_years=11), "/validity_years", "too-large"),
])
def test_form_is_checked_as_an_application_is(ra, spoil, pointer, violation):
    body = form(ra)
    spoil(body)
    refused(ra.public.post("/prefills", body, expect=422), 422, "body-invalid", (pointer, violation))


@pytest.mark.parametrize("change,code", [
    ({"business": "nothing"}, "business-unknown"),
    ({"business": "abolish"}, "business-unknown"),
    ({"subject_name": "山\u202e西"}, "deceptive-name"),
    ({"subscriber": {"agency_id": "019ab2c4-7d10-7c3e-9a51-2f6d0b8e4c31"}}, "agency-unknown"),
    ({"business": "revoke", "certificate": {"subject_name": "甲"}}, "body-invalid"),
])
def test_form_is_refused_for_what_an_application_is(ra, change, code):
    refused(ra.public.post("/prefills", form(ra, **change), expect=422), 422, code)


def test_act_must_say_what_its_business_asks(ra, made):
    for business, asked in ACTS.items():
        body = act_form(made, business)
        for member in asked:
            body.pop(member)
            refused(ra.public.post("/prefills", body, expect=422), 422, "particulars-missing", (f"/{member}", "required"))
    body = act_form(made, "renew", subject_name="另一个名称")
    refused(ra.public.post("/prefills", body, expect=422), 422, "body-invalid", ("/subject_name", "not-allowed"))
    body = act_form(made, "renew")
    body.pop("certificate")
    refused(ra.public.post("/prefills", body, expect=422), 422, "body-invalid", ("/certificate", "required"))


def test_whether_a_certificate_exists_is_not_told(ra, made):
    body = act_form(made, "revoke", certificate={"subject_name": samples.organisation_name(), "serial": "00AB"})
    assert set(fill(ra, body)) == set(fill(ra, act_form(made, "revoke"))) == {"number", "code", "qr_text", "expires_at"}


def test_agencies_can_be_chosen_without_a_certificate(ra):
    assert ra.ids["agency"] in {one["id"] for one in ra.public.get("/agencies", params={"limit": 200}).json()["items"]}


# At the counter.

def test_application_keeps_number_and_data_and_needs_every_step(ra):
    body = form(ra)
    receipt = fill(ra, body)
    application = make(ra, receipt).json()
    assert application["number"] == receipt["number"] and application["state"] == "awaiting_agency"
    assert application["subject_name"] == body["subject_name"]
    for member in ("name", "social_security_no", "organisation_code", "contact"):
        assert application["subscriber"][member] == body["subscriber"][member]
    listed, = ra.staff("acceptor").get("/applications", params={"number": receipt["number"]}).json()["items"]
    assert listed["id"] == application["id"]
    found = ra.staff("acceptor").get(f"/prefills/{receipt['number']}").json()
    assert found["application_id"] == application["id"] and "form" not in found
    assert ra.sql(f"SELECT form_sealed IS NULL, used_at IS NOT NULL FROM prefills WHERE number = '{receipt['number']}'") == [["1", "1"]]


def test_counter_may_put_data_right_while_it_makes_the_application(ra):
    body = form(ra)
    receipt = fill(ra, body)
    subscriber = {**body["subscriber"], "contact": {"name": "王五", "phone": "13800000001"}}
    application = make(ra, receipt, subscriber=subscriber, note="柜台更正").json()
    assert application["subscriber"]["contact"]["name"] == "王五" and application["note"] == "柜台更正"
    assert application["subject_name"] == body["subject_name"]


def test_form_is_used_once(ra):
    receipt = fill(ra, form(ra))
    make(ra, receipt)
    refused(make(ra, receipt, expect=409), 409, "prefill-used")


def test_of_many_counters_at_once_one_makes_the_application(ra):
    receipt = fill(ra, form(ra))
    clients = [ra.open("staff", "acceptor") for _ in range(6)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda client: client.request("POST", "/applications", json={
            "business": "issue", "prefill_number": receipt["number"]}, headers=client.manners("POST")), clients))
    for client in clients:
        client.close()
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert ra.sql(f"SELECT COUNT(*) FROM applications WHERE number = '{receipt['number']}'") == [["1"]]


def test_refused_application_leaves_the_form_open(ra):
    body = form(ra)
    first, second = fill(ra, body), fill(ra, body)
    make(ra, first)
    refused(make(ra, second, expect=409), 409, "duplicate-application")
    assert ra.staff("acceptor").get(f"/prefills/{second['number']}").json()["form"] == body


def test_form_of_another_business_is_not_taken(ra):
    receipt = fill(ra, form(ra))
    refused(make(ra, receipt, "renew", expect=422), 422, "body-invalid", ("/business", "not-as-applied"))


@pytest.mark.parametrize("business", [one for one in ACTS if one not in ("renew", "resume")])
def test_act_is_about_the_certificate_that_the_counter_finds(ra, made, business):
    receipt = fill(ra, act_form(made, business))
    found = ra.staff("acceptor").get(f"/prefills/{receipt['qr_text']}").json()
    assert made.certificate["id"] in [one["id"] for one in found["certificates"]]
    application = make(ra, receipt, business, certificate_id=made.certificate["id"]).json()
    assert application["target_certificate_id"] == made.certificate["id"] and application["number"] == receipt["number"]
    assert {name: application[name] for name in ACTS[business]} == ACTS[business]
    case = Act(ra, business, made)
    case.id = application["id"]
    case.read()
    case.withdraw()


def test_certificate_must_be_one_that_the_business_takes(ra, made):
    for business, code in (("renew", "renewal-too-early"), ("resume", "certificate-state")):
        receipt = fill(ra, act_form(made, business))
        refused(make(ra, receipt, business, certificate_id=made.certificate["id"], expect=409), 409, code)


def test_act_without_a_certificate_is_refused(ra, made):
    receipt = fill(ra, act_form(made, "suspend"))
    refused(make(ra, receipt, "suspend", expect=422), 422, "certificate-needed")


def test_form_of_another_region_is_not_there(ra):
    office = ra.office(ELSEWHERE)
    other = ra.person("acceptor", office_id=office, province_wide=False)
    receipt = fill(ra, form(ra))
    refused(ra.staff(other).get(f"/prefills/{receipt['number']}", expect=404), 404, "not-found")
    refused(make(ra, receipt, who=other, expect=422), 422, "prefill-unknown", ("/prefill_number", "unknown-reference"))
    make(ra, receipt)
    refused(ra.staff(other).get(f"/prefills/{receipt['number']}", expect=404), 404, "not-found")


def test_wrong_code_or_number_finds_nothing(ra):
    receipt = fill(ra, form(ra))
    other = fill(ra, form(ra))
    mistyped = receipt["number"][:-1] + str((int(receipt["number"][-1]) + 1) % 10)
    for typed in (receipt["number"] + other["code"], mistyped, "1" * 16, "1", "x" * 16):
        refused(ra.staff("acceptor").request("GET", f"/prefills/{typed}"), 404, "not-found")


def test_only_the_counter_looks_at_forms(ra):
    receipt = fill(ra, form(ra))
    for role in ("entry_officer", "auditor", "manager", "administrator", "hotline_agent"):
        refused(ra.staff(role).get(f"/prefills/{receipt['number']}", expect=403), 403, "access-denied")
    assert ra.public.request("GET", f"/prefills/{receipt['number']}").status_code == 404
    body = {"business": "issue", "prefill_number": receipt["number"]}
    refused(ra.system().post("/applications", body, expect=422), 422, "prefill-unknown")


def test_looking_and_keeping_are_audited(ra):
    receipt = fill(ra, form(ra))
    ra.staff("acceptor").get(f"/prefills/{receipt['number']}")
    rows = ra.sql("SELECT event, outcome FROM audit_events WHERE event IN ('createPrefill', 'getPrefill') ORDER BY id DESC LIMIT 2")
    assert rows == [["getPrefill", "read"], ["createPrefill", "done"]]


# How far it is.

def test_progress_by_the_last_digits_of_the_code(ra):
    receipt = fill(ra, form(ra))
    tail = receipt["code"][-6:]
    answer = progress(ra, receipt["number"], tail).json()
    assert answer["state"] == "filled_in" and answer["steps"] == [] and answer["expires_at"] == receipt["expires_at"]
    make(ra, receipt)
    answer = progress(ra, receipt["number"], tail).json()
    assert answer["state"] == "awaiting_agency" and answer["steps"][0]["status"] == "current" and "expires_at" not in answer


@pytest.mark.parametrize("state", Case.ORDER)
def test_each_state_has_words_and_a_place(ra, state):
    if state == "coded":
        pytest.skip("the same state as awaiting_production")
    case = ra.case(state)
    answer = progress(ra, case.application["number"], case.form["subscriber"]["social_security_no"][-6:]).json()
    assert answer["state"] == state
    done = [step["status"] for step in answer["steps"]]
    assert done == sorted(done, key=("done", "current", "open").index) and done.count("current") == (state != "completed")
    assert all(answer[texts][language] for texts in ("texts", "advice") for language in ("zh-CN", "en"))
    secrets = case.form["subscriber"]
    text = progress(ra, case.application["number"], secrets["social_security_no"][-6:]).text
    for secret in (secrets["name"], secrets["social_security_no"], secrets["contact"]["name"], secrets["contact"]["phone"], case.id):
        assert secret not in text


def test_rejection_tells_reason_and_guidance_but_not_who(ra):
    case = ra.case("awaiting_review")
    case.step("review_officer", "review", REJECTION)
    answer = progress(ra, case.application["number"], case.form["subscriber"]["social_security_no"][-6:]).json()
    assert answer["rejection"] == {"reason": REJECTION["reason"], "guidance": REJECTION["guidance"]}
    assert [step["step"] for step in answer["steps"] if step["status"] == "current"] == ["review"]
    other = ra.case("awaiting_acceptance")
    other.withdraw()
    answer = progress(ra, other.application["number"], other.form["subscriber"]["social_security_no"][-6:]).json()
    assert answer["state"] == "withdrawn" and {step["status"] for step in answer["steps"]} == {"open"}


def test_wrong_number_and_wrong_digits_read_alike(ra):
    receipt = fill(ra, form(ra))
    wrong = "000000" if receipt["code"][-6:] != "000000" else "000001"
    answers = [progress(ra, number, wrong, expect=404) for number in (receipt["number"], NOBODY)]
    bodies = [{name: value for name, value in answer.json().items() if name not in ("trace_id", "title", "detail")} for answer in answers]
    assert bodies[0] == bodies[1] and bodies[0]["code"] == "progress-not-found"


def test_tries_of_one_number_are_counted_whether_or_not_it_exists(ra):
    receipt = fill(ra, form(ra))
    right = receipt["code"][-6:]
    wrong = [f"{place:06d}" for place in range(TRIES + 1) if f"{place:06d}" != right]
    for number in (receipt["number"], NOBODY):
        ra.sql(f"DELETE FROM progress_tries WHERE number = '{number}'")
        for tail in wrong[:TRIES]:
            refused(progress(ra, number, tail, expect=404), 404, "progress-not-found")
        locked = progress(ra, number, right, expect=429)
        refused(locked, 429, "progress-locked")
        assert int(locked.headers["Retry-After"]) > 0
    ra.sql("UPDATE progress_tries SET since = since - INTERVAL 2 HOUR")
    assert progress(ra, receipt["number"], right).json()["state"] == "filled_in"


def test_right_questions_do_not_count(ra):
    receipt = fill(ra, form(ra))
    for _ in range(TRIES + 2):
        progress(ra, receipt["number"], receipt["code"][-6:])


def test_many_wrong_tries_at_once_are_counted(ra):
    receipt = fill(ra, form(ra))
    wrong = "000000" if receipt["code"][-6:] != "000000" else "000001"
    clients = [ra.open("public") for _ in range(6)]
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda place: clients[place % 6].request(
            "POST", "/progress-queries", json={"number": receipt["number"], "last_characters": wrong}).status_code, range(24)))
    for client in clients:
        client.close()
    assert statuses.count(404) <= TRIES and set(statuses) <= {404, 429, 503}


# Bounds.

@pytest.fixture(scope="module")
def bounded(make_ra):
    return make_ra("prefill", EXTRA_GLOBAL="RAPrefillsMax 6\nRAPrefillsPerClient 4\nRAPrefillDays 2")


def test_bounds_and_expiry(bounded):
    receipts = [fill(bounded, form(bounded)) for _ in range(4)]
    answer = bounded.public.post("/prefills", form(bounded), expect=429)
    refused(answer, 429, "prefill-limit")
    assert int(answer.headers["Retry-After"]) > 0
    bounded.sql("UPDATE prefills SET client_hash = REVERSE(client_hash)")
    for _ in range(2):
        fill(bounded, form(bounded))
    refused(bounded.public.post("/prefills", form(bounded), expect=503), 503, "prefills-full")
    bounded.sql("UPDATE prefills SET expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
    refused(bounded.staff("acceptor").get(f"/prefills/{receipts[0]['number']}", expect=404), 404, "not-found")
    refused(make(bounded, receipts[0], expect=422), 422, "prefill-unknown")
    refused(progress(bounded, receipts[0]["number"], receipts[0]["code"][-6:], expect=404), 404, "progress-not-found")
    end = time.monotonic() + 90
    while bounded.sql("SELECT COUNT(*) FROM prefills") != [["0"]]:
        assert time.monotonic() < end, "what has expired is not erased"
        time.sleep(0.2)


def test_unique_names_do_not_matter(ra):
    """Two subscribers may fill in the same name: only the applications are compared."""
    body = form(ra, note=unique("n"))
    assert fill(ra, body)["number"] != fill(ra, body)["number"]
