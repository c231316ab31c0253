"""Parameters that many commands share, so that one thing is spelled and explained in one way everywhere.

They are annotations: ``def info(dataset: DatasetArg = None, fmt: FormatOpt = Format.AUTO) -> None: …``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from usr_core.cli.output import Format

__all__ = [
    "AllowMissingOpt",
    "AtOpt",
    "ColumnsOpt",
    "DatasetArg",
    "DryRunOpt",
    "FilePathOpt",
    "FilesArg",
    "Format",
    "FormatOpt",
    "GlobOpt",
    "HelpOptionsOpt",
    "IdFileOpt",
    "IdsOpt",
    "ImporterOpt",
    "IncludeDeletedOpt",
    "NamespaceOpt",
    "NamespacesOpt",
    "OptionsOpt",
    "PathOpt",
    "QuietOpt",
    "SampleOpt",
    "SeedOpt",
    "SortOpt",
    "TargetArg",
    "WhereOpt",
    "YesOpt",
    "choice_option",
    "completer",
    "default_command",
    "examples",
    "parse_age",
    "split_names",
    "split_options",
]

_HELP = ("-h", "--help")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def completer(kind: str) -> Callable[[typer.Context, str], list[str]]:
    """Return what to give as ``autocompletion=`` of an option or argument.

    Args:
        kind: ``dataset``, ``files`` (a dataset, then files), ``archived``, ``column``, ``columns``, ``key``,
            ``namespace``, ``namespaces``, ``remote``, ``plugin``, ``declaring`` (plugins that declare a namespace),
            ``version``, ``versioned`` (datasets, and ``D@VERSION``), ``tagged`` (a dataset, then its tags), a kind of
            providers such as ``importer``, or the choices themselves, as in ``train|val|test``. ``columns``
            and ``namespaces`` are names with commas between.

    Example:
        >>> from typing import Annotated
        >>> import typer
        >>> from usr_core.api.commands import completer
        >>> StrandOpt = Annotated[str, typer.Option("--strand", autocompletion=completer("forward|reverse|both"))]
        >>> def scan(strand: StrandOpt) -> None: ...
        >>> app = typer.Typer()
        >>> command = app.command()(scan)
        >>> completer("forward|reverse|both")(typer.Context(typer.main.get_command(app)), "f")
        ['forward']
    """

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        from usr_core.cli.completion import candidates

        return candidates(kind, ctx, incomplete)

    return complete


def choice_option(*spellings: str, choices: str, help: str, show_default: bool | str = True) -> Any:
    """Return an option whose values are known: its help names them, and shells complete them.

    Args:
        spellings: Such as ``--split``.
        choices: The values, as in ``train|val|test``; or a kind of providers in braces, as in ``{importer}``: the names
            that are installed.
        help: What it is for.
        show_default: Whether the help shows the default, or what it says in its place.

    Example:
        >>> from typing import Annotated
        >>> from usr_core.api.commands import choice_option
        >>> StrandOpt = Annotated[str, choice_option("--strand", choices="forward|reverse|both", help="Where to look.")]
        >>> StrandOpt.__metadata__[0].metavar
        'forward|reverse|both'
    """
    return typer.Option(
        *spellings,
        metavar=choices,
        autocompletion=completer(choices.strip("{}")),
        help=help,
        show_default=show_default,
    )


DatasetArg = Annotated[
    str | None,
    typer.Argument(
        metavar="[DATASET]",
        autocompletion=completer("dataset"),
        show_default=False,
        help="Dataset id or folder; by default the current one.",
    ),
]
TargetArg = Annotated[
    str | None,
    typer.Argument(
        metavar="[TARGET]",
        autocompletion=completer("dataset"),
        show_default=False,
        help="Dataset, Parquet file or folder; by default the current folder.",
    ),
]
FormatOpt = Annotated[Format, typer.Option("--format", help="auto is rich on a terminal and plain elsewhere.")]
GlobOpt = Annotated[
    str | None, typer.Option("--glob", show_default=False, help="Select among the Parquet files of a folder.")
]
YesOpt = Annotated[bool, typer.Option("--yes", "-y", help="Answer yes to every question.")]
QuietOpt = Annotated[bool, typer.Option("--quiet", help="Show no progress and no notes.")]
DryRunOpt = Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")]
# Whether a file can be read is found out by reading it, and reported with the file's own error and exit code.
PathOpt = Annotated[Path, typer.Option("--path", readable=False, show_default=False, help="The file to read.")]
FilesArg = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[DATASET] [FILE]...",
        autocompletion=completer("files"),
        show_default=False,
        help="Dataset id or folder, by default the current one; then the files, - for standard input.",
    ),
]
FilePathOpt = Annotated[
    Path | None, typer.Option("--path", readable=False, show_default=False, help="The file, named as an option.")
]
OptionsOpt = Annotated[
    list[str] | None,
    typer.Option("--option", show_default=False, help="NAME=VALUE for what reads or writes the file; may be repeated."),
]
HelpOptionsOpt = Annotated[bool, typer.Option("--help-options", help="Only list what --option may set.")]
ColumnsOpt = Annotated[
    str | None,
    typer.Option(
        "--columns", autocompletion=completer("columns"), show_default=False, help="Names, with commas between."
    ),
]
NamespaceOpt = Annotated[
    str,
    typer.Option(
        "--namespace", autocompletion=completer("namespace"), show_default=False, help="A registered namespace."
    ),
]
NamespacesOpt = Annotated[
    str | None,
    typer.Option(
        "--namespaces",
        autocompletion=completer("namespaces"),
        show_default=False,
        help="Names, with commas between; by default all.",
    ),
]
IncludeDeletedOpt = Annotated[bool, typer.Option("--include-deleted", help="Take deleted records too.")]
WhereOpt = Annotated[
    str | None,
    typer.Option(
        "--where", metavar="SQL", show_default=False, help='Only records that meet a condition: "length > 20".'
    ),
]
AtOpt = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="VERSION",
        autocompletion=completer("version"),
        show_default=False,
        help="As it was: 17, 2026-11-20T12:00, actor.run_id=r7, or a tag.",
    ),
]
SampleOpt = Annotated[
    int | None, typer.Option("--sample", min=0, show_default=False, help="So many records, taken at random.")
]
SeedOpt = Annotated[int, typer.Option("--seed", min=0, help="Decides which records --sample takes.")]
SortOpt = Annotated[
    str | None,
    typer.Option(
        "--sort",
        metavar="COLUMN[:desc]",
        autocompletion=completer("column"),
        show_default=False,
        help="Sort by a column.",
    ),
]
ImporterOpt = Annotated[
    str | None,
    choice_option(
        "--from",
        choices="{importer}",
        show_default=False,
        help="Name of an importer; by default by the file's ending.",
    ),
]
AllowMissingOpt = Annotated[
    bool, typer.Option("--allow-missing", help="Skip and count what matches no record, instead of failing.")
]
IdsOpt = Annotated[list[str] | None, typer.Option("--id", show_default=False, help="A record's id; may be repeated.")]
IdFileOpt = Annotated[
    Path | None, typer.Option("--id-file", readable=False, show_default=False, help="A file with one id a line.")
]


def default_command(name: str) -> type[TyperGroup]:
    """Return what to give as ``cls=`` of an application: where its first word names no command, it belongs to `name`.

    Example:
        >>> import typer
        >>> from usr_core.api.commands import default_command
        >>> app = typer.Typer(cls=default_command("run"), no_args_is_help=True)
        >>> @app.command()
        ... def run(dataset: str) -> None: ...
    """

    class WithDefault(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            if args and args[0] not in self.commands and args[0] not in _HELP:
                args = [name, *args]
            return super().parse_args(ctx, args)

    return WithDefault


def examples(*lines: str) -> str:
    r"""Return what to give as ``epilog=`` of a command: lines that show how it is used, at the end of its help.

    Example:
        >>> import typer
        >>> from usr_core.api.commands import DatasetArg, examples
        >>> app = typer.Typer()
        >>> @app.command(epilog=examples("usr gc lab/promoters", "usr gc lab/promoters --window 50"))
        ... def gc(dataset: DatasetArg = None, window: int = 10) -> None: ...
    """
    # Behind \b, a paragraph keeps its lines.
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def parse_age(text: str, *, option: str) -> float:
    """Return an age such as ``30d`` in seconds.

    Args:
        text: A whole number and ``s``, ``m``, ``h``, ``d`` or ``w``.
        option: What it was given to, for the error.

    Raises:
        UsageError: `text` has another form.

    Example:
        >>> from usr_core.api.commands import parse_age
        >>> parse_age("12h", option="--older-than")
        43200.0
    """
    from usr_core.cli.errors import UsageError

    number, unit = text[:-1], text[-1:]
    if unit not in _SECONDS or not (number.isascii() and number.isdecimal() and len(number) <= 6):
        hint = "Write a whole number and s, m, h, d or w, such as 30d."
        raise UsageError(f"{option} is not an age", hint=hint, facts={"value": text})
    return float(number) * _SECONDS[unit]


def split_names(text: str | None) -> tuple[str, ...] | None:
    """Split ``a,b`` into names, keeping their order; None stays None.

    Raises:
        UsageError: A name is empty or occurs twice.

    Example:
        >>> from usr_core.api.commands import split_names
        >>> split_names("lab, infer"), split_names(None)
        (('lab', 'infer'), None)
        >>> split_names("lab,lab")
        Traceback (most recent call last):
            ...
        usr_core.cli.errors.UsageError: 'lab' is named twice
    """
    from usr_core.cli.errors import UsageError

    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(","))
    if "" in names:
        hint = "Write names with single commas between."
        raise UsageError("a name in the list is empty", hint=hint, facts={"value": text})
    repeated = next((name for name, count in Counter(names).items() if count > 1), None)
    if repeated is not None:
        raise UsageError(f"{repeated!r} is named twice", hint="Name it once.", facts={"value": text})
    return names


def split_options(texts: Iterable[str], *, flag: str = "--option") -> dict[str, str]:
    """Return what ``NAME=VALUE`` texts say, by name, in their order; a value may hold ``=``.

    Raises:
        UsageError: A text has no ``=``, or a name is empty or given twice.

    Example:
        >>> from usr_core.api.commands import split_options
        >>> split_options(["width=60", "name=lab__label"])
        {'width': '60', 'name': 'lab__label'}
    """
    from usr_core.cli.errors import UsageError

    options: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"{flag} takes NAME=VALUE", hint=f"Write it as {flag} name=value.", facts={"value": text})
        if name in options:
            raise UsageError(f"{flag} gives {name!r} twice", hint="Give it once.", facts={"value": text})
        options[name] = value
    return options
