"""Exporting a view to a file of any format that a plugin writes. Not a mutation: the dataset is only read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from usr_core.errors import UsrError
from usr_core.fs.durable import sync_file, sync_folder, temporary_sibling
from usr_core.fs.errors import file_system_error
from usr_core.plugin.errors import PluginCallError
from usr_core.plugin.specs import Exporter, ExportRequest
from usr_core.roots.layout import EVENT_LOG, META, RECORDS, is_machinery
from usr_core.store.errors import TargetExists, TargetFolderMissing, TargetInDataset

__all__ = ["ExportOutcome", "export_batches", "export_target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOutcome:
    """The file that was written, its rows and bytes."""

    path: Path
    rows: int
    size_bytes: int


def export_target(out: Path, *, name: str, suffix: str) -> Path:
    """Return the file to write: `out` itself, or ``<name with / as __><suffix>`` inside it where it is a folder."""
    return out / f"{name.replace('/', '__')}{suffix}" if out.is_dir() else out


def export_batches(
    exporter: Exporter,
    target: Path,
    *,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    overwrite: bool,
    metadata: Mapping[str, str] | None = None,
) -> ExportOutcome:
    """Write `batches` to `target`, which appears whole or not at all.

    Raises:
        TargetInDataset: It is, or would become, a file of a dataset.
        TargetFolderMissing: There is no folder to put it into.
        TargetExists: It is there, and `overwrite` is not set.
        FileSystemError: The folder is full, or refuses.
    """
    _check_target(target, overwrite=overwrite)
    temporary = temporary_sibling(target)
    try:
        temporary.touch(exist_ok=False)
        result = exporter.write(ExportRequest(path=temporary, schema=schema, metadata=metadata or {}), batches)
        sync_file(temporary)
        size = temporary.stat().st_size
        if overwrite:
            temporary.replace(target)
        else:
            _name_new(temporary, target)
        sync_folder(target.parent)
    except PluginCallError as error:
        if isinstance(error.__cause__, OSError):  # a full disk is no fault of the exporter's
            raise file_system_error(error.__cause__, target, "write the export") from error
        raise
    except UsrError:  # some of them are an OSError too
        raise
    except OSError as error:
        raise file_system_error(error, target, "write the export") from error
    finally:
        temporary.unlink(missing_ok=True)
    return ExportOutcome(path=target, rows=result.rows, size_bytes=size)


def _check_target(target: Path, *, overwrite: bool) -> None:
    if not target.parent.is_dir():
        raise TargetFolderMissing(target)
    place = Path(os.path.realpath(target.parent)) / target.name
    for folder in place.parents:
        if (folder / RECORDS).is_file():
            relative = place.relative_to(folder).as_posix()
            # Beside a dataset's files there is room for others; a name that means something to USR is not free.
            if relative in {RECORDS, META, EVENT_LOG} or relative.startswith("_") or is_machinery(relative):
                raise TargetInDataset(target, dataset=folder)
            break
    if target.exists() and not overwrite:
        raise TargetExists(target)


def _name_new(temporary: Path, target: Path) -> None:
    """Rename without replacing a file that somebody made meanwhile."""
    try:
        os.link(temporary, target)
    except FileExistsError as error:
        raise TargetExists(target) from error
    except OSError:  # a file system without links: an export needs no more than a rename
        os.rename(temporary, target)  # noqa: PTH104
