"""Fixtures of the API ring: `ra` is the shared instance with checked clients, `make_ra` makes one with other settings."""
import re

import pytest

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
    made = []

    def make(name, **settings):
        instance = Ra(make_stack(name, **settings))
        made.append(instance)
        others.append(instance)
        return instance

    yield make
    for instance in made:
        others.remove(instance)
        instance.close()
        instance.stack.stop()


@pytest.fixture(autouse=True)
def clean_logs_of_others(request, others):
    """As clean_log, for the instances with other settings."""
    marks = [(instance.stack.httpd.error_log, instance.stack.httpd.error_log.mark()) for instance in others]
    yield
    allowed = [pattern for marker in request.node.iter_markers("log") for pattern in marker.args]
    left = [record for log, mark in marks for record in log.worrying(mark)
            if not any(re.search(pattern, record["message"]) for pattern in allowed)]
    assert not left, "the error log has:\n" + "\n".join(f"{one['level']}: {one['message']}" for one in left[:20])
