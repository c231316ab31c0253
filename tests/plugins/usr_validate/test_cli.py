"""``usr validate`` as it is run."""

from __future__ import annotations

import json

from support.cli import Usr
from support.damage import rewrite, set_cell
from support.tree import assert_unchanged

NAME = "ns/base"


class TestValidate:
    def test_valid_dataset_gets_one_line(self, seeded: Usr) -> None:
        """All is well: one closing line, exit code 0, no file touched."""
        with assert_unchanged(seeded.root):
            result = seeded.ok("validate", NAME, "--strict")

        assert (result.out, result.err) == ("ok: 6 records, 0 overlay files\n", "")

    def test_findings_are_on_stdout_with_exit_code_1(self, seeded: Usr) -> None:
        """A finding has severity, code, file, rows and a hint."""
        rewrite(seeded.path(NAME) / "records.parquet", set_cell("length", 3, 1))

        result = seeded.run("validate", NAME)

        lines = result.out.splitlines()
        assert (result.rc, result.err) == (1, "")
        assert lines[0].startswith(
            "error    USR-VALID-027  length is not the number of the sequence's letters in 1 row"
        )
        assert lines[1].split() == ["file:", "records.parquet", "rows:", "3"]
        assert lines[2].strip().startswith("hint: Restore the base")
        assert lines[-1] == "not valid: 1 error in 6 records, 0 overlay files"

    def test_json_is_one_document(self, seeded: Usr) -> None:
        """The same report in JSON, with the exit code of its outcome."""
        rewrite(seeded.path(NAME) / "records.parquet", set_cell("length", 3, 1))

        result = seeded.run("validate", NAME, "--strict", "--format", "json")

        assert result.rc == 1
        assert (result.data["ok"], result.data["strict"], result.data["records"]) == (False, True, 6)
        assert [(one["code"], one["rows"]) for one in result.data["findings"] if one["severity"] == "error"] == [
            ("USR-VALID-027", [3]),
            ("USR-VALID-086", []),
        ]

    def test_quiet_leaves_notes_out(self, seeded: Usr) -> None:
        """Notes are not printed under --quiet; the closing line is."""
        ids = seeded.path(NAME).parent / "ids.csv"
        ids.write_text("sequence,score\nACGTACGTACGTACGTAAAA,1\n")
        seeded.ok("attach", NAME, "--path", ids, "--namespace", "mock", "--key", "sequence")
        (part,) = (seeded.path(NAME) / "_derived" / "mock").iterdir()
        rewrite(part, set_cell("id", 1, "0" * 40))

        loud, quiet = seeded.ok("validate", NAME), seeded.ok("validate", NAME, "--quiet")

        assert loud.out.startswith("note     USR-VALID-062")
        assert quiet.out == "ok: 6 records, 1 overlay file\n"

    def test_current_mode_sees_a_later_registration(self, seeded: Usr) -> None:
        """Another namespace changes the registry's hash: `current` says so, the default does not mind."""
        seeded.ok("namespace", "register", "other", "--columns", "other__x:int8")

        assert seeded.run("validate", NAME, "--registry-mode", "current").rc == 1
        seeded.ok("validate", NAME)
        seeded.ok("validate", NAME, "--registry-mode", "contract")

    def test_frozen_mode_needs_no_registry(self, seeded: Usr) -> None:
        """A copied dataset is valid by itself."""
        (seeded.root / "registry.yaml").unlink()

        seeded.ok("validate", seeded.path(NAME), "--registry-mode", "frozen", "--strict")
        assert seeded.run("validate", NAME, "--registry-mode", "current").rc == 1

    def test_unknown_mode_is_wrong_usage(self, seeded: Usr) -> None:
        """The four modes are the only ones."""
        assert seeded.run("validate", NAME, "--registry-mode", "any").rc == 2

    def test_missing_dataset_is_exit_code_3(self, seeded: Usr) -> None:
        """There is no such dataset."""
        seeded.refuses(3, "validate", "ns/none")

    def test_odd_values_are_printed_visibly(self, seeded: Usr) -> None:
        """Control characters of a damaged cell do not reach the terminal."""
        rewrite(seeded.path(NAME) / "records.parquet", set_cell("alphabet", 1, "\x1b[31mred"))

        result = seeded.run("validate", NAME)

        assert "\x1b" not in result.out
        assert json.loads(seeded.run("validate", NAME, "--format", "json").out)["data"]["ok"] is False
