"""Which records of a DenseGen dataset are to go, and why.

The rules look at the merged view; deleted records are neither looked at nor touched. A record goes by the first rule
that it breaks, in the order of `Rule`; duplicates are looked for among those that no other rule takes, so that the
record which stays for the others is a good one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from usr_core.api import Dataset
from usr_core.api.arrow import IdHasher, id_words, only_where
from usr_core.api.records import BASE_COLUMNS
from usr_core.api.results import ChosenRows, DropOutcome, MergedView
from usr_densegen.errors import ColumnUnfit, NothingChosen
from usr_densegen.namespace import NAMESPACE, full_name
from usr_densegen.sites import tf_counts, tf_counts_of_details

__all__ = ["ACTION", "DEDUPES", "EXAMPLES", "BadRow", "Dedupe", "RepairOptions", "RepairOutcome", "Rule", "repair"]

ACTION = "repair_densegen"
EXAMPLES = 20
"""How many of the records that go are described."""

Dedupe = Literal["off", "keep-first", "keep-last"]
DEDUPES: tuple[Dedupe, ...] = get_args(Dedupe)

_USED, _DETAIL, _PARTS = full_name("used_tfbs"), full_name("used_tfbs_detail"), full_name("tfbs_parts")


class Rule(IntEnum):
    """Why a record goes; 0 means that it stays. The first that it breaks counts."""

    ID_SEQ_ONLY = 1
    MISSING_USED_TFBS = 2
    SINGLE_USED_TF = 3
    SINGLE_TF_ON_OFFER = 4
    DUPLICATE = 5

    @property
    def words(self) -> str:
        """What to tell a person."""
        return {
            Rule.ID_SEQ_ONLY: "id and sequence only",
            Rule.MISSING_USED_TFBS: "no used TFBS",
            Rule.SINGLE_USED_TF: "used TFBSs of one TF",
            Rule.SINGLE_TF_ON_OFFER: "TFBS parts of one TF",
            Rule.DUPLICATE: "duplicate",
        }[self]

    @property
    def metric(self) -> str:
        """What it is called in an event."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairOptions:
    """What is repaired.

    Attributes:
        dedupe: Which of the records with the same bio_type and sequence (in any case) to keep, by row order.
        filter_single_tf: Drop records whose used TFBSs all belong to one TF.
        drop_single_tf: Drop records for which TFBS parts of one TF only were on offer.
        drop_id_seq_only: Drop records for which no namespace has a value, attached, materialized or a state; those
            of other tools and people count as DenseGen's do.
        drop_missing_used_tfbs: Drop records without any used TFBS.
        shortest: Letters that a motif has at least; a shorter one is not a TFBS for these rules.
    """

    dedupe: Dedupe = "off"
    filter_single_tf: bool = False
    drop_single_tf: bool = False
    drop_id_seq_only: bool = False
    drop_missing_used_tfbs: bool = False
    shortest: int = 6

    @property
    def anything(self) -> bool:
        """Whether a rule is chosen at all."""
        return (
            self.dedupe != "off"
            or self.filter_single_tf
            or self.drop_single_tf
            or self.drop_id_seq_only
            or self.drop_missing_used_tfbs
        )

    def as_args(self) -> dict[str, object]:
        """Return what was asked, for the event."""
        return {
            "dedupe": self.dedupe,
            "filter_single_tf": self.filter_single_tf,
            "drop_single_tf": self.drop_single_tf,
            "drop_id_seq_only": self.drop_id_seq_only,
            "drop_missing_used_tfbs": self.drop_missing_used_tfbs,
            "min_tfbs_len": self.shortest,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A record that goes; rows count from 1, deleted ones included."""

    row: int
    id: str
    sequence: str
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairOutcome:
    """What was dropped, or would be.

    Attributes:
        by_rule: Records that went by each of the rules that were chosen.
        groups: Sequences that several records share.
        examples: The first records that go, in row order, at most `EXAMPLES`.
        drop: The rewrite.
    """

    by_rule: dict[Rule, int]
    groups: int
    examples: tuple[BadRow, ...]
    drop: DropOutcome


def repair(
    dataset: Dataset,
    options: RepairOptions,
    *,
    dry_run: bool = False,
    progress: Callable[[int], None] | None = None,
) -> RepairOutcome:
    """Drop the records that break a rule, in one change with a snapshot of the base before it.

    Needs a `maintenance` block, but for a dry run. Where nothing is to go, nothing changes.

    Args:
        progress: Called with the number of rows just written.

    Raises:
        NothingChosen: No rule was chosen.
        ColumnUnfit: A rule looks at a column that the dataset does not have, or not with its type.
        SiteMalformed: A binding site is not ``tf:motif``.

    Memory: a byte a row; looking for duplicates, 24 bytes a row.
    """
    if not options.anything:
        raise NothingChosen
    inspection = _Inspection(dataset.name, options)
    drop = dataset.drop_rows(
        inspection.choose, action=ACTION, args=options.as_args(), dry_run=dry_run, progress=progress
    )
    return RepairOutcome(by_rule=inspection.by_rule, groups=inspection.groups, examples=inspection.examples, drop=drop)


class _Inspection:
    """One look at a merged view."""

    def __init__(self, name: str, options: RepairOptions) -> None:
        self._name, self._options = name, options
        self.by_rule: dict[Rule, int] = {}
        self.groups = 0
        self.examples: tuple[BadRow, ...] = ()

    def choose(self, view: MergedView) -> ChosenRows:
        """Return the rows that go; the attributes tell of them."""
        verdict = self._judged(view)
        if self._options.dedupe != "off":
            self._mark_duplicates(view, verdict)
        rows = np.flatnonzero(verdict).astype(np.int64)
        self.by_rule = {rule: int(np.count_nonzero(verdict == rule)) for rule in self._rules()}
        self.examples = _described(view, rows[:EXAMPLES], verdict)
        metrics: dict[str, object] = {"dropped": {rule.metric: count for rule, count in self.by_rule.items()}}
        if self._options.dedupe != "off":
            metrics["duplicate_groups"] = self.groups
        return ChosenRows(rows=rows, metrics=metrics)

    def _rules(self) -> list[Rule]:
        chosen = {
            Rule.ID_SEQ_ONLY: self._options.drop_id_seq_only,
            Rule.MISSING_USED_TFBS: self._options.drop_missing_used_tfbs,
            Rule.SINGLE_USED_TF: self._options.filter_single_tf,
            Rule.SINGLE_TF_ON_OFFER: self._options.drop_single_tf,
            Rule.DUPLICATE: self._options.dedupe != "off",
        }
        return [rule for rule, wanted in chosen.items() if wanted]

    def _judged(self, view: MergedView) -> npt.NDArray[np.uint8]:
        """Return the rule that each row of the base breaks, duplicates not looked for yet."""
        verdict = np.zeros(view.rows, np.uint8)
        columns = self._columns(view.schema())
        deleted = np.zeros(view.rows, np.bool_)
        deleted[view.deleted_rows()] = True
        if columns:
            start = 0
            for whole in view.batches(columns, include_deleted=True):
                batch = _without(whole, deleted[start : start + whole.num_rows])
                mine = verdict[start : start + batch.num_rows]
                for rule, broken in self._broken(batch, first_row=start + 1):
                    mine[broken & (mine == 0)] = rule
                start += batch.num_rows
        verdict[deleted] = 0
        return verdict

    def _broken(self, batch: pa.RecordBatch, *, first_row: int) -> list[tuple[Rule, npt.NDArray[np.bool_]]]:
        options = self._options
        found: list[tuple[Rule, npt.NDArray[np.bool_]]] = []
        if options.drop_id_seq_only:
            silent = np.ones(batch.num_rows, np.bool_)
            for name in batch.schema.names:
                silent &= batch.column(name).is_null().to_numpy(zero_copy_only=False)
            found.append((Rule.ID_SEQ_ONLY, silent))
        if options.drop_missing_used_tfbs or options.filter_single_tf:
            factors = self._used(batch, first_row)
            if options.drop_missing_used_tfbs:
                found.append((Rule.MISSING_USED_TFBS, factors == 0))
            if options.filter_single_tf:
                found.append((Rule.SINGLE_USED_TF, factors == 1))
        if options.drop_single_tf:
            offered = tf_counts(batch.column(_PARTS), name=_PARTS, first_row=first_row, shortest=options.shortest)
            found.append((Rule.SINGLE_TF_ON_OFFER, offered == 1))
        return found

    def _used(self, batch: pa.RecordBatch, first_row: int) -> npt.NDArray[np.int64]:
        """Return how many TFs each record uses: by ``used_tfbs``, where that is null by ``used_tfbs_detail``."""
        shortest = self._options.shortest
        names = batch.schema.names
        if _DETAIL not in names:
            return tf_counts(batch.column(_USED), name=_USED, first_row=first_row, shortest=shortest)
        by_detail = tf_counts_of_details(batch.column(_DETAIL), shortest=shortest)
        if _USED not in names:
            return by_detail
        used = batch.column(_USED)
        by_name = tf_counts(used, name=_USED, first_row=first_row, shortest=shortest)
        return np.where(used.is_null().to_numpy(zero_copy_only=False), by_detail, by_name)

    def _columns(self, schema: pa.Schema) -> list[str]:
        """Return the columns that the rules look at.

        Raises:
            ColumnUnfit: A column is missing or has another type.
        """
        options = self._options
        wanted: list[str] = []
        if options.drop_id_seq_only:
            wanted += [name for name in schema.names if name not in BASE_COLUMNS]
            # Without a column of DenseGen's this is not a dataset of its own, and nearly every record would go.
            if not any(name.startswith(f"{NAMESPACE}__") for name in wanted):
                raise ColumnUnfit(f"{NAMESPACE}__…", rule="--drop-id-seq-only", dataset=self._name)
        for needed, rule in (
            (options.drop_missing_used_tfbs, "--drop-missing-used-tfbs"),
            (options.filter_single_tf, "--filter-single-tf"),
        ):
            if needed:
                there = [name for name in (_USED, _DETAIL) if name in schema.names]
                self._require(schema, there or [_USED], rule)
                wanted += there
        if options.drop_single_tf:
            self._require(schema, [_PARTS], "--drop-single-tf")
            wanted.append(_PARTS)
        return list(dict.fromkeys(wanted))

    def _require(self, schema: pa.Schema, names: list[str], rule: str) -> None:
        for name in names:
            if name not in schema.names:
                raise ColumnUnfit(name, rule=rule, dataset=self._name)
            kind = schema.field(name).type
            if not (_is_details(kind) if name == _DETAIL else _is_texts(kind)):
                raise ColumnUnfit(name, rule=rule, dataset=self._name, kind=str(kind))

    def _mark_duplicates(self, view: MergedView, verdict: npt.NDArray[np.uint8]) -> None:
        alive = verdict == 0
        alive[view.deleted_rows()] = False
        words: list[npt.NDArray[np.uint64]] = []
        with IdHasher() as hasher:
            for batch in view.batches(["bio_type", "sequence"], include_deleted=True):
                ids = hasher.ids(pc.ascii_upper(batch.column("bio_type")), pc.ascii_upper(batch.column("sequence")))
                words.append(np.stack([id_words(ids, word=0), id_words(ids, word=1)]))
        if not words:
            return
        first, second = np.concatenate(words, axis=1)[:, alive]
        rows = np.flatnonzero(alive)
        wish = rows if self._options.dedupe == "keep-first" else -rows
        order = np.lexsort((wish, second, first))
        first, second, rows = first[order], second[order], rows[order]
        again = np.zeros(len(rows), np.bool_)
        again[1:] = (first[1:] == first[:-1]) & (second[1:] == second[:-1])
        verdict[rows[again]] = Rule.DUPLICATE
        # A group begins where a repeated one follows one that is not.
        self.groups = int(np.count_nonzero(again[1:] & ~again[:-1]))


def _described(view: MergedView, rows: npt.NDArray[np.int64], verdict: npt.NDArray[np.uint8]) -> tuple[BadRow, ...]:
    if not len(rows):
        return ()
    cells = view.rows_at(rows, ["id", "sequence"])
    return tuple(
        BadRow(row=row + 1, id=one, sequence=text, rule=Rule(int(verdict[row])))
        for row, one, text in zip(
            rows.tolist(), cells.column("id").to_pylist(), cells.column("sequence").to_pylist(), strict=True
        )
    )


def _is_texts(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) and pa.types.is_string(kind.value_type))


def _is_details(kind: pa.DataType) -> bool:
    if not pa.types.is_list(kind) or not pa.types.is_struct(kind.value_type):
        return False
    inner = {kind.value_type.field(at).name: kind.value_type.field(at).type for at in range(kind.value_type.num_fields)}
    return all(name in inner and pa.types.is_string(inner[name]) for name in ("tf", "tfbs"))


def _without(batch: pa.RecordBatch, deleted: npt.NDArray[np.bool_]) -> pa.RecordBatch:
    """Return a batch without the values of deleted records, which nobody looks at, faulty ones included."""
    if not deleted.any():
        return batch
    columns = [only_where(column, ~deleted) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
