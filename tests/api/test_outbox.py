"""Rows of the outbox that are of no more use go by themselves; whatever is to be done stays."""
import contextlib
import ctypes
import os
import signal
import threading
import time

import pytest

from fault import failpoints

# name → (state, days since it ended)
JOBS = {"forgotten": ("done", 31), "kept": ("done", 29), "open": ("open", None), "person": ("person", None)}


def identifier(name):
    return f"UNHEX(MD5('outbox-{name}'))"


def left(ra):
    return {name for name in JOBS if ra.sql(f"SELECT COUNT(*) FROM outbox_jobs WHERE id = {identifier(name)}") == [["1"]]}


def test_finished_jobs_are_forgotten_after_a_month(ra):
    far = "UTC_TIMESTAMP(6) + INTERVAL 1 DAY"  # nobody runs the open one meanwhile
    try:
        for name, (state, days) in JOBS.items():
            ended = f"UTC_TIMESTAMP(6) - INTERVAL {days} DAY" if days else "NULL"
            ra.sql("INSERT INTO outbox_jobs (id, kind, lane, subject, state, next_run, created_at, finished_at) VALUES"
                   f" ({identifier(name)}, 'enrol', 1, {identifier(name)}, '{state}', COALESCE({ended}, {far}), UTC_TIMESTAMP(6) - INTERVAL 40 DAY, {ended})")
        end = time.monotonic() + 60
        while "forgotten" in left(ra):
            assert time.monotonic() < end
            time.sleep(0.2)
        assert left(ra) == {"kept", "open", "person"}
    finally:
        ra.sql(f"DELETE FROM outbox_jobs WHERE id IN ({', '.join(map(identifier, JOBS))})")


@pytest.fixture(scope="module")
def elsewhere(make_ra, build):
    """An instance whose failpoints can be armed, and the table of them."""
    if not build.is_test_build:
        pytest.skip("needs --enable-test-build")
    ra = make_ra("elsewhere", PRODUCTION_WAIT=30)
    table = ra.stack.state / "failpoints"
    ra.stack.httpd.stop()
    ra.stack.httpd.configure(EXTRA_GLOBAL=f"RATestFailpoints {table}")
    ra.stack.httpd.start()
    points = failpoints.Failpoints(table)
    yield ra, points
    points.close()


def messages(ra, case):
    """What the CA was sent for the application, in order."""
    [[mine]] = ra.sql(f"SELECT LOWER(HEX(transaction_id)) FROM ca_attempts WHERE application_id = UNHEX(REPLACE('{case.id}', '-', ''))")
    return [line["body"] for line in ra.stack.ca.ledger() if line["kind"] == "message" and line["transaction_id"].lower() == mine]


def demand_one_certificate(elsewhere, late, stalls_at):
    """The child that has the job stands still at a failpoint for longer than its lease, and another one takes the job over."""
    ra, points = elsewhere
    case = ra.case("coded")
    ra.stack.ca.knobs(mode="late", ms=late, about=case.name)
    try:
        points.arm(stalls_at, failpoints.STALL, 9000)
        case.ask(expect=201)
        assert points.fired(stalls_at) == 1
        assert messages(ra, case) == ["cr", "certConf"]
    finally:
        ra.stack.ca.reset()


@pytest.mark.test_build
def test_job_that_another_child_has_taken_over_is_sent_once_and_waited_for(elsewhere):
    """Its own child stands still between the reading of the attempt and the request, for longer than the lease from the queueing."""
    demand_one_certificate(elsewhere, 4000, "attempt_read")


@pytest.mark.test_build
def test_run_that_has_lost_its_job_leaves_the_attempt_to_the_other(elsewhere):
    """It reads the attempt when the other has sent the request, and goes on before that is answered."""
    demand_one_certificate(elsewhere, 8000, "job_claimed")


def threads_of(children):
    with contextlib.suppress(FileNotFoundError):
        return {(child, int(thread)) for child in children for thread in os.listdir(f"/proc/{child}/task")}
    return set()


def signal_new_threads(children, is_over):
    """The listener of a child that ends sends its own process a signal, and any thread may get it."""
    before = threads_of(children)
    while not is_over.wait(0.05):
        for child, thread in threads_of(children) - before:
            ctypes.CDLL(None).tgkill(child, thread, signal.SIGTERM)


@pytest.mark.test_build
def test_child_that_is_stopped_lets_the_ca_answer_its_job(make_ra):
    """For seven seconds; a signal in between shortens them for nobody."""
    ra = make_ra("leaving", PRODUCTION_WAIT=1)
    httpd, case, is_over = ra.stack.httpd, ra.case("coded"), threading.Event()
    ra.stack.ca.knobs(mode="late", ms=5000, about=case.name)
    begin = time.monotonic()
    case.ask(expect=202)
    signals = threading.Thread(target=signal_new_threads, args=(httpd.children(), is_over))
    signals.start()
    httpd.stop()
    ended = time.monotonic() - begin
    is_over.set()
    signals.join()
    assert ended >= 5
