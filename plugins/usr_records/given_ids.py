"""The records that ``--id`` and ``--id-file`` name together, or those that meet ``--where``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from usr_core.api.commands import UsageError, read_id_file

if TYPE_CHECKING:
    from usr_core.api import Dataset

__all__ = ["given_ids"]


def given_ids(
    ids: Sequence[str] | None,
    id_file: Path | None,
    dataset: Dataset,
    where: str | None = None,
    *,
    deleted: bool = False,
) -> list[str]:
    """Return the ids of the options, then those of the file; or those of the records that meet a condition.

    Args:
        ids: From ``--id``.
        id_file: From ``--id-file``.
        dataset: Where a condition looks.
        where: The condition, in place of ids.
        deleted: Let the condition look for deleted records, and only for those.

    Raises:
        UsageError: No id is given at all, or ids and a condition together.
        IdFileLineInvalid: A line of the file is not an id.
        ConditionInvalid: The condition can't be used.
    """
    if where is not None:
        if ids or id_file is not None:
            hint = "Write the ids into the condition: id in ('…', '…')."
            raise UsageError("--where does not go with --id or --id-file", hint=hint, facts={"value": where})
        return _meeting(dataset, where, deleted=deleted)
    given = list(ids or ())
    if id_file is not None:
        given.extend(read_id_file(id_file))
    if not given:
        what = "no record was named" if id_file is None else f"{id_file} names no record"
        hint = "Give --id ID (may be repeated), --id-file FILE with one id a line, or --where with a condition."
        raise UsageError(what, hint=hint)
    return given


def _meeting(dataset: Dataset, where: str, *, deleted: bool) -> list[str]:
    if not deleted:
        return list(dataset.to_arrow(columns=["id"], where=where)["id"].to_pylist())
    found = dataset.to_arrow(columns=["id", "usr__deleted"], where=where, include_deleted=True)
    return [row["id"] for row in found.to_pylist() if row["usr__deleted"]]
