"""The connection to a webhook: directly or by way of a proxy, and within a time that nothing on the way can stretch."""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import ssl
import threading
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

from usr_notify.address import LOCAL_HOSTS, Address
from usr_notify.errors import TargetInvalid

__all__ = ["Deadline", "Proxy", "ProxyRefused", "Wire", "proxy_for", "request_target"]


class ProxyRefused(Exception):
    """The proxy answered a CONNECT with something else than 200.

    Attributes:
        status: What it answered.
    """

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """An HTTP proxy; `login` is the value of ``Proxy-Authorization``, never shown."""

    host: str
    port: int
    login: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What is sent to it besides."""
        return {} if self.login is None else {"Proxy-Authorization": self.login}


def proxy_for(address: Address) -> Proxy | None:
    """Return the proxy that ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` name, None for none.

    Plain http is for this very machine and does not leave it: a proxy elsewhere is not used for it.

    Raises:
        TargetInvalid: What the variable holds is not a URL of an HTTP proxy.
    """
    named = getproxies_environment()
    text = named.get(address.scheme) or named.get("all")
    if not text or proxy_bypass_environment(f"{address.host}:{address.port}", named):
        return None
    variable = f"{address.scheme.upper()}_PROXY"
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port or 80
    except ValueError:
        host, parts, port = "", urlsplit(""), 80
    if not host or parts.scheme != "http":
        raise TargetInvalid(
            f"{variable} is not a URL of an HTTP proxy.",
            hint="Give it as http://HOST:PORT (the webhook is still spoken to over TLS), or name the host in NO_PROXY.",
        )
    if address.scheme == "http" and host not in LOCAL_HOSTS:
        return None
    login = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        login = f"Basic {base64.b64encode(pair).decode('ascii')}"
    return Proxy(host=host, port=port, login=login)


class Deadline:
    """Ends the connections that it watches when its time is over; a server that sends a byte a second can't stretch it.

    Attributes:
        over: Whether that has happened.
    """

    def __init__(self, seconds: float) -> None:
        self.over = False
        self._lock = threading.Lock()
        self._watched: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def __enter__(self) -> Deadline:
        self._timer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._timer.cancel()

    def watch(self, guard: socket.socket) -> None:
        """End this connection as well when the time is over; at once if it is."""
        with self._lock:
            self._watched.append(guard)
            over = self.over
        if over:
            _break(guard)

    def _end(self) -> None:
        with self._lock:
            self.over = True
            watched = list(self._watched)
        for guard in watched:
            _break(guard)


class Wire:
    """One open connection.

    Attributes:
        connection: To write requests to.
        guard: A second handle of the same socket, by which it can be broken from outside.
    """

    def __init__(
        self,
        address: Address,
        *,
        proxy: Proxy | None,
        context: ssl.SSLContext | None,
        connect_timeout: float,
        timeout: float,
        deadline: Deadline,
    ) -> None:
        """Connect.

        Raises:
            ProxyRefused: The proxy does not let us through.
            OSError: The place can't be reached, or its certificate is not trusted.
        """
        first = (proxy.host, proxy.port) if proxy is not None else (address.host, address.port)
        sock = socket.create_connection(first, timeout=connect_timeout)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each event waits for an acknowledgement
            self.guard = sock.dup()
            deadline.watch(self.guard)
            if context is not None:
                if proxy is not None:
                    _pass_through(sock, address, proxy)
                sock = context.wrap_socket(sock, server_hostname=address.host)
            sock.settimeout(timeout)
        except BaseException:
            sock.close()
            with contextlib.suppress(AttributeError):
                self.guard.close()
            raise
        kind = http.client.HTTPSConnection if context is not None else http.client.HTTPConnection
        self.connection = kind(address.host, address.port)
        self.connection.sock = sock

    def close(self) -> None:
        """Close both handles."""
        self.connection.close()
        self.guard.close()


def request_target(address: Address, proxy: Proxy | None) -> str:
    """Return what stands in the request line: a proxy for plain http is told the whole URL."""
    return address.origin + address.target if proxy is not None and address.scheme == "http" else address.target


def _pass_through(sock: socket.socket, address: Address, proxy: Proxy) -> None:
    host = f"[{address.host}]" if ":" in address.host else address.host
    lines = [f"CONNECT {host}:{address.port} HTTP/1.1", f"Host: {host}:{address.port}"]
    lines += [f"{name}: {value}" for name, value in proxy.headers.items()]
    sock.sendall("".join(f"{line}\r\n" for line in [*lines, ""]).encode("ascii"))
    response = http.client.HTTPResponse(sock, method="CONNECT")
    try:
        response.begin()
        if response.status != http.HTTPStatus.OK:
            raise ProxyRefused(response.status)
    finally:
        response.close()


def _break(guard: socket.socket) -> None:
    with contextlib.suppress(OSError):
        guard.shutdown(socket.SHUT_RDWR)
