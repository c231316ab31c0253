"""What stands before the page, asked without a browser."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from usr_explore.guard import Guard

TOKEN = "secret-token"
HOST = "127.0.0.1:8000"
ORIGIN = "http://127.0.0.1:8000"
COOKIE = f"usr_explore_8000={TOKEN}"


async def page(scope: Any, receive: Any, send: Any) -> None:
    """Let everybody in."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"page"})


def answer(
    kind: str = "http", method: str = "GET", query: str = "", path: str = "", **headers: str | None
) -> list[dict[str, Any]]:
    """Return what is sent back."""
    given = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": kind,
        "method": method,
        "path": f"{path}/",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value is not None],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.connect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    guard = Guard(page, token=TOKEN, hosts=[HOST], origins=[ORIGIN], cookie="usr_explore_8000", path=path)
    asyncio.run(guard(scope, receive, send))
    return sent


class TestGuard:
    def test_the_cookie_lets_in(self) -> None:
        """Among others too; what the page answers goes out with our headers."""
        first = answer(cookie=f"other=1; {COOKIE}")[0]

        assert 200 == first["status"]
        assert {b"referrer-policy", b"x-content-type-options", b"content-security-policy"} < set(dict(first["headers"]))

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"cookie": "usr_explore_8000=wrong"},
            {"cookie": f"usr_explore_9000={TOKEN}"},
            {"cookie": COOKIE, "origin": "http://evil.example"},
            {"cookie": COOKIE, "origin": "null"},
            {"cookie": COOKIE, "origin": "https://127.0.0.1:8000"},
        ],
    )
    def test_who_is_not_let_in_gets_nothing(self, headers: dict[str, str]) -> None:
        """No token, a wrong one, that of another port, or a page that is not ours."""
        sent = answer(**headers)

        assert 403 == sent[0]["status"]
        assert b"page" != sent[1]["body"]

    @pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:8001", "", None])
    def test_another_host_is_refused(self, host: str | None) -> None:
        """Whatever name points to this machine."""
        assert 421 == answer(host=host, cookie=COOKIE)[0]["status"]

    def test_the_token_becomes_a_cookie(self) -> None:
        """The answer leads to the same place without it; scripts can't read the cookie, other sites don't send it."""
        first = answer(query=f"token={TOKEN}&file=a%26b", path="/node7")[0]
        headers = dict(first["headers"])

        assert (303, b"/node7/?file=a%26b") == (first["status"], headers[b"location"])
        assert f"{COOKIE}; Path=/node7; HttpOnly; SameSite=Lax".encode() == headers[b"set-cookie"]
        assert 403 == answer(query="token=wrong")[0]["status"]
        assert 403 == answer(query=f"token={TOKEN}", method="POST", origin=ORIGIN)[0]["status"]

    def test_what_changes_something_says_where_it_comes_from(self) -> None:
        """A POST and a websocket need our Origin; a plain GET does without."""
        assert 403 == answer(method="POST", cookie=COOKIE)[0]["status"]
        assert 200 == answer(method="POST", cookie=COOKIE, origin=ORIGIN)[0]["status"]
        assert "websocket.accept" == answer("websocket", cookie=COOKIE, origin=ORIGIN)[0]["type"]
        for headers in ({"cookie": COOKIE}, {"origin": ORIGIN}, {"cookie": COOKIE, "origin": "http://evil.example"}):
            (refused,) = answer("websocket", **headers)
            assert "websocket.close" == refused["type"]
        assert "websocket.close" == answer("websocket", query=f"token={TOKEN}", origin=ORIGIN)[0]["type"]
