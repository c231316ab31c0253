"""DenseGen's output Parquet: what older files hold, and what is refused."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.plugin import OverlayRequest
from usr_densegen.errors import OutputCellInvalid, OutputUnreadable
from usr_densegen.output_file import DenseGenOutput


def read(table: pa.Table, folder: Path) -> pa.Table:
    path = folder / "out.parquet"
    pq.write_table(table, path)
    return pa.Table.from_batches(list(DenseGenOutput().batches(OverlayRequest(path=path, namespace="densegen"))))


class TestOlderShapes:
    def test_fields_without_a_place_are_left_out_and_told(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Older details have more fields than the namespace."""
        detail = [{"tf": "lexA", "tfbs": "ACGT", "orientation": "fwd", "offset": 3, "end": 7}]
        with caplog.at_level(logging.WARNING, logger="usr"):
            table = read(pa.table({"id": ["a"], "used_tfbs_detail": [json.dumps(detail)]}), tmp_path)

        del detail[0]["end"]
        assert [detail] == table["used_tfbs_detail"].to_pylist()
        assert "fields of used_tfbs_detail that are left out: end" in caplog.text

    def test_typed_lists_of_other_structs_are_fitted(self, tmp_path: Path) -> None:
        """A missing field is null."""
        given = pa.array([[{"tfbs": "ACGT", "tf": "lexA", "offset": 3}], None])
        table = read(pa.table({"id": ["a", "b"], "densegen__used_tfbs_detail": given}), tmp_path)

        expected = {"tf": "lexA", "tfbs": "ACGT", "orientation": None, "offset": 3}
        assert [[expected], None] == table["densegen__used_tfbs_detail"].to_pylist()

    @pytest.mark.parametrize("counts", [{"lexA": 2}, [{"tf": "lexA", "count": 2}]])
    def test_counts_are_pairs_or_a_mapping(self, tmp_path: Path, counts: object) -> None:
        """Both spellings of older files."""
        table = read(pa.table({"id": ["a"], "used_tf_counts": [json.dumps(counts)]}), tmp_path)

        assert [[{"tf": "lexA", "count": 2}]] == table["used_tf_counts"].to_pylist()

    def test_empty_text_and_null_are_no_value(self, tmp_path: Path) -> None:
        """In a nested column; JSON's null too."""
        table = read(pa.table({"id": ["a", "b", "c"], "tfbs_parts": ["", None, "null"]}), tmp_path)

        assert [None, None, None] == table["tfbs_parts"].to_pylist()

    def test_a_bare_length_is_the_records_where_the_file_has_records(self, tmp_path: Path) -> None:
        """Elsewhere it is DenseGen's."""
        own = {"id": ["a"], "length": [4]}
        record = {name: ["x"] for name in ("bio_type", "sequence", "alphabet", "source", "created_at")}

        assert ["id", "length"] == read(pa.table(own), tmp_path).column_names
        assert ["id", "sequence"] == read(pa.table({**own, **record}), tmp_path).column_names


class TestRefusals:
    @pytest.mark.parametrize("cell", ["[1", '{"a": 1}', '["a", 2]', "7"])
    def test_a_bad_cell_is_told_with_its_row(self, tmp_path: Path, cell: str) -> None:
        """File, row, column and value."""
        with pytest.raises(OutputCellInvalid) as caught:
            read(pa.table({"id": ["a", "b"], "used_tfbs": ['["lexA:ACGT"]', cell]}), tmp_path)

        assert (2, "used_tfbs") == (caught.value.row, caught.value.column)
        assert {"file", "row", "column", "value"} == set(caught.value.facts)

    def test_no_parquet_file(self, tmp_path: Path) -> None:
        """Nor a folder."""
        path = tmp_path / "out.parquet"
        path.write_text("id\n")
        for place in (path, tmp_path):
            with pytest.raises(OutputUnreadable):
                list(DenseGenOutput().batches(OverlayRequest(path=place, namespace="densegen")))
