"""The format of sealed evidence, written a second time from docs/evidence.md: to make logs for tests and to check the module's own."""
import base64
import hashlib
import json
import subprocess

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NO_ROOT = "0" * 64
SIGNED = ("number", "previous_root", "merkle_root", "event_count", "first_event", "last_event", "sealed_at", "seen_until", "key_sha256")
PURPOSE = ec.ECDSA(hashes.SHA256())


def canonical(value):
    """RFC 8785 for what occurs here: ASCII names, texts, integers."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf(event):
    return sha256(b"\0" + canonical(event))


def merkle_root(leaves):
    """As RFC 9162 §2.1.1 defines it, by recursion."""
    if len(leaves) <= 1:
        return leaves[0] if leaves else sha256(b"")
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + merkle_root(leaves[:split]) + merkle_root(leaves[split:]))


def statement(batch):
    return canonical({"format": 1, **{name: batch[name] for name in SIGNED}})


def root(batch):
    return sha256(statement(batch)).hex()


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Key:
    """A P-256 audit key: a new one, or the one of a private key."""

    def __init__(self, private=None):
        self.private = private or ec.generate_private_key(ec.SECP256R1())
        public = self.private.public_key()
        self.pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.id = sha256(public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).hex()

    def __deepcopy__(self, _):
        return self

    def sign(self, data):
        return encode(self.private.sign(data, PURPOSE))


def is_signed(batch, public_pem):
    key = serialization.load_pem_public_key(public_pem)
    try:
        key.verify(decode(batch["signature"]), statement(batch), PURPOSE)
    except InvalidSignature:
        return False
    return True


def seal(number, previous, events, sealed_at, seen_until, key):
    """One batch as ra-audit exports it. @return (batch line, member lines)"""
    leaves = [leaf(event) for event in events]
    batch = {"number": number, "previous_root": previous, "merkle_root": merkle_root(leaves).hex(), "event_count": len(events),
             "first_event": events[0]["id"], "last_event": events[-1]["id"], "sealed_at": sealed_at, "seen_until": seen_until, "key_sha256": key.id}
    batch.update(signature=key.sign(statement(batch)), root=root(batch))
    members = [{"kind": "member", "batch": number, "position": position, "event_id": event["id"], "event_sha256": hashed.hex(), "event": event}
               for position, (event, hashed) in enumerate(zip(events, leaves))]
    return {"kind": "batch", **batch}, members


class Tool:
    """The program ra-audit."""

    def __init__(self, program):
        self.program = str(program)

    def run(self, *words):
        """@return (exit code, standard output, standard error)"""
        done = subprocess.run([self.program, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
        return done.returncode, done.stdout, done.stderr

    def export(self, database, out, *words):
        code, _, errors = self.run("export", "--socket", database.socket, "--user", "root", "--out", out, *words)
        assert code == 0, errors
        return out

    def verify(self, path, key, *words):
        """@return (exit code, lines)"""
        code, output, errors = self.run("verify", path, "--key", key, *words)
        assert code in (0, 1), errors
        return code, output.splitlines()
