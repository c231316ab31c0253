"""File names that some program on the way takes for something else."""

from __future__ import annotations

__all__ = ["ODD_NAMES"]

ODD_NAMES = (
    "plain.txt",
    "with space",
    " leads and trails ",
    "it's",
    'say "so"',
    "$(touch gone)",
    "`touch gone`",
    "; touch gone",
    "#a comment",
    "-rf",
    "--delete",
    "*",
    "?",
    "[ab]",
    "{a,b}",
    "~",
    "~root",
    "back\\slash",
    "%41",
    "host:path",
    "Äpfel-日本-😀",
    "..two dots",
    "-d/-f",
    "d e/é è/it's *",
)
