"""Checks of plugins on the rows that come in: an error refuses the input, the rest is told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.errors import visible
from usr_core.plugin.specs import Finding
from usr_core.records.base_schema import BASE_COLUMNS
from usr_core.store.changes.import_.build import InputRows
from usr_core.store.changes.import_.kept import KeptValues
from usr_core.store.checks.validate.plugin_checks import MOST_FINDINGS, Check
from usr_core.store.ids.word_sets import row_groups_from
from usr_core.store.rules.errors import RefusedByCheck

__all__ = ["check_incoming"]


def check_incoming(
    checks: Sequence[Check], *, written: Path, offset: int, inputs: InputRows, kept: KeptValues | None
) -> tuple[Finding, ...]:
    """Run the checks that are for imports, and return their warnings and notes; rows are those of all inputs together.

    A check sees every row of the input once, in order, duplicates too, the columns of a record and those that are kept.
    It is not run where one of its columns, or its namespace, does not come in.

    Args:
        checks: Those of the host.
        written: The file that holds the rows, finished.
        offset: How many rows of it precede them.
        inputs: How many rows each input had.
        kept: The values that are kept beside the records, finished.

    Raises:
        RefusedByCheck: A check found an error; the file and row of the first one are told.
        PluginCallError: A check failed.
    """
    beside = kept.columns_seen if kept is not None else ()
    found: list[Finding] = []
    for check in checks:
        spec = check.spec
        columns = spec.columns or (*BASE_COLUMNS, *beside)
        elsewhere = spec.namespace is not None and not any(name.startswith(f"{spec.namespace}__") for name in beside)
        if "import" not in spec.at or elsewhere or not {*BASE_COLUMNS, *beside}.issuperset(columns):
            continue
        for finding in check.run(_incoming(written, offset, kept if beside else None, columns)):
            if finding.severity == "error":
                raise _refusal(check, finding, inputs)
            if len(found) < MOST_FINDINGS:
                found.append(finding)
    return tuple(found)


def _refusal(check: Check, finding: Finding, inputs: InputRows) -> RefusedByCheck:
    first = finding.rows[0] if finding.rows else None
    label, row = (inputs.labels[0] if len(inputs.labels) == 1 else None), None
    if first is not None and 1 <= first <= inputs.total:
        label, row = inputs.place(first - 1)
    return RefusedByCheck(
        reason=visible(finding.message),
        hint=visible(finding.hint or "Correct the input."),
        label=label,
        row=row,
        rows=finding.count if finding.count > 1 else None,
        check=check.spec.name,
        plugin=check.plugin,
        finding=visible(finding.code),
    )


def _incoming(written: Path, offset: int, kept: KeptValues | None, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows with these columns, a bounded batch at a time."""
    records = _records(written, offset, [name for name in columns if name in BASE_COLUMNS])
    if kept is None:
        for batch in records:
            yield batch.select(list(columns))
        return
    waiting = pa.table({})
    for beside in kept.batches():
        # The spool has a batch for each one of the input; the file has its own.
        while waiting.num_rows < beside.num_rows:
            waiting = (
                pa.concat_tables([waiting, pa.table(next(records))]) if waiting.num_rows else pa.table(next(records))
            )
        (batch,) = waiting.slice(0, beside.num_rows).combine_chunks().to_batches()
        waiting = waiting.slice(beside.num_rows)
        arrays = [batch[name] if name in batch.schema.names else beside[name] for name in columns]
        yield pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _records(written: Path, offset: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(written) as source:
        for group, first in row_groups_from(source, offset):
            at = first
            # The id comes along, so that a batch has its number of rows where only kept columns are wanted.
            for batch in source.iter_batches(
                row_groups=[group], columns=list(dict.fromkeys(["id", *columns])), use_threads=False
            ):
                new = batch.slice(max(0, offset - at))
                at += batch.num_rows
                if new.num_rows:
                    yield new
