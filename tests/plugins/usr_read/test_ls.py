"""``usr ls``: right numbers, without a Parquet library where the log knows them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr, clean_env, run_usr, usr_argv
from support.overlays import ids_of, write_overlay, write_tombstones
from support.tree import assert_unchanged

DS = "ns/base"


def listed(usr: Usr, *options: str) -> list[dict[str, object]]:
    data: list[dict[str, object]] = usr.ok("ls", "--format", "json", *options).data
    return data


class TestNumbers:
    def test_one_object_a_dataset_sorted_by_name(self, seeded: Usr):
        """With exactly the documented keys."""
        seeded.ok("init", "another/empty")

        empty, base = listed(seeded)
        assert ["name", "rows", "columns", "namespaces", "size_bytes", "last_change", "unfinished_pull"] == list(base)
        assert ("another/empty", 0, 7, []) == tuple(empty[key] for key in ("name", "rows", "columns", "namespaces"))
        assert (DS, 6) == (base["name"], base["rows"])
        assert (seeded.path(DS) / "records.parquet").stat().st_size == base["size_bytes"]
        assert seeded.events(DS)[-1]["timestamp_utc"] == base["last_change"]

    def test_an_unfinished_pull_is_a_line_of_its_own(self, seeded: Usr):
        """Exit code 0: it is not a dataset that can't be read."""
        staging = seeded.path("lab/new") / ".usr.tmp" / "pull-0123"
        staging.mkdir(parents=True)
        (staging / "origin").write_text("cluster:/data/lab/new")

        shown = [line for line in seeded.ok("ls").out.splitlines() if line.startswith("lab/new")]

        assert ["lab/new", "unfinished", "pull", "from", "cluster"] == shown[0].split()
        assert ("lab/new", None, "cluster") == tuple(
            listed(seeded)[0][key] for key in ("name", "rows", "unfinished_pull")
        )
        told = seeded.run("head", "lab/new")
        assert (3, True) == (told.rc, "error[USR-ROOTS-012]" in told.err)
        assert "`usr pull lab/new cluster`" in told.err

    def test_overlays_count_as_namespaces_and_bytes(self, seeded: Usr):
        """Not as columns of the base."""
        content = {"id": pa.array(ids_of(seeded.path(DS))), "mock__score": pa.array([1.0] * 6)}
        part = write_overlay(seeded.path(DS) / "_derived" / "mock" / "part-a.parquet", "mock", content)

        (base,) = listed(seeded)
        assert (["mock"], 7) == (base["namespaces"], base["columns"])
        assert (seeded.path(DS) / "records.parquet").stat().st_size + part.stat().st_size == base["size_bytes"]

    def test_deleted_records_are_not_counted(self, seeded: Usr):
        """Only tombstones that hit a record are."""
        write_tombstones(seeded.path(DS), [*ids_of(seeded.path(DS))[:2], "f" * 40])

        assert 4 == listed(seeded)[0]["rows"]

    def test_a_base_that_the_log_does_not_tell_of_is_counted_itself(self, seeded: Usr):
        """A file put there by hand has another size than the last event says."""
        base = seeded.path(DS) / "records.parquet"
        pq.write_table(pq.ParquetFile(base).read().slice(0, 2), base)

        assert 2 == listed(seeded)[0]["rows"]

    @pytest.mark.parametrize("line", [b"", b'{"action":"init"}\n', b'{"fingerprint":{"rows":"6"}}\n', b"torn"])
    def test_a_log_without_fingerprint(self, seeded: Usr, line: bytes):
        """The footer is read, and what is unknown is null."""
        (seeded.path(DS) / ".events.log").write_bytes(line)

        (base,) = listed(seeded)
        assert (6, 7, None) == (base["rows"], base["columns"], base["last_change"])

    def test_pyarrow_stays_out_where_the_log_knows(self, seeded: Usr):
        """The fast path is taken for a dataset with overlays too."""
        content = {"id": pa.array(ids_of(seeded.path(DS))), "mock__score": pa.array([1.0] * 6)}
        write_overlay(seeded.path(DS) / "_derived" / "mock" / "part-a.parquet", "mock", content)
        argv = [sys.executable, "-X", "importtime", *usr_argv(), "--root", str(seeded.root), "ls"]
        done = subprocess.run(argv, env=clean_env(), capture_output=True, text=True, check=True, timeout=120)

        assert DS in done.stdout
        assert "pyarrow" not in done.stderr


class TestRoots:
    def test_a_root_without_registry(self, usr: Usr):
        """An empty list in JSON, and a remark on stderr otherwise."""
        assert [] == listed(usr)
        result = usr.ok("ls")
        assert ("", True) == (result.out, "usr init" in result.err)

    def test_a_missing_root(self, tmp_path: Path):
        """Exit 3 for a root that is not there."""
        assert 3 == run_usr("ls", root=tmp_path / "absent").rc

    def test_archived_lists_the_archive(self, seeded: Usr):
        """And only that."""
        archive = seeded.root / "_archive" / "ns"
        archive.mkdir(parents=True)
        (seeded.path(DS)).rename(archive / "base")

        assert [] == listed(seeded)
        assert ["_archive/ns/base"] == [dataset["name"] for dataset in listed(seeded, "--archived")]

    @pytest.mark.parametrize("name", ["truncated", "file beside folder"])
    def test_a_broken_dataset_does_not_hide_the_others(self, seeded: Usr, tmp_path: Path, name: str):
        """It is listed without numbers, its error is on stderr, and the exit code is 1."""
        seeded.ok("init", "ns/good")
        base = seeded.path(DS) / "records.parquet"
        if name == "truncated":
            base.write_bytes(base.read_bytes()[:-10])
        else:
            for place in ("mock.parquet", "mock/part-a.parquet"):
                (seeded.path(DS) / "_derived" / place).parent.mkdir(parents=True, exist_ok=True)
                (seeded.path(DS) / "_derived" / place).touch()
        with assert_unchanged(seeded.root):
            result = seeded.refuses(1, "ls", "--format", "json")

        assert [(DS, None), ("ns/good", 0)] == [(row["name"], row["rows"]) for row in result.data]

    def test_plain_is_a_table_with_sizes_for_people(self, seeded: Usr, tmp_path: Path):
        """A header and a line for each dataset."""
        header, line = seeded.ok("ls").out.splitlines()

        assert ["name", "rows", "columns", "namespaces", "size", "last", "change"] == header.split()
        assert line.startswith(DS)
        assert " kB " in line
