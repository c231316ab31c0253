"""`usr import` keeps columns beside the records: of a namespace that is named, or of the file's format."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from support.cli import Usr
from support.tables import write_csv
from support.tree import assert_unchanged
from usr_core import Dataset
from usr_core.store.rules.errors import DuplicateRecord

FASTA = ">p1 lac promoter\nTTGACA\n>p2\nTATAAT\n"


@pytest.fixture
def lab(seeded: Usr) -> Usr:
    """A root with a namespace for a strength and a label."""
    seeded.ok("namespace", "register", "plate", "--columns", "plate__strength:float64,plate__label:string")
    return seeded


def values(usr: Usr, *columns: str) -> list[dict[str, object]]:
    """Return the sequence and some columns of every record, in their order."""
    table = Dataset.open(usr.root, "ns/base").scan(columns=["sequence", *columns]).read_all().to_pylist()
    return [{name.split("__")[-1]: value for name, value in row.items()} for row in table]


def rejected(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


class TestKeep:
    def test_columns_of_the_namespace_come_along(self, lab: Usr, tmp_path: Path) -> None:
        """With the prefix or without, in the same change; what it does not register is named."""
        path = write_csv(tmp_path / "a.csv", ["sequence", "strength", "plate__label", "x"], [["CCCC", "1.5", "a", 1]])
        before = len(lab.events("ns/base"))
        done = lab.ok("import", "ns/base", path, "--keep", "plate")

        assert {"sequence": "CCCC", "strength": 1.5, "label": "a"} in values(lab, "plate__strength", "plate__label")
        assert "kept plate__strength, plate__label of 1 record" in done.out
        assert "ignored column: x (" in done.err
        assert before + 1 == len(lab.events("ns/base"))

    def test_a_wrong_value_names_file_and_row(self, lab: Usr, tmp_path: Path) -> None:
        """Nothing is imported then."""
        path = write_csv(tmp_path / "a.csv", ["sequence", "strength"], [["CCCC", "1.5"], ["GGGG", "high"]])
        error = lab.refuses(1, "import", "ns/base", path, "--keep", "plate").err

        assert "file: a.csv" in error
        assert "row: 2" in error
        assert "CCCC" not in str(values(lab))

    def test_a_file_without_such_columns_is_refused(self, lab: Usr, tmp_path: Path) -> None:
        """Else what was asked for would silently not be done."""
        path = write_csv(tmp_path / "a.csv", ["sequence", "x"], [["CCCC", 1]])

        assert "plate__label" in lab.refuses(1, "import", "ns/base", path, "--keep", "plate").err

    def test_keep_and_bare_exclude_each_other(self, lab: Usr, tmp_path: Path) -> None:
        """As wrong usage."""
        path = write_csv(tmp_path / "a.csv", ["sequence", "strength"], [["CCCC", 1]])

        assert "--bare" in lab.refuses(2, "import", "ns/base", path, "--keep", "plate", "--bare").err

    def test_a_record_that_exists_takes_a_value_only_where_it_has_none(self, lab: Usr, tmp_path: Path) -> None:
        """The other values are counted, and listed with --rejects; an equal one is not lost and not counted."""
        first = write_csv(tmp_path / "a.csv", ["sequence", "strength", "label"], [["CCCC", 1, "a"], ["GGGG", 2, ""]])
        second = write_csv(
            tmp_path / "b.csv",
            ["sequence", "strength", "label"],
            [["GGGG", 9, "b"], ["CCCC", 1, "a"], ["TTTT", 3, "c"]],
        )
        lab.ok("import", "ns/base", first, "--keep", "plate")
        out = tmp_path / "out.csv"
        done = lab.ok("import", "ns/base", second, "--keep", "plate", "--on-duplicate", "skip", "--rejects", out)

        assert [
            {"sequence": "CCCC", "strength": 1.0, "label": "a"},
            {"sequence": "GGGG", "strength": 2.0, "label": "b"},
            {"sequence": "TTTT", "strength": 3.0, "label": "c"},
        ] == values(lab, "plate__strength", "plate__label")[-3:]
        assert "1 value left out" in done.err
        assert [("1", "the record has another value", "9.0"), ("2", "the dataset has this record", "1.0")] == [
            (row["row"], row["reason"], row["plate__strength"]) for row in rejected(out)
        ]

    def test_values_come_also_where_no_record_is_new(self, lab: Usr, tmp_path: Path) -> None:
        """The base stays the same file then."""
        plain = write_csv(tmp_path / "a.csv", ["sequence"], [["CCCC"], ["GGGG"]])
        path = write_csv(tmp_path / "b.csv", ["sequence", "strength"], [["GGGG", 2], ["CCCC", 1]])
        lab.ok("import", "ns/base", plain)
        base = lab.root / "ns/base/records.parquet"
        before = base.stat()
        lab.ok("import", "ns/base", path, "--keep", "plate", "--on-duplicate", "skip")

        assert [1.0, 2.0] == [row["strength"] for row in values(lab, "plate__strength")[-2:]]
        assert (before.st_ino, before.st_mtime_ns) == (base.stat().st_ino, base.stat().st_mtime_ns)
        assert "ok" in lab.ok("validate", "ns/base", "--strict").out

    def test_a_reserved_namespace_is_refused(self, lab: Usr, tmp_path: Path) -> None:
        """`usr_state` has commands of its own."""
        path = write_csv(tmp_path / "a.csv", ["sequence"], [["CCCC"]])

        assert "usr_state" in lab.refuses(1, "import", "ns/base", path, "--keep", "usr_state").err


class TestFormatsNamespace:
    def test_is_registered_and_kept(self, seeded: Usr, tmp_path: Path) -> None:
        """In the same command, which says so."""
        path = tmp_path / "a.fasta"
        path.write_text(FASTA)
        done = seeded.ok("import", "ns/base", path)

        assert "registered the namespace fasta" in done.err
        assert [
            {"sequence": "TTGACA", "name": "p1", "description": "lac promoter"},
            {"sequence": "TATAAT", "name": "p2", "description": None},
        ] == values(seeded, "fasta__name", "fasta__description")[-2:]
        assert "registered" not in seeded.ok("import", "ns/base", path, "--on-duplicate", "skip").err
        assert "ok" in seeded.ok("validate", "ns/base", "--strict").out

    @pytest.mark.parametrize("args", [("--dry-run",), ("--bare",)])
    def test_is_not_registered_where_nothing_is_kept(self, seeded: Usr, tmp_path: Path, args: tuple[str, ...]) -> None:
        """Nor after a refusal."""
        path = tmp_path / "a.fasta"
        path.write_text(FASTA)
        seeded.ok("import", "ns/base", path, *args)
        path.write_text(FASTA + ">p3\nTTG!\n")
        seeded.refuses(1, "import", "ns/base", path)

        assert "fasta" not in seeded.ok("namespace", "list").out

    def test_without_a_registry_the_error_names_the_frozen_one(self, seeded: Usr, tmp_path: Path) -> None:
        """As for an import that keeps nothing."""
        (tmp_path / "a.fasta").write_text(FASTA)
        (seeded.root / "registry.yaml").unlink()

        assert "has frozen the registry" in seeded.refuses(3, "import", "ns/base", tmp_path / "a.fasta").err

    def test_errors_say_the_name(self, seeded: Usr, tmp_path: Path) -> None:
        """Of a record that is refused, and of both records of a duplicate."""
        path = tmp_path / "a.fasta"
        path.write_text(FASTA + ">p3\nTTG!\n")
        wrong = seeded.refuses(1, "import", "ns/base", path).err
        path.write_text(FASTA + ">p3 again\nTTGACA\n")
        twice = seeded.refuses(1, "import", "ns/base", path).err

        assert "name: p3" in wrong
        assert "Row 3 (p3) is a duplicate: row 1 (p1) is the same record" in twice


class TestFiles:
    @pytest.mark.parametrize("other", ["b.gb", "b.csv"])
    def test_of_formats_with_different_namespaces_are_refused(self, seeded: Usr, tmp_path: Path, other: str) -> None:
        """An import keeps the columns of one namespace, so that names would be lost; `--bare` says that they may be."""
        (tmp_path / "a.fasta").write_text(FASTA)
        (tmp_path / "b.gb").write_text("LOCUS       p3 4 bp DNA circular\nORIGIN\n        1 ggcc\n//\n")
        (tmp_path / "b.csv").write_text("sequence\nggcc\n")
        words = ("import", "ns/base", tmp_path / "a.fasta", tmp_path / other, "--on-duplicate", "skip")
        with assert_unchanged(seeded.root):
            error = seeded.refuses(2, *words).err

        assert "--bare" in error and "fasta" in error
        seeded.ok(*words, "--bare")
        assert "ggcc" in str(values(seeded))

    def test_several_are_one_change(self, seeded: Usr, tmp_path: Path) -> None:
        """Rows are told by file."""
        (tmp_path / "a.fasta").write_text(FASTA)
        (tmp_path / "b.fasta").write_text(">p9\nGGGG\n>p8\nTTGACA\n")
        error = seeded.refuses(1, "import", "ns/base", tmp_path / "a.fasta", tmp_path / "b.fasta").err
        done = seeded.ok("import", "ns/base", tmp_path / "a.fasta", tmp_path / "b.fasta", "--on-duplicate", "skip")

        assert "Row 2 (p8) is a duplicate: row 1 of a.fasta (p1) is the same record" in error
        assert "imported 3 records" in done.out
        assert ["a.fasta", "a.fasta", "b.fasta"] == [
            row["source"]
            for row in Dataset.open(seeded.root, "ns/base").scan(columns=["source"]).read_all().to_pylist()[-3:]
        ]

    def test_a_dash_is_standard_input(self, seeded: Usr) -> None:
        """Which needs an importer; a refusal names it so."""
        done = seeded.ok("import", "ns/base", "-", "--from", "fasta", stdin=FASTA)
        error = seeded.refuses(1, "import", "ns/base", "-", "--from", "fasta", stdin=FASTA).err

        assert "imported 2 records" in done.out
        assert "file: -" in error

    def test_one_named_twice_is_refused(self, seeded: Usr, tmp_path: Path) -> None:
        """Its records would all be duplicates."""
        (tmp_path / "a.fasta").write_text(FASTA)

        seeded.refuses(2, "import", "ns/base", tmp_path / "a.fasta", tmp_path / "a.fasta")

    def test_none_is_wrong_usage(self, seeded: Usr) -> None:
        """As before."""
        seeded.refuses(2, "import", "ns/base")


class TestColumns:
    def test_a_mapping_names_the_files_columns(self, seeded: Usr, tmp_path: Path) -> None:
        """Of the sequence by an option of its own, too."""
        path = write_csv(tmp_path / "a.csv", ["Promoter", "From"], [["CCCC", "plate 7"]])
        seeded.ok("import", "ns/base", path, "--sequence-column", "Promoter", "--map", "source=From")
        last = Dataset.open(seeded.root, "ns/base").scan(columns=["sequence", "source"]).read_all().to_pylist()[-1]

        assert {"sequence": "CCCC", "source": "plate 7"} == last

    def test_a_mapped_column_that_is_missing_is_named(self, seeded: Usr, tmp_path: Path) -> None:
        """With the columns that there are."""
        path = write_csv(tmp_path / "a.csv", ["Promoter"], [["CCCC"]])

        assert "Promoter" in seeded.refuses(1, "import", "ns/base", path, "--map", "sequence=Seq").err

    def test_a_column_that_no_record_has_is_refused(self, seeded: Usr, tmp_path: Path) -> None:
        """As wrong usage."""
        path = write_csv(tmp_path / "a.csv", ["sequence"], [["CCCC"]])

        seeded.refuses(2, "import", "ns/base", path, "--map", "strength=x")


class TestDryRun:
    def test_writes_nothing(self, lab: Usr, tmp_path: Path) -> None:
        """Every byte stays; what would be done is counted."""
        path = write_csv(tmp_path / "a.csv", ["sequence", "strength"], [["CCCC", 1]])
        kept = {file: file.read_bytes() for file in lab.root.rglob("*") if file.is_file()}
        done = lab.ok("import", "ns/base", path, "--keep", "plate", "--dry-run")

        assert "would import 1 record into ns/base\n  would keep plate__strength of 1 record\n" in done.out
        assert kept == {file: file.read_bytes() for file in lab.root.rglob("*") if file.is_file()}

    def test_finds_what_an_import_would_refuse(self, lab: Usr, tmp_path: Path) -> None:
        """With the same error."""
        path = write_csv(tmp_path / "a.csv", ["sequence"], [["CC!C"]])

        assert "row: 1" in lab.refuses(1, "import", "ns/base", path, "--dry-run").err


class TestOptions:
    def test_are_the_importers(self, seeded: Usr, tmp_path: Path) -> None:
        """Checked before anything is read."""
        (tmp_path / "a.fasta").write_text(FASTA)
        seeded.refuses(2, "import", "ns/base", tmp_path / "a.fasta", "--option", "colour=red")
        seeded.refuses(2, "import", "ns/base", tmp_path / "a.fasta", "--option", "name=first")
        seeded.ok("import", "ns/base", tmp_path / "a.fasta", "--option", "name=whole")

        assert "p1 lac promoter" in str(values(seeded, "fasta__name"))

    def test_are_listed(self, seeded: Usr) -> None:
        """With values, default and help."""
        assert "fasta name=word|whole (word): " in seeded.ok("import", "--from", "fasta", "--help-options").out


class TestPython:
    def test_names_stand_in_the_error(self, seeded: Usr, tmp_path: Path) -> None:
        """As attributes."""
        (tmp_path / "a.fasta").write_text(FASTA + ">p3\nTTGACA\n")
        with pytest.raises(DuplicateRecord) as caught:
            Dataset.open(seeded.root, "ns/base").import_file(tmp_path / "a.fasta")

        assert ("p3", "p1") == (caught.value.name, caught.value.first_name)
