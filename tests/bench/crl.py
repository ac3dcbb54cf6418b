"""A CRL of a million entries: how long it takes from the request for it until all that follows from it is in the database, and what it takes meanwhile."""
import contextlib
import datetime
import hashlib
import http.server
import pathlib
import statistics
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from harness import main_job, process
from kit import BenchStack, say

ENTRIES = 1_000_000
SECONDS = 5        # between two fetches
WAIT_SECONDS = 600
NUMBER = 1_000_000


# --- a large list in DER: the builders of cryptography copy it for every entry ---------------------------------------------


def tagged(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def integer(number):
    return tagged(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def utc_time(when):
    return tagged(0x17, when.strftime("%y%m%d%H%M%SZ").encode())


def oid(*octets):
    return tagged(0x06, bytes(octets))


REASON = tagged(0x30, tagged(0x30, oid(0x55, 0x1D, 0x15), tagged(0x04, b"\x0a\x01\x01")))  # keyCompromise
ECDSA_SHA256 = tagged(0x30, oid(0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02))


def serials(count):
    """Of 16 octets, as CAs make them."""
    for number in range(count):
        yield int.from_bytes(b"\x40" + hashlib.sha256(number.to_bytes(4, "big")).digest()[:15], "big")


def crl(state, own, count, number):
    """A list of `count` entries with one of ours among them, signed by the CA whose folder this is (key on P-256)."""
    key = serialization.load_pem_private_key((state / "ca.key").read_bytes(), None)
    certificate = x509.load_pem_x509_certificate((state / "ca.crt").read_bytes())
    now = datetime.datetime.utcnow()
    tail = utc_time(now - datetime.timedelta(hours=1)) + REASON
    entries = [tagged(0x30, integer(serial), tail) for serial in (own, *serials(count - 1))]
    crl_number = tagged(0x30, oid(0x55, 0x1D, 0x14), tagged(0x04, integer(number)))
    body = tagged(0x30, integer(1), ECDSA_SHA256, certificate.subject.public_bytes(), utc_time(now), utc_time(now + datetime.timedelta(days=1)),
                  tagged(0x30, *entries), tagged(0xA0, tagged(0x30, crl_number)))
    return tagged(0x30, body, ECDSA_SHA256, tagged(0x03, b"\0", key.sign(body, ec.ECDSA(hashes.SHA256()))))


class Publisher:
    """The web server of the list."""

    def __init__(self):
        self.body = b""
        self.asked = []  # when
        publisher = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = publisher.body
                if self.path == "/crl":
                    publisher.asked.append(time.monotonic())
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


# --- measuring ---------------------------------------------------------------------------------------------------------


def memory(stack, field):
    """MiB of each child: VmRSS now, VmHWM at most."""
    texts = [pathlib.Path(f"/proc/{pid}/status").read_text() for pid in stack.httpd.children()]
    return [int(text.split(f"{field}:")[1].split()[0]) / 1024 for text in texts]


def jobs_done(stack):
    return int(stack.database.client("SELECT COUNT(*) FROM outbox_jobs WHERE kind = 'ca_status' AND state = 'done'", "ra"))


class Watch:
    """How long the public status query takes while a list is followed."""

    def __init__(self, stack):
        self.stack = stack
        self.times = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._ask)

    def _ask(self):
        with self.stack.client("public") as client:
            number = 0
            while not self.stop.wait(0.02):
                begin = time.monotonic()
                client.get("/certificate-status", params={"subject": f"山西观察信息技术有限公司{number}"})
                self.times.append(1000 * (time.monotonic() - begin))
                number += 1

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()

    def text(self):
        return f"median {statistics.median(self.times):.1f} ms, p99 {statistics.quantiles(self.times, n=100)[98]:.1f} ms"


def follow(stack, publisher, what):
    """One fetch from the request for the list to the end of its job. @return a line"""
    asked, done = len(publisher.asked), jobs_done(stack)
    for pid in stack.httpd.children():
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")  # the high-water mark begins anew
    end = time.monotonic() + WAIT_SECONDS
    with Watch(stack) as watch:
        while len(publisher.asked) == asked:
            time.sleep(0.01)
        before = stack.cpu_seconds()
        while jobs_done(stack) == done:
            if time.monotonic() > end:
                raise process.Failed("the list is not followed: " + stack.database.client("SELECT failure FROM ca_sources", "ra"))
            time.sleep(0.1)
        took, after = time.monotonic() - publisher.asked[asked], stack.cpu_seconds()
    used = ", ".join(f"{who} {after[who] - before[who]:.1f} s" for who in ("httpd", "mariadb"))
    return (f"{what}: {took:.1f} s; CPU {used}; memory of the child at most {max(memory(stack, 'VmHWM')):.0f} MiB, afterwards"
            f" {max(memory(stack, 'VmRSS')):.0f} MiB; status queries meanwhile: {watch.text()}")


def run(build, count):
    """@return lines of the report"""
    publisher = Publisher()
    stack = BenchStack(build, name="bench-crl", settings={"CRL_SECONDS": SECONDS, "PUBLISHED_URL": publisher.url,
                                                          "EXTRA_GLOBAL": "RAUpstreamCRLMax 512"})
    try:
        stack.stop()
        stack.wipe()
        stack.start()
        job = main_job.Job(stack).run()
        own = int(stack.database.client("SELECT serial FROM certificates LIMIT 1", "ra"), 16)
        body = crl(stack.ca.state, own, count, NUMBER)
        say(f"a CRL of {count} entries, {len(body) / 2**20:.1f} MiB")
        publisher.body = body
        lines = [f"a CRL of {count} entries, {len(body) / 2**20:.1f} MiB, one of them ours",
                 follow(stack, publisher, "    fetched, verified, stored, followed"), follow(stack, publisher, "    the same list again")]
        stored, revoked = stack.database.client("SELECT (SELECT entries FROM ca_crls), (SELECT COUNT(*) FROM certificates"
                                                " WHERE revoked_at IS NOT NULL)", "ra").split()
        if (int(stored), int(revoked)) != (count, 1):
            raise process.Failed(f"{stored} entries are stored, {revoked} certificates revoked: "
                                 + stack.database.client("SELECT failure FROM ca_sources", "ra"))
        return lines
    finally:
        publisher.server.shutdown()
        stack.stop()
        stack.wipe()
