"""Parts that cover the base, read without placing them: what is shown is the same, whatever the parts are like."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.overlays import write_tombstones
from support.view_datasets import open_view, record_id_of, rows_of, sequence, write_base, write_overlay
from usr_core.store.parts.errors import OverlayKeyFault
from usr_core.store.questions.scan import Scan
from usr_core.store.questions.sql import run_sql
from usr_core.store.view.aligned import covers_base

ROWS = 9
GROUP = 4
COLUMNS = ["id", "length", "mock__n", "mock__f", "mock__s"]
CONDITION = "mock__n >= 2 or mock__s is null or mock__f > 1e300"

Row = tuple[int, dict[str, object]]
TYPES = {"mock__n": pa.int64(), "mock__f": pa.float64(), "mock__s": pa.string()}


def write_part(folder: Path, rows: Sequence[Row], *, at: int = 0, group: int = GROUP, note: bool = True) -> Path:
    """Write a part as USR does: keys not null, a Bloom filter for each group, and the note that keys are unique."""
    path = folder / "_derived" / "mock" / f"part-20260101T00000000000{at}-00000000.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = [pa.field("id", pa.string(), nullable=False), *(pa.field(name, kind) for name, kind in TYPES.items())]
    stamps = {
        "usr:overlay_namespace": "mock",
        "usr:overlay_key": "id",
        "usr:overlay_created_at": f"2026-01-01T00:00:00.00000{at}Z",
    }
    ids = pa.array([record_id_of(sequence(number)) for number, _ in rows], pa.string())
    values = [pa.array([row.get(name) for _, row in rows], kind) for name, kind in TYPES.items()]
    table = pa.Table.from_arrays([ids, *values], schema=pa.schema(fields, stamps))
    blooms = {"id": {"ndv": 8, "fpp": 0.01}}
    with pq.ParquetWriter(path, table.schema, bloom_filter_options=blooms) as writer:
        writer.write_table(table, row_group_size=group)
        if note:
            writer.add_key_value_metadata({"usr:overlay_unique_keys": str(len(rows))})
    return path


def some_rows(random_: random.Random, numbers: Sequence[int]) -> list[Row]:
    """Return a row with values for each record; some are null, some NaN."""
    return [
        (
            number,
            {
                "mock__n": random_.choice([None, 0, 1, 2, 3]),
                "mock__f": random_.choice([None, 0.5, math.nan, -0.0]),
                "mock__s": random_.choice([None, "", "a", "ü" * 3]),
            },
        )
        for number in numbers
    ]


def merged(parts: Sequence[Sequence[Row]], rows: int = ROWS, deleted: Sequence[int] = ()) -> list[tuple[object, ...]]:
    """Return what the view shows, by dictionaries."""
    shown: dict[int, dict[str, object]] = {number: {} for number in range(rows)}
    for part in parts:
        for number, values in part:
            if number in shown:
                shown[number].update({name: value for name, value in values.items() if value is not None})
    return [
        (record_id_of(sequence(number)), 12, *(values.get(name) for name in TYPES))
        for number, values in shown.items()
        if number not in deleted
    ]


def meets(row: tuple[object, ...]) -> bool:
    """Evaluate `CONDITION`; NaN is greater than any number, as in DuckDB."""
    n, f, s = row[2:]
    return (isinstance(n, int) and n >= 2) or s is None or (isinstance(f, float) and math.isnan(f))


def told(rows: Sequence[tuple[object, ...]]) -> list[str]:
    """Return rows in a form in which NaN equals NaN and differs from others, and the zeros differ."""
    return [repr(row) for row in rows]


def answers(folder: Path) -> tuple[bool, list[str], list[str]]:
    """Return whether the files are read directly, all rows through SQL, and those that meet `CONDITION`."""
    with open_view(folder) as view:
        direct = view.aligned(COLUMNS) is not None
        every = told(_rows(run_sql(view, f"select {', '.join(COLUMNS)} from records")))
    return direct, every, told(_rows(Scan(open_view(folder), COLUMNS, where=CONDITION).reader().read_all()))


def _rows(table: pa.Table) -> list[tuple[object, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def base(folder: Path, rows: int = ROWS) -> None:
    """Write a base in row groups of four."""
    write_base(folder, [sequence(number) for number in range(rows)], row_group_size=GROUP)


HOSTILE: dict[str, Callable[[list[Row]], list[Row]]] = {
    "another order": lambda rows: rows[::-1],
    "two rows in each other's place": lambda rows: [rows[1], rows[0], *rows[2:]],
    "one record is missing": lambda rows: rows[:3] + rows[4:],
    "the last is missing": lambda rows: rows[:-1],
    "one key is of no record": lambda rows: [*rows, (77, {"mock__n": 9})],
    "one record for a foreign one": lambda rows: [*rows[:5], (77, {"mock__n": 9}), *rows[6:]],
    "no rows": lambda _: [],
}


class TestCovering:
    @pytest.mark.parametrize("seed", range(6))
    def test_parts_in_the_base_s_order_are_read_directly(self, tmp_path: Path, seed: int) -> None:
        """One to three of them: the newest value that is not null is shown, NaN is found by a comparison."""
        random_ = random.Random(seed)
        base(tmp_path)
        parts = [some_rows(random_, range(ROWS)) for _ in range(1 + seed % 3)]
        for at, rows in enumerate(parts):
            write_part(tmp_path, rows, at=at)

        expected = merged(parts)

        assert (True, told(expected), told(list(filter(meets, expected)))) == answers(tmp_path)

    @pytest.mark.parametrize("kind", HOSTILE)
    def test_a_part_that_does_not_cover_is_placed_by_id(self, tmp_path: Path, kind: str) -> None:
        """Whatever its note says of itself; a part that covers beside it changes nothing."""
        random_ = random.Random(1)
        base(tmp_path)
        parts = [some_rows(random_, range(ROWS)), HOSTILE[kind](some_rows(random_, range(ROWS)))]
        for at, rows in enumerate(parts):
            write_part(tmp_path, rows, at=at)

        expected = merged(parts)

        assert (kind == "no rows", told(expected), told(list(filter(meets, expected)))) == answers(tmp_path)

    def test_a_record_twice_is_refused(self, tmp_path: Path) -> None:
        """Also where the note says that keys are unique, and the number of rows is the base's."""
        base(tmp_path)
        rows = some_rows(random.Random(2), range(ROWS))
        write_part(tmp_path, [*rows[:4], rows[3], *rows[5:]])

        with pytest.raises(OverlayKeyFault), open_view(tmp_path) as view:
            run_sql(view, "select mock__n from records")
        with pytest.raises(OverlayKeyFault):
            Scan(open_view(tmp_path), ["mock__n"], where=CONDITION).reader().read_all()

    def test_a_base_that_grew(self, tmp_path: Path) -> None:
        """Records that came after the part have no values; it is placed by id."""
        rows = some_rows(random.Random(3), range(ROWS))
        write_part(tmp_path, rows)
        base(tmp_path, ROWS + 3)

        expected = merged([rows], ROWS + 3)

        assert (False, told(expected), told(list(filter(meets, expected)))) == answers(tmp_path)

    def test_a_base_that_was_written_again_in_another_order(self, tmp_path: Path) -> None:
        """Values stay with their records."""
        rows = some_rows(random.Random(4), range(ROWS))
        write_part(tmp_path, rows)
        write_base(tmp_path, [sequence(number) for number in reversed(range(ROWS))], row_group_size=GROUP)

        direct, every, _ = answers(tmp_path)

        assert (False, told(merged([rows])[::-1])) == (direct, every)

    def test_deleted_records(self, tmp_path: Path) -> None:
        """They are left out of what a covering part has."""
        base(tmp_path)
        rows = some_rows(random.Random(5), range(ROWS))
        write_part(tmp_path, rows)
        write_tombstones(tmp_path, [record_id_of(sequence(2))])

        expected = merged([rows], deleted=[2])

        assert (False, told(expected), told(list(filter(meets, expected)))) == answers(tmp_path)

    @pytest.mark.parametrize("numbers", [[0, 1, 2, 1], [0, 0, 2], [0, 1, 1, 2], [2, 0, 1, 2]])
    def test_a_base_with_one_id_twice(self, tmp_path: Path, numbers: list[int]) -> None:
        """Each of the two rows shows the values of the id, of a part that has it once."""
        write_base(tmp_path, [sequence(number) for number in numbers], row_group_size=GROUP)
        write_part(tmp_path, [(number, {"mock__n": number}) for number in (0, 1, 2)])

        with open_view(tmp_path) as view:
            assert [(number,) for number in numbers] == _rows(run_sql(view, "select mock__n from records"))

    def test_a_part_without_the_note(self, tmp_path: Path) -> None:
        """Its keys may repeat, so that it is placed by id."""
        base(tmp_path)
        rows = some_rows(random.Random(6), range(ROWS))
        write_part(tmp_path, rows, note=False)

        assert (False, told(merged([rows]))) == answers(tmp_path)[:2]

    def test_other_row_groups(self, tmp_path: Path) -> None:
        """The bytes of the ids differ then, and the part is placed by id."""
        base(tmp_path)
        rows = some_rows(random.Random(7), range(ROWS))
        write_part(tmp_path, rows, group=5)

        assert (False, told(merged([rows]))) == answers(tmp_path)[:2]

    def test_a_materialized_column_shows_where_the_part_is_null(self, tmp_path: Path) -> None:
        """And the part's value where it has one."""
        below = pa.array(range(100, 100 + ROWS), pa.int64())
        write_base(tmp_path, [sequence(n) for n in range(ROWS)], row_group_size=GROUP, extra={"mock__n": below})
        write_part(tmp_path, [(n, {"mock__n": n if n % 2 else None}) for n in range(ROWS)])

        with open_view(tmp_path) as view:
            assert view.aligned(["mock__n"]) is not None
            found = _rows(run_sql(view, "select mock__n from records"))

        assert [(n if n % 2 else 100 + n,) for n in range(ROWS)] == found

    def test_an_index_is_not_made_for_it(self, tmp_path: Path) -> None:
        """The merged view, too, takes it as a run of the base, and gives the same rows."""
        base(tmp_path)
        rows = some_rows(random.Random(8), range(ROWS))
        path = write_part(tmp_path, rows)

        with open_view(tmp_path) as view:
            assert covers_base(view.overlays["mock"].parts[0], view.source)
        shown = told([tuple(row.values()) for row in rows_of(tmp_path, COLUMNS)])
        path.unlink()

        assert told(merged([rows])) == shown

    def test_changed_bytes_of_an_id_are_seen(self, tmp_path: Path) -> None:
        """A part of the same length whose stored ids differ in one byte does not cover the base."""
        base(tmp_path)
        path = write_part(tmp_path, some_rows(random.Random(9), range(ROWS)))
        chunk = pq.read_metadata(path).row_group(2).column(0)
        with path.open("r+b") as file:
            start = chunk.dictionary_page_offset or chunk.data_page_offset
            file.seek(start + chunk.total_compressed_size - 1)
            byte = file.read(1)[0]
            file.seek(-1, 1)
            file.write(bytes([byte ^ 1]))

        with open_view(tmp_path) as view:
            assert not covers_base(view.overlays["mock"].parts[0], view.source)


