"""The edge where httpd ends and mod_ra begins: paths, hosts, bodies, certificates, limits, metrics; over raw sockets."""
import json
import os
import re
import subprocess
import threading
import time

import pytest

from raw import Answer, Raw, read_all

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def raw(stack):
    return Raw(stack)


# Paths.

@pytest.mark.parametrize("path", [
    "/api/v1/businesses%00", "/api/v1/a%2fb", "/api/v1/%2fbusinesses", "/api/v1/../v1/businesses", "/api/v1/%2e%2e/v1/businesses",
    "/api/v1/./businesses", "/api/v1//businesses", "/api/v1/businesses;a=b", "/api/v1/businesses/", "/api/v1/%zz", "/api/v1/%5cbusinesses",
    "/api/v1/%0abusinesses", "/api/v1/%ff%fe", "/api/v1/%EF%BC%8Fbusinesses", "/api/v1/x.php", "/api/v1/" + "a" * 8000,
])
def test_odd_path_below_the_base_is_a_404_problem(raw, path):
    answer = raw.get("public", path)
    assert (answer.status, answer.code) == (404, "not-found")
    assert answer.all("Content-Type") == ["application/problem+json"]


@pytest.mark.parametrize("path", ["/healthz/", "/healthz;x", "/API/v1/businesses", "/api/v1x", "/x/../healthz", "/.htaccess"])
def test_path_beside_ours_is_not_served_by_the_module(raw, path):
    answer = raw.get("public", path)
    assert answer.status in (403, 404)
    assert not answer.all("traceparent")


def test_percent_encoded_letter_is_the_same_resource(raw):
    assert raw.get("public", "/%61pi/v1/business%65s").status == 200


PARTS = ("bytes=0-3", "bytes=0-0,5-5", "bytes=-2", "bytes=9999999-")


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("path", ["/api/v1/businesses", "/api/v1/certificate-status?subject=x", "/healthz"])
def test_a_part_of_an_answer_is_never_sent(raw, path, part):
    for name in ("Range", "Request-Range"):
        answer = raw.get("public", path, headers=f"{name}: {part}\r\n")
        assert answer.status == 200 and json.loads(answer.body)


def test_what_is_done_is_not_answered_as_out_of_range(ra):
    """httpd cuts whatever a handler answers with 200, also to a POST: the act was committed, and its answer would be an error."""
    case = ra.case("awaiting_agency")
    assert case.approve(headers={"Range": "bytes=9999999-"}).json()["state"] == "awaiting_acceptance"


def test_trace_does_not_echo(raw):
    answer = raw.get("public", "/api/v1/businesses", method="TRACE", headers="X-Secret: s3cret\r\n")
    assert answer.status == 405 and b"s3cret" not in answer.raw


def test_metrics_is_on_the_internal_host_only(raw):
    assert raw.get("internal", "/metrics").status == 200
    for host, role in (("public", None), ("staff", "auditor"), ("api", "system")):
        assert raw.get(host, "/metrics", role=role).status == 404


# Hosts.

@pytest.mark.parametrize("authority,path", [("evil.example", "/api/v1/businesses"), ("127.0.0.1", "http://evil.example/api/v1/businesses")])
def test_foreign_host_is_misdirected(raw, authority, path):
    answer = raw.get("internal", path, authority=authority)
    assert (answer.status, answer.code) == (421, "host-mismatch")


def test_health_check_may_name_any_host(raw):
    assert raw.get("public", "/healthz", authority="10.0.0.7").status == 200


# Bodies.

CHUNKED = "Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize("headers,body", [
    (CHUNKED, b"5\r\nhelloXX3\r\nabc\r\n0\r\n\r\n"),
    (CHUNKED, b"-5\r\nhello\r\n0\r\n\r\n"),
    (CHUNKED, b"zz\r\nhello\r\n0\r\n\r\n"),
])
def test_broken_chunking_is_answered_once(raw, headers, body):
    """httpd's input filter used to send its own HTML answer in front of ours."""
    answer = raw.post(headers, body)
    assert answer.status == 400
    assert json.loads(answer.body)["status"] == 400
    assert b"<html" not in answer.raw.lower()
    assert answer.all("Connection") == ["close"]


