"""``usr maintenance registry-freeze``."""

from __future__ import annotations

import typer

from usr_core.api.commands import (
    DatasetArg,
    DryRunOpt,
    Format,
    FormatOpt,
    current_session,
    emit_outcome,
    examples,
)

__all__ = ["registry_freeze_app"]

registry_freeze_app = typer.Typer()


@registry_freeze_app.command(epilog=examples("usr maintenance registry-freeze lab/promoters"))
def registry_freeze(dataset: DatasetArg = None, *, dry_run: DryRunOpt = False, fmt: FormatOpt = Format.AUTO) -> None:
    """Freeze the root's registry into the dataset, and stamp its hash into the base."""
    target = current_session().dataset(dataset)
    with target.maintenance(reason="usr maintenance registry-freeze"):
        changed, digest = target.freeze_registry(dry_run=dry_run)

    text = f"{'would freeze' if dry_run else 'froze'} registry {digest} in {target.name}"
    if not changed:
        text = (
            f"registry {digest} is frozen in {target.name} already; nothing {'would be' if dry_run else 'was'} changed"
        )
    found = {"changed": changed, "registry_hash": digest}
    emit_outcome(found, text, fmt, dry_run=dry_run, dataset=target.name)
