"""A root's datasets as ``usr ls`` prints them."""

from __future__ import annotations

from collections.abc import Sequence

from usr_core.api import size_text
from usr_core.api.commands import Format, emit_json, emit_table, local_time, report, resolve_format
from usr_core.api.results import DatasetListing

__all__ = ["emit_listing"]

_HEADER = ("name", "rows", "columns", "namespaces", "size", "last change")


def emit_listing(listings: Sequence[DatasetListing], fmt: Format, *, debug: bool) -> int:
    """Print the datasets, then an error to stderr for each that can't be read; return how many those are."""
    if resolve_format(fmt) is Format.JSON:
        emit_json([_record(listing) for listing in listings])
    else:
        emit_table(
            [_row(listing) for listing in listings], _HEADER, fmt, empty="no datasets here; `usr init` makes one"
        )
    problems = [listing.problem for listing in listings if listing.problem is not None]
    for problem in problems:
        report(problem, debug=debug)
    return len(problems)


def _record(listing: DatasetListing) -> dict[str, object]:
    return {
        "name": listing.name,
        "rows": listing.rows,
        "columns": listing.columns,
        "namespaces": listing.namespaces,
        "size_bytes": listing.size_bytes,
        "last_change": listing.last_change,
        "unfinished_pull": listing.unfinished_pull,
    }


def _row(listing: DatasetListing) -> dict[str, object]:
    cells = (
        listing.name,
        listing.rows,
        listing.columns,
        _namespaces(listing),
        None if listing.size_bytes is None else size_text(listing.size_bytes),
        None if listing.last_change is None else local_time(listing.last_change),
    )
    return dict(zip(_HEADER, cells, strict=True))


def _namespaces(listing: DatasetListing) -> str:
    """Return the namespaces, or why they are not known."""
    if listing.unfinished_pull is not None:
        return f"unfinished pull from {listing.unfinished_pull or 'a remote'}"
    if listing.problem is not None:
        return f"unreadable: {listing.problem.code}"
    return ",".join(listing.namespaces)
