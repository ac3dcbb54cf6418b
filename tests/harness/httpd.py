"""A private httpd with mod_ra: writes its configuration, starts, reloads, stops and kills it, reads its error log."""
import itertools
import os
import re
import signal

import httpx

from . import process

WORRYING = ("emerg", "alert", "crit", "error", "warn")
# Of httpd, when it stops: a connection fell idle in the moment in which its child ended (event MPM); a child needed more than 3 seconds (a busy machine)
WHILE_STOPPING = ("AH03093:", "AH00045:")
# A kept connection to the CA that ended in the moment of its use: nothing is sent twice on it (base/http.c), so the job says "unknown" and is run
# again. Seen once, in no test of its own (docs/reliability.md, "Open"); what became of the case is asserted all the same.
LOST_CONNECTION = re.compile(r"RA04[12]1: .*: unknown: .*\(curl 65\)$")
# A child that died of its own fault, which httpd calls a notice (it says nothing of those that were killed), and a sanitizer's report.
CRASH = re.compile(r"AH0005[12]: child pid|Sanitizer: |: runtime error: ")


class ErrorLog:
    """The error log as records."""

    def __init__(self, path):
        self.path = path
        self.stops = []  # (begin, end) of what was written while httpd was stopped without grace

    def mark(self):
        """A place in the log, for since()."""
        return self.path.stat().st_size if self.path.exists() else 0

    def since(self, mark=0):
        if not self.path.exists():
            return []
        with open(self.path, "rb") as file:
            file.seek(mark)
            lines = file.read().splitlines(keepends=True)
        places = itertools.accumulate((len(line) for line in lines), initial=mark)
        return [{**parse(line.decode("utf-8", "replace").rstrip("\r\n")), "stopping": any(begin <= place < end for begin, end in self.stops)}
                for line, place in zip(lines, places) if line.strip()]

    def crashes(self, mark=0):
        """What no test may announce."""
        return [record for record in self.since(mark) if is_crash(record)]

    def worrying(self, mark=0):
        """Records of warnings and worse, crashes, and lines no logger of httpd wrote."""
        return [record for record in self.since(mark) if is_worrying(record)]

    def unannounced(self, mark, markers):
        """What is worrying and matches no pattern of the marks `log` of a test; a crash matches none."""
        patterns = [pattern for marker in markers for pattern in marker.args]
        return [record for record in self.worrying(mark)
                if is_crash(record) or not any(re.search(pattern, record["message"]) for pattern in patterns)]


def is_crash(record):
    """Not while httpd was stopped without grace: its children end then with threads of httpd still running (docs/reliability.md, "Open")."""
    return bool(CRASH.search(record["message"])) and not record["stopping"]


def is_worrying(record):
    is_harmless = record["message"].startswith(WHILE_STOPPING) or LOST_CONNECTION.search(record["message"])
    return is_crash(record) or (record["level"] in (*WORRYING, "raw") and not is_harmless)


def show(records):
    """Each line with when, where and about what: it may never come again."""
    return "the error log has:\n" + "\n".join(one["message"] if one["level"] == "raw" else describe(one) for one in records[:20])


def describe(record):
    about = "".join(f" {name} {record[name]}" for name in ("request", "client") if record[name])
    return f"{record['level']}: {record['message']} ({record['at']}, {record['module']}, pid {record['pid']}{about})"


RECORD = re.compile(r'\{' + ",".join(f'"{name}":"(?P<{name}>.*?)"' for name in ("at", "level", "module", "pid", "request", "client"))
                    + r',"message":"(?P<message>.*)"\}')


def parse(line):
    """A line of conf/quickstart.conf.in's format; the message may have quotes in it. Anything else is "raw"."""
    match = RECORD.fullmatch(line)
    return match.groupdict() if match else {"level": "raw", "message": line}


class Httpd:
    """`values` are the @NAMES@ of the template."""

    def __init__(self, build, state, template, values):
        self.build = build
        self.state = state
        self.template = template
        self.values = values
        self.configuration = state / "httpd" / "httpd.conf"
        self.pid_file = state / "httpd" / "run" / "httpd.pid"
        self.error_log = ErrorLog(state / "log" / "error.log")
        self.access_log = state / "log" / "access.log"

    def configure(self, **changes):
        """Writes httpd.conf and makes the folders it names."""
        for name in ("httpd", "httpd/run", "httpd/www", "log"):
            process.make_folder(self.state / name)
        self.values.update(changes)
        text = self.template.read_text("utf-8")
        for name, value in self.values.items():
            text = text.replace(f"@{name}@", str(value))
        left = sorted(set(re.findall(r"@[A-Z_]+@", text)))
        if left:
            raise process.Failed(f"{self.template} has names without a value: {' '.join(left)}")
        self.configuration.write_text(text, "utf-8")
        process.own(self.state / "httpd")

    def _control(self, action):
        environment = dict(os.environ, LANG="C", **self.build.environment)
        return process.run([self.build.httpd, "-f", self.configuration, *action], env=environment)

    def test(self):
        """apachectl configtest. @return its output; Failed with it when the configuration is refused"""
        return self._control(["-t"])

    def pid(self):
        return process.read_pid(self.pid_file, str(self.configuration))

    def is_running(self):
        return self.pid() is not None

    def start(self):
        self.pid_file.unlink(missing_ok=True)
        mark = self.error_log.mark()
        try:
            self._control(["-k", "start"])
            process.wait_for("httpd", self._is_healthy, 60, lambda: self.pid() or not self.pid_file.exists())
        except process.Failed as failure:
            lines = "\n".join(f"  {one['level']}: {one['message']}" for one in self.error_log.since(mark)[-15:])
            raise process.Failed(f"{failure}\n{lines}") from None

    def _is_healthy(self):
        try:
            return httpx.get(f"http://127.0.0.1:{self.values['PORT_INTERNAL']}/healthz", trust_env=False, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def graceful(self):
        self._control(["-k", "graceful"])

    def stop(self):
        pid = self.pid()
        if pid:
            mark = self.error_log.mark()
            process.end(pid, 60)
            self.kill()
            self.error_log.stops.append((mark, self.error_log.mark()))
        self.pid_file.unlink(missing_ok=True)

    def kill(self):
        """As a crash: SIGKILL to the parent and all children; returns when the ports are free for the next start."""
        pid = self.pid()
        if pid:
            process.end(pid, with_signal=signal.SIGKILL)
        process.wait_for("the end of httpd", self._is_gone, 60)

    def _is_gone(self):
        """A child whose first thread has ended has no command line any more, and others of its threads still listen: the ports tell."""
        for child in self._orphans():
            process.end(child, with_signal=signal.SIGKILL)
        return all(process.is_free(int(port)) for name, port in self.values.items() if name.startswith("PORT_"))

    def _orphans(self):
        """Children whose parent was killed: they name our configuration on their command line."""
        wanted = str(self.configuration).encode()
        for name in os.listdir("/proc"):
            if name.isdigit():
                try:
                    with open(f"/proc/{name}/cmdline", "rb") as file:
                        words = file.read().split(b"\0")
                except OSError:
                    continue
                if wanted in words:
                    yield int(name)

    def children(self):
        """Process ids of the children."""
        parent = self.pid()
        return [child for child in self._orphans() if child != parent]
