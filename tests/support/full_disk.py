"""A program that changes a dataset on file systems of many sizes, in a mount namespace of its own.

Run it under ``unshare`` (`argv`); it mounts a tmpfs for each case and prints one JSON line a case.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":  # as a file: the packages of the checkout are two folders up
    sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from support import crash_child
from support.crash import check_whole, leftovers, view
from support.tree import tree_digest
from usr_core.commit.transaction import Transaction
from usr_core.errors import UsrError
from usr_core.roots.layout import DatasetLayout

__all__ = ["argv"]


def argv(place: Path, cases: list[str]) -> list[str]:
    """Return the command that tries the tmpfs options `cases` (``size=64k``) at `place`."""
    unshare = shutil.which("unshare")
    assert unshare, "unshare is missing; install it (Debian: apt-get install util-linux)"
    alone = [unshare, "--mount"] if os.geteuid() == 0 else [unshare, "--mount", "--map-root-user"]
    return [*alone, sys.executable, "-s", __file__, str(place), *cases]


def main() -> None:
    place = Path(sys.argv[1])
    for case in sys.argv[2:]:
        subprocess.run(["mount", "-t", "tmpfs", "-o", case, "none", str(place)], check=True, timeout=120)
        try:
            told = _try_case(place / "dataset")
        finally:
            subprocess.run(["umount", str(place)], check=True, timeout=120)
        sys.stdout.write(json.dumps({"case": case, **told}) + "\n")


def _try_case(folder: Path) -> dict[str, str]:
    try:
        folder.mkdir()
    except OSError as error:
        return {"stopped": "folder", "error": errno.errorcode[error.errno or 0]}
    first = _attempt(folder, lambda: crash_child.first_change(folder))
    if first is not None:
        assert view(folder) == {}, "a failed first change left files"
        assert not leftovers(folder), leftovers(folder)
        return {"stopped": "first", **first}
    before, old = tree_digest(folder), view(folder)
    second = _attempt(folder, lambda: crash_child.composite_change(folder))
    if second is not None:
        assert tree_digest(folder) == before, "a failed change left something"
        check_whole(folder, old, events=1)
        return {"stopped": "second", **second}
    with Transaction(DatasetLayout(folder), command="check"):
        pass
    check_whole(folder, view(folder), events=2)
    return {"stopped": "nowhere"}


def _attempt(folder: Path, change) -> dict[str, str] | None:  # type: ignore[no-untyped-def]
    try:
        change()
    except UsrError as error:
        return {"error": type(error).__name__, "message": error.message}
    except (OSError, crash_child.OwnFailure) as error:  # the caller's own write into the staging folder
        assert "No space left" in f"{error}", error
        return {"error": "ENOSPC"}
    return None


if __name__ == "__main__":
    main()
