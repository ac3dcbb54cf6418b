"""Fixtures of the API ring: `ra` is the shared instance with checked clients, `make_ra` makes one with other settings."""
import subprocess

import pytest

from harness.httpd import show
from harness.shipped import modules
from support import Ra


@pytest.fixture(scope="session")
def ra(stack):
    instance = Ra(stack)
    yield instance
    instance.close()


@pytest.fixture(scope="session")
def others():
    """Instances with other settings that are running now."""
    return []


@pytest.fixture(scope="module")
def make_ra(make_stack, others):
    """An instance with other settings for a module: make_ra("codes", EXTRA_GLOBAL="RACodeLifetime 2")."""
    made = {}

    def make(name, **settings):
        assert name not in made, f"{name}: a second instance would write over the log of the first, whose end was marked"
        made[name] = Ra(make_stack(name, **settings))
        others.append(made[name])
        return made[name]

    yield make
    for instance in made.values():
        others.remove(instance)
        instance.close()
        instance.stack.stop()


@pytest.fixture
def httpd_config(stack, build, tmp_path_factory):
    """httpd -t (or other options) on a configuration text, the module loaded if the text does not do it. @return (exit code, output)"""
    folder = tmp_path_factory.mktemp("sample")

    def run(text, *options):
        if "LoadModule ra_module" not in text:
            text = f'LoadModule ra_module "{stack.state}/bin/mod_ra.so"\n{text}'
        lines = [*modules(build), "ServerName localhost", f'ErrorLog "{folder}/error.log"', f'PidFile "{folder}/pid"', text]
        (folder / "httpd.conf").write_text("\n".join(lines), "utf-8")
        environment = {"PATH": "/usr/sbin:/usr/bin:/bin", **build.environment}
        done = subprocess.run([build.httpd, "-f", folder / "httpd.conf", *(options or ("-t",))], env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60)
        return done.returncode, done.stdout.decode("utf-8", "replace")

    return run


@pytest.fixture(autouse=True)
def clean_logs_of_others(request, others):
    """As clean_log, for the instances with other settings."""
    marks = [(instance.stack.httpd.error_log, instance.stack.httpd.error_log.mark()) for instance in others]
    yield
    left = [record for log, mark in marks for record in log.unannounced(mark, request.node.iter_markers("log"))]
    assert not left, show(left)
