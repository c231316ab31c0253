"""What transfers put aside and what interrupted writers left is named with its size, and removed on request."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from support.tree import assert_unchanged, tree_digest
from usr_core.dataset import Dataset
from usr_core.registry.store import register_namespace
from usr_core.store.checks.doctor.examination import examine

DAY = 86_400.0


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """A small dataset."""
    register_namespace(tmp_path, "mock", [("mock__x", "int64")])
    made = Dataset.open(tmp_path, "ns/d").init()
    made.add_sequences([{"sequence": text} for text in ("ACGT", "GGGG", "TTTT")])
    return made


def _aside(dataset: Dataset, days: float, size: int = 1000) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() - days * DAY))
    place = dataset.path / ".usr.replaced" / f"{stamp}-0123456789abcdef"
    (place / "_derived" / "mock").mkdir(parents=True)
    (place / "_derived" / "mock" / "part-1.parquet").write_bytes(b"x" * size)
    return place


def _codes(dataset: Dataset) -> dict[str, str]:
    return {one.code: one.message for one in examine(dataset.ref.root, ref=dataset.ref).findings}


class TestPutAside:
    def test_is_named_with_its_size(self, dataset: Dataset) -> None:
        """The doctor says how much there is and how old; that is not a problem."""
        _aside(dataset, 40)
        _aside(dataset, 2, size=234)

        report = examine(dataset.ref.root, ref=dataset.ref)

        assert "2 transfers put aside: 1,234 bytes, the oldest 40 days old" in _codes(dataset)["USR-DOCTOR-011"]
        assert report.ok

    def test_older_than_is_removed(self, dataset: Dataset) -> None:
        """Only what is older than asked goes; the folder goes with the last."""
        old, young = _aside(dataset, 40), _aside(dataset, 2)

        removed = dataset.clean(older_than_seconds=30 * DAY)

        assert [f".usr.replaced/{old.name}"] == [one.relative for one in removed]
        assert 1000 == removed[0].size_bytes
        assert (not old.exists(), young.exists()) == (True, True)
        dataset.clean(older_than_seconds=0)
        assert not young.parent.exists()

    def test_a_link_in_its_place_is_not_entered(self, dataset: Dataset, tmp_path: Path) -> None:
        """A dataset that somebody handed over can't make the doctor empty a folder elsewhere."""
        (tmp_path / "precious").mkdir()
        (tmp_path / "precious" / "20200101T000000-0").write_text("x")
        (dataset.path / ".usr.replaced").symlink_to(tmp_path / "precious")

        with assert_unchanged(tmp_path / "precious"):
            dataset.clean(older_than_seconds=0)


class TestLeftovers:
    def test_of_dead_writers_go_and_the_dataset_stays(self, dataset: Dataset) -> None:
        """Staging, old transfers and temporary files are removed; a transfer that can be resumed is kept."""
        before = tree_digest(dataset.path)
        (dataset.layout.staging / "dead").mkdir(parents=True)
        (dataset.path / "_snapshots").mkdir()
        (dataset.path / "_snapshots" / ".x.tmp").write_bytes(b"12345")
        old = dataset.layout.staging / "pull-old"
        old.mkdir()
        os.utime(old, (time.time() - 8 * DAY,) * 2)

        removed = dataset.clean(older_than_seconds=0)

        assert {".usr.tmp/dead", ".usr.tmp/pull-old", "_snapshots/.x.tmp"} == {one.relative for one in removed}
        (dataset.path / "_snapshots").rmdir()
        assert before == tree_digest(dataset.path)

    def test_of_a_killed_registration_are_named_and_go(self, dataset: Dataset) -> None:
        """A temporary registry is found by the doctor, and removed by it or by the next registration."""
        left = dataset.ref.root / ".registry.yaml.0badcafe.tmp"
        other = dataset.ref.root / ".registry.yaml.mine.tmp"
        other.write_text("mine")
        for remove in (lambda: dataset.clean(older_than_seconds=0), lambda: _register(dataset)):
            left.write_text("half")
            assert left.name in _codes(dataset)["USR-DOCTOR-012"]

            remove()

            assert not left.exists()
        assert other.exists()


def _register(dataset: Dataset) -> None:
    register_namespace(dataset.ref.root, "later", [("later__x", "int64")])


class TestExportsThatWereKilled:
    @pytest.mark.parametrize("place", [".", "ns"])
    def test_are_named_and_removed_when_old(self, dataset: Dataset, place: str) -> None:
        """Temporary files of exports in the root are named; cleaning removes those older than asked, and no others."""
        folder = dataset.ref.root / place
        old, young, other = (folder / name for name in (".a.csv.0123abcd.tmp", ".b.csv.4567cdef.tmp", ".c.tmp"))
        for path in (old, young, other):
            path.write_bytes(b"x" * 10)
        then = time.time() - 40 * DAY
        os.utime(old, (then, then))
        found = {
            Path(str(one.file)).name: one.severity
            for one in examine(dataset.ref.root, ref=dataset.ref).findings
            if one.code == "USR-DOCTOR-012"
        }

        removed = dataset.clean(older_than_seconds=30 * DAY)

        assert {old.name: "warning", young.name: "note"} == found
        assert [(old.relative_to(dataset.ref.root).as_posix(), 10)] == [
            (one.relative, one.size_bytes) for one in removed
        ]
        assert (False, True, True) == (old.exists(), young.exists(), other.exists())
