"""What the API ring shares: clients whose every answer is checked, people made for a test, and cases that stand at a wanted step."""
import itertools
import secrets
import time

from checker import Document
from harness import samples, seed
from harness.client import Unexpected

ANY_LANGUAGE = "x-any"  # the requests of a client take turns between the languages
PRODUCTION_SECONDS = 90

MATERIALS = {
    "organisation": ("application_form", "organisation_code_certificate", "business_licence", "officer_id"),
    "person": ("application_form", "applicant_id"),
    "server": ("application_form", "icp_licence", "organisation_code_certificate", "business_licence", "applicant_id"),
}


def unique(prefix):
    return f"{prefix}{secrets.token_hex(5)}"


def uuid_sql(text):
    """An id of the API as the database has it."""
    return f"UNHEX(REPLACE('{text}', '-', ''))"


class Ra:
    """One instance as its callers see it."""

    def __init__(self, stack):
        self.stack = stack
        self.ids = stack.ids
        self.languages = itertools.cycle(("en", "zh-CN"))
        self.kept = {}
        with stack.client("public") as client:
            self.document = Document(client.get("/openapi.json").json())

    def close(self):
        for client in self.kept.values():
            client.close()

    # Callers.

    def _before(self, request):
        if request.headers.get("Accept-Language") == ANY_LANGUAGE:
            request.headers["Accept-Language"] = next(self.languages)

    def _after(self, response):
        response.read()
        self.document.demand(response)

    def open(self, host, role=None, language=ANY_LANGUAGE, **options):
        """A client with connections of its own; the caller closes it."""
        return self.stack.client(host, role, language=language, event_hooks={"request": [self._before], "response": [self._after]},
                                 **options)

    def _keep(self, host, role=None, identity=None):
        name = (host, identity.name if identity else role)
        if name not in self.kept:
            self.kept[name] = self.open(host, role, identity=identity)
        return self.kept[name]

    def staff(self, who):
        """The client of a role's usual person, or of a Person made for the test."""
        return self._keep("staff", identity=who.identity) if isinstance(who, Person) else self._keep("staff", who)

    def system(self, who=None):
        return self._keep("api", identity=who.identity) if who else self._keep("api", seed.SYSTEM)

    @property
    def public(self):
        return self._keep("public")

    @property
    def internal(self):
        return self._keep("internal")

    @property
    def administrator(self):
        return self._keep("staff", seed.FIRST)

    # Things.

    def identity(self, name=None, **options):
        return self.stack.pki.client(name or unique("t-"), **options)

    def agency(self, region=seed.TAIYUAN):
        return self.administrator.post("/agencies", {"name": unique("经办中心"), "region": region}, expect=201).json()["id"]

    def office(self, region):
        return self.administrator.post("/offices", {"name": unique("受理点"), "kind": "local", "region": region}, expect=201).json()["id"]

    def person(self, *roles, office_id=None, agency_id=None, province_wide=True):
        """A new person with a certificate and these roles."""
        identity = self.identity()
        if not office_id and not agency_id:
            office_id = self.ids["offices"]["center"]
        made = seed.create_person(self.administrator, unique("人员"), roles, identity.pem, office_id=office_id, agency_id=agency_id,
                                  province_wide=province_wide)
        return Person(made["id"], identity)

    def business_system(self, *scopes, agency_id=None, region=seed.TAIYUAN):
        identity = self.identity()
        made = seed.create_system(self.administrator, unique("系统"), list(scopes), identity.pem, agency_id=agency_id, region=region)
        return Person(made["id"], identity)

    def sql(self, statement):
        """Runs a statement as the database's administrator. @return rows of columns"""
        return [line.split("\t") for line in self.stack.database.client(statement, "ra").splitlines()]

    def case(self, state=None, **options):
        case = Case(self, **options)
        return case.to(state) if state else case


class Person:
    """Somebody (or a business system) with a certificate."""

    def __init__(self, id, identity):
        self.id = id
        self.identity = identity


def refused(response, status, code, *violations):
    """The answer is this refusal, naming at least these places: (pointer, code)."""
    body = response.json()
    assert (response.status_code, body.get("code")) == (status, code), body
    named = {(error["pointer"], error["code"]) for error in body.get("errors", ())}
    assert set(violations) <= named, body
    return body


