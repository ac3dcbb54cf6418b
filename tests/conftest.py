"""Fixtures of every ring: one private instance per run of pytest, and a clean error log after each test that used it.

RA_BUILD names the build folder (build/). Run `./quickstart check`, or one ring: `/usr/bin/python3 -m pytest tests/api`.
"""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from harness import schema  # noqa: E402
from harness.build import Build  # noqa: E402
from harness.httpd import show  # noqa: E402
from harness.mariadb import MariaDB  # noqa: E402
from harness.stack import ANY_PORTS, Stack  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parent.parent


def pytest_configure(config):
    config.addinivalue_line("markers", "log(pattern, …): the error log may have lines that match these patterns, crashes excepted")
    config.addinivalue_line("markers", "test_build: needs failpoints; skipped with an ordinary build")


@pytest.fixture(scope="session")
def build():
    return Build(os.environ.get("RA_BUILD", SOURCE / "build"))


def stop(stack):
    """The end of an instance. @return its crashes, also those between tests"""
    stack.stop()
    crashes = stack.httpd.error_log.crashes() if stack.httpd else []
    stack.leave()
    return crashes


@pytest.fixture(scope="session")
def migrated():
    """A data folder with the schema: each instance begins with a copy of it, so that the migrations are run once."""
    with MariaDB() as database:
        schema.create(database, SOURCE)
        database.stop()
        yield database.folder / "data"


@pytest.fixture(scope="session")
def make_stack(build, migrated):
    """Makes further instances, for tests that need other settings: make_stack("name", RATE_PUBLIC="5/10")."""
    made = []
    # Runs side by side (harness/check.py) have instances of their own.
    suffix = ("-t" if build.is_test_build else "") + os.environ.get("RA_RING", "")

    def make(name, **settings):
        stack = Stack(build, name=name + suffix, ports=ANY_PORTS, settings=settings, data=migrated)
        stack.stop()
        stack.wipe()
        made.append(stack)
        return stack.start()

    yield make
    crashes = [crash for stack in made for crash in stop(stack)]
    assert not crashes, show(crashes)


@pytest.fixture(scope="session")
def stack(make_stack):
    """The instance that tests share: whoever changes it puts it back."""
    return make_stack("check")


@pytest.fixture(autouse=True)
def clean_log(request):
    """No test leaves warnings, errors or a sanitizer's report in the error log that it did not announce."""
    if request.node.get_closest_marker("test_build") and not request.getfixturevalue("build").is_test_build:
        pytest.skip("needs --enable-test-build")
    if "stack" not in request.fixturenames:
        yield
        return
    log = request.getfixturevalue("stack").httpd.error_log
    mark = log.mark()
    yield
    left = log.unannounced(mark, request.node.iter_markers("log"))
    assert not left, show(left)
