"""SM2 keys and requests, made with openssl: the cryptography library of the tests does not know them."""
import pathlib
import subprocess
import tempfile

STANDARD_ID = "1234567812345678"  # GM/T 0009; openssl takes an empty one when it is not told


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True).stdout


class Key:
    """As far as the tests ask, a private key of the cryptography library."""

    def __init__(self):
        self.pem = openssl("genpkey", "-algorithm", "SM2")
        with self._file() as path:
            self.spki = openssl("pkey", "-in", path, "-pubout", "-outform", "DER")

    def _file(self):
        return written(self.pem)

    def public_key(self):
        return self

    def public_bytes(self, *_):
        """SubjectPublicKeyInfo in DER."""
        return self.spki

    def private_bytes(self, *_):
        """PKCS#8 in PEM."""
        return self.pem

    def csr(self, common_name, distid=STANDARD_ID):
        """A request in PEM, signed under an identifier; None: under none."""
        options = ["-sigopt", f"distid:{distid}"] if distid is not None else []
        name = common_name.replace("/", r"\/")
        with self._file() as path:
            return openssl("req", "-new", "-key", path, "-sm3", "-utf8", "-subj", f"/CN={name}", *options).decode("ascii")


class written:
    """The text as a file, as long as it is needed."""

    def __init__(self, content):
        self.content = content

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="ra-sm2-")
        path = pathlib.Path(self.folder.name) / "file.pem"
        path.write_bytes(self.content)
        return path

    def __exit__(self, *_):
        self.folder.cleanup()


def der_of(request):
    """DER of a request in PEM, of whatever algorithm."""
    with written(request.encode("ascii")) as path:
        return openssl("req", "-in", path, "-outform", "DER")


def is_issued_by(certificate, ca_file):
    """Does openssl find the certificate (PEM) issued by the CA of the file? Under the standard identifier where SM2 has signed."""
    with written(certificate) as path:
        signed_so = b"SM2-with-SM3" in openssl("x509", "-in", path, "-noout", "-text")  # openssl refuses the option for others
        words = ["openssl", "verify", *(["-vfyopt", f"distid:{STANDARD_ID}"] if signed_so else []), "-CAfile", str(ca_file), str(path)]
        return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE).returncode == 0
