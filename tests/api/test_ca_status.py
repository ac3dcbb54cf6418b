"""What the CA publishes (CRL, certificates): fetched, verified, followed, served; and where the CA's list and ours disagree."""
import contextlib
import datetime
import http.server
import subprocess
import threading
import time

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from acts import Act, certificate, ledger, wait_for_status
from held import Held
from kills import kill_children
from support import REJECTION, Ra, refused, uuid_sql

# Lists that the tests make forget what an earlier test has revoked: that is a disagreement, and said.
pytestmark = pytest.mark.log("RA0464")

SECONDS = 60
HOLD = x509.ReasonFlags.certificate_hold
COMPROMISE = x509.ReasonFlags.key_compromise


class Publisher:
    """A web server that sends what the test says, or what the development CA publishes."""

    def __init__(self):
        self.answers = {}  # path → (status, bytes)
        self.ca = None
        publisher = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, body = publisher.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # whoever has read enough goes
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def answer(self, path):
        return self.answers.get(path) or (200, httpx.get(self.ca + path, trust_env=False).content if self.ca else b"")


@pytest.fixture(scope="module")
def publisher():
    made = Publisher()
    yield made
    made.server.shutdown()


@pytest.fixture(scope="module")
def ca(make_ra, publisher):
    """An instance that asks every second, and the key of its CA."""
    ra = make_ra("ca-status", CRL_SECONDS=1, PUBLISHED_URL=publisher.url, EXTRA_GLOBAL="RAUpstreamCRLMax 2")
    publisher.ca = ra.stack.ca.control_url
    state = ra.stack.ca.state
    ra.ca_key = serialization.load_pem_private_key((state / "ca.key").read_bytes(), None)
    ra.ca_certificate = x509.load_pem_x509_certificate((state / "ca.crt").read_bytes())
    ra.number = 1_000_000
    ra.publisher, publisher.ra = publisher, ra
    until(lambda: failure(ra), None)
    return ra


@pytest.fixture(autouse=True)
def published_again(publisher):
    """After a test that has published a list of its own there is a good one again; the CA's own has a lower number."""
    yield
    publisher.answers.pop("/ca.crt", None)
    if "/crl" in publisher.answers:
        publish(publisher.ra, crl(publisher.ra))
        until(lambda: failure(publisher.ra), None)


def crl(ra, *entries, number=None, this_update=None, next_update=None, key=None, digest=hashes.SHA256(), extensions=()):
    """A CRL signed by the CA's key: (case, reason) or (serial, reason) of each entry."""
    now = datetime.datetime.utcnow().replace(microsecond=0)
    if number is None:
        ra.number += 1
        number = ra.number
    builder = x509.CertificateRevocationListBuilder().issuer_name(ra.ca_certificate.subject)
    builder = builder.last_update(this_update or now).next_update(next_update or now + datetime.timedelta(days=1))
    builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    for what, reason in entries:
        serial = what if isinstance(what, int) else int(what.certificate["serial"], 16)
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - datetime.timedelta(hours=1))
        builder = builder.add_revoked_certificate(entry.add_extension(x509.CRLReason(reason), critical=False).build())
    return builder.sign(key or ra.ca_key, digest).public_bytes(serialization.Encoding.DER)


def publish(ra, body, status=200, path="/crl"):
    ra.publisher.answers[path] = (status, body)


def until(ask, wanted, seconds=SECONDS):
    end = time.monotonic() + seconds
    while ask() != wanted:
        assert time.monotonic() < end, (ask(), wanted)
        time.sleep(0.1)


def failure(ra, kind="crl"):
    """Why the last fetch was not taken; None: it was; "-" before the first."""
    (tried, text), = ra.sql(f"SELECT tried_at IS NOT NULL, COALESCE(failure, 'NONE') FROM ca_sources WHERE kind = '{kind}'")
    return "-" if tried == "0" else None if text == "NONE" else text


def fetched_again(ra):
    """Waits until the list that is published now has been looked at."""
    def count():
        return ra.sql("SELECT COUNT(*) FROM outbox_jobs WHERE kind = 'ca_status' AND state = 'done'")[0][0]
    before = int(count())
    end = time.monotonic() + SECONDS
    while int(count()) < before + 2:
        assert time.monotonic() < end
        time.sleep(0.1)


def events(ra, case):
    items = ra.staff("auditor").get(f"/certificates/{case.certificate['id']}/history").json()["items"]
    return [(item["event"], item["source"], item.get("reason")) for item in items]


