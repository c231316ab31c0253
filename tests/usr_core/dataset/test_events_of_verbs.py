"""What the verbs put into the event log, and who hears of it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pytest

from support.cli import Usr
from support.plugins import FakePlugin, install
from support.small_datasets import IDS, make_dataset
from usr_core import Actor, Dataset

KEYS = [
    "event_version", "timestamp_utc", "action", "dataset", "args", "metrics", "artifacts", "maintenance",
    "fingerprint", "registry_hash", "actor", "version", "seq", "clock", "prev",
]  # fmt: skip

SINK = """
import os
from usr_core.plugin import hookimpl, EventSinkSpec

class Sink:
    def emit(self, event):
        {emit}
    def close(self):
        with open(os.environ["SINK_FILE"], "a") as handle:
            handle.write("closed\\n")

@hookimpl
def usr_event_sinks():
    return [EventSinkSpec(name="{name}", summary="a sink", factory=Sink, required={required})]
"""
WRITE = 'open(os.environ["SINK_FILE"], "a").write(event["action"] + "\\n")'


def sink(name: str, *, emit: str = WRITE, required: bool = False) -> FakePlugin:
    source = SINK.format(name=name, emit=emit, required=required)
    return FakePlugin(name, hooks=source).provides("event_sink", name)


def events(dataset: Dataset) -> list[dict[str, object]]:
    return [dict(line.event) for line in dataset.events() if line.event]


class TestTheLine:
    def test_keys_stand_in_the_formats_order(self, tmp_path: Path) -> None:
        """Every event has all keys, in the order that the format gives."""
        dataset = make_dataset(tmp_path / "root")
        dataset.write_overlay("mock", pa.table({"id": pa.array(IDS), "score": pa.array([1.0] * len(IDS))}))
        dataset.snapshot()

        assert [KEYS] * 4 == [list(event) for event in events(dataset)]

    def test_metrics_of_an_attachment_are_what_happened(self, tmp_path: Path) -> None:
        """Read, matched, missing and written rows are counted, and the part's bytes are its file's."""
        dataset = make_dataset(tmp_path / "root")
        rows = pa.table({"id": pa.array([IDS[1], "f" * 40, IDS[0]]), "score": pa.array([1.0, 2.0, None])})
        outcome = dataset.write_overlay("mock", rows, allow_missing=True)

        event = events(dataset)[-1]
        assert outcome.part is not None
        content = (dataset.path / outcome.part).read_bytes()
        size = len(content)
        assert {
            "rows_read": 3, "rows_matched": 2, "rows_missing": 1, "rows_written": 2, "columns": 1, "bytes": size,
        } == event["metrics"]  # fmt: skip
        added = {"path": outcome.part, "size_bytes": size, "sha256": hashlib.sha256(content).hexdigest()}
        assert {"added": [added]} == event["artifacts"]

    def test_the_fingerprint_is_the_base_after_the_change(self, tmp_path: Path) -> None:
        """Rows, columns and bytes are those of records.parquet."""
        dataset = make_dataset(tmp_path / "root")

        print_ = events(dataset)[-1]["fingerprint"]
        assert {"rows": 6, "cols": 7, "size_bytes": (dataset.path / "records.parquet").stat().st_size} == print_

    def test_the_digest_is_there_on_request(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """USR_EVENT_SHA256=1 adds the sha256 of the base, also where the change writes a new one."""
        monkeypatch.setenv("USR_EVENT_SHA256", "1")
        dataset = make_dataset(tmp_path / "root")
        dataset.snapshot()

        digest = hashlib.sha256((dataset.path / "records.parquet").read_bytes()).hexdigest()
        assert [digest, digest] == [event["fingerprint"]["sha256"] for event in events(dataset)[1:]]

    def test_the_actor_comes_from_the_call_then_the_environment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An Actor given to a call wins, else the environment names tool and run."""
        monkeypatch.setenv("USR_ACTOR_TOOL", "nightly")
        monkeypatch.setenv("USR_ACTOR_RUN_ID", "n7")
        dataset = make_dataset(tmp_path / "root")
        rows = pa.table({"id": pa.array(IDS[:1]), "score": pa.array([1.0])})
        dataset.write_overlay_part("mock", rows, actor=Actor(tool="infer", run_id="r1"))

        actors = [(event["actor"]["tool"], event["actor"]["run_id"]) for event in events(dataset)]
        assert [("nightly", "n7"), ("nightly", "n7"), ("infer", "r1")] == actors

    def test_secrets_do_not_reach_the_log(self, tmp_path: Path) -> None:
        """A password in a URL that was given as the source is hidden; the rest of it stays."""
        dataset = make_dataset(tmp_path / "root", sequences=())
        dataset.add_sequences([{"sequence": "ACGT"}], source="https://me:hunter2secret@example.org/seqs.csv")

        text = dataset.layout.event_log.read_text(encoding="utf-8")
        assert "hunter2secret" not in text
        assert "example.org/seqs.csv" in text


