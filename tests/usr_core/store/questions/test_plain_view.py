"""The columns that footers tell are those of the view, whatever the files of a dataset hold."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core import Dataset
from usr_core.api.registry import make_root, register_namespace
from usr_core.commit.read_snapshot import read_consistent
from usr_core.errors import UsrError
from usr_core.store.questions import overview
from usr_core.store.questions.plain_view import plain_view
from usr_core.store.view.merged_view import MergedView

KINDS = (pa.int64(), pa.float32(), pa.string(), pa.list_(pa.float64(), 2), pa.timestamp("ms"), pa.duration("us"))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    make_root(tmp_path / "root")
    register_namespace(tmp_path / "root", "lab", (("lab__gc", "float64"), ("lab__vec", "list<float64>")))
    made = Dataset.open(tmp_path / "root", "demo/some").init()
    made.add_sequences([{"sequence": "TTGACA"}, {"sequence": "TATAAT"}])
    return made


Columns = dict[str, pa.DataType]
TIMES = ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2025-01-01T00:00:00Z")


def by_the_view(dataset: Dataset) -> tuple[overview.ColumnOverview, ...] | None:
    """Return the columns that the opened view has; None where it can't be opened."""
    try:
        with read_consistent(dataset.path, MergedView.open) as view:
            return overview._columns(view)
    except UsrError:
        return None


def attach(dataset: Dataset, values: dict[str, object]) -> None:
    path = dataset.path.parent / "values.parquet"
    pq.write_table(pa.table(values), path)
    dataset.attach(path, namespace="lab", key="id", allow_overwrite=True)


def told(dataset: Dataset) -> tuple[overview.ColumnOverview, ...] | None:
    """Return the columns that footers alone tell."""
    view = read_consistent(dataset.path, plain_view)
    return None if view is None else overview._plain_columns(view)


def write_part(
    dataset: Dataset, namespace: str, name: str, columns: dict[str, pa.DataType], stamps: dict[str, str]
) -> None:
    place = dataset.path / "_derived" / namespace
    place.mkdir(parents=True, exist_ok=True)
    table = pa.table({column: pa.nulls(1, kind) for column, kind in columns.items()})
    pq.write_table(table.replace_schema_metadata(stamps), place / f"part-{name}.parquet")


def test_a_dataset_as_usr_makes_it(dataset: Dataset) -> None:
    """With parts, deleted records, states, and columns in base and overlay."""
    seen = [told(dataset)]
    ids = dataset.to_arrow(columns=["id"])["id"].to_pylist()
    attach(dataset, {"id": ids, "gc": [0.5, 0.25], "vec": [[1.0], [2.0]]})
    seen.append(told(dataset))
    dataset.delete(ids[:1])
    dataset.set_state(ids[1:], split="train")
    assert told(dataset) == by_the_view(dataset)
    with dataset.maintenance("fold") as allowed:
        allowed.materialize()
    attach(dataset, {"id": ids[1:], "gc": [0.75]})
    found = told(dataset)

    assert found == by_the_view(dataset)
    assert None not in seen
    assert "base+overlay" == next(column.origin for column in found or () if column.name == "lab__gc")


def test_generated_parts(dataset: Dataset) -> None:
    """Foreign columns, types that differ, wrong stamps and keys: the same answer, or none."""
    rng = random.Random(13)
    answers = 0
    for number in range(60):
        namespace = rng.choice(("lab", "tools", "usr"))
        names = rng.sample(("lab__gc", "lab__vec", "tools__a", "tools__b", "usr__deleted", "usr__why", "sequence"), 2)
        columns = {"id": pa.string(), **{name: rng.choice(KINDS[: rng.choice((1, 3, 6))]) for name in names}}
        stamps = {
            "usr:overlay_key": rng.choice(("id",) * 8 + ("sequence", "length")),
            "usr:overlay_created_at": rng.choice(
                ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2025-01-01T00:00:00Z")
            ),
        }
        if rng.random() < 0.1:
            stamps.pop(rng.choice(sorted(stamps)))
        write_part(dataset, namespace, f"{number:03}", columns, stamps)
        found, expected = told(dataset), by_the_view(dataset)
        assert found is None or found == expected
        assert expected is None or overview.read_columns(dataset.ref) == expected
        answers += found is not None
        if found is None or rng.random() < 0.2:
            for part in dataset.path.glob("_derived/*/part-*.parquet"):
                part.unlink()

    assert answers > 20


def test_what_info_says_of_a_dataset_without_overlays(dataset: Dataset) -> None:
    """The same as with the view, field by field."""
    assert overview._read_overview(dataset.ref, None) == overview.read_overview(dataset.ref)
    assert overview.read_overview(dataset.ref).rows == 2


def test_a_damaged_base_is_told_by_the_library(dataset: Dataset) -> None:
    """With the error that it always had."""
    base = dataset.layout.records
    base.write_bytes(base.read_bytes()[:-9])

    with pytest.raises(UsrError, match=r"records\.parquet"):
        dataset.columns()
