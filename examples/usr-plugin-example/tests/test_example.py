"""The plugin's parts keep their contracts, and work together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from usr_plugin_example.columns import COLUMNS
from usr_plugin_example.errors import BadMotif
from usr_plugin_example.event_counts import VARIABLE
from usr_plugin_example.fastq import FastqImporter
from usr_plugin_example.motif_table import HEADER
from usr_plugin_example.plugin import usr_event_sinks, usr_overlay_writers
from usr_plugin_example.search import find_motif

from usr_core.api import EventSinkSpec, OverlayWriterSpec
from usr_core.api.commands import main
from usr_core.testing import EventSinkContract, ImporterContract, ManifestContract, OverlayWriterContract


class TestManifest(ManifestContract):
    @pytest.fixture
    def plugin_id(self) -> str:
        return "example"


class TestFastqImporter(ImporterContract):
    types: ClassVar[Mapping[str, str]] = {"name": "string", "sequence": "string", "quality": "string"}
    rows = tuple({"name": f"read {n}", "sequence": "ACGT" * n, "quality": "IIII" * n} for n in (1, 2, 3))
    unicode_rows = ({"name": "λ 日本", "sequence": "ACGT", "quality": "IIII"},)
    suffix = ".fastq"
    features = frozenset({"bad_rows", "unicode", "compressed"})

    @pytest.fixture
    def importer(self) -> FastqImporter:
        return FastqImporter()

    def write_file(self, path: Path, rows: Sequence[Mapping[str, object]]) -> None:
        text = "".join(f"@{row['name']}\n{row['sequence']}\n+\n{row['quality']}\n" for row in rows)
        path.write_text(text, encoding="utf-8")

    def write_bad_file(self, path: Path, rows: Sequence[Mapping[str, object]], bad: int) -> None:
        self.write_file(path, [{**row, "quality": "I"} if n == bad else row for n, row in enumerate(rows, start=1)])


class TestMotifTableWriter(OverlayWriterContract):
    columns: ClassVar[Mapping[str, str]] = dict(COLUMNS)
    features = frozenset({"bad_rows"})

    @pytest.fixture
    def spec(self) -> OverlayWriterSpec:
        (spec,) = usr_overlay_writers()
        return spec

    def write_output(self, path: Path, keys: Sequence[str]) -> None:
        lines = [f"{key}\tTATAAT\t{','.join(map(str, range(number)))}\n" for number, key in enumerate(keys)]
        path.write_text(f"{HEADER}\n{''.join(lines)}", encoding="utf-8")

    def expected(self, keys: Sequence[str]) -> list[dict[str, object]]:
        return [
            {"example__motif": "TATAAT", "example__hits": number, "example__positions": [*range(number)]}
            for number, _ in enumerate(keys)
        ]

    def write_bad_output(self, path: Path, keys: Sequence[str], bad: int) -> None:
        lines = [f"{key}\tTATAAT\t{'here' if row == bad else row}\n" for row, key in enumerate(keys, start=1)]
        path.write_text(f"{HEADER}\n{''.join(lines)}", encoding="utf-8")


class TestEventCounts(EventSinkContract):
    features = frozenset({"breakable"})

    @pytest.fixture
    def spec(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EventSinkSpec:
        self.file = tmp_path / "counts.json"
        monkeypatch.setenv(VARIABLE, str(self.file))
        (spec,) = usr_event_sinks()
        return spec

    def break_target(self) -> None:
        self.file.mkdir()

    def mend_target(self) -> None:
        self.file.rmdir()

    def test_counts_add_up(self, spec: EventSinkSpec) -> None:
        """Over sinks, each of which is a command's."""
        self._sent(spec)
        self._sent(spec)

        assert json.loads(self.file.read_text()) == {"attach": 2, "delete": 2, "init": 2}


@pytest.mark.parametrize("motif", ["", "TA TA", ".*", "TÄT"])
def test_a_motif_is_made_of_letters(dataset_factory: Any, motif: str) -> None:
    """A pattern is not a motif."""
    with pytest.raises(BadMotif):
        list(find_motif(dataset_factory(["ACGT"]), motif))


def test_the_parts_work_together(
    dataset_factory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Import, find, attach, list; the events are counted."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "counts.json"))
    dataset_factory([], namespaces={"example": dict(COLUMNS)})
    reads, table = tmp_path / "reads.fq", tmp_path / "motifs.tsv"
    reads.write_text("@one\nTATATA\n+\nIIIIII\n@two\nTATAGG\n+\nIIIIII\n@three\nGGGGGG\n+\nIIIIII\n")

    def usr(*words: str | Path) -> str:
        assert main(["--root", str(tmp_path / "root"), *map(str, words)]) == 0
        return capsys.readouterr().out

    usr("import", "test/data", "--from", "example-fastq", "--path", reads)
    usr("example", "find", "test/data", "--motif", "tata", "--out", table)
    usr("attach", "test/data", "--writer", "example", "--namespace", "example", "--key", "id", "--path", table)
    best = json.loads(usr("example", "best", "test/data", "--format", "json"))["data"]

    assert [2, 1] == [row["example__hits"] for row in best]
    assert json.loads((tmp_path / "counts.json").read_text()) == {"attach": 1, "import": 1}
