"""The records that ``--id`` and ``--id-file`` name together, or all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usr_core.api.commands import UsageError, read_id_file

__all__ = ["named_records"]


def named_records(ids: Sequence[str] | None, id_file: Path | None) -> list[str] | None:
    """Return the ids of the options, then those of the file; None where neither was given.

    Raises:
        UsageError: The file names no record, which must not mean all.
        IdFileLineInvalid: A line of the file is not an id.
    """
    if ids is None and id_file is None:
        return None
    named = [*(ids or ()), *(read_id_file(id_file) if id_file is not None else ())]
    if not named:
        hint = "Write one id a line, or leave --id-file out for all records."
        raise UsageError(f"{id_file} names no record", hint=hint)
    return named
