"""Offices, agencies, people and business systems: what administrators do, and that it holds on the next request."""
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from harness import pki, seed
from support import refused, unique

BUSINESS_ROLES = [role for role in seed.PEOPLE if role not in ("administrator", "auditor", "agency")]


@pytest.fixture(scope="module")
def admin(ra):
    return ra.administrator


def grant(admin, person, *roles, expect=200):
    path = f"/people/{person.id}"
    tag = admin.get(path).headers["ETag"]
    return admin.put(path + "/roles", {"roles": [{"role": role} for role in roles]}, tag=tag, expect=expect)


# Offices and agencies.

@pytest.mark.parametrize("path,body", [("/offices", {"kind": "local", "region": "140100"}), ("/agencies", {"region": "140100"})])
def test_place_is_made_once(ra, admin, path, body):
    body = {"name": unique("机构"), **body}
    made = admin.post(path, body, expect=201).json()
    assert {name: made[name] for name in body} == body
    refused(admin.post(path, body, expect=409), 409, "duplicate-name", ("/name", "taken"))
    refused(admin.post(path, {**body, "name": "\u0958" * 100}, expect=422), 422, "deceptive-name", ("/name", "deceptive-characters"))
    refused(admin.post(path, {**body, "name": body["name"] + "\u200b"}, expect=422), 422, "deceptive-name",
            ("/name", "deceptive-characters"))
    refused(admin.post(path, {**body, "name": unique("x"), "region": "999"}, expect=422), 422, "body-invalid", ("/region", "format-region"))
    assert seed.find(ra.staff("auditor"), path, body["name"]) == made


def test_business_systems_and_counters_know_the_agencies(ra):
    for client in (ra.system(), ra.staff("acceptor"), ra.staff("agency")):
        assert ra.ids["agency"] in {item["id"] for item in client.get("/agencies", params={"limit": 200}).json()["items"]}


# People.

def test_person_belongs_somewhere_that_exists(ra, admin):
    stranger = "019ab2c4-7d10-7c3e-9a51-2f6d0b8e4c31"
    refused(admin.post("/people", {"name": unique("x")}, expect=422), 422, "body-invalid", ("", "one-of-required"))
    refused(admin.post("/people", {"name": unique("x"), "office_id": stranger}, expect=422), 422, "office-unknown",
            ("/office_id", "unknown-reference"))
    refused(admin.post("/people", {"name": unique("x"), "agency_id": stranger}, expect=422), 422, "agency-unknown",
            ("/agency_id", "unknown-reference"))


def test_staff_number_is_of_one_person(ra, admin):
    number, office = unique("S"), ra.ids["offices"]["center"]
    first = admin.post("/people", {"name": unique("甲"), "staff_number": number, "office_id": office}, expect=201)
    assert first.headers["Location"].endswith(f"/people/{first.json()['id']}")
    refused(admin.post("/people", {"name": unique("乙"), "staff_number": number, "office_id": office}, expect=409), 409, "duplicate-name",
            ("/staff_number", "taken"))
    second = admin.post("/people", {"name": unique("乙"), "office_id": office}, expect=201)
    path = f"/people/{second.json()['id']}"
    refused(admin.patch(path, {"staff_number": number}, tag=second.headers["ETag"], expect=409), 409, "duplicate-name",
            ("/staff_number", "taken"))


def test_person_is_changed_by_merge_patch(ra, admin):
    office = ra.office("140200")
    made = admin.post("/people", {"name": unique("丙"), "staff_number": unique("S"), "office_id": ra.ids["offices"]["center"]}, expect=201)
    path = f"/people/{made.json()['id']}"
    changed = admin.patch(path, {"staff_number": None, "office_id": office}, tag=made.headers["ETag"])
    person = changed.json()
    assert "staff_number" not in person and person["office"]["id"] == office and person["name"] == made.json()["name"]
    assert person["version"] == made.json()["version"] + 1
    refused(admin.patch(path, {"name": "x"}, tag=made.headers["ETag"], expect=412), 412, "version-stale")
    refused(admin.patch(path, {"office_id": None}, tag=changed.headers["ETag"], expect=422), 422, "body-invalid", ("", "one-of-required"))
    assert admin.get(path).json() == person


