"""Writer sessions: durable flushes, few commits, resume after a kill, nothing twice and nothing lost."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from support.cli import Result, run_python
from usr_core import Actor, Dataset
from usr_core.events.chain import verify_chain
from usr_core.registry.store import register_namespace
from usr_core.store.changes.session.errors import SessionClosed, SessionInUse, SessionRowError, SessionSchemaChanged
from usr_core.store.changes.session.writer import RecordWriter

ACTOR = Actor(tool="densegen", run_id="r1")


def sequences(count: int, *, seed: int = 1) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("ACGT", k=40)) for _ in range(count)]


def records(texts: list[str]) -> list[dict[str, object]]:
    return [{"sequence": text} for text in texts]


def scores(texts: list[str]) -> dict[str, list[dict[str, object] | None]]:
    return {"mock": [{"score": float(len(text)), "tag": text[:4]} for text in texts]}


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    root = tmp_path / "root"
    root.mkdir()
    register_namespace(root, "mock", [("mock__score", "float64"), ("mock__tag", "string"), ("mock__v", "list<int64>")])
    return Dataset.open(root, "ns/run").init()


def open_writer(dataset: Dataset, **options: object) -> RecordWriter:
    return dataset.writer(namespaces=["mock"], actor=ACTOR, **options)


class TestWriting:
    def test_records_and_their_overlay_rows_arrive_together(self, dataset: Dataset) -> None:
        """After the block every record is in the view, in order, with its values."""
        texts = sequences(300)
        with open_writer(dataset) as writer:
            for start in range(0, 300, 7):
                chunk = texts[start : start + 7]
                writer.add(records(chunk), overlays=scores(chunk))

        view = dataset.to_arrow().to_pydict()
        assert texts == view["sequence"]
        assert [text[:4] for text in texts] == view["mock__tag"]

    def test_many_flushes_make_one_commit(self, dataset: Dataset) -> None:
        """A flush extends the journal only; the dataset changes once, at close."""
        texts = sequences(1_000)
        with open_writer(dataset, flush_rows=50) as writer:
            for start in range(0, 1_000, 50):
                writer.add(records(texts[start : start + 50]))
            before_close = dataset.overview().rows

        assert (20, 1, 0) == (writer.flushes, writer.commits, before_close)
        assert ["init", "densegen_write"] == [line.event["action"] for line in dataset.events() if line.event]

    def test_a_commit_comes_when_enough_rows_are_journalled(self, dataset: Dataset) -> None:
        """The larger of commit_rows and the share of the base decides."""
        texts = sequences(1_000)
        with open_writer(dataset, flush_rows=10, commit_rows=100, commit_fraction=0.5) as writer:
            for start in range(0, 1_000, 10):
                writer.add(records(texts[start : start + 10]))

        sizes = [
            line.event["metrics"]["rows_added"]
            for line in dataset.events()
            if line.event and line.event["action"] == "densegen_write"
        ]
        assert [100, 100, 100, 150, 230, 320] == sizes

    def test_a_commit_comes_after_its_time(self, dataset: Dataset) -> None:
        """Rows do not wait for others longer than commit_seconds."""
        with open_writer(dataset, flush_rows=1, commit_seconds=0.0) as writer:
            writer.add(records(sequences(1)))

            assert 1 == dataset.overview().rows
            assert 1 == writer.commits

    def test_a_record_without_values_has_none(self, dataset: Dataset) -> None:
        """A None in the overlay's rows leaves that record without an overlay row."""
        with open_writer(dataset) as writer:
            writer.add(records(["ACGT", "ACGTT"]), overlays={"mock": [None, {"mock__v": [1, 2]}]})

        assert [None, [1, 2]] == dataset.to_arrow().to_pydict()["mock__v"]
        assert 1 == dataset.overview().namespaces[0].rows

    def test_the_event_tells_who_and_how_many(self, dataset: Dataset) -> None:
        """Actor, counts and the session's name are in the event; the journal is not."""
        with open_writer(dataset) as writer:
            writer.add(records(["ACGT", "ACGTT", "ACGT"]), overlays=scores(["ACGT", "ACGTT", "ACGT"]))

        event = [line.event for line in dataset.events()][-1]
        assert event is not None
        assert ("densegen", "r1") == (event["actor"]["tool"], event["actor"]["run_id"])
        assert (2, 2) == (event["metrics"]["rows_added"], event["metrics"]["overlay_rows"])
        assert "journal" not in str(event["artifacts"])
        assert 1 == writer.skipped

    def test_nothing_is_left_after_close(self, dataset: Dataset) -> None:
        """The journal's folder is gone, and the dataset validates."""
        with open_writer(dataset) as writer:
            writer.add(records(sequences(5)), overlays=scores(sequences(5)))

        assert not (dataset.path / ".usr.journal").exists()
        assert dataset.validate(strict=True).ok


