"""A real HTTPS server that takes events, with a CA of its own made by ``openssl``; tests decide what it answers."""

from __future__ import annotations

import contextlib
import functools
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

__all__ = ["Answer", "Received", "WebhookServer", "ca_folder", "ended", "wait_until", "webhook_server"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server says: a status, headers, and how long it takes to say so."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came: headers by lower-case name."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class WebhookServer:
    """A running server.

    Attributes:
        port: Where it listens on 127.0.0.1.
        received: Every request in order.
        answers: What to answer next; where there is none, 200.
    """

    scheme: str
    port: int
    received: list[Received] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The URL of its hook."""
        return f"{self.scheme}://localhost:{self.port}/hook"

    @property
    def taken(self) -> list[str]:
        """The idempotency keys of all requests in order."""
        return [request.headers["idempotency-key"] for request in self.received]


@functools.cache
def ca_folder() -> Path:
    """Return a folder with ``ca.pem``, ``other-ca.pem`` and a server's ``cert.pem`` and ``key.pem`` for localhost."""
    folder = Path(tempfile.mkdtemp(prefix="usr-ca-"))
    for name in ("ca", "other-ca"):
        _openssl(
            folder,
            *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN=Test {name}"),
            *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"),
            *("-keyout", f"{name}-key.pem", "-out", f"{name}.pem"),
        )
    _openssl(
        folder,
        *("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "key.pem", "-out", "cert.csr"),
    )
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n", encoding="utf-8")
    _openssl(
        folder,
        *("x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial"),
        *("-days", "2", "-extfile", "names", "-out", "cert.pem"),
    )
    return folder


@contextlib.contextmanager
def webhook_server(*, port: int = 0, tls: bool = True) -> Iterator[WebhookServer]:
    """Run a server for the length of the block, on a free port unless one is given."""
    running: WebhookServer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer would wait 40 ms for the client's acknowledgement

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            running.received.append(Received(path=self.path, headers=headers, body=body))
            answer = running.answers.pop(0) if running.answers else Answer()
            time.sleep(answer.seconds)
            with contextlib.suppress(OSError):
                self.send_response(answer.status)
                for name, value in {"Content-Length": "3", **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"ok\n")

        def log_message(self, format: str, *args: object) -> None:
            return None

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            return None

        def finish_request(self, request: object, client_address: object) -> None:
            # The handshake happens in the request's own thread: a client that breaks it off stops nobody else.
            wrapped = context.wrap_socket(request, server_side=True) if tls else request  # type: ignore[arg-type]
            self.RequestHandlerClass(wrapped, client_address, self)  # type: ignore[arg-type]

    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ca_folder() / "cert.pem", ca_folder() / "key.pem")
    server = Server(("127.0.0.1", port), Handler)
    running = WebhookServer("https" if tls else "http", server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


@contextlib.contextmanager
def ended(process: subprocess.Popen[str]) -> Iterator[subprocess.Popen[str]]:
    """Kill a process at the end of the block, also where the block fails: a follower ends by nothing else."""
    with process:
        yield process
        process.kill()


def wait_until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Return as soon as `condition` holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _openssl(folder: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=120)
