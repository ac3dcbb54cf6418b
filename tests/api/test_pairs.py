"""Dual certificates (domain.md §18.10, §18.13): a certificate for signing and one for encryption by one application, whose key is made here."""
import hashlib
import time

import pytest
from acts import Act, ledger
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID
from harness import samples
from pairs import DER, SPKI, certificates, der_of, fetch, key_row, made, of_the_ca, opened, pair, to_coded, wait_for
from support import HANDOVER, entry, refused

# The right way.

@pytest.mark.parametrize("algorithm", ["ec_p256", "rsa"])
@pytest.mark.parametrize("kind", ["organisation", "person"])
def test_one_application_yields_two_certificates_and_the_key_opens_with_the_signing_key(ra, kind, algorithm):
    case = made(ra, kind=kind, algorithm=algorithm)
    both = certificates(case)
    assert set(both) == {"signing", "encryption"}
    assert case.application["certificate_id"] == both["signing"]["id"]
    signing, encryption = (x509.load_der_x509_certificate(der_of(case, usage)) for usage in ("signing", "encryption"))
    assert signing.public_key().public_bytes(DER, SPKI) == case.key.public_key().public_bytes(DER, SPKI)
    assert encryption.public_key().public_bytes(DER, SPKI) != case.key.public_key().public_bytes(DER, SPKI)
    assert signing.subject == encryption.subject
    usages = [one.extensions.get_extension_for_oid(ExtensionOID.KEY_USAGE).value for one in (signing, encryption)]
    assert usages[0].digital_signature and not usages[0].key_encipherment
    assert usages[1].key_encipherment and not usages[1].digital_signature
    answer = fetch(case).json()
    private = opened(case, answer["enveloped_data"])
    assert private.public_key().public_bytes(DER, SPKI) == encryption.public_key().public_bytes(DER, SPKI)
    assert answer["spki_sha256"] == hashlib.sha256(encryption.public_key().public_bytes(DER, SPKI)).hexdigest()
    assert (answer["certificate_id"], answer["signing_certificate_id"]) == (both["encryption"]["id"], both["signing"]["id"])
    assert opened(case, answer["enveloped_data"], samples.key(algorithm)) is None
    case.to("completed")
    assert len(of_the_ca(case)) == 2


def test_encryption_is_asked_for_only_after_the_signing_certificate_is_stored_and_confirmed(ra):
    case = made(ra)
    assert [row["step"] for row in case.history()][-3:] == ["production", "half_made", "made"]
    first, second = sorted(of_the_ca(case), key=lambda line: line["seq"])
    assert first["spki_sha256"] == certificates(case)["signing"]["spki_sha256"]
    stored = ra.sql(f"SELECT created_at FROM certificates WHERE serial = '{first['serial']}'")[0][0].replace(" ", "T")
    assert stored < second["at"]
    confirmed = [line["serial"] for line in ra.stack.ca.ledger() if line["kind"] == "confirm" and line["accepted"]]
    end = time.monotonic() + 90
    while not {first["serial"], second["serial"]} <= set(confirmed) and time.monotonic() < end:
        confirmed = [line["serial"] for line in ra.stack.ca.ledger() if line["kind"] == "confirm" and line["accepted"]]
    assert {first["serial"], second["serial"]} <= set(confirmed)


def test_reviewer_approves_both_profiles(ra):
    case = pair(ra, "awaiting_review")
    snapshot = case.application["snapshot"]
    assert snapshot["usage"] == "pair" and "digitalSignature" in snapshot["key_usage"]
    assert snapshot["encryption"]["profile"] == "subscriber-encryption" and "keyEncipherment" in snapshot["encryption"]["key_usage"]


def test_public_query_shows_both(ra):
    case = made(ra, "completed")
    items = ra.internal.get("/certificate-status", params={"subject": case.name}).json()["items"]
    assert sorted((one["usage"], one["status"]) for one in items) == [("encryption", "valid"), ("signing", "valid")]


