"""What ``usr plugins doctor`` shows to people."""

from __future__ import annotations

from collections.abc import Sequence

from usr_core.api.commands import cell_text
from usr_plugins.examination import Examination, Problem

__all__ = ["TABLE_COLUMNS", "problem_text", "table_row"]

TABLE_COLUMNS = ("id", "status", "import_ms", "offers", "commands", "problems", "advice")


def table_row(found: Examination) -> dict[str, object]:
    """Return one plugin's row of the table."""
    return {
        "id": found.id,
        "status": found.status,
        "import_ms": found.import_ms,
        "offers": len(found.offered),
        "commands": len(found.commands),
        "problems": len(found.problems),
        "advice": len(found.advice),
    }


def problem_text(found: Sequence[Examination]) -> str:
    """Return every problem and every piece of advice with its fix, or one line that says that there is none."""
    lines = []
    for examination in found:
        named = f"{examination.id} ({examination.distribution} {examination.version})"
        lines += [_lines("problem", named, problem) for problem in examination.problems]
        lines += [_lines("advice", named, piece) for piece in examination.advice]
    return "\n".join(lines) or "no problem found"


def _lines(word: str, named: str, problem: Problem) -> str:
    return f"{word}: {named}: {cell_text(problem.what)}\n  fix: {cell_text(problem.fix)}"
