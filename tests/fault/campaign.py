"""A campaign: the RA's business in parallel while everything under it dies, stalls and lies; then ra_check has the last word.

    /usr/bin/python3 tests/fault/campaign.py --build build-test [--seed N] [--faults 1000] [--workers 4] [--resend idempotent|never]

The seed decides which fault comes when; threads decide what it meets. Printed: the seed, hits and faults of each failpoint, requests in flight.
"""
import argparse
import collections
import contextlib
import hashlib
import os
import pathlib
import random
import subprocess
import sys
import threading
import time
import traceback

import httpx

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from fault import failpoints as fp  # noqa: E402
from fault.business import KEY_COMPROMISE, Business  # noqa: E402
from fault.driver import Log  # noqa: E402
from harness import evidence, process  # noqa: E402
from harness.mariadb import SqlError  # noqa: E402
from harness.stack import ANY_PORTS, Stack  # noqa: E402

CHECK = pathlib.Path(__file__).resolve().parents[1] / "harness" / "ra_check"
DRAIN_SECONDS = 240
FIRE_SECONDS = 1.5
TOUR_SECONDS = 8
LATE_SECONDS = 240  # of all failpoints together that nothing came by in their first time: a loaded machine is slow, not wrong
SEAL_SECONDS = 120
FOLLOW_SECONDS = 120  # to see that the CA's list was followed

# (mode, message types): what the development CA does wrong once.
KNOBS = [
    *({"mode": mode} for mode in ("silent", "garbage", "html", "http500", "issue_then_reject", "truncate", "wrong_nonce", "bad_signature",
                                  "wrong_transaction", "unprotected_error", "reject")),
    {"mode": "late", "ms": 1500}, {"mode": "late", "ms": 2600}, {"mode": "slow_byte"}, {"mode": "drop"}, {"mode": "refuse"},
    {"mode": "silent", "body": "certConf"}, {"mode": "http500", "body": "certConf"}, {"mode": "no_confirm"},
    {"mode": "waiting", "polls": 1, "check_after": 1, "body": "cr"}, {"mode": "http500", "body": "pollReq"}, {"mode": "silent", "body": "rr"},
    {"mode": "wrong_key", "body": "cr"}, {"mode": "wrong_subject", "body": "cr"}, {"mode": "issue_then_reject", "body": "rr"},
]


NEED_TROUBLE = ("second_look", "outcome_begin", "outcome_written", "outcome_committed")


