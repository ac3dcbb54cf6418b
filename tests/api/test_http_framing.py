"""One framing of a message (rows H1-H3 of the catalogue of bad input): what a proxy and httpd could read differently is read once or not at all."""
import concurrent.futures
import json
import secrets
import time

import pytest

from harness import seed
from raw import Answer, Raw
from support import unique

HEAD = "POST /api/v1/businesses HTTP/1.1\r\nHost: 127.0.0.1\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"


@pytest.fixture(scope="module")
def raw(stack):
    return Raw(stack)


def smuggled():
    """A request that hides in another one, and the word by which it is found in the access log."""
    word = f"hidden-{secrets.token_hex(6)}"
    return word, f"GET /api/v1/{word} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def exchange(raw, data):
    """Everything that comes back on one connection until the server closes it or says nothing more."""
    said = b""
    with raw.connect("internal") as connection:
        connection.sendall(data)
        connection.settimeout(60)
        try:
            while piece := connection.recv(65536):
                said += piece
                connection.settimeout(5)
        except (TimeoutError, ConnectionError):
            pass
    return said


def was_served(stack, word):
    return word in stack.httpd.access_log.read_text("utf-8", "replace")


# What is refused: a 4xx or 501, and the connection is over, so that nothing behind it is read as a request.

REFUSED = {
    "space before the colon": ("Transfer-Encoding : chunked\r\n", b"0\r\n\r\n"),
    "unknown coding": ("Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"),
    "coding behind chunked": ("Transfer-Encoding: chunked, gzip\r\n", b"0\r\n\r\n"),
    "vertical tab before the coding": ("Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "two lengths": ("Content-Length: 0\r\nContent-Length: 5\r\n", b"hello"),
    "list of lengths": ("Content-Length: 0, 5\r\n", b"hello"),
    "signed length": ("Content-Length: +5\r\n", b"hello"),
    "negative length": ("Content-Length: -1\r\n", b""),
    "hexadecimal length": ("Content-Length: 0x5\r\n", b"hello"),
    "length beyond 64 bits": ("Content-Length: 99999999999999999999999\r\n", b""),
    "bare line feeds": ("X-A: b\nContent-Length: 5\n", b"hello"),
    "bare carriage return in a value": ("X-A: b\rContent-Length: 5\r\n", b"hello"),
    "NUL in a value": ("X-A: b\0c\r\n", b""),
    "NUL in a name": ("X\0A: b\r\n", b""),
    "line without a colon": ("nonsense\r\n", b""),
    "size of a chunk beyond 64 bits": (CHUNKED, b"FFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n"),
    "negative size of a chunk": (CHUNKED, b"-1\r\nx\r\n0\r\n\r\n"),
    "size of a chunk with 0x": (CHUNKED, b"0x5\r\nhello\r\n0\r\n\r\n"),
    "chunk longer than its size": (CHUNKED, b"3\r\nhello\r\n0\r\n\r\n"),
    "second host": ("Host: evil.example\r\n", b""),
    "unknown expectation": ("Expect: 200-maybe\r\nContent-Length: 5\r\n", b"hello"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_message_is_refused_and_nothing_behind_it_is_served(raw, stack, name):
    headers, body = REFUSED[name]
    word, hidden = smuggled()
    answer = exchange(raw, (HEAD + headers + "\r\n").encode("latin-1") + body + hidden)
    assert Answer(answer).status in (400, 405, 413, 417, 501), answer
    assert answer.count(b"HTTP/1.1 ") == 1 and not was_served(stack, word), answer


@pytest.mark.parametrize("line", [
    "GET /api/v1/businesses", "GET  /api/v1/businesses HTTP/1.1", "GET /api/v1/businesses HTTP/1.1 ", " GET /api/v1/businesses HTTP/1.1",
    "GET /api/v1/businesses HTTP/1.1x", "GET\t/api/v1/businesses\tHTTP/1.1", "G\x01T /api/v1/businesses HTTP/1.1",
    "PRI * HTTP/2.0", "GET /api/v1/business es HTTP/1.1", "GET /" + "a" * 9000 + " HTTP/1.1",
])
def test_odd_request_line_is_refused(raw, stack, line):
    word, hidden = smuggled()
    answer = exchange(raw, f"{line}\r\nHost: 127.0.0.1\r\n\r\n".encode("latin-1") + hidden)
    assert not answer or answer.count(b"HTTP/1.1 ") + answer.count(b"<!DOCTYPE HTML") >= 1
    assert b" 200 " not in answer and not was_served(stack, word), answer


@pytest.mark.parametrize("coding", [CHUNKED, "Transfer-Encoding:\r\n chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n"],
                         ids=["plain", "folded over two lines", "twice"])
def test_length_beside_chunked_is_not_a_second_framing(raw, stack, coding):
    """RFC 9112 §6.3: chunked counts, and the connection ends with the answer."""
    word, hidden = smuggled()
    body = b"0\r\n\r\n" + hidden
    answer = exchange(raw, (HEAD + coding + f"Content-Length: {len(body)}\r\n\r\n").encode() + body)
    assert answer.count(b"HTTP/1.1 ") == 1 and not was_served(stack, word), answer


def test_body_of_a_request_without_one_is_not_a_request(raw, stack):
    word, hidden = smuggled()
    get = f"GET /api/v1/businesses HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(hidden)}\r\n\r\n".encode()
    answer = exchange(raw, get + hidden + b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 2 and b'"alive"' in answer.split(b"HTTP/1.1 ")[2], answer
    assert not was_served(stack, word)


@pytest.mark.parametrize("body", [b"5;a=b\r\nhello\r\n0\r\n\r\n", b"005\r\nhello\r\n0\r\nX-Trailer: a\r\n\r\n", b"5 ; a = \"b\"\r\nhello\r\n0;x\r\n\r\n"])
def test_extensions_and_trailers_of_chunks_are_skipped(raw, body):
    answer = raw.post(CHUNKED, body)
    assert (answer.status, answer.code) == (400, "json-invalid")


def test_trailer_is_no_header(raw):
    answer = raw.post(CHUNKED, b"0\r\nIf-Match: \"1\"\r\nContent-Type: application/json\r\nHost: evil.example\r\n\r\n")
    assert answer.status in (400, 422) and answer.code != "host-mismatch"


@pytest.mark.parametrize("headers", ["Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
                                     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n", "Upgrade: TLS/1.0\r\nConnection: Upgrade\r\n"])
def test_no_upgrade_to_another_protocol(raw, headers):
    answer = raw.get("internal", "/api/v1/businesses", headers=headers.replace("Connection: ", "Connection: close, "))
    assert answer.status == 200 and not answer.all("Upgrade")


@pytest.mark.parametrize("target", ["*", "/*", "api/v1/businesses", "http:/api", "http://", "127.0.0.1:443", "https://127.0.0.1@evil.example/api/v1/me"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "CONNECT"])
def test_other_forms_of_a_target_reach_nothing(raw, method, target):
    answer = raw.get("public", target, method=method)
    if (method, target, answer.status) == ("GET", "http://", 200):
        assert b'id="app"' in answer.body  # an absolute form with no path is "/" (RFC 9112 section 3.2.2): the portal's page, where it is built
        return
    assert answer.status == 0 or 400 <= answer.status < 500 or (method, answer.status, answer.body) == ("OPTIONS", 200, b""), answer.raw


# Bodies (H3).

@pytest.mark.parametrize("headers,codes", [("Content-Length: 0\r\n", ("body-missing", "json-invalid")), ("", ("body-missing", "json-invalid")),
                                           (CHUNKED, ("body-missing", "json-invalid"))])
def test_announced_type_without_a_body(raw, headers, codes):
    answer = raw.post(headers, b"0\r\n\r\n" if headers == CHUNKED else b"")
    assert answer.status == 400 and answer.code in codes


def office(word):
    return json.dumps({"name": word, "kind": "local", "region": seed.TAIYUAN}).encode()


def request_of(stack, word):
    """A whole good request that makes an office."""
    body = office(word)
    return (f"POST /api/v1/offices HTTP/1.1\r\nHost: 127.0.0.1\r\nX-RA-Request: 1\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


def cut(raw, data, length):
    with raw.connect("staff", role="administrator") as connection:
        connection.sendall(data[:length])


def offices(ra, prefix):
    return [row[0] for row in ra.sql(f"SELECT name FROM offices WHERE name LIKE '{prefix}%'")]


def test_request_that_ends_at_any_byte_has_no_effect(ra, raw, stack):
    prefix = unique("cut-")
    data = request_of(stack, prefix)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda length: cut(raw, data, length), range(len(data))))
    assert offices(ra, prefix) == []
    assert raw.send("staff", data, role="administrator").status == 201
    assert offices(ra, prefix) == [prefix]


def test_chunked_request_that_ends_at_any_byte_of_its_body_has_no_effect(ra, raw, stack):
    prefix = unique("chunk-")
    head, _, body = request_of(stack, prefix).partition(b"\r\n\r\n")
    head = head.replace(f"Content-Length: {len(body)}".encode(), CHUNKED.strip().encode()) + b"\r\n\r\n"
    chunks = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda length: cut(raw, head + chunks, len(head) + length), range(len(chunks) - 2)))
    assert offices(ra, prefix) == []
    assert raw.send("staff", head + chunks, role="administrator").status == 201


# Slowness (H2): the server ends it; what it costs others is measured by `make check-slow`.

SLOW_BODY_SECONDS = 10  # RequestReadTimeout of the instance: a body may take so long, and a second more for each 500 bytes


def trickle(raw, host, head, data, limit=60):
    """The head at once, then a byte a second. @return (seconds until the server answered or closed, what it said)"""
    with raw.connect(host) as connection:
        connection.sendall(head)
        begin, said = time.monotonic(), b""
        connection.settimeout(1)
        for byte in data[:limit]:
            try:
                connection.sendall(bytes([byte]))
                said = connection.recv(4096)
                break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            said = b"nothing within the limit"
        return time.monotonic() - begin, said


def test_slow_heads_and_bodies_are_ended(raw):
    """The body goes to an operation that reads one: what is refused before its body is read would end at once, however slow it is."""
    slow_head = "internal", b"GET /api/v1/businesses HTTP/1.1\r\nHost: 127.0.0.1\r\n", b"X-A: b\r\n" * 100
    slow_body = "public", (b"POST /api/v1/progress-queries HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 900\r\n\r\n"), b" " * 900
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        head, body = pool.map(lambda parts: trickle(raw, *parts), (slow_head, slow_body))
    assert not head[1] or b" 408 " in head[1], head
    assert body[0] > SLOW_BODY_SECONDS - 2 and Answer(body[1]).status == 400, body
