"""``usr validate``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from usr_core.api.commands import (
    DatasetArg,
    Format,
    FormatOpt,
    Progress,
    QuietOpt,
    current_session,
    examples,
)

__all__ = ["app"]

app = typer.Typer()


class RegistryMode(StrEnum):
    """What registry hashes have to equal."""

    EITHER = "either"
    CURRENT = "current"
    FROZEN = "frozen"
    CONTRACT = "contract"


StrictOpt = Annotated[
    bool, typer.Option("--strict", help="Also check materialized columns, the event chain, and leftovers.")
]
ModeOpt = Annotated[
    RegistryMode,
    typer.Option(
        "--registry-mode",
        help="Compare registry hashes with the root's registry, with the frozen ones, or either; or each "
        "namespace's columns alone.",
    ),
]


@app.command(epilog=examples("usr validate lab/promoters", "usr validate lab/promoters --strict --format json"))
def validate(
    dataset: DatasetArg = None,
    *,
    strict: StrictOpt = False,
    registry_mode: ModeOpt = RegistryMode.EITHER,
    fmt: FormatOpt = Format.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Check a dataset against everything that the format promises. Exit code 1 where there is an error."""
    from usr_validate.report_text import emit_report

    target = current_session().dataset(dataset)
    with Progress("validating", quiet=quiet) as progress:
        report = target.validate(strict=strict, registry_mode=registry_mode.value, progress=progress.advance)

    emit_report(report, fmt, quiet=quiet)
    if not report.ok:
        raise typer.Exit(1)
