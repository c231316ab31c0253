"""Changes of a dataset whose base is remembered: the same answers, errors and files as without it."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Sequence
from dataclasses import dataclass
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
from usr_core.store.changes.import_ import build
from usr_core.store.ids import row_finder
from usr_core.store.ids.position_cache import cache as caching
from usr_core.store.ids.position_cache.cache import open_cache
from usr_core.store.ids.position_cache.catalogue import drop_cache


@pytest.fixture(autouse=True)
def _small_bases_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    shrink(monkeypatch)


def shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let bases of any size be remembered, in files of 32 rows."""
    monkeypatch.setattr(caching, "_CACHED_FROM_ROWS", 1)
    monkeypatch.setattr(caching, "_SEGMENT_ROWS", 32)
    monkeypatch.setattr(row_finder, "FEWEST_ROWS_AN_ID", 0)
    monkeypatch.setattr(build, "_FEWEST_ROWS_A_NEW_ONE", 0)
    monkeypatch.setattr(build, "_SOUGHT_AMONG_ROWS", 1)


def made(count: int, seed: int) -> list[str]:
    letters = np.array(list("ACGT"))
    return ["".join(row) for row in letters[np.random.default_rng(seed).integers(0, 4, (count, 24))]]


SEQUENCES = made(90, 1)
NEW = made(30, 2)
IDS = [record_id("dna", one) for one in SEQUENCES]


def dataset_in(root: Path, sequences: Sequence[str] = SEQUENCES) -> Dataset:
    root.mkdir()
    register_namespace(root, "lab", [("lab__score", "float64")])
    dataset = Dataset.open(root, "ns/one").init()
    dataset.add_sequences([{"sequence": one} for one in sequences])
    return dataset


def changed(dataset: Dataset) -> list[object]:
    """Make one change after the other, and return what each said."""
    scores = pa.table({"id": IDS[80:40:-2], "score": np.arange(20.0)})
    by_sequence = pa.table({"sequence": [SEQUENCES[3], " " + SEQUENCES[4], *NEW[:2]], "score": np.arange(4.0)})
    twice = pa.table({"id": [IDS[5], "f" * 40, IDS[5]], "score": np.arange(3.0)})
    said: list[object] = []

    for content, key, options in (
        (scores, "id", {}),
        (scores, "id", {"allow_overwrite": False}),
        (by_sequence, "sequence", {}),
        (by_sequence, "sequence_norm", {"allow_missing": True}),
        (twice, "id", {"allow_missing": True}),
    ):
        try:
            done = dataset.write_overlay_part("lab", content, key=key, **options)
            said.append((done.rows_read, done.rows_attached, done.rows_missing))
        except UsrError as error:
            said.append((error.code, error.facts))
    for rows, options in (
        (NEW[:10], {}),
        ([*NEW[5:15], SEQUENCES[0]], {}),
        ([*NEW[5:15], SEQUENCES[0], NEW[20], NEW[20]], {"on_duplicate": "skip"}),
        (NEW[21:], {}),
    ):
        try:
            imported = dataset.add_sequences([{"sequence": one} for one in rows], **options)
            said.append((imported.rows_read, imported.added))
        except UsrError as error:
            said.append((error.code, error.facts))
    said.append(dataset.delete([IDS[1], record_id("dna", NEW[20])]).deleted)
    said.append(dataset.restore([IDS[1]]).restored)
    for verb in (dataset.delete, dataset.restore):
        try:
            verb(["e" * 40])
        except UsrError as error:
            said.append((error.code, error.facts))
    said.append(dataset.to_arrow(columns=["id", "lab__score"]).to_pylist())
    return said


def test_every_change_says_and_does_what_it_does_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attaching by three keys, repeats, unknown ids, appends with and without duplicates, deleting, restoring."""
    monkeypatch.setenv("USR_CACHE_DIR", "off")
    without = changed(dataset_in(tmp_path / "without"))
    monkeypatch.setenv("USR_CACHE_DIR", str(tmp_path / "cache"))

    assert without == changed(dataset_in(tmp_path / "with"))
    assert list((tmp_path / "cache" / "positions").iterdir())


def test_a_base_stays_remembered_when_records_are_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An append adds its rows to the cache, and the committed base is the one that is known."""
    monkeypatch.setenv("USR_CACHE_DIR", str(tmp_path / "cache"))
    dataset = dataset_in(tmp_path / "root")
    dataset.delete(IDS[:20])
    dataset.add_sequences([{"sequence": one} for one in NEW])

    with contextlib.closing(OpenParquet.open(dataset.path / "records.parquet")) as base:
        assert open_cache(base, make=False) is not None


