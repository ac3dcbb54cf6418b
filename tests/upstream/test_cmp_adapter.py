"""The CMP adapter (upstream/ca.h) against the real development CA: every fault knob, and what the CA's ledger says beside it.

One probe process is one try of the adapter; a folder keeps what the database would keep between tries.
"""
import base64
import datetime
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from harness import samples, sm2

from relay import Relay

SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("RA_BUILD", SOURCE / "build")).resolve()
DER = serialization.Encoding.DER
SUBJECT = ["C=CN", "O=山西易联众信息技术有限公司", "CN=社保专员 张三"]
BADREQUEST, BADCERTID, CERTREVOKED, SYSTEMFAILURE, INUSE = (1 << bit for bit in (2, 4, 10, 25, 21))


def run(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    assert b"Sanitizer" not in done.stderr, done.stderr.decode("utf-8", "replace")
    return done.stdout.decode("utf-8")


class Ca:
    """A development CA with TLS on free ports, restartable on the same state and ports."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.state = folder / "state"
        self.process = None
        self.port = self.control = 0
        self.issue_files()

    def file(self, name):
        return self.folder / name

    def devca(self, *options):
        run(BUILD / "devca", "--dir", self.state, *options)

    def issue_files(self):
        for name, key_type in (("ra", "p256"), ("ra-rsa", "rsa"), ("stranger", "p256")):
            self.devca("--issue-ra", f"RA {name} 注册机构", "--key-type", key_type, "--out-cert", self.file(name + ".crt"),
                       "--out-key", self.file(name + ".key"))
        self.devca("--issue", "--subject", "/C=CN/CN=localhost", "--eku", "serverAuth", "--san", "IP:127.0.0.1,DNS:localhost",
                   "--days", "30", "--out-cert", self.file("tls.crt"), "--out-key", self.file("tls.key"))

    def start(self, *more):
        ports = self.file("ports")
        ports.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [BUILD / "devca", "--dir", self.state, "--listen", f"127.0.0.1:{self.port}", "--control", f"127.0.0.1:{self.control}",
             "--ra-cert", self.file("ra.crt"), "--ra-cert", self.file("ra-rsa.crt"), "--tls-cert", self.file("tls.crt"),
             "--tls-key", self.file("tls.key"), "--tls-client-ca", self.state / "ca.crt", "--port-file", ports, *more],
            stderr=open(self.file("log"), "ab"))
        deadline = time.monotonic() + 60
        while not ports.exists():
            assert self.process.poll() is None and time.monotonic() < deadline, self.file("log").read_text("utf-8", "replace")
            time.sleep(0.02)
        self.port, self.control = (int(line) for line in ports.read_text().split())
        return self

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(60)
        assert "Sanitizer" not in (log := self.file("log").read_text("utf-8", "replace")) and "runtime error" not in log, log

    def get(self, path):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.control}{path}", timeout=60) as answer:
            return answer.read()

    def knob(self, mode, **values):
        body = json.dumps({"mode": mode, "count": 1, **values}).encode()
        urllib.request.urlopen(f"http://127.0.0.1:{self.control}/knobs", body, timeout=60).read()

    def ledger(self, kind=None):
        lines = [json.loads(line) for line in (self.state / "ledger.jsonl").read_text("utf-8").splitlines()]
        return [line for line in lines if kind in (None, line["kind"])]

    def crl(self):
        return x509.load_der_x509_crl(self.get("/crl"))


class Exchange:
    """One attempt at the CA: a key, a transactionID and a folder of stored parts."""

    def __init__(self, ca, folder, key=None):
        self.ca = ca
        self.folder = folder
        self.state = folder / "stored"
        self.state.mkdir(parents=True)
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        public = self.key.public_key()
        self.spki = public.public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        (folder / "spki").write_bytes(self.spki)
        text, _ = samples.csr("what the tool wrote", self.key)
        (folder / "csr").write_bytes(sm2.der_of(text))
        self.transaction = os.urandom(16).hex()

    def options(self, url=None, signer="ra", tls="ra", trust=None):
        yield from ("--url", url or f"https://127.0.0.1:{self.ca.port}/.well-known/cmp")
        yield from ("--tls-ca", self.ca.state / "ca.crt", "--trust", trust or self.ca.state / "ca.crt")
        yield from ("--signer-cert", self.ca.file(signer + ".crt"), "--signer-key", self.ca.file(signer + ".key"))
        if tls:
            yield from ("--tls-cert", self.ca.file(tls + ".crt"), "--tls-key", self.ca.file(tls + ".key"))
        yield from ("--state", self.state, "--transaction", self.transaction)

    def enrol(self, *more, subject=SUBJECT, **where):
        names = [word for rdn in subject for word in ("--rdn", rdn)]
        return json.loads(run(BUILD / "cmp_probe", *self.options(**where), *names, "--spki", self.folder / "spki",
                              "--csr", self.folder / "csr", *more))

    def revoke(self, certificate, reason, *more, **where):
        if isinstance(certificate, str):
            what = ("--revoke-serial", certificate)
        else:
            (self.folder / "cert").write_bytes(certificate)
            what = ("--revoke-cert", self.folder / "cert")
        return json.loads(run(BUILD / "cmp_probe", *self.options(**where), *what, "--reason", reason, *more))

    def of_mine(self, kind):
        return [line for line in self.ca.ledger(kind) if line.get("transaction_id") == self.transaction]

    def certificates(self):
        return self.of_mine("certificate")

    def stored(self, name):
        path = self.state / name
        return path.read_bytes() if path.exists() else b""


@pytest.fixture(scope="module")
def shared_ca(tmp_path_factory):
    ca = Ca(tmp_path_factory.mktemp("ca")).start()
    yield ca
    ca.stop()


@pytest.fixture
def ca(shared_ca):
    """The CA with all knobs at normal."""
    shared_ca.knob("normal", dedup="on")
    yield shared_ca
    shared_ca.knob("normal", dedup="on")


@pytest.fixture
def exchange(ca, tmp_path):
    return Exchange(ca, tmp_path / "exchange")


@pytest.fixture
def make_exchange(ca, tmp_path):
    count = iter(range(1000))
    return lambda **how: Exchange(ca, tmp_path / f"exchange-{next(count)}", **how)


def certificate_of(answer):
    return x509.load_der_x509_certificate(bytes.fromhex(answer["certificate"]))


def serial_of(certificate):
    text = f"{certificate.serial_number:X}"
    return text.zfill(len(text) + len(text) % 2)


# The right way

def test_certificate_says_what_was_approved_and_not_what_the_csr_said(exchange):
    answer = exchange.enrol("--dns", "a.example,DNS:evil.example", "--dns", "b.example", "--ip", "10.1.2.3", "--ip", "2001:db8::1", "--days", "730",
                            "--key-usage", "digitalSignature,nonRepudiation", "--eku", "clientAuth,emailProtection")
    assert answer["outcome"] == "done", answer
    assert (answer["stored"], answer["asked"], answer["chain"]) == (1, 1, 1) and "reason_text" not in answer
    certificate = certificate_of(answer)
    assert [f"{one.rfc4514_attribute_name}={one.value}" for one in certificate.subject] == SUBJECT
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example,DNS:evil.example", "b.example"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["10.1.2.3", "2001:db8::1"]
    assert certificate.not_valid_after - certificate.not_valid_before == datetime.timedelta(days=730)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical and usage.value.digital_signature and usage.value.content_commitment and not usage.value.key_encipherment
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.EMAIL_PROTECTION]
    assert certificate.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo) == exchange.spki


def test_confirmation_is_explicit_and_reaches_the_ledger(exchange):
    exchange.enrol()
    assert [line["body"] for line in exchange.of_mine("message")] == ["cr", "certConf"]
    (issued,), (confirm,) = exchange.certificates(), exchange.of_mine("confirm")
    assert confirm["accepted"] is True and confirm["serial"] == issued["serial"]


def test_what_was_stored_before_sending_is_what_the_ca_received(exchange):
    answer = exchange.enrol()
    assert exchange.of_mine("message")[0]["sha256"] == answer["sent_sha256"]
    assert len(exchange.stored("sent_nonce")) == 16 and exchange.stored("sent_nonce") in exchange.stored("sent")


def test_what_may_not_be_sent_again_stays_unsent(ca, exchange):
    """The caller has lost the attempt meanwhile: not a byte leaves, and what was sent before is kept."""
    ca.knob("silent")
    assert exchange.enrol("--timeout-ms", "1200")["outcome"] == "unknown"
    messages = len(exchange.of_mine("message"))
    answer = exchange.enrol("--fail-store")
    assert (answer["outcome"], answer["stored"]) == ("not_sent", 1)
    assert len(exchange.of_mine("message")) == messages
    ca.knob("normal")
    assert exchange.enrol()["outcome"] == "done"
    assert len(exchange.certificates()) == 1


@pytest.mark.parametrize("mode", ["silent", "http500", "garbage", "bad_signature", "no_confirm"])
def test_refusal_counts_when_the_ca_has_acknowledged_it(ca, exchange, mode):
    ca.knob("wrong_subject", body="cr")
    ca.knob(mode, body="certConf", count=1)
    answer = exchange.enrol("--verdict", "decline")
    assert answer["outcome"] == "unknown" and "did not acknowledge" in answer["reason_text"], answer
    assert exchange.enrol("--verdict", "decline")["outcome"] == "refused"


def test_rsa_credential_and_rsa_subscriber_key(make_exchange):
    exchange = make_exchange(key=rsa.generate_private_key(65537, 2048))
    assert exchange.enrol(signer="ra-rsa", tls="ra-rsa")["outcome"] == "done"


def test_p10cr_sends_the_request_of_the_subscriber(exchange):
    answer = exchange.enrol("--p10cr")
    assert answer["outcome"] == "done", answer
    assert exchange.of_mine("message")[0]["body"] == "p10cr"
    assert certificate_of(answer).subject.rfc4514_string() == "CN=what the tool wrote"


def test_connection_is_kept_between_exchanges_of_a_thread(exchange):
    lines = run(BUILD / "cmp_probe", *list(exchange.options())[:-4], *[w for rdn in SUBJECT for w in ("--rdn", rdn)],
                "--spki", exchange.folder / "spki", "--repeat", 5).splitlines()
    answers = [json.loads(line) for line in lines]
    assert [one["outcome"] for one in answers] == ["done"] * 5
    assert len({one["transaction_id"] for one in answers}) == 5


def test_request_is_not_lost_on_a_kept_connection_that_the_server_has_ended(ca, exchange):
    """Its end (TLS' close_notify) waits unread when the next request is made: the request goes out on a new connection."""
    options = [*list(exchange.options())[2:-4], *[w for rdn in SUBJECT for w in ("--rdn", rdn)], "--spki", exchange.folder / "spki"]
    with Relay(ca) as relay:
        command = [str(word) for word in (BUILD / "cmp_probe", "--url", relay.url, *options, "--repeat", 2, "--step")]
        probe = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        first = json.loads(probe.stdout.readline())
        assert (first["outcome"], relay.connections) == ("done", 1)
        relay.end_idle()
        output, errors = probe.communicate(b"\n", timeout=60)
        second = json.loads(output)
        assert (second["outcome"], relay.connections, errors) == ("done", 2, b""), second


def test_answer_with_status_waiting_is_polled_for_over_several_processes(ca, exchange):
    ca.knob("waiting", polls=2, check_after=7)
    first = exchange.enrol()
    assert (first["outcome"], first["check_after"]) == ("waiting", 7)
    assert exchange.stored("waiting") and exchange.stored("poll") and exchange.certificates() == []
    second = exchange.enrol()
    assert (second["outcome"], second["check_after"], second["asked"]) == ("waiting", 7, 0)
    third = exchange.enrol()
    assert (third["outcome"], third["asked"]) == ("done", 1), third
    assert len(exchange.certificates()) == 1
    assert [line["body"] for line in exchange.of_mine("message")] == ["cr", "pollReq", "pollReq", "pollReq", "certConf"]


def test_p10cr_waits_too(ca, exchange):
    ca.knob("waiting", polls=1)
    assert exchange.enrol("--p10cr")["outcome"] == "waiting"
    assert exchange.enrol("--p10cr")["outcome"] == "done"


# Verdicts of the caller

def test_declined_certificate_is_refused_at_the_ca_and_revoked_there(ca, exchange):
    answer = exchange.enrol("--verdict", "decline")
    assert (answer["outcome"], answer["asked"]) == ("refused", 1)
    (confirm,) = exchange.of_mine("confirm")
    assert confirm["accepted"] is False
    serials = [f"{one.serial_number:X}" for one in ca.crl()]
    assert confirm["serial"].lstrip("0") in serials


def test_silence_sends_neither_yes_nor_no(exchange):
    answer = exchange.enrol("--verdict", "silent")
    assert (answer["outcome"], answer["asked"]) == ("unknown", 1)
    assert [line["body"] for line in exchange.of_mine("message")] == ["cr"]
    assert exchange.of_mine("confirm") == []


def test_after_silence_the_stored_bytes_bring_the_same_certificate(exchange):
    first = exchange.enrol("--verdict", "silent")
    second = exchange.enrol()
    assert second["outcome"] == "done" and second["stored"] == 1
    assert second["certificate"] == first["certificate"] and len(exchange.certificates()) == 1
    requests = [line["sha256"] for line in exchange.of_mine("message") if line["body"] == "cr"]
    assert requests == [first["sent_sha256"]] * 2


def test_nothing_leaves_when_the_request_cannot_be_stored(exchange):
    answer = exchange.enrol("--fail-store")
    assert (answer["outcome"], answer["stored"]) == ("not_sent", 1)
    assert exchange.of_mine("message") == []


# Faults: outcome of the try, certificates the CA has issued, and what a resend of the stored bytes comes to

TRY_MS = 2000  # of those that the CA answers too late; nobody else is hurried
FAULTS = [
    # mode, values, outcome, issued by then, outcome of the resend, issued then
    ("late", {"ms": 300}, "done", 1, None, 1),
    ("late", {"ms": 2500}, "unknown", 1, "done", 1),
    ("silent", {}, "unknown", 1, "done", 1),
    ("drop", {}, "unknown", 0, "done", 1),
    ("refuse", {}, "not_sent", 0, "done", 1),
    ("garbage", {}, "unknown", 1, "done", 1),
    ("garbage", {"process": False}, "unknown", 0, "done", 1),
    ("html", {}, "unknown", 0, "done", 1),
    ("html", {"process": True}, "unknown", 1, "done", 1),
    ("http500", {}, "unknown", 0, "done", 1),
    ("http500", {"process": True}, "unknown", 1, "done", 1),
    ("reject", {}, "rejected", 0, "rejected", 0),
    ("issue_then_reject", {}, "rejected", 1, "done", 1),
    ("wrong_transaction", {}, "unknown", 1, "done", 1),
    ("wrong_nonce", {}, "unknown", 1, "done", 1),
    ("bad_signature", {}, "unknown", 1, "done", 1),
    ("wrong_signer", {}, "unknown", 1, "done", 1),
    ("wrong_sender", {}, "unknown", 1, "done", 1),
    ("unprotected_error", {}, "unknown", 0, "done", 1),
    ("truncate", {}, "unknown", 1, "done", 1),
    ("truncate", {"at": 0}, "unknown", 1, "done", 1),
    ("truncate", {"at": 1}, "unknown", 1, "done", 1),
    ("oversize", {}, "unknown", 1, "done", 1),
    ("slow_byte", {}, "unknown", 1, "done", 1),
]


@pytest.mark.parametrize("mode,values,outcome,issued,again,issued_again", FAULTS,
                         ids=[f"{mode}{''.join(f'-{value}' for value in values.values())}" for mode, values, *_ in FAULTS])
def test_fault_of_the_answer(ca, exchange, mode, values, outcome, issued, again, issued_again):
    ca.knob(mode, **values)
    is_too_slow = mode == "slow_byte" or values.get("ms", 0) > TRY_MS
    answer = exchange.enrol(*(("--timeout-ms", TRY_MS) if is_too_slow else ()))
    assert answer["outcome"] == outcome, answer
    assert answer["asked"] == (1 if outcome == "done" else 0)
    assert outcome == "done" or answer["reason_text"]
    deadline = time.monotonic() + 60
    while len(exchange.certificates()) < issued and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(exchange.certificates()) == issued
    if again:
        ca.knob("normal")
        second = exchange.enrol()
        assert (second["outcome"], second["stored"]) == (again, 1), second
        assert len(exchange.certificates()) == issued_again


@pytest.mark.parametrize("at", [2, 3, 4, 17, 40, 150, 301, 700])
def test_answer_cut_within_its_der_is_unknown(ca, exchange, at):
    ca.knob("truncate", at=at)
    assert exchange.enrol()["outcome"] == "unknown"


@pytest.mark.parametrize("mode,asked", [("wrong_key", 0), ("wrong_subject", 1), ("wrong_validity", 1)])
def test_certificate_that_differs_is_shown_to_the_caller_or_refused_at_once(ca, exchange, mode, asked):
    ca.knob(mode)
    answer = exchange.enrol("--verdict", "decline")
    assert (answer["outcome"], answer["asked"]) == ("refused", asked), answer
    certificate = certificate_of(answer)
    (issued,) = exchange.certificates()
    assert serial_of(certificate) == issued["serial"]
    if mode == "wrong_subject":
        assert "somebody.else" in certificate.subject.rfc4514_string()
    if mode == "wrong_validity":
        assert certificate.not_valid_after.year > datetime.datetime.utcnow().year + 10
    assert exchange.of_mine("confirm")[0]["accepted"] is False


def test_wrong_key_is_refused_even_when_the_caller_would_accept(ca, exchange):
    ca.knob("wrong_key")
    answer = exchange.enrol()
    assert (answer["outcome"], answer["asked"]) == ("refused", 0)
    assert "key" in answer["reason_text"]


def test_rejection_carries_the_words_and_bits_of_the_ca(ca, exchange):
    ca.knob("reject")
    answer = exchange.enrol()
    assert (answer["outcome"], answer["failure_bits"]) == ("rejected", BADREQUEST)
    assert "refused by the knob" in answer["reason_text"]


def test_other_bytes_under_a_used_transaction_are_no_decision(make_exchange):
    first, second = make_exchange(), make_exchange()
    assert first.enrol()["outcome"] == "done"
    second.transaction = first.transaction
    answer = second.enrol()
    assert (answer["outcome"], answer["failure_bits"]) == ("unknown", INUSE), answer
    assert len(first.certificates()) == 1


def test_committed_certificate_stays_done_when_the_confirmation_is_not_acknowledged(ca, exchange):
    ca.knob("no_confirm")
    answer = exchange.enrol()
    assert (answer["outcome"], answer["asked"]) == ("done", 1)
    assert "did not acknowledge" in answer["reason_text"]
    assert exchange.of_mine("confirm")[0]["accepted"] is True


def test_ca_without_memory_issues_again_for_the_same_bytes(ca, exchange):
    ca.knob("normal", dedup="off")
    exchange.enrol("--verdict", "silent")
    assert exchange.enrol("--verdict", "silent")["outcome"] == "unknown"
    assert len(exchange.certificates()) == 2


def test_lost_answer_to_a_poll_goes_on_waiting(ca, exchange):
    ca.knob("waiting", polls=3)
    assert exchange.enrol()["outcome"] == "waiting"
    ca.knob("html", body="pollReq")
    lost = exchange.enrol()
    assert lost["outcome"] == "waiting" and lost["check_after"] > 0 and "text/html" in lost["reason_text"]
    assert exchange.enrol()["outcome"] == "waiting"


def test_poll_whose_answer_was_made_and_lost_ends_in_unknown_and_the_resend_helps(ca, exchange):
    ca.knob("waiting", polls=0)
    ca.knob("silent", body="pollReq")
    assert exchange.enrol()["outcome"] == "waiting"
    assert len(exchange.certificates()) == 1
    assert exchange.enrol()["outcome"] == "unknown"
    assert exchange.stored("waiting") == b""
    assert exchange.enrol()["outcome"] == "done"
    assert len(exchange.certificates()) == 1


def test_waiting_that_is_not_believed_any_more_ends_in_unknown_and_the_resend_helps(ca, exchange, tmp_path):
    """Its signer's certificate has ended meanwhile, or the trust file is another one: it cannot be polled from."""
    ca.knob("waiting", polls=0)
    ca.knob("html", body="pollReq")
    assert exchange.enrol()["outcome"] == "waiting"
    messages = len(exchange.of_mine("message"))
    doubted = exchange.enrol(trust=Ca(tmp_path / "other-ca").state / "ca.crt")
    assert doubted["outcome"] == "unknown" and doubted["reason_text"], doubted
    assert len(exchange.of_mine("message")) == messages and exchange.stored("waiting") == exchange.stored("poll") == b""
    assert exchange.enrol()["outcome"] == "done"
    assert len(exchange.certificates()) == 1


# Nothing was sent

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_nobody_listens(exchange):
    answer = exchange.enrol(url=f"https://127.0.0.1:{free_port()}/")
    assert (answer["outcome"], answer["stored"]) == ("not_sent", 1)
    assert exchange.enrol()["outcome"] == "done", "the stored bytes are used when the CA is back"


def test_name_that_does_not_resolve(exchange):
    assert exchange.enrol(url="https://ca.invalid/")["outcome"] == "not_sent"


def test_server_certificate_for_another_name(ca, exchange):
    assert exchange.enrol(url=f"https://127.0.0.2:{ca.port}/")["outcome"] == "not_sent"
    assert exchange.of_mine("message") == []


def test_server_of_another_ca_is_not_talked_to(ca, exchange, tmp_path):
    other = Ca(tmp_path / "other-ca").start()
    try:
        answer = exchange.enrol(url=f"https://127.0.0.1:{other.port}/")
        assert answer["outcome"] == "not_sent" and "certificate" in answer["reason_text"]
    finally:
        other.stop()


def test_missing_client_certificate_is_seen_after_writing(ca, exchange):
    assert exchange.enrol(tls=None)["outcome"] == "unknown", "under TLS 1.3 the refusal comes when the request is out"
    assert exchange.of_mine("message") == []


def test_listener_that_never_answers(exchange):
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        answer = exchange.enrol("--timeout-ms", "700", url=f"https://127.0.0.1:{mute.getsockname()[1]}/")
        assert answer["outcome"] == "not_sent", "the handshake never ended"
        answer = exchange.enrol("--timeout-ms", "700", url=f"http://127.0.0.1:{mute.getsockname()[1]}/")
        assert answer["outcome"] == "unknown", "the request was written"


def one_answer(listener, answer):
    connection, _ = listener.accept()
    with connection:
        connection.recv(65536)
        connection.sendall(answer)


@pytest.mark.parametrize("answer", [
    b"HTTP/1.1 302 Found\r\nLocation: https://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/pkixcmp\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/pkixcmp\r\nContent-Length: 104857600\r\n\r\n0",
    b"HTTP/1.1 200 OK\r\nContent-Type: application/pkixcmp\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"ICY 200 OK\r\n\r\n",
    b"",
], ids=["redirect", "gzip", "100 MB", "empty", "204", "not HTTP", "closed"])
def test_odd_http_answers_are_unknown(exchange, answer):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=one_answer, args=(listener, answer))
        thread.start()
        got = exchange.enrol("--timeout-ms", "2000", url=f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join()
    assert got["outcome"] == "unknown" and got["reason_text"]


# Who may say what

def test_ca_believes_only_registered_ras(exchange):
    answer = exchange.enrol(signer="stranger")
    assert answer["outcome"] in ("rejected", "unknown"), answer
    assert exchange.certificates() == []


def test_answers_of_a_ca_that_is_not_trusted_are_not_believed(exchange, tmp_path):
    Ca(tmp_path / "other-ca")
    answer = exchange.enrol(trust=tmp_path / "other-ca" / "state" / "ca.crt")
    assert answer["outcome"] == "unknown" and len(exchange.certificates()) == 1


def test_another_name_than_the_cas_is_not_believed_as_sender(exchange):
    assert exchange.enrol("--sender", "/C=CN/O=Somebody/CN=Else")["outcome"] == "unknown"


def test_responder_of_the_ca_is_believed_where_it_is_named_as_the_sender(tmp_path):
    name = "/C=CN/O=山西CA/CN=CMP responder"
    ca = Ca(tmp_path / "ca")
    ca.devca("--issue", "--subject", name, "--out-cert", ca.file("answer.crt"), "--out-key", ca.file("answer.key"))
    ca.start("--answer-cert", ca.file("answer.crt"), "--answer-key", ca.file("answer.key"))
    try:
        named, revoking, unnamed = (Exchange(ca, tmp_path / which) for which in ("named", "revoking", "unnamed"))
        answer = named.enrol("--sender", name)
        assert answer["outcome"] == "done" and answer["chain"] == 1, answer
        assert certificate_of(answer).issuer == x509.load_pem_x509_certificate((ca.state / "ca.crt").read_bytes()).subject
        assert revoking.revoke(bytes.fromhex(answer["certificate"]), 1, "--sender", name)["outcome"] == "done"
        assert unnamed.enrol()["outcome"] == "unknown"
    finally:
        ca.stop()


# SM2

@pytest.mark.parametrize("request_type", [[], ["--p10cr"]], ids=["cr", "p10cr"])
def test_sm2_key_is_certified(make_exchange, request_type):
    exchange = make_exchange(key=samples.key("sm2"))
    answer = exchange.enrol(*request_type)
    assert answer["outcome"] == "done" and answer["chain"] == 1, answer
    assert bytes.fromhex(answer["certificate"]).count(exchange.spki) == 1
    assert [line["serial"] for line in exchange.certificates()] == [serial_of(certificate_of(answer))]


@pytest.mark.parametrize("distid", [None, "ALICE123@YAHOO.COM"])
def test_ca_refuses_a_p10cr_under_another_identifier(make_exchange, distid):
    exchange = make_exchange(key=samples.key("sm2"))
    (exchange.folder / "csr").write_bytes(sm2.der_of(exchange.key.csr("x", distid)))
    answer = exchange.enrol("--p10cr")
    assert answer["outcome"] in ("rejected", "unknown") and exchange.certificates() == [], answer


@pytest.mark.parametrize("signer", ["tls"])
def test_adapter_refuses_files_that_do_not_fit(ca, exchange, signer):
    options = list(exchange.options(signer="ra"))
    options[options.index("--signer-key") + 1] = ca.file("tls.key")
    done = subprocess.run([str(w) for w in (BUILD / "cmp_probe", *options)], stderr=subprocess.PIPE)
    assert done.returncode == 1 and b"tls.key" in done.stderr and b"does not belong" in done.stderr


def test_request_that_cannot_be_made_is_not_sent(exchange):
    answer = exchange.enrol(subject=["CN=" + "长" * 70])
    assert answer["outcome"] == "not_sent" and "too long" in answer["reason_text"]


# Revocation

@pytest.fixture
def certificate(make_exchange):
    answer = make_exchange().enrol()
    assert answer["outcome"] == "done"
    return bytes.fromhex(answer["certificate"])


def reason_on_crl(ca, certificate):
    serial = x509.load_der_x509_certificate(certificate).serial_number
    entry = ca.crl().get_revoked_certificate_by_serial_number(serial)
    if entry is None:
        return None
    return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason.value


def test_hold_release_and_revocation(ca, make_exchange, certificate):
    assert make_exchange().revoke(certificate, 6)["outcome"] == "done"
    assert reason_on_crl(ca, certificate) == "certificateHold"
    assert make_exchange().revoke(certificate, 8)["outcome"] == "done"
    assert reason_on_crl(ca, certificate) is None
    assert make_exchange().revoke(certificate, 4)["outcome"] == "done"
    assert reason_on_crl(ca, certificate) == "superseded"


def test_revocation_by_serial_alone(ca, make_exchange, certificate):
    serial = serial_of(x509.load_der_x509_certificate(certificate))
    assert make_exchange().revoke(serial, 1)["outcome"] == "done"
    assert reason_on_crl(ca, certificate) == "keyCompromise"


def test_done_revocation_may_be_repeated(make_exchange, certificate):
    assert make_exchange().revoke(certificate, 1)["outcome"] == "done"
    answer = make_exchange().revoke(certificate, 1)
    assert answer["outcome"] == "done" and "certRevoked" in answer["reason_text"]


def test_release_of_what_is_not_held_is_rejected(make_exchange, certificate):
    answer = make_exchange().revoke(certificate, 8)
    assert (answer["outcome"], answer["failure_bits"]) == ("rejected", BADREQUEST)
    assert make_exchange().revoke(certificate, 1)["outcome"] == "done"
    assert make_exchange().revoke(certificate, 8)["outcome"] == "rejected"


def test_certificate_the_ca_does_not_know(make_exchange):
    answer = make_exchange().revoke("0123456789ABCDEF", 1)
    assert (answer["outcome"], answer["failure_bits"]) == ("rejected", BADCERTID)


@pytest.mark.parametrize("mode,outcome", [("silent", "unknown"), ("html", "unknown"), ("garbage", "unknown"), ("bad_signature", "unknown"),
                                          ("wrong_nonce", "unknown"), ("wrong_transaction", "unknown"), ("unprotected_error", "unknown"),
                                          ("issue_then_reject", "rejected"), ("refuse", "not_sent"), ("drop", "unknown")])
def test_faults_of_revocation_and_the_resend(ca, exchange, certificate, mode, outcome):
    ca.knob(mode, body="" if mode in ("refuse", "drop") else "rr")
    answer = exchange.revoke(certificate, 4)
    assert answer["outcome"] == outcome, answer
    ca.knob("normal")
    assert exchange.revoke(certificate, 4)["outcome"] == "done"
    assert reason_on_crl(ca, certificate) == "superseded"
    assert len([line for line in exchange.of_mine("revocation") if line["result"] == "done"]) == 1


def test_rejected_revocation_is_rejected_again_for_the_same_bytes(ca, exchange, make_exchange, certificate):
    ca.knob("reject", body="rr")
    assert exchange.revoke(certificate, 4)["outcome"] == "rejected"
    ca.knob("normal")
    assert exchange.revoke(certificate, 4)["outcome"] == "rejected"
    assert make_exchange().revoke(certificate, 4)["outcome"] == "done"


# The CA after a crash

@pytest.fixture
def own_ca(tmp_path):
    ca = Ca(tmp_path / "ca").start()
    yield ca
    if ca.process.poll() is None:
        ca.stop()


def restart(ca):
    ca.stop(signal.SIGKILL)
    ca.start()


def test_killed_ca_gives_the_same_certificate_again(own_ca, tmp_path):
    exchange = Exchange(own_ca, tmp_path / "exchange")
    first = exchange.enrol("--verdict", "silent")
    restart(own_ca)
    second = exchange.enrol()
    assert second["outcome"] == "done" and second["certificate"] == first["certificate"]
    assert len(exchange.certificates()) == 1


def test_killed_ca_goes_on_waiting_and_keeps_the_crl(own_ca, tmp_path):
    exchange = Exchange(own_ca, tmp_path / "exchange")
    held = exchange.enrol()
    assert Exchange(own_ca, tmp_path / "hold").revoke(bytes.fromhex(held["certificate"]), 6)["outcome"] == "done"
    waiting = Exchange(own_ca, tmp_path / "waiting")
    own_ca.knob("waiting", polls=2)
    assert waiting.enrol()["outcome"] == "waiting"
    restart(own_ca)
    assert waiting.enrol()["outcome"] == "waiting"
    restart(own_ca)
    assert waiting.enrol()["outcome"] == "done"
    assert reason_on_crl(own_ca, bytes.fromhex(held["certificate"])) == "certificateHold"
    numbers = [line["seq"] for line in own_ca.ledger()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_line_torn_by_a_kill_is_cut_off(own_ca, tmp_path):
    own_ca.stop(signal.SIGKILL)
    with open(own_ca.state / "ledger.jsonl", "ab") as ledger:
        ledger.write(b'{"at":"2026-01-01T00:00:00.0000')
    own_ca.start()
    assert Exchange(own_ca, tmp_path / "exchange").enrol()["outcome"] == "done"
    assert own_ca.ledger("certificate")


def test_certificates_issued_offline_are_known_to_the_running_ca(own_ca, tmp_path):
    own_ca.devca("--issue", "--subject", "/CN=离线", "--out-cert", tmp_path / "c.crt", "--out-key", tmp_path / "c.key")
    certificate = x509.load_pem_x509_certificate((tmp_path / "c.crt").read_bytes())
    der = certificate.public_bytes(DER)
    assert Exchange(own_ca, tmp_path / "exchange").revoke(der, 5)["outcome"] == "done"
    assert reason_on_crl(own_ca, der) == "cessationOfOperation"


def test_revoked_ra_certificate_opens_nothing(own_ca, tmp_path):
    ra = x509.load_pem_x509_certificate(own_ca.file("ra.crt").read_bytes()).public_bytes(DER)
    assert Exchange(own_ca, tmp_path / "revoke").revoke(ra, 1, signer="ra-rsa", tls="ra-rsa")["outcome"] == "done"
    exchange = Exchange(own_ca, tmp_path / "exchange")
    assert exchange.enrol(tls="ra-rsa")["outcome"] in ("rejected", "unknown")
    assert exchange.certificates() == []


def test_many_transactions_at_once(ca, tmp_path):
    exchanges = [Exchange(ca, tmp_path / f"exchange-{number}") for number in range(12)]
    answers = [None] * len(exchanges)

    def work(number):
        answers[number] = exchanges[number].enrol("--timeout-ms", "20000")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(exchanges))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one["outcome"] for one in answers] == ["done"] * len(exchanges)
    assert all(len(exchange.certificates()) == 1 for exchange in exchanges)


def test_ca_certificate_and_health_over_both_ports(ca):
    assert ca.get("/healthz") == b"ok\n"
    certificate = x509.load_der_x509_certificate(ca.get("/ca.crt"))
    assert ca.crl().is_signature_valid(certificate.public_key())
    context = ssl.create_default_context(cafile=str(ca.state / "ca.crt"))
    context.load_cert_chain(ca.file("ra.crt"), ca.file("ra.key"))
    with urllib.request.urlopen(f"https://localhost:{ca.port}/ca.crt", context=context, timeout=60) as answer:
        assert base64.b64encode(answer.read()) == base64.b64encode(certificate.public_bytes(DER))
