"""The session: what the root options of one run say, and the things a command needs because of them."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from usr_core.plugin.catalogue import Catalogue
from usr_core.plugin.switches import read_switches

if TYPE_CHECKING:
    from usr_core.dataset import Dataset
    from usr_core.plugin.host import PluginHost

__all__ = ["LOCK_TIMEOUT", "Session", "current_session", "open_session", "opened_session"]

LOCK_TIMEOUT = 60.0
"""Seconds that a command waits for another writer, unless ``--lock-timeout`` says otherwise."""


class Session:
    """One run of the command line.

    Args:
        root: The folder given by ``--root``, or None.
        remotes_config: The file given by ``--remotes-config``, or None.
        debug: Whether ``--debug`` was given.
        lock_timeout: Seconds to wait for a dataset's lock.
        catalogue: The installed plugins under this run's switches; by default those of the environment.

    Attributes:
        several_changes: Set by a command that commits more than once: if it is interrupted after the first commit, it
            has not done what it was asked for.

    Example:
        >>> from usr_core.api.commands import Session
        >>> session = Session(root=root)
        >>> session.dataset("demo/promoters").overview().rows
        3
        >>> session.found_root == root, session.remotes_path.name, "csv" in session.host.names_of("importer")
        (True, 'remotes.yaml', True)
        >>> session.close()
    """

    def __init__(
        self,
        *,
        root: Path | None = None,
        remotes_config: Path | None = None,
        debug: bool = False,
        lock_timeout: float = LOCK_TIMEOUT,
        catalogue: Catalogue | None = None,
    ) -> None:
        self.root = root
        self.remotes_config = remotes_config
        self.debug = debug
        self.lock_timeout = lock_timeout
        self.several_changes = False
        self._host_root: Path | None = None
        self.catalogue = catalogue if catalogue is not None else Catalogue(read_switches())

    @cached_property
    def host(self) -> PluginHost:
        """The plugin host; plugins are imported when something of theirs is asked for."""
        from usr_core.cli.output import warn
        from usr_core.plugin.host import PluginHost

        return PluginHost(self.catalogue, report=warn, hold_events=True, root=self._host_root)

    @cached_property
    def found_root(self) -> Path:
        """The root to work in: ``--root``, ``USR_ROOT``, or found from the current folder upward.

        Raises:
            UsrError: No root was given, and none was found.
        """
        from usr_core.roots.find_root import find_root

        return find_root(self.root)

    @property
    def remotes_path(self) -> Path | None:
        """The remotes file: ``--remotes-config``, else ``USR_REMOTES_PATH``, else None for the default place."""
        if self.remotes_config is not None:
            return self.remotes_config
        named = os.environ.get("USR_REMOTES_PATH")
        return Path(named) if named else None

    def close(self, *, tell: bool = True) -> None:
        """Tell the event sinks what this run has changed, and close the plugin host, if the run used it.

        Args:
            tell: False after an interrupt: a warning says what the sinks are not told.

        Raises:
            UsrError: A required sink failed; the change is made.
        """
        if "host" in self.__dict__:
            self.host.close(tell=tell)

    def dataset(self, text: str | None, *, at: str | None = None) -> Dataset:
        """Open the dataset that an argument names: an id, a dataset's folder, or None for the current folder.

        With `at`, as ``--at`` takes it, it is the dataset as it was.

        Raises:
            UsrError: The dataset, its root or the version does not exist, or the name is ambiguous.
        """
        from usr_core.dataset import Dataset

        _print_warnings()
        found = Dataset.locate(text, root=self.root, lock_timeout=self.lock_timeout, host=lambda: self.host)
        self._host_root = found.ref.root
        if "host" in self.__dict__:
            self.host.root = self._host_root
        return found if at is None else found.at(at)


_current: list[Session] = []


def open_session(session: Session) -> None:
    """Make `session` the one that `current_session` returns."""
    _current[:] = [session]


def opened_session() -> Session | None:
    """Return the session of this run, or None where nothing has asked for one."""
    return _current[0] if _current else None


def current_session() -> Session:
    """Return the session of this run; outside the ``usr`` command, one with default options.

    Example:
        >>> from usr_core.api.commands import current_session
        >>> session = current_session()
        >>> session.root is None, session.debug, session.lock_timeout
        (True, False, 60.0)
    """
    if not _current:
        open_session(Session())
    return _current[0]


def _print_warnings() -> None:
    """Show what the library logs (an interrupted writer's change was finished, for one) as this command's warnings."""
    import logging

    from usr_core.cli.output import warn

    logger = logging.getLogger("usr")
    if logger.handlers:
        return

    class _Warnings(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            warn(record.getMessage())

    logger.addHandler(_Warnings(logging.WARNING))
    logger.propagate = False
