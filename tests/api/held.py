"""Rows that a test holds in a transaction of its own: whoever needs them stands still there, and there the test lets things die."""
import contextlib
import subprocess
import time

SECONDS = 120


class Held:
    """Runs statements in a transaction that stays open. Use it as a context manager; its end is a rollback."""

    def __init__(self, database, *statements):
        self.database = database
        self.statements = statements
        self.client = None

    def __enter__(self):
        self.client = subprocess.Popen(
            ["mariadb", "--no-defaults", "--protocol=socket", f"--socket={self.database.socket}", "--user=root", "--batch", "--skip-column-names",
             "--unbuffered", "--default-character-set=utf8mb4", "ra"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.client.stdin.write(";\n".join(("START TRANSACTION", *self.statements, "SELECT 'held';\n")).encode())
        self.client.stdin.flush()
        for line in self.client.stdout:
            if line == b"held\n":
                return self
        raise AssertionError("the statements failed")

    def __exit__(self, *_):
        with contextlib.suppress(BrokenPipeError):  # the database was killed meanwhile
            self.client.stdin.close()
        self.client.wait()
        self.client.stdout.close()

    def wait_for_somebody(self):
        """Until somebody stands still at a lock."""
        end = time.monotonic() + SECONDS
        while self.database.client("SELECT COUNT(*) FROM information_schema.innodb_lock_waits").strip() == "0":
            assert time.monotonic() < end
            time.sleep(0.02)
