"""What may be handed to ssh, rsync and the remote side: allow-lists, checked before any program runs.

Hosts and users have a short alphabet and never begin with ``-``. Paths there are absolute and plain: no empty part,
no ``.`` or ``..``, no control character. Names inside a folder are relative and plain in the same way. Paths and names
may hold everything else (blanks, quotes, ``$``, letters of any language), as none of them ever meets a shell: they
travel as lines or NUL-separated lists on standard input, and rsync sends them itself (``--secluded-args``).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable

from usr_core.api import visible
from usr_core.api.transports import RemoteNameRefused

__all__ = ["check_host", "check_names", "check_path", "check_port", "check_staging_name", "check_user"]

_WORD = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9._-]*", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_STAGING = re.compile(r"(?:(?:pull|push)-[A-Za-z0-9-]+|[0-9a-f]{8,64})", re.ASCII)
_HOST_LENGTH = 253
_PATH_BYTES = 4096
"""What systems take of a path at most, its final zero included."""


def check_host(host: object) -> str:
    """Return a host's name or address.

    Raises:
        RemoteNameRefused: The host is neither ``[A-Za-z0-9._-]+`` (not beginning with ``-``) nor an IPv6 address.
    """
    text = str(host)
    if len(text) <= _HOST_LENGTH and _WORD.fullmatch(text):
        return text
    try:
        if "%" not in text:
            return ipaddress.IPv6Address(text).compressed
    except ValueError:
        pass
    raise _refused("host", text, "letters, digits, dots, - and _, or an IPv6 address")


def check_user(user: object) -> str:
    """Return a user's name.

    Raises:
        RemoteNameRefused: The user is not ``[A-Za-z0-9._-]+``, or begins with ``-``.
    """
    text = str(user)
    if len(text) <= _HOST_LENGTH and _WORD.fullmatch(text):
        return text
    raise _refused("user", text, "letters, digits, dots, - and _")


def check_port(port: object) -> int:
    """Return a port's number.

    Raises:
        RemoteNameRefused: The port is not between 1 and 65535.
    """
    text = str(port)
    if _PORT.fullmatch(text) and 1 <= int(text) <= 65535:
        return int(text)
    raise _refused("port", text, "a number from 1 to 65535")


def check_path(path: str) -> str:
    """Return an absolute path on the remote side; ``/`` alone is refused.

    Raises:
        RemoteNameRefused: The path is relative, longer than systems take, or holds a control character, an empty
            part, ``.`` or ``..``.
    """
    if (length := len(path.encode("utf-8", "surrogateescape"))) >= _PATH_BYTES:
        raise RemoteNameRefused(
            f"A path on the remote has {length:,} bytes, and systems take fewer than {_PATH_BYTES:,}: "
            f"{visible(path, limit=80)}.",
            hint="Shorten the folder's or file's name, or the remote's base_dir.",
            facts={"value": path},
        )
    if path.startswith("/") and _is_plain(path[1:]):
        return path
    raise _refused("path", path, "absolute paths without control characters and without . or .. in them")


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names inside a folder.

    Raises:
        RemoteNameRefused: A name is absolute, holds a control character, or an empty part, ``.`` or ``..``.
    """
    checked = tuple(names)
    for name in checked:
        if not _is_plain(name):
            raise _refused("file name", name, "names inside the folder, without control characters")
    return checked


def check_staging_name(name: str) -> str:
    """Return the name of a staging folder: that of a transfer, or of a transaction.

    Raises:
        RemoteNameRefused: The name is neither.
    """
    if _STAGING.fullmatch(name):
        return name
    raise _refused("staging folder", name, "push-…, pull-… or the hexadecimal number of a change")


def _is_plain(relative: str) -> bool:
    if any(ord(char) < 32 or 127 <= ord(char) < 160 for char in relative):
        return False
    return all(part not in ("", ".", "..") for part in relative.split("/"))


def _refused(what: str, value: str, allowed: str) -> RemoteNameRefused:
    return RemoteNameRefused(
        f"{visible(value, limit=80)!r} can't be used as a remote's {what}.",
        hint=f"Use {allowed}; look at the remotes file (usr remotes show).",
        facts={"value": value},
    )
