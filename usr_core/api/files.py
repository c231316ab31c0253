"""Durable file operations, locks, and safe reading of small files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.fs.durable import make_folders as make_folders
    from usr_core.fs.durable import remove_tree as remove_tree
    from usr_core.fs.durable import replace_file as replace_file
    from usr_core.fs.durable import sync_folder as sync_folder
    from usr_core.fs.durable import temporary_sibling as temporary_sibling
    from usr_core.fs.durable import write_new as write_new
    from usr_core.fs.errors import LockTimeout as LockTimeout
    from usr_core.fs.errors import file_system_error as file_system_error
    from usr_core.fs.files import open_regular as open_regular
    from usr_core.fs.files import read_regular as read_regular
    from usr_core.fs.files import share as share
    from usr_core.fs.lock import file_system_of as file_system_of
    from usr_core.fs.lock import hold_lock as hold_lock
    from usr_core.interrupts import uninterrupted as uninterrupted
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.interrupts": "uninterrupted",
            "usr_core.fs.durable": "make_folders remove_tree replace_file sync_folder temporary_sibling write_new",
            "usr_core.fs.errors": "LockTimeout file_system_error",
            "usr_core.fs.lock": "file_system_of hold_lock",
            "usr_core.fs.files": "open_regular read_regular share",
        },
    )
