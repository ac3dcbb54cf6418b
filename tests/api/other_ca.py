"""A second upstream CA, of another make: OpenSSL's own CMP server, an RSA root with a P-384 CA below it, and certificates by its own habits.

The server answers each request with the one certificate that it was started with, so the certificate is made first, for the key that will
ask for it.
"""
import datetime
import pathlib
import shutil
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from harness import process

PEM = serialization.Encoding.PEM
UTC = datetime.timezone.utc
RESPONDER = "/C=CN/O=Another CA/CN=CMP responder"
YEARS = 10


def name_of(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Another CA"),
                      x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def key_usage(*words):
    every = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
             "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{word: word in words for word in every})


class Authority:
    """A name with a key that signs certificates."""

    def __init__(self, common_name, key, above=None, is_ca=True):
        self.name = name_of(common_name)
        self.key = key
        now = datetime.datetime.now(UTC)
        usage = key_usage("key_cert_sign", "crl_sign") if is_ca else key_usage("digital_signature")
        builder = (x509.CertificateBuilder().subject_name(self.name).public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=365 * YEARS))
                   .add_extension(x509.BasicConstraints(is_ca, None), True).add_extension(usage, True))
        signer = above or self
        self.certificate = builder.issuer_name(signer.name).sign(signer.key, hashes.SHA384())

    def issue(self, subject, public_key):
        """A signing certificate for a subscriber: backdated, to the end of its last day, with a policy and addresses of this CA's own."""
        now = datetime.datetime.now(UTC).replace(microsecond=0)
        last = (now + datetime.timedelta(days=365)).replace(hour=23, minute=59, second=59)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public_key)
                .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(last)
                .add_extension(x509.BasicConstraints(False, None), False)
                .add_extension(key_usage("digital_signature", "content_commitment"), True)
                .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
                .add_extension(x509.CertificatePolicies([x509.PolicyInformation(x509.ObjectIdentifier("1.2.156.112570.1"), None)]), False)
                .add_extension(x509.AuthorityInformationAccess([x509.AccessDescription(
                    AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier("http://127.0.0.1/ca.cer"))]), False)
                .sign(self.key, hashes.SHA384()))


class OtherCa:
    def __init__(self, ra_certificate):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ra-other-ca-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.port = process.choose_ports({"ca": 0})["ca"]
        self.server = None
        root = Authority("Root", rsa.generate_private_key(65537, 3072))
        self.issuing = Authority("Issuing", ec.generate_private_key(ec.SECP384R1()), root)
        self.responder = Authority("CMP responder", rsa.generate_private_key(65537, 2048), self.issuing, is_ca=False)
        self.ra_certificate = ra_certificate
        self.trust = self.write("trust.pem", self.issuing.certificate, root.certificate)
        self.root = self.write("root.pem", root.certificate)

    def write(self, name, *certificates):
        path = self.folder / name
        path.write_bytes(b"".join(one.public_bytes(PEM) for one in certificates))
        path.chmod(0o644)
        return path

    def write_key(self, name, key):
        path = self.folder / name
        path.write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return path

    def start(self, certificate, *options, speaker=None):
        """Serves this certificate; `speaker` signs the messages, by default the issuing CA."""
        speaker = speaker or self.issuing
        with open(self.folder / "log", "ab") as log:
            self.server = subprocess.Popen(
                ["openssl", "cmp", "-port", str(self.port), "-srv_cert", self.write("speaker.pem", speaker.certificate),
                 "-srv_key", self.write_key("speaker.key", speaker.key), "-srv_trusted", self.ra_certificate, "-partial_chain",
                 "-accept_raverified", "-rsp_cert", self.write("certificate.pem", certificate), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True)
        process.wait_for("the other CA", lambda: process.accepts(self.port), 15, lambda: self.server.poll() is None)

    def stop(self):
        if self.server:
            self.server.kill()
            self.server.wait()
            self.server = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
