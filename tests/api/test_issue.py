"""The whole business `issue` (domain.md §3) for each kind of certificate, from submission to the task completion record."""
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtensionOID, NameOID

KINDS = ("organisation", "person", "server")
# What the public sees before each step (§9): the source's word and ours.
STAGES = {
    "awaiting_agency": None, "awaiting_acceptance": None, "awaiting_entry": None, "awaiting_review": None,
    "awaiting_production": ("pending", "新申请"), "coded": ("pending", "新申请"), "awaiting_handover": ("valid", "证书使用中"),
    "awaiting_archive": ("valid", "证书使用中"), "awaiting_completion": ("valid", "证书使用中"), "completed": ("valid", "证书使用中"),
}
HISTORY = [
    ("submission", "done", "awaiting_agency"), ("agency_decision", "done", "awaiting_acceptance"), ("acceptance", "done", "awaiting_entry"),
    ("entry", "done", "awaiting_review"), ("review", "done", "awaiting_production"), ("codes", "done", "awaiting_production"),
    ("production", "requested", "in_production"), ("made", "issued", "awaiting_handover"), ("handover", "done", "awaiting_archive"),
    ("archive", "done", "awaiting_completion"), ("completion", "done", "completed"),
]


@pytest.fixture(scope="module", params=KINDS)
def done(ra, request):
    """A completed case of each kind."""
    return ra.case("completed", kind=request.param)


def download(ra, case, media):
    answer = ra.staff("issuing_officer").get(f"/certificates/{case.certificate['id']}", headers={"Accept": media})
    assert answer.headers["Content-Type"] == media
    return answer.content


def test_each_stage_shows_its_word_to_the_public(ra):
    case = ra.case()
    for state, word in STAGES.items():
        case.to(state)
        items = ra.internal.get("/certificate-status", params={"subject": case.name}).json()["items"]  # not through the cache
        assert [(one["status"], one["source_status"]) for one in items] == ([word] if word else []), state


def test_history_tells_every_step_and_who_did_it(ra, done):
    items = done.history()
    assert [(one["step"], one["outcome"], one["state_after"]) for one in items] == HISTORY
    assert [one["seq"] for one in items] == list(range(1, len(items) + 1))
    assert [one["state_before"] for one in items[1:]] == [one["state_after"] for one in items[:-1]]
    people = ra.ids["people"]
    by_step = {one["step"]: one["actor"] for one in items}
    assert by_step["submission"] == {"id": ra.ids["system"], "name": "社保网上申报系统", "kind": "system"}
    for step, role in (("agency_decision", "agency"), ("acceptance", "acceptor"), ("entry", "entry_officer"), ("review", "review_officer"),
                       ("codes", "issuing_officer"), ("production", "issuing_officer"), ("archive", "archivist")):
        assert by_step[step]["id"] == people[role], step


def test_completed_application_offers_nothing_more(done):
    assert done.application["next_steps"] == []
    assert set(done.application["steps"]) == {"agency_decision", "acceptance", "entry", "review", "codes", "production", "handover",
                                              "archive",
                                              "completion"}


def test_next_steps_are_those_of_the_caller(ra):
    case = ra.case("awaiting_acceptance")
    assert set(case.read("acceptor")["next_steps"]) == {"acceptance", "edit", "withdrawal"}
    assert case.read("review_officer")["next_steps"] == []
    assert set(case.read("entry_officer")["next_steps"]) >= {"edit"}


def test_certificate_is_the_same_in_each_representation(ra, done):
    from_pem = x509.load_pem_x509_certificate(download(ra, done, "application/x-pem-file"))
    from_der = x509.load_der_x509_certificate(download(ra, done, "application/pkix-cert"))
    assert from_pem == from_der
    assert int(done.certificate["serial"], 16) == from_der.serial_number
    assert done.certificate["status"] == "valid"
    assert done.certificate["application_id"] == done.id
    assert from_der.not_valid_after.strftime("%Y-%m-%dT%H:%M:%S") == done.certificate["not_after"][:19]


def test_certificate_holds_what_was_approved_and_the_subscribers_key(ra, done):
    made = x509.load_der_x509_certificate(download(ra, done, "application/pkix-cert"))
    spki = [key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
            for key in (made.public_key(), done.key.public_key())]
    assert spki[0] == spki[1]
    assert made.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == done.name
    assert made.subject.get_attributes_for_oid(NameOID.LOCALITY_NAME)[0].value == "太原市"
    assert 364 <= (made.not_valid_after - made.not_valid_before).days <= 367
    names = [one for one in made.extensions if one.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME]
    assert [one.value.get_values_for_type(x509.DNSName) for one in names] == ([[done.name]] if done.kind == "server" else [])
    assert not made.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_chain_verifies_with_openssl(ra, done):
    text = download(ra, done, "application/x-pem-file")
    checked = subprocess.run(["openssl", "verify", "-CAfile", str(ra.stack.ca_chain)], input=text, capture_output=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_ca_issued_exactly_one_certificate_and_got_its_confirmation(ra, done):
    serial = done.certificate["serial"]
    ledger = [line for line in ra.stack.ca.ledger() if line.get("serial", "").upper().lstrip("0") == serial.lstrip("0")]
    assert [line["kind"] for line in ledger] == ["certificate", "confirm"]
    assert ledger[1]["accepted"] is True
    same_name = [line for line in ra.stack.ca.ledger() if line["kind"] == "certificate" and done.name in line["subject"]]
    assert len(same_name) == 1


def test_business_system_may_produce_what_people_reviewed(ra):
    case = ra.case("coded")
    case.ask(ra.system())
    case.follow("succeeded")
    assert case.read()["state"] == "awaiting_handover"
    assert case.application["steps"]["production"]["by"]["id"] == ra.ids["system"]


def test_encryption_certificate_beside_the_signing_one(ra):
    first = ra.case("awaiting_acceptance")
    second = ra.case(usage="encryption", subject_name=first.name, subscriber=first.form["subscriber"])
    second.to("awaiting_handover")
    assert second.certificate["usage"] == "encryption"
