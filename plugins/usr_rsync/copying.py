"""One run of rsync over ssh: its command line, its progress, and what its failure means.

Files are listed by name on standard input, so nothing else is copied and no name meets a shell or a wildcard. Nothing
is ever deleted, owners and permissions are not carried over, and links and devices are left out. A file is compared by
its content whatever its size and time say, as a leftover or a basis may have both right and bytes wrong.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from usr_core.api.files import file_system_error
from usr_core.api.transports import (
    RemoteChanged,
    RemoteRefused,
    RemoteShellPrints,
    RemoteToolMissing,
    RemoteUnreachable,
    Traffic,
)
from usr_rsync.failures import FULL, is_final, unreachable
from usr_rsync.processes import end_process, last_lines
from usr_rsync.session import SessionLost
from usr_rsync.settings import RemoteSettings, child_environment, require_program

__all__ = ["PAUSES", "CopyJob", "copy_files"]

PAUSES = (0.5, 1.0, 2.0)
"""Seconds before each further try after a transient failure."""

_OPTIONS = (
    "-rt",
    "--ignore-times",
    "--no-links",
    "--no-devices",
    "--no-specials",
    "--no-perms",
    "--no-owner",
    "--no-group",
    "--chmod=D755,F644",
    "--partial-dir=.rsync-partial",
    # In a folder of their own, the files of an rsync that was killed can be told from those that arrived.
    "--temp-dir=.rsync-tmp",
    "--timeout=60",
    "--files-from=-",
    "--from0",
    "-s",
    "--stats",
    "--info=progress2,nonreg1",
    "--outbuf=L",
)
_TRANSIENT = frozenset({10, 11, 12, 30, 35, 137, 143, 255})
_CHUNK = 1 << 16
_PROGRESS = re.compile(r"^\s*([\d,.]+)\s+(\d+)%")
_COUNT = re.compile(r"^Total bytes (sent|received): ([\d,.]+)")
_GONE = re.compile(r"No such file or directory \(2\)|file has vanished|Not a directory \(20\)")
_TOO_LONG = re.compile(r"File name too long")
_UNCLEAN = re.compile(r"is your shell clean|protocol version mismatch")
_REFUSED = re.compile(
    r"Permission denied \(13\)|Read-only file system|Operation not permitted|File name too long|Input/output"
)
_NO_RSYNC = re.compile(
    r"rsync: (?:command )?not found|rsync: No such file|Unknown command: rsync|command not found: rsync"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyJob:
    """What to copy.

    Attributes:
        there: The folder on the remote side.
        here: The folder here.
        fetch: From there to here; else from here to there.
        files: Names, checked.
        basis: Folder, on the receiving side, with files that are likely alike.
        total: Bytes in all, where they are known.
        progress: Called with (bytes done, bytes in all).
    """

    there: str
    here: Path
    fetch: bool
    files: tuple[str, ...]
    basis: str | None = None
    total: int | None = None
    progress: Callable[[int, int], None] | None = None


@dataclass(slots=True)
class _Run:
    exit_code: int
    messages: str
    traffic: Traffic
    skipped: list[str]


def copy_files(
    settings: RemoteSettings,
    ssh: Callable[[], Sequence[str]],
    job: CopyJob,
    *,
    renew: Callable[[int], None],
    printed: Callable[[], str],
) -> Traffic:
    """Copy files; after a transient failure again, three times.

    Args:
        settings: The remote.
        ssh: Gives the ssh command line up to its options, for each try.
        job: What to copy.
        renew: Called with its number before each further try.
        printed: Gives what a login there prints by itself.

    Raises:
        RemoteShellPrints: What the login shell there prints is in rsync's way.
        RemoteToolMissing: rsync is missing, here or there.
        RemoteChanged: A file to copy has gone, or is not a regular file any more.
        RemoteRefused: The file system there refused.
        FileSystemError: The file system here refused.
        RemoteUnreachable: Every try was cut off.
    """
    require_program("rsync")
    spent = Traffic()
    for number, pause in enumerate((*PAUSES, None), 2):
        run = _run([*_command(ssh()), *_ends(settings, job)], job)
        spent += run.traffic
        if run.exit_code == 0 and not run.skipped:
            return spent
        _raise_if_printed(settings, job, run, printed())
        _raise_if_lasting(settings, job, run)
        if pause is None:
            break
        time.sleep(pause)
        renew(number)
    raise RemoteUnreachable(
        f"The transfer {'from' if job.fetch else 'to'} {settings.host} was cut off {len(PAUSES) + 1} times.",
        hint="What arrived is kept: run the command again, and it goes on from there.",
        facts={"host": settings.host, "path": job.there, "answer": run.messages or None, "exit": run.exit_code},
    )


def _command(ssh: Sequence[str]) -> list[str]:
    # rsync puts the host behind this, so the options end here.
    return ["rsync", *_OPTIONS, "-e", " ".join(_quoted(word) for word in [*ssh, "--"])]


def _ends(settings: RemoteSettings, job: CopyJob) -> list[str]:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    basis = [] if job.basis is None else [f"--copy-dest={job.basis}"]
    here, there = f"{job.here.absolute()}/", f"{host}:{_literal(job.there)}/"
    return [*basis, "--", *((there, here) if job.fetch else (here, there))]


def _literal(path: str) -> str:
    """Take the meaning of a pattern from a path: the remote side's rsync expands what it is given."""
    return re.sub(r"([*?\[\\])", r"\\\1", path) if re.search(r"[*?\[]", path) else path


