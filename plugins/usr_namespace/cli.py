"""``usr namespace register``, ``list`` and ``show``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from usr_core.api.commands import Format, FormatOpt, current_session

if TYPE_CHECKING:
    from usr_core.api import NamespaceSpec

app = typer.Typer(no_args_is_help=True, help="Register, list and show namespaces and their typed columns.")

ColumnSpecOpt = Annotated[
    str | None,
    typer.Option("--columns", show_default=False, help="All columns, as NS__field:type with commas between."),
]
OwnerOpt = Annotated[str | None, typer.Option("--owner", show_default=False, help="Who is responsible for it.")]
DescriptionOpt = Annotated[str | None, typer.Option("--description", show_default=False, help="What it holds.")]
OverwriteOpt = Annotated[bool, typer.Option("--overwrite", help="Let columns change their type or be removed.")]
FromPluginOpt = Annotated[
    str | None, typer.Option("--from-plugin", show_default=False, help="Take the columns that this plugin declares.")
]


@app.command()
def register(
    name: Annotated[str | None, typer.Argument(metavar="[NS]", show_default=False, help="The namespace.")] = None,
    columns: ColumnSpecOpt = None,
    owner: OwnerOpt = None,
    description: DescriptionOpt = None,
    overwrite: OverwriteOpt = False,
    from_plugin: FromPluginOpt = None,
) -> None:
    """Register a namespace, or add columns to one.

    The first registration in a root writes its registry.yaml. Comments in that file are not kept.
    """
    from usr_core.api.commands import emit_text
    from usr_core.api.registry import register_namespace
    from usr_namespace.registration import describe_result, wanted_registration

    session = current_session()

    def declared(plugin_id: str) -> NamespaceSpec:
        return session.host.namespace_spec(plugin_id)

    wanted = wanted_registration(
        name,
        columns,
        owner=owner,
        description=description,
        from_plugin=from_plugin,
        declared=declared,
    )
    result = register_namespace(
        session.found_root,
        wanted.name,
        wanted.columns,
        owner=wanted.owner,
        description=wanted.description,
        overwrite=overwrite,
        lock_timeout=session.lock_timeout,
    )

    emit_text(describe_result(result))


@app.command("list")
def list_namespaces(fmt: FormatOpt = Format.AUTO) -> None:
    """List the registered namespaces."""
    from usr_core.api.commands import emit_table
    from usr_core.api.registry import read_registry
    from usr_namespace.listing import LIST_COLUMNS, list_rows

    emit_table(list_rows(read_registry(current_session().found_root)), LIST_COLUMNS, fmt)


@app.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NS", help="The namespace.")], fmt: FormatOpt = Format.AUTO
) -> None:
    """Show one namespace with its columns and types."""
    from usr_core.api.registry import read_registry
    from usr_namespace.listing import emit_namespace

    emit_namespace(read_registry(current_session().found_root), name, fmt)