class TestFailures:
    def test_a_condition_that_fails_is_told_as_before(self, tmp_path: Path) -> None:
        """A text that is no number is the condition's fault."""
        from usr_core.store.questions.errors import ConditionInvalid

        base(tmp_path)
        write_part(tmp_path, [(number, {"mock__s": "1" if number < 8 else "x"}) for number in range(ROWS)])

        with pytest.raises(ConditionInvalid, match="x"):
            Scan(open_view(tmp_path), ["id"], where="cast(mock__s as integer) = 1").reader().read_all()

    @pytest.mark.parametrize(
        ("condition", "told"),
        [
            ("abs(lab__n) >= 0", "(?i)overflow"),
            ("lab__n + lab__n > 0", "(?i)overflow"),
            ("cast(lab__s as integer) = 1", "(?i)convert"),
            ("cast(lab__n as tinyint) = 1", "(?i)cast"),
        ],
    )
    def test_a_value_that_a_condition_fails_at_is_its_fault(self, tmp_path: Path, condition: str, told: str) -> None:
        """Also in a row group behind the first one of a single file, where DuckDB's error comes as one of Arrow's."""
        from usr_core.store.questions.errors import ConditionInvalid

        numbers = pa.array([-(2**63) if n == ROWS - 1 else 1 for n in range(ROWS)], pa.int64())
        texts = pa.array(["x" if n == ROWS - 1 else "1" for n in range(ROWS)])
        extra = {"lab__n": numbers, "lab__s": texts}
        write_base(tmp_path, [sequence(n) for n in range(ROWS)], row_group_size=GROUP, extra=extra)

        with pytest.raises(ConditionInvalid, match=told):
            Scan(open_view(tmp_path), ["id"], where=condition).reader().read_all()

    def test_columns_that_differ_in_case_only(self, tmp_path: Path) -> None:
        """A condition means the one that it spells."""
        base(tmp_path)
        ids = [record_id_of(sequence(number)) for number in range(ROWS)]
        columns = {"mock__a": pa.array(range(ROWS)), "mock__A": pa.array(reversed(range(ROWS)))}
        write_overlay(tmp_path, "mock", ids, columns)

        scan = Scan(open_view(tmp_path), ["mock__a", "mock__A"], where="mock__A = 0")

        assert [{"mock__a": ROWS - 1, "mock__A": 0}] == scan.reader().read_all().to_pylist()

    def test_the_files_that_were_opened_are_read(self, tmp_path: Path) -> None:
        """A part that is replaced or removed after the view was opened is still read as it was."""
        base(tmp_path)
        rows = some_rows(random.Random(10), range(ROWS))
        path = write_part(tmp_path, rows)
        with open_view(tmp_path) as view:
            (tmp_path / "other").write_bytes(b"no Parquet file")
            (tmp_path / "other").rename(path)

            assert told(merged([rows])) == told(_rows(run_sql(view, f"select {', '.join(COLUMNS)} from records")))
