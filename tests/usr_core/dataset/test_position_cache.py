"""Changes of a dataset whose base is remembered: the same answers, errors and files as without it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from usr_core.dataset import Dataset
from usr_core.errors import UsrError
from usr_core.records.ids import record_id
from usr_core.registry.store import register_namespace
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.changes.import_ import build
from usr_core.store.ids import row_finder
from usr_core.store.ids.position_cache import cache as caching
from usr_core.store.ids.position_cache.cache import open_cache


@pytest.fixture(autouse=True)
def _small_bases_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "_CACHED_FROM_ROWS", 1)
    monkeypatch.setattr(caching, "_SEGMENT_ROWS", 32)
    monkeypatch.setattr(row_finder, "_FEWEST_ROWS_AN_ID", 0)
    monkeypatch.setattr(build, "_FEWEST_ROWS_A_NEW_ONE", 0)


def made(count: int, seed: int) -> list[str]:
    letters = np.array(list("ACGT"))
    return ["".join(row) for row in letters[np.random.default_rng(seed).integers(0, 4, (count, 24))]]


SEQUENCES = made(90, 1)
NEW = made(30, 2)
IDS = [record_id("dna", one) for one in SEQUENCES]


def dataset_in(root: Path) -> Dataset:
    root.mkdir()
    register_namespace(root, "lab", [("lab__score", "float64")])
    dataset = Dataset.open(root, "ns/one").init()
    dataset.add_sequences([{"sequence": one} for one in SEQUENCES])
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
