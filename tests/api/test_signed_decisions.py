"""Reviews signed by the officer's own certificate: stock `openssl cms` makes and checks the signatures (design §10)."""
import base64
import json
import subprocess

import pytest
from cryptography import x509
from harness import pki
from support import REJECTION, refused

SIGN = ["openssl", "cms", "-sign", "-binary", "-md", "sha256", "-cades", "-outform", "PEM"]


def run(words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, **options)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture
def sign(tmp_path):
    """Signs bytes with an identity. @return PEM"""
    def make(content, identity, *options, words=SIGN):
        (tmp_path / "statement").write_bytes(content)
        return run([*words, "-in", tmp_path / "statement", "-signer", identity.certificate, "-inkey", identity.key, *options]).decode()

    return make


@pytest.fixture(scope="module")
def strict(make_ra):
    return make_ra("signed-required", EXTRA_GLOBAL="RASignedDecisions required")


def own(ra, role="review_officer"):
    return ra.stack.identity(role)


def statement(case, decision="approve", who="review_officer"):
    client = who if hasattr(who, "call") else case.ra.staff(who)
    answer = client.get(f"{case.path}/review-statement?decision={decision}")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    return answer.content


def body(signature=None, decision="approve"):
    made = {"decision": "approve"} if decision == "approve" else dict(REJECTION)
    return {**made, "signature": signature} if signature else made


def evidence(case):
    return case.ra.staff("auditor").get(f"{case.path}/decision-signatures").json()["items"]


# The right way.

@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_signed_decision_is_kept_as_evidence_that_openssl_verifies(ra, sign, tmp_path, decision):
    case = ra.case("awaiting_review")
    content = statement(case, decision)
    told = json.loads(content)
    assert told["application_id"] == case.id and told["decision"] == decision and f'"{told["version"]}.json"' == case.tag
    assert told["snapshot"] == case.application["snapshot"] and told["snapshot_sha256"] == case.application["snapshot_sha256"]
    case.step("review_officer", "review", body(sign(content, own(ra)), decision))
    (item,) = evidence(case)
    assert item["statement"].encode() == content and item["decision"] == decision and item["certificate_sha256"] == own(ra).sha256
    assert item["signed_by"]["id"] == ra.ids["people"]["review_officer"]
    for name in ("statement", "signature"):
        (tmp_path / name).write_bytes(item[name].encode())
    run(["openssl", "cms", "-verify", "-binary", "-cades", "-inform", "PEM", "-in", tmp_path / "signature", "-content", tmp_path / "statement",
         "-CAfile", ra.stack.pki.trust_file, "-purpose", "any", "-out", "/dev/null"])


def test_record_history_and_sealed_audit_name_the_signature(ra, sign):
    case = ra.case("awaiting_review")
    case.step("review_officer", "review", body(sign(statement(case), own(ra))))
    (item,) = evidence(case)
    named = {name: item[name] for name in ("statement_sha256", "signature_sha256", "certificate_sha256")}
    assert case.application["steps"]["review"]["signature"] == named
    assert next(row for row in case.history() if row["step"] == "review")["changes"] == named
    rows = ra.sql("SELECT detail FROM audit_events WHERE event = 'reviewApplication' AND object_id = UNHEX(REPLACE('%s', '-', ''))" % case.id)
    assert json.loads(rows[0][0])["signature"] == named


def test_base64_of_der_and_rsa_serve_too(ra, sign, tmp_path):
    officer = ra.person("review_officer")
    rsa = run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])
    (tmp_path / "rsa.key").write_bytes(rsa)
    identity = signed_identity(ra, tmp_path, "rsa")
    ra.administrator.step(f"/people/{officer.id}", "certificates", {"certificate": identity.pem}, expect=(200, 201))
    case = ra.case("awaiting_review")
    der = base64.b64decode("".join(sign(statement(case, who=ra.staff(officer)), identity).splitlines()[1:-1]))
    case.step(ra.staff(officer), "review", body(base64.b64encode(der).decode()))
    assert evidence(case)[0]["certificate_sha256"] == identity.sha256


def signed_identity(ra, folder, name, subject="签名证书"):
    """A certificate of the staff CA for a key that exists already."""
    from cryptography.hazmat.primitives import hashes, serialization
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    staff = ra.stack.pki.staff
    certificate = (x509.CertificateBuilder().subject_name(pki.make_name(subject)).issuer_name(staff.certificate.subject).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(pki.now() - pki.DAY).not_valid_after(pki.now() + 30 * pki.DAY)
                   .sign(staff.key, hashes.SHA256()))
    (folder / f"{name}.crt").write_bytes(pki.pem(certificate))
    return pki.Identity(name, folder / f"{name}.crt", folder / f"{name}.key")


# What is refused.

def test_signature_of_another_person_is_refused(ra, sign):
    case = ra.case("awaiting_review")
    other = ra.person("review_officer")
    case.refuse("review_officer", "review", body(sign(statement(case), other.identity)), 403, "decision-signature-person", ("/signature", "not-allowed"))


def test_certificate_that_is_nobodys_is_refused(ra, sign):
    case = ra.case("awaiting_review")
    case.refuse("review_officer", "review", body(sign(statement(case), ra.identity())), 403, "decision-signature-certificate")


@pytest.mark.parametrize("change", ["disabled_at = UTC_TIMESTAMP(6)", "not_after = UTC_TIMESTAMP(6) - INTERVAL 1 DAY", "not_before = UTC_TIMESTAMP(6) + INTERVAL 1 DAY"])
def test_disabled_or_expired_certificate_is_refused(ra, sign, tmp_path, change):
    officer = ra.person("review_officer")
    second = ra.identity()
    ra.administrator.step(f"/people/{officer.id}", "certificates", {"certificate": second.pem}, expect=(200, 201))
    ra.sql(f"UPDATE credentials SET {change} WHERE sha256 = UNHEX('{second.sha256}')")
    case = ra.case("awaiting_review")
    signature = sign(statement(case, who=ra.staff(officer)), second)
    case.refuse(ra.staff(officer), "review", body(signature), 403, "decision-signature-certificate")


