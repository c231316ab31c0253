"""What the settings of a remote may hold: allow-lists, checked before any program sees a value.

Each check returns None, or says in words what is wrong: ``has to be …``. A value that could be taken for an option, or
that a shell on the remote side could take for more than a word, is never accepted, whoever quotes it later.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re

__all__ = [
    "absolute_path_fault",
    "host_fault",
    "name_fault",
    "port_fault",
    "scheme_fault",
    "user_fault",
    "variable_fault",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SCHEME = re.compile(r"[a-z][a-z0-9_.+-]*")
_WORD = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NO_HOSTS = (
    (r"\w+://", "has to be a host's name alone, not a URL: user and port are settings of their own"),
    (r"[^@]+@", "has to be a host's name alone: the login name is the setting user"),
    (r"[\w.-]+:[0-9]*$", "has to be a host's name alone: the port is the setting port"),
    (r"\[", "has to be a host's name or address, without brackets"),
)
_REFUSED_IN_PATHS = frozenset("\"'`$\\")


def name_fault(value: str) -> str | None:
    """Check a remote's name."""
    if _NAME.fullmatch(value):
        return None
    return "has to begin with a letter or digit, and holds letters, digits, '.', '_' and '-' only"


def scheme_fault(value: str) -> str | None:
    """Check a transport's scheme."""
    if _SCHEME.fullmatch(value):
        return None
    return "has to be the name of a transport, such as ssh"


def host_fault(value: str) -> str | None:
    """Check a host: a name as ssh knows it, or an address. An IPv6 zone (``%eth0``) is refused."""
    if _WORD.fullmatch(value):
        return None
    with contextlib.suppress(ValueError):
        if ipaddress.IPv6Address(value).scope_id is None:
            return None
    for pattern, reason in _NO_HOSTS:
        if re.match(pattern, value):
            return reason
    return "has to be a host's name or address: letters, digits, '.', '_' and '-', with no '-' in front"


def user_fault(value: str) -> str | None:
    """Check a login name."""
    return None if _WORD.fullmatch(value) else "has to be of letters, digits, '.', '_' and '-', with no '-' in front"


def port_fault(value: int) -> str | None:
    """Check a port."""
    return None if 1 <= value <= 65535 else "has to be between 1 and 65535"


def variable_fault(value: str) -> str | None:
    """Check the name of an environment variable."""
    return None if _VARIABLE.fullmatch(value) else "has to be the name of an environment variable"


def absolute_path_fault(value: str, *, home: bool = False) -> str | None:
    """Check a path: absolute, or with `home` below ``~/``, and of harmless letters."""
    if not (value.startswith("/") or (home and value.startswith("~/"))):
        if value == "~" or value.startswith("~/"):
            return "has to be an absolute path: ~ is not expanded there (`ssh HOST pwd` prints the home folder)"
        return "has to be an absolute path"
    if not value.isprintable() or not _is_text(value):
        return "must not hold control characters"
    if ".." in value.split("/"):
        return "must not hold '..'"
    if _REFUSED_IN_PATHS.intersection(value):
        return "must not hold quotes, '$', backticks or backslashes"
    return None


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
