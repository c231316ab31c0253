"""The tests of what differs from main, one path a line: `make quick` runs them.

A module's tests are `test_MODULE.py` in the folder of the same name below tests/, else all of that folder; a plugin's
are its folder's. Changed tests stand for themselves. Nothing is printed where no test belongs to the change.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
TESTS = CHECKOUT / "tests"


def changed_files(base: str) -> set[Path]:
    """Return the files that were committed since `base`, changed or made, and are still there."""
    since = _git("merge-base", base, "HEAD").strip() or base
    names = _git("diff", "--name-only", since) + _git("ls-files", "--others", "--exclude-standard")
    return {path for path in map(Path, names.splitlines()) if (CHECKOUT / path).is_file()}


def tests_of(changed: Path) -> Iterator[Path]:
    """Yield what to run for one changed file, as paths in the checkout."""
    if changed.suffix != ".py":
        return
    if changed.parts[0] == "tests":
        if changed.name.startswith("test_"):
            yield changed
        return
    if changed.parts[0] not in {"usr_core", "plugins"}:
        return
    folder = Path("tests", *changed.parent.parts)
    own = folder / f"test_{changed.name}"
    while not (CHECKOUT / folder).is_dir():
        folder = folder.parent
    if (CHECKOUT / own).is_file():
        yield own
    elif folder not in {Path("tests"), Path("tests/usr_core"), Path("tests/plugins")}:
        yield folder


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=CHECKOUT, check=True, capture_output=True, encoding="utf-8").stdout


if __name__ == "__main__":
    chosen = {test for path in changed_files(sys.argv[1] if len(sys.argv) > 1 else "main") for test in tests_of(path)}
    print("\n".join(sorted(map(str, chosen))))
