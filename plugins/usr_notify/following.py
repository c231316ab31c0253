"""Following a log: each event that is wanted is delivered, or kept in the spool, before the cursor goes past it.

A kill between the two delivers the event again: receivers get everything at least once, and tell repetitions by
the idempotency key. Without a spool an event that can't be delivered ends the run, and is the first of the next one.
With a spool the log goes on: while older events wait there, newer ones queue up behind them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from usr_core.api.events import LogLine
from usr_core.api.files import LockTimeout
from usr_notify.cursor import Cursor, load_cursor, save_cursor
from usr_notify.delivery import RetryPolicy, SendFailure, Target, deliver
from usr_notify.errors import ChainBroken, LogChanged
from usr_notify.log_reader import LogReader
from usr_notify.message import Message, message_of
from usr_notify.spool import Spool

__all__ = ["Counts", "FollowOptions", "Follower", "Remarks"]

_LONGEST_PAUSE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowOptions:
    """What is delivered, and when the run ends.

    Attributes:
        only_actions: Deliver these; empty is all.
        allow_broken_chain: Deliver an event that does not follow the one before it, with a warning, instead of raising.
        restart: Deliver a log that was truncated or replaced from its beginning, instead of raising.
        from_now: Without a cursor file begin at the log's end.
        once: End at the log's end.
        poll_seconds: How often to look for more.
    """

    only_actions: frozenset[str] = frozenset()
    allow_broken_chain: bool = False
    restart: bool = False
    from_now: bool = False
    once: bool = False
    poll_seconds: float = 1.0


@dataclass(slots=True, kw_only=True)
class Counts:
    """What a run did with the log's events; ``drained`` came from the spool."""

    delivered: int = 0
    spooled: int = 0
    left_out: int = 0
    drained: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Remarks:
    """What to tell while the run goes on: each event with what became of it, and warnings."""

    event: Callable[[Message, str], None]
    warning: Callable[[str], None]


@dataclass(slots=True)
class _Pause:
    """After a failure the target is left alone for a while, each time for longer."""

    until: float = 0.0
    seconds: float = 0.5

    def holds(self) -> bool:
        return time.monotonic() < self.until

    def lengthen(self) -> None:
        self.seconds = min(_LONGEST_PAUSE, self.seconds * 2)
        self.until = time.monotonic() + self.seconds

    def end(self) -> None:
        self.until, self.seconds = 0.0, 0.5


