"""Who calls (design §5): the certificate is the identity, on every request; roles act on staff, scopes on api, public operations anywhere."""
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from harness import pki, seed
from support import refused, unique

FORGED = {"SSL_CLIENT_VERIFY": "SUCCESS", "SSL-Client-Verify": "SUCCESS", "X-SSL-Client-S-DN": "CN=admin", "SSL_CLIENT_S_DN_CN": "admin",
          "X-Forwarded-Client-Cert": "Subject=\"CN=admin\"", "X-Client-Cert": "x", "SSL_CLIENT_CERT": "x"}


# Strangers.

def test_without_certificate_the_answer_has_the_fault_code(ra):
    with ra.open("staff") as client:
        body = refused(client.get("/me", expect=403), 403, "certificate-required")
    assert "-10101011" in body["title"] and "EKey" in body["detail"]


def test_certificate_nobody_has_entered_gets_its_own_fault_code(ra):
    with ra.open("staff", identity=ra.identity()) as client:
        body = refused(client.get("/me", expect=403), 403, "certificate-unknown")
    assert "-10101042" in body["title"]
    with ra.open("api", identity=ra.identity()) as client:
        refused(client.get("/me", expect=403), 403, "certificate-unknown")


def test_api_host_demands_a_certificate_in_the_handshake(ra):
    with ra.open("api") as client, pytest.raises(httpx.TransportError):
        client.get("/businesses")


@pytest.mark.log("AH02039")  # mod_ssl's own words about the handshake
@pytest.mark.parametrize("options", [{"days": 1, "not_before": pki.now() - 3 * pki.DAY},
                                     {"days": 30, "not_before": pki.now() + 3 * pki.DAY}],
                         ids=["expired", "not yet valid"])
def test_certificate_out_of_its_time_fails_in_the_handshake(ra, options):
    with ra.open("staff", identity=ra.identity(**options)) as client, pytest.raises(httpx.TransportError):
        client.get("/businesses")


@pytest.mark.log("AH02039")
def test_certificate_of_a_foreign_ca_fails_in_the_handshake(ra):
    foreign = pki.Authority.make("foreign CA")
    with ra.open("staff", identity=ra.identity(authority=foreign)) as client, pytest.raises(httpx.TransportError):
        client.get("/businesses")


def test_forged_headers_have_no_effect(ra):
    with ra.open("staff") as client:
        refused(client.get("/me", headers=FORGED, expect=403), 403, "certificate-required")
        refused(client.get("/people", headers=FORGED, expect=403), 403, "certificate-required")
    me = ra.staff("acceptor").get("/me", headers=FORGED).json()
    assert me["id"] == ra.ids["people"]["acceptor"] and me["signed_reviews"] == "optional"


# Disabling works on the next request of an open connection.

def test_disabled_person_is_refused_on_the_open_connection(ra):
    person = ra.person("auditor")
    path = f"/people/{person.id}"
    with ra.open("staff", identity=person.identity) as client:
        assert client.get("/me").json()["id"] == person.id
        ra.administrator.step(path, "disablement", {"reason": "调离"})
        refused(client.get("/me", expect=403), 403, "principal-disabled")
        ra.administrator.step(path, "enablement", {"reason": "回来"})
        client.get("/me")


def test_disabled_certificate_is_refused_and_the_other_one_works(ra):
    person = ra.person("auditor")
    path = f"/people/{person.id}"
    second = ra.identity()
    bound = ra.administrator.step(path, "certificates", {"certificate": second.pem}).json()["certificates"]
    first = next(one for one in bound if one["sha256"] == person.identity.sha256)
    with ra.open("staff", identity=person.identity) as client, ra.open("staff", identity=second) as other:
        client.get("/me")
        ra.administrator.step(path, f"certificates/{first['id']}/disablement", {"reason": "遗失"})
        refused(client.get("/me", expect=403), 403, "certificate-disabled")
        assert other.get("/me").json()["id"] == person.id


def test_certificate_that_runs_out_is_refused_on_the_open_connection(ra):
    person = ra.person("auditor")
    with ra.open("staff", identity=person.identity) as client:
        client.get("/me")
        ra.sql(f"UPDATE credentials SET not_after = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE sha256 = UNHEX('{person.identity.sha256}')")
        refused(client.get("/me", expect=403), 403, "certificate-expired")