# The key.

def test_key_is_sealed_until_the_handover_erases_it(ra):
    case = made(ra)
    row, sealed = key_row(case)
    assert row == {"sealed": 1, "fetches": 0, "erased": 0}
    mark = ra.stack.httpd.error_log.mark()
    private = opened(case, fetch(case).json()["enveloped_data"])
    plain = private.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    assert plain.hex().upper() not in sealed and plain[-40:].hex().upper() not in sealed
    log = " ".join(record["message"] for record in ra.stack.httpd.error_log.since(mark))
    assert plain.hex() not in log and "BEGIN" not in log
    assert key_row(case)[0]["fetches"] == 1
    case.read()
    case.hand_over()
    assert key_row(case)[0] == {"sealed": 0, "fetches": 1, "erased": 1}
    refused(fetch(case, expect=409), 409, "encryption-key-absent")


def test_handover_waits_until_the_key_is_fetched(ra):
    case = made(ra)
    case.refuse("issuing_officer", "handover", HANDOVER, 409, "encryption-key-not-fetched")
    case.demand_free("issuing_officer", "handover", begins_with="encryption_key")
    fetch(case)
    case.demand_free("issuing_officer", "handover")
    case.hand_over()


def test_lost_answer_loses_no_key_and_every_fetch_is_audited(ra):
    case = made(ra)
    one, two = (opened(case, fetch(case).json()["enveloped_data"]) for _ in range(2))
    assert one.private_numbers() == two.private_numbers()
    rows = ra.sql(f"SELECT actor_name FROM audit_events WHERE event = 'fetchEncryptionKey' AND outcome = 'done' AND object_id = UNHEX(REPLACE('{case.id}', '-', ''))")
    assert len(rows) == 2


def test_key_is_for_the_issuing_officer_and_the_business_system_of_the_case(ra):
    case = made(ra)
    for role in ("acceptor", "entry_officer", "review_officer", "archivist", "administrator", "auditor"):
        refused(fetch(case, role, expect=403), 403, "access-denied")
    stranger = ra.business_system("applications.produce")
    refused(fetch(case, ra.system(stranger), expect=404), 404, "not-found")
    assert opened(case, fetch(case, ra.system()).json()["enveloped_data"])
    elsewhere = ra.person("issuing_officer", office_id=ra.office("140200"), province_wide=False)
    refused(fetch(case, elsewhere, expect=404), 404, "not-found")


def test_single_certificates_have_no_key_to_fetch(ra):
    case = ra.case("awaiting_handover")
    refused(fetch(case, expect=409), 409, "encryption-key-absent")
    refused(fetch(pair(ra), expect=409), 409, "encryption-key-absent")
    case.read()
    case.hand_over()


# What is not offered.

def test_no_pair_for_a_server(ra):
    form = ra.case(kind="server", usage="pair").form
    refused(ra.system().post("/applications", form, expect=422), 422, "pair-not-offered", ("/usage", "pair-kind"))


def test_no_pair_with_an_sm2_key(ra):
    case = ra.case(usage="pair").to("awaiting_entry")
    case.refuse("entry_officer", "entry", entry(case, key_algorithms=["ec_p256", "sm2"]), 422, "pair-not-offered",
                ("/certificate/key_algorithms", "pair-algorithm"))
    case.step("entry_officer", "entry", entry(case, key_algorithms=["ec_p256"]))
    case.to("coded")
    case.key = samples.key("sm2")
    case.refuse("issuing_officer", "production", case.production(), 422, "key-not-allowed", ("/csr", "key-kind"))


# Failures between the two.

@pytest.fixture
def half(ra):
    """A pair whose signing certificate is made, and whose encryption certificate the CA has refused."""
    case = pair(ra)
    try:
        spoil_second(ra, case)
    finally:
        ra.stack.ca.reset()
    wait_for(case, "awaiting_production")
    case.codes = None
    return case


