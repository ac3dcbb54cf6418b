"""Acts on a certificate (domain.md §4-§8) for the tests: each is a case about the certificate of an older one."""
import time

from support import ARCHIVE, COMPLETION, Case, acceptance

SHORT_MATERIALS = {"organisation": ("application_form", "officer_id"), "person": ("application_form", "applicant_id"),
                   "server": ("application_form", "applicant_id")}
MAKING = ("renew", "modify", "reissue_lost", "reissue_damaged", "replace_token")
OPERATION = {"token_serial": "EK20260017", "token_present": True, "identity_checked": True, "seal_present": True}
REGISTRATION = {"register": "2026年登记簿第17号"}
TOKEN = {"serial": "EK20260017", "purchased_on": "2026-03-01", "human_fault": False}
PARTICULARS = {"revoke": {"revocation_reason": "cessation_of_operation"}, "reissue_damaged": {"token": TOKEN}, "replace_token": {"cause": "damaged"}}


class Act(Case):
    """One act; `old` is a completed case whose certificate it is about."""

    def __init__(self, ra, business, old, **members):
        super().__init__(ra, old.kind)
        self.old = old
        self.business = business
        self.form = {"business": business, "certificate_id": old.certificate["id"], **PARTICULARS.get(business, {}), **members}

    @property
    def name(self):
        return self.application["subject_name"]

    def submit(self, client=None, **options):
        return super().submit(client or self.ra.staff("acceptor"), **options)

    def acceptance(self):
        """Everything that the business asks for at the counter."""
        body = acceptance(self.kind)
        if self.business in ("renew", "unlock"):
            body["materials"] = [{"material": name, "received": True, "sealed": self.kind != "person", "signed": self.kind == "person"}
                                 for name in SHORT_MATERIALS[self.kind]]
        if self.business == "reissue_lost":
            body["subscriber_told"] = True
        return body

    def accept(self, who="acceptor", **changes):
        return self.step(who, "acceptance", {**self.acceptance(), **changes})

    def enter(self, who="entry_officer", **options):
        if self.business in MAKING:
            self.form["subscriber"] = {"name": self.application["subscriber"]["name"]}
            return super().enter(who, **options)
        return self.step(who, "entry", {}, **options)

    def entered(self):
        """Submitted, accepted and entered."""
        self.submit()
        self.accept()
        self.enter()
        return self

    def run(self):
        """From submission to the completion record."""
        self.submit()
        self.accept()
        if self.business == "unlock":
            self.step("technician", "operation", OPERATION)
            self.step("technician", "registration", REGISTRATION)
            self.archive()
            return self.step("technician", "completion", COMPLETION)
        self.enter()
        self.review()
        if self.business not in MAKING:
            self.register_executed()
            self.archive()
            return self.step("acceptor", "completion", COMPLETION)
        self.draw()
        return self.finish()

    def finish(self):
        """From the codes to the completion record."""
        self.produce()
        self.hand_over()
        if self.state == "awaiting_registration":
            self.step("issuing_officer", "registration", REGISTRATION)
        self.step("archivist", "archive", ARCHIVE)
        self.settle_old()
        return self.complete()

    def register_executed(self, seconds=60):
        """The CA has done it; a suspension or resumption is registered before it goes to the archive."""
        if self.business == "revoke":
            return self.wait("awaiting_archive", seconds)
        self.wait("awaiting_registration", seconds)
        return self.step("acceptor", "registration", REGISTRATION)

    def settle_old(self):
        if self.business != "renew":
            wait_for_status(self.ra, self.old, "revoked")

    def wait(self, state, seconds=60):
        end = time.monotonic() + seconds
        while self.read()["state"] != state:
            assert time.monotonic() < end, self.application
            time.sleep(0.05)


def certificate(ra, case):
    return ra.staff("auditor").get(f"/certificates/{case.certificate['id']}").json()


def wait_for_status(ra, case, status, seconds=60):
    end = time.monotonic() + seconds
    while certificate(ra, case)["status"] != status:
        assert time.monotonic() < end, certificate(ra, case)
        time.sleep(0.05)


def ledger(ra, kind, serial):
    return [line for line in ra.stack.ca.ledger() if line["kind"] == kind and line.get("serial") == serial]
