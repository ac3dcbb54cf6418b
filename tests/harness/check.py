"""./quickstart check: both builds, every ring, several at a time, one verdict at the end.

A ring that pytest runs has an instance of its own (conftest.py: RA_RING), so several can run side by side; most of the API's time is waiting
for a clock, a lease or a time limit, so two cores have work for five. What each prints goes to a
file and is shown when it ends; meanwhile one line in a while says how far they are.
"""
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree

RINGS_FOR_A_CORE = 2.5
PROGRESS_SECONDS = 60
REASON_CHARACTERS = 2000  # lines of a server's log are long, and may never come again

PLAIN, TEST_BUILD = "build", "build-test"
BUILDS = {PLAIN: (), TEST_BUILD: ("--enable-test-build", "--enable-sanitizers")}

# The longest first, so that all hands end at about the same time (the browser's pages share one server: it cannot be cut in parts). (name, build folder, make targets, folders of tests/ for pytest);
# "api 1/4" is every fourth file from the first; folders without tests are left out.
RINGS = (
    ("browser", PLAIN, (), ("browser",)),
    ("faults", TEST_BUILD, (), ("upstream", "store", "fault")),
    *((f"api {part} with sanitizers", TEST_BUILD, (), (f"api {part}",)) for part in ("1/4", "2/4", "3/4", "4/4")),
    *((f"api {part}", PLAIN, (), (f"api {part}",)) for part in ("1/4", "2/4", "3/4", "4/4")),
    ("make check", PLAIN, ("check", "check-web"), ()),
    ("units with sanitizers", TEST_BUILD, ("check-unit", "check-fuzz"), ()),
)


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other):
        return Count(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def read_report(report):
    """The suites of a run of pytest; none when it ended before it could report."""
    return list(xml.etree.ElementTree.parse(report).getroot().iter("testsuite")) if report.exists() else []


def count_report(report, code):
    """What a run of pytest reports; a run without a report is one failure."""
    suites = read_report(report)
    if not suites:
        return Count(failed=1 if code else 0)
    total = Count()
    for suite in suites:
        tests, failures, errors, skipped = (int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped"))
        total += Count(max(0, tests - failures - errors - skipped), failures + errors, skipped)
    return total


def reasons(report):
    """(test, why) of what failed: the lines of the exception, without the way to it."""
    for suite in read_report(report):
        for case in suite.iter("testcase"):
            for wrong in (*case.iter("failure"), *case.iter("error")):
                yield f"{case.get('classname')}.{case.get('name')}", wrong.get("message", "")[:REASON_CHARACTERS]


def test_files(source, words):
    """The files of "folder", or of "folder 1/4": every fourth from the first."""
    folder, _, part = words.partition(" ")
    files = sorted((source / "tests" / folder).glob("**/test_*.py"))
    first, step = map(int, part.split("/")) if part else (1, 1)
    return files[first - 1::step]


class Ring:
    def __init__(self, number, source, place, name, folder, targets, tests):
        self.name = name
        self.source = source
        self.folder = source / folder
        self.number = number
        self.targets = targets
        self.tests = [file for words in tests for file in test_files(source, words)]
        self.output = place / f"{number}.txt"
        self.report = place / f"{number}.xml"
        self.begin = None
        self.count = None

    def has_work(self):
        return bool(self.targets or self.tests)

    def command(self):
        if self.targets:
            return ["make", *self.targets]
        return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", f"--junitxml={self.report}", *map(str, self.tests)]

    def run(self):
        self.begin = time.monotonic()
        environment = dict(os.environ, RA_BUILD=str(self.folder), RA_RING=str(self.number), PYTHONUNBUFFERED="1")
        with open(self.output, "wb") as output:
            code = subprocess.run(self.command(), cwd=self.folder if self.targets else self.source, env=environment, stdin=subprocess.DEVNULL,
                                  stdout=output, stderr=subprocess.STDOUT).returncode
        self.count = Count(failed=1 if code else 0, passed=0 if code else 1) if self.targets else count_report(self.report, code)
        return self

    def say_reasons(self):
        """Each failure again in a few lines, for a reader of the end alone."""
        if self.targets and self.count.failed:
            print(f"FAILED {self.name}: see above")
        for test, why in reasons(self.report):
            print(f"FAILED {self.name}: {test}: {why}")

    def progress(self):
        """How far it is, of one that runs; None otherwise."""
        if self.begin is None or self.count is not None or not self.output.exists():
            return None
        shown = re.findall(r"\[ *(\d+%)\]", self.output.read_text("utf-8", "replace"))
        return f"{self.name}: {shown[-1] if shown else 'running'}, {time.monotonic() - self.begin:.0f} s"


def say_progress(rings, say, ended):
    while not ended.wait(PROGRESS_SECONDS):
        say("; ".join(filter(None, (ring.progress() for ring in rings))))


def run_rings(rings, say):
    """@return the count of all; each ring's output is printed when it ends"""
    total, ended = Count(), threading.Event()
    watcher = threading.Thread(target=say_progress, args=(rings, say, ended), daemon=True)
    watcher.start()
    with concurrent.futures.ThreadPoolExecutor(int(RINGS_FOR_A_CORE * (os.cpu_count() or 1))) as pool:
        for done in concurrent.futures.as_completed([pool.submit(ring.run) for ring in rings]):
            ring = done.result()
            total += ring.count
            say(f"{ring.name} in {ring.folder.name}/: {ring.count} in {time.monotonic() - ring.begin:.0f} s")
            with open(ring.output, "rb") as output:
                sys.stdout.flush()
                shutil.copyfileobj(output, sys.stdout.buffer)
                sys.stdout.buffer.flush()
    ended.set()
    watcher.join()
    return total


def run(source, make, say):
    """@return the exit code: 0 when everything passed"""
    begin = time.monotonic()
    for folder, options in BUILDS.items():
        make(source / folder, options, ("all", "tests"))
    with tempfile.TemporaryDirectory() as place:
        rings = [Ring(number, source, pathlib.Path(place), *row) for number, row in enumerate(RINGS)]
        total = run_rings([ring for ring in rings if ring.has_work()], say)
        for ring in rings:
            ring.say_reasons()
    print(f"{total} in {time.monotonic() - begin:.0f} s", flush=True)
    return 1 if total.failed else 0
