"""Materializing with columns that are copied as bytes: the same rows as encoding gives, whatever the parts are like."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.view_datasets import sequence
from usr_core.commit.file_tree import FileTree
from usr_core.dataset import Dataset
from usr_core.registry.store import register_namespace
from usr_core.store.base.file import write_options
from usr_core.store.base.parquet import OpenParquet
from usr_core.store.base.splice import Stored
from usr_core.store.view.merged_view import MergedView
from usr_core.store.view.spliced import splice_view

ROWS = 300
COLUMNS = {"i": "int32", "f": "float64", "s": "string", "v": "fixed_size_list<float32>[4]", "t": "timestamp[s]"}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """A base of two row groups, and a namespace of five columns."""
    root = tmp_path / "root"
    root.mkdir()
    register_namespace(root, "lab", [(f"lab__{name}", kind) for name, kind in COLUMNS.items()])
    made = Dataset.open(root, "ns/some").init()
    made.add_sequences([{"sequence": sequence(number)} for number in range(ROWS)], bio_type="dna", alphabet="dna_4")
    regroup(made, 170)
    return made


def regroup(dataset: Dataset, rows: int) -> None:
    """Write the base again with other row groups."""
    base = dataset.path / "records.parquet"
    table = pq.read_table(base)
    options = write_options(table.schema, bloom="id")
    with pq.ParquetWriter(base, table.schema, **options.writer_arguments(rows=ROWS)) as writer:
        writer.write_table(table, row_group_size=rows)


def values(random_: random.Random, rows: int, names: str, nulls: float) -> dict[str, pa.Array]:
    """Return random values for some of the columns, each null with the probability `nulls`."""
    cells: dict[str, Callable[[], object]] = {
        "i": lambda: random_.randrange(9),
        "f": lambda: random_.choice([0.5, float("nan"), -0.0]),
        "s": lambda: random_.choice(["", "ü", "abc"]),
        "v": lambda: [random_.random() for _ in range(4)],
        "t": lambda: random_.randrange(2**31),
    }
    kinds = {
        "i": pa.int32(),
        "f": pa.float64(),
        "s": pa.string(),
        "v": pa.list_(pa.float32(), 4),
        "t": pa.timestamp("s"),
    }
    return {
        name: pa.array([None if random_.random() < nulls else cells[name]() for _ in range(rows)], kinds[name])
        for name in names
    }


def add(dataset: Dataset, rows: list[int], columns: dict[str, pa.Array]) -> None:
    ids = dataset.to_arrow(columns=["id"], include_deleted=True).column("id")
    dataset.write_overlay_part("lab", pa.table({"id": ids.take(pa.array(rows)), **columns}))


def shown(dataset: Dataset) -> str:
    """Return all records as text, since NaN is not equal to itself."""
    table = dataset.to_arrow()
    return repr(table.select(sorted(table.column_names)).to_pylist())


def chunks(path: Path, column: str) -> Iterator[bytes]:
    """Yield the bytes of a column's pages, row group by row group."""
    source = OpenParquet.open(path)
    stored = Stored.of(source)
    assert stored is not None
    for group in range(len(stored.rows)):
        for chunk in stored.chunks(group, column):
            yield source.handle.read_at(chunk.size, chunk.start)
    source.close()


@pytest.mark.parametrize("seed", range(8))
def test_a_materialized_dataset_shows_what_it_showed(dataset: Dataset, seed: int) -> None:
    """Parts that cover the base or not, in several files or one, twice over, and with deleted rows."""
    random_ = random.Random(seed)
    for _ in range(random_.randint(1, 3)):
        whole = random_.random() < 0.6
        rows = list(range(ROWS)) if whole else sorted(random_.sample(range(ROWS), 100))
        names = "".join(random_.sample("ifsvt", random_.randint(1, 4)))
        add(dataset, rows, values(random_, len(rows), names, random_.choice([0.0, 0.3])))
    if random_.random() < 0.5:
        dataset.delete(dataset.to_arrow(columns=["id"])["id"].to_pylist()[5:9])
    before = shown(dataset)
    with dataset.maintenance("test"):
        for drop in (False, True):
            dataset.materialize(drop_overlays=drop)

            assert before == shown(dataset)
            assert () == dataset.validate(strict=True).findings
    assert 2 == pq.read_metadata(dataset.path / "records.parquet").num_row_groups


