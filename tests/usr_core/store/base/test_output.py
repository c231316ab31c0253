"""Parquet that is written where writing fails."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from usr_core.store.base.file import KeptErrors, ParquetOutput, write_options

TABLE = pa.table({"id": [f"{number:040}" for number in range(60_000)], "x": pa.array(range(60_000), pa.float64())})

_SMALL = TABLE.slice(0, 50)


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


class TestKeptErrors:
    def test_raises_at_the_end_of_the_calls(self) -> None:
        """The sink itself never does, as that would end the process; what comes behind the error is dropped."""

        def full(_: int, __: memoryview) -> None:
            raise OSError(errno.ENOSPC, "No space left")

        sink = KeptErrors(full)

        with pytest.raises(OSError, match="No space left"), sink.calls():
            assert 3 == sink.write(b"abc")
            assert 2 == sink.write(b"de")

    def test_drops_what_is_written_outside_of_the_calls(self) -> None:
        """As a writer does that is collected."""
        kept: list[bytes] = []
        sink = KeptErrors(lambda _, content: kept.append(bytes(content)))
        with sink.calls():
            sink.write(b"abc")

        assert 2 == sink.write(b"de")

        assert [b"abc"] == kept

    def test_a_signal_at_any_instruction_waits_for_the_native_call(self, tmp_path: Path) -> None:
        """Raised there, it would end the process; the file is whole up to that call, and the interrupt comes then."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            outcomes = [_interrupted_at(instruction, tmp_path / f"{instruction}") for instruction in range(200)]
        finally:
            signal.signal(signal.SIGINT, before)

        assert outcomes.count("interrupted") >= 20
        assert outcomes == sorted(outcomes)  # each one is, up to the last instruction


def _interrupted_at(instruction: int, path: Path) -> str:
    """Send SIGINT at an instruction of our sink, counted from 0, while a row group is written."""
    left = instruction

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal left
        if Path(frame.f_code.co_filename).name != "file.py" or frame.f_code.co_name not in ("_keep", "_append"):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == -1:
                os.kill(os.getpid(), signal.SIGINT)
        return trace

    arguments = write_options(_SMALL.schema, bloom="id").writer_arguments()
    traced = sys.gettrace()
    with ParquetOutput(path, _SMALL.schema, **arguments) as output:
        sys.settrace(trace)
        try:
            output.write_table(_SMALL)
        except KeyboardInterrupt:
            return "interrupted"
        finally:
            sys.settrace(traced)
    return "written"
