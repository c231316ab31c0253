"""Writing JSON Lines files."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.column_types import arrays, bits, column_types
from usr_core.plugin.specs import ExportRequest, ImportRequest
from usr_jsonl.reader import JsonlImporter
from usr_jsonl.writer import JsonlExporter


class TestFormat:
    def test_one_object_a_line_with_keys_in_order(self, tmp_path: Path) -> None:
        """Compact, null written, not-a-number as text, letters as they are."""
        table = pa.table({"b": ["é", None], "a": [float("nan"), 1.0], "l": [[1], []]})
        result = JsonlExporter().write(ExportRequest(path=tmp_path / "o", schema=table.schema), table.to_batches())

        text = (tmp_path / "o").read_text(encoding="utf-8")
        assert '{"b":"é","a":"NaN","l":[1]}\n{"b":null,"a":1.0,"l":[]}\n' == text
        assert (2, len(text.encode())) == (result.rows, result.size_bytes)

    def test_no_batches_give_an_empty_file(self, tmp_path: Path) -> None:
        """No record, no line."""
        JsonlExporter().write(ExportRequest(path=tmp_path / "o", schema=pa.schema([("a", pa.string())])), [])

        assert b"" == (tmp_path / "o").read_bytes()


class TestRoundTrip:
    @settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(st.data())
    def test_every_value_of_every_type_reads_back(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        """What export writes, the importer reads back to the same bits."""
        kind = data.draw(column_types()).to_arrow()
        column = data.draw(arrays(kind))
        path = tmp_path_factory.mktemp("jsonl") / "o"
        table = pa.Table.from_arrays([column], names=["x"])
        JsonlExporter().write(ExportRequest(path=path, schema=table.schema), table.to_batches())

        batches = list(JsonlImporter().open(ImportRequest(path=path, types={"x": kind})).batches)

        assert bits(column) == bits(pa.Table.from_batches(batches, table.schema).column(0).combine_chunks())
