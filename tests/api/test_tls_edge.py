"""TLS at the edge (rows T1-T10, Q2, X4 of the catalogue of bad input), against conf/ra.conf as it is shipped: three names on one port."""
import socket
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.backends.openssl import backend
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from harness import pki, process, seed
from harness.httpd import show
from harness.shipped import Shipped
from raw import Answer
from support import unique

ME = "/api/v1/me"
PAGE = "/api/v1/businesses"


@pytest.fixture(scope="module")
def shipped(stack):
    with Shipped(stack) as running:
        yield running


@pytest.fixture(autouse=True)
def clean_log_of_shipped(request, shipped):
    mark = shipped.httpd.error_log.mark()
    yield
    left = shipped.httpd.error_log.unannounced(mark, request.node.iter_markers("log"))
    assert not left, show(left)


# Plain sockets and Python's TLS.

def context_for(shipped, identity=None, version=None):
    context = ssl.create_default_context(cafile=str(shipped.stack.pki.root_file))
    if version:
        context.minimum_version = context.maximum_version = version
    if identity:
        context.load_cert_chain(*identity.pair)
    return context


def ask(shipped, sni, host, path=PAGE, identity=None, version=None, method="GET", headers=""):
    """One request with this SNI name and this Host. @return the Answer; the handshake's error is raised"""
    with socket.create_connection(("127.0.0.1", shipped.port), 20) as plain, \
         context_for(shipped, identity, version).wrap_socket(plain, server_hostname=sni) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n".encode())
        return Answer(b"".join(iter(lambda: connection.recv(65536), b"")))


def refused_by_tls(shipped, identity, host="staff", version=None):
    """The handshake, or the first reading after it (TLS 1.3), fails; no answer comes."""
    name = shipped.names[host]
    try:
        answer = ask(shipped, name, name, ME, identity, version)
    except (ssl.SSLError, ConnectionError):
        return True
    return answer.status == 0


VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["TLS 1.2", "TLS 1.3"])


# Names (Q2): SNI chooses the host, and with it what the handshake asks of the client; Host cannot change it afterwards.

@VERSIONS
@pytest.mark.log("AH02032")
@pytest.mark.parametrize("sni", ["public", "staff"])
@pytest.mark.parametrize("host", ["public", "staff", "api"])
def test_host_of_the_request_is_the_host_of_the_handshake(shipped, version, sni, host):
    answer = ask(shipped, shipped.names[sni], shipped.names[host], version=version)
    assert answer.status == (200 if sni == host else 421), answer.raw


@VERSIONS
def test_handshake_without_a_certificate_does_not_reach_the_api_host(shipped, version):
    assert refused_by_tls(shipped, None, "api", version)


@pytest.mark.log("AH02032")
@VERSIONS
def test_no_name_in_the_handshake_is_the_public_host(shipped, version):
    context = context_for(shipped, version=version)
    context.check_hostname = False
    with socket.create_connection(("127.0.0.1", shipped.port), 20) as plain, context.wrap_socket(plain) as connection:
        connection.sendall(f"GET {ME} HTTP/1.1\r\nHost: {shipped.names['staff']}\r\nConnection: close\r\n\r\n".encode())
        answer = Answer(b"".join(iter(lambda: connection.recv(65536), b"")))
    assert answer.status in (403, 421)


@pytest.mark.log("AH02032")
@pytest.mark.parametrize("target", ["https://api.ra.example" + ME, "http://staff.ra.example" + ME, "https://staff.ra.example@ra.example" + ME])
def test_absolute_target_does_not_change_the_host(shipped, target):
    answer = ask(shipped, "ra.example", "ra.example", target)
    assert answer.status in (400, 404, 421), answer.raw


# Resumption (T9).

