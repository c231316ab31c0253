"""A few rows of a dataset whose parts are remembered: the same answers and errors as without the catalogue."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.cache_damage import damage_a_file
from usr_core.dataset import Dataset
from usr_core.errors import UsrError
from usr_core.records.ids import record_id
from usr_core.registry.store import register_namespace
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.ids.position_cache.catalogue import cache_size, drop_cache
from usr_core.store.view import part_catalogue

PARTS = 12
SEQUENCES = ["".join(row) for row in np.array(list("ACGT"))[np.random.default_rng(4).integers(0, 4, (60, 24))]]
IDS = [record_id("dna", one) for one in SEQUENCES]
SETTLED = 0.03
"""A file that was written a moment ago is not remembered."""


@pytest.fixture(autouse=True)
def _few_parts_are_remembered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shrink(monkeypatch)
    monkeypatch.setenv("USR_CACHE_DIR", str(tmp_path / "cache"))


def shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_catalogue, "_FEWEST", 1)
    monkeypatch.setattr(part_catalogue, "_WORTH_WRITING", 1)


def values_of(number: int, *, nulls: bool = True) -> pa.Table:
    """Return the values of one part: some of the records, some of them null."""
    rows = list(range(number, len(IDS), PARTS - 3))
    scores = [None if nulls and row % 5 == 0 else number + row / 100 for row in rows]
    return pa.table({"id": [IDS[row] for row in rows], "score": pa.array(scores, pa.float64())})


def dataset_in(root: Path, parts: int = PARTS) -> Dataset:
    root.mkdir(parents=True)
    for namespace in ("lab", "other"):
        register_namespace(root, namespace, [(f"{namespace}__score", "float64"), (f"{namespace}__note", "string")])
    dataset = Dataset.open(root, "ns/one").init()
    dataset.add_sequences([{"sequence": one} for one in SEQUENCES])
    for number in range(parts):
        dataset.write_overlay_part("lab", values_of(number))
    notes = pa.table({"id": IDS[10:20], "note": ["n"] * 10})
    dataset.write_overlay_part("other", notes)
    dataset.delete(IDS[2:4])
    time.sleep(SETTLED)
    return dataset


def answers(dataset: Dataset) -> list[object]:
    """Return what a few reads of single rows say."""
    said: list[object] = []
    for read in (
        lambda: dataset.head_arrow(5),
        lambda: dataset.head_arrow(60, include_deleted=True),
        lambda: dataset.head_arrow(7, columns=["lab__score"], namespaces=["lab"]),
        lambda: dataset.get([IDS[50], IDS[0], IDS[17]]),
        lambda: dataset.get(IDS[2]),
        lambda: dataset.get(["e" * 40]),
    ):
        try:
            said.append(read().to_pydict())
        except UsrError as error:
            said.append((error.code, error.facts))
    return said


def without(dataset: Dataset) -> list[object]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("USR_CACHE_DIR", "off")
        return answers(dataset)


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").glob("positions/*.parts"))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the Parquet files whose footers are read."""
    names: list[str] = []
    whole = OpenParquet.whole

    def noted(handle: pa.OSFile) -> object:
        names.append(os.path.basename(os.readlink(f"/proc/self/fd/{handle.fileno()}")))  # noqa: PTH119, PTH115
        return whole(handle)

    monkeypatch.setattr(OpenParquet, "whole", staticmethod(noted))
    return names


