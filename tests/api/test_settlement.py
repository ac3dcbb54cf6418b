"""What nobody knows the outcome of is settled by a manager who has asked the CA: a certificate that came to light, an act that was done or not."""
import base64
import concurrent.futures
import datetime
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from acts import REGISTRATION, Act, certificate, ledger, wait_for_status
from separation import EXPECTED
from support import ARCHIVE, COMPLETION, HANDOVER, entry, refused

pytestmark = pytest.mark.log("RA041", "RA042")  # what became of an enrolment, or an act
EVIDENCE = "已电话向 CA 值班人员核实"
DAY = datetime.timedelta(days=1)
SECONDS = 90
NEVER = {"PRODUCTION_WAIT": 1, "EXTRA_GLOBAL": "RAUpstreamTimeout 2\nRAUpstreamResend never"}


@pytest.fixture(scope="module")
def careful(make_ra):
    """An instance whose CA is asked once."""
    return make_ra("settle", **NEVER)


@pytest.fixture(scope="module")
def listed(make_ra):
    """One that fetches the CA's revocation list every second besides."""
    return make_ra("settle-crl", CRL_SECONDS=1, **NEVER)


# What happened.

def until(ask, wanted, seconds=SECONDS):
    end = time.monotonic() + seconds
    while ask() != wanted:
        assert time.monotonic() < end, (ask(), wanted)
        time.sleep(0.1)


def of(case):
    return f"application_id = UNHEX(REPLACE('{case.id}', '-', ''))"


def follow_attempt(case, state="unknown"):
    """The newest operation of the case, once nothing is under way for it and its job waits for a person."""
    newest = f"SELECT t.state, j.state FROM ca_attempts t JOIN outbox_jobs j ON j.id = t.job_id WHERE t.{of(case)} ORDER BY t.id DESC LIMIT 1"
    until(lambda: case.ra.sql(newest), [[state, "person"]])
    case.operation = {"id": case.read()["operation_id"]}
    return case


def lost(ra, **options):
    """A case whose certificate was issued, and the answer lost."""
    case = options.pop("case", None) or ra.case("coded", **options)
    ra.stack.ca.knobs(mode="silent", count=1)
    try:
        case.ask()
        return follow_attempt(case)
    finally:
        ra.stack.ca.reset()


def issued(case):
    """What the CA issued to the newest attempt, in DER."""
    transaction = case.ra.sql(f"SELECT LOWER(HEX(transaction_id)) FROM ca_attempts WHERE {of(case)} ORDER BY id DESC LIMIT 1")[0][0]
    line, = [one for one in case.ra.stack.ca.ledger() if one["kind"] == "certificate" and one["transaction_id"].lower() == transaction]
    return base64.b64decode(line["der_b64"])


def pem(der):
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode()


def settle(case, outcome, who="manager", expect=200, text=None, **options):
    body = {"outcome": outcome, "evidence": EVIDENCE, **({"certificate": text} if text else {})}
    return case.ra.staff(who).step(f"/operations/{case.operation['id']}", "settlement", body, expect=expect, **options)


def audited(case, event, object_id):
    rows = case.ra.sql(f"SELECT actor_kind, actor_name FROM audit_events WHERE event = '{event}' AND object_id = UNHEX(REPLACE('{object_id}', '-', ''))")
    return [tuple(row) for row in rows]


def manager(ra):
    return ra.staff("manager").get("/me").json()["name"]


def job_of(case):
    return case.ra.sql(f"SELECT j.state FROM outbox_jobs j JOIN ca_attempts t ON t.job_id = j.id WHERE t.{of(case)} ORDER BY t.id DESC LIMIT 1")[0][0]


# A certificate that came to light.

@pytest.mark.parametrize("form", [pem, lambda der: base64.b64encode(der).decode()], ids=["pem", "der"])
def test_a_certificate_that_was_issued_unheard_is_adopted_and_goes_its_way(careful, form):
    case = lost(careful)
    messages = len(careful.stack.ca.ledger())
    path, body = f"/operations/{case.operation['id']}", {"outcome": "issued", "evidence": EVIDENCE, "certificate": form(issued(case))}
    tag = careful.staff("manager").get(path).headers["ETag"]
    key = {"Idempotency-Key": f"adopt-{case.id}"}
    answer = careful.staff("manager").post(path + "/settlement", body, tag=tag, headers=key, expect=200)
    again = careful.staff("manager").post(path + "/settlement", body, tag=tag, headers=key, expect=200)
    assert again.json() == answer.json()
    operation = answer.json()
    assert (operation["status"], operation["reason"]) == ("succeeded", {"outcome": "adopted", "text": EVIDENCE})
    made = careful.staff("auditor").get(f"/certificates/{operation['certificate_id']}", headers={"Accept": "application/pkix-cert"})
    assert made.content == issued(case)
    last = case.history()[-1]
    assert (last["step"], last["outcome"], last["reason"], last["actor"]["kind"]) == ("made", "adopted", EVIDENCE, "ra")
    assert audited(case, "certificate_adopted", case.id) == [("person", manager(careful))]
    assert audited(case, "settleOperation", case.operation["id"]) == [("person", manager(careful))]
    assert job_of(case) == "done"
    refused(settle(case, "not_issued", expect=409), 409, "operation-not-unknown")
    assert case.read()["state"] == "awaiting_handover"
    case.to("completed")
    assert len(careful.stack.ca.ledger()) == messages  # the CA was asked nothing more