class TestKnownRecords:
    def test_known_records_are_skipped_and_counted(self, dataset: Dataset) -> None:
        """A record of the base, or one given before, is not added again."""
        dataset.add_sequences(records(["ACGT"]))
        with open_writer(dataset) as writer:
            first = writer.add(records(["ACGT", "ACGTT"]))
            second = writer.add(records(["ACGTT", "GGG"]))

        assert [(1, 1), (1, 1)] == [(one.added, one.skipped) for one in (first, second)]
        assert ["ACGT", "ACGTT", "GGG"] == dataset.to_arrow().to_pydict()["sequence"]

    def test_a_record_that_another_writer_added_meanwhile_is_not_doubled(self, dataset: Dataset) -> None:
        """At the commit the rows are held against the base as it is then."""
        with open_writer(dataset) as writer:
            writer.add(records(["ACGT", "ACGTT"]))
            dataset.add_sequences(records(["ACGTT"]))

        assert ["ACGTT", "ACGT"] == dataset.to_arrow().to_pydict()["sequence"]


class TestRefusals:
    @pytest.mark.parametrize(
        ("overlays", "row"),
        [
            ({"mock": [{"score": "high"}, None]}, 1),
            ({"mock": [None, {"v": ["x"]}]}, 2),
            ({"mock": [{"unknown": 1}, None]}, 1),
            ({"mock": [None]}, None),
            ({"other": [None, None]}, None),
        ],
        ids=["wrong type", "wrong nested type", "unknown column", "row count", "unknown namespace"],
    )
    def test_a_bad_row_refuses_its_call_and_no_more(
        self, dataset: Dataset, overlays: dict[str, list[dict[str, object] | None]], row: int | None
    ) -> None:
        """Nothing of the call is kept; what came before and after is."""
        with open_writer(dataset) as writer:
            writer.add(records(["ACGT"]))
            with pytest.raises(SessionRowError) as caught:
                writer.add(records(["CCCC", "GGGG"]), overlays=overlays)
            writer.add(records(["TTTT"]))

        assert row == caught.value.row
        assert ["ACGT", "TTTT"] == dataset.to_arrow().to_pydict()["sequence"]

    def test_a_session_is_open_once(self, dataset: Dataset) -> None:
        """A second writer of the same name is refused while the first is open."""
        with open_writer(dataset), pytest.raises(SessionInUse), open_writer(dataset):
            pass

    def test_two_sessions_of_other_names_write_side_by_side(self, dataset: Dataset) -> None:
        """Each has a journal of its own."""
        with open_writer(dataset, name="a") as one, open_writer(dataset, name="b") as other:
            one.add(records(["ACGT"]))
            other.add(records(["GGGG", "ACGT"]))

        assert {"ACGT", "GGGG"} == set(dataset.to_arrow().to_pydict()["sequence"])
        assert 2 == dataset.overview().rows

    def test_a_closed_session_takes_nothing(self, dataset: Dataset) -> None:
        """Adding after close is an error."""
        with open_writer(dataset) as writer:
            pass

        with pytest.raises(SessionClosed):
            writer.add(records(["ACGT"]))


CHILD = """
import os, signal, sys
from usr_core import Actor, Dataset
root, count, die_after = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
import random
rng = random.Random(1)
texts = ["".join(rng.choices("ACGT", k=40)) for _ in range(count)]
ds = Dataset.open(root, "ns/run")
with ds.writer(namespaces=["mock"], actor=Actor(tool="densegen", run_id="r1"), flush_rows=20, commit_rows=60,
               commit_fraction=0.0) as writer:
    for start in range(0, count, 20):
        chunk = texts[start:start + 20]
        writer.add([{"sequence": t} for t in chunk],
                   overlays={"mock": [{"score": float(len(t)), "tag": t[:4]} for t in chunk]})
        print(writer.flushes * 20, flush=True)
        if start + 20 >= die_after:
            os.kill(os.getpid(), signal.SIGKILL)
"""


