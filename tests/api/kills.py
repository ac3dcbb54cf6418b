"""Crashes of an instance's services, for tests that take one as a parameter: what was killed is started again, children by httpd itself."""
import contextlib
import os
import signal


def kill_children(stack):
    for child in stack.httpd.children():
        with contextlib.suppress(ProcessLookupError):  # it was leaving
            os.kill(child, signal.SIGKILL)


def kill_httpd(stack):
    stack.httpd.kill()
    stack.httpd.start()


def kill_database(stack):
    stack.database.kill()
    stack.database.start()
