"""``usr maintenance registry-freeze``."""

from __future__ import annotations

import typer

from usr_core.api.commands import (
    DatasetArg,
    current_session,
    emit_text,
    examples,
)

__all__ = ["registry_freeze_app"]

registry_freeze_app = typer.Typer()


@registry_freeze_app.command(epilog=examples("usr maintenance registry-freeze lab/promoters"))
def registry_freeze(dataset: DatasetArg = None) -> None:
    """Freeze the root's registry into the dataset, and stamp its hash into the base."""
    target = current_session().dataset(dataset)
    with target.maintenance(reason="usr maintenance registry-freeze"):
        changed, digest = target.freeze_registry()

    verb = f"froze registry {digest} in {target.name}"
    emit_text(verb if changed else f"registry {digest} is frozen in {target.name} already; nothing was changed")
