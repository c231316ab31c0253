"""Both copies side by side: their histories, and which files differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, Protocol

from usr_core.commit.read_snapshot import TRIES
from usr_core.plugin.specs import Fingerprint
from usr_core.plugin.transport_errors import RemoteChanged
from usr_core.roots.layout import EVENT_LOG, HISTORY, META, RECORDS, SNAPSHOTS
from usr_core.sync.errors import SourceChanging
from usr_core.sync.history import Head, History, LogBytes, compare_logs
from usr_core.sync.listing import Entry, Listing
from usr_core.sync.request import Action, SyncOptions
from usr_core.sync.sections import is_immutable, travels
from usr_core.sync.verification import Verification

__all__ = ["Copy", "Facts", "Side", "Survey", "survey_copies"]

Facts = dict[str, str | int]


class Side(Protocol):
    """A place that has a copy of a dataset, or may get one."""

    @property
    def name(self) -> Literal["local", "remote"]:
        """What audits call it."""

    def listing(self, action: Action, *, lock: bool) -> tuple[Listing, LogBytes]:
        """List the files and note the log's end, with `lock` under the lock, where that can be taken."""

    def digests(
        self, names: Iterable[str], *, expected: Callable[[], Mapping[str, str]] | None = None
    ) -> dict[str, str]:
        """Return SHA-256 by name; files that are missing are left out. `expected` gives those of the other side."""

    def fingerprint(self, listing: Listing, verification: Verification) -> Fingerprint:
        """Return what the chosen strategy sees of the base."""

    def changed(self, listing: Listing, names: Iterable[str]) -> list[str]:
        """Return which of `names` are not what they were when they were listed."""

    def read(self, name: str) -> bytes:
        """Return the content of a small file."""

    def stop(self) -> None:
        """End what another thread waits for on this side."""


