"""The transport `ssh`: every call of `usr_core.api.transports.Transport`, over ssh and rsync.

Looking, locking and committing go over one session with `agent.sh`; bytes of files go by rsync over the same shared
connection. A session that died is opened anew by the next call, but never inside a lock: the lock died with it.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import socket
import time
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from usr_core.api import visible
from usr_core.api.files import uninterrupted
from usr_core.api.transports import (
    ABILITY_PARQUET,
    ABILITY_SHA256,
    PARQUET_FACTS_PROGRAM,
    CommitRequest,
    DigestRequest,
    FetchRequest,
    LockRequest,
    PlaceRequest,
    Probe,
    ReadRequest,
    RemoteEntry,
    RemoteNonsense,
    RemoteToolMissing,
    RemoteUnreachable,
    RemoveRequest,
    SendRequest,
    Traffic,
    check_names,
    check_path,
    check_staging_name,
)
from usr_rsync import leftovers
from usr_rsync.connection import SharedConnection, open_shared_connection, shared_connection_is_up
from usr_rsync.copying import PAUSES, CopyJob, copy_files
from usr_rsync.failures import answer_error, is_final, unreachable
from usr_rsync.listing import (
    LISTING_BYTES,
    is_of_writers,
    parse_clock,
    parse_digests,
    parse_entries,
    parse_facts,
    sum_of_digests,
    sum_of_listing,
)
from usr_rsync.session import AgentSession, Answer, Limits, Request, SessionLost, SessionSilent, UnpacksNothing
from usr_rsync.settings import RemoteSettings

__all__ = ["RsyncTransport"]

_READ_BYTES = 1 << 29
"""The most that is read of one file in one go."""
_DIGEST_BYTES = 8192
"""The most that is said of one file."""
_FLUSHED_BY_NAME = 64
"""How many files are made durable one by one; the file system as a whole beyond."""
_BRIEF_FILES = (256, 100_000)
"""For how many files, from and to, one digest of all their digests is asked for first."""
_BRIEF_BYTES = 1 << 30
"""The most that these files have in all: where one of them is not as expected, all are hashed again."""

_WALK = "list a folder"
_ACTIONS = {
    "commit": "commit the change",
    "finish": "finish the change",
    "undo": "take the change back",
    "discard": "discard the change",
}


class RsyncTransport:
    """Reaches one remote; nothing is connected before the first call.

    Args:
        settings: ``host``, and ``user``, ``port``, ``batch_mode``, ``ssh_key``, ``known_hosts``, ``connect_timeout``,
            ``name`` where they are set.

    Raises:
        RemoteNameRefused: A setting is not one that is safe to hand on.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._given = dict(settings)
        self.settings = RemoteSettings.parse(settings)
        self._connection = SharedConnection(self.settings)
        self._session: AgentSession | None = None
        self._locked: str | None = None
        self._copied = Traffic()
        self._ended = Traffic()
        self._abilities: frozenset[str] | None = None
        self._sizes: dict[str, int] = {}
        self._walked: dict[str, tuple[str, list[RemoteEntry]]] = {}
        self._tell: Callable[[str], None] = lambda _line: None
        self._closed = 0
        # Whoever forgets to close leaves no connection behind either.
        self._finalizer = weakref.finalize(self, SharedConnection.close, self._connection)

    def watch(self, tell: Callable[[str], None]) -> None:
        """Let `tell` have a line about each long silence and each further try."""
        self._tell = tell

    # ------------------------------------------------------------ a connection that commands share

    def shared_connection(self) -> bool:
        """Tell whether a connection is open that commands share: the user's own, or one that was warmed."""
        return shared_connection_is_up(self._given)

    def open_shared_connection(self) -> None:
        """Open one that outlives this command; ssh may ask for a password or a second factor on the terminal.

        Raises:
            RemoteUnreachable: The login failed.
        """
        open_shared_connection(self._given)

    def command_there(self, *words: str) -> str:
        """Return a line for a shell of the user's that runs a command there."""
        return self.settings.command(*words)

    # ------------------------------------------------------------ looking

    def abilities(self) -> frozenset[str]:
        """Return what the remote side can do; asked once."""
        if self._abilities is None:
            answer = self._look("abilities", doing="see what it can do", path="", seconds=self._patience)
            self._abilities = frozenset(answer.body.decode("ascii", "replace").split())
        return self._abilities

    def probe(self, folder: str) -> Probe:
        """Return the versions of the programs there, its clock, and whether the folder can be written.

        The fact ``greeting`` is there only where the login prints something.
        """
        answer = self._look("probe", check_path(folder), doing="see what it has", path=folder, seconds=self._patience)
        pairs = (line.partition("\t") for line in answer.body.decode("utf-8", "replace").splitlines())
        found = {key: value.strip() for key, _, value in pairs}
        known = ("rsync", "digest", "flock", "python3", "pyarrow", "system")
        state = found.get("folder", "")
        facts = {name: found.get(name) or None for name in known}
        if greeting := self._greeting():
            facts["greeting"] = greeting
        return Probe(
            facts=facts,
            clock=parse_clock(found.get("clock", ""), host=self.settings.host),
            folder="writable" if state == "writable" else "read-only" if state == "read-only" else "missing",
            lock=found.get("lock"),
        )

    def stat(self, path: str) -> RemoteEntry | None:
        """Return what has that path, or None."""
        answer = self._look("stat", check_path(path), doing="look at a file", path=path)
        return next(iter(parse_entries(answer.body, host=self.settings.host)), None)

    def walk(self, path: str) -> Iterator[RemoteEntry]:
        """Yield everything below a folder, sorted by path; memory grows with the number of entries."""
        known, entries = self._walked.get(check_path(path), ("", []))
        ask = self._retried if self._locked is None else self._once
        limits = Limits(doing=_WALK, body=LISTING_BYTES)
        answer = ask("walk", (path, known), (), limits)
        if answer.status not in ("ok", "same" if known else "ok"):
            raise answer_error(self.settings, answer, doing=_WALK, path=path)
        found = list(parse_entries(answer.body, host=self.settings.host))
        self._sizes.update((f"{path}/{entry.path}", entry.size_bytes) for entry in found if entry.kind == "file")
        if answer.status == "ok":
            entries = [entry for entry in found if not is_of_writers(entry.path)]
            self._walked[path] = sum_of_listing(answer.body), entries
        else:
            found += entries
        found.sort(key=lambda entry: entry.path)
        return iter(found)

    def read(self, request: ReadRequest) -> bytes:
        """Return the bytes of a file, or of a range."""
        if request.offset < 0 or (request.length is not None and request.length < 0):
            raise ValueError("a range begins in the file and has a length")
        path = check_path(request.path)
        length = "all" if request.length is None else request.length
        most = _READ_BYTES if request.length is None else request.length
        body = self._look("read", path, request.offset, length, doing="read a file", path=path, body=most).body
        if len(body) > most:
            raise RemoteNonsense(f"more bytes of a file came than were asked for ({most:,})", host=self.settings.host)
        return body

    def digest(self, request: DigestRequest) -> Mapping[str, Mapping[str, str | int]]:
        """Return facts by name, computed there on several cores; files that are missing are left out."""
        folder, names = check_path(request.folder), check_names(request.files)
        if request.kind not in (ABILITY_SHA256, ABILITY_PARQUET):
            raise ValueError(f"there are no facts of kind {request.kind!r}")
        if not names:
            return {}
        # The biggest first, or the last core would work alone in the end.
        names = tuple(sorted(names, key=lambda name: -self._sizes.get(f"{folder}/{name}", 0)))
        if request.kind == ABILITY_SHA256:
            return self._digests(folder, names, request.expected)
        listed, most = _listed(names), _DIGEST_BYTES * (len(names) + 1)
        if ABILITY_PARQUET not in self.abilities():
            raise RemoteToolMissing(
                f"{self.settings.host} has no Python with pyarrow to read Parquet footers with.",
                hint="Install pyarrow there, or use --verify hash.",
                facts={"host": self.settings.host, "program": "python3 with pyarrow"},
            )
        payload = (PARQUET_FACTS_PROGRAM.encode(), listed)
        answer = self._look(
            "facts",
            folder,
            payload=payload,
            doing="read Parquet footers",
            path=folder,
            body=most,
            acknowledge=True,
        )
        return parse_facts(answer.body, folder, host=self.settings.host)

    def _digests(
        self, folder: str, names: tuple[str, ...], expected: Callable[[], Mapping[str, str]] | None
    ) -> dict[str, dict[str, str | int]]:
        """Return SHA-256 by name; of many small files that are as expected, only that they are is sent."""
        small = self._small(folder, names) if expected is not None else ()
        if expected is None or not small:
            return self._all_digests(folder, names)
        found = self._all_digests(folder, names[: -len(small)])
        answer = self._asked_digests("brief", folder, small, most=_DIGEST_BYTES)
        hopes = expected()
        hoped = {name: hopes[name] for name in small if name in hopes}
        if len(hoped) != len(small) or answer.body.strip() != sum_of_digests(hoped):
            return found | self._all_digests(folder, small)
        return found | {name: {ABILITY_SHA256: digest} for name, digest in hoped.items()}

    def _small(self, folder: str, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the last of the names, which are sorted by size, that one digest can stand for."""
        left, start = _BRIEF_BYTES, len(names)
        while start and len(names) - start < _BRIEF_FILES[1]:
            name = names[start - 1]
            left -= self._sizes.get(f"{folder}/{name}", _BRIEF_BYTES)
            # A program that writes digests escapes such a name, each in its own way.
            if left < 0 or "\\" in name:
                break
            start -= 1
        return names[start:] if len(names) - start >= _BRIEF_FILES[0] else ()

    def _all_digests(self, folder: str, names: tuple[str, ...]) -> dict[str, dict[str, str | int]]:
        if not names:
            return {}
        answer = self._asked_digests("digest", folder, names, most=_DIGEST_BYTES * (len(names) + 1))
        return parse_digests(answer.body, names, host=self.settings.host)

    def _asked_digests(self, word: str, folder: str, names: tuple[str, ...], *, most: int) -> Answer:
        return self._look(
            word,
            folder,
            len(names),
            payload=(_listed(names),),
            doing="compute digests",
            path=folder,
            body=most,
            acknowledge=True,
        )

    # ------------------------------------------------------------ moving

    def fetch(self, request: FetchRequest) -> None:
        """Copy files here; what arrived of a try that was cut off is used by the next."""
        folder, names = check_path(request.folder), check_names(request.files)
        if not names:
            return
        sizes = [self._sizes.get(f"{folder}/{name}") for name in names]
        known = [size for size in sizes if size is not None]
        basis = None if request.basis is None else str(request.basis.absolute())
        leftovers.prepare(request.into)
        self._copy(
            CopyJob(
                there=folder,
                here=request.into,
                fetch=True,
                files=names,
                basis=basis,
                total=sum(known) if len(known) == len(sizes) else None,
                progress=request.progress,
            )
        )
        leftovers.sweep(request.into)

    def send(self, request: SendRequest) -> None:
        """Copy files there; what arrived of a try that was cut off is used by the next."""
        into, names = check_path(request.into), check_names(request.files)
        basis = None if request.basis is None else check_path(request.basis)
        if not names:
            return
        self._look("folder", into, doing="make a folder", path=into)
        total = 0
        for name in names:
            check_path(f"{into}/{name}")
            with contextlib.suppress(OSError):
                total += (request.source / name).lstat().st_size
        self._copy(
            CopyJob(
                there=into,
                here=request.source,
                fetch=False,
                files=names,
                basis=basis,
                total=total,
                progress=request.progress,
            )
        )
        # More names than are made durable one by one make no difference.
        flushed = "\n".join(f"./{name}" for name in names[: _FLUSHED_BY_NAME + 1]).encode("utf-8", "surrogateescape")
        self._look("sweep", into, payload=(flushed,), doing="make what has arrived durable", path=into)

    # ------------------------------------------------------------ changing

    def lock(self, request: LockRequest) -> AbstractContextManager[bool]:
        """Hold the lock there inside ``with``; False where it can't be written there."""
        return self._hold(request)

    def commit(self, request: CommitRequest) -> None:
        """Do, finish or take back a change; the first SIGINT waits until the remote side has answered.

        Raises:
            RuntimeError: The dataset's lock is not held.
        """
        folder = check_path(request.folder)
        if self._locked != folder:
            raise RuntimeError("the lock of the dataset is not held")
        arguments = (
            self._staging(request.job),
            self._staging(request.staging),
            _count(request.seq),
            _count(request.offset),
            _count(request.length),
            request.action,
        )
        doing = _ACTIONS[request.action]
        with uninterrupted(once=True):
            self._change("commit", folder, *arguments, doing=doing, path=folder)

    def place(self, request: PlaceRequest) -> None:
        """Rename a staged file to its final name."""
        staged, final = check_path(request.staged), check_path(request.final)
        self._change("place", staged, final, doing="put a file in its place", path=final)

    def remove_staging(self, request: RemoveRequest) -> None:
        """Remove a staging folder; one that is not there is fine."""
        folder, name = check_path(request.folder), check_staging_name(request.name)
        self._look("remove", folder, name, doing="remove a staging folder", path=f"{folder}/.usr.tmp/{name}")

    # ------------------------------------------------------------ the connection

    def traffic(self) -> Traffic:
        """Return the bytes so far: rsync's own count of runs that ended well, and what sessions exchanged."""
        talked = self._session.traffic if self._session is not None else Traffic()
        return self._copied + self._ended + talked

    def close(self) -> None:
        """End the session, and the connection unless it is one that the user keeps open.

        From another thread it ends what is being asked, with `RemoteUnreachable`, and what goes on there for it.
        """
        self._closed += 1
        try:
            self._end_session()
        finally:
            self._connection.close()

    # ------------------------------------------------------------ inside

    @contextlib.contextmanager
    def _hold(self, request: LockRequest) -> Iterator[bool]:
        folder = check_path(request.folder)
        if self._locked is not None:
            raise RuntimeError("one lock at a time")
        answer = self._ask_for_lock(folder, request)
        if answer.status == "unwritable":
            if request.create:
                raise answer_error(self.settings, answer, doing="lock the dataset", path=folder)
            yield False
            return
        if answer.status != "ok":
            raise answer_error(self.settings, answer, doing="lock the dataset", path=folder)
        self._locked = folder
        try:
            yield True
        finally:
            self._locked = None
            self._unlock()

    def _ask_for_lock(self, folder: str, request: LockRequest) -> Answer:
        # A timeout of 0 tries once.
        holder = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "command": " ".join(request.label.split()),
            "since": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
        wait = math.ceil(max(0.0, request.timeout))
        arguments = (folder, int(request.create), wait, secrets.token_hex(16), json.dumps(holder))
        # The remote side gives up by itself; that it does not answer either is another matter.
        limits = Limits(doing="lock the dataset", seconds=wait + self._patience)
        # Whoever has the lock looks first.
        known, _ = self._walked.get(folder, ("", []))
        look = (
            Request(("stat", folder), Limits(doing="look at a file")),
            Request(("walk", folder, known), Limits(doing=_WALK, body=LISTING_BYTES)),
        )
        return self._retried("lock", arguments, (), limits, ahead=look)

    def _unlock(self) -> None:
        session = self._session
        if session is None or not session.alive():
            return  # it died with the session
        try:
            session.ask("unlock", limits=Limits(doing="unlock the dataset", seconds=self._patience))
        except SessionLost:
            self._end_session()

    @property
    def _patience(self) -> float:
        """Seconds that a short answer may take."""
        return 2.0 * self.settings.connect_timeout

    def _look(
        self,
        word: str,
        *arguments: str | int,
        doing: str,
        path: str,
        payload: tuple[bytes, ...] = (),
        seconds: float | None = None,
        body: int = 1 << 20,
        acknowledge: bool = False,
    ) -> Answer:
        """Ask something that may be asked twice."""
        limits = Limits(doing=doing, seconds=seconds, body=body)
        ask = self._retried if self._locked is None else self._once
        answer = ask(word, arguments, payload, limits, acknowledge=acknowledge)
        if answer.status != "ok":
            raise answer_error(self.settings, answer, doing=doing, path=path)
        return answer

    def _change(self, word: str, *arguments: str | int, doing: str, path: str) -> None:
        """Ask for something that must not be asked twice."""
        answer = self._once(word, arguments, (), Limits(doing=doing))
        if answer.status != "ok":
            raise answer_error(self.settings, answer, doing=doing, path=path)

    def _retried(
        self,
        word: str,
        arguments: tuple[str | int, ...],
        payload: tuple[bytes, ...],
        limits: Limits,
        *,
        acknowledge: bool = False,
        ahead: Sequence[Request] = (),
    ) -> Answer:
        closed = self._closed
        first = [] if payload or ahead else [Request((word, *map(str, arguments)), limits)]
        for number, pause in enumerate(PAUSES, 2):
            try:
                session = self._connected(first)
                return session.ask(
                    word, *arguments, payload=payload, limits=limits, acknowledge=acknowledge, ahead=ahead
                )
            except SessionLost as lost:
                self._end_session()
                self._connection.forget()
                if is_final(lost) or self._closed != closed:
                    raise unreachable(self.settings, lost, doing=limits.doing) from lost
            self._tell_retry(number)
            time.sleep(pause)
        return self._once(word, arguments, payload, limits, acknowledge=acknowledge)

    def _tell_retry(self, number: int) -> None:
        self._tell(f"the connection to {self.settings.host} broke; try {number} of {len(PAUSES) + 1}")

    def _once(
        self,
        word: str,
        arguments: tuple[str | int, ...],
        payload: tuple[bytes, ...],
        limits: Limits,
        *,
        acknowledge: bool = False,
    ) -> Answer:
        try:
            return self._connected().ask(word, *arguments, payload=payload, limits=limits, acknowledge=acknowledge)
        except SessionLost as lost:
            self._end_session()
            self._connection.forget()
            raise unreachable(self.settings, lost, doing=limits.doing) from lost

    def _connected(self, first: Sequence[Request] = ()) -> AgentSession:
        """Return the session; one that has to be opened gets `first`, which may be asked twice, with the script."""
        if self._session is not None and self._session.alive():
            return self._session
        self._end_session()
        if self._locked is not None:
            raise RemoteUnreachable(
                f"The connection to {self.settings.host} broke while the dataset was locked there.",
                hint="Run the command again: what was begun there is finished or taken back first.",
                facts={"host": self.settings.host, "path": self._locked},
            )
        self._session = session = self._open_session(first)
        if session.first.status != "ready":
            self._end_session()
            raise answer_error(self.settings, session.first, doing="start a session", path="")
        return session

    def _open_session(self, first: Sequence[Request]) -> AgentSession:
        """Open a session; where a shared connection does not answer, over one of our own."""
        ssh = self._connection.ssh()
        shared, seconds = self._connection.is_shared, float(self.settings.connect_timeout)
        try:
            # Until a connection of our own is there, ssh counts; then the login has as long again.
            return self._session_over(ssh, first, seconds if shared else 2 * seconds)
        except SessionSilent:
            if not shared:
                raise
        self._tell(f"the open connection to {self.settings.host} does not answer; connecting without it")
        self._connection.leave_shared()
        return self._session_over(self._connection.ssh(), first, 2 * seconds)

    def _session_over(self, ssh: Sequence[str], first: Sequence[Request], first_answer: float) -> AgentSession:
        host = self.settings.host
        try:
            return AgentSession(ssh, host, first_answer=first_answer, tell=self._tell, ahead=first)
        except UnpacksNothing:
            return AgentSession(ssh, host, first_answer=first_answer, tell=self._tell, ahead=first, packed=False)

    def _greeting(self) -> str:
        """Return what the login printed by itself, as far as a session was opened."""
        return visible(self._session.greeting[:200]) if self._session is not None else ""

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._ended += session.traffic
            if not session.end_from_elsewhere():
                session.close()

    def _copy(self, job: CopyJob) -> None:
        self._copied += copy_files(self.settings, self._connection.ssh, job, renew=self._renew, printed=self._greeting)

    def _renew(self, number: int) -> None:
        """Before a further try of a transfer, see that the remote answers over the open connection, or make our own."""
        self._tell_retry(number)
        if self._locked is None:
            self._end_session()
            self._connection.forget()
            with contextlib.suppress(RemoteUnreachable):
                self.stat("/tmp")

    def _staging(self, relative: str) -> str:
        """Return ``.usr.tmp/<name>``; the plain name is taken too."""
        return f".usr.tmp/{check_staging_name(relative.removeprefix('.usr.tmp/'))}"


def _listed(names: Iterable[str]) -> bytes:
    return "\n".join(f"./{name}" for name in names).encode("utf-8", "surrogateescape")


def _count(number: int) -> int:
    if number < 0:
        raise ValueError("a number of a commit is not negative")
    return number
