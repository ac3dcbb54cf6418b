"""./quickstart check: both builds, every ring, one verdict at the end."""
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

RINGS_OF_BOTH = ("api",)
# Rings that pytest runs once, with the test build; folders without tests are left out.
RINGS_OF_TEST_BUILD = ("upstream", "store", "fault", "browser")


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, report):
        for suite in xml.etree.ElementTree.parse(report).getroot().iter("testsuite"):
            count = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
            self.failed += count["failures"] + count["errors"]
            self.skipped += count["skipped"]
            self.passed += max(0, count["tests"] - count["failures"] - count["errors"] - count["skipped"])


def folders(source, names):
    found = [source / "tests" / name for name in names]
    return [folder for folder in found if any(folder.glob("**/test_*.py"))]


def pytest(source, build, names, tally, say):
    """One run of pytest over some rings."""
    where = folders(source, names)
    if not where:
        return
    say(f"pytest with {build.folder.name}/: {' '.join(folder.name for folder in where)}")
    with tempfile.TemporaryDirectory() as place:
        report = pathlib.Path(place) / "report.xml"
        environment = dict(os.environ, RA_BUILD=str(build.folder))
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", f"--junitxml={report}",
                               *map(str, where)], cwd=source, env=environment)
        if report.exists():
            tally.add(report)
        elif done.returncode:
            tally.failed += 1


def make_check(build, targets, tally, say):
    say(f"make {' '.join(targets)} in {build.folder.name}/")
    if subprocess.run(["make", *targets], cwd=build.folder).returncode:
        tally.failed += 1
    else:
        tally.passed += 1


def run(source, make, say):
    """@return the exit code: 0 when everything passed"""
    begin = time.monotonic()
    tally = Tally()
    plain = make(source / "build", (), ("all", "tests"))
    make_check(plain, ["check"], tally, say)
    pytest(source, plain, RINGS_OF_BOTH, tally, say)
    tested = make(source / "build-test", ("--enable-test-build", "--enable-sanitizers"), ("all", "tests"))
    make_check(tested, ["check-unit", "check-fuzz"], tally, say)
    pytest(source, tested, RINGS_OF_BOTH + RINGS_OF_TEST_BUILD, tally, say)
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped in {time.monotonic() - begin:.0f} s", flush=True)
    return 1 if tally.failed else 0
