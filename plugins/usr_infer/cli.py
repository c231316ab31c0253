"""``usr infer register`` and ``usr infer pending``."""

from __future__ import annotations

from typing import Annotated

import typer

from usr_core.api.commands import (
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    QuietOpt,
    completer,
    current_session,
    examples,
)

app = typer.Typer(no_args_is_help=True, help="Register columns for model outputs, and list what is pending.")


@app.command(epilog=examples("usr infer register --model evo2 --job lab1 --dim 512"))
def register(
    dim: Annotated[
        int | None, typer.Option("--dim", min=1, show_default=False, help="Numbers of an embedding.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", show_default=False, help="Columns of this model, with --job.")
    ] = None,
    job: Annotated[str | None, typer.Option("--job", show_default=False, help="Columns of this job.")] = None,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            show_default=False,
            help="name:type; may be repeated. By default llr, log_likelihood and, with --dim, embedding.",
        ),
    ] = None,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Register columns for a model's outputs. They stand behind those that are there."""
    from usr_core.api.commands import emit_outcome
    from usr_infer.registration import describe_registration, register_outputs, registration_record, wanted_columns

    session = current_session()
    columns = wanted_columns(dim=dim, model=model, job=job, outputs=outputs or ())
    result = register_outputs(session.found_root, columns, dry_run=dry_run, lock_timeout=session.lock_timeout)

    emit_outcome(registration_record(result), describe_registration(result, would=dry_run), fmt, dry_run=dry_run)


@app.command(epilog=examples("usr infer pending lab/promoters --column infer__llr --out ids.txt"))
def pending(
    dataset: DatasetArg = None,
    *,
    column: Annotated[
        str,
        typer.Option(
            "--column", autocompletion=completer("column"), show_default=False, help="The column, such as infer__llr."
        ),
    ],
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="Stop after so many records; 0 is all.")] = 0,
    out: Annotated[
        str | None, typer.Option("--out", show_default=False, help="Write the ids into this file, one a line.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Let --out replace a file.")] = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """List the ids of the records that lack a value. In row order; exit code 0 whether there are some or not."""
    from usr_core.api.commands import target_path
    from usr_infer.pending import Pending, pending_column, write_ids
    from usr_infer.pending_output import emit_pending, emit_written

    target = current_session().dataset(dataset)
    name = pending_column(target, column)
    found = Pending(target, name, limit=limit)
    if out is None or out == "-":
        emit_pending(found, name, fmt, quiet=quiet)
    else:
        path = target_path(out)
        write_ids(found, path, overwrite=overwrite, dry_run=dry_run)
        emit_written(found, name, path, fmt, dry_run=dry_run)
