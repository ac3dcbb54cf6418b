"""What the benchmarks share: the instance, candidates that are asked over HTTPS, rounds that take turns, and what is printed of them."""
import json
import os
import pathlib
import statistics
import subprocess
import time
import uuid

from harness import process, schema
from harness.stack import ANY_PORTS, Stack

CONNECTIONS = 16
BARE_PATH = "/bench/bare"

BARE = """
LoadModule bare_module "{module}"
BareDatabase "{socket}" "{user}" "{password}"
BareStatement "{statement}"
Listen 127.0.0.1:{port} https
<VirtualHost 127.0.0.1:{port}>
    SSLEngine on
    SSLCertificateFile "{certificate}"
    SSLCertificateKeyFile "{key}"
    CacheSocache shmcb:{state}/httpd/run/bare-answers(1048576)
    CacheEnable socache "{path}"
    CacheSocacheMaxSize 65536
    CacheIgnoreCacheControl On
    CacheIgnoreHeaders Set-Cookie X-Request-Id traceparent RateLimit RateLimit-Policy
    CacheDefaultExpire 0
    <Location "{path}">
        SetHandler bare
        Require all granted
    </Location>
</VirtualHost>
"""


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


# --- the instance ------------------------------------------------------------------------------------------------------


class BenchStack(Stack):
    """The usual private instance, limiter off, with the bare handler on a host of its own."""

    def __init__(self, build, name="bench", settings=None):
        super().__init__(build, name=name, ports={**ANY_PORTS, "bare": 0},
                         settings={"RATE_PUBLIC": "off", "RATE_STAFF": "off", "RATE_API": "off", **(settings or {})}, say=say)

    def _configuration(self):
        module = process.place(self.build.product("bench/mod_bare.so"), self.state / "bin" / "mod_bare.so")
        self.statement = self.state / "bench-statement"
        self.statement.touch()
        bare = BARE.format(module=module, statement=self.statement, socket=self.database.socket, user=schema.USER,
                           state=self.state, path=BARE_PATH, password=self.state / "secrets" / "db.password", port=self.ports["bare"],
                           certificate=self.server_identity.certificate, key=self.server_identity.key)
        return {**super()._configuration(), "EXTRA_GLOBAL": bare + self.settings.get("EXTRA_GLOBAL", "")}

    def program(self, name):
        return str(self.build.product(f"bench/{name}"))

    def cpu_seconds(self):
        """CPU so far of httpd's children, of MariaDB and of the development CA."""
        return {"httpd": sum(map(cpu_of, self.httpd.children())), "mariadb": cpu_of(self.database.pid), "ca": cpu_of(self.ca.pid())}


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- candidates --------------------------------------------------------------------------------------------------------


def get(port, path):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n\r\n".encode()


def post(stack, host, path, body, tag=None):
    """A change as a well-behaved caller of the host sends it."""
    port, body = stack.ports[host], json.dumps(body, ensure_ascii=False).encode()
    manners = (f"X-RA-Request: 1\r\nOrigin: https://127.0.0.1:{port}\r\nSec-Fetch-Site: same-origin\r\n" if host == "staff"
               else f"Idempotency-Key: {uuid.uuid4()}\r\n")
    return (f"POST /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{manners}" + (f"If-Match: {tag}\r\n" if tag else "")
            + f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def write_requests(path, requests):
    path.write_bytes(b"".join(b"%d\n%s" % (len(one), one) for one in requests))
    return str(path)


class Load:
    """A candidate that is asked over HTTPS: a list of requests, for some time or each of them once."""

    def __init__(self, stack, name, port, requests, identity=None, seconds=None):
        self.stack = stack
        self.name = name
        self.seconds = seconds
        self.next = 0
        self.answers_file = stack.state / f"bench-{name}-answers"
        self.command = [stack.program("load"), "--port", str(stack.ports[port]), "--ca", str(stack.pki.root_file), "--requests",
                        write_requests(stack.state / f"bench-{name}", requests), "--connections", str(CONNECTIONS)]
        if identity:
            self.command += ["--cert", str(identity.certificate), "--key", str(identity.key)]

    def round(self):
        length = ["--seconds", str(self.seconds), "--first", str(self.next)] if self.seconds else ["--once"]
        result = measure(self.stack, [*self.command, *length])
        self.next = result["next"]
        return result

    def answers(self):
        """Asks each request once. @return what was measured, and the bodies of the answers in the order of the requests"""
        result = measure(self.stack, [*self.command, "--once", "--answers", str(self.answers_file)])
        bodies = {}
        with open(self.answers_file, "rb") as file:
            while line := file.readline():
                number, size = map(int, line.split())
                bodies[number] = json.loads(file.read(size))
        self.answers_file.unlink()
        return result, [bodies[number] for number in range(len(bodies))]


def restart(stack):
    """New children: they have prepared nothing yet."""
    stack.httpd.stop()
    stack.httpd.start()


def measure(stack, command):
    """One round: what the program counted, and the CPU that the services took for it (connections are open before)."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        ready = program.stdout.readline()
        before = stack.cpu_seconds()
        text, _ = program.communicate("\n" if ready else None)
        after = stack.cpu_seconds()
    if program.returncode:
        raise process.Failed(f"{command[0]} ended with {program.returncode}: {text.strip()}")
    result = json.loads(text)
    result["cpu"] = {"client": result["cpu"], **{name: after[name] - before[name] for name in before}}
    result["rate"] = result["requests"] / result["seconds"]
    return result


# --- comparing ---------------------------------------------------------------------------------------------------------


class Comparison:
    """`what` against `against`; the ratio is to be at least `least`, better `aim`."""

    def __init__(self, what, against, least, aim=None):
        self.what = what
        self.against = against
        self.least = least
        self.aim = aim
        self.rounds = []

    def run(self, one, other, rounds, after=lambda: None):
        for candidate in (one, other):  # warm up
            candidate.round()
            after()
        for number in range(rounds):
            pair = {}
            for candidate in (one, other) if number % 2 == 0 else (other, one):
                pair[candidate] = candidate.round()
                after()
            self.rounds.append((pair[one], pair[other]))
        return self

    @property
    def ratio(self):
        return statistics.median(a["rate"] / b["rate"] for a, b in self.rounds)

    def rate(self, side):
        return statistics.median(pair[side]["rate"] for pair in self.rounds)

    def cpu(self, side):
        """Microseconds of CPU per request, by who took them."""
        rounds = [pair[side] for pair in self.rounds]
        requests = sum(one["requests"] for one in rounds)
        return {name: 1e6 * sum(one["cpu"][name] for one in rounds) / requests for name in rounds[0]["cpu"]}

    def lines(self):
        ratios = [a["rate"] / b["rate"] for a, b in self.rounds]
        low, _, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
        ratio = round(self.ratio, 2)
        verdict = "missed" if ratio < self.least else "met, aim missed" if self.aim and ratio < self.aim else "met"
        aim = f">= {self.least}" + (f" (aim {self.aim})" if self.aim else "")
        yield (f"{self.what:<46} {self.rate(0):>8.0f}/s {self.rate(1):>8.0f}/s {self.ratio:>6.2f}  {low:.2f}-{high:.2f}"
               f"  {aim:<18} {verdict}")
        for side, name in ((0, "CPU per request"), (1, f"  {self.against}")):
            yield f"    {name:<44}" + ", ".join(f"{who} {value:.0f} us" for who, value in self.cpu(side).items() if value >= 1)
