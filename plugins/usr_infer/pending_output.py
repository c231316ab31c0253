"""Pending ids as ``usr infer pending`` prints them, as they are found."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from usr_core.api import visible
from usr_core.api.commands import OUTPUT_VERSION, Format, emit_json, emit_text, note, resolve_format

if TYPE_CHECKING:
    from usr_infer.pending import Pending

__all__ = ["emit_pending", "emit_written"]


def emit_pending(pending: Pending, column: str, fmt: Format, *, quiet: bool) -> None:
    """Print the ids: one a line, or one JSON document whose counts come last."""
    from usr_infer.pending import pending_ids

    if resolve_format(fmt) is Format.JSON:
        _print_json(pending, column)
        return
    for one in pending_ids(pending):
        print(visible(one, limit=sys.maxsize - 1))
    if not pending.complete and not quiet:
        note(f"there are more than {pending.listed:,}")


def emit_written(pending: Pending, column: str, file: Path, fmt: Format, *, dry_run: bool = False) -> None:
    """Say what was written."""
    if resolve_format(fmt) is Format.JSON:
        listed = {"column": column, "file": str(file), "listed": pending.listed, "complete": pending.complete}
        emit_json({**listed, "dry_run": True} if dry_run else listed)
        return
    what = "id" if pending.listed == 1 else "ids"
    verb, more = "would write" if dry_run else "wrote", "" if pending.complete else " (there are more)"
    emit_text(f"{verb} {pending.listed:,} {what} to {file}{more}")


def _print_json(pending: Pending, column: str) -> None:
    """Print the document piece by piece: a list of all ids may be larger than memory should hold."""
    from usr_infer.pending import pending_ids

    print(f'{{"usr_output_version": {OUTPUT_VERSION}, "data": {{"column": {json.dumps(column)}, "ids": [', end="")
    for number, one in enumerate(pending_ids(pending)):
        print(f"{', ' if number else ''}{json.dumps(one)}", end="")
    print(f'], "listed": {pending.listed}, "complete": {json.dumps(pending.complete)}}}}}')
