"""``usr compare``."""

from __future__ import annotations

import sys
from dataclasses import replace
from enum import StrEnum
from typing import Annotated

import typer

from usr_core.api.commands import (
    ColumnsOpt,
    Format,
    Progress,
    QuietOpt,
    UsageError,
    completer,
    current_session,
    examples,
    split_names,
)

__all__ = ["compare_app"]

compare_app = typer.Typer()


class CompareFormat(StrEnum):
    """What is printed."""

    AUTO = "auto"
    TABLE = "table"
    RICH = "rich"
    PLAIN = "plain"
    JSON = "json"
    PARQUET = "parquet"


OldArg = Annotated[
    str,
    typer.Argument(
        metavar="OLD",
        autocompletion=completer("versioned"),
        show_default=False,
        help="DATASET@VERSION (17, a time, a tag), DATASET@REMOTE, a dataset, or a Parquet file.",
    ),
]
NewArg = Annotated[
    str | None,
    typer.Argument(
        metavar="[NEW]",
        autocompletion=completer("versioned"),
        show_default=False,
        help="The same; by default the dataset of OLD as it is now.",
    ),
]


@compare_app.command(
    epilog=examples("usr compare lab/promoters@17 lab/promoters@now", "usr compare before.parquet lab/promoters")
)
def compare(
    old: OldArg,
    new: NewArg = None,
    *,
    columns: ColumnsOpt = None,
    out: Annotated[
        str | None,
        typer.Option("--out", show_default=False, help="Write every difference to this file: .parquet, .csv, .jsonl."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it is there.")] = False,
    fmt: Annotated[
        CompareFormat, typer.Option("--format", help="What is printed; parquet is every difference, to a pipe.")
    ] = CompareFormat.AUTO,
    quiet: QuietOpt = False,
) -> None:
    """Tell what differs: records that are added, gone and restored, and values that are set, unset and changed.

    `usr log` lists the versions of a dataset, and `usr rollback` goes back to one. Records are found by their ids.
    Exits with 0 whether they differ or not, and changes nothing.
    """
    from usr_versions.compare_output import emit_comparison
    from usr_versions.sides import open_side, split_version, way_back

    piped = fmt is CompareFormat.PARQUET
    if piped and out is not None:
        raise UsageError("--format parquet and --out both write every difference.", hint="Leave one of them out.")
    target, version = split_version(old)
    if new is None and version is None:
        hint = f"Name a version that `usr log` lists: usr compare {old}@17"
        raise UsageError("There is nothing to compare with.", hint=hint)
    session = current_session()
    with (
        open_side(session, old) as (before, old_name),
        open_side(session, new if new is not None else target) as (after, new_name),
        Progress("comparing", total=before.base_rows(), quiet=quiet) as progress,
    ):
        found = before.compare(
            after,
            columns=split_names(columns),
            out=sys.stdout.buffer if piped else out,
            fmt="parquet" if piped else None,
            overwrite=overwrite,
            progress=progress.advance,
        )
        go_back = "" if found.same or old_name or new_name else way_back(before, after)

    if not piped:
        found = replace(found, old=old_name or found.old, new=new_name or found.new)
        emit_comparison(found, Format.AUTO if fmt is CompareFormat.TABLE else Format(fmt), quiet=quiet, go_back=go_back)
