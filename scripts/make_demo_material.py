"""Write the files of ``datasets/demo_material``, from published facts and what follows from them.

Run ``python scripts/make_demo_material.py``; a test checks that the tracked files are what this program writes.
``datasets/demo_material/README.md`` says what each column means.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "datasets" / "demo_material"

MINUS_35 = slice(0, 6)
SPACER = slice(6, 23)
MINUS_10 = slice(23, 29)
CONSENSUS_35 = "ttgaca"
CONSENSUS_10 = "tataat"

# Keeps the logarithm finite for a promoter whose published strength is zero.
INTENSITY_OFFSET = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoter:
    """One part of the Anderson collection, as published."""

    part: str
    sequence: str
    strength: float | None
    """Fluorescence relative to J23100; J23119 has none."""


# iGEM Registry of Standard Biological Parts, BBa_J23100 to BBa_J23119.
PROMOTERS = tuple(
    Promoter(part=part, sequence=sequence, strength=strength)
    for part, sequence, strength in (
        ("J23100", "ttgacggctagctcagtcctaggtacagtgctagc", 1.0),
        ("J23101", "tttacagctagctcagtcctaggtattatgctagc", 0.7),
        ("J23102", "ttgacagctagctcagtcctaggtactgtgctagc", 0.86),
        ("J23103", "ctgatagctagctcagtcctagggattatgctagc", 0.01),
        ("J23104", "ttgacagctagctcagtcctaggtattgtgctagc", 0.72),
        ("J23105", "tttacggctagctcagtcctaggtactatgctagc", 0.24),
        ("J23106", "tttacggctagctcagtcctaggtatagtgctagc", 0.47),
        ("J23107", "tttacggctagctcagccctaggtattatgctagc", 0.36),
        ("J23108", "ctgacagctagctcagtcctaggtataatgctagc", 0.51),
        ("J23109", "tttacagctagctcagtcctagggactgtgctagc", 0.04),
        ("J23110", "tttacggctagctcagtcctaggtacaatgctagc", 0.33),
        ("J23111", "ttgacggctagctcagtcctaggtatagtgctagc", 0.58),
        ("J23112", "ctgatagctagctcagtcctagggattatgctagc", 0.0),
        ("J23113", "ctgatggctagctcagtcctagggattatgctagc", 0.01),
        ("J23114", "tttatggctagctcagtcctaggtacaatgctagc", 0.1),
        ("J23115", "tttatagctagctcagcccttggtacaatgctagc", 0.15),
        ("J23116", "ttgacagctagctcagtcctagggactatgctagc", 0.16),
        ("J23117", "ttgacagctagctcagtcctagggattgtgctagc", 0.06),
        ("J23118", "ttgacggctagctcagtcctaggtattgtgctagc", 0.56),
        ("J23119", "ttgacagctagctcagtcctaggtataatgctagc", None),
    )
)


def demo_files() -> dict[str, str]:
    """Return the text of each file by its name."""
    by_sequence: dict[str, Promoter] = {}
    for promoter in PROMOTERS:
        by_sequence.setdefault(promoter.sequence, promoter)
    first = list(by_sequence.values())
    repeated = [promoter for promoter in PROMOTERS if promoter not in first]
    distinct = list(by_sequence)
    return {
        "anderson.fasta": "".join(
            f">{p.part} BBa_{p.part}, constitutive promoter of E. coli\n{p.sequence}\n" for p in first
        ),
        "relative_strength.csv": _csv(
            ("part", "strength"), ((p.part, p.strength) for p in first if p.strength is not None)
        ),
        "demo_sequences.csv": _csv(("part", "sequence"), ((p.part, p.sequence) for p in first)),
        "demo_sequence_repeated.csv": _csv(("part", "sequence"), ((p.part, p.sequence) for p in repeated)),
        "demo_attachment_one.csv": _csv(
            ("sequence", "X_value"), ((sequence, _json(features(sequence))) for sequence in distinct)
        ),
        "demo_attachment_two.csv": _csv(
            ("sequence", "X_value", "tag"),
            (
                (sequence, _json([match(sequence[box], consensus), gc_fraction(sequence[box])]), tag)
                for sequence in distinct
                for tag, box, consensus in (("minus_35", MINUS_35, CONSENSUS_35), ("minus_10", MINUS_10, CONSENSUS_10))
            ),
        ),
        "demo_y_sfxi.csv": _csv(
            ("sequence", "intensity_log2_offset_delta", "y_sfxi"),
            (
                (sequence, intensity(strength), _json([strength] * 4 + [intensity(strength)] * 4))
                for sequence, strength in unambiguous_strengths().items()
            ),
        ),
    }


def features(sequence: str) -> list[float]:
    """Return ``X_value``: match of the -35 box, match of the -10 box, GC of the promoter, GC of the spacer."""
    return [
        match(sequence[MINUS_35], CONSENSUS_35),
        match(sequence[MINUS_10], CONSENSUS_10),
        gc_fraction(sequence),
        gc_fraction(sequence[SPACER]),
    ]


def match(box: str, consensus: str) -> float:
    """Return the share of positions in which a hexamer agrees with its consensus."""
    return _rounded(sum(a == b for a, b in zip(box, consensus, strict=True)) / len(consensus))


def gc_fraction(sequence: str) -> float:
    """Return the share of G and C."""
    return _rounded(sum(letter in "gc" for letter in sequence) / len(sequence))


def intensity(strength: float) -> float:
    """Return the logarithm to base 2 of a relative strength, offset so that zero stays finite."""
    return _rounded(math.log2(strength + INTENSITY_OFFSET))


def unambiguous_strengths() -> dict[str, float]:
    """Return the published strength of each sequence that has exactly one.

    J23103 and J23112 are one sequence with two values, so neither is taken; J23119 has none.
    """
    published: dict[str, set[float]] = {}
    for promoter in PROMOTERS:
        if promoter.strength is not None:
            published.setdefault(promoter.sequence, set()).add(promoter.strength)
    return {sequence: next(iter(found)) for sequence, found in published.items() if len(found) == 1}


def _rounded(value: float) -> float:
    return round(value, 6)


def _json(values: Sequence[float]) -> str:
    return json.dumps(list(values))


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def main() -> None:
    """Write every file."""
    for name, text in demo_files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
