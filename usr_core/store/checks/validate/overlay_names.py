"""What lies in ``_derived/`` that is not an overlay, and how many overlays there are."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from usr_core.commit.file_tree import FileTree
from usr_core.fs.errors import SpecialFile
from usr_core.registry.document import is_namespace
from usr_core.roots.layout import ARCHIVED, DERIVED
from usr_core.store.checks.doctor.leftovers import TEMPORARY
from usr_core.store.checks.validate.report import FindingList
from usr_core.store.parts.files import PART_GLOB, NamespaceOverlay

__all__ = ["MAX_NAMESPACES", "MAX_PARTS", "check_overlay_bounds", "check_overlay_names", "stray_overlay_files"]

MAX_NAMESPACES = 100
MAX_PARTS = 10_000

_SUFFIX = ".parquet"


def stray_overlay_files(tree: FileTree) -> list[str]:
    """Return the relative names of files in ``_derived/`` that no reader takes for an overlay, leftovers aside.

    Raises:
        SpecialFile: Something else than a folder has the name ``_derived``.
    """
    stray = []
    for name in tree.names(DERIVED):
        relative = f"{DERIVED}/{name}"
        if relative == ARCHIVED:
            continue
        if name.endswith(_SUFFIX) and is_namespace(name.removesuffix(_SUFFIX)):
            continue
        if not is_namespace(name):
            stray.append(relative)
            continue
        try:
            stray += [f"{relative}/{part}" for part in tree.names(relative) if not fnmatchcase(part, PART_GLOB)]
        except SpecialFile as error:
            if error.kind == "file":
                stray.append(relative)
    return [name for name in stray if not name.endswith(TEMPORARY)]


def check_overlay_names(stray: list[str], findings: FindingList) -> None:
    """Report stray files: Parquet files look like values that readers ignore, anything else is only in the way."""
    for relative in stray:
        holds_values = relative.endswith(_SUFFIX)
        findings.add(
            "USR-VALID-058",
            f"{relative} is not an overlay: it has to be {DERIVED}/<namespace>.parquet or "
            f"{DERIVED}/<namespace>/part-*.parquet, so readers pass it over",
            hint="Attach its values with `usr attach`, then take it out." if holds_values else "Take it out.",
            file=relative,
            severity="error" if holds_values else "warning",
        )


def check_overlay_bounds(overlays: Mapping[str, NamespaceOverlay], findings: FindingList) -> None:
    """Check the bounds of the format: 100 namespaces, 10,000 parts each."""
    if len(overlays) > MAX_NAMESPACES:
        findings.add(
            "USR-VALID-059",
            f"{len(overlays)} namespaces have overlays; a dataset holds at most {MAX_NAMESPACES}",
            hint="Materialize some of them, with --archive-overlays.",
            file=DERIVED,
        )
    for overlay in overlays.values():
        if len(overlay.parts) > MAX_PARTS:
            findings.add(
                "USR-VALID-059",
                f"{overlay.namespace} has {len(overlay.parts):,} parts; a namespace has at most {MAX_PARTS:,}",
                hint=f"usr maintenance overlay-compact --namespace {overlay.namespace}",
                file=f"{DERIVED}/{overlay.namespace}",
            )
