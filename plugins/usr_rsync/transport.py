"""The transport `ssh`: every call of `usr_core.plugin.transports.Transport`, over ssh and rsync.

Looking, locking and committing go over one session with `agent.sh`; bytes of files go by rsync over the same shared
connection. A session that died is opened anew by the next call, but never inside a lock: the lock died with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from usr_core.commit.interrupts import uninterrupted
from usr_core.plugin.parquet_facts import PROGRAM
from usr_core.plugin.transport_errors import RemoteRefused, RemoteToolMissing, RemoteUnreachable
from usr_core.plugin.transports import (
    ABILITY_PARQUET,
    ABILITY_SHA256,
    CommitRequest,
    DigestRequest,
    FetchRequest,
    LockRequest,
    PlaceRequest,
    Probe,
    ReadRequest,
    RemoteEntry,
    RemoveRequest,
    SendRequest,
    Traffic,
)
from usr_rsync import leftovers
from usr_rsync.connection import SharedConnection, open_shared_connection, shared_connection_is_up
from usr_rsync.copying import PAUSES, CopyJob, copy_files
from usr_rsync.failures import answer_error, is_final, unreachable
from usr_rsync.listing import parse_digests, parse_entries
from usr_rsync.names import check_names, check_path, check_staging_name
from usr_rsync.session import AgentSession, Answer, SessionLost
from usr_rsync.settings import RemoteSettings

__all__ = ["RsyncTransport"]

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
        # Whoever forgets to close leaves no connection behind either.
        self._finalizer = weakref.finalize(self, SharedConnection.close, self._connection)

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
        """Return what the far side can do; asked once."""
        if self._abilities is None:
            answer = self._look("abilities", doing="see what it can do", path="")
            self._abilities = frozenset(answer.body.decode("ascii", "replace").split())
        return self._abilities

    def probe(self, folder: str) -> Probe:
        """Return the versions of the programs there, its clock, and whether the folder can be written.

        The fact ``greeting`` is there only where the login prints something.
        """
        answer = self._look("probe", check_path(folder), doing="see what it has", path=folder)
        pairs = (line.partition("\t") for line in answer.body.decode("utf-8", "replace").splitlines())
        found = {key: value.strip() for key, _, value in pairs}
        known = ("rsync", "digest", "flock", "python3", "pyarrow", "system")
        state = found.get("folder", "")
        facts = {name: found.get(name) or None for name in known}
        if self._session is not None and self._session.greeting:
            facts["greeting"] = self._session.greeting
        return Probe(
            facts=facts,
            clock=float(found.get("clock") or 0),
            folder="writable" if state == "writable" else "read-only" if state == "read-only" else "missing",
        )

    def stat(self, path: str) -> RemoteEntry | None:
        """Return what has that path, or None."""
        answer = self._look("stat", check_path(path), doing="look at a file", path=path)
        return next(iter(parse_entries(answer.body)), None)

    def walk(self, path: str) -> Iterator[RemoteEntry]:
        """Yield everything below a folder, sorted by path; memory grows with the number of entries."""
        answer = self._look("walk", check_path(path), doing="list a folder", path=path)
        entries = sorted(parse_entries(answer.body), key=lambda entry: entry.path)
        self._sizes.update((f"{path}/{entry.path}", entry.size_bytes) for entry in entries if entry.kind == "file")
        return iter(entries)

    def read(self, request: ReadRequest) -> bytes:
        """Return the bytes of a file, or of a range."""
        if request.offset < 0 or (request.length is not None and request.length < 0):
            raise ValueError("a range begins in the file and has a length")
        path = check_path(request.path)
        length = "all" if request.length is None else request.length
        return self._look("read", path, request.offset, length, doing="read a file", path=path).body

    def digest(self, request: DigestRequest) -> Mapping[str, Mapping[str, str | int]]:
        """Return facts by name, computed there on several cores; files that are missing are left out."""
        folder, names = check_path(request.folder), check_names(request.files)
        if request.kind not in (ABILITY_SHA256, ABILITY_PARQUET):
            raise ValueError(f"there are no facts of kind {request.kind!r}")
        if not names:
            return {}
        # The biggest first, or the last core would work alone in the end.
        names = tuple(sorted(names, key=lambda name: -self._sizes.get(f"{folder}/{name}", 0)))
        listed = "\n".join(f"./{name}" for name in names).encode("utf-8", "surrogateescape")
        if request.kind == ABILITY_SHA256:
            answer = self._look("digest", folder, len(names), payload=(listed,), doing="compute digests", path=folder)
            return {name: {ABILITY_SHA256: value} for name, value in parse_digests(answer.body).items()}
        if ABILITY_PARQUET not in self.abilities():
            raise RemoteToolMissing(
                f"{self.settings.host} has no Python with pyarrow to read Parquet footers with.",
                hint="Install pyarrow there, or use --verify hash.",
                facts={"host": self.settings.host, "program": "python3 with pyarrow"},
            )
        payload = (PROGRAM.encode(), listed)
        answer = self._look("facts", folder, payload=payload, doing="read Parquet footers", path=folder)
        return self._parquet_facts(answer.body, folder)

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
        self._look("sweep", into, doing="remove what rsync left", path=into)

    # ------------------------------------------------------------ changing

    def lock(self, request: LockRequest) -> AbstractContextManager[bool]:
        """Hold the lock there inside ``with``; False where it can't be written there."""
        return self._hold(request)

    def commit(self, request: CommitRequest) -> None:
        """Do, finish or take back a change; SIGINT waits until the far side has answered.

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
        with uninterrupted():
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
        """End the session, and the connection unless it is one that the user keeps open."""
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
        wait = f"{max(0.0, request.timeout):.2f}"
        arguments = (folder, int(request.create), wait, secrets.token_hex(16), json.dumps(holder))
        return self._retried("lock", arguments, (), doing="lock the dataset")

    def _unlock(self) -> None:
        session = self._session
        if session is None or not session.alive():
            return  # it died with the session
        try:
            session.ask("unlock")
        except SessionLost:
            self._end_session()

    def _look(self, word: str, *arguments: str | int, doing: str, path: str, payload: tuple[bytes, ...] = ()) -> Answer:
        """Ask something that may be asked twice."""
        if self._locked is None:
            answer = self._retried(word, arguments, payload, doing=doing)
        else:
            answer = self._once(word, arguments, payload, doing=doing)
        if answer.status != "ok":
            raise answer_error(self.settings, answer, doing=doing, path=path)
        return answer

    def _change(self, word: str, *arguments: str | int, doing: str, path: str) -> None:
        """Ask for something that must not be asked twice."""
        answer = self._once(word, arguments, (), doing=doing)
        if answer.status != "ok":
            raise answer_error(self.settings, answer, doing=doing, path=path)

    def _retried(
        self, word: str, arguments: tuple[str | int, ...], payload: tuple[bytes, ...], *, doing: str
    ) -> Answer:
        for pause in PAUSES:
            try:
                return self._connected().ask(word, *arguments, payload=payload)
            except SessionLost as lost:
                self._end_session()
                self._connection.forget()
                if is_final(lost):
                    raise unreachable(self.settings, lost, doing=doing) from lost
            time.sleep(pause)
        return self._once(word, arguments, payload, doing=doing)

    def _once(self, word: str, arguments: tuple[str | int, ...], payload: tuple[bytes, ...], *, doing: str) -> Answer:
        try:
            return self._connected().ask(word, *arguments, payload=payload)
        except SessionLost as lost:
            self._end_session()
            self._connection.forget()
            raise unreachable(self.settings, lost, doing=doing) from lost

    def _connected(self) -> AgentSession:
        if self._session is not None and self._session.alive():
            return self._session
        self._end_session()
        if self._locked is not None:
            raise RemoteUnreachable(
                f"The connection to {self.settings.host} broke while the dataset was locked there.",
                hint="Run the command again: what was begun there is finished or taken back first.",
                facts={"host": self.settings.host, "path": self._locked},
            )
        self._session = AgentSession(self._connection.ssh(), self.settings.host)
        return self._session

    def _end_session(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            self._ended += session.traffic
            session.close()

    def _copy(self, job: CopyJob) -> None:
        self._copied += copy_files(self.settings, self._connection.ssh, job)

    def _parquet_facts(self, body: bytes, folder: str) -> dict[str, dict[str, str | int]]:
        facts: dict[str, dict[str, str | int]] = {}
        for line in body.splitlines():
            told = json.loads(line)
            name = told["path"].removeprefix("./")
            if "error" in told:
                raise RemoteRefused(
                    f"{name} on {self.settings.host} is no whole Parquet file.",
                    hint="Look at that file there; --verify hash does not read it.",
                    facts={"host": self.settings.host, "path": f"{folder}/{name}", "answer": told["error"]},
                )
            facts[name] = {key: told[key] for key in ("rows", "columns", "schema")}
        return facts

    def _staging(self, relative: str) -> str:
        """Return ``.usr.tmp/<name>``; the plain name is taken too."""
        return f".usr.tmp/{check_staging_name(relative.removeprefix('.usr.tmp/'))}"


def _count(number: int) -> int:
    if number < 0:
        raise ValueError("a number of a commit is not negative")
    return number