def test_people_are_found_by_office_name_and_number(ra, admin):
    office, name, number = ra.office("140300"), unique("丁"), unique("S")
    made = admin.post("/people", {"name": name, "staff_number": number, "office_id": office}, expect=201).json()
    for query in ({"office_id": office}, {"q": name[2:]}, {"q": number}, {"office_id": office, "q": name}):
        assert [item["id"] for item in ra.staff("auditor").get("/people", params=query).json()["items"]] == [made["id"]]
    assert ra.staff("auditor").get("/people", params={"q": number[:-1]}).json()["items"] == []
    assert ra.staff("auditor").get("/people", params={"q": "%"}).json()["items"] == []


# Roles.

@pytest.mark.parametrize("alone", ["administrator", "auditor", "agency"])
def test_roles_that_exclude_the_others(ra, admin, alone):
    person = ra.person()
    for other in [role for role in seed.PEOPLE if role != alone]:
        refused(grant(admin, person, alone, other, expect=422), 422, "roles-exclusive", ("/roles", "exclusive-role"))
    assert [one["role"] for one in grant(admin, person, alone).json()["roles"]] == [alone]


def test_business_roles_may_be_held_together(ra, admin):
    person = ra.person()
    assert {one["role"] for one in grant(admin, person, *BUSINESS_ROLES).json()["roles"]} == set(BUSINESS_ROLES)


def test_role_is_named_once(ra, admin):
    person = ra.person()
    path = f"/people/{person.id}"
    for grants in ([{"role": "acceptor"}] * 2, [{"role": "acceptor"}, {"role": "acceptor", "province_wide": True}]):
        answer = admin.put(path + "/roles", {"roles": grants}, tag=admin.get(path).headers["ETag"], expect=422)
        assert answer.json()["code"] in ("body-invalid", "roles-exclusive")
    assert admin.get(path).json()["roles"] == []


def test_roles_hold_on_the_next_request(ra, admin):
    person = ra.person()
    with ra.open("staff", identity=person.identity) as client:
        refused(client.get("/applications", expect=403), 403, "access-denied")
        grant(admin, person, "hotline_agent")
        client.get("/applications")
        grant(admin, person)
        said = refused(client.get("/applications", expect=403), 403, "access-denied")
        assert "…" not in said["detail"]


# Administrators and themselves.

def test_administrator_does_not_change_the_own_account(ra):
    person = ra.person("administrator")
    client = ra.staff(person)
    path = f"/people/{person.id}"
    tag = client.get(path).headers["ETag"]
    own = client.get(path).json()["certificates"][0]["id"]
    for method, place, body in (("PATCH", "", {"name": "x"}), ("PUT", "/roles", {"roles": []}), ("POST", "/disablement", {"reason": "x"}),
                                ("POST", "/certificates", {"certificate": ra.identity().pem}),
                                ("POST", f"/certificates/{own}/disablement", {"reason": "x"})):
        refused(client.call(method, path + place, body, tag=tag, expect=409), 409, "self-administration")
    assert client.get(path).headers["ETag"] == tag


# Certificates.

def certificate_for(ra, usage=ExtendedKeyUsageOID.CLIENT_AUTH, authority=None, **options):
    certificate, key = (authority or ra.stack.pki.staff).issue(pki.make_name(unique("c")), usage, **options)
    return pki.pem(certificate).decode(), pki.key_pem(key).decode()


def test_certificate_belongs_to_one_person_for_ever(ra, admin):
    first, second, system = ra.person("auditor"), ra.person("auditor"), ra.business_system("applications.read")
    pem = {"certificate": first.identity.pem}
    for path in (f"/people/{first.id}", f"/people/{second.id}", f"/systems/{system.id}"):
        refused(admin.step(path, "certificates", pem, expect=409), 409, "duplicate-credential", ("/certificate", "taken"))
    credential = admin.get(f"/people/{first.id}").json()["certificates"][0]["id"]
    gone = admin.step(f"/people/{first.id}", f"certificates/{credential}/disablement", {"reason": "遗失"}).json()
    assert gone["certificates"][0]["disabled"] is True
    refused(admin.step(f"/people/{second.id}", "certificates", pem, expect=409), 409, "duplicate-credential")
    refused(admin.step(f"/people/{first.id}", f"certificates/{credential}/disablement", {"reason": "x"}, expect=409), 409, "state-conflict")
    refused(admin.step(f"/people/{second.id}", f"certificates/{credential}/disablement", {"reason": "x"}, expect=404), 404, "not-found")