def second_meets(ra, body, **knob):
    """The first message of a type is answered well, the next one meets the knob: each is taken by the first knob that is for it and not used up."""
    ra.stack.ca.knobs(mode="late", ms=1, body=body, count=1)
    ra.stack.ca.knobs(**knob)


def spoil_second(ra, case):
    """The CA refuses what comes after the first."""
    second_meets(ra, "cr", mode="reject", count=-1)
    case.ask(headers={"Prefer": "respond-async, wait=0"})
    wait_for(case, "awaiting_production")


@pytest.mark.log("RA0411")
def test_refused_encryption_leaves_the_signing_certificate_and_is_asked_for_again(ra, half):
    assert set(certificates(half)) == {"signing"} and len(of_the_ca(half)) == 1
    steps = [(row["step"], row["outcome"]) for row in half.history()][-3:]
    assert steps == [("production", "requested"), ("half_made", "issued"), ("not_made", "rejected")]
    half.refuse("acceptor", "withdrawal", {"reason": "订户放弃"}, 409, "pair-half-made")
    half.draw()
    mine, half.key = half.key, samples.key()
    half.refuse("issuing_officer", "production", half.production(), 422, "key-not-allowed", ("/csr", "pair-other-key"))
    half.key = mine
    half.ask()
    wait_for(half, "awaiting_handover")
    both = certificates(half)
    assert set(both) == {"signing", "encryption"} and len(of_the_ca(half)) == 2
    half.certificate = both["signing"]
    assert opened(half, fetch(half).json()["enveloped_data"])
    half.to("completed")


@pytest.mark.log("RA0411")
def test_half_made_pair_is_given_up_by_revoking_its_signing_certificate(ra, half):
    half.certificate = certificates(half)["signing"]
    half.draw()
    half.demand_free("issuing_officer", "production")
    Act(ra, "revoke", half).run()
    half.refuse("issuing_officer", "production", half.production(), 409, "certificate-state")
    half.refuse("issuing_officer", "codes", {}, 409, "certificate-state")
    half.demand_blocked("issuing_officer", "production", "certificate-state")
    half.demand_blocked(ra.system(), "production", "certificate-state")
    half.withdraw()
    assert half.state == "withdrawn"
    assert key_row(half)[0]["erased"] == 1


@pytest.mark.log("RA0411")
def test_wrong_encryption_certificate_is_not_taken(ra):
    case = pair(ra)
    second_meets(ra, "cr", mode="wrong_subject", count=1)
    try:
        case.ask(headers={"Prefer": "respond-async, wait=0"})
        wait_for(case, "awaiting_production")
    finally:
        ra.stack.ca.reset()
    assert set(certificates(case)) == {"signing"}
    assert case.history()[-1]["outcome"] == "refused"


@pytest.mark.log("RA041")
def test_lost_answers_make_no_third_certificate(ra):
    case = pair(ra)
    ra.stack.ca.knobs(mode="silent", body="cr", count=1)
    case.ask(expect=(201, 202))
    wait_for(case, "awaiting_handover", 90)
    assert len(of_the_ca(case)) == 2
    second = pair(ra)
    ra.stack.ca.knobs(mode="silent", body="cr", count=2)
    second.ask(expect=(201, 202))
    wait_for(second, "awaiting_handover", 90)
    ra.stack.ca.reset()
    assert len(of_the_ca(second)) == 2


@pytest.mark.log("RA041")
def test_ca_that_goes_away_between_the_two_is_asked_when_it_is_back(ra):
    case = pair(ra)
    ra.stack.ca.knobs(mode="late", ms=1500, body="cr", count=1)
    case.ask(headers={"Prefer": "respond-async, wait=0"})
    end = time.monotonic() + 90
    while case.read()["certificate_id" if "certificate_id" in case.application else "id"] == case.id and time.monotonic() < end:
        time.sleep(0.02)
    ra.stack.ca.stop()
    ra.stack.ca.start()
    wait_for(case, "awaiting_handover", 90)
    assert len(of_the_ca(case)) == 2


