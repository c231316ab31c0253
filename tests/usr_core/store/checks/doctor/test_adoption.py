"""A log that is gone stops every change; `adopt` begins another with the files as they are found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from support.tree import assert_unchanged
from usr_core.dataset import Dataset
from usr_core.events.chain import verify_chain
from usr_core.events.log import read_head
from usr_core.registry.store import register_namespace
from usr_core.store.checks.doctor.examination import examine
from usr_core.store.errors import LogMissing


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Three records, one part, a snapshot."""
    register_namespace(tmp_path, "mock", [("mock__x", "int64")])
    made = Dataset.open(tmp_path, "ns/d").init()
    made.add_sequences([{"sequence": text} for text in ("ACGT", "GGGG", "TTTT")])
    ids = made.to_arrow(columns=["id"]).column("id")
    made.write_overlay_part("mock", pa.table({"id": ids, "mock__x": pa.array([1, 2, 3])}))
    made.snapshot()
    return made


class TestLogThatIsGone:
    @pytest.mark.parametrize("content", [None, b"", b"\n\n"])
    def test_refuses_every_change(self, dataset: Dataset, content: bytes | None) -> None:
        """Without an event nobody knows where the records come from; no new log is begun without a word."""
        dataset.layout.event_log.unlink()
        if content is not None:
            dataset.layout.event_log.write_bytes(content)

        with assert_unchanged(dataset.path), pytest.raises(LogMissing, match="3 records and no event log"):
            dataset.add_sequences([{"sequence": "CCCC"}])

    def test_is_told_by_the_doctor(self, dataset: Dataset) -> None:
        """The finding says how to begin a new one."""
        dataset.layout.event_log.unlink()

        found = [one for one in examine(dataset.ref.root, ref=dataset.ref).findings if one.code == "USR-DOCTOR-013"]

        assert ["error"] == [one.severity for one in found]
        assert "--adopt" in found[0].hint

    def test_of_an_empty_base_is_no_loss(self, tmp_path: Path) -> None:
        """A dataset without a record may begin its log anew."""
        register_namespace(tmp_path, "mock", [("mock__x", "int64")])
        empty = Dataset.open(tmp_path, "ns/e").init()
        empty.layout.event_log.unlink()

        empty.add_sequences([{"sequence": "ACGT"}])

        assert 1 == read_head(empty.layout.event_log).seq


class TestAdopt:
    @pytest.mark.parametrize("verb", ["compact", "remove", "clear", "materialize"])
    def test_has_nothing_to_say_of_overlays_that_were_archived(self, dataset: Dataset, verb: str) -> None:
        """Archiving overlays is told by its own event; a file that was put there by hand elsewhere is still news."""
        ids = dataset.to_arrow(columns=["id"]).column("id")
        dataset.write_overlay_part("mock", pa.table({"id": ids[:1], "mock__x": pa.array([4])}))
        with dataset.maintenance(reason="test"):
            {
                "compact": lambda: dataset.compact_overlay("mock"),
                "remove": lambda: dataset.remove_overlay("mock", mode="archive"),
                "clear": lambda: dataset.clear_overlay("mock", ["x"], ids=ids[:1].to_pylist()),
                "materialize": lambda: dataset.materialize(archive_overlays=True),
            }[verb]()
        assert list(dataset.layout.derived.glob("_archived/mock/*/*.parquet"))

        with assert_unchanged(dataset.path):
            assert dataset.adopt() is None

        (dataset.path / "_snapshots" / "records-20250101T000000000000.parquet").write_bytes(b"by hand")
        assert dataset.adopt() is not None

    def test_begins_a_log_with_every_file(self, dataset: Dataset) -> None:
        """Its first event lists what is there, with sizes; the dataset is valid and can be changed again."""
        dataset.layout.event_log.unlink()

        event = dataset.adopt()

        assert event is not None
        named = {one["path"]: one["size_bytes"] for one in event["artifacts"]["added"]}
        there = {
            path.relative_to(dataset.path).as_posix(): path.stat().st_size
            for path in dataset.path.rglob("*")
            if path.is_file() and not path.name.startswith(".")
        }
        there = {name: size for name, size in there.items() if not name.startswith((".history/", ".usr."))}
        assert ("adopt", 1, there) == (event["action"], event["seq"], named)
        assert dataset.validate(strict=True).findings == ()
        dataset.add_sequences([{"sequence": "CCCC"}])
        assert [] == verify_chain(dataset.layout.event_log)
        assert dataset.validate(strict=True).findings == ()

    def test_accepts_what_was_changed_by_hand(self, dataset: Dataset) -> None:
        """An older base put back, and overlays taken away, are errors until they are adopted."""
        (snapshot,) = dataset.layout.snapshots.iterdir()
        dataset.add_sequences([{"sequence": "CCCC"}])
        dataset.layout.records.unlink()
        dataset.layout.records.write_bytes(snapshot.read_bytes())
        (part,) = (dataset.path / "_derived/mock").iterdir()
        part.unlink()
        assert {"USR-VALID-086", "USR-VALID-087"} == {one.code for one in dataset.validate(strict=True).findings}

        dataset.adopt()

        assert dataset.validate(strict=True).findings == ()

    def test_of_what_the_log_tells_writes_nothing(self, dataset: Dataset) -> None:
        """There is nothing to say where the log and the files agree."""
        with assert_unchanged(dataset.path):
            assert dataset.adopt() is None


class TestOlderWriters:
    def test_overlays_are_not_strays_where_events_name_no_files(self, dataset: Dataset) -> None:
        """A log that an older writer began does not tell its files, so a part may be there without an event."""
        line = b'{"event_version":1,"action":"attach","args":{},"artifacts":{"path":"x"}}\n'
        dataset.layout.event_log.write_bytes(line)
        shutil.rmtree(dataset.path / ".history")

        assert dataset.validate(strict=True).findings == ()

        dataset.add_sequences([{"sequence": "CCCC"}])
        assert dataset.validate(strict=True).findings == ()


class TestBrokenChain:
    def test_is_told_by_the_next_change(self, dataset: Dataset, caplog: pytest.LogCaptureFixture) -> None:
        """A change goes on behind an edited line, warns, and says so in its event."""
        log = dataset.layout.event_log
        log.write_bytes(log.read_bytes().replace(b'"action":"init"', b'"action":"made"'))

        dataset.add_sequences([{"sequence": "CCCC"}])

        last = read_head(log).last
        assert last is not None
        assert "line 1" in last["maintenance"]["broken_chain"]
        assert "the chain of events was broken before this change" in caplog.text

    def test_in_a_long_log_is_found_anywhere(self, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
        """The mark of a long log holds for the very file that was written last, and for no other."""
        monkeypatch.setattr("usr_core.commit.log_end.ALWAYS_CHECKED", 0)
        log = dataset.layout.event_log
        dataset.add_sequences([{"sequence": "CCCC"}])
        assert (dataset.path / ".usr.chain").exists()
        dataset.add_sequences([{"sequence": "CCCCC"}])
        assert {} == (read_head(log).last or {})["maintenance"]
        edited = log.read_bytes().replace(b'"action":"init"', b'"action":"made"')
        with log.open("r+b") as handle:
            handle.write(edited)

        dataset.add_sequences([{"sequence": "CCCCCC"}])

        assert "line 1" in (read_head(log).last or {})["maintenance"]["broken_chain"]
