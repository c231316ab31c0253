"""What has to happen so that the copy that takes becomes like the copy that gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from usr_core.fs.errors import LinkInsideDataset
from usr_core.roots.layout import EVENT_LOG, RECORDS
from usr_core.sync.errors import (
    CopiesDamaged,
    FileNotRegular,
    HistoriesDiverged,
    HistoryAhead,
    HistoryMissing,
    LogNotSyncable,
    NamesClash,
)
from usr_core.sync.listing import Listing
from usr_core.sync.request import SyncOptions
from usr_core.sync.sections import is_canonical, is_immutable
from usr_core.sync.survey import Survey

__all__ = ["TransferPlan", "plan_transfer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPlan:
    """A transfer.

    Attributes:
        copy: Names whose content the source gives, sorted.
        retire: Names that the source has retired: what has them is put aside.
        keep: Names of `copy` whose old content is put aside, not just replaced.
        lines: What the log of the side that takes gets.
        source, taker: What both sides had.
    """

    copy: tuple[str, ...]
    retire: tuple[str, ...]
    keep: tuple[str, ...]
    lines: bytes
    source: Listing
    taker: Listing

    @property
    def nothing(self) -> bool:
        """Tell whether both copies are alike already."""
        return not (self.copy or self.retire or self.lines)

    @property
    def bytes(self) -> int:
        """Bytes of the files to copy."""
        return sum(self.source.size(name) for name in self.copy)


def plan_transfer(action: Literal["pull", "push"], survey: Survey, options: SyncOptions) -> TransferPlan:
    """Return what a pull or push has to do.

    The event chain decides about the base, overlays and frozen registries: with equal heads they must be alike, and
    otherwise the side that takes must be the beginning of the side that gives. For every other file the source's
    content wins, and files that only the taker has stay.

    Raises:
        HistoryAhead: The side that takes has events that the other lacks.
        HistoriesDiverged: Both sides have events that the other lacks.
        HistoryMissing: The side that takes has a base, and no events.
        CopiesDamaged: Both sides have the same history, and the copies differ.
        LogNotSyncable: The logs differ before their common end.
        NamesClash: One side has a file where the other has a folder.
        FileNotRegular: A link that can't be followed stands for the base, the log, an overlay or a frozen registry.
        LinkInsideDataset: What a pull would replace or extend here is a link, or lies in a linked folder.
    """
    _refuse_unfollowed(survey)
    pull = action == "pull"
    source, taker = (survey.remote, survey.local) if pull else (survey.local, survey.remote)
    missing = survey.differences.remote_only if pull else survey.differences.local_only
    surplus = survey.differences.local_only if pull else survey.differences.remote_only
    forward = _forward(action, survey)
    differing = list(survey.differences.differing)
    damaged = [name for name in (*missing, *surplus, *differing) if is_canonical(name) or name == EVENT_LOG]
    if forward:
        # Of one size, written in place, and not compared: it may hold what the new events tell of.
        differing += [name for name in survey.unproven if is_canonical(name) and not is_immutable(name)]
        # Another strategy may call a base equal that the new events have changed; only its digest proves it.
        if RECORDS in source.files and RECORDS in taker.files and RECORDS not in differing and not survey.same_bytes:
            differing.append(RECORDS)
        unknown = _history_begins_with(survey, pull=pull) and not (pull and survey.base_known)
        if unknown and RECORDS in differing and not options.repair:
            raise HistoryMissing(action=action)
    elif damaged and not options.repair and RECORDS in taker.files:
        raise CopiesDamaged(action=action, files=damaged)
    if EVENT_LOG in differing:
        raise LogNotSyncable(
            "a line before its end was edited on one side, and no log is ever rewritten", side="here or there"
        )
    _refuse_clashes(missing, taker)
    copy = sorted({*missing, *(name for name in differing if name != EVENT_LOG)})
    retire = [] if options.primary_only else [name for name in surplus if is_canonical(name)]
    replaced = [name for name in copy if name in taker.files]
    lines = b"" if options.primary_only else (survey.history.remote_only if pull else survey.history.local_only)
    for name in (*replaced, *retire, *([EVENT_LOG] if lines else [])):
        if taker.is_linked(name):
            raise LinkInsideDataset(Path(name))
    return TransferPlan(
        copy=tuple(copy),
        retire=tuple(retire),
        # What an ordinary step forward replaces is in the history; everything else somebody may want back.
        keep=tuple(name for name in replaced if options.repair or not is_canonical(name) or not forward),
        lines=lines,
        source=source,
        taker=taker,
    )


def _refuse_unfollowed(survey: Survey) -> None:
    """Refuse a link that stands for a file whose content the event chain decides, and that can't be followed.

    Raises:
        FileNotRegular: A dangling link here, or any link there: only files travel.
    """
    for side, listing in (("here", survey.local), ("on the remote", survey.remote)):
        for name in listing.links:
            if is_canonical(f"{name}/") or name in (RECORDS, EVENT_LOG):
                raise FileNotRegular(name, side=side)


def _refuse_clashes(names: Iterable[str], taker: Listing) -> None:
    """Refuse a file where the side that takes has a folder of that name, and the other way round.

    Raises:
        NamesClash: A name is a file on one side and a folder on the other.
    """
    folders = {str(place) for name in taker.files for place in PurePosixPath(name).parents}
    for name in names:
        above = next((str(place) for place in PurePosixPath(name).parents if str(place) in taker.files), None)
        if name in folders or above is not None:
            raise NamesClash(above or name)


def _forward(action: Literal["pull", "push"], survey: Survey) -> bool:
    """Tell whether the source has new events; refuse where the taker has.

    Raises:
        HistoryAhead, HistoriesDiverged: The taker has events of its own.
    """
    history = survey.history
    if history.relation == "diverged":
        raise HistoriesDiverged(
            common=history.common_seq, here=history.events_only("local"), there=history.events_only("remote")
        )
    if history.relation == ("ahead" if action == "pull" else "behind"):
        raise HistoryAhead(action=action, events=history.events_only("local" if action == "pull" else "remote"))
    return history.relation != "equal"


def _history_begins_with(survey: Survey, *, pull: bool) -> bool:
    """Tell whether the side that takes has a base, and no event that tells where it comes from."""
    taker, head = (survey.local, survey.history.local) if pull else (survey.remote, survey.history.remote)
    return head.end == 0 and RECORDS in taker.files
