"""``usr plugins``: what is installed and in what state, whether it works, and a new one to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from usr_core.api.commands import (
    DryRunOpt,
    Format,
    FormatOpt,
    completer,
    current_session,
    emit_json,
    emit_outcome,
    emit_record,
    emit_table,
    emit_text,
    examples,
    resolve_format,
)
from usr_plugins.kinds import PluginKind

__all__ = ["app"]

app = typer.Typer(help="List, describe and examine installed plugins, and begin new ones.", no_args_is_help=True)

LIST_COLUMNS = ("id", "status", "version", "distribution", "summary", "reason")


@app.command("list", epilog=examples("usr plugins list"))
def list_plugins(fmt: FormatOpt = Format.AUTO) -> None:
    """List installed plugins and their status, without importing any."""
    from usr_plugins.description import summary_row

    records = current_session().catalogue.all
    rows = [summary_row(record) for record in records]
    # JSON keeps its keys; for people a column without any reason is only in the way.
    spare = not any(row["reason"] for row in rows) and resolve_format(fmt) is not Format.JSON
    emit_table(rows, LIST_COLUMNS[:-1] if spare else LIST_COLUMNS, fmt, empty="no plugin is installed")


@app.command("info", epilog=examples("usr plugins info fasta"))
def show_plugin(
    plugin_id: Annotated[
        str,
        typer.Argument(metavar="ID", autocompletion=completer("plugin"), show_default=False, help="The plugin's id."),
    ],
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Show what one plugin adds, and what is wrong with it. Also where it comes from.

    Its hooks are imported for the options of its formats and writers alone.
    """
    from usr_plugins.description import describe

    emit_record(describe(current_session().catalogue.all, plugin_id), fmt)


@app.command("doctor", epilog=examples("usr plugins doctor", "usr plugins doctor fasta"))
def examine_plugins(
    plugin_id: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            autocompletion=completer("plugin"),
            show_default=False,
            help="The plugin's id; by default all.",
        ),
    ] = None,
    limit: Annotated[
        float, typer.Option("--time-limit", min=0.1, metavar="SECONDS", help="How long loading one may take.")
    ] = 20.0,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Load plugins and tell what is wrong with them. Each in a process of its own; exit code 1 if anything is."""
    from usr_plugins.description import records_of
    from usr_plugins.examination import examine
    from usr_plugins.examination_text import TABLE_COLUMNS, problem_text, table_row

    every = current_session().catalogue.all
    found = examine(every if plugin_id is None else records_of(every, plugin_id), limit=limit)
    if resolve_format(fmt) is Format.JSON:
        emit_json([examination.as_json() for examination in found])
    else:
        emit_table([table_row(examination) for examination in found], TABLE_COLUMNS, fmt)
        emit_text(problem_text(found))
    if any(examination.problems for examination in found):
        raise typer.Exit(1)


@app.command("new", epilog=examples("usr plugins new motifs --kind command --kind importer --out ~/src"))
def begin_plugin(
    name: Annotated[str, typer.Argument(metavar="NAME", show_default=False, help="The new plugin's id.")],
    kinds: Annotated[
        list[PluginKind], typer.Option("--kind", show_default=False, help="What it adds; may be repeated.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write it into.")] = Path(),
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Write a distribution `usr-plugin-NAME` with tests that pass."""
    from usr_plugins.description import owner_of
    from usr_plugins.new_plugin import write_plugin

    every = current_session().catalogue.all
    folder = write_plugin(name, kinds, out, owner_of=lambda plugin_id: owner_of(every, plugin_id), dry_run=dry_run)
    next_ = f"next: cd {folder} && pip install -e '.[test]' && pytest && usr plugins doctor {name}"
    text = f"would write {folder}" if dry_run else f"wrote {folder}\n{next_}"
    emit_outcome({"id": name, "kinds": kinds, "path": folder}, text, fmt, dry_run=dry_run)
