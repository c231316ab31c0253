"""The rows that an import leaves out, as a CSV file, so that nothing is lost."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from usr_core.fs.durable import sync_file, sync_folder, temporary_sibling
from usr_core.fs.errors import file_system_error
from usr_core.store.changes.import_.build import BuildOutcome
from usr_core.store.changes.import_.kept import KeptPart, KeptValues
from usr_core.values.json_writing import dumps, to_json

__all__ = ["rejects_file"]


@contextlib.contextmanager
def rejects_file(target: Path, kept: KeptValues, built: BuildOutcome, part: KeptPart | None) -> Iterator[None]:
    """Write the file before the block, which commits the change, and give it its name after it.

    A line has the input's name, the row in it, the reason, the name and the id of the record, and its values of the
    kept columns.

    Raises:
        FileSystemError: The file can't be written; the change is not made then.
    """
    temporary = temporary_sibling(target)
    try:
        try:
            with temporary.open("x", encoding="utf-8", newline="") as file:
                lines = csv.writer(file, lineterminator="\n")
                lines.writerow(["file", "row", "reason", "name", "id", *kept.columns_seen])
                lines.writerows(_lines(kept, built, part))
            sync_file(temporary)
        except OSError as error:
            raise file_system_error(error, target, "write the rejected rows") from error
        yield
        temporary.rename(target)
        sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _lines(kept: KeptValues, built: BuildOutcome, part: KeptPart | None) -> Iterator[list[object]]:
    reasons = dict.fromkeys(() if part is None else part.left_rows, "the record has another value")
    if built.repeated is not None:
        for row, original in zip(built.repeated.rows.tolist(), built.repeated.originals.tolist(), strict=True):
            if original < 0:
                reasons.setdefault(row, "the dataset has this record")
            else:
                label, first = built.inputs.place(original)
                reasons[row] = f"row {first} of {label} is the same record"
    for row, values in kept.rows(np.asarray(sorted(reasons), np.int64)):
        label, number = built.inputs.place(row)
        cells = [_cell(values.column(column)) for column in kept.columns_seen]
        yield [label, number, reasons[row], kept.name_among(values) or "", values.column("id")[0].as_py(), *cells]


def _cell(value: pa.Array) -> str:
    only = value[0].as_py()
    return only if isinstance(only, str) else "" if only is None else dumps(to_json(value)[0])
