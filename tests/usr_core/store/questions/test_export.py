"""Exporting: what an exporter says is compared with what it did; what a target may be; streams and compression."""

from __future__ import annotations

import gzip
import io
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.cli import Usr, clean_env, usr_argv
from support.hosts import HostMaker, make_host
from support.odd_exporters import ODD_EXPORTERS, exporter_plugin
from support.strace import inject, trace
from support.tree import assert_unchanged, tree_digest
from usr_core.dataset import Dataset
from usr_core.plugin.errors import PluginCallError
from usr_core.registry.store import register_namespace
from usr_core.store.errors import TargetExists, TargetFolderMissing, TargetInDataset, TargetNotAFile, TargetUnsuitable

__all__ = ["make_host"]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Six records in a root of its own."""
    root = tmp_path / "root"
    root.mkdir()
    register_namespace(root, "mock", [("mock__score", "float64")])
    made = Dataset.open(root, "ns/base")
    made.init()
    made.add_sequences([{"sequence": letters * 9} for letters in ("A", "C", "G", "T", "AC", "GT")])
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder outside the root."""
    place = tmp_path / "out"
    place.mkdir()
    return place


def lines(content: bytes) -> int:
    return content.count(b"\n")


class TestExportersAnswer:
    @pytest.mark.parametrize("kind", sorted(ODD_EXPORTERS))
    def test_that_can_not_be_is_the_plugins_error(
        self, kind: str, make_host: HostMaker, dataset: Dataset, folder: Path
    ) -> None:
        """The good file of an earlier export stays as it was, and nothing lies beside it."""
        body, said = ODD_EXPORTERS[kind]
        host = make_host(exporter_plugin(body))
        (folder / "good.odd").write_text("good")
        opened = Dataset.open(dataset.ref.root, "ns/base", host=host)

        with assert_unchanged(folder), pytest.raises(PluginCallError, match=r"usr-plugin-odd 1\.0") as caught:
            opened.export(folder / "good.odd", fmt="odd", overwrite=True)

        assert said in str(caught.value.facts["cause"])
        assert 4 == caught.value.exit_code

    def test_of_a_lying_stream_is_its_error_too(self, make_host: HostMaker, dataset: Dataset, folder: Path) -> None:
        """An exporter that says that it streams, and writes the file itself, leaves nothing."""
        body = "rows = sum(b.num_rows for b in batches); return ExportResult(rows=rows, size_bytes=rows)"
        host = make_host(exporter_plugin(body, flags="streams=True"))
        opened = Dataset.open(dataset.ref.root, "ns/base", host=host)

        with assert_unchanged(folder), pytest.raises(PluginCallError):
            opened.export(folder / "a.odd.gz", fmt="odd")
        with pytest.raises(PluginCallError):
            opened.export(io.BytesIO(), fmt="odd")

    def test_is_a_file_that_closes_itself(self, make_host: HostMaker, dataset: Dataset, folder: Path) -> None:
        """Text wrappers and ``with`` close the stream; what the core compresses is whole all the same."""
        body = (
            "import io\n        with io.TextIOWrapper(request.open(), encoding='utf-8') as file:\n"
            "            rows = sum(len([file.write('x\\n') for _ in range(b.num_rows)]) for b in batches)\n"
            "        return ExportResult(rows=rows, size_bytes=2 * rows)"
        )
        host = make_host(exporter_plugin(body, flags="streams=True"))
        Dataset.open(dataset.ref.root, "ns/base", host=host).export(folder / "a.odd.gz", fmt="odd")

        assert b"x\n" * 6 == gzip.decompress((folder / "a.odd.gz").read_bytes())


