"""What a command that changes something prints when it is done, or would be: its text, or one JSON document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from usr_core.cli.output import Format, emit_json, emit_text, resolve_format

__all__ = ["emit_outcome"]


def emit_outcome(outcome: object, text: str, fmt: Format = Format.AUTO, *, dry_run: bool, **named: object) -> None:
    """Print a text for people, or the fields of an outcome as the command's one JSON document.

    Args:
        outcome: A mapping, or a dataclass such as a method of `Dataset` returns.
        text: The same in words.
        fmt: The command's ``--format``.
        dry_run: Whether nothing was changed; a key of the document.
        named: Further keys, which come first.

    Example:
        >>> from usr_core.api.commands import Format, emit_outcome
        >>> done = dataset.delete(ids[:1], dry_run=True)
        >>> emit_outcome(done, "would delete 1 record", Format.PLAIN, dry_run=True)
        would delete 1 record
        >>> emit_outcome(done, "would delete 1 record", Format.JSON, dry_run=True, dataset=dataset.name)
        {
          "usr_output_version": 1,
          "data": {
            "dataset": "demo/promoters",
            "dry_run": true,
            "deleted": 1,
            "already_deleted": 0,
            "missing": 0,
            "event": null
          }
        }
    """
    if resolve_format(fmt) is Format.JSON:
        emit_json({**named, "dry_run": dry_run, **_facts(outcome)})
    else:
        emit_text(text)


def _facts(outcome: Any) -> Mapping[str, object]:
    return (
        outcome if isinstance(outcome, Mapping) else {one.name: getattr(outcome, one.name) for one in fields(outcome)}
    )
