"""Production against the development CA: over REST with everything that the RA does around it, next to the bare exchange with that CA."""
import statistics
import time

import batch
from cryptography.hazmat.primitives import serialization
from harness import process, samples, schema
from kit import CONNECTIONS, Comparison, Load, get, measure, post, say

PER_ROUND = 160
OPENING = 2 * CONNECTIONS  # before each round, so that the connections to the CA are open, as those of the bare exchange are
WAIT_SECONDS = 60
SEALED_SECONDS = 300
COMMITS = 4  # of a production: codes and attempt, the bytes to be sent, the certificate, the end of the job
FLOOR_COMMITS = 4000
FLOOR_SECONDS = 2


class Productions:
    """Applications with codes and a request each; a round has its own."""

    def __init__(self, stack, rounds):
        self.stack = stack
        coded = batch.run(stack, (OPENING + PER_ROUND) * rounds, in_bulk=False)
        load = Load(stack, "codes", "staff", [
            post(stack, "staff", f"/applications/{one['id']}/codes", {}, f'"{one["version"]}.json"') for one in coded.known],
            identity=stack.identity("issuing_officer"))
        result, codes = load.answers()
        if result["errors"]:
            raise process.Failed(f"codes: {result}")
        say(f"{len(codes)} pairs of codes")
        self.requests = [self._request(one, pair) for one, pair in zip(coded.known, codes)]
        process.wait_for("events of entering that are not sealed", self._everything_is_sealed, SEALED_SECONDS)
        self.with_answer = []  # the part of each round that was made when the last request was answered

    def _request(self, application, codes):
        text, _ = samples.csr(application["subject_name"])
        body = {"reference_code": codes["reference_code"], "authorisation_code": codes["authorisation_code"], "csr": text}
        return post(self.stack, "staff", f"/applications/{application['id']}/production", body,
                    f'"{application["version"] + 1}.json"')  # drawing codes is a change

    def _everything_is_sealed(self):
        """What the entering left for the sealer is not to be paid by the rounds; their own events are."""
        return self.stack.database.client("SELECT COUNT(*) FROM audit_events e LEFT JOIN audit_batch_members m ON m.event_id = e.id"
                                          " WHERE m.event_id IS NULL", "ra") == "0\n"

    def _produce(self, count):
        """The next ones, each asked for once."""
        mine, self.requests = self.requests[:count], self.requests[count:]
        return Load(self.stack, "production", "staff", mine, identity=self.stack.identity("issuing_officer")).round()

    def round(self):
        """A kept connection to the CA that was not used for three seconds is not used again, and the other candidate's rounds take as long."""
        opened = self.certificates()
        self._produce(OPENING)
        self._wait_for_rest(opened + OPENING)
        before = self.certificates()
        result = self._produce(PER_ROUND)
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


class Floor:
    """What nobody can do without who answers over mTLS and loses nothing: one request that asks for nothing, and each COMMIT with one small row."""

    def __init__(self, stack):
        self.stack = stack
        stack.database.client("CREATE TABLE bench_commits (id BINARY(16) NOT NULL PRIMARY KEY) ENGINE=InnoDB;"
                              f" GRANT INSERT ON bench_commits TO '{schema.USER}'@'localhost'", "ra")

    def measure(self):
        """@return CPU in microseconds that a production takes for it, by who takes it"""
        request = Load(self.stack, "nothing", "staff", [get(self.stack.ports["staff"], "/healthz")], identity=self.stack.identity("issuing_officer"),
                       seconds=FLOOR_SECONDS).round()
        commit = measure(self.stack, self._commits())
        return {"client": 1e6 * request["cpu"]["client"] / request["requests"],
                "httpd": 1e6 * (request["cpu"]["httpd"] / request["requests"] + COMMITS * commit["cpu"]["client"] / commit["requests"]),
                "mariadb": 1e6 * COMMITS * commit["cpu"]["mariadb"] / commit["requests"]}

    def _commits(self):
        ids, transaction = self.stack.state / "bench-commit-ids", self.stack.state / "bench-commit"
        ids.write_text("".join(f"{number:032x}\n" for number in range(FLOOR_COMMITS)))
        transaction.write_text("START TRANSACTION READ WRITE\nINSERT INTO bench_commits (id) VALUES (?)\tid\nCOMMIT\n")
        return [self.stack.program("statements"), "--socket", str(self.stack.database.socket), "--user", schema.USER, "--password-file",
                str(self.stack.state / "secrets" / "db.password"), "--transaction", str(transaction), "--connections", str(CONNECTIONS),
                "--ids", str(ids)]


class Compared(Comparison):
    """With the ratio that would be left if everything but the floor cost nothing, by CPU."""

    def __init__(self, floor):
        super().__init__("production over mTLS / bare CMP exchange", "bare exchange", 0.7)
        self.floor = floor

    def lines(self):
        yield from super().lines()
        ours, bare, floor = sum(self.cpu(0).values()), sum(self.cpu(1).values()), self.floor.measure()
        text = ", ".join(f"{who} {value:.0f} us" for who, value in floor.items())
        yield f"    {f'one empty request and {COMMITS} COMMITs':<44}{text}"
        yield f"    CPU of the bare exchange / of a production: {bare / ours:.2f}; / of itself with these: {bare / (bare + sum(floor.values())):.2f}"


def compare(stack, rounds):
    ours, bare, comparison = Productions(stack, rounds + 1), Bare(stack), Compared(Floor(stack))  # one round to warm up
    comparison.run(ours, bare, rounds)
    say(f"certificates that were there with the last answer: {statistics.mean(ours.with_answer):.0%}")
    return comparison