class TestCompression:
    @pytest.mark.parametrize("fmt", ["csv", "jsonl"])
    @pytest.mark.parametrize("ending", [".gz", ".zst", ".GZ"])
    def test_goes_by_the_ending(self, dataset: Dataset, folder: Path, fmt: str, ending: str) -> None:
        """And the file reads back as the plain one, its size as it lies there."""
        plain = dataset.export(folder / f"a.{fmt}", fmt=fmt)
        packed = dataset.export(folder / f"a.{fmt}{ending}", fmt=fmt)
        kind = {".gz": "gzip", ".zst": "zstd"}[ending.lower()]
        with pa.CompressedInputStream(pa.OSFile(str(packed.path)), kind) as file:
            content = file.read()

        assert (folder / f"a.{fmt}").read_bytes() == content
        assert (plain.rows, (folder / f"a.{fmt}{ending}").stat().st_size) == (packed.rows, packed.size_bytes)

    @pytest.mark.parametrize(
        ("name", "fmt", "said"),
        [
            ("a.parquet.gz", "parquet", "a.parquet"),
            ("a.parquet.zst", "parquet", "compressed inside"),
            ("a.parquet.xz", "parquet", "compressed inside"),
            ("a.csv.bz2", "csv", ".gz or .zst"),
            ("a.jsonl.xz", "jsonl", ".gz or .zst"),
            ("a.csv.bgz", "csv", ".gz or .zst"),
            ("a.csv.zip", "csv", ".gz or .zst"),
        ],
    )
    def test_that_a_format_does_not_have_is_refused(
        self, dataset: Dataset, folder: Path, name: str, fmt: str, said: str
    ) -> None:
        """No file whose name says what its content is not."""
        with assert_unchanged(folder), pytest.raises(TargetUnsuitable) as caught:
            dataset.export(folder / name, fmt=fmt)

        assert said in caught.value.hint

    def test_of_an_exporter_that_can_not_stream_is_refused(
        self, make_host: HostMaker, dataset: Dataset, folder: Path
    ) -> None:
        """With the name that the plain file would have."""
        host = make_host(exporter_plugin("pass"))

        with assert_unchanged(folder), pytest.raises(TargetUnsuitable, match="odd") as caught:
            Dataset.open(dataset.ref.root, "ns/base", host=host).export(folder / "a.odd.gz", fmt="odd")
        assert "a.odd," in caught.value.hint


class TestStream:
    @pytest.mark.parametrize("fmt", ["csv", "jsonl", "parquet"])
    def test_holds_what_the_file_holds(self, dataset: Dataset, folder: Path, fmt: str) -> None:
        """Byte for byte, where nothing is copied; the stream stays open."""
        dataset.export(folder / "a", fmt=fmt, limit=6)
        stream = io.BytesIO()
        outcome = dataset.export(stream, fmt=fmt)

        assert (folder / "a").read_bytes() == stream.getvalue()
        assert (None, 6, len(stream.getvalue())) == (outcome.path, outcome.rows, outcome.size_bytes)

    def test_that_breaks_is_its_own_error(self, dataset: Dataset) -> None:
        """Not the exporter's, and not a disk's."""

        class Broken(io.BytesIO):
            def write(self, _: object) -> int:
                raise BrokenPipeError(32, "Broken pipe")

        with pytest.raises(BrokenPipeError):
            dataset.export(Broken(), fmt="csv")

    def test_to_a_terminal_is_for_text(self, dataset: Dataset) -> None:
        """Parquet would only make a mess of it."""

        class Terminal(io.BytesIO):
            def isatty(self) -> bool:
                return True

        shown = Terminal()
        with pytest.raises(TargetUnsuitable, match="terminal"):
            dataset.export(shown, fmt="parquet")
        dataset.export(shown, fmt="csv")

        assert 7 == lines(shown.getvalue())


