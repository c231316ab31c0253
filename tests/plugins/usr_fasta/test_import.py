"""FASTA files in a dataset, and out of it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core.api import SourceUnreadable


class TestImport:
    def test_a_file_is_imported_by_its_ending_and_exported(self, dataset_factory, tmp_path: Path) -> None:
        """The letters keep their case, and the id stands where the name is not exported."""
        (tmp_path / "parts.fna").write_text(">a first\nACGT\nac\n>b\nTTGACA\n")
        dataset = dataset_factory()

        assert 2 == dataset.import_file(tmp_path / "parts.fna").added
        dataset.export(tmp_path / "out.fasta", fmt="fasta", columns=["id", "sequence"])
        lines = (tmp_path / "out.fasta").read_text().splitlines()
        assert ["ACGTac", "TTGACA"] == lines[1::2]
        assert all(line.startswith(">") and len(line) == 41 for line in lines[::2])

    def test_a_fault_is_told_with_file_record_name_and_line(self, dataset_factory, tmp_path: Path) -> None:
        """As facts of the error; the dataset has nothing of the file."""
        (tmp_path / "parts.fa").write_text(">a\nACGT\n>b second\n>c\nTT\n")
        dataset = dataset_factory()

        with pytest.raises(SourceUnreadable) as caught:
            dataset.import_file(tmp_path / "parts.fa")

        assert {"file": str(tmp_path / "parts.fa"), "row": 2, "line": 3, "record": "b"} == caught.value.facts
        assert 0 == dataset.overview().rows

    def test_left_out_blanks_are_said(
        self, dataset_factory, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """On standard error, with the file."""
        (tmp_path / "parts.fa").write_text(">a\nACG TAC\n")
        dataset_factory().import_file(tmp_path / "parts.fa")

        assert "parts.fa: Blanks inside sequence lines are left out" in capsys.readouterr().err