def settle(ra):
    """Lists have whole seconds: what is changed now is older than the next list."""
    time.sleep(1.1)


def disagreements(ra, who="auditor"):
    return {item["id"]: (item["here"], item["at_ca"]) for item in ra.staff(who).get("/reports/ca-disagreements?limit=200").json()["items"]}


def at_the_ca(ra, case, reason, tmp_path):
    """Asks the development CA itself, behind the RA's back."""
    file = tmp_path / "certificate.pem"
    file.write_bytes(ra.staff("auditor").get(f"/certificates/{case.certificate['id']}", headers={"Accept": "application/x-pem-file"}).content)
    ca = ra.stack.ca
    subprocess.run(["openssl", "cmp", "-cmd", "rr", "-server", f"127.0.0.1:{ca.port}", "-path", ".well-known/cmp", "-tls_used", "-tls_trusted",
                    ca.trust_file, "-tls_host", "127.0.0.1", "-cert", ca.ra_certificate, "-key", ca.ra_key, "-trusted", ca.state / "ca.crt",
                    "-oldcert", file, "-revreason", str(reason)], check=True, capture_output=True)


# Followed.

def test_what_is_done_at_the_ca_behind_our_back_is_followed(ca, tmp_path):
    case = ca.case("completed")
    settle(ca)
    at_the_ca(ca, case, 6, tmp_path)
    wait_for_status(ca, case, "suspended", SECONDS)
    settle(ca)
    at_the_ca(ca, case, 8, tmp_path)
    wait_for_status(ca, case, "valid", SECONDS)
    settle(ca)
    at_the_ca(ca, case, 1, tmp_path)
    wait_for_status(ca, case, "revoked", SECONDS)
    assert events(ca, case) == [("suspended", "ca", "certificate_hold"), ("released", "ca", None), ("revoked", "ca", "key_compromise")]
    shown = certificate(ca, case)
    assert shown["revocation_reason"] == "key_compromise" and "revoked_at" in shown
    audited = ca.staff("auditor").get("/audit-events", params={"object_id": case.certificate["id"], "event": "certificate_status_changed"}).json()["items"]
    assert [(item["detail"]["event"], item["detail"]["source"]) for item in reversed(audited)] == [
        ("suspended", "ca"), ("released", "ca"), ("revoked", "ca")]
    status = ca.public.get("/certificate-status", params={"subject": case.name, "serial": case.certificate["serial"]}).json()["items"][0]
    assert (status["status"], status["reason"]) == ("revoked", "key_compromise")
    refused(ca.staff("acceptor").post("/applications", Act(ca, "suspend", case).form, expect=409), 409, "certificate-state")


def test_what_the_ra_does_itself_is_no_news(ca):
    case = ca.case("completed")
    Act(ca, "suspend", case).run()
    fetched_again(ca)
    Act(ca, "resume", case).run()
    fetched_again(ca)
    assert [(event, source) for event, source, _ in events(ca, case)] == [("suspended", "ra"), ("released", "ra")]
    assert case.certificate["id"] not in disagreements(ca)


def test_a_hold_at_the_ca_starts_the_clock_of_suspensions(ca):
    case = ca.case("completed")
    settle(ca)
    publish(ca, crl(ca, (case, HOLD)))
    wait_for_status(ca, case, "suspended", SECONDS)
    assert certificate(ca, case)["suspended_until"] > certificate(ca, case)["suspended_at"]
    suspended_at = certificate(ca, case)["suspended_at"]
    publish(ca, crl(ca, (case, HOLD)))
    fetched_again(ca)
    assert certificate(ca, case)["suspended_at"] == suspended_at and len(events(ca, case)) == 1


def test_many_entries_are_followed_in_portions(ca):
    cases = [ca.case("completed") for _ in range(3)]
    settle(ca)
    others = [(number, COMPROMISE) for number in range(2**100, 2**100 + 5000)]
    publish(ca, crl(ca, (cases[0], COMPROMISE), *others, (cases[1], HOLD)))
    wait_for_status(ca, cases[0], "revoked", SECONDS)
    wait_for_status(ca, cases[1], "suspended", SECONDS)
    assert certificate(ca, cases[2])["status"] == "valid"
    assert ca.sql("SELECT entries FROM ca_crls")[0][0] == "5002"


