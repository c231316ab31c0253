"""A dataset that stands in for another one while a command tries what it would do there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from usr_core.dataset import Dataset

__all__ = ["stand_in"]


class _Unheard(Dataset):
    """A dataset whose changes are told to no event sink."""

    def _announce(self, event: Mapping[str, Any]) -> None:
        return None


@contextlib.contextmanager
def stand_in(dataset: Dataset) -> Iterator[Dataset]:
    """Give a dataset of the same id, still to be made, in a temporary root with the same registry.

    For the dry run of a command that makes several changes. It is removed at the end, and no event sink is told of it.

    Raises:
        RegistryMissing, RegistryInvalid: The root has no valid registry.

    Example:
        >>> from usr_core.api.results import stand_in
        >>> with stand_in(dataset) as tried:
        ...     tried.init().add_sequences([{"sequence": "TATAAT"}]).added, tried.name
        (1, 'demo/promoters')
        >>> dataset.rows
        3
    """
    from usr_core.registry.store import begin_registry, read_registry

    registry = read_registry(dataset.ref.root)
    with TemporaryDirectory(prefix="usr-") as folder:
        begin_registry(Path(folder), registry)
        yield _Unheard.open(folder, dataset.name, actor=dataset.actor, host=dataset.host)
