"""Where a webhook is: a URL that is safe to use, and what of it may be shown."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from usr_core.api.events import redact
from usr_notify.errors import TargetInvalid

__all__ = ["LOCAL_HOSTS", "Address", "parse_address", "refuse_secret_in"]

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A checked URL.

    Attributes:
        scheme: ``https``, or ``http`` for this very machine.
        target: Path and query, as the request line has them; may hold a secret and is never shown.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def origin(self) -> str:
        """What may be shown of it: scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


def parse_address(url: str, *, allow_http_localhost: bool) -> Address:
    """Return a URL's parts.

    Raises:
        TargetInvalid: The text is not a URL, is neither https nor allowed, or holds a login.
    """
    if not url.isascii() or any(letter.isspace() or not letter.isprintable() for letter in url):
        raise _bad("The URL holds a space, a control character or a letter that is not ASCII.", "Encode it with %.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _bad("That is not a URL.", "Give one such as https://host/path.") from None
    host = parts.hostname or ""
    if not host or parts.scheme not in _PORTS:
        raise _bad("That is not a URL of a webhook.", "Give one such as https://host/path.")
    if "@" in parts.netloc:
        raise _bad("The URL holds a login.", "Put a line `Authorization: …` into a --header-file instead.")
    if parts.scheme == "http" and not (host in LOCAL_HOSTS and allow_http_localhost):
        hint = "Use https." if host not in LOCAL_HOSTS else "Use https, or give --allow-http-localhost."
        raise _bad("Events are sent over https only; http would show them to everyone on the way.", hint)
    return Address(scheme=parts.scheme, host=host, port=port or _PORTS[parts.scheme], target=_target(parts))


def refuse_secret_in(url: str) -> None:
    """Refuse a URL with a secret in it that was given on the command line, where every user of this machine sees it.

    Raises:
        TargetInvalid: The URL seems to hold a secret, judged by its form.
    """
    if redact(url) != url:
        raise _bad(
            "The URL holds a secret, and the command line is not the place for one: other users see it.",
            "Put the URL into a file and give --to-file FILE, or set USR_NOTIFY_URL.",
        )


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _bad(message: str, hint: str) -> TargetInvalid:
    return TargetInvalid(message, hint=hint)
