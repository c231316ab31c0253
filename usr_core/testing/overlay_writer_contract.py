"""The contract of an overlay writer: subclass `OverlayWriterContract` with a spec, an output and what it should say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pytest

from usr_core.errors import UsrError
from usr_core.plugin.specs import OverlayRequest, OverlayWriter, OverlayWriterSpec
from usr_core.testing.contract import Contract, needs
from usr_core.testing.samples import arrow_type

__all__ = ["OverlayWriterContract"]


class OverlayWriterContract(Contract):
    """A writer turns a tool's output into rows that the core can attach: a key, and columns of the namespace.

    A subclass whose name begins with ``Test`` overrides `columns`, `spec`, `write_output` and `expected`.

    Attributes:
        columns: The namespace's columns by full name, with their registry types.
        sequences: Of the records that the tool has worked on; all different, also in upper case.
        features: ``bad_rows``: an output can be damaged in one row (`write_bad_output`).
    """

    columns: ClassVar[Mapping[str, str]] = {}
    sequences: ClassVar[Sequence[str]] = ("ACGTACGTAA", "TTGACAGGCT", "GGGCCCATAT", "GATTACAGAT")

    @pytest.fixture
    def spec(self) -> OverlayWriterSpec:
        """Return the spec that the plugin offers."""
        raise NotImplementedError("a subclass of OverlayWriterContract supplies the fixture `spec`")

    def write_output(self, path: Path, keys: Sequence[str]) -> None:
        """Write the tool's output, at `path`, for the records with these keys: ids or sequences, as the spec says."""
        raise NotImplementedError("a subclass of OverlayWriterContract supplies `write_output`")

    def expected(self, keys: Sequence[str]) -> list[dict[str, object]]:
        """Return what that output says: a row a key, in order, by full column names, without the key."""
        raise NotImplementedError("a subclass of OverlayWriterContract supplies `expected`")

    def write_bad_output(self, path: Path, keys: Sequence[str], bad: int) -> None:
        """Write an output whose row `bad`, counted from 1, can't be read."""
        raise NotImplementedError("a subclass with the feature bad_rows supplies `write_bad_output`")

    @pytest.fixture
    def keys(self, spec: OverlayWriterSpec) -> list[str]:
        """Return the keys of `sequences`."""
        from usr_core.records.ids import record_id

        return [record_id("dna", sequence) for sequence in self.sequences] if spec.key == "id" else [*self.sequences]

    def test_the_key_column_is_there(self, spec: OverlayWriterSpec, keys: list[str], tmp_path: Path) -> None:
        """Named ``id`` or ``sequence``, as the spec's key says, with a key in every row."""
        found = _read(spec, self._written(tmp_path, keys))

        assert keys == found.column("id" if spec.key == "id" else "sequence").to_pylist()

    def test_other_columns_are_the_namespaces(self, spec: OverlayWriterSpec, keys: list[str], tmp_path: Path) -> None:
        """By full name or without the prefix, but each once."""
        names = _read(spec, self._written(tmp_path, keys)).column_names
        names.remove("id" if spec.key == "id" else "sequence")
        full = [_full(spec, name) for name in names]

        assert full
        assert set() == set(full) - set(self.columns)
        assert len(set(full)) == len(full)

    def test_every_column_belongs_to_the_namespace(self, spec: OverlayWriterSpec) -> None:
        """The declaration itself: full names, and types that the registry knows."""
        assert self.columns
        assert all(name.startswith(f"{spec.namespace}__") for name in self.columns)
        assert len(self.columns) == len([arrow_type(spelling) for spelling in self.columns.values()])

    def test_values_are_the_outputs(self, spec: OverlayWriterSpec, keys: list[str], tmp_path: Path) -> None:
        """In the output's order."""
        found = _read(spec, self._written(tmp_path, keys))
        rows = found.rename_columns([_full(spec, name) for name in found.column_names]).to_pylist()
        key = _full(spec, "id" if spec.key == "id" else "sequence")

        assert self.expected(keys) == [{name: value for name, value in row.items() if name != key} for row in rows]

    def test_a_second_read_is_equal(self, spec: OverlayWriterSpec, keys: list[str], tmp_path: Path) -> None:
        """With the same writer, which keeps nothing."""
        request = OverlayRequest(path=self._written(tmp_path, keys), namespace=spec.namespace)
        writer = spec.factory()
        first, second = ([batch.to_pydict() for batch in writer.batches(request)] for _ in range(2))

        assert first == second

    def test_an_output_without_rows_gives_none(self, spec: OverlayWriterSpec, tmp_path: Path) -> None:
        """And no error: a tool may have found nothing."""
        request = OverlayRequest(path=self._written(tmp_path, []), namespace=spec.namespace)

        assert 0 == sum(batch.num_rows for batch in spec.factory().batches(request))

    def test_reading_changes_nothing(self, spec: OverlayWriterSpec, keys: list[str], tmp_path: Path) -> None:
        """The tool's files stay as they are, and no other appears."""
        path = self._written(tmp_path, keys)
        before = _content(tmp_path)
        _read(spec, path)

        assert before == _content(tmp_path)

    def test_the_core_attaches_it(self, spec: OverlayWriterSpec, keys: list[str], tmp_path: Path) -> None:
        """To a dataset of these records in another order; then the merged view has every value."""
        from usr_core.dataset import Dataset
        from usr_core.registry.store import register_namespace

        root = tmp_path / "root"
        root.mkdir()
        register_namespace(root, spec.namespace, list(self.columns.items()))
        dataset = Dataset.open(root, "test/contract").init()
        dataset.add_sequences([{"sequence": sequence} for sequence in reversed(self.sequences)])
        found = _read(spec, self._written(tmp_path, keys))
        dataset.write_overlay_part(spec.namespace, found, key=spec.key)

        expected = self.expected(keys)
        names = list(expected[0])
        assert expected == dataset.to_arrow(columns=names).to_pylist()[::-1]

    @needs("bad_rows")
    @pytest.mark.parametrize("bad", [1, 3])
    def test_a_bad_rows_error_carries_file_and_row(
        self, spec: OverlayWriterSpec, keys: list[str], tmp_path: Path, bad: int
    ) -> None:
        """As facts, with a hint; 1 is the first row."""
        path = tmp_path / "output"
        self.write_bad_output(path, keys, bad)

        with pytest.raises(UsrError) as caught:
            _read(spec, path)
        assert (str(path), bad) == (str(caught.value.facts.get("file")), caught.value.facts.get("row"))
        assert caught.value.hint

    def test_a_missing_output_is_an_error_that_names_it(self, spec: OverlayWriterSpec, tmp_path: Path) -> None:
        """The path is handed on unseen, because an output may be a folder: a `UsrError` with the path in it."""
        path = tmp_path / "absent"

        with pytest.raises(UsrError) as caught:
            _read(spec, path)
        assert str(path) in str(caught.value.facts)

    def _written(self, folder: Path, keys: Sequence[str]) -> Path:
        path = folder / "output λ"
        self.write_output(path, keys)
        return path


def _read(spec: OverlayWriterSpec, path: Path) -> pa.Table:
    writer: OverlayWriter = spec.factory()
    return pa.Table.from_batches(list(writer.batches(OverlayRequest(path=path, namespace=spec.namespace))))


def _full(spec: OverlayWriterSpec, name: str) -> str:
    return name if name.startswith(f"{spec.namespace}__") else f"{spec.namespace}__{name}"


def _content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