def test_columns_that_cover_the_base_are_copied(dataset: Dataset) -> None:
    """The pages of the base's columns and of a part that covers it are the same bytes in the new base."""
    random_ = random.Random(1)
    add(dataset, list(range(ROWS)), values(random_, ROWS, "vs", 0.2))
    add(dataset, list(range(0, ROWS, 2)), values(random_, ROWS // 2, "i", 0.0))
    base = dataset.path / "records.parquet"
    part = next(path for path in dataset.path.glob("_derived/lab/*") if "lab__v" in pq.read_schema(path).names)
    before = [list(chunks(base, name)) for name in ("id", "sequence", "source")]
    before += [list(chunks(part, name)) for name in ("lab__v", "lab__s")]
    with dataset.maintenance("test"):
        dataset.materialize()

    assert before == [list(chunks(base, name)) for name in ("id", "sequence", "source", "lab__v", "lab__s")]


def test_the_new_base_can_be_appended_to(dataset: Dataset) -> None:
    """Its row groups are copied again, and its ids are found."""
    add(dataset, list(range(ROWS)), values(random.Random(2), ROWS, "v", 0.0))
    with dataset.maintenance("test"):
        dataset.materialize(drop_overlays=True)
    dataset.add_sequences([{"sequence": sequence(ROWS + number)} for number in range(7)], alphabet="dna_4")

    assert () == dataset.validate(strict=True).findings
    assert (ROWS + 7, 7) == (dataset.to_arrow().num_rows, dataset.to_arrow(columns=["lab__v"])["lab__v"].null_count)


def test_a_base_of_another_writer_is_encoded(dataset: Dataset, tmp_path: Path) -> None:
    """Nothing is written then, and the caller is told."""
    base = dataset.path / "records.parquet"
    pq.write_table(pq.read_table(base), base, row_group_size=100)
    with MergedView.open(FileTree(dataset.path)) as view:
        schema = view.schema()

        assert not splice_view(tmp_path / "new.parquet", view, schema, write_options(schema, bloom="id"))
    assert not list(tmp_path.glob("new*"))


@pytest.mark.parametrize("seed", range(6))
def test_an_export_holds_what_the_dataset_shows(dataset: Dataset, tmp_path: Path, seed: int) -> None:
    """Whole, some columns, and with deleted rows or without them."""
    random_ = random.Random(seed)
    add(dataset, list(range(ROWS)), values(random_, ROWS, "vst", random_.choice([0.0, 0.3])))
    add(dataset, sorted(random_.sample(range(ROWS), 100)), values(random_, 100, "fs", 0.1))
    if seed % 3:
        dataset.delete(dataset.to_arrow(columns=["id"])["id"].to_pylist()[5:9])
    columns = [None, ["lab__v", "id"], ["lab__f"], ["sequence", "lab__s", "lab__v"]][seed % 4]
    done = dataset.export(tmp_path / "all.parquet", columns=columns, include_deleted=seed % 2 == 0)
    shown = dataset.to_arrow(columns=columns, include_deleted=seed % 2 == 0)

    found = pq.read_table(tmp_path / "all.parquet")
    assert (shown.num_rows, shown.column_names) == (done.rows, found.column_names)
    assert repr(shown.to_pylist()) == repr(found.cast(shown.schema).to_pylist())
    assert ["all.parquet"] == [path.name for path in tmp_path.iterdir() if path.is_file()]


def test_an_export_copies_what_stands_whole(dataset: Dataset, tmp_path: Path) -> None:
    """The pages are the same bytes as in the part; a limit or a condition makes them anew."""
    add(dataset, list(range(ROWS)), values(random.Random(3), ROWS, "v", 0.2))
    part = next(iter(dataset.path.glob("_derived/lab/*")))
    dataset.export(tmp_path / "all.parquet")
    dataset.export(tmp_path / "some.parquet", limit=ROWS - 1)

    assert list(chunks(part, "lab__v")) == list(chunks(tmp_path / "all.parquet", "lab__v"))
    assert list(chunks(part, "lab__v")) != list(chunks(tmp_path / "some.parquet", "lab__v"))
    assert ROWS - 1 == pq.read_metadata(tmp_path / "some.parquet").num_rows


@pytest.mark.parametrize("materialized", [False, True])
def test_compaction_of_parts_that_cover_the_base_copies(dataset: Dataset, materialized: bool) -> None:
    """Columns that one part has are the same bytes, those of several are merged, whatever the base has of them."""
    random_ = random.Random(4)
    add(dataset, list(range(ROWS)), values(random_, ROWS, "vs", 0.3))
    if materialized:
        with dataset.maintenance("test"):
            dataset.materialize()
    add(dataset, list(range(ROWS)), values(random_, ROWS, "si", 0.3))
    parts = sorted(dataset.path.glob("_derived/lab/*"))
    before, copied = shown(dataset), [list(chunks(parts[0], "lab__v")), list(chunks(parts[1], "lab__i"))]
    values_before = [pq.read_table(part, columns=["lab__s"])["lab__s"].to_pylist() for part in parts]
    with dataset.maintenance("test"):
        done = dataset.compact_overlay("lab")
    only = dataset.path / str(done.part)

    assert (ROWS, 0, before) == (done.rows, done.unmatched, shown(dataset))
    assert copied == [list(chunks(only, "lab__v")), list(chunks(only, "lab__i"))]
    assert [new if new is not None else old for old, new in zip(*values_before, strict=True)] == (
        pq.read_table(only, columns=["lab__s"])["lab__s"].to_pylist()
    )
    assert [only] == list(dataset.path.glob("_derived/lab/*"))
    assert () == dataset.validate(strict=True).findings


@pytest.mark.parametrize("rows", [1, 169, 170, 171, 250, 299])
def test_of_an_earlier_version_the_row_groups_that_count_whole_are_copied(
    dataset: Dataset, tmp_path: Path, rows: int
) -> None:
    """The rows of the last one that count are encoded beside them, and the file is that of these rows."""
    random_ = random.Random(rows)
    add(dataset, random_.sample(range(ROWS), 100), values(random_, 100, "isv", 0.1))
    target = tmp_path / "first.parquet"
    with MergedView.open(FileTree(dataset.path, base_rows=rows)) as view:
        schema = view.schema()
        wanted = pa.Table.from_batches(view.batches(), schema)
        assert splice_view(target, view, schema, write_options(schema, bloom="id"))
    found = pq.read_table(target)
    assert found.num_rows == wanted.num_rows == rows
    assert repr(found.to_pylist()) == repr(wanted.to_pylist())
    assert wanted["id"].equals(dataset.to_arrow(columns=["id"])["id"].slice(0, rows))
    base = list(chunks(dataset.path / "records.parquet", "sequence"))
    copied = [chunk in base for chunk in chunks(target, "sequence")]
    assert copied == [True] * (rows // 170) + [False] * (rows % 170 > 0)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["first.parquet"]
