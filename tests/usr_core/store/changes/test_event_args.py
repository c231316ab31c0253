"""What was asked stands in the event: the options of each verb, under the names of its Python keywords."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from support.small_datasets import IDS, make_dataset


def test_args_tell_what_was_asked(tmp_path: Path) -> None:
    """In the order and with the names that readers of logs rely on; long lists are counted."""
    dataset = make_dataset(tmp_path / "root")
    rows = tmp_path / "scores.jsonl"
    rows.write_text(f'{{"id": "{IDS[0]}", "score": 1.0}}\n', encoding="utf-8")
    records = tmp_path / "more.csv"
    records.write_text("sequence\nGGGGCCCC\n", encoding="utf-8")
    dataset.attach(rows, "mock", key="id")
    dataset.write_overlay("mock", pa.table({"id": list(IDS[1:2]), "score": pa.array([1.0])}))
    dataset.import_file(records)
    dataset.set_state(IDS[:1], split="train")
    dataset.delete(IDS[:1], reason="bad")
    with dataset.maintenance("test"):
        dataset.compact_overlay("mock", drop=True)
        dataset.clear_overlay("mock", ["score"], ids=IDS[1:2])
        dataset.materialize(snapshot_before=True)

    told = {"ids": 1, "first_ids": list(IDS[:1]), "allow_missing": False}
    kinds = {"bio_type": "dna", "alphabet": "dna_4", "on_duplicate": "error"}
    of_file = {
        "path": str(rows), "key_col": "id", "allow_overwrite": False, "allow_missing": False, "backend": "pyarrow"
    }  # fmt: skip
    chosen = {"namespace": "mock", "key": "id", "columns": ["mock__score"]}
    expected = [
        {"source": "python", "rows": len(IDS), **kinds},
        {**of_file, **chosen},
        chosen,
        {"from": "csv", "path": str(records), "source": None, **kinds},
        {**told, "set": {"split": "train"}},
        {**told, "reason": "bad"},
        {"namespace": "mock", "drop": True},
        {"namespace": "mock", "columns": ["mock__score"], "ids": 1},
        {"namespaces": ["mock"], "overlays": "keep", "snapshot_before": True, "drop_deleted": False},
    ]
    events = [line.event or {} for line in dataset.events()][1:]
    assert expected == [event["args"] for event in events]
    assert [list(args) for args in expected] == [list(event["args"]) for event in events]
