"""What a dataset promises, as plain dictionaries: a model to compare the real one with, which never asks the library.

A method does what the verb of its name promises. It returns the action of the event that the change has to leave, None
where nothing is to change, or raises `Refused` with the errors that the verb may answer with.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

__all__ = ["COLUMNS", "DatasetModel", "Record", "Refused", "Values", "namespace_of", "same"]

COLUMNS = {"a": {"a__x": "int64", "a__s": "string"}, "b": {"b__f": "float64", "b__l": "list<int64>"}}
"""The registered namespaces with their columns."""

Values = Mapping[str, Mapping[str, Any]]
"""For each record's id its values by column; a None is no value."""

_LETTERS = {"dna_4": "ACGT", "dna_5": "ACGTN", "rna_4": "ACGU"}


class Refused(Exception):
    """The verb has to refuse, with one of these errors."""

    def __init__(self, *errors: str) -> None:
        super().__init__(" or ".join(errors))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Record:
    """What comes in as one record."""

    sequence: str
    alphabet: str = "dna_4"
    source: str = "model"

    @property
    def bio_type(self) -> str:
        """What the alphabet belongs to."""
        return self.alphabet.partition("_")[0]

    @property
    def id(self) -> str:
        """The sha1 of bio_type and sequence, as the format says."""
        return hashlib.sha1(f"{self.bio_type}|{self.sequence}".encode()).hexdigest()

    @property
    def fits(self) -> bool:
        """Whether it is not empty and has only letters of its alphabet."""
        return bool(self.sequence) and set(self.sequence.upper()) <= set(_LETTERS[self.alphabet])

    @property
    def folded(self) -> tuple[str, str]:
        """What records that differ only in the case of letters share."""
        return self.bio_type, self.sequence.upper()

    def row(self) -> dict[str, object]:
        """Return it as the mapping that `add_sequences` takes."""
        return {"sequence": self.sequence, "bio_type": self.bio_type, "alphabet": self.alphabet, "source": self.source}


