"""``usr materialize`` and ``usr snapshot`` as they are typed."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from support.cli import Usr
from support.overlays import ids_of, write_tombstones
from support.tables import write_csv
from support.tree import assert_unchanged

DS = "ns/base"


@pytest.fixture
def scored(seeded: Usr, tmp_path: Path) -> Usr:
    """The seeded dataset with a score for its first four records, attached backwards."""
    ids = ids_of(seeded.path(DS))
    file = write_csv(tmp_path / "a.csv", ["id", "score"], [[ids[row], row] for row in (3, 2, 1, 0)])
    seeded.ok("attach", DS, "--path", file, "--namespace", "mock", "--key", "id")
    return seeded


def parts(usr: Usr) -> list[Path]:
    return sorted((usr.path(DS) / "_derived" / "mock").glob("part-*.parquet"))


class TestMaterialize:
    def test_folds_columns_and_keeps_rows_in_order(self, scored: Usr):
        """Off a terminal it goes on unasked; overlays stay; the event counts."""
        before = ids_of(scored.path(DS))
        out = scored.ok("materialize", DS).out

        table = pq.ParquetFile(scored.path(DS) / "records.parquet").read()
        assert "materialized mock into ns/base: 6 records\n  + mock__score\n" == out
        assert before == table.column("id").to_pylist()
        assert [0.0, 1.0, 2.0, 3.0, None, None] == table.column("mock__score").to_pylist()
        assert 1 == len(parts(scored))
        event = scored.events(DS)[-1]
        assert ("materialize", 6, 0, 1) == (
            event["action"],
            *(event["metrics"][name] for name in ("rows", "rows_dropped", "columns_added")),
        )
        assert {"reason": "usr materialize"} == event["maintenance"]
        assert {"rows": 6, "cols": 8} == {name: event["fingerprint"][name] for name in ("rows", "cols")}

    def test_snapshot_before_keeps_the_base_as_it_was(self, scored: Usr):
        """Byte by byte, and the file is named."""
        before = (scored.path(DS) / "records.parquet").read_bytes()
        out = scored.ok("materialize", DS, "--snapshot-before", "--yes").out

        (kept,) = (scored.path(DS) / "_snapshots").iterdir()
        assert before == kept.read_bytes()
        assert f"kept _snapshots/{kept.name}" in out

    def test_drop_overlays_removes_them(self, scored: Usr):
        """Their values are in the base."""
        scored.ok("materialize", DS, "--drop-overlays")

        assert [] == parts(scored)
        assert not (scored.path(DS) / "_derived" / "_archived").exists()
        assert 3.0 == scored.ok("head", DS, "--format", "json").data[3]["mock__score"]

    def test_archive_overlays_moves_them(self, scored: Usr):
        """To _derived/_archived/<namespace>/<stamp>/, bytes untouched."""
        before = [part.read_bytes() for part in parts(scored)]
        scored.ok("materialize", DS, "--archive-overlays")

        archived = sorted((scored.path(DS) / "_derived" / "_archived" / "mock").glob("*/part-*.parquet"))
        assert [] == parts(scored)
        assert before == [part.read_bytes() for part in archived]

    def test_drop_and_archive_exclude_each_other(self, scored: Usr):
        """Exit 2."""
        with assert_unchanged(scored.root):
            scored.refuses(2, "materialize", DS, "--drop-overlays", "--archive-overlays")

    def test_namespaces_chooses(self, scored: Usr):
        """One that has no overlay is an error that names those which have."""
        scored.ok("namespace", "register", "other", "--columns", "other__x:bool")
        with assert_unchanged(scored.path(DS)):
            assert "mock" in scored.refuses(3, "materialize", DS, "--namespaces", "other").err
        assert "mock" in scored.ok("materialize", DS, "--namespaces", "mock").out

    def test_without_overlays_there_is_nothing_to_do(self, seeded: Usr):
        """No rewrite, no event, exit 0."""
        with assert_unchanged(seeded.root):
            assert "nothing was changed" in seeded.ok("materialize", DS).out

    def test_drop_deleted_removes_rows_and_their_tombstones(self, scored: Usr, tmp_path: Path):
        """So that the same sequence can come in again, and is seen."""
        ids = ids_of(scored.path(DS))
        write_tombstones(scored.path(DS), ids[:2])
        out = scored.ok("materialize", DS, "--drop-deleted").out
        file = write_csv(tmp_path / "again.csv", ["sequence"], [["ACGTACGTACGTACGTAAAA"]])
        scored.ok("import", DS, "--path", file)

        assert "- 2 deleted records" in out
        assert [*ids[2:], ids[0]] == [row["id"] for row in scored.ok("head", DS, "--format", "json").data]
        assert not (scored.path(DS) / "_derived" / "usr.parquet").exists()

    def test_a_dataset_of_which_all_is_deleted(self, scored: Usr):
        """Dropping leaves an empty base."""
        write_tombstones(scored.path(DS), ids_of(scored.path(DS)))
        scored.ok("materialize", DS, "--drop-deleted")

        assert 0 == pq.ParquetFile(scored.path(DS) / "records.parquet").metadata.num_rows

    def test_an_empty_dataset(self, registered: Usr):
        """It has nothing to fold and is not an error."""
        registered.ok("init", "ns/new")

        registered.ok("materialize", "ns/new")

    def test_the_namespace_has_to_be_registered(self, scored: Usr):
        """A registry that no longer has it stops the fold."""
        registry = scored.root / "registry.yaml"
        text = registry.read_text(encoding="utf-8")
        registry.write_text(text.replace("mock__", "mick__").replace("mock:", "mick:"), encoding="utf-8")
        with assert_unchanged(scored.root):
            scored.run("materialize", DS)

        assert 0 != scored.run("materialize", DS).rc

    def test_an_unknown_dataset(self, scored: Usr):
        """Exit 3."""
        with assert_unchanged(scored.root):
            scored.refuses(3, "materialize", "ns/none")


class TestSnapshot:
    def test_keeps_the_bytes_and_says_where(self, seeded: Usr):
        """The base is linked or copied, and an event tells."""
        out = seeded.ok("snapshot", DS).out

        (kept,) = (seeded.path(DS) / "_snapshots").iterdir()
        assert f"kept _snapshots/{kept.name}\n" == out
        assert (seeded.path(DS) / "records.parquet").read_bytes() == kept.read_bytes()
        assert "snapshot" == seeded.events(DS)[-1]["action"]

    def test_an_unknown_dataset(self, seeded: Usr):
        """Exit 3."""
        seeded.refuses(3, "snapshot", "ns/none")
