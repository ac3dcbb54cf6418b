"""conf/ra.conf as it is shipped, with the files, ports and names of a private instance: for tests of what an operator gets.

    with Shipped(stack) as shipped:     # a second httpd beside the stack's, on its database and CA
        shipped.port, shipped.names     # 127.0.0.1:port is every host; the name (SNI and Host) says which
"""
import os
import re

from cryptography import x509

from . import process, schema
from .httpd import Httpd
from .pki import SERVER, make_name

MODULES = "mpm_event authz_core socache_shmcb ssl reqtimeout headers cache cache_socache dir mime deflate".split()
NAMES = {"public": "ra.example", "staff": "staff.ra.example", "api": "api.ra.example"}


def with_paths(text, stack, folder):
    """The sample with files that exist here; nothing else is changed."""
    server, signer, pki = stack.server_identity, stack.ca, stack.pki
    for pattern, value in [
            (r"\S*/mod_ra\.so", stack.state / "bin" / "mod_ra.so"), (r"/usr/share/mod_ra/openapi\.json", stack.state / "bin" / "openapi.json"),
            (r"/usr/share/mod_ra/htdocs", stack.state / "httpd" / "www"), (r"\$\{APACHE_(RUN|LOG)_DIR\}", folder),
            (r"/etc/mod_ra/tls/\w+\.crt", server.certificate), (r"/etc/mod_ra/tls/\w+\.key", server.key),
            (r"/etc/mod_ra/client-trust\.pem", pki.trust_file), (r"/etc/mod_ra/upstream-tls-ca\.pem", pki.root_file),
            (r"/etc/mod_ra/upstream-chain\.pem", stack.ca_chain), (r"/etc/mod_ra/ra\.keys", stack.state / "secrets" / "ra.keys"),
            (r"/etc/mod_ra/audit\.key", stack.state / "secrets" / "audit.key"), (r"/etc/mod_ra/audit\.pub", pki.folder / "audit.pub"),
            (r"/etc/mod_ra/ra-cmp\.crt", stack.cmp_identity.certificate), (r"/etc/mod_ra/ra-cmp\.key", stack.cmp_identity.key),
            (r"/etc/mod_ra/ra-signer\.crt", signer.ra_certificate), (r"/etc/mod_ra/ra-signer\.key", signer.ra_key),
            (r"/run/mysqld/mysqld\.sock", stack.database.socket)]:
        text = re.sub(pattern, str(value), text)
    return text


def modules(build):
    return [f'LoadModule {name}_module "{build.httpd_modules}/mod_{name}.so"' for name in MODULES]


class Shipped:
    """`changes`: (line as shipped, line instead), each of which must be there. Two of one stack have two names."""

    def __init__(self, stack, changes=(), name="shipped"):
        self.stack = stack
        self.names = NAMES
        self.folder = process.make_folder(stack.state / name)
        chosen = process.choose_ports({"https": 0, "internal": 0})
        self.port, self.internal = chosen["https"], chosen["internal"]
        self.server = self._server_identity()
        template = self.folder / "httpd.conf.in"
        template.write_text(self._text(changes), "utf-8")
        self.httpd = Httpd(stack.build, self.folder, template, {"PORT_INTERNAL": self.internal})

    def _server_identity(self):
        """One certificate for the three names; made once."""
        pki = self.stack.pki
        identity = pki._identity("shipped")
        if not identity.certificate.exists():
            sans = [x509.DNSName(name) for name in NAMES.values()]
            pki._store(identity, *pki.root.issue(make_name(NAMES["public"]), SERVER, sans, days=365), pki.root)
            process.own(pki.folder)
        return identity

    def _text(self, changes):
        text = (self.stack.source / "conf" / "ra.conf").read_text("utf-8")
        here = [("Listen 443 https", f"Listen 127.0.0.1:{self.port} https"), ("<VirtualHost *:443>", f"<VirtualHost *:{self.port}>"),
                ("127.0.0.1:8446", f"127.0.0.1:{self.internal}"),
                ("RADatabaseUser www-data", f"RADatabaseUser {schema.USER}\nRADatabasePasswordFile {self.stack.state}/secrets/db.password")]
        for old, new in [*here, *changes]:
            if old not in text:
                raise process.Failed(f"conf/ra.conf has no {old!r}")
            text = text.replace(old, new)
        text = re.sub(r"/etc/mod_ra/tls/\w+\.", str(self.server.certificate).removesuffix("crt"), text)
        lines = [*modules(self.stack.build), f'ServerRoot "{self.folder}"', f'PidFile "{self.folder}/httpd/run/httpd.pid"',
                 f"Mutex default:{self.folder}/httpd/run", f'ErrorLog "{self.folder}/log/error.log"', "ServerName localhost",
                 f"ErrorLogFormat {self._log_format()}", "TypesConfig /dev/null"]
        return "\n".join([*lines, with_paths(text, self.stack, self.folder / "httpd" / "run"), 'DefaultRuntimeDir "httpd/run"', ""])

    def _log_format(self):
        """The tests' format, which httpd.py reads."""
        return re.search(r"^ErrorLogFormat (.*)$", (self.stack.source / "conf" / "quickstart.conf.in").read_text("utf-8"), re.M).group(1)

    def __enter__(self):
        self.httpd.configure()
        os.chmod(self.folder, 0o755)
        self.httpd.start()
        return self

    def __exit__(self, *_):
        self.httpd.stop()