def test_the_second_append_remembers_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one reads the ids once and notes that it did, of the base that it makes as well."""
    monkeypatch.setenv("USR_CACHE_DIR", str(tmp_path / "cache"))
    dataset = dataset_in(tmp_path / "root")
    drop_cache()
    kinds = []

    for one in NEW[:3]:
        dataset.add_sequences([{"sequence": one}])
        kinds.append({file.suffix for file in (tmp_path / "cache" / "positions").iterdir()})

    assert [{".list"}, {".list", ".ids"}, {".list", ".ids"}] == kinds


def test_the_first_append_finds_duplicates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of records and of rows of the file, also where both repeat one record."""
    monkeypatch.setenv("USR_CACHE_DIR", str(tmp_path / "cache"))
    dataset = dataset_in(tmp_path / "root")
    drop_cache()
    rows = [SEQUENCES[7], NEW[0], SEQUENCES[7], NEW[1], NEW[0]]

    done = dataset.add_sequences([{"sequence": one} for one in rows], on_duplicate="skip")

    assert (5, 2, 3) == (done.rows_read, done.added, done.skipped)
    assert [*SEQUENCES, *NEW[:2]] == dataset.to_arrow(columns=["sequence"]).column(0).to_pylist()


@dataclass(frozen=True)
class Remembered:
    """A root, its cache, files of the cache of another dataset, and what `small_changes` says without a cache."""

    root: Path
    cache: Path
    foreign: dict[str, bytes]
    said: list[object]


@pytest.fixture(scope="module")
def remembered(tmp_path_factory: pytest.TempPathFactory) -> Remembered:
    """A dataset whose base is remembered."""
    place = tmp_path_factory.mktemp("remembered")
    with pytest.MonkeyPatch.context() as patched:
        shrink(patched)
        for name, sequences in (("other", made(90, 7)), ("root", SEQUENCES)):
            patched.setenv("USR_CACHE_DIR", str(place / f"cache of {name}"))
            dataset_in(place / name, sequences).delete([record_id("dna", one) for one in sequences[:2]])
        foreign = {one.suffix: one.read_bytes() for one in (place / "cache of other" / "positions").iterdir()}
        patched.setenv("USR_CACHE_DIR", "off")
        said = small_changes(linked(place / "root", place / "changed"))
    return Remembered(place / "root", place / "cache of root" / "positions", foreign, said)


def linked(root: Path, target: Path) -> Dataset:
    """Return a copy of a dataset with the same base, which is never written to: the same inode."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(root, target)
    base = Path("ns", "one", "records.parquet")
    (target / base).unlink()
    (target / base).hardlink_to(root / base)
    return Dataset.open(target, "ns/one")


def small_changes(dataset: Dataset) -> list[object]:
    """Make each change that looks ids up, and return what it said."""
    by_id = pa.table({"id": IDS[20:70:9], "score": np.arange(6.0)})
    by_sequence = pa.table({"sequence": [SEQUENCES[8], NEW[3]], "score": [0.5, 1.5]})
    said: list[object] = []
    for verb in (
        lambda: dataset.delete([*IDS[3:9], "e" * 40], allow_missing=True).deleted,
        lambda: dataset.restore(IDS[5:7]).restored,
        lambda: dataset.set_state([*IDS[10:60:7], "d" * 40], split="train").changed,
        lambda: dataset.set_state(IDS[10:60:7], split="train").changed,
        lambda: dataset.add_sequences([{"sequence": one} for one in (NEW[0], SEQUENCES[77])]).added,
        lambda: dataset.add_sequences([{"sequence": one} for one in NEW[:9]]).added,
        lambda: dataset.write_overlay_part("lab", by_id).rows_attached,
        lambda: dataset.write_overlay_part("lab", by_sequence, key="sequence").rows_attached,
    ):
        try:
            said.append(verb())
        except UsrError as error:
            said.append((error.code, error.facts))
    return said


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damaged_cache_changes_what_a_change_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: Remembered, data: st.DataObject
) -> None:
    """Deleting, restoring, states, appending, duplicates, attaching by both keys: as without a cache."""
    shutil.rmtree(tmp_path / "cache", ignore_errors=True)
    shutil.copytree(remembered.cache, tmp_path / "cache" / "positions")
    damage_a_file(tmp_path / "cache" / "positions", data, foreign=remembered.foreign)
    monkeypatch.setenv("USR_CACHE_DIR", str(tmp_path / "cache"))

    assert remembered.said == small_changes(linked(remembered.root, tmp_path / "root"))


def test_changes_beside_writers_and_droppers_of_the_cache_do_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: Remembered
) -> None:
    """While others remember the same base, and drop what is remembered, again and again."""
    monkeypatch.setenv("USR_CACHE_DIR", str(tmp_path / "cache"))
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            drop_cache()
            with contextlib.closing(OpenParquet.open(remembered.root / "ns" / "one" / "records.parquet")) as base:
                open_cache(base, make=True)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        said = [small_changes(linked(remembered.root, tmp_path / "root")) for _ in range(4)]
    finally:
        stop.set()
        writer.join(timeout=60)

    assert [remembered.said] * 4 == said
