"""The development CA as a process: make its state, start, stop, kill, turn its knobs, read its ledger."""
import json
import os
import signal
import subprocess

import httpx

from . import process

RESPONDER = "/C=CN/O=Development CA/CN=CMP responder"


class DevCa:
    """One development CA: `program` is build/devca (a copy the service user can run). A CA with a key for SM2 has a responder for CMP."""

    def __init__(self, program, state, log, port, control_port, ra_identity, tls_identity, trust_file, key_type="p256"):
        self.program = str(program)
        self.state = state
        self.log = log
        self.port = port
        self.control_port = control_port
        self.ra_certificate, self.ra_key = ra_identity
        self.tls = tls_identity
        self.trust_file = trust_file
        self.key_type = key_type
        self.pid_file = state.parent / "devca.pid"
        self.process = None

    @property
    def url(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def cmp_url(self):
        return f"{self.url}/.well-known/cmp"

    @property
    def control_url(self):
        return f"http://127.0.0.1:{self.control_port}"

    def init(self):
        """Makes the CA and the RA's credential at it, once."""
        process.make_folder(self.state, 0o700)
        process.run([self.program, "--dir", self.state, "--init", "--ca-key-type", self.key_type])
        if not self.ra_certificate.exists():
            process.run([self.program, "--dir", self.state, "--issue-ra", "/C=CN/O=Shanxi CA/CN=RA of social security",
                         "--out-cert", self.ra_certificate, "--out-key", self.ra_key])
        if self.key_type == "sm2" and not self.responder[1].exists():
            process.run([self.program, "--dir", self.state, "--issue", "--subject", RESPONDER, "--out-cert", self.responder[0],
                         "--out-key", self.responder[1]])

    @property
    def responder(self):
        return self.state / "answer.crt", self.state / "answer.key"

    def chain(self):
        """PEM of the certificates that an issued certificate verifies against."""
        return (self.state / "ca.crt").read_bytes()

    def pid(self):
        return process.read_pid(self.pid_file, str(self.state))

    def start(self):
        command = [self.program, "--dir", self.state, "--listen", f"127.0.0.1:{self.port}",
                   "--tls-cert", self.tls.certificate, "--tls-key", self.tls.key,
                   "--control", f"127.0.0.1:{self.control_port}", "--ra-cert", self.ra_certificate]
        if self.key_type == "sm2":
            command += ["--answer-cert", self.responder[0], "--answer-key", self.responder[1]]
        with open(self.log, "ab") as log:
            environment = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
            self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True, cwd="/", env=environment, **process.as_service())
        self.pid_file.write_text(f"{self.process.pid}\n")
        process.wait_for("development CA", lambda: process.accepts(self.port) and process.accepts(self.control_port), 60,
                         lambda: self.process.poll() is None)

    def stop(self):
        pid = self.pid()
        if pid:
            process.end(pid)
        self.pid_file.unlink(missing_ok=True)

    def kill(self):
        """As a crash: SIGKILL."""
        pid = self.pid()
        if pid:
            process.end(pid, with_signal=signal.SIGKILL)

    def knobs(self, **values):
        """Sets a fault knob (mode, body, count, …); without values says what is set."""
        address = f"{self.control_url}/knobs"
        answer = httpx.post(address, json=values, trust_env=False) if values else httpx.get(address, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def revoke(self, serial, reason):
        """The CA's own operator revokes (6: holds, 8: releases). @return "done", or why not"""
        answer = httpx.post(f"{self.control_url}/revocations", json={"serial": serial, "reason": reason}, trust_env=False)
        answer.raise_for_status()
        return answer.text

    def renew_crl(self):
        """The next CRL is a new one, also when nothing has changed."""
        httpx.post(f"{self.control_url}/crl", trust_env=False).raise_for_status()

    def reset(self):
        """Right answers again."""
        return self.knobs(mode="normal")

    def ledger(self):
        """Every message and certificate the CA has seen, in order."""
        path = self.state / "ledger.jsonl"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