class Case:
    """One application for `issue`. Each step is done by the role's usual person with the entity tag of the step before."""

    ORDER = ("awaiting_agency", "awaiting_acceptance", "awaiting_entry", "awaiting_review", "awaiting_production", "coded",
             "awaiting_handover", "awaiting_archive", "awaiting_completion", "completed")

    def __init__(self, ra, kind="organisation", **changes):
        self.ra = ra
        self.kind = kind
        self.form = submission(kind, changes.pop("agency_id", None) or ra.ids["agency"], **changes)
        self.tag = self.id = self.codes = self.key = self.certificate = self.operation = None
        self.application = {"state": None}

    @property
    def name(self):
        return self.form["subject_name"]

    @property
    def path(self):
        return f"/applications/{self.id}"

    @property
    def state(self):
        return self.application["state"]

    # Anything.

    def call(self, who, method, place, body=None, expect=200, **options):
        """One call on the application. A success is taken over; a refusal is the caller's to look at."""
        client = who if hasattr(who, "call") else self.ra.staff(who)
        response = client.call(method, self.path + place, body, tag=options.pop("tag", self.tag), expect=expect, **options)
        if response.status_code < 300 and "ETag" in response.headers:
            self.tag = response.headers["ETag"]
        if response.status_code == 200:
            self.application = response.json()
        return response

    def step(self, who, name, body, **options):
        return self.call(who, "POST", "/" + name, body, **options)

    def refuse(self, who, name, body, status, code, *violations, **options):
        """The step is refused like this, and nothing has changed."""
        body = refused(self.step(who, name, body, expect=status, **options), status, code, *violations)
        assert self.ra.staff("auditor").get(self.path).headers["ETag"] == self.tag
        return body

    def read(self, who="auditor"):
        client = who if hasattr(who, "call") else self.ra.staff(who)
        response = client.get(self.path)
        self.tag, self.application = response.headers["ETag"], response.json()
        return self.application

    def queued(self, who):
        """Its task in the queue of a caller: of what can be done, or of what is blocked; None where it is in neither, and never in both."""
        client = who if hasattr(who, "call") else self.ra.staff(who)
        found = []
        for blocked in ("false", "true"):
            params = {"limit": 200, "blocked": blocked}
            while params:
                page = client.get("/tasks", params=params).json()
                found += [item for item in page["items"] if item["id"] == self.id]
                params = {**params, "cursor": page["next_cursor"]} if "next_cursor" in page else None
        assert len(found) <= 1, found
        return found[0] if found else None

    def demand_blocked(self, who, step, problem):
        task = self.queued(who)
        assert task and (task["step"], task["blocked_by"]) == (step, problem), task

    def demand_free(self, who, step, begins_with=None):
        task = self.queued(who)
        assert task and (task["step"], task.get("blocked_by"), task.get("begins_with")) == (step, None, begins_with), task

    def history(self):
        return self.ra.staff("auditor").get(self.path + "/history").json()["items"]

    # The steps.

    def submit(self, client=None, **options):
        response = (client or self.ra.system()).post("/applications", self.form, expect=201, **options)
        self.application, self.tag = response.json(), response.headers["ETag"]
        self.id = self.application["id"]
        return response

    def approve(self, who="agency", **options):
        return self.step(who, "agency-decision", {"decision": "approve", "filing_number": "并社经备2026-0147"}, **options)

    def accept(self, who="acceptor", **options):
        return self.step(who, "acceptance", acceptance(self.kind), **options)

    def enter(self, who="entry_officer", **options):
        return self.step(who, "entry", entry(self), **options)

    def review(self, who="review_officer", **options):
        return self.step(who, "review", {"decision": "approve", "snapshot_sha256": self.application["snapshot_sha256"]}, **options)

    def draw(self, who="issuing_officer", **options):
        response = self.step(who, "codes", {}, expect=options.pop("expect", 201), **options)
        if response.status_code == 201:
            self.codes = response.json()
        return response

    def production(self, **changes):
        """The body of the production with a key of its own."""
        text, self.key = samples.csr(self.name, self.key)
        return {"reference_code": self.codes["reference_code"], "authorisation_code": self.codes["authorisation_code"], "csr": text,
                **changes}

    def ask(self, who="issuing_officer", expect=(201, 202), **options):
        """Asks for the certificate."""
        response = self.step(who, "production", self.production(), expect=expect, **options)
        if response.status_code == 201:
            self.certificate = response.json()["certificate"]
        self.operation = response.json().get("operation", response.json())
        return response

    def produce(self, who="issuing_officer"):
        """Asks for the certificate and waits until it is there."""
        self.ask(who)
        self.follow("succeeded")
        self.certificate = self.ra.staff("issuing_officer").get(f"/certificates/{self.operation['certificate_id']}").json()
        self.read()

    def follow(self, *wanted, seconds=PRODUCTION_SECONDS):
        """Waits until the operation has one of these statuses."""
        end = time.monotonic() + seconds
        while self.operation["status"] not in wanted and time.monotonic() < end:
            time.sleep(0.05)
            self.operation = self.ra.staff("issuing_officer").get(f"/operations/{self.operation['id']}").json()
        assert self.operation["status"] in wanted, self.operation
        return self.operation

    def hand_over(self, who="issuing_officer", **options):
        return self.step(who, "handover", HANDOVER, **options)

    def archive(self, who="archivist", **options):
        return self.step(who, "archive", ARCHIVE, **options)

    def complete(self, who="issuing_officer", **options):
        return self.step(who, "completion", COMPLETION, **options)

    def withdraw(self, who="acceptor", **options):
        return self.step(who, "withdrawal", {"reason": "订户放弃"}, **options)

    def to(self, state):
        """Does what is missing until the application is in a state; `coded`: awaiting production with codes drawn."""
        acts = (self.submit, self.approve, self.accept, self.enter, self.review, self.draw, self.produce, self.hand_over, self.archive,
                self.complete)
        for act, reached in zip(acts, self.ORDER):
            if not self._is_past(reached):
                act()
            if reached == state:
                break
        assert self.state == ("awaiting_production" if state == "coded" else state)
        return self

    def _is_past(self, reached):
        now = "coded" if self.state == "awaiting_production" and self.codes else self.state
        return now in self.ORDER and self.ORDER.index(now) >= self.ORDER.index(reached)