class Campaign(Business):
    def __init__(self, stack, folder, seed, dedup=True):
        super().__init__(stack, seed)
        self.random = random.Random(seed)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = Log(self.folder / "driver.jsonl")
        self.points = fp.Failpoints(stack.state / "failpoints")
        self.faults = collections.Counter()
        self.lives = threading.Lock()  # who starts and stops services
        if not dedup:
            stack.ca.knobs(dedup="off")

    # The faults.

    def one_fault(self, point=None, action=None):
        kind = self.random.choices(("point", "knob", "child", "httpd", "mariadbd", "ca"), (56, 26, 8, 3, 3, 4))[0]
        if point or kind == "point":
            return self.at_point(point or self.least_hurt(), action)
        return {"knob": self.turn_knob, "child": self.kill_child, "httpd": self.kill_httpd, "mariadbd": self.kill_mariadbd, "ca": self.kill_ca}[kind]()

    def least_hurt(self):
        """Among those with the fewest faults so far, by chance: no failpoint is forgotten."""
        least = min(self.points.fired(name) for name in self.points.names)
        return self.random.choice([name for name in self.points.names if self.points.fired(name) <= least + 1])

    def note(self, what, **members):
        self.faults[what] += 1
        self.log.write("fault", what=what, **members)

    def help_to(self, name):
        """What only happens at a CA in trouble, or not often."""
        if name.startswith("bulk_"):
            self.wish.set()
        elif name.startswith("crl_"):
            self.end_leases_of_the_dead()
            with contextlib.suppress(httpx.HTTPError, IndexError):
                self.stack.ca.revoke(self.spare[0], KEY_COMPROMISE)
                self.spare.popleft()
        elif name in NEED_TROUBLE:
            self.log.write("fault", what="help", point=name)
            self.stack.ca.knobs(mode=self.random.choice(("reject", "issue_then_reject", "http500")), body="cr", count=1)

    def tour(self):
        """Every failpoint once, whatever the dice say. @return those that nothing came by"""
        names = self.random.sample(self.points.names, len(self.points.names))
        missed = [name for name in names if not self.at_point(name, None, TOUR_SECONDS, 1)]
        end = time.monotonic() + LATE_SECONDS
        return [name for name in missed if not self.at_point(name, None, max(TOUR_SECONDS, end - time.monotonic()), 1)]

    def at_point(self, name, action, seconds=FIRE_SECONDS, after=None):
        """Arms the failpoint and waits until somebody comes by. @return did anybody?"""
        after = after or self.random.randint(1, 3)
        action = action or self.random.choice((fp.KILL, fp.KILL, fp.ERROR, fp.ERROR, fp.STALL, fp.LOSE_ANSWER, fp.KILL_PARENT, "mariadbd", "ca"))
        before = self.points.fired(name)
        if action in ("mariadbd", "ca"):
            self.points.arm(name, fp.STALL, 400, after)
        elif action == fp.ERROR:
            self.points.arm(name, fp.ERROR, self.random.choice(fp.ERRORS), after)
        else:
            self.points.arm(name, action, 600, after)
        end, helped = time.monotonic() + seconds, 0
        while self.points.fired(name) == before and time.monotonic() < end:
            if time.monotonic() > helped + 1:
                self.help_to(name)
                helped = time.monotonic()
            time.sleep(0.01)
        self.points.disarm(name)
        if self.points.fired(name) == before:
            return False
        self.note(f"point {action}", point=name)
        if action == "mariadbd":
            self.restart_mariadbd()
        elif action == "ca":
            self.restart_ca()
        elif action == fp.KILL_PARENT:
            self.restart_httpd()
        return True

    def turn_knob(self):
        knob = dict(self.random.choice(KNOBS))
        self.note("knob " + knob["mode"], **{"body": knob.get("body")})
        self.stack.ca.knobs(count=1, **knob)
        time.sleep(0.3)
        return True

    def kill_child(self):
        children = list(self.stack.httpd.children())
        if not children:
            return False
        self.note("kill child")
        try:
            os.kill(self.random.choice(children), 9)
        except ProcessLookupError:
            return False
        return True

    def kill_httpd(self):
        self.note("kill httpd")
        return self.restart_httpd()

    def restart_httpd(self):
        with self.lives:
            self.stack.httpd.kill()
            self.stack.httpd.start()
        return True

    def kill_mariadbd(self):
        self.note("kill mariadbd")
        return self.restart_mariadbd()

    def restart_mariadbd(self):
        with self.lives:
            self.stack.database.kill()
            self.stack.database.start()
        return True

    def kill_ca(self):
        self.note("kill ca")
        return self.restart_ca()

    def restart_ca(self):
        with self.lives:
            self.stack.ca.kill()
            self.stack.ca.start()
        return True

    def run(self, faults, workers=4, seconds=None, tour=True, warm_up=3):
        """A tour of the failpoints, then faults until so many were done, or for so long. @return failpoints that the tour could not reach"""
        missed = []
        threads = [threading.Thread(target=self.worker, args=(number,)) for number in range(workers)]
        for thread in threads:
            thread.start()
        try:
            time.sleep(warm_up)
            end = time.monotonic() + (seconds or 1e9)
            missed = self.tour() if tour else []
            while sum(self.faults.values()) < faults and time.monotonic() < end:
                self.one_fault()
            self.stack.ca.knobs(mode="normal")
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()
        self.end_leases()
        self.drain()
        if "CRL_SECONDS" in self.stack.settings:
            self.follow_list()
        return missed

    def end_leases(self):
        """Nobody waits out the leases of children that were killed. No child lives meanwhile: the lease of a run that goes on is never ended."""
        self.log.write("fault", what="end")
        with self.lives:
            self.stack.httpd.kill()
            self.sql("UPDATE outbox_jobs SET lease_until = UTC_TIMESTAMP(6) WHERE state = 'open' AND lease_until > UTC_TIMESTAMP(6)")
            self.stack.httpd.start()

    def end_leases_of_the_dead(self):
        """A killed child's job that follows the CA's list holds up everybody's: nobody waits that lease out either."""
        alive = {str(child) for child in self.stack.httpd.children()}
        for job, owner in self.sql("SELECT HEX(id), lease_owner FROM outbox_jobs WHERE state = 'open' AND kind = 'ca_status' AND lease_until > UTC_TIMESTAMP(6)"):
            if owner.split(":")[1] not in alive:
                self.sql(f"UPDATE outbox_jobs SET lease_until = UTC_TIMESTAMP(6) WHERE id = UNHEX('{job}') AND lease_owner = '{owner}'")

    def follow_list(self):
        """Until the RA has followed a list that was made after everything else."""
        now = time.time()
        process.wait_for("the next second", lambda: int(time.time()) > int(now) + 1, 10)
        self.stack.ca.renew_crl()
        digest = hashlib.sha256(httpx.get(f"{self.stack.ca.control_url}/crl", trust_env=False).content).hexdigest()
        process.wait_for("the CA's list is followed", lambda: self.sql(
            "SELECT COUNT(*) FROM ca_crls c JOIN ca_sources s ON s.kind = 'crl' WHERE s.failure IS NULL AND s.fetched_at >= c.fetched_at"
            f" AND c.sha256 = UNHEX('{digest}')") == [["1"]], FOLLOW_SECONDS)

    def drain(self, seconds=DRAIN_SECONDS):
        """Until every job has ended, but the one that is due each second; nobody waits out the pauses between tries."""
        end = time.monotonic() + seconds
        while self.open_jobs() and time.monotonic() < end:
            self.sql("UPDATE outbox_jobs SET next_run = UTC_TIMESTAMP(6) WHERE state = 'open'")
            time.sleep(1)

    def sql(self, statement):
        """@return rows of columns; a statement that the module's own work deadlocks with is said again"""
        while True:
            try:
                return [line.split("\t") for line in self.stack.database.client(statement, "ra").splitlines()]
            except SqlError as failure:
                if not any(f"ERROR {number} " in str(failure) for number in (1205, 1213)):
                    raise

    def open_jobs(self):
        return int(self.sql("SELECT COUNT(*) FROM outbox_jobs WHERE state = 'open' AND kind <> 'ca_status'")[0][0])

    # The verdict.

    def unsealed(self):
        return int(self.sql("SELECT COUNT(*) FROM audit_events e LEFT JOIN audit_batch_members m ON m.event_id = e.id WHERE m.event_id IS NULL")[0][0])

    def export_audit(self):
        """The audit log when all of it is sealed, and its newest checkpoint. @return their files"""
        process.wait_for("every audit event is sealed", lambda: self.unsealed() == 0, SEAL_SECONDS)
        tool = evidence.Tool(self.stack.build.product("ra-audit"))
        checkpoint = self.folder / "checkpoint.jsonl"
        code, _, errors = tool.run("checkpoint", "--socket", self.stack.database.socket, "--user", "root", "--out", checkpoint)
        if code:
            raise process.Failed(errors)
        return tool.export(self.stack.database, self.folder / "audit.jsonl"), checkpoint

    def crashes(self):
        """Children that died of their own fault: those that were killed leave no word."""
        return self.stack.httpd.error_log.crashes()

    def check(self):
        """@return (exit code, output) of ra_check"""
        export, checkpoint = self.export_audit()
        command = [sys.executable, str(CHECK), "--driver", self.folder / "driver.jsonl", "--ledger", self.stack.ca.state / "ledger.jsonl",
                   "--socket", self.stack.database.socket, "--dump", self.folder / "database.json", "--audit", export, "--audit-checkpoint", checkpoint,
                   "--audit-key", self.stack.state / "pki" / "audit.pub", "--audit-tool", self.stack.build.product("ra-audit")]
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    def report(self):
        names = self.points.names
        lines = [f"seed {self.seed}: {sum(self.faults.values())} faults: " + ", ".join(f"{what} {times}" for what, times in sorted(self.faults.items())),
                 f"requests: {self.log.asked} asked, {self.log.answers} answered, {self.log.repeated} asked again, {self.log.most_in_flight} at once",
                 "done: " + ", ".join(f"{what} {times}" for what, times in sorted(self.done.items())), "failpoints (hits/faults):"]
        for begin in range(0, len(names), 4):
            lines.append("  " + "".join(f"{name} {self.points.hits(name)}/{self.points.fired(name)}".ljust(36) for name in names[begin:begin + 4]))
        return "\n".join(lines)


