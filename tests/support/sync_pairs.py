"""Two roots and a way between them: what the tests of sync work with, whatever the transport is."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from support.tree import tree_digest
from usr_core.dataset import Dataset
from usr_core.plugin.host import PluginHost
from usr_core.plugin.transports import Transport
from usr_core.roots.layout import HISTORY, is_machinery
from usr_core.sync.request import SyncContext, SyncOptions
from usr_core.sync.run import perform
from usr_core.sync.target import FileTarget, SyncTarget, find_sync_target

__all__ = ["FolderPair", "MemoryPair", "Pair", "content", "dataset_content"]

NAME = "ns/base"


class Pair(Protocol):
    """A root here and a root there."""

    local: Path
    base_dir: str
    warnings: list[str]

    def transport(self) -> Transport:
        """Return a new connection."""
        ...

    def change_far(self, change: Callable[[Path], None]) -> None:
        """Let `change` work on the far root as a folder here."""
        ...

    def link_far(self, name: str, target: str) -> None:
        """Put a symbolic link in place of what has that name in the far root."""
        ...


@dataclass
class _Both:
    local: Path
    base_dir: str
    warnings: list[str] = field(default_factory=list)

    def transport(self) -> Transport:
        raise NotImplementedError

    def change_far(self, change: Callable[[Path], None]) -> None:
        raise NotImplementedError

    def link_far(self, name: str, target: str) -> None:
        raise NotImplementedError

    def sync(
        self,
        action: str,
        name: str = NAME,
        *,
        host: PluginHost | None = None,
        lock_timeout: float = 10.0,
        **options: Any,
    ) -> dict[str, Any]:
        """Run one `diff`, `pull` or `push` and return its audit."""
        asked = SyncOptions(**options)
        target = find_sync_target(
            name,
            action=action,
            root=self.local,
            base_dir=self.base_dir,
            options=asked,  # type: ignore[arg-type]
        )
        assert isinstance(target, SyncTarget)
        transport = self.transport()
        context = SyncContext(
            transport=transport,
            host=host or PluginHost(),
            remote_name="far",
            warn=self.warnings.append,
            lock_timeout=lock_timeout,
        )
        try:
            return perform(action, target, asked, context)  # type: ignore[arg-type]
        finally:
            transport.close()

    def sync_file(self, action: str, path: Path, remote_path: str, **options: Any) -> dict[str, Any]:
        """Run one `diff`, `pull` or `push` of a file and return its audit."""
        asked = SyncOptions(**options)
        transport = self.transport()
        context = SyncContext(transport=transport, host=PluginHost(), remote_name="far", warn=self.warnings.append)
        try:
            target = FileTarget(path=path, remote_path=f"{self.base_dir}/{remote_path}")
            return perform(action, target, asked, context)  # type: ignore[arg-type]
        finally:
            transport.close()

    def here(self, name: str = NAME) -> Dataset:
        """Return the dataset here."""
        return Dataset.open(self.local, name)

    def there(self, name: str = NAME) -> dict[str, str]:
        """Return the digests of all files of the far dataset."""
        found: dict[str, str] = {}
        self.change_far(lambda root: found.update(tree_digest(root / name)))
        return found

    def both(self, name: str = NAME) -> tuple[dict[str, str], dict[str, str]]:
        """Return what must agree after a transfer, here and there."""
        return content(tree_digest(self.local / name)), content(self.there(name))


@dataclass
class FolderPair(_Both):
    """The far root is a folder of this machine, reached through a real transport."""

    connect: Callable[[], Transport] = field(kw_only=True)

    def transport(self) -> Transport:
        return self.connect()

    def change_far(self, change: Callable[[Path], None]) -> None:
        change(Path(self.base_dir))

    def link_far(self, name: str, target: str) -> None:
        path = Path(self.base_dir) / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        path.symlink_to(target)


@dataclass
class MemoryPair(_Both):
    """The far root is in memory."""

    remote: Any = field(kw_only=True)

    def transport(self) -> Transport:
        from usr_core.testing.memory_transport import MemoryTransport

        return MemoryTransport(self.remote)

    def change_far(self, change: Callable[[Path], None]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "root"
            root.mkdir()
            before = self.remote.files(self.base_dir)
            for name, held in before.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(held)
            change(root)
            after = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
            for name in before.keys() - after.keys():
                self.remote.remove(f"{self.base_dir}/{name}")
            for name, held in after.items():
                if before.get(name) != held:
                    self.remote.write(f"{self.base_dir}/{name}", held)

    def link_far(self, name: str, target: str) -> None:
        self.remote.remove(f"{self.base_dir}/{name}")
        self.remote.link(f"{self.base_dir}/{name}", target)


def content(digests: dict[str, str]) -> dict[str, str]:
    """Return a folder's digests without machinery, what history keeps, and empty folders."""
    return {
        name: one
        for name, one in digests.items()
        if one != "folder" and not is_machinery(name) and not name.startswith(f"{HISTORY}/")
    }


def dataset_content(folder: Path) -> dict[str, str]:
    """Return the digests of a dataset's files without machinery and what history keeps."""
    return content(tree_digest(folder))


def copy_dataset(source: Path, target: Path) -> None:
    """Copy a dataset's folder as a person would."""
    shutil.copytree(source, target, symlinks=True)
