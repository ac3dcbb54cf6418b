"""The people, connections and cases of the separation tests: fast callers, and cases that walk through the states of a business."""
import http.client
import json
import ssl
import uuid

from acts import OPERATION, REGISTRATION, Act
from harness import seed
from separation import EXPECTED, rejected_step
from support import COMPLETION, REJECTION

MAKES = {business for business in EXPECTED.rows if any("drawCodes" in row[0] for row in EXPECTED.rows[business])}


class Wire:
    """One caller's kept connection: method, path, form → status and code."""

    def __init__(self, ra, caller, host, identity=None):
        self.caller, self.host = caller, host
        self.tag = None  # of the last answer
        self.headers = {"Accept-Language": "en", "Content-Type": "application/json"}
        if host == "staff":
            self.headers.update({"X-RA-Request": "1", "Origin": ra.stack.url("staff"), "Sec-Fetch-Site": "same-origin"})
        context = ssl.create_default_context(cafile=str(ra.stack.pki.root_file))
        if identity:
            context.load_cert_chain(*identity.pair)
        self.connection = http.client.HTTPSConnection("127.0.0.1", ra.stack.ports[host], context=context, timeout=60)

    def __call__(self, method, path, form=None, tag=None):
        headers = dict(self.headers)
        if tag:
            headers["If-Match"] = tag
        if method == "PATCH":
            headers["Content-Type"] = "application/merge-patch+json"
        if self.host == "api" and method != "GET":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        body = None if method == "GET" else json.dumps(form).encode()
        try:
            answer = self._once(method, path, body, headers)
        except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLError):
            self.connection.close()  # it was idle for too long: the server has closed it
            answer = self._once(method, path, body, headers)
        content = answer.read()
        self.tag = answer.headers["ETag"]
        return answer.status, json.loads(content).get("code") if answer.status >= 400 else None

    def _once(self, method, path, body, headers):
        self.connection.request(method, "/api/v1" + path, body, headers)
        return self.connection.getresponse()

    def close(self):
        self.connection.close()


class Cast:
    """Everybody who calls: a person for each role, systems, strangers, and the system that submits."""

    def __init__(self, ra):
        self.ra = ra
        agency = ra.ids["agency"]
        elsewhere = {"office_id": ra.office("140200"), "province_wide": False}
        self.staff = {role: ra.person(role, **({"agency_id": agency} if role == "agency" else {})) for role in seed.PEOPLE}
        self.staff["acceptor@elsewhere"] = ra.person("acceptor", **elsewhere)
        self.staff["issuing_officer@elsewhere"] = ra.person("issuing_officer", **elsewhere)
        self.staff["agency@elsewhere"] = ra.person("agency", agency_id=ra.agency(), province_wide=False)
        self.own = ra.business_system(*seed.SCOPES, agency_id=agency)
        self.decider = ra.business_system("agency.decide", agency_id=agency)
        self.strangers = {f"{scope}@elsewhere": ra.business_system(scope) for scope in seed.SCOPES}
        self.wires = []

    def wire(self, caller, host, identity=None):
        wire = Wire(self.ra, caller, host, identity)
        self.wires.append(wire)
        return wire

    def people(self):
        """Wires of all on the staff host, and of the public."""
        hands = [self.wire(f"{role}@hand", "staff", self.ra.stack.identity(role)) for role in ("acceptor", "issuing_officer", "technician")]
        colleagues = [self.wire(name, "staff", person.identity) for name, person in self.staff.items()]
        return [*hands, *colleagues, self.wire("nobody", "staff"), self.wire("nobody", "public")]

    def systems(self):
        """Wires of the systems that keep their scopes."""
        return [self.wire(name, "api", system.identity) for name, system in {"agency.decide": self.decider, **self.strangers}.items()]

    def scope_own(self, *scopes):
        """The submitting system has these scopes from now on."""
        path = f"/systems/{self.own.id}"
        self.ra.administrator.put(path + "/scopes", {"scopes": list(scopes)}, tag=self.ra.administrator.get(path).headers["ETag"])

    def close(self):
        for wire in self.wires:
            wire.close()


