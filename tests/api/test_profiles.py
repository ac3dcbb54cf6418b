"""A CA with key usages of its own: RAProfile names them, they are asked for, approved and compared."""
from cryptography import x509

import pytest

PROFILE = "RAProfile subscriber-signing digitalSignature clientAuth,1.3.6.1.4.1.311.20.2.2,1.2.156.1.2.3"


@pytest.fixture(scope="module")
def other(make_ra):
    return make_ra("profiles", EXTRA_GLOBAL=PROFILE)


def test_certificate_has_the_usages_of_the_profile(other):
    case = other.case("awaiting_handover")
    der = other.staff("auditor").get(f"/certificates/{case.certificate['id']}", headers={"Accept": "application/pkix-cert"}).content
    made = x509.load_der_x509_certificate(der)
    usage = made.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature and not usage.content_commitment
    purposes = [one.dotted_string for one in made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value]
    assert purposes == ["1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2", "1.2.156.1.2.3"]


@pytest.mark.parametrize("words", [
    "subscriber digitalSignature clientAuth", "server keyCertSign serverAuth", 'server "" serverAuth', "server digitalSignature,sign serverAuth",
    "server digitalSignature serverauth!", "server digitalSignature",
])
def test_profile_that_is_none_is_no_configuration(httpd_config, words):
    code, output = httpd_config(f"RAProfile {words}")
    assert code != 0 and "RAProfile" in output
