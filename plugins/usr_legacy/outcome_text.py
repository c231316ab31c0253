"""What ``usr legacy convert`` was asked and says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from usr_core.api import counted, visible
from usr_core.api.commands import UsageError

if TYPE_CHECKING:
    from usr_legacy.convert import ConvertOutcome

__all__ = ["convert_notes", "convert_text", "parse_renames"]


def parse_renames(texts: Iterable[str]) -> dict[str, str]:
    """Return ``OLD=NEW`` pairs as a mapping.

    Raises:
        UsageError: A pair has another form, or an old name is there twice.
    """
    found: dict[str, str] = {}
    for text in texts:
        old, equals, new = text.partition("=")
        if not (old and equals and new) or old in found:
            raise UsageError("--map takes OLD=NEW, each OLD once.", hint="--map tfbs=tfbs_parts", facts={"value": text})
        found[old] = new
    return found


def convert_notes(outcome: ConvertOutcome, namespace: str) -> Iterator[str]:
    """Yield what was left out."""
    if not outcome.registered:
        yield f"{namespace} is not registered: records only; `usr namespace register --from-plugin {namespace}` first"
    if outcome.ignored:
        yield f"left out columns: {', '.join(visible(name) for name in outcome.ignored)}"


def convert_text(outcome: ConvertOutcome, name: str, *, would: bool) -> str:
    """Return what was added, one line a fact."""
    verb = "would add" if would else "added"
    lines = [f"{verb} {outcome.added:,} of {counted(outcome.rows_read, 'row')} to {name}"]
    if outcome.skipped:
        lines.append(f"  {outcome.skipped:,} left out: there already")
    return "\n".join([*lines, *(f"  + {column}" for column in outcome.columns)])