def test_approval_serves_neither_as_rejection_nor_for_another_application(ra, sign):
    case, other = ra.case("awaiting_review"), ra.case("awaiting_review")
    approval = sign(statement(case), own(ra))
    case.refuse("review_officer", "review", body(approval, "reject"), 409, "decision-signature-mismatch", ("/signature", "not-as-applied"))
    other.refuse("review_officer", "review", body(approval), 409, "decision-signature-mismatch")
    case.step("review_officer", "review", body(approval))


def test_signature_over_an_earlier_version_is_refused(ra, sign):
    case = ra.case("awaiting_review")
    old = sign(statement(case), own(ra))
    case.step("review_officer", "review", dict(REJECTION))
    case.enter()
    case.refuse("review_officer", "review", body(old), 409, "decision-signature-mismatch")


def test_signature_that_was_used_is_refused(ra, sign):
    case = ra.case("awaiting_review")
    signature = sign(statement(case, "reject"), own(ra))
    case.step("review_officer", "review", body(signature, "reject"))
    case.enter()
    case.refuse("review_officer", "review", body(signature, "reject"), 409, "decision-signature-replayed", ("/signature", "taken"))


def test_other_content_is_refused(ra, sign):
    case = ra.case("awaiting_review")
    content = statement(case)
    for changed in (content + b"\n", content[:-1] + b" }", json.dumps(json.loads(content)).encode(), b"approve"):
        case.refuse("review_officer", "review", body(sign(changed, own(ra))), 409, "decision-signature-mismatch")


@pytest.mark.parametrize("options,words", [
    (["-nodetach"], SIGN), (["-nocerts"], SIGN), ([], [word if word != "sha256" else "sha1" for word in SIGN]),
], ids=["with its content", "without certificate", "SHA-1"])
def test_signature_of_another_form_is_refused(ra, sign, options, words):
    case = ra.case("awaiting_review")
    signature = sign(statement(case), own(ra), *options, words=words)
    case.refuse("review_officer", "review", body(signature), 422, "decision-signature-malformed", ("/signature", "malformed"))


def test_signature_without_the_certificate_in_its_attributes_is_refused(ra, sign):
    case = ra.case("awaiting_review")
    words = [word for word in SIGN if word != "-cades"]
    for options in ([], ["-noattr"]):
        case.refuse("review_officer", "review", body(sign(statement(case), own(ra), *options, words=words)), 422, "decision-signature-malformed")


def test_two_signers_are_refused(ra, sign):
    case = ra.case("awaiting_review")
    other = ra.identity()
    signature = sign(statement(case), own(ra), "-signer", other.certificate, "-inkey", other.key)
    case.refuse("review_officer", "review", body(signature), 422, "decision-signature-malformed")


@pytest.mark.parametrize("text", ["x", "MIIB", "-----BEGIN CMS-----\n-----END CMS-----\n", "A" * 24000], ids=["short", "cut", "empty PEM", "long"])
def test_what_is_no_signature_is_refused(ra, text):
    case = ra.case("awaiting_review")
    case.refuse("review_officer", "review", body(text), 422, "decision-signature-malformed")


def test_spoiled_signature_is_refused(ra, sign):
    case = ra.case("awaiting_review")
    der = bytearray(base64.b64decode("".join(sign(statement(case), own(ra)).splitlines()[1:-1])))
    der[-5] ^= 1
    answer = case.step("review_officer", "review", body(base64.b64encode(bytes(der)).decode()), expect=(409, 422))
    assert answer.json()["code"] in ("decision-signature-mismatch", "decision-signature-malformed")
    assert case.read()["state"] == "awaiting_review" and evidence(case) == []


# The setting, and who reads.

def test_required_signature_is_demanded_and_taken(strict, sign):
    assert strict.staff("review_officer").get("/me").json()["signed_reviews"] == "required"
    case = strict.case("awaiting_review")
    case.refuse("review_officer", "review", body(), 422, "decision-signature-missing", ("/signature", "required"))
    case.refuse("review_officer", "review", dict(REJECTION), 422, "decision-signature-missing")
    case.step("review_officer", "review", body(sign(statement(case), own(strict))))
    assert case.state == "awaiting_production"


def test_signature_is_never_passed_over_in_silence(make_ra, sign):
    off = make_ra("signed-off", EXTRA_GLOBAL="RASignedDecisions off")
    assert off.staff("review_officer").get("/me").json()["signed_reviews"] == "off"
    case = off.case("awaiting_review")
    case.refuse("review_officer", "review", body(sign(statement(case), own(off))), 422, "decision-signature-unexpected")
    case.step("review_officer", "review", body())


def test_statement_is_for_who_may_review_now(ra):
    case = ra.case("awaiting_entry")
    refused(ra.staff("review_officer").get(f"{case.path}/review-statement?decision=approve", expect=409), 409, "state-conflict")
    case.enter()
    refused(ra.staff("entry_officer").get(f"{case.path}/review-statement?decision=approve", expect=403), 403, "access-denied")
    both = ra.person("entry_officer", "review_officer")
    mine = ra.case("awaiting_entry")
    mine.enter(ra.staff(both))
    refused(ra.staff(both).get(f"{mine.path}/review-statement?decision=approve", expect=403), 403, "separation-of-duty")
