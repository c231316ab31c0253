"""What the file system of a folder is like, tried out in a folder of its own that is removed again."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import Literal

from usr_core.api import size_text
from usr_core.api.files import file_system_of, hold_lock, remove_tree
from usr_core.api.transports import Probe

__all__ = ["probe_folder"]

_ODD = 'a:b*?"<>|'
"""Characters that FAT, exFAT and Windows shares refuse in names; names of a user's own files may have them."""
_LINKS_FIX = (
    "A push commits by a hard link: use a disk with ext4, XFS, APFS or another file system that has them, or a remote "
    "of type ssh."
)
_LOCKS_FIX = (
    "A push needs them: mount the share with locks (NFS: without nolock; SMB: without nobrl), or use a remote of type "
    "ssh for the host that holds the files."
)
_CASE_FIX = "Names that differ only in case (lab and Lab) are one there: no dataset or file may differ in case alone."
_NAMES_FIX = f"Files of your own whose names hold one of {_ODD[1:2]} {' '.join(_ODD[3:])} can't be pushed there."


def probe_folder(folder: str) -> Probe:
    """Try what a transfer needs; nothing stays there."""
    place, now = Path(folder), time.time()
    state: Literal["missing", "read-only", "writable"] = "missing"
    if place.is_dir():
        state = "writable" if os.access(place, os.W_OK | os.X_OK) else "read-only"
    facts: dict[str, str | None] = {}
    if state != "missing":
        facts["file system"] = file_system_of(place) or "not known"
        with contextlib.suppress(OSError):
            free = shutil.disk_usage(place).free
            facts["free space"] = size_text(free)
    warnings = {}
    with contextlib.suppress(OSError):
        if state != "missing" and os.statvfs(place).f_flag & os.ST_RDONLY:
            facts["file system"] = f"{facts['file system']}, mounted read-only"
            warnings["file system"] = "pull works, push does not; mount it writable for that."
            state = "read-only"
    if state != "writable":
        return Probe(facts=facts, clock=now, folder=state, warnings=warnings)
    trial = place / f".usr.probe.{secrets.token_hex(4)}"
    try:
        trial.mkdir()
    except OSError as error:
        facts["file system"] = f"{facts['file system']}; {error.strerror}"
        return Probe(facts=facts, clock=now, folder="read-only")
    try:
        return _tried(trial, facts)
    finally:
        with contextlib.suppress(OSError):
            remove_tree(trial)


def _tried(trial: Path, facts: dict[str, str | None]) -> Probe:
    errors, warnings = {}, {}
    (trial / "file").touch()
    clock = (trial / "file").stat().st_mtime
    lock = ""
    try:
        with hold_lock(trial / "lock", timeout=0, command="usr remotes doctor"):
            pass
    except OSError as error:
        lock = error.strerror or str(error)
    facts["locks"] = "flock works"
    if lock:
        facts["locks"] = f"flock failed: {lock}"
        errors["locks"] = _LOCKS_FIX
    try:
        os.link(trial / "file", trial / "linked")
        facts["hard links"] = "yes"
    except OSError as error:
        facts["hard links"] = f"no: {error.strerror}"
        errors["hard links"] = _LINKS_FIX
    facts["letter case"] = "kept apart"
    if (trial / "FILE").exists():
        facts["letter case"] = "not kept apart"
        warnings["letter case"] = _CASE_FIX
    try:
        (trial / _ODD).touch()
        facts["file names"] = "all characters"
    except OSError:
        facts["file names"] = "not all characters"
        warnings["file names"] = _NAMES_FIX
    return Probe(facts=facts, clock=clock, folder="writable", lock=lock, errors=errors, warnings=warnings)
