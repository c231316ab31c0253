"""The files of a dataset as a reader has to see them: on disk, with a live commit resolved as if applied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["FileTree"]


@dataclass(frozen=True, slots=True)
class FileTree:
    """Relative names to the paths that hold their content right now.

    Attributes:
        folder: The dataset's folder.
        moved: Relative names whose content lies elsewhere (a staged file of a live commit, or an undo copy).
        absent: Relative names, of files or of folders with all that is in them, that are to be seen as gone.
    """

    folder: Path
    moved: Mapping[str, Path] = field(default_factory=dict)
    absent: frozenset[str] = frozenset()

    def path(self, relative: str) -> Path | None:
        """Return where to open `relative`, or None where there is no such file."""
        if relative in self.moved:
            return self.moved[relative]
        if self._gone(relative):
            return None
        final = self.folder / relative
        return final if final.exists() else None

    def names(self, folder: str = "") -> list[str]:
        """Return the names of the direct children of `folder` (files and folders), sorted; [] if it is not there.

        ``""`` is the dataset's own folder, whose names include those of USR's machinery.
        """
        found: set[str] = set()
        prefix = f"{folder}/" if folder else ""
        place = self.folder / folder
        if place.is_dir() and not self._gone(folder):
            found.update(entry.name for entry in place.iterdir() if not self._gone(f"{prefix}{entry.name}"))
        found.update(name[len(prefix) :].split("/", 1)[0] for name in self.moved if name.startswith(prefix))
        return sorted(found)

    def _gone(self, relative: str) -> bool:
        parts = relative.split("/")
        return any("/".join(parts[: end + 1]) in self.absent for end in range(len(parts)))
