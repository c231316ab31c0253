"""What the far side's listings and digests look like, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from usr_core.plugin.transports import RemoteEntry

__all__ = ["parse_digests", "parse_entries"]

_KINDS: dict[str, Literal["file", "folder", "link"]] = {"f": "file", "d": "folder", "l": "link"}
_DIGEST = re.compile(rb"(\\?)([0-9a-fA-F]{64}) [ *]?(.+)")


def parse_entries(body: bytes) -> Iterator[RemoteEntry]:
    """Yield the entries of a listing: kind, size, inode, time and path, each ended by a NUL, in its order."""
    for raw in body.split(b"\0"):
        fields = raw.lstrip(b"\n").split(b" ", 4) if raw.strip(b"\n") else []
        if len(fields) == 5:
            kind, size, inode, time, path = (field.decode("utf-8", "surrogateescape") for field in fields)
            yield RemoteEntry(
                path=path,
                kind=_KINDS.get(kind, "other"),
                size_bytes=int(size) if kind == "f" else 0,
                mark=f"{inode}:{size}:{time}",
            )


def parse_digests(body: bytes) -> dict[str, str]:
    """Return digests by name, from the lines of sha256sum, shasum or openssl.

    The first two begin a line with a backslash where they had to escape a backslash in the name.
    """
    digests: dict[str, str] = {}
    for line in body.splitlines():
        match = _DIGEST.fullmatch(line)
        if match is None:
            continue
        name = match[3].replace(b"\\\\", b"\\") if match[1] else match[3]
        digests[name.decode("utf-8", "surrogateescape").removeprefix("./")] = match[2].decode("ascii").lower()
    return digests
