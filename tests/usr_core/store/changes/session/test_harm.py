"""What may happen to a session and its journal: nothing that was flushed is lost in silence."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pytest

from usr_core import Actor, Dataset
from usr_core.errors import UsrError
from usr_core.registry.store import register_namespace
from usr_core.store.changes.session.errors import (
    JournalUnreadable,
    SessionLost,
    SessionRowError,
    SessionSchemaChanged,
)
from usr_core.store.changes.session.writer import RecordWriter
from usr_core.store.checks.doctor.leftovers import find_leftovers
from usr_core.store.errors import DatasetArchived, NamespaceReservedHere

COLUMNS = [
    ("lab__s", "float64"),
    ("lab__i", "int8"),
    ("lab__f", "float32"),
    ("lab__d", "date32"),
    ("lab__t", "timestamp[ms, UTC]"),
    ("lab__v", "list<float32>"),
    ("lab__st", "list<struct<a:int64>>"),
]
ACTOR = Actor(tool="tool", run_id="r1")


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    root = tmp_path / "root"
    root.mkdir()
    register_namespace(root, "lab", COLUMNS)
    return Dataset.open(root, "ns/run", actor=ACTOR).init()


def abandoned(dataset: Dataset, texts: list[str]) -> Path:
    """Flush each text, and leave the session as a kill leaves it; return its journal."""
    writer = dataset.writer(namespaces=["lab"], flush_rows=1)
    writer.__enter__()
    for text in texts:
        writer.add([{"sequence": text}], {"lab": [{"s": float(len(text))}]})
    writer._segment.close()
    writer._exits.close()
    (segment,) = (dataset.path / ".usr.journal").rglob("*.journal")
    return segment


def resume(dataset: Dataset) -> RecordWriter:
    with dataset.writer(namespaces=["lab"]) as writer:
        pass
    return writer


class TestDamage:
    TEXTS = ("ACGT", "ACGTT", "ACGTTT")

    def test_a_flipped_bit_in_a_length_is_told(self, dataset: Dataset) -> None:
        """It would hide all frames behind it; the journal stays for whoever looks into it."""
        segment = abandoned(dataset, list(self.TEXTS))
        content = bytearray(segment.read_bytes())
        second = 8 + 12 + int.from_bytes(content[8:12], "little")
        content[second + 3] ^= 1
        segment.write_bytes(bytes(content))

        with pytest.raises(JournalUnreadable):
            resume(dataset)
        assert segment.exists()

    @pytest.mark.parametrize("from_end", [5, 200])
    def test_a_flipped_bit_in_a_payload_is_told(self, dataset: Dataset, from_end: int) -> None:
        """Also in the last frame, which was fsynced as a whole."""
        segment = abandoned(dataset, list(self.TEXTS))
        content = bytearray(segment.read_bytes())
        place = len(content) - from_end
        content[place] ^= 0x10
        segment.write_bytes(bytes(content))

        with pytest.raises(JournalUnreadable):
            resume(dataset)

    @pytest.mark.parametrize("tail", [b"\0" * 64, b"\0" * 5, b"\x20"])
    def test_what_a_power_cut_leaves_behind_the_last_frame_is_passed_over(self, dataset: Dataset, tail: bytes) -> None:
        """Zeros or a piece of a header: every whole frame counts."""
        segment = abandoned(dataset, list(self.TEXTS))
        segment.write_bytes(segment.read_bytes() + tail)

        assert 3 == resume(dataset).resumed
        assert list(self.TEXTS) == dataset.to_arrow().to_pydict()["sequence"]


class TestRegistryChanges:
    def test_a_column_that_was_added_meanwhile_is_null_for_older_rows(self, dataset: Dataset) -> None:
        """Adding columns to a namespace is allowed at any time, so a journal must not be stranded by it."""
        abandoned(dataset, ["ACGT"])
        register_namespace(dataset.ref.root, "lab", [*COLUMNS, ("lab__new", "int64")])
        resume(dataset)

        assert [4.0] == dataset.to_arrow().to_pydict()["lab__s"]
        assert dataset.validate(strict=True).ok

    def test_a_type_that_changed_under_an_open_session_is_refused_at_the_commit(self, dataset: Dataset) -> None:
        """The rows stay in the journal, and no part of the old type is written under the new contract."""
        changed = [("lab__s", "string"), *COLUMNS[1:]]
        writer = dataset.writer(namespaces=["lab"])
        writer.__enter__()
        writer.add([{"sequence": "ACGT"}], {"lab": [{"s": 1.5}]})
        register_namespace(dataset.ref.root, "lab", changed, overwrite=True)

        with pytest.raises(SessionSchemaChanged):
            writer.close()
        register_namespace(dataset.ref.root, "lab", COLUMNS, overwrite=True)
        resume(dataset)
        assert [1.5] == dataset.to_arrow().to_pydict()["lab__s"]

    def test_reserved_namespaces_are_refused(self, dataset: Dataset) -> None:
        """State and tombstones have verbs of their own."""
        with pytest.raises(NamespaceReservedHere), dataset.writer(namespaces=["usr_state"]):
            pass


class TestTheDatasetUnderneath:
    def test_an_archived_dataset_is_told_at_the_next_flush(self, dataset: Dataset) -> None:
        """Nothing more is said to be safe; what was flushed comes back with the dataset."""
        writer = dataset.writer(namespaces=["lab"], flush_rows=1)
        writer.__enter__()
        writer.add([{"sequence": "ACGT"}])
        Dataset.open(dataset.ref.root, "ns/run").archive()

        with pytest.raises(UsrError):
            writer.add([{"sequence": "CCCC"}])
        writer._exits.close()
        Dataset.locate_archived("ns/run", root=dataset.ref.root).unarchive()
        assert 1 == resume(Dataset.open(dataset.ref.root, "ns/run", actor=ACTOR)).resumed

    def test_a_removed_dataset_is_told_at_close(self, dataset: Dataset) -> None:
        """A session never reports success over rows that are gone."""
        writer = dataset.writer(namespaces=["lab"], flush_rows=1)
        writer.__enter__()
        writer.add([{"sequence": "ACGT"}])
        shutil.rmtree(dataset.path)

        with pytest.raises(SessionLost):
            writer.close()

    def test_an_archived_dataset_takes_no_session(self, dataset: Dataset) -> None:
        """It is refused before anything is written."""
        dataset.archive()
        before = sorted(dataset.path.rglob("*"))

        with pytest.raises(DatasetArchived), dataset.writer():
            pass
        assert before == sorted(dataset.path.rglob("*"))

    def test_values_of_a_record_that_another_writer_added_are_kept(self, dataset: Dataset) -> None:
        """The record is not doubled, and what the session flushed for it is attached to it."""
        with dataset.writer(namespaces=["lab"]) as writer:
            writer.add([{"sequence": "ACGT"}, {"sequence": "GGGG"}], {"lab": [{"s": 1.0}, {"s": 2.0}]})
            dataset.add_sequences([{"sequence": "TTTT"}, {"sequence": "ACGT"}])

        view = dataset.to_arrow().to_pydict()
        assert [("TTTT", None), ("ACGT", 1.0), ("GGGG", 2.0)] == list(
            zip(view["sequence"], view["lab__s"], strict=True)
        )
        assert (1, 1) == (writer.added, writer.skipped)
        assert dataset.validate(strict=True).ok

    def test_a_record_that_was_dropped_meanwhile_comes_in_again(self, dataset: Dataset) -> None:
        """What is known is asked of the dataset as it is now."""
        dataset.add_sequences([{"sequence": "ACGT"}])
        with dataset.writer() as writer:
            dataset.delete([dataset.to_arrow()["id"][0].as_py()])
            with dataset.maintenance("test"):
                dataset.materialize(drop_deleted=True)
            writer.add([{"sequence": "ACGT"}])

        assert ["ACGT"] == dataset.to_arrow().to_pydict()["sequence"]

    def test_names_that_look_alike_are_sessions_of_their_own(self, dataset: Dataset) -> None:
        """No two names share a journal."""
        names = ["a b", "a-b", "a/b", "é", "ü"]
        writers = [dataset.writer(name=name) for name in names]
        for writer in writers:
            writer.__enter__()

        assert len(names) == len(list((dataset.path / ".usr.journal").iterdir()))
        for writer in writers:
            writer.close()


NOON = dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC)


class TestValues:
    @pytest.mark.parametrize(
        "row",
        [
            {"i": 1.5},
            {"i": 300},
            {"i": True},
            {"f": 1e300},
            {"f": "1"},
            {"d": dt.datetime(2020, 1, 1, 12)},
            {"t": NOON.replace(microsecond=5)},
            {"t": NOON.replace(tzinfo=None)},
            {"st": [{"a": 1, "zz": 5}]},
            {"st": [{"a": 1.5}]},
            {"v": [1.0, "x"]},
            {"v": [1e300]},
            {"s": "\ud800"},
            {"s": 1, "lab__s": 2},
            5,
        ],
        ids=str,
    )
    def test_a_value_that_would_become_another_is_refused(self, dataset: Dataset, row: object) -> None:
        """Nothing is cut off, overflows or is dropped."""
        with dataset.writer(namespaces=["lab"]) as writer, pytest.raises(SessionRowError):
            writer.add([{"sequence": "ACGT"}], {"lab": [row]})

        assert 0 == dataset.overview().rows

    def test_values_that_fit_are_kept(self, dataset: Dataset) -> None:
        """Python's and NumPy's numbers, NaN, times in any zone, and floats rounded to the nearest one."""
        row = {
            "s": float("nan"), "i": np.int64(7), "f": 0.1, "d": dt.date(2020, 1, 1),
            "t": NOON.astimezone(dt.timezone(dt.timedelta(hours=2))), "v": np.array([0.5, 1.5]), "st": [{"a": None}],
        }  # fmt: skip
        with dataset.writer(namespaces=["lab"]) as writer:
            writer.add([{"sequence": "ACGT"}], {"lab": [row]})

        (got,) = dataset.to_arrow().to_pylist()
        assert "nan" == str(got["lab__s"])
        assert (7, float(np.float32(0.1)), NOON) == (got["lab__i"], got["lab__f"], got["lab__t"])
        assert ([0.5, 1.5], [{"a": None}]) == (got["lab__v"], got["lab__st"])

    @pytest.mark.parametrize("records", [[None], [5], [{"sequence": "ACG\ud800"}], [{"sequence": 5}]], ids=str)
    def test_what_is_no_record_is_refused(self, dataset: Dataset, records: list[object]) -> None:
        """Every refusal is an error of ours."""
        with dataset.writer() as writer, pytest.raises(UsrError):
            writer.add(records)

    def test_records_may_come_from_a_generator(self, dataset: Dataset) -> None:
        """Any iterable will do, and namespaces may be named twice."""
        with dataset.writer(namespaces=["lab", "lab"]) as writer:
            writer.add({"sequence": text} for text in ("ACGT", "GGGG"))

        assert 2 == dataset.overview().rows


def test_doctor_tells_of_a_journal_that_nobody_has_closed(dataset: Dataset) -> None:
    """Rows that are safe and not in the dataset are not a secret, and not damage either."""
    abandoned(dataset, ["ACGT"])

    (leftover,) = find_leftovers(dataset.path)
    assert "writer session" in leftover.message
    assert not leftover.abandoned
    assert dataset.validate(strict=True).ok
