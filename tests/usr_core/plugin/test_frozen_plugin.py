"""A plugin that was made for API 1.0 runs unchanged. Never edit its source: it stands for published plugins."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.hosts import HostMaker
from support.plugins import FakePlugin
from usr_core import Dataset
from usr_core.api.registry import make_root, register_namespace
from usr_core.store.changes.attach.errors import AttachRequestInvalid

HOOKS = """
import pyarrow as pa

from usr_core.api import (
    CheckSpec, EventSinkSpec, ExporterSpec, ExportResult, Finding, ImporterSpec, OverlayWriterSpec, hookimpl,
)

TOLD = []


class Lines:
    def columns(self, request):
        return ["sequence", "lab__name"]

    def read(self, request):
        pairs = [line.split() for line in request.path.read_text().splitlines()]
        names, sequences = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        columns = {"sequence": sequences, "lab__name": names}
        wanted = request.columns or tuple(columns)
        yield pa.record_batch({name: columns[name] for name in columns if name in wanted})


class Writing:
    def write(self, request, batches):
        rows = size = 0
        with request.open() as handle:
            for batch in batches:
                size += handle.write("".join(f"{one}\\n" for one in batch["sequence"].to_pylist()).encode())
                rows += batch.num_rows
        return ExportResult(rows=rows, size_bytes=size)


class Scores:
    def batches(self, request):
        factor = float(request.options.get("factor", "1"))
        ids, scores = zip(*(line.split() for line in request.path.read_text().splitlines()))
        yield pa.record_batch({"id": list(ids), "score": [factor * float(score) for score in scores]})


class Sink:
    def emit(self, event):
        TOLD.append(event["action"])

    def close(self):
        pass


def short(batches):
    for batch in batches:
        rows = tuple(row for row, length in enumerate(batch["length"].to_pylist(), 1) if length < 6)
        if rows:
            yield Finding(code="LAB-101", message="short", severity="warning", rows=rows, count=len(rows))


@hookimpl
def usr_importers():
    return [ImporterSpec(name="lines", summary="s", factory=Lines, suffixes=(".lines",))]


@hookimpl
def usr_exporters():
    return [ExporterSpec(name="lines", summary="s", factory=Writing, suffix=".lines", streams=True)]


@hookimpl
def usr_overlay_writers():
    return [OverlayWriterSpec(name="scores", summary="s", factory=Scores, namespace="lab", options=("factor",))]


@hookimpl
def usr_event_sinks():
    return [EventSinkSpec(name="told", summary="s", factory=Sink)]


@hookimpl
def usr_checks():
    return [CheckSpec(name="lab_short", summary="s", factory=lambda: short, columns=("length",))]
"""

PLUGIN = FakePlugin("lab", api="1.0", hooks=HOOKS)
for _kind, _name in (
    ("importer", "lines"),
    ("exporter", "lines"),
    ("overlay_writer", "scores"),
    ("event_sink", "told"),
    ("check", "lab_short"),
):
    PLUGIN = PLUGIN.provides(_kind, _name)


@pytest.fixture
def dataset(make_host: HostMaker, tmp_path: Path) -> Dataset:
    """A dataset whose records came through the plugin's importer, and whose host has the plugin."""
    make_root(tmp_path / "root")
    register_namespace(tmp_path / "root", "lab", (("lab__name", "string"), ("lab__score", "float64")))
    (tmp_path / "in.lines").write_text("lac TTTACACT\nara TATAC\n", encoding="utf-8")
    made = Dataset.open(tmp_path / "root", "d/frozen", host=make_host(PLUGIN)).init()
    made.import_file(tmp_path / "in.lines", keep="lab")
    return made


def test_its_importer_gives_records_and_columns(dataset: Dataset) -> None:
    """Two calls, `columns` and `read`; columns of a namespace are kept as those of any importer."""
    assert [("TTTACACT", "lac"), ("TATAC", "ara")] == [
        (row["sequence"], row["lab__name"]) for row in dataset.to_arrow().to_pylist()
    ]


def test_its_exporter_writes_them(dataset: Dataset, tmp_path: Path) -> None:
    """The file's ending names it."""
    dataset.export(tmp_path / "out.lines")

    assert "TTTACACT\nTATAC\n" == (tmp_path / "out.lines").read_text(encoding="utf-8")


def test_its_writer_takes_options_by_name_as_text(dataset: Dataset, tmp_path: Path) -> None:
    """An option that is a name alone is any text, and another one is refused."""
    ids = [row["id"] for row in dataset.to_arrow().to_pylist()]
    (tmp_path / "scan.out").write_text(f"{ids[1]} 2.5\n", encoding="utf-8")
    dataset.attach(tmp_path / "scan.out", writer="scores", writer_options={"factor": "2"})

    assert [None, 5.0] == [row["lab__score"] for row in dataset.to_arrow().to_pylist()]
    with pytest.raises(AttachRequestInvalid):
        dataset.attach(tmp_path / "scan.out", writer="scores", writer_options={"width": "2"})


def test_its_check_runs_at_validate_only(dataset: Dataset) -> None:
    """The short sequence came in, and is a finding."""
    assert [("short", (2,))] == [(found.message, found.rows) for found in dataset.validate().findings]


def test_its_sink_is_told(dataset: Dataset) -> None:
    """Every event since the dataset was made."""
    from usr_plugin_lab import plugin  # type: ignore[import-not-found]

    dataset.host.close()

    assert ["init", "import"] == plugin.TOLD
