"""The ``usr`` command: from the command line to an exit code.

Everything that a command raises ends here, as one message and a code: see `usr_core.errors.ExitCode`.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from usr_core.cli.arguments import LeadingArguments, drop_lone_equals, read_leading
from usr_core.cli.report import os_error, report, report_unexpected
from usr_core.errors import ExitCode, OutOfMemory, UsrError
from usr_core.interrupts import HandlersHeard

if TYPE_CHECKING:
    from usr_core.cli.tree import CommandTree
    from usr_core.plugin.catalogue import Catalogue

__all__ = ["main"]

_BROKEN_PIPE = 141
"""The exit code that a shell reports where SIGPIPE ended a program; `usr head | head -1` is not a failure."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run ``usr`` with `argv` (by default the process's) and return its exit code.

    Example:
        >>> from usr_core.api.commands import main
        >>> main(["--root", "root", "head", "demo/promoters", "-n", "1", "--columns", "sequence,lab__gc"])
        sequence              lab__gc
        TTGACAGGCTAACTGGATAT      0.4
        0
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    _escape_what_can_not_be_encoded()
    drop_lone_equals(os.environ)
    leading = read_leading(arguments, os.environ)
    run = _Run(leading)
    if leading.completing:
        return _completed(run, arguments)
    memory_ran_out = False
    try:
        with _interrupts_first():
            code = run.run(arguments)
            _flush()
        _ignore_interrupts(argv)
    except UsrError as error:
        memory_ran_out = isinstance(error, MemoryError)
        code = _reported(error, leading)
    except KeyboardInterrupt:
        code = _interrupted()
    except SystemExit:
        if not _stdout_is_gone():
            raise
        code = _BROKEN_PIPE
    except MemoryError:
        memory_ran_out = True
        code = _reported(OutOfMemory(), leading)
    except OSError as error:
        code = _BROKEN_PIPE if _stdout_is_gone() else _reported(_of_stdout_or(error), leading)
    except Exception as error:  # noqa: BLE001 - the last stop: whatever was not foreseen becomes one line
        code = report_unexpected(error, debug=leading.debug, origin=run.origin)
    finally:
        gc.enable()
        _ignore_interrupts(argv)
    if code == ExitCode.INTERRUPTED and sys.stderr is not None:
        print("interrupted", file=sys.stderr)
    # A library that was interrupted may be half imported; DuckDB's then tells on stderr what it leaks at the end.
    if argv is None and (memory_ran_out or code == ExitCode.INTERRUPTED or _sinks_given_up()):
        _leave_at_once(code)
    return code


