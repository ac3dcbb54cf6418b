"""Clients that do the RA's business and write down, before and after, what they asked for and what they were told: a witness for ra_check.

A client that has no answer asks again with the same Idempotency-Key until it has one, as a careful business system does.
"""
import hashlib
import json
import os
import pathlib
import secrets
import sys
import threading
import time
import uuid
from datetime import datetime, timezone

import httpx

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "api"))
from harness.client import UNSAFE, Client, Unexpected  # noqa: E402

PATIENCE = 60  # seconds a client asks for an answer
ANY = tuple(range(100, 600))


class GaveUp(Exception):
    """No answer in all that time."""


class Log:
    """JSON lines, on the disk before the next word is spoken."""

    def __init__(self, path):
        self.file = open(path, "a", encoding="utf-8")
        self.lock = threading.Lock()
        self.in_flight = self.most_in_flight = self.asked = self.answers = self.repeated = 0

    def write(self, kind, **members):
        line = json.dumps({"kind": kind, "at": datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z"), **members})
        with self.lock:
            self.file.write(line + "\n")
            self.file.flush()
            os.fsync(self.file.fileno())

    def enter(self):
        with self.lock:
            self.asked += 1
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def leave(self):
        with self.lock:
            self.in_flight -= 1


def plain(identifier):
    return identifier.replace("-", "") if identifier else None


def application_of(path):
    parts = path.split("/")
    return plain(parts[2]) if path.startswith("/applications/") else None


STEPS = {"agency-decision": "agency_decision"}
BULK = {"/bulk/applications": "submission", "/bulk/agency-decisions": "agency_decision", "/bulk/reviews": "review"}  # the step of a row


def rows_of(path, body):
    """What each row of a bulk operation asks for; None of any other request."""
    if path not in BULK:
        return None
    return [{"application": plain(row.get("application_id")), "step": BULK[path], "subject_name": row["body"].get("subject_name")} for row in body["rows"]]


def results_of(bulk):
    """What was told about each row of a bulk operation that is done."""
    return [{"index": row["index"], "status": row["status"], "application": plain(row.get("id")), "version": row.get("version"), "state": row.get("state"),
             "code": row.get("problem", {}).get("code")} for row in bulk["results"]]


def step_of(method, path):
    parts = path.split("/")
    if method == "PATCH":
        return "edit"
    return STEPS.get(parts[3], parts[3]) if path.startswith("/applications/") and len(parts) > 3 else None


class Told(Client):
    """As Client; every change is logged, and asked again until it is answered."""

    log = None   # set by the campaign
    stop = None  # threading.Event: no more patience

    def call(self, method, path, body=None, *, expect=None, key=None, **options):
        if method not in UNSAFE:
            return self._until_answered(lambda: super(Told, self).call(method, path, body, expect=ANY, **options), expect)
        key = key or str(uuid.uuid4())  # the trace id too: the audit log tells what was done for it
        self.log.write("asked", key=key, method=method, path=path, application=application_of(path), step=step_of(method, path),
                       subject_name=(body or {}).get("subject_name") if path == "/applications" else None, rows=rows_of(path, body))
        return self._until_answered(lambda: self._say(method, path, body, key, options), expect)

    def _say(self, method, path, body, key, options):
        self.log.enter()
        try:
            headers = {**(options.pop("headers", None) or {}), "traceparent": f"00-{plain(key)}-{secrets.token_hex(8)}-01"}
            response = super().call(method, path, body, key=key, expect=ANY, headers=headers, **options)
        finally:
            self.log.leave()
        self._note(path, key, response)
        return response

    def _note(self, path, key, response):
        told = {"code": response.json().get("code")} if "problem+json" in response.headers.get("Content-Type", "") else {}
        if response.status_code < 300 and response.content and "json" in response.headers.get("Content-Type", ""):
            body = response.json()
            if "state" in body and "number" in body:
                told = {"application": plain(body["id"]), "version": body["version"], "state": body["state"]}
            elif path in BULK:
                told = {"bulk": plain(body["id"])}
            elif application_of(path):
                told = {"application": application_of(path), "operation": plain(body.get("operation", body).get("id"))}
        self.log.answers += 1
        self.log.write("told", key=key, status=response.status_code, body_sha256=hashlib.sha256(response.content).hexdigest(), **told)

    def _until_answered(self, say, expect):
        end = time.monotonic() + PATIENCE
        pause = 0.1
        while True:
            try:
                response = say()
            except httpx.HTTPError:
                response = None
            if response is not None and response.status_code < 500:
                break
            if time.monotonic() > end or (self.stop is not None and self.stop.is_set() and time.monotonic() > end - PATIENCE / 2):
                raise GaveUp()
            self.log.repeated += 1
            time.sleep(pause)
            pause = min(1.0, pause * 1.6)
        accepted = expect if isinstance(expect, (tuple, list, set, range)) else (expect,) if expect else range(200, 300)
        if response.status_code not in accepted:
            raise Unexpected(response)
        return response


class Party:
    """What support.Case needs of an instance: one client for each role, of one worker thread."""

    def __init__(self, stack, log, stop):
        self.stack, self.log, self.stop = stack, log, stop
        self.ids = stack.ids
        self.clients = {}

    def _client(self, host, role):
        if (host, role) not in self.clients:
            client = Told(self.stack.url(host), host, self.stack.pki.root_file, self.stack.identity(role), timeout=20)
            client.log, client.stop = self.log, self.stop
            self.clients[host, role] = client
        return self.clients[host, role]

    def staff(self, role):
        return self._client("staff", role)

    def system(self):
        return self._client("api", "system")

    def close(self):
        for client in self.clients.values():
            client.close()
