"""Values of an attachment that meet values which are there: refused one by one, counted, and the first ones shown."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pyarrow as pa
import pytest

from support.maintenance import KINDS, dataset, new_root, record_id_of, sequence, values, write_overlay
from support.overlays import write_tombstones
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.store.changes.attach.errors import TakenValue, ValuesExist
from usr_core.store.parts.errors import OverlayTypesDiffer

SEQUENCES = [sequence(number) for number in range(40)]
IDS = [record_id_of(text) for text in SEQUENCES]
CHOICES = {
    "mock__f": [None, 1.5, math.nan, -0.0],
    "mock__s": [None, "a", "", "007"],
    "mock__l": [None, [], [1.0, None]],
    "mock__v": [None, [1, 2]],
}


def column(name: str, content: list[object]) -> pa.Array:
    return pa.array(content, KINDS[name], from_pandas=False)


def made(root: Path, **materialized: list[object]) -> Dataset:
    extra = {name: column(name, content) for name, content in materialized.items()}
    return dataset(new_root(root), "d", SEQUENCES, extra=extra)


def table(rows: list[int], **columns: list[object]) -> pa.Table:
    return pa.table({"id": [IDS[row] for row in rows], **{k: column(k, v) for k, v in columns.items()}})


@pytest.mark.parametrize("seed", range(12))
def test_what_is_refused_is_what_a_dictionary_has(tmp_path: Path, seed: int):
    """Whatever lies where: parts in and out of order, of any key, materialized columns, nulls, NaN, deleted records."""
    draw = random.Random(seed)
    names = draw.sample(sorted(CHOICES), 2)
    model: dict[tuple[str, str], object] = {}
    in_base = {name: [draw.choice(CHOICES[name]) for _ in IDS] for name in names if draw.random() < 0.5}
    ds = made(tmp_path, **in_base)
    for name, content in in_base.items():
        model.update({(IDS[row], name): value for row, value in enumerate(content) if value is not None})
    for number in range(draw.randrange(4)):
        rows, there = draw.sample(range(40), draw.randrange(1, 20)), draw.sample(names, draw.randrange(1, 3))
        key = draw.choice(["id", "sequence", "sequence_ci"])
        content = {name: [draw.choice(CHOICES[name]) for _ in rows] for name in there}
        write_overlay(
            ds.path,
            "mock",
            [(IDS if key == "id" else SEQUENCES)[row] for row in rows] + ["f" * 40 if key == "id" else "TTTTTTTTTTTTA"],
            {name: column(name, [*cells, None]) for name, cells in content.items()},
            key=key,
            created_at=f"2026-01-0{number + 1}T00:00:00.000000Z",
            part=f"part-2026010{number + 1}T000000000000-00000000",
        )
        for name, cells in content.items():
            model.update({(IDS[row], name): v for row, v in zip(rows, cells, strict=True) if v is not None})
    if draw.random() < 0.5:
        write_tombstones(ds.path, draw.sample(IDS, 10))
    rows = draw.sample(range(40), draw.randrange(1, 41))
    new = {name: [draw.choice(CHOICES[name]) for _ in rows] for name in names}
    taken = [
        (place + 1, IDS[row], name)
        for place, row in enumerate(rows)
        for name in names
        if new[name][place] is not None and (IDS[row], name) in model
    ]

    if taken:
        with assert_unchanged(tmp_path), pytest.raises(ValuesExist) as caught:
            ds.write_overlay_part("mock", table(rows, **new), allow_overwrite=False)
        assert len(taken) == caught.value.count
        assert taken[:20] == [(one.row, one.id, one.column) for one in caught.value.values]
    else:
        ds.write_overlay_part("mock", table(rows, **new), allow_overwrite=False)
    ds.write_overlay_part("mock", table(rows, **new))
    for name in names:
        model.update({(IDS[row], name): v for row, v in zip(rows, new[name], strict=True) if v is not None})
    shown = values(ds, "id", *names, include_deleted=True)
    assert [(one, *(repr(model.get((one, name))) for name in names)) for one in IDS] == [
        (row[0], *map(repr, row[1:])) for row in shown
    ]


def test_the_error_shows_row_id_and_both_values(tmp_path: Path):
    """In the input's row order, whatever the base's; the text of the error has them too."""
    ds = made(tmp_path, mock__s=["old", *[None] * 39])
    ds.write_overlay_part("mock", table([2], mock__f=[1.25]))
    with pytest.raises(ValuesExist) as caught:
        ds.write_overlay_part(
            "mock", table([3, 2, 0], mock__s=["x", None, "new"], mock__f=[1.0, math.nan, None]), allow_overwrite=False
        )

    assert caught.value.values == (
        TakenValue(row=2, id=IDS[2], column="mock__f", there="1.25", new="NaN"),
        TakenValue(row=3, id=IDS[0], column="mock__s", there="old", new="new"),
    )
    assert caught.value.facts["row 2, mock__f"] == f"{IDS[2]} has 1.25, the file NaN"


def test_the_first_twenty_are_shown_and_all_are_counted(tmp_path: Path):
    """What is left out is told as a number."""
    ds = made(tmp_path, mock__f=[1.0] * 40)
    with pytest.raises(ValuesExist) as caught:
        ds.write_overlay_part("mock", table(list(range(39, -1, -1)), mock__f=[2.0] * 40), allow_overwrite=False)

    assert (40, "20") == (caught.value.count, caught.value.facts["more"])
    assert list(range(1, 21)) == [one.row for one in caught.value.values]


def test_the_next_chunk_of_a_run_needs_no_flag(tmp_path: Path):
    """Its records have no value yet; the same chunk again is refused, also where its values are equal."""
    ds = made(tmp_path)
    for first in range(0, 40, 10):
        chunk = list(range(first, first + 10))
        ds.write_overlay_part("mock", table(chunk, mock__f=[0.5] * 10), allow_overwrite=False)

    assert [(0.5,)] * 40 == values(ds, "mock__f")
    with pytest.raises(ValuesExist) as caught:
        ds.write_overlay_part("mock", table(chunk, mock__f=[0.5] * 10), allow_overwrite=False)
    assert 10 == caught.value.count


def test_a_column_that_is_there_under_another_type_is_refused(tmp_path: Path):
    """Such a part would make the dataset unreadable."""
    ds = made(tmp_path)
    write_overlay(ds.path, "mock", [IDS[0]], {"mock__f": pa.array(["x"])})

    with pytest.raises(OverlayTypesDiffer):
        ds.write_overlay_part("mock", table([1], mock__f=[1.0]), allow_overwrite=False)
