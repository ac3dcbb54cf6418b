"""How long many applications take from their submission to the queue for production: every step over mTLS, single calls and bulk."""
import itertools
import time

from harness import process, samples
from kit import Load, post, say

ROWS = 500
WAIT_SECONDS = 300
APPROVAL = {"decision": "approve", "filing_number": "并社经备2026-0147"}
MATERIALS = [{"material": name, "received": True, "sealed": True} for name in
             ("application_form", "organisation_code_certificate", "business_licence", "officer_id")]


def acceptance(number):
    return {"decision": "accept", "materials": MATERIALS, "payment": {"method": "card", "amount": 11000, "receipt_number": f"SJ{number}"}}


def entry(name):
    subject = {"country": "CN", "state_or_province": "山西省", "locality": "太原市", "organization": name, "common_name": name}
    return {"certificate": {"subject": subject, "validity_years": 1, "key_algorithms": ["ec_p256", "rsa"]}}


class Batch:
    """The applications on their way, and what each step took."""

    def __init__(self, stack, count):
        self.stack = stack
        self.count = count
        self.steps = []
        self.known = []  # the answers of the last step
        self.before = self.deadlocks()

    def deadlocks(self):
        """How often MariaDB has ended a transaction for another one; the module repeats it."""
        return int(self.stack.database.client("SHOW GLOBAL STATUS LIKE 'Innodb_deadlocks'").split()[1])

    def note(self, step, how, result):
        repeated = self.deadlocks() - self.before
        self.before += repeated
        self.steps.append((step, how, result["seconds"], result["cpu"], repeated))
        say(f"{step}, {how}: {self.count / result['seconds']:.0f}/s")

    def single(self, step, host, who, requests):
        """One call for each application, 16 under way."""
        load = Load(self.stack, step, host, requests, identity=self.stack.identity(who))
        result, self.known = load.answers()
        if result["errors"] or len(self.known) != self.count:
            raise process.Failed(f"{step}: {result}")
        self.note(step, "single calls", result)

    def bulk(self, step, host, who, path, rows):
        """As few requests as take the rows; the answers are read when everything is done."""
        portions = [rows[first:first + ROWS] for first in range(0, len(rows), ROWS)]
        load = Load(self.stack, step, host, [post(self.stack, host, path, {"rows": portion}) for portion in portions],
                    identity=self.stack.identity(who))
        cpu, begin = self.stack.cpu_seconds(), time.monotonic()
        taken, operations = load.answers()
        with self.stack.client(host, who) as client:
            finished = [self._follow(client, operation["id"]) for operation in operations]
        seconds = time.monotonic() - begin
        self.known = list(itertools.chain.from_iterable(operation["results"] for operation in finished))
        if sum(operation["succeeded"] for operation in finished) != self.count:
            raise process.Failed(f"{step}: {[one for one in self.known if 'problem' in one][:3]}")
        after = self.stack.cpu_seconds()
        self.note(step, f"bulk of {ROWS}", {"seconds": seconds, "cpu": {"client": taken["cpu"]["client"],
                                                                         **{name: after[name] - cpu[name] for name in cpu}}})

    def _follow(self, client, id):
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            operation = client.get(f"/bulk-operations/{id}").json()
            if operation["status"] == "finished":
                return operation
            time.sleep(0.2)
        raise process.Failed(f"a bulk operation has not ended: {operation['done']} of {operation['total']}")

    def lines(self):
        """For the report: the whole, then each step."""
        seconds = sum(one[2] for one in self.steps)
        how = "submission, agency and review in bulk" if any("bulk" in one[1] for one in self.steps) else "single calls"
        yield f"{self.count} applications from submission to the queue for production, {how}: {seconds:.1f} s, {self.count / seconds:.0f}/s"
        for step, how, one, cpu, repeated in self.steps:
            used = ", ".join(f"{who} {1e6 * value / self.count:.0f} us" for who, value in cpu.items() if 1e6 * value / self.count >= 1)
            yield (f"    {step:<18} {how:<14} {one:>6.1f} s {self.count / one:>6.0f}/s   CPU per application: {used}"
                   + (f"; {repeated} transactions repeated" if repeated else ""))


def run(stack, count, in_bulk):
    batch = Batch(stack, count)
    forms = [samples.application(stack.ids["agency"]) for _ in range(count)]
    if in_bulk:
        batch.bulk("submission", "api", "system", "/bulk/applications", [{"body": form} for form in forms])
    else:
        batch.single("submission", "api", "system", [post(stack, "api", "/applications", form) for form in forms])
    ids = [one["id"] for one in batch.known]
    if in_bulk:
        batch.bulk("agency_decision", "staff", "agency", "/bulk/agency-decisions", [
            {"application_id": one["id"], "version": one["version"], "body": APPROVAL} for one in batch.known])
    else:
        batch.single("agency_decision", "staff", "agency", [
            post(stack, "staff", f"/applications/{one['id']}/agency-decision", APPROVAL, f'"{one["version"]}.json"') for one in batch.known])
    batch.single("acceptance", "staff", "acceptor", [
        post(stack, "staff", f"/applications/{one['id']}/acceptance", acceptance(one["number"]), f'"{one["version"]}.json"')
        for one in batch.known])
    batch.single("entry", "staff", "entry_officer", [
        post(stack, "staff", f"/applications/{one['id']}/entry", entry(form["subject_name"]), f'"{one["version"]}.json"')
        for one, form in zip(batch.known, forms)])
    approvals = [{"decision": "approve", "snapshot_sha256": one["snapshot_sha256"]} for one in batch.known]
    if in_bulk:
        batch.bulk("review", "staff", "review_officer", "/bulk/reviews", [
            {"application_id": one["id"], "version": one["version"], "body": body} for one, body in zip(batch.known, approvals)])
    else:
        batch.single("review", "staff", "review_officer", [
            post(stack, "staff", f"/applications/{one['id']}/review", body, f'"{one["version"]}.json"')
            for one, body in zip(batch.known, approvals)])
    check(stack, ids)
    return batch


def check(stack, ids):
    """All of them wait for production, each reviewed once by somebody who did not enter it."""
    named = ",".join(f"UNHEX('{one.replace('-', '')}')" for one in ids)
    waiting = stack.database.client("SELECT COUNT(*) FROM applications a JOIN application_history h ON h.application_id = a.id AND h.step = 'review'"
                                    f" WHERE a.state = 'awaiting_production' AND a.entered_by <> a.reviewed_by AND a.id IN ({named})", "ra")
    if int(waiting) != len(ids):
        raise process.Failed(f"{waiting} of {len(ids)} applications wait for production")
