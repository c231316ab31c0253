"""``usr gc``: give up old versions."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from usr_core.api import counted, size_text
from usr_core.api.commands import (
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    UsageError,
    current_session,
    emit_outcome,
    examples,
    parse_age,
    split_names,
)

__all__ = ["gc_app"]

_NUMBER = re.compile(r"[0-9]{1,100}")

gc_app = typer.Typer()


@gc_app.command(
    epilog=examples("usr gc lab/promoters --dry-run", "usr gc lab/promoters --keep 7d --keep-versions 17,42")
)
def gc(
    dataset: DatasetArg = None,
    *,
    keep: Annotated[
        str, typer.Option("--keep", metavar="AGE", help="All versions of this time stay: 30d, 12h; 0d is the last one.")
    ] = "30d",
    keep_versions: Annotated[
        str | None,
        typer.Option("--keep-versions", metavar="N,M", show_default=False, help="Older versions that stay as well."),
    ] = None,
    dry_run: DryRunOpt = False,
    fmt: FormatOpt = Format.AUTO,
) -> None:
    """Give up old versions and remove what is kept for them alone. Versions with a tag stay."""
    target = current_session().dataset(dataset)
    numbers = split_names(keep_versions) or ()
    wrong = next((text for text in numbers if not _NUMBER.fullmatch(text)), None)
    if wrong is not None:
        raise UsageError("--keep-versions takes numbers", hint="`usr log` tells them.", facts={"value": wrong})
    done = target.gc(
        keep_seconds=parse_age(keep, option="--keep"), keep_versions=[int(text) for text in numbers], dry_run=dry_run
    )

    would = "would be " if dry_run else ""
    stay = f"from version {done.since} on all versions of {target.name} can be brought back"
    if done.versions:
        stay += f", and {', '.join(map(str, done.versions))}"
    if done.forgotten or done.files:
        text = (
            f"{would}given up: {counted(done.forgotten, 'version')}; {would}removed: {counted(done.files, 'file')}, "
            f"{size_text(done.size_bytes)}; {size_text(done.kept_bytes)} stay\n{stay}"
        )
    else:
        text = f"nothing to give up; {stay}"
    emit_outcome(done, text, fmt, dry_run=dry_run, dataset=target.name)
