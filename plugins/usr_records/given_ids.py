"""The ids that ``--id`` and ``--id-file`` name together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from usr_core.api.commands import UsageError, read_id_file

__all__ = ["given_ids"]


def given_ids(ids: Sequence[str] | None, id_file: Path | None) -> list[str]:
    """Return the ids of the options, then those of the file.

    Raises:
        UsageError: No id is given at all.
        IdFileLineInvalid: A line of the file is not an id.
    """
    given = list(ids or ())
    if id_file is not None:
        given.extend(read_id_file(id_file))
    if not given:
        what = "no record was named" if id_file is None else f"{id_file} names no record"
        raise UsageError(what, hint="Give --id ID (may be repeated), or --id-file FILE with one id a line.")
    return given
