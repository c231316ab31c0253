"""The three built-in strategies: each computes facts of a copy here, and compares facts of two copies.

Facts of the remote side are a transport's: the same names, computed there (`usr_core.api.transports.DigestRequest`).
A fact that one side lacks is a difference, so a side that could not look never agrees.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from usr_core.api import FileRef, Fingerprint, Verdict
from usr_core.api.files import file_system_error
from usr_verify.errors import CopyMissing, NoParquetFile

__all__ = ["HashStrategy", "ParquetStrategy", "SizeStrategy"]


class _Facts:
    """Copies are equal when every one of `names` is there on both sides and the same."""

    strategy = ""
    names: Mapping[str, str]

    def compare(self, local: Fingerprint, remote: Fingerprint) -> Verdict:
        """Compare two fingerprints; the reason names every fact that differs or is missing."""
        differing = []
        for name, words in self.names.items():
            here, there = local.facts.get(name), remote.facts.get(name)
            if here is None or there is None:
                cause = local.facts.get("error") or remote.facts.get("error")
                differing.append(f"{words} not known on {_sides(here, there)}" + (f" ({cause})" if cause else ""))
            elif here != there:
                differing.append(f"{words} {_short(here)} here, {_short(there)} there")
        return Verdict(equal=not differing, reason="; ".join(differing))

    def _seen(self, facts: Mapping[str, str | int]) -> Fingerprint:
        return Fingerprint(strategy=self.strategy, facts=facts)


class HashStrategy(_Facts):
    """Compares the SHA-256 of every byte."""

    strategy = "hash"
    names = {"sha256": "SHA-256"}  # noqa: RUF012 - Mapping, never changed

    def fingerprint(self, ref: FileRef) -> Fingerprint:
        """Return ``sha256``, reading the file once in blocks; memory does not grow with it.

        Raises:
            CopyMissing: The file does not exist.
            FileSystemError: The file can't be read.
        """
        with _reading(ref.path), ref.path.open("rb") as opened:
            return self._seen({"sha256": hashlib.file_digest(opened, "sha256").hexdigest()})


class ParquetStrategy(_Facts):
    """Compares what Parquet footers say of rows, columns and schema; two files of other values may agree."""

    strategy = "parquet"
    names = {"rows": "rows", "columns": "columns", "schema": "schema"}  # noqa: RUF012 - Mapping, never changed

    def fingerprint(self, ref: FileRef) -> Fingerprint:
        """Return ``rows``, ``columns`` and ``schema``, reading the footer only.

        Raises:
            CopyMissing: The file does not exist.
            NoParquetFile: The file has no footer that can be read.
            FileSystemError: The file can't be read.
        """
        from usr_core.api.transports import parquet_facts

        with _reading(ref.path), ref.path.open("rb") as opened:
            try:
                return self._seen(parquet_facts(opened))
            except Exception as error:
                # A damaged footer makes pyarrow raise OSError without a number, ArrowException or ValueError.
                if isinstance(error, OSError) and error.errno is not None:
                    raise
                raise NoParquetFile(path=ref.path, cause=error) from error


class SizeStrategy(_Facts):
    """Compares the number of bytes; two files of other bytes may agree."""

    strategy = "size"
    names = {"size_bytes": "size"}  # noqa: RUF012 - Mapping, never changed

    def fingerprint(self, ref: FileRef) -> Fingerprint:
        """Return ``size_bytes`` as the file system has it now.

        Raises:
            CopyMissing: The file does not exist.
            FileSystemError: The file can't be looked at.
        """
        with _reading(ref.path):
            return self._seen({"size_bytes": ref.path.stat().st_size})


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise CopyMissing(path=path) from error
    except OSError as error:
        raise file_system_error(error, path, "read a file that is to be compared") from error


def _sides(here: object, there: object) -> str:
    if here is None and there is None:
        return "either side"
    return "this side" if here is None else "the other side"


def _short(fact: str | int) -> str:
    """Return a fact as one can read it: a digest's first half a line is enough to tell two apart."""
    text = str(fact)
    return text if len(text) <= 20 else f"{text[:16]}…"
