"""Which kept files no version needs any more, once some versions are given up."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection

from usr_core.roots.layout import RECORDS
from usr_core.store.history.files import History, KeptFile
from usr_core.store.history.keeping import TAIL

__all__ = ["Wanted", "not_needed"]


class Wanted:
    """The versions that are to stay: all from `since` on, and some older ones."""

    def __init__(self, *, since: int, versions: Collection[int]) -> None:
        self.since = since
        self.versions = tuple(sorted(version for version in set(versions) if version < since))

    def any_between(self, first: int, stop: int) -> bool:
        """Tell whether a version that stays is at least `first` and less than `stop`."""
        if stop > max(first, self.since):
            return True
        at = bisect_left(self.versions, first)
        return at < len(self.versions) and self.versions[at] < stop


def not_needed(history: History, wanted: Wanted) -> list[KeptFile]:
    """Return the kept files that lead to no version that stays.

    What the commit of event N kept is what versions before N had, back to the one whose commit kept the same name
    before. A tail leads back to every version before it, as far as to the last base that was kept whole.
    """
    found: list[KeptFile] = []
    before: dict[str, int] = {}
    for kept in history.files():
        name = RECORDS if kept.relative == TAIL else kept.relative
        if not wanted.any_between(before.get(name, 0), kept.version):
            found.append(kept)
        if kept.relative != TAIL:
            before[name] = kept.version
    return found
