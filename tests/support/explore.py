"""The datasets that tests of `usr explore` look at."""

from __future__ import annotations

import random

__all__ = ["MOTIF", "ROWS", "WITH_MOTIF", "explored_sequences"]

ROWS = 300
MOTIF = "TTGACAN{4,6}TATAAT"
WITH_MOTIF = 40


def explored_sequences() -> list[str]:
    """Return the sequences of the first dataset: the first ones have the motif, every other one on the other strand."""
    rng = random.Random(3)
    found = []
    for row in range(ROWS):
        text = "".join(rng.choice("ACG") for _ in range(24 + row % 3))
        if row < WITH_MOTIF:
            site = "TTGACA" + "ACGAA"[: 4 + row % 2] + "TATAAT"
            if row % 2:
                site = site.translate(str.maketrans("ACGT", "TGCA"))[::-1]
            text = text[:10] + site + text[10:]
        found.append(text)
    return found
