"""A real HTTP proxy on this machine: it passes CONNECT through, and forwards nothing else but what it records."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["HttpProxy", "http_proxy"]


@dataclass(slots=True)
class HttpProxy:
    """A running proxy.

    Attributes:
        port: Where it listens on 127.0.0.1.
        asked: The first line of every request.
        login: ``USER:PASSWORD`` that it wants, or None.
    """

    port: int
    asked: list[str] = field(default_factory=list)
    login: str | None = None


@contextlib.contextmanager
def http_proxy(login: str | None = None) -> Iterator[HttpProxy]:
    """Run a proxy for the length of the block."""
    running: HttpProxy

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            first = self.rfile.readline().decode("ascii").strip()
            headers = {}
            while line := self.rfile.readline().decode("ascii").strip():
                name, _, value = line.partition(": ")
                headers[name.lower()] = value
            running.asked.append(first)
            wanted = None if login is None else f"Basic {base64.b64encode(login.encode()).decode()}"
            if headers.get("proxy-authorization") != wanted:
                self.wfile.write(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
                return
            host, _, port = first.split()[1].rpartition(":")
            with socket.create_connection((host, int(port)), timeout=10) as there:
                self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                back = threading.Thread(target=_copy, args=(there, self.connection), daemon=True)
                back.start()
                _copy(self.connection, there)
                back.join(timeout=10)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: object, client_address: object) -> None:
            return None

    with Server(("127.0.0.1", 0), Handler) as server:
        running = HttpProxy(server.server_address[1], login=login)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield running
        server.shutdown()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while content := source.recv(1 << 16):
            target.sendall(content)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
