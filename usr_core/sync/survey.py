"""Both copies side by side: their histories, and which files differ."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from usr_core.commit.read_snapshot import TRIES
from usr_core.plugin.transport_errors import RemoteChanged
from usr_core.roots.layout import EVENT_LOG, META, RECORDS, SNAPSHOTS
from usr_core.sync.errors import SourceChanging
from usr_core.sync.history import History, LogBytes, compare_logs
from usr_core.sync.listing import Listing
from usr_core.sync.local_side import LocalSide
from usr_core.sync.remote_side import RemoteSide
from usr_core.sync.request import Action, SyncContext, SyncOptions
from usr_core.sync.sections import is_immutable, section_of, travels
from usr_core.sync.verification import Verification

__all__ = ["Differences", "Survey", "survey_copies"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Names of files that are not alike, sorted.

    Attributes:
        local_only, remote_only: Only one side has them.
        differing: Both have them, with other content, or with content that nothing proved to be equal.
    """

    local_only: tuple[str, ...] = ()
    remote_only: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()

    def in_section(self, section: str) -> Differences:
        """Return those of one section."""
        return Differences(
            local_only=tuple(name for name in self.local_only if section_of(name) == section),
            remote_only=tuple(name for name in self.remote_only if section_of(name) == section),
            differing=tuple(name for name in self.differing if section_of(name) == section),
        )

    def __bool__(self) -> bool:
        return bool(self.local_only or self.remote_only or self.differing)


@dataclass(slots=True, kw_only=True)
class Survey:
    """Two copies of a dataset, compared.

    Attributes:
        local, remote: What each has.
        local_log, remote_log: Their logs, as long as they were when they were listed.
        history: How the logs relate.
        differences: What differs, without the log.
        unproven: Names that both sides have with one size, and whose content was not compared; the base never.
        primary: What the chosen strategy saw of the base on each side.
        primary_only: Whether only the base was compared.
        local_digests, remote_digests: SHA-256 of the files that were hashed.
        base_known: Whether a base here that has no history is the one that was pulled from there.
    """

    local: Listing
    remote: Listing
    local_log: LogBytes
    remote_log: LogBytes
    history: History
    differences: Differences
    unproven: tuple[str, ...]
    primary: dict[str, dict[str, str | int] | None]
    primary_only: bool = False
    local_digests: dict[str, str] = field(default_factory=dict)
    remote_digests: dict[str, str] = field(default_factory=dict)
    base_known: bool = False

    @property
    def same_bytes(self) -> bool:
        """Tell whether the digests of the base are known and equal."""
        mine = self.local_digests.get(RECORDS)
        return mine is not None and mine == self.remote_digests.get(RECORDS)

    @property
    def changed(self) -> bool:
        """Tell whether the copies are not alike, as far as they were compared."""
        return bool(self.differences) or (self.history.relation != "equal" and not self.primary_only)


class _Moved(Exception):
    """A copy changed while it was surveyed."""


def survey_copies(
    action: Action,
    local: LocalSide,
    remote: RemoteSide,
    verification: Verification,
    options: SyncOptions,
    context: SyncContext,
) -> Survey:
    """List both sides under short locks (for `diff` without), hash what has to be hashed, and compare.

    Locks are not held while files are hashed: what changed meanwhile is noticed, and looked at again.

    Raises:
        SourceChanging: A side changed again and again.
        LogNotSyncable: See `compare_logs`.
    """
    for _ in range(TRIES):
        if action == "diff":
            here, here_log = local.unlocked_listing() if local.folder.is_dir() else _nothing(local)
        else:
            here, here_log = local.listing(command=action, lock_timeout=context.lock_timeout)
        there, there_log = remote.listing(f"usr {action}", lock=action != "diff")
        try:
            return _compare(action, local, remote, (here, here_log), (there, there_log), verification, options, context)
        except (_Moved, RemoteChanged):
            continue
    raise SourceChanging("One of the copies")


def _nothing(local: LocalSide) -> tuple[Listing, LogBytes]:
    return Listing(exists=False, files={}), LogBytes(0, lambda _offset, _length: b"")


