"""The life of single records: deleted, restored, and the state that people and tools give them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from usr_core.dataset.site import DatasetSite

if TYPE_CHECKING:
    from usr_core.store.changes.delete import DeleteOutcome, RestoreOutcome
    from usr_core.store.changes.state import RecordState, StateOutcome

__all__ = ["RecordLife"]


class RecordLife(DatasetSite):
    """`delete`, `restore`, `set_state`, `clear_state`, `get_state`.

    Each takes the ids of records and treats all of them or none. Repeated ids count once; ids that match no
    record are an error, or with `allow_missing` skipped and counted. What changes nothing writes no event.
    """

    def delete(self, ids: Iterable[str], *, reason: str | None = None, allow_missing: bool = False) -> DeleteOutcome:
        """Delete records: views leave them out, the base keeps them, `restore` brings them back.

        Records that are deleted already keep their time and reason, and are counted.

        Raises:
            RecordIdInvalid: A text is not 40 lower-case hexadecimal digits.
            RecordsMissing: Ids match no record.
        """
        from usr_core.store.changes.delete import delete_records

        return delete_records(self._site(), ids, reason=reason, allow_missing=allow_missing)

    def restore(self, ids: Iterable[str], *, allow_missing: bool = False) -> RestoreOutcome:
        """Bring deleted records back; those that are not deleted are counted. Errors as `delete`."""
        from usr_core.store.changes.delete import restore_records

        return restore_records(self._site(), ids, allow_missing=allow_missing)

    def set_state(
        self,
        ids: Iterable[str],
        *,
        masked: bool | None = None,
        qc_status: str | None = None,
        split: str | None = None,
        supersedes: str | None = None,
        lineage: Sequence[str] | None = None,
        allow_missing: bool = False,
    ) -> StateOutcome:
        """Set fields of the state of records; fields that are not given stay as they are.

        Args:
            ids: The records.
            masked: Whether they are to be left out of analyses.
            qc_status: ``pass``, ``fail``, ``warn`` or ``unknown``.
            split: ``train``, ``val``, ``test`` or ``holdout``.
            supersedes: The id of the record that they replace; it need not be in this dataset.
            lineage: Ids of the records that they came from; they need not be in this dataset.
            allow_missing: Skip and count ids that match no record.

        Raises:
            StateFieldMissing: No field is given.
            StateValueNotAllowed: A value is not one of those above.
            RecordIdInvalid, RecordsMissing: As `delete`.
        """
        from usr_core.store.changes.state import StateChange, set_state

        change = StateChange(
            masked=masked,
            qc_status=qc_status,
            split=split,
            supersedes=supersedes,
            lineage=None if lineage is None else tuple(lineage),
        )
        return set_state(self._site(), ids, change, allow_missing=allow_missing)

    def clear_state(self, ids: Iterable[str], *, allow_missing: bool = False) -> StateOutcome:
        """Unset the whole state of records: null afterwards, not false. Errors as `delete`."""
        from usr_core.store.changes.state import clear_state

        return clear_state(self._site(), ids, allow_missing=allow_missing)

    def get_state(self, ids: Iterable[str], *, allow_missing: bool = False) -> list[RecordState]:
        """Return the state of each record, in the order of `ids`; what is not set is None. Errors as `delete`."""
        from usr_core.store.changes.state import get_state

        return get_state(self.ref, ids, allow_missing=allow_missing)
