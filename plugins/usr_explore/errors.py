"""Errors of looking at a dataset in the browser."""

from __future__ import annotations

from usr_core.api import ExitCode, UsrError

__all__ = ["ExploreMissing", "HostNotLocal", "PageInvalid", "PortTaken", "TargetTaken"]


class ExploreMissing(UsrError, ImportError):
    """A package that the page needs is not installed."""

    code = "USR-EXPLORE-101"
    exit_code = ExitCode.PLUGIN
    template = "{package} is not installed, which {what} needs."
    hint_template = "pip install 'universal-sequence-record[{extra}]'"
    shown = ("package",)


class HostNotLocal(UsrError, ValueError):
    """The page is to be served to other machines, and nobody said that this is meant."""

    code = "USR-EXPLORE-102"
    exit_code = ExitCode.USAGE
    template = "{host:quoted} is not this machine alone: whoever has the page's address reads and marks the dataset."
    hint_template = "Use the `ssh -L` line that the command prints, or add --i-know."
    shown = ("value={host:visible}",)


class PortTaken(UsrError, OSError):
    """The page can't be served at a host and port."""

    code = "USR-EXPLORE-103"
    template = "The page can't be served at {host:visible}, port {port}: {reason:visible}."
    hint_template = "Leave --port out, and a free one is taken."
    shown = ("value={port}",)


class TargetTaken(UsrError, FileExistsError):
    """A file that is to be written is there already."""

    code = "USR-EXPLORE-104"
    exit_code = ExitCode.USAGE
    template = "{path!s} is there already."
    hint_template = "Give another name, or add --overwrite."
    shown = ("file={path!s}",)


class PageInvalid(UsrError, ValueError):
    """The address that a proxy serves the page at is not one."""

    code = "USR-EXPLORE-105"
    exit_code = ExitCode.USAGE
    template = "{text:quoted} is not where a page can be: {reason}."
    hint_template = "Give a path such as /node7/explore, or an address such as https://hub.example/user/me/explore."
    shown = ("value={text:visible}",)
