"""The whole private instance: state folder, ports, start order, `run/env`.

The services run as an unprivileged user with their state in a short folder under /var/tmp that they own: the checkout may lie
where that user cannot go, and the path of a socket has at most 107 bytes.
"""
import base64
import contextlib
import hashlib
import json
import os
import pathlib
import secrets
import shutil
import time

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from . import process, schema, seed
from .build import Build
from .client import Client
from .devca import DevCa
from .httpd import Httpd
from .mariadb import MariaDB
from .pki import P12_PASSWORD, Pki, key_pem, write

USUAL_PORTS = {"public": 8443, "staff": 8444, "api": 8445, "internal": 8446, "ca": 8447, "ca_control": 8448}
ANY_PORTS = dict.fromkeys(USUAL_PORTS, 0)


def state_folder(source, name):
    short = hashlib.sha256(str(source).encode()).hexdigest()[:6]
    return pathlib.Path(f"/var/tmp/ra-{os.getuid()}-{short}-{name}")


class Stack:
    """
    One instance. `settings` are @NAMES@ of conf/quickstart.conf.in that differ from the usual, and CA_KEY_TYPE of the development CA; `data` is a data folder with
    the schema, of which a new database is a copy.
    """

    def __init__(self, build, name="quickstart", ports=None, settings=None, data=None, say=lambda text: None):
        self.build = build if isinstance(build, Build) else Build(build)
        self.source = self.build.source
        self.state = state_folder(self.source, name)
        self.wished_ports = ports or USUAL_PORTS
        self.settings = settings or {}
        self.data = data
        self.say = say
        self.ports = {}
        self.ids = {}
        self.httpd = self.ca = self.database = self.pki = None

    # Addresses and files.

    def url(self, host):
        scheme = "http" if host in ("internal", "ca_control") else "https"
        return f"{scheme}://127.0.0.1:{self.ports[host]}"

    @property
    def cmp_url(self):
        return self.url("public") + "/.well-known/cmp/p/ra"

    @property
    def ca_chain(self):
        return self.state / "pki" / "ca-chain.pem"

    @property
    def logs(self):
        return self.state / "log"

    # Life.

    def wipe(self):
        """Forgets everything; the instance must be stopped."""
        shutil.rmtree(self.state, ignore_errors=True)

    def leave(self):
        """The end of an instance that was stopped: forgets everything, unless RA_KEEP asks for its state."""
        if not os.environ.get("RA_KEEP"):
            self.wipe()

    def prepare(self):
        """Folders, ports, keys and certificates; all kept from an earlier start."""
        process.make_folder(self.state)
        for name in ("log", "pki", "bin", "secrets"):
            process.make_folder(self.state / name, 0o700 if name == "secrets" else 0o755)
        self.ports = process.choose_ports(self.wished_ports)
        self.pki = Pki(self.state / "pki")
        self.server_identity = self.pki.server("server")
        self.cmp_identity = self.pki.cmp_front("ra-cmp")
        seed.make_identities(self.pki)
        self._make_secrets()
        self._place_products()
        process.own(self.state / "pki")
        process.own(self.state / "bin")
        process.own(self.state / "secrets")
        self.database = MariaDB(self.state / "db", bound=False)
        self.ca = self._make_ca()
        self.httpd = Httpd(self.build, self.state, self.source / "conf" / "quickstart.conf.in", {})

    def _make_secrets(self):
        keys = self.state / "secrets" / "ra.keys"
        if not keys.exists():
            keys.write_text(f"1 {base64.b64encode(secrets.token_bytes(32)).decode()}\n")
        keys.chmod(0o600)
        audit_key = ec.generate_private_key(ec.SECP256R1())
        if not (self.state / "secrets" / "audit.key").exists():
            write(self.state / "secrets" / "audit.key", key_pem(audit_key), 0o600)
            write(self.state / "pki" / "audit.pub", audit_key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        password = self.state / "secrets" / "db.password"
        if not password.exists():
            password.write_text(secrets.token_urlsafe(24) + "\n")
        password.chmod(0o600)

    def _place_products(self):
        place = {"mod_ra.so": 0o644, "openapi.json": 0o644, "devca": 0o755}
        for name, mode in place.items():
            process.place(self.build.product(name), self.state / "bin" / name, mode)
        self._place_web()

    def _place_web(self):
        """The web UI, where the build has it: what is served is a copy, so that a later make changes nothing under a running server."""
        www = process.make_folder(process.make_folder(self.state / "httpd") / "www")
        if self.build.web:
            shutil.rmtree(www)
            shutil.copytree(self.build.web, www)
            process.own(www)

    def _make_ca(self):
        credential = (self.state / "pki" / "ra-signer.crt", self.state / "pki" / "ra-signer.key")
        return DevCa(self.state / "bin" / "devca", self.state / "ca", self.logs / "devca.log", self.ports["ca"],
                     self.ports["ca_control"], credential, self.server_identity, self.pki.root_file,
                     self.settings.get("CA_KEY_TYPE", "p256"))

    def _published(self):
        """The setting CRL_SECONDS switches on that what the CA publishes is fetched, from the development CA or from PUBLISHED_URL."""
        if "CRL_SECONDS" not in self.settings:
            return ""
        place = self.settings.get("PUBLISHED_URL", self.url("ca_control"))
        return (f'RAUpstreamCRL "{place}/crl"\nRAUpstreamCACertificates "{place}/ca.crt"\n'
                f'RAUpstreamCRLSeconds {self.settings["CRL_SECONDS"]}')

    def _configuration(self):
        threads = int(self.settings.get("THREADS", 25))
        return {
            "STATE": self.state, "MODULES": self.build.httpd_modules, "MODULE": self.state / "bin" / "mod_ra.so",
            "OPENAPI": self.state / "bin" / "openapi.json", "THREADS": threads, "WORKERS": 3 * threads,
            "LOG_LEVEL": "warn ra:info", "DATABASE": f'RADatabaseSocket "{self.database.socket}"', "DB_USER": schema.USER,
            "DB_PASSWORD_FILE": self.state / "secrets" / "db.password", "DB_NAME": schema.DATABASE,
            "FIRST_ADMINISTRATOR": self.pki.client(seed.FIRST).sha256, "CLIENT_TRUST": self.pki.trust_file,
            "SERVER_TRUST": self.pki.root_file, "SERVER_CERTIFICATE": self.server_identity.certificate,
            "SERVER_KEY": self.server_identity.key, "CMP_URL": self.ca.cmp_url, "RA_CERTIFICATE": self.ca.ra_certificate,
            "RA_KEY": self.ca.ra_key, "CA_CHAIN": self.ca_chain, "PRODUCTION_WAIT": 5,
            "AUDIT_KEY": self.state / "secrets" / "audit.key", "AUDIT_PUBLIC": self.state / "pki" / "audit.pub",
            "CA_PUBLISHED": self._published(),
            **{f"PORT_{host.upper()}": self.ports[host] for host in ("public", "staff", "api", "internal")},
            "CMP_CERTIFICATE": self.cmp_identity.certificate, "CMP_KEY": self.cmp_identity.key, "RATE_CMP": "RACMPRateLimit off",
            "RATE_PUBLIC": "off", "RATE_STAFF": "off", "RATE_API": "off",
            "DOWNLOADS": f'RADownloads "{self.state}/downloads"', "EXTRA_GLOBAL": "", "EXTRA_PUBLIC": "", "EXTRA_STAFF": "", "EXTRA_API": "", **self.settings,
        }

    def start(self):
        """Everything, in order; what runs already from an earlier start is stopped first."""
        self.stop()
        self.prepare()
        with Timed(self.say, "database"):
            if self.data:
                self.database.begin_with(self.data)
            self.database.start()
            if not self.data:
                schema.create(self.database, self.source)
            schema.grant(self.database, self.source, self.state / "secrets" / "db.password")
        with Timed(self.say, "development CA"):
            self.ca.init()
            write(self.ca_chain, self.ca.chain())
            process.own(self.state / "pki")
            self._offer_downloads()
            self.ca.start()
        with Timed(self.say, "httpd"):
            self.httpd.configure(**self._configuration())
            self.httpd.start()
            process.wait_for("httpd is not ready", self.is_ready, 60)
        with Timed(self.say, "people and their certificates"):
            self.ids = seed.seed(self)
        return self

    def _offer_downloads(self):
        """Files for everybody: the certificates that what is issued verifies against."""
        folder = process.make_folder(self.state / "downloads")
        write(folder / "ca-chain.pem", self.ca.chain())
        texts = {"title": {"zh-CN": "CA 证书链", "en": "Certificates of the CA"},
                 "description": {"zh-CN": "安装到“受信任的根证书颁发机构”", "en": "To be installed among the trusted root authorities"}}
        item = {"file": "ca-chain.pem", "category": "certificate", **texts}
        write(folder / "downloads.json", json.dumps({"items": [item]}, ensure_ascii=False).encode())
        process.own(folder)

    def is_ready(self):
        """Does it work with its database? No, too, while httpd ends the connection."""
        with self.client("internal") as client, contextlib.suppress(httpx.HTTPError):
            return client.request("GET", "/readyz").status_code == 200
        return False

    def stop(self):
        """Ends whatever of this instance runs, also what another process has started. @return was there anything?"""
        if self.database and self.database.server:
            self.httpd.stop()
            self.ca.stop()
            self.database.stop()
            return True
        return stop_services(self.state)

    # Callers.

    def identity(self, role):
        return self.pki.client(role)

    def client(self, host, role=None, identity=None, **options):
        """A caller of a host, with the certificate of a role (or another identity)."""
        chosen = identity or (self.identity(role) if role else None)
        return Client(self.url(host), host, self.pki.root_file, chosen, **options)

    def staff(self, role, **options):
        return self.client("staff", role, **options)

    def system(self, **options):
        return self.client("api", "system", **options)

    # What the checkout gets.

    def environment(self, run):
        return {
            "RA_PUBLIC_URL": self.url("public"), "RA_STAFF_URL": self.url("staff"), "RA_API_URL": self.url("api"),
            "RA_INTERNAL_URL": self.url("internal"), "RA_CMP_URL": self.cmp_url, "RA_CA_URL": self.ca.url,
            "RA_CA_CONTROL_URL": self.url("ca_control"), "RA_CA_CERT": run / "pki" / "root.pem", "RA_PKI_DIR": run / "pki",
            "RA_P12_PASSWORD": P12_PASSWORD, "RA_DB_SOCKET": self.database.socket, "RA_STATE_DIR": self.state,
        }

    def publish(self, run):
        """Writes run/env and copies of the certificates; logs are a link."""
        run = pathlib.Path(run).resolve()
        (run / "pki").mkdir(parents=True, exist_ok=True)
        names = [name for role in seed.IDENTITIES for name in (f"{role}.crt", f"{role}.key", f"{role}.p12")]
        for name in (*names, "root.pem", "client-trust.pem", "ca-chain.pem"):
            process.place(self.state / "pki" / name, run / "pki" / name, 0o600 if name.endswith((".key", ".p12")) else 0o644)
        lines = [f"{name}='{value}'; export {name}\n" for name, value in self.environment(run).items()]
        (run / "env").write_text("# The running private instance; read it with `. run/env`.\n" + "".join(lines))
        link = run / "log"
        if link.is_symlink() or link.exists():
            link.unlink()
        link.symlink_to(self.logs)
        give_to_owner(run)


def stop_services(state):
    """Ends the services of a state folder by their pid files: each names the folder on its command line. @return was there any?"""
    found = False
    files = (state / "httpd" / "run" / "httpd.pid", *state.glob("shipped*/httpd/run/httpd.pid"), state / "devca.pid", state / "db" / "pid")
    for file in files:
        pid = process.read_pid(file, str(state))
        if pid:
            found = True
            process.end(pid, 60)
    return found


def give_to_owner(folder):
    """What root made in a checkout belongs to whom the checkout belongs to."""
    if os.getuid() != 0:
        return
    owner = pathlib.Path(folder).parent.stat()
    for root, folders, files in os.walk(folder):
        for name in folders + files:
            os.chown(os.path.join(root, name), owner.st_uid, owner.st_gid, follow_symlinks=False)
    os.chown(folder, owner.st_uid, owner.st_gid)


class Timed:
    """Says that something happened and how long it took."""

    def __init__(self, say, what):
        self.say = say
        self.what = what

    def __enter__(self):
        self.begin = time.monotonic()

    def __exit__(self, kind, *_):
        if kind is None:
            self.say(f"{self.what} ({time.monotonic() - self.begin:.1f} s)")
