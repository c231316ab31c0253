"""The page, served: on this machine alone unless it is asked otherwise, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import secrets
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from usr_explore.errors import HostNotLocal, PageInvalid, PortTaken
from usr_explore.exploring import NOTEBOOK, Exploration, serve

if TYPE_CHECKING:
    import uvicorn

__all__ = ["Place", "listen", "run"]

_LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the page is.

    Attributes:
        host: What it listens on.
        port: The port.
        base: The path under which a proxy serves it, without a slash at the end; "" for none.
        public: The address of the proxy without the path, or None.
        token: The token.
    """

    host: str
    port: int
    base: str
    public: str | None
    token: str

    @property
    def url(self) -> str:
        """The address that lets a visitor in."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.public or f'http://{host}:{self.port}'}{self.base}/?token={self.token}"

    @property
    def tunnel(self) -> str:
        """The command that makes the page of a cluster's node reachable from a visitor's own machine."""
        return f"ssh -L {self.port}:127.0.0.1:{self.port} {socket.gethostname()}"

    @property
    def origins(self) -> list[str]:
        """What a browser may say that a request comes from."""
        hosts = dict.fromkeys([*_LOCAL, *([] if self.host in ("0.0.0.0", "::") else [self.host])])
        if self.host in ("0.0.0.0", "::"):
            hosts |= dict.fromkeys([socket.gethostname(), socket.getfqdn()])
        named = [f"[{host}]" if ":" in host else host for host in hosts]
        return [f"http://{host}:{self.port}".lower() for host in named] + ([self.public.lower()] if self.public else [])


def listen(host: str, port: int | None, base_url: str | None, *, known: bool) -> tuple[socket.socket, Place]:
    """Return a socket that listens, and where the page will be.

    Args:
        host: The host; another one than this machine alone needs `known`.
        port: The port, or None for a free one.
        base_url: The path, or the whole address, under which a proxy serves the page.
        known: Whether somebody said that other machines may reach it.

    Raises:
        HostNotLocal, PageInvalid, PortTaken: It can't be served there.
    """
    if host not in _LOCAL and not known:
        raise HostNotLocal(host=host)
    public, base = _proxied(base_url)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1" if host == "localhost" else host, port or 0))
    except (OSError, OverflowError) as error:
        listening.close()
        raise PortTaken(host=host, port=port or 0, reason=getattr(error, "strerror", None) or str(error)) from error
    found = int(listening.getsockname()[1])
    return listening, Place(host=host, port=found, base=base, public=public, token=secrets.token_urlsafe(24))


def run(exploration: Exploration, listening: socket.socket, place: Place, ready: Callable[[], None]) -> None:
    """Serve the page until SIGINT or SIGTERM.

    Args:
        exploration: What it shows.
        listening: From `listen`.
        place: From `listen`.
        ready: Called once requests are answered.
    """
    with tempfile.TemporaryDirectory(prefix="usr-explore-") as folder:
        _keep_files_in(Path(folder))
        _run(exploration, listening, place, ready)


def _keep_files_in(folder: Path) -> None:
    """Let marimo keep its settings and logs in a folder of this run: nobody's own settings change the page.

    Its environment variables for that are those of other programs too, ours among them.
    """
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)  # for the log that it begins when it is imported
    try:
        from marimo._utils import xdg
    finally:
        if before is None:
            del os.environ["XDG_CACHE_HOME"]
        else:
            os.environ["XDG_CACHE_HOME"] = before
    for name in ("xdg_config_home", "xdg_cache_home", "xdg_state_home"):
        setattr(xdg, name, lambda: folder)


def _run(exploration: Exploration, listening: socket.socket, place: Place, ready: Callable[[], None]) -> None:
    import marimo
    import uvicorn

    from usr_explore.guard import Guard

    serve(exploration)
    page = marimo.create_asgi_app(quiet=True, session_ttl=60).with_app(path=place.base, root=str(NOTEBOOK)).build()
    guarded = Guard(
        page,
        token=place.token,
        hosts=[urlsplit(one).netloc for one in place.origins],
        origins=place.origins,
        cookie=f"usr_explore_{place.port}",
        path=place.base,
        secure=bool(place.public and place.public.startswith("https:")),
    )
    config = uvicorn.Config(
        guarded, log_level="error", access_log=False, lifespan="off", timeout_graceful_shutdown=1, server_header=False
    )

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            # Uvicorn's own handlers raise the signal again at the end; Ctrl-C is how this is meant to end.
            yield

    apps = (getattr(route, "app", None) for route in getattr(page, "routes", ()))
    states = (getattr(app, "state", None) for app in apps)
    managers = [state.session_manager for state in states if state is not None]
    asyncio.run(_serve(Server(config), listening, ready, managers))


async def _serve(
    server: uvicorn.Server, listening: socket.socket, ready: Callable[[], None], managers: Sequence[Any]
) -> None:
    def stop() -> None:
        server.force_exit = server.should_exit  # the second signal does not wait for open connections
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if server.started:
        ready()
    await serving
    for manager in managers:  # without this, the threads of open pages outlive them
        await manager.shutdown()


def _proxied(text: str | None) -> tuple[str | None, str]:
    if not text:
        return None, ""
    parts = urlsplit(text)
    if parts.scheme not in ("", "http", "https") or bool(parts.scheme) != bool(parts.netloc) or parts.query:
        raise PageInvalid(text=text, reason="it is neither a path nor an address of http or https")
    path = parts.path.rstrip("/")
    if not parts.scheme and not path.startswith("/") and path:
        raise PageInvalid(text=text, reason="a path begins with /")
    if not re.fullmatch(r"(/[A-Za-z0-9._~%@:+-]+)*", path):
        raise PageInvalid(text=text, reason="the path has letters that an address can't have")
    return (f"{parts.scheme}://{parts.netloc}" if parts.scheme else None), path