@dataclass(slots=True, kw_only=True)
class Follower:
    """Delivers one dataset's log.

    Args:
        dataset: Its name; a cursor of another one is refused.
        log: Its event log.
        cursor_file: Where the cursor is kept. The caller sees to it that nobody else uses it.
        target: Where events go.
        policy: When to try again.
        spool: Where events wait that could not be delivered; None ends the run at the first of them.
        options: See `FollowOptions`.
        remarks: What to tell.
    """

    dataset: str
    log: Path
    cursor_file: Path
    target: Target
    policy: RetryPolicy
    spool: Spool | None
    options: FollowOptions
    remarks: Remarks
    counts: Counts = field(default_factory=Counts)
    _pause: _Pause = field(default_factory=_Pause)

    def run(self) -> Counts:
        """Deliver until the log's end under ``once``, else for ever.

        Raises:
            CursorUnusable, CursorOfAnotherDataset: The cursor file is not this log's.
            LogChanged: The log was truncated or replaced, and ``restart`` is not set.
            ChainBroken: An event does not follow the one before it, and ``allow_broken_chain`` is not set.
            DeliveryFailed, DeliveryRefused, ProgramFailed: An event could not be delivered and there is no spool.
            SpoolUnusable: The event could not be kept in the spool either.
            FileSystemError: The cursor can't be written.
        """
        reader = LogReader(self.log)
        cursor = load_cursor(self.cursor_file, dataset=self.dataset)
        if cursor is None:
            cursor = Cursor(dataset=self.dataset)
            if self.options.from_now:
                cursor = reader.end(cursor)
            save_cursor(self.cursor_file, cursor)
        while True:
            cursor = self._pass(reader, cursor)
            if self.options.once:
                if self.spool is not None and not self._pause.holds():
                    self._drain(self.spool, self.policy)
                return self.counts
            if self.spool is not None and not self._pause.holds():
                self._drain(self.spool, replace(self.policy, retries=0))
            time.sleep(self.options.poll_seconds)

    def would_deliver(self) -> Iterator[Message]:
        """Yield what a run would deliver now; nothing is delivered, and no file is changed."""
        cursor = load_cursor(self.cursor_file, dataset=self.dataset)
        reader = LogReader(self.log)
        if cursor is None:
            cursor = Cursor(dataset=self.dataset)
            cursor = reader.end(cursor) if self.options.from_now else cursor
        try:
            lines = list(reader.new_lines(cursor, on_break=self._on_break))
        except LogChanged:
            if not self.options.restart:
                raise
            lines = list(reader.new_lines(cursor.at_start(), on_break=self._on_break))
        for line, _ in lines:
            if (message := self._message(line)) is not None:
                yield message

    # ------------------------------------------------------------- inside

    def _pass(self, reader: LogReader, cursor: Cursor) -> Cursor:
        """Deal with the lines that are there; return the cursor behind them, which is saved."""
        try:
            return self._read_on(reader, cursor)
        except LogChanged as error:
            if not self.options.restart:
                raise
            self.remarks.warning(f"{error.message} It is delivered from its beginning.")
        cursor = cursor.at_start()
        save_cursor(self.cursor_file, cursor)
        return self._read_on(reader, cursor)

    def _read_on(self, reader: LogReader, cursor: Cursor) -> Cursor:
        saved = cursor
        try:
            for line, behind in reader.new_lines(cursor, on_break=self._on_break):
                message = self._message(line)
                if message is not None:
                    self._hand_over(message)
                    save_cursor(self.cursor_file, behind)
                    saved = behind
                cursor = behind
        finally:
            # What was left out need not be looked at again, also where the next event failed.
            if cursor is not saved:
                save_cursor(self.cursor_file, cursor)
        return cursor

    def _on_break(self, error: ChainBroken) -> None:
        if not self.options.allow_broken_chain:
            raise error
        self.remarks.warning(error.message)

    def _message(self, line: LogLine) -> Message | None:
        if not line.raw.strip():
            return None
        if line.event is None:
            self.remarks.warning(f"what stands at byte {line.offset} of the log is not an event; it is left out")
            return None
        message = message_of(line.raw, line.event, dataset=self.dataset)
        if self.options.only_actions and message.action not in self.options.only_actions:
            self.counts.left_out += 1
            return None
        return message

    def _hand_over(self, message: Message) -> None:
        if self.spool is None:
            try:
                deliver(self.target, message, self.policy)
            except SendFailure as failure:
                raise failure.error from None
        elif not self._delivered_in_turn(self.spool, message):
            self.spool.add(message)
            self.counts.spooled += 1
            self.remarks.event(message, "kept in the spool")
            return
        self.counts.delivered += 1
        self.remarks.event(message, "delivered")

    def _delivered_in_turn(self, spool: Spool, message: Message) -> bool:
        """Deliver an event unless older ones still wait, or the target is left alone."""
        if self._pause.holds():
            return False
        if spool.waiting() and not self._drain(spool, replace(self.policy, retries=0)):
            return False
        try:
            deliver(self.target, message, self.policy)
        except SendFailure as failure:
            self.remarks.warning(failure.error.message)
            self._pause.lengthen()
            return False
        self._pause.end()
        return True

    def _drain(self, spool: Spool, policy: RetryPolicy) -> bool:
        """Deliver what waits; return whether nothing waits any more."""
        if not spool.waiting():
            return True
        try:
            outcome = spool.drain(self.target, policy)
        except LockTimeout:
            return False  # `usr notify drain` is at it
        self.counts.drained += outcome.delivered
        if outcome.failure is not None:
            self.remarks.warning(outcome.failure.message)
        if outcome.waiting:
            self._pause.lengthen()
        return not outcome.waiting
