"""The subscriber's tool of the CMP tests: stock `openssl cmp`, and single messages over HTTP."""
import os
import pathlib
import re
import signal
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from harness import process, samples

ADDRESS = "/.well-known/cmp/p/ra"
MEDIA_TYPE = "application/pkixcmp"
RUN_SECONDS = 180
PEM = serialization.Encoding.PEM


class Done:
    """One run of the tool."""

    def __init__(self, run, folder):
        self.text = (run.stdout + run.stderr).decode("utf-8", "replace")
        self.succeeded = run.returncode == 0
        self.certificate = None
        if (folder / "new.crt").exists():
            self.certificate = x509.load_pem_x509_certificate((folder / "new.crt").read_bytes())

    def refused(self, *words):
        """Nothing came of it, and the tool was told so in these words."""
        assert not self.succeeded and self.certificate is None, self.text
        for word in words:
            assert word in self.text, self.text
        return self


class Tool:
    """`openssl cmp` with a folder, a key and the codes of a case."""

    def __init__(self, ra, folder, codes, name="what the tool wrote", kind="ec_p256"):
        self.ra = ra
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.reference, self.secret = codes["reference_code"], codes["authorisation_code"]
        self.name = name
        self.key = samples.key(kind)
        self.file("key.pem").write_bytes(self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        self.file("csr.pem").write_text(samples.csr(name, self.key)[0])

    def file(self, name):
        return self.folder / name

    def words(self, command, *options, secret=None, reference=None, path=ADDRESS, with_codes=True):
        root = str(self.ra.stack.pki.root_file)
        words = ["openssl", "cmp", "-cmd", command, "-server", f"127.0.0.1:{self.ra.stack.ports['public']}", "-path", path.lstrip("/"),
                 "-tls_used", "-tls_trusted", root, "-certout", str(self.file("new.crt")), "-reqout", self.outs("req"), "-rspout", self.outs("rsp"), "-total_timeout", "120"]
        if with_codes:
            words += ["-ref", reference or self.reference, "-secret", f"pass:{secret or self.secret}"]
        if command == "p10cr":
            words += ["-csr", str(self.file("csr.pem"))]
        elif command in ("ir", "cr"):
            words += ["-newkey", str(self.file("key.pem")), "-subject", f"/CN={self.name}"]
        return words + [str(option) for option in options]

    def outs(self, kind):
        """openssl writes each message of a run to a file of its own."""
        return " ".join(str(self.file(f"{kind}{number}.der")) for number in range(1, 30))

    def _clean(self):
        for path in self.folder.glob("r*.der"):
            path.unlink()
        self.file("new.crt").unlink(missing_ok=True)

    def environment(self):
        return {name: value for name, value in os.environ.items() if not re.fullmatch("(?i)https?_proxy|no_proxy", name)}

    def run(self, command, *options, **changes):
        self._clean()
        done = subprocess.run(self.words(command, *options, **changes), stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=RUN_SECONDS,
                              env=self.environment(), cwd=self.folder)
        return Done(done, self.folder)

    def start(self, command, *options, **changes):
        self._clean()
        return subprocess.Popen(self.words(command, *options, **changes), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment(),
                                cwd=self.folder)

    def pause(self, running, seen=None):
        """Stops it between two polls, after an answer (the next, or the one after `seen`): then it sleeps a second at least. end() lets it go on."""
        seen = self.messages("rsp") if seen is None else seen
        process.wait_for("the tool has another answer", lambda: self.messages("rsp") > seen, RUN_SECONDS)
        running.send_signal(signal.SIGSTOP)

    def end(self, running):
        running.send_signal(signal.SIGCONT)
        out, err = running.communicate(timeout=RUN_SECONDS)
        return Done(subprocess.CompletedProcess(running.args, running.returncode, out, err), self.folder)

    def message(self, number, kind="req"):
        return self.file(f"{kind}{number}.der").read_bytes()

    def messages(self, kind="req"):
        return len(list(self.folder.glob(f"{kind}*.der")))

    def send(self, message, path=ADDRESS, **headers):
        """One message, by HTTP. @return the HTTP answer"""
        return send(self.ra, message, path, **headers)


def send(ra, message, path=ADDRESS, **headers):
    with ra.stack.client("public") as client:
        return client.request("POST", path, content=message, headers={"Content-Type": MEDIA_TYPE, **headers})


class SignedTool(Tool):
    """`openssl cmp` with a certificate of the RA and its key in place of codes."""

    def __init__(self, ra, folder, certificate_pem, key):
        super().__init__(ra, folder, {"reference_code": None, "authorisation_code": None})
        self.file("own.crt").write_text(certificate_pem)
        self.file("own.key").write_bytes(key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))

    def words(self, command, *options, **changes):
        words = ["-cert", str(self.file("own.crt")), "-key", str(self.file("own.key")), "-trusted", str(self.ra.stack.pki.root_file)]
        if command == "kur":
            words += ["-newkey", str(self.file("key.pem"))]
        elif command == "rr":
            words += ["-oldcert", str(self.file("own.crt"))]
        return super().words(command, *words, *options, with_codes=False, **changes)
