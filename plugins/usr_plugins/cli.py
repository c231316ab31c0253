"""``usr plugins``: what is installed, and in what state. Never imports a plugin."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.cli.options import Format, FormatOpt
from usr_core.cli.output import emit_record, emit_table, resolve_format
from usr_core.cli.session import current_session

__all__ = ["app"]

app = typer.Typer(help="List and describe installed plugins.", no_args_is_help=True)

LIST_COLUMNS = ("id", "status", "version", "distribution", "summary", "reason")


@app.command("list")
def list_plugins(fmt: FormatOpt = Format.AUTO) -> None:
    """List installed plugins and their status, without importing any."""
    from usr_plugins.description import summary_row

    records = current_session().catalogue.all
    rows = [summary_row(record) for record in records]
    # JSON keeps its keys; for people a column without any reason is only in the way.
    spare = not any(row["reason"] for row in rows) and resolve_format(fmt) is not Format.JSON
    emit_table(rows, LIST_COLUMNS[:-1] if spare else LIST_COLUMNS, fmt, empty="no plugin is installed")


@app.command("info")
def show_plugin(
    plugin_id: Annotated[str, typer.Argument(metavar="ID", show_default=False, help="The plugin's id.")],
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Show what one plugin adds, where it comes from, and what is wrong with it, without importing it."""
    from usr_plugins.description import describe

    emit_record(describe(current_session().catalogue.all, plugin_id), fmt)
