"""What a word of the command line names that is compared: a dataset, a version of one, a remote's copy, or a file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from usr_core.api.commands import Session, open_target, warn

if TYPE_CHECKING:
    from usr_core.api import Dataset
    from usr_core.api.results import ParquetTable

__all__ = ["open_side", "split_version", "way_back"]


def split_version(text: str | None) -> tuple[str | None, str | None]:
    """Return what stands before the ``@`` and what stands behind it: a target, and a version or a remote.

    A file or folder whose name has an ``@`` is itself. Nothing before it is the current dataset.
    """
    if text is None or "@" not in text or Path(text).exists():
        return text, None
    target, _, version = text.partition("@")
    return target or None, version


@contextlib.contextmanager
def open_side(session: Session, text: str | None) -> Iterator[tuple[Dataset | ParquetTable, str | None]]:
    """Open what `text` names; a remote's copy comes with the name it is shown under.

    Behind ``@`` a tag comes before a remote of the same name.

    Raises:
        UsrError: What is named does not exist or can't be read.
    """
    from usr_core.api import Dataset, UsrError
    from usr_core.api.results import ParquetTable

    target, version = split_version(text)
    if version is not None and _is_remote(session, version):
        dataset = session.dataset(target)
        if version not in dataset.tags():
            with _remote_copy(session, dataset, version) as copy:
                yield copy, f"{dataset.name}@{version}"
            return
    try:
        found = open_target(session, target, at=version)
    except UsrError as error:
        if text is not None and text.isdecimal():
            error.hint = f"A version stands behind its dataset: DATASET@{text}. {error.hint or ''}".rstrip()
        raise
    assert isinstance(found, (Dataset, ParquetTable))
    yield found, None


def way_back(old: Dataset | ParquetTable, new: Dataset | ParquetTable) -> str:
    """Return the command that makes `new` what `old` shows; ``""`` where `new` is not the dataset as it is.

    Nor is there one where the version of `old` can't be brought back, since what it needs was given up.
    """
    from usr_core.api import Dataset
    from usr_core.api.events import version_kept

    if not (isinstance(old, Dataset) and isinstance(new, Dataset)) or old.path != new.path or old.version is None:
        return ""
    last = new.log(limit=1)[0].version
    if new.version not in (None, last) or old.version == last or not version_kept(old.path, old.version):
        return ""
    return f"usr rollback {old.name} --to {old.version}"


def _is_remote(session: Session, name: str) -> bool:
    from usr_core.api import UsrError
    from usr_core.api.sync import find_remotes_file, load_remotes

    try:
        known = load_remotes(find_remotes_file(session.remotes_path))
    except UsrError:  # no remotes, so none of this name
        return False
    return name in known.remotes or name in known.faults


@contextlib.contextmanager
def _remote_copy(session: Session, dataset: Dataset, remote: str) -> Iterator[Dataset]:
    from usr_core.api import Dataset
    from usr_core.api.sync import remote_copy

    with remote_copy(
        dataset.ref,
        remote,
        remotes_file=session.remotes_path,
        host=session.host,
        lock_timeout=session.lock_timeout,
        warn=warn,
    ) as ref:
        yield Dataset(ref, host=lambda: session.host)
