"""The records that ``--id`` and ``--id-file`` name together, unless ``--where`` says which are meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from usr_core.api.commands import UsageError, id_file_column, read_id_file

__all__ = ["given_ids"]


def given_ids(ids: Sequence[str] | None, id_file: Path | None, where: str | None) -> Iterable[str] | None:
    """Return the ids of the options, then those of the file; None where a condition stands in their place.

    Raises:
        UsageError: No id is given at all, or ids and a condition together.
        IdFileLineInvalid: A line of the file is not an id.
    """
    if where is not None:
        if ids or id_file is not None:
            hint = "Write the ids into the condition: id in ('…', '…')."
            raise UsageError("--where does not go with --id or --id-file", hint=hint, facts={"value": where})
        return None
    given: Iterable[str]
    if id_file is not None and not ids:
        given = id_file_column(id_file)
    else:
        given = [*(ids or ()), *(read_id_file(id_file) if id_file is not None else ())]
    if not given:
        what = "no record was named" if id_file is None else f"{id_file} names no record"
        hint = "Give --id ID (may be repeated), --id-file FILE with one id a line, or --where with a condition."
        raise UsageError(what, hint=hint)
    return given
