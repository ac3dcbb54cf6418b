"""The certificate checker: each way in which a certificate cannot log in, in words with the fault code, and nothing about its holder."""
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.pki import DAY, SERVER, Authority, make_name, now
from support import refused, unique

DER = "application/pkix-cert"
PEM = "application/x-pem-file"


def der(pem):
    return x509.load_pem_x509_certificate(pem.encode()).public_bytes(serialization.Encoding.DER)


def check(ra, content, media=DER, expect=200):
    return ra.public.call("POST", "/certificate-checks", content=content, headers={"Content-Type": media}, expect=expect)


def findings(ra, content, media=DER):
    answer = check(ra, content, media).json()
    assert answer["usable"] == (answer["findings"] == [])
    for one in answer["findings"]:
        assert all(one[texts][language] for texts in ("texts", "advice") for language in ("zh-CN", "en"))
    return {one["finding"]: one.get("fault", {}).get("code") for one in answer["findings"]}


def test_certificate_of_a_person_at_work_is_fine_in_each_form(ra):
    pem = ra.stack.identity("acceptor").pem
    padded = ("\n" + pem + "\n").encode()
    for content, media in ((der(pem), DER), (der(pem), "application/octet-stream"), (pem.encode(), PEM), (padded, PEM)):
        assert findings(ra, content, media) == {}


def test_expired_early_and_foreign_certificates_are_named_with_their_code(ra):
    expired = ra.identity(days=1, not_before=now() - 3 * DAY)
    early = ra.identity(not_before=now() + 3 * DAY)
    foreign = ra.identity(authority=Authority.make(unique("外来CA ")))
    assert findings(ra, der(expired.pem)) == {"expired": "-10101039", "unknown": "-10101042"}
    assert findings(ra, der(early.pem)) == {"not_yet_valid": None, "unknown": "-10101042"}
    assert findings(ra, der(foreign.pem)) == {"foreign_issuer": "-10101029", "unknown": "-10101042"}


def test_usage_that_no_browser_offers_is_named(ra):
    server, _ = ra.stack.pki.staff.issue(make_name(unique("server-")), SERVER)
    assert findings(ra, server.public_bytes(serialization.Encoding.DER)) == {"wrong_usage": "-10101011", "unknown": "-10101042"}
    authority = ra.stack.pki.staff.certificate.public_bytes(serialization.Encoding.DER)
    assert "wrong_usage" in findings(ra, authority)


def test_disabled_person_and_certificate_read_as_unknown(ra):
    person = ra.person("archivist")
    assert findings(ra, der(person.identity.pem)) == {}
    ra.administrator.step(f"/people/{person.id}", "disablement", {"reason": "离职"})
    assert findings(ra, der(person.identity.pem)) == {"unknown": "-10101042"}


@pytest.mark.parametrize("column,finding", [("suspended_at", "suspended"), ("revoked_at", "revoked")])
def test_status_of_an_issued_certificate_is_told(ra, column, finding):
    case = ra.case("awaiting_handover")
    content = ra.staff("auditor").get(f"/certificates/{case.certificate['id']}", headers={"Accept": DER}).content
    assert finding not in findings(ra, content)
    ra.sql(f"UPDATE certificates SET {column} = UTC_TIMESTAMP(6) WHERE id = UNHEX(REPLACE('{case.certificate['id']}', '-', ''))")
    assert finding in findings(ra, content)


def test_answer_says_what_the_file_says_and_nothing_else(ra):
    person = ra.person("marketing")
    answer = check(ra, der(person.identity.pem))
    said = x509.load_pem_x509_certificate(person.identity.pem.encode())
    assert set(answer.json()) == {"usable", "findings", "certificate"}
    assert set(answer.json()["certificate"]) == {"subject", "issuer", "serial", "not_before", "not_after", "sha256"}
    assert answer.json()["certificate"]["sha256"] == person.identity.sha256
    assert int(answer.json()["certificate"]["serial"], 16) == said.serial_number
    name, = ra.sql(f"SELECT name FROM principals WHERE id = UNHEX(REPLACE('{person.id}', '-', ''))")[0]
    assert name not in answer.text and person.id not in answer.text


@pytest.mark.parametrize("content", [b"x", b"0", b"0\x82", b"\x30\x03\x02\x01\x05",
                                     b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
                                     b"\x00" * 100, b"{}", b"0" * 70000, b"\xff" * 65537], ids=range(9))
def test_what_is_no_certificate_is_refused(ra, content):
    refused(check(ra, content, expect=422), 422, "certificate-unreadable")


def test_private_key_beside_the_certificate_is_refused(ra):
    """Whoever uploads a key by mistake is told so by a refusal; it goes nowhere."""
    identity = ra.stack.identity("acceptor")
    content = identity.pem.encode() + identity.key.read_bytes()
    refused(check(ra, content, PEM, expect=422), 422, "certificate-unreadable")
    logs = ra.stack.httpd.error_log.path.read_text("utf-8")
    assert "PRIVATE KEY" not in logs


def test_two_certificates_and_bytes_behind_one_are_refused(ra):
    pem = ra.stack.identity("acceptor").pem
    refused(check(ra, (pem + pem).encode(), PEM, expect=422), 422, "certificate-unreadable")
    refused(check(ra, der(pem) + b"\x00", expect=422), 422, "certificate-unreadable")


def test_empty_body_and_other_media_types_are_refused(ra):
    refused(check(ra, b"", expect=400), 400, "body-missing")
    refused(check(ra, b"{}", "application/json", expect=415), 415, "media-type")


def test_chinese_and_odd_names_come_back_readable(ra):
    key = ec.generate_private_key(ec.SECP256R1())
    name = make_name("王小明 <b>&")
    content = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(17)
               .not_valid_before(now() - DAY).not_valid_after(now() + datetime.timedelta(days=9)).sign(key, hashes.SHA256())
               .public_bytes(serialization.Encoding.DER))
    answer = check(ra, content).json()
    assert r"王小明 \<b\>&" in answer["certificate"]["subject"] and answer["certificate"]["serial"] == "11"