def test_what_the_ca_ended_since_is_not_changed_any_more(ca):
    old = ca.case("completed")
    act = Act(ca, "modify", old).entered()
    settle(ca)
    publish(ca, crl(ca, (old, HOLD)))
    wait_for_status(ca, old, "suspended", SECONDS)
    act.refuse("review_officer", "review", {"decision": "approve"}, 409, "certificate-state")
    settle(ca)
    publish(ca, crl(ca))
    wait_for_status(ca, old, "valid", SECONDS)
    act.review()
    act.draw()
    settle(ca)
    publish(ca, crl(ca, (old, COMPROMISE)))
    wait_for_status(ca, old, "revoked", SECONDS)
    act.refuse("issuing_officer", "production", act.production(), 409, "certificate-state")
    act.refuse("issuing_officer", "codes", {}, 409, "certificate-state")
    blocked = ca.staff("issuing_officer").get("/tasks", params={"blocked": "true", "limit": 200}).json()["items"]
    assert [task["blocked_by"] for task in blocked if task["id"] == act.id] == ["certificate-state"]
    act.withdraw()
    assert act.state == "withdrawn"


def test_what_the_ca_revoked_since_is_not_suspended_any_more(ca):
    old = ca.case("completed")
    act = Act(ca, "suspend", old).entered()
    settle(ca)
    publish(ca, crl(ca, (old, COMPROMISE)))
    wait_for_status(ca, old, "revoked", SECONDS)
    act.refuse("review_officer", "review", {"decision": "approve"}, 409, "certificate-state")
    act.step("review_officer", "review", REJECTION)
    assert act.state == "rejected"


def revoked_meanwhile(ra, act):
    """The review sends it to a CA that is down; until it is up again its list says that the certificate was revoked."""
    publish(ra, httpx.get(ra.publisher.ca + "/ca.crt", trust_env=False).content, path="/ca.crt")
    publish(ra, crl(ra))
    ra.stack.ca.stop()
    try:
        act.review()
        settle(ra)
        publish(ra, crl(ra, (act.old, COMPROMISE)))
        wait_for_status(ra, act.old, "revoked", SECONDS)
    finally:
        ra.stack.ca.start()


@pytest.mark.log("RA0421", "RA0461")  # also what was being fetched while the CA stopped
def test_a_hold_on_its_way_to_the_ca_does_not_cover_a_revocation(ca):
    act = Act(ca, "suspend", ca.case("completed")).entered()
    revoked_meanwhile(ca, act)
    act.wait("awaiting_review", SECONDS)
    shown = certificate(ca, act.old)
    assert (shown["status"], shown["revocation_reason"], "suspended_at" in shown) == ("revoked", "key_compromise", False)
    assert events(ca, act.old) == [("revoked", "ca", "key_compromise")]
    assert not ledger(ca, "revocation", act.old.certificate["serial"])


@pytest.mark.log("RA0421", "RA0461")  # also what was being fetched while the CA stopped
def test_a_revocation_that_comes_after_the_cas_own_leaves_it_its_reason(ca):
    act = Act(ca, "revoke", ca.case("completed")).entered()
    revoked_meanwhile(ca, act)
    act.wait("awaiting_archive", SECONDS)
    shown = certificate(ca, act.old)
    assert (shown["status"], shown["revocation_reason"]) == ("revoked", "key_compromise")


def test_an_older_list_does_not_undo_what_was_done_since(ca):
    case = ca.case("completed")
    settle(ca)
    body = crl(ca, (case, HOLD))
    publish(ca, body)
    wait_for_status(ca, case, "suspended", SECONDS)
    ca.sql(f"UPDATE certificates SET suspended_at = NULL, status_at = UTC_TIMESTAMP(6) WHERE id = {uuid_sql(case.certificate['id'])}")
    fetched_again(ca)
    assert certificate(ca, case)["status"] == "valid"


# Killed on the way.

PORTION = 2000  # entries of the list that are looked at in one transaction


def spread(ra):
    """Two certificates in the order of their serial numbers, and what lies between them on a list of more than two portions."""
    first, last = sorted((ra.case("completed") for _ in range(2)), key=lambda case: int(case.certificate["serial"], 16))
    begin = int(first.certificate["serial"], 16)
    return first, last, [(begin + 1 + number, COMPROMISE) for number in range(2 * PORTION)]


