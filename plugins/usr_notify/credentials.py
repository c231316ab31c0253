"""Secrets and headers: from files and the environment only, and never in a message."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from usr_notify.errors import SecretUnusable, TargetInvalid

__all__ = ["read_headers", "read_url"]

_LARGEST = 1 << 16
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OURS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "idempotency-key", "user-agent"}
)


def read_url(to: str | None, to_file: Path | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the webhook's URL from ``--to``, ``--to-file`` or ``USR_NOTIFY_URL``, in this order; None where none is.

    Raises:
        SecretUnusable: The file can't be read, or is empty.
    """
    if to is not None:
        return to
    if to_file is not None:
        return _only_line(to_file)
    return environ.get("USR_NOTIFY_URL") or None


def read_headers(
    *, token_file: Path | None, header_file: Path | None, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the headers to send: those of the file, and ``Authorization: Bearer`` for a token.

    The token is that of the file, else ``USR_NOTIFY_TOKEN``.

    Raises:
        SecretUnusable: A file can't be read, or does not hold what it should; its content is not told.
        TargetInvalid: There are two authorizations.
    """
    headers = _headers_of(header_file) if header_file is not None else {}
    token = _only_line(token_file) if token_file is not None else environ.get("USR_NOTIFY_TOKEN", "").strip()
    if not token:
        return headers
    if not token.isascii() or not token.isprintable() or " " in token:
        where = {"file": str(token_file)} if token_file is not None else {"variable": "USR_NOTIFY_TOKEN"}
        raise SecretUnusable(
            "The token holds a space, or a letter that no header can have.", hint="Give the bare token.", facts=where
        )
    if any(name.lower() == "authorization" for name in headers):
        raise TargetInvalid(
            "There is a token, and an Authorization in the header file.", hint="Give one of them, and unset the other."
        )
    return {**headers, "Authorization": f"Bearer {token}"}


def _headers_of(path: Path) -> dict[str, str]:
    headers: dict[str, str] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, value = line.partition(":")
        value = value.strip()
        if not colon or not _NAME.fullmatch(name) or not value.isascii() or not value.isprintable():
            raise _bad(path, "A line is not a header.", "Write `Name: value`, one a line, in ASCII.", line=number)
        if name.lower() in _OURS:
            raise _bad(path, f"The header {name} is set by USR itself.", "Remove the line.", line=number)
        if name.lower() in (known.lower() for known in headers):
            raise _bad(path, f"The header {name} is there twice.", "Remove one of the lines.", line=number)
        headers[name] = value
    return headers


def _only_line(path: Path) -> str:
    lines = [line.strip() for line in _text(path).splitlines() if line.strip()]
    if len(lines) != 1:
        raise _bad(path, f"One line is expected, and there are {len(lines)}.", "Write the secret alone on one line.")
    return lines[0]


def _text(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            content = handle.read(_LARGEST + 1)
        text = content.decode("utf-8")
    except OSError as error:
        raise _bad(path, f"The file can't be read: {error.strerror}.", "Check the path and its permissions.") from None
    except UnicodeDecodeError:
        raise _bad(path, "The file is not UTF-8.", "Write it as plain text.") from None
    if len(content) > _LARGEST:
        raise _bad(path, "The file is too large for a secret.", "Give another file.")
    return text


def _bad(path: Path, message: str, hint: str, *, line: int | None = None) -> SecretUnusable:
    return SecretUnusable(message, hint=hint, facts={"file": str(path), "line": line})
