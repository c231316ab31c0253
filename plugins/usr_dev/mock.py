"""Mock records and columns, the same for the same seed on every machine.

A namespace for mock data has the columns ``<ns>__x`` (features), ``<ns>__y`` (labels) and ``<ns>__score``; a value
depends on the seed and the record's place in the base only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from usr_core.api import Dataset
from usr_core.api.registry import register_namespace
from usr_dev.errors import MockRefused

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

__all__ = ["MockColumns", "add_demo_columns", "make_mock"]

_BATCH = 4_096
_MARK = "mock data for development"


@dataclass(frozen=True, slots=True, kw_only=True)
class MockColumns:
    """Which columns: their namespace, and the lengths of their two vectors."""

    namespace: str
    x_dim: int
    y_dim: int
    seed: int

    def registered(self) -> list[tuple[str, str]]:
        """Return the names with their registry types."""
        return [
            (f"{self.namespace}__x", f"fixed_size_list<float32>[{self.x_dim}]"),
            (f"{self.namespace}__y", f"fixed_size_list<float64>[{self.y_dim}]"),
            (f"{self.namespace}__score", "float64"),
        ]


def make_mock(
    dataset: Dataset,
    columns: MockColumns,
    *,
    rows: int,
    length: int,
    from_csv: Path | None,
    force: bool,
    dry_run: bool = False,
) -> int:
    """Make a dataset of random DNA, or of a file's sequences, with mock columns; return its number of records.

    Args:
        dataset: Where; it may exist only under `force`.
        columns: What to attach.
        rows: Random records; they are distinct.
        length: Letters of each.
        from_csv: A file whose records are taken instead.
        force: Replace a dataset that is there, if this command made it.
        dry_run: Make it elsewhere, and remove it again.

    Raises:
        MockRefused: There is a dataset, and it is not to be replaced or not mock data; or there are not so many
            sequences of that length.
        RegistryConflict: The namespace is registered with other columns.
    """
    exists = dataset.layout.records.exists()
    if exists:
        _require_mock(dataset, force=force)
    if from_csv is None and rows > 4**length // 2:
        raise MockRefused(
            f"There are not enough sequences of length {length} for {rows:,} distinct ones.",
            hint="Give a larger --length or a smaller --n.",
        )
    if from_csv is not None:
        # What is wrong with the file has to be known before anything is removed.
        _try_import(dataset, from_csv)
    if dry_run:
        from usr_core.api.results import stand_in

        with stand_in(dataset) as tried:
            return make_mock(tried, columns, rows=rows, length=length, from_csv=from_csv, force=force)
    register_namespace(dataset.ref.root, columns.namespace, columns.registered(), lock_timeout=dataset.lock_timeout)
    if exists:
        import shutil

        shutil.rmtree(dataset.path)
    dataset.init(source=_MARK)
    if from_csv is not None:
        dataset.import_file(from_csv)
    else:
        found = [{"sequence": sequence} for sequence in _sequences(rows, length, columns.seed)]
        if found:
            dataset.add_sequences(found, source="mock")
    return add_demo_columns(dataset, columns)


def add_demo_columns(dataset: Dataset, columns: MockColumns, *, force: bool = True, dry_run: bool = False) -> int:
    """Attach mock columns to every record; return how many there are.

    Raises:
        MockRefused: The dataset has such columns, and `force` is not set.
        RegistryConflict: The namespace is registered with other columns.
    """
    import pyarrow as pa

    if not force:
        there = sorted({column.name for column in dataset.columns()} & {name for name, _ in columns.registered()})
        if there:
            raise MockRefused(
                f"{dataset.name} has the column {there[0]} already.",
                hint="Give another --namespace, or --force to let new values win.",
                facts={"column": there[0]},
            )
    register_namespace(
        dataset.ref.root, columns.namespace, columns.registered(), dry_run=dry_run, lock_timeout=dataset.lock_timeout
    )
    rows = dataset.base_rows()
    if rows and not dry_run:
        with dataset.scan(columns=["id"], include_deleted=True) as ids:
            schema = _schema(columns)
            batches = pa.RecordBatchReader.from_batches(schema, _values(ids, columns, schema))
            dataset.write_overlay_part(columns.namespace, batches)
    return rows


def _require_mock(dataset: Dataset, *, force: bool) -> None:
    first = next(iter(dataset.events()), None)
    args = (first.event or {}).get("args") if first is not None else None
    ours = isinstance(args, dict) and args.get("source") == _MARK
    if not (force and ours):
        raise MockRefused(
            f"There is a dataset {dataset.name}" + ("." if ours else ", and it is not one of mock data."),
            hint="Give --force to replace it." if ours else "Choose another name.",
            facts={"file": str(dataset.path)},
        )


def _try_import(dataset: Dataset, path: Path) -> None:
    from usr_core.api.results import stand_in

    with stand_in(dataset) as tried:
        tried.init().import_file(path)


def _sequences(rows: int, length: int, seed: int) -> Iterator[str]:
    import numpy as np

    letters = np.frombuffer(b"ACGT", dtype=np.uint8)
    bits = np.random.PCG64(seed)
    seen: set[bytes] = set()
    while len(seen) < rows:
        count = max(1, min(_BATCH, rows, (1 << 22) // length))
        for row in letters[(bits.random_raw(count * length) >> np.uint64(62)).reshape(count, length)]:
            sequence = row.tobytes()
            if len(seen) < rows and sequence not in seen:
                seen.add(sequence)
                yield sequence.decode("ascii")


def _schema(columns: MockColumns) -> pa.Schema:
    import pyarrow as pa

    return pa.schema(
        [
            ("id", pa.string()),
            (f"{columns.namespace}__x", pa.list_(pa.float32(), columns.x_dim)),
            (f"{columns.namespace}__y", pa.list_(pa.float64(), columns.y_dim)),
            (f"{columns.namespace}__score", pa.float64()),
        ]
    )


def _values(ids: pa.RecordBatchReader, columns: MockColumns, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    import numpy as np
    import pyarrow as pa

    from usr_core.api.arrow import fixed_array

    # NumPy promises the same bits in every version, and of nothing that it makes of them.
    bits = np.random.PCG64(columns.seed + 1)
    width = columns.x_dim + columns.y_dim + 1
    for batch in ids:
        raw = bits.random_raw(batch.num_rows * width)
        numbers = ((raw >> np.uint64(11)) * 2.0**-53).reshape(batch.num_rows, width)
        x, y, score = np.split(numbers, [columns.x_dim, columns.x_dim + columns.y_dim], axis=1)
        yield pa.RecordBatch.from_arrays(
            [
                batch.column(0).cast(pa.string()),
                _vectors(x.astype(np.float32), pa.float32(), columns.x_dim),
                _vectors(y, pa.float64(), columns.y_dim),
                fixed_array(score[:, 0], pa.float64()),
            ],
            schema=schema,
        )


def _vectors(values: np.ndarray, kind: pa.DataType, size: int) -> pa.Array:
    import pyarrow as pa

    from usr_core.api.arrow import fixed_array

    return pa.FixedSizeListArray.from_arrays(fixed_array(values.reshape(-1), kind), size)
