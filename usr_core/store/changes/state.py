"""The state of records: rows of the reserved namespace ``usr_state``.

A change of one field keeps the others; clearing takes the rows out. The base is never touched.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pyarrow as pa

from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.records.ids import is_record_id
from usr_core.registry.document import ALLOWED_VALUES, STATE_ENTRY, STATE_NAMESPACE
from usr_core.roots.dataset_id import DatasetRef
from usr_core.store.changes.record_errors import StateFieldMissing, StateValueNotAllowed
from usr_core.store.changes.record_options import RecordOptions
from usr_core.store.ids.errors import RecordIdInvalid
from usr_core.store.ids.lookup import AskedIds
from usr_core.store.ids.row_numbers import distinct
from usr_core.store.mutation import Site, mutate
from usr_core.store.overlay.reserved_rows import ReservedRows, Rows, opened_reserved, repeated, rows_with
from usr_core.store.versions.tree import files_of
from usr_core.store.versions.version import Version
from usr_core.values.showing import Shown

__all__ = ["RecordState", "StateChange", "StateOptions", "StateOutcome", "clear_state", "get_state", "set_state"]

_MOST_TOLD = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """The fields to be set; None leaves a field as it is.

    Attributes:
        masked: Whether the record is to be left out of analyses.
        qc_status: ``pass``, ``fail``, ``warn`` or ``unknown``.
        split: ``train``, ``val``, ``test`` or ``holdout``.
        supersedes: The id of the record that this one replaces.
        lineage: Ids of the records that this one came from, oldest first.

    The ids have to be well-formed; that records have them, here or elsewhere, is not asked.

    Raises:
        StateFieldMissing: No field is given.
        StateValueNotAllowed: A value is not one of those allowed.
        RecordIdInvalid: A text is not an id.
    """

    masked: bool | None = None
    qc_status: str | None = None
    split: str | None = None
    supersedes: str | None = None
    lineage: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for column, value in self.columns().items():
            allowed = ALLOWED_VALUES.get(column)
            if allowed is not None and value not in allowed:
                raise StateValueNotAllowed(field=column, value=str(value), allowed=allowed)
        for what, ids in (("supersedes", self.supersedes), ("lineage", self.lineage)):
            for one in [ids] if isinstance(ids, str) else ids or ():
                if not is_record_id(one):
                    raise RecordIdInvalid(value=one, what=what)
        if not self.columns():
            raise StateFieldMissing

    def columns(self) -> dict[str, Any]:
        """Return the fields that are given, by their columns' names."""
        given = ((f"{STATE_NAMESPACE}__{one.name}", getattr(self, one.name)) for one in fields(self))
        return {
            name: list(value) if isinstance(value, tuple) else value for name, value in given if value not in (None, ())
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StateOptions(RecordOptions):
    """Which records get which fields."""

    change: StateChange

    def event_args(self) -> dict[str, object]:
        return {**RecordOptions.event_args(self), "set": _told(self.change.columns())}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RecordState(Shown):
    """The state of one record; a field that is not set is None."""

    id: str
    masked: bool | None = None
    qc_status: str | None = None
    split: str | None = None
    supersedes: str | None = None
    lineage: tuple[str, ...] | None = None

    def row(self) -> dict[str, object]:
        """Return ``id`` and the five columns by their names in a view."""
        named = {f"{STATE_NAMESPACE}__{one.name}": getattr(self, one.name) for one in fields(self) if one.name != "id"}
        return {"id": self.id, **named}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StateOutcome(Shown):
    """What a change of state did, in records; ``event`` is None where nothing was changed.

    Attributes:
        changed: Records whose state is another one now.
        unchanged: Records that had this state before, or none to be cleared.
        missing: Ids that match no record.
        event: The line in the log.

    Example:
        >>> done = dataset.set_state(ids, split="train")
        >>> done.changed, done.unchanged, dataset.set_state(ids, split="train").event
        (3, 0, None)
    """

    changed: int
    unchanged: int
    missing: int
    event: dict[str, Any] | None = field(default=None)


def set_state(site: Site, options: StateOptions) -> StateOutcome:
    """Set fields of the state of records, all or none; the other fields stay.

    Raises:
        RecordsMissing: Ids match no record; nothing is changed.
    """
    given = options.change.columns()
    with mutate(site, "state_set") as mutation:
        entry = mutation.registry.namespace(STATE_NAMESPACE)
        found = options.existing(mutation.txn.tree, dataset=site.ref.name)
        with opened_reserved(mutation.txn.tree, entry, found) as there:
            same = _rows_that_have(there, given)
            stateless = np.ones(len(found), np.bool_)
            stateless[there.asked] = False
            changing = there.rows[~same]
            changed = len(distinct(there.asked[~same])) + int(np.count_nonzero(stateless))
            unchanged, missing = len(found) - changed, len(options.ids) - len(found)
            if not changed:
                return StateOutcome(changed=0, unchanged=unchanged, missing=missing)
            fresh = found if stateless.all() else found.at(np.flatnonzero(stateless))
            written = pa.concat_tables([_with_values(there, changing, given), rows_with(entry, fresh, given)])
            size = there.stage(mutation, removed=changing, written=written)
        event = mutation.finish(
            base=mutation.base_facts(),
            args=options.event_args(),
            metrics={"rows": changed, "rows_unchanged": unchanged, "rows_missing": missing, "bytes": size},
        )
    return StateOutcome(changed=changed, unchanged=unchanged, missing=missing, event=event)


def clear_state(site: Site, options: RecordOptions) -> StateOutcome:
    """Unset the whole state of records, all or none: null afterwards, not false.

    Raises:
        RecordsMissing: Ids match no record; nothing is changed.
    """
    with mutate(site, "state_clear") as mutation:
        entry = mutation.registry.namespace(STATE_NAMESPACE)
        found = options.existing(mutation.txn.tree, dataset=site.ref.name)
        with opened_reserved(mutation.txn.tree, entry, found) as there:
            changed = len(distinct(there.asked))
            unchanged, missing = len(found) - changed, len(options.ids) - len(found)
            if not changed:
                return StateOutcome(changed=0, unchanged=unchanged, missing=missing)
            size = there.stage(mutation, removed=there.rows)
        event = mutation.finish(
            base=mutation.base_facts(),
            args=options.event_args(),
            metrics={"rows": changed, "rows_unchanged": unchanged, "rows_missing": missing, "bytes": size},
        )
    return StateOutcome(changed=changed, unchanged=unchanged, missing=missing, event=event)


def get_state(ref: DatasetRef, options: RecordOptions, version: Version | None = None) -> list[RecordState]:
    """Return the state of each record, in the order of the ids, repeated ones once; deleted records have one too.

    With `version` it is what each of them had then.

    Raises:
        RecordsMissing: Ids match no record.
        VersionMissing, VersionNotShown: As `tree_at`.
    """

    def opener(files: FileTree) -> list[RecordState]:
        tree = files_of(files, version, dataset=ref.name)
        found = options.existing(tree, dataset=ref.name)
        with opened_reserved(tree, STATE_ENTRY, found) as there:
            return _states(found, there)

    return read_consistent(ref.path, opener)


def _states(found: AskedIds, there: ReservedRows) -> list[RecordState]:
    values = {one.name: there.values(f"{STATE_NAMESPACE}__{one.name}") for one in fields(StateChange)}
    states = [RecordState(id=one) for one in found.ids]
    for row, place in enumerate(there.asked.tolist()):
        held = {name: column[row] for name, column in values.items()}
        lineage = held.pop("lineage")
        states[place] = RecordState(id=found.ids[place], lineage=None if lineage is None else tuple(lineage), **held)
    return states


def _rows_that_have(there: ReservedRows, given: dict[str, Any]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return for each asked row whether it has all these values already."""
    same = np.ones(len(there.rows), np.bool_)
    for column, value in given.items():
        same &= np.array([one == value for one in there.values(column)], np.bool_)
    return same


def _with_values(there: ReservedRows, rows: Rows, given: dict[str, Any]) -> pa.Table:
    table = there.taken(rows)
    for column, value in given.items():
        at = table.schema.get_field_index(column)
        kind = table.schema.field(at)
        table = table.set_column(at, kind, repeated(value, kind.type, len(rows)))
    return table


def _told(given: dict[str, Any]) -> dict[str, object]:
    """Return the values as the event tells them: a long list is its number."""
    return {
        name.removeprefix(f"{STATE_NAMESPACE}__"): len(value)
        if isinstance(value, list) and len(value) > _MOST_TOLD
        else value
        for name, value in given.items()
    }
