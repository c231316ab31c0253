"""Which hosts, users and ports may be handed to ssh and rsync: allow-lists, checked before any program runs.

Hosts and users have a short alphabet and never begin with ``-``. Paths and names of files may hold all that the core
lets through (blanks, quotes, ``$``, letters of any language), as none of them ever meets a shell: they travel as lines
or NUL-separated lists on standard input, and rsync sends them itself (``--secluded-args``).
"""

from __future__ import annotations

import ipaddress
import re

from usr_core.api import visible
from usr_core.api.transports import RemoteNameRefused

__all__ = ["check_host", "check_port", "check_user"]

_WORD = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9._-]*", re.ASCII)
_PORT = re.compile(r"[0-9]{1,5}", re.ASCII)
_HOST_LENGTH = 253


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


def _refused(what: str, value: str, allowed: str) -> RemoteNameRefused:
    return RemoteNameRefused(
        f"{visible(value, limit=80)!r} can't be used as a remote's {what}.",
        hint=f"Use {allowed}; look at the remotes file (usr remotes show).",
        facts={"value": value},
    )
