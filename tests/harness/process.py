"""Processes, ports and files of the services: they run as an unprivileged user, in a state folder that user owns."""
import contextlib
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time

SERVICE_USERS = ("www-data", "nobody")
RINGS = 12  # of check.py, at most
SERVERS = ("/usr/sbin", "/sbin")  # where Debian keeps mariadbd and apache2, and the PATH of an ordinary user does not look

os.environ["PATH"] = os.pathsep.join((os.environ.get("PATH", os.defpath), *SERVERS))


class Failed(Exception):
    """Something of the private instance did not work; the text is for a person."""


def end_in_order():
    """SIGTERM ends this program as an interruption does: what it has started is stopped on the way out."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def service_user():
    """The account the services run as: one's own, or an unprivileged one when this is root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    for name in SERVICE_USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Failed("no unprivileged account to run services as: " + ", ".join(SERVICE_USERS))


def as_service():
    """Arguments for subprocess that drop root's rights; none for an ordinary user."""
    if os.getuid() != 0:
        return {}
    account = service_user()
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def own(path):
    """Gives a file or folder (with all in it) to the service user."""
    if os.getuid() != 0:
        return
    account = service_user()
    for folder, folders, files in os.walk(path):
        for name in folders + files:
            os.chown(os.path.join(folder, name), account.pw_uid, account.pw_gid, follow_symlinks=False)
    os.chown(path, account.pw_uid, account.pw_gid)


def make_folder(path, mode=0o755):
    path = pathlib.Path(path)
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)
    if os.getuid() == 0:
        account = service_user()
        os.chown(path, account.pw_uid, account.pw_gid)
    return path


def place(source, target, mode=0o644):
    """Copies a file by rename: a running process that has the old one mapped keeps it whole."""
    target = pathlib.Path(target)
    temporary = target.with_name(target.name + ".new")
    shutil.copyfile(source, temporary)
    temporary.chmod(mode)
    os.replace(temporary, target)
    return target


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def ephemeral_begin():
    """The first port that the system gives to connections of its own accord."""
    with contextlib.suppress(OSError, ValueError):
        return int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    return 32768


def port_range():
    """Below the ports of outgoing connections. Each of the rings that run side by side has a part of its own: what one has chosen and
    not bound yet, the others cannot choose."""
    low, high = (10240, ephemeral_begin()) if ephemeral_begin() > 16384 else (10240, 65536)
    ring = os.environ.get("RA_RING", "")
    if not ring.isdecimal():
        return low, high
    size = (high - low) // RINGS
    begin = low + int(ring) % RINGS * size
    return begin, begin + size


def any_port(taken):
    """A free port that no outgoing connection takes before the server does."""
    while True:
        number = random.randrange(*port_range())
        if number not in taken and is_free(number):
            return number


def choose_ports(wished):
    """The wished ports (name → number; 0: any) where free, others where taken."""
    chosen = {}
    for name, number in wished.items():
        chosen[name] = number if number and is_free(number) else any_port(chosen.values())
    return chosen


def wait_for(what, test, seconds, alive=None):
    """Asks until test() is true. `alive` says whether waiting still makes sense."""
    end = time.monotonic() + seconds
    while True:
        answer = test()
        if answer:
            return answer
        if alive and not alive():
            raise Failed(f"{what}: the process has ended")
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {seconds} s")
        time.sleep(0.05)


def accepts(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def read_pid(path, program):
    """The process of a pid file, if it still is that program (numbers are used again)."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(pathlib.Path(path).read_text())
        words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        if program.encode() in words:
            return pid
    return None


def is_alive(pid):
    """Does any thread of it run? The first may be gone while others still hold the process's files and ports."""
    with contextlib.suppress(OSError):
        return any(state_of(thread) not in "ZX" for thread in pathlib.Path(f"/proc/{pid}/task").iterdir())
    return False


def state_of(folder):
    """The letter of a process or thread in /proc; X (dead) when it is gone."""
    with contextlib.suppress(OSError):
        return (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
    return "X"


def end(pid, seconds=15, with_signal=signal.SIGTERM):
    """Ends a process and waits; kills it when it does not go."""
    for number, limit in ((with_signal, seconds), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + limit
        while is_alive(pid) and time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
            time.sleep(0.02)
        if not is_alive(pid):
            return


def run(command, **options):
    """Runs a command to its end as the service user. @return its output; Failed with the output otherwise"""
    settings = {"cwd": "/", **as_service(), **options}
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **settings)
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise Failed(f"{command[0]} failed ({done.returncode}):\n{text.strip()}")
    return text