@pytest.mark.parametrize("headers", [
    "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: +5\r\n", "Transfer-Encoding: xchunked\r\n",
    "Content-Length: 5\r\nTransfer-Encoding: gzip\r\n",
])
def test_ambiguous_length_is_refused(raw, headers):
    assert raw.post(headers, b"hello").status in (400, 501)


def test_announced_body_above_the_maximum_is_not_asked_for(raw):
    answer = raw.post("Content-Length: 10000000000\r\nExpect: 100-continue\r\n", b"")
    assert (answer.status, answer.code) == (413, "body-too-large")
    assert b"100 Continue" not in answer.raw


def test_chunked_body_above_the_maximum_is_refused(raw):
    answer = raw.post(CHUNKED, b"100000\r\n" + b" " * MEBIBYTE + b"\r\n1\r\n \r\n0\r\n\r\n")
    assert (answer.status, answer.code) == (413, "body-too-large")


def test_compressed_body_is_refused(raw):
    answer = raw.post("Content-Encoding: gzip\r\nContent-Length: 5\r\n", b"hello")
    assert (answer.status, answer.code) == (415, "media-type")


def test_expectation_is_answered_before_the_body(raw):
    with raw.connect("staff", role="acceptor") as connection:
        connection.sendall(b"POST /api/v1/applications HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-RA-Request: 1\r\n"
                           b"Origin: https://127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                           b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")
        connection.sendall(b"{}")
        assert Answer(read_all(connection)).status == 422


# Identity.

FORGED = "SSL_CLIENT_VERIFY: SUCCESS\r\nSSL-Client-Verify: SUCCESS\r\nX-SSL-Client-Cert: x\r\nX-Client-Verify: SUCCESS\r\n"


def test_header_cannot_stand_for_a_certificate(raw):
    answer = raw.get("staff", "/api/v1/me", headers=FORGED)
    assert (answer.status, answer.code) == (403, "certificate-required")


def test_certificate_of_the_connection_is_the_identity(raw):
    assert raw.get("staff", "/api/v1/me", role="auditor").status == 200


# Headers.

def test_every_answer_has_the_protective_headers(raw):
    for path in ("/api/v1/businesses", "/api/v1/nothing", "/healthz"):
        answer = raw.get("public", path)
        assert answer.all("X-Content-Type-Options") == ["nosniff"]
        assert answer.all("Referrer-Policy") == ["no-referrer"]
        assert len(answer.all("Cache-Control")) == 1
    assert raw.get("public", "/api/v1/nothing").all("Cache-Control") == ["no-store"]


def test_trace_is_continued_when_valid_and_made_when_not(raw):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    answer = raw.get("public", "/api/v1/nothing", headers=f"traceparent: 00-{trace}-00f067aa0ba902b7-01\r\n")
    assert re.fullmatch(f"00-{trace}-(?!00f067aa0ba902b7)[0-9a-f]{{16}}-01", answer.all("traceparent")[0])
    assert json.loads(answer.body)["trace_id"] == trace
    for bad in ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", f"00-{trace.upper()}-00f067aa0ba902b7-01", f"ff-{trace}-00f067aa0ba902b7-01",
                f"00-{trace}-00f067aa0ba902b7-01-x", "x"):
        made = raw.get("public", "/healthz", headers=f"traceparent: {bad}\r\nX-Request-Id: a\"b\r\n")
        assert re.fullmatch(f"00-(?!{trace})(?!0{{32}})[0-9a-f]{{32}}-[0-9a-f]{{16}}-00", made.all("traceparent")[0])
        assert re.fullmatch("[0-9a-f]{32}", made.all("X-Request-Id")[0])


# Limits and metrics.

@pytest.fixture(scope="module")
def limited(make_stack):
    return make_stack("limits", RATE_PUBLIC="10/60", RATE_API="5/60")


def test_limit_holds_for_each_address_over_all_children(limited):
    raw = Raw(limited)
    for source in ("127.0.0.1", "127.0.0.2"):
        answers = [raw.get("public", "/api/v1/businesses", source=source) for _ in range(13)]
        assert [answer.status for answer in answers].count(429) >= 2
        assert all(answer.status == 200 for answer in answers[:10])
        refused = answers[-1]
        assert (refused.status, refused.code) == (429, "rate-limited")
        assert refused.all("RateLimit-Policy") == ['"default";q=10;w=60']
        assert re.fullmatch('"default";r=0;t=[0-9]+', refused.all("RateLimit")[0])
        assert 1 <= int(refused.all("Retry-After")[0]) <= 6
    assert raw.get("public", "/healthz").status == 200


