"""Doing and undoing what a commit record says. Every step is idempotent, so whoever comes next can go on."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from usr_core.commit.record import CommitRecord, Publish, Retire
from usr_core.fs.durable import make_folders, remove_tree, sync_folder
from usr_core.roots.layout import EVENT_LOG

__all__ = ["apply_operations", "clean_up", "reverse_operations", "write_line"]


def apply_operations(folder: Path, record: CommitRecord) -> None:
    """Publish and retire, in order, then fsync every folder that changed."""
    staging = record.staging(folder)
    touched: set[Path] = set()
    for operation in record.operations:
        if isinstance(operation, Publish):
            final = folder / operation.final
            make_folders(final.parent, below=folder)
            # A staged file that is gone was published before.
            with contextlib.suppress(FileNotFoundError):
                os.rename(staging / operation.staged, final)  # noqa: PTH104
            touched.add(final.parent)
        else:
            _retire(folder, operation)
            touched.update({(folder / operation.final).parent, (folder / operation.target).parent})
    for place in sorted(touched):
        if place.is_dir():
            sync_folder(place)
    sync_folder(folder)


def reverse_operations(folder: Path, record: CommitRecord) -> None:
    """Take back what `apply_operations` did, in reverse order, from the undo copies."""
    staging = record.staging(folder)
    touched: set[Path] = set()
    for operation in reversed(record.operations):
        final = folder / operation.final
        if isinstance(operation, Retire):
            target = folder / operation.target
            if _inode(target) == operation.inode:
                os.rename(target, final)  # noqa: PTH104
        elif not (staging / operation.staged).exists():
            if operation.undo is None:
                final.unlink(missing_ok=True)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.rename(staging / operation.undo, final)  # noqa: PTH104
        touched.add(final.parent)
    for place in sorted(touched):
        if place.is_dir():
            sync_folder(place)
    for name in sorted(record.folders, key=len, reverse=True):
        with contextlib.suppress(OSError):  # not empty, or not there: it is not ours to remove
            (folder / name).rmdir()
    sync_folder(folder)
    # A reader that opened files while the change was applied must notice that it is gone again.
    with contextlib.suppress(OSError):
        os.utime(folder / EVENT_LOG)


def write_line(log: Path, record: CommitRecord) -> None:
    """Put the record's event at its offset and fsync; repeating it is harmless."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        view, offset = memoryview(record.line), record.offset
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def clean_up(folder: Path, record_path: Path, record: CommitRecord) -> None:
    """Remove the record, then its staging folder: in this order, or a reader would look for staged files in vain."""
    record_path.unlink(missing_ok=True)
    remove_tree(record.staging(folder))
    with contextlib.suppress(OSError):
        record.staging(folder).parent.rmdir()
    for operation in record.operations:
        if isinstance(operation, Retire):
            # A namespace whose last part left needs no empty folder.
            with contextlib.suppress(OSError):
                (folder / operation.final).parent.rmdir()


def _retire(folder: Path, operation: Retire) -> None:
    final, target = folder / operation.final, folder / operation.target
    if _inode(final) != operation.inode:
        return  # retired before, or a newer file took the name
    make_folders(target.parent, below=folder)
    os.rename(final, target)  # noqa: PTH104


def _inode(path: Path) -> int | None:
    try:
        return path.lstat().st_ino
    except FileNotFoundError:
        return None