class TestResume:
    def run_child(self, dataset: Dataset, count: int, die_after: int) -> Result:
        return run_python(CHILD, dataset.ref.root, str(count), str(die_after))

    @pytest.mark.parametrize("die_after", [20, 60, 100, 160])
    def test_a_killed_run_is_resumed_by_another_process(self, dataset: Dataset, die_after: int) -> None:
        """Every flushed row is there once after the second run, with its values, and the chain is whole."""
        killed = self.run_child(dataset, 200, die_after)
        finished = self.run_child(dataset, 200, 10_000)

        texts = sequences(200)
        view = dataset.to_arrow().to_pydict()
        assert (-signal.SIGKILL, 0) == (killed.rc, finished.rc), finished.err
        assert texts == view["sequence"]
        assert [text[:4] for text in texts] == view["mock__tag"]
        assert [] == list(verify_chain(dataset.layout.event_log))

    def test_flushed_rows_survive_though_the_tool_is_not_run_again(self, dataset: Dataset) -> None:
        """Opening and closing the session puts what the journal holds into the dataset."""
        self.run_child(dataset, 200, 100)
        before = dataset.overview().rows
        with open_writer(dataset) as writer:
            pass

        assert (60, 100, 40) == (before, dataset.overview().rows, writer.resumed)

    def test_a_torn_last_flush_is_cut(self, dataset: Dataset) -> None:
        """Half a frame at the journal's end is left out; the frames before it count."""
        self.run_child(dataset, 200, 100)
        (segment,) = (dataset.path / ".usr.journal").rglob("*.journal")
        content = segment.read_bytes()
        segment.write_bytes(content[:-30])
        with open_writer(dataset) as writer:
            pass

        assert (20, 80) == (writer.resumed, dataset.overview().rows)

    def test_resuming_with_other_columns_is_refused(self, dataset: Dataset) -> None:
        """A journal's rows are read with the columns they were written with, or not at all."""
        self.run_child(dataset, 200, 100)

        with pytest.raises(SessionSchemaChanged), dataset.writer(namespaces=[], actor=ACTOR):
            pass
        assert list((dataset.path / ".usr.journal").rglob("*.journal"))


class TestLongRuns:
    def test_a_tool_can_ask_before_it_works(self, dataset: Dataset) -> None:
        """Records of the dataset, of the journal and of this call are known; another one is not."""
        from usr_core.records.ids import record_id

        texts = sequences(3)
        dataset.add_sequences(records(texts[:1]))
        with open_writer(dataset) as writer:
            writer.add(records(texts[1:2]))

            assert [True, True, False] == writer.has([record_id("dna", text) for text in texts])
            assert [] == writer.has([])

    def test_an_event_that_leaves_the_base_costs_no_reading(self, dataset: Dataset) -> None:
        """A record that another writer adds is seen all the same."""
        texts = sequences(3)
        dataset.add_sequences(records(texts[:1]))
        with open_writer(dataset) as writer:
            writer.add(records(texts[:1]))
            index = writer._known._index
            dataset.record_event("tool_health")
            writer.add(records(texts[:1]))
            assert index is writer._known._index
            dataset.add_sequences(records(texts[1:2]))
            writer.add(records(texts))

            assert index is not writer._known._index
            assert (1, 4) == (writer.added, writer.skipped)

    def test_many_small_flushes_are_one_commit_in_order(self, dataset: Dataset) -> None:
        """More rows than are joined into one batch, half of them with values."""
        texts = sequences(9_000)
        with open_writer(dataset, commit_seconds=3600) as writer:
            for start in range(0, 9_000, 100):
                chunk = texts[start : start + 100]
                values = scores(chunk) if start % 200 else None
                writer.add(records(chunk), overlays=values)

        table = dataset.to_arrow().to_pydict()
        assert texts == table["sequence"]
        expected = [text[:4] if (row // 100) % 2 else None for row, text in enumerate(texts)]
        assert expected == table["mock__tag"]
        assert 1 == writer.commits
