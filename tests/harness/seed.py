"""The people of a new instance, entered over REST by the first administrator: offices, an agency, one person per role, one system."""

CENTER_REGION = "140000"  # the province
TAIYUAN = "140100"

# role (domain.md §1) → (name in the certificate and the RA, where)
PEOPLE = {
    "acceptor": ("王受理", "center"),
    "entry_officer": ("李录入", "center"),
    "review_officer": ("张审核", "center"),
    "issuing_officer": ("赵制证", "center"),
    "archivist": ("陈档案", "center"),
    "hotline_agent": ("刘坐席", "center"),
    "technician": ("杨技术", "center"),
    "field_engineer": ("黄现场", "center"),
    "marketing": ("周市场", "center"),
    "manager": ("吴经理", "center"),
    "administrator": ("徐管理", "center"),
    "auditor": ("孙审计", "center"),
    "agency": ("马经办", "agency"),
}
SYSTEM = "system"
SYSTEM_NAME = "社保网上申报系统"
SCOPES = ["applications.submit", "applications.read", "agency.decide", "applications.produce", "certificates.read"]
FIRST = "first_administrator"  # of RAFirstAdministrator: enters the others
IDENTITIES = (FIRST, *PEOPLE, SYSTEM)

OFFICES = {"center": ("RA中心", "center", CENTER_REGION), "taiyuan": ("太原市受理点", "local", TAIYUAN)}
AGENCY_NAME = "太原市社会保险经办中心"


def make_identities(pki):
    pki.client(FIRST, f"首任系统管理员 ({FIRST})", "人员")
    for role, (name, _) in PEOPLE.items():
        pki.client(role, f"{name} ({role})", "人员")
    pki.client(SYSTEM, f"{SYSTEM_NAME} ({SYSTEM})", "业务系统")


def find(client, path, name):
    """The thing of a list that has the name; None when there is none."""
    address = f"{path}?limit=200"
    while address:
        page = client.get(address).json()
        for item in page["items"]:
            if item["name"] == name:
                return item
        cursor = page.get("next_cursor")
        address = cursor and f"{path}?limit=200&cursor={cursor}"
    return None


def ensure(client, path, body):
    return find(client, path, body["name"]) or client.post(path, body, expect=201).json()


def create_person(client, name, roles, certificate, *, office_id=None, agency_id=None, province_wide=True):
    """A person with roles and a certificate (PEM). @return the person as the last write answered it"""
    body = {"name": name, **({"office_id": office_id} if office_id else {}), **({"agency_id": agency_id} if agency_id else {})}
    made = client.post("/people", body, expect=201)
    grants = [{"role": role, "province_wide": province_wide and role != "agency"} for role in roles]
    path = f"/people/{made.json()['id']}"
    granted = client.put(f"{path}/roles", {"roles": grants}, tag=made.headers["ETag"])
    return client.post(f"{path}/certificates", {"certificate": certificate}, tag=granted.headers["ETag"]).json()


def create_system(client, name, scopes, certificate, *, agency_id=None, region=None):
    """A business system with scopes and a certificate (PEM)."""
    body = {"name": name, **({"agency_id": agency_id} if agency_id else {}), **({"region": region} if region else {})}
    made = client.post("/systems", body, expect=201)
    path = f"/systems/{made.json()['id']}"
    granted = client.put(f"{path}/scopes", {"scopes": scopes}, tag=made.headers["ETag"])
    return client.post(f"{path}/certificates", {"certificate": certificate}, tag=granted.headers["ETag"]).json()


def seed(stack):
    """Enters what is missing. @return ids: {"offices": {…}, "agency": id, "people": {role: id}, "system": id}"""
    ids = {"offices": {}, "people": {}}
    with stack.staff(FIRST) as client:
        for key, (name, kind, region) in OFFICES.items():
            ids["offices"][key] = ensure(client, "/offices", {"name": name, "kind": kind, "region": region})["id"]
        ids["agency"] = ensure(client, "/agencies", {"name": AGENCY_NAME, "region": TAIYUAN})["id"]
        for role, (name, place) in PEOPLE.items():
            person = find(client, "/people", name)
            if not person:
                where = {"agency_id": ids["agency"]} if place == "agency" else {"office_id": ids["offices"][place]}
                person = create_person(client, name, [role], stack.identity(role).pem, **where)
            ids["people"][role] = person["id"]
        system = find(client, "/systems", SYSTEM_NAME)
        ids["system"] = (system or create_system(client, SYSTEM_NAME, SCOPES, stack.identity(SYSTEM).pem, region=TAIYUAN))["id"]
    return ids
