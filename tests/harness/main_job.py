"""The main job on real input: an organisation's certificate from the business system's submission to the public status query."""
import subprocess
import time

from cryptography import x509

from . import samples
from .process import Failed

SUMMARY = "证书已制作并交付, 材料已归档"
PRODUCTION_SECONDS = 60


class Job:
    """One run. `say(step, text)` is called after each step."""

    def __init__(self, stack, say=lambda step, text: None):
        self.stack = stack
        self.say = say
        self.application = None
        self.certificate = None
        self.body = samples.application(stack.ids["agency"])
        self.path = None

    @property
    def name(self):
        return self.body["subject_name"]

    def step(self, role, name, body):
        """One step of a person on the application."""
        with self.stack.staff(role) as client:
            response = client.step(self.path, name, body)
        return response

    def run(self):
        self.submit()
        self.approve()
        self.accept()
        self.enter()
        self.review()
        self.produce(self.draw_codes())
        self.hand_over()
        self.archive()
        self.complete()
        self.ask_status()
        return self

    def submit(self):
        with self.stack.system() as system:
            self.application = system.post("/applications", self.body, expect=201).json()
        self.path = f"/applications/{self.application['id']}"
        self.say("submitted", f"the business system submitted application {self.application['number']} for {self.name}")

    def approve(self):
        self.step("agency", "agency-decision", {"decision": "approve", "filing_number": "并社经备2026-0147"})
        self.say("agency", "the supervising agency approved it (filing record 并社经备2026-0147)")

    def accept(self):
        materials = [{"material": name, "received": True, "sealed": True} for name in
                     ("application_form", "organisation_code_certificate", "business_licence", "officer_id")]
        materials[0]["signed"] = True
        payment = {"method": "card", "amount": 11000, "receipt_number": f"SJ{self.application['number']}"}
        self.step("acceptor", "acceptance", {"decision": "accept", "materials": materials, "payment": payment})
        self.say("accepted", "the acceptor took four sealed materials and 110.00 yuan")

    def enter(self):
        certificate = {"subject": {"country": "CN", "state_or_province": "山西省", "locality": "太原市", "organization": self.name,
                                   "common_name": self.name},
                       "validity_years": 1, "key_algorithms": ["ec_p256", "rsa"]}
        answer = self.step("entry_officer", "entry", {"certificate": certificate}).json()
        self.say("entered", f"the entry officer entered it; snapshot {answer.get('snapshot_sha256', '')[:16]}…")

    def review(self):
        with self.stack.staff("review_officer") as client:
            seen = client.get(self.path)
            body = {"decision": "approve", "snapshot_sha256": seen.json()["snapshot_sha256"]}
            client.post(f"{self.path}/review", body, tag=seen.headers["ETag"])
        self.say("reviewed", "the review officer approved exactly that snapshot")

    def draw_codes(self):
        codes = self.step("issuing_officer", "codes", {}).json()
        self.say("codes", f"the issuing officer drew the codes; reference code {codes['reference_code']}")
        return codes

    def produce(self, codes):
        request, _ = samples.csr(self.name)
        body = {"reference_code": codes["reference_code"], "authorisation_code": codes["authorisation_code"], "csr": request}
        with self.stack.staff("issuing_officer") as client:
            tag = client.get(self.path).headers["ETag"]
            answer = client.post(f"{self.path}/production", body, tag=tag, expect=(201, 202))
            if answer.status_code == 202:
                operation = self._wait(client, answer.headers["Location"])
                self.certificate = client.get(f"/certificates/{operation['certificate_id']}").json()
            else:
                self.certificate = answer.json()["certificate"]
        self.say("produced", f"the CA issued serial {self.certificate['serial']}")

    def _wait(self, client, address):
        """An operation to its end."""
        end = time.monotonic() + PRODUCTION_SECONDS
        while time.monotonic() < end:
            operation = client.get(address).json()
            if operation["status"] in ("succeeded", "failed"):
                break
            time.sleep(0.2)
        if operation["status"] != "succeeded":
            raise Failed(f"production ended as {operation['status']}: {operation.get('reason')}")
        return operation

    def hand_over(self):
        body = {"inspection": {"passed": True, "subject_checked": True, "validity_checked": True, "key_checked": True},
                "recipient": {"name": self.body["subscriber"]["contact"]["name"],
                              "id_document": {"type": "resident_id", "number": samples.resident_id()}}}
        self.step("issuing_officer", "handover", body)
        self.say("handed over", "the certificate was checked and handed over")

    def archive(self):
        body = {"electronic_checked": True, "paper_complete": True, "form_copies": [1, 2], "box_number": "2026-001", "cabinet": "A1"}
        self.step("archivist", "archive", body)
        self.say("archived", "the archivist filed form copies 1 and 2 with the materials")

    def complete(self):
        self.application = self.step("issuing_officer", "completion", {"summary": SUMMARY}).json()
        self.say("completed", f"the 任务完成记录单 was written; state {self.application['state']}")

    def ask_status(self):
        with self.stack.client("public") as client:
            answer = client.get("/certificate-status", params={"subject": self.name}).json()
        statuses = [item["status"] for item in answer["items"]]
        if statuses != ["valid"]:
            raise Failed(f"the public status query answers {answer}")
        self.say("status", f"the public status query says {answer['items'][0]['source_status']} ({statuses[0]})")

    def verify(self):
        """The certificate as its subscriber has it, checked with openssl. @return (subject, serial, openssl's words)"""
        with self.stack.staff("issuing_officer") as client:
            text = client.get(f"/certificates/{self.certificate['id']}", headers={"Accept": "application/x-pem-file"}).text
        command = ["openssl", "verify", "-CAfile", str(self.stack.ca_chain)]
        done = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        words = done.stdout.decode("utf-8", "replace").strip()
        if done.returncode:
            raise Failed(f"openssl verify refuses the certificate: {words}")
        made = x509.load_pem_x509_certificate(text.encode())
        return made.subject.rfc4514_string(), f"{made.serial_number:X}", words
