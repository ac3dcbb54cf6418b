"""Graceful restarts while clients submit: no answer is lost after its first byte, one key has one effect, nothing grows. `make bench` does a hundred."""
from harness.reloads import Reloads

RESTARTS = 5
WARM_UP = 2
CALLERS = 4
POOL = 8              # RADatabasePool of conf/quickstart.conf.in
PARENT_KIB = 1024     # growth of the parent from restart to restart that chance explains


def test_restarts_under_load_lose_nothing_and_leave_nothing_behind(make_ra, build):
    stack = make_ra("reload").stack
    with Reloads(stack, CALLERS) as reloads:
        for _ in range(WARM_UP):
            reloads.graceful()
        before = reloads.sizes()
        for _ in range(RESTARTS - WARM_UP):
            reloads.graceful()
        after = reloads.sizes()
    print(f"{reloads.counts}\n{before}\n{after}")
    assert reloads.violations() == []
    assert reloads.counts["status 201"] == reloads.counts["answers"] > CALLERS * RESTARTS
    assert not [record for record in stack.httpd.error_log.worrying() if record["level"] != "warn"]
    assert after.children == before.children and after.database <= POOL * after.children
    assert after.parent[1:] == before.parent[1:] and after.child[2] == before.child[2]
    assert after.child[1] <= before.child[1] + POOL  # connections of the database are opened when they are needed
    if not build.has_sanitizers:  # whose quarantine grows
        assert after.parent[0] - before.parent[0] < PARENT_KIB * (RESTARTS - WARM_UP)
