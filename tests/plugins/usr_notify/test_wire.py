"""On the way to a webhook: proxies, and servers that take their time."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator

import pytest

from support.http_proxy import http_proxy
from support.webhook_server import WebhookServer, ca_folder
from usr_notify.address import parse_address
from usr_notify.delivery import SendFailure
from usr_notify.errors import TargetInvalid
from usr_notify.message import Message
from usr_notify.webhook import WebhookTarget

MESSAGE = Message(dataset="ns/base", action="import", seq=2, key="ns/base:2:abc", payload=b'{"action":"import"}')


@pytest.fixture(autouse=True)
def _no_proxy_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def target(url: str, *, ca: str = "ca.pem", timeout: float = 10, connect_timeout: float = 10) -> WebhookTarget:
    return WebhookTarget(
        parse_address(url, allow_http_localhost=True), headers={"Authorization": "Bearer secret-of-mine"},
        ca_bundle=ca_folder() / ca, connect_timeout=connect_timeout, timeout=timeout,
    )  # fmt: skip


def sent(to: WebhookTarget, times: int = 1) -> None:
    with contextlib.closing(to):
        for _ in range(times):
            to.send(MESSAGE)


def failure(to: WebhookTarget) -> SendFailure:
    with pytest.raises(SendFailure) as caught:
        sent(to)
    return caught.value


class TestProxy:
    @pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
    def test_carries_a_connection_for_several_events(
        self, server: WebhookServer, monkeypatch: pytest.MonkeyPatch, variable: str
    ) -> None:
        """It is asked once, to connect, and sees neither path nor token."""
        with http_proxy() as proxy:
            monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
            sent(target(server.url), times=3)

        assert [f"CONNECT localhost:{server.port} HTTP/1.1"] == proxy.asked
        assert [MESSAGE.payload] * 3 == [request.body for request in server.received]

    @pytest.mark.parametrize("value", ["localhost", "*", "other.org, localhost", "localhost:{port}"])
    def test_is_not_used_for_hosts_of_no_proxy(
        self, server: WebhookServer, monkeypatch: pytest.MonkeyPatch, value: str
    ) -> None:
        """Which are reached directly."""
        with http_proxy() as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            monkeypatch.setenv("NO_PROXY", value.format(port=server.port))
            sent(target(server.url))

        assert ([], 1) == (proxy.asked, len(server.received))

    def test_does_not_stand_in_for_the_webhook(self, server: WebhookServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """The certificate is checked through it, for the webhook's name."""
        with http_proxy() as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
            told = failure(target(server.url, ca="other-ca.pem"))

        assert "certificate is not trusted" in told.error.message
        assert not told.retryable
        assert [] == server.received

    def test_that_wants_a_login_gets_it(self, server: WebhookServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """From its URL; without one the failure says what to do, and is final. The password is not shown."""
        with http_proxy(login="me:p@ss") as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
            sent(target(server.url))
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:wrong-one@127.0.0.1:{proxy.port}")
            told = failure(target(server.url))

        assert 1 == len(server.received)
        assert f"the proxy 127.0.0.1:{proxy.port} answers 407" in told.error.message
        assert "USER:PASSWORD@" in told.error.hint
        assert not told.retryable
        assert "wrong-one" not in f"{told.error.message} {told.error.hint} {told.error.facts}"

    def test_that_is_not_there_is_named(self, server: WebhookServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """And tried again later, as the webhook would be."""
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        told = failure(target(server.url))

        assert f"through the proxy 127.0.0.1:{port}" in told.error.message
        assert told.retryable

    @pytest.mark.parametrize("value", ["socks5://127.0.0.1:1", "https://127.0.0.1:1", "http://", "http://a:b:c:d"])
    def test_of_another_kind_is_refused(self, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        """Before anything is sent, and never passed over in silence."""
        monkeypatch.setenv("HTTPS_PROXY", value)
        with pytest.raises(TargetInvalid, match="HTTPS_PROXY"):
            target("https://example.org/hook")

    def test_elsewhere_is_not_used_for_plain_http(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Plain http is for this very machine: a proxy would show events on the way, and means another localhost."""
        from support.webhook_server import webhook_server

        monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
        with webhook_server(tls=False) as plain:
            sent(target(plain.url, connect_timeout=2))

        assert 1 == len(plain.received)


@contextlib.contextmanager
def dripping(parts: bytes, *, seconds: float = 0.05, tls: bool = True, at_once: bytes = b"") -> Iterator[str]:
    """Run a server that answers `at_once` and then a byte at a time, for ever where the bytes run out."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca_folder() / "cert.pem", ca_folder() / "key.pem")
    ending = threading.Event()

    def serve(raw: socket.socket) -> None:
        with contextlib.suppress(OSError):
            client = context.wrap_socket(raw, server_side=True) if tls else raw
            if tls:
                client.recv(1 << 16)
                client.sendall(at_once)
            position = 0
            while not ending.wait(seconds):
                client.sendall(parts[position : position + 1] or b"x")
                position += 1

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"https://localhost:{listener.getsockname()[1]}/hook"
        ending.set()


class TestTime:
    @pytest.mark.parametrize(("kind", "tls"), [("handshake", False), ("status line", True), ("headers", True)])
    def test_of_an_attempt_is_limited_as_a_whole(self, kind: str, tls: bool) -> None:
        """A byte now and then is not an answer: the attempt ends, and may be tried again."""
        at_once = {"headers": b"HTTP/1.1 200 OK\r\nX-More: "}.get(kind, b"")
        with dripping(b"\x16\x03\x03\x40\x00" if not tls else b"HTTP/1.1 200 ", tls=tls, at_once=at_once) as url:
            began = time.monotonic()
            told = failure(target(url, timeout=0.4, connect_timeout=0.4))
            seconds = time.monotonic() - began

        assert "does not answer in time" in told.error.message
        assert told.retryable
        assert seconds < 5

    def test_of_an_attempt_holds_for_a_proxy_as_well(
        self, server: WebhookServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One that answers a byte at a time."""
        with dripping(b"HTTP/1.1 200 ", tls=False) as url:
            monkeypatch.setenv("HTTPS_PROXY", url.replace("https", "http").replace("localhost", "127.0.0.1"))
            told = failure(target(server.url, timeout=0.4, connect_timeout=0.4))

        assert "does not answer in time" in told.error.message

    def test_of_a_body_takes_nothing_back(self) -> None:
        """A status of 200 is delivery, though the body never ends."""
        with dripping(b"", at_once=b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n") as url:
            began = time.monotonic()
            sent(target(url, timeout=0.4, connect_timeout=0.4))

        assert time.monotonic() - began < 5