def test_limit_counts_the_certificate_not_the_address(limited):
    raw = Raw(limited)
    first = [raw.get("api", "/api/v1/me", role="system").status for _ in range(7)]
    second = [raw.get("api", "/api/v1/me", role="auditor").status for _ in range(5)]
    assert first.count(200) == 5 and first[-1] == 429
    assert 429 not in second


def counted(stack, line):
    page = Raw(stack).get("internal", "/metrics").body.decode()
    found = re.search(f"^{re.escape(line)} ([0-9.]+)$", page, re.M)
    return float(found.group(1)) if found else 0


def test_metrics_count_by_operation_and_status_over_all_children(raw, stack):
    line = 'ra_requests_total{operation="listBusinesses",status="200"}'
    before = counted(stack, line)
    for _ in range(20):
        raw.get("public", "/api/v1/businesses")
    deadline = time.monotonic() + 60
    while counted(stack, line) < before + 20 and time.monotonic() < deadline:
        time.sleep(0.05)  # a request is counted after its last byte
    assert counted(stack, line) == before + 20
    assert counted(stack, "ra_database_up") == 1


# Life.

def test_graceful_restart_loses_no_answer_and_keeps_the_counters(raw, stack):
    line = 'ra_requests_total{operation="listBusinesses",status="200"}'
    raw.get("public", "/api/v1/businesses")
    before = counted(stack, line)
    statuses = []

    def ask():
        for _ in range(40):
            try:
                statuses.append(raw.get("internal", "/api/v1/businesses").status)
            except ConnectionError:
                pass  # before the first byte: a client may repeat it

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        stack.httpd.graceful()
    for thread in threads:
        thread.join()
    assert set(statuses) - {0} == {200} and len(statuses) > 100
    assert counted(stack, line) >= before


# Configuration that must not start.

@pytest.mark.parametrize("old,new,complaint", [
    ("SSLVerifyClient optional", "SSLVerifyClient optional_no_ca", "RA0703"),
    ("SSLVerifyClient optional", "SSLVerifyClient none", "RA0703"),
    ("SSLVerifyClient require", "SSLVerifyClient optional", "RA0703"),
    ("RAHost api", "RAHost api\n<Location /x>\nSSLVerifyClient none\n</Location>", "RA0703"),
    ("RAUpstreamRunner on", "RADatabaseHost db.example", "RA0701"),
    ("RADatabaseSocket", "RADatabaseHost db.example\n#", "RADatabaseCAFile"),
    ("RAUpstreamSigner", "#", "RA0701"),
    ("RAHost public", "RAHost public\nRACMPRateLimit 60", "RACMPRateLimit"),
    ("RAApiDocument", "RAApiDocument /nonexistent.json\n#", "RA0702"),
    ("RAUpstreamRunner on", "RADatabasePool 0", "RADatabasePool"),
    ("RAUpstreamRunner on", "RAUpstreamURL http://ca.example/", "https"),
    ("RAUpstreamRunner on", "RAFirstAdministrator 00", "RAFirstAdministrator"),
    ("RAHost public", "RAHost everybody", "RAHost"),
    ("RAHost public", "RAHost public\nRARateLimit 60", "RARateLimit"),
    ("RAHost public", "RAHost public\nRAUpstreamRunner on", "RAUpstreamRunner"),
])
def test_configuration_is_refused_with_its_reason(stack, tmp_path, old, new, complaint):
    text = stack.httpd.configuration.read_text("utf-8")
    assert old in text
    changed = tmp_path / "httpd.conf"
    changed.write_text(text.replace(old, new, 1), "utf-8")
    result = subprocess.run([stack.build.httpd, "-f", str(changed), "-t"], capture_output=True, text=True, cwd="/", timeout=60,
                            env=dict(os.environ, LANG="C", **stack.build.environment))
    assert result.returncode != 0
    assert complaint in result.stdout + result.stderr
