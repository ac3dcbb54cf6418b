"""Certificate requests that must be refused (row C1 of the catalogue of bad input), and keys that were used before."""
import base64
import hashlib
import secrets

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

from harness import samples
from support import entry

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "anything")])


def builder(*extensions):
    made = x509.CertificateSigningRequestBuilder().subject_name(NAME)
    for extension in extensions:
        made = made.add_extension(extension, False)
    return made


def pem(request):
    return request.public_bytes(PEM).decode("ascii")


def in_pem(der):
    lines = base64.encodebytes(der).decode("ascii")
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{lines}-----END CERTIFICATE REQUEST-----\n"


def der_of(private_key):
    return builder().sign(private_key, hashes.SHA256()).public_bytes(DER)


# DER by hand, for requests that no library makes.

def tlv(tag, *contents):
    content = b"".join(contents)
    size = len(content)
    length = bytes([size]) if size < 128 else b"\x81" + bytes([size]) if size < 256 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def integer(number):
    return tlv(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


RSA_ALGORITHM = bytes.fromhex("300d06092a864886f70d0101010500")
EC_ALGORITHM = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")
SHA256_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")
SHA256_ECDSA = bytes.fromhex("300a06082a8648ce3d040302")


def request_info(algorithm, public_key):
    return tlv(0x30, integer(0), NAME.public_bytes(), tlv(0x30, algorithm, tlv(3, b"\0", public_key)), tlv(0xA0))


def rsa_request(modulus, exponent):
    """Not signed well: the key is judged before its signature."""
    key = tlv(0x30, integer(modulus), integer(exponent))
    return in_pem(tlv(0x30, request_info(RSA_ALGORITHM, key), SHA256_RSA, tlv(3, b"\0", secrets.token_bytes(256))))


def ec_request(point, private_key):
    info = request_info(EC_ALGORITHM, point)
    return in_pem(tlv(0x30, info, SHA256_ECDSA, tlv(3, b"\0", private_key.sign(info, ec.ECDSA(hashes.SHA256())))))


def compressed_point():
    key = samples.key()
    return ec_request(key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint), key)


def point_beside_the_curve():
    return ec_request(b"\x04" + b"\1" * 64, samples.key())


def bad_signature():
    der = bytearray(der_of(samples.key()))
    der[-1] ^= 1
    return in_pem(bytes(der))


def signed_by_another_key():
    one, other = (x509.load_der_x509_csr(der_of(samples.key())) for _ in range(2))
    return in_pem(tlv(0x30, one.tbs_certrequest_bytes, SHA256_ECDSA, tlv(3, b"\0", other.signature)))


def modulus(bits):
    return secrets.randbits(bits) | 1 << (bits - 1) | 1


def close_primes():
    """Two primes so near to each other that Fermat finds them."""
    return rsa_request((2 ** 1024 + 643) * (2 ** 1024 + 643 + 2), 65537)


def ca_request():
    return pem(builder(x509.BasicConstraints(ca=True, path_length=None)).sign(samples.key(), hashes.SHA256()))


def many_names():
    names = x509.SubjectAlternativeName([x509.DNSName(f"host{place}.example.cn") for place in range(10000)])
    return pem(builder(names).sign(samples.key(), hashes.SHA256()))[:24576]


def private_key_beside():
    key = samples.key()
    text = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    return text + in_pem(der_of(key))


TABLE = {
    "wrong signature": (bad_signature, "csr-invalid", "csr-signature"),
    "signature of another key": (signed_by_another_key, "csr-invalid", "csr-signature"),
    "RSA 1024": (lambda: pem(builder().sign(rsa.generate_private_key(65537, 1024), hashes.SHA256())), "key-weak", "key-size"),
    "RSA 16384": (lambda: rsa_request(modulus(16384), 65537), "key-weak", "key-size"),
    "RSA e=1": (lambda: rsa_request(rsa.generate_private_key(65537, 2048).public_key().public_numbers().n, 1), "key-weak", "key-exponent"),
    "RSA e=3": (lambda: pem(builder().sign(rsa.generate_private_key(3, 2048), hashes.SHA256())), "key-weak", "key-exponent"),
    "RSA e even": (lambda: rsa_request(rsa.generate_private_key(65537, 2048).public_key().public_numbers().n, 65538), "key-weak",
                   "key-exponent"),
    "RSA with a small factor": (lambda: rsa_request(9 * modulus(2045), 65537), "key-weak", None),
    "RSA of close primes": (close_primes, "key-weak", "key-known-weak"),
    "P-384": (lambda: pem(builder().sign(ec.generate_private_key(ec.SECP384R1()), hashes.SHA384())), "key-weak", "key-kind"),
    "Ed25519": (lambda: pem(builder().sign(ed25519.Ed25519PrivateKey.generate(), None)), "key-weak", "key-kind"),
    "secp256k1": (lambda: pem(builder().sign(ec.generate_private_key(ec.SECP256K1()), hashes.SHA256())), "key-weak", "key-kind"),
    "compressed point": (compressed_point, "csr-invalid", "csr-unreadable"),
    "point beside the curve": (point_beside_the_curve, None, None),
    "CA:TRUE": (ca_request, "csr-invalid", "csr-extension"),
    "trailing bytes": (lambda: in_pem(der_of(samples.key()) + b"\0"), "csr-invalid", "csr-unreadable"),
    "two blocks": (lambda: in_pem(der_of(samples.key())) * 2, "csr-invalid", "csr-unreadable"),
    "text after the block": (lambda: in_pem(der_of(samples.key())) + "more", "csr-invalid", "csr-unreadable"),
    "private key beside": (private_key_beside, "csr-invalid", "csr-unreadable"),
    "certificate": (lambda: in_pem(der_of(samples.key())).replace("CERTIFICATE REQUEST", "CERTIFICATE"), "csr-invalid", "csr-unreadable"),
    "indefinite length": (lambda: in_pem(b"\x30\x80" + der_of(samples.key())[4:] + b"\0\0"), "csr-invalid", "csr-unreadable"),
    "cut": (lambda: in_pem(der_of(samples.key())[:-5]), "csr-invalid", "csr-unreadable"),
    "10,000 names": (many_names, "csr-invalid", "csr-unreadable"),
    "no base64": (lambda: "////:::", "csr-invalid", "csr-unreadable"),
    "white space": (lambda: "  \n ", "csr-invalid", "csr-unreadable"),
    "bytes of zero": (lambda: base64.b64encode(bytes(300)).decode(), "csr-invalid", "csr-unreadable"),
}


