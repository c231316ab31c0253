"""What a reading command is to read: a dataset, or Parquet files as they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from usr_core.roots.dataset_id import DatasetRef
from usr_core.roots.errors import ArchivedPath, DatasetMissing, InvalidDatasetId, PullUnfinished, RootUnknown
from usr_core.roots.layout import holds_dataset
from usr_core.roots.locate import locate_dataset, refuse_archived_path
from usr_core.roots.target_errors import GlobInvalid, NoParquetFile
from usr_core.roots.unfinished import unfinished_pull

__all__ = ["ParquetFiles", "find_target"]

SUFFIX = ".parquet"
_PATH_STARTS = (".", "/", "~")


@dataclass(frozen=True, slots=True)
class ParquetFiles:
    """Parquet files of one folder, sorted by name; at least one."""

    folder: Path
    files: tuple[Path, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The files' names, relative to the folder."""
        return tuple(path.relative_to(self.folder).as_posix() for path in self.files)


def find_target(text: str | None, *, root: Path | None, glob: str | None = None) -> DatasetRef | ParquetFiles:
    """Return what `text` means to a command that also reads Parquet files.

    A dataset's id or folder, or a folder inside one, is the dataset. A Parquet file is that file, wherever it lies.
    Any other folder is the Parquet files in it. None is the current folder. A `glob` makes every folder, a
    dataset's too, one to select files in.

    Args:
        text: An id, a path, or None.
        root: The root given on the command line, None where none was given.
        glob: Selects among the Parquet files of the folder.

    Raises:
        ArchivedPath: It leads into an ``archived/`` folder.
        NoParquetFile: The folder is in no dataset, and has no such file.
        PullUnfinished: The folder is one whose first pull has not come to its end.
        GlobInvalid: `glob` is not a pattern of relative names, or `text` is a file.
        UsrError: The dataset does not exist; see `locate_dataset`.
    """
    named = None if text is None else _named_target(text, root=root, glob=glob)
    if named is not None:
        return named
    folder = Path(text or ".").expanduser().absolute()
    refuse_archived_path(folder, text)
    if glob is None:
        home = next((place for place in (folder, *folder.parents) if holds_dataset(place)), None)
        if home is not None:
            return locate_dataset(str(home), root=root)
    return _files(folder, glob)


def _named_target(text: str, *, root: Path | None, glob: str | None) -> DatasetRef | ParquetFiles | None:
    """Return the dataset or the file that `text` names, or None where it is some other folder."""
    if text.startswith(_PATH_STARTS) or _is(text, Path.exists):
        refuse_archived_path(Path(text).expanduser(), text)
    if text.endswith(SUFFIX) and not _is(text, Path.is_dir):
        return _one_file(text, glob)
    if not text.startswith(_PATH_STARTS):
        try:
            dataset = locate_dataset(text, root=root)
        except PullUnfinished:
            raise
        except (DatasetMissing, InvalidDatasetId, RootUnknown):
            if not _is(text, Path.exists):
                raise
        else:
            return dataset if glob is None else _files(dataset.path, glob)
    if _is(text, Path.is_file):
        return _one_file(text, glob)
    return None if _is(text, Path.is_dir) else locate_dataset(text, root=root)


def _is(text: str, test: Callable[[Path], bool]) -> bool:
    try:
        return test(Path(text).expanduser())
    except (OSError, ValueError, RuntimeError):  # a name too long, with a null byte, of a user who is not there
        return False


def _one_file(text: str, glob: str | None) -> ParquetFiles:
    if glob is not None:
        raise GlobInvalid(glob=glob, reason="the target is one file already")
    path = Path(text).expanduser()
    return ParquetFiles(path.parent, (path,))


def _files(folder: Path, glob: str | None) -> ParquetFiles:
    if glob is not None and ".." in Path(glob).parts:
        raise GlobInvalid(glob=glob, reason="it leads out of the folder")
    try:
        pattern = f"*{SUFFIX}" if glob is None else glob
        found = sorted(path for path in folder.glob(pattern) if path.suffix == SUFFIX and path.is_file())
        for path in found:
            refuse_archived_path(path)
    except ArchivedPath:
        raise
    except (ValueError, NotImplementedError, IndexError) as error:
        raise GlobInvalid(glob=glob or "", reason="it is not a pattern of relative names") from error
    if not found:
        remote = unfinished_pull(folder)
        if remote is not None:
            raise PullUnfinished(text=str(folder), place=folder.parent, remote=remote)
        raise NoParquetFile(folder=folder, glob=glob)
    return ParquetFiles(folder, tuple(found))
