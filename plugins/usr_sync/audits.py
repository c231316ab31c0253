"""Writing an audit where a script asked for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["begin_audit", "early_failure", "write_audit"]


def begin_audit(path: Path | None, action: str, target: str, remote: str) -> None:
    """Write an audit of a run that did not come to its end: a place that can't be written is found before it begins.

    Raises:
        FileSystemError: The file can't be written.
    """
    write_audit(path, early_failure(action, target, remote, {"message": "the run did not come to its end"}))


def early_failure(action: str, target: str, remote: str, error: dict[str, Any]) -> dict[str, Any]:
    """Return the audit of a run that ended before anything was compared."""
    return {"action": action, "transfer_state": "FAILED", "target": target, "remote": remote, "error": error}


def write_audit(path: Path | None, audit: dict[str, Any]) -> None:
    """Write an audit as the JSON document that ``--format json`` prints, replacing the file as a whole.

    Raises:
        FileSystemError: The file can't be written.
    """
    if path is None:
        return
    from usr_core.api.commands import OUTPUT_VERSION, json_text
    from usr_core.api.files import file_system_error, replace_file

    content = json_text({"usr_output_version": OUTPUT_VERSION, "data": audit})
    try:
        replace_file(path, content.encode() + b"\n")
    except OSError as error:
        failure = file_system_error(error, path, "write the audit")
        if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
            failure.hint = "Give --audit-json-out a file in a folder that is there."
        raise failure from error
