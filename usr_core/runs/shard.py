"""Running one shard: what every executor's workers call, as often and as late as it happens."""

from __future__ import annotations

import contextlib
import secrets
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.errors import UsrError
from usr_core.fs.durable import digest_of, sync_file
from usr_core.fs.errors import file_system_error
from usr_core.fs.files import share
from usr_core.plugin.executors import ShardReceipt, ShardSpec
from usr_core.runs.errors import RunMissing
from usr_core.runs.folder import RunFolder
from usr_core.runs.functions import load_function
from usr_core.runs.results import Caller
from usr_core.store.base.file import ParquetOutput
from usr_core.store.base.parquet import OpenParquet

if TYPE_CHECKING:
    from usr_core.plugin.host import PluginHost

__all__ = ["ROW", "batches_of", "run_shard"]

ROW = "row"
"""The column of a part, and of an input that was copied, that has the record's row of the base as it was planned."""
_BATCH_BYTES = 16 << 20
"""A batch of long sequences has fewer rows than asked for, so that what a function makes of it is bounded too."""
_GROUP_BYTES = 32 << 20


def run_shard(spec: ShardSpec, *, host: PluginHost | None = None) -> ShardReceipt:
    """Run one shard of a run and return its receipt; one that is done already is not run again.

    The function is loaded once a process. Whoever publishes first wins; for the others that is success too.

    Args:
        spec: The shard.
        host: Where the functions of plugins come from; by default the installed ones that the driver may use.

    Raises:
        RunMissing: The run is discarded or committed by now.
        FunctionUnusable, FunctionFailed: The function is at fault; a note of it lies in the run's folder.
        FileSystemError: The part can't be written, as the disk is full for one; noted too.

    Example:
        >>> from usr_core.api.runs import RunFolder, run_shard
        >>> run = dataset.map("scores.py:gc", into="lab__gc", mode="all", executor=None)
        >>> run_shard(run.folder.spec(0)).rows
        3
    """
    folder = RunFolder(Path(spec.folder))
    if not folder.exists() or folder.committed() is not None:
        raise RunMissing(run_id=spec.run_id, where=": it is discarded or committed")
    found = folder.receipt(spec.index)
    if found is not None:
        return found
    part = folder.parts / f"{spec.index:06}.{secrets.token_hex(6)}.parquet"
    try:
        receipt = _written(folder, spec, part, host)
        if folder.publish(receipt):
            return receipt
        part.unlink(missing_ok=True)
        first = folder.receipt(spec.index)
        return receipt if first is None else first
    except (Exception, SystemExit) as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        if not folder.exists() or folder.committed() is not None:
            raise RunMissing(run_id=spec.run_id, where=": it is discarded or committed") from error
        told = error
        if isinstance(error, OSError) and not isinstance(error, UsrError) and error.errno is not None:
            told = file_system_error(error, part, "write the part of a shard")
        folder.note_failure(spec.index, told, traceback.format_exc())
        if told is error:
            raise
        raise told from error
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def _written(folder: RunFolder, spec: ShardSpec, part: Path, host: PluginHost | None) -> ShardReceipt:
    """Write the part, whole and durable."""
    began = time.perf_counter()
    caller = Caller(
        spec.function,
        load_function(spec.function, spec.params, host or _host_of(spec)),
        columns=spec.columns,
        into=spec.into,
        on_error=spec.on_error,
        shard=spec.index,
    )
    schema = pa.schema([pa.field("id", pa.string(), nullable=False), pa.field(ROW, pa.int64()), *caller.schema])
    rows = failed = 0
    with ParquetOutput(part, schema, compression="zstd", compression_level=1, use_dictionary=False) as output:
        held: list[pa.RecordBatch] = []
        size = 0
        for batch, numbers in batches_of(folder, spec):
            applied = caller(batch, numbers)
            ids, places = batch.column("id"), numbers
            if len(applied.kept) < len(numbers):
                ids, places = ids.take(pa.array(applied.kept)), numbers[applied.kept]
            made = pa.RecordBatch.from_arrays([ids, pa.array(places, pa.int64()), *applied.columns], schema=schema)
            rows, failed = rows + made.num_rows, failed + applied.failed
            held.append(made)
            size += made.nbytes
            if size > _GROUP_BYTES:
                output.write_table(pa.Table.from_batches(held, schema))
                held, size = [], 0
        if held:
            output.write_table(pa.Table.from_batches(held, schema))
    share(part, like=folder.parts)
    sync_file(part)
    return ShardReceipt(
        run_id=spec.run_id,
        index=spec.index,
        file=part.name,
        sha256=digest_of(part),
        rows=rows,
        rows_failed=failed,
        seconds=round(time.perf_counter() - began, 3),
    )


def _host_of(spec: ShardSpec) -> PluginHost | None:
    """Return what has the plugins that the driver has, where some are switched off; None is what is installed."""
    if spec.function.kind != "plugin" or not spec.plugins_off:
        return None
    from usr_core.plugin.catalogue import Catalogue
    from usr_core.plugin.host import PluginHost
    from usr_core.plugin.switches import read_switches

    disabled = [name for name in spec.plugins_off if name != "*"]
    return PluginHost(Catalogue(read_switches(no_plugins="*" in spec.plugins_off, disable=disabled)))


def batches_of(folder: RunFolder, spec: ShardSpec) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """Yield the input of a shard: ``id`` and its columns, with the row of the base of each."""
    with contextlib.closing(OpenParquet.open(folder.input)) as source:
        copied = folder.plan.copied
        wanted = list(dict.fromkeys(["id", *spec.columns]))
        for start, batch in _ranges(source.file, [*wanted, *([ROW] if copied else [])], spec):
            numbers = batch.column(ROW).to_numpy() if copied else np.arange(start, start + batch.num_rows)
            given = batch.select(wanted)
            for low in range(0, given.num_rows, step := _step(given, spec.batch_rows)):
                yield given.slice(low, step), numbers[low : low + step]


def _step(batch: pa.RecordBatch, most: int) -> int:
    """Return how many rows of a batch the function is given at a time."""
    width = max(batch.nbytes // max(batch.num_rows, 1), 1)
    return int(max(1, min(most, _BATCH_BYTES // width)))


def _ranges(file: pq.ParquetFile, columns: Sequence[str], spec: ShardSpec) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the rows of the shard's ranges in order, each batch with the number of its first row."""
    metadata = file.metadata
    ends = np.cumsum([metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)])
    for start, last in spec.row_ranges:
        first, group = start, int(np.searchsorted(ends, start, side="right"))
        while first < last:
            begin = int(ends[group - 1]) if group else 0
            end = min(last, int(ends[group]))
            at = begin
            for batch in file.iter_batches(65_536, row_groups=[group], columns=list(columns), use_threads=False):
                low, high = max(first - at, 0), min(end - at, batch.num_rows)
                if low < high:
                    yield at + low, batch.slice(low, high - low).select(list(columns))
                at += batch.num_rows
                if at >= end:
                    break
            first, group = end, group + 1
