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
import stat
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from usr_core.commit.apply import (
    apply_operations,
    clean_up,
    missing_folders,
    prepare_retired,
    prepare_staged,
    require_staged,
    told_file,
    touch_log,
)
from usr_core.commit.errors import ClockExhausted, CommitPending, LateHolder
from usr_core.commit.file_tree import FileTree, check_inside, refuse_linked_file, refuse_links
from usr_core.commit.log_end import reserve_line, write_line
from usr_core.commit.record import CommitRecord, HeldRecord, Retire, log_state
from usr_core.commit.recovery import forget_notes, keep_notes, recover, take_back
from usr_core.errors import UsrError
from usr_core.events.event import LAST_INSTANT_US, Event, FileChange, encode_line, next_clock, now_us
from usr_core.events.log import LogHead, read_head
from usr_core.fs.durable import link_create_only, link_or_copy, name_exists, remove_tree, sync_folder, write_new
from usr_core.fs.errors import file_system_error
from usr_core.fs.files import make_shared_folder, share
from usr_core.fs.lock import LOCK_SECONDS, hold_lock
from usr_core.interrupts import raise_lost_interrupt, uninterrupted
from usr_core.roots.layout import EVENT_LOG, HISTORY, LEASE, META, STAGING, DatasetLayout, is_machinery

__all__ = ["LOCK_SECONDS", "Step", "StepObserver", "Transaction"]

_log = logging.getLogger("usr")

