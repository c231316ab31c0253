"""Counts of events by action, in a JSON file that the variable ``USR_EXAMPLE_COUNTS`` names."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["VARIABLE", "EventCounts"]

VARIABLE = "USR_EXAMPLE_COUNTS"


class EventCounts:
    """Counts while events come, and adds its counts to the file at the end; without the variable it does nothing."""

    def __init__(self) -> None:
        named = os.environ.get(VARIABLE)
        self._path = Path(named) if named else None
        self._counts: Counter[str] = Counter()

    def emit(self, event: Mapping[str, Any]) -> None:
        """Count an event."""
        self._counts[str(event["action"])] += 1

    def close(self) -> None:
        """Add the counts to the file.

        Raises:
            OSError: The file can't be read or written.
            ValueError: The file holds something else.
        """
        counts, self._counts = self._counts, Counter()
        if self._path is None or not counts:
            return
        before = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
        fresh = self._path.with_name(f"{self._path.name}.new")
        fresh.write_text(json.dumps(dict(sorted((Counter(before) + counts).items()))), encoding="utf-8")
        fresh.replace(self._path)
