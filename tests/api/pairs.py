"""Dual certificates (domain.md §18.10) for the tests: cases whose usage is `pair`, their certificates and the envelope."""
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from harness import samples, sm2
from support import entry

DER, PEM, SPKI = serialization.Encoding.DER, serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo


def pair(ra, state="coded", kind="organisation", algorithm="ec_p256"):
    case = ra.case(kind=kind, usage="pair")
    case.to("awaiting_entry")
    case.step("entry_officer", "entry", entry(case, key_algorithms=[algorithm]))
    case.key = samples.key(algorithm)
    return case.to(state)


def wait_for(case, state, seconds=60):
    end = time.monotonic() + seconds
    while case.read()["state"] != state:
        assert time.monotonic() < end, case.application
        time.sleep(0.05)
    return case


def to_coded(act):
    """An act that makes a new pair, as far as its codes."""
    act.submit()
    act.accept()
    act.form["subscriber"] = {"name": act.application["subscriber"]["name"]}
    act.step("entry_officer", "entry", entry(act, key_algorithms=["ec_p256"]))
    act.review()
    act.draw()


def made(ra, state="awaiting_handover", **options):
    """A pair whose both certificates are there."""
    case = pair(ra, **options)
    case.ask()
    wait_for(case, "awaiting_handover")
    case.certificate = certificates(case)["signing"]
    if state == "completed":
        fetch(case)
        case.to("completed")
    return case


def certificates(case):
    items = case.ra.staff("auditor").get("/certificates", params={"application_id": case.id}).json()["items"]
    return {one["usage"]: one for one in items}


def der_of(case, usage):
    return case.ra.staff("issuing_officer").get(f"/certificates/{certificates(case)[usage]['id']}", headers={"Accept": "application/pkix-cert"}).content


def fetch(case, who="issuing_officer", expect=200):
    client = who if hasattr(who, "call") else case.ra.staff(who)
    case.read()
    return client.call("POST", case.path + "/encryption-key", None, tag=case.tag, expect=expect)


def opened(case, envelope, key=None):
    """The private key inside, PEM; None when the envelope does not open."""
    key = key or case.key
    pem = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    signing = x509.load_der_x509_certificate(der_of(case, "signing")).public_bytes(PEM)
    with sm2.written(envelope.encode()) as cms, sm2.written(pem) as private, sm2.written(signing) as certificate:
        words = ["openssl", "cms", "-decrypt", "-binary", "-inform", "PEM", "-in", str(cms), "-inkey", str(private), "-recip", str(certificate)]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return serialization.load_der_private_key(done.stdout, None) if done.returncode == 0 else None


def key_row(case):
    row, = case.ra.sql("SELECT private_sealed IS NOT NULL, fetches, erased_at IS NOT NULL, HEX(private_sealed) FROM encryption_keys WHERE"
                       f" application_id = UNHEX(REPLACE('{case.id}', '-', ''))")
    return dict(zip(("sealed", "fetches", "erased"), map(int, row[:3]))), row[3]


def of_the_ca(case):
    """Certificates that the CA has issued for this name."""
    return [line for line in case.ra.stack.ca.ledger() if line["kind"] == "certificate" and case.name in line["subject"]]


def until(ask, wanted, seconds):
    end = time.monotonic() + seconds
    while (got := ask()) != wanted:
        assert time.monotonic() < end, (got, wanted)
        time.sleep(0.05)