class TestSinks:
    def run(self, tmp_path: Path, *plugins: FakePlugin) -> tuple[Usr, dict[str, str], Path]:
        make_dataset(tmp_path / "root")
        site = install(tmp_path / "site", *plugins)
        heard = tmp_path / "heard.txt"
        heard.touch()
        return Usr(root=tmp_path / "root"), {"PYTHONPATH": str(site), "SINK_FILE": str(heard)}, heard

    def test_a_sink_hears_of_a_change_once_it_is_committed(self, tmp_path: Path) -> None:
        """The event goes to the sink, which is closed at the end."""
        usr, env, heard = self.run(tmp_path, sink("listener"))
        usr.ok("snapshot", "ns/base", env=env)

        assert "snapshot\nclosed\n" == heard.read_text(encoding="utf-8")

    def test_a_sink_that_fails_is_told_and_changes_nothing_else(self, tmp_path: Path) -> None:
        """The change stands, the other sink hears of it, and the command succeeds with a warning."""
        usr, env, heard = self.run(tmp_path, sink("bad", emit='raise ValueError("no route")'), sink("good"))
        done = usr.run("snapshot", "ns/base", env=env)

        assert (0, True) == (done.rc, "bad" in done.err), done.err
        assert "snapshot" in heard.read_text(encoding="utf-8")
        assert 3 == len(usr.events("ns/base"))

    def test_a_required_sink_that_fails_fails_the_command_and_not_the_change(self, tmp_path: Path) -> None:
        """Exit code 4; the event is in the log all the same."""
        usr, env, _ = self.run(tmp_path, sink("audit", emit='raise ValueError("no route")', required=True))
        done = usr.run("snapshot", "ns/base", env=env)

        assert 4 == done.rc, done.err
        assert "snapshot" == usr.events("ns/base")[-1]["action"]

    def test_a_refused_command_is_no_event(self, tmp_path: Path) -> None:
        """What did not happen is not announced."""
        usr, env, heard = self.run(tmp_path, sink("listener"))
        done = usr.run("delete", "ns/base", "--id", "f" * 40, env=env)

        assert 3 == done.rc
        assert "" == heard.read_text(encoding="utf-8")


class TestOverlayWriters:
    SOURCE = """
from usr_core.plugin import hookimpl, OverlayWriterSpec

class Writer:
    def batches(self, request):
        import json
        import pyarrow as pa
        rows = json.loads(request.path.read_text())
        yield pa.RecordBatch.from_pydict({"id": list(rows), "score": [float(value) for value in rows.values()]})

@hookimpl
def usr_overlay_writers():
    return [OverlayWriterSpec(name="scorer", summary="scores", factory=Writer, namespace="mock")]
"""

    def test_a_tools_output_is_attached_by_its_own_writer(self, tmp_path: Path) -> None:
        """`attach --writer` takes the rows that a plugin makes of a file."""
        dataset = make_dataset(tmp_path / "root")
        site = install(tmp_path / "site", FakePlugin("scorer", hooks=self.SOURCE).provides("overlay_writer", "scorer"))
        output = tmp_path / "scores.out"
        output.write_text(json.dumps({IDS[0]: 1, IDS[2]: 3}), encoding="utf-8")
        usr = Usr(root=tmp_path / "root")
        usr.ok(
            "attach", "ns/base", "--path", output, "--namespace", "mock", "--key", "id", "--writer", "scorer",
            env={"PYTHONPATH": str(site)},
        )  # fmt: skip

        assert [1.0, None, 3.0, None, None, None] == dataset.to_arrow().to_pydict()["mock__score"]


class TestOlderFiles:
    def test_a_single_file_becomes_the_first_part(self, tmp_path: Path) -> None:
        """Attaching to a namespace that an older writer kept as one file keeps its values, in one change."""
        dataset = make_dataset(tmp_path / "root")
        dataset.write_overlay("mock", pa.table({"id": pa.array(IDS[:2]), "score": pa.array([1.0, 2.0])}))
        (part,) = (dataset.path / "_derived" / "mock").iterdir()
        part.rename(dataset.path / "_derived" / "mock.parquet")
        (dataset.path / "_derived" / "mock").rmdir()
        dataset.adopt()
        dataset.write_overlay("mock", pa.table({"id": pa.array(IDS[1:3]), "score": pa.array([20.0, 30.0])}))

        assert [1.0, 20.0, 30.0, None, None, None] == dataset.to_arrow().to_pydict()["mock__score"]
        assert not (dataset.path / "_derived" / "mock.parquet").exists()
        assert 2 == len(list((dataset.path / "_derived" / "mock").glob("part-*.parquet")))
        assert dataset.validate(strict=True).ok
