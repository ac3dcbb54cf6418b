"""conf/ra.conf is what an operator starts from: httpd takes it with nothing but paths changed, and it explains every directive."""
import re
import subprocess

import pytest

MODULES = "mpm_event authz_core socache_shmcb ssl reqtimeout headers cache cache_socache".split()


@pytest.fixture
def sample(stack):
    return (stack.source / "conf" / "ra.conf").read_text("utf-8")


@pytest.fixture
def httpd(stack, build, tmp_path_factory):
    """Runs httpd on a configuration text. @return (exit code, output)"""
    folder = tmp_path_factory.mktemp("sample")

    def run(text, *options):
        modules = [f'LoadModule {name}_module "{build.httpd_modules}/mod_{name}.so"' for name in MODULES]
        lines = [*modules, "ServerName localhost", f'ErrorLog "{folder}/error.log"', f'PidFile "{folder}/pid"', text]
        (folder / "httpd.conf").write_text("\n".join(lines), "utf-8")
        environment = {"PATH": "/usr/sbin:/usr/bin:/bin", **build.environment}
        done = subprocess.run([build.httpd, "-f", folder / "httpd.conf", *options], env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    return run


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
            (r"/etc/mod_ra/ra-signer\.crt", signer.ra_certificate), (r"/etc/mod_ra/ra-signer\.key", signer.ra_key),
            (r"/run/mysqld/mysqld\.sock", stack.database.socket)]:
        text = re.sub(pattern, str(value), text)
    return text


def test_sample_passes_configtest(stack, sample, httpd, tmp_path):
    code, output = httpd(with_paths(sample, stack, tmp_path), "-t")
    assert (code, output.strip()) == (0, "Syntax OK")


def test_sample_explains_every_directive(stack, sample, httpd):
    _, listing = httpd(f'LoadModule ra_module "{stack.state}/bin/mod_ra.so"', "-L")
    directives = set(re.findall(r"^(RA[A-Z]\w+) \(", listing, re.M))
    assert len(directives) > 20
    mentioned = set(re.findall(r"^\s*#?(RA[A-Z]\w+) ", sample, re.M))
    assert directives - mentioned == set()
    assert mentioned - directives == set()
