"""An upstream CA of another make and other habits (other_ca.py): issues, makes the RA wait, confirms in its own way, revokes."""
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

import acts
from harness import samples
from other_ca import RESPONDER, OtherCa

pytestmark = pytest.mark.log("RA0411.*(waiting|unknown)")
PARTS = (("country", NameOID.COUNTRY_NAME), ("state_or_province", NameOID.STATE_OR_PROVINCE_NAME), ("locality", NameOID.LOCALITY_NAME),
         ("organization", NameOID.ORGANIZATION_NAME), ("common_name", NameOID.COMMON_NAME))


@pytest.fixture(scope="module")
def elsewhere(make_ra):
    """An instance and the other CA; each test says how they speak to each other."""
    ra = make_ra("other-ca")
    ra.other = OtherCa(ra.stack.ca.ra_certificate)
    yield ra
    ra.other.remove()


@pytest.fixture
def speak(elsewhere):
    """Starts httpd with settings for the other CA."""
    def start(*lines):
        settings = [f"RAUpstreamURL http://127.0.0.1:{elsewhere.other.port}/pkix/", f'RAUpstreamTrust "{elsewhere.other.trust}"',
                    "RAUpstreamResend never", *lines]
        elsewhere.stack.httpd.stop()
        elsewhere.stack.httpd.configure(EXTRA_GLOBAL="\n".join(settings))
        elsewhere.stack.httpd.start()

    yield start
    elsewhere.other.stop()


def approved(ra):
    """A reviewed application with its codes, and the certificate that this CA would make of it."""
    case = ra.case("coded")
    case.key = samples.key()
    subject = {"country": "CN", "state_or_province": "山西省", "locality": "太原市", "organization": case.form["subscriber"]["name"],
               "common_name": case.name}
    return case, ra.other.issuing.issue(x509.Name([x509.NameAttribute(oid, subject[name]) for name, oid in PARTS]), case.key.public_key())


def handed_out(ra, case):
    """The certificate that the RA gives for the application, verified with openssl from the root alone."""
    answer = ra.staff("auditor").get(f"/certificates/{case.operation['certificate_id']}", headers={"Accept": "application/x-pem-file"})
    checked = subprocess.run(["openssl", "verify", "-CAfile", ra.other.root, "-untrusted", ra.other.trust], input=answer.content,
                             capture_output=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return x509.load_pem_x509_certificate(answer.content)


@pytest.mark.parametrize("lines,options,speaker", [
    ((), (), None),
    ((), ("-grant_implicitconf",), None),
    ((), ("-pkistatus", "1"), None),
    (("RAUpstreamRequest p10cr",), (), None),
    ((f'RAUpstreamSender "{RESPONDER}"',), (), "responder"),
    ((), ("-poll_count", "2", "-check_after", "1"), None),
], ids=["certificate", "implicit confirmation", "granted with changes", "p10cr", "responder", "polling"])
def test_certificate_of_the_other_ca_is_stored_and_handed_out(elsewhere, speak, lines, options, speaker):
    speak(*lines)
    case, certificate = approved(elsewhere)
    elsewhere.other.start(certificate, *options, speaker=speaker and getattr(elsewhere.other, speaker))
    case.ask()
    case.follow("succeeded")
    assert handed_out(elsewhere, case).public_bytes(serialization.Encoding.DER) == certificate.public_bytes(serialization.Encoding.DER)
    assert case.read()["state"] == "awaiting_handover"


def test_responder_that_nobody_named_is_not_believed(elsewhere, speak):
    speak()
    case, certificate = approved(elsewhere)
    elsewhere.other.start(certificate, speaker=elsewhere.other.responder)
    case.ask()
    case.follow("unknown")
    assert case.read()["state"] == "in_production"


def test_other_ca_revokes(elsewhere, speak):
    speak()
    case, certificate = approved(elsewhere)
    elsewhere.other.start(certificate)
    case.ask()
    case.follow("succeeded")
    case.certificate = {"id": case.operation["certificate_id"]}
    case.read()
    case.to("completed")
    act = acts.Act(elsewhere, "revoke", case)
    act.run()
    assert acts.certificate(elsewhere, case)["status"] == "revoked"
