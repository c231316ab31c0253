"""The merged view equals a merge by dictionaries, over some thousands of generated datasets."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pytest

from support.view_datasets import open_view, record_id_of, sequence, write_base, write_overlay
from usr_core.store.view.last_writer_wins import NamespaceMerge
from usr_core.store.view.places import ViewPlaces

CASES = 2_400
GROUPS = 8
TYPES = {
    "f": pa.float64(),
    "g": pa.float16(),
    "i": pa.int64(),
    "n": pa.uint8(),
    "t": pa.timestamp("us", tz="UTC"),
    "b": pa.bool_(),
    "s": pa.string(),
    "y": pa.binary(),
    "l": pa.list_(pa.float64()),
    "v": pa.list_(pa.int32(), 2),
    "r": pa.struct([("x", pa.int8()), ("y", pa.list_(pa.string()))]),
}
TIMES = ["2025-12-31T23:59:59+00:00", "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000001Z"]  # ascending


@dataclass
class Part:
    """What a generated part says: (key of the record or None, {column: value}) in file order."""

    order: tuple[str, str]
    rows: list[tuple[int | None, dict[str, object]]] = field(default_factory=list)


def value_of(rng: random.Random, kind: str) -> object:
    """Return a value of a column kind; null one time in four."""
    if rng.random() < 0.25:
        return None
    number = rng.randrange(100)
    made = {
        "f": lambda: math.nan if number < 20 else -0.0 if number < 30 else number / 7,
        "g": lambda: math.nan if number < 20 else float(number),
        "i": lambda: 2**62 + number,
        "n": lambda: number,
        "t": lambda: 1_700_000_000_000_000 + number,
        "b": lambda: number % 2 == 0,
        "s": lambda: "" if number < 20 else f"värde {number}",
        "y": lambda: bytes([number]) * (number % 3),
        "l": lambda: [math.nan, None, float(number)][: number % 4],
        "v": lambda: [number, None],
        "r": lambda: {"x": number, "y": [None, str(number)][: number % 3]},
    }
    return made[kind]()


def array_of(values: list[object], kind: str) -> pa.Array:
    """Return the values as an array of the column kind."""
    return pa.array(values, TYPES[kind])


def plain(value: object) -> object:
    """Return a value in a form in which equal means the same bits."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else (value, math.copysign(1, value))
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return value


