"""The commit protocol (docs/adr/0003-commit-record.md) of a remote side, over a transport's operations on files.

Names alone decide what has been done, so that whoever comes next can go on. Before each operation we ask whether the
record is still the one that we linked: a writer who was taken for dead touches nothing.
"""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from usr_core.commit.errors import CommitRecordUnreadable
from usr_core.commit.record import CommitRecord, LogState, Publish, Retire
from usr_core.errors import UsrError
from usr_core.plugin.far_files import FarFiles, check_staging_name, remote_error
from usr_core.plugin.transport_errors import RemoteChanged, RemoteRefused, RemoteUnreachable
from usr_core.plugin.transports import CommitRequest
from usr_core.roots.layout import ABORT_PREFIX, COMMIT_PREFIX, EVENT_LOG, STAGING, is_machinery

__all__ = ["FarCommit", "remove_far_tree"]


class FarCommit:
    """One request, carried out step by step.

    Args:
        files: The operations.
        request: What is to be done; the lock is held.
        step: Told of each step right after it was done; what it raises happens right there.
    """

    def __init__(self, files: FarFiles, request: CommitRequest, step: Callable[[str], None]) -> None:
        self._files, self._request, self._step = files, request, step
        self._record_path = self._at(f"{COMMIT_PREFIX}{request.seq}.json")
        self._abort_path = self._at(f"{ABORT_PREFIX}{request.seq}.json")
        self._log = self._at(EVENT_LOG)
        self._mark, self._overtaken = "", False
        for name in (request.job, request.staging):
            check_staging_name(name.removeprefix(f"{STAGING}/"))
        self._record_bytes = self._read(self._at(f"{request.job}/record.json"))
        try:
            self._record = CommitRecord.decode(self._record_bytes, Path(self._record_path))
        except CommitRecordUnreadable as error:
            raise self._refused(f"the change can't be read ({error.reason})") from error
        told = (self._record.seq, self._record.offset, len(self._record.line), f"{STAGING}/{self._record.txn}")
        if told != (request.seq, request.offset, request.length, request.staging):
            raise self._changed("the change is not the one that was asked for")

    def run(self) -> None:
        """Do what the request's action says; errors as `Transport.commit`."""
        {"commit": self._commit, "finish": self._finish, "undo": self._undo, "discard": self._discard}[
            self._request.action
        ]()

    # ------------------------------------------------------------ actions

    def _commit(self) -> None:
        self._check()
        self._step("checked")
        linked = False
        try:
            self._keep_copies()
            self._step("copied")
            try:
                self._files.link(self._at(f"{self._request.job}/record.json"), self._record_path)
            except FileExistsError:
                raise self._changed(f"change {self._request.seq} was made by somebody else") from None
            linked = True
            self._files.sync(self._request.folder)
            self._hold(self._record_path)
            self._step("linked")
            if self._log_size() != self._request.offset:
                raise self._changed("the log has moved on")
            self._apply(strict=True)
            self._write_line()
        except (UsrError, OSError) as error:
            failure = self._typed(error)
            # What was linked when the remote side was lost is settled by whoever comes next.
            if linked and not self._overtaken and not isinstance(failure, RemoteUnreachable):
                self._take_back(failure)
            if failure is error:
                raise
            raise failure from error
        self._clean(self._record_path)

    def _take_back(self, failure: UsrError) -> None:
        try:
            self._undo()
        except (UsrError, OSError) as error:
            raise RemoteRefused(
                f"A change on {self._files.name} failed half-way: {failure.message}",
                hint="Fix the file system there (space, permissions); the next sync or change there settles it.",
                facts={"remote": self._files.name, "path": self._request.folder, "answer": self._typed(error).message},
            ) from error

    def _finish(self) -> None:
        state = self._log_state()
        if not self._exists(self._record_path):
            if state != "written" or self._exists(self._abort_path):
                raise self._changed(f"there is no change {self._request.seq} to finish")
            self._clean(self._record_path)
            return
        self._hold(self._record_path)
        if state == "foreign":
            raise self._changed("the log has moved on")
        self._apply(strict=state == "open")
        self._write_line()
        self._clean(self._record_path)

    def _undo(self) -> None:
        if self._exists(self._record_path):
            self._hold(self._record_path)
            self._files.rename(self._record_path, self._abort_path)
            self._files.sync(self._request.folder)
        elif not self._exists(self._abort_path):
            raise self._changed("the commit record has gone")
        self._hold(self._abort_path)
        self._step("aborted")
        self._require_no_links()
        self._cut_line()
        for operation in reversed(self._record.operations):
            self._alive(self._abort_path)
            self._reverse(operation)
        for name in sorted(self._record.folders, key=len, reverse=True):
            self._remove_if_empty(self._at(name))
        self._sync_touched()
        self._step("reversed")
        self._clean(self._abort_path)

    def _discard(self) -> None:
        if self._exists(self._record_path):
            self._hold(self._record_path)
        self._clean(self._record_path, retired=False)

    # ------------------------------------------------------------ steps

    def _check(self) -> None:
        """Check everything that can be checked before anyone sees anything, and cut a torn last line of the log."""
        self._require_no_links()
        for path in (self._record_path, self._abort_path):
            if self._exists(path):
                raise self._changed("there is a commit record of that number")
        made: dict[str, bool] = {}
        for operation in self._record.operations:
            source, target = self._ends(operation)
            if not self._was_made(made, source):
                raise self._changed(f"{source} has gone")
            there = self._was_made(made, target)
            if there != (isinstance(operation, Publish) and operation.undo is not None):
                raise self._changed(f"{target} {'is there by now' if there else 'has gone'}")
            made[source], made[target] = False, True
            if isinstance(operation, Publish) and is_machinery(operation.final):
                raise self._refused(f"{operation.final} is not a name for content")
        offset, size = self._request.offset, self._log_size()
        if size > offset and b"\n" not in self._files.read(self._log, offset, None):
            self._files.truncate(self._log, offset)  # a line that was cut off is not an event
            size = offset
        if size != offset:
            raise self._changed("the log does not end where the change begins")

    def _was_made(self, made: dict[str, bool], name: str) -> bool:
        """Tell whether a name will be taken when the operation's turn comes."""
        if name in made:
            return made[name]
        entry = self._files.entry(self._at(name))
        if entry is not None and entry.kind == "folder":
            raise self._refused(f"a folder has the name {name}")
        return entry is not None

    def _keep_copies(self) -> None:
        staging = self._request.staging
        for operation in self._record.operations:
            if isinstance(operation, Publish) and operation.undo is not None:
                undo = self._at(f"{staging}/{operation.undo}")
                self._remove(undo)
                self._files.link(self._at(operation.final), undo)
        with contextlib.suppress(FileNotFoundError):  # a change that publishes nothing
            self._files.sync(self._at(staging))

    def _apply(self, *, strict: bool) -> None:
        self._require_no_links()
        for index, operation in enumerate(self._record.operations):
            self._alive(self._record_path)
            source, target = (self._at(name) for name in self._ends(operation))
            publishes = isinstance(operation, Publish)
            if self._exists(source) and (publishes or not self._exists(target)):
                self._move(source, target)
            elif strict and publishes and not self._exists(target):
                raise self._changed(f"{operation.final} is neither staged nor in its place")
            self._step(f"applied-{index}")
        self._sync_touched()
        self._step("applied")

    def _reverse(self, operation: Publish | Retire) -> None:
        source, target = (self._at(name) for name in self._ends(operation))
        if isinstance(operation, Retire):
            if self._exists(target) and not self._exists(source):
                self._move(target, source)
        elif not self._exists(source) and self._was_published(operation):
            if operation.undo is None:
                self._remove(target)
            elif self._exists(undo := self._at(f"{self._request.staging}/{operation.undo}")):
                self._move(undo, target)

    def _was_published(self, publish: Publish) -> bool:
        """Tell whether what has the final name is ours: an old file that was retired from it may be back already."""
        retired = [
            one.target for one in self._record.operations if isinstance(one, Retire) and one.final == publish.final
        ]
        return not retired or self._exists(self._at(retired[0]))

    def _write_line(self) -> None:
        line, offset = self._record.line, self._request.offset
        if line and self._log_state() != "written":
            made = not self._exists(self._log)
            if self._log_size() > offset:
                self._files.truncate(self._log, offset)
            self._files.write_at(self._log, offset, line)
            if made:
                self._files.sync(self._request.folder)
        self._step("logged")

    def _cut_line(self) -> None:
        """Cut our line off the log, and let readers that opened files meanwhile see that something happened."""
        if not self._exists(self._log):
            return
        offset, size = self._request.offset, self._log_size()
        ours = bool(self._record.line) and size > offset and self._log_state() != "foreign"
        if ours and offset == 0:
            self._remove(self._log)
        else:
            self._files.truncate(self._log, offset if ours else size)

    def _clean(self, record: str, *, retired: bool = True) -> None:
        """Remove the record, then the staging folder, then the empty folders of what was retired: in this order."""
        self._remove(record)
        for name in {self._request.staging, self._request.job}:
            with contextlib.suppress(OSError, RemoteRefused):
                remove_far_tree(self._files, self._at(name))
        self._remove_if_empty(self._at(STAGING))
        for operation in self._record.operations if retired else ():
            place = posixpath.dirname(self._at(operation.final))
            if isinstance(operation, Retire) and place != self._request.folder:
                self._remove_if_empty(place)
        self._step("cleaned")

    # ------------------------------------------------------------ small things

    def _at(self, name: str) -> str:
        return f"{self._request.folder}/{name}"

    def _ends(self, operation: Publish | Retire) -> tuple[str, str]:
        """Return where a file is before an operation, and where it is after it."""
        if isinstance(operation, Retire):
            return operation.final, operation.target
        return f"{self._request.staging}/{operation.staged}", operation.final

    def _exists(self, path: str) -> bool:
        return self._files.entry(path) is not None

    def _read(self, path: str) -> bytes:
        try:
            return self._files.read(path, 0, None)
        except FileNotFoundError:
            raise self._changed(f"{posixpath.basename(path)} has gone") from None

    def _move(self, old: str, new: str) -> None:
        missing = []
        place = posixpath.dirname(new)
        while self._files.entry(place) is None:
            missing.append(place)
            place = posixpath.dirname(place)
        for folder in reversed(missing):
            with contextlib.suppress(FileExistsError):
                self._files.make_folder(folder)
        self._files.rename(old, new)

    def _remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            self._files.remove(path)

    def _remove_if_empty(self, folder: str) -> None:
        with contextlib.suppress(OSError, RemoteRefused):
            self._files.remove_folder(folder)

    def _names(self) -> Iterable[str]:
        for operation in self._record.operations:
            yield from self._ends(operation)

    def _require_no_links(self) -> None:
        """Refuse to work through a link: what is renamed there would land somewhere else."""
        ways = {str(above) for name in (*self._names(), "") for above in PurePosixPath(name).parents} - {"."}
        for way in sorted({*ways, STAGING, self._request.staging, self._request.job}):
            entry = self._files.entry(self._at(way))
            if entry is not None and entry.kind == "link":
                raise self._refused(f"the folder {way} is a symbolic link")
        log = self._files.entry(self._log)
        if log is not None and log.kind != "file":
            raise self._refused(f"{EVENT_LOG} is not a regular file")

    def _sync_touched(self) -> None:
        """Make the names in every folder that changed durable."""
        names = (*self._names(), *self._record.folders, EVENT_LOG)
        for place in sorted({posixpath.dirname(self._at(name)) for name in names}, reverse=True):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                self._files.sync(place)

    def _hold(self, record: str) -> None:
        """Take the record of that name for ours, after a look at what it says."""
        entry = self._files.entry(record)
        if entry is None or entry.kind != "file" or self._files.read(record, 0, None) != self._record_bytes:
            raise self._settled("the record there is another one")
        self._mark = entry.mark

    def _alive(self, record: str) -> None:
        entry = self._files.entry(record)
        if entry is None or entry.mark != self._mark:
            raise self._settled("somebody else has settled the change meanwhile")

    def _log_size(self) -> int:
        entry = self._files.entry(self._log)
        return 0 if entry is None else entry.size_bytes

    def _log_state(self) -> LogState:
        size, line = self._log_size(), self._record.line
        found = self._files.read(self._log, self._request.offset, len(line)) if size > self._request.offset else b""
        return self._record.state_in(found, size)

    def _typed(self, error: Exception) -> UsrError:
        return remote_error(error, remote=self._files.name, path=self._request.folder, doing="commit the change")

    def _settled(self, what: str) -> RemoteChanged:
        """Return the error for a change that somebody else has settled: there is nothing left to take back."""
        self._overtaken = True
        return self._changed(what)

    def _changed(self, what: str) -> RemoteChanged:
        return RemoteChanged(
            f"Could not commit the change on {self._files.name}: {what}.",
            hint="Somebody has changed it meanwhile; run the command again.",
            facts={"remote": self._files.name, "path": self._request.folder},
        )

    def _refused(self, what: str) -> RemoteRefused:
        return RemoteRefused(
            f"Could not commit the change on {self._files.name}: {what}.",
            hint="Put a regular file or folder in its place there; nothing is read or written through a link.",
            facts={"remote": self._files.name, "path": self._request.folder},
        )


def remove_far_tree(files: FarFiles, path: str) -> None:
    """Remove a folder with all that is in it; links in it go, and what they lead to stays. One that has gone is fine.

    Raises:
        OSError, TransportError: Something can't be removed.
    """
    with contextlib.suppress(FileNotFoundError):
        for entry in list(files.entries(path)):
            place = f"{path}/{entry.path}"
            if entry.kind == "folder":
                remove_far_tree(files, place)
            else:
                files.remove(place)
        files.remove_folder(path)