@pytest.mark.log("RA0", "AH10392")
def test_killed_between_two_portions_the_list_is_followed_to_its_end_and_nothing_twice(ca):
    """The portion with the last entry stands still: the first entry is marked, and nothing has followed from it."""
    first, last, between = spread(ca)
    settle(ca)
    row = f"SELECT der FROM certificates FORCE INDEX (certificates_serial) WHERE serial = '{last.certificate['serial']}' FOR UPDATE"
    with Held(ca.stack.database, row) as held:
        publish(ca, crl(ca, (first, COMPROMISE), *between, (last, HOLD)))
        until(lambda: ca.sql(f"SELECT status FROM ca_marks WHERE certificate_id = {uuid_sql(first.certificate['id'])}"), [["revoked"]])
        held.wait_for_somebody()
        assert (certificate(ca, first)["status"], certificate(ca, last)["status"]) == ("valid", "valid")
        kill_children(ca.stack)
    # The lease of the job that was running is over, as it would be after a while.
    ca.sql("UPDATE outbox_jobs SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND WHERE kind = 'ca_status' AND state = 'open' AND lease_until IS NOT NULL")
    wait_for_status(ca, first, "revoked", SECONDS)
    wait_for_status(ca, last, "suspended", SECONDS)
    fetched_again(ca)
    assert failure(ca) is None
    assert events(ca, first) == [("revoked", "ca", "key_compromise")] and events(ca, last) == [("suspended", "ca", "certificate_hold")]
    audited = ca.sql(f"SELECT COUNT(*) FROM audit_events WHERE event = 'certificate_status_changed' AND object_id IN ({uuid_sql(first.certificate['id'])}, {uuid_sql(last.certificate['id'])})")
    assert audited == [["2"]]


# Disagreements.

def test_what_we_revoked_and_the_ca_does_not_show_is_a_disagreement_and_never_undone(ca):
    case = ca.case("completed")
    ca.sql("UPDATE certificates SET revoked_at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR, revocation_reason = 'superseded'"
           f" WHERE id = {uuid_sql(case.certificate['id'])}")
    publish(ca, crl(ca))
    until(lambda: disagreements(ca).get(case.certificate["id"]), ("revoked", "none"))
    assert certificate(ca, case)["status"] == "revoked"
    assert "ra_ca_disagreements 1" in ca.internal.request("GET", "/metrics").text or len(disagreements(ca)) > 1
    publish(ca, crl(ca, (case, HOLD)))
    fetched_again(ca)
    assert certificate(ca, case)["status"] == "revoked"
    publish(ca, crl(ca, (case, x509.ReasonFlags.superseded)))
    until(lambda: case.certificate["id"] in disagreements(ca), False)
    elsewhere = ca.person("manager", office_id=ca.office("140200"), province_wide=False)
    assert disagreements(ca, elsewhere) == {}


def test_a_hold_that_the_ca_never_showed_is_a_disagreement_not_a_release(ca):
    case = ca.case("completed")
    ca.sql("UPDATE certificates SET suspended_at = UTC_TIMESTAMP(6) - INTERVAL 1 HOUR, suspensions = 1"
           f" WHERE id = {uuid_sql(case.certificate['id'])}")
    publish(ca, crl(ca))
    until(lambda: disagreements(ca).get(case.certificate["id"]), ("suspended", "none"))
    assert certificate(ca, case)["status"] == "suspended"


@pytest.mark.parametrize("role", ["acceptor", "review_officer", "archivist", "agency"])
def test_the_report_is_for_those_who_answer_for_it(ca, role):
    refused(ca.staff(role).get("/reports/ca-disagreements", expect=403), 403, "access-denied")
    for allowed in ("manager", "administrator", "auditor"):
        assert ca.staff(allowed).get("/reports/ca-disagreements").status_code == 200


# Lists that are not believed.

def foreign(ra, case):
    return crl(ra, (case, COMPROMISE), key=ec.generate_private_key(ec.SECP256R1()))


def truncated(ra, case):
    return crl(ra, (case, COMPROMISE))[:-20]


def delta(ra, case):
    return crl(ra, (case, COMPROMISE), extensions=[(x509.DeltaCRLIndicator(1), True)])


def partial(ra, case):
    point = x509.IssuingDistributionPoint(None, None, True, False, None, False, False)
    return crl(ra, (case, COMPROMISE), extensions=[(point, True)])


def of_tomorrow(ra, case):
    return crl(ra, (case, COMPROMISE), this_update=datetime.datetime.utcnow() + datetime.timedelta(hours=12))


def older(ra, case):
    return crl(ra, (case, COMPROMISE), number=2)


def trailing(ra, case):
    return crl(ra, (case, COMPROMISE)) + b"\0"


def page(ra, case):
    return b"<html><body>It works!</body></html>"


