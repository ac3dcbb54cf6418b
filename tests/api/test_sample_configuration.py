"""conf/ra.conf is what an operator starts from: httpd takes it with nothing but paths changed, and it explains every directive."""
import re

import pytest


@pytest.fixture
def sample(stack):
    return (stack.source / "conf" / "ra.conf").read_text("utf-8")


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


def test_sample_passes_configtest(stack, sample, httpd_config, tmp_path):
    code, output = httpd_config(with_paths(sample, stack, tmp_path))
    assert (code, output.strip()) == (0, "Syntax OK")


def test_sample_explains_every_directive(stack, sample, httpd_config):
    _, listing = httpd_config("", "-L")
    directives = set(re.findall(r"^(RA[A-Z]\w+) \(", listing, re.M))
    assert len(directives) > 20
    mentioned = set(re.findall(r"^\s*#?(RA[A-Z]\w+) ", sample, re.M))
    assert directives - mentioned == set()
    assert mentioned - directives == set()