class Walk:
    """A case of a business on its way through the states, each step by the role's usual person. With `ca_away` the CA does not answer
    before the case goes on, so that it stands a while where the CA has it."""

    def __init__(self, cast, business, old=None, ca_away=False):
        self.ra = cast.ra
        self.ca_away = ca_away
        self.cast = cast
        self.business = business
        self.old = old
        self.case = self.ra.case() if business == "issue" else Act(self.ra, business, old)
        self.case.submit(self.ra.system(cast.own))

    @property
    def state(self):
        application = self.case.application
        return f"rejected:{application['rejection']['step']}" if application["state"] == "rejected" else application["state"]

    def reject(self):
        role, step, extra = {"awaiting_agency": ("agency", "agency-decision", {}), "awaiting_review": ("review_officer", "review", {}),
                             "awaiting_acceptance": ("acceptor", "acceptance", {"materials": []})}[self.state]
        self.case.step(role, step, {**REJECTION, **extra})

    def forward(self):
        """The next step of the business."""
        case, acting = self.case, self.business != "issue"
        moves = {
            "awaiting_agency": case.approve, "rejected:agency_decision": case.approve, "awaiting_acceptance": case.accept,
            "rejected:acceptance": case.accept, "awaiting_entry": case.enter, "rejected:review": case.enter, "awaiting_review": self._review,
            "awaiting_production": self._ask, "in_production": self._ca_answers, "in_execution": self._ca_answers,
            "awaiting_handover": case.hand_over, "awaiting_archive": case.archive, "awaiting_completion": self._complete,
            "awaiting_operation": lambda: case.step("technician", "operation", OPERATION),
            "awaiting_registration": lambda: case.step("technician" if self.business == "unlock" else "issuing_officer", "registration",
                                                       REGISTRATION),
        }
        if acting and self.state == "awaiting_completion" and self.business in MAKES:
            case.settle_old()
        moves[self.state]()
        case.read()

    def _review(self):
        if self.ca_away and self.business not in MAKES:
            self.ra.stack.ca.stop()
        self.case.review()

    def _ask(self):
        self.case.draw()
        if self.ca_away:
            self.ra.stack.ca.stop()
        self.case.ask(headers={"Prefer": "respond-async"})

    def _ca_answers(self):
        if self.ca_away:
            self.ra.stack.ca.start()
            self.ra.sql("UPDATE outbox_jobs SET next_run = UTC_TIMESTAMP(6) WHERE state = 'open'")
        if self.state == "in_production":
            self.case.follow("succeeded")
            self.case.certificate = {"id": self.case.operation["certificate_id"]}
        else:
            self.case.wait("awaiting_archive" if self.business == "revoke" else "awaiting_registration", 30)

    def _complete(self):
        role = {"unlock": "technician"}.get(self.business, "issuing_officer" if self.business in MAKES else "acceptor")
        self.case.step(role, "completion", COMPLETION)

    def to(self, state):
        step = rejected_step(state)
        waiting = {"agency_decision": "awaiting_agency", "acceptance": "awaiting_acceptance", "review": "awaiting_review"}.get(step, state)
        while self.state != waiting:
            self.forward()
        if step:
            self.reject()
        return self

    def states(self):
        """Walks through all states, the rejections first."""
        rejected = set()
        while True:
            yield self.state
            if self.state in ("awaiting_agency", "awaiting_acceptance", "awaiting_review") and self.state not in rejected:
                rejected.add(self.state)
                self.reject()
                continue
            if self.state == "completed":
                return
            self.forward()


def make_old(cast, business):
    """A certificate that the business may take, of a case that the own system submitted."""
    cast.scope_own(*seed.SCOPES)
    if business == "issue":
        return None
    old = cast.ra.case()
    old.submit(cast.ra.system(cast.own))
    old.to("completed")
    if business == "resume":
        Act(cast.ra, "suspend", old).run()
    return old
