"""The contract of an importer: subclass `ImporterContract`, supply ``importer`` and ``write_file``."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from usr_core.errors import UsrError
from usr_core.plugin.specs import Importer, ImportRequest
from usr_core.registry.types import from_arrow
from usr_core.store.rules.columns import IMPORT_COLUMNS
from usr_core.testing.contract import Contract, needs
from usr_core.testing.samples import arrow_type

__all__ = ["ImporterContract"]

Row = Mapping[str, object]

_BATCH_BYTES = 64 << 10
_MANY_BYTES = 1 << 20


class ImporterContract(Contract):
    """An importer says what the file says, batch by batch, and knows the row of what it can't read.

    A subclass whose name begins with ``Test`` overrides `types`, `rows`, `importer` and `write_file`, and what its
    features need.

    Attributes:
        types: The columns of the files, in order, with the registry types they are delivered in.
        rows: At least three records of such a file, as Python values.
        suffix: What the files' names end in.
        features: ``bad_rows``: a file can be damaged in one row (`write_bad_file`). ``unicode``: cells can hold any
            letter (`unicode_rows`). ``compressed``: ``.gz`` files are read, not refused. ``namespace``: columns that a
            record does not have belong to `namespace`. ``options``: files of other dialects are read (`dialects`,
            `write_dialect`).
        namespace: The namespace of the importer's spec.
        dialects: Options in their types, as the host hands them over, each with a dialect of its own.
    """

    types: ClassVar[Mapping[str, str]] = {"sequence": "string"}
    rows: ClassVar[Sequence[Row]] = ({"sequence": "ACGT"}, {"sequence": "TTGACA"}, {"sequence": "GATTACA"})
    unicode_rows: ClassVar[Sequence[Row]] = ()
    suffix: ClassVar[str] = ".txt"
    namespace: ClassVar[str | None] = None
    dialects: ClassVar[Sequence[Mapping[str, object]]] = ()

    @pytest.fixture
    def importer(self) -> Importer:
        """Return the importer."""
        raise NotImplementedError("a subclass of ImporterContract supplies the fixture `importer`")

    def write_file(self, path: Path, rows: Sequence[Row]) -> None:
        """Write a file of the format that holds these rows; none is an empty body under a proper header."""
        raise NotImplementedError("a subclass of ImporterContract supplies `write_file`")

    def write_bad_file(self, path: Path, rows: Sequence[Row], bad: int) -> None:
        """Write such a file whose row `bad`, counted from 1, can't be read."""
        raise NotImplementedError("a subclass of ImporterContract with the feature bad_rows supplies `write_bad_file`")

    def write_dialect(self, path: Path, rows: Sequence[Row], options: Mapping[str, object]) -> None:
        """Write such a file in the dialect that the options read."""
        raise NotImplementedError("a subclass of ImporterContract with the feature options supplies `write_dialect`")

    def test_columns_are_the_files(self, importer: Importer, tmp_path: Path) -> None:
        """In the file's order."""
        path = self._written(tmp_path, self.rows)

        assert list(self.types) == _names(importer, path)

    def test_rows_come_as_written(self, importer: Importer, tmp_path: Path) -> None:
        """All of them, in order, with their spelling."""
        path = self._written(tmp_path, self.rows)

        assert list(map(dict, self.rows)) == _rows(importer, ImportRequest(path=path))

    def test_batches_are_typed_as_declared(self, importer: Importer, tmp_path: Path) -> None:
        """Every batch of a file has one schema, that of `types`."""
        path = self._written(tmp_path, self._many_rows())
        batches = list(
            _batches(importer, ImportRequest(path=path, types=self._arrow_types(), batch_bytes=_BATCH_BYTES))
        )
        schemas = {_spelled(batch.schema) for batch in batches}

        assert all(isinstance(batch, pa.RecordBatch) for batch in batches)
        assert schemas == {tuple(self.types.items())}

    def test_batches_are_bounded(self, importer: Importer, tmp_path: Path) -> None:
        """A file of many batches comes in many, none far above the size asked for."""
        rows = self._many_rows()
        path = self._written(tmp_path, rows)
        batches = list(
            _batches(importer, ImportRequest(path=path, types=self._arrow_types(), batch_bytes=_BATCH_BYTES))
        )

        assert len(rows) == sum(batch.num_rows for batch in batches)
        assert len(batches) > 1
        assert max(batch.get_total_buffer_size() for batch in batches) <= 8 * _BATCH_BYTES

    def test_only_wanted_columns_come(self, importer: Importer, tmp_path: Path) -> None:
        """One that the file lacks is left out without a word: the core says what is missing."""
        path = self._written(tmp_path, self.rows)
        wanted = list(self.types)[-1]
        found = _rows(importer, ImportRequest(path=path, columns=(wanted, "no_such_column")))

        assert [{wanted: row[wanted]} for row in self.rows] == found

    def test_a_second_read_is_equal(self, importer: Importer, tmp_path: Path) -> None:
        """An importer keeps nothing of the file that it read before."""
        path = self._written(tmp_path, self.rows)
        first = _rows(importer, ImportRequest(path=path))

        assert first == _rows(importer, ImportRequest(path=path))

    def test_a_read_that_is_given_up_hinders_no_other(self, importer: Importer, tmp_path: Path) -> None:
        """The core stops in the middle where a row is refused."""
        path = self._written(tmp_path, self._many_rows())
        begun = _batches(importer, ImportRequest(path=path, batch_bytes=_BATCH_BYTES))
        next(begun)
        getattr(begun, "close", lambda: None)()

        assert len(self._many_rows()) == len(_rows(importer, ImportRequest(path=path)))

    def test_an_empty_body_yields_nothing(self, importer: Importer, tmp_path: Path) -> None:
        """And is not an error."""
        path = self._written(tmp_path, [])

        assert [] == list(_batches(importer, ImportRequest(path=path)))

    def test_reading_changes_nothing(self, importer: Importer, tmp_path: Path) -> None:
        """The file stays as it is, and nothing appears beside it."""
        path = self._written(tmp_path, self.rows)
        before = path.read_bytes()
        _rows(importer, ImportRequest(path=path))

        assert ([path], before) == (list(tmp_path.iterdir()), path.read_bytes())

    def test_an_odd_file_name_is_a_name(self, importer: Importer, tmp_path: Path) -> None:
        """Spaces, quotes and letters of any script, and a dash in front."""
        path = tmp_path / f"- it's λ\n日本{self.suffix}"
        self.write_file(path, self.rows)

        assert list(map(dict, self.rows)) == _rows(importer, ImportRequest(path=path))

    @pytest.mark.parametrize("damage", ["cut off", "a byte", "rubbish"])
    def test_damage_is_an_error_in_proper_form(self, importer: Importer, tmp_path: Path, damage: str) -> None:
        """Or it is not seen, where the format can't tell; but no other exception than a `UsrError` comes out."""
        path = self._written(tmp_path, self.rows)
        content = path.read_bytes()
        for place in range(1, len(content), 1 + len(content) // 50):
            tail = {"cut off": b"", "a byte": b"\xff" + content[place + 1 :], "rubbish": b"\x00\xfe\xc3" * 9}[damage]
            path.write_bytes(content[:place] + tail)
            with contextlib.suppress(UsrError):
                _names(importer, path)
                # Whether the text in them is text is looked at by the core, cell by cell.
                assert all(isinstance(batch, pa.RecordBatch) for batch in _batches(importer, ImportRequest(path=path)))

    def test_a_file_that_is_only_opened_is_closed(self, importer: Importer, tmp_path: Path) -> None:
        """The core opens many for their columns alone."""
        path = self._written(tmp_path, self.rows)
        before = _open_files()
        for _ in range(3):
            _names(importer, path)

        assert before == _open_files()

    @needs("namespace")
    def test_further_columns_are_those_of_its_namespace(self, importer: Importer, tmp_path: Path) -> None:
        """An import keeps them by their names."""
        further = {name for name in _names(importer, self._written(tmp_path, self.rows)) if name not in IMPORT_COLUMNS}

        assert self.namespace is not None, "the feature namespace needs `namespace`"
        assert further
        assert all(name.startswith(f"{self.namespace}__") for name in further)

    @needs("options")
    def test_options_read_other_dialects(self, importer: Importer, tmp_path: Path) -> None:
        """Rows come as written, whatever the dialect of the file."""
        assert self.dialects, "the feature options needs `dialects`"
        for number, options in enumerate(self.dialects):
            path = tmp_path / f"file{number}{self.suffix}"
            self.write_dialect(path, self.rows, options)

            assert list(map(dict, self.rows)) == _rows(importer, ImportRequest(path=path, options=options))

    @needs("unicode")
    def test_text_is_unicode(self, importer: Importer, tmp_path: Path) -> None:
        """Letters of any script keep their spelling, also where they lie across a block's end."""
        rows = [row for _ in range(2000) for row in self.unicode_rows]
        path = self._written(tmp_path, rows)
        found = _rows(importer, ImportRequest(path=path, batch_bytes=4096))

        assert self.unicode_rows, "the feature unicode needs `unicode_rows`"
        assert list(map(dict, rows)) == found

    @needs("bad_rows")
    @pytest.mark.parametrize("bad", [1, 2, 3])
    def test_a_bad_rows_error_carries_file_and_row(self, importer: Importer, tmp_path: Path, bad: int) -> None:
        """As facts, with a hint; 1 is the first record, whatever stands above it."""
        path = tmp_path / f"file{self.suffix}"
        self.write_bad_file(path, self.rows, bad)

        _assert_names_row(_refusal(importer, ImportRequest(path=path)), path, bad)

    @needs("bad_rows")
    def test_a_bad_row_is_counted_over_all_batches(self, importer: Importer, tmp_path: Path) -> None:
        """Also far behind the first batch."""
        rows = self._many_rows()
        path = tmp_path / f"file{self.suffix}"
        self.write_bad_file(path, rows, len(rows) - 1)

        _assert_names_row(
            _refusal(importer, ImportRequest(path=path, batch_bytes=_BATCH_BYTES)), path, len(rows) - 1
        )  # fmt: skip

    @needs("compressed")
    def test_a_compressed_file_is_read(self, importer: Importer, tmp_path: Path) -> None:
        """The core hands on ``file.ending.gz`` to the importer of that ending."""
        path = self._compressed(tmp_path)

        assert list(self.types) == _names(importer, path)
        assert list(map(dict, self.rows)) == _rows(importer, ImportRequest(path=path))

    def test_a_compressed_file_is_never_misread(self, importer: Importer, tmp_path: Path) -> None:
        """What does not unpack it says so in proper form."""
        path = self._compressed(tmp_path)
        try:
            found: object = _rows(importer, ImportRequest(path=path))
        except UsrError as error:
            found = str(path) in map(str, error.facts.values()) or error

        assert found in (True, list(map(dict, self.rows)))

    # ------------------------------------------------------------ inside

    def _arrow_types(self) -> dict[str, pa.DataType]:
        return {name: arrow_type(spelling) for name, spelling in self.types.items()}

    def _many_rows(self) -> list[Row]:
        """Return rows that fill about a mebibyte as batches."""
        table = pa.Table.from_pylist(
            list(map(dict, self.rows)), schema=pa.schema(list(self._arrow_types().items()))
        )  # fmt: skip
        repeats: int = 1 + _MANY_BYTES // max(1, table.nbytes)
        return [*self.rows] * repeats

    def _written(self, folder: Path, rows: Sequence[Row]) -> Path:
        path = folder / f"file{self.suffix}"
        self.write_file(path, rows)
        return path

    def _compressed(self, folder: Path) -> Path:
        plain = self._written(folder, self.rows)
        packed = plain.with_name(f"{plain.name}.gz")
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        return packed


def _open_files() -> list[str]:
    """Return what this process has open, but for pipes and the like; Linux lists it, and other systems nothing."""
    listed = Path("/proc/self/fd")
    places = [entry.name for entry in listed.iterdir()] if listed.is_dir() else []
    found = []
    for place in places:
        with contextlib.suppress(OSError):
            found.append(str((listed / place).readlink()))
    return sorted(name for name in found if name.startswith("/") and not name.startswith("/proc/"))


def _names(importer: Any, path: Path) -> list[str]:
    """Return the file's columns, by either plugin API's methods."""
    request = ImportRequest(path=path)
    if not hasattr(importer, "open"):
        return list(importer.columns(request))
    opened = importer.open(request)
    opened.close()
    return list(opened.columns)


def _batches(importer: Any, request: ImportRequest) -> Iterator[pa.RecordBatch]:
    return iter(importer.open(request).batches if hasattr(importer, "open") else importer.read(request))


def _spelled(schema: pa.Schema) -> tuple[tuple[str, str], ...]:
    """Return names and types as the registry spells them, which leaves out what lists call their items."""
    return tuple((field.name, from_arrow(field.type).canonical()) for field in schema)


def _rows(importer: Importer, request: ImportRequest) -> list[dict[str, object]]:
    return [row for batch in _batches(importer, request) for row in batch.to_pylist()]


def _refusal(importer: Importer, request: ImportRequest) -> UsrError:
    with pytest.raises(UsrError) as caught:
        for _ in _batches(importer, request):
            pass
    return caught.value


def _assert_names_row(error: UsrError, path: Path, row: int) -> None:
    assert (str(path), row) == (str(error.facts.get("file")), error.facts.get("row"))
    assert error.hint