def _quoted(word: str) -> str:
    """Quote a word for rsync's own splitting of ``-e``: a quote is doubled inside quotes, nothing else is special."""
    if re.fullmatch(r"[A-Za-z0-9_=./,:@%+-]+", word):
        return word
    return "'" + word.replace("'", "''") + "'"


def _run(command: list[str], job: CopyJob) -> _Run:
    with tempfile.TemporaryFile() as names, tempfile.TemporaryFile() as messages:
        # "./" keeps a name that begins with # or ; from being taken for a comment.
        names.write(b"".join(b"./%b\0" % name.encode("utf-8", "surrogateescape") for name in job.files))
        names.seek(0)
        process = subprocess.Popen(
            command,
            stdin=names,
            stdout=subprocess.PIPE,
            stderr=messages,
            env=child_environment(),
            start_new_session=True,
        )
        try:
            counts, skipped = _follow(process, job)
            exit_code = process.wait()
        finally:
            end_process(process)
        messages.seek(0)
        told = last_lines(messages.read(), 8)
    traffic = Traffic(sent=counts.get("sent", 0), received=counts.get("received", 0))
    return _Run(exit_code, told, traffic, skipped)


def _follow(process: subprocess.Popen[bytes], job: CopyJob) -> tuple[dict[str, int], list[str]]:
    """Read what rsync prints until it ends; tell progress on the way."""
    counts: dict[str, int] = {}
    skipped: list[str] = []
    stream = process.stdout
    assert stream is not None
    rest = b""
    while chunk := os.read(stream.fileno(), _CHUNK):
        *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
        for raw in lines:
            line = raw.decode("utf-8", "replace")
            if (count := _COUNT.match(line)) is not None:
                counts[count[1]] = _number(count[2])
            elif line.startswith("skipping non-regular file"):
                skipped.append(line)
            elif job.progress is not None and (seen := _PROGRESS.match(line)) is not None:
                done, percent = _number(seen[1]), int(seen[2])
                total = job.total if job.total is not None else done * 100 // max(percent, 1)
                job.progress(min(done, total), total)
    return counts, skipped


def _number(text: str) -> int:
    return int(re.sub(r"\D", "", text) or "0")


def _raise_if_printed(settings: RemoteSettings, job: CopyJob, run: _Run, printed: str) -> None:
    """Raise where rsync failed over what is not its own protocol: rsync says so, or a login is known to print."""
    if _UNCLEAN.search(run.messages) or (printed and run.exit_code in (2, 12, 13)):
        raise RemoteShellPrints(
            host=settings.host,
            printed=printed or run.messages,
            doing="fetch files" if job.fetch else "send files",
        )


def _raise_if_lasting(settings: RemoteSettings, job: CopyJob, run: _Run) -> None:
    """Raise the error if another try would not help; return if it might."""
    facts: dict[str, object] = {"host": settings.host, "path": job.there, "exit": run.exit_code}
    facts["answer"] = run.messages or None
    doing = "fetch files from it" if job.fetch else "send files to it"
    if run.exit_code == 127 or _NO_RSYNC.search(run.messages):
        raise RemoteToolMissing(
            f"{settings.host} lacks the program rsync.",
            hint=f"Install it there, or load its module for non-interactive logins; "
            f"`usr remotes doctor --remote {settings.name}` lists what is needed.",
            facts=facts,
        )
    gone = _GONE.search(run.messages)
    # A stream that broke off (12) may also be cut; only that the folder could not be entered says it has gone.
    if run.skipped or (
        gone and (run.exit_code in (3, 23, 24) or (run.exit_code == 12 and "change_dir" in gone.string))
    ):
        facts["answer"] = run.messages or "\n".join(run.skipped[:4])
        raise RemoteChanged(
            f"A file to copy {'from' if job.fetch else 'to'} {settings.host} has gone meanwhile.",
            hint="Somebody has changed it; run the command again.",
            facts=facts,
        )
    if FULL.search(run.messages):
        _refuse(settings, job, run, errno.ENOSPC, facts)
    if run.exit_code == 255 and is_final(SessionLost(run.messages, 255)):
        raise unreachable(settings, SessionLost(run.messages, 255), doing=doing)
    if (run.exit_code not in _TRANSIENT and run.exit_code >= 0) or _REFUSED.search(run.messages):
        _refuse(settings, job, run, errno.EACCES if "Permission denied" in run.messages else errno.EIO, facts)


def _refuse(settings: RemoteSettings, job: CopyJob, run: _Run, number: int, facts: dict[str, object]) -> None:
    """Raise for the side that refused: rsync names the sending one ``sender``, in the line that says why."""
    lines = run.messages.splitlines()
    why = [line for line in lines if FULL.search(line) or _REFUSED.search(line)]
    by_sender = any("[sender]" in line for line in why or lines)
    if by_sender != job.fetch:
        error = file_system_error(OSError(number, os.strerror(number)), job.here, "copy the files")
        with contextlib.suppress(TypeError):
            error.facts = {**error.facts, "answer": run.messages or None}
        raise error
    if _TOO_LONG.search(run.messages):
        raise RemoteRefused(
            f"A file's name is too long for the file system of {settings.host}.",
            hint="Shorten it, or the names of the folders above it.",
            facts=facts,
        )
    if number == errno.ENOSPC:
        upload = job.there.removesuffix("/files")
        raise RemoteRefused(
            f"No space is left on {settings.host}.",
            hint=f"Free space or get more quota there, then run the command again: it goes on with what has arrived. "
            f"That lies in {upload} there; removing that folder frees its space.",
            facts={**facts, "partial upload": upload},
        )
    raise RemoteRefused(
        f"The files could not be copied on {settings.host}.",
        hint="Look at permissions, space and quota there, and at what rsync answered.",
        facts=facts,
    )
