"""A healthy dataset with everything in it, and ways to damage its files past every check."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from usr_core.dataset import Dataset
from usr_core.plugin.specs import Finding
from usr_core.registry.document import STATE_ENTRY, TOMBSTONE_ENTRY, Registry
from usr_core.registry.store import load_registry, register_namespace
from usr_core.store.checks.validate import ValidationReport

__all__ = [
    "NAME",
    "ROWS",
    "change_metadata",
    "codes",
    "edit_line",
    "healthy_dataset",
    "only",
    "part_of",
    "put",
    "replace_column",
    "rewrite",
    "set_cell",
    "write_part",
]

NAME = "ns/healthy"
MOCK = [("mock__score", "float64"), ("mock__vec", "fixed_size_list<float32>[3]"), ("mock__tag", "string")]
_KINDS = (
    ("dna", "dna_4", "ACGT"),
    ("dna", "dna_5", "ACGN"),
    ("rna", "rna_4", "acgu"),
    ("protein", "protein_21", "MKVLX"),
)
ROWS = 40


def healthy_dataset(root: Path) -> Dataset:
    """Make a dataset of `ROWS` records: four alphabets, two parts of ``mock``, ``extra`` materialized, both reserved.

    Two registries are frozen, as another namespace is registered on the way.
    """
    root.mkdir()
    register_namespace(root, "mock", MOCK)
    dataset = Dataset.open(root, NAME).init(source="tests")
    rows = []
    for number in range(ROWS):
        bio_type, alphabet, letters = _KINDS[number % len(_KINDS)]
        sequence = "".join(letters[(number >> shift) % len(letters)] for shift in range(6)) + letters * (
            1 + number // 4
        )
        rows.append({"sequence": sequence, "bio_type": bio_type, "alphabet": alphabet})
    dataset.add_sequences(rows[:25])
    register_namespace(root, "extra", [("extra__count", "int64")])
    dataset.add_sequences(rows[25:])
    ids = dataset.to_arrow(columns=["id"]).column("id")
    counts = pa.array(range(ROWS), pa.int64())
    dataset.write_overlay("extra", pa.table({"id": ids, "extra__count": counts}))
    with dataset.maintenance(reason="tests"):
        dataset.materialize(snapshot_before=True, archive_overlays=True)
    scores = pa.array([None, *map(float, range(1, ROWS))], pa.float64())
    vectors = pa.array([[0.5, 1.0, 2.0]] * ROWS, pa.list_(pa.float32(), 3))
    dataset.write_overlay_part("mock", pa.table({"id": ids, "mock__score": scores, "mock__vec": vectors}))
    tags = pa.array([f"t{number}" for number in range(10)])
    dataset.write_overlay_part("mock", pa.table({"id": ids.slice(3, 10), "mock__tag": tags}))
    _write_reserved(dataset, ids.to_pylist())
    dataset.adopt()  # what was written by hand has no event of its own
    return dataset


def _write_reserved(dataset: Dataset, ids: Sequence[str]) -> None:
    state = {
        "id": ids[:4],
        "usr_state__masked": [True, None, False, None],
        "usr_state__qc_status": ["pass", "fail", None, "unknown"],
        "usr_state__split": ["train", "val", None, "holdout"],
        "usr_state__supersedes": [None, ids[0], None, None],
        "usr_state__lineage": [None, [ids[0]], [], None],
    }
    deleted = {"id": [ids[7]], "usr__deleted": [True], "usr__deleted_at": [0], "usr__deleted_reason": ["a test"]}
    for entry, values in ((STATE_ENTRY, state), (TOMBSTONE_ENTRY, deleted)):
        types = {"id": pa.string(), **{column.name: column.type.to_arrow() for column in entry.columns}}
        table = pa.table({name: pa.array(values[name], kind) for name, kind in types.items()})
        file = dataset.path / "_derived" / f"{entry.name}.parquet"
        write_part(dataset, file, table, entry.name, contract=Registry({entry.name: entry}).contract_hash(entry.name))


def write_part(
    dataset: Dataset, file: Path, table: pa.Table, namespace: str, *, key: str = "id", contract: str | None = None
) -> Path:
    """Write an overlay file with all its metadata, as under the root's registry of now."""
    registry = load_registry(dataset.ref.root)
    metadata = {
        "usr:overlay_namespace": namespace,
        "usr:overlay_key": key,
        "usr:overlay_created_at": "2026-01-01T00:00:00.000000Z",
        "usr:registry_hash": registry.hash,
        "usr:namespace_contract_hash": contract or registry.contract_hash(namespace),
        "usr:actor_tool": "tests",
        "usr:actor_run_id": "1",
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(metadata), file)
    return file


def part_of(path: Path, namespace: str = "mock", index: int = 0) -> Path:
    """Return one of a namespace's parts, in the order of their names."""
    return sorted((path / "_derived" / namespace).glob("part-*.parquet"))[index]


def rewrite(file: Path, change: Callable[[pa.Table], pa.Table], *, groups: int = 16) -> None:
    """Replace a Parquet file by what `change` makes of it, in row groups of `groups` rows; metadata is kept."""
    with pq.ParquetFile(file) as source:
        table = source.read()
    file.unlink()  # a snapshot may share the inode
    pq.write_table(change(table), file, row_group_size=groups)


def replace_column(name: str, values: pa.Array, *, nullable: bool = True) -> Callable[[pa.Table], pa.Table]:
    """Return a change that puts `values` in a column's place."""

    def change(table: pa.Table) -> pa.Table:
        at = table.schema.get_field_index(name)
        return table.set_column(at, pa.field(name, values.type, nullable=nullable), values)

    return change


def set_cell(name: str, row: int, value: object) -> Callable[[pa.Table], pa.Table]:
    """Return a change that writes one value, in the row with this number (1 is the first)."""

    def change(table: pa.Table) -> pa.Table:
        column = table.column(name)
        values = column.to_pylist()
        values[row - 1] = value
        return replace_column(name, pa.array(values, column.type))(table)

    return change


def change_metadata(**changes: str | None) -> Callable[[pa.Table], pa.Table]:
    """Return a change of ``usr:…`` metadata; None takes a key away."""

    def change(table: pa.Table) -> pa.Table:
        metadata: dict[bytes, bytes] = dict(table.schema.metadata)
        for name, value in changes.items():
            key = f"usr:{name}".encode()
            metadata.pop(key, None)
            if value is not None:
                metadata[key] = value.encode()
        return table.replace_schema_metadata(metadata)

    return change


def put(file: Path, content: bytes) -> None:
    """Write a file, making its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def edit_line(log: Path, number: int, **changes: object) -> None:
    """Change keys of one event; None takes a key away."""
    lines = log.read_text(encoding="utf-8").splitlines()
    event: dict[str, object] = {**json.loads(lines[number - 1]), **changes}
    lines[number - 1] = json.dumps({key: value for key, value in event.items() if value is not None})
    log.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def codes(report: ValidationReport, severity: str = "error") -> set[str]:
    """Return the codes of a report's findings of one severity."""
    return {finding.code for finding in report.findings if finding.severity == severity}


def only(report: ValidationReport, code: str) -> Finding:
    """Return the one finding with a code."""
    (finding,) = [finding for finding in report.findings if finding.code == code]
    return finding
