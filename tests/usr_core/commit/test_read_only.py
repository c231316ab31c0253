"""Places that may not be written, tried by a child without privilege."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.crash import World, outcome, run_child
from support.tree import tree_digest

NOBODY = 65534


@pytest.fixture
def shared(world: World) -> Iterator[Path]:
    """A copy of the dataset where another user can reach it, and write its folders."""
    place = Path(tempfile.mkdtemp())
    folder = world.copy(place / "dataset")
    for path in (place, folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    yield folder
    for path in (place, folder, *folder.rglob("*")):
        path.chmod(0o777)
    shutil.rmtree(place)


def _try_as_somebody_else(folder: Path) -> dict[str, object]:
    # Without root there is nobody else to be; modes bind the owner then.
    return outcome(run_child(folder, *(("--uid", str(NOBODY)) if os.geteuid() == 0 else ())))


class TestReadOnly:
    def test_nothing_hinders_where_all_may_write(self, shared: Path) -> None:
        """The child can change the dataset as long as modes let it: the refusals below have no other cause."""
        assert {"done": 2} == _try_as_somebody_else(shared)

    def test_log_is_found_before_anything_is_visible(self, shared: Path) -> None:
        """A log that may not be written refuses the change with a permission error, every byte as before."""
        (shared / ".events.log").chmod(0o444)
        before = tree_digest(shared)
        told = _try_as_somebody_else(shared)

        assert ("PermissionRefused", str(shared / ".events.log")) == (told["type"], told["facts"]["file"])  # type: ignore[index]
        assert before == tree_digest(shared)

    @pytest.mark.parametrize("name", [".", "_derived", "_derived/old"])
    def test_folder_is_refused_or_undone(self, shared: Path, name: str) -> None:
        """A folder that may not be written leaves every byte as before, wherever in the dataset it is."""
        (shared / name).chmod(0o555)
        before = tree_digest(shared)
        told = _try_as_somebody_else(shared)

        assert "PermissionRefused" == told["type"]
        assert before == tree_digest(shared)

    def test_lock_file_is_told_by_name(self, shared: Path) -> None:
        """A lock file of somebody else that may not be opened is named."""
        (shared / ".usr.lock").chmod(0o444)
        told = _try_as_somebody_else(shared)

        assert "PermissionRefused" == told["type"]
        assert str(shared / ".usr.lock") == told["facts"]["file"]  # type: ignore[index]
