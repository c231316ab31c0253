"""Errors that belong to the command line itself."""

from __future__ import annotations

from usr_core.errors import ExitCode, UsrError

__all__ = ["AnswerMissing", "CommandSwitchedOff", "Declined", "OutputFailed", "UnknownCommand", "UsageError"]


class UsageError(UsrError):
    """The command line asks for something that makes no sense; raise it from a command's function.

    Example:
        >>> from usr_core.api.commands import UsageError
        >>> raise UsageError("--from is behind --to", hint="Give the smaller one first.")
        Traceback (most recent call last):
            ...
        usr_core.cli.errors.UsageError: --from is behind --to
    """

    code = "USR-CLI-001"
    exit_code = ExitCode.USAGE


class UnknownCommand(UsageError):
    """No plugin has a command of this name."""

    code = "USR-CLI-002"


class CommandSwitchedOff(UsageError):
    """The command is behind an environment variable that is not set."""

    code = "USR-CLI-003"


class AnswerMissing(UsageError):
    """A question was asked and the input ended before an answer.

    Example:
        >>> from usr_core.api.commands import AnswerMissing, confirm
        >>> try:
        ...     confirm("Remove 3 records?")
        ... except AnswerMissing as error:
        ...     print(error.code, error.exit_code.value)
        USR-CLI-004 2
    """

    code = "USR-CLI-004"


class Declined(UsrError):
    """The answer to a question was no.

    Example:
        >>> import io
        >>> import sys
        >>> from usr_core.api.commands import Declined, confirm
        >>> sys.stdin = io.StringIO("n")
        >>> try:
        ...     confirm("Remove 3 records?")
        ... except Declined as error:
        ...     print(error.code, error.exit_code.value)
        USR-CLI-005 1
    """

    code = "USR-CLI-005"


class OutputFailed(UsrError):
    """Standard output could not be written, for example because its disk is full."""

    code = "USR-CLI-006"
