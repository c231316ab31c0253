"""What the commands of this plugin say when they are done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.api import counted

if TYPE_CHECKING:
    from usr_core.api.results import AttachOutcome, ImportOutcome, MaterializeOutcome

__all__ = [
    "attach_note",
    "attach_text",
    "attach_warning",
    "import_notes",
    "import_text",
    "import_warnings",
    "materialize_text",
]


_NAMED = 4
"""Columns that are named one by one."""


def import_text(outcome: ImportOutcome, name: str, *, dry_run: bool = False) -> str:
    """Return what came in, what was kept beside it, and how many records take up values that were kept for them."""
    text = f"{'would import' if dry_run else 'imported'} {counted(outcome.added, 'record')} into {name}"
    if outcome.skipped:
        text += f" ({counted(outcome.rows_read, 'row')} read, {counted(outcome.skipped, 'duplicate')} skipped)"
    if outcome.kept_values:
        takes = (
            "takes up values that were kept for it"
            if outcome.kept_values == 1
            else ("take up values that were kept for them")
        )
        text += f"\n  {counted(outcome.kept_values, 'record')} of them {takes}"
    if outcome.kept_columns and outcome.rows_kept:
        columns = outcome.kept_columns
        named = ", ".join(columns) if len(columns) <= _NAMED else f"{len(columns)} columns of {outcome.kept}"
        text += f"\n  {'would keep' if dry_run else 'kept'} {named} of {counted(outcome.rows_kept, 'record')}"
    return text


def import_notes(outcome: ImportOutcome, *, dry_run: bool = False) -> list[str]:
    """Return the remarks about alphabets that were chosen, a namespace that was registered, and columns not kept."""
    notes = [f"{found.code}: {found.message}" for found in outcome.findings if found.severity == "note"]
    if names := outcome.alphabets:
        notes.append(f"took {' and '.join(names)}: the narrowest with every letter of the input")
    if outcome.registered is not None:
        done = "would register" if dry_run else "registered"
        notes.append(f"{done} the namespace {outcome.registered}, which the file's format has")
    if names := outcome.ignored_columns:
        noun = "column" if len(names) == 1 else "columns"
        hint = "`--keep NS` or `usr attach` keeps what a namespace registers"
        notes.append(f"ignored {noun}: {', '.join(names)} ({hint})")
    return notes


def import_warnings(outcome: ImportOutcome) -> list[str]:
    """Return the warnings about deleted records, about some that differ in letter case only, and a second bio_type."""
    warnings = [f"{found.code}: {found.message}" for found in outcome.findings if found.severity == "warning"]
    if count := outcome.skipped_deleted:
        stays, them = ("is deleted in the dataset and stays so", "it")
        if count > 1:
            stays, them = ("are deleted in the dataset and stay so", "them")
        warnings.append(
            f"{counted(count, 'record')} of the duplicates that were skipped {stays}; `usr restore` brings {them} back"
        )
    if count := outcome.case_variants:
        verb = "differs" if count == 1 else "differ"
        warnings.append(
            f"{counted(count, 'new record')} {verb} from another one only in letter case; they are separate records"
        )
    if count := outcome.values_left:
        there, has = ("another one", "its record has") if count == 1 else ("others", "their records have")
        warnings.append(f"{counted(count, 'value')} left out, as {has} {there} already; `--rejects FILE` lists them")
    if len(outcome.new_bio_types) and len(outcome.bio_types) > 1:
        warnings.append(
            f"the dataset now holds {' and '.join(outcome.bio_types)}; sequence keys need one bio_type a dataset"
        )
    return warnings


def attach_note(outcome: AttachOutcome) -> str:
    """Return the remark about columns of the file that the namespace does not register, or ""."""
    names = outcome.ignored_columns
    return f"ignored {'column' if len(names) == 1 else 'columns'}: {', '.join(names)} (not registered)" if names else ""


def attach_text(outcome: AttachOutcome, name: str, *, dry_run: bool = False) -> str:
    """Return what was attached, and how many rows were left out."""
    if not outcome.rows_read:
        return f"nothing attached to {name}: the file has no rows"
    missing, empty = outcome.rows_missing, outcome.rows_empty
    left_out = [f"{counted(missing, 'row')} matched no record"] if missing else []
    left_out += [f"{counted(empty, 'row')} {'has' if empty == 1 else 'have'} no value"] if empty else []
    if not outcome.rows_attached:
        return f"nothing attached to {name}: {', '.join(left_out)}"
    columns = ", ".join(outcome.columns)
    text = (
        f"{'would attach' if dry_run else 'attached'} {columns} to {counted(outcome.rows_attached, 'record')} of {name}"
    )
    if outcome.rows_repeated:
        left_out.insert(0, f"from {counted(outcome.rows_read - missing - empty, 'row')}")
    return f"{text} ({', '.join(left_out)})" if left_out else text


def attach_warning(outcome: AttachOutcome) -> str:
    """Return the warning about values of deleted records, or ""."""
    count = outcome.rows_deleted
    verb, them = ("is", "it") if count == 1 else ("are", "them")
    return f"{counted(count, 'record')} of them {verb} deleted; `usr restore` brings {them} back" if count else ""


def materialize_text(outcome: MaterializeOutcome, name: str, *, would: bool = False) -> str:
    """Return what was folded and dropped, or would be, one line a fact."""
    if not outcome.namespaces and not outcome.rows_dropped:
        return f"{name} has nothing to materialize; nothing {'would be' if would else 'was'} changed"
    verb, folded = "would materialize" if would else "materialized", ", ".join(outcome.namespaces) or "no namespace"
    lines = [f"{verb} {folded} into {name}: {counted(outcome.rows, 'record')}"]
    lines += [f"  + {column}" for column in outcome.columns]
    if outcome.rows_dropped:
        lines.append(f"  - {counted(outcome.rows_dropped, 'deleted record')}")
    lines += [
        f"  {namespace}: the values of {counted(count, 'key')} that the base has no record for stay attached"
        for namespace, count in outcome.kept.items()
    ]
    if outcome.snapshot is not None:
        lines.append(f"  {'would keep' if would else 'kept'} {outcome.snapshot}")
    return "\n".join(lines)
