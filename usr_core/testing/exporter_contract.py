"""The contract of an exporter: subclass `ExporterContract`, supply ``exporter`` and ``read_back``."""

from __future__ import annotations

import contextlib
import io
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from usr_core.errors import UsrError
from usr_core.plugin.specs import Exporter, ExportRequest, ExportResult
from usr_core.testing.contract import Contract, needs
from usr_core.testing.samples import SAMPLES, sample_table

__all__ = ["ExporterContract"]

_WIDE_ROWS = 4
_WIDE_TEXT = "ACGT" * (16 << 10)
_WIDE_BYTES = _WIDE_ROWS * len(_WIDE_TEXT)


class ExporterContract(Contract):
    """An exporter writes the one file it is given, holding a bounded number of batches, and counts what it wrote.

    A subclass whose name begins with ``Test`` overrides `exporter` and `read_back`.

    Every schema that it is given has the columns ``id`` and ``sequence``.

    Attributes:
        columns: The columns that the format can hold, where it holds those only (FASTA has ``id`` and ``sequence``), or
            None for any. `read_back` gives those of the schema that are among them; others are left out or refused.
        types: The registry types that the format can hold. Columns of any other are refused, in proper form.
        held_bytes: How much of its input the exporter may hold at a time.
        features: ``round_trip``: `read_back` gives every value of `types` as it was, in a column of any name.
            ``streams``: its spec says that it streams.
    """

    columns: ClassVar[frozenset[str] | None] = None
    types: ClassVar[frozenset[str]] = frozenset(SAMPLES)
    held_bytes: ClassVar[int] = 16 << 20

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the tests of types for those that they are about."""
        if "spelling" in metafunc.fixturenames:
            metafunc.parametrize("spelling", sorted(self.types))
        if "any_spelling" in metafunc.fixturenames:
            metafunc.parametrize("any_spelling", sorted(SAMPLES))

    @pytest.fixture
    def exporter(self) -> Exporter:
        """Return the exporter."""
        raise NotImplementedError("a subclass of ExporterContract supplies the fixture `exporter`")

    def read_back(self, path: Path, schema: pa.Schema) -> pa.Table:
        """Read a file of the format that the exporter wrote from batches of this schema; only columns that it holds."""
        raise NotImplementedError("a subclass of ExporterContract supplies `read_back`")

    def test_zero_batches_give_a_valid_empty_file(self, exporter: Exporter, tmp_path: Path) -> None:
        """A file, that can be read back to no row."""
        schema = pa.schema([("id", pa.string()), ("sequence", pa.string())])
        path = tmp_path / "out"
        result = exporter.write(ExportRequest(path=path, schema=schema), iter([]))

        assert (0, path.stat().st_size) == (result.rows, result.size_bytes)
        assert 0 == self.read_back(path, schema).num_rows

    def test_rows_and_bytes_are_counted(self, exporter: Exporter, tmp_path: Path) -> None:
        """Over all batches, empty ones among them."""
        batches = [_batch(0, 3), _batch(3, 0), _batch(3, 5)]
        path = tmp_path / "out"
        result = exporter.write(ExportRequest(path=path, schema=batches[0].schema), iter(batches))

        assert (8, path.stat().st_size) == (result.rows, result.size_bytes)

    def test_rows_keep_their_order_and_their_columns(self, exporter: Exporter, tmp_path: Path) -> None:
        """Those of the schema, one batch after the other."""
        batches = [_batch(0, 3), _batch(3, 0), _batch(3, 5)]
        schema = batches[0].schema
        path = tmp_path / "out"
        exporter.write(ExportRequest(path=path, schema=schema), iter(batches))
        found = self.read_back(path, schema)

        assert self._held(schema.names) == found.column_names
        assert self._kept(_batch(0, 8)) == found.to_pydict()

    def test_nothing_but_the_file_is_left(self, exporter: Exporter, tmp_path: Path) -> None:
        """The core renames one file; whatever lay beside it would stay for ever."""
        batch = _batch(0, 3)
        exporter.write(ExportRequest(path=tmp_path / "out", schema=batch.schema), iter([batch]))

        assert ["out"] == [entry.name for entry in tmp_path.iterdir()]

    def test_a_second_file_is_written_like_the_first(self, exporter: Exporter, tmp_path: Path) -> None:
        """An exporter keeps nothing of the rows it wrote before."""
        batch = _batch(0, 3)
        for name in ("one", "two"):
            exporter.write(ExportRequest(path=tmp_path / name, schema=batch.schema), iter([batch]))
        tables = [self.read_back(tmp_path / name, batch.schema).to_pydict() for name in ("one", "two")]

        assert tables[0] == tables[1] == self._kept(batch)

    def test_few_batches_are_held_at_a_time(self, exporter: Exporter, tmp_path: Path) -> None:
        """Most have gone before the last one is asked for."""
        alive: list[weakref.ref[pa.RecordBatch]] = []
        most, number = 0, 4 * self.held_bytes // _WIDE_BYTES
        ids, column = pa.array([f"{row:040x}" for row in range(_WIDE_ROWS)]), pa.array([_WIDE_TEXT] * _WIDE_ROWS)

        def counted() -> Iterator[pa.RecordBatch]:
            nonlocal most
            for _ in range(number):
                batch = pa.record_batch({"id": ids, "sequence": column})
                alive[:] = [held for held in alive if held() is not None] + [weakref.ref(batch)]
                most = max(most, len(alive))
                yield batch

        schema = _batch(0, 0).schema
        result = exporter.write(ExportRequest(path=tmp_path / "out", schema=schema), counted())

        assert number * _WIDE_ROWS == result.rows
        assert most * _WIDE_BYTES <= 2 * self.held_bytes

    def test_an_error_of_the_batches_comes_out(self, exporter: Exporter, tmp_path: Path) -> None:
        """A base that can't be read is not a success with fewer rows."""
        failure = RuntimeError("the base can't be read")

        def broken() -> Iterator[pa.RecordBatch]:
            yield _batch(0, 3)
            raise failure

        with pytest.raises(Exception, match="the base can't be read") as caught:
            exporter.write(ExportRequest(path=tmp_path / "out", schema=_batch(0, 0).schema), broken())
        assert failure in (caught.value, caught.value.__cause__, caught.value.__context__)

    def test_every_registry_type_is_written_or_refused(
        self, exporter: Exporter, tmp_path: Path, any_spelling: str
    ) -> None:
        """With nulls, limits, empty and odd values; a type that is not among `types` is a `UsrError`.

        In a column that the format does not hold, it does not matter whether it is left out or refused.
        """
        table = _with_records(sample_table(any_spelling))
        if "x" not in self._held(["x"]):
            with contextlib.suppress(UsrError):
                assert table.num_rows == _written(exporter, tmp_path / "out", table).rows
        elif any_spelling not in self.types:
            with pytest.raises(UsrError):
                _written(exporter, tmp_path / "out", table)
        else:
            assert table.num_rows == _written(exporter, tmp_path / "out", table).rows

    @needs("round_trip")
    def test_every_value_reads_back(self, exporter: Exporter, tmp_path: Path, spelling: str) -> None:
        """A null is not an empty text, ``007`` is not a number, and the last digit of a float is there."""
        table = _with_records(sample_table(spelling))
        _written(exporter, tmp_path / "out", table)
        back = self.read_back(tmp_path / "out", table.schema)

        # As text: NaN is not equal to itself, and -0.0 is equal to 0.0.
        assert repr(table.column("x").to_pylist()) == repr(back.column("x").to_pylist())

    @needs("streams")
    def test_a_stream_holds_what_the_file_holds(self, exporter: Exporter, tmp_path: Path) -> None:
        """It is written from its first byte to its last, and the file at the request's path is left alone."""
        table = pa.Table.from_batches([_batch(0, 3), _batch(3, 5)])
        written = _written(exporter, tmp_path / "out", table)
        stream = _OneWay()
        request = ExportRequest(path=tmp_path / "not-this", schema=table.schema, opener=lambda: stream)  # type: ignore[arg-type, return-value]
        streamed = exporter.write(request, iter(table.to_batches(max_chunksize=2)))

        assert (tmp_path / "out").read_bytes() == bytes(stream.content)
        assert (written.rows, written.size_bytes) == (streamed.rows, streamed.size_bytes)
        assert not (tmp_path / "not-this").exists()

    def _held(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self.columns is None or name in self.columns]

    def _kept(self, batch: pa.RecordBatch) -> dict[str, list[object]]:
        return {name: values for name, values in batch.to_pydict().items() if name in self._held([name])}


class _OneWay(io.RawIOBase):
    """A stream that can't be read, nor moved in."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return len(self.content)

    def write(self, content: object) -> int:
        before = len(self.content)
        self.content += bytes(content)  # type: ignore[call-overload]
        return len(self.content) - before


def _with_records(table: pa.Table) -> pa.Table:
    """Return the table with an id and a sequence a row, and its own columns behind them."""
    records = pa.Table.from_batches([_batch(0, table.num_rows)])
    for field, column in zip(table.schema, table.columns, strict=True):
        records = records.append_column(field, column)
    return records


def _written(exporter: Exporter, path: Path, table: pa.Table) -> ExportResult:
    batches: Iterable[pa.RecordBatch] = iter(table.to_batches(max_chunksize=2))
    return exporter.write(ExportRequest(path=path, schema=table.schema), batches)


def _batch(first: int, rows: int) -> pa.RecordBatch:
    ids = [f"{number:040x}" for number in range(first, first + rows)]
    return pa.record_batch({"id": pa.array(ids, pa.string()), "sequence": pa.array(["ACGT"] * rows, pa.string())})
