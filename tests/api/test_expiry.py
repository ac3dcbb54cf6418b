"""Certificates that end soon raise an alarm before they do (T7): a gauge for each use, and a line in the log 30 and 3 days ahead."""
import datetime
import re

import pytest

from cryptography import x509
from harness import pki, process

pytestmark = pytest.mark.log("RA0714")
USES = {"server", "upstream_signer", "upstream_tls_ca", "upstream_trust", "cmp", "credential_trust"}


@pytest.fixture(scope="module")
def ending(make_ra):
    """A server's certificate with 20 days left, a CMP credential with 2; the others of the instance have two years."""
    ra = make_ra("expiry")
    stack = ra.stack
    for identity, subject, usage, days in ((stack.server_identity, "localhost", pki.SERVER, 20), (stack.cmp_identity, "RA CMP", pki.CMP_RA, 2)):
        sans = [x509.DNSName("localhost"), x509.IPAddress(pki.ipaddress.ip_address("127.0.0.1"))] if usage is pki.SERVER else ()
        stack.pki._store(identity, *stack.pki.root.issue(pki.make_name(subject), usage, sans, days), stack.pki.root)
    process.own(stack.state / "pki")
    stack.httpd.graceful()
    said(stack, "cmp", "error")
    return ra


def said(stack, use, level):
    """The lines about a use, once there are any."""
    def lines():
        return [one for one in stack.httpd.error_log.since() if one["message"].startswith("RA0714: ") and f"certificate {use}: " in one["message"]
                and one["level"] == level]

    return process.wait_for(f"RA0714 of {use}", lines, 60)


def gauges(ra):
    text = ra.internal.get("/metrics").text
    return {use: int(end) for use, end in re.findall(r'^ra_certificate_end_seconds\{certificate="(\w+)"\} (\d+)$', text, re.M)}


def end_of(path):
    certificates = [x509.load_pem_x509_certificate(text.encode()) for text in re.findall(r"-----BEGIN[^-]*-----[^-]*-----END[^-]*-----", path.read_text("ascii"))]
    return min(int(one.not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp()) for one in certificates)


def test_the_end_of_every_certificate_is_a_gauge(ending):
    stack, found = ending.stack, gauges(ending)
    assert USES <= set(found)
    assert found["server"] == end_of(stack.server_identity.certificate)
    assert found["cmp"] == end_of(stack.cmp_identity.certificate)
    assert found["upstream_signer"] == end_of(stack.ca.ra_certificate)
    assert found["upstream_trust"] == end_of(stack.ca_chain)


def test_what_ends_within_a_month_is_a_warning_and_within_three_days_an_error(ending):
    stack = ending.stack
    assert str(stack.server_identity.certificate) in said(stack, "server", "warn")[0]["message"]
    assert str(stack.cmp_identity.certificate) in said(stack, "cmp", "error")[0]["message"]
    assert not [one for one in stack.httpd.error_log.since() if "RA0714" in one["message"] and "upstream" in one["message"]]


def test_it_is_said_once_in_each_generation_whatever_the_number_of_children(ending):
    stack = ending.stack
    before = len(said(stack, "cmp", "error"))
    old = set(stack.httpd.children())
    stack.httpd.graceful()
    process.wait_for("the old children end", lambda: old.isdisjoint(stack.httpd.children()), 60)
    process.wait_for("it is said again", lambda: len(said(stack, "cmp", "error")) > before, 60)
    ending.internal.get("/metrics")
    assert len(said(stack, "cmp", "error")) == before + 1
