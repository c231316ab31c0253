"""What stands before the page: a token, and a check of where a request comes from, for every request and websocket.

The page is served on a machine that others may share, and a browser shows other pages too. So a request needs the
token, which the printed address brings once and a cookie keeps after that; its ``Host`` has to be an address of the
page, or another name could be made to point here; and its ``Origin``, where the browser says one, has to be the page.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

__all__ = ["Guard"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_HEADERS = (
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (
        b"content-security-policy",
        b"default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        b"style-src 'self' 'unsafe-inline'; connect-src 'self' data: blob:; frame-ancestors 'self'; form-action 'self'",
    ),
)


class Guard:
    """An ASGI app in front of another one.

    Args:
        app: The app.
        token: What the printed address brings.
        hosts: The values of ``Host`` that are let through, lower case, with the port.
        origins: Those of ``Origin``.
        cookie: The cookie's name.
        path: The path of the page, ``""`` for none.
        secure: Whether the page is reached over https.
    """

    def __init__(
        self,
        app: App,
        *,
        token: str,
        hosts: Collection[str],
        origins: Collection[str],
        cookie: str,
        path: str = "",
        secure: bool = False,
    ) -> None:
        self._app = app
        self._token = token
        self._hosts = frozenset(hosts)
        self._origins = frozenset(origins)
        self._cookie = cookie
        self._path = path
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        told = self._fault(scope, headers)
        if told is not None:
            await _refuse(scope, receive, send, 421 if "Host" in told else 403, told)
            return
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in query if name == "token"), None)
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and self._is_token(given):
            await self._let_in(scope, send, [(name, value) for name, value in query if name != "token"])
            return
        if not self._is_token(_cookies(headers.get(b"cookie", "")).get(self._cookie)):
            await _refuse(scope, receive, send, 403, "Open the address that `usr explore` has printed; it lets you in.")
            return

        async def sent(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await self._app(scope, receive, sent)

    def _fault(self, scope: Scope, headers: dict[bytes, str]) -> str | None:
        if sum(name == b"host" for name, _ in scope["headers"]) != 1 or headers[b"host"].lower() not in self._hosts:
            return "This page is not served under that Host."
        origin = headers.get(b"origin")
        # A browser says it wherever a page might act for another one; only reading does without.
        needed = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        if (origin is None and needed) or (origin is not None and origin.lower() not in self._origins):
            return "This request does not come from the page."
        return None

    def _is_token(self, given: str | None) -> bool:
        return given is not None and hmac.compare_digest(given.encode(), self._token.encode())

    async def _let_in(self, scope: Scope, send: Send, query: list[tuple[str, str]]) -> None:
        """Set the cookie and lead to the same address without the token, so that no bookmark or screenshot has it."""
        place = (self._path or "") + "/" + ("?" + urlencode(query) if query else "")
        cookie = f"{self._cookie}={self._token}; Path={self._path or '/'}; HttpOnly; SameSite=Lax"
        headers = [
            (b"location", place.encode("latin-1")),
            (b"set-cookie", (cookie + ("; Secure" if self._secure else "")).encode("latin-1")),
            (b"cache-control", b"no-store"),
            (b"content-length", b"0"),
            *_HEADERS,
        ]
        await send({"type": "http.response.start", "status": 303, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def origin_of(url: str) -> str:
    """Return the origin of an address, as a browser says it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _cookies(text: str) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in text.split(";"))
    return {name: value for name, _, value in pairs}


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, told: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": told})
        return
    body = told.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), *_HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
