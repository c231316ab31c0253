"""What a transfer does to what the copy that takes keeps of its past.

A pull keeps what it replaces where the copy here keeps history: each file below the first of the new events that wrote
or removed it, as if that change had been made here. Between the versions from before and the new one there is a gap
then, unless `--history` brought what the other copy kept. A push replaces files there without keeping them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from usr_core.commit.transaction import Transaction
from usr_core.events.files_told import changes_told
from usr_core.events.log import line_seq, parse_line
from usr_core.roots.layout import RECORDS
from usr_core.store.history.files import kept_name
from usr_core.store.history.keeping import NOT_KEPT, SETTING, TAIL, Setting, stage_tail
from usr_core.sync.plan import TransferPlan
from usr_core.sync.sections import is_canonical
from usr_core.sync.survey import Copy

__all__ = ["keep_replaced", "setting_after", "with_history"]

_BLOCK = 1 << 20


def with_history(plan: TransferPlan, *, taken_along: bool, keeping: bool) -> TransferPlan:
    """Return a plan that does right by what the copies keep of their past.

    Args:
        plan: The plan.
        taken_along: What the giver keeps goes along.
        keeping: The copy that takes keeps what new events replace and remove there, if it keeps history at all.
    """
    if plan.nothing and not taken_along:
        return plan
    giver, taker = _setting_of(plan.giver) or NOT_KEPT, _setting_of(plan.taker)
    keeping = keeping and taker is not None and taker.keep
    setting = setting_after(
        giver, taker, before=plan.taker.head.seq, after=plan.after, history=taken_along, kept=keeping
    )
    made = {} if setting is None or setting == taker else {SETTING: setting.encode()}
    kept = _places_of_kept(plan) if keeping and plan.lines else {}
    return replace(plan, kept=kept, made=made)


def _places_of_kept(plan: TransferPlan) -> dict[str, str]:
    """Return where files are to be kept that new events replace or remove: below the first that wrote or removed it.

    What is kept there already, or arrives, is left out.
    """
    names = {name for name in (*plan.copy, *plan.retire) if name in plan.taker.files and is_canonical(name)}
    there = {*plan.taker.files, *plan.copy}
    first = _first_events(plan.lines, names)
    places = {}
    for name in names:
        seq = first.get(name, plan.taker.head.seq + 1)
        place = kept_name(seq, name)
        if place not in there and not (name == RECORDS and kept_name(seq, TAIL) in there):
            places[name] = place
    return places


def keep_replaced(txn: Transaction, name: str, place: str, arrived: Path) -> None:
    """Keep a file that a pull replaces or removes as `place`: of a base that the new one goes on from, its end only.

    Args:
        txn: The pull.
        name: The file.
        place: The name that it gets.
        arrived: What replaces it, if anything does.
    """
    if name == RECORDS:
        old = txn.layout.records
        prefix = _bytes_in_common(old, arrived)
        if prefix > old.stat().st_size // 2:
            stage_tail(txn, old, place.removesuffix(RECORDS) + TAIL, prefix=prefix)
            return
    txn.retire(name, into=place)


def setting_after(
    giver: Setting, taker: Setting | None, *, before: int, after: int, history: bool, kept: bool
) -> Setting | None:
    """Return what the copy that takes says after a transfer about what it keeps; None where it says nothing.

    Args:
        giver: What the other copy says.
        taker: What the copy said until now; one that says nothing does from now on as the giver does.
        before, after: The versions of the copy that takes.
        history: What the giver keeps goes along.
        kept: What is replaced is kept.
    """
    keep = (giver if taker is None else taker).keep
    shown = set[int]()
    if taker is not None and (kept or before == after):
        shown |= taker.held(before)
    if history:
        shown |= giver.held(after)
    since = after
    while since - 1 in shown:
        since -= 1
    older = tuple(sorted(one for one in shown if one < (since if keep else after)))
    found = Setting(keep=keep, since=since if keep else None, versions=older)
    return None if taker is None and found == NOT_KEPT else found


def _bytes_in_common(one: Path, other: Path) -> int:
    """Return how many bytes two files begin with in common."""
    at = 0
    with one.open("rb", buffering=0) as mine, other.open("rb", buffering=0) as theirs:
        while True:
            pair = mine.read(_BLOCK), theirs.read(_BLOCK)
            if pair[0] != pair[1] or not pair[0]:
                differing = (number for number, both in enumerate(zip(*pair, strict=False)) if both[0] != both[1])
                return at + next(differing, min(map(len, pair)))
            at += len(pair[0])


def _first_events(lines: bytes, names: set[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for raw in lines.splitlines():
        event = parse_line(raw)
        seq = line_seq(event)
        if event is None or seq is None:
            continue
        for path in names & {*changes_told(event, "added"), *changes_told(event, "removed")}:
            found.setdefault(path, seq)
    return found


def _setting_of(copy: Copy) -> Setting | None:
    return Setting.decode(copy.side.read(SETTING)) if SETTING in copy.files else None