# Returns what the log gets, given the files that were added and removed.
_Lines = Callable[[tuple[FileChange, ...], tuple[FileChange, ...]], bytes]
# A last step that needs the event: returns the folder that the dataset is in then.
_LastStep = Callable[[], Path]


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
        command: What is done; shown to those who wait for the lock.
        name: The dataset's id, for messages; by default the folder's name.
        lock_timeout: Seconds to wait for another writer.
        staging: Name of a staging folder that is there already, whose files are to be adopted; it is kept if this
            change fails, for the next try. By default a fresh one.
        observer: Called after each step.

    Attributes (inside the block):
        commits: Changes that this process has made (of the class).
        tree: The files as they are, after recovery.
        head: The end of the event log.
        keeps: Keep what this change replaces or removes, below `.history`; set before `commit`. Its event tells digests
            then.

    Raises (on entering):
        LockTimeout: Another writer held the lock.
        CommitRecordUnreadable: A record is there that this version can't read.
    """

    commits = 0

    def __init__(
        self,
        layout: DatasetLayout,
        *,
        command: str,
        name: str | None = None,
        lock_timeout: float = LOCK_SECONDS,
        staging: str | None = None,
        observer: StepObserver | None = None,
    ) -> None:
        self.layout = layout
        self._command = command
        self._name = name or layout.path.name
        self._lock_timeout = lock_timeout
        self._observer = observer
        self._txn = staging or secrets.token_hex(8)
        self._keep_staging = staging is not None
        self._staging = layout.staging / self._txn
        self._staged: dict[str, str] = {}
        self._names = 0
        self._retired: dict[str, Retire] = {}
        self._floors: list[int] = []
        self._clock_us: int | None = None
        self._exits = contextlib.ExitStack()
        self._recovered: list[str] = []
        self._made_log = False
        self._record_paths: tuple[Path, ...] = ()
        self.committed = False
        self.keeps = False
        self._tails: dict[str, tuple[str, int]] = {}
        self.tree = FileTree(layout.path)
        self.head: LogHead

    def __enter__(self) -> Transaction:
        with contextlib.ExitStack() as exits:
            exits.enter_context(
                hold_lock(
                    self.layout.lock,
                    timeout=self._lock_timeout,
                    command=self._command,
                    name=self._name,
                    lease=self.layout.path / LEASE,
                )
            )
            self._reached(Step.LOCKED)
            try:
                told = recover(self.layout.path)
                self.head = read_head(self.layout.event_log)
            except UsrError:
                raise
            except OSError as error:
                raise self._typed(error, "finish the change of an earlier writer") from error
            self._recovered = keep_notes(self.layout.path, told)
            for note in told:
                _log.warning("%s: %s", self._name, note)
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
        """The hybrid clock of this change, microseconds since 1970; fixed at its first use.

        Raises:
            ClockExhausted: The last event or this machine's clock is at the end of the year 9999.
        """
        if self._clock_us is None:
            now = now_us()
            clock_us = next_clock(now, self.head.clock_us, *self._floors)
            if clock_us > LAST_INSTANT_US:
                stamped = "this machine's clock" if now > LAST_INSTANT_US else "the last event's clock"
                raise ClockExhausted(self.layout.path.name, stamped=stamped)
            self._clock_us = clock_us
        return self._clock_us

    def keep_clock_after(self, stamp_us: int) -> None:
        """Make the clock of this change later than `stamp_us`: the newest stamp of the namespace it touches.

        Raises:
            RuntimeError: The clock has been read already.
            ClockExhausted: The clock can't be set later than `stamp_us`.
        """
        if self._clock_us is not None:
            raise RuntimeError("the clock of this transaction is fixed")
        if stamp_us >= LAST_INSTANT_US:
            raise ClockExhausted(self.layout.path.name)
        self._floors.append(stamp_us)

    def stage(self, relative: str) -> Path:
        """Return the path at which to write the new content of `relative`; `commit` will fsync and publish it.

        Raises:
            ValueError: `relative` is not a plain name below the dataset's folder.
            LinkInsideDataset: A link has that name, or it leads through one.
            FileSystemError: The staging folder can't be made.
        """
        if relative not in self._staged:
            self._check_name(relative)
            try:
                make_shared_folder(self._staging, like=self.layout.path)
            except OSError as error:
                raise file_system_error(error, self._staging, "make room for the new files") from error
            # The suffix stays: some writers choose the format by it.
            self._staged[relative] = f"{self._names}{Path(relative).suffix}"
            self._names += 1
        return self._staging / self._staged[relative]

    def adopt(self, relative: str, staged: str) -> None:
        """Take a file that is in the staging folder already as the new content of `relative`.

        Args:
            relative: Its name in the dataset.
            staged: Its name below the staging folder; a regular file.

        Raises:
            ValueError: A name is not plain.
            LinkInsideDataset: A link has the name, or a name leads through one.
        """
        self._check_name(relative)
        refuse_links(self._staging, check_inside(staged))
        self._staged[relative] = staged

    def unstage(self, relative: str) -> None:
        """Forget a staged file."""
        with contextlib.suppress(OSError):  # what stays goes with the staging folder
            (self._staging / self._staged[relative]).unlink(missing_ok=True)
        del self._staged[relative]

    def retire(self, relative: str, *, into: str | None = None) -> None:
        """Move a file away at commit: to the relative name `into`, or for good where that is None.

        A name may be retired and staged in one change: the old file goes first. Folders can't be retired.

        Raises:
            ValueError: A name is not plain, or retired already.
            LinkInsideDataset: The file is a link, or a name leads through one.
            FileSystemError: The file does not exist.
        """
        target = into or f"{STAGING}/{self._txn}/retired-{len(self._retired)}"
        if relative in self._retired:
            raise ValueError(f"{relative} is retired already")
        for name in (relative, target):
            self._check_name(name)
        try:
            mode = (self.layout.path / relative).lstat().st_mode
        except OSError as error:
            raise file_system_error(error, self.layout.path / relative, "retire a file") from error
        if stat.S_ISDIR(mode):
            raise ValueError(f"{relative} is a folder; retire its files")
        self._retired[relative] = Retire(final=relative, target=target)

    def kept_name(self, relative: str) -> str:
        """Return the name under which this change keeps a file that it replaces or removes."""
        return f"{HISTORY}/{self.head.seq + 1}/{relative}"

    def keep_tail(self, relative: str, *, tail: str, prefix: int) -> None:
        """Keep of a file that is replaced only its end, which was staged as `tail`.

        Args:
            relative: The file; the staged one begins with its first `prefix` bytes.
            tail: Relative name of the end, below `.history`.
            prefix: Where the end begins.
        """
        self._tails[relative] = (tail, prefix)

    def kept_bytes(self) -> int:
        """Return how many bytes this change is about to keep, by what is staged and retired now."""
        if not self.keeps:
            return 0
        sizes = {name: (self.layout.path / name).lstat().st_size for name in (*self._removed(), *self._replaced())}
        return sum(size - self._tails.get(name, ("", 0))[1] for name, size in sizes.items())

    # ------------------------------------------------------------- the commit

    def commit(self, event: Event, *, last_step: _LastStep | None = None) -> dict[str, Any]:
        """Make the change real and return its event as it stands in the log.

        After it returned, the change survives a power cut. If it raises, the dataset is as it was. SIGINT is
        answered by `KeyboardInterrupt` up to the commit point and dropped after it.

        Args:
            event: What happened.
            last_step: Called when the event is written, while it can still be taken back: what it raises undoes the
                change. It may move the dataset's folder, and returns where that is.

        Raises:
            FileSystemError: The disk is full, read-only, or refuses; found before anyone could see anything, or undone.
            ArchiveNameTaken: Something has the name that a retired file is to get.
            LateHolder: Another writer took over while this process was paused.
            CommitPending: The change failed half-way and undoing it failed too.
        """
        line: dict[str, Any] = {}

        def lines(added: tuple[FileChange, ...], removed: tuple[FileChange, ...]) -> bytes:
            maintenance = dict(event.maintenance)
            if self._recovered:
                maintenance["recovered"] = list(self._recovered)
            whole = replace(
                event, added=(*event.added, *added), removed=(*event.removed, *removed), maintenance=maintenance
            )
            line.update(whole.as_line(seq=self.head.seq + 1, clock_us=self.clock_us, prev=self.head.digest))
            return encode_line(line)

        self._commit(lines, tells=True, last_step=last_step)
        return line

    def extend_log(self, lines: bytes) -> None:
        """Make the change real with lines from another copy's log, which tell what that copy did.

        As `commit`, but no event is made; `lines` may be empty, for files that no event tells of.

        Args:
            lines: Whole lines that follow the log's last one, newlines included.

        Raises:
            ValueError: `lines` do not end with a newline.
            UsrError: As `commit`.
        """
        if lines and not lines.endswith(b"\n"):
            raise ValueError("the last line has no newline")
        self._commit(lambda _added, _removed: lines, tells=False)

    def _commit(self, lines: _Lines, *, tells: bool, last_step: _LastStep | None = None) -> None:
        """Take steps 3 to 7; `tells` where the lines say what recovery did."""
        if self.committed:
            raise RuntimeError("this transaction has been committed")
        try:
            record = self._prepare(lines)
        except UsrError:
            raise
        except OSError as error:
            raise self._typed(error, "write the new files") from error
        if not Transaction.commits:  # what came behind a change has been answered, by event sinks for one
            raise_lost_interrupt()
        with uninterrupted(), self._link(record) as held:
            self._carry_out(held, last_step)
            self.committed = True
            Transaction.commits += 1
            # The next writer removes what is left if we can't.
            with contextlib.suppress(OSError):
                clean_up(self.layout.path, held.path, record)
                if tells:
                    forget_notes(self.layout.path)
            self._reached(Step.CLEANED)

    def _prepare(self, lines: _Lines) -> CommitRecord:
        """Step 3: everything on disk, fsynced, and room for what the log gets."""
        folder = self.layout.path
        if self._staged and not self._staging.is_dir():
            raise LateHolder(dataset=folder.name, seq=self.head.seq + 1)
        for name in (EVENT_LOG, *self._retired, *self._staged):
            refuse_linked_file(folder, name)  # once more: staging may have taken hours
        make_shared_folder(self._staging, like=folder)
        replaced = self._keep_replaced() if self.keeps else ()
        retires, removed = prepare_retired(folder, tuple(self._retired.values()), digests=self.keeps)
        prefixes = {relative: prefix for relative, (_, prefix) in self._tails.items()}
        publishes, added = prepare_staged(
            folder, self._staging, self._staged, retired=self._retired, digests=self.keeps, prefixes=prefixes
        )
        removed += replaced
        folders = missing_folders(folder, [*(op.target for op in retires), *(op.final for op in publishes)])
        inner = {(self._staging / name).parent for name in self._staged.values()}
        for place in (*sorted(inner - {self._staging}, reverse=True), self._staging, self._staging.parent, folder):
            sync_folder(place)
        self._reached(Step.STAGED)

        encoded = lines(added, removed)
        # Set before the call, because a call that fails may have made the file already.
        self._made_log = not name_exists(self.layout.event_log)
        reserve_line(self.layout.event_log, self.head.end, len(encoded))
        self._reached(Step.RESERVED)
        return CommitRecord(
            seq=self.head.seq + 1,
            txn=self._txn,
            # The old file of a name goes before the new one comes.
            operations=(*retires, *publishes),
            folders=folders,
            line=encoded,
            offset=self.head.end,
        )

    def _keep_replaced(self) -> tuple[FileChange, ...]:
        """See that what is replaced or removed for good goes below `.history`; return what is replaced.

        Operations that every version of USR can finish or undo do it: what is removed is retired to there, and of what
        is replaced a second name is staged, which is published there.
        """
        folder = self.layout.path
        for relative in self._removed():
            self._retired[relative] = replace(self._retired[relative], target=self.kept_name(relative))
        replaced = []
        for relative in self._replaced():
            kept, prefix = self._tails.get(relative, (self.kept_name(relative), 0))
            if relative not in self._tails:
                link_or_copy(folder / relative, self.stage(kept))
            replaced.append(told_file(folder / relative, relative, digest=True, prefix=prefix, kept=kept))
        return tuple(replaced)

    def _removed(self) -> list[str]:
        """Return the files that are to be kept as they are removed for good: not moved to another place."""
        return [name for name, op in self._retired.items() if is_machinery(op.target) and self._is_kept(name)]

    def _replaced(self) -> list[str]:
        """Return the files that are to be kept as a staged one takes their place."""
        folder = self.layout.path
        wanted = [name for name in self._staged if name not in self._retired and self._is_kept(name)]
        return [name for name in wanted if name_exists(folder / name)]

    @staticmethod
    def _is_kept(relative: str) -> bool:
        """Tell whether a file is part of what a version is: notes are people's, and grow only."""
        return relative != META and not is_machinery(relative) and not relative.startswith(f"{HISTORY}/")

    def _link(self, record: CommitRecord) -> HeldRecord:
        """Step 4, the commit point: the record gets its name, unless that name is taken."""
        folder = self.layout.path
        path = folder / record.name()
        temporary = folder / f"{record.name().removesuffix('.json')}.{self._txn}.tmp"
        encoded = record.encode()
        if CommitRecord.decode(encoded, path) != record:
            raise RuntimeError("the commit record does not say what it should")
        descriptor = -1
        try:
            write_new(temporary, encoded)
            share(temporary, like=folder)  # a colleague may have to settle it
            descriptor = os.open(temporary, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            self._reached(Step.RECORDED)
            self._record_paths = (path, folder / record.abort_name())
            link_create_only(temporary, path)
        except BaseException as error:
            if descriptor >= 0:
                os.close(descriptor)
            # The temporary file is gone where another writer took us for dead and cleared up.
            if isinstance(error, FileExistsError | FileNotFoundError) and folder.is_dir():
                raise LateHolder(dataset=folder.name, seq=record.seq) from error
            if isinstance(error, OSError) and not isinstance(error, UsrError):
                raise self._typed(error, "write the commit record") from error
            raise
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        return HeldRecord(folder, record, path, descriptor)

    def _carry_out(self, held: HeldRecord, last_step: _LastStep | None) -> None:
        """Take steps 5 and 6, and the caller's last one, or undo them."""
        folder, record = held.folder, held.record
        try:
            if log_state(record, self.layout.event_log) == "foreign":
                held.path.unlink(missing_ok=True)
                raise LateHolder(dataset=folder.name, seq=record.seq)
            sync_folder(folder)
            self._reached(Step.LINKED)
            require_staged(folder, record)
            apply_operations(held)
            self._reached(Step.APPLIED)
            held.check()
            if record.line:
                write_line(self.layout.event_log, record)
            else:
                touch_log(self.layout.event_log)
            self._reached(Step.LOGGED)
            if last_step is not None:
                self.layout = DatasetLayout(last_step())
                held.follow(self.layout.path)
        except CommitPending:
            raise
        except BaseException as error:
            if self._finished_by_another(held, error):
                return
            self._undo(held, error)
            if isinstance(error, OSError) and not isinstance(error, UsrError):
                raise self._typed(error, "finish the change, which was undone") from error
            raise

    def _finished_by_another(self, held: HeldRecord, cause: BaseException) -> bool:
        """Tell whether a writer who took us for dead has made our change real; it did what we were about to do."""
        try:
            return not held.alive() and log_state(held.record, self.layout.event_log) == "written"
        except OSError as error:
            raise CommitPending(dataset=held.folder.name, seq=held.record.seq, cause=error) from cause

    def _undo(self, held: HeldRecord, cause: BaseException) -> None:
        try:
            take_back(held)
        except LateHolder:
            return  # whoever took over has settled the record, and `cause` says why we failed
        except (OSError, UsrError) as error:
            raise CommitPending(dataset=held.folder.name, seq=held.record.seq, cause=error) from cause

    # ------------------------------------------------------------- small things

    def _check_name(self, relative: str) -> None:
        try:
            refuse_linked_file(self.layout.path, check_inside(relative))
        except UsrError:
            raise
        except OSError as error:
            raise file_system_error(error, self.layout.path / relative, "look at the dataset's folders") from error

    def _abandon(self) -> None:
        # While our record may be there, whoever settles it needs the staging.
        if not self._record_may_be_there() and not self._keep_staging:
            with contextlib.suppress(OSError):
                remove_tree(self._staging)
            with contextlib.suppress(OSError):
                self._staging.parent.rmdir()
        log = self.layout.event_log
        with contextlib.suppress(OSError):
            if self._made_log and log.lstat().st_size == 0:
                log.unlink()

    def _record_may_be_there(self) -> bool:
        for path in self._record_paths:
            try:
                if CommitRecord.read(path).txn == self._txn:
                    return True
            except FileNotFoundError:
                continue
            except (OSError, UsrError):
                return True
        return False

    def _typed(self, error: OSError, doing: str) -> UsrError:
        path = Path(error.filename) if isinstance(error.filename, str) else self.layout.path
        return file_system_error(error, path, doing)

    def _reached(self, step: Step) -> None:
        if self._observer is not None:
            self._observer(step)
