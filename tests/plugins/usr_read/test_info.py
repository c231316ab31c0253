"""``usr info`` and ``usr schema`` as they are typed."""

from __future__ import annotations

import pyarrow as pa
import pytest

from support.cli import Usr
from support.overlays import ids_of, write_overlay, write_tombstones
from support.tree import assert_unchanged

DS = "ns/base"


@pytest.fixture
def scored(seeded: Usr) -> Usr:
    """Two parts of ``mock``, with one key that matches nothing, and a deleted record."""
    ids = ids_of(seeded.path(DS))
    folder = seeded.path(DS) / "_derived" / "mock"
    first = {"id": pa.array([ids[0], "f" * 40]), "mock__score": pa.array([1.0, 2.0])}
    write_overlay(folder / "part-a.parquet", "mock", first)
    second = {"id": pa.array([ids[0]]), "mock__vec": pa.array([[1.0]], pa.list_(pa.float64()))}
    write_overlay(folder / "part-b.parquet", "mock", second)
    write_tombstones(seeded.path(DS), ids[:1])
    return seeded


class TestInfo:
    def test_counts_live_records_and_deleted_ones_apart(self, scored: Usr):
        """A deleted record is not a live row."""
        overview = scored.ok("info", DS, "--format", "json").data

        assert (5, 1) == (overview["rows"], overview["deleted"])

    def test_tells_of_each_namespace(self, scored: Usr):
        """Parts, rows over all parts, unmatched keys, columns."""
        (mock,) = [one for one in scored.ok("info", DS, "--format", "json").data["namespaces"] if one["name"] == "mock"]

        assert {"files": 2, "rows": 3, "unmatched": 1, "advice": ""}.items() <= mock.items()
        assert ["mock__score", "mock__vec"] == mock["columns"]

    def test_advises_to_compact_above_200_parts(self, seeded: Usr):
        """With the command to do it."""
        ids = ids_of(seeded.path(DS))
        content = {"id": pa.array(ids[:1]), "mock__score": pa.array([1.0])}
        for number in range(201):
            write_overlay(seeded.path(DS) / "_derived" / "mock" / f"part-{number}.parquet", "mock", content)

        assert "overlay-compact" in seeded.ok("info", DS).out

    def test_plain_text_names_what_there_is(self, scored: Usr):
        """Rows, deleted, columns, namespaces, sizes, last change."""
        out = scored.ok("info", DS).out

        for words in ("rows         5", "deleted      1", "mock__vec", "(import)", "unmatched", "kB"):
            assert words in out

    def test_reads_leave_every_byte(self, scored: Usr):
        """No event, no lock, no leftover."""
        with assert_unchanged(scored.root):
            for command in (["info"], ["schema", "--tree"], ["head"]):
                scored.ok(*command, DS)

    @pytest.mark.parametrize("command", ["info", "schema", "head"])
    def test_an_unknown_dataset(self, seeded: Usr, command: str):
        """Exit 3."""
        seeded.refuses(3, command, "ns/none")

    def test_an_unknown_format(self, seeded: Usr):
        """Exit 2."""
        seeded.refuses(2, "info", DS, "--format", "yaml")

    def test_a_short_name_works(self, seeded: Usr):
        """As for every command."""
        assert DS == seeded.ok("info", "base", "--format", "json").data["name"]


class TestSchema:
    def test_types_are_in_the_registrys_words(self, scored: Usr):
        """With nullability and origin."""
        columns = {column["name"]: column for column in scored.ok("schema", DS, "--format", "json").data}

        assert {"name": "id", "type": "string", "nullable": False, "origin": "base"} == columns["id"]
        assert "timestamp[us, UTC]" == columns["created_at"]["type"]
        assert {"name": "mock__vec", "type": "list<float64>", "nullable": True, "origin": "overlay"} == columns[
            "mock__vec"
        ]

    def test_a_materialized_column_that_is_updated_has_both_origins(self, scored: Usr):
        """Its overlay stays, and wins."""
        scored.ok("materialize", DS)

        columns = {column["name"]: column["origin"] for column in scored.ok("schema", DS, "--format", "json").data}
        assert "base+overlay" == columns["mock__score"]

    def test_the_tree_shows_what_is_inside(self, seeded: Usr):
        """One line a level, indented."""
        kind = pa.list_(pa.struct([("a", pa.int64()), ("b", pa.list_(pa.float32(), 3))]))
        content = {"id": pa.array(ids_of(seeded.path(DS))[:1]), "mock__deep": pa.array([None], kind)}
        write_overlay(seeded.path(DS) / "_derived" / "mock" / "part-a.parquet", "mock", content)
        lines = seeded.ok("schema", DS, "--tree").out.splitlines()

        assert [
            "mock__deep: list  (overlay)",
            "  item: struct",
            "    a: int64",
            "    b: fixed_size_list[3]",
            "      item: float32",
        ] == lines[-5:]

    def test_the_tree_in_json_is_the_list(self, seeded: Usr):
        """There nesting is in the type's text."""
        assert 7 == len(seeded.ok("schema", DS, "--tree", "--format", "json").data)
