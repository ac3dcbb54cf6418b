"""Crashes of an instance's services, for tests that take one as a parameter: what was killed is started again, children by httpd itself."""
import contextlib
import os
import signal

from harness import process


def kill_children(stack):
    """Returns when they are gone: until then a kept connection looks as if it could be used."""
    children = stack.httpd.children()
    for child in children:
        with contextlib.suppress(ProcessLookupError):  # it was leaving
            os.kill(child, signal.SIGKILL)
    process.wait_for("the end of the children", lambda: not any(map(process.is_alive, children)), 60)


def kill_httpd(stack):
    stack.httpd.kill()
    stack.httpd.start()


def kill_database(stack):
    stack.database.kill()
    stack.database.start()
