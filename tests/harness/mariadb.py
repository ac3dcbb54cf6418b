"""A private MariaDB: its own data folder, a socket and nothing else, as the unprivileged service user.

    with MariaDB() as db:            # a fresh folder under /var/tmp, removed at the end
        db.client("CREATE DATABASE x")

    db = MariaDB("/var/tmp/ra-1/db", bound=False)  # a folder that stays, a server that outlives this process
    db.start()
"""
import contextlib
import ctypes
import pathlib
import shutil
import signal
import subprocess
import tempfile

if __package__:
    from . import process
else:
    import process

SOCKET_MAX = 107  # bytes of a socket's path
START_SECONDS = 60
STOP_SECONDS = 60
PR_SET_PDEATHSIG = 1

SETTINGS = [
    "--skip-networking",
    "--skip-name-resolve",
    "--innodb-flush-log-at-trx-commit=1",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=48M",
    "--performance-schema=OFF",
    "--character-set-server=utf8mb4",
    "--max-connections=400",
    "--max-prepared-stmt-count=100000",
    "--max-allowed-packet=64M",
]


class SqlError(process.Failed):
    """The server refused a statement; the text is the client's."""


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class MariaDB:
    """One server. The administrator is `root` without a password; only the service user (and root) can reach the socket."""

    def __init__(self, folder=None, options=(), bound=True):
        """folder: made and removed when None. options: more server options. bound: the server dies with this process."""
        self._temporary = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="ra-db-", dir="/var/tmp"))
        self.options = list(options)
        self.bound = bound
        self.socket = self.folder / "s"
        self.pid_file = self.folder / "pid"
        self.log = self.folder / "log"
        self.server = None
        if len(str(self.socket).encode()) > SOCKET_MAX:
            raise process.Failed(f"{self.folder} is too long for a socket's path ({SOCKET_MAX} bytes)")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.remove() if self._temporary else self.stop()

    @property
    def pid(self):
        return process.read_pid(self.pid_file, "mariadbd")

    def is_running(self):
        return self.pid is not None and process.is_alive(self.pid)

    def install(self):
        """Makes the data folder; nothing when it is there."""
        process.make_folder(self.folder, 0o700)
        if (self.folder / "data" / "installed").exists():
            return
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        (self.folder / "data").mkdir(mode=0o700)
        process.own(self.folder)
        # A folder of its own for temporary tables: another server that starts sweeps the shared one.
        process.run(["env", f"TMPDIR={self.folder}", "mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data",
                     "--skip-test-db", "--skip-name-resolve", "--force", "--auth-root-authentication-method=normal",
                     "--innodb-log-file-size=48M"], cwd="/")
        (self.folder / "data" / "installed").touch()

    def begin_with(self, data):
        """A copy of the data folder of another server, which was ended in order; nothing when there is a data folder."""
        if (self.folder / "data" / "installed").exists():
            return
        process.make_folder(self.folder, 0o700)
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        process.run(["cp", "-a", "--sparse=always", data, self.folder / "data"])

    def start(self):
        """Starts the server and waits until it answers; nothing when it runs."""
        self.install()
        if self.is_running():
            return
        with open(self.log, "ab") as log:
            self.server = subprocess.Popen(
                ["mariadbd", "--no-defaults", f"--datadir={self.folder}/data", f"--socket={self.socket}",
                 f"--pid-file={self.pid_file}", f"--tmpdir={self.folder}", *SETTINGS, *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                preexec_fn=_die_with_parent if self.bound else None, **process.as_service())
        try:
            process.wait_for("MariaDB", self._answers, START_SECONDS, lambda: self.server.poll() is None)
        except process.Failed as failed:
            self.kill()
            raise process.Failed(f"{failed}\n{self.log_tail()}") from failed

    def stop(self, seconds=STOP_SECONDS, with_signal=signal.SIGTERM):
        """Ends the server in order."""
        pid = self.server.pid if self.server else self.pid
        if pid:
            process.end(pid, seconds, with_signal)
        if self.server:
            self.server.wait()
            self.server = None

    def kill(self):
        """As a crash: SIGKILL. start() recovers."""
        self.stop(5, signal.SIGKILL)

    def remove(self):
        """Ends the server and removes the folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, sql, database=None, user="root", options=()):
        """Runs statements with the mariadb client. @return the rows, one line each, columns separated by tabs"""
        command = ["mariadb", "--no-defaults", "--protocol=socket", f"--socket={self.socket}", f"--user={user}",
                   "--batch", "--skip-column-names", "--default-character-set=utf8mb4", *options]
        done = subprocess.run(command + ([database] if database else []), input=sql.encode(), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise SqlError(done.stderr.decode("utf-8", "replace").strip())
        return done.stdout.decode("utf-8", "replace")

    def log_tail(self, lines=15):
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])
        return ""

    def _answers(self):
        with contextlib.suppress(SqlError):
            return self.client("SELECT 1") == "1\n"
        return False
