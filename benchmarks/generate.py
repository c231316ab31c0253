"""Deterministic sequence files for the benchmarks: the same bytes for the same arguments, everywhere.

usage: python benchmarks/generate.py OUT.csv ROWS [LENGTH [SEED]]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

__all__ = ["write_sequences"]

_STEP = 1 << 18


def write_sequences(path: Path, rows: int, *, length: int = 60, seed: int = 1) -> None:
    """Write a CSV file with the column ``sequence``: `rows` random DNA sequences, `length` letters each.

    Sixty random letters repeat among a million rows with a chance of 1e-24, so the rows are unique in practice.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    letters = np.frombuffer(b"ACGT", dtype=np.uint8)
    with path.open("wb") as file:
        file.write(b"sequence\n")
        for start in range(0, rows, _STEP):
            count = min(_STEP, rows - start)
            lines = np.full((count, length + 1), ord("\n"), dtype=np.uint8)
            lines[:, :length] = letters[generator.integers(0, 4, (count, length), dtype=np.uint8)]
            file.write(lines.tobytes())


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[2:]]
    write_sequences(
        Path(sys.argv[1]), numbers[0], length=numbers[1] if numbers[1:] else 60, seed=numbers[2] if numbers[2:] else 1
    )
