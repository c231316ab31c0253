"""The receipts of transfers, where they can't be written."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from usr_core.roots.layout import SYNC_LOG
from usr_core.sync.receipts import write_receipt


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let files of this process grow to `size` bytes only; Python ignores SIGXFSZ, so a write is short or fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestWriteReceipt:
    @pytest.mark.parametrize("room", [0, 1, 40])
    def test_a_line_that_does_not_fit_is_taken_back(self, tmp_path: Path, room: int) -> None:
        """The lines before it stay, and the next receipt is not glued to a piece of this one."""
        log = tmp_path / SYNC_LOG
        write_receipt(tmp_path, {"action": "pull"}, method="hash")
        before = log.read_bytes()

        with files_of_at_most(len(before) + room), pytest.raises(OSError):
            write_receipt(tmp_path, {"action": "push", "remote": "a" * 100}, method="hash")

        assert before == log.read_bytes()
        write_receipt(tmp_path, {"action": "diff"}, method="hash")
        assert ["pull", "diff"] == [json.loads(line)["action"] for line in log.read_text().splitlines()]

    @pytest.mark.parametrize("room", [0, 10])
    def test_a_first_receipt_that_fails_leaves_no_file(self, tmp_path: Path, room: int) -> None:
        """The folder is as it was."""
        with files_of_at_most(room), pytest.raises(OSError):
            write_receipt(tmp_path, {"action": "pull"}, method="hash")

        assert [] == list(tmp_path.iterdir())
