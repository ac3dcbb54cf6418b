"""Graceful restarts while clients work: what became of each request, and whether anything grows with the restarts.

A client here is a careful business system on one connection that is kept alive: when it ends before the first byte of an answer, the same request goes
out again, with the same Idempotency-Key, over a new one. An answer that ends after its first byte is lost, and counted.
"""
import collections
import dataclasses
import json
import os
import pathlib
import socket
import ssl
import threading
import time
import uuid

from . import process, samples

PATIENCE = 60  # seconds: of one answer, of a new generation of children
PATH = "/api/v1/applications"


class Lost(Exception):
    """An answer ended after its first byte."""


class Caller(threading.Thread):
    """Submits applications until it is told to stop; pauses without a connection while the others are counted."""

    def __init__(self, reloads):
        super().__init__(daemon=True)
        self.reloads, self.stack = reloads, reloads.stack
        self.connection = None
        self.counts = collections.Counter()
        self.told = {}  # key → (status, name of the subject)
        self.wrong = []

    def run(self):
        while not self.reloads.stopped.is_set():
            if self.reloads.paused.is_set():
                self.close()
                time.sleep(0.02)
                continue
            try:
                self.submit()
            except (OSError, ValueError, Lost) as failure:
                self.wrong.append(f"{type(failure).__name__}: {failure}")
                self.close()
        self.close()

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.stack.ports["api"]), PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = self.reloads.tls.wrap_socket(plain, server_hostname="127.0.0.1")

    def submit(self):
        key = str(uuid.uuid4())
        form = samples.application(self.stack.ids["agency"])
        body = json.dumps(form).encode()
        head = (f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{self.stack.ports['api']}\r\nContent-Type: application/json\r\n"
                f"Idempotency-Key: {key}\r\nContent-Length: {len(body)}\r\n\r\n")
        begin = time.monotonic()
        status = self.ask(head.encode() + body)
        self.counts["answers"] += 1
        self.counts[f"status {status}"] += 1
        self.told[key] = status, form["subject_name"]
        self.reloads.slowest = max(self.reloads.slowest, time.monotonic() - begin)

    def ask(self, request):
        """@return the status of the answer, when one has come"""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            age = "kept" if self.connection else "new"
            try:
                if not self.connection:
                    self.connect()
                self.connection.sendall(request)
                status = self.receive()
            except (ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
                status = None
            if status:
                return status
            self.counts[f"ended before an answer, {age} connection"] += 1
            self.close()
        raise TimeoutError("no answer")

    def receive(self):
        """@return the status; None when the connection ended before the first byte"""
        data, whole = b"", None
        while whole is None or len(data) < whole:
            try:
                piece = self.connection.recv(65536)
            except (ConnectionError, ssl.SSLError) as failure:
                if not data:
                    return None
                raise Lost(f"{data[:200]!r}") from failure
            if not piece and not data:
                return None
            if not piece:
                raise Lost(f"{data[:200]!r}")
            data += piece
            whole = whole or length_of(data)
        head = data.split(b"\r\n\r\n", 1)[0].lower()
        if b"connection: close" in head:
            self.counts["closed with an answer"] += 1
            self.close()
        return int(data.split(b" ", 2)[1])


def length_of(data):
    """Of the whole answer, once its head is there."""
    head, blank, _ = data.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return len(head) + 4 + int(lengths[0]) if blank and lengths else None


@dataclasses.dataclass
class Sizes:
    """Of the parent and the largest child, while nobody asks anything: resident KiB, open files, threads; and connections of the database."""
    parent: tuple
    child: tuple
    children: int
    database: int

    def __str__(self):
        texts = (f"{name} {kib / 1024:.1f} MiB, {files} files, {threads} threads" for name, (kib, files, threads) in (("parent", self.parent), ("child", self.child)))
        return "; ".join(texts) + f"; {self.children} children, {self.database} connections of the database"


def sizes_of(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text("ascii")
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return int(lines["VmRSS"].split()[0]), len(os.listdir(f"/proc/{pid}/fd")), int(lines["Threads"])


class Reloads:
    def __init__(self, stack, callers):
        self.stack = stack
        self.stopped, self.paused = threading.Event(), threading.Event()
        self.slowest = 0.0
        self.tls = ssl.create_default_context(cafile=str(stack.pki.root_file))
        self.tls.load_cert_chain(*map(str, stack.identity("system").pair))
        self.callers = [Caller(self) for _ in range(callers)]

    def __enter__(self):
        for caller in self.callers:
            caller.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for caller in self.callers:
            caller.join()

    @property
    def counts(self):
        return sum((caller.counts for caller in self.callers), collections.Counter())

    def graceful(self):
        """One graceful restart, until the old generation is gone and every caller has been answered by a new one."""
        old = set(self.stack.httpd.children())
        self.stack.httpd.graceful()
        process.wait_for("the old children end", lambda: self._is_new(old), PATIENCE)
        before = [caller.counts["answers"] for caller in self.callers]
        process.wait_for("everybody is answered", lambda: all(caller.counts["answers"] > count for caller, count in zip(self.callers, before)), PATIENCE)

    def _is_new(self, old):
        """As many children as before, and none of them."""
        children = set(self.stack.httpd.children())
        return old.isdisjoint(children) and len(children) >= len(old)

    def sizes(self):
        """Measured when the callers' connections are closed."""
        self.paused.set()
        process.wait_for("the callers pause", lambda: all(caller.connection is None for caller in self.callers), 2 * PATIENCE)
        children = self.stack.httpd.children()
        process.wait_for("connections are closed", lambda: self._is_quiet(children), PATIENCE)
        found = [sizes_of(pid) for pid in children]
        connected = self.stack.database.client("SHOW GLOBAL STATUS LIKE 'Threads_connected'").split()[1]
        self.paused.clear()
        return Sizes(sizes_of(self.stack.httpd.pid()), tuple(map(max, zip(*found))), len(found), int(connected) - 1)

    def _is_quiet(self, children):
        """No more connections than listeners: two looks in a row see the same number of files."""
        def files():
            return [len(os.listdir(f"/proc/{pid}/fd")) for pid in children]

        first = files()
        time.sleep(0.3)
        return first == files()

    def violations(self):
        """What must not be, in texts: wrong answers, and effects that are not exactly one for each key."""
        found = [text for caller in self.callers for text in caller.wrong]
        told = {key: what for caller in self.callers for key, what in caller.told.items()}
        found += [f"key {key} was answered {status}" for key, (status, _) in told.items() if status != 201]
        rows = self.stack.database.client("SELECT subject_name, COUNT(*) FROM applications GROUP BY subject_name", "ra").splitlines()
        stored = dict(row.split("\t") for row in rows)
        found += [f"{name}: {stored.get(name, 0)} applications" for _, name in told.values() if stored.get(name) != "1"]
        return found
