"""How two datasets are merged, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from usr_core.roots.dataset_id import DatasetRef
from usr_core.store.changes.merge_datasets.cells import ChangedValue
from usr_core.values.showing import Shown

__all__ = ["DUPLICATE_POLICIES", "DuplicatePolicy", "MergeOptions", "MergeOutcome"]

DuplicatePolicy = Literal["error", "skip", "prefer-src", "prefer-dest"]
DUPLICATE_POLICIES: tuple[DuplicatePolicy, ...] = get_args(DuplicatePolicy)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeOptions:
    """How two datasets are merged.

    Attributes:
        same_columns: Refuse bases whose columns differ; else missing ones are filled with null.
        if_duplicate: What happens to records that are there already: ``error`` refuses them, ``skip`` leaves
            them as they are, but for values that they lack of the namespaces carried, ``prefer-dest`` fills nulls of
            their materialized columns from the source, and ``prefer-src`` lets the source's values win. The seven
            columns of a record never change.
        coerce_overlap: ``to-dest`` casts values of another type where all of them survive, ``none`` refuses.
        avoid_case_variants: Leave out records that differ from one that is there only in the case of letters.
        carried: Namespaces whose overlay values come along.
    """

    same_columns: bool = False
    if_duplicate: str = "skip"
    coerce_overlap: str = "to-dest"
    avoid_case_variants: bool = True
    carried: tuple[str, ...] = ()

    def event_args(self, source: DatasetRef) -> dict[str, object]:
        """Return the event's ``args``."""
        return {
            "source": {"name": source.name, "root": str(source.root)},
            "require_same_columns": self.same_columns,
            "if_duplicate": self.if_duplicate,
            "coerce_overlap": self.coerce_overlap,
            "avoid_casefold_dups": self.avoid_case_variants,
            "carry_namespaces": list(self.carried),
        }


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class MergeOutcome(Shown):
    """What a merge did, or would do.

    Attributes:
        rows_before, rows_after: Rows of the destination.
        rows_source: Rows of the source, deleted ones included.
        rows_added: New records.
        duplicates: Records that were there already, by their id.
        case_variants: Records left out because they differ from another one only in the case of letters.
        deleted: Records left out because they are deleted in the source.
        cells: Values of duplicates that readers of the destination see changed.
        changed: The first of them, at most `merge_cells.EXAMPLES`.
        differ: Values that the source has for duplicates, materialized or in a namespace carried, and that differ from
            what readers of the destination see and are not taken.
        columns_added: Materialized columns that the destination did not have.
        duplicates_deleted: Of the records that were there already, those that are deleted there, and stay so.
        in_base: Carried namespaces of which the source has materialized columns; their values come along in the base.
        carried: Rows of overlay values that came along, by namespace.
        left: Namespaces with values that stay behind, and for how many records that are in the destination afterwards.
        kept: New records that take up values which the destination had kept for them.
        event: None in a dry run, and where nothing was to be changed.

    Example:
        >>> from usr_core import Dataset
        >>> motifs = Dataset.open(root, "demo/motifs").init()
        >>> motifs.add_sequences([{"sequence": "TATAAT"}]).added
        1
        >>> done = dataset.merge(motifs, dry_run=True)
        >>> done.changes, done.rows_before, done.rows_added, done.rows_after
        (True, 3, 1, 4)
    """

    rows_before: int
    rows_after: int
    rows_source: int
    rows_added: int
    duplicates: int
    case_variants: int
    deleted: int
    cells: int = 0
    changed: tuple[ChangedValue, ...] = ()
    differ: int = 0
    columns_added: tuple[str, ...] = ()
    duplicates_deleted: int = 0
    in_base: tuple[str, ...] = ()
    carried: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    kept: int = 0
    event: dict[str, Any] | None = None

    @property
    def changes(self) -> bool:
        """Whether anything is added or changed."""
        return bool(self.rows_added or self.cells or any(self.carried.values()))
