"""What every verb of a dataset builds on: where it is, who changes it, and the plugin host."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from usr_core.fs.lock import LOCK_SECONDS
from usr_core.roots.dataset_id import ARCHIVE, DatasetRef, new_dataset, resolve_dataset
from usr_core.roots.layout import DatasetLayout
from usr_core.roots.locate import locate_dataset

if TYPE_CHECKING:
    from usr_core.commit.file_tree import FileTree
    from usr_core.events.event import Actor
    from usr_core.plugin.host import PluginHost
    from usr_core.plugin.importing import HostedImporter
    from usr_core.records.alphabets import Alphabet, KnownAlphabets
    from usr_core.store.mutation import Site
    from usr_core.store.versions.version import Version

__all__ = ["DatasetSite", "Progress"]

Progress = Callable[[int], None]
"""Called with the number of rows just done."""


class DatasetSite:
    """One dataset, existing or to be made.

    Args:
        ref: Where it is.
        actor: Who changes it, as its events say; by default from ``USR_ACTOR_TOOL`` and ``USR_ACTOR_RUN_ID``.
        lock_timeout: Seconds that a change waits for another writer.
        host: The plugin host to take importers, exporters and event sinks from, or what returns it when it is
            needed; by default one of its own.
    """

    def __init__(
        self,
        ref: DatasetRef,
        *,
        actor: Actor | None = None,
        lock_timeout: float = LOCK_SECONDS,
        host: PluginHost | Callable[[], PluginHost] | None = None,
    ) -> None:
        self.ref = ref
        self._given_actor = actor
        self.lock_timeout = lock_timeout
        self._given_host = host
        self._maintenance: str | None = None
        self._version: Version | None = None

    @classmethod
    def open(
        cls,
        root: str | PathLike[str],
        name: str,
        *,
        actor: Actor | None = None,
        lock_timeout: float = LOCK_SECONDS,
        host: PluginHost | Callable[[], PluginHost] | None = None,
    ) -> Self:
        """Return the dataset `name` of `root`; it need not exist yet (see `init`).

        No lock is taken.

        Raises:
            InvalidDatasetId, ArchivedPath, AmbiguousDataset, OutsideRoot, NestedDataset: `name` is not such a name.
            RootMissing, RootNotAFolder: There is no such root (see `Root.init`).

        Example:
            >>> from usr_core import Dataset
            >>> Dataset.open(root, "demo/promoters").base_rows()
            3
            >>> Dataset.open(root, "demo/new").path.exists()
            False
        """
        from usr_core.roots.errors import DatasetMissing

        place = Path(root).expanduser()
        try:
            ref = resolve_dataset(place, name)
        except DatasetMissing:
            ref = new_dataset(place, name)
        return cls(ref, actor=actor, lock_timeout=lock_timeout, host=host)

    @classmethod
    def locate(
        cls,
        text: str | None,
        *,
        root: Path | None = None,
        actor: Actor | None = None,
        lock_timeout: float = LOCK_SECONDS,
        host: PluginHost | Callable[[], PluginHost] | None = None,
    ) -> Self:
        """Return the existing dataset that `text` means: an id, a folder, or None for the one we stand in.

        Raises:
            NoDatasetHere, DatasetMissing: No dataset was named, or there is none; and what else `locate_dataset`
                raises.

        Example:
            >>> from usr_core import Dataset
            >>> Dataset.locate("demo/promoters", root=root).name
            'demo/promoters'
            >>> Dataset.locate("./root/demo/promoters").name
            'demo/promoters'
        """
        return cls(locate_dataset(text, root=root), actor=actor, lock_timeout=lock_timeout, host=host)

    @classmethod
    def locate_archived(
        cls,
        text: str | None,
        *,
        root: Path | None = None,
        actor: Actor | None = None,
        lock_timeout: float = LOCK_SECONDS,
        host: PluginHost | Callable[[], PluginHost] | None = None,
    ) -> Self:
        """Return the dataset of ``_archive/`` that `text` means, an id or a folder; it can be read, not changed.

        Raises:
            DatasetNotArchived, AmbiguousDataset, InvalidDatasetId: `text` does not name one.

        Example:
            >>> from usr_core import Dataset
            >>> dataset.archive().name
            'promoters'
            >>> Dataset.locate_archived("demo/promoters", root=root).base_rows()
            3
        """
        from usr_core.store.changes.archive import locate_archived

        return cls(locate_archived(text, root=root), actor=actor, lock_timeout=lock_timeout, host=host)

    @property
    def name(self) -> str:
        """The id inside the root.

        Example:
            >>> dataset.name
            'demo/promoters'
        """
        return self.ref.name

    @property
    def path(self) -> Path:
        """The dataset's folder.

        Example:
            >>> dataset.path == root / "demo" / "promoters"
            True
        """
        return self.ref.path

    @property
    def layout(self) -> DatasetLayout:
        """The names of its files.

        Example:
            >>> dataset.layout.records.name
            'records.parquet'
        """
        return DatasetLayout(self.ref.path)

    @property
    def version(self) -> int | None:
        """The number of the version that `at` was asked for; None for the dataset as it is.

        Example:
            >>> dataset.version is None, dataset.at(2).version
            (True, 2)
        """
        return None if self._version is None else self._version.seq

    @cached_property
    def actor(self) -> Actor:
        """Who changes the dataset.

        Example:
            >>> dataset.actor.resolved().tool
            'usr'
        """
        from usr_core.events.event import Actor

        return self._given_actor or Actor()

    @cached_property
    def host(self) -> PluginHost:
        """The plugin host.

        Example:
            >>> "csv" in dataset.host.names_of("importer")
            True
        """
        if callable(self._given_host):
            return self._given_host()
        if self._given_host is not None:
            return self._given_host
        from usr_core.plugin.host import PluginHost

        return PluginHost(root=self.ref.root)

    @contextlib.contextmanager
    def maintenance(self, reason: str) -> Iterator[Self]:
        """Allow rewrites of the base inside the block; `reason` goes into their events.

        The block takes no lock of its own; each rewrite in it does.

        Raises:
            VersionReadOnly: The dataset was opened as it was at a version, see `at`.

        Example:
            >>> with dataset.maintenance("fold the scores in") as allowed:
            ...     allowed.materialize(namespaces=["lab"]).rows
            3
            >>> dataset.materialize()
            Traceback (most recent call last):
                ...
            usr_core.store.errors.MaintenanceRequired: materialize rewrites the base and needs a maintenance block.
        """
        self._refuse_past()
        before, self._maintenance = self._maintenance, reason
        try:
            yield self
        finally:
            self._maintenance = before

    # ------------------------------------------------------------- for the verbs

    def _site(self, *, new: bool = False, dry_run: bool = False) -> Site:
        """Return where a change happens and who makes it; with `dry_run` it is done, checked and dropped.

        Raises:
            DatasetMissing: The dataset does not exist, and is not to be made.
            VersionReadOnly: It was opened as it was at a version.
        """
        from usr_core.store.mutation import Site

        self._refuse_past()
        if not new:
            self._require_records()
        return Site(
            ref=self.ref,
            announce=self._announce,
            actor=self.actor,
            lock_timeout=self.lock_timeout,
            maintenance=self._maintenance,
            alphabets=self._alphabets(),
            dry_run=dry_run,
        )

    def _alphabets(self) -> KnownAlphabets:
        """Return the alphabets that sequences may have; the host is asked where one is not USR's."""
        from usr_core.records.alphabets import KnownAlphabets

        return KnownAlphabets(_HostAlphabets(self))

    def _refuse_past(self, what: str = "a change") -> None:
        """Refuse what can't be done with a dataset as it was.

        Raises:
            VersionReadOnly: It was opened so.
        """
        if self._version is not None:
            from usr_core.store.versions.errors import VersionReadOnly

            raise VersionReadOnly(dataset=self.name, seq=self._version.seq, what=what)

    def _as_it_is(self) -> Self:
        """Return the dataset as it is now, whichever version this one was opened at."""
        present = copy(self)
        present._version = None
        return present

    def _seen(self, tree: FileTree) -> FileTree:
        """Return the files that count of those that there are: all, or those of the version that was asked for."""
        if self._version is None:
            return tree
        from usr_core.store.versions.tree import tree_at

        return tree_at(tree, self._version, dataset=self.name)

    def _require_records(self) -> None:
        """Refuse a dataset that was opened by name and is not made yet."""
        if not self.layout.records.exists() and not self.ref.name.startswith(f"{ARCHIVE}/"):
            resolve_dataset(self.ref.root, self.ref.name)  # tells the name, the place and near names

    def _announce(self, event: Mapping[str, Any]) -> None:
        self.host.emit(event)  # the host, and the plugins it looks for, are not needed before the first event

    def _require_maintenance(self, verb: str) -> None:
        if self._maintenance is None:
            from usr_core.store.errors import MaintenanceRequired

            raise MaintenanceRequired(verb=verb)

    def _importer(self, name: str | None, path: Path) -> tuple[str, HostedImporter]:
        if name is not None:
            return name, self.host.importer(name)
        from usr_core.plugin.errors import PluginMissing

        try:
            return self.host.importer_for_path(path)
        except PluginMissing:
            from usr_core.store.rules.source_file import check_source

            check_source(path)  # a folder, or nothing at all, has no ending that any importer could have
            raise


class _HostAlphabets:
    """The alphabets of a dataset's host, which is not made before one is asked for."""

    def __init__(self, dataset: DatasetSite) -> None:
        self._dataset = dataset

    def alphabet(self, name: str) -> Alphabet | None:
        return self._dataset.host.alphabet(name)

    def alphabets(self) -> Sequence[Alphabet]:
        return self._dataset.host.alphabets()
