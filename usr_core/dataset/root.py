"""`Root`: a folder with a registry and the datasets that go by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from usr_core.dataset import Dataset
from usr_core.errors import counted
from usr_core.events.event import Actor
from usr_core.fs.lock import LOCK_SECONDS
from usr_core.roots.find_root import existing_root, find_root
from usr_core.values.showing import escape, html_table

if TYPE_CHECKING:
    from usr_core.plugin.host import PluginHost
    from usr_core.registry.document import Registry
    from usr_core.registry.store import RegisterResult
    from usr_core.store.questions.sql_result import SqlResult

__all__ = ["Root"]

_SHOWN = 20
"""Datasets that are named where a root shows itself."""


class Root:
    """A root. It is a path too: whatever takes the path of a root takes a `Root`.

    Args:
        path: The folder, which must exist (see `init`); by default ``USR_ROOT``, or the nearest root from the current
            folder upward.
        actor, lock_timeout, host: For its datasets, as for `Dataset`.

    Raises:
        RootMissing, RootNotAFolder: The path does not exist, or is not a folder.
        RootUnknown: No root was given, and none was found.

    Example:
        >>> from usr_core import Root
        >>> lab = Root("root")
        >>> lab.path == root, [one.name for one in lab.datasets], sorted(lab.registry.namespaces)
        (True, ['demo/promoters'], ['lab', 'usr_state'])
        >>> lab.open("demo/motifs").init().name, len(lab), "demo/motifs" in lab, lab["demo/promoters"].rows
        ('demo/motifs', 2, True, 3)
        >>> lab.register_namespace("infer", {"infer__ll": "float64"}).added
        ('infer__ll',)
        >>> lab.query('select count(*) from "demo/promoters"').fetchone()
        (3,)
        >>> Root("elsewhere")
        Traceback (most recent call last):
            ...
        usr_core.roots.errors.RootMissing: The root elsewhere does not exist.
        >>> Root.init("elsewhere").datasets
        ()
    """

    def __init__(
        self,
        path: str | PathLike[str] | None = None,
        *,
        actor: Actor | None = None,
        lock_timeout: float = LOCK_SECONDS,
        host: PluginHost | None = None,
    ) -> None:
        self.path = find_root() if path is None else existing_root(Path(path))
        self._options: dict[str, Any] = {"actor": actor, "lock_timeout": lock_timeout, "host": host}

    @classmethod
    def init(cls, path: str | PathLike[str], **options: Any) -> Self:
        """Make a folder a root, with a registry that has no namespace of a tool yet; one that is a root stays as it is.

        Args:
            path: The folder; it is made, unless it is there.
            options: As for `Root`.

        Raises:
            FileSystemError: The folder or the registry can't be made.
        """
        from usr_core.registry.store import make_root

        return cls(make_root(Path(path).expanduser()), **options)

    @property
    def registry(self) -> Registry:
        """The registered namespaces, as the file has them now.

        Raises:
            RegistryMissing, RegistryInvalid: The root has no valid registry.
        """
        from usr_core.registry.store import read_registry

        return read_registry(self.path)

    @property
    def datasets(self) -> tuple[Dataset, ...]:
        """The datasets that are there now, sorted by name, without the archived ones."""
        from usr_core.roots.dataset_id import list_datasets

        return tuple(Dataset(ref, **self._options) for ref in list_datasets(self.path))

    def open(self, name: str) -> Dataset:
        """Return the dataset `name`, which need not exist yet; as `Dataset.open`."""
        return Dataset.open(self.path, name, **self._options)

    def register_namespace(
        self, name: str, columns: Mapping[str, str] | Sequence[tuple[str, str]] | str, **options: Any
    ) -> RegisterResult:
        """Register a namespace, or add columns to one; arguments and errors as `usr_core.register_namespace`."""
        from usr_core.registry.store import register_namespace

        return register_namespace(self.path, name, columns, **options)

    def query(self, statement: str, parameters: Sequence[object] | Mapping[str, object] | None = None) -> SqlResult:
        """Run one SELECT over the datasets, each a table under its id in double quotes; as `Dataset.query`."""
        from usr_core.dataset.querying import query_root

        return query_root(self.path, statement, parameters)

    def __getitem__(self, name: str) -> Dataset:
        """Return a dataset that exists.

        Raises:
            DatasetMissing: There is none of that name.
        """
        from usr_core.roots.dataset_id import resolve_dataset

        return Dataset(resolve_dataset(self.path, name), **self._options)

    def __iter__(self) -> Iterator[Dataset]:
        return iter(self.datasets)

    def __len__(self) -> int:
        return len(self.datasets)

    def __bool__(self) -> bool:
        return True

    def __contains__(self, name: object) -> bool:
        return any(one.name == name for one in self.datasets)

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        title, *names = self._lines()
        return f"<div><div>{escape(title)}</div>{html_table([[name] for name in names])}</div>"

    def _lines(self) -> list[str]:
        title = f"Root({str(self.path)!r})"
        try:
            names = [one.name for one in self.datasets]
        except OSError as error:
            return [f"{title}: can't be read ({error.strerror})"]
        more = [f"… {len(names) - _SHOWN:,} more"] if len(names) > _SHOWN else []
        return [f"{title}: {counted(len(names), 'dataset')}", *names[:_SHOWN], *more]
