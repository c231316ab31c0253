"""Bringing back the files of an earlier version, as a change of its own: the log is only ever extended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from usr_core.events.event import BaseCounts
from usr_core.events.log import object_in
from usr_core.events.seek import line_of_seq
from usr_core.fs.durable import digest_of, link_or_copy
from usr_core.roots.layout import RECORDS
from usr_core.store.base.parquet import read_base_facts
from usr_core.store.history.errors import KeptFileDamaged, VersionNotKept
from usr_core.store.history.files import History
from usr_core.store.history.past import PastFile, PastFiles, past_files
from usr_core.store.history.restoring import write_base_at
from usr_core.store.mutation import Mutation, Site, mutate
from usr_core.values.showing import Shown

__all__ = ["RollbackOutcome", "roll_back"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RollbackOutcome(Shown):
    """What a rollback did, or would do.

    Attributes:
        version: The version whose files are there again.
        versions_back: How many versions lie between.
        rows_before, rows: Records of the base before and after, the deleted ones too.
        base_changed: Whether the base is another one now.
        brought_back, taken_away: Files of overlays that are there again, and that are not there any more.
        event: The event, or None where nothing was to be changed, or for a dry run.

    Example:
        >>> outcome = dataset.rollback(2)
        >>> outcome.version, outcome.rows, outcome.taken_away[0][:18]
        (2, 3, '_derived/lab/part-')
    """

    version: int
    versions_back: int
    rows_before: int
    rows: int
    base_changed: bool
    brought_back: tuple[str, ...]
    taken_away: tuple[str, ...]
    event: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def changes(self) -> bool:
        """Whether a file differs from that of the version."""
        return bool(self.base_changed or self.brought_back or self.taken_away)


def roll_back(site: Site, version: int) -> RollbackOutcome:
    """Make the files of `version` those of the dataset: its base, overlays, tombstones and state.

    Notes, snapshots, archived overlays and frozen registries stay as they are. What is replaced is kept, so that the
    rollback can be taken back by another one.

    Raises:
        VersionNotKept: There is no such version, or something that it consists of is not kept any more.
        TailDamaged, KeptFileDamaged: Something that was kept is damaged; nothing was changed.
        UsrError: As `mutate`.
    """
    with mutate(site, "rollback") as mutation:
        last = mutation.txn.head.seq
        if not 1 <= version <= last:
            reason = f"its versions are 1 to {last}"
            raise VersionNotKept(dataset=site.ref.name, version=version, reason=reason)
        tree = mutation.txn.tree
        history = History(tree)
        past = past_files(tree, history, version, dataset=site.ref.name)
        before = mutation.base_counts()
        after = _stage(mutation, history, past, version) if past.base else before
        base_changed = past.base and not _same(mutation.txn.stage(RECORDS), tree.path(RECORDS))
        if past.base and not base_changed:
            mutation.txn.unstage(RECORDS)
        brought = {name: file for name, file in past.brought.items() if not _same(file.path, tree.path(name))}
        outcome = RollbackOutcome(
            version=version,
            versions_back=last - version,
            rows_before=before.rows,
            rows=after.rows,
            base_changed=base_changed,
            brought_back=tuple(brought),
            taken_away=past.gone,
        )
        for name, file in brought.items():
            _check(tree.folder, name, file)
            link_or_copy(file.path, mutation.txn.stage(name))
        for name in past.gone:
            mutation.txn.retire(name)
        if not outcome.changes:
            return outcome
        event = mutation.finish(
            base=after,
            args={"to": version},
            metrics={
                "rows_before": before.rows,
                "rows": after.rows,
                "files_brought_back": len(brought) + base_changed,
                "files_taken_away": len(past.gone),
                "bytes": after.size_bytes,
            },
            new_base=base_changed,
        )
    return replace(outcome, event=event)


def _stage(mutation: Mutation, history: History, past: PastFiles, version: int) -> BaseCounts:
    """Stage the base of the version, and check that it is the one that its event told of."""
    staged = mutation.txn.stage(RECORDS)
    # The base of now is kept whole, also where the new one is its beginning: versions between have more rows than that.
    write_base_at(history, version, staged)
    counts = read_base_facts(staged).counts
    told = _fingerprint(mutation, version)
    found = {"rows": counts.rows, "cols": counts.columns, "size_bytes": counts.size_bytes}
    differing = [name for name in found if told.get(name, found[name]) != found[name]]
    if differing:
        listed = "; ".join(f"{told[name]} {name}, {found[name]} here" for name in differing)
        raise KeptFileDamaged(file=RECORDS, reason=f"by its event, version {version} has {listed}")
    return counts


def _same(old: Path, now: Path | None) -> bool:
    """Tell whether a file has the content of an earlier one; both are read only where their sizes are the same."""
    if now is None or old.stat().st_size != now.stat().st_size:
        return False
    return old.samefile(now) or digest_of(old) == digest_of(now)


def _fingerprint(mutation: Mutation, version: int) -> Mapping[str, Any]:
    """Return what the event of a version says of the base."""
    line = line_of_seq(mutation.site.layout.event_log, version)
    return object_in(line.event, "fingerprint") if line is not None else {}


def _check(folder: Path, name: str, file: PastFile) -> None:
    shown, size = file.path.relative_to(folder).as_posix(), file.path.stat().st_size
    if file.size_bytes not in (None, size):
        raise KeptFileDamaged(file=shown, reason=f"it has {size:,} bytes, {name} had {file.size_bytes:,}")
    if file.sha256 is not None and digest_of(file.path) != file.sha256:
        raise KeptFileDamaged(file=shown, reason=f"its content is not that of {name}")
