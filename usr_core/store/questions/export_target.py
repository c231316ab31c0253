"""Where an export may be written to: which names are taken, what is not a regular file, which endings compress."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Protocol

from usr_core.fs.errors import file_system_error
from usr_core.roots.find_root import REGISTRY_FILE
from usr_core.roots.layout import EVENT_LOG, META, RECORDS, holds_dataset, is_machinery
from usr_core.roots.locate import refuse_archived_path
from usr_core.store.errors import (
    ExportFormatMissing,
    TargetExists,
    TargetFolderMissing,
    TargetInDataset,
    TargetNotAFile,
    TargetUnsuitable,
)

__all__ = ["check_target", "chosen_format", "export_target", "target_compression", "target_path"]

_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_OTHER_COMPRESSIONS = frozenset({".bgz", ".bz2", ".xz", ".lzma", ".zip", ".7z", ".lz4", ".br", ".z", ".tgz"})

_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


class _Exporters(Protocol):
    def exporter_for_path(self, path: Path) -> str: ...


def chosen_format(host: _Exporters, fmt: str | None, out: object) -> str:
    """Return the name of the exporter: the one that was asked for, else that of the ending of the file `out`.

    Raises:
        ExportFormatMissing: `out` is a folder or a stream, or has no ending.
        PluginMissing, AmbiguousImporter: No exporter, or more than one, has this ending.
    """
    if fmt is not None:
        return fmt
    if not isinstance(out, (str, Path)) or Path(out).is_dir() or not Path(out).suffix:
        raise ExportFormatMissing()
    return host.exporter_for_path(Path(out))


def export_target(out: str | Path, *, name: str, suffix: str) -> Path:
    """Return the file to write: `out` itself, or ``<name with / as __><suffix>`` inside it where it is a folder.

    Raises:
        TargetUnsuitable, TargetFolderMissing: As `target_path`.
    """
    path = target_path(out)
    return path / f"{name.replace('/', '__')}{suffix}" if path.is_dir() else path


def target_path(out: str | Path) -> Path:
    """Return the path that a text names as it was given, before a path of Python's drops what it does not keep.

    Raises:
        TargetUnsuitable: The text is empty; as a path it would be the current folder.
        TargetFolderMissing: It ends with a slash, as a folder's name does, and is not a folder.

    Example:
        >>> from usr_core.api.commands import target_path
        >>> target_path("promoters.csv.gz")
        PosixPath('promoters.csv.gz')
        >>> target_path("missing/")
        Traceback (most recent call last):
            ...
        usr_core.store.errors.TargetFolderMissing: There is no folder missing.
    """
    text = os.fspath(out)
    if not text:
        hint = "Give --out a file, a folder (. is the current one), or - for standard output."
        raise TargetUnsuitable("The name of the file to be written is empty.", hint=hint, facts={})
    path = Path(text)
    if text.endswith("/") and not path.is_dir():
        raise TargetFolderMissing(path=path / "file")
    return path


def check_target(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that may not be written; with `overwrite`, a regular file may be replaced.

    Raises:
        TargetInDataset: The target is, or would become, a file of a dataset or of a root.
        TargetNotAFile: A link, a folder, or a special file has this name.
        TargetFolderMissing: The target's folder does not exist.
        TargetExists: The target exists, and `overwrite` is not set.
        FileSystemError: The target can't be examined.
    """
    if not target.parent.is_dir():
        raise TargetFolderMissing(path=target)
    refuse_archived_path(target)
    place = Path(os.path.realpath(target.parent)) / target.name
    if place.name == REGISTRY_FILE or is_machinery(place.name):
        raise TargetInDataset(path=target, place="a root or a dataset")
    for folder in place.parents:
        if holds_dataset(folder):
            relative = place.relative_to(folder).as_posix()
            # Other files may stand beside a dataset's own; a name that means something to USR is not free.
            if relative in {RECORDS, META, EVENT_LOG} or relative.startswith("_") or is_machinery(relative):
                raise TargetInDataset(path=target, place=f"the dataset {folder}")
            break
    try:
        mode = target.lstat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        raise file_system_error(error, target, "look at the file that is to be written") from error
    if not stat.S_ISREG(mode):
        raise _not_a_file(target, mode)
    if not overwrite:
        raise TargetExists(path=target)


def target_compression(target: Path, *, fmt: str, streams: bool, binary: bool) -> str | None:
    """Return how the target's ending asks for its content to be compressed: ``gzip``, ``zstd`` or None.

    Raises:
        TargetUnsuitable: The format can't be written compressed, or the ending stands for another compression.
    """
    ending = target.suffix.lower()
    facts = {"file": str(target)}
    if ending not in _COMPRESSIONS and ending not in _OTHER_COMPRESSIONS:
        return None
    plain = target.with_suffix("").name if ending != ".tgz" else f"{target.stem}.tar"
    if binary:
        what = f"{target.name} names a compressed file, and files of the format {fmt} are not compressed from outside."
        raise TargetUnsuitable(what, hint=f"Give --out {plain}: such a file is compressed inside.", facts=facts)
    if ending in _OTHER_COMPRESSIONS:
        known = " and ".join(_COMPRESSIONS)
        what = f"{target.name} names a file of a compression that exports don't write."
        raise TargetUnsuitable(what, hint=f"Give an --out that ends in {known.replace(' and ', ' or ')}.", facts=facts)
    if not streams:
        what = f"The exporter {fmt} can't write compressed files."
        raise TargetUnsuitable(what, hint=f"Give --out {plain}, and compress the file afterwards.", facts=facts)
    return _COMPRESSIONS[ending]


def _not_a_file(target: Path, mode: int) -> TargetNotAFile:
    if stat.S_ISLNK(mode):
        points_to = os.path.realpath(target)
        if points_to.startswith(("/proc/", "/dev/")) and not points_to.startswith("/dev/shm/"):
            hint = "Give --out - to write to standard output."
        else:
            hint = f"Give --out {points_to}, which it points to, or remove the link."
        return TargetNotAFile(path=target, kind="a link", hint=hint)
    if stat.S_ISDIR(mode):
        return TargetNotAFile(
            path=target, kind="a folder", hint="Give an --out with another name, or move the folder away."
        )
    kind = _SPECIAL.get(stat.S_IFMT(mode), "a special file")
    return TargetNotAFile(
        path=target, kind=kind, hint="Give --out - and redirect standard output, or give another --out."
    )
