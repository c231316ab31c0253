"""``usr tag``: name versions."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    AtOpt,
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    UsageError,
    completer,
    current_session,
    default_command,
    emit_json,
    emit_outcome,
    emit_table,
    examples,
    resolve_format,
)

__all__ = ["tag_app"]

tag_app = typer.Typer(
    cls=default_command("add"), no_args_is_help=True, help="Name a version of a dataset, so that @NAME stands for it."
)

NamedArg = Annotated[
    list[str],
    typer.Argument(
        metavar="[DATASET] NAME",
        autocompletion=completer("tagged"),
        show_default=False,
        help="Dataset, by default the current one, and the name: a letter, then letters, digits, '.', '_' and '-'.",
    ),
]


@tag_app.command(
    "add", epilog=examples("usr tag add lab/promoters v1.0", "usr tag add lab/promoters before-merge --at 17")
)
def add(words: NamedArg, *, at: AtOpt = None, dry_run: DryRunOpt = False, fmt: FormatOpt = Format.AUTO) -> None:
    """Name a version, by default the last one.

    `add` may be left out: usr tag DATASET NAME.
    """
    dataset, name = _named(words)
    target = current_session().dataset(dataset)
    done = target.tag(name, at=at, dry_run=dry_run)

    text = f"version {done.version} of {target.name} {'would be' if dry_run else 'is'} {done.name}"
    if done.event is None and not dry_run:
        text = f"version {done.version} of {target.name} is {done.name} already; nothing was changed"
    emit_outcome(done, text, fmt, dry_run=dry_run, dataset=target.name)


@tag_app.command("list", epilog=examples("usr tag list lab/promoters"))
def list_(dataset: DatasetArg = None, fmt: FormatOpt = Format.AUTO) -> None:
    """List the names and their versions, sorted by name."""
    target = current_session().dataset(dataset)
    tags = [{"name": name, "version": version} for name, version in target.tags().items()]
    if resolve_format(fmt) is Format.JSON:
        emit_json({"dataset": target.name, "tags": tags})
    else:
        emit_table(tags, ("name", "version"), fmt, empty="no tags")


@tag_app.command("remove", epilog=examples("usr tag remove lab/promoters before-merge"))
def remove(words: NamedArg, *, dry_run: DryRunOpt = False, fmt: FormatOpt = Format.AUTO) -> None:
    """Take a name away; the version stays."""
    dataset, name = _named(words)
    target = current_session().dataset(dataset)
    done = target.remove_tag(name, dry_run=dry_run)

    text = f"version {done.version} of {target.name} {'would be' if dry_run else 'is'} no longer {done.name}"
    emit_outcome(done, text, fmt, dry_run=dry_run, dataset=target.name)


def _named(words: list[str]) -> tuple[str | None, str]:
    match words:
        case [name] if "/" not in name:
            return None, name
        case [dataset]:
            raise UsageError("The tag has no name.", hint=f"Write it behind the dataset: {dataset} NAME")
        case [dataset, name]:
            return dataset, name
    raise UsageError("A tag is one word behind the dataset.", hint="Write: usr tag DATASET NAME")
