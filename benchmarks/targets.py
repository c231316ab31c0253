"""What the project's figures are to reach: one table, from which the benchmarks take their limits.

A row is named by its key. A benchmark measures the row, beside its yardstick and in the same run, and states it with
`measure.compare(..., target=KEY)` or `measure.reached(KEY, value)`; `python -m benchmarks` ends with the table of all.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TARGETS", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """The most that a figure may be.

    Attributes:
        job: What is done.
        unit: What the figure is counted in: ``x`` and the yardstick, or a unit such as ``s beyond start``.
        limit: The most, in that unit.
        rows: The rows of the dataset for which this is promised; None where a small one is meant.
        before: The figure before the work on it began, where there is one.
    """

    job: str
    unit: str
    limit: float
    rows: int | None = None
    before: float | None = None


_M = 1_000_000
_DUCKDB = "x DuckDB"
_BEYOND = "s beyond start"
_PARTS = "x its parts"
_THREE_RECORDS = "x the imports it needs"

TARGETS: dict[str, Target] = {
    # A few rows onto many.
    "attach few by id": Target("attach 1,000 rows by id", _DUCKDB, 0.6, 10 * _M, 4.5),
    "attach few by sequence": Target("attach 1,000 rows by sequence", _DUCKDB, 0.6, 10 * _M, 2.4),
    "attach few, growth": Target("attach 1,000 rows", "x the same onto a tenth of the rows", 1.3, 10 * _M),
    "attach few, memory": Target("attach 1,000 rows, peak", "MiB", 150, 10 * _M, 926),
    "write_overlay_part": Target("`write_overlay_part` of 1,000 rows, second call on", "s", 0.05, 10 * _M, 3.0),
    "append": Target("append 10,000 rows", "x copy + fsync", 1.5, 10 * _M, 2.9),
    "delete many": Target("delete 100,000 ids", _BEYOND, 0.3, 10 * _M, 1.5),
    "restore many": Target("restore 100,000 ids", _BEYOND, 0.3, 10 * _M, 1.5),
    "state set many": Target("state set of 100,000 ids", _BEYOND, 0.3, 10 * _M, 1.5),
    "state clear many": Target("state clear of 100,000 ids", _BEYOND, 0.3, 10 * _M, 1.5),
    # Whole columns and vectors.
    "attach column by id, Parquet": Target("attach a float column by id, Parquet", _DUCKDB, 0.9, _M, 2.7),
    "attach column by id, CSV": Target("attach a float column by id, CSV", _DUCKDB, 0.9, _M, 2.7),
    "attach column by sequence, Parquet": Target("attach a float column by sequence, Parquet", _DUCKDB, 1.0, _M, 2.7),
    "attach column by sequence, CSV": Target("attach a float column by sequence, CSV", _DUCKDB, 1.0, _M, 2.7),
    "attach vectors, shuffled": Target("attach 512 floats, shuffled", "x raw write", 6.0, _M, 22),
    "attach vectors, in order": Target("attach 512 floats in the base's order", "x raw write", 4.0, _M, 16),
    "attach vectors, memory": Target("attach 512 floats, peak", "MB", 400, _M),
    "materialize vectors": Target("materialize 512 floats in the base's order", "x (copy + start)", 1.8, _M, 8.7),
    "materialize vectors, memory": Target("materialize 512 floats, peak", "MB", 200, _M, 591),
    # A few records out of many.
    "get": Target("`get` of one id, no parts", _BEYOND, 0.1, 10 * _M, 0.094),
    "get, 5x20 parts": Target("`get` of one id, 5 namespaces of 20 parts", _BEYOND, 0.06, 10 * _M, 0.341),
    "get, 2,000 parts": Target("`get` of one id, 2,000 parts", _BEYOND, 0.15, _M, 0.6),
    "head": Target("`head -n 10`, 0 to 2,000 parts, the slowest", _BEYOND, 0.08, _M, 0.8),
    "grep": Target("`grep` of what is not there", "x Polars", 1.0, 10 * _M, 1.84),
    # Small datasets, and starting.
    "help": Target("`--help`", "x import typer", 1.3),
    "help, 50 plugins": Target("`--help`, 50 more plugins", "x import typer", 1.8),
    "events tail": Target("`events tail`", "x import typer", 1.3),
    "ls": Target("`ls`", "x import typer", 2.0),
    "ls of many": Target("`ls` of 2,000 datasets", "x import typer", 4.0, None, 7.0),
    "attach to 3": Target("`attach` to 3 records", _THREE_RECORDS, 1.3),
    "validate 3": Target("`validate` of 3 records", _THREE_RECORDS, 1.3),
    "schema of 3": Target("`schema` of 3 records", "s", 0.2, None, 0.5),
    "cols of 3": Target("`cols` of 3 records", "s", 0.2, None, 0.5),
    "snapshot of 3": Target("`snapshot` of 3 records", "s", 0.2, None, 0.5),
    "init": Target("`init`", "s", 0.2, None, 0.5),
    "info of 3": Target("`info` of 3 records", "s", 0.2, None, 0.5),
    "validate wide": Target("`validate` of one row with 1,200 columns", "x the same with 400", 3.3),
    # Imports.
    "import": Target("import a CSV file", _PARTS, 1.3, _M, 1.16),
    "import, long": Target("import a CSV file, 1,000 letters", "x encoding", 3.0, _M),
    "import, long, memory": Target("import a CSV file, 1,000 letters, peak", "MB", 1000, _M),
    "import 10 M": Target("import a CSV file", _PARTS, 0.9, 10 * _M, 0.98),
    "import 10 M, memory": Target("import a CSV file, peak", "MiB", 400, 10 * _M, 630),
    # The whole dataset.
    "validate": Target("validate, ids recomputed", "x (decode + sha1 + sort)", 2.0, 10 * _M, 1.0),
    "validate, memory": Target("validate, peak", "MB", 1500, 10 * _M),
    "export": Target("export 5 namespaces of 20 parts to Parquet", "x (read + write)", 1.6, _M),
    "export, memory": Target("export 5 namespaces of 20 parts, peak", "MB", 900, _M),
    "materialize": Target("materialize 5 namespaces of 20 parts", "x (read + write)", 1.6, _M),
    "materialize, memory": Target("materialize 5 namespaces of 20 parts, peak", "MB", 900, _M),
    "merge": Target("read 5 namespaces of 20 parts to Arrow, wall time", "x DuckDB", 0.8, _M),
    "compact": Target("compact 20 parts", "x (read + write)", 1.5, _M),
    "dedupe by id": Target("dedupe by id, dry run", "x (read + sort)", 2.0, _M),
    "dedupe by sequence": Target("dedupe by sequence, dry run", "x (read + sort)", 2.0, _M),
    "dedupe by sequence_ci": Target("dedupe by sequence_ci, dry run", "x (read + sort)", 2.0, _M),
    # Reading for learning machines.
    "scan scalars": Target("`scan(batch_rows=…)`, scalars of 20 parts", "x pyarrow.parquet, flat", 1.0, _M),
    "scan vectors": Target("`scan(batch_rows=…)`, 512 floats of 20 parts", "x pyarrow.parquet, flat", 1.0, 100_000),
    "batches scalars": Target("`batches(…)`, scalars of 20 parts", "x pyarrow.parquet, flat", 1.0, _M),
    "batches vectors": Target("`batches(…)`, 512 floats of 20 parts", "x pyarrow.parquet, flat", 1.0, 100_000),
    # A function over every record.
    "map, wall": Target("map a function of 20 us a record with 2 workers, wall time", "x the bare loop", 0.6, _M),
    "map, CPU": Target("map a function of 20 us a record with 2 workers", "x the bare loop", 1.2, _M),
    "map, shards": Target("plan and commit 1,000 shards", "s CPU", 3.0),
    "map, growth": Target("plan, look at and commit 100,000 empty shards", "x ten times as for 10,000", 1.2),
    # Versions.
    "head --at": Target("`head --at` a version with 1,000 events behind it", _BEYOND, 0.12, 10 * _M),
    "export at": Target("export of a version, 5 namespaces of 20 parts", "x the export of now", 1.1, _M),
    "compare": Target("compare two versions with 10 columns, 1 % changed", "x DuckDB, flat", 0.8, _M),
    "rollback": Target("roll an append back", "x a copy, without starts", 1.2, 10 * _M),
    "log": Target("`log`, the last 20 of 100,000 events", "x import typer", 1.5),
    "appends, kept": Target("1,000 appends of 5,000 records, bytes kept", "x the last base", 1.2, _M),
    "attachments, kept": Target("1,000 attachments, bytes kept", "bytes", 0, _M),
    # Two copies.
    "push, first": Target("first push", "x rsync and two passes of sha256sum", 1.5),
    "pull, no-op": Target("pull with nothing to do", "x two passes of sha256sum", 1.3),
    "push of a part": Target("bytes that a push of one part sends", "x the part", 1.1),
    "lock there": Target("the remote's lock, while 20,000 new files are committed", "s", 2.0),
    "push beside many, CPU": Target("push of one event beside 20,000 small files, CPU here", "s", 3.0, None, 12),
    "push beside many, time": Target("push of one event beside 20,000 small files, wall time", "s", 34.0, None, 114),
    "push beside many, received": Target("push of one event beside 20,000 small files, received", "MB", 1.0, None, 5.3),
    "turns": Target("pull with nothing to do, turns beyond ssh's own", "turns", 6.0, None, 10),
}
