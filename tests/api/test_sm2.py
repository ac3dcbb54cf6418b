"""SM2 keys of subscribers (domain.md §18.9): from application to certificate, under a P-256 CA and under one that signs with SM2 itself."""
import hashlib
import secrets

import pytest
from acts import Act, certificate, ledger, wait_for_status
from cmp_tool import Tool
from harness import samples, sm2
from harness.devca import RESPONDER
from support import entry

SPKI_SM2 = bytes.fromhex("2a811ccf5501822d")
SM2_POLICY = {"key_algorithms": ["sm2"]}


def sm2_case(ra, **policy):
    """A case whose codes are drawn, approved for SM2 keys."""
    case = ra.case("awaiting_entry")
    case.step("entry_officer", "entry", entry(case, **(policy or SM2_POLICY)))
    case.key = samples.key("sm2")
    return case.to("coded")


def download(ra, case, media):
    return ra.staff("issuing_officer").get(f"/certificates/{case.certificate['id']}", headers={"Accept": media}).content


@pytest.fixture(scope="module")
def under_sm2(make_ra):
    """An instance whose CA signs certificates with SM2; its CMP answers are signed by a responder."""
    return make_ra("sm2-ca", CA_KEY_TYPE="sm2", EXTRA_GLOBAL=f'RAUpstreamSender "{RESPONDER}"\nRARenewalWindow 3650')


@pytest.fixture(params=["P-256 CA", "SM2 CA"])
def any_ca(request, ra, under_sm2):
    return under_sm2 if request.param == "SM2 CA" else ra


def test_an_sm2_key_gets_its_certificate_and_the_ledger_agrees(any_ca):
    case = sm2_case(any_ca)
    case.to("completed")
    made, = ledger(any_ca, "certificate", case.certificate["serial"])
    digest = hashlib.sha256(case.key.spki).hexdigest()
    assert made["spki_sha256"] == digest == case.certificate["spki_sha256"]
    assert case.certificate["key_algorithm"] == "sm2"
    pem = download(any_ca, case, "application/x-pem-file")
    assert sm2.is_issued_by(pem, any_ca.stack.ca_chain)
    assert SPKI_SM2 in download(any_ca, case, "application/pkix-cert")


def test_each_ca_signs_with_its_own_algorithm(ra, under_sm2):
    for instance, algorithm in ((ra, b"ecdsa-with-SHA256"), (under_sm2, b"SM2-with-SM3")):
        case = sm2_case(instance)
        case.produce()
        with sm2.written(download(instance, case, "application/x-pem-file")) as path:
            text = sm2.openssl("x509", "-in", path, "-noout", "-text")
        assert b"Signature Algorithm: " + algorithm in text


def test_other_kinds_of_key_go_on_under_an_sm2_ca(under_sm2):
    case = under_sm2.case("coded")
    case.produce()
    assert case.certificate["key_algorithm"] == "ec_p256"
    assert sm2.is_issued_by(download(under_sm2, case, "application/x-pem-file"), under_sm2.stack.ca_chain)


def test_public_status_query_knows_it(ra):
    case = sm2_case(ra)
    case.to("completed")
    items = ra.public.get("/certificate-status", params={"subject": case.name}).json()["items"]
    assert [(one["status"], one["source_status"]) for one in items] == [("valid", "证书使用中")]


# What is refused.

@pytest.fixture(scope="module")
def coded(ra):
    return sm2_case(ra)


def signed_as(distid):
    return lambda key: key.csr("anything", distid)


def signed_by_another(key):
    """The proof of possession of another key."""
    mine, theirs = sm2.der_of(key.csr("x")), sm2.der_of(samples.key("sm2").csr("x"))
    return in_pem(mine[:-60] + theirs[-60:])


def in_pem(der):
    with sm2.written(der) as path:
        text = sm2.openssl("base64", "-in", path).decode()
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{text}-----END CERTIFICATE REQUEST-----\n"


def beside_the_curve(key):
    der, point = sm2.der_of(key.csr("x")), key.spki[-64:]
    return in_pem(der.replace(point, point[:-1] + bytes([point[-1] ^ 1])))


def as_ecdsa(key):
    return in_pem(sm2.der_of(key.csr("x")).replace(bytes.fromhex("06082a811ccf55018375"), bytes.fromhex("06082a8648ce3d040302")))


