"""What the commands do around following and draining: who may run, what is told."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from usr_core.api import visible
from usr_core.api.commands import Format, UsageError, emit_outcome, emit_text, resolve_format, warn
from usr_core.api.files import LockTimeout, file_system_error, hold_lock
from usr_core.api.places import DatasetLayout, DatasetRef
from usr_notify.delivery import RetryPolicy, Target
from usr_notify.following import Counts, Follower, FollowOptions, Remarks
from usr_notify.message import Message
from usr_notify.settings import read_settings
from usr_notify.spool import Spool

__all__ = ["FollowRun", "drain_spool", "follow_log"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowRun:
    """What ``usr notify follow`` was asked for."""

    place: DatasetRef
    cursor: Path
    target: Target
    spool: Path | None
    policy: RetryPolicy
    options: FollowOptions


def follow_log(run: FollowRun, *, dry_run: bool, fmt: Format, quiet: bool) -> None:
    """Deliver a dataset's log, and print each event with what became of it; errors as `Follower.run`.

    As JSON, nothing is printed before the end.

    Raises:
        UsageError: Cursor or spool would lie in the dataset.
        LockTimeout: Another run uses the cursor.
    """
    as_json = resolve_format(fmt) is Format.JSON
    label = run.target.label
    for option, path in (("--cursor", run.cursor), ("--spool", run.spool)):
        _refuse_inside(run.place, option, path)
    follower = Follower(
        dataset=run.place.name,
        log=DatasetLayout(run.place.path).event_log,
        cursor_file=run.cursor,
        target=run.target,
        policy=run.policy,
        spool=None if run.spool is None else Spool(run.spool),
        options=run.options,
        remarks=Remarks(event=_ignore if quiet or as_json else _tell, warning=warn),
    )
    with contextlib.closing(run.target):
        if dry_run:
            count = 0
            for count, message in enumerate(follower.would_deliver(), 1):  # noqa: B007
                if not as_json:
                    _tell(message, f"would go to {label}")
            text = f"would deliver {_events(count)} to {label}"
            emit_outcome(_counts(label, Counts(delivered=count)), text, fmt, dry_run=True, dataset=run.place.name)
            return
        with _alone(run.cursor):
            counts = follower.run()
        if as_json or not quiet:
            text = _summary(counts, label)
            emit_outcome(_counts(label, counts), text, fmt, dry_run=False, dataset=run.place.name)


def drain_spool(folder: Path | None, target: Target, policy: RetryPolicy, *, dry_run: bool, fmt: Format) -> None:
    """Deliver what waits in a spool, and print what was done.

    Raises:
        UsageError: No spool is known.
        DeliveryFailed, DeliveryRefused, ProgramFailed, SpoolUnusable: Some events were not delivered; the counts are
            among the facts.
        LockTimeout: Somebody else is taking events out.
    """
    folder = read_settings().spool if folder is None else folder
    if folder is None:
        raise UsageError("No spool is named.", hint="Give --spool DIR, or set notify.spool in the settings file.")
    spool = Spool(folder)
    with contextlib.closing(target):
        if dry_run:
            waiting = len(spool.waiting())
            found = {"target": target.label, "delivered": waiting, "spool": folder}
            emit_outcome(found, f"would deliver {_events(waiting)} to {target.label}", fmt, dry_run=True)
            return
        outcome = spool.drain(target, policy)
    if outcome.failure is not None:
        outcome.failure.facts.update(
            delivered=outcome.delivered, rejected=outcome.rejected, waiting=outcome.waiting, spool=str(folder)
        )
        raise outcome.failure
    found = {"target": target.label, "delivered": outcome.delivered, "spool": folder}
    emit_outcome(found, f"delivered {_events(outcome.delivered)} to {target.label}", fmt, dry_run=False)


@contextlib.contextmanager
def _alone(cursor: Path) -> Iterator[None]:
    """Keep a second run from using the cursor."""
    if not cursor.parent.is_dir():
        raise file_system_error(FileNotFoundError(2, "No such file or directory"), cursor.parent, "write the cursor")
    try:
        with hold_lock(cursor.with_name(f".{cursor.name}.lock"), timeout=0, command="usr notify follow"):
            yield
    except LockTimeout as error:
        error.message = "Another process is following with this cursor."
        error.hint = "Give each run a cursor of its own, or end the other one."
        raise


def _refuse_inside(place: DatasetRef, option: str, path: Path | None) -> None:
    if path is not None and path.resolve().is_relative_to(place.path.resolve()):
        raise UsageError(
            f"{option} lies in the dataset's folder, which is synced and checked.",
            hint="Give a path elsewhere.",
            facts={"file": str(path)},
        )


def _tell(message: Message, fate: str) -> None:
    seq = "-" if message.seq is None else str(message.seq)
    emit_text(f"{seq:>5}  {visible(message.action):<18}  {visible(message.dataset)}  {fate}")
    sys.stdout.flush()


def _ignore(_message: Message, _fate: str) -> None:
    return None


def _counts(label: str, counts: Counts) -> dict[str, object]:
    return {
        "target": label,
        "delivered": counts.delivered,
        "spooled": counts.spooled,
        "left_out": counts.left_out,
        "drained": counts.drained,
    }


def _summary(counts: Counts, label: str) -> str:
    parts = [f"delivered {_events(counts.delivered + counts.drained)} to {label}"]
    if counts.drained:
        parts.append(f"{counts.drained:,} of them had waited in the spool")
    if counts.spooled:
        parts.append(f"{counts.spooled:,} kept in the spool")
    if counts.left_out:
        parts.append(f"{counts.left_out:,} left out")
    return "; ".join(parts)


def _events(number: int) -> str:
    return f"{number:,} event{'' if number == 1 else 's'}"
