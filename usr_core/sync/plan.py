"""What has to happen so that the copy that takes becomes like the copy that gives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

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
from usr_core.sync.request import SyncOptions
from usr_core.sync.sections import is_canonical, is_immutable
from usr_core.sync.survey import Copy, Survey

__all__ = ["TransferPlan", "plan_transfer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferPlan:
    """A transfer.

    Attributes:
        copy: Names whose content the giver has, sorted.
        retire: Names that the giver has retired: what has them is put aside.
        keep: Names of `copy` whose old content is put aside, not just replaced.
        lines: What the log of the side that takes gets.
        kept: Names whose old content the side that takes keeps for its older versions, with the names it gets there.
        made: What the side that takes gets besides, by name: files that neither side has as they are to be.
        giver, taker: What both sides had.
    """

    copy: tuple[str, ...]
    retire: tuple[str, ...]
    keep: tuple[str, ...]
    lines: bytes
    giver: Copy
    taker: Copy
    kept: Mapping[str, str] = field(default_factory=dict)
    made: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def after(self) -> int:
        """The version of the side that takes after the transfer: the number of its last event."""
        return self.giver.head.seq if self.lines else self.taker.head.seq

    @property
    def nothing(self) -> bool:
        """Tell whether both copies are alike already."""
        return not (self.copy or self.retire or self.lines or self.made)

    @property
    def bytes(self) -> int:
        """Bytes of the files to copy."""
        return sum(self.giver.size(name) for name in self.copy)


def plan_transfer(survey: Survey, options: SyncOptions, *, compare: str) -> TransferPlan:
    """Return what a pull or push has to do.

    The event chain decides about the base, overlays and frozen registries: with equal heads they must be alike, and
    otherwise the side that takes must be the beginning of the side that gives. For every other file the source's
    content wins, and files that only the taker has stay. `compare` says how the two copies are named for `usr compare`.

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
    giver, taker = survey.giver, survey.taker
    forward = _forward(survey, compare=compare)
    differing = _differing(survey) if forward else list(survey.differing)
    if forward:
        if RECORDS in differing and _unknown_base(taker) and not options.repair:
            raise HistoryMissing(action=survey.action)
    elif RECORDS in taker.files and not options.repair:
        _refuse_damaged(survey)
    if EVENT_LOG in differing:
        raise LogNotSyncable(
            reason="a line before its end was edited on one side, and no log is ever rewritten", side="here or there"
        )
    _refuse_clashes(giver.only, taker)
    copy = sorted({*giver.only, *differing})
    retire = [] if options.primary_only else [name for name in taker.only if is_canonical(name)]
    replaced = [name for name in copy if name in taker.files]
    lines = b"" if options.primary_only else giver.lines
    _refuse_linked([*replaced, *retire, *([EVENT_LOG] if lines else [])], taker)
    return TransferPlan(
        copy=tuple(copy),
        retire=tuple(retire),
        # What an ordinary step forward replaces is in the history; everything else somebody may want back.
        keep=tuple(name for name in replaced if options.repair or not is_canonical(name) or not forward),
        lines=lines,
        giver=giver,
        taker=taker,
    )


def _forward(survey: Survey, *, compare: str) -> bool:
    """Tell whether the giver has new events; refuse where the taker has.

    Raises:
        HistoryAhead, HistoriesDiverged: The taker has events of its own.
    """
    history, taker = survey.history, survey.taker
    if history.relation == "diverged":
        raise HistoriesDiverged(
            common=history.common_seq,
            here=history.events_only("local"),
            there=history.events_only("remote"),
            compare=compare,
        )
    if taker.lines:
        raise HistoryAhead(action=survey.action, events=history.events_only(taker.side.name))
    return history.relation != "equal"


def _differing(survey: Survey) -> list[str]:
    """Return what differs, and what the new events may have changed without a trace in what was compared."""
    # Of one size, written in place, and not compared: it may hold what the new events tell of.
    doubtful = [name for name in survey.unproven if is_canonical(name) and not is_immutable(name)]
    # Another strategy may call a base equal that the new events have changed; only its digest proves it.
    both = RECORDS in survey.giver.files and RECORDS in survey.taker.files
    if both and RECORDS not in survey.differing and not survey.same_bytes:
        doubtful.append(RECORDS)
    return [*survey.differing, *doubtful]


def _unknown_base(taker: Copy) -> bool:
    """Tell whether a copy has a base, and nothing that tells where it comes from."""
    return taker.head.end == 0 and RECORDS in taker.files and not taker.base_known


def _refuse_damaged(survey: Survey) -> None:
    """Refuse copies that have one history and yet differ where it decides.

    Raises:
        CopiesDamaged: A file that the event chain decides about is not alike.
    """
    names = (*survey.giver.only, *survey.taker.only, *survey.differing)
    damaged = [name for name in names if is_canonical(name) or name == EVENT_LOG]
    if damaged:
        raise CopiesDamaged(action=survey.action, files=damaged)


def _refuse_unfollowed(survey: Survey) -> None:
    """Refuse a link that stands for a file whose content the event chain decides, and that can't be followed.

    Raises:
        FileNotRegular: A dangling link here, or any link there: only files travel.
    """
    for side, copy in (("here", survey.local), ("on the remote", survey.remote)):
        for name in copy.listing.links:
            if is_canonical(f"{name}/") or name in (RECORDS, EVENT_LOG):
                raise FileNotRegular(name, side=side)


def _refuse_clashes(names: Iterable[str], taker: Copy) -> None:
    """Refuse a file where the side that takes has a folder of that name, and the other way round.

    Raises:
        NamesClash: A name is a file on one side and a folder on the other.
    """
    wanted = list(names)
    folders = {place for name in taker.files for place in _above(name)} if wanted else set()
    for name in wanted:
        above = next((place for place in _above(name) if place in taker.files), None)
        if name in folders or above is not None:
            raise NamesClash(name=above or name)


def _above(name: str) -> Iterator[str]:
    """Yield the folders that a name is in, the innermost first."""
    while "/" in name:
        name = name.rpartition("/")[0]
        yield name


def _refuse_linked(names: Iterable[str], taker: Copy) -> None:
    for name in names:
        if taker.listing.is_linked(name):
            raise LinkInsideDataset(path=Path(name))
