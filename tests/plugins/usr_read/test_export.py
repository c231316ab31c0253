"""``usr export`` as it is typed."""

from __future__ import annotations

import csv
import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr, clean_env, usr_argv
from support.overlays import ids_of, write_overlay, write_tombstones
from support.processes import Child
from support.tables import read_csv
from support.tree import assert_unchanged
from usr_core import Dataset

DS = "ns/base"
ESSENTIAL = ["id", "bio_type", "sequence", "alphabet", "length", "source", "created_at"]


@pytest.fixture
def scored(seeded: Usr) -> Usr:
    """The seeded dataset with scores that were attached in another order."""
    ids = ids_of(seeded.path(DS))
    content = {"id": pa.array(ids[::-1]), "mock__score": pa.array([5.0, 4.0, None, 2.0, 1.0, 0.0])}
    write_overlay(seeded.path(DS) / "_derived" / "mock" / "part-a.parquet", "mock", content)
    return seeded


class TestContent:
    @pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
    def test_rows_are_in_the_bases_order(self, scored: Usr, tmp_path: Path, fmt: str):
        """With attached values merged in, and the dataset untouched."""
        out = tmp_path / f"o.{fmt}"
        with assert_unchanged(scored.root):
            said = scored.ok("export", DS, "--fmt", fmt, "--out", out).out

        rows: list[dict[str, object]]
        if fmt == "csv":
            rows = [
                {**row, "mock__score": float(row["mock__score"]) if row["mock__score"] else None}
                for row in read_csv(out)
            ]
        elif fmt == "jsonl":
            rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        else:
            rows = pq.ParquetFile(out).read().to_pylist()
        assert ids_of(scored.path(DS)) == [row["id"] for row in rows]
        assert [0.0, 1.0, 2.0, None, 4.0, 5.0] == [row["mock__score"] for row in rows]
        assert f"exported 6 records to {out}" in said

    def test_into_a_folder_under_a_name_of_its_own(self, scored: Usr, tmp_path: Path):
        """The id with __ for the slash."""
        scored.ok("export", DS, "--fmt", "jsonl", "--out", tmp_path / ".")

        assert (tmp_path / "ns__base.jsonl").is_file()

    @pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
    @pytest.mark.parametrize("state", ["empty", "all deleted"])
    def test_nothing_to_export_is_a_valid_file(self, scored: Usr, tmp_path: Path, fmt: str, state: str):
        """A header, no line, or an empty table with all types."""
        if state == "empty":
            scored.ok("init", "ns/new")
        else:
            write_tombstones(scored.path(DS), ids_of(scored.path(DS)))
        out = tmp_path / f"o.{fmt}"
        scored.ok("export", "ns/new" if state == "empty" else DS, "--fmt", fmt, "--out", out)

        columns = ESSENTIAL if state == "empty" else [*ESSENTIAL, "mock__score"]
        if fmt == "csv":
            with out.open(newline="", encoding="utf-8") as handle:
                assert [columns] == list(csv.reader(handle))
        elif fmt == "jsonl":
            assert b"" == out.read_bytes()
        else:
            table = pq.ParquetFile(out).read()
            assert (0, columns, pa.int32()) == (table.num_rows, table.schema.names, table.schema.field("length").type)

    def test_columns_deleted_records_and_namespaces(self, scored: Usr, tmp_path: Path):
        """As for head."""
        write_tombstones(scored.path(DS), ids_of(scored.path(DS))[:1])
        other = {"id": pa.array(ids_of(scored.path(DS))), "other__x": pa.array([1.5] * 6)}
        write_overlay(scored.path(DS) / "_derived" / "other.parquet", "other", other)
        scored.ok("export", DS, "--fmt", "csv", "--out", tmp_path / "a.csv", "--columns", "length,id")
        scored.ok(
            "export", DS, "--fmt", "csv", "--out", tmp_path / "b.csv", "--include-deleted", "--namespaces", "other"
        )

        assert ["length", "id"] == list(read_csv(tmp_path / "a.csv")[0])
        assert 5 == len(read_csv(tmp_path / "a.csv"))
        assert (6, "true") == (len(rows := read_csv(tmp_path / "b.csv")), rows[0]["usr__deleted"])
        assert "mock__score" not in rows[0]

    def test_inside_a_datasets_folder_it_needs_no_name(self, scored: Usr):
        """The current folder is the dataset, and a file beside its own ones is fine."""
        scored.ok("export", "--fmt", "csv", "--out", "records.csv", cwd=scored.path(DS))

        assert 6 == len(read_csv(scored.path(DS) / "records.csv"))


