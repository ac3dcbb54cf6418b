"""The database's disk is full (I11, I12, fault F6): a change is answered 503 and has left nothing, not even half; room heals it without
a restart. MariaDB's folder is a file system of its own, which only root can make."""
import contextlib
import os
import subprocess

import pytest

from harness import process
from harness.stack import ANY_PORTS, Stack
from support import Ra, refused, unique

ROOM = {"db": "400m", "log": "16m", "httpd": "16m"}
ROUNDS = 4000  # more than fill what the tables have of free pages


@contextlib.contextmanager
def mounted(folder, size):
    process.make_folder(folder, 0o700)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", str(folder)], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this machine lets nobody mount a file system")
    try:
        process.own(folder)
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def small(build):
    """An instance whose database, logs and httpd have little room, each of its own."""
    if os.getuid() != 0:
        pytest.skip("only root can make a file system that is small")
    stack = Stack(build, name="full" + os.environ.get("RA_RING", "") + ("-t" if build.is_test_build else ""), ports=ANY_PORTS)
    stack.stop()
    for name in ROOM:
        subprocess.run(["umount", str(stack.state / name)], stderr=subprocess.DEVNULL, check=False)
    stack.wipe()
    process.make_folder(stack.state)
    with contextlib.ExitStack() as undo:
        undo.callback(stack.wipe)
        for name, size in ROOM.items():
            undo.enter_context(mounted(stack.state / name, size))
        undo.callback(stack.stop)
        ra = Ra(stack.start())
        undo.callback(ra.close)
        yield ra


@contextlib.contextmanager
def filled(folder):
    """No byte is left in the folder; what is yielded gives the room back before the end."""
    filler = folder / "filler"
    for size in (1 << 20, 512):
        with contextlib.suppress(OSError), open(filler, "ab", buffering=0) as file:
            while file.write(bytes(size)) == size:
                pass
    try:
        yield lambda: filler.unlink(missing_ok=True)
    finally:
        filler.unlink(missing_ok=True)


@pytest.fixture
def full(small):
    with filled(small.stack.state / "db") as empty:
        yield empty


class Witness:
    """What the caller was told, held against the database."""

    def __init__(self, ra):
        self.ra = ra
        self.done, self.refused = [], []

    def try_once(self):
        """One change, a new agency. @return was it refused for want of room?"""
        name = unique("满")
        answer = self.ra.administrator.post("/agencies", {"name": name, "region": "140100"}, expect=(201, 503))
        (self.done if answer.status_code == 201 else self.refused).append(name)
        if answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) >= 1
            assert refused(answer, 503, answer.json()["code"])
        return answer.status_code == 503

    def compare(self):
        """Each agency that was promised is there with its audit row, and no other one."""
        rows = self.ra.sql("SELECT a.name, COUNT(e.id) FROM agencies a LEFT JOIN audit_events e ON e.object_id = a.id AND e.outcome = 'done'"
                           " WHERE a.name LIKE '满%' GROUP BY a.id, a.name")
        assert sorted(name for name, _ in rows) == sorted(self.done)
        assert {count for _, count in rows} <= {"1"}, [row for row in rows if row[1] != "1"]
        assert not {name for name, _ in rows} & set(self.refused)


MODULES_WORDS = pytest.mark.log("RA0")  # it says that there is no room, again and again


@MODULES_WORDS
def test_change_that_finds_no_room_is_answered_503_and_leaves_nothing(small, full):
    witness = Witness(small)
    while not witness.try_once():
        assert len(witness.done) < ROUNDS, "the disk is full, and yet everything was written"
    for _ in range(20):
        witness.try_once()
    assert witness.refused
    full()
    process.wait_for("changes are taken again", lambda: not witness.try_once(), 60)
    for _ in range(5):
        assert not witness.try_once(), "healed without a restart"
    witness.compare()
    print(f"{len(witness.done)} done, {len(witness.refused)} refused with 503")
    assert small.internal.get("/readyz").json() == {"status": "ready"}


@MODULES_WORDS
def test_application_is_changed_with_its_history_and_audit_row_or_not_at_all(small):
    """Corrections until there is no room: version, history and audit log tell of those that were answered 200."""
    case = small.case("awaiting_acceptance")
    before = case.application["version"]
    with filled(small.stack.state / "db") as empty:
        done = 0
        while (answer := case.call("acceptor", "PATCH", "", {"note": f"{done} " + "长" * 400}, expect=(200, 503))).status_code == 200:
            done += 1
            assert done < ROUNDS
        refused(answer, 503, answer.json()["code"])
        empty()
        process.wait_for("room is found", lambda: case.call("acceptor", "PATCH", "", {"note": "x"}, expect=(200, 503)).status_code == 200, 60)
    assert case.read()["version"] == before + done + 1 and case.application["note"] == "x"
    assert [one["step"] for one in case.history()].count("edit") == done + 1
    edits = f"SELECT COUNT(*) FROM audit_events WHERE object_id = UNHEX(REPLACE('{case.id}', '-', '')) AND event = 'updateApplication' AND outcome = 'done'"
    assert small.sql(edits) == [[str(done + 1)]]
    case.to("awaiting_handover")


@pytest.mark.parametrize("folder", ["log", "httpd"])
def test_service_goes_on_when_httpd_cannot_write_its_own_files(small, folder):
    with filled(small.stack.state / folder):
        case = small.case("awaiting_entry")
        assert case.read()["state"] == "awaiting_entry"
        assert small.internal.get("/readyz").json() == {"status": "ready"}
    mark = len(small.stack.httpd.access_log.read_bytes())
    small.public.get("/businesses")
    process.wait_for("the access log goes on", lambda: len(small.stack.httpd.access_log.read_bytes()) > mark, 60)
