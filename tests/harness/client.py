"""An HTTP client that knows the API's rules: entity tags, same-origin proof on the staff host, idempotency keys on the api host."""
import socket
import uuid

import httpx
from httpcore.backends.sync import SyncBackend

BASE = "/api/v1"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")


class Unexpected(Exception):
    """An answer with another status than asked for; the text has the problem."""

    def __init__(self, response):
        self.response = response
        request = response.request
        super().__init__(f"{request.method} {request.url.path} → {response.status_code}\n{response.text[:2000]}")

    @property
    def code(self):
        try:
            return self.response.json().get("code")
        except ValueError:
            return None


class Promptly(SyncBackend):
    """Headers and body are two packets: without TCP_NODELAY the second waits 40 ms for the first one's acknowledgement."""

    def connect_tcp(self, *address, **options):
        stream = super().connect_tcp(*address, **options)
        stream.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream


class Client:
    """One caller on one host. `host` is "public", "staff", "api" or "internal"."""

    def __init__(self, url, host, trust=None, identity=None, timeout=30, language="en", **options):
        self.url = url
        self.host = host
        self.http = httpx.Client(base_url=url, verify=str(trust) if trust else True, cert=identity.pair if identity else None,
                                 timeout=timeout, trust_env=False, headers={"Accept-Language": language}, **options)
        self.http._transport._pool._network_backend = Promptly()  # httpcore 0.16 has no public way to it

    def close(self):
        self.http.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def request(self, method, path, **options):
        """As httpx; a path without the base gets it. Nothing is added: for tests of what is missing."""
        if not path.startswith(("/api/", "/.well-known", "/healthz", "/readyz", "/metrics")):
            path = BASE + path
        return self.http.request(method, path, **options)

    def call(self, method, path, body=None, *, tag=None, expect=None, headers=None, key=None, **options):
        """One call as a well-behaved caller makes it. @return the response; Unexpected for a status not in `expect`"""
        sent = self.manners(method, key)
        if tag:
            sent["If-Match"] = tag
        if body is not None:
            options["json"] = body
            if method == "PATCH":
                sent["Content-Type"] = "application/merge-patch+json"
        sent.update(headers or {})
        response = self.request(method, path, headers=sent, **options)
        accepted = expect if isinstance(expect, (tuple, list, set)) else (expect,) if expect else range(200, 300)
        if response.status_code not in accepted:
            raise Unexpected(response)
        return response

    def manners(self, method, key=None):
        """The headers that a caller of this host sends with the method."""
        if method not in UNSAFE:
            return {}
        if self.host == "staff":
            headers = {"X-RA-Request": "1", "Origin": self.url, "Sec-Fetch-Site": "same-origin"}
        elif self.host == "api":
            headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        else:
            headers = {}
        if key:
            headers["Idempotency-Key"] = key
        return headers

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.call("POST", path, body, **options)

    def put(self, path, body, **options):
        return self.call("PUT", path, body, **options)

    def patch(self, path, body, **options):
        return self.call("PATCH", path, body, **options)

    def step(self, resource, name, body, **options):
        """A step on a resource with the entity tag it has now."""
        tag = self.get(resource).headers["ETag"]
        return self.post(f"{resource}/{name}", body, tag=tag, **options)
