"""Exporting a view to a file or a stream of any format that a plugin writes. Not a mutation: nothing here changes.

The exporter's report is compared with its input and with what was written, before the file gets its name.
"""

from __future__ import annotations

import contextlib
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from usr_core.errors import UsrError, counted
from usr_core.fs.durable import rename_over, sync_file, sync_folder, temporary_sibling
from usr_core.fs.errors import file_system_error
from usr_core.plugin.answers import named
from usr_core.plugin.errors import PluginCallError
from usr_core.plugin.isolation import wrong_answer
from usr_core.plugin.options import option_values
from usr_core.plugin.specs import Exporter, ExporterSpec, ExportRequest, ExportResult
from usr_core.store.errors import TargetExists, TargetUnsuitable
from usr_core.store.questions.export_target import check_target, target_compression
from usr_core.values.showing import Shown

__all__ = ["ExportOutcome", "export_batches"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ExportOutcome(Shown):
    """What was written, its rows and bytes.

    Attributes:
        path: The file; None where a stream was written.
        rows: Records in it.
        size_bytes: Of the file, or bytes that went into the stream.

    Example:
        >>> done = dataset.export("gc.csv", fmt="csv", columns=["sequence", "lab__gc"])
        >>> done.path.name, done.rows, done.size_bytes == done.path.stat().st_size
        ('gc.csv', 3, True)
    """

    path: Path | None
    rows: int
    size_bytes: int


def export_batches(
    exporter: Exporter,
    out: Path | BinaryIO,
    *,
    spec: ExporterSpec,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    overwrite: bool = False,
    metadata: Mapping[str, str] | None = None,
    options: Mapping[str, object] | None = None,
    dry_run: bool = False,
    stored: Callable[[Path, pa.Schema], int | None] | None = None,
) -> ExportOutcome:
    """Write `batches` to a file, which appears whole or not at all, or to a binary stream.

    With `dry_run` it is written and thrown away: a file beside its place, a stream into nothing.

    A file ending in ``.gz`` or ``.zst`` is compressed.

    Batches are written in their order, a bounded number at a time; no lock is taken.

    Raises:
        TargetInDataset, TargetNotAFile, TargetFolderMissing, TargetExists: As `check_target`.
        TargetUnsuitable: The format can't be compressed, or can't go to a stream or to a terminal.
        OptionInvalid: The exporter takes no such option, or no such value.
        PluginCallError: The exporter failed, did not take every row, or reported something that is not true.
        FileSystemError: The folder is full, or can't be written to.
        OSError: The stream could not be written; it holds a part of the rows then.

    Example:
        >>> from usr_core.api.results import export_batches
        >>> csv, spec = dataset.host.exporter("csv"), dataset.host.exporter_spec("csv")
        >>> with dataset.scan(columns=["sequence", "lab__gc"]) as reader:
        ...     done = export_batches(csv, tmp_path / "gc.csv.gz", spec=spec, schema=reader.schema, batches=reader)
        >>> done.rows
        3
    """
    values = option_values(f"exporter {spec.name}", spec.options, options or {})
    request = ExportRequest(path=Path(os.devnull), schema=schema, metadata=metadata or {}, options=values)
    handed = _Handed(batches, stored)
    if not isinstance(out, Path):
        return _to_stream(exporter, out, request, handed, spec, dry_run=dry_run)
    return _to_file(exporter, out, request, handed, spec, overwrite=overwrite, dry_run=dry_run)


def _to_stream(
    exporter: Exporter,
    stream: BinaryIO,
    request: ExportRequest,
    handed: _Handed,
    spec: ExporterSpec,
    *,
    dry_run: bool,
) -> ExportOutcome:
    if not spec.streams:
        what = f"The exporter {spec.name} writes files only, no streams."
        raise TargetUnsuitable(what, hint="Give --out a file.", facts={})
    if spec.binary and stream.isatty():
        what = f"{spec.name} is not text, and standard output is a terminal."
        raise TargetUnsuitable(what, hint="Redirect it (… >FILE), or give --out a file.", facts={})
    output = _Output(_Nowhere() if dry_run else stream)
    result = _write(exporter, request, handed, output)
    if not dry_run:
        stream.flush()
    _compare(exporter, result, handed, size=output.count)
    return ExportOutcome(path=None, rows=handed.rows, size_bytes=output.count)


def _to_file(
    exporter: Exporter,
    target: Path,
    request: ExportRequest,
    handed: _Handed,
    spec: ExporterSpec,
    *,
    overwrite: bool,
    dry_run: bool,
) -> ExportOutcome:
    compression = target_compression(target, fmt=spec.name, streams=spec.streams, binary=spec.binary)
    check_target(target, overwrite=overwrite)
    temporary = temporary_sibling(target)
    try:
        temporary.touch(exist_ok=False)
        at_place = replace(request, path=temporary, stored=handed.storing(temporary) if compression is None else None)
        if compression is None:
            result = _write(exporter, at_place, handed, None)
            size = written = _size_of(exporter, temporary)
        else:
            with temporary.open("wb") as file:
                output = _Output(pa.CompressedOutputStream(file, compression))
                result = _write(exporter, at_place, handed, output)
                output.finish()
            size, written = temporary.stat().st_size, output.count
        _compare(exporter, result, handed, size=written)
        if dry_run:
            return ExportOutcome(path=target, rows=handed.rows, size_bytes=size)
        sync_file(temporary)
        if overwrite:
            rename_over(temporary, target)
        else:
            _name_new(temporary, target)
    except PluginCallError as error:
        if isinstance(error.__cause__, OSError):  # a full disk is not the exporter's fault
            raise file_system_error(error.__cause__, target, "write the export") from error
        raise
    except UsrError:  # some of them are an OSError too
        raise
    except OSError as error:
        raise file_system_error(error, target, "write the export") from error
    finally:
        _remove(temporary)
    return ExportOutcome(path=target, rows=handed.rows, size_bytes=size)


def _write(exporter: Exporter, request: ExportRequest, handed: _Handed, output: _Output | None) -> object:
    """Let the exporter write; an error of the stream it writes to is raised, whatever the exporter made of it."""
    opener = None if output is None else output.opened
    try:
        result: object = exporter.write(replace(request, opener=opener), iter(handed))
    except Exception:
        if output is not None and output.failure is not None:
            raise output.failure from None
        raise
    if output is not None and output.failure is not None:
        raise output.failure
    return result


def _compare(exporter: Exporter, result: object, handed: _Handed, *, size: int) -> None:
    """Compare what the exporter says with what it took and with what is there.

    Raises:
        PluginCallError: The two differ.
    """
    wrong = ""
    if not isinstance(result, ExportResult):
        wrong = f"it returned {named(result)}; an ExportResult is wanted"
    elif not handed.exhausted:
        wrong = f"it stopped after {counted(handed.rows, 'row')}, and there are more"
    elif result.rows != handed.rows:
        wrong = f"it took {counted(handed.rows, 'row')}, and says that it wrote {result.rows}"
    elif result.size_bytes != size:
        wrong = f"it says that it wrote {counted(result.size_bytes, 'byte')}, and there are {size}"
    elif handed.rows and not size:
        wrong = f"it took {counted(handed.rows, 'row')} and wrote nothing"
    if wrong:
        raise wrong_answer(exporter, "write", wrong)


def _size_of(exporter: Exporter, temporary: Path) -> int:
    try:
        found = temporary.lstat()
    except FileNotFoundError:
        raise wrong_answer(exporter, "write", "it removed the file that it was to write") from None
    if not stat.S_ISREG(found.st_mode):
        raise wrong_answer(exporter, "write", "what it left is not a regular file")
    return found.st_size


def _remove(temporary: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        try:
            temporary.unlink()
        except IsADirectoryError:  # an exporter's doing
            import shutil

            shutil.rmtree(temporary)


def _name_new(temporary: Path, target: Path) -> None:
    """Rename, durably, without replacing a file that somebody made meanwhile."""
    try:
        os.link(temporary, target)
    except FileExistsError as error:
        raise TargetExists(path=target) from error
    except OSError:  # a file system without links: an export needs no more than a rename
        os.rename(temporary, target)  # noqa: PTH104
    try:
        sync_folder(target.parent)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


class _Handed:
    """The batches as the exporter takes them, counted.

    Attributes:
        rows: Rows given out so far.
        exhausted: Whether the exporter has asked until there were no more.
    """

    def __init__(
        self, batches: Iterable[pa.RecordBatch], stored: Callable[[Path, pa.Schema], int | None] | None
    ) -> None:
        self._batches, self._stored = batches, stored
        self.rows = 0
        self.exhausted = False

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self.rows += batch.num_rows
            yield batch
        self.exhausted = True

    def storing(self, target: Path) -> Callable[[pa.Schema], int | None] | None:
        """Return what writes all rows to `target`, which is there; None where nothing does."""
        stored = self._stored
        if stored is None:
            return None

        def store(schema: pa.Schema) -> int | None:
            beside = target.with_name(f"{target.name}.stored")
            rows = stored(beside, schema)
            if rows is not None:
                beside.replace(target)
                self.rows, self.exhausted = rows, True
            return rows

        return store


class _Nowhere:
    """Takes bytes, and forgets them."""

    def write(self, content: bytes) -> None:
        return None


class _Output(io.RawIOBase):
    """A stream for an exporter: written from its first byte to its last, counted, never closed by the exporter.

    Attributes:
        count: Bytes written to it.
        failure: The error of what lies behind it.
    """

    def __init__(self, sink: Any) -> None:
        self._sink = sink
        self.count = 0
        self.failure: OSError | None = None

    def opened(self) -> BinaryIO:
        return cast(BinaryIO, self)

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.count

    def write(self, content: Any) -> int:
        try:
            with memoryview(content) as view:
                size = view.nbytes
                self._sink.write(view.cast("B") if size else b"")
        except OSError as error:
            self.failure = error
            raise
        self.count += size
        return size

    def finish(self) -> None:
        """Write out what a compression holds back, and end it."""
        self._sink.close()