# Bodies.

def submission(kind, agency_id, **changes):
    body = samples.application(agency_id)
    if kind == "person":
        name = "王" + samples.organisation_name()[2:6]
        contact = {"name": name, "phone": "13835100001"}
        body.update(kind="person", subject_name=name)
        body["subscriber"] = {"kind": "person", "name": name, "social_security_no": samples.social_security_no(), "contact": contact,
                              "id_document": {"type": "resident_id", "number": samples.resident_id()}, "region": seed.TAIYUAN,
                              "agency_id": agency_id}
    elif kind == "server":
        body.update(kind="server", subject_name=unique("www-") + ".example.cn")
    subscriber = changes.pop("subscriber", {})
    body.update(changes)
    body["subscriber"].update(subscriber)
    return body


def acceptance(kind, **changes):
    materials = [{"material": name, "received": True, "sealed": kind != "person", "signed": kind == "person"} for name in MATERIALS[kind]]
    return {"decision": "accept", "materials": materials, "payment": {"method": "card", "amount": 11000, "receipt_number": unique("SJ")},
            **changes}


def entry(case, **changes):
    certificate = {"subject": {"country": "CN", "state_or_province": "山西省", "locality": "太原市", "common_name": case.name},
                   "validity_years": 1, "key_algorithms": ["ec_p256", "rsa"]}
    if case.kind == "server":
        certificate["dns_names"] = [case.name]
    if case.kind != "person":
        certificate["subject"]["organization"] = case.form["subscriber"]["name"]
    certificate.update(changes)
    return {"certificate": certificate}


HANDOVER = {"inspection": {"passed": True, "subject_checked": True, "validity_checked": True, "key_checked": True},
            "recipient": {"name": "王小明"}}
ARCHIVE = {"electronic_checked": True, "paper_complete": True, "form_copies": [1, 2], "box_number": "2026-001", "cabinet": "A1"}
COMPLETION = {"summary": "证书已制作并发放，资料已归档"}
REJECTION = {"decision": "reject", "reason": "材料有误", "guidance": "请更正后重新提交"}

__all__ = ["Ra", "Person", "Case", "Unexpected", "refused", "unique", "submission", "acceptance", "entry", "HANDOVER", "ARCHIVE",
           "COMPLETION",
           "REJECTION", "MATERIALS"]
