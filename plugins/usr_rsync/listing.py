"""What the remote side's listings, digests and clocks look like, and what they mean.

None of it is believed: what has another form is `RemoteNonsense`, never a number made up or an entry left out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from usr_core.api import visible
from usr_core.api.transports import ABILITY_SHA256, RemoteEntry, RemoteNonsense, RemoteRefused

__all__ = [
    "LISTING_BYTES",
    "is_of_writers",
    "parse_clock",
    "parse_digests",
    "parse_entries",
    "parse_facts",
    "sum_of_digests",
    "sum_of_listing",
]

LISTING_BYTES = 1 << 28
"""The most that the listing of one folder may have: more than a million names."""

_KINDS: dict[str, Literal["file", "folder", "link"]] = {"f": "file", "d": "folder", "l": "link"}
_KIND = re.compile(r"[a-zA-Z?]")
_NUMBER = re.compile(r"[0-9]{1,19}", re.ASCII)
_CLOCK = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
_DIGEST = re.compile(rb"(\\?)([0-9a-fA-F]{64}) [ *]?(.+)")


def parse_entries(body: bytes, *, host: str) -> Iterator[RemoteEntry]:
    """Yield the entries of a listing: kind, size, inode, time and path, each ended by a NUL, in its order.

    Raises:
        RemoteNonsense: An entry has another form.
    """
    *whole, rest = body.split(b"\0")
    if rest.strip(b"\n"):
        raise _nonsense("a listing breaks off", rest, host)
    for raw in whole:
        fields = raw.split(b"\t", 4)
        if len(fields) != 5:
            raise _nonsense("an entry of a listing does not have five fields", raw, host)
        kind, size, inode, time, path = (field.decode("utf-8", "surrogateescape") for field in fields)
        if not (_KIND.fullmatch(kind) and _NUMBER.fullmatch(size) and _NUMBER.fullmatch(inode) and time):
            raise _nonsense("the kind, size or number of a file in a listing is malformed", raw, host)
        yield RemoteEntry(
            path=path,
            kind=_KINDS.get(kind, "other"),
            size_bytes=int(size) if kind == "f" else 0,
            mark=f"{inode}:{size}:{time}",
        )


def is_of_writers(path: str) -> bool:
    """Tell whether a path is among what writers need while they are at work, and which changes with each of them."""
    return "/.usr." in f"/{path}"


def sum_of_listing(body: bytes) -> str:
    """Return the digest of a listing without what writers need, as the remote side makes it."""
    digest = hashlib.sha256()
    for raw in body.split(b"\0")[:-1]:
        if b"/.usr." not in b"/" + raw.split(b"\t", 4)[-1]:
            digest.update(raw + b"\0")
    return digest.hexdigest()


def parse_digests(body: bytes, names: Iterable[str], *, host: str) -> dict[str, dict[str, str | int]]:
    """Return digests by name, from the lines of sha256sum, shasum or openssl.

    The first two begin a line with a backslash where they had to escape a backslash in the name.

    Raises:
        RemoteNonsense: A line holds no digest, or is about a file that was not asked about.
    """
    asked = set(names)
    digests: dict[str, dict[str, str | int]] = {}
    for line in body.splitlines():
        if not line:
            continue
        match = _DIGEST.fullmatch(line)
        if match is None:
            raise _nonsense("a line that should hold a digest does not", line, host)
        name = match[3].replace(b"\\\\", b"\\") if match[1] else match[3]
        text = name.decode("utf-8", "surrogateescape").removeprefix("./")
        if text not in asked:
            raise _nonsense("there is a digest of a file that was not asked about", line, host)
        found: dict[str, str | int] = {ABILITY_SHA256: match[2].decode("ascii").lower()}
        if digests.setdefault(text, found) != found:
            raise _nonsense("there are two digests of one file", line, host)
    return digests


def sum_of_digests(digests: Mapping[str, str]) -> bytes:
    """Return the digest of the sorted lines that sha256sum writes about these files, as the remote side makes it."""
    lines = sorted(f"{digest}  ./{name}\n".encode("utf-8", "surrogateescape") for name, digest in digests.items())
    return hashlib.sha256(b"".join(lines)).hexdigest().encode()


def parse_facts(body: bytes, folder: str, *, host: str) -> dict[str, dict[str, str | int]]:
    """Return the facts of Parquet files by name, from the lines of `usr_core.api.transports.PARQUET_FACTS_PROGRAM`.

    Raises:
        RemoteNonsense: A line has another form.
        RemoteRefused: A file is not a whole Parquet file.
    """
    facts: dict[str, dict[str, str | int]] = {}
    for line in body.splitlines():
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            name = str(told["path"]).removeprefix("./")
            error = told.get("error")
            if error is None:
                facts[name] = {
                    "rows": int(told["rows"]),
                    "columns": int(told["columns"]),
                    "schema": str(told["schema"]),
                }
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise _nonsense("a line about a Parquet file has another form", line, host) from None
        if error is not None:
            raise RemoteRefused(
                f"{name} on {host} is not a whole Parquet file.",
                hint="Look at that file there; --verify hash does not read it.",
                facts={"host": host, "path": f"{folder}/{name}", "answer": error},
            )
    return facts


def parse_clock(text: str, *, host: str) -> float:
    """Return a clock's seconds since 1970.

    Raises:
        RemoteNonsense: The text is not such a number.
    """
    if not _CLOCK.fullmatch(text):
        raise _nonsense("its clock is not a number of seconds", text.encode(), host)
    return float(text)


def _nonsense(what: str, answer: bytes, host: str) -> RemoteNonsense:
    return RemoteNonsense(what, host=host, answer=visible(answer[:200].decode("utf-8", "replace")))
