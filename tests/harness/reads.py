"""What the API document lets a caller read: each GET operation, who may call it, and each of its filters with values to ask for."""
import collections
import urllib.parse

from . import seed
from .rows import uuid_of

CITY = "taiyuan"  # an office that sees three of ten rows

NOBODY = uuid_of(0)


def known_values(stack, rows):
    """What a filter is asked with where the document has no list of values: what a row in the middle has, or the one of the main job."""
    middle = rows // 2
    number, project = stack.database.client("SELECT number, project FROM applications ORDER BY id DESC LIMIT 1", "ra").rstrip("\n").split("\t")
    return {
        "subject": f"山西规模测试信息技术有限公司{middle:07d}", "name": f"山西规模测试信息技术有限公司{middle:07d}",
        "subject_name": f"山西规模测试信息技术有限公司{middle:07d}", "social_security_no": f"15{middle:011d}", "organisation_code": f"91140100{middle:010d}",
        "number": number, "serial": f"{middle:X}", "phone": "13835100000", "email": "a@example.cn", "q": "王", "project": project, "business": "unlock",
        "event": "updatePerson", "code": "10101011", "region": "1401", "office_id": stack.ids["offices"][CITY], "actor_id": stack.ids["people"]["acceptor"],
    }


BY_FORMAT = {"date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z"}


class Document:
    """The API document: what can be asked."""

    def __init__(self, document, known, rows):
        self.document = document
        self.known = known
        self.row = uuid_of(rows // 2)

    def resolve(self, part):
        while "$ref" in part:
            node = self.document
            for name in part["$ref"].removeprefix("#/").split("/"):
                node = node[name]
            part = node
        return part

    def reads(self):
        """(path, operation) of each GET."""
        for path, item in self.document["paths"].items():
            if "get" in item:
                yield path, item["get"]

    def filters(self, operation):
        """[(name, values, required)] of the parameters that choose."""
        found = []
        for parameter in map(self.resolve, operation.get("parameters", ())):
            if parameter["in"] == "query" and parameter["name"] not in ("limit", "cursor"):
                found.append((parameter["name"], self.values(parameter), parameter.get("required", False)))
        return found

    def values(self, parameter):
        schema = self.resolve(parameter["schema"])
        if "enum" in schema:
            return schema["enum"]
        if schema.get("type") == "integer":
            return [schema["maximum"]] if "maximum" in schema else [1]
        if schema.get("type") == "boolean":
            return ["true"]
        if parameter["name"] in self.known:
            return [self.known[parameter["name"]]]
        if schema.get("format") == "uuid":
            return [self.row, NOBODY]
        return [BY_FORMAT.get(schema.get("format"), "none")]

    def is_list(self, operation):
        return any(parameter["name"] == "cursor" for parameter in map(self.resolve, operation.get("parameters", ())))

    def addresses(self, path, operation):
        """Alone, and with each value of each filter."""
        filters = self.filters(operation)
        needed = {name: values[0] for name, values, required in filters if required}
        page = {"limit": 50} if self.is_list(operation) else {}
        yield with_query(path, {**page, **needed})
        for name, values, required in filters:
            for value in values[1:] if required else values:
                yield with_query(path, {**page, **needed, name: value})


def with_query(path, query):
    return f"{path}?{urllib.parse.urlencode(query)}" if query else path


# --- callers -----------------------------------------------------------------------------------------------------------


def of_a_city(stack, administrator, role):
    identity = stack.pki.client(f"sweep-{role}")
    seed.create_person(administrator, f"扫描{role}", [role], identity.pem, office_id=stack.ids["offices"][CITY], province_wide=False)
    return stack.client("staff", identity=identity)


Caller = collections.namedtuple("Caller", "who sight may client")


def callers(stack):
    """Each role with the whole province and with one city in sight, a business system, and anybody. Each client is the caller's to close."""
    with stack.staff(seed.FIRST) as administrator:
        for role in seed.PEOPLE:
            def may(access, role=role):
                return role in access.get("roles", ())

            yield Caller(role, "agency" if role == "agency" else "province", may, stack.staff(role))
            if role != "agency":
                yield Caller(f"{role} of a city", "city", may, of_a_city(stack, administrator, role))
    yield Caller("system", "system", lambda access: "scopes" in access, stack.system())
    yield Caller("anybody", "public", lambda access: access.get("public"), stack.client("public"))


def named(client, path):
    """The path with an id that its list has; None when the list is empty, or there is none."""
    before, _, rest = path.partition("/{")
    if not rest:
        return path
    answer = client.request("GET", before)
    items = answer.json().get("items") if answer.status_code == 200 else None
    member, _, after = rest.partition("}")
    return f"{before}/{items[0][member]}{after}" if items and member in items[0] else None
