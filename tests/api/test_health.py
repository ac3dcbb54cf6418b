"""Health, readiness and metrics, with the database there and gone."""
import re
import time

import pytest

from support import refused

NAMES = {"ra_requests_total", "ra_request_seconds", "ra_rate_limited_total", "ra_db_connections", "ra_children", "ra_database_up",
         "ra_outbox_open_jobs",
         "ra_outbox_oldest_seconds", "ra_outbox_person_jobs"}


def test_alive_and_ready_on_every_host(ra):
    for client in (ra.public, ra.staff("auditor"), ra.system(), ra.internal):
        for path, word in (("/healthz", "alive"), ("/readyz", "ready")):
            answer = client.get(path)
            assert answer.json() == {"status": word}
            assert answer.headers["Cache-Control"] == "no-store"


def test_health_knows_no_other_method(ra):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert ra.internal.request("POST", path).status_code == 405


def metrics(ra):
    text = ra.internal.get("/metrics").text
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    parsed = dict(re.fullmatch(r'([a-z_]+(?:\{[^}]*\})?) ([0-9.]+)', line).groups() for line in lines)
    return text, parsed


def test_metrics_page_is_well_formed_and_complete(ra):
    ra.public.get("/businesses")
    text, values = metrics(ra)
    typed = set(re.findall(r"^# TYPE (\w+) (?:counter|gauge|histogram)$", text, re.M))
    assert NAMES <= typed and typed == set(re.findall(r"^# HELP (\w+) .+$", text, re.M))
    assert (float(values["ra_database_up"]), float(values["ra_children"])) == (1, 3)
    assert ra.internal.get("/metrics").headers["Content-Type"].startswith("text/plain; version=0.0.4")


def test_histogram_adds_up(ra):
    ra.public.get("/businesses")
    _, values = metrics(ra)
    buckets = [float(value) for name, value in values.items() if name.startswith('ra_request_seconds_bucket{operation="listBusinesses"')]
    assert buckets == sorted(buckets) and buckets[-1] == float(values['ra_request_seconds_count{operation="listBusinesses"}'])


def until(client, path, status, seconds=60):
    """Asks until the answer has that status: a child remembers for a second what it saw."""
    end = time.monotonic() + seconds
    while True:
        answer = client.request("GET", path)
        if answer.status_code == status or time.monotonic() > end:
            assert answer.status_code == status
            return answer
        time.sleep(0.1)


@pytest.fixture(scope="module")
def lonely(make_ra):
    """An instance whose database the tests may stop."""
    return make_ra("health", EXTRA_GLOBAL="RADatabaseWait 1")


@pytest.mark.log("RA0")
def test_database_stopped_is_said_and_heals_without_a_restart(lonely):
    case = lonely.case("awaiting_acceptance")
    lonely.stack.database.stop()
    try:
        assert lonely.internal.get("/healthz").json() == {"status": "alive"}
        body = refused(until(lonely.internal, "/readyz", 503), 503, "database-unavailable")
        assert body["retry_after"] >= 1
        refused(until(lonely.public, "/readyz", 503), 503, "not-ready")
        for client, path in ((lonely.staff("auditor"), "/applications"), (lonely.public, "/certificate-status?subject=x"),
                             (lonely.system(), "/me")):
            answer = client.get(path, expect=503)
            refused(answer, 503, "database-unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
        lonely.public.get("/businesses")
        lonely.public.get("/openapi.json")
        _, values = metrics(lonely)
        assert float(values["ra_database_up"]) == 0
        assert "ra_outbox_open_jobs" not in values
        answer = case.accept(expect=503)
        refused(answer, 503, "database-unavailable")
    finally:
        lonely.stack.database.start()
    until(lonely.internal, "/readyz", 200)
    assert case.read()["state"] == "awaiting_acceptance"
    case.accept()
    case.to("awaiting_handover")
