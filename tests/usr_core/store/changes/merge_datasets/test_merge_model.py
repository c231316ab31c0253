"""A merge of generated datasets against dictionaries: what readers see afterwards, and every number that is told."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.maintenance import KINDS, dataset, new_root, record_id_of, sequence, values, write_overlay
from support.overlays import write_tombstones
from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.store.changes.merge_datasets.cells import ChangedValue

S = [sequence(number) for number in range(12)]
ID = {text: record_id_of(text) for text in S}
CHOICES: dict[str, list[object]] = {
    "mock__i": [None, 1, 2, 3],
    "mock__f": [None, 0.5, float("nan"), -0.0, 0.0],
    "mock__v": [None, [1, 2], [1, 3]],
}
Cells = dict[tuple[str, str], object]


@dataclass
class Side:
    """A dataset and what it holds: values in the base, and in overlays as merged."""

    made: Dataset
    texts: list[str]
    materialized: list[str]
    base: Cells = field(default_factory=dict)
    attached: Cells = field(default_factory=dict)
    keys: dict[str, set[str]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def shows(self, text: str, name: str) -> object:
        above = self.attached.get((text, name))
        return self.base.get((text, name)) if above is None else above


def generated(draw: random.Random, root: Path, name: str, *, as_text: bool) -> Side:
    texts = draw.sample(S, draw.randrange(1, 9))
    names = sorted(CHOICES)
    materialized = [one for one in names if draw.random() < 0.6]
    extra, base = {}, {}
    for one in materialized:
        cells = [draw.choice(CHOICES[one]) for _ in texts]
        base.update({(text, one): cell for text, cell in zip(texts, cells, strict=True)})
        array = pa.array(cells, KINDS[one])
        extra[one] = array.cast(pa.string()) if as_text and one == "mock__i" else array
    side = Side(dataset(root, name, texts, extra=extra, row_group_size=3), texts, materialized, base)
    for number in range(draw.randrange(3)):
        # A column that is text in the base can't be a number in an overlay.
        there = [one for one in names if draw.random() < 0.6 and not (as_text and one == "mock__i")]
        rows = draw.sample(S, draw.randrange(1, 9))
        if not there:
            continue
        cells_of = {one: [draw.choice(CHOICES[one]) for _ in rows] for one in there}
        write_overlay(
            side.made.path,
            "mock",
            [ID[text] for text in rows],
            {one: pa.array(cells, KINDS[one]) for one, cells in cells_of.items()},
            part=f"part-{number}",
            created_at=f"2026-01-0{number + 1}T00:00:00.000000Z",
        )
        for one, cells in cells_of.items():
            side.attached.update({(t, one): cell for t, cell in zip(rows, cells, strict=True) if cell is not None})
            side.keys.setdefault(one, set()).update(rows)
    if draw.random() < 0.3:
        side.deleted = set(draw.sample(texts, 1))
        write_tombstones(side.made.path, [ID[text] for text in side.deleted])
    return side


def expected(dest: Side, source: Side, policy: str, *, carried: bool) -> tuple[list[str], Cells]:
    """Return the rows of the result and what they show."""
    live = [text for text in source.texts if text not in source.deleted]
    rows = [*dest.texts, *(text for text in live if text not in dest.texts)]
    shown: Cells = {}
    for text, name in itertools.product(rows, CHOICES):
        mine = dest.shows(text, name)  # of a new record: what was kept for it
        over, found = policy == "prefer-src", None
        if text in live:
            new = text not in dest.texts
            if name in source.materialized and (new or carried or policy.startswith("prefer")):
                found = source.shows(text, name)
            elif carried:
                found = source.attached.get((text, name))
            over = over or new
        shown[text, name] = found if found is not None and (over or mine is None) else mine
    return rows, shown


def left_behind(dest: Side, source: Side) -> dict[str, int]:
    names = [name for name in source.keys if name not in source.materialized]
    # The keys of a part count where it has any column that does not come along.
    texts: set[str] = set()
    for path in source.made.path.glob("_derived/mock/part-*.parquet"):
        table = pq.read_table(path)
        if set(names) & set(table.column_names):
            texts |= {text for text in S if ID[text] in table.column("id").to_pylist()}
    count = len(texts & set(source.texts) - source.deleted)
    return {"mock": count} if count else {}


def view(side: Dataset) -> list[tuple[object, ...]]:
    present = [name for name in CHOICES if name in {column.name for column in side.columns()}]
    rows = values(side, "sequence", *present, include_deleted=True)
    return [(row[0], *(repr(dict(zip(present, row[1:], strict=True)).get(name)) for name in CHOICES)) for row in rows]


@pytest.mark.parametrize("seed", range(24))
def test_what_readers_see_and_what_is_told_are_one(tmp_path: Path, seed: int) -> None:
    """Every policy, values in the base, in overlays, in both or nowhere, kept ones, casts, deleted records."""
    draw = random.Random(seed)
    root = new_root(tmp_path / "root")
    as_text = draw.random() < 0.3
    dest, source = generated(draw, root, "dest", as_text=False), generated(draw, root, "src", as_text=as_text)
    policy = ("skip", "prefer-src", "prefer-dest")[seed % 3]
    carried = bool(source.keys) and not as_text and draw.random() < 0.5
    rows, shown = expected(dest, source, policy, carried=carried)
    changed = [
        (number + 1, ID[text], name)
        for number, text in enumerate(dest.texts)
        for name in sorted(CHOICES)
        if repr(shown[text, name]) != repr(dest.shows(text, name))
    ]
    kept = sum(any((text, name) in dest.attached for name in CHOICES) for text in rows[len(dest.texts) :])
    options: Mapping[str, object] = {"if_duplicate": policy, "carry_namespaces": ["mock"] if carried else []}

    with assert_unchanged(root):
        plan = dest.made.merge(source.made, dry_run=True, **options)
    with dest.made.maintenance(reason="test"):
        outcome = dest.made.merge(source.made, **options)
    assert [(text, *(repr(shown[text, name]) for name in CHOICES)) for text in rows] == view(dest.made)
    for told in (plan, outcome):
        assert len(changed) == told.cells
        assert changed[:20] == [(one.row, one.id, one.column) for one in told.changed]
        assert (len(rows) - len(dest.texts), kept) == (told.rows_added, told.kept)
        assert ({} if carried else left_behind(dest, source)) == told.left
    assert plan.carried == outcome.carried
    assert outcome.changes == (outcome.event is not None)
    with dest.made.maintenance(reason="test"), assert_unchanged(dest.made.path):
        again = dest.made.merge(source.made, **options)
    assert (0, 0, None) == (again.cells, again.rows_added, again.event)


def test_values_that_change_are_named_with_what_was_shown(tmp_path: Path) -> None:
    """Not what lies in the base below it."""
    root = new_root(tmp_path / "root")
    dest = dataset(root, "dest", S[:2], extra={"mock__i": pa.array([1, 5])})
    write_overlay(dest.path, "mock", [ID[S[0]]], {"mock__i": pa.array([2])})
    source = dataset(root, "src", S[:2], extra={"mock__i": pa.array([1, 5])})
    write_overlay(source.path, "mock", [ID[S[0]]], {"mock__i": pa.array([3])})
    with dest.maintenance(reason="test"):
        outcome = dest.merge(source, if_duplicate="prefer-src")

    assert [(3,), (5,)] == values(dest, "mock__i")
    assert (ChangedValue(row=1, id=ID[S[0]], column="mock__i", before="2", after="3"),) == outcome.changed
    assert 1 == outcome.event["metrics"]["cells_from_source"]
    assert 2 == len(list((dest.path / "_derived/mock").iterdir()))
