"""A Parquet file that is read as it is: no dataset, no overlays, no tombstones, its own types."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from usr_core.fs.errors import file_system_error
from usr_core.records.arrays import conform, plain_type, row_width
from usr_core.registry.errors import UnsupportedType
from usr_core.registry.types import from_arrow
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.errors import UnknownColumn
from usr_core.store.questions.errors import CellOutOfRange
from usr_core.store.questions.overview import ColumnOverview, type_text
from usr_core.store.rules.errors import NotAFile, RepeatedColumn, SourceMissing, SourceUnreadable
from usr_core.values.names import names_given

__all__ = ["ParquetTarget"]

_ROWS = 65_536
_BATCH_BYTES = 16 << 20
"""Wide rows make batches shorter."""


class ParquetTarget:
    """One open Parquet file; for one thread."""

    def __init__(self, source: OpenParquet) -> None:
        self._source = source

    @classmethod
    def open(cls, path: Path) -> ParquetTarget:
        """Open `path` and read its footer.

        Raises:
            SourceMissing, NotAFile: The file does not exist, or is not a regular file.
            SourceUnreadable: The file is not a whole Parquet file.
            RepeatedColumn: Two of its columns share a name.
            FileSystemError: The file can't be opened.
        """
        _check_file(path)
        try:
            source = OpenParquet.open(path)
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise file_system_error(error, path, "read the file") from error
            raise _unreadable(path, error) from error
        names = source.schema.names
        repeated = next((name for name, count in Counter(names).items() if count > 1), None)
        if repeated is not None:
            source.close()
            raise RepeatedColumn(path, repeated)
        return cls(source)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def rows(self) -> int:
        """Rows of the file."""
        return self._source.rows

    def unregistrable(self, columns: Sequence[str] | None = None) -> pa.Field | None:
        """Return the first column whose type the registry has no word for, or None. Errors as `schema`."""
        for field in self.schema(columns):
            try:
                from_arrow(plain_type(field.type))
            except UnsupportedType:
                return field
        return None

    def columns(self) -> tuple[ColumnOverview, ...]:
        """Return the file's columns in its order."""
        return tuple(
            ColumnOverview(name=field.name, type=type_text(field.type), nullable=field.nullable, origin="file")
            for field in self._source.schema
        )

    def schema(self, columns: Sequence[str] | None = None, *, plain: bool = False) -> pa.Schema:
        """Return the schema of `batches` for the same arguments, without metadata.

        Args:
            columns: Names in the order wanted, or None for all.
            plain: Give every type its plain spelling: text for wide or dictionary-encoded text, and so on.

        Raises:
            UnknownColumn: The file has no such column.
        """
        known = self._source.schema
        names = known.names if columns is None else list(dict.fromkeys(names_given(columns)))
        for name in names:
            if known.get_field_index(name) < 0:
                raise UnknownColumn(name, known=known.names)
        fields = [known.field(name) for name in names]
        return pa.schema([field.with_type(plain_type(field.type)) for field in fields] if plain else fields)

    def batches(
        self,
        columns: Sequence[str] | None = None,
        *,
        plain: bool = False,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield the file's rows in its order, 65,536 and 16 MiB a batch at most; only the columns asked for are read.

        Raises:
            UnknownColumn: The file has no such column; raised at the call.
            SourceUnreadable: A page is damaged.
        """
        return self._batches(self.schema(columns, plain=plain), progress)

    def head(self, n: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the first `n` rows; no more row groups are read than hold them. Errors as `batches`."""
        schema = self.schema(columns)
        return pa.Table.from_batches(self._slice(0, min(max(n, 0), self.rows), schema), schema)

    def cell(self, row: int, column: str) -> pa.Scalar:
        """Return one cell; rows are counted from 0.

        Raises:
            CellOutOfRange: The file has no such row.
            UnknownColumn, SourceUnreadable: As `batches`.
        """
        schema = self.schema([column])
        if not 0 <= row < self.rows:
            raise CellOutOfRange(row, rows=self.rows)
        (batch,) = self._slice(row, 1, schema)
        return batch.column(0)[0]

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def _batches(self, schema: pa.Schema, progress: Callable[[int], None] | None) -> Iterator[pa.RecordBatch]:
        try:
            reader = self._source.reader()
            rows = min(_ROWS, max(1, _BATCH_BYTES // (sum(row_width(field.type) for field in schema) + 1)))
            for batch in reader.iter_batches(rows, columns=schema.names, use_threads=True):
                yield _in_order(batch, schema)
                if progress is not None:
                    progress(len(batch))
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self._source.path, error) from error

    def _slice(self, start: int, count: int, schema: pa.Schema) -> list[pa.RecordBatch]:
        metadata, held, first = self._source.file.metadata, [], 0
        try:
            for group in range(metadata.num_row_groups):
                done, first = first, first + metadata.row_group(group).num_rows
                if first <= start or count <= 0:
                    continue
                rows = min(_ROWS, max(1, start + count - done))
                for batch in self._source.reader().iter_batches(rows, row_groups=[group], columns=schema.names):
                    if done + len(batch) > start:
                        piece = _in_order(batch, schema).slice(max(0, start - done), count)
                        held.append(piece)
                        start, count = start + len(piece), count - len(piece)
                    done += len(batch)
                    if count <= 0:
                        break
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(self._source.path, error) from error
        return held


def _in_order(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    if not len(schema):
        return batch
    arrays = [conform(batch.column(field.name), field.type) for field in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _check_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceMissing(path=path) from error
    except ValueError as error:  # a null byte in the name
        raise SourceMissing(path=path) from error
    except OSError as error:
        raise file_system_error(error, path, "read the file") from error
    if not stat.S_ISREG(mode):
        raise NotAFile(path=path, kind="a folder" if stat.S_ISDIR(mode) else "no regular file")


def _unreadable(path: Path, error: Exception) -> SourceUnreadable:
    reason = (str(error).splitlines() or ["no reason given"])[0]
    return SourceUnreadable(
        path, f"It can't be read as Parquet: {reason}", hint="Give a Parquet file; copy it again if it is cut off."
    )
