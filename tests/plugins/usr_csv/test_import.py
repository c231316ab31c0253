"""Tables of text by the commands that read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.cli import Usr
from support.tree import assert_unchanged
from usr_core import Dataset

DIALECT = ("delimiter=;", "decimal=,", "encoding=latin-1", "null=NA,n.d.", "comment=#", "skip_rows=2")
OPTIONS = [word for option in DIALECT for word in ("--option", option)]
TABLE = 'Reader 7\nstarted "at 8\n# µ\nsequence;strength;label\nCCCC;1,5;µ\n#\nGGGG;n.d.;"NA"\n'


@pytest.fixture
def lab(seeded: Usr) -> Usr:
    """A root with a namespace for a strength and a label."""
    seeded.ok("namespace", "register", "plate", "--columns", "plate__strength:float64,plate__label:string")
    return seeded


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "plate.csv"
    path.write_bytes(TABLE.encode("latin-1"))
    return path


def values(usr: Usr) -> dict[str, tuple[object, object]]:
    columns = ["sequence", "plate__strength", "plate__label"]
    rows = Dataset.open(usr.root, "ns/base").scan(columns=columns).read_all().to_pylist()
    return {row["sequence"]: (row["plate__strength"], row["plate__label"]) for row in rows}


class TestImport:
    def test_every_option_together(self, lab: Usr, table: Path) -> None:
        """A column that is registered as a number has its decimal commas read."""
        lab.ok("import", "ns/base", table, "--keep", "plate", *OPTIONS)

        found = values(lab)
        assert {"CCCC": (1.5, "µ"), "GGGG": (None, "NA")} == {key: found[key] for key in ("CCCC", "GGGG")}

    def test_an_ambiguous_number_changes_nothing(self, lab: Usr, table: Path) -> None:
        """Row and line are those of the file."""
        table.write_bytes(table.read_bytes().replace(b"n.d.", b"1.500"))

        with assert_unchanged(lab.root):
            error = lab.refuses(1, "import", "ns/base", table, "--keep", "plate", *OPTIONS).err

        assert "row: 2\n  line: 7\n  column: strength\n  value: 1.500" in error

    def test_the_hint_for_a_file_with_semicolons_reads_it(self, lab: Usr, tmp_path: Path) -> None:
        """As it stands in the error."""
        path = tmp_path / "a.csv"
        path.write_text("sequence;strength;label\nCCCC;1,5;a\n")
        hint = lab.refuses(1, "import", "ns/base", path).err.partition("hint: Read the file with ")[2]

        assert '--option "delimiter=;" --option "decimal=,"\n' == hint
        lab.ok("import", "ns/base", path, "--keep", "plate", *hint.replace('"', "").split())
        assert (1.5, "a") == values(lab)["CCCC"]

    def test_tabs_from_standard_input(self, lab: Usr) -> None:
        """Where no ending says it, the format does."""
        lab.ok("import", "ns/base", "-", "--from", "tsv", stdin="sequence\tx\nCCCC\ta,b\n")

        assert "CCCC" in lab.ok("head", "ns/base", "--format", "json").out


class TestAttach:
    def test_every_option_together(self, lab: Usr, table: Path) -> None:
        """An attachment reads what an import reads."""
        lab.ok("import", "ns/base", table, *OPTIONS)
        lab.ok("attach", "ns/base", table, "--namespace", "plate", "--key", "sequence", *OPTIONS)

        found = values(lab)
        assert {"CCCC": (1.5, "µ"), "GGGG": (None, "NA")} == {key: found[key] for key in ("CCCC", "GGGG")}

    def test_an_option_for_a_writer_needs_one(self, lab: Usr, table: Path) -> None:
        """One for the importer does not."""
        command = ("attach", "ns/base", table, "--namespace", "plate", "--key", "sequence")

        assert "USR-ATTACH-011" in lab.refuses(2, *command, "--writer-option", "delimiter=;").err
        assert "USR-PLUGIN-011" in lab.refuses(2, *command, "--option", "colour=red").err