def p256_named_sm2(_):
    """A P-256 key under the name of the other curve."""
    return in_pem(sm2.der_of(samples.csr("x")[0]).replace(bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a811ccf5501822d")))


def p256_signed_as_sm2(_):
    return in_pem(sm2.der_of(samples.csr("x")[0]).replace(bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06082a811ccf55018375")))


TABLE = {
    "no identifier": (signed_as(None), "csr-invalid", "csr-sm2-signature"),
    "the identifier of the examples": (signed_as("ALICE123@YAHOO.COM"), "csr-invalid", "csr-sm2-signature"),
    "identifier cut": (signed_as("123456781234567"), "csr-invalid", "csr-sm2-signature"),
    "identifier longer": (signed_as("12345678123456780"), "csr-invalid", "csr-sm2-signature"),
    "signature of another key": (signed_by_another, "csr-invalid", None),
    "called ECDSA": (as_ecdsa, "csr-invalid", "csr-sm2-signature"),
    "point beside the curve": (beside_the_curve, "key-weak", "key-kind"),
    "P-256 key called SM2": (p256_named_sm2, "key-weak", "key-kind"),
    "P-256 signature called SM2": (p256_signed_as_sm2, "csr-invalid", "csr-signature"),
}


@pytest.mark.parametrize("what", TABLE)
def test_request_is_refused(coded, what):
    make, code, violation = TABLE[what]
    body = coded.step("issuing_officer", "production", coded.production(csr=make(samples.key("sm2"))), expect=422).json()
    assert body["code"] == code, body
    assert [error["pointer"] for error in body["errors"]] == ["/csr"]
    assert violation is None or body["errors"][0]["code"] == violation, body
    assert violation != "csr-sm2-signature" or sm2.STANDARD_ID in body["errors"][0]["detail"]


def test_case_of_the_table_can_still_be_made(coded):
    coded.read()
    coded.key = samples.key("sm2")
    coded.produce()


def test_an_sm2_key_needs_the_reviewers_approval(ra):
    case = ra.case("coded")
    case.key = samples.key("sm2")
    case.refuse("issuing_officer", "production", case.production(), 422, "key-not-allowed", ("/csr", "key-kind"))


def test_another_key_is_refused_where_sm2_was_approved(ra):
    case = sm2_case(ra)
    case.key = samples.key()
    case.refuse("issuing_officer", "production", case.production(), 422, "key-not-allowed", ("/csr", "key-kind"))


def test_an_sm2_key_serves_one_application(ra):
    first, second = sm2_case(ra), sm2_case(ra)
    first.produce()
    second.key = first.key
    second.refuse("issuing_officer", "production", second.production(), 422, "key-reused", ("/csr", "key-reused"))


def test_a_compromised_sm2_key_is_refused(ra):
    case = sm2_case(ra)
    body = case.production()
    digest = hashlib.sha256(case.key.spki).hexdigest()
    ra.sql(f"INSERT INTO blocked_keys VALUES (UNHEX('{digest}'), 'published', UTC_TIMESTAMP(6))")
    case.refuse("issuing_officer", "production", body, 422, "key-weak", ("/csr", "key-known-weak"))


@pytest.mark.log("RA0411")
@pytest.mark.parametrize("mode", ["wrong_key", "wrong_subject", "wrong_validity"])
def test_a_certificate_that_was_not_approved_is_refused(ra, under_sm2, mode):
    for instance in (ra, under_sm2):
        case = sm2_case(instance)
        instance.stack.ca.knobs(mode=mode, count=1)
        try:
            case.ask()
            case.follow("failed")
        finally:
            instance.stack.ca.reset()
        assert case.operation["reason"]["outcome"] == "refused"


# Acts.

@pytest.mark.parametrize("keeps_key", [True, False])
def test_renewal_keeps_or_changes_the_key(under_sm2, keeps_key):
    old = sm2_case(under_sm2)
    old.to("completed")
    act = Act(under_sm2, "renew", old)
    act.submit()
    act.accept()
    act.step("entry_officer", "entry", entry(old, **SM2_POLICY))
    act.key = old.key if keeps_key else samples.key("sm2")
    act.review()
    act.draw()
    act.produce()
    assert (act.certificate["spki_sha256"] == old.certificate["spki_sha256"]) == keeps_key
    shown = certificate(under_sm2, old)
    assert shown["status"] == "valid" and "overlap_until" not in shown  # without RARenewalOverlap it runs out


def test_suspension_resumption_and_revocation_reach_the_ca(under_sm2):
    old = sm2_case(under_sm2)
    old.to("completed")
    for business in ("suspend", "resume", "revoke"):
        Act(under_sm2, business, old).run()
    wait_for_status(under_sm2, old, "revoked")
    assert [line["reason"] for line in ledger(under_sm2, "revocation", old.certificate["serial"])] == [6, 8, 5]


# CMP with the codes, by stock openssl.

@pytest.fixture
def tool(tmp_path):
    def make(ra):
        case = sm2_case(ra)
        made = Tool(ra, tmp_path / secrets.token_hex(4), case.codes, kind="sm2")
        made.case = case
        return made

    return make


@pytest.mark.parametrize("command", ["ir", "cr", "p10cr"])
def test_stock_openssl_makes_the_certificate_with_the_codes(any_ca, tool, command):
    mine = tool(any_ca)
    done = mine.run(command, "-digest", "sm3")
    assert done.succeeded, done.text
    assert sm2.is_issued_by(mine.file("new.crt").read_bytes(), any_ca.stack.ca_chain)
    assert mine.case.read()["state"] == "awaiting_handover"


@pytest.mark.parametrize("distid", [None, "ALICE123@YAHOO.COM"])
def test_p10cr_under_another_identifier_is_refused(ra, tool, distid):
    mine = tool(ra)
    mine.file("csr.pem").write_text(mine.key.csr("x", distid))
    mine.run("p10cr").refused("badPOP")
    assert not mine.case.read()["steps"].get("production")


def test_answer_waits_and_is_polled_with_an_sm2_request(ra, tool):
    mine = tool(ra)
    ra.stack.ca.knobs(mode="late", ms=6500, count=1)
    try:
        done = mine.run("p10cr")
    finally:
        ra.stack.ca.reset()
    assert done.succeeded, done.text