def s_client(shipped, host, *options, say="", identity=None):
    """openssl s_client. @return everything it prints"""
    name = shipped.names[host]
    words = ["openssl", "s_client", "-connect", f"127.0.0.1:{shipped.port}", "-servername", name, "-CAfile", str(shipped.stack.pki.root_file)]
    if identity:
        words += ["-cert", str(identity.certificate), "-key", str(identity.key), "-cert_chain", str(identity.certificate)]
    done = subprocess.run([*words, *options], input=say.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
    return done.stdout.decode("latin-1")


def request(shipped, host, path=ME):
    return f"GET {path} HTTP/1.1\r\nHost: {shipped.names[host]}\r\nConnection: close\r\n\r\n"


def saved_session(shipped, tmp_path, version, identity):
    """A session of the staff host with this person's certificate."""
    file = tmp_path / "session.pem"
    said = s_client(shipped, "staff", version, "-sess_out", str(file), "-ign_eof", say=request(shipped, "staff"), identity=identity)
    assert "200 OK" in said and file.exists(), said
    return file


FLAGS = pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])


@FLAGS
@pytest.mark.parametrize("host", ["public", "api"])
def test_session_of_one_host_opens_no_other(shipped, tmp_path, version, host):
    """Resumed or not, the other host asks for what it asks: no identity comes along."""
    file = saved_session(shipped, tmp_path, version, shipped.stack.identity("auditor"))
    said = s_client(shipped, host, version, "-sess_in", str(file), "-ign_eof", say=request(shipped, host))
    assert "200 OK" not in said and '"roles"' not in said, said


@FLAGS
def test_disabled_person_is_refused_on_a_resumed_session(ra, shipped, tmp_path, version):
    person = ra.person("auditor")
    file = saved_session(shipped, tmp_path, version, person.identity)
    assert "200 OK" in s_client(shipped, "staff", version, "-sess_in", str(file), "-ign_eof", say=request(shipped, "staff"), identity=person.identity)
    ra.administrator.step(f"/people/{person.id}", "disablement", {"reason": "调离"})
    said = s_client(shipped, "staff", version, "-sess_in", str(file), "-ign_eof", say=request(shipped, "staff"), identity=person.identity)
    assert "principal-disabled" in said and "200 OK" not in said


def test_early_data_is_not_taken(shipped, tmp_path):
    file = saved_session(shipped, tmp_path, "-tls1_3", shipped.stack.identity("auditor"))
    early = tmp_path / "early"
    early.write_text(request(shipped, "staff"))
    said = s_client(shipped, "staff", "-tls1_3", "-sess_in", str(file), "-early_data", str(early), identity=shipped.stack.identity("auditor"))
    assert "Early data was accepted" not in said


# Versions, ciphers, renegotiation, compression (T10).

@pytest.mark.parametrize("option", ["-tls1", "-tls1_1"])
def test_old_versions_are_refused(shipped, option):
    said = s_client(shipped, "public", option, "-cipher", "ALL:@SECLEVEL=0")
    assert "Cipher is (NONE)" in said or "no protocols available" in said, said


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384", "DHE-RSA-AES256-GCM-SHA384", "NULL",
                                    "aNULL", "CAMELLIA", "PSK", "AES256-SHA"])
def test_other_ciphers_than_ecdhe_with_aead_are_refused(shipped, cipher):
    said = s_client(shipped, "public", "-tls1_2", "-cipher", cipher + ":@SECLEVEL=0")
    assert "Cipher is (NONE)" in said or "no cipher match" in said, said


@pytest.mark.parametrize("host", ["public", "staff"])
def test_client_cannot_renegotiate(shipped, host):
    identity = shipped.stack.identity("auditor") if host == "staff" else None
    said = s_client(shipped, host, "-tls1_2", "-legacy_renegotiation", say="R\n" + request(shipped, host, PAGE), identity=identity)
    assert "RENEGOTIATING" in said and "200 OK" not in said, said


def test_no_compression_of_records_and_no_tickets(shipped):
    said = s_client(shipped, "public", "-tls1_2", "-comp")
    assert "Compression: NONE" in said and "TLS session ticket:" not in said, said


