"""The commit protocol (docs/adr/0003-commit-record.md) on a `MemoryDisk`, from the files of a job."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from usr_core.commit.record import CommitRecord, LogState
from usr_core.errors import UsrError
from usr_core.plugin.transport_errors import RemoteChanged, RemoteUnreachable
from usr_core.plugin.transports import CommitRequest
from usr_core.roots.layout import ABORT_PREFIX, COMMIT_PREFIX, EVENT_LOG, STAGING
from usr_core.testing.memory_disk import MemoryDisk

__all__ = ["MemoryCommit"]


@dataclass(frozen=True, slots=True)
class _Operation:
    kind: str
    source: str
    target: str
    undo: str | None


class MemoryCommit:
    """One request, carried out step by step; `step` is told of each, and what it raises happens right there."""

    def __init__(self, remote: MemoryDisk, request: CommitRequest, step: Callable[[str], None]) -> None:
        self._remote, self._request, self._step = remote, request, step
        self._record_path = self._at(f"{COMMIT_PREFIX}{request.seq}.json")
        self._abort_path = self._at(f"{ABORT_PREFIX}{request.seq}.json")
        self._log = self._at(EVENT_LOG)
        self._operations = [_parsed(line) for line in self._job("operations").decode().split("\n") if line]
        self._line = self._job("line")
        self._record_bytes = self._job("record.json")
        self._record = CommitRecord.decode(self._record_bytes, Path(self._record_path))

    def run(self) -> None:
        """Do what the request's action says; errors as `Transport.commit`."""
        {"commit": self._commit, "finish": self._finish, "undo": self._undo, "discard": self._discard}[
            self._request.action
        ]()

    # ------------------------------------------------------------ actions

    def _commit(self) -> None:
        self._check()
        self._step("checked")
        for operation in self._operations:
            if operation.undo is not None:
                self._remote.remove(self._at(operation.undo))
                self._remote.hard_link(self._at(operation.target), self._at(operation.undo))
        self._step("copied")
        self._remote.write(f"{self._record_path}.tmp", self._record_bytes)
        self._remote.hard_link(f"{self._record_path}.tmp", self._record_path)
        self._remote.remove(f"{self._record_path}.tmp")
        try:
            self._step("linked")
            if self._log_size() != self._request.offset:
                raise self._changed("the log moved on")
            self._apply(strict=True)
            self._write_line()
        except RemoteUnreachable:
            raise  # the process that carried this out there was interrupted
        except UsrError:
            self._undo()
            raise
        self._clean(self._record_path)

    def _finish(self) -> None:
        if not self._remote.exists(self._record_path):
            raise self._changed("the commit record has gone")
        state = self._log_state()
        if state == "foreign":
            raise self._changed("the log moved on")
        self._apply(strict=state == "open")
        self._write_line()
        self._clean(self._record_path)

    def _undo(self) -> None:
        if self._remote.exists(self._record_path):
            self._remote.rename(self._record_path, self._abort_path)
        elif not self._remote.exists(self._abort_path):
            raise self._changed("the commit record has gone")
        self._step("aborted")
        offset = self._request.offset
        if self._line and self._log_size() > offset and self._log_state() != "foreign":
            self._remote.write(self._log, self._remote.read(self._log)[:offset])
        for operation in reversed(self._operations):
            self._reverse(operation)
        for name in sorted(self._record.folders, key=len, reverse=True):
            self._remote.remove_if_empty(self._at(name))
        self._step("reversed")
        self._clean(self._abort_path)

    def _discard(self) -> None:
        self._remote.remove(self._record_path)
        self._remote.remove(self._at(self._request.staging))
        self._remote.remove_if_empty(self._at(STAGING))

    # ------------------------------------------------------------ steps

    def _check(self) -> None:
        offset = self._request.offset
        if self._log_size() > offset and b"\n" not in self._remote.read(self._log)[offset:]:
            # A line that was cut off is not an event.
            self._remote.write(self._log, self._remote.read(self._log)[:offset])
        if self._log_size() != self._request.offset:
            raise self._changed("the log does not end where the change begins")
        if self._remote.exists(self._record_path) or self._remote.exists(self._abort_path):
            raise self._changed("there is a commit record of that number")
        if len(self._line) != self._request.length:
            raise self._changed("the line is not as long as it should be")
        made: dict[str, bool] = {}
        for operation in self._operations:
            if not made.get(operation.source, self._remote.exists(self._at(operation.source))):
                raise self._changed(f"{operation.source} has gone")
            there = made.get(operation.target, self._remote.exists(self._at(operation.target)))
            if there != (operation.undo is not None):
                raise self._changed(f"{operation.target} {'is there' if there else 'has gone'}")
            made[operation.source], made[operation.target] = False, True

    def _apply(self, *, strict: bool) -> None:
        for index, operation in enumerate(self._operations):
            source, target = self._at(operation.source), self._at(operation.target)
            if operation.kind == "retire":
                if self._remote.exists(source) and not self._remote.exists(target):
                    self._move(source, target)
            elif self._remote.exists(source):
                self._move(source, target)
            elif strict and not self._remote.exists(target):
                raise self._changed(f"{operation.target} is neither staged nor in its place")
            self._step(f"applied-{index}")
        self._step("applied")

    def _reverse(self, operation: _Operation) -> None:
        source, target = self._at(operation.source), self._at(operation.target)
        if operation.kind == "retire":
            if self._remote.exists(target) and not self._remote.exists(source):
                self._move(target, source)
        elif not self._remote.exists(source) and self._was_published(operation):
            if operation.undo is None:
                self._remote.remove(target)
            elif self._remote.exists(self._at(operation.undo)):
                self._move(self._at(operation.undo), target)

    def _was_published(self, publish: _Operation) -> bool:
        """Tell whether what has the final name is ours: an old file that was retired from it may be back already."""
        retired = [one.target for one in self._operations if one.kind == "retire" and one.source == publish.target]
        return not retired or self._remote.exists(self._at(retired[0]))

    def _write_line(self) -> None:
        if self._line:
            before = self._remote.read(self._log)[: self._request.offset] if self._log_size() else b""
            self._remote.write(self._log, before + self._line)
        self._step("logged")

    def _clean(self, record: str) -> None:
        self._remote.remove(record)
        self._remote.remove(self._at(self._request.staging))
        self._remote.remove_if_empty(self._at(STAGING))
        for operation in self._operations:
            place = posixpath.dirname(self._at(operation.source))
            if operation.kind == "retire" and place != self._request.folder:
                self._remote.remove_if_empty(place)
        self._step("cleaned")

    # ------------------------------------------------------------ small things

    def _at(self, name: str) -> str:
        return f"{self._request.folder}/{name}"

    def _job(self, name: str) -> bytes:
        try:
            return self._remote.read(self._at(f"{self._request.job}/{name}"))
        except FileNotFoundError:
            raise self._changed(f"the job's {name} has gone") from None

    def _move(self, old: str, new: str) -> None:
        self._remote.make_folders(posixpath.dirname(new))
        self._remote.rename(old, new)

    def _log_size(self) -> int:
        entry = self._remote.entry(self._log)
        return 0 if entry is None else entry.size_bytes

    def _log_state(self) -> LogState:
        content = self._remote.read(self._log) if self._remote.exists(self._log) else b""
        offset = self._record.offset
        return self._record.state_in(content[offset : offset + len(self._record.line)], len(content))

    def _changed(self, what: str) -> RemoteChanged:
        return RemoteChanged(
            f"the remote dataset changed: {what}",
            hint="Run the command again.",
            facts={"host": "memory", "path": self._request.folder},
        )


def _parsed(line: str) -> _Operation:
    fields = line.split("\t")
    if fields[0] == "retire":
        return _Operation("retire", fields[1], fields[2], None)
    return _Operation("publish", fields[1], fields[2], None if fields[3] == "-" else fields[3])