class TestTarget:
    @pytest.mark.parametrize("name", ["registry.yaml", ".usr.lock", ".usr.lease"])
    def test_of_a_root_is_not_replaced(self, dataset: Dataset, name: str) -> None:
        """Its registry and its lock, whatever is asked for."""
        with assert_unchanged(dataset.ref.root), pytest.raises(TargetInDataset):
            dataset.export(dataset.ref.root / name, fmt="csv", overwrite=True)

    def test_registry_is_no_name_for_a_new_file(self, dataset: Dataset, folder: Path) -> None:
        """It would make the folder a root."""
        with assert_unchanged(folder), pytest.raises(TargetInDataset):
            dataset.export(folder / "registry.yaml", fmt="csv")

    @pytest.fixture(params=["fifo", "socket", "link", "dangling link", "link to a device", "folder in a folder"])
    def special(self, request: pytest.FixtureRequest, folder: Path) -> Iterator[tuple[Path, str]]:
        """Something that is not a regular file, and a word of the hint."""
        place, kind = folder / "x", str(request.param)
        hint = "--out -"
        if kind == "fifo":
            os.mkfifo(place)
        elif kind == "socket":
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(os.path.relpath(place))
        elif kind == "link to a device":
            place.symlink_to("/dev/null")
        elif kind == "folder in a folder":
            place = folder
            (folder / "ns__base.csv").mkdir()
            hint = "another name"
        else:
            if kind == "link":
                (folder / "target").write_text("mine")
            place.symlink_to(folder / "target")
            hint = str(folder / "target")
        yield place, hint

    @pytest.mark.parametrize("overwrite", [False, True])
    def test_that_is_no_regular_file_is_refused(
        self, dataset: Dataset, special: tuple[Path, str], overwrite: bool
    ) -> None:
        """With what to give instead, and without opening it."""
        place, hint = special
        before = sorted((p.name, p.lstat().st_mode, p.lstat().st_ino) for p in place.parent.rglob("*"))

        with pytest.raises(TargetNotAFile) as caught:
            dataset.export(place, fmt="csv", overwrite=overwrite)

        assert hint in caught.value.hint
        assert before == sorted((p.name, p.lstat().st_mode, p.lstat().st_ino) for p in place.parent.rglob("*"))

    def test_that_is_empty_is_not_the_current_folder(
        self, dataset: Dataset, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An empty name (a variable that is not set, in a script) is refused, and nothing is written."""
        monkeypatch.chdir(folder)

        with assert_unchanged(folder), pytest.raises(TargetUnsuitable, match="is empty"):
            dataset.export("", fmt="csv")

    @pytest.mark.parametrize("name", ["newd/", "a.csv/"])
    def test_that_ends_with_a_slash_is_a_folder(self, dataset: Dataset, folder: Path, name: str) -> None:
        """A name with a slash at its end is never made a file: the folder has to be there."""
        (folder / "a.csv").write_text("old")

        with assert_unchanged(folder), pytest.raises(TargetFolderMissing, match="There is no folder"):
            dataset.export(f"{folder}/{name}", fmt="csv", overwrite=True)

    def test_that_is_a_file_needs_overwrite(self, dataset: Dataset, folder: Path) -> None:
        """A hard link elsewhere keeps the old content."""
        (folder / "a.csv").write_text("old")
        os.link(folder / "a.csv", folder / "kept")
        with pytest.raises(TargetExists):
            dataset.export(folder / "a.csv", fmt="csv")
        dataset.export(folder / "a.csv", fmt="csv", overwrite=True)

        assert ("old", 7) == ((folder / "kept").read_text(), lines((folder / "a.csv").read_bytes()))

    def test_of_a_parquet_file_is_checked_as_well(self, dataset: Dataset, folder: Path) -> None:
        """A file that is exported as it is goes the same way."""
        from usr_core.dataset.parquet_table import ParquetTable

        pq.write_table(pa.table({"x": [1, 2]}), folder / "source.parquet")
        (folder / "link").symlink_to(folder / "elsewhere")
        table = ParquetTable(folder / "source.parquet")
        with pytest.raises(TargetNotAFile):
            table.export(folder / "link", fmt="csv", overwrite=True)
        stream = io.BytesIO()
        table.export(stream, fmt="csv")

        assert b"x\n1\n2\n" == stream.getvalue()


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_an_export_whose_name_may_not_last_is_no_export(seeded: Usr, tmp_path: Path, options: tuple[str, ...]) -> None:
    """Where the folder can't be fsynced, the error is true: the old file is there, or none."""
    target = tmp_path / "out" / "out.csv"
    target.parent.mkdir()
    argv = [*usr_argv(), "--root", str(seeded.root)]
    argv += ["export", "ns/base", "--fmt", "csv", "--out", str(target), *options]
    calls = trace(argv, tmp_path / "log", names=("fsync",), env=clean_env())
    last = [call for call in calls if str(target.parent) in call.line][-1]
    target.unlink()
    if options:
        target.write_text("old")
    before = tree_digest(target.parent)
    done = inject(argv, last, "error=EIO", env=clean_env())

    assert (1, 1) == (done.returncode, done.stderr.count("error[USR-FS-001]")), done.stderr
    assert before == tree_digest(target.parent)
