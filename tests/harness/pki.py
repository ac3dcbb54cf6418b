"""The PKI of a private instance: who its servers, staff and business systems are. Made here, apart from the CA that issues.

root ── server certificates
   └── staff CA ── one client certificate per person and business system
"""
import dataclasses
import datetime
import hashlib
import ipaddress
import os
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

P12_PASSWORD = "quickstart"
DAY = datetime.timedelta(days=1)
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH
CMP_RA = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.28")  # id-kp-cmcRA, RFC 6402


def now():
    return datetime.datetime.utcnow().replace(microsecond=0)


def write(path, data, mode=0o644):
    """Whole or not at all, with its rights from the first byte on."""
    path = pathlib.Path(path)
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(temporary, path)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def fingerprint(path):
    """SHA-256 of the DER of a certificate file, lower-case hex: how mod_ra knows a certificate."""
    certificate = x509.load_pem_x509_certificate(pathlib.Path(path).read_bytes())
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


def make_name(common_name, unit=None):
    parts = [(NameOID.COUNTRY_NAME, "CN"), (NameOID.ORGANIZATION_NAME, "山西社保数字证书注册机构")]
    if unit:
        parts.append((NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    parts.append((NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


@dataclasses.dataclass(frozen=True)
class Identity:
    """A certificate with its key: the files, as httpx takes them."""
    name: str
    certificate: pathlib.Path
    key: pathlib.Path
    p12: pathlib.Path = None

    @property
    def pair(self):
        return str(self.certificate), str(self.key)

    @property
    def sha256(self):
        return fingerprint(self.certificate)

    @property
    def pem(self):
        """The certificate alone, without its chain."""
        return pem(x509.load_pem_x509_certificate(self.certificate.read_bytes())).decode("ascii")


class Authority:
    """A certification authority of the private PKI."""

    def __init__(self, certificate, key):
        self.certificate = certificate
        self.key = key

    @classmethod
    def make(cls, common_name, parent=None, days=1825):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = make_name(common_name)
        issuer = parent.certificate.subject if parent else subject
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
                   .serial_number(x509.random_serial_number()).not_valid_before(now() - DAY).not_valid_after(now() + days * DAY)
                   .add_extension(x509.BasicConstraints(ca=True, path_length=0 if parent else 1), True)
                   .add_extension(key_usage(key_cert_sign=True, crl_sign=True), True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False))
        if parent:
            builder = builder.add_extension(parent.identifier(), False)
        return cls(builder.sign(parent.key if parent else key, hashes.SHA256()), key)

    @classmethod
    def load(cls, certificate, key):
        return cls(x509.load_pem_x509_certificate(certificate.read_bytes()),
                   serialization.load_pem_private_key(key.read_bytes(), None))

    def identifier(self):
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())

    def issue(self, subject, usage, sans=(), days=730, not_before=None):
        """A certificate with a new key. @return (certificate, key)"""
        key = ec.generate_private_key(ec.SECP256R1())
        begin = not_before or now() - datetime.timedelta(minutes=5)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.certificate.subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(begin).not_valid_after(begin + days * DAY)
                   .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
                   .add_extension(key_usage(digital_signature=True), True)
                   .add_extension(x509.ExtendedKeyUsage([usage]), False).add_extension(self.identifier(), False))
        if sans:
            builder = builder.add_extension(x509.SubjectAlternativeName(list(sans)), False)
        return builder.sign(self.key, hashes.SHA256()), key


def key_usage(**chosen):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: chosen.get(name, False) for name in names})


class Pki:
    """The files in one folder; what exists already is kept, so a second start has the same people."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.root_file = self.folder / "root.pem"
        self.trust_file = self.folder / "client-trust.pem"
        if not self.trust_file.exists():
            self._make()
        self.root = Authority.load(self.root_file, self.folder / "root.key")
        self.staff = Authority.load(self.folder / "staff-ca.pem", self.folder / "staff-ca.key")

    def _make(self):
        root = Authority.make("测试根CA (test root)")
        staff = Authority.make("测试人员CA (test staff CA)", root)
        for name, authority in (("root", root), ("staff-ca", staff)):
            write(self.folder / f"{name}.key", key_pem(authority.key), 0o600)
            write(self.folder / f"{name}.pem", pem(authority.certificate))
        write(self.trust_file, pem(root.certificate) + pem(staff.certificate))

    def server(self, name):
        """The certificate of a server on 127.0.0.1 and localhost."""
        identity = self._identity(name)
        if not identity.certificate.exists():
            sans = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
            self._store(identity, *self.root.issue(make_name("localhost"), SERVER, sans), self.root)
        return identity

    def cmp_front(self, name):
        """The credential that signs the RA's answers to subscribers' CMP tools."""
        identity = self._identity(name)
        if not identity.certificate.exists():
            self._store(identity, *self.root.issue(make_name("RA CMP"), CMP_RA), self.root)
        return identity

    def client(self, name, common_name=None, unit=None, days=730, not_before=None, authority=None):
        """The certificate of a person or business system; made when there is none of that name."""
        identity = self._identity(name)
        if not identity.certificate.exists():
            issuer = authority or self.staff
            subject = make_name(common_name or name, unit)
            self._store(identity, *issuer.issue(subject, CLIENT, days=days, not_before=not_before), issuer)
        return identity

    def _identity(self, name):
        return Identity(name, *(self.folder / f"{name}.{end}" for end in ("crt", "key", "p12")))

    def _store(self, identity, certificate, key, issuer):
        chain = [] if issuer is self.root else [issuer.certificate]
        bundle = pkcs12.serialize_key_and_certificates(identity.name.encode(), key, certificate, chain,
                                                       serialization.BestAvailableEncryption(P12_PASSWORD.encode()))
        write(identity.p12, bundle, 0o600)
        write(identity.key, key_pem(key), 0o600)
        write(identity.certificate, pem(certificate) + b"".join(pem(one) for one in chain))
