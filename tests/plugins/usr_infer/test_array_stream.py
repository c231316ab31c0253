"""Arrays that are read once, row after row."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from usr_infer.array_stream import ArrayStream
from usr_infer.errors import InferFileUnreadable


@pytest.mark.parametrize(("shape", "by_column"), [((3, 1 << 40), False), ((2, 1 << 40), True), ((1 << 42,), False)])
def test_a_header_that_claims_much_is_a_cut_off_file(shape: tuple[int, ...], by_column: bool) -> None:
    """Terabytes that the header claims take no memory before they are there."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": by_column, "shape": shape})
    file.write(b"\0" * 64)
    file.seek(0)
    stream = ArrayStream(file, path=Path("claims.npy"), name="llr")

    with pytest.raises(InferFileUnreadable, match="cut off"):
        stream.read(stream.rows)
