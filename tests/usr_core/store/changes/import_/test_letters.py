"""``--alphabet auto``: the narrowest alphabet that has every letter of the input."""

from __future__ import annotations

from pathlib import Path

import pytest

from usr_core import Dataset
from usr_core.api.registry import make_root
from usr_core.store.rules.errors import LetterOutsideAlphabet


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """An empty dataset."""
    make_root(tmp_path / "root")
    return Dataset.open(tmp_path / "root", "demo/motifs").init()


def written(folder: Path, name: str, *lines: str) -> Path:
    """Write a file of lines."""
    (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder / name


def alphabets_of(dataset: Dataset) -> list[str]:
    """Return the alphabet of each record, in order."""
    with dataset.scan(columns=["alphabet"]) as reader:
        names: list[str] = reader.read_all().column(0).to_pylist()
    return names


class TestAuto:
    def test_one_letter_of_the_last_row_decides(self, dataset: Dataset, tmp_path: Path) -> None:
        """The whole file is looked at, and every record has the one alphabet that fits it."""
        file = written(tmp_path, "a.csv", "sequence", *(f"ACGT{'A' * n}" for n in range(50)), "acgtr ")

        done = dataset.import_file(file, alphabet="auto")

        assert (("dna_15",), {"dna_15"}) == (done.alphabets, set(alphabets_of(dataset)))

    def test_the_event_names_the_alphabet(self, dataset: Dataset, tmp_path: Path) -> None:
        """The log says what was taken, not what was asked."""
        done = dataset.import_file(written(tmp_path, "a.csv", "sequence", "ACGN"), alphabet="auto")

        assert done.event is not None
        assert "dna_5" == done.event["args"]["alphabet"]

    def test_several_files_get_one_alphabet(self, dataset: Dataset, tmp_path: Path) -> None:
        """The narrowest that fits the files together."""
        files = [written(tmp_path, "a.csv", "sequence", "ACG"), written(tmp_path, "b.csv", "sequence", "ACN")]

        dataset.import_file(files, alphabet="auto")

        assert ["dna_5", "dna_5"] == alphabets_of(dataset)

    def test_each_bio_type_gets_its_own(self, dataset: Dataset, tmp_path: Path) -> None:
        """Where the file has a column bio_type, letters count for their type alone."""
        file = written(tmp_path, "a.csv", "sequence,bio_type", "ACGT,dna", "MKL*,protein", "ACGU,rna", "MKX,protein")

        dataset.import_file(file, alphabet="auto")

        assert ["dna_4", "protein_27", "rna_4", "protein_27"] == alphabets_of(dataset)

    def test_a_column_alphabet_is_kept(self, dataset: Dataset, tmp_path: Path) -> None:
        """A file that says it itself is not asked for its letters."""
        dataset.import_file(written(tmp_path, "a.csv", "sequence,alphabet", "ACG,dna_15"), alphabet="auto")

        assert ["dna_15"] == alphabets_of(dataset)

    def test_a_mapped_column_is_looked_at(self, dataset: Dataset, tmp_path: Path) -> None:
        """The column that is mapped to sequence counts, not one that is called so."""
        file = written(tmp_path, "a.csv", "sequence,promoter", "MKL,ACGN")

        dataset.import_file(file, alphabet="auto", mapping={"sequence": "promoter"})

        assert ["dna_5"] == alphabets_of(dataset)

    @pytest.mark.parametrize(("sequence", "position"), [("AC-GT", 3), ("ACGé", 4), ("MKL", 3)])
    def test_a_letter_of_no_alphabet_is_told_with_its_row(
        self, dataset: Dataset, tmp_path: Path, sequence: str, position: int
    ) -> None:
        """The import itself refuses the row, under the widest alphabet of the bio_type."""
        with pytest.raises(LetterOutsideAlphabet) as caught:
            dataset.import_file(written(tmp_path, "a.csv", "sequence", "ACGT", sequence), alphabet="auto")

        assert (2, position, "dna_15") == (caught.value.row, caught.value.position, caught.value.alphabet)
        assert 0 == dataset.base_rows()

    def test_records_from_memory(self, dataset: Dataset) -> None:
        """Rows given in Python are looked at in the same way."""
        done = dataset.add_sequences([{"sequence": "ACGU"}, {"sequence": "ACGUY"}], bio_type="rna", alphabet="auto")

        assert ("rna_15",) == done.alphabets

    def test_an_empty_file(self, dataset: Dataset, tmp_path: Path) -> None:
        """No record, no alphabet."""
        done = dataset.import_file(written(tmp_path, "a.csv", "sequence"), alphabet="auto")

        assert (0, ()) == (done.added, done.alphabets)
