"""The transport `folder`: `PosixFarSide` over the files of a folder of this machine."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from usr_core.api.files import uninterrupted
from usr_core.api.transports import CommitRequest, PosixFarSide
from usr_folder.files import FolderFiles

__all__ = ["FolderTransport"]


class FolderTransport(PosixFarSide):
    """Reaches one folder; nothing is looked at before the first call.

    Args:
        settings: ``base_dir``, and ``name`` and ``repo_root`` where they are set.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        super().__init__(FolderFiles(settings))

    def commit(self, request: CommitRequest) -> None:
        """Do, finish or take back a change; the first SIGINT waits until it is done."""
        with uninterrupted(once=True):
            super().commit(request)

    def command_there(self, *words: str) -> str:
        """Return a line for a shell that runs a command on the folder: as it is."""
        return shlex.join(words)