# Acts on a pair.

def test_acts_are_about_both(ra):
    case = made(ra, "completed")
    both = certificates(case)
    for business, status, reason in (("suspend", "suspended", 6), ("resume", "valid", 8), ("revoke", "revoked", 5)):
        Act(ra, business, case).run()
        assert {one["status"] for one in certificates(case).values()} == {status}
        for one in both.values():
            assert ledger(ra, "revocation", one["serial"])[-1]["reason"] == reason


def test_acts_go_by_the_signing_certificate(ra):
    case = made(ra, "completed")
    case.certificate = certificates(case)["encryption"]
    refused(ra.staff("acceptor").post("/applications", Act(ra, "revoke", case).form, expect=422), 422, "certificate-needed",
            ("/certificate_id", "pair-signing-certificate"))


@pytest.mark.log("RA0421")
def test_act_that_the_ca_refuses_for_the_second_goes_back_to_the_reviewer_and_is_finished(ra):
    case = made(ra, "completed")
    act = Act(ra, "suspend", case)
    act.submit()
    act.accept()
    act.enter()
    second_meets(ra, "rr", mode="reject", count=-1)
    try:
        act.review()
        act.wait("awaiting_review")
    finally:
        ra.stack.ca.reset()
    assert {usage: one["status"] for usage, one in certificates(case).items()} == {"signing": "suspended", "encryption": "valid"}
    act.review()
    act.wait("awaiting_registration")
    assert {one["status"] for one in certificates(case).values()} == {"suspended"}
    done = [[line for line in ledger(ra, "revocation", one["serial"]) if line["result"] == "done"] for one in certificates(case).values()]
    assert [len(of_one) for of_one in done] == [1, 1], done


@pytest.mark.parametrize("business, reason", [("reissue_lost", 1), ("reissue_damaged", 4)])
def test_reissue_replaces_both(ra, business, reason):
    old = made(ra, "completed")
    act = Act(ra, business, old)
    to_coded(act)
    act.ask()
    wait_for(act, "awaiting_handover")
    new = certificates(act)
    assert set(new) == {"signing", "encryption"}
    act.certificate = new["signing"]
    assert opened(act, fetch(act).json()["enveloped_data"])
    end = time.monotonic() + 90
    while {one["status"] for one in certificates(old).values()} != {"revoked"}:
        assert time.monotonic() < end
        time.sleep(0.05)
    for one in certificates(old).values():
        assert [line["reason"] for line in ledger(ra, "revocation", one["serial"])] == [reason]


@pytest.fixture
def clocked(ra):
    """A suspended pair, both of whose suspensions have outlasted their six months."""
    case = made(ra, "completed")
    Act(ra, "suspend", case).run()
    names = ", ".join(f"UNHEX(REPLACE('{one['id']}', '-', ''))" for one in certificates(case).values())
    ra.sql(f"UPDATE certificates SET suspended_at = UTC_TIMESTAMP(6) - INTERVAL 7 MONTH WHERE id IN ({names})")
    return case


def test_the_clock_releases_both_by_one_application(ra, clocked):
    end = time.monotonic() + 90
    while {one["status"] for one in certificates(clocked).values()} != {"valid"}:
        assert time.monotonic() < end, certificates(clocked)
        time.sleep(0.1)
    both = ", ".join(f"UNHEX(REPLACE('{one['id']}', '-', ''))" for one in certificates(clocked).values())
    assert ra.sql(f"SELECT COUNT(*) FROM applications WHERE business = 'release' AND target_certificate_id IN ({both})") == [["1"]]
    for one in certificates(clocked).values():
        assert [line["reason"] for line in ledger(ra, "revocation", one["serial"])] == [6, 8]
