"""Freezing the registry: what happens to the base."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from support.base_files import group_rows
from support.maintenance import dataset, new_root
from support.view_datasets import sequence


def test_row_groups_are_copied_as_they_are(tmp_path: Path) -> None:
    """Only the footer is new; small row groups are neither decoded nor joined."""
    root = new_root(tmp_path / "root")
    made = dataset(root, "one", [sequence(number) for number in range(6)], row_group_size=2)
    table = pq.read_table(made.layout.records)
    metadata = {key: value for key, value in table.schema.metadata.items() if key != b"usr:registry_hash"}
    pq.write_table(table.replace_schema_metadata(metadata), made.layout.records, row_group_size=2)
    before = made.layout.records.read_bytes()
    with made.maintenance(reason="test"):
        changed, digest = made.freeze_registry()

    after = made.layout.records.read_bytes()
    assert changed
    assert digest.encode() in after
    assert [2, 2, 2] == group_rows(made.layout.records)
    assert before[:500] == after[:500]
