"""Modules of the core import each other in one direction only."""

from __future__ import annotations

from pathlib import Path

from support.imports import circles, module_name

CHECKOUT = Path(__file__).resolve().parents[2]


def test_no_modules_import_each_other() -> None:
    """Neither when they are imported, nor later in a function, nor for type checkers only."""
    sources = {module_name(path, CHECKOUT): path.read_text("utf-8") for path in CHECKOUT.glob("usr_core/**/*.py")}

    assert len(sources) > 200
    assert [] == circles(sources)


def test_circles_are_found_wherever_the_import_stands() -> None:
    """A function's import and one for type checkers close a circle, a package's name stands for its module."""
    sources = {
        "a": "from b import c",
        "b": "",
        "b.c": "def later():\n    import d",
        "d": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from a import name",
        "e": "import a",
    }

    assert [["a", "b.c", "d"]] == circles(sources)
