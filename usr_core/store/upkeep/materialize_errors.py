"""Errors of materializing."""

from __future__ import annotations

from collections.abc import Sequence

from usr_core.errors import ExitCode, UsrError

__all__ = ["NoSuchOverlay", "OverlayTypeNotRegistered"]


class NoSuchOverlay(UsrError, LookupError):
    """A namespace has no overlay in this dataset."""

    code = "USR-OVERLAY-102"
    exit_code = ExitCode.MISSING

    def __init__(self, namespace: str, *, present: Sequence[str]) -> None:
        super().__init__(
            f"Namespace {namespace!r} has no overlay in this dataset.",
            hint=f"It has: {', '.join(present)}." if present else "It has no overlays; attach some first.",
            facts={"namespace": namespace},
        )
        self.namespace = namespace


class OverlayTypeNotRegistered(UsrError, TypeError):
    """An overlay's column has another type than the registry says."""

    code = "USR-OVERLAY-103"

    def __init__(self, part: str, *, column: str, found: str, registered: str) -> None:
        super().__init__(
            f"{part}: {column} is {found}, but {registered} is registered.",
            hint="Attach the column again with the registered type, or validate with --registry-mode frozen.",
            facts={"file": part, "column": column},
        )
        self.column = column
