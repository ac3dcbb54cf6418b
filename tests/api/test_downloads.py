"""Files for everybody: what the list names and nothing else, with size and SHA-256, always as an attachment."""
import hashlib
import json
import os
import socket
import ssl
import urllib.parse

import pytest

from harness import process
from support import refused

DRIVER = b"MZ driver \x00\xff" * 50_000
FORM = "单位证书申请表.pdf"


@pytest.fixture(scope="module")
def shop(make_ra):
    return make_ra("downloads", DOWNLOADS="RADownloads files")


@pytest.fixture(scope="module")
def folder(shop):
    place = shop.stack.state / "httpd" / "files"
    place.mkdir()
    (place / "driver-4.2.exe").write_bytes(DRIVER)
    (place / FORM).write_bytes(b"%PDF-1.7 form")
    (place / "page.html").write_bytes(b"<script>alert(1)</script>")
    (place / "secret.txt").write_bytes(b"not listed")
    (place / ".hidden").write_bytes(b"hidden")
    (place / "inner").mkdir()
    (place / "inner" / "deep.txt").write_bytes(b"deep")
    (place / "link").symlink_to("/etc/passwd")
    os.mkfifo(place / "pipe")
    write_list(place)
    process.own(place)
    return place


def item(file, **members):
    return {"file": file, "category": "driver", "title": {"zh-CN": "名称", "en": "name"}, **members}


LISTED = [item("driver-4.2.exe", version="4.2", description={"zh-CN": "说明", "en": "text"}), item(FORM, category="form"), item("page.html")]


def write_list(folder, *more):
    (folder / "downloads.json").write_text(json.dumps({"items": [*LISTED, *more]}, ensure_ascii=False), "utf-8")


def get(shop, name, method="GET", **headers):
    return shop.public.http.request(method, "/downloads/" + urllib.parse.quote(name), headers=headers)


def test_list_has_size_digest_and_what_the_operator_says(shop, folder):
    listed = {one["file"]: one for one in shop.public.get("/downloads").json()["items"]}
    assert list(listed) == ["driver-4.2.exe", FORM, "page.html"]
    driver = listed["driver-4.2.exe"]
    assert (driver["size"], driver["sha256"], driver["version"]) == (len(DRIVER), hashlib.sha256(DRIVER).hexdigest(), "4.2")
    assert driver["description"]["zh-CN"] == "说明" and driver["category"] == "driver"


@pytest.mark.parametrize("name", ["driver-4.2.exe", FORM, "page.html"])
def test_file_comes_whole_and_is_never_shown(shop, folder, name):
    answer = get(shop, name)
    assert answer.status_code == 200 and answer.content == (folder / name).read_bytes()
    assert answer.headers["Content-Type"] == "application/octet-stream"
    kind, _, said = answer.headers["Content-Disposition"].partition("; filename*=UTF-8''")
    assert (kind, urllib.parse.unquote(said)) == ("attachment", name)
    assert answer.headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer.headers["Content-Security-Policy"]
    assert answer.headers["ETag"] == '"' + hashlib.sha256(answer.content).hexdigest() + '"'
    head = get(shop, name, "HEAD")
    assert head.content == b"" and head.headers["Content-Length"] == str(len(answer.content))


def test_conditions_and_ranges_work(shop, folder):
    tag = get(shop, "driver-4.2.exe", "HEAD").headers["ETag"]
    assert get(shop, "driver-4.2.exe", **{"If-None-Match": tag}).status_code == 304
    part = get(shop, "driver-4.2.exe", Range="bytes=100-199")
    assert part.status_code == 206 and part.content == DRIVER[100:200]


@pytest.mark.parametrize("name", ["secret.txt", ".hidden", "link", "pipe", "inner", "downloads.json", "driver-4.2.exe/", "nothing",
                                  "DRIVER-4.2.exe", ""])
def test_what_the_list_does_not_name_is_not_there(shop, folder, name):
    refused(get(shop, name), 404, "not-found")


@pytest.mark.parametrize("path", ["/downloads/../secrets/ra.keys", "/downloads/%2e%2e/secrets/ra.keys", "/downloads/..%2fsecrets%2fra.keys",
                                  "/downloads/inner/deep.txt", "/downloads//etc/passwd", "/downloads/driver-4.2.exe%00.txt",
                                  "/downloads/inner%5cdeep.txt", "/downloads/./driver-4.2.exe"])
def test_nothing_outside_of_the_folder_can_be_reached(shop, folder, path):
    answer = raw(shop, path)
    assert answer.split(b" ")[1] in (b"404", b"400", b"403"), answer
    assert b"deep" not in answer and b"root:" not in answer and b"MZ driver" not in answer


def raw(shop, path):
    """The path as it is: httpx would put it in order first."""
    context = ssl.create_default_context(cafile=str(shop.stack.pki.root_file))
    plain = socket.create_connection(("127.0.0.1", shop.stack.ports["public"]), 10)
    with context.wrap_socket(plain, server_hostname="localhost") as tls:
        tls.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while chunk := tls.recv(65536):
            answer += chunk
    return answer


def test_listed_links_folders_pipes_and_odd_names_are_left_out(shop, folder):
    write_list(folder, item("link"), item("inner"), item("pipe"), item("../driver-4.2.exe"), item("inner/deep.txt"), item(".hidden"),
               item("a\u202eb"), item("nothing"), {"file": "secret.txt"}, "text", None, {"file": 7})
    try:
        assert len(shop.public.get("/downloads").json()["items"]) == len(LISTED)
        for name in ("link", "inner", "pipe", ".hidden"):
            refused(get(shop, name), 404, "not-found")
    finally:
        write_list(folder)


def test_changed_file_has_another_digest(shop, folder):
    (folder / "page.html").write_bytes(b"changed")
    listed = {one["file"]: one for one in shop.public.get("/downloads").json()["items"]}
    assert listed["page.html"]["sha256"] == hashlib.sha256(b"changed").hexdigest()
    assert get(shop, "page.html").headers["ETag"] == '"' + listed["page.html"]["sha256"] + '"'


@pytest.mark.log("RA0303|RA0746")
def test_broken_list_is_the_operators_affair(shop, folder):
    (folder / "downloads.json").write_text('{"items": [')
    try:
        refused(shop.public.get("/downloads", expect=503), 503, "not-ready")
        refused(get(shop, "driver-4.2.exe"), 503, "not-ready")
    finally:
        write_list(folder)


def test_other_methods_are_refused(shop, folder):
    for method in ("POST", "PUT", "DELETE"):
        answer = get(shop, "driver-4.2.exe", method)
        refused(answer, 405, "method-not-allowed")
        assert answer.headers["Allow"] == "GET, HEAD"


def test_files_are_on_the_public_and_the_staff_host(shop, folder):
    with shop.open("staff", "acceptor") as client:
        assert client.http.get("/downloads/page.html").status_code == 200
    with shop.open("api", "system") as client:
        assert client.http.get("/downloads/page.html").status_code == 404


def test_instance_offers_the_certificates_of_its_ca(ra):
    offered, = ra.public.get("/downloads").json()["items"]
    answer = ra.public.http.get("/downloads/" + offered["file"])
    assert answer.content == ra.stack.ca.chain() and hashlib.sha256(answer.content).hexdigest() == offered["sha256"]


def test_without_a_folder_the_list_is_empty(make_ra):
    bare = make_ra("no-downloads", DOWNLOADS="")
    assert bare.public.get("/downloads").json() == {"items": []}
    assert bare.public.http.get("/downloads/ca-chain.pem").status_code == 404
