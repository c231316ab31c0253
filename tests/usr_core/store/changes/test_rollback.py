"""`usr rollback`: the files of an earlier version are there again, and the log has one more line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from support.kept_history import add, everything, keeping, state, through_every_verb, values
from usr_core import Dataset
from usr_core.store.history.errors import KeptFileDamaged, TailDamaged, VersionNotKept
from usr_core.store.versions.errors import VersionMissing, VersionTextInvalid


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return keeping(tmp_path)


class TestRollback:
    def test_every_version_comes_back_through_every_verb(self, dataset):
        """Base, overlays, tombstones and state of each version are there again, byte for byte, one after the other."""
        seen = through_every_verb(dataset)

        for version in (*seen, *reversed(seen)):
            dataset.rollback(version)
            assert seen[version] == state(dataset), version
        assert [] == [finding for finding in dataset.validate(strict=True).findings if finding.severity == "error"]

    def test_the_log_is_only_extended(self, dataset):
        """A rollback is an event behind all others, and one of its own can be taken back."""
        add(dataset, "GGGG")
        log, after = dataset.layout.event_log.read_bytes(), state(dataset)

        dataset.rollback(2)
        outcome = dataset.rollback(3)

        lines = dataset.layout.event_log.read_bytes()
        assert lines.startswith(log)
        events = [json.loads(line) for line in lines[len(log) :].splitlines()]
        assert [("rollback", {"to": 2}, 3), ("rollback", {"to": 3}, 4)] == [
            (event["action"], event["args"], event["fingerprint"]["rows"]) for event in events
        ]
        assert after == state(dataset)
        assert (3, 4, True) == (outcome.rows_before, outcome.rows, outcome.base_changed)

    def test_what_is_the_same_is_no_change(self, dataset):
        """Going back to the files that are there writes no event."""
        dataset.tag("v1")
        before = everything(dataset)

        outcome = dataset.rollback(2)

        assert not outcome.changes
        assert before == everything(dataset)

    def test_a_second_rollback_to_the_same_version_is_no_change(self, dataset):
        """Base and overlays are there already, so that neither an event nor a kept file is added."""
        seen = through_every_verb(dataset)
        for version in (2, list(seen)[len(seen) // 2]):
            dataset.rollback(version)
            before = everything(dataset)

            outcome = dataset.rollback(version)

            assert (False, (), ()) == (outcome.base_changed, outcome.brought_back, outcome.taken_away), version
            assert before == everything(dataset), version

    def test_a_dry_run_changes_nothing(self, dataset):
        """What would be done is counted."""
        values(dataset, 0.5)
        before = everything(dataset)

        outcome = dataset.rollback(1, dry_run=True)

        assert (3, 0, 1, None) == (outcome.rows_before, outcome.rows, len(outcome.taken_away), outcome.event)
        assert before == everything(dataset)

    @pytest.mark.parametrize("version", [0, 4, 99])
    def test_a_version_that_is_not_there_is_refused(self, dataset, version):
        """A number or a name that means no version is one error, and nothing is changed."""
        before = everything(dataset)

        with pytest.raises((VersionMissing, VersionTextInvalid)):
            dataset.rollback(version)
        with pytest.raises(VersionMissing):
            dataset.rollback("v9")

        assert before == everything(dataset)

    def test_a_dataset_without_history_says_so(self, tmp_path, dataset):
        """Where nothing was kept, nothing is guessed."""
        made = Dataset.open(tmp_path, "demo/two").init(history="none")
        add(made, "ACGT")
        add(made, "ACGTA")
        before = everything(made)

        with pytest.raises(VersionNotKept, match="nothing is kept of its past"):
            made.rollback(2)

        assert before == everything(made)

    @pytest.mark.parametrize("name", [".history/3/records.tail", ".history/5/_derived/usr.parquet"])
    def test_a_flipped_bit_is_one_error(self, dataset, name):
        """What was kept is checked before anything is changed."""
        add(dataset, "GGGG")
        ids = dataset.head_arrow(2)["id"].to_pylist()
        dataset.delete(ids[:1], reason="a")
        dataset.delete(ids[1:], reason="b")
        content = bytearray((dataset.path / name).read_bytes())
        content[-30] ^= 1
        (dataset.path / name).write_bytes(content)
        before = everything(dataset)

        with pytest.raises((TailDamaged, KeptFileDamaged), match=name.rsplit("/", 1)[-1]):
            dataset.rollback(2 if "tail" in name else 4)

        assert before == everything(dataset)

    def test_a_damaged_file_is_named_below_the_datasets_folder(self, tmp_path):
        """Whatever the folders above the root are called."""
        made = keeping(tmp_path / ".history")
        ids = made.head_arrow(2)["id"].to_pylist()
        made.delete(ids[:1], reason="a")
        made.delete(ids[1:], reason="b")
        kept = made.path / ".history/4/_derived/usr.parquet"
        kept.write_bytes(kept.read_bytes() + b"x")

        with pytest.raises(KeptFileDamaged) as caught:
            made.rollback(3)

        assert ".history/4/_derived/usr.parquet" == caught.value.facts["file"]

    def test_a_kept_file_that_is_gone_is_one_error(self, dataset):
        """The error names the file and the event that replaced it."""
        values(dataset, 0.5)
        with dataset.maintenance(reason="test"):
            dataset.remove_overlay("lab", mode="delete")
        (kept,) = (dataset.path / ".history/4/_derived/lab").iterdir()
        kept.unlink()

        with pytest.raises(VersionNotKept, match=f"event 4 replaced or removed _derived/lab/{kept.name}"):
            dataset.rollback(3)

    def test_nothing_is_brought_from_outside_the_dataset(self, dataset, tmp_path):
        """A log that came from elsewhere may say that a file is kept anywhere."""
        values(dataset, 0.5)
        with dataset.maintenance(reason="test"):
            dataset.remove_overlay("lab", mode="delete")
        (kept,) = (dataset.path / ".history/4/_derived/lab").iterdir()
        kept.rename(tmp_path / "outside.parquet")
        log = dataset.layout.event_log
        name = Path(os.path.relpath(tmp_path / "outside.parquet", dataset.path)).as_posix()
        log.write_text(log.read_text().replace(f".history/4/_derived/lab/{kept.name}", name))
        before = everything(dataset)

        with pytest.raises(VersionNotKept, match="it is not kept"):
            dataset.rollback(3)

        assert before == everything(dataset)
