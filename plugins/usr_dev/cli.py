"""``usr dev make-mock`` and ``usr dev add-demo-cols``; both need ``USR_SHOW_DEV_COMMANDS=1``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from usr_core.api import counted
from usr_core.api.commands import (
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    current_session,
    emit_outcome,
    examples,
)

__all__ = ["add_demo_cols_app", "make_mock_app"]

make_mock_app = typer.Typer()
add_demo_cols_app = typer.Typer()

XDimOpt = Annotated[int, typer.Option("--x-dim", min=1, help="Length of the vector NS__x.")]
YDimOpt = Annotated[int, typer.Option("--y-dim", min=1, help="Length of the vector NS__y.")]
SeedOpt = Annotated[int, typer.Option("--seed", min=0, help="The same seed gives the same data.")]
MockNamespaceOpt = Annotated[str, typer.Option("--namespace", help="Where the columns go; registered if need be.")]


@make_mock_app.command(
    "make-mock",
    epilog=examples(
        "usr dev make-mock lab/mock --n 100 --length 60", "usr dev make-mock lab/mock --from-csv promoters.csv --force"
    ),
)
def make_mock(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="Id of the dataset to make.")],
    n: Annotated[int, typer.Option("--n", min=0, help="How many records.")] = 100,
    length: Annotated[int, typer.Option("--length", min=1, help="Letters of each sequence.")] = 60,
    x_dim: XDimOpt = 32,
    y_dim: YDimOpt = 8,
    seed: SeedOpt = 7,
    namespace: MockNamespaceOpt = "mock",
    from_csv: Annotated[
        Path | None,
        typer.Option("--from-csv", readable=False, show_default=False, help="Take the records of this file instead."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", "--overwrite", help="Replace a dataset that this command has made.")
    ] = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Make a dataset of random DNA with random columns."""
    from usr_core.api import Dataset
    from usr_dev.mock import MockColumns, make_mock

    session = current_session()
    session.several_changes = True
    target = Dataset.open(session.found_root, dataset, lock_timeout=session.lock_timeout, host=session.host)
    columns = MockColumns(namespace=namespace, x_dim=x_dim, y_dim=y_dim, seed=seed)
    rows = make_mock(target, columns, rows=n, length=length, from_csv=from_csv, force=force, dry_run=dry_run)

    text = f"{'would make' if dry_run else 'made'} {target.name} with {counted(rows, 'record')}"
    emit_outcome({"rows": rows}, text, fmt, dry_run=dry_run, dataset=target.name)


@add_demo_cols_app.command("add-demo-cols", epilog=examples("usr dev add-demo-cols lab/mock --namespace mock"))
def add_demo_cols(
    dataset: DatasetArg = None,
    x_dim: XDimOpt = 32,
    y_dim: YDimOpt = 8,
    seed: SeedOpt = 7,
    namespace: MockNamespaceOpt = "mock",
    force: Annotated[
        bool, typer.Option("--force", "--overwrite", help="Let new values win over those that are there.")
    ] = False,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Attach random columns to every record of a dataset."""
    from usr_dev.mock import MockColumns, add_demo_columns

    current_session().several_changes = True
    target = current_session().dataset(dataset)
    columns = MockColumns(namespace=namespace, x_dim=x_dim, y_dim=y_dim, seed=seed)
    rows = add_demo_columns(target, columns, force=force, dry_run=dry_run)

    named = [f"{namespace}__{field}" for field in ("x", "y", "score")]
    verb, records = "would attach" if dry_run else "attached", counted(rows, "record")
    text = f"{verb} {named[0]}, {named[1]} and {named[2]} to {records} of {target.name}"
    emit_outcome({"rows": rows, "columns": named}, text, fmt, dry_run=dry_run, dataset=target.name)
