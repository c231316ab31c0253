"""Comparing, pulling and pushing datasets, and the file that names remotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.remotes.config import RemotesFile as RemotesFile
    from usr_core.remotes.config import find_remotes_file as find_remotes_file
    from usr_core.remotes.config import load_remotes as load_remotes
    from usr_core.remotes.config import save_remote as save_remote
    from usr_core.remotes.errors import RemoteKeyUnset as RemoteKeyUnset
    from usr_core.remotes.errors import RemoteValueRefused as RemoteValueRefused
    from usr_core.remotes.remote import SSH as SSH
    from usr_core.remotes.remote import Remote as Remote
    from usr_core.sync.errors import RemoteInsideRoot as RemoteInsideRoot
    from usr_core.sync.remote_copy import remote_copy as remote_copy
    from usr_core.sync.request import Action as Action
    from usr_core.sync.request import SyncAsked as SyncAsked
    from usr_core.sync.request import SyncOptions as SyncOptions
    from usr_core.sync.run import named_target as named_target
    from usr_core.sync.run import sync as sync
    from usr_core.sync.target import FileTarget as FileTarget
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.remotes.config": "RemotesFile find_remotes_file load_remotes save_remote",
            "usr_core.remotes.errors": "RemoteKeyUnset RemoteValueRefused",
            "usr_core.remotes.remote": "Remote SSH",
            "usr_core.sync.errors": "RemoteInsideRoot",
            "usr_core.sync.remote_copy": "remote_copy",
            "usr_core.sync.request": "Action SyncAsked SyncOptions",
            "usr_core.sync.run": "named_target sync",
            "usr_core.sync.target": "FileTarget",
        },
    )