def resigned(ra, der, key=None, subject=None, usage=None, names=None, ca=False, serial=None, signer=None, before=None, after=None):
    """The certificate with one thing changed, as the CA itself might have made it."""
    old = x509.load_der_x509_certificate(der)
    builder = x509.CertificateBuilder().issuer_name(old.issuer).subject_name(subject or old.subject).public_key(key or old.public_key())
    builder = builder.serial_number(serial or x509.random_serial_number()).not_valid_before(before or old.not_valid_before)
    builder = builder.not_valid_after(after or old.not_valid_after)
    for extension in old.extensions:
        value = usage if usage and isinstance(extension.value, x509.KeyUsage) else extension.value
        if isinstance(value, x509.BasicConstraints) and ca:
            value = x509.BasicConstraints(True, None)
        builder = builder.add_extension(value, extension.critical)
    if names:
        builder = builder.add_extension(names, False)
    own = serialization.load_pem_private_key((ra.stack.ca.state / "ca.key").read_bytes(), None)
    return builder.sign(signer or own, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def usage(**changes):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
             "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: changes.get(name, False) for name in names})


def test_any_other_certificate_is_refused_by_name_and_leaves_the_outcome_unknown(careful):
    case = lost(careful)
    der = issued(case)
    real = x509.load_der_x509_certificate(der)
    known = careful.case("completed").certificate
    wrong = {
        "certificate-other-key": [{"key": ec.generate_private_key(ec.SECP256R1()).public_key()}],
        "certificate-other-subject": [{"subject": x509.Name([*list(real.subject)[:-1], x509.NameAttribute(x509.NameOID.COMMON_NAME, "另一家公司")])}],
        "certificate-other-names": [{"names": x509.SubjectAlternativeName([x509.DNSName("www.example.cn")])}],
        "certificate-other-usage": [{"usage": usage(key_encipherment=True)}],
        "certificate-other-validity": [{"after": real.not_valid_after + 365 * DAY}, {"before": real.not_valid_before - 30 * DAY}],
        "certificate-other-issuer": [{"signer": ec.generate_private_key(ec.SECP256R1())}],
        "certificate-of-a-ca": [{"ca": True}],
        "certificate-known": [{"serial": int(known["serial"], 16)}],
    }
    for violation, changes in wrong.items():
        for change in changes:
            answer = settle(case, "issued", text=pem(resigned(careful, der, **change)), expect=422)
            refused(answer, 422, "certificate-not-approved", ("/certificate", violation))
    for text in ("x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", pem(der) + pem(der), base64.b64encode(der[:-1]).decode()):
        refused(settle(case, "issued", text=text, expect=422), 422, "certificate-unreadable")
    refused(settle(case, "issued", expect=422), 422, "body-invalid", ("/certificate", "required"))
    refused(settle(case, "not_issued", text=pem(der), expect=422), 422, "body-invalid", ("/certificate", "not-allowed"))
    refused(settle(case, "done", expect=422), 422, "body-invalid", ("/outcome", "not-in-list"))
    assert (case.read()["state"], job_of(case)) == ("in_production", "person")
    settle(case, "issued", text=pem(der))
    assert case.read()["state"] == "awaiting_handover"


def test_both_certificates_of_a_pair_can_be_adopted(careful):
    case = careful.case(usage="pair").to("awaiting_entry")
    case.step("entry_officer", "entry", entry(case, key_algorithms=["ec_p256"]))
    lost(careful, case=case.to("coded"))
    careful.stack.ca.knobs(mode="silent", count=1)
    try:
        settle(case, "issued", text=pem(issued(case)))
        follow_attempt(case)
    finally:
        careful.stack.ca.reset()
    assert case.state == "in_production"
    settle(case, "issued", text=pem(issued(case)))
    assert case.read()["state"] == "awaiting_handover"
    made = careful.staff("auditor").get("/certificates", params={"application_id": case.id}).json()["items"]
    assert sorted(one["usage"] for one in made) == ["encryption", "signing"]
    case.call("issuing_officer", "POST", "/encryption-key", None)
    case.read()
    case.step("issuing_officer", "handover", HANDOVER)


def test_of_two_who_settle_at_the_same_time_one_has_settled(careful):
    case = lost(careful)
    text = pem(issued(case))
    path = f"/operations/{case.operation['id']}"
    tag = careful.staff("manager").get(path).headers["ETag"]
    bodies = [{"outcome": "issued", "evidence": EVIDENCE, "certificate": text}, {"outcome": "not_issued", "evidence": EVIDENCE}] * 2
    clients = [careful.open("staff", "manager") for _ in bodies]
    try:
        with concurrent.futures.ThreadPoolExecutor(len(bodies)) as threads:
            answers = list(threads.map(lambda client, body: client.post(path + "/settlement", body, tag=tag, expect=(200, 409, 412)), clients, bodies))
    finally:
        for client in clients:
            client.close()
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(200) == 1
    won = bodies[statuses.index(200)]["outcome"]
    assert case.read()["state"] == {"issued": "awaiting_handover", "not_issued": "awaiting_production"}[won]


@pytest.mark.parametrize("step", EXPECTED.apart["settleOperation"])
def test_who_has_a_hand_in_the_case_does_not_settle_it(careful, step):
    role = {"entry": "entry_officer", "review": "review_officer", "production": "issuing_officer"}[step]
    person = careful.person("manager", role)
    case = careful.case("awaiting_entry")
    for name, act in (("entry", case.enter), ("review", case.review), ("production", case.draw)):
        act(person) if name == step else act()
    lost(careful, case=case)
    text = pem(issued(case))
    for outcome, more in (("issued", {"text": text}), ("not_issued", {})):
        body = refused(settle(case, outcome, who=person, expect=403, **more), 403, "separation-of-duty")
        assert body["detail"]
    settle(case, "issued", text=text)
    assert case.read()["state"] == "awaiting_handover"


def test_a_certificate_whose_confirmation_was_lost_is_settled_as_standing(careful):
    case = careful.case("coded")
    careful.stack.ca.knobs(mode="no_confirm", body="certConf", count=1)
    try:
        case.ask()
        follow_attempt(case, "issued")
    finally:
        careful.stack.ca.reset()
    refused(settle(case, "not_issued", expect=409), 409, "operation-not-unknown")
    assert settle(case, "confirmed").json()["status"] == "succeeded"
    assert job_of(case) == "done"
    assert careful.sql(f"SELECT confirmed_at IS NOT NULL FROM ca_attempts WHERE {of(case)}") == [["1"]]
    refused(settle(case, "confirmed", expect=409), 409, "operation-not-unknown")
    assert case.read()["state"] == "awaiting_handover"


# Acts at the CA.

SUSPENDS = {"suspend": "suspended", "resume": "valid", "revoke": "revoked"}


def stopped(ra, business, done, old=None):
    """An act that waits for a person: the CA has done it and nobody heard, or has not and says no when asked again."""
    old = old or ra.case("completed")
    if business == "resume":
        Act(ra, "suspend", old).run()
        if "CRL_SECONDS" in ra.stack.settings:  # a hold that no list ever showed would be a disagreement when it ends
            until(lambda: ra.sql(f"SELECT status FROM ca_marks WHERE certificate_id = UNHEX(REPLACE('{old.certificate['id']}', '-', ''))"), [["held"]])
    act = Act(ra, business, old)
    act.submit()
    act.accept()
    act.enter()
    ra.stack.ca.knobs(body="rr", mode="silent" if done else "http500", count=1)
    ra.stack.ca.knobs(body="", mode="reject", count=1)
    try:
        act.review()
        return follow_attempt(act)
    finally:
        ra.stack.ca.reset()


def before(business):
    return "suspended" if business == "resume" else "valid"


@pytest.mark.parametrize("business", SUSPENDS)
def test_an_act_that_the_ca_has_done_goes_on(careful, business):
    act = stopped(careful, business, True)
    assert act.read()["state"] == "in_execution"
    refused(settle(act, "not_issued", expect=422), 422, "body-invalid", ("/outcome", "not-in-list"))
    operation = settle(act, "done").json()
    assert (operation["status"], operation["reason"]) == ("succeeded", {"outcome": "settled", "text": EVIDENCE})
    assert certificate(careful, act.old)["status"] == SUSPENDS[business]
    last = act.history()[-1]
    assert (last["step"], last["outcome"], last["reason"]) == ("made", "settled", EVIDENCE)
    assert ("person", manager(careful)) in audited(act, "certificate_status_changed", act.old.certificate["id"])
    assert job_of(act) == "done"
    refused(settle(act, "not_done", expect=409), 409, "operation-not-unknown")
    act.read()
    if business != "revoke":
        act.step("acceptor", "registration", REGISTRATION)
    act.step("archivist", "archive", ARCHIVE)
    act.step("acceptor", "completion", COMPLETION)


@pytest.mark.parametrize("business", SUSPENDS)
def test_an_act_that_the_ca_has_not_done_goes_back_to_the_review(careful, business):
    act = stopped(careful, business, False)
    operation = settle(act, "not_done").json()
    assert (operation["status"], operation["reason"]["outcome"]) == ("failed", "settled")
    assert act.read()["state"] == "awaiting_review"
    assert act.history()[-1]["reason"] == EVIDENCE
    assert certificate(careful, act.old)["status"] == before(business)
    act.review()
    wait_for_status(careful, act.old, SUSPENDS[business])


def test_who_reviewed_an_act_does_not_settle_it(careful):
    reviewer = careful.person("manager", "review_officer")
    act = Act(careful, "suspend", careful.case("completed"))
    act.submit()
    act.accept()
    act.enter()
    careful.stack.ca.knobs(body="rr", mode="http500", count=1)
    careful.stack.ca.knobs(body="", mode="reject", count=1)
    try:
        act.review(reviewer)
        follow_attempt(act)
    finally:
        careful.stack.ca.reset()
    refused(settle(act, "not_done", who=reviewer, expect=403), 403, "separation-of-duty")
    settle(act, "not_done")


def test_the_end_of_a_replaced_certificate_that_was_not_done_is_asked_for_again(careful):
    """Nobody decided it for itself, so there is no review to go back to."""
    old = careful.case("completed")
    act = Act(careful, "reissue_damaged", old)
    act.submit()
    act.accept()
    act.enter()
    act.review()
    act.draw()
    careful.stack.ca.knobs(body="rr", mode="http500", count=-1)
    where = f"t.kind = 'revoke' AND t.{of(act)}"
    job = f"FROM outbox_jobs j JOIN ca_attempts t ON t.job_id = j.id WHERE {where} AND t.state = 'unknown' AND j.lease_until IS NULL"
    try:
        act.produce()
        until(lambda: careful.sql(f"SELECT COUNT(*) {job} AND j.attempts > 0"), [["1"]])
        # Between two tries, for as long as the manager needs.
        until(lambda: careful.sql("UPDATE outbox_jobs j JOIN ca_attempts t ON t.job_id = j.id SET j.next_run = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR"
                                  f" WHERE {where} AND t.state = 'unknown' AND j.lease_until IS NULL; SELECT COUNT(*) {job} AND j.next_run > UTC_TIMESTAMP() + INTERVAL 30 MINUTE"),
              [["1"]])
    finally:
        careful.stack.ca.reset()
    hexed = careful.sql(f"SELECT LOWER(HEX(t.id)) FROM ca_attempts t WHERE {where}")[0][0]
    act.operation = {"id": "-".join((hexed[:8], hexed[8:12], hexed[12:16], hexed[16:20], hexed[20:]))}
    assert settle(act, "not_done").json()["status"] == "pending"
    wait_for_status(careful, old, "revoked")
    assert [line["result"] for line in ledger(careful, "revocation", old.certificate["serial"])] == ["done"]


# What the CA publishes is believed before a person.

def outcome_of(act, outcome):
    answer = settle(act, outcome, expect=(200, 409))
    return (answer.status_code, answer.json().get("code"))


def publish_another(ra, act):
    """The CA makes a list when something has happened; lists have whole seconds."""
    until(lambda: ra.sql(f"SELECT MAX(created_at) < UTC_TIMESTAMP() FROM ca_attempts WHERE {of(act)}"), [["1"]])
    Act(ra, "suspend", ra.case("completed")).run()


@pytest.mark.log("RA0463|RA0464")  # the list and the record differ until it is settled
@pytest.mark.parametrize("business", SUSPENDS)
def test_what_the_list_shows_as_done_cannot_be_settled_as_not_done(listed, business):
    act = stopped(listed, business, True)
    publish_another(listed, act)
    until(lambda: outcome_of(act, "not_done"), (409, "crl-contradicts"))
    body = settle(act, "not_done", expect=409).json()
    assert "{" not in body["detail"]
    settle(act, "done")
    assert certificate(listed, act.old)["status"] == SUSPENDS[business]


@pytest.mark.parametrize("business", ["resume", "revoke"])
def test_what_no_list_shows_cannot_be_settled_as_done(listed, business):
    act = stopped(listed, business, False)
    assert outcome_of(act, "done") == (409, "crl-too-old")
    publish_another(listed, act)
    until(lambda: outcome_of(act, "done"), (409, "crl-contradicts"))
    settle(act, "not_done")
    assert act.read()["state"] == "awaiting_review"
    assert certificate(listed, act.old)["status"] == before(business)
