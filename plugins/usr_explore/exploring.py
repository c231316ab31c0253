"""What the page of one run looks at: a root, its datasets, and what was loaded of them."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from usr_core.api import counted
from usr_explore.condition import Chosen, Query, choose, motif_places
from usr_explore.differing import version_labels
from usr_explore.history import EventLine, History, history
from usr_explore.load import Loaded, load
from usr_explore.vectors import VectorMap, vector_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    from usr_core.api import Dataset
    from usr_core.api.results import Comparison

__all__ = ["NOTEBOOK", "SPLITS", "STATUSES", "Exploration", "Plan", "current", "serve"]

NOTEBOOK = Path(__file__).parent / "notebook" / "page.py"
"""Not a module of ours: marimo runs it, and importing it would import marimo."""

SPLITS = ("train", "val", "test", "holdout")
STATUSES = ("pass", "fail", "warn", "unknown")


Spans = list[tuple[int, int, str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be marked once it is confirmed."""

    name: str
    ids: tuple[str, ...]
    split: str | None
    qc_status: str | None
    told: str

    @property
    def options(self) -> list[str]:
        """Return the options of `usr state set` that do the same."""
        found = [f"--split {self.split}"] if self.split else []
        return [*found, *([f"--qc-status {self.qc_status}"] if self.qc_status else [])]


