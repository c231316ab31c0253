"""Case variants are counted by what the base holds, whoever wrote it."""

from __future__ import annotations

from pathlib import Path

from support.small_datasets import make_dataset
from usr_core.registry.store import register_namespace


def test_the_count_survives_sessions_and_dropped_rows(tmp_path: Path) -> None:
    """Rows that came in lower case by a session are seen, though as many upper-case rows were dropped since."""
    dataset = make_dataset(tmp_path / "root", sequences=("AAAAA", "CCCCC", "GGGGG"))
    with dataset.writer() as writer:
        writer.add([{"sequence": "ttttt"}])
    dataset.delete([dataset.to_arrow()["id"][0].as_py()])
    with dataset.maintenance("test"):
        dataset.materialize(drop_deleted=True)

    assert 1 == dataset.add_sequences([{"sequence": "TTTTT"}]).case_variants


def test_freezing_and_folding_keep_what_is_known_of_the_letters(tmp_path: Path) -> None:
    """Neither changes a row, so the note about them stays, and the next import need not read them."""
    dataset = make_dataset(tmp_path / "root", sequences=("AAAAA", "CCCCC"))

    def note() -> str | None:
        with dataset.view() as view:
            return (view.base.schema_arrow.metadata or {}).get(b"usr:letter_case")

    before = note()
    register_namespace(dataset.ref.root, "lab", [("lab__x", "int64")])
    dataset.write_overlay("mock", dataset.to_arrow(columns=["id"]).append_column("score", [[1.0, 2.0]]))
    with dataset.maintenance("test"):
        frozen, _ = dataset.freeze_registry()
        folded = dataset.materialize()

    assert frozen and folded.event is not None
    assert before is not None
    assert before == note()
