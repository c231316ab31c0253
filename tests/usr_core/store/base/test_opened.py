"""Opening the base of a dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.view_datasets import sequence, write_base
from usr_core.commit.file_tree import FileTree
from usr_core.commit.read_snapshot import read_consistent
from usr_core.store.base.opened import open_base
from usr_core.store.errors import BaseMissing, BaseUnreadable


def opened(folder: Path) -> None:
    def once(tree: FileTree) -> None:
        open_base(tree).close()

    read_consistent(folder, once)


def test_a_name_that_is_no_utf_8_makes_the_base_unreadable(tmp_path: Path) -> None:
    """Whatever the footer's damage is, the error is ours."""
    write_base(tmp_path, [sequence(0)])
    base = tmp_path / "records.parquet"
    opened(tmp_path)
    base.write_bytes(base.read_bytes().replace(b"bio_type", b"bio_typ\xff"))

    with pytest.raises(BaseUnreadable):
        opened(tmp_path)


def test_no_base(tmp_path: Path) -> None:
    """A folder without a base is not damaged."""
    with pytest.raises(BaseMissing):
        opened(tmp_path)
