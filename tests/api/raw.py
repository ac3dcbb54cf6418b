"""A client over raw sockets that keeps no rule of HTTP: what it sends is what the test wrote."""
import json
import socket
import ssl


class Answer:
    def __init__(self, raw):
        self.raw = raw
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split()[1]) if lines[0] else 0
        self.headers = [tuple(line.split(": ", 1)) for line in lines[1:]]

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def code(self):
        return json.loads(self.body)["code"]


class Raw:
    """A client that keeps no rule. One connection per call."""

    def __init__(self, stack):
        self.stack = stack

    def connect(self, host, role=None, source="127.0.0.1"):
        connection = socket.create_connection(("127.0.0.1", self.stack.ports[host]), timeout=20, source_address=(source, 0))
        if host == "internal":
            return connection
        context = ssl.create_default_context(cafile=str(self.stack.pki.root_file))
        if role:
            context.load_cert_chain(*map(str, self.stack.identity(role).pair))
        return context.wrap_socket(connection, server_hostname="127.0.0.1")

    def send(self, host, data, **options):
        with self.connect(host, **options) as connection:
            try:
                connection.sendall(data)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                pass  # refused before all of it was sent: the answer is what counts
            return Answer(read_all(connection))

    def get(self, host, path, headers="", authority="127.0.0.1", method="GET", **options):
        request = f"{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n{headers}\r\n"
        return self.send(host, request.encode("latin-1"), **options)

    def post(self, headers, body):
        """To an operation with a body, as a person who may call it."""
        head = (f"POST /api/v1/applications HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-RA-Request: 1\r\n"
                f"Origin: https://127.0.0.1\r\nSec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n{headers}\r\n")
        return self.send("staff", head.encode() + body, role="acceptor")


def read_all(connection):
    data = b""
    while True:
        try:
            piece = connection.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return data
        if not piece:
            return data
        data += piece