class TestAnswers:
    def test_what_is_remembered_is_not_opened_in_vain(self, tmp_path, opened):
        """Of 13 parts and the tombstones those are opened that may hold the record, and the base."""
        dataset = dataset_in(tmp_path / "root")
        first = answers(dataset)
        opened.clear()

        assert dataset.get(IDS[50])["lab__score"].to_pylist() == [5.0 + 50 / 100 if 50 % 5 else None]
        assert len(opened) <= 4
        assert answers(dataset) == first == without(dataset)
        assert len(files(tmp_path)) == 1

    @pytest.mark.parametrize(
        "change", ["a part more", "a part less", "compact", "restore", "rewritten", "touched", "moved"]
    )
    def test_a_dataset_that_changed_shows_its_change(self, tmp_path, change):
        """Whatever is on disk now counts, also where it was written in place with the size and time of before."""
        dataset = dataset_in(tmp_path / "root")
        before = answers(dataset)
        folder = dataset.path / "_derived" / "lab"
        parts = sorted(folder.iterdir())
        if change == "a part more":
            dataset.write_overlay_part("lab", values_of(0, nulls=False).set_column(1, "score", pa.array([9.0] * 7)))
        elif change == "a part less":
            parts[-1].unlink()
            parts[0].unlink()
        elif change == "compact":
            with dataset.maintenance(reason="tests"):
                dataset.compact_overlay("lab")
        elif change == "restore":
            dataset.restore([IDS[2]])
        elif change == "rewritten":
            status, content = parts[5].stat(), parts[4].read_bytes()
            with parts[5].open("r+b") as file:
                file.write(content)
                file.truncate()
            os.utime(parts[5], ns=(status.st_atime_ns, status.st_mtime_ns))
        elif change == "touched":
            parts[3].touch()
        else:
            dataset.path.rename(tmp_path / "root" / "ns" / "two")
            dataset = Dataset.open(tmp_path / "root", "ns/two")

        expected = without(dataset)
        assert answers(dataset) == expected
        assert answers(dataset) == expected
        assert (expected == before) == (change in ("compact", "touched", "moved"))

    @settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(data=st.data())
    def test_no_damaged_catalogue_changes_an_answer(self, tmp_path, remembered, data):
        """Flipped, cut, emptied, removed, of another dataset: as without one."""
        dataset, said, foreign = remembered
        shutil.rmtree(tmp_path / "cache", ignore_errors=True)
        answers(dataset)
        damage_a_file(tmp_path / "cache" / "positions", data, foreign=foreign)

        assert answers(dataset) == said

    def test_readers_beside_writers_and_droppers_say_the_same(self, tmp_path, remembered):
        """While others remember the same parts, and drop what is remembered, again and again."""
        dataset, said, _ = remembered
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                drop_cache()
                dataset.head_arrow(1)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            found = [answers(dataset) for _ in range(5)]
        finally:
            stop.set()
            writer.join(timeout=60)

        assert found == [said] * 5

    @pytest.mark.parametrize("change", ["gone", "another file"])
    def test_a_part_that_changes_after_it_was_listed_is_read_anew(self, tmp_path, monkeypatch, change):
        """The reader starts again without the catalogue, and shows what is there now."""
        dataset = dataset_in(tmp_path / "root")
        answers(dataset)
        part = sorted((dataset.path / "_derived" / "lab").iterdir())[5]
        listed = part_catalogue.list_remembered

        def changed_meanwhile(tree: object, **options: object) -> object:
            found = listed(tree, **options)
            content = part.read_bytes()
            part.unlink()
            if change != "gone":
                part.write_bytes(content)
            return found

        monkeypatch.setattr("usr_core.store.view.merged_view.list_remembered", changed_meanwhile)

        found = dataset.get(IDS[5])["lab__score"].to_pylist()
        monkeypatch.setattr("usr_core.store.view.merged_view.list_remembered", listed)
        assert found == without(dataset)[0]["lab__score"][3:4]


class TestCache:
    def test_the_catalogue_is_counted_and_dropped_with_the_cache(self, tmp_path):
        """`usr doctor` shows one size for all that is remembered."""
        dataset = dataset_in(tmp_path / "root")
        answers(dataset)

        found = cache_size()
        assert found is not None
        assert (found.files, found.size_bytes) == (1, files(tmp_path)[0].stat().st_size)
        drop_cache()
        assert not files(tmp_path)

    def test_a_file_of_a_moment_ago_is_not_remembered(self, tmp_path, monkeypatch, opened):
        """It could be written again in place within the same tick of the clock."""
        dataset = dataset_in(tmp_path / "root")
        monkeypatch.setattr(part_catalogue, "_SETTLED_NS", 10**15)
        answers(dataset)
        opened.clear()

        dataset.get(IDS[50])
        assert len(opened) > PARTS

    def test_few_parts_are_opened_without_a_look_at_the_cache(self, tmp_path, monkeypatch):
        """Below 32 that takes less time."""
        dataset = dataset_in(tmp_path / "root")
        monkeypatch.undo()
        monkeypatch.setenv("USR_CACHE_DIR", str(tmp_path / "cache"))

        dataset.get(IDS[50])
        assert not (tmp_path / "cache").exists()


@pytest.fixture(scope="module")
def remembered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, list[object], dict[str, bytes]]:
    """A dataset, what it says without a catalogue, and files of the cache of another dataset."""
    place = tmp_path_factory.mktemp("remembered")
    with pytest.MonkeyPatch.context() as patched:
        shrink(patched)
        patched.setenv("USR_CACHE_DIR", str(place / "cache"))
        answers(dataset_in(place / "other", parts=5))
        foreign = {one.suffix: one.read_bytes() for one in (place / "cache" / "positions").iterdir()}
        dataset = dataset_in(place / "root")
        return dataset, without(dataset), foreign