def test_disabled_system_is_refused_on_the_open_connection(ra):
    system = ra.business_system("applications.read")
    with ra.open("api", identity=system.identity) as client:
        assert client.get("/me").json()["scopes"] == ["applications.read"]
        ra.administrator.step(f"/systems/{system.id}", "disablement", {"reason": "停用"})
        refused(client.get("/me", expect=403), 403, "principal-disabled")


# Names are not identities.

def odd_certificate(ra, *names):
    """A certificate of the staff CA with such a subject."""
    name = unique("odd-")
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in names])
    certificate, key = ra.stack.pki.staff.issue(subject, ExtendedKeyUsageOID.CLIENT_AUTH)
    identity = ra.stack.pki._identity(name)
    ra.stack.pki._store(identity, certificate, key, ra.stack.pki.staff)
    return identity


CN, O = NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME


@pytest.mark.parametrize("names", [
    [(CN, "徐管理 (administrator)")], [(CN, "admin"), (CN, "bob")], [(CN, "x/CN=admin")], [(CN, "admin,CN=bob")],
    [(O, "山西社保数字证书注册机构"), (CN, "首任系统管理员 (first_administrator)")], [(CN, "admin\"><script>")], [(CN, "' OR 1=1 --")],
])
def test_name_in_a_certificate_opens_no_door(ra, names):
    """T3, T4: somebody with an odd name is a stranger, and, once entered, nobody else."""
    identity = odd_certificate(ra, *names)
    with ra.open("staff", identity=identity) as client:
        refused(client.get("/me", expect=403), 403, "certificate-unknown")
        person = ra.person("auditor")
        bound = ra.administrator.step(f"/people/{person.id}", "certificates", {"certificate": identity.pem}).json()["certificates"]
        assert client.get("/me").json()["id"] == person.id
    assert identity.sha256 in {one["sha256"] for one in bound}


def test_name_with_control_characters_is_refused_at_entry(ra):
    identity = odd_certificate(ra, (CN, "admin\r\nSSL_CLIENT_VERIFY: SUCCESS"))
    with ra.open("staff", identity=identity) as client:
        refused(client.get("/me", expect=403), 403, "certificate-unknown")
    person = ra.person("auditor")
    refused(ra.administrator.step(f"/people/{person.id}", "certificates", {"certificate": identity.pem}, expect=422), 422,
            "certificate-unreadable")


def test_same_subject_and_serial_with_another_key_is_a_stranger(ra):
    """T2: what counts is the certificate, not what it says of its holder."""
    known = x509.load_pem_x509_certificate(ra.stack.identity("auditor").certificate.read_bytes())
    staff = ra.stack.pki.staff
    key = pki.ec.generate_private_key(pki.ec.SECP256R1())
    twin = (x509.CertificateBuilder().subject_name(known.subject).issuer_name(staff.certificate.subject).public_key(key.public_key())
            .serial_number(known.serial_number).not_valid_before(known.not_valid_before).not_valid_after(known.not_valid_after)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), False).sign(staff.key, hashes.SHA256()))
    identity = ra.stack.pki._identity(unique("twin-"))
    ra.stack.pki._store(identity, twin, key, staff)
    with ra.open("staff", identity=identity) as client:
        refused(client.get("/me", expect=403), 403, "certificate-unknown")


def test_same_subject_of_a_second_trusted_ca_is_a_stranger(ra):
    known = x509.load_pem_x509_certificate(ra.stack.identity("auditor").certificate.read_bytes())
    second = pki.Authority(*second_ca(ra))
    certificate, key = second.issue(known.subject, ExtendedKeyUsageOID.CLIENT_AUTH)
    identity = ra.stack.pki._identity(unique("second-"))
    ra.stack.pki._store(identity, certificate, key, second)
    with ra.open("staff", identity=identity) as client:
        refused(client.get("/me", expect=403), 403, "certificate-unknown")


