"""Which records a verb is asked to treat, as its event tells it."""

from __future__ import annotations

from dataclasses import dataclass

from usr_core.commit.file_tree import FileTree
from usr_core.store.ids.lookup import AskedIds, existing_ids

__all__ = ["RecordOptions"]

_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordOptions:
    """Ids of records, each once; with `allow_missing` ids that match no record are skipped and counted."""

    ids: AskedIds
    allow_missing: bool = False

    def existing(self, tree: FileTree, *, dataset: str) -> AskedIds:
        """Return those of the ids that a record has.

        Raises:
            RecordsMissing: Ids match no record, and `allow_missing` is not set.
        """
        return existing_ids(tree, self.ids, dataset=dataset, allow_missing=self.allow_missing)

    def event_args(self) -> dict[str, object]:
        """Return the event's ``args``: a long list of ids is its number and its beginning."""
        return {
            "ids": len(self.ids),
            "first_ids": list(self.ids.at(slice(_SHOWN)).ids),
            "allow_missing": self.allow_missing,
        }