@pytest.fixture(scope="module")
def coded(ra):
    """One case for the whole table: no refusal changes it, no refusal uses up its codes."""
    return ra.case("coded")


@pytest.mark.parametrize("what", TABLE)
def test_request_is_refused(coded, what):
    make, code, violation = TABLE[what]
    answer = coded.step("issuing_officer", "production", coded.production(csr=make()), expect=422)
    body = answer.json()
    assert code is None or body["code"] == code, body
    assert [error["pointer"] for error in body["errors"]] == ["/csr"]
    assert violation is None or body["errors"][0]["code"] == violation, body


def test_case_of_the_table_can_still_be_made(coded):
    assert coded.read()["state"] == "awaiting_production"
    coded.produce()


@pytest.mark.parametrize("write", [
    lambda der: base64.b64encode(der).decode(), lambda der: in_pem(der).replace("\n", "\r\n"),
    lambda der: in_pem(der).replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"), lambda der: "\n" + in_pem(der) + "\n\n",
], ids=["base64", "CRLF", "NEW", "blank lines"])
def test_usual_ways_to_write_a_request_are_taken(ra, write):
    case = ra.case("coded")
    case.step("issuing_officer", "production", case.production(csr=write(der_of(samples.key()))), expect=(201, 202))


def test_name_in_the_request_does_not_count(ra):
    case = ra.case("coded")
    hostile = x509.SubjectAlternativeName([x509.DNSName("bank.example.cn")])
    text = pem(builder(hostile).sign(samples.key("rsa"), hashes.SHA256()))
    certificate = case.step("issuing_officer", "production", case.production(csr=text), expect=201).json()["certificate"]
    assert case.name in certificate["subject"] and "anything" not in certificate["subject"]
    der = ra.staff("issuing_officer").get(f"/certificates/{certificate['id']}", headers={"Accept": "application/pkix-cert"}).content
    with pytest.raises(x509.ExtensionNotFound):
        x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.SubjectAlternativeName)


def test_key_must_be_of_an_approved_algorithm(ra):
    case = ra.case("awaiting_entry")
    case.step("entry_officer", "entry", entry(case, key_algorithms=["rsa"]))
    case.to("coded")
    case.refuse("issuing_officer", "production", case.production(), 422, "key-not-allowed", ("/csr", "key-kind"))
    case.key = samples.key("rsa")
    case.produce()
    assert case.certificate["key_algorithm"] == "rsa"


def test_key_serves_one_application(ra):
    first, second = ra.case("coded"), ra.case("coded")
    first.produce()
    second.key = first.key
    second.refuse("issuing_officer", "production", second.production(), 422, "key-reused", ("/csr", "key-reused"))


@pytest.mark.log("RA0411")
def test_key_of_a_failed_attempt_serves_its_own_application_again(ra):
    case, other = ra.case("coded"), ra.case("coded")
    ra.stack.ca.knobs(mode="reject", count=2)
    try:
        case.ask()
        case.follow("failed")
    finally:
        ra.stack.ca.reset()
    other.key = case.key
    other.refuse("issuing_officer", "production", other.production(), 422, "key-reused")
    case.read()
    case.draw()
    case.produce()


def test_key_that_is_known_to_be_compromised_is_refused(ra):
    case = ra.case("coded")
    body = case.production()
    spki = case.key.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ra.sql(f"INSERT INTO blocked_keys VALUES (UNHEX('{hashlib.sha256(spki).hexdigest()}'), 'published', UTC_TIMESTAMP(6))")
    case.refuse("issuing_officer", "production", body, 422, "key-weak", ("/csr", "key-known-weak"))
