"""One change of a dataset, from the lock to the event: the only way anything below its folder is written.

The protocol and why it holds: docs/adr/0003. A verb stages files, names files to retire, and commits:

    with Transaction(layout, command="attach") as txn:
        write_part(txn.stage("_derived/mock/part-….parquet"))
        event = txn.commit(Event(action="attach", …))

Leaving the block without `commit` removes the staging: nothing has happened.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from usr_core.commit.apply import apply_operations, clean_up, reverse_operations, write_line
from usr_core.commit.errors import CommitPending, LateHolder
from usr_core.commit.file_tree import FileTree
from usr_core.commit.interrupts import uninterrupted
from usr_core.commit.record import CommitRecord, Publish, Retire, log_state
from usr_core.commit.recovery import recover
from usr_core.errors import UsrError
from usr_core.events.clock import next_clock, now_us
from usr_core.events.event import Event, FileChange, encode_line
from usr_core.events.log import LogHead, read_head
from usr_core.fs.durable import link_create_only, link_or_copy, remove_tree, sync_file, sync_folder, write_new
from usr_core.fs.errors import file_system_error
from usr_core.fs.lock import hold_lock
from usr_core.fs.reserve import reserve_bytes
from usr_core.roots.layout import DatasetLayout

__all__ = ["LOCK_SECONDS", "Step", "StepObserver", "Transaction"]

LOCK_SECONDS = 60.0
_log = logging.getLogger("usr")


class Step(StrEnum):
    """The named points of the protocol, in order; an observer is called right after each."""

    LOCKED = "locked"
    RECOVERED = "recovered"
    STAGED = "staged"
    RESERVED = "reserved"
    RECORDED = "recorded"
    LINKED = "linked"
    APPLIED = "applied"
    LOGGED = "logged"
    CLEANED = "cleaned"


class StepObserver(Protocol):
    """Called after each step; tests use it to stop a process there."""

    def __call__(self, step: Step) -> None: ...


class Transaction:
    """A change under way. Not reusable, not thread-safe.

    Args:
        layout: The dataset; its folder must exist.
        command: What is done, for whoever waits for the lock.
        lock_timeout: Seconds to wait for another writer.
        observer: Called after each step.

    Attributes (inside the block):
        tree: The files as they are, after recovery.
        head: The end of the event log.

    Raises (on entering):
        LockTimeout: Another writer held the lock.
        CommitRecordUnreadable: A record is there that this version can't read.
    """

    def __init__(
        self,
        layout: DatasetLayout,
        *,
        command: str,
        lock_timeout: float = LOCK_SECONDS,
        observer: StepObserver | None = None,
    ) -> None:
        self.layout = layout
        self._command = command
        self._lock_timeout = lock_timeout
        self._observer = observer
        self._txn = secrets.token_hex(8)
        self._staging = layout.staging / self._txn
        self._staged: dict[str, str] = {}
        self._retired: list[Retire] = []
        self._floors: list[int] = []
        self._clock_us: int | None = None
        self._exits = contextlib.ExitStack()
        self._recovered: list[str] = []
        self._made_log = False
        self.committed = False
        self.tree = FileTree(layout.path)
        self.head: LogHead

    def __enter__(self) -> Transaction:
        with contextlib.ExitStack() as exits:
            exits.enter_context(
                hold_lock(
                    self.layout.lock,
                    timeout=self._lock_timeout,
                    command=self._command,
                    lease=self.layout.path / ".usr.lease",
                )
            )
            self._reached(Step.LOCKED)
            try:
                self._recovered = recover(self.layout.path)
                self.head = read_head(self.layout.event_log)
            except OSError as error:
                raise file_system_error(error, self.layout.path, "finish what an earlier writer left") from error
            for told in self._recovered:
                _log.warning("%s: %s", self.layout.path.name, told)
            self._reached(Step.RECOVERED)
            self._exits = exits.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self.committed:
                self._abandon()
        finally:
            self._exits.close()

    # ------------------------------------------------------------- while it is being prepared

    @property
    def clock_us(self) -> int:
        """The hybrid clock of this change, microseconds since 1970; fixed at its first use."""
        if self._clock_us is None:
            self._clock_us = next_clock(now_us(), self.head.clock_us, *self._floors)
        return self._clock_us

    def keep_clock_after(self, stamp_us: int) -> None:
        """Make the clock of this change later than `stamp_us`: the newest stamp of the namespace it touches.

        Raises:
            RuntimeError: The clock has been read already.
        """
        if self._clock_us is not None:
            raise RuntimeError("the clock of this transaction is fixed")
        self._floors.append(stamp_us)

    def stage(self, relative: str) -> Path:
        """Return the path at which to write the new content of `relative`; `commit` will fsync and publish it."""
        if relative not in self._staged:
            try:
                self._staging.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise file_system_error(error, self._staging, "make room for the new files") from error
            # The suffix stays: some writers choose the format by it.
            self._staged[relative] = f"{len(self._staged)}{Path(relative).suffix}"
        return self._staging / self._staged[relative]

    def unstage(self, relative: str) -> None:
        """Forget a staged file."""
        name = self._staged.pop(relative)
        (self._staging / name).unlink(missing_ok=True)

    def retire(self, relative: str, *, into: str | None = None) -> None:
        """Move a file away at commit: to the relative name `into`, or for good where that is None."""
        inode = (self.layout.path / relative).lstat().st_ino
        target = into or f".usr.tmp/{self._txn}/retired-{len(self._retired)}"
        self._retired.append(Retire(final=relative, target=target, inode=inode))

    # ------------------------------------------------------------- the commit

    def commit(self, event: Event) -> dict[str, Any]:
        """Make the change real and return its event as it stands in the log.

        After it returned, the change survives a power cut. If it raises, the dataset is as it was.

        Raises:
            FileSystemError: The disk is full, read-only, or refuses; found before anyone could see anything, or undone.
            LateHolder: Another writer took over while this process was paused.
            CommitPending: The change failed half-way and undoing it failed too.
        """
        try:
            record, line = self._prepare(event)
        except OSError as error:
            raise self._typed(error, "write the new files") from error
        with uninterrupted():
            record_path = self._link(record)
            self._carry_out(record, record_path)
            self.committed = True
            # What is left is litter: the next writer removes it if we can't.
            with contextlib.suppress(OSError):
                clean_up(self.layout.path, record_path, record)
        self._reached(Step.CLEANED)
        return line

    def _prepare(self, event: Event) -> tuple[CommitRecord, dict[str, Any]]:
        """Step 3: everything on disk, fsynced, and room for the event's line."""
        self._staging.mkdir(parents=True, exist_ok=True)
        added: list[FileChange] = []
        operations: list[Publish | Retire] = []
        folders: list[str] = []
        for index, (relative, staged) in enumerate(self._staged.items()):
            staged_path, final = self._staging / staged, self.layout.path / relative
            sync_file(staged_path)
            added.append(FileChange(path=relative, size_bytes=staged_path.stat().st_size))
            undo = None
            if final.exists():
                undo = f"undo-{index}"
                link_or_copy(final, self._staging / undo)
            folders.extend(self._missing_folders(final.parent, folders))
            operations.append(Publish(staged=staged, final=relative, undo=undo))
        removed = []
        for retired in self._retired:
            removed.append(FileChange(path=retired.final, size_bytes=(self.layout.path / retired.final).stat().st_size))
            folders.extend(self._missing_folders((self.layout.path / retired.target).parent, folders))
            operations.append(retired)
        sync_folder(self._staging)
        sync_folder(self._staging.parent)
        self._reached(Step.STAGED)

        maintenance = dict(event.maintenance)
        repaired = self._mend_log()
        if self._recovered or repaired:
            maintenance["recovered"] = [*self._recovered, *repaired]
        whole = replace(
            event, added=(*event.added, *added), removed=(*event.removed, *removed), maintenance=maintenance
        )
        line = whole.as_line(seq=self.head.seq + 1, clock_us=self.clock_us, prev=self.head.digest)
        encoded = encode_line(line)
        self._reserve(len(encoded))
        self._reached(Step.RESERVED)
        record = CommitRecord(
            seq=self.head.seq + 1,
            txn=self._txn,
            operations=tuple(operations),
            folders=tuple(folders),
            line=encoded,
            offset=self.head.end,
        )
        return record, line

    def _link(self, record: CommitRecord) -> Path:
        """Step 4, the commit point: the record gets its name, unless that name is taken."""
        folder = self.layout.path
        path = folder / record.name()
        temporary = folder / f"{record.name().removesuffix('.json')}.{self._txn}.tmp"
        try:
            write_new(temporary, record.encode())
            self._reached(Step.RECORDED)
            link_create_only(temporary, path)
        except FileExistsError as error:
            temporary.unlink(missing_ok=True)
            raise LateHolder(folder.name, seq=record.seq) from error
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise self._typed(error, "write the commit record") from error
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        with contextlib.suppress(OSError):
            temporary.unlink()
        if log_state(record, self.layout.event_log) != "open":
            path.unlink(missing_ok=True)
            raise LateHolder(folder.name, seq=record.seq)
        return path

    def _carry_out(self, record: CommitRecord, record_path: Path) -> None:
        """Steps 5 and 6, or their undoing."""
        folder = self.layout.path
        try:
            sync_folder(folder)
            self._reached(Step.LINKED)
            apply_operations(folder, record)
            self._reached(Step.APPLIED)
            self._log_event(record, record_path)
        except LateHolder:
            raise
        except BaseException as error:
            self._undo(record, record_path, error)
            if isinstance(error, OSError) and not isinstance(error, UsrError):
                raise self._typed(error, "finish the change, which was undone") from error
            raise
        self._reached(Step.LOGGED)

    def _log_event(self, record: CommitRecord, record_path: Path) -> None:
        state = log_state(record, self.layout.event_log)
        if state == "written":
            return  # a recovering writer finished for us
        if state == "foreign" or not record_path.exists():
            raise LateHolder(self.layout.path.name, seq=record.seq)
        write_line(self.layout.event_log, record)

    def _undo(self, record: CommitRecord, record_path: Path, cause: BaseException) -> None:
        folder = self.layout.path
        abort = folder / record.abort_name()
        try:
            if not record_path.exists():
                return  # somebody recovered the dataset meanwhile; there is nothing of ours to undo
            self._cut_log_at(record.offset)
            os.rename(record_path, abort)  # noqa: PTH104
            sync_folder(folder)
            reverse_operations(folder, record)
            clean_up(folder, abort, record)
        except OSError as error:
            self.committed = True  # the staging is needed by whoever finishes the undoing
            raise CommitPending(folder.name, seq=record.seq, cause=error) from cause

    # ------------------------------------------------------------- small things

    def _reserve(self, length: int) -> None:
        log = self.layout.event_log
        self._made_log = self._made_log or not log.exists()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            reserve_bytes(descriptor, self.head.end, length)
        finally:
            os.close(descriptor)

    def _mend_log(self) -> list[str]:
        """Make the log end with a newline: finish a last line that lacks only that, cut one that was torn off."""
        log, end = self.layout.event_log, self.head.end
        size = log.stat().st_size if log.exists() else 0
        if size == end:
            return []
        descriptor = os.open(log, os.O_WRONLY | os.O_CLOEXEC)
        try:
            if size < end:
                os.pwrite(descriptor, b"\n", size)
                told = "gave the last event its newline"
            else:
                os.ftruncate(descriptor, end)
                told = f"cut {size - end} bytes of a torn last line off the event log"
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _log.warning("%s: %s", self.layout.path.name, told)
        return [told]

    def _cut_log_at(self, offset: int) -> None:
        """Remove the part of our line that a failed write left."""
        log = self.layout.event_log
        if log.exists() and log.stat().st_size > offset:
            os.truncate(log, offset)

    def _missing_folders(self, place: Path, known: list[str]) -> list[str]:
        missing = []
        while place != self.layout.path and not place.exists():
            name = place.relative_to(self.layout.path).as_posix()
            if name not in known and not name.startswith(".usr.tmp"):
                missing.append(name)
            place = place.parent
        return missing

    def _abandon(self) -> None:
        with contextlib.suppress(OSError):
            remove_tree(self._staging)
        with contextlib.suppress(OSError):
            self._staging.parent.rmdir()
        log = self.layout.event_log
        with contextlib.suppress(OSError):
            if self._made_log and log.stat().st_size == 0:
                log.unlink()

    def _typed(self, error: OSError, doing: str) -> UsrError | OSError:
        if isinstance(error, UsrError):
            return error
        path = Path(error.filename) if isinstance(error.filename, str) else self.layout.path
        return file_system_error(error, path, doing)

    def _reached(self, step: Step) -> None:
        if self._observer is not None:
            self._observer(step)
