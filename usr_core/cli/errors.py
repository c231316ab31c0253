"""Errors that belong to the command line itself."""

from __future__ import annotations

from usr_core.errors import ExitCode, UsrError

__all__ = ["AnswerMissing", "CommandSwitchedOff", "Declined", "OutputFailed", "UnknownCommand", "UsageError"]


class UsageError(UsrError):
    """The command line asks for something that makes no sense; raise it from a command's function."""

    code = "USR-CLI-001"
    exit_code = ExitCode.USAGE


class UnknownCommand(UsageError):
    """No plugin has a command of this name."""

    code = "USR-CLI-002"


class CommandSwitchedOff(UsageError):
    """The command is behind an environment variable that is not set."""

    code = "USR-CLI-003"


class AnswerMissing(UsageError):
    """A question was asked and the input ended before an answer."""

    code = "USR-CLI-004"


class Declined(UsrError):
    """The answer to a question was no."""

    code = "USR-CLI-005"


class OutputFailed(UsrError):
    """Standard output could not be written, for example because its disk is full."""

    code = "USR-CLI-006"
