"""``usr compare`` as it is typed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr, clean_env, usr_argv
from support.small_datasets import IDS, make_dataset
from support.tree import assert_unchanged
from usr_core import Dataset

DS = "ns/base"


@pytest.fixture
def changed(tmp_path: Path) -> tuple[Usr, Path]:
    """A dataset with a changed value, a deleted and a new record, and an export of it from before."""
    dataset = make_dataset(tmp_path / "root", DS)
    dataset.write_overlay_part("mock", pa.table({"id": IDS[:3], "mock__score": [0.5, 0.25, 1.0]}))
    before = tmp_path / "before.parquet"
    dataset.export(before)
    dataset.write_overlay_part("mock", pa.table({"id": IDS[:1], "mock__score": [0.75]}))
    dataset.delete(IDS[4:5])
    dataset.add_sequences([{"sequence": "ACGTT"}])
    return Usr(root=tmp_path / "root"), before


class TestCompare:
    def test_tells_counts_then_the_first_differences(self, changed: tuple[Usr, Path]):
        """Exit 0, and nothing is changed."""
        usr, before = changed
        with assert_unchanged(usr.root.parent):
            lines = usr.ok("compare", before, DS).out.splitlines()

        assert lines[0].endswith("5 records in both, 1 added, 1 gone, 0 restored; 1 value differs")
        assert ["mock__score", "0", "0", "1"] in [line.split() for line in lines]
        assert [IDS[4], "gone"] in [line.split() for line in lines]
        assert [IDS[0], "changed", "mock__score", "0.5", "0.75"] in [line.split() for line in lines]

    def test_json_has_every_count(self, changed: tuple[Usr, Path]):
        """And the first records and values, with their types."""
        usr, before = changed
        data = usr.ok("compare", before, DS, "--format", "json").data

        new = Dataset.open(usr.root, DS).head_arrow(None)["id"].to_pylist()[-1]
        assert (False, str(before), DS, None) == (data["same"], data["old"], data["new"], data["out"])
        assert {
            "common": 5,
            "added": 1,
            "gone": 1,
            "restored": 0,
            "first_added": [new],
            "first_gone": [IDS[4]],
            "first_restored": [],
        } == data["records"]
        first = [{"id": IDS[0], "change": "changed", "old": 0.5, "new": 0.75}]
        score = {"name": "mock__score", "side": "both", "set": 0, "unset": 0, "changed": 1, "first": first}
        assert [score] == data["columns"] and 7 == data["columns_compared"]

    def test_no_difference(self, changed: tuple[Usr, Path]):
        """One line, in every format."""
        usr, _ = changed
        told = usr.ok("compare", DS, DS, "--format", "table").out

        assert "ns/base -> ns/base: 6 records in both, no difference in 7 columns\n" == told

    def test_out_writes_every_difference(self, changed: tuple[Usr, Path]):
        """A file that is there is refused, with its bytes left."""
        usr, before = changed
        out = before.with_name("what.csv")
        told = usr.ok("compare", before, DS, "--out", out)

        assert 4 == len(out.read_text(encoding="utf-8").splitlines())
        assert str(out) in told.err
        with assert_unchanged(out.parent):
            usr.refuses(1, "compare", before, DS, "--out", out)
        usr.ok("compare", before, DS, "--out", out, "--overwrite")

    def test_parquet_goes_to_a_pipe(self, changed: tuple[Usr, Path]):
        """Every difference, as `--out` writes it."""
        usr, before = changed
        argv = [*usr_argv(), "--root", str(usr.root), "compare", str(before), DS, "--format", "parquet"]
        done = subprocess.run(argv, env=clean_env(), capture_output=True, check=True, timeout=60)

        table = pq.read_table(pa.BufferReader(done.stdout))
        assert 3 == table.num_rows and "change" in table.column_names

    def test_wrong_usage(self, changed: tuple[Usr, Path]):
        """Exit 2 for a format that is none, or two places for the differences; 3 for what is not there."""
        usr, before = changed

        usr.refuses(2, "compare", before, DS, "--format", "xml")
        usr.refuses(2, "compare", before, DS, "--format", "parquet", "--out", "x.parquet")
        usr.refuses(3, "compare", before, "ns/none")
        usr.refuses(1, "compare", before, DS, "--columns", "nothing")


class TestVersions:
    def test_a_version_and_now(self, changed: tuple[Usr, Path]):
        """`D@N` against `D@now`, or alone; the line to go back is told."""
        usr, _ = changed
        Dataset.open(usr.root, DS).tag("good", at=3)

        data = usr.ok("compare", f"{DS}@3", f"{DS}@now", "--format", "json").data
        alone = usr.ok("compare", f"{DS}@good")

        assert (f"{DS}@3", f"{DS}@7", 1, 1, 0) == (
            data["old"],
            data["new"],
            data["records"]["added"],
            data["records"]["gone"],
            data["records"]["restored"],
        )
        assert alone.out.startswith(f"{DS}@3 -> {DS}: 5 records in both, 1 added, 1 gone")
        assert f"usr rollback {DS} --to 3" in alone.err

    def test_the_line_to_go_back_is_one_that_can_be_run(self, changed: tuple[Usr, Path]):
        """It is told where the other side is the dataset as it is, and its version has not been given up."""
        usr, _ = changed

        assert f"to go back: usr rollback {DS} --to 3" in usr.ok("compare", f"{DS}@3", f"{DS}@now").err
        assert "to go back" not in usr.ok("compare", f"{DS}@now", f"{DS}@3").err
        assert "to go back" not in usr.ok("compare", f"{DS}@3", f"{DS}@5").err

        usr.ok("gc", DS, "--keep", "0d")
        usr.refuses(1, "rollback", DS, "--to", "3")
        assert "to go back" not in usr.ok("compare", f"{DS}@3").err

    def test_inside_a_dataset_its_name_may_be_left_out(self, changed: tuple[Usr, Path]):
        """`@4` is its version 4."""
        usr, _ = changed

        told = usr.ok("compare", "@5", "@3", cwd=usr.path(DS)).out

        assert told.startswith(f"{DS}@5 -> {DS}@3: 5 records in both, 0 added, 0 gone, 1 restored; 1 value differs")

    def test_a_version_that_is_not_there(self, changed: tuple[Usr, Path]):
        """Exit 3; 2 where nothing tells what to compare with, and where a file is asked for a version."""
        usr, before = changed

        usr.refuses(3, "compare", f"{DS}@99")
        usr.refuses(3, "compare", f"{DS}@nobody")
        usr.refuses(2, "compare", DS)
        assert "DATASET@3" in usr.refuses(3, "compare", DS, "3").err
        usr.refuses(2, "compare", f"{before}@3", DS)

    def test_a_file_with_an_at_in_its_name(self, changed: tuple[Usr, Path]):
        """Is that file."""
        usr, before = changed
        odd = before.rename(before.with_name("a@3.parquet"))

        assert usr.ok("compare", odd, DS).out.startswith(f"{odd} -> {DS}: 5 records")

    def test_a_remotes_copy(self, changed: tuple[Usr, Path], tmp_path: Path):
        """`D@REMOTE` is the copy there; a tag of the same name comes first."""
        usr, _ = changed
        (tmp_path / "there").mkdir()
        remotes = tmp_path / "remotes.yaml"
        remotes.write_text(
            f"remotes:\n  disk:\n    type: folder\n    base_dir: {tmp_path / 'there'}\n", encoding="utf-8"
        )
        dataset = Dataset.open(usr.root, DS)
        usr.ok("--remotes-config", remotes, "push", DS, "disk", "-y")
        dataset.delete(IDS[:1])

        data = usr.ok("--remotes-config", remotes, "compare", f"{DS}@disk", DS, "--format", "json").data
        assert [IDS[0]] == data["records"]["first_gone"]
        assert f"{DS}@disk" == data["old"]

        dataset.tag("disk", at=2)
        assert f"{DS}@2" == usr.ok("--remotes-config", remotes, "compare", f"{DS}@disk", "--format", "json").data["old"]