@dataclass
class Exploration:
    """A root and a dataset to begin with.

    Attributes:
        root: The root's folder.
        name: The dataset to begin with; None for the first one.
        lock_timeout: Seconds to wait for another writer.
        at: The version at which this dataset is looked at first; None as it is.
    """

    root: Path
    name: str | None = None
    lock_timeout: float = 60.0
    at: int | None = None
    _versions: dict[str, int | None] = field(default_factory=dict)
    _loaded: dict[str, tuple[Any, Loaded]] = field(default_factory=dict)
    _maps: dict[Any, VectorMap] = field(default_factory=dict)

    def datasets(self) -> list[str]:
        """Return the names of the root's datasets, with the one to begin with."""
        from usr_core.api.results import list_root

        names = [one.name for one in list_root(self.root) if one.problem is None and one.unfinished_pull is None]
        return names if self.name is None or self.name in names else [self.name, *names]

    def dataset(self, name: str) -> Dataset:
        """Open a dataset of the root.

        Raises:
            UsrError: There is none of that name.
        """
        from usr_core.api import Dataset

        found = Dataset.open(self.root, name, lock_timeout=self.lock_timeout)
        version = self._versions.get(name, self.at if name == self.name else None)
        return found if version is None else found.at(version)

    def look_at(self, name: str, version: str | None) -> None:
        """Show a dataset as it was at a version from now on; with ``now`` or None as it is."""
        self._versions[name] = None if version in (None, "now") else int(str(version))

    def versions(self, name: str | None) -> dict[str, str]:
        """Return the versions of a dataset that can be picked, the newest first, by what changed; none without one."""
        from usr_core.api import Dataset

        return {} if name is None else version_labels(Dataset.open(self.root, name))

    def version_label(self, name: str | None) -> str | None:
        """Return which of `versions` is the one to begin with."""
        version = self._versions.get(name or "", self.at if name == self.name else None)
        known = self.versions(name)
        return next((label for label, one in known.items() if one == str(version)), next(iter(known), None))

    def compare(self, name: str, version: str) -> Comparison:
        """Compare a dataset as it was at a version with what the page shows.

        Raises:
            UsrError: One of the two can't be shown.
        """
        from usr_core.api import Dataset

        old = Dataset.open(self.root, name)
        return (old if version == "now" else old.at(int(version))).compare(self.dataset(name))

    def load(self, name: str) -> Loaded:
        """Return a dataset in memory: the state that is on disk, read again where it has changed; one at a time.

        Raises:
            UsrError: It can't be read.
        """
        dataset = self.dataset(name)
        state = (dataset.version, _state(dataset))
        kept = self._loaded.get(name)
        if kept is None or kept[0] != state:
            self._loaded.clear()
            self._loaded[name] = (state, load(dataset))
        return self._loaded[name][1]

    def history(self, name: str) -> History:
        """Return a dataset's history, as `history` does."""
        return history(self.dataset(name))

    def choose(self, loaded: Loaded, query: Query, last: Chosen | None = None) -> Chosen:
        """Return the records that meet a query, as `choose` does."""
        return choose(loaded, query, last)

    def writable(self, name: str) -> bool:
        """Return whether this user may change the dataset; nobody changes one as it was."""
        dataset = self.dataset(name)
        if dataset.version is not None:
            return False
        path = dataset.path
        written = [
            path,
            *filter(Path.exists, (path / "_derived", path / "_derived" / "usr_state", path / ".events.log")),
        ]
        return all(os.access(place, os.W_OK) for place in written) and os.access(path / "records.parquet", os.R_OK)

    def ids(self, loaded: Loaded, chosen: Chosen) -> list[str]:
        """Return the ids of the chosen records, in the dataset's order."""
        import pyarrow as pa

        return [str(one) for one in loaded.column("id").take(pa.array(chosen.rows)).to_pylist()]

    def record(self, loaded: Loaded, row: int, query: Query) -> tuple[dict[str, Any], Spans, list[EventLine]]:
        """Return a record whole, where the motif stands in it, and the events behind its values.

        Raises:
            UsrError: It can't be read, or is deleted by now.
        """
        dataset = self.dataset(loaded.name)
        (record,) = dataset.get(str(loaded.column("id")[row].as_py())).to_pylist()
        record = {name: _plain(value) for name, value in record.items()}
        spans = motif_places(str(record["sequence"]), str(record["bio_type"]), query)
        namespaces = [name.partition("__")[0] for name, value in record.items() if "__" in name and value is not None]
        return record, spans, self.history(loaded.name).of(namespaces, _base_row(dataset, row))

    def map(self, loaded: Loaded, column: str, chosen: Chosen, turn: int) -> VectorMap:
        """Return the map of vectors of the chosen records; the same one for the same `turn`.

        Raises:
            UsrError: The vectors can't be read.
        """
        key = (loaded.name, column, turn)
        if key not in self._maps:
            self._maps.clear()
            self._maps[key] = vector_map(self.dataset(loaded.name), column, self.ids(loaded, chosen))
        return self._maps[key]

    def colours(self, loaded: Loaded, name: str | None, ids: Sequence[str]) -> list[Any] | None:
        """Return the values of a column for these records, or None where no column is named."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not name:
            return None
        rows = pc.index_in(pa.array(list(ids), pa.string()), value_set=loaded.column("id"))
        values = loaded.column(name).take(rows).to_pylist()
        words = loaded.kind(name) == "words"
        return ["(none)" if one is None and words else str(one) if words else one for one in values]

    def plan(self, loaded: Loaded, chosen: Chosen, split: str | None, qc_status: str | None) -> Plan:
        """Return what is to be marked, for a visitor to confirm."""
        fields = [f"split {split}"] if split else []
        fields += [f"QC status {qc_status}"] if qc_status else []
        told = f"Set {' and '.join(fields)} for {counted(chosen.count, 'record')} of {loaded.name}?"
        return Plan(loaded.name, tuple(self.ids(loaded, chosen)), split, qc_status, told)

    def mark(self, plan: Plan) -> str:
        """Mark records through the ordinary commit, and return what was done.

        Raises:
            UsrError: It can't be done; nothing was changed.
        """
        outcome = self.dataset(plan.name).set_state(plan.ids, split=plan.split, qc_status=plan.qc_status)
        return f"{counted(outcome.changed, 'record')} marked; the event is in the history below."


_current: list[Exploration] = []


def serve(exploration: Exploration) -> None:
    """Make an exploration the one that the page shows."""
    _current[:] = [exploration]


def current(root: str | None = None, dataset: str | None = None) -> Exploration:
    """Return the exploration of this run; for a notebook on its own, the one of a root and a dataset.

    Args:
        root: The root's folder; by default found as `usr` finds it.
        dataset: The dataset to begin with.

    Raises:
        UsrError: There is no root.
    """
    if _current and root is None:
        return _current[0]
    from usr_core.api.places import find_root

    return Exploration(find_root(Path(root) if root else None), dataset)


def _plain(value: Any) -> Any:
    """Return a value as a page shows it: of a long list its beginning, and numbers in it to 4 digits."""
    if not isinstance(value, list):
        return value
    first = ", ".join(f"{one:.4g}" if isinstance(one, float) else str(one) for one in value[:16])
    return f"{first}, … {len(value):,} in all" if len(value) > 16 else first


def _base_row(dataset: Dataset, row: int) -> int:
    """Return the row of the base of a live record, which is the `row`-th of them."""
    with dataset.view(namespaces=()) as view:
        for deleted in view.deleted_rows().tolist():
            if deleted > row:
                break
            row += 1
    return row


def _state(dataset: Dataset) -> object:
    """Return what differs when the dataset has changed: its log's size, and its base's time."""
    found: list[tuple[int, int] | None] = []
    for path in (dataset.layout.event_log, dataset.layout.records):
        try:
            status = path.stat()
        except FileNotFoundError:
            found.append(None)
        else:
            found.append((status.st_size, status.st_mtime_ns))
    return found
