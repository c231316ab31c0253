"""The spool: events that wait on disk, a file each, until somebody delivers them.

Names begin with the time, so that sorted names are the order of arrival. A file is written under another name,
made durable and then given its own: whatever a reader finds is whole. Many processes may add at once; one at
a time takes out. An event that its receiver refuses for good goes to ``rejected/`` and holds up no other.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from usr_core.api import UsrError
from usr_core.api.files import LockTimeout, hold_lock, sync_folder, write_new
from usr_notify.delivery import RetryPolicy, SendFailure, Target, deliver
from usr_notify.errors import SpoolUnusable
from usr_notify.message import Message

__all__ = ["DrainOutcome", "Spool"]

_SUFFIX = ".event"
_REJECTED = "rejected"
_counter = itertools.count()


@dataclass(frozen=True, slots=True, kw_only=True)
class DrainOutcome:
    """What became of the waiting events.

    Attributes:
        delivered: Handed over, and gone from the spool.
        rejected: Moved to ``rejected/``.
        waiting: Still there.
        failure: Why it stopped early, or the last reason for a rejection; None where all were delivered.
    """

    delivered: int
    rejected: int
    waiting: int
    failure: UsrError | None


class Spool:
    """One folder of waiting events; made when the first one is added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, message: Message) -> None:
        """Keep an event; it is durable when this returns.

        Raises:
            SpoolUnusable: The spool can't be written.
        """
        head = {
            "usr_notify_spool": 1,
            "dataset": message.dataset,
            "action": message.action,
            "seq": message.seq,
            "key": message.key,
        }
        content = json.dumps(head, ensure_ascii=True).encode() + b"\n" + message.payload + b"\n"
        stem = f"{time.time_ns():020d}-{os.getpid()}-{next(_counter):08d}-{secrets.token_hex(4)}"
        temporary = self.folder / f".{stem}.tmp"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                write_new(temporary, content)
                temporary.rename(self.folder / f"{stem}{_SUFFIX}")
            finally:
                with contextlib.suppress(OSError):
                    temporary.unlink(missing_ok=True)
            sync_folder(self.folder)
        except OSError as error:
            raise self._unusable(error, "written") from error

    def waiting(self) -> list[Path]:
        """Return the files of the waiting events, the oldest first; none where there is no spool.

        Raises:
            SpoolUnusable: The folder can't be read.
        """
        try:
            return sorted(path for path in self.folder.iterdir() if path.name.endswith(_SUFFIX))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable(error, "read") from error

    def drain(self, target: Target, policy: RetryPolicy) -> DrainOutcome:
        """Deliver the waiting events in order, each at least once, until all are dealt with or one has to wait.

        Raises:
            LockTimeout: Somebody else is taking events out.
            SpoolUnusable: The folder can't be used.
        """
        delivered = rejected = 0
        failure: UsrError | None = None
        with self._taking_out():
            paths = self.waiting()
            for number, path in enumerate(paths):
                try:
                    message = _read(path)
                    if message is None:
                        failure = _damaged(path)
                    else:
                        deliver(target, message, policy)
                except SendFailure as failed:
                    failure = failed.error
                    if not failed.rejects:
                        return DrainOutcome(
                            delivered=delivered, rejected=rejected, waiting=len(paths) - number, failure=failure
                        )
                    message = None
                except OSError as error:
                    raise self._unusable(error, "read") from error
                self._take(path, rejected=message is None)
                delivered, rejected = delivered + (message is not None), rejected + (message is None)
        return DrainOutcome(delivered=delivered, rejected=rejected, waiting=0, failure=failure)

    @contextlib.contextmanager
    def _taking_out(self) -> Iterator[None]:
        if not self.folder.is_dir():
            yield
            return
        try:
            with hold_lock(self.folder / ".lock", timeout=0, command="usr notify"):
                yield
        except LockTimeout as error:
            error.message = "Another process is delivering the events of this spool."
            error.hint = "Wait until it is done; one at a time takes events out."
            raise

    def _take(self, path: Path, *, rejected: bool) -> None:
        try:
            if rejected:
                (self.folder / _REJECTED).mkdir(mode=0o700, exist_ok=True)
                path.rename(self.folder / _REJECTED / path.name)
            else:
                path.unlink()
        except OSError as error:
            raise self._unusable(error, "changed") from error

    def _unusable(self, error: OSError, verb: str) -> SpoolUnusable:
        return SpoolUnusable(
            f"The spool can't be {verb}: {error.strerror}.",
            hint="Give a folder of your own on a disk with free space.",
            facts={"file": str(self.folder)},
        )


def _read(path: Path) -> Message | None:
    """Return the event in a file, or None where the file does not hold one."""
    head, newline, payload = path.read_bytes().partition(b"\n")
    try:
        held = json.loads(head)
        seq = held["seq"]
        if held["usr_notify_spool"] != 1 or not newline or not payload.endswith(b"\n"):
            return None
        if not (seq is None or isinstance(seq, int)) or not str(held["key"]).isascii():
            return None
        return Message(
            dataset=str(held["dataset"]),
            action=str(held["action"]),
            seq=seq,
            key=str(held["key"]),
            payload=payload[:-1],
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _damaged(path: Path) -> SpoolUnusable:
    return SpoolUnusable(
        "A file in the spool is not an event.", hint=f"Look at it under {_REJECTED}/.", facts={"file": path.name}
    )