def test_answers_of_the_api_are_not_compressed(shipped):
    for path in (PAGE, "/api/v1/openapi.json", "/api/v1/certificate-status?subject=x"):
        answer = ask(shipped, "ra.example", "ra.example", path, headers="Accept-Encoding: gzip, deflate\r\n")
        assert answer.status == 200 and not answer.all("Content-Encoding"), path


# Client certificates (T2, T6, T10).

def authority(parent, name, path_length=None):
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (x509.CertificateBuilder().subject_name(pki.make_name(name)).issuer_name(parent.certificate.subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(pki.now() - pki.DAY)
                   .not_valid_after(pki.now() + 30 * pki.DAY).add_extension(x509.BasicConstraints(ca=True, path_length=path_length), True)
                   .add_extension(pki.key_usage(key_cert_sign=True, crl_sign=True), True).sign(parent.key, hashes.SHA256()))
    return pki.Authority(certificate, key)


def leaf(stack, parent, *, key=None, usage=ExtendedKeyUsageOID.CLIENT_AUTH, extensions=(), chain=(), subject=None):
    """A client certificate made to order. @return the identity, with the chain in its file"""
    key = key or ec.generate_private_key(ec.SECP256R1())
    builder = (x509.CertificateBuilder().subject_name(subject or pki.make_name("somebody")).issuer_name(parent.certificate.subject)
               .public_key(key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(pki.now() - pki.DAY)
               .not_valid_after(pki.now() + 30 * pki.DAY).add_extension(x509.ExtendedKeyUsage([usage]), False))
    for extension in extensions:
        builder = builder.add_extension(extension, False)
    identity = stack.pki._identity(unique("edge-"))
    pki.write(identity.key, pki.key_pem(key), 0o600)
    pki.write(identity.certificate, b"".join(pki.pem(one) for one in (builder.sign(parent.key, hashes.SHA256()), *chain)))
    return identity


@VERSIONS
@pytest.mark.log("AH02039", "AH02040", "AH0226", "AH02008")
def test_chain_longer_than_the_depth_is_refused(shipped, version):
    """SSLVerifyDepth 3; the trusted CAs forbid another CA below them as well."""
    parents = [shipped.stack.pki.root]
    for depth in range(20):
        parents.append(authority(parents[-1], f"depth {depth}"))
    chain = [one.certificate for one in reversed(parents[1:])]
    assert refused_by_tls(shipped, leaf(shipped.stack, parents[-1], chain=chain), version=version)


@VERSIONS
@pytest.mark.log("AH02039", "AH02040", "AH0226", "AH02008")
@pytest.mark.parametrize("usage", [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CODE_SIGNING], ids=["serverAuth", "codeSigning"])
def test_certificate_for_another_purpose_is_refused(shipped, version, usage):
    assert refused_by_tls(shipped, leaf(shipped.stack, shipped.stack.pki.staff, usage=usage, chain=[shipped.stack.pki.staff.certificate]), version=version)


@VERSIONS
@pytest.mark.log("AH02039", "AH02040", "AH0226", "AH02008")
def test_ca_in_the_name_of_a_trusted_one_is_refused(shipped, version):
    """Same name, own key, signed by itself: what is checked is the signature."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = shipped.stack.pki.staff.certificate.subject
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
                   .not_valid_before(pki.now() - pki.DAY).not_valid_after(pki.now() + pki.DAY)
                   .add_extension(x509.BasicConstraints(ca=True, path_length=None), True).sign(key, hashes.SHA256()))
    false = pki.Authority(certificate, key)
    known = x509.load_pem_x509_certificate(shipped.stack.identity("auditor").certificate.read_bytes()).subject
    assert refused_by_tls(shipped, leaf(shipped.stack, false, subject=known, chain=[certificate]), version=version)


def big_extension(size):
    return x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x04\x82" + size.to_bytes(2, "big") + bytes(size))


@pytest.mark.log("AH02008", "AH02039")
def test_chain_of_100_kilobytes_is_refused_by_tls_or_a_stranger(shipped):
    parents = [shipped.stack.pki.staff]
    identity = leaf(shipped.stack, parents[0], extensions=[big_extension(60000)], chain=[parents[0].certificate] * 100)
    assert identity.certificate.stat().st_size > 100_000
    assert refused_by_tls(shipped, identity)


def group_prime(name):
    """The prime of a named Diffie-Hellman group: 8192 bits without looking for them."""
    made = subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", f"dh_param:{name}"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True).stdout
    return serialization.load_pem_parameters(made).parameter_numbers().p


def rsa_16384():
    p, q, exponent = group_prime("ffdhe8192"), group_prime("modp_8192"), 65537
    secret = pow(exponent, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(exponent, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, secret, rsa.rsa_crt_dmp1(secret, p), rsa.rsa_crt_dmq1(secret, q), rsa.rsa_crt_iqmp(p, q), public)
    backend._rsa_skip_check_key = True  # 40 s to prove again what the groups have proved; cryptography 38 has no public way
    try:
        return numbers.private_key()
    finally:
        backend._rsa_skip_check_key = False


ODD_KEYS = {"RSA of 16,384 bits": rsa_16384, **{curve.name: lambda curve=curve: ec.generate_private_key(curve())
                                                for curve in (ec.SECP521R1, ec.SECP256K1, ec.BrainpoolP256R1)}}


@pytest.mark.log("AH02008", "AH02039")
@pytest.mark.parametrize("name", ODD_KEYS)
def test_odd_key_of_a_client_is_refused_or_a_stranger(shipped, name):
    """The certificate is good but nobody's: at most the answer says so."""
    key = ODD_KEYS[name]()
    identity = leaf(shipped.stack, shipped.stack.pki.staff, key=key, chain=[shipped.stack.pki.staff.certificate])
    try:
        answer = ask(shipped, "staff.ra.example", "staff.ra.example", ME, identity)
    except (ssl.SSLError, ConnectionError):
        return
    # A client leaves out a certificate whose kind of key the server does not take.
    assert answer.status == 0 or (answer.status, answer.code) in [(403, "certificate-unknown"), (403, "certificate-required")]


# Revocation lists (T6, T7, T9): SSLCARevocationFile as the sample shows it.

def crl(issuer, revoked=(), days=7):
    builder = (x509.CertificateRevocationListBuilder().issuer_name(issuer.certificate.subject)
               .last_update(pki.now() - 10 * pki.DAY).next_update(pki.now() + days * pki.DAY))
    for serial in revoked:
        builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(serial)
                                                  .revocation_date(pki.now() - pki.DAY).build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


@pytest.fixture(scope="module")
def with_crl(stack):
    """A shipped instance that checks a CRL; the file starts empty of revocations."""
    file = stack.state / "pki" / "client-crl.pem"
    pki.write(file, crl(stack.pki.root) + crl(stack.pki.staff))
    changes = [("#SSLCARevocationCheck chain no_crl_for_cert_ok", "SSLCARevocationCheck chain no_crl_for_cert_ok"),
               ("#SSLCARevocationFile /etc/mod_ra/client-crl.pem", f"SSLCARevocationFile {file}")]
    with Shipped(stack, changes, "shipped-crl") as running:
        running.crl = file
        yield running


def reload(running):
    """A graceful restart, and its end: new connections meet the new files."""
    before = set(running.httpd.children())
    running.httpd.graceful()
    process.wait_for("new children", lambda: set(running.httpd.children()) - before and not set(running.httpd.children()) & before, 60)


@FLAGS
def test_revoked_certificate_is_refused_after_the_reload_also_on_an_old_session(ra, with_crl, tmp_path, version):
    person = ra.person("auditor")
    serial = x509.load_pem_x509_certificate(person.identity.certificate.read_bytes()).serial_number
    pki.write(with_crl.crl, crl(ra.stack.pki.root) + crl(ra.stack.pki.staff))
    reload(with_crl)
    file = saved_session(with_crl, tmp_path, version, person.identity)
    pki.write(with_crl.crl, crl(ra.stack.pki.root) + crl(ra.stack.pki.staff, [serial]))
    reload(with_crl)
    for options in ((), ("-sess_in", str(file))):
        said = s_client(with_crl, "staff", version, *options, "-ign_eof", say=request(with_crl, "staff"), identity=person.identity)
        assert "200 OK" not in said, said
    other = ra.stack.identity("auditor")
    assert "200 OK" in s_client(with_crl, "staff", version, "-ign_eof", say=request(with_crl, "staff"), identity=other)


def test_list_that_is_out_of_date_lets_nobody_in(ra, with_crl):
    """Measured behaviour of mod_ssl, which docs/operations.md warns of: renew the list before its end."""
    pki.write(with_crl.crl, crl(ra.stack.pki.root) + crl(ra.stack.pki.staff, days=-1))
    reload(with_crl)
    assert refused_by_tls(with_crl, ra.stack.identity("auditor"))
    pki.write(with_crl.crl, crl(ra.stack.pki.root) + crl(ra.stack.pki.staff))
    reload(with_crl)
    assert ask(with_crl, "staff.ra.example", "staff.ra.example", ME, ra.stack.identity("auditor")).status == 200


# Other sites (X4): what a form, an image or a redirect of another page can send.

def office(name):
    return '{"name":"%s","kind":"local","region":"%s"}' % (name, seed.TAIYUAN)


@pytest.mark.parametrize("headers", [
    "Content-Type: text/plain\r\nOrigin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n",
    "Content-Type: application/x-www-form-urlencoded\r\nOrigin: null\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n",
    "Content-Type: application/json\r\nOrigin: https://ra.example\r\nSec-Fetch-Site: same-site\r\nX-RA-Request: 1\r\n",
    "Content-Type: application/json\r\nOrigin: https://api.ra.example\r\nSec-Fetch-Site: same-origin\r\nX-RA-Request: 1\r\n",
    "Content-Type: application/json\r\nOrigin: null\r\nSec-Fetch-Site: same-origin\r\nX-RA-Request: 1\r\n",
    "Content-Type: application/json\r\nX-RA-Request: 1\r\n",
    "Content-Type: application/json\r\nReferer: https://staff.ra.example/\r\nX-RA-Request: 1\r\n",
], ids=["no-cors fetch", "form", "other host of ours", "api host as origin", "null after a redirect 307", "no proof", "Referer is no proof"])
def test_other_page_cannot_act_with_the_visitors_certificate(ra, shipped, headers):
    name = unique("csrf-")
    body = office(name)
    answer = ask(shipped, "staff.ra.example", "staff.ra.example", "/api/v1/offices", shipped.stack.identity("administrator"), method="POST",
                 headers=f"{headers}Content-Length: {len(body.encode())}\r\n" + "\r\n" + body + "\r\n")
    assert (answer.status, answer.code) == (403, "cross-origin"), answer.raw
    assert ra.sql(f"SELECT COUNT(*) FROM offices WHERE name = '{name}'") == [["0"]]


@pytest.mark.parametrize("path", ["/api/v1/offices?name=x&kind=local&region=140100", "/api/v1/people/{0}/disablement", "/api/v1/offices?_method=POST"])
def test_top_level_get_has_no_effect(ra, shipped, path):
    before = ra.sql("SELECT (SELECT COUNT(*) FROM offices), (SELECT COUNT(*) FROM principals WHERE disabled_at IS NOT NULL)")
    answer = ask(shipped, "staff.ra.example", "staff.ra.example", path.format(ra.ids["people"]["marketing"]),
                 shipped.stack.identity("administrator"), headers="Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nX-HTTP-Method-Override: POST\r\n")
    assert answer.status in (200, 400, 404, 405)
    assert ra.sql("SELECT (SELECT COUNT(*) FROM offices), (SELECT COUNT(*) FROM principals WHERE disabled_at IS NOT NULL)") == before
