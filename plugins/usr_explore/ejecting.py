"""The page as a notebook of one's own, to change with `marimo edit`."""

from __future__ import annotations

from pathlib import Path

from usr_explore.errors import TargetTaken
from usr_explore.exploring import NOTEBOOK, Exploration

__all__ = ["eject_notebook", "write_text"]


def eject_notebook(exploration: Exploration, path: Path, *, overwrite: bool = False) -> Path:
    """Write the notebook that begins with this root and dataset, and return its path.

    Raises:
        TargetTaken: The file is there, and `overwrite` is not set.
    """
    text = NOTEBOOK.read_text(encoding="utf-8")
    text = text.replace("    ROOT = None\n", f"    ROOT = {str(exploration.root)!r}\n")
    text = text.replace("    DATASET = None\n", f"    DATASET = {exploration.name!r}\n")
    return write_text(path, text, overwrite=overwrite)


def write_text(path: Path, text: str, *, overwrite: bool) -> Path:
    """Write a file whole, or not at all.

    Raises:
        TargetTaken: It is there, and `overwrite` is not set.
    """
    from usr_core.api.files import file_system_error, replace_file, write_new

    try:
        if overwrite:
            replace_file(path, text.encode())
        else:
            write_new(path, text.encode())
    except FileExistsError as error:
        raise TargetTaken(path=path) from error
    except OSError as error:
        raise file_system_error(error, path, "write the file") from error
    return path