def large(ra, case):
    return b"\x30" * (2 * 1024 * 1024 + 1)


def empty(ra, case):
    return b""


@pytest.mark.log("RA0461")
@pytest.mark.parametrize("make, words", [
    (foreign, "no trusted CA"), (truncated, "not exactly one CRL"), (trailing, "not exactly one CRL"), (delta, "delta"), (partial, "only a part"),
    (of_tomorrow, "in the future"), (older, "number is lower"), (page, "not exactly one CRL"), (empty, "not exactly one CRL"), (large, "RAUpstreamCRLMax")])
def test_a_list_that_is_not_what_it_should_be_changes_nothing_and_is_said_once(ca, make, words):
    case = ca.case("completed")
    settle(ca)
    publish(ca, crl(ca))
    until(lambda: failure(ca), None)
    fetched_again(ca)
    mark = ca.stack.httpd.error_log.mark()
    publish(ca, make(ca, case))
    until(lambda: words in (failure(ca) or ""), True)
    fetched_again(ca)
    assert certificate(ca, case)["status"] == "valid"
    assert ca.internal.request("GET", "/readyz").status_code == 200
    assert "ra_ca_stale 1" in ca.internal.request("GET", "/metrics").text
    assert len([one for one in ca.stack.httpd.error_log.since(mark) if "RA0461" in one["message"]]) == 1
    publish(ca, crl(ca))
    until(lambda: failure(ca), None)
    assert "ra_ca_stale 0" in ca.internal.request("GET", "/metrics").text


@pytest.mark.log("RA0461")
def test_a_list_that_is_out_of_date_is_followed_and_said(ca):
    case = ca.case("completed")
    settle(ca)
    now = datetime.datetime.utcnow()
    publish(ca, crl(ca, (case, COMPROMISE), next_update=now + datetime.timedelta(seconds=1), this_update=now))
    wait_for_status(ca, case, "revoked", SECONDS)
    until(lambda: "out of date" in (failure(ca) or ""), True)


@pytest.mark.log("RA0461")
def test_a_ca_that_does_not_answer_degrades_nothing_else(ca):
    publish(ca, b"busy", status=503)
    until(lambda: "503" in (failure(ca) or ""), True)
    assert ca.internal.request("GET", "/readyz").status_code == 200
    ca.case("awaiting_acceptance")
    publish(ca, crl(ca))
    until(lambda: failure(ca), None)


# Served.

def test_the_list_is_served_to_everybody_in_der_and_pem(ca):
    publish(ca, crl(ca, (2**80 + 1, COMPROMISE)))
    body = ca.publisher.answers["/crl"][1]
    until(lambda: ca.public.get("/crl").content == body, True)
    answer = ca.public.get("/crl")
    assert answer.headers["Content-Type"] == "application/pkix-crl" and "max-age" in answer.headers["Cache-Control"]
    assert x509.load_pem_x509_crl(ca.public.get("/crl", headers={"Accept": "application/x-pem-file"}).content).public_bytes(serialization.Encoding.DER) == body
    again = ca.public.call("GET", "/crl", headers={"If-None-Match": answer.headers["ETag"]}, expect=304)
    assert again.content == b""
    refused(ca.public.call("GET", "/crl", headers={"Accept": "text/html"}, expect=406), 406, "not-acceptable")


@pytest.mark.log("RA0461")
def test_the_certificates_of_the_ca_are_fetched_verified_and_served(ca):
    until(lambda: len(ca.public.get("/ca-certificates").json()["items"]), 1)
    item, = ca.public.get("/ca-certificates").json()["items"]
    assert x509.load_pem_x509_certificate(item["pem"].encode()) == ca.ca_certificate
    assert ca.public.get("/ca-certificates", headers={"Accept": "application/x-pem-file"}).text == item["pem"]
    other = ca.stack.pki.root_file.read_bytes()
    publish(ca, other, path="/ca.crt")
    until(lambda: "refused" in (failure(ca, "ca_certificates") or ""), True)
    assert len(ca.public.get("/ca-certificates").json()["items"]) == 1
    publish(ca, ca.ca_certificate.public_bytes(serialization.Encoding.PEM) * 2, path="/ca.crt")
    until(lambda: failure(ca, "ca_certificates"), None)


def test_before_a_list_was_fetched_there_is_none(ra: Ra):
    refused(ra.public.get("/crl", expect=404), 404, "not-found")
    assert ra.public.get("/ca-certificates").json() == {"items": []}