@dataclass
class DatasetModel:
    """One dataset.

    Attributes:
        rows: The records of the base by id, in order of arrival.
        base: Materialized values by column and id; a column without any value is there too.
        attached: Attached values by column and id, those of ids that no record has too.
        parts: How many parts a namespace has, where it has any.
        part_columns: The columns of those parts.
        tombstones: Reason by id.
        state: Fields by id.
        snapshots: What each snapshot shows, in order: the ids and the materialized values.
        journal: What a session left behind: records, each with its values.
        events: The actions of the log.
        registry, frozen, stamp: The number of the root's registry, of those frozen here, and of the one at the base's
            last write.
        archived: Whether it lies under ``_archive/``, where nothing changes it.
    """

    rows: dict[str, Record] = field(default_factory=dict)
    base: dict[str, dict[str, Any]] = field(default_factory=dict)
    attached: dict[str, dict[str, Any]] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    part_columns: dict[str, set[str]] = field(default_factory=dict)
    tombstones: dict[str, str | None] = field(default_factory=dict)
    state: dict[str, dict[str, Any]] = field(default_factory=dict)
    snapshots: list[tuple[tuple[str, ...], dict[str, dict[str, Any]]]] = field(default_factory=list)
    journal: list[tuple[Record, dict[str, Any]]] = field(default_factory=list)
    events: list[str] = field(default_factory=lambda: ["init"])
    registry: int = 0
    frozen: set[int] = field(default_factory=lambda: {0})
    stamp: int = 0
    archived: bool = False

    # ------------------------------------------------------------- what readers see

    def value(self, column: str, record: str) -> Any:
        """Return what the view shows: the attached value, else the materialized one, else None."""
        above = self.attached.get(column, {}).get(record)
        return self.base.get(column, {}).get(record) if above is None else above

    @property
    def live(self) -> list[str]:
        """The ids of the records that are not deleted, in order."""
        return [one for one in self.rows if one not in self.tombstones]

    def keys(self, namespace: str) -> set[str]:
        """Return the ids that have an attached value of a namespace."""
        return {key for column in COLUMNS[namespace] for key in self.attached.get(column, {})}

    def unmatched(self, namespace: str) -> set[str]:
        """Return those of `keys` that no record has."""
        return self.keys(namespace) - self.rows.keys()

    @property
    def bio_types(self) -> set[str]:
        """Those of all records, deleted ones too."""
        return {one.bio_type for one in self.rows.values()}

    def key_refusals(self, key: str) -> list[str]:
        """Return the errors of a verb that works by this key."""
        refusals = []
        if key != "id" and len(self.bio_types) > 1:
            refusals.append("KeyNeedsOneBioType")
        if key == "sequence_ci" and any(one.alphabet != "dna_4" for one in self.rows.values()):
            refusals.append("KeyNeedsDna4")
        return refusals

    # ------------------------------------------------------------- records come in and go

    def add(self, records: Sequence[Record], *, skip: bool) -> str | None:
        """Append records, all or none; exact duplicates are left out and counted, or refused."""
        ids = [one.id for one in records]
        if not all(one.fits for one in records):
            raise Refused("ImportCellError")
        if not skip and (len(set(ids)) < len(ids) or not self.rows.keys().isdisjoint(ids)):
            raise Refused("DuplicateRecord")
        return self._changed("import", base=True) if self._append(records) else None

    def write_session(self, rows: Sequence[tuple[Record, dict[str, Any]]]) -> str | None:
        """Commit what a session's journal holds and the rows that it adds now."""
        given = list(self.journal)
        known = {*self.rows, *(one.id for one, _ in given)}
        for one, values in rows:
            if one.id not in known:
                known.add(one.id)
                given.append((one, values))
        self.journal = []
        added = self._append([one for one, _ in given])
        written = self._attach({one.id: values for one, values in given if values}, whole=True)
        return self._changed("model_write", base=bool(added)) if added or written else None

    def abandon_session(self, rows: Sequence[tuple[Record, dict[str, Any]]]) -> None:
        """Keep what a session flushed before its process ended; nothing of it is in the dataset."""
        known = {*self.rows, *(one.id for one, _ in self.journal)}
        for one, values in rows:
            if one.id not in known:
                known.add(one.id)
                self.journal.append((one, values))

    def delete(self, ids: Iterable[str], reason: str | None, *, allow_missing: bool) -> str | None:
        """Put tombstones on records; those that have one keep it."""
        fresh = [one for one in self._found(ids, allow_missing=allow_missing) if one not in self.tombstones]
        self.tombstones |= dict.fromkeys(fresh, reason)
        return self._changed("delete") if fresh else None

    def restore(self, ids: Iterable[str], *, allow_missing: bool) -> str | None:
        """Take tombstones away."""
        gone = [one for one in self._found(ids, allow_missing=allow_missing) if one in self.tombstones]
        for one in gone:
            del self.tombstones[one]
        return self._changed("restore") if gone else None

    def set_state(self, ids: Iterable[str], fields: Mapping[str, Any], *, allow_missing: bool) -> str | None:
        """Set fields of the state; the others stay."""
        found = self._found(ids, allow_missing=allow_missing)
        changing = [one for one in found if self.state.get(one, {}) != {**self.state.get(one, {}), **fields}]
        for one in changing:
            self.state[one] = {**self.state.get(one, {}), **fields}
        return self._changed("state_set") if changing else None

    def clear_state(self, ids: Iterable[str], *, allow_missing: bool) -> str | None:
        """Unset the whole state."""
        changing = [one for one in self._found(ids, allow_missing=allow_missing) if self.state.pop(one, None)]
        return self._changed("state_clear") if changing else None

    def drop_rows(self, numbers: Sequence[int], *, snapshot: bool) -> str | None:
        """Remove rows of the base."""
        if not numbers:
            return None
        if snapshot:
            self._snapshot()
        ids = list(self.rows)
        self._drop({ids[number] for number in numbers})
        return self._changed("model_drop", base=True)

    def dedupe(self, key: str, *, keep_last: bool) -> str | None:
        """Keep one record of each key: a live one before a deleted one, the first or the last of them."""
        if refusals := self.key_refusals(key):
            raise Refused(*refusals)
        groups: dict[object, list[str]] = {}
        for one, record in self.rows.items():
            groups.setdefault(record.folded if key == "sequence_ci" else one, []).append(one)
        gone = set()
        for group in groups.values():
            best = [one for one in group if one not in self.tombstones] or group
            gone |= {*group} - {best[-1 if keep_last else 0]}
        if any(one in values for values in self.base.values() for one in gone):
            self._snapshot()
        self._drop(gone)
        return self._changed("dedupe", base=True) if gone else None

    # ------------------------------------------------------------- values come in and go

    def attach(
        self, namespace: str, values: Values, action: str, *, key: str, allow_overwrite: bool, allow_missing: bool
    ) -> str | None:
        """Add one part; a null is no value."""
        refusals = self.key_refusals(key)
        if key == "sequence_ci" and len({one.folded for one in self.rows.values()}) < len(self.rows):
            refusals.append("BaseKeysNotUnique")
        if not allow_missing and not values.keys() <= self.rows.keys():
            refusals.append("UnmatchedKeys")
        matched = {one: row for one, row in values.items() if one in self.rows}
        if not allow_overwrite and any(
            value is not None and self.value(column, one) is not None
            for one, row in matched.items()
            for column, value in row.items()
        ):
            refusals.append("ValuesExist")
        if refusals:
            raise Refused(*refusals)
        return self._changed(action) if self._attach(matched) else None

    def materialize(
        self,
        namespaces: Sequence[str] | None = None,
        *,
        retire: bool = False,
        drop_deleted: bool = False,
        snapshot: bool = False,
    ) -> str | None:
        """Fold what the view shows into the base; the parts go if asked to, deleted records with their marks too."""
        folded = list(self.parts) if namespaces is None else list(namespaces)
        self._require_parts(folded)
        dropped = {*self.tombstones} if drop_deleted else set()
        if not folded and not dropped:
            return None
        if snapshot:
            self._snapshot()
        for namespace in folded:
            for column in sorted(self.part_columns[namespace]):
                shown = {one: self.value(column, one) for one in self.rows}
                self.base[column] = {one: value for one, value in shown.items() if value is not None}
        self._drop(dropped)
        if retire:
            for namespace in folded:
                self._retire(namespace, self.keys(namespace) & self.rows.keys())
        return self._changed("materialize", base=True)

    def compact(self, namespace: str) -> str | None:
        """Make one part of all; no value changes."""
        self._require_parts([namespace])
        if self.parts[namespace] == 1:
            return None
        self.parts[namespace] = 1
        return self._changed("compact_overlay")

    def remove(self, namespace: str) -> str | None:
        """Take all attached values away; materialized ones stay."""
        self._require_parts([namespace])
        self._retire(namespace, self.keys(namespace))
        return self._changed("remove_overlay")

    def clear(self, namespace: str, columns: Sequence[str], ids: Sequence[str] | None) -> str | None:
        """Unset values, attached ones and materialized ones."""
        if namespace not in self.parts and not any(column in self.base for column in COLUMNS[namespace]):
            raise Refused("NoSuchOverlay")
        if ids is not None and not {*ids} <= self.rows.keys() | self.keys(namespace):
            raise Refused("IdsUnknown")

        def cleared(values: dict[str, dict[str, Any]]) -> bool:
            gone = [(column, one) for column in columns for one in values.get(column, {}) if ids is None or one in ids]
            for column, one in gone:
                del values[column][one]
            return bool(gone)

        before = self._copy_of_base()
        attached, materialized = cleared(self.attached), cleared(self.base)
        if attached:
            self.parts[namespace] = 1
            if not self.keys(namespace):
                self._retire(namespace, set())
        if materialized:
            self.snapshots.append(before)
        return self._changed("clear_overlay", base=materialized) if attached or materialized else None

    def merge(
        self, source: DatasetModel, *, policy: str, same_columns: bool, avoid_case: bool, carry: Sequence[str]
    ) -> str | None:
        """Add the records of another dataset, with the values that it shows in its materialized columns."""
        refusals = ["MergeColumnsDiffer"] if same_columns and {*self.base} != {*source.base} else []
        there = {*source.parts, *map(namespace_of, source.base)}
        refusals += [] if {*carry} <= there else ["NoSuchOverlay"]
        duplicates = [one for one in source.live if one in self.rows]
        if policy == "error" and duplicates:
            refusals.append("MergeDuplicate")
        if refusals:
            raise Refused(*refusals)

        def takes(there: Any, theirs: Any) -> bool:
            if theirs is None or there is None:
                return theirs is not None
            return policy == "prefer-src" and not same(there, theirs)

        new = self._new_of(source, avoid_case=avoid_case)
        # Those of namespaces carried come along under every policy.
        filled = [one for one in source.base if policy in ("prefer-src", "prefer-dest") or namespace_of(one) in carry]
        cells = {
            (column, one): source.value(column, one)
            for column in filled
            for one in duplicates
            if takes(self.value(column, one), source.value(column, one))
        }
        unhidden: set[str] = set()
        if new or cells:
            for column in source.base:
                self.base.setdefault(column, {})
        self._append([source.rows[one] for one in new])
        came = {(column, one): source.value(column, one) for column in source.base for one in new}
        for (column, one), value in (cells | came).items():
            if value is None:
                continue
            self.base[column][one] = value
            above = self.attached.get(column, {})
            if one in above and not same(above[one], value):
                above[one] = value
                unhidden.add(namespace_of(column))
        for namespace in unhidden:
            self.parts[namespace] += 1
        carried = False
        for namespace in carry:
            values = {
                one: {
                    column: source.attached[column][one]
                    for column in COLUMNS[namespace]
                    if one in source.attached.get(column, {})
                    and (one in new or column not in filled)
                    and (one in new or takes(self.value(column, one), source.attached[column][one]))
                }
                for one in [*new, *duplicates]
            }
            columns = source.part_columns.get(namespace, set())
            carried |= self._attach({one: row for one, row in values.items() if row}, columns=columns)
        changes = bool(new or cells or carried)
        return self._changed("merge", base=bool(new or cells)) if changes else None

    # ------------------------------------------------------------- the dataset as a whole

    def take_snapshot(self) -> str:
        """Keep the base."""
        self._snapshot()
        return self._changed("snapshot")

    def freeze(self) -> str | None:
        """Freeze the root's registry, and stamp the base with it."""
        if self.registry in self.frozen and self.stamp == self.registry:
            return None
        return self._changed("registry_freeze", base=True)

    def rolled_back(self, then: DatasetModel) -> DatasetModel:
        """Return the model with everything as it was then; snapshots, journal and registries stay as they are."""
        return replace(
            copy.deepcopy(then),
            snapshots=self.snapshots,
            journal=self.journal,
            events=[*self.events, "rollback"],
            registry=self.registry,
            frozen={*self.frozen, self.registry},
            archived=self.archived,
        )

    def told(self, action: str) -> str:
        """Do what only adds an event."""
        return self._changed(action)

    # ------------------------------------------------------------- inside

    def _changed(self, action: str, *, base: bool = False) -> str:
        self.frozen.add(self.registry)
        if base:
            self.stamp = self.registry
        self.events.append(action)
        return action

    def _found(self, ids: Iterable[str], *, allow_missing: bool) -> list[str]:
        asked = list(dict.fromkeys(ids))
        if not allow_missing and not {*asked} <= self.rows.keys():
            raise Refused("RecordsMissing")
        return [one for one in asked if one in self.rows]

    def _append(self, records: Iterable[Record]) -> int:
        before = len(self.rows)
        for one in records:
            self.rows.setdefault(one.id, one)
        return len(self.rows) - before

    def _attach(self, values: Values, *, columns: Iterable[str] | None = None, whole: bool = False) -> bool:
        """Add one part to each namespace that has a row, and say whether there was any.

        Args:
            values: The rows.
            columns: What columns the parts have; by default those of the rows.
            whole: They have all columns of the namespace.
        """
        touched = {namespace_of(column) for row in values.values() for column in row if row[column] is not None}
        for one, row in values.items():
            for column, value in row.items():
                if value is not None:
                    self.attached.setdefault(column, {})[one] = value
        for namespace in touched:
            self.parts[namespace] = self.parts.get(namespace, 0) + 1
            mine = {column for row in values.values() for column in row if namespace_of(column) == namespace}
            had = self.part_columns.setdefault(namespace, set())
            had.update(COLUMNS[namespace] if whole else mine if columns is None else columns)
        return bool(touched)

    def _drop(self, ids: Iterable[str]) -> None:
        for one in ids:
            del self.rows[one]
            self.tombstones.pop(one, None)
            self.state.pop(one, None)
            for values in self.base.values():
                values.pop(one, None)

    def _retire(self, namespace: str, keys: Iterable[str]) -> None:
        """Take the attached values of these keys away; what is left of the namespace is one part."""
        for column in COLUMNS[namespace]:
            for key in keys:
                self.attached.get(column, {}).pop(key, None)
        if self.keys(namespace):
            self.parts[namespace] = 1
        else:
            del self.parts[namespace], self.part_columns[namespace]

    def _require_parts(self, namespaces: Iterable[str]) -> None:
        if any(namespace not in self.parts for namespace in namespaces):
            raise Refused("NoSuchOverlay")

    def _copy_of_base(self) -> tuple[tuple[str, ...], dict[str, dict[str, Any]]]:
        return tuple(self.rows), {column: dict(values) for column, values in self.base.items()}

    def _snapshot(self) -> None:
        self.snapshots.append(self._copy_of_base())

    def _new_of(self, source: DatasetModel, *, avoid_case: bool) -> list[str]:
        known = {self.rows[one].folded for one in self.live}
        new = []
        for one in source.live:
            if one in self.rows or (avoid_case and source.rows[one].folded in known):
                continue
            known.add(source.rows[one].folded)
            new.append(one)
        return new


def namespace_of(column: str) -> str:
    """Return the namespace of a column."""
    return column.partition("__")[0]


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same; NaN is the same as NaN."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other):
        return True
    return bool(one == other)