class TestTarget:
    def test_a_file_that_is_there_needs_overwrite(self, scored: Usr, tmp_path: Path):
        """Then it is replaced as a whole."""
        out = tmp_path / "o.csv"
        out.write_text("mine", encoding="utf-8")
        with assert_unchanged(tmp_path):
            assert "--overwrite" in scored.refuses(1, "export", DS, "--fmt", "csv", "--out", out).err
        scored.ok("export", DS, "--fmt", "csv", "--out", out, "--overwrite")

        assert 6 == len(read_csv(out))

    @pytest.mark.parametrize(
        "name",
        [
            "records.parquet",
            ".events.log",
            "meta.md",
            "_derived/new.parquet",
            "_snapshots/x.parquet",
            ".usr.commit.9.json",
        ],
    )
    def test_a_datasets_own_files_are_no_target(self, scored: Usr, name: str):
        """Not with --overwrite either, and not where a new file would be taken for an overlay."""
        (scored.path(DS) / "_snapshots").mkdir()
        with assert_unchanged(scored.root):
            scored.refuses(2, "export", DS, "--fmt", "parquet", "--out", scored.path(DS) / name, "--overwrite")

    def test_a_folder_that_is_missing(self, scored: Usr, tmp_path: Path):
        """Exit 3."""
        with assert_unchanged(tmp_path):
            scored.refuses(3, "export", DS, "--fmt", "csv", "--out", tmp_path / "absent" / "o.csv")

    def test_a_folder_that_may_not_be_written(self, scored: Usr, tmp_path: Path):
        """Exit 1, and it is the folder's fault, not the exporter's."""
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o555)
        result = scored.refuses(1, "export", DS, "--fmt", "csv", "--out", folder / "o.csv", unprivileged=True)

        assert "USR-FS-" in result.err
        assert [] == list(folder.iterdir())


class TestRefusals:
    def test_an_unknown_format_names_the_known_ones(self, scored: Usr, tmp_path: Path):
        """And writes nothing."""
        with assert_unchanged(tmp_path):
            err = scored.refuses(4, "export", DS, "--fmt", "xlsx", "--out", tmp_path / "o.xlsx").err

        assert "csv, embl, fasta, fastq, genbank, jsonl, parquet" in err

    def test_an_unknown_column(self, scored: Usr, tmp_path: Path):
        """Writes nothing."""
        with assert_unchanged(tmp_path):
            scored.refuses(1, "export", DS, "--fmt", "csv", "--out", tmp_path / "o.csv", "--columns", "id,nope")

    def test_a_target_is_needed(self, scored: Usr):
        """Exit 2."""
        assert "--out" in scored.refuses(2, "export", DS, "--fmt", "csv").err

    @pytest.mark.parametrize(("out", "hint"), [("-", "--help-options"), ("o", "--help-options"), ("o.fa.gz", "fasta")])
    def test_a_format_is_needed(self, scored: Usr, tmp_path: Path, out: str, hint: str):
        """Exit 2; the hint names the one that the ending suggests."""
        target = out if out == "-" else tmp_path / out

        assert hint in scored.refuses(2, "export", DS, "--out", target).err
        assert [] == list(tmp_path.glob("o*"))

    @pytest.mark.parametrize("name", ["o.csv", "o.CSV.gz", "o.jsonl", "o.fasta", "o.fa.zst"])
    def test_in_python_the_ending_tells_it(self, scored: Usr, tmp_path: Path, name: str):
        """Below that of a compression, in any case."""
        Dataset.open(scored.root, DS).export(tmp_path / name)

        assert (tmp_path / name).stat().st_size

    def test_an_unknown_dataset(self, scored: Usr, tmp_path: Path):
        """Exit 3."""
        scored.refuses(3, "export", "ns/none", "--fmt", "csv", "--out", tmp_path / "o.csv")


class TestStandardOutput:
    @pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
    def test_holds_the_records_and_nothing_else(self, scored: Usr, tmp_path: Path, fmt: str):
        """``--out -`` makes no file; what was done is said on stderr."""
        scored.ok("export", DS, "--fmt", fmt, "--out", tmp_path / "o")
        folder = tmp_path / "here"
        folder.mkdir()
        argv = [*usr_argv(), "--root", str(scored.root), "export", DS, "--fmt", fmt, "--out", "-"]
        done = subprocess.run(argv, cwd=folder, env=clean_env(), capture_output=True, timeout=60, check=True)

        if fmt == "parquet":  # a file may hold columns as bytes of the dataset's files, a stream can't
            assert pq.read_table(tmp_path / "o").equals(pq.read_table(pa.BufferReader(done.stdout)))
        else:
            assert (tmp_path / "o").read_bytes() == done.stdout
        assert b"exported 6 records to standard output" in done.stderr
        assert [] == list(folder.iterdir())

    def test_that_is_closed_ends_quietly(self, scored: Usr):
        """As for every other command, with 141 and no word."""
        argv = [*usr_argv(), "--root", str(scored.root), "export", DS, "--fmt", "csv", "--out", "-"]
        with Child(
            argv, env=clean_env(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.close()
            assert process.stderr is not None
            err = process.stderr.read()

            assert (141, b"") == (process.wait(timeout=60), err)

    def test_that_is_full_is_one_error(self, scored: Usr):
        """Not the exporter's."""
        argv = [*usr_argv(), "--root", str(scored.root), "export", DS, "--fmt", "jsonl", "--out", "-"]
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                argv, env=clean_env(), stdout=full, stderr=subprocess.PIPE, timeout=60, text=True, check=False
            )

        assert (1, True) == (done.returncode, "USR-CLI-006" in done.stderr), done.stderr

    def test_a_file_of_that_name_is_written_with_a_folder(self, scored: Usr, tmp_path: Path):
        """``./-`` is a file."""
        scored.ok("export", DS, "--fmt", "csv", "--out", "./-", cwd=tmp_path)

        assert 6 == len(read_csv(tmp_path / "-"))

    def test_one_record_is_one_record(self, scored: Usr, tmp_path: Path):
        """Numbers and nouns agree."""
        write_tombstones(scored.path(DS), ids_of(scored.path(DS))[1:])

        assert "exported 1 record to " in scored.ok("export", DS, "--fmt", "csv", "--out", tmp_path / "o.csv").out