class Case:
    """One generated dataset on disk, and what its view must be."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = rng = random.Random(seed)
        self.folder = folder
        count = rng.choice([0, 1, 2, 5, 9, 14])
        self.sequences = [sequence(number) for number in rng.sample(range(200), count)]
        self.columns: dict[str, str] = {}
        self.values: list[dict[str, object]] = [{} for _ in range(count)]
        extra: dict[str, pa.Array] = {}
        spaces = [f"n{number}" for number in range(rng.randrange(4))]
        for space in spaces:
            for kind in rng.sample(sorted(TYPES), rng.randrange(1, 4)):
                name = f"{space}__{kind}"
                self.columns[name] = kind
                if rng.random() < 0.3:
                    cells = [value_of(rng, kind) for _ in range(count)]
                    extra[name] = array_of(cells, kind)
                    for row, cell in enumerate(extra[name].to_pylist()):
                        self.values[row][name] = cell
        self.materialized = list(extra)
        write_base(folder, self.sequences, extra=extra, row_group_size=rng.choice([1, 3, 100]))
        self.shown: set[str] = set(extra)
        for space in spaces:
            self._write(space, [name for name in self.columns if name.startswith(f"{space}__")])
        self.deleted = self._write_tombstones() if rng.random() < 0.5 else set()

    def _write(self, space: str, names: list[str]) -> None:
        parts: list[Part] = []
        for number in range(self.rng.randrange(8)):
            mine = self.rng.sample(names, self.rng.randrange(1, len(names) + 1))
            part = self._part(self.rng.choice(TIMES), f"part-{self.rng.randrange(100):02d}-{number}")
            for _, cells in part.rows:
                cells.update((name, value_of(self.rng, self.columns[name])) for name in mine)
            arrays = {name: array_of([cells[name] for _, cells in part.rows], self.columns[name]) for name in mine}
            key = self.rng.choice(["id", "id", "id", "sequence", "sequence_norm", "sequence_ci"])
            write_overlay(
                self.folder,
                space,
                [self._key(key, row) for row, _ in part.rows],
                arrays,
                key=key,
                created_at=part.order[0],
                part=part.order[1],
                row_group_size=self.rng.choice([1, 2, 100]),
                bloom=self.rng.random() < 0.5,
            )
            for at, (_, cells) in enumerate(part.rows):
                cells.update((name, arrays[name][at].as_py()) for name in mine)
            self.shown.update(mine)
            parts.append(part)
        for part in sorted(
            parts, key=lambda one: (TIMES.index(one.order[0]) - (3 if "+" in one.order[0] else 0), one.order[1])
        ):
            for row, cells in part.rows:
                if row is not None:
                    self.values[row].update((name, cell) for name, cell in cells.items() if cell is not None)

    def _part(self, time: str, name: str) -> Part:
        rows: list[int | None] = [
            row for row in range(len(self.sequences)) if self.rng.random() < self.rng.choice([0.2, 0.9, 1])
        ]
        rows += [None] * self.rng.choice([0, 0, 1, 3])
        style = self.rng.random()
        if style < 0.3:
            self.rng.shuffle(rows)
        elif style < 0.6:  # in the base's order with unmatched keys between
            known = iter(sorted(row for row in rows if row is not None))
            mixed = list(rows)
            self.rng.shuffle(mixed)
            rows = [None if row is None else next(known) for row in mixed]
        return Part((time, name), [(row, {}) for row in rows])

    def _key(self, key: str, row: int | None) -> str:
        text = sequence(1_000 + self.rng.randrange(10**6)) if row is None else self.sequences[row]
        if key == "id" and row is None and self.rng.random() < 0.3:
            return self.rng.choice(["nonsense", "F" * 22, "ä" * 11]) + str(self.rng.random())
        if key == "id":
            return record_id_of(text)
        if key == "sequence_ci":
            return "".join(self.rng.choice([letter, letter.lower()]) for letter in text)
        return f" {text}\t" if self.rng.random() < 0.3 else text

    def _write_tombstones(self) -> set[int]:
        rows = [row for row in range(len(self.sequences)) if self.rng.random() < self.rng.choice([0.3, 1])]
        flags = [self.rng.choice([True, True, False, None]) for _ in rows]
        write_overlay(
            self.folder,
            "usr",
            [record_id_of(self.sequences[row]) for row in rows],
            {
                "usr__deleted": pa.array(flags, pa.bool_()),
                "usr__deleted_reason": pa.array(["why"] * len(rows), pa.string()),
            },
            part=None,
        )
        return {row for row, flag in zip(rows, flags, strict=True) if flag}

    def expected(self, *, include_deleted: bool) -> list[dict[str, object]]:
        """Return the rows of the view by the naive merge: id and all shown overlay columns."""
        return [
            {"id": record_id_of(text), **{name: plain(self.values[row].get(name)) for name in sorted(self.shown)}}
            for row, text in enumerate(self.sequences)
            if include_deleted or row not in self.deleted
        ]


def seen(table: pa.Table, names: list[str]) -> list[dict[str, object]]:
    """Return the rows of a table in the form of `Case.expected`."""
    return [{name: plain(row[name]) for name in names} for row in table.to_pylist()]


@pytest.mark.slow
@pytest.mark.parametrize(
    "group", [pytest.param(group, marks=[pytest.mark.whole_matrix] if group > 1 else []) for group in range(GROUPS)]
)
def test_the_view_is_the_naive_merge(tmp_path: Path, group: int) -> None:
    """Batches, single columns and `head` show for each row the newest value of each column, and no deleted row."""
    for seed in range(group, CASES, GROUPS):
        case = Case(tmp_path / str(seed), seed)
        names = ["id", *sorted(case.shown)]
        some = case.rng.sample(names, case.rng.randrange(1, len(names) + 1))
        include = case.rng.random() < 0.5
        rows = case.rng.randrange(12)
        expected = case.expected(include_deleted=include)

        with open_view(case.folder) as view:
            batches = view.batches(names, include_deleted=include, batch_rows=case.rng.choice([1, 2, 5, 100]))
            whole = pa.Table.from_batches(batches, view.schema(names))
            narrow = pa.Table.from_batches(view.batches(some, include_deleted=include), view.schema(some))
            head = view.head(rows, names, include_deleted=include)
            deleted = view.deleted_count()
            fields = set(view.schema().names)
        whole.validate(full=True)
        head.validate(full=True)

        assert expected == seen(whole, names), seed
        assert [{name: row[name] for name in some} for row in expected] == seen(narrow, some), seed
        assert expected[:rows] == seen(head, names), seed
        assert len(case.deleted) == deleted, seed
        assert case.shown == {name for name in fields if "__" in name}, seed


def test_columns_merged_whole_are_the_columns_merged_by_windows(tmp_path: Path) -> None:
    """Where numbers fit in memory, whole columns are merged part by part: the same values, nulls and slices."""
    rng = random.Random(3)
    sequences = [sequence(number) for number in range(90)]
    write_base(tmp_path, sequences)
    for number in range(7):
        rows = rng.sample(range(90), 40)
        cells = {f"n__{kind}": array_of([value_of(rng, kind) for _ in rows], kind) for kind in "fnt"}
        keys = [record_id_of(sequences[row]) if row % 9 else f"{row:040x}" for row in rows]
        write_overlay(tmp_path, "n", keys, cells, part=f"part-{number}")
    with open_view(tmp_path) as view:
        parts = view.overlays["n"].parts
        kinds = {name: TYPES[name[-1]] for name in ("n__f", "n__n", "n__t")}
        placements = ViewPlaces(view.source).placements(parts)
        whole, windowed = NamespaceMerge(placements, kinds, rows=90), NamespaceMerge(placements, kinds)
        too_many = NamespaceMerge(placements, kinds, rows=90, decoded_bytes=64)
        for start, stop in [(0, 13), (13, 14), (14, 80), (80, 90)]:
            expected = {name: values.to_pylist() for name, values in windowed.window(start, stop, {}).items()}
            for merge in (whole, too_many):
                merged = merge.window(start, stop, {})
                assert repr(expected) == repr({name: values.to_pylist() for name, values in merged.items()})
                for values in merged.values():
                    values.validate(full=True)
