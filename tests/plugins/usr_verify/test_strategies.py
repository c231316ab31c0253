"""The built-in verify strategies keep the contract, and say what differs."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.fs.errors import FileSystemError
from usr_core.plugin import FileRef, Fingerprint
from usr_core.testing.verify_contract import VerifyContract
from usr_verify.errors import CopyMissing, NoParquetFile
from usr_verify.strategies import HashStrategy, ParquetStrategy, SizeStrategy


def parquet_bytes(**columns: list[object]) -> bytes:
    """Return a Parquet file's bytes, without statistics or dictionary, so that values leave no trace in the footer."""
    written = io.BytesIO()
    pq.write_table(pa.table(columns), written, write_statistics=False, use_dictionary=False, compression="none")
    return written.getvalue()


def ref(path: Path) -> FileRef:
    """Return a reference to a file, whose size nobody has looked at."""
    return FileRef(path=path, size_bytes=0)


class TestHash(VerifyContract):
    @pytest.fixture
    def strategy(self) -> HashStrategy:
        return HashStrategy()

    def test_the_fact_is_the_sha256(self, tmp_path: Path):
        """Of every byte, as `sha256sum` prints it."""
        (tmp_path / "file").write_bytes(b"abc" * 100_000)

        found = HashStrategy().fingerprint(ref(tmp_path / "file"))

        assert Fingerprint(strategy="hash", facts={"sha256": hashlib.sha256(b"abc" * 100_000).hexdigest()}) == found

    def test_the_reason_shows_both_digests(self):
        """Shortened, but enough to tell them apart."""
        one, other = (Fingerprint(strategy="hash", facts={"sha256": letter * 64}) for letter in "ab")

        assert f"SHA-256 {'a' * 16}… here, {'b' * 16}… there" == HashStrategy().compare(one, other).reason

    def test_a_folder_is_a_typed_error(self, tmp_path: Path):
        """What can't be read is not a file that has gone."""
        with pytest.raises(FileSystemError):
            HashStrategy().fingerprint(ref(tmp_path))


class TestParquet(VerifyContract):
    sees_flipped_bytes = False

    @pytest.fixture
    def strategy(self) -> ParquetStrategy:
        return ParquetStrategy()

    @pytest.fixture
    def content(self) -> bytes:
        return parquet_bytes(id=["x" * 1000] * 100)

    @pytest.fixture
    def other_content(self) -> bytes:
        return parquet_bytes(id=["x" * 1000] * 101)

    def test_a_schema_that_differs_is_named(self, tmp_path: Path):
        """Rows and columns agree, a type does not."""
        seen = []
        for name, column in (("ints", [1, 2]), ("floats", [1.0, 2.0])):
            (tmp_path / name).write_bytes(parquet_bytes(score=column))
            seen.append(ParquetStrategy().fingerprint(ref(tmp_path / name)))
        verdict = ParquetStrategy().compare(*seen)

        assert not verdict.equal
        assert verdict.reason.startswith("schema ")
        assert "rows" not in verdict.reason

    def test_every_fact_that_differs_is_named(self):
        """Rows and columns, with the numbers of both sides."""
        here = Fingerprint(strategy="parquet", facts={"rows": 1, "columns": 2, "schema": "s"})
        there = Fingerprint(strategy="parquet", facts={"rows": 3, "columns": 4, "schema": "s"})

        assert "rows 1 here, 3 there; columns 2 here, 4 there" == ParquetStrategy().compare(here, there).reason

    def test_what_the_far_side_could_not_read_is_said(self):
        """Its own words are in the reason, and it is a difference."""
        here = Fingerprint(strategy="parquet", facts={"rows": 1, "columns": 1, "schema": "s"})
        verdict = ParquetStrategy().compare(here, Fingerprint(strategy="parquet", facts={"error": "not Parquet"}))

        assert not verdict.equal
        assert "rows not known on the other side (not Parquet)" in verdict.reason

    @pytest.mark.parametrize("content", [b"", b"PAR1", b"no Parquet at all", b"PAR1" + b"x" * 100 + b"PAR1"])
    def test_what_is_no_parquet_file_is_a_typed_error(self, tmp_path: Path, content: bytes):
        """Empty, cut off, or something else."""
        (tmp_path / "file").write_bytes(content)

        with pytest.raises(NoParquetFile):
            ParquetStrategy().fingerprint(ref(tmp_path / "file"))


class TestSize(VerifyContract):
    sees_flipped_bytes = False

    @pytest.fixture
    def strategy(self) -> SizeStrategy:
        return SizeStrategy()

    def test_the_size_is_that_of_the_file_now(self, tmp_path: Path):
        """Not the one that was once seen."""
        (tmp_path / "file").write_bytes(b"12345")

        assert {"size_bytes": 5} == dict(SizeStrategy().fingerprint(ref(tmp_path / "file")).facts)


@pytest.mark.parametrize("strategy", [HashStrategy(), ParquetStrategy(), SizeStrategy()])
def test_a_missing_file_is_a_file_not_found(strategy: HashStrategy | ParquetStrategy | SizeStrategy, tmp_path: Path):
    """Who catches the builtin gets it."""
    with pytest.raises(CopyMissing) as caught:
        strategy.fingerprint(ref(tmp_path / "absent"))

    assert isinstance(caught.value, FileNotFoundError)
    assert str(caught.value) == "absent is to be compared, but does not exist."