def _compare(
    action: Action,
    local: LocalSide,
    remote: RemoteSide,
    here: tuple[Listing, LogBytes],
    there: tuple[Listing, LogBytes],
    verification: Verification,
    options: SyncOptions,
    context: SyncContext,
) -> Survey:
    mine, theirs = here[0], there[0]
    history = compare_logs(here[1], there[1])
    names = [name for name in sorted({*mine.files, *theirs.files}) if _counts(name, options)]
    both = [name for name in names if name in mine.files and name in theirs.files]
    alike = [name for name in both if mine.size(name) == theirs.size(name)]
    hashed = _to_hash(alike, verification, options)
    logs = EVENT_LOG in mine.files and EVENT_LOG in theirs.files and mine.log_size == theirs.log_size
    if verification.contents and history.relation == "equal" and logs:
        hashed.append(EVENT_LOG)
    extra: list[str] = []
    if verification.digests and action != "diff":  # what arrives is checked by these
        source = theirs if action == "pull" else mine
        # With contents compared, what is alike is hashed anyway; without, a part of it may travel unproven.
        extra = [
            name
            for name in names
            if name in source.files and name not in hashed and (name not in alike or not is_immutable(name))
        ]
    mine_hashed, theirs_hashed = list(hashed), list(hashed)
    if action == "pull":
        theirs_hashed += extra
    elif action == "push":
        mine_hashed += extra
    if verification.needs == "sha256" and RECORDS in both:
        for listed in (mine_hashed, theirs_hashed):
            if RECORDS not in listed:
                listed.append(RECORDS)
    local_digests, remote_digests = _digests_of_both(local, remote, mine_hashed, theirs_hashed)
    primary, same_base = _primary(local, remote, mine, theirs, verification, local_digests, remote_digests)
    proven = {
        name for name in hashed if local_digests.get(name) and local_digests.get(name) == remote_digests.get(name)
    }
    differing = [name for name in both if name != RECORDS and not _same(name, alike, hashed, proven)]
    if RECORDS in both and not same_base:
        differing.append(RECORDS)
    if EVENT_LOG in hashed and EVENT_LOG not in proven:
        differing.append(EVENT_LOG)
    differences = Differences(
        local_only=tuple(name for name in names if name not in theirs.files),
        remote_only=tuple(name for name in names if name not in mine.files),
        differing=tuple(sorted(differing)),
    )
    found = Survey(
        local=mine,
        remote=theirs,
        local_log=here[1],
        remote_log=there[1],
        history=history,
        differences=differences,
        unproven=tuple(name for name in alike if name not in hashed and name != RECORDS),
        primary=primary,
        primary_only=options.primary_only,
        local_digests=local_digests,
        remote_digests=remote_digests,
    )
    if found.changed:
        _refuse_moved(local, remote, found, set(mine_hashed), set(theirs_hashed))
    return found


def _digests_of_both(
    local: LocalSide, remote: RemoteSide, mine: Iterable[str], theirs: Iterable[str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Hash on both sides at once; an interrupt, or an error of one side, ends the other's work as well."""
    with ThreadPoolExecutor(1, "usr-remote-digest") as pool:
        far = pool.submit(remote.digests, theirs)
        try:
            here = local.digests(mine)
            return here, far.result()
        except BaseException:
            if not far.done():
                remote.transport.close()
            raise


def _counts(name: str, options: SyncOptions) -> bool:
    """Tell whether a file is compared at all under these options."""
    if not travels(name):
        return False
    if options.primary_only:
        return name == RECORDS
    return not (options.skip_snapshots and name.startswith(f"{SNAPSHOTS}/"))


def _to_hash(alike: Iterable[str], verification: Verification, options: SyncOptions) -> list[str]:
    """Return the sidecars whose content is compared."""
    if not verification.contents:
        # Two notes are cheap to compare, and of one size they are rarely equal.
        return [name for name in alike if name == META] if verification.digests else []
    # Snapshots are large and never written twice; only a repair looks into them.
    return [name for name in alike if name != RECORDS and (options.repair or not name.startswith(f"{SNAPSHOTS}/"))]


def _same(name: str, alike: list[str], hashed: list[str], proven: set[str]) -> bool:
    if name in hashed:
        return name in proven
    return name in alike


def _primary(
    local: LocalSide,
    remote: RemoteSide,
    mine: Listing,
    theirs: Listing,
    verification: Verification,
    local_digests: dict[str, str],
    remote_digests: dict[str, str],
) -> tuple[dict[str, dict[str, str | int] | None], bool]:
    """Return what the strategy saw of the base on each side, and whether it is the same."""
    seen: dict[str, dict[str, str | int] | None] = {"local": None, "remote": None}
    for side, listing in (("local", mine), ("remote", theirs)):
        if RECORDS in listing.files:
            seen[side] = {"size_bytes": listing.size(RECORDS)}
    for side, digests in (("local", local_digests), ("remote", remote_digests)):
        if seen[side] is not None and RECORDS in digests:
            seen[side] = {**(seen[side] or {}), "sha256": digests[RECORDS]}
    if seen["local"] is None or seen["remote"] is None:
        return seen, False
    if verification.needs == "sha256":
        return seen, local_digests.get(RECORDS) == remote_digests.get(RECORDS) is not None
    if verification.needs is None:
        facts: dict[str, str | int] = {"size_bytes": theirs.size(RECORDS)}
    else:
        facts = dict(remote.facts([RECORDS], kind=verification.needs).get(RECORDS, {}))
    fingerprint = verification.local_facts(local.path(RECORDS))
    seen["local"] = {**(seen["local"] or {}), **fingerprint.facts}
    seen["remote"] = {**(seen["remote"] or {}), **facts}
    # Sizes come before any strategy: no plugin's answer makes two files of different sizes equal.
    same_size = mine.size(RECORDS) == theirs.size(RECORDS)
    return seen, verification.compare(fingerprint, facts).equal and same_size


def _refuse_moved(local: LocalSide, remote: RemoteSide, found: Survey, mine: set[str], theirs: set[str]) -> None:
    """Raise `_Moved` where a file that was hashed is not the one that was listed."""
    if local.changed(found.local, mine):
        raise _Moved
    if theirs and remote.changed(found.remote, theirs):
        raise _Moved
