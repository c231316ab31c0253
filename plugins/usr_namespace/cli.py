"""``usr namespace register``, ``list`` and ``show``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from usr_core.api.commands import (
    DryRunOpt,
    Format,
    FormatOpt,
    OptionsOpt,
    completer,
    current_session,
    examples,
    split_options,
)

if TYPE_CHECKING:
    from usr_core.api import NamespaceSpec

app = typer.Typer(no_args_is_help=True, help="Register, list and show namespaces and their typed columns.")

ColumnSpecOpt = Annotated[
    str | None,
    typer.Option("--columns", show_default=False, help="All columns, as NS__name:type with commas between."),
]
OwnerOpt = Annotated[str | None, typer.Option("--owner", show_default=False, help="Who is responsible for it.")]
DescriptionOpt = Annotated[str | None, typer.Option("--description", show_default=False, help="What it holds.")]
OverwriteOpt = Annotated[bool, typer.Option("--overwrite", help="Let columns change their type or be removed.")]
FromPluginOpt = Annotated[
    str | None,
    typer.Option(
        "--from-plugin",
        autocompletion=completer("declaring"),
        show_default=False,
        help="Take the columns that this plugin declares.",
    ),
]
AddOpt = Annotated[
    list[str] | None,
    typer.Option("--add", show_default=False, help="Columns to add, as name:type; the registered ones stay."),
]
FromFileOpt = Annotated[
    Path | None,
    typer.Option("--from-file", show_default=False, help="Propose types for the columns of this file."),
]


@app.command(
    epilog=examples(
        "usr namespace register lab --columns lab__strength:float64,lab__label:string",
        "usr namespace register plate --from-file plate.csv --yes",
    )
)
def register(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NS]", autocompletion=completer("namespace"), show_default=False, help="The namespace."
        ),
    ] = None,
    columns: ColumnSpecOpt = None,
    add: AddOpt = None,
    owner: OwnerOpt = None,
    description: DescriptionOpt = None,
    overwrite: OverwriteOpt = False,
    from_plugin: FromPluginOpt = None,
    from_file: FromFileOpt = None,
    options: OptionsOpt = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Register what --from-file proposes.")] = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Register a namespace, or add columns to one.

    The first registration in a root writes its registry.yaml. Comments in that file are not kept.
    """
    from usr_core.api.commands import emit_outcome, emit_text, note, resolve_format
    from usr_core.api.registry import register_namespace
    from usr_namespace.registration import describe_result, refuse_two_sources, result_record, wanted_registration

    refuse_two_sources(columns=columns, add=add, from_plugin=from_plugin, from_file=from_file)
    refuse_two_sources(add=add, overwrite=overwrite)
    session = current_session()
    if from_file is not None:
        from usr_namespace.proposal import proposal_record, proposed_columns, spelling

        proposal = proposed_columns(session, name, from_file, split_options(options or ()))
        for remark in proposal.remarks:
            note(remark)
        spelled = spelling(proposal, owner=owner, description=description)
        if not yes or not proposal.columns:
            emit_outcome(proposal_record(proposal, spelled), spelled, fmt, dry_run=dry_run)
            return
        if resolve_format(fmt) is not Format.JSON:
            emit_text(spelled)
        name, add = proposal.namespace, [f"{column}:{kind}" for column, kind in proposal.columns]

    def declared(plugin_id: str) -> NamespaceSpec:
        return session.host.namespace_spec(plugin_id)

    wanted = wanted_registration(
        name,
        columns,
        add=add or (),
        owner=owner,
        description=description,
        from_plugin=from_plugin,
        declared=declared,
    )
    if wanted.add and from_file is None:
        from usr_core.api.registry import read_registry

        read_registry(session.found_root).namespace(wanted.name)
    result = register_namespace(
        session.found_root,
        wanted.name,
        wanted.columns,
        owner=wanted.owner,
        description=wanted.description,
        overwrite=overwrite,
        add=wanted.add,
        dry_run=dry_run,
        lock_timeout=session.lock_timeout,
    )

    emit_outcome(result_record(result), describe_result(result, would=dry_run), fmt, dry_run=dry_run)


@app.command("list", epilog=examples("usr namespace list"))
def list_namespaces(fmt: FormatOpt = Format.AUTO) -> None:
    """List the registered namespaces."""
    from usr_core.api.commands import emit_table
    from usr_core.api.registry import read_registry
    from usr_namespace.listing import LIST_COLUMNS, list_rows

    emit_table(list_rows(read_registry(current_session().found_root)), LIST_COLUMNS, fmt)


@app.command(epilog=examples("usr namespace show lab"))
def show(
    name: Annotated[str, typer.Argument(metavar="NS", autocompletion=completer("namespace"), help="The namespace.")],
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Show one namespace with its columns and types."""
    from usr_core.api.registry import read_registry
    from usr_namespace.listing import emit_namespace

    emit_namespace(read_registry(current_session().found_root), name, fmt)
