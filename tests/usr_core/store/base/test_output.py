"""Parquet that is written where writing fails."""

from __future__ import annotations

import errno
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.store.base.file import write_options
from usr_core.store.base.output import KeptErrors, ParquetOutput

TABLE = pa.table({"id": [f"{number:040}" for number in range(60_000)], "x": pa.array(range(60_000), pa.float64())})


def written(path: Path) -> None:
    arguments = write_options(TABLE.schema, bloom="id").writer_arguments()
    assert arguments["use_content_defined_chunking"]
    with ParquetOutput(path, TABLE.schema, **arguments) as output:
        output.write_table(TABLE)


class TestParquetOutput:
    def test_holds_what_was_written(self, tmp_path: Path) -> None:
        """Rows, types and metadata are those of pyarrow's own writer."""
        written(tmp_path / "a.parquet")

        assert TABLE.equals(pq.read_table(tmp_path / "a.parquet"))

    def test_raises_on_a_full_disk(self) -> None:
        """Where pyarrow's own sink ends the process."""
        with pytest.raises(OSError, match="No space left") as caught:
            written(Path("/dev/full"))

        assert errno.ENOSPC == caught.value.errno

    def test_leaves_no_footer_behind_an_exception(self, tmp_path: Path) -> None:
        """What was left half-way is no Parquet file, so that nobody takes it for one."""
        with pytest.raises(RuntimeError), ParquetOutput(tmp_path / "a.parquet", TABLE.schema) as output:
            output.write_table(TABLE)
            raise RuntimeError

        with pytest.raises(pa.ArrowInvalid):
            pq.read_table(tmp_path / "a.parquet")


def test_an_interrupt_in_a_sink_is_kept_for_its_writer() -> None:
    """A signal's handler may run while the sink does; an exception there would end the process, too."""

    def interrupted(_: int, __: memoryview) -> None:
        raise KeyboardInterrupt

    sink = KeptErrors(interrupted)

    assert 3 == sink.write(b"abc")
    with pytest.raises(KeyboardInterrupt):
        sink.check()
