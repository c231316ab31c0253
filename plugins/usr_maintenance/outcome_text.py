"""What the commands of this plugin say when they are done, what they would do, and their questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.api import counted, visible
from usr_core.api.registry import RESERVED_NAMESPACES

if TYPE_CHECKING:
    from usr_core.api.results import ClearOutcome, CompactOutcome, DedupeOutcome, MergeOutcome, RemoveOutcome

__all__ = ["clear_text", "compact_text", "dedupe_text", "merge_text", "remove_text"]

_SEQUENCE_SHOWN = 60


def compact_text(outcome: CompactOutcome, name: str, *, would: bool = False) -> str:
    """Return what became of the parts, one line a fact."""
    if not outcome.needed:
        return f"{outcome.namespace} in {name} is one part already; nothing {_verb(would, 'was', 'would be')} changed"
    verb = _verb(would, "compacted", "would compact")
    lines = [
        f"{verb} {counted(outcome.parts, 'file')} of {outcome.namespace} in {name} "
        f"({counted(outcome.rows_before, 'row')}) into one part of {counted(outcome.rows, 'row')}"
    ]
    if outcome.unmatched:
        lines.append(f"  {counted(outcome.unmatched, 'key')} of them {_agree(outcome.unmatched)} no record")
    if outcome.part is not None:
        lines.append(f"  + {outcome.part}")
    return "\n".join([*lines, *_archived(outcome.archived)])


def remove_text(outcome: RemoveOutcome, name: str, *, would: bool = False) -> str:
    """Return what was taken away, one line a fact."""
    done = {"archive": "archived", "delete": "deleted"}[outcome.mode]
    verb = _verb(would, done, f"would {outcome.mode}")
    line = f"{verb} {counted(outcome.parts, 'file')} of {outcome.namespace} in {name} ({counted(outcome.rows, 'row')})"
    return "\n".join([line, *_archived(outcome.archived)])


def clear_text(outcome: ClearOutcome, name: str, *, would: bool = False) -> str:
    """Return what was unset, one line a fact."""
    columns = ", ".join(outcome.columns)
    if not (outcome.cells or outcome.base_cells):
        return f"{columns} of {name} has no such values; nothing {_verb(would, 'was', 'would be')} changed"
    lines = [f"{_verb(would, 'unset', 'would unset')} {counted(outcome.cells, 'value')} of {columns} in {name}"]
    if outcome.base_cells:
        lines.append(f"  {counted(outcome.base_cells, 'value')} in the base")
    if outcome.rows_removed:
        lines.append(f"  - {counted(outcome.rows_removed, 'row')} without any value left")
    if outcome.part is not None:
        lines.append(f"  + {outcome.part}")
    if outcome.snapshot is not None:
        lines.append(f"  the base as it was is {outcome.snapshot}")
    return "\n".join([*lines, *_archived(outcome.archived)])


def dedupe_text(outcome: DedupeOutcome, name: str, *, would: bool = False) -> str:
    """Return what was removed; before the fact also the first rows."""
    if not outcome.rows_dropped:
        return (
            f"no two records of {name} have the same {outcome.key}; nothing {_verb(would, 'was', 'would be')} changed"
        )
    verb = _verb(would, "removed", "would remove")
    lines = [
        f"{verb} {counted(outcome.rows_dropped, 'record')} of {outcome.rows_before:,} from {name}: "
        f"{counted(outcome.groups, outcome.key)} shared by several, {outcome.keep}"
    ]
    if would:
        lines += [
            f"  - row {row.row:,}  {visible(row.id)}  {visible(row.sequence, limit=_SEQUENCE_SHOWN)}"
            f"  (row {row.kept_row:,} stays)"
            for row in outcome.examples
        ]
        more = outcome.rows_dropped - len(outcome.examples)
        lines += [f"  … and {more:,} more"] if more else []
    for column, count in outcome.materialized.items():
        lost = outcome.only_there.get(column, 0)
        only = f", {lost:,} of which only they have" if lost else ""
        verb = "go" if would else "went"
        lines.append(f"  {counted(count, 'value')} of {column} {verb} with them{only}")
    if outcome.materialized:
        snapshot = f"  the base as it was is {outcome.snapshot}"
        lines.append("  the base as it is would be kept as a snapshot" if would else snapshot)
    for namespace, count in outcome.left.items():
        lines.append(
            f"  {namespace}: the attached values of {counted(count, 'record')} of them "
            f"{_verb(would, 'stay', 'would stay')} on disk, matching no record"
        )
    return "\n".join(lines)


def merge_text(outcome: MergeOutcome, name: str, source: str, *, would: bool = False) -> str:
    """Return what came in and what stayed behind, one line a fact."""
    verb = _verb(would, "added", "would add")
    lines = [f"{verb} {outcome.rows_added:,} of {counted(outcome.rows_source, 'record')} of {source} to {name}"]
    lines += [f"  + column {column}" for column in outcome.columns_added]
    if outcome.duplicates:
        lines.append(f"  {counted(outcome.duplicates, 'record')} there already")
    if count := outcome.duplicates_deleted:
        fate = "is deleted there and stays so" if count == 1 else "are deleted there and stay so"
        lines.append(f"  {count:,} of them {fate}; `usr restore` brings {'it' if count == 1 else 'them'} back")
    if outcome.cells:
        lines.append(f"  {counted(outcome.cells, 'value')} of them taken from {source}")
        for one in outcome.changed:
            before = "nothing" if one.before is None else one.before
            lines.append(f"  - row {one.row}  {one.id}  {one.column}: {before} -> {one.after}")
        more = outcome.cells - len(outcome.changed)
        lines += [f"  … and {more:,} more"] if more else []
    if count := outcome.differ:
        fate = "value of them differs" if count == 1 else "values of them differ"
        lines.append(f"  {count:,} {fate} in {source}; what {name} has stays")
    if outcome.case_variants:
        lines.append(f"  {counted(outcome.case_variants, 'record')} left out: only the case of letters differs")
    if outcome.deleted:
        lines.append(f"  {counted(outcome.deleted, 'record')} left out: deleted in {source}")
    if outcome.kept:
        takes = (
            "takes up values that were kept for it" if outcome.kept == 1 else "take up values that were kept for them"
        )
        lines.append(f"  {counted(outcome.kept, 'new record')} {takes}")
    lines += _carried(outcome)
    for namespace, rows in outcome.left.items():
        way = "" if namespace in RESERVED_NAMESPACES else f"; --carry-namespace {namespace} brings them along"
        lines.append(f"  {namespace}: the values of {counted(rows, 'record')} are not carried{way}")
    if not outcome.changes:
        lines.append(f"  nothing {_verb(would, 'was', 'would be')} changed")
    return "\n".join(lines)


def _carried(outcome: MergeOutcome) -> list[str]:
    lines = []
    for namespace, rows in outcome.carried.items():
        if namespace not in outcome.in_base:
            lines.append(f"  {namespace}: {counted(rows, 'row')} carried along")
        else:
            also = f", and {counted(rows, 'row')} attached" if rows else ""
            lines.append(f"  {namespace}: carried along in the base{also}")
    return lines


def _archived(folder: str | None) -> list[str]:
    return [] if folder is None else [f"  old files are in {folder}/"]


def _verb(would: bool, done: str, wish: str) -> str:
    return wish if would else done


def _agree(number: int) -> str:
    return "matches" if number == 1 else "match"