def _completed(run: _Run, arguments: list[str]) -> int:
    """Answer a shell: what it may offer, or nothing. A message would stand in the line that is being typed."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):  # noqa: PTH123 - no pathlib needed
        try:
            code = run.run(arguments)
            _flush()
        except SystemExit as error:  # how Typer answers fish
            return error.code if isinstance(error.code, int) else int(ExitCode.FAILED)
        except BaseException:  # noqa: BLE001 - Ctrl-C too: the shell has asked for no more
            return int(ExitCode.FAILED)
    return code


def _ignore_interrupts(argv: Sequence[str] | None) -> None:
    """Let Ctrl-C do nothing from here to the end of the process, which has been decided.

    While Python ends, it would end the process by SIGINT: an interrupted run to whoever started it, after a change.
    """
    if argv is None:
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Run:
    """One run, which knows whose command it is running."""

    def __init__(self, leading: LeadingArguments) -> None:
        self.leading = leading
        self.tree: CommandTree | None = None

    @property
    def origin(self) -> str | None:
        """The third party whose command runs, or None."""
        if self.tree is None or self.tree.invoked is None or self.tree.invoked.record.is_own:
            return None
        return self.tree.invoked.record.origin

    def run(self, arguments: list[str]) -> int:
        # Imports make many objects and hardly any garbage: looking for it now, and once more in all of them at
        # the interpreter's end, would take a quarter of `usr --help`.
        gc.disable()
        import typer

        from usr_core.cli.root import root_app
        from usr_core.cli.tree import build_tree, built_command
        from usr_core.plugin.catalogue import Catalogue
        from usr_core.plugin.switches import read_switches

        leading = self.leading
        if sys.platform == "darwin":
            from usr_core.cli.pyarrow_noise import quieten_pyarrow

            quieten_pyarrow(os.environ)
        switches = read_switches(no_plugins=leading.no_plugins, disable=leading.disabled)
        catalogue = Catalogue(switches)
        asking = leading.answers or leading.completing or not leading.words
        if not asking and leading.words[0] != "plugins":
            self._refuse_problems(catalogue)
            self._warn_of_unknown(catalogue)
        app = root_app(catalogue, with_footer=asking and not leading.completing)
        words = () if leading.answers else leading.words
        try:
            self.tree = build_tree(app, catalogue, words, completing=leading.completing)
            gc.freeze()
            gc.enable()
            try:
                code = built_command(app, catalogue, arguments)(args=arguments, prog_name="usr", standalone_mode=False)
            except BaseException as error:
                _close_session(failed=True, interrupted=isinstance(error, KeyboardInterrupt))
                raise
            if code == ExitCode.INTERRUPTED:  # Typer makes a code of the exception
                _close_session(failed=True, interrupted=True)
                return _interrupted()
            # The result first: event sinks take their time.
            try:
                _flush()
            finally:
                _close_session()
        except typer.Abort:
            print("aborted", file=sys.stderr)
            return int(ExitCode.FAILED)
        except typer.TyperException as error:
            return _report_usage(error)
        return code if isinstance(code, int) else int(ExitCode.DONE)

    def _warn_of_unknown(self, catalogue: Catalogue) -> None:
        """Say that ``--disable-plugin`` names no plugin: a misspelled id would leave one on in silence."""
        if not self.leading.disabled:
            return
        from usr_core.cli.output import warn

        known = {record.id for record in catalogue.all}
        for name in self.leading.disabled:
            if name not in known:
                warn(f"--disable-plugin {name}: no plugin of that id is installed")

    @staticmethod
    def _refuse_problems(catalogue: Catalogue) -> None:
        from usr_core.plugin.errors import PluginProblems

        if catalogue.switches.problem is not None:
            raise catalogue.switches.problem
        if catalogue.switches.strict and catalogue.problems():
            raise PluginProblems(problems=[f"{r.id} ({r.status.value}: {r.reason})" for r in catalogue.problems()])


def _close_session(*, failed: bool = False, interrupted: bool = False) -> None:
    """Tell the event sinks of this run what was changed, and close them.

    Args:
        failed: An error is being reported already, so an error of a sink is only a warning.
        interrupted: The user wants to go on: no sink is told any more.
    """
    from usr_core.cli.output import warn
    from usr_core.cli.session import opened_session

    session = opened_session()
    if session is None:
        return
    try:
        session.close(tell=not interrupted)
    except UsrError as error:
        if not failed:
            raise
        warn(error.message)


def _report_usage(error: Exception) -> int:
    """Report what Typer did not understand, in the same form as every other error."""
    from usr_core.cli.errors import UsageError

    message = getattr(error, "format_message", error.__str__)()
    if message.startswith("Usage:"):  # a group without a subcommand: the message is its help
        print(message, file=sys.stderr)
        return int(ExitCode.USAGE)
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "usr"
    other = getattr(getattr(error, "param", None), "secondary_opts", ())
    if other and message.startswith("Missing option"):
        message = f"{message.rstrip('.')} or {', '.join(map(repr, other))}"
    hint = f"`{command} --help` lists what can be given"
    if message.startswith("Got unexpected extra argument"):
        hint += "; an option's name stands before its value, and a text with blanks in quotes"
    return report(UsageError(message.rstrip("."), hint=f"{hint}."), debug=False)


def _escape_what_can_not_be_encoded() -> None:
    """On a terminal or pipe that knows only ASCII, replace letters instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flush() -> None:
    """Flush stdout now: Python itself would report an error at the interpreter's end."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _output_failed(error) from error


def _output_failed(error: OSError) -> UsrError:
    from usr_core.cli.errors import OutputFailed

    _drop_stdout()
    return OutputFailed(
        f"standard output can't be written: {error.strerror}", hint="Free space there, or write to another place."
    )


def _changes_made() -> bool:
    """Tell whether this run has committed a change; without loading what commits."""
    commit = sys.modules.get("usr_core.commit.transaction")
    return commit is not None and commit.Transaction.commits > 0


def _interrupted() -> int:
    """Return the exit code of an interrupted run: what was made before the interrupt is not a failure."""
    from usr_core.cli.session import opened_session

    session = opened_session()
    if not _changes_made() or (session is not None and session.several_changes):
        return int(ExitCode.INTERRUPTED)
    if sys.stderr is not None:
        print("warning: interrupted after the change was committed; only its report is cut short", file=sys.stderr)
    return int(ExitCode.DONE)


def _sinks_given_up() -> bool:
    """Tell whether a sink did not end in its time: what it started must not keep the process alive."""
    sinks = sys.modules.get("usr_core.plugin.sinks")
    return sinks is not None and sinks.sinks_given_up()


@contextlib.contextmanager
def _interrupts_first() -> Iterator[None]:
    """Treat an error that follows Ctrl-C as the interrupt, unless a change was made: then report the error.

    Native code, plugins and Python itself (while a class is being made) wrap an interrupt into errors of their own.
    """
    with HandlersHeard() as heard:
        try:
            yield
        except Exception as error:
            if isinstance(heard.raised, KeyboardInterrupt) and not _changes_made():
                raise KeyboardInterrupt from error
            raise


def _reported(error: UsrError, leading: LeadingArguments) -> int:
    """Report an error and return the exit code; a change that was made does not fail because its report was lost."""
    from usr_core.cli.errors import OutputFailed

    if isinstance(error, OutputFailed) and _changes_made():
        print(f"warning: {error.message}; the change was made, only its report is lost", file=sys.stderr)
        return int(ExitCode.DONE)
    return report(error, debug=leading.debug)


def _of_stdout_or(error: OSError) -> UsrError:
    """Return the error of a standard output that can't be written, where that is what failed."""
    if error.filename is None and sys.stdout is not None:
        # An earlier flush has emptied the buffer, so test with a letter of our own.
        try:
            sys.stdout.write("\n")
            sys.stdout.flush()
        except OSError as failure:
            return _output_failed(failure)
    return os_error(error)


def _stdout_is_gone() -> bool:
    """Tell whether nobody reads stdout or stderr any more, and if so stop Python from writing there again.

    Asked of the system, because a broken pipe may also be that of a child process, which is an error to report.
    """
    poll = select.poll()
    for descriptor in (1, 2):
        poll.register(descriptor, 0)
    if any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0)):
        _drop_stdout()
        return True
    return False


def _leave_at_once(code: int) -> None:
    """End the process at once: native threads without memory would abort it, and a hanging sink would keep it alive."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
    os._exit(code)


def _drop_stdout() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            os.dup2(nowhere, 1 if stream is sys.__stdout__ else 2)
    os.close(nowhere)
