"""Exporting a view to a file of any format that a plugin writes. Not a mutation: the dataset is only read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from usr_core.fs.durable import sync_file, sync_folder, temporary_sibling
from usr_core.fs.errors import file_system_error
from usr_core.plugin.specs import Exporter, ExportRequest
from usr_core.store.errors import TargetExists

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
        TargetExists: It is there, and `overwrite` is not set.
        FileSystemError: Its folder is missing, full, or refuses.
    """
    if target.exists() and not overwrite:
        raise TargetExists(target)
    temporary = temporary_sibling(target)
    try:
        result = exporter.write(ExportRequest(path=temporary, schema=schema, metadata=metadata or {}), batches)
        sync_file(temporary)
        size = temporary.stat().st_size
        if overwrite:
            os.replace(temporary, target)
        else:
            _name_new(temporary, target)
        sync_folder(target.parent)
    except OSError as error:
        raise file_system_error(error, target, "write the export") from error
    finally:
        temporary.unlink(missing_ok=True)
    return ExportOutcome(path=target, rows=result.rows, size_bytes=size)


def _name_new(temporary: Path, target: Path) -> None:
    """Rename without replacing a file that somebody made meanwhile."""
    try:
        os.link(temporary, target)
    except FileExistsError as error:
        raise TargetExists(target) from error
    except OSError:  # a file system without links: an export needs no more than a rename
        os.rename(temporary, target)  # noqa: PTH104
