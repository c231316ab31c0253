"""A group of commands of which one needs no name: ``usr map DATASET`` is ``usr map run DATASET``."""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup

__all__ = ["RunByDefault"]

_DEFAULT = "run"
_HELP = ("-h", "--help")


class RunByDefault(TyperGroup):
    """The group of ``usr map``; a first word that is no command of it belongs to ``run``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the name of the default command before words that name none."""
        if args and args[0] not in self.commands and args[0] not in _HELP:
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)
