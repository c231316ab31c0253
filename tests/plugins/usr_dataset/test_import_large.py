"""A million rows: the last one is checked like the first, and named."""

from __future__ import annotations

import random
from pathlib import Path

from support.cli import Usr
from support.tree import assert_unchanged


def test_a_bad_letter_in_row_one_million_is_named(registered: Usr, tmp_path: Path) -> None:
    """The error tells the row, and a refusal after a million good rows leaves every byte as it was."""
    registered.ok("init", "ns/big")
    rng = random.Random(3)
    path = tmp_path / "big.csv"
    with path.open("w", encoding="utf-8") as handle:
        handle.write("sequence,note\r\n")
        for number in range(999_999):
            # A quoted line break shifts lines against rows.
            note = '"two\nlines"' if number % 1000 == 0 else "x"
            unique = f"{number:b}".translate({ord("0"): "A", ord("1"): "C"})
            handle.write(f"{''.join(rng.choices('ACGT', k=20))}{unique},{note}\r\n")
        handle.write("ACGTJACGT,x\r\n")

    with assert_unchanged(registered.path("ns/big")):
        done = registered.run("import", "ns/big", "--from", "csv", "--path", path, timeout=300.0)

    assert 1 == done.rc
    for fact in ("row: 1000000", "column: sequence", "ACGTJACGT", "'J'", "big.csv"):
        assert fact in done.err.replace("1,000,000", "1000000"), done.err
