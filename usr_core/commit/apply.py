"""What was staged and retired, as the operations of a commit record; doing and undoing what such a record says.

Operations are prepared (fsynced, with undo copies) before anything can be seen. Every step of doing and undoing is
idempotent, so the next writer can go on: names alone decide what has been done: a staged file that is gone was
published, a target that exists was retired. Inode numbers would not survive a copy of the dataset. Before each
operation we ask whether the record is still alive, so that a late holder touches nothing.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path

from usr_core.commit.errors import ArchiveNameTaken, LateHolder, StagedFileLost
from usr_core.commit.file_tree import refuse_links
from usr_core.commit.log_end import cut_line
from usr_core.commit.record import CommitRecord, HeldRecord, Publish, Retire
from usr_core.events.event import FileChange
from usr_core.fs.durable import digest_of, link_or_copy, make_folders, name_exists, remove_tree, sync_file, sync_folder
from usr_core.fs.files import keep_access, share
from usr_core.roots.layout import DERIVED, EVENT_LOG, HISTORY, STAGING, is_machinery

__all__ = [
    "apply_operations",
    "clean_up",
    "missing_folders",
    "prepare_retired",
    "prepare_staged",
    "require_staged",
    "reverse_operations",
    "told_file",
    "touch_log",
]

_DIGEST_BYTES = 64 << 20
"""Of a larger file an event holds no digest, unless it is asked for: it would take longer than the change itself."""


def prepare_staged(
    folder: Path,
    staging: Path,
    staged: Mapping[str, str],
    *,
    retired: Container[str],
    digests: bool,
    prefixes: Mapping[str, int],
) -> tuple[tuple[Publish, ...], tuple[FileChange, ...]]:
    """Fsync the staged files and link those they replace as undo copies.

    Args:
        folder: The dataset's folder.
        staging: The staging folder; fsyncing it is left to the caller.
        staged: Relative final names to names in `staging`.
        retired: Final names whose old file is moved away in the same change, which needs no undo copy then.
        digests: Tell their digests as well.
        prefixes: Of final names, how many bytes the new file has in common with the old one at its beginning.

    Returns:
        The operations in the order of `staged`, and the files as an event names them: without those below `.history`,
        which are told with what was replaced.

    Raises:
        OSError: A staged file was not written, or can't be fsynced.
    """
    publishes, added = [], []
    for index, (relative, name) in enumerate(staged.items()):
        path, final = staging / name, folder / relative
        undo = None
        if relative not in retired and name_exists(final):
            undo = f"undo-{index}"
            link_or_copy(final, staging / undo)
            keep_access(path, like=final)  # a file that was made private stays private
        else:
            share(path, like=folder)
        sync_file(path)
        if not relative.startswith(f"{HISTORY}/"):
            added.append(told_file(path, relative, digest=digests, prefix=prefixes.get(relative, 0)))
        publishes.append(Publish(staged=name, final=relative, undo=undo))
    return tuple(publishes), tuple(added)


def told_file(
    path: Path, relative: str, *, digest: bool = False, prefix: int = 0, kept: str | None = None
) -> FileChange:
    """Return a file as an event names it.

    Args:
        path: Where it is.
        relative: Its name in the dataset.
        digest: Tell its digest, where it is not too large for that; see `_DIGEST_BYTES`.
        prefix: How many bytes at its beginning are not looked at, as another file has them too.
        kept: Where it is kept, for one that is removed.
    """
    size = path.lstat().st_size
    content = None
    # Of a file that has one name for all its contents, the digest also says that what stood there before was kept.
    one_name = relative.startswith(f"{DERIVED}/") and relative.count("/") == 1
    if digest and (size - prefix <= _DIGEST_BYTES or one_name or os.environ.get("USR_EVENT_SHA256") == "1"):
        content = digest_of(path, start=prefix)
    return FileChange(
        path=relative,
        size_bytes=size,
        sha256=None if prefix else content,
        prefix_bytes=prefix or None,
        tail_sha256=content if prefix else None,
        kept=kept,
    )


def prepare_retired(
    folder: Path, retired: Sequence[Retire], *, digests: bool
) -> tuple[tuple[Retire, ...], tuple[FileChange, ...]]:
    """Check that the retired files are there and nothing has their new names; `digests`: tell their digests as well.

    Raises:
        ArchiveNameTaken: One of the new names is in use.
        OSError: A retired file does not exist any more.
    """
    removed = []
    for retire in retired:
        target = folder / retire.target
        if name_exists(target):
            raise ArchiveNameTaken(path=target, source=retire.final)
        # Events name the dataset's artifacts only; a journal that goes with the change is not one.
        if is_machinery(retire.final) or retire.final.startswith(f"{HISTORY}/"):
            (folder / retire.final).lstat()
            continue
        kept = retire.target if digests and not is_machinery(retire.target) else None
        removed.append(told_file(folder / retire.final, retire.final, digest=digests, kept=kept))
    return tuple(retired), tuple(removed)


def missing_folders(folder: Path, names: Iterable[str]) -> tuple[str, ...]:
    """Return the folders, relative and in no certain order, that have to be made for files of these names."""
    missing: dict[str, None] = {}
    for name in names:
        place = (folder / name).parent
        while place != folder and not place.exists():
            relative = place.relative_to(folder).as_posix()
            if relative != STAGING and not relative.startswith(f"{STAGING}/"):
                missing[relative] = None
            place = place.parent
    return tuple(missing)


_FOLDER_TRIES = 5


def require_staged(folder: Path, record: CommitRecord) -> None:
    """Check, before the first operation, that everything to publish is there.

    Raises:
        LateHolder: The staging was cleared by a writer who took this one for dead.
    """
    staging = record.staging(folder)
    for operation in record.operations:
        if isinstance(operation, Publish) and not name_exists(staging / operation.staged):
            raise LateHolder(dataset=folder.name, seq=record.seq)


def apply_operations(held: HeldRecord, *, strict: bool = True) -> None:
    """Retire and publish, in order, then fsync every folder that changed.

    Args:
        held: The record.
        strict: Refuse where a file to publish is neither staged nor in its place. False where the event is in the
            log already: what is missing then was removed later.

    Raises:
        LateHolder: The record was settled by somebody else; nothing more was done.
        StagedFileLost: See `strict`.
        LinkInsideDataset: A folder became a symbolic link.
    """
    folder, record = held.folder, held.record
    created: list[Path] = []
    for operation in record.operations:
        held.check()
        refuse_links(folder, operation.final)
        if isinstance(operation, Publish):
            created += _publish(held, operation, strict=strict)
        else:
            created += _retire(folder, operation)
    _sync_touched(folder, record, created)


def reverse_operations(held: HeldRecord) -> None:
    """Take back what `apply_operations` and the event did, in reverse order, from the undo copies.

    Raises:
        LateHolder: The record was settled by somebody else; nothing more was done.
    """
    folder, record = held.folder, held.record
    staging = record.staging(folder)
    held.check()
    cut_line(folder / EVENT_LOG, record)
    for operation in reversed(record.operations):
        held.check()
        final = folder / operation.final
        if isinstance(operation, Retire):
            if name_exists(folder / operation.target) and not name_exists(final):
                os.rename(folder / operation.target, final)  # noqa: PTH104
        elif not name_exists(staging / operation.staged) and _was_published(folder, record, operation):
            if operation.undo is None:
                final.unlink(missing_ok=True)
            else:
                with contextlib.suppress(FileNotFoundError):
                    os.rename(staging / operation.undo, final)  # noqa: PTH104
    held.check()
    for name in sorted(record.folders, key=len, reverse=True):
        with contextlib.suppress(OSError):  # not empty, or not there: it is not ours to remove
            (folder / name).rmdir()
    _sync_touched(folder, record)
    touch_log(folder / EVENT_LOG)


def clean_up(folder: Path, record_path: Path, record: CommitRecord) -> None:
    """Remove the record, then its staging folder: in this order, or a reader would look for staged files in vain.

    Raises:
        OSError: The record can't be removed. The next writer removes whatever else stays behind.
    """
    record_path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        remove_tree(record.staging(folder))
    with contextlib.suppress(OSError):
        record.staging(folder).parent.rmdir()
    for operation in record.operations:
        if isinstance(operation, Retire):
            # A namespace whose last part left needs no empty folder.
            place = (folder / operation.final).parent
            with contextlib.suppress(OSError):
                while place != folder:
                    place.rmdir()
                    if not operation.final.startswith(f"{HISTORY}/"):
                        break
                    place = place.parent


def _publish(held: HeldRecord, operation: Publish, *, strict: bool) -> list[Path]:
    created: list[Path] = []
    source = held.record.staging(held.folder) / operation.staged
    final = held.folder / operation.final
    for _ in range(_FOLDER_TRIES):
        if not name_exists(source):
            break  # published before
        created += make_folders(final.parent, below=held.folder, sync=False, like=held.folder)
        # A folder may vanish again under a late holder who clears up; the staged file is still there then.
        with contextlib.suppress(FileNotFoundError):
            os.rename(source, final)  # noqa: PTH104
            return created
    if strict and not name_exists(final):
        raise StagedFileLost(record=held.path, final=operation.final)
    return created


def _retire(folder: Path, operation: Retire) -> list[Path]:
    final, target = folder / operation.final, folder / operation.target
    if name_exists(target) or not name_exists(final):
        return []  # retired before
    refuse_links(folder, operation.target)
    created = make_folders(target.parent, below=folder, sync=False, like=folder)
    os.rename(final, target)  # noqa: PTH104
    return created


def _was_published(folder: Path, record: CommitRecord, operation: Publish) -> bool:
    """Tell whether what has the final name is ours: an old file that was retired from it may be back already."""
    targets = [op.target for op in record.operations if isinstance(op, Retire) and op.final == operation.final]
    return not targets or name_exists(folder / targets[0])


def _sync_touched(folder: Path, record: CommitRecord, created: Iterable[Path] = ()) -> None:
    names = [operation.final for operation in record.operations]
    names.extend(operation.target for operation in record.operations if isinstance(operation, Retire))
    # A folder that an earlier try created is found existing now, so its own name is made durable here.
    names.extend(record.folders)
    places = {folder, *((folder / name).parent for name in names), *(place.parent for place in created)}
    for place in sorted(places, reverse=True):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            sync_folder(place)


def touch_log(log: Path) -> None:
    """Make a change that leaves no line (undone, or without an event) visible to a reader that opened files meanwhile.

    The kernel's clock stands still for milliseconds, so "now" may be the time that the log has already.
    """
    with contextlib.suppress(FileNotFoundError):
        before = log.stat().st_mtime_ns
        try:
            os.utime(log, ns=(time.time_ns(), max(time.time_ns(), before + 1)))
        except PermissionError:  # only the owner may choose the time
            with contextlib.suppress(OSError):
                os.utime(log)
