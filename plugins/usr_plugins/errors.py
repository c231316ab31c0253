"""Errors of ``usr plugins new``."""

from __future__ import annotations

from usr_core.api import ExitCode, UsrError

__all__ = ["BadPluginName", "PluginFolderExists", "PluginNameTaken"]


class BadPluginName(UsrError, ValueError):
    """A name can't be a plugin's id."""

    code = "USR-PLUGINS-101"
    exit_code = ExitCode.USAGE
    template = "{name!r} can't be a plugin's id: {reason}."
    hint_template = "Use lower-case letters, digits and _, beginning with a letter: fasta, lab_scores."


class PluginNameTaken(UsrError, ValueError):
    """A name is the id of a plugin that is installed already."""

    code = "USR-PLUGINS-102"
    exit_code = ExitCode.USAGE
    template = "the id {name!r} belongs to {origin}."
    hint_template = "Choose another name, or uninstall that distribution first."


class PluginFolderExists(UsrError, FileExistsError):
    """What would be made is there already."""

    code = "USR-PLUGINS-103"
    template = "there is something of this name already, and nothing was written."
    hint_template = "Choose another name or another --out, or move it away."
    shown = ("folder",)