@dataclass(slots=True, kw_only=True)
class Copy:
    """One side's copy of a dataset, as it was when it was listed.

    Attributes:
        side: Where it is.
        listing: What it has.
        log: Its log, as long as it was.
        head: The end of its log.
        lines: What its log has and the other's lacks.
        only: Names that only this copy has, sorted.
        hashed: Names that were to be hashed.
        digests: SHA-256 of the files that were hashed.
        base: What was seen of its base.
        base_known: Whether its base, which has no history, is the one that was pulled from the other side.
    """

    side: Side
    listing: Listing
    log: LogBytes
    head: Head = field(init=False)
    lines: bytes = b""
    only: tuple[str, ...] = ()
    hashed: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    base: Facts | None = None
    base_known: bool = False

    @property
    def files(self) -> Mapping[str, Entry]:
        return self.listing.files

    def size(self, name: str) -> int:
        """Return the size of a file in bytes, 0 if it is not there."""
        return self.listing.size(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Two copies of a dataset, compared.

    Attributes:
        action: What for; it decides which copy gives.
        local, remote: The copies.
        history: How the logs relate.
        differing: Names that both have, with other content, or with content that nothing proved to be equal; sorted.
        unproven: Names that both sides have with one size, and whose content was not compared; the base never.
        primary_only: Whether only the base was compared.
    """

    action: Action
    local: Copy
    remote: Copy
    history: History
    differing: tuple[str, ...]
    unproven: tuple[str, ...]
    primary_only: bool

    @property
    def giver(self) -> Copy:
        """The copy that is as it should be afterwards: here for a push."""
        return self.local if self.action == "push" else self.remote

    @property
    def taker(self) -> Copy:
        """The copy that is brought up to the other."""
        return self.remote if self.action == "push" else self.local

    @property
    def same_bytes(self) -> bool:
        """Tell whether the digests of the base are known and equal."""
        return _same_digest(self.local, self.remote, RECORDS)

    @property
    def changed(self) -> bool:
        """Tell whether the copies are not alike, as far as they were compared."""
        differ = bool(self.local.only or self.remote.only or self.differing)
        return differ or (self.history.relation != "equal" and not self.primary_only)


class _Moved(Exception):
    """A copy changed while it was surveyed."""


def survey_copies(
    action: Action, local: Side, remote: Side, verification: Verification, options: SyncOptions
) -> Survey:
    """List both sides under short locks (for `diff` without), hash what has to be hashed, and compare.

    Locks are not held while files are hashed: what changed meanwhile is noticed, and looked at again.

    Raises:
        SourceChanging: A side changed again and again.
        LogNotSyncable: See `compare_logs`.
    """
    for _ in range(TRIES):
        copies = []
        for side in (local, remote):
            listing, log = side.listing(action, lock=action != "diff")
            copies.append(Copy(side=side, listing=listing, log=log))
        try:
            return _compare(action, copies[0], copies[1], verification, options)
        except (_Moved, RemoteChanged):
            continue
    raise SourceChanging(what="One of the copies")


def _compare(action: Action, local: Copy, remote: Copy, verification: Verification, options: SyncOptions) -> Survey:
    history = compare_logs(local.log, remote.log)
    local.head, local.lines = history.local, history.local_only
    remote.head, remote.lines = history.remote, history.remote_only
    mine, theirs = ({name for name in copy.files if _counts(name, options)} for copy in (local, remote))
    local.only, remote.only = tuple(sorted(mine - theirs)), tuple(sorted(theirs - mine))
    both = sorted(mine & theirs)
    alike = {name: None for name in both if local.size(name) == remote.size(name)}
    contents = _contents(alike, verification, options)
    if verification.contents and _logs_look_equal(history, local, remote):
        contents.append(EVENT_LOG)
    giver = {"pull": remote, "push": local}.get(action) if verification.digests else None
    for copy in (local, remote):
        copy.hashed = [*contents, *(_given([*both, *copy.only], contents, alike) if copy is giver else ())]
        if verification.needs == "sha256" and RECORDS in both:
            copy.hashed = list(dict.fromkeys([*copy.hashed, RECORDS]))
    _hash_both(local, remote)
    proven = {name for name in contents if _same_digest(local, remote, name)}
    same = proven | (alike.keys() - set(contents)) - {RECORDS}
    if _compare_bases(local, remote, verification):
        same.add(RECORDS)
    found = Survey(
        action=action,
        local=local,
        remote=remote,
        history=history,
        differing=tuple(sorted({*both, *contents} - same)),
        unproven=tuple(sorted(alike.keys() - {*contents, RECORDS})),
        primary_only=options.primary_only,
    )
    if found.changed:
        _refuse_moved(local, remote)
    return found


def _refuse_moved(*copies: Copy) -> None:
    """Raise `_Moved` where a file that was hashed is not the one that was listed."""
    for copy in copies:
        if copy.hashed and copy.side.changed(copy.listing, copy.hashed):
            raise _Moved


def _logs_look_equal(history: History, local: Copy, remote: Copy) -> bool:
    known = EVENT_LOG in local.files and EVENT_LOG in remote.files
    return known and history.relation == "equal" and local.size(EVENT_LOG) == remote.size(EVENT_LOG)


def _same_digest(local: Copy, remote: Copy, name: str) -> bool:
    mine = local.digests.get(name)
    return bool(mine) and mine == remote.digests.get(name)


def _hash_both(local: Copy, remote: Copy) -> None:
    """Hash on both sides at once; an interrupt, or an error of one side, ends the other's work as well."""
    ours: Future[dict[str, str]] = Future()
    with ThreadPoolExecutor(1, "usr-remote-digest") as pool:
        far = pool.submit(remote.side.digests, remote.hashed, expected=ours.result)
        try:
            local.digests = local.side.digests(local.hashed)
            ours.set_result(local.digests)
            remote.digests = far.result()
        except BaseException:
            ours.cancel()  # whoever waits for it ends
            if not far.done():
                remote.side.stop()
            raise


def _counts(name: str, options: SyncOptions) -> bool:
    """Tell whether a file is compared at all under these options."""
    if not travels(name):
        return False
    if options.primary_only:
        return name == RECORDS
    if name.startswith(f"{HISTORY}/"):
        return options.history
    return not (options.skip_snapshots and name.startswith(f"{SNAPSHOTS}/"))


def _contents(alike: Iterable[str], verification: Verification, options: SyncOptions) -> list[str]:
    """Return the sidecars whose content is compared."""
    if not verification.contents:
        # Two notes are cheap to compare, and of one size they are rarely equal.
        return [name for name in alike if name == META] if verification.digests else []
    # Snapshots and what history keeps are large and never written twice; only a repair looks into them.
    unread = () if options.repair else (f"{SNAPSHOTS}/", f"{HISTORY}/")
    return [name for name in alike if name != RECORDS and not name.startswith(unread)]


def _given(names: Iterable[str], contents: Iterable[str], alike: Mapping[str, None]) -> list[str]:
    """Return what else may travel of the side that gives: what arrives is checked by its digest.

    With contents compared, what is alike is hashed anyway; without, a part of it may travel unproven.
    """
    known = set(contents)
    return [name for name in names if name not in known and (name not in alike or not is_immutable(name))]


def _compare_bases(local: Copy, remote: Copy, verification: Verification) -> bool:
    """Note what is seen of the base on each side, and tell whether it is the same."""
    for copy in (local, remote):
        if RECORDS in copy.files:
            copy.base = {"size_bytes": copy.size(RECORDS)}
            if RECORDS in copy.digests:
                copy.base["sha256"] = copy.digests[RECORDS]
    if local.base is None or remote.base is None:
        return False
    if verification.needs == "sha256":
        return _same_digest(local, remote, RECORDS)
    mine, theirs = (copy.side.fingerprint(copy.listing, verification) for copy in (local, remote))
    local.base |= mine.facts
    remote.base |= theirs.facts
    # Sizes come before any strategy: no plugin's answer makes two files of different sizes equal.
    return verification.equal(mine, theirs) and local.size(RECORDS) == remote.size(RECORDS)