def test_certificate_must_be_readable_trusted_and_for_clients(ra, admin):
    person = ra.person()
    good, key = certificate_for(ra)
    foreign = pki.Authority.make("foreign CA")
    untrusted = [certificate_for(ra, authority=foreign)[0], certificate_for(ra, ExtendedKeyUsageOID.SERVER_AUTH)[0],
                 certificate_for(ra, days=1, not_before=pki.now() - 3 * pki.DAY)[0],
                 certificate_for(ra, days=9, not_before=pki.now() + 3 * pki.DAY)[0]]
    for text in untrusted:
        refused(admin.step(f"/people/{person.id}", "certificates", {"certificate": text}, expect=422), 422, "certificate-not-trusted")
    for text in ("x", good[:-40], good + good, key + good, good.replace("CERTIFICATE", "X509 CRL")):
        refused(admin.step(f"/people/{person.id}", "certificates", {"certificate": text}, expect=422), 422, "certificate-unreadable",
                ("/certificate", "malformed"))
    bound = admin.step(f"/people/{person.id}", "certificates", {"certificate": good}).json()["certificates"]
    made = x509.load_pem_x509_certificate(good.encode())
    assert bound[-1]["sha256"] == made.fingerprint(hashes.SHA256()).hex()
    assert int(bound[-1]["serial"], 16) == made.serial_number


# Disabling.

@pytest.mark.parametrize("kind", ["people", "systems"])
def test_disabling_and_enabling(ra, admin, kind):
    who = ra.person("auditor") if kind == "people" else ra.business_system("applications.read")
    path = f"/{kind}/{who.id}"
    refused(admin.step(path, "enablement", {"reason": "x"}, expect=409), 409, "state-conflict")
    off = admin.step(path, "disablement", {"reason": "调离岗位"}).json()
    assert (off["disabled"], off["disabled_reason"]) == (True, "调离岗位")
    refused(admin.step(path, "disablement", {"reason": "x"}, expect=409), 409, "state-conflict")
    refused(admin.step(path, "disablement", {}, expect=422), 422, "body-invalid", ("/reason", "required"))
    on = admin.step(path, "enablement", {"reason": "恢复"}).json()
    assert on["disabled"] is False and "disabled_reason" not in on


# Systems.

def test_scopes_hold_on_the_next_request(ra, admin):
    system = ra.business_system()
    path = f"/systems/{system.id}"
    with ra.open("api", identity=system.identity) as client:
        refused(client.get("/applications", expect=403), 403, "access-denied")
        tag = admin.get(path).headers["ETag"]
        changed = admin.put(path + "/scopes", {"scopes": ["applications.read", "applications.submit"]}, tag=tag)
        assert set(changed.json()["scopes"]) == {"applications.read", "applications.submit"}
        client.get("/applications")
        admin.put(path + "/scopes", {"scopes": []}, tag=changed.headers["ETag"])
        refused(client.get("/applications", expect=403), 403, "access-denied")


def test_system_is_no_person(ra, admin):
    system, person = ra.business_system("applications.read"), ra.person("auditor")
    refused(admin.get(f"/people/{system.id}", expect=404), 404, "not-found")
    refused(admin.get(f"/systems/{person.id}", expect=404), 404, "not-found")
    refused(admin.put(f"/systems/{person.id}/scopes", {"scopes": []}, tag='"1.json"', expect=404), 404, "not-found")
    assert system.id in {item["id"] for item in admin.get("/systems", params={"limit": 200}).json()["items"]}


def test_administration_needs_the_entity_tag(ra, admin):
    person, system = ra.person("auditor"), ra.business_system("applications.read")
    for method, path, body in (("PUT", f"/people/{person.id}/roles", {"roles": []}), ("PATCH", f"/people/{person.id}", {"name": "x"}),
                               ("POST", f"/people/{person.id}/disablement", {"reason": "x"}),
                               ("PUT", f"/systems/{system.id}/scopes", {"scopes": []}),
                               ("POST", f"/systems/{system.id}/certificates", {"certificate": ra.identity().pem})):
        refused(admin.call(method, path, body, expect=428), 428, "if-match-missing")
        refused(admin.call(method, path, body, tag='"999.json"', expect=412), 412, "version-stale")
