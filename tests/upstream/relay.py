"""A TLS server before the development CA that keeps connections open and ends the idle ones when it is told to."""
import contextlib
import http.client
import http.server
import select
import ssl
import threading

LOOK_SECONDS = 0.02


class Relay(http.server.ThreadingHTTPServer):
    """`ca` is a test_cmp_adapter.Ca; `connections` is how many were accepted."""

    def __init__(self, ca):
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = ca.port
        self.url = f"https://127.0.0.1:{self.server_port}/.well-known/cmp"
        self.connections = 0
        self.is_over = threading.Event()
        self.has_ended = threading.Event()
        self.is_gone = threading.Event()
        self.to_ca = ssl.create_default_context(cafile=str(ca.state / "ca.crt"))
        self.to_ca.load_cert_chain(ca.file("ra.crt"), ca.file("ra.key"))
        served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        served.load_cert_chain(ca.file("tls.crt"), ca.file("tls.key"))
        self.socket = served.wrap_socket(self.socket, server_side=True)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.is_gone.set()
        self.shutdown()
        self.server_close()

    def end_idle(self):
        """Says close_notify on the connection that waits for its next request, and nothing after; those to come stay open."""
        self.is_over.set()
        assert self.has_ended.wait(60)
        self.is_over.clear()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections += 1

    def handle_one_request(self):
        while not select.select([self.connection], [], [], LOOK_SECONDS)[0]:
            if self.server.is_over.is_set():
                return self.end()
        return super().handle_one_request()

    def end(self):
        self.close_connection = True
        self.connection.setblocking(False)
        with contextlib.suppress(OSError):
            self.connection.unwrap()  # says close_notify, and does not wait for the other side's
        self.server.has_ended.set()
        self.server.is_gone.wait(60)

    def do_POST(self):
        onward = http.client.HTTPSConnection("127.0.0.1", self.server.port, context=self.server.to_ca, timeout=60)
        onward.request("POST", self.path, self.rfile.read(int(self.headers["Content-Length"])), {"Content-Type": self.headers["Content-Type"]})
        answer = onward.getresponse()
        body = answer.read()
        onward.close()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing: the ledger of the CA says what came through."""
