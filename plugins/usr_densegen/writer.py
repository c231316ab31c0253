"""`DenseGenWriter`: what a DenseGen run writes its records with, over hours.

It is a writer session of the core (`Dataset.writer`) that knows DenseGen's columns. A record is a mapping with the
sequence, DenseGen's fields by their bare names, and ``arrays`` for what is too large or too ragged for a column:

    with DenseGenWriter(dataset, run_id="r1") as writer:
        writer.add([{"sequence": "TTGACA…", "plan": "sigma70", "used_tfbs": ["lexA:TACTGTATATAA"], "random_seed": 7}])

Rows are safe once they are flushed, each 128 records. After a kill, a writer with the same run id goes on, in this
process or another: give it everything again, and what is known is skipped and counted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from usr_core.api import Actor, Dataset
from usr_core.api.files import LockTimeout
from usr_core.api.records import record_id
from usr_core.api.registry import load_registry, register_namespace
from usr_densegen.artifacts import ArtifactFolder, ArtifactRef
from usr_densegen.errors import ArraysInvalid, NamespaceIncomplete
from usr_densegen.health import Health, has_run_before
from usr_densegen.namespace import COLUMNS, DESCRIPTION, NAMESPACE, full_name

if TYPE_CHECKING:
    from usr_core.api.results import Added, RecordWriter

__all__ = ["DenseGenWriter"]

_log = logging.getLogger("usr")
_TOOL = "densegen"
_RECORD_FIELDS = frozenset({"id", "sequence", "bio_type", "alphabet", "source", "created_at"})
_ARRAYS = "arrays"
_RUN_ID = full_name("run_id")


class DenseGenWriter:
    """One run's records; a context manager. Not for several threads.

    Args:
        dataset: An existing dataset.
        run_id: Names the run: its events, its records, and the session that a later process resumes.
        register: Register the namespace ``densegen``, or the columns that are missing from it, on entering.
        health: Returns figures of the caller's own for the health events, JSON values.
        health_seconds: How often at most the run says that it is running.
        options: Further options of `Dataset.writer`, such as ``flush_rows`` (128).

    Attributes:
        added, skipped: New records, and known ones that were given again, in this process.
        resumed: Rows of an earlier process that were found in the journal.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        run_id: str,
        register: bool = False,
        health: Callable[[], Mapping[str, object]] | None = None,
        health_seconds: float = 60.0,
        **options: Any,
    ) -> None:
        self.run_id = run_id
        self._dataset, self._register = dataset, register
        self._actor = Actor(tool=_TOOL, run_id=run_id)
        self._bio_type = str(options.get("bio_type", "dna"))
        self._options = {"source": _TOOL, **options}
        self._health = Health(dataset, self._actor, counts=self._counts, own=health, seconds=health_seconds)
        self._artifacts = ArtifactFolder(dataset.path, owner=run_id)
        self._session: RecordWriter | None = None

    def __enter__(self) -> Self:
        """Open the session and say so.

        Raises:
            NamespaceIncomplete, NamespaceNotRegistered: The registry lacks columns; see `register`.
            SessionInUse: This run is being written by another process.
            LockTimeout: Another writer holds the dataset.
        """
        if self._register:
            self._register_columns()
        registered = load_registry(self._dataset.ref.root).namespace(NAMESPACE).column_names
        if _RUN_ID not in registered:
            raise NamespaceIncomplete(missing=[_RUN_ID])
        session = self._dataset.writer(namespaces=[NAMESPACE], actor=self._actor, **self._options)
        session.__enter__()
        self._session = session
        try:
            self._artifacts.clean()
            known = session.resumed > 0 or has_run_before(self._dataset, self.run_id)
            self._health.tell("resumed" if known else "started")
        except BaseException as error:
            # What the journal holds stays there for the next try, or is committed now.
            session.__exit__(type(error), error, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session = self._open_session()
        if error is not None:
            session.__exit__(kind, error, trace)
            self._tell_failure(error)
            return
        try:
            session.close()
        except BaseException as failure:
            self._tell_failure(failure)
            raise
        self._health.tell("completed")

    @property
    def added(self) -> int:
        return self._open_session().added

    @property
    def skipped(self) -> int:
        return self._open_session().skipped

    @property
    def resumed(self) -> int:
        return self._open_session().resumed

    def add(self, records: Sequence[Mapping[str, object]]) -> Added:
        """Take in records; all of the call or none of it. Flushes, commits and says that it is running when due.

        Args:
            records: Mappings with ``sequence``; further columns of a record (``bio_type``, ``source``, …), fields of
                the namespace by bare or full name, and ``arrays``: a mapping of names to arrays, for the ``.npz``
                file that the record then refers to. ``run_id`` is filled in.

        Raises:
            SessionRowError, ImportCellError: A row is refused; its number in this call is told.
            ArraysInvalid: The arrays of a row can't be kept.
            FileSystemError: The disk refuses; what was flushed before is safe.
        """
        session = self._open_session()
        references = self._stored(session, records)
        rows: list[dict[str, object]] = []
        overlays: list[dict[str, object]] = []
        for record, reference in zip(records, references, strict=True):
            own = dict(record)
            own.pop(_ARRAYS, None)
            row = {name: own.pop(name) for name in _RECORD_FIELDS if name in own}
            if _RUN_ID not in own:
                own.setdefault("run_id", self.run_id)
            if reference is not None:
                own.update(reference.as_columns())
            rows.append(row)
            overlays.append(own)
        added = session.add(rows, overlays={NAMESPACE: overlays})
        self._tell_running()
        return added

    def has(self, ids: Sequence[str]) -> list[bool]:
        """Tell for each id whether its record is known, so that it need not be designed again."""
        return self._open_session().has(ids)

    def flush(self) -> int:
        """Make every record given so far survive a power cut; return how many there were."""
        rows = self._open_session().flush()
        self._tell_running()
        return rows

    def commit(self) -> None:
        """Put every record given so far into the dataset."""
        self._open_session().commit()

    # ------------------------------------------------------------- inside

    def _open_session(self) -> RecordWriter:
        if self._session is None:
            raise RuntimeError("enter the writer first: with DenseGenWriter(…) as writer")
        return self._session

    def _register_columns(self) -> None:
        register_namespace(
            self._dataset.ref.root, NAMESPACE, COLUMNS, description=DESCRIPTION, lock_timeout=self._dataset.lock_timeout
        )

    def _stored(self, session: RecordWriter, records: Sequence[Mapping[str, object]]) -> list[ArtifactRef | None]:
        """Keep the arrays of records that are new; no record would refer to those of the others."""
        places = [place for place, record in enumerate(records) if record.get(_ARRAYS) is not None]
        if not places:
            return [None] * len(records)
        ids = [
            record_id(
                str(records[place].get("bio_type") or self._bio_type), str(records[place].get("sequence", "")).strip()
            )
            for place in places
        ]
        new = [place for place, known in zip(places, session.has(ids), strict=True) if not known]
        chosen: list[Mapping[str, object]] = []
        for place in new:
            arrays = records[place][_ARRAYS]
            if not isinstance(arrays, Mapping):
                raise ArraysInvalid(reason="they are not a mapping")
            chosen.append(arrays)
        kept = dict(zip(new, self._artifacts.store(chosen), strict=True))
        return [kept.get(place) for place in range(len(records))]

    def _counts(self) -> dict[str, object]:
        session = self._open_session()
        return {
            "rows_added": session.added,
            "rows_skipped": session.skipped,
            "rows_resumed": session.resumed,
            "flushes": session.flushes,
            "commits": session.commits,
        }

    def _tell_running(self) -> None:
        if not self._health.due:
            return
        try:
            self._health.tell("running")
        except LockTimeout as error:
            _log.warning(
                "%s: another writer is at work, so that this run could not say it is running: %s", _TOOL, error
            )

    def _tell_failure(self, error: BaseException) -> None:
        try:
            self._health.tell("failed", error=error)
        except Exception as untold:  # noqa: BLE001 - the caller's figures may raise anything
            # The caller has to get its own error, not this one.
            _log.warning("%s: the failure of run %s could not be recorded: %s", _TOOL, self.run_id, untold)