def make_stack(build, name, resend="idempotent", lists=True):
    """An instance whose failpoints can be armed, and that asks for the CA's list each second. RAUpstreamTimeout is what ra_check counts with."""
    stack = Stack(build, name=name, ports=ANY_PORTS, settings={})
    stack.stop()
    stack.wipe()
    resend_line = "" if resend == "idempotent" else "\nRAUpstreamResend never"
    stack.settings.update(PRODUCTION_WAIT=1, **({"CRL_SECONDS": 1} if lists else {}), EXTRA_GLOBAL="RAUpstreamTimeout 2\nRAAuditSealSeconds 1\n"
                          f"RATestFailpoints {stack.state}/failpoints{resend_line}")
    stack.start()
    return stack


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build-test")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--faults", type=int, default=1000)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--resend", choices=("idempotent", "never"), default="idempotent")
    parser.add_argument("--keep", action="store_true", help="leave state folder and logs")
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)
    process.end_in_order()
    stack = make_stack(given.build, f"fault{os.getpid()}", given.resend)
    wrong = ["the campaign did not come to its end"]
    try:
        campaign = Campaign(stack, stack.state / "campaign", given.seed, dedup=given.resend == "idempotent")
        missed = campaign.run(given.faults, given.workers, given.seconds, tour=given.faults > 0)
        code, text = campaign.check()
        print(campaign.report())
        print(text, end="")
        wrong = [*(["ra_check found violations"] if code else []), *campaign.odd[:5], *(one["message"] for one in campaign.crashes()),
                 *(f"nothing came by the failpoint {name}" for name in missed)]
    except Exception:  # pylint: disable=broad-except
        wrong.append(traceback.format_exc())
    finally:
        stack.stop()
        if not given.keep:
            stack.wipe()
    print("\n".join(f"FAILED (seed {given.seed}): {line}" for line in wrong) or "nothing is lost, nothing is issued twice", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
