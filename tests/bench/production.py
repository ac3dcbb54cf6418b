"""Production against the development CA: over REST with everything that the RA does around it, next to the bare exchange with that CA."""
import statistics
import time

import batch
from cryptography.hazmat.primitives import serialization
from harness import process, samples
from kit import CONNECTIONS, Comparison, Load, cpu_of, measure, post, say

PER_ROUND = 160
WAIT_SECONDS = 60


class Productions:
    """Applications with codes and a request each; a round has its own."""

    def __init__(self, stack, rounds):
        self.stack = stack
        coded = batch.run(stack, PER_ROUND * rounds, in_bulk=False)
        load = Load(stack, "codes", "staff", [
            post(stack, "staff", f"/applications/{one['id']}/codes", {}, f'"{one["version"]}.json"') for one in coded.known],
            identity=stack.identity("issuing_officer"))
        result, codes = load.answers()
        if result["errors"]:
            raise process.Failed(f"codes: {result}")
        say(f"{len(codes)} pairs of codes")
        self.requests = [self._request(one, pair) for one, pair in zip(coded.known, codes)]
        self.round_number = 0
        self.with_answer = []  # the part of each round that was made when the last request was answered

    def _request(self, application, codes):
        text, _ = samples.csr(application["subject_name"])
        body = {"reference_code": codes["reference_code"], "authorisation_code": codes["authorisation_code"], "csr": text}
        return post(self.stack, "staff", f"/applications/{application['id']}/production", body,
                    f'"{application["version"] + 1}.json"')  # drawing codes is a change

    def round(self):
        mine = self.requests[self.round_number * PER_ROUND:][:PER_ROUND]
        self.round_number += 1
        before = self.certificates()
        load = Load(self.stack, "production", "staff", mine, identity=self.stack.identity("issuing_officer"))
        result = load.round()
        answered = self.certificates() - before
        result["seconds"] += self._wait_for_rest(before + PER_ROUND)
        result["rate"] = result["requests"] / result["seconds"]
        if result["errors"]:
            raise process.Failed(f"production: {result}")
        self.with_answer.append(answered / PER_ROUND)
        return result

    def _wait_for_rest(self, wanted):
        """Those that were answered with 202 count when they are made. @return seconds"""
        begin = time.monotonic()
        while self.certificates() < wanted:
            if time.monotonic() > begin + WAIT_SECONDS:
                raise process.Failed(f"{wanted - self.certificates()} certificates are missing")
            time.sleep(0.02)
        return time.monotonic() - begin

    def certificates(self):
        return int(self.stack.database.client("SELECT COUNT(*) FROM certificates", "ra"))


class Bare:
    """The same exchanges and nothing else."""

    def __init__(self, stack):
        self.stack = stack
        key = samples.key().public_key()
        spki = stack.state / "bench-spki"
        spki.write_bytes(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
        self.command = [stack.program("cmp_loop"), "--url", stack.ca.cmp_url, "--tls-ca", str(stack.pki.root_file), "--signer-cert",
                        str(stack.ca.ra_certificate), "--signer-key", str(stack.ca.ra_key), "--trust", str(stack.ca_chain), "--spki", str(spki),
                        "--count", str(PER_ROUND), "--connections", str(CONNECTIONS)]

    def round(self):
        return measure(self.stack, self.command)


class WithCa:
    """A candidate's rounds with the CPU of the CA in them."""

    def __init__(self, stack, candidate):
        self.stack = stack
        self.candidate = candidate

    def round(self):
        before = cpu_of(self.stack.ca.pid())
        result = self.candidate.round()
        result["cpu"]["ca"] = cpu_of(self.stack.ca.pid()) - before
        return result


def compare(stack, rounds):
    ours, bare = Productions(stack, rounds + 1), Bare(stack)  # one round to warm up
    comparison = Comparison("production over mTLS / bare CMP exchange", "bare exchange", 0.7)
    comparison.run(WithCa(stack, ours), WithCa(stack, bare), rounds)
    say(f"certificates that were there with the last answer: {statistics.mean(ours.with_answer):.0%}")
    return comparison