def second_ca(ra):
    """A CA below the root that the hosts trust, with the name of the staff CA."""
    root, staff = ra.stack.pki.root, ra.stack.pki.staff
    key = pki.ec.generate_private_key(pki.ec.SECP256R1())
    certificate = (x509.CertificateBuilder().subject_name(staff.certificate.subject).issuer_name(root.certificate.subject)
                   .public_key(key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(pki.now() - pki.DAY)
                   .not_valid_after(pki.now() + 30 * pki.DAY).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
                   .add_extension(root.identifier(), False).sign(root.key, hashes.SHA256()))
    return certificate, key


# Hosts.

def test_roles_act_on_the_staff_host_only(ra):
    with ra.open("api", "auditor") as client:
        for path in ("/applications", "/certificates", "/me"):
            refused(client.get(path, expect=403), 403, "access-denied")
        refused(client.get("/people", expect=404), 404, "not-found")  # open to no scope at all


def test_scopes_act_on_the_api_host_only(ra):
    with ra.open("staff", seed.SYSTEM) as client:
        for path in ("/applications", "/certificates", "/me"):
            refused(client.get(path, expect=403), 403, "access-denied")


@pytest.mark.parametrize("host", ["public", "internal"])
def test_other_hosts_know_public_operations_only(ra, host):
    with ra.open(host) as client:
        for path in ("/me", "/applications", "/people", "/operations"):
            answer = client.request("GET", path)
            assert answer.status_code == 404 and answer.json()["code"] == "not-found"
        client.get("/businesses")


def test_public_operations_are_on_every_host(ra):
    for client in (ra.public, ra.staff("acceptor"), ra.system(), ra.internal):
        assert client.get("/businesses").json()["items"][0]["business"] == "issue"
        client.get("/openapi.json")
        client.get("/certificate-status", params={"subject": "没有这个名称"})
    with ra.open("staff") as client:
        client.get("/businesses")


def test_me_says_who_and_what(ra):
    me = ra.staff("agency").get("/me").json()
    assert (me["kind"], me["roles"]) == ("person", [{"role": "agency", "province_wide": False}])
    assert me["agency"]["id"] == ra.ids["agency"] and "office" not in me
    me = ra.system().get("/me").json()
    assert (me["kind"], set(me["scopes"]), me["roles"]) == ("system", set(seed.SCOPES), [])
    assert me["credential"]["sha256"] == ra.stack.identity(seed.SYSTEM).sha256


# Other sites (client certificates go with every request of a browser).

GOOD = {"X-RA-Request": "1", "Origin": None, "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize("changes", [
    {"X-RA-Request": ""}, {"X-RA-Request": "2"}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"}, {"Origin": "https://127.0.0.1"}, {"Origin": "http://127.0.0.1"},
    {"Origin": ""},
    {"X-RA-Request": "1", "Origin": False, "Sec-Fetch-Site": False}, {"X-RA-Request": False},
])
def test_other_site_cannot_use_the_visitors_certificate(ra, changes):
    url = ra.stack.url("staff")
    headers = {**GOOD, "Origin": url, **changes}
    with ra.open("staff", "administrator") as client:
        answer = client.request("POST", "/offices", json={"name": unique("x"), "kind": "local", "region": "140100"},
                                headers={name: value for name, value in headers.items() if value is not False})
        refused(answer, 403, "cross-origin")


@pytest.mark.parametrize("without", ["Origin", "Sec-Fetch-Site"])
def test_one_proof_of_the_same_origin_is_enough(ra, without):
    headers = {**GOOD, "Origin": ra.stack.url("staff")}
    del headers[without]
    with ra.open("staff", "administrator") as client:
        answer = client.request("POST", "/offices", json={"name": unique("x"), "kind": "local", "region": "140100"}, headers=headers)
        assert answer.status_code == 201


def test_get_has_no_effect_and_needs_no_proof(ra):
    with ra.open("staff", "auditor") as client:
        assert client.request("GET", "/people", headers={"Origin": "https://evil.example",
                                                         "Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize("site,status", [("cross-site", 403), ("same-site", 403), ("none", 200), ("same-origin", 200)])
def test_other_site_leaves_no_evidence_of_a_reading_in_the_visitors_name(ra, site, status):
    """A page elsewhere has the browser load the address of an application: it sees nothing, and the log must not say that the visitor read it."""
    case = ra.case("awaiting_agency")
    with ra.open("staff", "review_officer") as client:
        answer = client.request("GET", case.path, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == status and (status == 200 or answer.json()["code"] == "cross-origin")
    read = ra.sql("SELECT COUNT(*) FROM audit_events WHERE event = 'getApplication' AND outcome = 'read'"
                  f" AND object_id = UNHEX(REPLACE('{case.id}', '-', ''))")
    assert read == [["1" if status == 200 else "0"]]


def test_no_answer_opens_itself_to_other_origins(ra):
    answer = ra.staff("auditor").get("/people", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
